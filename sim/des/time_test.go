package des

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/unit"
)

func TestFromDuration(t *testing.T) {
	for _, c := range []struct {
		seconds unit.Duration
		want    Time
	}{
		{0, 0},
		{1, 1000},
		{unit.Day, 86_400_000},
		{unit.Year, 31_536_000_000},
		{0.0004, 0}, // rounds to the nearest
		{0.0005, 1}, // halves away from zero
		{-0.0005, -1},
		{0.0016, 2},
		{1e30, Never},
		{-1e30, -Never},
		{unit.Duration(math.Inf(1)), Never},
		{unit.Duration(math.Inf(-1)), -Never},
		{9223372036854774, 9223372036854773760}, // the float64 next to 9223372036854774000
		{9223372036854776, Never},               // rounds to 2^63 ms
	} {
		if got := FromDuration(c.seconds); got != c.want {
			t.Errorf("FromDuration(%v s) = %d, want %d", float64(c.seconds), got, c.want)
		}
	}
}

func TestFromDurationPanicsOnNaN(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("NaN became a time")
		}
	}()
	FromDuration(unit.Duration(math.NaN()))
}

// TestTimeRoundTrip: every time that a simulation reaches survives the conversion.
func TestTimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Up to 2^51 ms, 71,000 years: there a float64 of seconds still resolves
		// half a millisecond, which rounding needs.
		ms := Time(rapid.Int64Range(-1<<51, 1<<51).Draw(t, "ms"))
		if got := FromDuration(ms.Duration()); got != ms {
			t.Fatalf("%d ms came back as %d", ms, got)
		}
	})
}

func TestAfter(t *testing.T) {
	for _, c := range []struct {
		from Time
		by   unit.Duration
		want Time
	}{
		{1000, 2, 3000},
		{1000, -2, -1000},
		{Never - 1, 1, Never},
		{Never, -1, Never}, // nothing comes before the event that never comes
		{5, 1e30, Never},
		{math.MinInt64 + 1, -1, -Never},
	} {
		if got := c.from.After(c.by); got != c.want {
			t.Errorf("%d after %v s is %d, want %d", c.from, float64(c.by), got, c.want)
		}
	}
}
