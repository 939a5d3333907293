package dist

import (
	"math"
	"slices"
	"strings"
	"testing"

	"clustercap/sim/unit"
)

// stratified gives n normal variates at the middles of n equally likely strata, so
// that sums over them are integrals without sampling error.
func stratified(n int) []float64 {
	z := make([]float64, n)
	for i := range z {
		z[i] = math.Sqrt2 * math.Erfinv(float64(2*i+1-n)/float64(n))
	}
	return z
}

// TestLognormal holds the draws' mean and quantiles against their closed forms.
func TestLognormal(t *testing.T) {
	const n = 1 << 20
	variates := stratified(n)
	for _, d := range []Duration{
		{Mean: 10 * unit.Minute, Median: 8 * unit.Minute},
		{Mean: 355 * unit.Minute, Median: 54 * unit.Minute}, // LANL repairs
		{Mean: 38.9 * 60, Median: 3.7 * 60},                 // OLMo restarts
	} {
		mean, before := 0.0, unit.Duration(0)
		for _, z := range variates {
			draw := d.At(z)
			if draw < before {
				t.Fatalf("%v: %v at %v is below the draw before", d, draw, z)
			}
			mean += float64(draw) / n
			before = draw
		}
		// Only the last stratum is badly resolved. It begins at z = 4.76, above which
		// lies the share Φ(σ - 4.76) of the mean: 0.5 % at OLMo's σ = 2.17, and the
		// middle of the stratum accounts for at least half of that.
		if off := mean/float64(d.Mean) - 1; math.Abs(off) > 0.0025 {
			t.Errorf("%v: mean off by %.2g of it", d, off)
		}
		if got := d.At(0); got != d.Median {
			t.Errorf("%v: at the middle %v", d, got)
		}
		// One σ up and one down are as far from the median in ratio.
		sigma := math.Sqrt(2 * math.Log(float64(d.Mean/d.Median)))
		if got := math.Log(float64(d.At(1) / d.At(-1))); math.Abs(got-2*sigma) > 1e-12 { // a few roundings of numbers near 1
			t.Errorf("%v: At(1)/At(-1) is exp(%v), want exp(%v)", d, got, 2*sigma)
		}
	}
}

func TestConstant(t *testing.T) {
	for _, d := range []Duration{Fixed(unit.Hour), {Mean: unit.Hour}, {}, Fixed(0)} {
		if !d.Constant() {
			t.Errorf("%v is not constant", d)
		}
		for _, z := range []float64{-8, 0, 8} {
			if got := d.At(z); got != d.Mean {
				t.Errorf("%v at %v is %v", d, z, got)
			}
		}
	}
	// The lognormal tends to the constant as the median tends to the mean:
	// σ = sqrt(2e-9), so one σ is 4.5e-5 of the value.
	if got := (Duration{Mean: 1, Median: 1 - 1e-9}).At(1); math.Abs(float64(got)-1) > 5e-5 {
		t.Errorf("next to constant, one σ up is %v", float64(got))
	}
}

func TestValidate(t *testing.T) {
	nan, inf := unit.Duration(math.NaN()), unit.Duration(math.Inf(1))
	for _, c := range []struct {
		d    Duration
		want []string // the start of each line
	}{
		{Duration{}, nil},
		{Fixed(unit.Hour), nil},
		{Duration{Mean: unit.Hour}, nil},
		{Duration{Mean: 600, Median: 480}, nil},
		{Duration{Mean: 1000, Median: 1}, nil},
		{Fixed(-60), []string{"mean: -1 min; it must not", "median: -1 min; it must not"}},
		{Duration{Mean: nan}, []string{"mean: NaN"}},
		{Duration{Mean: 600, Median: nan}, []string{"median: NaN"}},
		{Duration{Mean: inf, Median: inf}, []string{"mean: +Inf", "median: +Inf"}},
		{Duration{Mean: 600, Median: 720}, []string{"median: 12 min is above the mean 10 min;"}},
		{Duration{Median: 720}, []string{"median: 12 min is above the mean 0 d;"}},
		{Duration{Mean: 1001, Median: 1}, []string{"median: 1 s is less than a thousandth"}},
	} {
		var lines []string
		if err := c.d.Validate(); err != nil {
			lines = strings.Split(err.Error(), "\n")
		}
		if !slices.EqualFunc(lines, c.want, strings.HasPrefix) {
			t.Errorf("%+v: %q, want %q", c.d, lines, c.want)
		}
	}
}
