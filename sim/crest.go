package sim

import (
	"slices"

	"clustercap/sim/power"
)

// crest is by how much a load exceeds its mean within a step, in watts: the means of equal
// shares of the step's time, the highest first. They sum to nothing.
type crest [32]float64

// crestOf a waveform.
func crestOf(w *power.Waveform) crest {
	var c crest
	watts := slices.Clone(w.Watts)
	slices.Sort(watts)
	slices.Reverse(watts)
	each, mean := len(watts)/len(c), w.Mean() // waveforms have a multiple of 256 parts
	for q := range c {
		for _, x := range watts[q*each : (q+1)*each] {
			c[q] += (x - mean) / float64(each)
		}
	}
	return c
}

// plus adds k times another that is in phase with it, as no sum of two can swing further.
func (c *crest) plus(k float64, o *crest) {
	for q := range c {
		c[q] += k * o[q]
	}
}

// above is the mean of what a load of that mean power exceeds a limit by.
func (c *crest) above(load, limit float64) float64 {
	if load+c[0] <= limit {
		return 0
	}
	sum := 0.0
	for _, x := range c {
		if x += load - limit; x <= 0 {
			break
		}
		sum += x
	}
	return max(sum/float64(len(c)), load-limit)
}
