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
// term is Young's √(2 w MTTF); mttf may be +Inf.
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

// Cycle resolves the rhythm of checkpoints for a job that fails every mttf and
// takes step per training step. The interval is at least a step, since state is
// consistent only between steps, and at least the background write, so that writes
// do not queue up; longest caps it, so that a job that never fails has a finite one.
func (c *Checkpoint) Cycle(mttf, step, longest unit.Duration) Cycle {
	interval := c.Interval
	if interval == 0 {
		interval = OptimalInterval(c.Blocking, mttf)
	}
	interval = min(max(interval, step, c.Background, unit.Second/1000), max(longest, c.Background, unit.Second/1000))
	return Cycle{
		Interval:   max(des.FromDuration(interval), des.FromDuration(c.Background), 1),
		Blocking:   des.FromDuration(c.Blocking),
		Background: des.FromDuration(c.Background),
	}
}
