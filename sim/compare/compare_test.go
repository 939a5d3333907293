package compare_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"clustercap/sim/compare"
	"clustercap/sim/result"
	"clustercap/sim/result/resulttest"
)

var update = flag.Bool("update", false, "rewrite the golden tables")

func sets(t *testing.T, plans ...resulttest.Plan) []*result.Set {
	t.Helper()
	out := make([]*result.Set, len(plans))
	for i, p := range plans {
		s, err := p.Set()
		if err != nil {
			t.Fatal(err)
		}
		out[i] = s
	}
	return out
}

func shaoguan(t *testing.T) *compare.Comparison {
	t.Helper()
	c, err := compare.New(sets(t, resulttest.HoldTenThousand(), resulttest.GrowThirty(), resulttest.GrowHundred()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWriters(t *testing.T) {
	c := shaoguan(t)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"plans.txt":  func(b *bytes.Buffer) error { return c.WriteText(b) },
		"plans.md":   func(b *bytes.Buffer) error { return c.WriteMarkdown(b) },
		"plans.csv":  func(b *bytes.Buffer) error { return c.WriteCSV(b) },
		"plans.json": func(b *bytes.Buffer) error { return c.WriteJSON(b) },
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := write(&got); err != nil {
				t.Fatal(err)
			}
			file := "testdata/" + name
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s is not what is written; look at both, then: go test ./sim/compare -update\n%s", file, got.String())
			}
		})
	}
}

// TestWidth holds the table to a terminal of 120 columns, whatever the number of plans.
func TestWidth(t *testing.T) {
	p := []resulttest.Plan{resulttest.HoldTenThousand(), resulttest.GrowThirty(), resulttest.GrowHundred(), resulttest.GrowThirty(), resulttest.GrowHundred()}
	p[3].Name, p[4].Name = "b", "c"
	c, err := compare.New(sets(t, p...))
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := c.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	table, _, _ := strings.Cut(text.String(), "mean (p10")
	for line := range strings.Lines(table) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, " \n")); n > 120 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, plan := range c.Plans {
		if !strings.Contains(table, plan.Name) {
			t.Errorf("plan %s is not in the table", plan.Name)
		}
	}
}

func find(t *testing.T, c *compare.Comparison, job, metric string) *compare.Row {
	t.Helper()
	for i := range c.Rows {
		if c.Rows[i].Job == job && c.Rows[i].Metric == metric {
			return &c.Rows[i]
		}
	}
	t.Fatalf("no row %s %s", job, metric)
	return nil
}

// TestPairing: under common random numbers the interval of a difference is narrower
// than that of independent samples, since both plans share their luck.
func TestPairing(t *testing.T) {
	other := resulttest.GrowHundred()
	other.Seed = 2
	s := sets(t, resulttest.GrowThirty(), resulttest.GrowHundred(), other)
	c, err := compare.New(s)
	if err != nil {
		t.Fatal(err)
	}
	row := find(t, c, "dense-400b", "training_days")
	paired, welch := row.Cells[1].Difference, row.Cells[2].Difference
	if !paired.Paired || welch.Paired {
		t.Fatalf("paired %v, with another seed %v", paired.Paired, welch.Paired)
	}
	if paired.High-paired.Low >= welch.High-welch.Low {
		t.Errorf("paired interval %v is not narrower than Welch's %v", paired, welch)
	}
	if paired.Mean >= 0 || paired.High >= 0 {
		t.Errorf("more chips train no faster: %+v", paired)
	}
	if !strings.Contains(strings.Join(c.Footnotes, "\n"), "independent samples (Welch)") {
		t.Errorf("no footnote says that the seeds differ: %q", c.Footnotes)
	}
}

