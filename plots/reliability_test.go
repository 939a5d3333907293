package plots_test

import (
	"slices"
	"strings"
	"testing"

	"clustercap/plots"
	"clustercap/sim/result"
	"clustercap/sim/result/resulttest"
)

func named(t *testing.T, s *result.Set, name string) plots.Chart {
	t.Helper()
	charts := plots.ForSet(s)
	i := slices.IndexFunc(charts, func(c plots.Chart) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no chart %s", name)
	}
	return charts[i]
}

// A job of one size has a ring where the replicas came out, with their spread: where the
// rates are wide ranges the mean of times to failure is far from the time at the mean rate.
func TestSimulatedBesideExpected(t *testing.T) {
	s := set(t, resulttest.GrowHundred())
	s.Jobs = s.Jobs[:1]
	j := &s.Jobs[0]
	j.Layouts = j.Layouts[:1]
	j.MTTFHours = result.Stat{Mean: 9.5, P10: 2, P50: 5, P90: 20}
	j.Goodput = result.Stat{Mean: 0.86, P10: 0.7, P50: 0.88, P90: 0.95}
	for name, want := range map[string]string{"mttf": "ring: simulated, median and p10–p90", "recovery": "ring: simulated, 86 %, bar p10–p90"} {
		c := named(t, s, name)
		golden(t, c, name+"-simulated")
		if !strings.Contains(c.Subtitle, want) {
			t.Errorf("%s: the subtitle %q does not say what the ring is", name, c.Subtitle)
		}
	}
}

// The title's servers in repair are those that the chart draws: until the last job ends.
func TestSparesCountsWhileJobsRun(t *testing.T) {
	s := set(t, resulttest.GrowHundred())
	repair, ok := s.Timeline.Column("servers_in_repair")
	if !ok {
		t.Fatal("no servers in repair")
	}
	half := len(repair.Mean) / 2
	for i := range repair.Mean {
		repair.Mean[i] = 20
		if i >= half {
			repair.Mean[i] = 4
		}
	}
	s.Site.ServersInRepair.Mean = 12
	for i := range s.Jobs {
		s.Jobs[i].FinishedShare, s.Jobs[i].FinishDays.P10 = 1, s.Timeline.Days[half-1]
	}
	c := named(t, s, "spares")
	if !strings.Contains(c.Title, "20 are in repair on average") && !strings.Contains(c.Title, "20.0 are in repair on average") {
		t.Errorf("title %q", c.Title)
	}
	if !strings.Contains(c.Subtitle, "until the last job ends") {
		t.Errorf("subtitle %q", c.Subtitle)
	}
}
