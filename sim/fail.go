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
		v.Class = uint16(class)
		w.queue.Push(event(known, kindExposed, victim, uint32(v.Epoch)))
		if holder := int(v.Holder); holder >= 0 && c.Silent {
			w.taint(holder)
		}
		if c.Slowdown > 0 {
			w.slow(victim, c.Slowdown)
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
			blamed = -1
		case u < p.Missed+p.WrongDiagnosis && w.fleet.HeldBy(holder) > 1:
			n := w.draws.blamed.IntN(w.fleet.HeldBy(holder) - 1)
			if blamed = w.fleet.HeldVictim(holder, n); blamed == victim {
				blamed = w.fleet.HeldVictim(holder, w.fleet.HeldBy(holder)-1)
			}
			w.misdiagnosed++
		}
	}
	if blamed != victim {
		v := w.fleet.Server(victim)
		v.Class = uint16(class)
		if p.Recurrence.Mean > 0 {
			at := known.After(draw(p.Recurrence, w.draws.recurrence))
			w.queue.Push(event(at, kindRecurrence, victim, uint32(v.Epoch)))
		}
	}
	lost := job.NoServers
	if blamed >= 0 {
		w.takeOut(blamed, class, known)
		lost = job.SomeServers
	}
	w.interrupt(holder, class, known, lost)
}

// recurs lets a fault that diagnosis left in service stop its job again.
func (w *World) recurs(s int32, epoch uint16) {
	v := w.fleet.Server(s)
	if v.Epoch != epoch || v.Status != fleet.Held && v.Status != fleet.Free {
		return
	}
	class := int(v.Class)
	w.failed[class]++
	c := &w.plan.Failures.Classes[class]
	w.failServer(class, s, w.now.After(draw(c.Detection, w.draws.detection[class])))
}

// failGroup takes out every server in service that shares what broke with the victim.
func (w *World) failGroup(class int, victim int32, known des.Time) {
	c := &w.plan.Failures.Classes[class]
	lost := job.SomeServers
	if c.Scope == failure.LoopScope || c.Scope == failure.RoomScope {
		lost = job.ManyServers
	}
	first, end := w.group(c.Scope, victim)
	for s := first; s < end; s++ {
		v := w.fleet.Server(s)
		if v.Status != fleet.Held && v.Status != fleet.Free {
			continue
		}
		if holder := int(v.Holder); holder >= 0 {
			w.settle(holder)
			w.jobs[holder].hit = true
		}
		w.fleet.Remove(s, fleet.Repair)
		v.Leader = victim
	}
	w.clampStandbys()
	w.queue.Push(event(known.After(draw(c.Repair, w.draws.repair[class])), kindRepaired, victim, 0))
	for i := range w.jobs {
		if w.jobs[i].hit {
			w.jobs[i].hit = false
			w.interrupt(i, class, known, lost)
		}
	}
}

// group is the range of servers that share what a scope takes with a server.
func (w *World) group(s failure.Scope, server int32) (first, end int32) {
	t := &w.plan.Fleet.Topology
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
	size = max(size, 1)
	first = server / int32(size) * int32(size)
	return first, min(first+int32(size), int32(w.fleet.OnSite()))
}

// slow makes a server slow its job down.
func (w *World) slow(s int32, slowdown unit.Share) {
	holder := int(w.fleet.Server(s).Holder)
	if holder >= 0 {
		w.settle(holder)
		w.jobs[holder].slowdown = max(w.jobs[holder].slowdown, float64(slowdown))
	}
	w.fleet.SetSlow(s, true)
	if holder >= 0 {
		w.reclock(holder)
	}
}

// exposed is when a silent or slow failure is found: its server goes to repair. A
// silent one takes all work since with it; a slow one has its work saved first.
func (w *World) exposed(s int32, epoch uint16) {
	v := w.fleet.Server(s)
	if v.Epoch != epoch || v.Status != fleet.Held && v.Status != fleet.Free {
		return
	}
	class, holder := int(v.Class), int(v.Holder)
	if holder >= 0 {
		w.settle(holder)
	}
	w.takeOut(s, class, w.now)
	if holder < 0 {
		return
	}
	if w.plan.Failures.Classes[class].Silent {
		w.interrupt(holder, class, w.now, job.SomeServers)
		w.rollBack(holder)
	} else {
		w.stop(holder, false)
	}
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
	for n := w.fleet.HeldBy(i) - 1; n >= 0 && w.fleet.SlowHeldBy(i) > 0; n-- {
		if s := w.fleet.HeldVictim(i, n); w.fleet.Server(s).Slow {
			w.fleet.Remove(s, fleet.Repair)
			w.evicted++
			w.queue.Push(event(w.now.After(draw(w.plan.Failures.Stragglers.Repair, w.draws.stragglerRepair)), kindRepaired, s, 0))
		}
	}
	w.stop(i, false)
}

// armEviction sets when a job's slow servers will have been found.
func (w *World) armEviction(i int) {
	if w.fleet.SlowHeldBy(i) > 0 && w.plan.Failures.Stragglers.Detection.Mean > 0 {
		at := w.now.After(draw(w.plan.Failures.Stragglers.Detection, w.draws.stragglerDetection))
		w.set(&w.jobs[i].eviction, max(at, w.now.After(leastEviction)), kindEviction, int32(i))
	}
}

// No comparison of step times tells within less than a minute; without a spare for a
// slow server the next look is an hour later.
const (
	leastEviction = unit.Minute
	evictionRetry = unit.Hour
)

// loseStorage suspends the checkpoint store until a time.
func (w *World) loseStorage(until des.Time) {
	if until <= w.now || until <= w.storage {
		return
	}
	for i := range w.jobs {
		w.settle(i)
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
		if !w.jobs[i].tainted {
			w.clear(&w.jobs[i])
		}
	}
}

// clear takes the work of a job whose checkpoints were in doubt as kept.
func (w *World) clear(j *trainee) {
	for k := range j.books.bySize {
		s := &j.books.bySize[k]
		s.kept, s.doubt = s.kept.Add(s.doubt), job.Work{}
	}
}

// taint marks all that a job does from here on as corrupt, until it is found.
func (w *World) taint(i int) {
	if j := &w.jobs[i]; j.phase == job.Training && !j.tainted {
		w.settle(i)
		j.tainted = true
	}
}

// rollBack writes off all work in doubt of a job that has just been stopped.
func (w *World) rollBack(i int) {
	j := &w.jobs[i]
	w.writeOff(j, j.progress.AtRisk())
	j.progress = job.Progress{}
	w.writeOffDoubt(j)
	j.tainted = false
}

// writeOffDoubt loses the work whose checkpoints are corrupt or were never written.
func (w *World) writeOffDoubt(j *trainee) {
	size := j.trainedOn
	for k := range j.books.bySize {
		s := &j.books.bySize[k]
		j.trainedOn = k
		w.writeOff(j, s.doubt)
		s.doubt = job.Work{}
	}
	j.trainedOn = size
}

// inDoubt reports whether a job has work behind checkpoints that may not count.
func (j *trainee) inDoubt() bool {
	for k := range j.books.bySize {
		if j.books.bySize[k].doubt != (job.Work{}) {
			return true
		}
	}
	return false
}
