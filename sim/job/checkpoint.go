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

// Basis is where the interval of a rhythm of checkpoints comes from.
type Basis struct {
	Rule Rule // "" where the plan fixes it
	// MTTF is the time between failures that the rule took it for; +Inf for none.
	MTTF unit.Duration
	// Beyond is set where checkpoints block for twice that or more: Daly's formula says
	// nothing there.
	Beyond bool
	Bound  Bound
}

// Bound is what keeps an interval from what the plan or its rule says.
type Bound string

// The bounds; "" is none.
const (
	ByStep     Bound = "step"     // it is a step, since state is consistent only between steps
	ByWrite    Bound = "write"    // it is a background write, so that writes do not queue up
	ByCalendar Bound = "calendar" // it is the calendar, so that a job that never fails has one
)

// Cycle resolves the rhythm of checkpoints to the store for a job that has setbacks to
// expect and takes step per training step, on a calendar that is longest. What the rules
// take for the time to failure is that between failures that only these checkpoints survive,
// or which tiers does so too rarely: of these choices, the one that keeps most.
func (c *Checkpoint) Cycle(s *Setbacks, step, longest unit.Duration) (Cycle, Basis) {
	if c.Interval > 0 {
		interval, bound := c.bounded(c.Interval, step, longest)
		return c.every(interval), Basis{MTTF: unit.Duration(1 / s.store), Bound: bound}
	}
	var best Cycle
	var basis Basis
	highest, rate := unit.Share(-1), unit.Rate(0)
	for i := len(s.levels); i >= 0; i-- {
		if i < len(s.levels) {
			rate += unit.Rate(s.levels[i].rate)
		}
		if i > 0 && math.IsInf(s.levels[i-1].back, 1) {
			continue
		}
		from := Basis{Rule: c.Rule, MTTF: unit.Duration(1 / rate)}
		from.Beyond = c.Rule != Optimum && c.Rule != Young && c.Blocking >= 2*from.MTTF
		interval, bound := c.bounded(c.rule(s, from.MTTF, step, longest), step, longest)
		cycle := c.every(interval)
		if kept, _ := s.LongRun(cycle); kept > highest {
			best, highest, basis = cycle, kept, from
			basis.Bound = bound
		}
		if c.Rule == Optimum { // which looks at all of them
			break
		}
	}
	if basis.Rule == "" {
		basis.Rule = Daly
	}
	return best, basis
}

// limits are the shortest interval and the longest.
func (c *Checkpoint) limits(step, longest unit.Duration) (least, most unit.Duration) {
	return max(step, c.Background, unit.Second/1000), max(longest, c.Background, unit.Second/1000)
}

// bounded is an interval within its limits, and what bounds it.
func (c *Checkpoint) bounded(interval, step, longest unit.Duration) (unit.Duration, Bound) {
	least, most := c.limits(step, longest)
	switch {
	case interval < least && c.Background > step:
		return least, ByWrite
	case interval < least:
		return least, ByStep
	case interval > most:
		return most, ByCalendar
	}
	return interval, ""
}

// rule gives the interval where a failure takes the job back to the store every mttf.
func (c *Checkpoint) rule(s *Setbacks, mttf, step, longest unit.Duration) unit.Duration {
	least, most := c.limits(step, longest)
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
