package sim

import (
	"math"

	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/unit"
)

// allocate gives free servers to jobs, by priority: those that wait for a
// replacement, those that queue, those that could grow.
func (w *World) allocate() {
	for _, i := range w.pre.order {
		switch w.jobs[i].phase {
		case job.Waiting:
			w.refill(i)
		case job.Queued:
			w.admit(i)
		case job.Training:
			w.grow(i)
		}
	}
}

// unreserved counts the free servers beyond the warm spares.
func (w *World) unreserved() int {
	return w.fleet.Free() - fleet.Reserve(w.plan.Fleet.Spares, w.fleet.InService())
}

// refill restarts a stopped job with any free servers, warm spares included, or on
// a smaller size where that is better than waiting.
func (w *World) refill(i int) {
	j := &w.jobs[i]
	missing := j.servers - w.fleet.HeldBy(i)
	if missing <= w.fleet.Free() {
		w.settle(i)
		w.fleet.Take(i, missing)
		w.start(i, true)
		return
	}
	k := j.size - 1
	for k >= 0 && j.options[k].servers > w.fleet.HeldBy(i)+w.fleet.Free() {
		k--
	}
	if k < 0 {
		return
	}
	patience := j.spec.Resize + j.spec.Restart.Mean
	ratio := j.options[k].delivered / j.options[j.size].delivered
	if w.now >= j.waitingFrom.After(patience) || job.ShrinkPays(w.repairWait(missing), j.spec.Resize, j.spec.Restart.Mean, ratio) {
		w.settle(i)
		w.resizeTo(i, k)
		w.start(i, true)
	}
}

// repairWait is the expected time until so many servers come back from repair, when
// those in repair return at the classes' mean time.
func (w *World) repairWait(servers int) unit.Duration {
	n := w.fleet.Count(fleet.Repair)
	if n < servers {
		return unit.Duration(math.Inf(1))
	}
	var mean, rate float64
	for i := range w.plan.Failures.Classes {
		c := &w.plan.Failures.Classes[i]
		if c.Scope == failure.ServerScope {
			mean += float64(c.Rate.Likely) * float64(c.Repair.Mean)
			rate += float64(c.Rate.Likely)
		}
	}
	if rate == 0 {
		return 0
	}
	return unit.Duration(mean / rate * float64(servers) / float64(n))
}

// admit starts a queued job on the largest size that it can get.
func (w *World) admit(i int) {
	j := &w.jobs[i]
	k := w.largest(i, 0)
	if k < 0 {
		return
	}
	w.settle(i)
	j.books.started = true
	j.books.startedAt = w.now
	w.resizeTo(i, k)
	w.start(i, false)
}

// grow moves a job that trains to the largest size that it can get and that pays for
// the pause, if its last change is old enough.
func (w *World) grow(i int) {
	j := &w.jobs[i]
	k := w.largest(i, w.fleet.HeldBy(i))
	if k <= j.size {
		return
	}
	if j.lastResize.After(j.spec.Resize) > w.now {
		w.armGrowth(i)
		return
	}
	w.settle(i)
	present := j.options[j.size].delivered
	left := unit.Duration((float64(j.spec.Tokens) - j.books.tokens) / present / 1000)
	pause := j.spec.Restart.Mean + j.spec.Checkpoint.Blocking + j.spec.Checkpoint.Background
	for !job.GrowthPays(left, pause, present/j.options[k].delivered) {
		if k--; k == j.size {
			return
		}
	}
	w.keep(j)
	w.resizeTo(i, k)
	w.start(i, false)
}

// largest is the largest size that a job holding some servers can get, from the
// free ones beyond the spares and from what jobs of lower priority can give up by
// shrinking; -1 where none.
func (w *World) largest(i, held int) int {
	j := &w.jobs[i]
	get := held + w.unreserved()
	for l := range w.jobs {
		if o := &w.jobs[l]; w.yields(o, j) {
			get += w.fleet.HeldBy(l) - o.options[0].servers
		}
	}
	k := len(j.options) - 1
	for k >= 0 && j.options[k].servers > get {
		k--
	}
	return k
}

// yields reports whether job o gives servers up to job j. Only a job that trains
// can save its work before it shrinks.
func (w *World) yields(o, j *trainee) bool {
	return o.phase == job.Training && o.size > 0 && o.spec.Priority < j.spec.Priority
}

// resizeTo gives a settled job the servers of size k, no more and no less.
func (w *World) resizeTo(i, k int) {
	j := &w.jobs[i]
	j.size = k
	j.servers = j.options[k].servers
	j.lastResize = w.now
	switch more := j.servers - w.fleet.HeldBy(i); {
	case more < 0:
		w.fleet.Release(i, -more)
		w.vacant = true
	case more > 0:
		if j.phase != job.Waiting { // a restart may use the spares
			w.reclaim(j, more-w.unreserved())
		}
		w.fleet.Take(i, more)
	}
}

// reclaim makes jobs of lower priority shrink, the lowest first, until they have
// freed so many servers.
func (w *World) reclaim(j *trainee, servers int) {
	for n := len(w.pre.order) - 1; n >= 0 && servers > 0; n-- {
		l := w.pre.order[n]
		o := &w.jobs[l]
		if !w.yields(o, j) {
			continue
		}
		held := w.fleet.HeldBy(l)
		k := o.size - 1
		for k > 0 && held-o.options[k].servers < servers {
			k--
		}
		w.settle(l)
		w.keep(o)
		w.resizeTo(l, k)
		w.start(l, false)
		servers -= held - o.servers
	}
}
