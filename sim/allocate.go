package sim

import (
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
	w.forgo()
}

// serve calls one of the above for the jobs in either phase, by priority.
func (w *World) serve(give func(*World, int), a, b job.Phase) {
	for _, i := range w.pre.order {
		if p := w.jobs[i].phase; p == a || p == b {
			give(w, i)
		}
	}
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
	if j.spec.Recovery.Selects() {
		w.selectStandbys(i, 0)
	}
	w.start(i, false, w.startPause(i)+j.spec.Recovery.Selection)
}

// resize moves a job that trains, or would if the site had the power, to the best
// size that it can get and that pays for the pause, if its last change is old enough.
func (w *World) resize(i int) {
	j := &w.jobs[i]
	k := w.best(i, w.fleet.HeldBy(i))
	if k == j.size || k < 0 { // none where it would have to give up a missing spare
		return
	}
	here := &j.options[j.size]
	young := j.lastResize.After(j.spec.Resize) > w.now
	if young && j.options[k].base != here.base {
		w.armGrowth(i)
		for k > j.size && j.options[k].base != here.base { // a replica may come back at once
			k--
		}
		if k <= j.size {
			return
		}
	}
	w.settle(i)
	limit := w.site.firmLimit(w.now)
	present := w.worth(here, limit)
	left := unit.Duration((j.tokens - j.books.tokens) / present / 1000) // +Inf where it can't train
	pause := func(k int) unit.Duration {
		if j.options[k].base == here.base {
			return j.spec.Recovery.Shrink.Mean
		}
		return j.spec.Restart.Mean + j.spec.Checkpoint.Blocking + j.spec.Checkpoint.Background
	}
	for !j.may(k) || !job.GrowthPays(left, pause(k), present/w.worth(&j.options[k], limit)) {
		if k--; k <= j.size {
			return
		}
	}
	if j.options[k].base == here.base { // taking replicas back is no change of size by choice
		last := j.lastResize
		w.resizeTo(i, k)
		j.lastResize = last
		w.start(i, false, w.shrinkPause(i))
		return
	}
	w.resizeTo(i, k)
	w.start(i, false, w.startPause(i))
}

// takeable counts the free servers that a job holding some may take to move to another
// size: those beyond the spares; and those that it may take to have replicas back whose
// servers failed: the spares too.
func (w *World) takeable(j *trainee, held int) (free, back int) {
	free = w.unreserved()
	if held == 0 {
		return free, free
	}
	return free, max(free, w.fleet.Free()-w.standbys+j.standbys)
}

// best is the size that delivers most of those that a job holding some servers can
// get, from the free ones that it may take and from what jobs of lower priority can
// give up by shrinking; -1 where none.
func (w *World) best(i, held int) int { return w.bestWith(i, held, 0, false) }

// bestWith is best with so many more free servers, and with power without limit where it
// is unlimited.
func (w *World) bestWith(i, held, more int, unlimited bool) int {
	j := &w.jobs[i]
	get := held + more
	for l := range w.jobs {
		if o := &w.jobs[l]; w.yields(o, j) {
			get += w.fleet.HeldBy(l) - o.options[0].servers
		}
	}
	free, back := w.takeable(j, held)
	base := j.options[j.size].base
	best, most, limit := -1, 0.0, w.site.firmLimit(w.now)
	for k := range j.options {
		o := &j.options[k]
		there := free
		if o.base == base {
			there = back
		}
		if o.servers > get+there {
			continue
		}
		if o.base != k && (held == 0 || !j.may(k)) {
			continue
		}
		worth := o.delivered
		if !unlimited {
			worth = w.worth(o, limit)
		}
		if best < 0 || worth > most {
			best, most = k, worth
		}
	}
	return best
}

// worth is what a size delivers at the clock that the site's present limit allows a
// job that has the site for itself, in tokens per millisecond.
func (w *World) worth(o *option, limit float64) float64 {
	if limit != o.worthAt || o.worth == 0 {
		o.worthAt, o.worth = limit, w.worthWithin(limit, o)
	}
	return o.worth
}

// worthWithin is worth under an IT limit (0: none).
func (w *World) worthWithin(limit float64, o *option) float64 {
	s := &w.site
	f, ok := s.bounds.clock, s.bounds.clock > 0
	if limit > 0 && ok {
		f, ok = s.clockFor(limit / float64(o.used))
	}
	if !ok {
		return 0
	}
	return o.delivered * (o.at(f, &s.meter).rate / o.rate)
}

// yields reports whether job o gives servers up to job j. Only a job that trains
// can save its work before it shrinks.
func (w *World) yields(o, j *trainee) bool {
	return o.phase == job.Training && o.size > 0 && o.spec.Priority < j.spec.Priority
}

// resizeTo gives a settled job the servers of size k, no more and no less.
func (w *World) resizeTo(i, k int) {
	j := &w.jobs[i]
	held := w.fleet.HeldBy(i)
	free, back := w.takeable(j, held)
	if j.options[k].base == j.options[j.size].base {
		free = back
	}
	j.size = k
	j.servers = j.options[k].servers
	j.lastResize = w.now
	switch more := j.servers - held; {
	case more < 0:
		w.fleet.Release(i, -more)
		w.vacant = true
	case more > 0:
		if j.phase != job.Waiting { // a restart may use the spares
			w.reclaim(j, more-free)
		}
		w.take(i, more)
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
		for k > 0 && (held-o.options[k].servers < servers || !o.may(k)) {
			k--
		}
		w.settle(l)
		w.resizeTo(l, k)
		w.start(l, false, w.startPause(l))
		servers -= held - o.servers
	}
}
