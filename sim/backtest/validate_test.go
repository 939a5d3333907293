package backtest

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	if v.Sibling.MAPE > v.Fitted+margin {
		t.Errorf("%.2f %% on families left out, %.2f %% fitted", 100*v.Sibling.MAPE, 100*v.Fitted)
	}
	t.Logf("families left out: %d rows with a sibling %.2f %%, %d without %.2f %%", v.Sibling.Rows, 100*v.Sibling.MAPE, v.Alone.Rows, 100*v.Alone.MAPE)
	if got := v.Sibling.Rows + v.Alone.Rows; got != v.Rows {
		t.Errorf("%d rows with and without a sibling, %d in all", got, v.Rows)
	}
	// Both parts together are the whole, to the rounding of sums.
	whole := (float64(v.Sibling.Rows)*v.Sibling.MAPE + float64(v.Alone.Rows)*v.Alone.MAPE) / float64(v.Rows)
	if math.Abs(whole-v.ByFamily) > 1e-12 {
		t.Errorf("%v with and without a sibling, %v in all", whole, v.ByFamily)
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
	all := averaged(refitted(list, func(*validated) string { return "" }))
	if want := (2*(1-1/1.1) + 2*(1.1-1)) / 5; math.Abs(all-want) > 1e-12 { // rounding
		t.Errorf("fitted %v, want %v", all, want)
	}
	families := refitted(list, func(v *validated) string { return v.family })
	left := averaged(families)
	// Each family is priced with the other's factor, and t, with no teacher, as it was.
	if want := (2*(1-1/1.21) + 2*(1.21-1) + 0.5) / 5; math.Abs(left-want) > 1e-12 {
		t.Errorf("left out %v, want %v", left, want)
	}
	want := Left{Rows: 1, MAPE: 0.5, Families: []FamilyRows{{"c", 1}}}
	if diff := cmp.Diff(want, leftOf(families, true)); diff != "" {
		t.Error(diff)
	}
	if got := leftOf(families, false).Families; !slices.Equal(got, []FamilyRows{{"a", 2}, {"b", 2}}) {
		t.Errorf("with a sibling: %v", got)
	}
}
