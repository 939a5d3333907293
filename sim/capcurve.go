package sim

import (
	"clustercap/sim/power"
	"clustercap/sim/result"
)

// capPoints is the number of steps from full power down to the least that a job trains at.
const capPoints = 80

// CapCurves says how fast every job trains when the site's power is capped, with the site
// for itself: on the size, at the clock that its most demanding phase leaves, that is the
// fastest; at likely values, with the last phase's plant in the year's mean weather.
func (pr *Prepared) CapCurves() []result.CapCurve {
	p := pr.Plan
	meter := meterFor(p)
	plant := plantFor(p, &meter)
	var out []result.CapCurve
	for i := range pr.Jobs {
		j := &pr.Jobs[i]
		largest := &j.Sizes[len(j.Sizes)-1]
		c := result.CapCurve{Job: j.Spec.Name, Chips: largest.Chips, FullTokensPerSecond: speed(&largest.Step)}
		most := float64(largest.Used()) * meter.PeakAt(1).Sum()
		least := float64(j.Sizes[0].Used()) * meter.PeakAt(meter.LowestClock()).Sum()
		for n := range capPoints + 1 {
			it := most - (most-least)*float64(n)/capPoints
			best := 0.0
			for k := range j.Sizes {
				if s := &j.Sizes[k]; s.Missing == 0 {
					best = max(best, speedWithin(it, j, s, &meter))
				}
			}
			c.MW = append(c.MW, plant.MeanAtMeter(it)/1e6)
			c.TokensPerSecond = append(c.TokensPerSecond, best)
		}
		out = append(out, c)
	}
	return out
}

// speedWithin is how fast a job trains on a size within IT power of so many watts.
func speedWithin(it float64, j *Job, s *Size, m *power.Meter) float64 {
	f, ok := m.ClockFor(it / float64(s.Used()) * (1 + 1e-12)) // the size's own power, which rounding may have cut
	if !ok {
		return 0
	}
	a := ActivityOf(&s.Step, j.Spec.Workload.Precision)
	return speed(&s.Step) * float64(a.Time()/a.AtClock(f).Time())
}
