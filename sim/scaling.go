package sim

import (
	"cmp"
	"math"
	"slices"

	"clustercap/sim/job"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// scalingPoints is the number of chip counts of the ladder: tenths of its top.
const scalingPoints = 10

// Scaling prices every job on its own sizes and at ten chip counts up to the plan's
// whole fleet (or the job's largest size, if that is larger), at likely values:
// without failures, and as failures and checkpoints leave it in the long run (see
// job.Setbacks), with a spare always at hand, or for shrink what the fleet has, and no power limit. Where the
// layout is explicit, its data-parallel degree follows the chips, and each of the ten
// counts is lowered to what the largest degree that divides the batch occupies.
// Counts on which the job does not fit in memory are left out.
func (pr *Prepared) Scaling() []result.ScalingPoint {
	p := pr.uncertain.expected(pr.Plan)
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
		ladder := slices.Concat(whole(pr.Jobs[i].Sizes), sizes[i*scalingPoints:(i+1)*scalingPoints])
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

// whole leaves out sizes that lack replicas.
func whole(sizes []Size) []Size {
	return slices.DeleteFunc(slices.Clone(sizes), func(s Size) bool { return s.Missing > 0 })
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
	l := longRun(p, j, s, j.Recovery.Mode)
	point := result.ScalingPoint{
		Job: j.Name, Chips: s.Chips, Used: s.Used(), TokensPerSecond: speed(&s.Step),
		MFU: float64(s.Step.MFU) * float64(s.Used()) / float64(s.Chips), Delivered: speed(&s.Step) * l.goodput,
		Modes: map[string]float64{},
	}
	if l.rate > 0 {
		point.MTTFHours = 1 / float64(l.rate) / 3600
	}
	for _, mode := range job.Modes() {
		point.Modes[string(mode)] = speed(&s.Step) * longRun(p, j, s, mode).goodput
	}
	return point
}

// checkpointPoints is the number of intervals of the curve: ten per decade.
const checkpointPoints = 41

// CheckpointCurves gives each job's expected goodput on its largest size over the
// interval between checkpoints to the store, from a hundredth of the best to a hundred
// times it, within what can be written and the calendar. A job that has none says why.
func (pr *Prepared) CheckpointCurves() []result.CheckpointCurve {
	p := pr.uncertain.expected(pr.Plan)
	curves := make([]result.CheckpointCurve, len(pr.Jobs))
	for i := range pr.Jobs {
		j := pr.Jobs[i].Spec
		size := &pr.Jobs[i].Sizes[len(pr.Jobs[i].Sizes)-1]
		curve := &curves[i]
		curve.Job, curve.Chips = j.Name, size.Chips
		l := longRun(p, j, size, j.Recovery.Mode)
		if l.rate > 0 {
			curve.ToStore = float64(l.toStore / l.rate)
		}
		switch {
		case l.rate == 0:
			curve.Without = "nothing stops it"
			continue
		case l.toStore == 0:
			curve.Without = "no failure takes it back to the store"
			continue
		case j.Checkpoint.Blocking == 0:
			curve.Without = "checkpoints cost no time: the more the better"
			continue
		}
		at := func(rule job.Rule, interval unit.Duration) prospect {
			spec := *j
			spec.Checkpoint.Interval, spec.Checkpoint.Rule = interval, rule
			return longRun(p, &spec, size, j.Recovery.Mode)
		}
		best := at(job.Optimum, 0)
		curve.ChosenSeconds, curve.ChosenGoodput = float64(l.cycle.Interval.Duration()), l.goodput
		curve.BestSeconds, curve.BestGoodput = float64(best.cycle.Interval.Duration()), best.goodput
		for k := range checkpointPoints {
			interval := best.cycle.Interval.Duration() * unit.Duration(math.Pow(10, float64(k-checkpointPoints/2)/10))
			l := at(job.Daly, min(interval, p.Horizon))
			if n := len(curve.Seconds); n > 0 && float64(l.cycle.Interval.Duration()) <= curve.Seconds[n-1] {
				continue // beyond the shortest that can be written, or the calendar
			}
			curve.Seconds = append(curve.Seconds, float64(l.cycle.Interval.Duration()))
			curve.Goodput = append(curve.Goodput, l.goodput)
		}
	}
	return curves
}
