package job

import (
	"clustercap/sim/des"
	"clustercap/sim/unit"
)

// Cycle is the rhythm of a job that trains without interruption: Interval of
// training, then Blocking in which a checkpoint is cut, which is durable
// Background later. Background is at most Interval, so one checkpoint at a time is
// on its way to storage.
type Cycle struct {
	Interval, Blocking, Background des.Time
}

// Work is training that stands or falls together.
type Work struct {
	Train  des.Time // training steps
	Block  des.Time // checkpoints
	Tokens float64
}

// Add returns the sum of two pieces of work.
func (w Work) Add(v Work) Work {
	return Work{w.Train + v.Train, w.Block + v.Block, w.Tokens + v.Tokens}
}

// Wall is the time that the work took.
func (w Work) Wall() des.Time { return w.Train + w.Block }

// Progress is where a job stands between two durable checkpoints. The zero value
// stands at the start of a cycle with nothing at risk.
type Progress struct {
	Phase des.Time // since the start of the cycle
	// Written is the work up to a checkpoint that is cut but not yet durable;
	// Open is the work since the last checkpoint was cut.
	Written, Open Work
}

// AtRisk is the work that a failure loses.
func (p *Progress) AtRisk() Work { return p.Written.Add(p.Open) }

// Advance moves dt forward at a constant rate (tokens per millisecond of training)
// and returns the work done within it and the work that became durable. Its cost
// does not depend on how many checkpoints lie within dt.
func (p *Progress) Advance(c Cycle, dt des.Time, rate float64) (done, durable Work) {
	period := c.Interval + c.Blocking
	from, to := p.Phase, p.Phase+dt
	work := func(a, b des.Time) Work { // between two points of the cycle's time
		train := c.trained(b) - c.trained(a)
		return Work{Train: train, Block: b - a - train, Tokens: float64(train) * rate}
	}
	// Checkpoint k is cut at k x period and durable Background later; 0 is the one
	// that was under way already. Its blocking time belongs to it.
	cut := to / period
	arrived := des.Time(-1)
	if to >= c.Background {
		arrived = (to - c.Background) / period
		durable, p.Written = p.Written, Work{}
	}
	start := from
	if arrived > 0 {
		start = arrived * period
		durable = durable.Add(p.Open).Add(work(from, start))
		p.Open = Work{}
	}
	if cut > max(arrived, 0) {
		p.Written = p.Open.Add(work(start, cut*period))
		p.Open, start = Work{}, cut*period
	}
	p.Open = p.Open.Add(work(start, to))
	p.Phase = to % period
	return work(from, to), durable
}

// Follow takes a job from one rhythm to another in the midst of a cycle: what it has
// trained since the last checkpoint counts, and a checkpoint that is overdue is cut at
// once.
func (p *Progress) Follow(from, to Cycle) {
	if p.Phase <= from.Interval {
		p.Phase = min(p.Phase, to.Interval)
	} else {
		p.Phase = min(to.Interval+p.Phase-from.Interval, to.Interval+to.Blocking)
	}
}

// Writing is the share of time for which a job writes in the background.
func (c Cycle) Writing() float64 {
	return float64(c.Background) / float64(c.Interval+c.Blocking)
}

// Slowed is the cycle where others use the store too; the next checkpoint waits until the
// last is written.
func (c Cycle) Slowed(others Traffic) Cycle {
	c.Background = des.FromDuration(others.Stretch(c.Background.Duration()))
	c.Interval = max(c.Interval, c.Background)
	return c
}

// Traffic is what users of a store do, each at its own times.
type Traffic struct {
	Users int
	Busy  float64 // shares of time that each alone would keep the store busy, summed
}

// And adds a user.
func (t Traffic) And(busy float64) Traffic {
	if busy == 0 {
		return t
	}
	return Traffic{t.Users + 1, t.Busy + busy}
}

// Without takes a user away again.
func (t Traffic) Without(busy float64) Traffic {
	if busy == 0 {
		return t
	}
	return Traffic{t.Users - 1, t.Busy - busy}
}

// Stretch is the mean time of a transfer that takes a time alone, through a bandwidth
// that all transfers under way divide evenly.
//
// Of two writers of one size b and period P that start independently the first goes on
// alone until the second starts a time d later and both halve their pace: either takes
// 2b − d where d < b, so b (1 + b/P) in the mean over d, with 2b where writes follow
// each other without a pause. Of very many it takes b / (1 − busy), as of any queue
// that divides its server. Between the two with N others (1 + busy/N) / (1 − busy (1 −
// 1/N)), and at most the 1 + N of all writing always. What a checkpoint costs is linear in
// its time to be durable, so the mean is what counts.
func (t Traffic) Stretch(alone unit.Duration) unit.Duration {
	if t.Users == 0 {
		return alone
	}
	n := float64(t.Users)
	most := 1 + n
	if left := 1 - t.Busy*(1-1/n); left > 0 {
		most = min(most, (1+t.Busy/n)/left)
	}
	return alone * unit.Duration(most)
}

// Rewind takes the job back by at most back, not beyond the last checkpoint that was
// cut, and returns the work that this loses. What is left stays at risk.
func (p *Progress) Rewind(c Cycle, back des.Time) (lost Work) {
	back = min(back, p.Open.Wall(), p.Phase)
	if back <= 0 {
		return Work{}
	}
	train := min(c.trained(p.Phase)-c.trained(p.Phase-back), p.Open.Train)
	block := min(back-train, p.Open.Block)
	lost = Work{Train: train, Block: block}
	if p.Open.Train > 0 {
		lost.Tokens = p.Open.Tokens * (float64(train) / float64(p.Open.Train))
	}
	p.Open = Work{p.Open.Train - train, p.Open.Block - block, p.Open.Tokens - lost.Tokens}
	p.Phase -= train + block
	return lost
}

// trained is the training time within the first t of cycle time.
func (c Cycle) trained(t des.Time) des.Time {
	period := c.Interval + c.Blocking
	return t/period*c.Interval + min(t%period, c.Interval)
}

// Until is the time until a job at this phase has trained for train (> 0) more.
func (c Cycle) Until(phase, train des.Time) des.Time {
	target := c.trained(phase) + train
	cycles := (target - 1) / c.Interval // the target is reached before the checkpoint that follows it
	return cycles*(c.Interval+c.Blocking) + target - cycles*c.Interval - phase
}
