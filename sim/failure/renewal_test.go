package failure

import (
	"math"
	"testing"

	"clustercap/sim/unit"
)

// Parts whose servers are hardly ever repaired age as those that nothing renews; in the long
// run they fail as often as parts that are all renewed with the first of them.
func TestLivesFromFirstToManyRepairs(t *testing.T) {
	const chips, oldest = 8, 10 * unit.Year
	for _, shape := range []Shape{
		{Kind: Weibull, Parameter: 0.5},
		{Kind: Weibull, Parameter: 0.7},
		{Kind: Weibull, Parameter: 3},
		{Kind: Lognormal, Parameter: 0.5},
		{Kind: Lognormal, Parameter: 1.5},
	} {
		for _, c := range []struct {
			name         string
			rate, others unit.Rate // of a chip
			want         unit.Factor
			tolerance    float64
		}{
			{"rare", 1e-15, 0, shape.Mean(1e-15, 0, oldest), 0.01},
			{"rare beside others", 1e-15, 1e-12, shape.Mean(1e-15, 0, oldest), 0.01},
			// Lives with k = 0.5 fail eight times as often as exponential ones, so that a step is
			// as long as a life; the error falls to 1 % at 0.7.
			{"frequent", 3e-8, 0, shape.First(3e-8, chips, 0), 0.06},
			{"frequent beside others", 3e-8, 2e-8, shape.First(3e-8, chips, chips*2e-8), 0.06},
		} {
			s := Spec{Scale: unit.Point[unit.Factor](1), Classes: []Class{
				{Rate: unit.Point(c.others), Scope: ServerScope},
				{Rate: unit.Point(c.rate), Scope: ServerScope, Shape: Shape{shape.Kind, shape.Parameter, SinceRepair}},
				{Rate: unit.Point[unit.Rate](1e-7), Scope: JobScope}, // renews nothing
			}}
			lives := NewLives(&s, chips, oldest)
			if got := lives[0].Mean(0, oldest); got != 1 {
				t.Errorf("exponential lives fail %g times as often", float64(got))
			}
			from := unit.Duration(0)
			if c.rate > 1e-9 {
				from = oldest / 2
			}
			got := lives[1].Mean(from, oldest-from)
			if math.Abs(float64(got-c.want)) > c.tolerance*float64(c.want)+1e-9 {
				t.Errorf("%v, %s: %.4g of the mean rate, want %.4g", shape, c.name, float64(got), float64(c.want))
			}
		}
	}
}
