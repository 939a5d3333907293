package des

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestStreamGolden pins the generator: a change here changes the result of every
// scenario and needs a new version.
func TestStreamGolden(t *testing.T) {
	for _, c := range []struct {
		seed    uint64
		replica int
		cause   string
		want    [3]uint64
	}{
		{0, 0, "", [3]uint64{0x7605f7f954d1a37a, 0xa4733811be7dc7c3, 0xad32747a65b280dd}},
		{1, 0, "failure/chip", [3]uint64{0x40ddfe310f400239, 0x9d49b4c562fe4a98, 0x9ebfac2c94367978}},
		{1, 1, "failure/chip", [3]uint64{0xddba5768a3967a0b, 0x6a784a5dbf6608e3, 0xaab5ac7aed6787eb}},
		{1, 0, "repair", [3]uint64{0xf0edadb2b85114d1, 0xb9927c8ffc91e86e, 0x9db13454205a4f8c}},
		{math.MaxUint64, 31, "commissioning", [3]uint64{0xe2d345af561e57d4, 0x47c65c8655cf2788, 0x338024a318ae53b5}},
	} {
		r := Stream(c.seed, c.replica, c.cause)
		got := [3]uint64{r.pcg.Uint64(), r.pcg.Uint64(), r.pcg.Uint64()}
		if got != c.want {
			t.Errorf("Stream(%d, %d, %q) begins %#x, want %#x", c.seed, c.replica, c.cause, got, c.want)
		}
	}
}

// TestHashes holds the two hashes against published values.
func TestHashes(t *testing.T) {
	// Test vectors of the FNV reference code (draft-eastlake-fnv).
	for text, want := range map[string]uint64{"": 0xcbf29ce484222325, "a": 0xaf63dc4c8601ec8c, "foobar": 0x85944171f73967e8} {
		if got := fnv1a(text); got != want {
			t.Errorf("fnv1a(%q) = %#x, want %#x", text, got, want)
		}
	}
	// The first outputs of splitmix64 from state 0 (the xoshiro reference code).
	state := uint64(0)
	for _, want := range []uint64{0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f} {
		state += gamma
		if got := mix(state); got != want {
			t.Errorf("splitmix64 gives %#x, want %#x", got, want)
		}
	}
}

// TestOneWordPerVariate: after any draw the streams are still in step.
func TestOneWordPerVariate(t *testing.T) {
	draws := map[string]func(*Rand){
		"Exp":  func(r *Rand) { r.Exp() },
		"Norm": func(r *Rand) { r.Norm() },
		"IntN": func(r *Rand) { r.IntN(3) },
	}
	for name, draw := range draws {
		a, b := Stream(1, 0, "x"), Stream(1, 0, "x")
		for range 1000 {
			draw(a)
			b.Float64()
		}
		if a.Float64() != b.Float64() {
			t.Errorf("%s takes other than one word", name)
		}
	}
}

// TestMonotone: common random numbers stay common, since a larger word never gives
// a smaller variate.
func TestMonotone(t *testing.T) {
	type draw struct{ u, exp, norm, n float64 }
	draws := make([]draw, 10_000)
	streams := [4]*Rand{}
	for i := range streams {
		streams[i] = Stream(1, 0, "monotone")
	}
	for i := range draws {
		draws[i] = draw{streams[0].Float64(), streams[1].Exp(), streams[2].Norm(), float64(streams[3].IntN(1000))}
	}
	slices.SortFunc(draws, func(a, b draw) int {
		if a.u < b.u {
			return -1
		}
		return 1
	})
	for i, d := range draws[1:] {
		if before := draws[i]; d.exp < before.exp || d.norm < before.norm || d.n < before.n {
			t.Fatalf("from %+v to %+v a variate falls", before, d)
		}
	}
}