// synthetic returns a set whose only job has these training days.
func synthetic(t *testing.T, seed uint64, days ...float64) *result.Set {
	t.Helper()
	frame := result.Set{Scenario: "s", Plan: "p", Seed: seed, HorizonDays: 100, Currency: "USD", Jobs: []result.Job{{Name: "j"}}}
	runs := make([]*result.Run, len(days))
	for i, d := range days {
		runs[i] = &result.Run{Replica: i, Jobs: []result.JobRun{{Started: true, Finished: d < 100, TrainingDays: d, FinishDays: d}}}
	}
	s, err := result.Summarize(frame, runs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDifference(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name         string
		a, b         []float64
		seed         uint64 // of b; a has 1
		mean, half   float64
		none         bool
		noise, same  bool
		interval     bool
		moreReplicas bool
	}{
		// Differences 1, 2, 3: mean 2, sd 1, t(0.975; 2) = 4.302653, so half = 4.302653/√3.
		{name: "paired", a: []float64{10, 20, 30}, b: []float64{11, 22, 33}, seed: 1, mean: 2, half: 2.484138, interval: true, noise: true, moreReplicas: true},
		// Differences 9, 10, 11 with the same half.
		{name: "settled", a: []float64{10, 20, 30}, b: []float64{19, 30, 41}, seed: 1, mean: 10, half: 2.484138, interval: true},
		// Variances 1 and 1, n = 3 each: se = √(2/3), df = 4, t(0.975; 4) = 2.776445.
		{name: "welch", a: []float64{10, 11, 12}, b: []float64{20, 21, 22}, seed: 2, mean: 10, half: 2.266958, interval: true},
		{name: "same", a: []float64{10, 20}, b: []float64{10, 20}, seed: 1, interval: true, same: true},
		{name: "same but for rounding", a: []float64{10, 20}, b: []float64{10 * (1 + 1e-15), 20 * (1 - 1e-14)}, seed: 1, interval: true, same: true},
		{name: "the same constant but for rounding", a: []float64{10, 10}, b: []float64{10 * (1 + 1e-15), 10 * (1 + 2e-15)}, seed: 2, interval: true, same: true},
		{name: "more than rounding", a: []float64{10, 20}, b: []float64{10 * (1 + 1e-7), 20 * (1 + 1e-7)}, seed: 1, mean: 1.5e-6, half: 6.353102e-6, interval: true, noise: true, moreReplicas: true},
		{name: "one replica", a: []float64{10}, b: []float64{12}, seed: 1, mean: 2},
		{name: "never", a: []float64{10, 20}, b: []float64{12, inf}, seed: 1, none: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmp, err := compare.New([]*result.Set{synthetic(t, 1, c.a...), synthetic(t, c.seed, c.b...)})
			if err != nil {
				t.Fatal(err)
			}
			d := find(t, cmp, "j", "training_days").Cells[1].Difference
			if c.none {
				if d != nil {
					t.Fatalf("difference %+v to a plan that never finishes", d)
				}
				return
			}
			const tolerance = 1e-6 // the tabled quantiles have seven digits
			if math.Abs(d.Mean-c.mean) > tolerance || math.Abs((d.High-d.Low)/2-c.half) > tolerance {
				t.Errorf("difference %v ± %v, want %v ± %v", d.Mean, (d.High-d.Low)/2, c.mean, c.half)
			}
			if d.Noise() != c.noise || d.Same != c.same || d.Interval != c.interval || (d.MoreReplicas > 0) != c.moreReplicas {
				t.Errorf("%+v (noise %v)", d, d.Noise())
			}
		})
	}
}

// TestMoreReplicas: with the mean 2 and sd 1 of the case above, 4 replicas have
// t(0.975; 3) = 3.182446 and a half of 1.59, which excludes zero: one more.
func TestMoreReplicas(t *testing.T) {
	c, err := compare.New([]*result.Set{synthetic(t, 1, 10, 20, 30), synthetic(t, 1, 11, 22, 33)})
	if err != nil {
		t.Fatal(err)
	}
	if got := find(t, c, "j", "training_days").Cells[1].Difference.MoreReplicas; got != 1 {
		t.Errorf("%d more replicas, want 1", got)
	}
}

func TestUnfinished(t *testing.T) {
	c := shaoguan(t)
	cell := find(t, c, "dense-400b", "training_days").Cells[0]
	if !cell.Bound || cell.AtLeast != 716 { // a horizon of 730 days less the 14 until the job starts
		t.Errorf("hold-10k: bound %v, at least %v days", cell.Bound, cell.AtLeast)
	}
	if len(cell.Notes) == 0 || !strings.Contains(c.Footnotes[cell.Notes[0]-1], "finished in 0 of 16 replicas by 2028-04-30") {
		t.Errorf("no footnote projects it: %v %q", cell.Notes, c.Footnotes)
	}
	for metric, marked := range map[string]bool{"energy_mwh": true, "cost": true, "total_cost": true, "mfu": false, "cost_per_m_tokens": false} {
		row := find(t, c, "dense-400b", metric)
		if got := slices.Contains(row.Cells[0].Notes, cell.Notes[0]); got != marked {
			t.Errorf("%s of a job that does not finish: marked %v", metric, got)
		}
		if slices.Contains(row.Cells[2].Notes, cell.Notes[0]) {
			t.Errorf("%s of a job that finishes is marked", metric)
		}
	}
	if _, err := compare.New(nil); err == nil {
		t.Error("comparing nothing is not an error")
	}
}

