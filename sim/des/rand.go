package des

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// Rand is a stream of random numbers. Every method takes exactly one 64-bit word
// from the generator and every variate is a nondecreasing function of it, so two
// plans that draw from the same stream stay in step draw by draw and their results
// can be compared pair by pair (common random numbers).
type Rand struct {
	pcg rand.PCG // PCG-DXSM, 128 bits of state; its output is fixed by its definition
}

// Stream returns the stream of one cause ("failure/chip") in one replica of a run.
// Equal arguments give equal streams, on every machine and version; any other
// stream is statistically independent of it.
//
// The state is a chain of splitmix64 finalizers over seed, replica and the FNV-1a
// hash of the cause. Each link is a bijection of 64 bits that avalanches, so
// neighbouring seeds and replicas start from unrelated states; among a million
// streams two coincide with probability 3e-8 (birthday bound, 64 bits).
func Stream(seed uint64, replica int, cause string) *Rand {
	x := mix(seed + gamma)
	x = mix(x ^ uint64(replica))
	x = mix(x ^ fnv1a(cause))
	r := &Rand{}
	r.pcg.Seed(mix(x+gamma), mix(x+gamma+gamma))
	return r
}

// gamma is the increment of splitmix64: 2^64 over the golden ratio, made odd
// (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014).
// Adding it keeps seed 0 away from mix's fixed point 0.
const gamma uint64 = 0x9e3779b97f4a7c15

// mix is the finalizer of splitmix64 (Stafford's variant 13).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// fnv1a is the 64-bit FNV-1a hash; offset basis and prime are Fowler, Noll and Vo's
// (draft-eastlake-fnv).
func fnv1a(text string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 0x100000001b3
	}
	return h
}

// Float64 returns a uniform variate in [0, 1), a multiple of 2^-53.
func (r *Rand) Float64() float64 { return float64(r.pcg.Uint64()>>11) / (1 << 53) }

// Exp returns an exponential variate with mean 1, by inversion; at most 36.8. Its
// argument 1 − u is exact, so that the plain logarithm is as good as Log1p, and twice as
// fast.
func (r *Rand) Exp() float64 { return -math.Log(1 - r.Float64()) }

// Norm returns a standard normal variate, by inversion; within ±8.3.
func (r *Rand) Norm() float64 {
	// With k of 53 bits, 2(k + 1/2)/2^53 - 1 is an odd multiple of 2^-53 between
	// -1 and 1: exact in a float64 and never an end, where the inverse is infinite.
	odd := int64(r.pcg.Uint64()>>11)<<1 + 1 - 1<<53
	return math.Sqrt2 * math.Erfinv(float64(odd)/(1<<53))
}

// IntN returns a uniform integer in [0, n). It panics if n < 1. The bias of
// mapping 2^64 words to n values without rejection is at most n/2^64.
func (r *Rand) IntN(n int) int {
	if n < 1 {
		panic("des: IntN of less than one value")
	}
	high, _ := bits.Mul64(r.pcg.Uint64(), uint64(n))
	return int(high)
}
