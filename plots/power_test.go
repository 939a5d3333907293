package plots

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A limit is drawn for as long as it holds, be it one bin.
func TestLimitSteps(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name   string
		limits []float64
		want   []limitStep
	}{
		{"none", []float64{0, 0, 0}, []limitStep{}},
		{"one", []float64{5, 5, 5}, []limitStep{{0, 3, 5}}},
		{"two", []float64{5, 5, 9}, []limitStep{{0, 2, 5}, {2, 3, 9}}},
		{"one bin", []float64{9, 9, 1, 9}, []limitStep{{0, 2, 9}, {2, 3, 1}, {3, 4, 9}}},
		{"one bin each", []float64{9, 5, 1}, []limitStep{{0, 1, 9}, {1, 2, 5}, {2, 3, 1}}},
		{"one bin alone", []float64{0, 4, 0}, []limitStep{{1, 2, 4}}},
		{"no sample", []float64{5, nan, 5}, []limitStep{{0, 3, 5}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &series{y: c.limits}
			for i := range c.limits {
				s.x = append(s.x, float64(i)+0.5) // the middle of each bin
			}
			if diff := cmp.Diff(c.want, limitSteps(s, float64(len(c.limits))), cmp.AllowUnexported(limitStep{})); diff != "" {
				t.Error(diff)
			}
		})
	}
	if steps := limitSteps(nil, 1); steps != nil {
		t.Errorf("steps %v without a column", steps)
	}
}
