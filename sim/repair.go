package sim

import (
	"math"
	"slices"

	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/fleet"
	"clustercap/sim/unit"
)

// takeOut sends a failed server to repair once the failure is known, or retires it. The
// number of classes stands for that of stragglers.
func (w *World) takeOut(s int32, class int, known des.Time) {
	w.fleet.Fail(s)
	w.clampStandbys()
	v := w.fleet.Server(s)
	v.Class, v.Relapsing = uint16(class), false
	f := &w.plan.Fleet
	if w.fleet.Strikes(s, w.now, &f.Retire) {
		w.fleet.Shift(s, fleet.Retired)
		w.fleet.Renew(s)
		w.retired++
		at := known.After(draw(f.Retire.Replacement, w.draws.replacement))
		w.queue.Push(event(at, kindReturned, s, 0))
		w.money.replaced = append(w.money.replaced, replacement{s, w.now, at})
		return
	}
	v.Stage = 0
	if len(f.Repair.Stages) > 0 {
		w.beginStage(s, known)
		return
	}
	// Nobody mends it before the failure is known.
	w.queue.Push(event(known.After(w.repairTime(class)), kindRepaired, s, uint32(v.Epoch)))
}

// beginStage passes a server through the pipeline from its stage and a time on, up
// to the next stage that needs hands, or to the end. What needs nobody is known
// beforehand.
func (w *World) beginStage(s int32, from des.Time) {
	v := w.fleet.Server(s)
	stages := w.plan.Fleet.Repair.Stages
	for !stages[v.Stage].HandsOn {
		from = from.After(w.stageTime(v))
		if !w.escalates(v) {
			w.queue.Push(event(from, kindMended, s, uint32(v.Epoch)))
			return
		}
	}
	if from > w.now {
		w.queue.Push(event(from, kindStage, s, 0))
	} else {
		w.line(s)
	}
}

// escalates passes a server whose stage is over on to the next one, or decides what
// the repair has brought.
func (w *World) escalates(v *fleet.Server) bool {
	stages := w.plan.Fleet.Repair.Stages
	stage := &stages[v.Stage]
	if stage.Escalates > 0 && int(v.Stage)+1 < len(stages) && unit.Share(w.draws.escalation.Float64()) < stage.Escalates {
		v.Stage++
		return true
	}
	if stage.Ineffective > 0 && unit.Share(w.draws.effect.Float64()) < stage.Ineffective {
		v.Relapsing = true
	} else {
		v.Lemon, v.Slow = false, 0
	}
	return false
}

// stageTime draws how long the server's stage takes.
func (w *World) stageTime(v *fleet.Server) unit.Duration {
	d := w.plan.Fleet.Repair.Stages[v.Stage].Time
	if d.Mean == 0 {
		d, _ = w.repairOf(int(v.Class))
	}
	return draw(d, w.draws.stage)
}

// repairOf is the repair time of a class, or that of stragglers, and its stream.
func (w *World) repairOf(class int) (dist.Duration, *des.Rand) {
	if f := &w.plan.Failures; class < len(f.Classes) {
		return f.Classes[class].Repair, w.draws.repair[class]
	}
	return w.plan.Failures.Stragglers.Repair, w.draws.stragglerRepair
}

// repairTime draws a repair time of a class.
func (w *World) repairTime(class int) unit.Duration {
	d, stream := w.repairOf(class)
	return draw(d, stream)
}

// staged is when a server is ready for a stage that needs hands, or when it is over.
func (w *World) staged(s int32) {
	v := w.fleet.Server(s)
	if !v.Manned {
		w.line(s)
		return
	}
	v.Manned = false
	w.hands++
	w.man()
	if w.escalates(v) {
		w.beginStage(s, w.now)
	} else {
		w.back(s)
	}
}

// repaired is when a repair that no pipeline describes is done.
func (w *World) repaired(s int32) {
	v := w.fleet.Server(s)
	if v.Outage < 0 {
		v.Slow = 0
		w.back(s)
		return
	}
	// Work on what a group shares is done: all of it comes back, as slow as it was, but what
	// another outage holds.
	n := slices.IndexFunc(w.outages, func(o outage) bool { return o.server == s })
	o := w.outages[n]
	w.outages = slices.Delete(w.outages, n, n+1)
	for m := o.first; m < min(o.end, int32(w.fleet.OnSite())); m++ {
		if v := w.fleet.Server(m); v.Outage == s && v.Status == fleet.Repair {
			w.back(m)
		}
	}
}

// back puts a server into service again; one that a job had selected stands by for it.
func (w *World) back(s int32) {
	v := w.fleet.Server(s)
	ailing := v.Outage < 0 && int(v.Slow)-1 < len(w.plan.Failures.Classes) && v.Slow > 0
	w.enter(s)
	if ailing { // what its repair left slow is found once more
		class := int(v.Slow) - 1
		found := w.now.After(draw(w.plan.Failures.Classes[class].Detection, w.draws.detection[class]))
		w.queue.Push(event(max(found, w.now.After(leastComparison)), kindExposed, w.hide(class, s), 0))
	}
	if v.Member == fleet.NoHolder || v.Status != fleet.Free {
		return
	}
	if j := &w.jobs[v.Member]; j.spec.Recovery.Selects() && j.phase.Holds() {
		j.standbys++
		w.standbys++
	}
}

