package plots

import "testing"

// below interpolates where a descending curve falls below a value.
func TestBelow(t *testing.T) {
	x, y := []float64{0, 0.01, 0.2, 1}, []float64{10, 8, 8, 4}
	for _, c := range [][2]float64{{9, 0.005}, {8, 0.2}, {6, 0.6}, {4, 1}, {1, 1}} {
		if got := below(x, y, c[0]); got < c[1]-1e-12 || got > c[1]+1e-12 { // rounding
			t.Errorf("below %g from %g on, want %g", c[0], got, c[1])
		}
	}
}
