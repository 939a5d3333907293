package sim

import (
	"clustercap/sim/des"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/unit"
)

// fail lets a class of failure strike a server.
func (w *World) fail(class int, victim int32) {
	c := &w.plan.Failures.Classes[class]
	w.failed[class]++
	v := w.fleet.Server(victim)
	if v.Status == fleet.Commissioning {
		if c.Scope == failure.ServerScope { // acceptance finds what breaks
			w.sendBack(victim)
		}
		return
	}
	detection := draw(c.Detection, w.draws.detection[class])
	known := w.now.After(detection)
	switch {
	case c.Scope == failure.StorageScope:
		w.loseStorage(known.After(draw(c.Repair, w.draws.repair[class])))
	case c.Scope == failure.JobScope:
		w.interrupt(int(v.Holder), class, known, job.NoServers)
	case c.Scope == failure.LeafScope && w.plan.Fleet.Topology.DualHomed:
		w.absorbed++ // the other port carries the traffic
	case c.Scope.Group():
		w.failGroup(class, victim, known)
	case c.Silent || c.Slowdown > 0:
		n := w.hide(class, victim)
		w.queue.Push(event(known, kindExposed, n, 0))
		if c.Slowdown > 0 {
			w.strikeSlow(victim, class)
		} else if holder := int(v.Holder); holder >= 0 && (w.jobs[holder].phase == job.Training || w.jobs[holder].phase == job.Paused) {
			w.settle(holder)
			w.taint(holder, n)
		}
	default:
		w.failServer(class, victim, known)
	}
}

// failServer takes the server out, or the one that diagnosis blames.
func (w *World) failServer(class int, victim int32, known des.Time) {
	p := &w.plan.Fleet.Repair
	holder := int(w.fleet.Server(victim).Holder)
	if holder < 0 {
		w.takeOut(victim, class, known)
		return
	}
	w.settle(holder)
	blamed := victim
	if p.WrongDiagnosis > 0 || p.Missed > 0 {
		switch u := unit.Share(w.draws.diagnosis.Float64()); {
		case u < p.Missed:
			blamed = none
		case u < p.Missed+p.WrongDiagnosis && w.fleet.HeldBy(holder) > 1:
			n := w.draws.blamed.IntN(w.fleet.HeldBy(holder) - 1)
			if blamed = w.fleet.HeldVictim(holder, n); blamed == victim {
				blamed = w.fleet.HeldVictim(holder, w.fleet.HeldBy(holder)-1)
			}
			w.misdiagnosed++
		}
	}
	if blamed != victim && p.Recurrence.Mean > 0 {
		at := max(known.After(draw(p.Recurrence, w.draws.recurrence)), known.After(leastRecurrence))
		w.queue.Push(event(at, kindRecurrence, w.hide(class, victim), 0))
	}
	lost := job.NoServers
	if blamed != none {
		w.takeOut(blamed, class, known)
		lost = job.SomeServers
	}
	w.interrupt(holder, class, known, lost)
}

// recurs lets a fault that diagnosis left in service stop its job again.
func (w *World) recurs(n int32) {
	f, present := w.unhide(n)
	v := w.fleet.Server(f.server)
	if !present || v.Status != fleet.Held && v.Status != fleet.Free {
		return
	}
	class := int(f.class)
	w.failed[class]++
	c := &w.plan.Failures.Classes[class]
	w.failServer(class, f.server, w.now.After(draw(c.Detection, w.draws.detection[class])))
}

// failGroup takes out every server in service that shares what broke with the victim.
func (w *World) failGroup(class int, victim int32, known des.Time) {
	c := &w.plan.Failures.Classes[class]
	lost := lossOf(c.Scope)
	o := w.group(c.Scope, victim)
	w.outages = append(w.outages, o)
	for s := o.first; s < min(o.end, int32(w.fleet.OnSite())); s++ {
		v := w.fleet.Server(s)
		if v.Status != fleet.Held && v.Status != fleet.Free {
			continue
		}
		if holder := int(v.Holder); holder >= 0 {
			w.settle(holder)
			w.jobs[holder].hit = true
		}
		w.fleet.Remove(s, fleet.Repair)
		v.Outage = victim
	}
	w.clampStandbys()
	w.queue.Push(event(known.After(draw(c.Repair, w.draws.repair[class])), kindRepaired, victim, uint32(w.fleet.Server(victim).Epoch)))
	for i := range w.jobs {
		if w.jobs[i].hit {
			w.jobs[i].hit = false
			w.interrupt(i, class, known, lost)
		}
	}
}

