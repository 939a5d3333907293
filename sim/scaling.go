package sim

import (
	"cmp"
	"slices"

	"clustercap/sim/failure"
	"clustercap/sim/job"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
)

// scalingPoints is the number of chip counts of the ladder: tenths of its top.
const scalingPoints = 10

// Scaling prices every job on its own sizes and at ten chip counts up to the plan's
// whole fleet (or the job's largest size, if that is larger), at likely values:
// without failures, and as failures and checkpoints leave it in the long run (see
// job.ExpectedGoodput), with a spare always at hand and no power limit. Where the
// layout is explicit, its data-parallel degree follows the chips, and each of the ten
// counts is lowered to what the largest degree that divides the batch occupies.
// Counts on which the job does not fit in memory are left out.
func (pr *Prepared) Scaling() []result.ScalingPoint {
	p := pr.Plan
	sizes := make([]Size, len(p.Jobs)*scalingPoints)
	parallel(len(sizes), func(n int) {
		i := n / scalingPoints
		j := &p.Jobs[i]
		top := max(p.Fleet.Servers()*p.Fleet.ChipsPerServer, j.Sizes[len(j.Sizes)-1])
		chips := top * (n%scalingPoints + 1) / scalingPoints / p.Fleet.ChipsPerServer * p.Fleet.ChipsPerServer
		if s, err := rung(p, i, chips); err == nil {
			sizes[n] = newSize(p, s.chips, s.step)
		}
	})
	var points []result.ScalingPoint
	for i := range p.Jobs {
		ladder := slices.Concat(pr.Jobs[i].Sizes, sizes[i*scalingPoints:(i+1)*scalingPoints])
		slices.SortStableFunc(ladder, func(a, b Size) int { return cmp.Compare(a.Chips, b.Chips) })
		ladder = slices.CompactFunc(ladder, func(a, b Size) bool { return a.Chips == b.Chips })
		for k := range ladder {
			if ladder[k].Chips > 0 {
				points = append(points, scalingPoint(p, &p.Jobs[i], &ladder[k]))
			}
		}
	}
	return points
}

// priced is a step on a chip count.
type priced struct {
	chips int
	step  step.Step
}

// rung prices a job on so many chips or, with an explicit layout, on those of them
// that a data-parallel degree which divides its batch occupies.
func rung(p *scenario.Plan, i, chips int) (priced, error) {
	j := p.Jobs[i]
	if j.Layout == nil {
		s, err := layout(p, i, chips)
		return priced{chips, s}, err
	}
	m, l := machine(p), *j.Layout
	l.DP = 0
	for l = l.Complete(chips); l.DP > 0; l.DP-- {
		if len(l.Problems(&j.Workload, &m)) == 0 {
			break
		}
	}
	s, err := fitting(p, i, l)
	return priced{l.Chips(), s}, err
}

func scalingPoint(p *scenario.Plan, j *job.Spec, s *Size) result.ScalingPoint {
	failures := s.failures(p)
	goodput := job.ExpectedGoodput(s.cycle(p, j, s.Step.Time), failures, recovery(&p.Failures, j))
	return result.ScalingPoint{
		Job: j.Name, Chips: s.Chips, Used: s.Used(), TokensPerSecond: speed(&s.Step),
		MFU: float64(s.Step.MFU) * float64(s.Used()) / float64(s.Chips), Delivered: speed(&s.Step) * float64(goodput),
	}
}

func recovery(f *failure.Spec, j *job.Spec) job.Recovery {
	r := job.Recovery{Restart: j.Restart}
	for i := range f.Classes {
		r.Detection = append(r.Detection, job.WeightedDuration{Weight: float64(f.Classes[i].Rate.Likely), Duration: f.Classes[i].Detection})
	}
	return r
}
