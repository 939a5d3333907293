package job

import (
	"math"

	"clustercap/sim/des"
	"clustercap/sim/unit"
)

// OptimalInterval is the training time between two checkpoints that blocks for
// blocking each, which loses least to a failure every mttf: equation 37 of
// J. T. Daly, "A higher order estimate of the optimum checkpoint interval for
// restart dumps", Future Generation Computer Systems 22 (2006) 303-312. Its first
// term is Young's √(2 w MTTF); where blocking is twice mttf or more, Daly's optimum is
// mttf itself. Mttf may be +Inf.
func OptimalInterval(blocking, mttf unit.Duration) unit.Duration {
	if blocking >= 2*mttf {
		return mttf
	}
	if math.IsInf(float64(mttf), 1) {
		return mttf
	}
	x := float64(blocking / (2 * mttf))
	return unit.Duration(math.Sqrt(2*float64(blocking*mttf)))*unit.Duration(1+math.Sqrt(x)/3+x/9) - blocking
}

// YoungInterval is Young's first-order optimum √(2 w MTTF); mttf may be +Inf.
func YoungInterval(blocking, mttf unit.Duration) unit.Duration {
	return unit.Duration(math.Sqrt(2 * float64(blocking*mttf)))
}

// Cycle resolves the rhythm of checkpoints to the store for a job that has setbacks to
// expect and takes step per training step. What the rules take for the time to failure is that
// between failures that only these checkpoints survive, or which tiers does so too rarely:
// of these choices, the one that keeps most. The interval is at least a step, since state is
// consistent only between steps, and at least the background write, so that writes do not
// queue up; longest caps it, so that a job that never fails has a finite one.
func (c *Checkpoint) Cycle(s *Setbacks, step, longest unit.Duration) Cycle {
	least := max(step, c.Background, unit.Second/1000)
	most := max(longest, c.Background, unit.Second/1000)
	if c.Interval > 0 {
		return c.every(min(max(c.Interval, least), most))
	}
	var best Cycle
	highest, rate := unit.Share(-1), unit.Rate(0)
	for i := len(s.levels); i >= 0; i-- {
		if i < len(s.levels) {
			rate += unit.Rate(s.levels[i].rate)
		}
		if i > 0 && math.IsInf(s.levels[i-1].back, 1) {
			continue
		}
		cycle := c.every(min(max(c.rule(s, unit.Duration(1/rate), least, most), least), most))
		if kept, _ := s.LongRun(cycle); kept > highest {
			best, highest = cycle, kept
		}
		if c.Rule == Optimum { // which looks at all of them
			break
		}
	}
	return best
}

// rule gives the interval where a failure takes the job back to the store every mttf.
func (c *Checkpoint) rule(s *Setbacks, mttf, least, most unit.Duration) unit.Duration {
	switch {
	case c.Rule == Young && c.Blocking > 0:
		return YoungInterval(c.Blocking, mttf)
	case c.Rule == Optimum && len(s.levels) > 0:
		return c.optimum(s, least, min(most, 20*mttf))
	}
	return OptimalInterval(c.Blocking, mttf)
}

// every is the cycle with an interval.
func (c *Checkpoint) every(interval unit.Duration) Cycle {
	return Cycle{
		Interval:   max(des.FromDuration(interval), des.FromDuration(c.Background), 1),
		Blocking:   des.FromDuration(c.Blocking),
		Background: des.FromDuration(c.Background),
	}
}

// optimum is the interval of the highest expected goodput, which has one maximum in
// the logarithm of the interval: golden section, to 1e-4 of the interval, where the
// goodput is flat to the square of that.
func (c *Checkpoint) optimum(s *Setbacks, least, most unit.Duration) unit.Duration {
	if most <= least {
		return least
	}
	goodput := func(log float64) float64 {
		kept, _ := s.LongRun(c.every(unit.Duration(math.Exp(log))))
		return float64(kept)
	}
	const golden = 0.6180339887498949
	a, b := math.Log(float64(least)), math.Log(float64(most))
	x, y := b-golden*(b-a), a+golden*(b-a)
	fx, fy := goodput(x), goodput(y)
	for b-a > 1e-4 {
		if fx > fy {
			b, y, fy = y, x, fx
			x = b - golden*(b-a)
			fx = goodput(x)
		} else {
			a, x, fx = x, y, fy
			y = a + golden*(b-a)
			fy = goodput(y)
		}
	}
	return unit.Duration(math.Exp((a + b) / 2))
}

// Survives reports whether a fast tier still holds its checkpoint after servers of a
// job were lost: none, fewer than a cooling loop, or more.
func (t *Tier) Survives(lost Loss) bool {
	return lost == NoServers || t.Kind == Peer && lost == SomeServers
}

// Loss is how much of a job's memory a failure takes.
type Loss int

// The losses.
const (
	NoServers   Loss = iota // processes died, servers did not
	SomeServers             // up to a rack
	ManyServers             // a cooling loop or more: copies among peers too
)