// TestMoments holds each distribution's mean and variance against its closed form,
// within five standard errors (one false alarm in two million; the seed is fixed).
func TestMoments(t *testing.T) {
	const n = 200_000
	for _, c := range []struct {
		name           string
		draw           func(*Rand) float64
		mean, variance float64
		fourth         float64 // central moment: the sample variance varies by (fourth - variance^2)/n
	}{
		{"Float64", (*Rand).Float64, 1. / 2, 1. / 12, 1. / 80},
		{"Exp", (*Rand).Exp, 1, 1, 9},
		{"Norm", (*Rand).Norm, 0, 1, 3},
		// Uniform on 0..6: variance (7^2-1)/12, fourth moment (2·(3^4+2^4+1))/7.
		{"IntN(7)", func(r *Rand) float64 { return float64(r.IntN(7)) }, 3, 4, 28},
	} {
		r := Stream(7, 0, "moments")
		mean, variance := 0.0, 0.0
		for range n {
			d := c.draw(r) - c.mean
			mean += d / n
			variance += d * d / n
		}
		if limit := 5 * math.Sqrt(c.variance/n); math.Abs(mean) > limit {
			t.Errorf("%s: mean off by %.2e, limit %.2e", c.name, mean, limit)
		}
		if limit := 5 * math.Sqrt((c.fourth-c.variance*c.variance)/n); math.Abs(variance-c.variance) > limit {
			t.Errorf("%s: variance off by %.2e, limit %.2e", c.name, variance-c.variance, limit)
		}
	}
}

// TestNormQuantiles counts draws below known quantiles of the normal distribution.
func TestNormQuantiles(t *testing.T) {
	const n = 200_000
	r := Stream(3, 0, "quantiles")
	draws := make([]float64, n)
	for i := range draws {
		draws[i] = r.Norm()
	}
	for z, p := range map[float64]float64{-3: 0.00134990, -1.959964: 0.025, -1: 0.15865525, 0: 0.5, 1.644854: 0.95, 3: 0.99865010} {
		below := 0
		for _, d := range draws {
			if d < z {
				below++
			}
		}
		// Five standard errors of a binomial share.
		if share, limit := float64(below)/n, 5*math.Sqrt(p*(1-p)/n); math.Abs(share-p) > limit {
			t.Errorf("%.5f of the draws are below %v, want %.5f ± %.5f", share, z, p, limit)
		}
	}
}

// TestIndependence correlates streams that differ in one argument only.
func TestIndependence(t *testing.T) {
	const n = 10_000
	base := Stream(1, 0, "failure/chip")
	others := map[string]*Rand{}
	for i := 1; i <= 20; i++ {
		others[fmt.Sprintf("replica %d", i)] = Stream(1, i, "failure/chip")
		others[fmt.Sprintf("seed %d", i+1)] = Stream(uint64(i+1), 0, "failure/chip")
		others[fmt.Sprintf("cause %d", i)] = Stream(1, 0, fmt.Sprintf("failure/chip/%d", i))
	}
	others["seed and replica swapped"] = Stream(0, 1, "failure/chip")
	others["one letter"] = Stream(1, 0, "failure/chiq")
	x := make([]float64, n)
	for i := range x {
		x[i] = base.Norm()
	}
	for name, r := range others {
		// Norm has mean 0 and variance 1, so the mean product of independent
		// streams has standard error 1/sqrt(n); five of them.
		sum := 0.0
		for i := range x {
			sum += x[i] * r.Norm()
		}
		if c := sum / n; math.Abs(c) > 5/math.Sqrt(n) {
			t.Errorf("correlation with %s is %.4f", name, c)
		}
	}
}

// TestFirstDraws: the first draw over replicas is as uniform as draws of one stream
// (a weak seeding shows here first).
func TestFirstDraws(t *testing.T) {
	const n, bins = 64_000, 64
	var counts [bins]float64
	for i := range n {
		counts[int(Stream(1, i, "first").Float64()*bins)]++
	}
	chi2 := 0.0
	for _, c := range counts {
		chi2 += (c - n/bins) * (c - n/bins) / (n / bins)
	}
	// Chi-square with 63 degrees of freedom: mean 63, standard deviation
	// sqrt(126) = 11.2; five of them to either side.
	if chi2 > 119 || chi2 < 7 {
		t.Errorf("chi-square of first draws is %.1f", chi2)
	}
}

func TestIntNRange(t *testing.T) {
	r := Stream(1, 0, "range")
	var seen [5]bool
	for range 1000 {
		seen[r.IntN(5)] = true
	}
	if seen != [5]bool{true, true, true, true, true} {
		t.Errorf("of 0..4, seen %v", seen)
	}
	if got := r.IntN(1); got != 0 {
		t.Errorf("IntN(1) = %d", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("IntN(0) returned")
		}
	}()
	r.IntN(0)
}

func TestRandNoAllocation(t *testing.T) {
	r := Stream(1, 0, "alloc")
	draw := func() { sink += r.Float64() + r.Exp() + r.Norm() + float64(r.IntN(9)) }
	if n := testing.AllocsPerRun(100, draw); n != 0 {
		t.Errorf("drawing allocates %v times", n)
	}
}
