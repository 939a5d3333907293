package sim

import (
	"clustercap/sim/failure"
	"clustercap/sim/job"
	"clustercap/sim/result"
	"clustercap/sim/unit"
)

// scalingPoints is the number of chip counts of the ladder: tenths of its top.
const scalingPoints = 10

// Scaling prices every job at ten chip counts up to the plan's whole fleet (or the
// job's largest size, if that is larger), at likely values: without failures, and
// as failures and checkpoints leave it in the long run (see job.ExpectedGoodput),
// with a spare always at hand and no power limit. Counts on which the job does not
// fit in memory, or its explicit layout does not fit, are left out.
func (pr *Prepared) Scaling() []result.ScalingPoint {
	p := pr.Plan
	type slot struct {
		point result.ScalingPoint
		ok    bool
	}
	slots := make([]slot, len(p.Jobs)*scalingPoints)
	parallel(len(slots), func(n int) {
		i, chips := n/scalingPoints, 0
		j := &p.Jobs[i]
		top := max(p.Fleet.Servers()*p.Fleet.ChipsPerServer, j.Sizes[len(j.Sizes)-1])
		chips = top * (n%scalingPoints + 1) / scalingPoints / p.Fleet.ChipsPerServer * p.Fleet.ChipsPerServer
		if chips == 0 {
			return
		}
		s, err := layout(p, i, chips)
		if err != nil {
			return
		}
		size := Size{Chips: chips, Step: s}
		rate := failureRate(p) * unit.Rate(size.Used())
		cycle := j.Checkpoint.Cycle(unit.Duration(1/rate), s.Time, p.Horizon)
		goodput := job.ExpectedGoodput(cycle, rate, recovery(&p.Failures, j))
		slots[n] = slot{result.ScalingPoint{
			Job: j.Name, Chips: chips, Used: size.Used(), TokensPerSecond: speed(&s), MFU: float64(s.MFU),
			Delivered: speed(&s) * float64(goodput),
		}, true}
	})
	var points []result.ScalingPoint
	for _, s := range slots {
		if s.ok {
			points = append(points, s.point)
		}
	}
	return points
}

func recovery(f *failure.Spec, j *job.Spec) job.Recovery {
	r := job.Recovery{Restart: j.Restart}
	for i := range f.Classes {
		r.Detection = append(r.Detection, job.WeightedDuration{Weight: float64(f.Classes[i].Rate.Likely), Duration: f.Classes[i].Detection})
	}
	return r
}
