package unit

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestParseRange(t *testing.T) {
	for text, want := range map[string]Range[Power]{
		"400 W":            {400, 400, 400},
		"3..10 W":          {3, 6.5, 10},
		"2..3..4 W":        {2, 3, 4},
		"2 .. 3 .. 4 W":    {2, 3, 4},
		"500 W..1.2 kW":    {500, 850, 1200},
		"1..2 kW..3e3 W":   {1, 2000, 3000},
		"-3..-1 W":         {-3, -2, -1},
		"2..2 W":           {2, 2, 2},
		"2..2..4 W":        {2, 2, 4},
		"0..1e12 W":        {0, 5e11, 1e12},
		"0.5..1.5..2.5 kW": {500, 1500, 2500},
	} {
		if got, err := ParseRange[Power](text); err != nil || got != want {
			t.Errorf("%q = %+v, %v; want %+v", text, got, err, want)
		}
	}
	if got, err := ParseRange[Factor]("1..1.5..3"); err != nil || got != (Range[Factor]{1, 1.5, 3}) {
		t.Errorf("1..1.5..3 = %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"4..3 W":       `"4..3 W" is not in ascending order; write the smallest value first: low..high or low..likely..high`,
		"1..5..3 W":    `"1..5..3 W" is not in ascending order; write the smallest value first: low..high or low..likely..high`,
		"1..2..3..4 W": `"1..2..3..4 W" has more than three parts; write low..high or low..likely..high`,
		"3..10":        `3..10 has no unit; write e.g. 3..10 W`,
		"3 W..10":      `"3 W..10" has no unit at its end; write the unit once, after the last number: 3..10 W`,
		"..10 W":       `"..10 W" lacks a number beside ..; write low..high or low..likely..high`,
		"3.. W":        `"W" does not begin with a number; write e.g. 400 W`,
		"1...3 W":      `"1...3 W" lacks a number beside ..; write low..high or low..likely..high`,
		"3..10 GB":     `"GB" is a unit of data size, not of power; write e.g. 400 W`,
		"3..NaN W":     `"NaN W" is not a finite number; write e.g. 400 W`,
		"3..1e30 W":    `"3..1e30 W" is out of bounds; power may be 0 or between 1e-30 W and 1000 GW in magnitude`,
	} {
		if got, err := ParseRange[Power](text); err == nil || err.Error() != want || got != (Range[Power]{}) {
			t.Errorf("%q = %+v:\n got %v\nwant %s", text, got, err, want)
		}
	}
	// A bare share of at most 1 is meant as a fraction, in a range as in a value.
	if _, err := ParseRange[Share]("0.1..0.2"); err == nil || err.Error() != "0.1..0.2 has no unit; write e.g. 10..20 %" {
		t.Errorf("0.1..0.2: %v", err)
	}
}

func TestFormatRange(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{FormatRange(Point(Power(400))), "400 W"},
		{FormatRange(Range[Share]{0.03, midpoint[Share](0.03, 0.1), 0.1}), "3..10 %"},
		{FormatRange(Range[Factor]{1, 1.5, 3}), "1..1.5..3"},
		{FormatRange(Range[Power]{500, 850, 1200}), "0.5..1.2 kW"},
		{FormatRange(Range[Bytes]{64 << 30, 96 << 30, 96 << 30}), "64..96..96 GiB"},
		{FormatRange(Range[Power]{0, 0, 0}), "0 W"},
		{FormatRange(Range[Money]{20e3, 25e3, 30e3}), "20..30 kXXX"},
		{FormatPriceRange(Range[Money]{20e3, 21e3, 30e3}, "USD"), "20..21..30 kUSD"},
		{FormatPriceRange(Point[EnergyPrice](0.5/3.6e6), "CNY"), "0.5 CNY/kWh"},
		{FormatRange(Range[Power]{1, 2, Power(math.Inf(1))}), "1 W..2 W..+Inf"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestAtClosedForms holds quantiles against hand calculation. The cumulative
// probability of the triangular distribution is (x-a)²/((b-a)(c-a)) up to the mode
// c and 1 - (b-x)²/((b-a)(b-c)) above.
func TestAtClosedForms(t *testing.T) {
	for _, c := range []struct {
		r       Range[Factor]
		u, want float64
	}{
		{Range[Factor]{0, 1, 2}, 0, 0},
		{Range[Factor]{0, 1, 2}, 1, 2},
		{Range[Factor]{0, 1, 2}, 0.5, 1}, // symmetric: the median is the mode
		{Range[Factor]{0, 1, 2}, 0.125, 0.5},
		{Range[Factor]{0, 1, 2}, 0.875, 1.5},
		{Range[Factor]{0, 0, 1}, 0.5, 1 - math.Sqrt(0.5)}, // mode at an end
		{Range[Factor]{0, 1, 1}, 0.5, math.Sqrt(0.5)},
		{Range[Factor]{1, 1.5, 3}, 0.25, 1.5}, // the mode, at (c-a)/(b-a)
		{Range[Factor]{1, 1.5, 3}, 0.5, 3 - math.Sqrt(1.5)},
		{Point(Factor(7)), 0.3, 7},
	} {
		// A few roundings of numbers below 4.
		if got := float64(c.r.At(c.u)); math.Abs(got-c.want) > 4e-15 {
			t.Errorf("%v at %v is %v, want %v", c.r, c.u, got, c.want)
		}
	}
}

// TestAtMoments integrates over u: the mean is (a+b+c)/3 and the variance
// (a²+b²+c²-ab-ac-bc)/18.
func TestAtMoments(t *testing.T) {
	for _, r := range []Range[Factor]{{0, 1, 2}, {1, 1.5, 3}, {0, 0, 1}, {-2, 5, 5}, {10, 10, 10}} {
		const n = 1 << 16
		mean, square := 0.0, 0.0
		for i := range n {
			x := float64(r.At((float64(i) + 0.5) / n))
			mean += x / n
			square += x * x / n
		}
		a, c, b := float64(r.Low), float64(r.Likely), float64(r.High)
		variance := (a*a + b*b + c*c - a*b - a*c - b*c) / 18
		// The midpoint rule is off where At's slope is infinite, at an end with
		// density 0: by about 0.07 n^-1.5 of the width, 4e-9; squares of up to
		// 5 x 7 widths amplify that tenfold.
		if math.Abs(mean-float64(r.Mean())) > 1e-7 || math.Abs(square-mean*mean-variance) > 1e-6 {
			t.Errorf("%v: mean %v, want %v; variance %v, want %v", r, mean, float64(r.Mean()), square-mean*mean, variance)
		}
	}
}

// TestAtStaysInRange: at every u, in order, for ranges of any scale.
func TestAtStaysInRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := values[Bytes]()
		a, b, c := values.Draw(t, "a"), values.Draw(t, "b"), values.Draw(t, "c")
		low, high := min(a, b, c), max(a, b, c)
		r := Range[Bytes]{low, a + b + c - low - high, high}
		r.Likely = min(max(r.Likely, low), high)
		u := rapid.Float64Range(0, 1)
		u1, u2 := u.Draw(t, "u1"), u.Draw(t, "u2")
		x1, x2 := r.At(min(u1, u2)), r.At(max(u1, u2))
		if !(low <= x1 && x2 <= high) {
			t.Fatalf("%+v: At gives %v and %v", r, float64(x1), float64(x2))
		}
		// Two neighbouring u may swap by a rounding of b - sqrt(...).
		if slack := 4 * math.Nextafter(1, 2) * 0x1p-52 * math.Max(math.Abs(float64(low)), math.Abs(float64(high))); float64(x1-x2) > slack {
			t.Fatalf("%+v: At(%v) = %v is above At(%v) = %v", r, min(u1, u2), float64(x1), max(u1, u2), float64(x2))
		}
		if r.At(0) != low || r.At(1) != high {
			t.Fatalf("%+v: ends at %v and %v", r, float64(r.At(0)), float64(r.At(1)))
		}
	})
}
