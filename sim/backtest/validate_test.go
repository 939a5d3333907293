package backtest

import (
	"math"
	"testing"
)

// The wanted margin between steps that a factor was fitted to and steps that it was not.
func TestCrossValidatedIsNearFitted(t *testing.T) {
	v := Run(loadSteps(t), loadCatalog(t), Selection{Complete: true}).Summary.Validation
	t.Logf("%d rows: %.2f %% fitted, %.2f %% by configuration, %.2f %% by family", v.Rows, 100*v.Fitted, 100*v.ByConfiguration, 100*v.ByFamily)
	for i := range v.Unknown {
		g := &v.Unknown[i]
		t.Logf("as an unknown family: %-22s %3d rows, %.1f %%, bias %+.1f %%", g.Name, g.Rows, 100*g.MAPE, 100*g.Bias)
	}
	const margin = 0.02
	if v.ByConfiguration > v.Fitted+margin {
		t.Errorf("%.2f %% on configurations left out, %.2f %% fitted", 100*v.ByConfiguration, 100*v.Fitted)
	}
	if v.ByFamily > v.Fitted+margin {
		t.Errorf("%.2f %% on families left out, %.2f %% fitted", 100*v.ByFamily, 100*v.Fitted)
	}
	if n := len(v.Unknown); v.Unknown[n-1].Rows != v.Rows {
		t.Errorf("%d of %d rows priced without their family", v.Unknown[n-1].Rows, v.Rows)
	}
}

// Four rows of one stack: a factor fitted to all is their geometric mean, one fitted to
// the others leaves each row's own part out.
func TestRefittedFactor(t *testing.T) {
	list := []validated{
		{log: math.Log(1.1), key: "s", family: "a"},
		{log: math.Log(1.1), key: "s", family: "a"},
		{log: math.Log(1 / 1.1), key: "s", family: "b"},
		{log: math.Log(1 / 1.1), key: "s", family: "b"},
		{log: math.Log(2), key: "t", family: "c"},
	}
	all := refitted(list, func(*validated) string { return "" })
	if want := (2*(1-1/1.1) + 2*(1.1-1)) / 5; math.Abs(all-want) > 1e-12 { // rounding
		t.Errorf("fitted %v, want %v", all, want)
	}
	left := refitted(list, func(v *validated) string { return v.family })
	// Each family is priced with the other's factor, and t, with no teacher, as it was.
	if want := (2*(1-1/1.21) + 2*(1.21-1) + 0.5) / 5; math.Abs(left-want) > 1e-12 {
		t.Errorf("left out %v, want %v", left, want)
	}
}
