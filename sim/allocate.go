package sim

import (
	"math"

	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/unit"
)

// allocate gives free servers to jobs: first to all that wait for a replacement, then
// to those that queue, then to those that could do better on another size; by
// priority each.
func (w *World) allocate() {
	w.serve((*World).refill, job.Waiting, job.Waiting)
	w.serve((*World).admit, job.Queued, job.Queued)
	w.serve((*World).resize, job.Training, job.Paused)
}

// serve calls one of the above for the jobs in either phase, by priority.
func (w *World) serve(give func(*World, int), a, b job.Phase) {
	for _, i := range w.pre.order {
		if p := w.jobs[i].phase; p == a || p == b {
			give(w, i)
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

// admit starts a queued job on the best size that it can get.
func (w *World) admit(i int) {
	j := &w.jobs[i]
	k := w.best(i, 0)
	if k < 0 {
		return
	}
	w.settle(i)
	w.bookQueue(j, 1)
	j.books.started = true
	j.books.startedAt = w.now
	w.resizeTo(i, k)
	w.start(i, false)
}

// resize moves a job that trains, or would if the site had the power, to the best
// size that it can get and that pays for the pause, if its last change is old enough.
func (w *World) resize(i int) {
	j := &w.jobs[i]
	k := w.best(i, w.fleet.HeldBy(i))
	if k == j.size || k < 0 { // none where it would have to give up a missing spare
		return
	}
	if j.lastResize.After(j.spec.Resize) > w.now {
		w.armGrowth(i)
		return
	}
	w.settle(i)
	present := w.worth(&j.options[j.size])
	left := unit.Duration((float64(j.spec.Tokens) - j.books.tokens) / present / 1000) // +Inf where it can't train
	pause := j.spec.Restart.Mean + j.spec.Checkpoint.Blocking + j.spec.Checkpoint.Background
	for !job.GrowthPays(left, pause, present/w.worth(&j.options[k])) {
		if k--; k <= j.size {
			return
		}
	}
	w.resizeTo(i, k)
	w.start(i, false)
}

// best is the size that delivers most of those that a job holding some servers can
// get, from the free ones beyond the spares and from what jobs of lower priority can
// give up by shrinking; -1 where none.
func (w *World) best(i, held int) int {
	j := &w.jobs[i]
	get := held + w.unreserved()
	for l := range w.jobs {
		if o := &w.jobs[l]; w.yields(o, j) {
			get += w.fleet.HeldBy(l) - o.options[0].servers
		}
	}
	best, most := -1, 0.0
	for k := range j.options {
		o := &j.options[k]
		if o.servers > get {
			break
		}
		if worth := w.worth(o); best < 0 || worth > most {
			best, most = k, worth
		}
	}
	return best
}

// worth is what a size delivers at the clock that the site's present limit allows a
// job that has the site for itself, in tokens per millisecond.
func (w *World) worth(o *option) float64 {
	s := &w.site
	if s.limit == 0 {
		return o.delivered
	}
	f, ok := s.meter.ClockFor(s.limit / float64(o.used))
	if !ok {
		return 0
	}
	return o.delivered * o.rateAt(f) / o.rate
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
		w.resizeTo(l, k)
		w.start(l, false)
		servers -= held - o.servers
	}
}
