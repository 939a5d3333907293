package plots

import "testing"

// A share that is nearly nothing or nearly all is not written as if it were.
func TestPercent(t *testing.T) {
	for _, c := range []struct {
		share float64
		want  string
	}{
		{0, "0 %"},
		{0.0001, "<0.1 %"},
		{0.0123, "1.2 %"},
		{0.0996, "10 %"},
		{0.5, "50 %"},
		{0.9904, "99 %"},
		{0.9968, "99.7 %"},
		{0.9994, "99.9 %"},
		{0.9996, ">99.9 %"},
		{1, "100 %"},
	} {
		if got := percent(c.share); got != c.want {
			t.Errorf("percent(%v) = %s, want %s", c.share, got, c.want)
		}
	}
}