// line makes a server wait for a technician and, where its stage takes one, a part.
func (w *World) line(s int32) {
	if w.served > len(w.waiting)/2 { // forget those that are served
		w.waiting = append(w.waiting[:0], w.waiting[w.served:]...)
		w.served = 0
	}
	w.waiting = append(w.waiting, s)
	w.man()
	w.longestQueue = max(w.longestQueue, len(w.waiting)-w.served)
}

// man gives technicians and parts to the servers that wait, first come first served,
// within shifts.
func (w *World) man() {
	p := &w.plan.Fleet.Repair
	if w.served == len(w.waiting) {
		return
	}
	if wait := shiftWait(p, w.now); wait > 0 {
		w.set(&w.bench, w.now.After(wait), kindBench, 0)
		return
	}
	for w.served < len(w.waiting) && (p.Technicians == 0 || w.hands > 0) {
		s := w.waiting[w.served]
		v := w.fleet.Server(s)
		if part := p.Stages[v.Stage].Part; p.Parts > 0 && part > 0 {
			// Whether this repair takes a part is drawn once it is at the head.
			if !w.headDrawn {
				w.headDrawn, w.headPart = true, unit.Share(w.draws.part.Float64()) < part
			}
			if w.headPart && !w.takePart() {
				return
			}
		}
		w.headDrawn = false
		w.served++
		w.hands--
		v.Manned = true
		w.queue.Push(event(w.now.After(w.stageTime(v)), kindStage, s, 0))
	}
	if w.served == len(w.waiting) {
		w.waiting, w.served = w.waiting[:0], 0
	}
}

// takePart takes a spare part from stock and orders another; without one it sets the
// bench to the next arrival. All orders take equally long, so the part that was
// ordered first arrives first.
func (w *World) takePart() bool {
	at := &w.parts[w.oldestPart]
	if *at > w.now {
		w.set(&w.bench, *at, kindBench, 0)
		return false
	}
	*at = w.now.After(w.plan.Fleet.Repair.Resupply)
	w.oldestPart = (w.oldestPart + 1) % len(w.parts)
	w.partsUsed++
	return true
}

// shiftWait is the time until hands-on work may begin; the calendar starts at midnight.
func shiftWait(p *fleet.Pipeline, now des.Time) unit.Duration {
	if p.ShiftLength == 0 || p.ShiftLength >= unit.Day {
		return 0
	}
	since := unit.Duration(math.Mod(float64(now.Duration()-p.ShiftStart+unit.Day), float64(unit.Day)))
	if since < p.ShiftLength {
		return 0
	}
	return unit.Day - since
}

// maintain begins a batch of planned maintenance: its servers leave service, their
// jobs save their work and stop.
func (w *World) maintain(m int, from int32) {
	p := &w.plan.Fleet.Maintenance[m]
	size := int32(math.Ceil(float64(p.Batch) * float64(w.fleet.OnSite())))
	end := min(from+size, int32(w.fleet.OnSite()))
	for s := from; s < end; s++ {
		v := w.fleet.Server(s)
		if v.Status != fleet.Held && v.Status != fleet.Free {
			continue
		}
		if holder := int(v.Holder); holder >= 0 && !w.jobs[holder].hit {
			w.settle(holder)
			w.jobs[holder].hit = true
		}
		if v.Holder >= 0 {
			w.jobs[v.Holder].serviced++
		}
		w.fleet.Remove(s, fleet.Serviced)
		v.Outage = int32(m)
	}
	w.clampStandbys()
	for i := range w.jobs {
		if w.jobs[i].hit {
			w.jobs[i].hit = false
			w.stop(i)
		}
	}
	w.queue.Push(event(w.now.After(p.Duration), kindServiced, int32(m), uint32(from)))
}

// serviced ends a batch and begins the next, or waits for the next round.
func (w *World) serviced(m int, from int32) {
	p := &w.plan.Fleet.Maintenance[m]
	size := int32(math.Ceil(float64(p.Batch) * float64(w.fleet.OnSite())))
	all := int32(w.fleet.OnSite())
	next := min(from+max(size, 1), all)
	for s := from; s < all; s++ { // deliveries in the meantime make batches larger
		if v := w.fleet.Server(s); v.Status == fleet.Serviced && v.Outage == int32(m) {
			w.back(s)
		}
	}
	if next < all {
		w.maintain(m, next)
		return
	}
	since := float64((w.now.Duration() - p.First) / p.Every)
	w.push(p.First+p.Every*unit.Duration(math.Floor(since)+1), kindMaintenance, int32(m), 0)
}
