package backtest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clustercap/sim/step"
)

var update = flag.Bool("update", false, "write the golden files anew")

// ratchetFile holds the mean error of every family as it was last accepted.
const ratchetFile = "testdata/errors.txt"

// A change of the step model may not make a family worse unnoticed. A tenth of a
// point is what reordering of sums and rounding of the file cost; a gain above a
// point must be written down, so that it cannot be lost again.
const (
	lossAllowed = 0.1 // points of MAPE
	gainAllowed = 1.0
)

func TestErrorsOfFamilies(t *testing.T) {
	report := Run(loadSteps(t), loadCatalog(t), Selection{})
	var lines strings.Builder
	lines.WriteString("# MAPE in % by group; go test ./sim/backtest -update writes it anew\n")
	for _, g := range report.Summary.Groups {
		if g.Simulated > 0 {
			fmt.Fprintf(&lines, "%s\t%d\t%.2f\n", g.Name, g.Simulated, 100*g.MAPE)
		}
	}
	if *update {
		if err := os.WriteFile(ratchetFile, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(ratchetFile)
	if err != nil {
		t.Fatal(err)
	}
	type figure struct {
		rows int
		mape float64
	}
	accepted := map[string]figure{}
	for line := range strings.Lines(string(data)) {
		if cells := strings.Split(strings.TrimSpace(line), "\t"); len(cells) == 3 {
			var f figure
			if _, err := fmt.Sscan(cells[1], &f.rows); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Sscan(cells[2], &f.mape); err != nil {
				t.Fatal(err)
			}
			accepted[cells[0]] = f
		}
	}
	for _, g := range report.Summary.Groups {
		was, known := accepted[g.Name]
		switch now := 100 * g.MAPE; {
		case g.Simulated == 0:
		case !known:
			t.Errorf("%s is not in %s: run with -update", g.Name, ratchetFile)
		case g.Simulated < was.rows:
			t.Errorf("%s: %d rows simulated, %d before", g.Name, g.Simulated, was.rows)
		case now > was.mape+lossAllowed && g.Simulated == was.rows:
			t.Errorf("%s: mean error %.2f %%, %.2f %% before", g.Name, now, was.mape)
		case now < was.mape-gainAllowed || g.Simulated > was.rows:
			t.Errorf("%s: mean error %.2f %% of %d rows, %.2f %% of %d before: run with -update to keep the gain",
				g.Name, now, g.Simulated, was.mape, was.rows)
		}
	}
}

// Every row is compared or has a reason, and at least 95 % of the complete rows that
// print a speed are compared.
func TestNothingIsDropped(t *testing.T) {
	cases := loadSteps(t)
	report := Run(cases, loadCatalog(t), Selection{})
	if len(report.Rows) != len(cases.List) {
		t.Fatalf("%d rows of %d", len(report.Rows), len(cases.List))
	}
	for i := range report.Rows {
		r := &report.Rows[i]
		if r.ID != cases.List[i].ID {
			t.Fatalf("row %d is %s, the file has %s", i, r.ID, cases.List[i].ID)
		}
		if (r.Error == nil) != (r.Skipped != "") {
			t.Errorf("%s: compared and skipped, or neither", r.ID)
		}
	}
	for _, g := range report.Summary.Groups {
		if g.Name == "complete" && g.SimulatedShare() < 0.95 {
			t.Errorf("%.1f %% of the complete rows simulated", 100*g.SimulatedShare())
		}
	}
}

func TestSelection(t *testing.T) {
	cases, catalog := loadSteps(t), loadCatalog(t)
	if got := len(Run(cases, catalog, Selection{Families: []string{"sc21", "korth22"}}).Rows); got != 14 {
		t.Errorf("%d rows of sc21 and korth22, the file has 14", got)
	}
	if got := len(Run(cases, catalog, Selection{Complete: true}).Rows); got != 497 {
		t.Errorf("%d complete rows, the file has 497", got)
	}
}

// The same file gives the same bytes, whatever the number of processors.
func TestReportIsDeterministic(t *testing.T) {
	encode := func() []byte {
		data, err := json.Marshal(Run(loadSteps(t), loadCatalog(t), Selection{}))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	before := runtime.GOMAXPROCS(1)
	one := encode()
	runtime.GOMAXPROCS(max(2, before))
	many := encode()
	runtime.GOMAXPROCS(before)
	if !bytes.Equal(one, many) {
		t.Error("the bytes differ")
	}
}

// rowOf is a simulated row whose predictions and measurements are given.
func rowOf(id string, chips int, measured, predicted float64) Row {
	e := predicted/measured - 1
	return Row{
		ID: id, Family: "f", Measured: measured, Predicted: predicted, Error: &e,
		Case: &Case{ID: id, Family: "f", Complete: true, Model: "m", Chips: chips, Batch: 2 * chips, Sequence: 8, Chip: "c"},
		Step: step.Step{ModelFLOPs: 1e15 * float64(chips)},
	}
}

func TestGroup(t *testing.T) {
	rows := []Row{rowOf("a", 8, 10, 11), rowOf("b", 8, 10, 9.5), rowOf("c", 8, 20, 14), rowOf("d", 8, 5, 6)}
	rows = append(rows, Row{ID: "e", Family: "f", Skipped: "no", Case: &Case{Complete: true}})
	s := summarise(rows)
	g := s.Groups[0]
	// By speed the measured rank 2.5 2.5 1 4, the predicted 2 3 1 4.
	rho := 4.5 / math.Sqrt(4.5*5)
	want := Group{
		Name: "all", Kind: "all", Rows: 5, Simulated: 4, MAPE: (0.1 + 0.05 + 0.3 + 0.2) / 4, Bias: (0.1 - 0.05 - 0.3 + 0.2) / 4,
		Median: 0.15, Worst: -0.3, WorstID: "c", Within20: 0.75, Spearman: &rho,
	}
	round := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) <= 1e-12 }) // sums of floats
	if diff := cmp.Diff(want, g, round); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Reason{{"no", 1}}, s.Skipped); diff != "" {
		t.Error(diff)
	}
}