// outage is of what the servers from first up to end share, those not delivered yet too. It
// ends with the repair of the server that stands for it.
type outage struct{ server, first, end int32 }

// group is the outage of what a scope takes with a server.
func (w *World) group(s failure.Scope, server int32) outage {
	size := int32(groupSize(&w.plan.Fleet.Topology, s))
	first := server / size * size
	return outage{server, first, first + size}
}

// outageOf is the server that stands for an outage of what a server shares, or none.
func (w *World) outageOf(s int32) int32 {
	for _, o := range w.outages {
		if o.first <= s && s < o.end {
			return o.server
		}
	}
	return none
}

// groupSize is the number of servers that a failure of a scope takes.
func groupSize(t *fleet.Topology, s failure.Scope) int {
	size := 1
	switch s {
	case failure.DomainScope:
		size = t.Domain
	case failure.LeafScope:
		size = t.Leaf
	case failure.RackScope:
		size = t.Rack
	case failure.LoopScope:
		size = t.Loop
	case failure.RoomScope:
		size = t.Room
	}
	return max(size, 1)
}

// evict replaces the slow servers of a job, if there are spares for them.
func (w *World) evict(i int, epoch uint32) {
	j := &w.jobs[i]
	if epoch != j.eviction.epoch {
		return
	}
	j.eviction.at = des.Never
	slow := w.fleet.SlowHeldBy(i)
	if slow == 0 || !j.phase.Holds() {
		return
	}
	if j.phase != job.Training || w.fleet.Free() < slow {
		w.set(&j.eviction, w.now.After(evictionRetry), kindEviction, int32(i))
		return
	}
	w.settle(i)
	for n := len(w.fleet.SlowHeld()) - 1; n >= 0; n-- {
		s := w.fleet.SlowHeld()[n]
		if v := w.fleet.Server(s); int(v.Holder) == i {
			w.evicted++
			w.swaps++
			w.takeOut(s, int(v.Slow)-1, w.now)
		}
	}
	w.stop(i)
}

// armEviction sets when a job's slow servers will have been found, unless somebody is looking
// for them already.
func (w *World) armEviction(i int) {
	j := &w.jobs[i]
	if w.fleet.SlowHeldBy(i) > 0 && w.plan.Failures.Stragglers.Detection.Mean > 0 && j.eviction.at == des.Never {
		at := w.now.After(draw(w.plan.Failures.Stragglers.Detection, w.draws.stragglerDetection))
		w.set(&j.eviction, max(at, w.now.After(leastComparison)), kindEviction, int32(i))
	}
}

// No comparison of step times tells within less than a minute; without a spare for a
// slow server the next look is an hour later. A fault that stops a job again within a
// minute is the same stop.
const (
	leastComparison = unit.Minute
	evictionRetry   = unit.Hour
	leastRecurrence = unit.Minute
)

// loseStorage suspends the checkpoint store until a time.
func (w *World) loseStorage(until des.Time) {
	if until <= w.now || until <= w.storage {
		return
	}
	for i := range w.jobs {
		w.settle(i)
	}
	if w.storage == 0 {
		w.storeDown = w.now
	}
	w.storage = until
	w.queue.Push(event(until, kindStored, 0, 0))
}

// stored is when the checkpoint store is back: what waited to be written is.
func (w *World) stored() {
	if w.now < w.storage {
		return
	}
	for i := range w.jobs {
		w.settle(i)
	}
	w.storage = 0
	for i := range w.jobs {
		w.clear(&w.jobs[i])
	}
}
