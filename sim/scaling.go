package sim

import (
	"cmp"
	"math"
	"slices"

	"clustercap/sim/des"
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
// job.ExpectedGoodput), with a spare always at hand, or for shrink what the fleet has, and no power limit. Where the
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

// prospect is a job on one size in the long run.
type prospect struct {
	rate    unit.Rate // of failures that stop it
	cycle   job.Cycle
	goodput float64
}

// longRun prices failures and checkpoints for a job that recovers in a mode: by the
// renewal formula of job.ExpectedGoodput, with what a failure takes back cut to the
// newest checkpoint that survives the loss of a server. Shrink has the servers beyond its
// own to draw on, and then lacks those that are in repair; the other modes have a spare
// at hand.
func longRun(p *scenario.Plan, j *job.Spec, size *Size, mode job.Mode) prospect {
	s := &size.Step
	// A failure of a chip that the layout leaves idle takes its server's others with it.
	chips := size.Servers * p.Fleet.ChipsPerServer
	o := outlook(p, j, size)
	rate := o.training * unit.Rate(chips)
	lean := shrinking{trains: 1, replicas: 1, dropped: 1}
	r := recovery(p, j, chips, mode, &lean)
	if o.training > 0 {
		r.Idle = unit.Factor(o.idle / o.training)
	}
	if mode == job.Shrink && o.taking > 0 {
		w := newWorkforce(p, j, size, &o)
		// How often servers fail depends on how much of the time the job trains, and that on
		// what makes up for them: it moves the share in training by the few per cent between
		// the two pauses, so that the second pass is within a thousandth of the last.
		for range 2 {
			lean = w.longRun(trainingShare(rate*unit.Rate(lean.replicas), r))
			r.Restarts = recovery(p, j, chips, mode, &lean).Restarts
		}
	}
	c := &j.Checkpoint
	l := prospect{rate: rate, cycle: c.Cycle(unit.Duration(1/rate), s.Time, p.Horizon, r)}
	back := l.cycle
	if t := newest(c); t != nil {
		back.Interval = min(back.Interval, max(des.FromDuration(t.Interval), 1))
	}
	if mode.KeepsState() {
		back.Interval = min(back.Interval, max(des.FromDuration(s.Time), 1))
	}
	blocking := 1 - fastBlocking(c)
	if back.Interval < l.cycle.Interval {
		blocking *= float64(l.cycle.Interval) / float64(l.cycle.Interval+l.cycle.Blocking)
		back.Blocking, back.Background = 0, 0
	}
	held := rate * unit.Rate(lean.replicas)
	l.goodput = float64(job.ExpectedGoodput(back, held, r)) * blocking
	if mode == job.Shrink && o.taking > 0 {
		// Every replica that comes back costs a second pause.
		drops := float64(o.taking) * float64(chips) * lean.replicas * lean.dropped
		l.goodput /= 1 + trainingShare(held, r)*drops*float64(j.Recovery.Shrink.Mean)
	}
	l.goodput *= lean.trains * lean.replicas
	return l
}

// checkpointPoints is the number of intervals of the curve: ten per decade.
const checkpointPoints = 41

// CheckpointCurves gives each job's expected goodput on its largest size over the
// interval between checkpoints, from a hundredth of the best to a hundred times it.
func (pr *Prepared) CheckpointCurves() []result.CheckpointCurve {
	var curves []result.CheckpointCurve
	for i := range pr.Jobs {
		j := pr.Jobs[i].Spec
		size := &pr.Jobs[i].Sizes[len(pr.Jobs[i].Sizes)-1]
		if outlook(pr.Plan, j, size).training == 0 || j.Checkpoint.Blocking == 0 {
			continue // without failures, or with checkpoints for nothing, there is no optimum
		}
		if newest(&j.Checkpoint) != nil || j.Recovery.Mode.KeepsState() {
			// What a failure takes back does not depend on the store's interval, but for the
			// rare loss of many servers, which the formula leaves out.
			continue
		}
		chosen := longRun(pr.Plan, j, size, j.Recovery.Mode).cycle.Interval
		at := func(rule job.Rule, interval unit.Duration) prospect {
			spec := *j
			spec.Checkpoint.Interval, spec.Checkpoint.Rule = interval, rule
			return longRun(pr.Plan, &spec, size, j.Recovery.Mode)
		}
		best := at(job.Optimum, 0)
		curve := result.CheckpointCurve{
			Job: j.Name, Chips: size.Chips, ChosenSeconds: float64(chosen.Duration()),
			BestSeconds: float64(best.cycle.Interval.Duration()), BestGoodput: best.goodput,
		}
		for k := range checkpointPoints {
			interval := best.cycle.Interval.Duration() * unit.Duration(math.Pow(10, float64(k-checkpointPoints/2)/10))
			l := at(job.Daly, interval)
			if n := len(curve.Seconds); n > 0 && float64(l.cycle.Interval.Duration()) <= curve.Seconds[n-1] {
				continue // below the shortest interval that can be written
			}
			curve.Seconds = append(curve.Seconds, float64(l.cycle.Interval.Duration()))
			curve.Goodput = append(curve.Goodput, l.goodput)
		}
		curves = append(curves, curve)
	}
	return curves
}