func TestMissingJobAndCurrency(t *testing.T) {
	one := resulttest.GrowThirty()
	one.Jobs = 1
	s := sets(t, resulttest.GrowThirty(), one)
	s[1].Currency = "USD"
	c, err := compare.New(s)
	if err != nil {
		t.Fatal(err)
	}
	if cell := find(t, c, "moe-235b", "mfu").Cells[1]; cell.Present || cell.Difference != nil {
		t.Errorf("the job that the plan does not have: %+v", cell)
	}
	cost := find(t, c, "", "cost")
	if cell := cost.Cells[1]; cell.Difference != nil || len(cell.Notes) == 0 || cell.Unit != "USD" {
		t.Errorf("CNY and USD are compared: %+v", cell)
	}
	if want := compare.MoneyScale("CNY", cost.Cells[0].Stat.Mean); cost.Scale != want {
		t.Errorf("scale %+v, that of the plan in CNY is %+v", cost.Scale, want)
	}
	own := compare.MoneyScale("USD", cost.Cells[1].Stat.Mean).Unit
	for _, write := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return c.WriteText(b) },
		func(b *bytes.Buffer) error { return c.WriteMarkdown(b) },
	} {
		var text bytes.Buffer
		if err := write(&text); err != nil {
			t.Error(err)
		}
		if !regexp.MustCompile(`energy cost, (M|bn) CNY.*\) ` + own).Match(text.Bytes()) {
			t.Errorf("no cost is shown in %s:\n%s", own, text.String())
		}
	}
	var table, doc bytes.Buffer
	if err := c.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&table).ReadAll()
	if err != nil {
		t.Error(err)
	}
	for _, r := range rows {
		if metric, unit, plan := r[1], r[2], r[3]; metric == "cost" && (unit == "USD") != (plan == c.Plans[1].Name) {
			t.Errorf("cost of %s is in %s", plan, unit)
		}
	}
	if err := c.WriteJSON(&doc); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(doc.Bytes()) {
		t.Error("not JSON")
	}
}

// A plan that begins at another time says so wherever it is held against the first.
func TestFootnoteOfAnotherStart(t *testing.T) {
	s := sets(t, resulttest.GrowThirty(), resulttest.GrowHundred(), resulttest.HoldTenThousand())
	s[1].Start = s[0].Start.AddDate(0, 3, 0)
	c, err := compare.New(s)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(c.Footnotes, func(n string) bool {
		return strings.HasPrefix(n, "grow-100k begins on 2026-08-01, grow-30k on 2026-05-01")
	})
	if at < 0 {
		t.Fatalf("no footnote: %q", c.Footnotes)
	}
	for _, r := range c.Rows {
		for i, cell := range r.Cells {
			if marked := slices.Contains(cell.Notes, at+1); marked != (i == 1 && cell.Difference != nil) {
				t.Errorf("%s %s of plan %d marked: %v", r.Job, r.Metric, i, marked)
			}
		}
	}
}

// Plans that leave different things out of their costs or their carbon say so in each row that
// these would be in.
func TestFootnoteOfWhatIsLeftOut(t *testing.T) {
	s := sets(t, resulttest.HoldTenThousand(), resulttest.GrowThirty(), resulttest.GrowHundred())
	s[0].LeftOut = []string{"building", "staff"}
	s[1].LeftOut = []string{"building", "staff"}
	s[2].LeftOut = []string{"staff", "all hardware, priced in USD: site.money.rates has no USD", "energy of generator gas", "carbon of generator gas", "embodied carbon"}
	c, err := compare.New(s)
	if err != nil {
		t.Fatal(err)
	}
	const fuel, smoke, made, hardware = "energy of generator gas", "carbon of generator gas", "embodied carbon", "all hardware"
	for metric, want := range map[string][]string{
		"cost": {fuel}, "total_cost": {fuel, hardware, "hold-10k leaves out building"}, "cost_per_m_tokens": {fuel, hardware},
		"net_present_cost": {fuel, hardware}, "cost_per_chip_hour": {fuel, hardware}, "co2_t": {smoke}, "embodied_co2_t": {made},
		"co2_kg_per_m_tokens": {smoke, made}, "energy_mwh": nil, "mfu": nil, "training_days": nil,
	} {
		rows := 0
		for _, r := range c.Rows {
			if r.Metric != metric {
				continue
			}
			rows++
			text := ""
			for _, n := range r.Cells[2].Notes {
				text += c.Footnotes[n-1]
			}
			if r.Cells[2].Uneven != (want != nil) || r.Cells[1].Uneven {
				t.Errorf("%s %s: uneven %v and %v", r.Job, metric, r.Cells[1].Uneven, r.Cells[2].Uneven)
			}
			for _, what := range []string{fuel, smoke, made, hardware} {
				if strings.Contains(text, what) != slices.Contains(want, what) {
					t.Errorf("%s %s: %q, want %q", r.Job, metric, text, want)
				}
			}
			for _, what := range want {
				if !strings.Contains(text, what) {
					t.Errorf("%s %s: %q does not name %q", r.Job, metric, text, what)
				}
			}
		}
		if rows == 0 {
			t.Errorf("no row %s", metric)
		}
	}
}