func TestSpearman(t *testing.T) {
	for _, c := range []struct {
		x, y []float64
		want float64
	}{
		{[]float64{1, 2, 3, 4}, []float64{10, 100, 1000, 1e4}, 1},
		{[]float64{1, 2, 3, 4}, []float64{4, 3, 2, 1}, -1},
		// 1 - 6 sum d^2 / n(n^2-1) with d = 1, 1, 0, 0, 0.
		{[]float64{1, 2, 3, 4, 5}, []float64{2, 1, 3, 4, 5}, 0.9},
	} {
		if got := spearman(c.x, c.y); got == nil || math.Abs(*got-c.want) > 1e-12 {
			t.Errorf("%v %v: %v, want %v", c.x, c.y, got, c.want)
		}
	}
	if got := spearman([]float64{1, 2}, []float64{1, 2}); got != nil {
		t.Errorf("two pairs have the correlation %v", *got)
	}
	if got := spearman([]float64{1, 1, 1}, []float64{1, 2, 3}); got != nil {
		t.Errorf("a constant has the correlation %v", *got)
	}
	if diff := cmp.Diff([]float64{2.5, 1, 2.5, 4}, ranks([]float64{7, 3, 7, 9})); diff != "" {
		t.Error(diff)
	}
}

func TestWeakScalingSeries(t *testing.T) {
	rows := []Row{rowOf("a", 8, 10, 10), rowOf("b", 16, 10.2, 10.1), rowOf("c", 64, 12.5, 10.4)}
	rows = append(rows, rowOf("d", 512, 20, 20))
	rows[3].Case.Batch = 1 // another batch per chip: not of the series
	got := seriesOf(rows)
	if len(got) != 1 {
		t.Fatalf("%d series: %+v", len(got), got)
	}
	s := got[0]
	if s.Smallest != 8 || s.Largest != 64 || math.Abs(s.Measured-0.2) > 1e-12 || math.Abs(s.Predicted-(1-10/10.4)) > 1e-12 {
		t.Errorf("%+v", s)
	}
}

func BenchmarkRun(b *testing.B) {
	cases, catalog := loadSteps(b), loadCatalog(b)
	for b.Loop() {
		Run(cases, catalog, Selection{})
	}
}
