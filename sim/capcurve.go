package sim

import (
	"clustercap/sim/result"
)

// CapCurves says how fast every job trains on its largest size when the site's power is
// capped, with the site for itself: by the clock that its most demanding phase leaves,
// at likely values, with the last phase's plant in the year's mean weather.
func (pr *Prepared) CapCurves() []result.CapCurve {
	p := pr.Plan
	meter := meterFor(p)
	plant := plantFor(p, &meter)
	var out []result.CapCurve
	for i := range pr.Jobs {
		j := &pr.Jobs[i]
		size := &j.Sizes[len(j.Sizes)-1]
		a := ActivityOf(&size.Step, j.Spec.Workload.Precision)
		c := result.CapCurve{Job: j.Spec.Name, Chips: size.Chips, FullTokensPerSecond: speed(&size.Step)}
		for f := 1.0; f >= meter.LowestClock()-1e-9; f -= 0.01 { // rounding of the sum
			share := float64(a.Time() / a.AtClock(f).Time())
			c.MW = append(c.MW, plant.MeanAtMeter(float64(size.Used())*meter.PeakAt(f).Sum())/1e6)
			c.TokensPerSecond = append(c.TokensPerSecond, share*c.FullTokensPerSecond)
		}
		out = append(out, c)
	}
	return out
}
