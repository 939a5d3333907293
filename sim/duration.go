package sim

import (
	"clustercap/sim/result"
	"clustercap/sim/scenario"
)

// durationParts is how many levels of power the time at each is counted by: each is
// 0.1 % of the most that the site could draw.
const durationParts = 1000

// duration counts for how long the site draws how much, in seconds.
type duration struct {
	part    float64 // watts of a level
	perPart float64 // levels of a watt
	time    [durationParts]float64
	sum     float64
}

// reset sizes the levels for all chips in the phase that draws most, with room for hours
// in which the plant draws more than in the mean.
func (d *duration) reset(p *scenario.Plan, s *site) {
	*d = duration{part: 1.3 * s.plant.MeanAtMeter(float64(p.Fleet.Chips())*s.meter.PeakAt(1).Sum()) / durationParts}
	d.perPart = 1 / d.part
}

func (d *duration) add(watts, seconds float64) {
	d.time[min(int(watts*d.perPart), durationParts-1)] += seconds
	d.sum += seconds
}

// curve is the power in megawatts that is exceeded for each of result.DurationShares of
// the time.
func (d *duration) curve() []float64 {
	shares := result.DurationShares()
	out := make([]float64, len(shares))
	above, level := 0.0, durationParts-1 // seconds above the level
	for i, share := range shares {
		for level > 0 && above+d.time[level] <= share*d.sum*(1-1e-12) { // rounding of the sum
			above += d.time[level]
			level--
		}
		within := 1.0
		if d.time[level] > 0 {
			within = 1 - min(max(share*d.sum-above, 0)/d.time[level], 1)
		}
		out[i] = (float64(level) + within) * d.part / 1e6
	}
	return out
}