func TestScale(t *testing.T) {
	for _, c := range []struct {
		base   string
		values []float64
		write  float64
		want   string
	}{
		{"MW", []float64{44.13, 12}, 12, "12.0 MW"},
		{"MW", []float64{0.5}, 0.5, "500 kW"},
		{"MWh", []float64{530_000}, 530_000, "530 GWh"},
		{"tokens/s", []float64{1_136_000}, 389_000, "0.39 M tokens/s"},
		{"tokens", []float64{15e12}, 15e12, "15.0 T tokens"},
		{"%", []float64{0.000544}, 0.000544, "0.05 %"},
		{"%", []float64{0.5044}, 0.5044, "50.4 %"},
		{"tokens", []float64{300e9}, 300e9, "300 B tokens"},
		{"tokens/s", []float64{2.5e9}, 2.5e9, "2.50 B tokens/s"},
		{"tokens/s", []float64{38_900}, 38_900, "38.9 K tokens/s"},
		{"%", []float64{0.4123}, 0.4123, "41.2 %"},
		{"CNY", []float64{265.4e6}, 80e6, "80 M CNY"},
		{"", []float64{98_765}, 98_765, "98,765"},
		{"d", []float64{0}, 0, "0 d"},
		{"d", []float64{math.Inf(1)}, math.Inf(1), "never"},
		{"d", []float64{math.NaN()}, math.NaN(), "n/a"},
		{"d", []float64{447}, -0.2, "0 d"},
	} {
		if got := compare.ScaleOf(c.base, c.values...).Text(c.write); got != c.want {
			t.Errorf("%v %q on the scale of %v: %q, want %q", c.write, c.base, c.values, got, c.want)
		}
	}
}

// An infinite mean says nothing of the replicas that end: their median does.
func TestCentral(t *testing.T) {
	inf := math.Inf(1)
	scale := compare.ScaleOf("d", 100)
	for _, c := range []struct {
		stat result.Stat
		want string
	}{
		{result.Stat{Mean: 110, P10: 90, P50: 100, P90: 130}, "110"},
		{result.Stat{Mean: inf, P10: 90, P50: 100, P90: inf}, "median 100"},
		{result.Stat{Mean: inf, P10: 90, P50: inf, P90: inf}, "never"},
		{result.Summary(nil), "n/a"},
	} {
		if got := scale.Central(c.stat); got != c.want {
			t.Errorf("Central(%v) = %q, want %q", c.stat, got, c.want)
		}
	}
}

// What only some plans have is a row where one has it: tokens lost to limits and ramps,
// what smoothing takes, another source than the grid.
func TestRowsOfWhatPlansHave(t *testing.T) {
	labels := map[string]func(s *result.Set){
		"tokens_lost_to_cap":  func(s *result.Set) { s.Jobs[0].CappedTokens.Mean = 1 },
		"tokens_lost_to_ramp": func(s *result.Set) { s.Jobs[0].RampedTokens.Mean = 1 },
		"ramp_energy_mwh":     func(s *result.Set) { s.Jobs[0].RampEnergyMWh.Mean = 1 },
		"smoothing_mw":        func(s *result.Set) { s.Swings[0].SmoothingMW = 2 },
		"grid_peak_mw":        func(s *result.Set) { s.Site.Battery = &result.BatteryUse{} },
	}
	for metric, give := range labels {
		row := func(given bool) *compare.Row {
			both := sets(t, resulttest.HoldTenThousand(), resulttest.GrowThirty())
			for _, s := range both {
				for i := range s.Jobs {
					s.Jobs[i].CappedTokens, s.Jobs[i].RampedTokens = result.Stat{}, result.Stat{}
				}
				s.Site.Battery, s.Site.EnergyFrom, s.Swings = nil, nil, []result.Swing{{Job: s.Jobs[0].Name}}
			}
			if given {
				give(both[1])
			}
			c, err := compare.New(both)
			if err != nil {
				t.Fatal(err)
			}
			for i := range c.Rows {
				if c.Rows[i].Metric == metric {
					return &c.Rows[i]
				}
			}
			return nil
		}
		if row(false) != nil {
			t.Errorf("%s: a row though no plan has it", metric)
		}
		r := row(true)
		if r == nil {
			t.Errorf("%s: no row", metric)
			continue
		}
		if metric == "grid_peak_mw" && r.Label != "peak from the grid" { // at another instant than the site's peak: no part of it
			t.Errorf("%s is labelled %q", metric, r.Label)
		}
		if metric == "smoothing_mw" && (r.Cells[0].Stat.Mean != 0 || r.Cells[1].Stat.Mean != 2 || r.Cells[1].Difference.Mean != 2) {
			t.Errorf("%s: %+v", metric, r.Cells)
		}
	}
}
