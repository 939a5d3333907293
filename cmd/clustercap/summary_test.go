package main

import (
	"math"
	"strings"
	"testing"

	"clustercap/plots"
	"clustercap/sim/result"
	"clustercap/sim/result/resulttest"
)

// small is a made-up result of four replicas with one job.
func small(t *testing.T) *result.Set {
	t.Helper()
	p := resulttest.GrowHundred()
	p.Jobs, p.Replicas = 1, 4
	s, err := p.Set()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The table and the site's line show means, the headline median dates, and the
// summary says so.
func TestSummaryShowsMeans(t *testing.T) {
	s := small(t)
	j := &s.Jobs[0]
	j.TrainingDays = result.Stat{Mean: 111, P10: 101, P50: 222, P90: 333}
	j.Goodput = result.Stat{Mean: 0.5, P10: 0.4, P50: 0.9, P90: 0.95}
	j.Finish = result.Date{Mean: "2027-01-01", P10: "2027-02-02", P50: "2027-03-03", P90: "2027-04-04"}
	j.FinishedShare = 0.75
	s.Site.PeakPowerMW = result.Stat{Mean: 70, P10: 60, P50: 99, P90: 110}
	s.Site.MeanPowerMW = result.Stat{Mean: 30, P10: 29, P50: 88, P90: 99}
	s.Site.EnergyMWh = result.Stat{Mean: 4000, P10: 1, P50: 7000, P90: 8000}
	text := summary(s, formatText, "out")
	for _, want := range []string{
		"numbers are means, dates medians",
		"finishes on 2027-03-03 (2027-02-02 to 2027-04-04), after 111 days; by the",
		"in 3 of 4 replicas",
		"111 (101 to 333)",
		"50.0 (40.0 to 95.0)",
		"Site, whole calendar: peak 70.0 (60.0 to 110.0) MW",
		"mean 30.0 MW",
		"4,000 MWh",
	} {
		if !strings.Contains(unwrapped(text), want) {
			t.Errorf("the summary lacks %q:\n%s", want, text)
		}
	}
	s.Replicas = 1
	if text := summary(s, formatText, "out"); strings.Contains(text, "means") {
		t.Errorf("one replica has no mean:\n%s", text)
	}
}

// unwrapped undoes the breaks of a paragraph.
func unwrapped(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestSummaryOfAnEndlessReplica(t *testing.T) {
	s := small(t)
	inf := math.Inf(1)
	s.Jobs[0].TrainingDays = result.Stat{Mean: inf, P10: 90, P50: 100, P90: inf}
	s.Jobs[0].FinishedShare = 0.75
	text := unwrapped(summary(s, formatText, "out"))
	for _, want := range []string{"after a median of 100 days", "median 100 (90 to never)"} {
		if !strings.Contains(text, want) {
			t.Errorf("the summary lacks %q: %s", want, text)
		}
	}
}

// A job that never trains is followed by what stopped it.
func TestSummaryNamesTheBlockingCause(t *testing.T) {
	s := small(t)
	j := &s.Jobs[0]
	j.Tokens = result.Stat{}
	j.Blocked = []string{"it queues for chips (4 of 4 replicas)"}
	want := "dense-400b does not train at all before the calendar ends on " + result.Day(s.Start, s.HorizonDays) +
		": it queues for chips (4 of 4 replicas)"
	if text := unwrapped(summary(s, formatText, "out")); !strings.Contains(text, want) {
		t.Errorf("the summary lacks %q: %s", want, text)
	}
	s = small(t)
	s.Jobs[0].Blocked = []string{"it queues for chips (1 of 4 replicas)"}
	want = "; some replicas train nothing: it queues for chips (1 of 4 replicas)"
	if text := unwrapped(summary(s, formatText, "out")); !strings.Contains(text, want) {
		t.Errorf("the summary lacks %q: %s", want, text)
	}
}

// Nothing is shown as zero that was left out or rounds away.
func TestSummaryDropsZeros(t *testing.T) {
	s := small(t)
	for st := range result.NumStates {
		s.Accounting[st.String()] = result.Stat{}
	}
	s.OnSite = result.Stat{Mean: 1000}
	s.Jobs[0].FinishDays = result.Stat{Mean: math.Inf(1), P50: math.Inf(1)}
	for _, c := range []struct {
		hours map[result.State]float64
		want  string
	}{
		{map[result.State]float64{result.Idle: 1000}, "Chip-hours: idle 100.0 %, of 1,000 chip-hours"},
		{map[result.State]float64{result.Idle: 999.8, result.LostWork: 0.2}, "Chip-hours: idle 100.0 %, of 1,000 chip-hours"},
		{
			map[result.State]float64{result.Productive: 600, result.Idle: 200, result.Repair: 100, result.LostWork: 60, result.Bubble: 40},
			"Chip-hours: productive 60.0 %, idle 20.0 %, repair 10.0 %, lost work 6.0 %, all else 4.0 %, of 1,000 chip-hours",
		},
	} {
		for st := range result.NumStates {
			s.Accounting[st.String()] = result.Stat{Mean: c.hours[st]}
		}
		if got := hoursLine(s); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	// A site of one server, far below its cap: each number in its own scale.
	s.Site.PeakPowerMW = result.Stat{Mean: 0.0102, P10: 0.0102, P50: 0.0102, P90: 0.0102}
	s.Site.MeanPowerMW = result.Stat{Mean: 0.0043}
	s.Site.PowerSwingMW = result.Stat{}
	got := siteLine(s)
	for _, want := range []string{"peak 10.2 kW, cap 12.0 to 90.0 MW; mean 4.30 kW; "} {
		if !strings.Contains(got, want) {
			t.Errorf("the line lacks %q: %s", want, got)
		}
	}
}

func TestMissingChartsAreExplained(t *testing.T) {
	s := small(t)
	if got := missingCharts(plots.ForSet(s)); got != "" {
		t.Errorf("all charts, and %q", got)
	}
	s.Scaling = s.Scaling[:1]
	charts := plots.ForSet(s)
	if got := missingCharts(charts); !strings.Contains(got, "none of scaling, recovery and mttf,") {
		t.Errorf("no chart of scaling, and %q", got)
	}
	for _, c := range charts {
		if c.Name == "recovery" || c.Name == "mttf" {
			t.Errorf("a chart of %s over one chip count", c.Name)
		}
	}
	if got := missingCharts(nil); got != "" { // --no-charts
		t.Errorf("no charts wanted, and %q", got)
	}
}

func TestWrappedKeepsPerCentWithItsNumber(t *testing.T) {
	if got, want := wrappedTo("hold 80 % of it", 8), "hold\n80 % of\nit"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Contracts make market-based carbon another figure, and a battery adds to the cap.
func TestSiteLineNamesContractsAndBattery(t *testing.T) {
	s := small(t)
	s.Site.CO2t, s.Site.CO2MarketT = result.Stat{Mean: 500}, result.Stat{Mean: 500}
	s.Site.Battery = nil
	if got := siteLine(s); strings.Contains(got, "market") || strings.Contains(got, "battery") {
		t.Errorf("without either: %s", got)
	}
	s.Site.CO2MarketT.Mean, s.Site.Battery = 200, &result.BatteryUse{}
	for _, want := range []string{" MW (the battery on top);", "500 t CO2e (market-based 200 t CO2e)"} {
		if got := siteLine(s); !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
}

// A generator's part of the cap is named whether or not it ran; a battery ran empty once, or
// more often; what is left out is told apart where an item has commas of its own.
func TestSummaryOfSupplyAndOmissions(t *testing.T) {
	s := small(t)
	s.Site.GeneratorsMW, s.Site.Battery = 5, &result.BatteryUse{}
	if got, want := siteLine(s), " MW (5.00 MW of it generators, the battery on top);"; !strings.Contains(got, want) {
		t.Errorf("%q is not in %s", want, got)
	}
	for emptied, want := range map[float64]string{0: ", never empty", 1: ", once empty", 11: ", 11 times empty"} {
		s.Site.Battery.Emptied.Mean = emptied
		if got := sourcesLine(s); !strings.HasSuffix(got, want) {
			t.Errorf("emptied %g times: %s", emptied, got)
		}
	}
	s.LeftOut = []string{"all hardware, priced in USD: no rate", "staff"}
	if got, want := costLine(s), "left out for want of a figure: all hardware, priced in USD: no rate; staff"; !strings.HasSuffix(got, want) {
		t.Errorf("%q is not the end of %s", want, got)
	}
}
