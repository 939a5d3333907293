package backtest

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// made replaces what was measured by what the model says with other constants, so
// that the right answer of a calibration is known. Every third row is enough.
func made(t *testing.T, chip string, change func(*step.Machine)) *Cases {
	t.Helper()
	cases, on := loadSteps(t), newShelf(loadCatalog(t))
	out := &Cases{Name: "made.csv"}
	for i, c := range cases.List {
		f, err := c.configure(on)
		if err != nil || f.Machine.Chip.Name != chip || !c.Complete || i%3 > 0 {
			continue
		}
		m := f.Machine
		kernel := m.Chip.Efficiency.Attention
		change(&m)
		if f.Machine.Stack.Attention.Likely != 0 {
			m.Chip.Efficiency.Attention = kernel
		}
		s, err := step.Estimate(&f.Work, &m, f.Layout)
		if err != nil {
			continue
		}
		c.StepTime = float64(s.Time)
		out.List = append(out.List, c)
	}
	return out
}

func TestCalibrateFindsConstants(t *testing.T) {
	const matmul, attention = 0.61, 0.47
	cases := made(t, "a100-80", func(m *step.Machine) {
		m.Chip.Efficiency.Matmul = unit.Point[unit.Share](matmul)
		m.Chip.Efficiency.Attention = unit.Point[unit.Share](attention)
	})
	got, err := Calibrate(t.Context(), cases, loadCatalog(t), Fit{Chip: "a100-80"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{"matmul": matmul, "attention": attention}
	for _, c := range got.Constants {
		truth, changed := want[c.Name]
		switch {
		case changed && c.Fitted == nil:
			t.Errorf("%s was not fitted: %s", c.Name, c.Kept)
		// The simplex stops where the squares change by 1e-9: errors of 3e-5 in the
		// mean, which weak constants amplify to about 1 %.
		case changed && math.Abs(*c.Fitted/truth-1) > 0.01:
			t.Errorf("%s: %v, the steps were made with %v", c.Name, *c.Fitted, truth)
		case c.Fitted == nil && c.Kept == "":
			t.Errorf("%s is kept without a reason", c.Name)
		case c.Fitted != nil && !(*c.Low <= *c.Fitted && *c.Fitted <= *c.High):
			t.Errorf("%s: %v is not within %v to %v", c.Name, *c.Fitted, *c.Low, *c.High)
		}
	}
	if got.After > 0.001 || got.Before < 0.05 || got.CrossValidated == nil || *got.CrossValidated > 0.001 {
		t.Errorf("mean error %v before, %v after, %v cross-validated: the model made these steps", got.Before, got.After, got.CrossValidated)
	}
}

// Steps faster than a chip can be made end the fit at the bound of its constants, and it
// says so; those of the catalog's own constants end within.
func TestCalibrateNamesBounds(t *testing.T) {
	for _, faster := range []float64{1, 2} {
		cases := made(t, "a100-80", func(*step.Machine) {})
		for i := range cases.List {
			cases.List[i].StepTime /= faster
		}
		got, err := Calibrate(t.Context(), cases, loadCatalog(t), Fit{Chip: "a100-80"})
		if err != nil {
			t.Fatal(err)
		}
		var bounds []string
		for _, c := range got.Constants {
			if c.Bound != "" {
				bounds = append(bounds, c.Name+" "+c.Bound)
			}
		}
		if at := slices.Contains(bounds, "matmul high"); at != (faster > 1) || faster == 1 && len(bounds) > 0 {
			t.Errorf("%v times as fast: at bounds are %q", faster, bounds)
		}
		if said := strings.Contains(got.Overlay(), "# matmul ended at the bound"); said != (faster > 1) {
			t.Errorf("%v times as fast: the overlay is\n%s", faster, got.Overlay())
		}
	}
}

// A fit to scatter about the catalog's constants is no better than these; one to other
// constants is.
func TestCalibrateNoBetter(t *testing.T) {
	for _, matmul := range []float64{0, 0.6} {
		cases := made(t, "a100-80", func(m *step.Machine) {
			if matmul > 0 {
				m.Chip.Efficiency.Matmul = unit.Point(unit.Share(matmul))
			}
		})
		for i := range cases.List {
			cases.List[i].StepTime *= 1 + 0.05*float64(i%3-1)
		}
		got, err := Calibrate(t.Context(), cases, loadCatalog(t), Fit{Chip: "a100-80"})
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(got.Overlay(), "no better than the catalog's")
		if want := matmul == 0; got.NoBetter != want || said != want {
			t.Errorf("matmul %v: no better: %v; mean error %v before, %v after, %v cross-validated\n%s", matmul, got.NoBetter, got.Before, got.After, *got.CrossValidated, got.Overlay())
		}
	}
}

// ending is a context that ends once it has been asked so many times.
type ending struct {
	context.Context
	left atomic.Int64
}

func (e *ending) Err() error {
	if e.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// An interrupt stops a calibration wherever it is: while it reads the cases, chooses
// constants, fits, or cross-validates. No more than a few questions are asked after it.
func TestCalibrateStops(t *testing.T) {
	cases, catalog := made(t, "a100-80", func(m *step.Machine) { m.Chip.Efficiency.Matmul = unit.Point[unit.Share](0.6) }), loadCatalog(t)
	var whole ending
	whole.Context = t.Context()
	whole.left.Store(1 << 40)
	if _, err := Calibrate(&whole, cases, catalog, Fit{Chip: "a100-80"}); err != nil {
		t.Fatal(err)
	}
	asked := 1<<40 - whole.left.Load()
	if asked < 500 {
		t.Fatalf("asked only %d times", asked)
	}
	for after := int64(0); after < asked; after += asked / 6 {
		e := ending{Context: t.Context()}
		e.left.Store(after)
		if c, err := Calibrate(&e, cases, catalog, Fit{Chip: "a100-80"}); !errors.Is(err, context.Canceled) || c != nil {
			t.Errorf("after %d of %d: %v, %v", after, asked, c, err)
		}
		if more := -e.left.Load(); more > 5 {
			t.Errorf("after %d of %d: went on for %d evaluations", after, asked, more)
		}
	}
}

// With rows that tell little, constants keep the catalog's values.
func TestCalibrateKeepsWhatStepsDoNotTell(t *testing.T) {
	cases := made(t, "h100-sxm", func(*step.Machine) {})
	got, err := Calibrate(t.Context(), cases, loadCatalog(t), Fit{Chip: "h100-sxm", Precision: "bf16"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range got.Constants {
		if c.Name == "matmul_fp8" && (c.Fitted != nil || !strings.Contains(c.Kept, "moves these steps by 0 %")) {
			t.Errorf("BF16 steps told matmul_fp8: %+v", c)
		}
	}
	if _, err := Calibrate(t.Context(), cases, loadCatalog(t), Fit{Chip: "a100-80"}); err == nil {
		t.Error("no steps on the chip, and no error")
	}
	if _, err := Calibrate(t.Context(), cases, loadCatalog(t), Fit{Chip: "nothing"}); err == nil {
		t.Error("no such chip, and no error")
	}
}

// Releases of one configuration stay in one fold.
func TestConfigurationsAcrossReleases(t *testing.T) {
	cases, catalog := loadSteps(t), loadCatalog(t)
	samples, groups := gather(t.Context(), cases, catalog, Fit{Chip: "h100-sxm"})
	if len(samples) <= groups {
		t.Fatalf("%d rows of %d configurations: nothing repeats", len(samples), groups)
	}
	on := newShelf(catalog)
	keys := map[string]string{} // of the two releases of one GPT-3 175B step
	for i := range cases.List {
		c := &cases.List[i]
		if c.Model == "Llama 3.1 8B" && c.Precision == "bf16" && strings.HasPrefix(c.Family, "dgxc") && c.Chips == 8 {
			f, err := c.configure(on)
			if err != nil {
				t.Fatal(err)
			}
			keys[c.Family] = c.configuration(&f)
		}
	}
	if len(keys) < 2 || keys["dgxc-v24.11.1"] != keys["dgxc-v25.04.02"] {
		t.Errorf("one configuration has the keys %q", keys)
	}
}

// overlaid is a scenario that takes its chip from the overlay.
const overlaid = `base: fitted.yaml
name: overlaid
start: 2026-05-01
horizon: 100 d
site: shaoguan
fleet:
  deliveries:
    - {date: 2026-05-01, chips: 1600}
failures: llama3
checkpoint: {storage_bandwidth: 200 GB/s}
restart: 10 min
jobs:
  small: {model: gpt3-175b, tokens: 0.1 T tokens, sequence: 2048, global_batch: 1536, chips: 1024}
`

// The overlay is a file that a scenario can build on.
func TestOverlayLoads(t *testing.T) {
	cases := made(t, "a100-80", func(m *step.Machine) { m.Chip.Efficiency.Matmul = unit.Point[unit.Share](0.6) })
	c, err := Calibrate(t.Context(), cases, loadCatalog(t), Fit{Chip: "a100-80"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("fitted.yaml", c.Overlay())
	s, err := scenario.Load(write("plan.yaml", overlaid), scenario.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, c.Overlay())
	}
	plan, err := s.Plan("")
	if err != nil {
		t.Fatal(err)
	}
	// The overlay is written to a tenth of a percent.
	if got := float64(plan.Chip.Efficiency.Matmul.Likely); math.Abs(got-0.6) > 0.006 {
		t.Errorf("the plan's matmul is %v, fitted were steps of 0.6\n%s", got, c.Overlay())
	}
}

// A calibration that begins with the file of an earlier one keeps what that has and the
// steps do not tell.
func TestOverlayOnOverlay(t *testing.T) {
	dir := t.TempDir()
	earlier := filepath.Join(dir, "earlier.yaml")
	const text = "fleet:\n  server: {like: hgx-a100, host_memory: 3 TB}\n  chip:\n    like: a100-80\n    bf16: 310 TFLOP/s\n    efficiency:\n      matmul: 75 %\n" +
		"      launch: {value: 4..5..6 us, confidence: read, source: 'own \"traces\"'}\n"
	if err := os.WriteFile(earlier, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	catalog, err := loadCatalog(t).Overlay(earlier)
	if err != nil {
		t.Fatal(err)
	}
	cases := made(t, "a100-80", func(m *step.Machine) { m.Chip.Efficiency.Matmul = unit.Point[unit.Share](0.6) })
	c, err := Calibrate(t.Context(), cases, catalog, Fit{Chip: "a100-80"})
	if err != nil {
		t.Fatal(err)
	}
	// The fit began with what the file has, and says so.
	if want := []string{earlier}; !slices.Equal(c.CatalogFiles, want) || c.Start() != "the constants of "+earlier {
		t.Errorf("began with %s of %v, want those of %v", c.Start(), c.CatalogFiles, want)
	}
	for _, k := range c.Constants {
		if given := k.Name == "matmul" || k.Name == "launch"; (k.CatalogFile == earlier) != given {
			t.Errorf("%s is of %q", k.Name, k.CatalogFile)
		}
	}
	if text := c.Overlay(); strings.Contains(text, "the catalog's constants") || !strings.Contains(text, " % with the constants of earlier.yaml, ") {
		t.Errorf("the file says\n%s", text)
	}
	later := filepath.Join(dir, "later.yaml")
	if err := os.WriteFile(later, []byte(c.Overlay()), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := loadCatalog(t).Overlay(later)
	if err != nil {
		t.Fatalf("%v\n%s", err, c.Overlay())
	}
	chip, _ := again.Chip("a100-80")
	if got := chip.Efficiency.Launch; math.Abs(float64(got.Likely)-5e-6) > 1e-12 || got.Low == got.High {
		t.Errorf("launch is %v, it was 4..5..6 us", got)
	}
	if got := float64(chip.Efficiency.Matmul.Likely); math.Abs(got/0.6-312.0/310) > 0.01 {
		t.Errorf("matmul is %v, fitted to steps of 0.6 of 312 TFLOP/s", got)
	}
	if want := "# Fitted with changes of the catalog that are not here: hgx-a100 host_memory, a100-80 bf16.\n"; !strings.Contains(c.Overlay(), want) {
		t.Errorf("no %q in\n%s", want, c.Overlay())
	}
}

func TestBoundsMapBack(t *testing.T) {
	for _, c := range constants() {
		for _, v := range []float64{c.low, c.low + 0.3*(c.high-c.low), c.high} {
			// A value at a bound is moved in by a millionth of the range.
			if got := c.bounded(c.free(v)); math.Abs(got-v) > 2e-6*(c.high-c.low) {
				t.Errorf("%s: %v comes back as %v", c.name, v, got)
			}
		}
	}
}
