package sim

import (
	"fmt"
	"math"

	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/unit"
)

// The kinds of event, which are also the classes that order events of one instant:
// a bin of the calendar ends before anything else happens; whatever brings servers
// or power comes before what takes them; a job that finishes as a server fails has
// finished.
const (
	kindObserve uint8 = iota
	kindDelivery
	kindCommissioned
	kindReturned
	kindRepaired
	kindPower
	kindSubmit
	kindFinish
	kindFailure
	kindDetected
	kindRestarted
	kindResize
	kindHorizon
)

func event(at des.Time, kind uint8, index int32, epoch uint32) des.Event {
	return des.Event{At: at, Class: kind, Kind: kind, Index: index, Epoch: epoch}
}

// maxEvents bounds a replica: some minutes of computing. A plan at the bounds of
// what scenarios accept stays below; more means rates that no cluster has.
const maxEvents = 100_000_000

// loop takes events in order until the horizon. Between the events of one instant
// nothing is settled; after the last of them jobs get servers, the site its clock
// and the next failure its time.
func (w *World) loop() error {
	for {
		e, ok := w.queue.Pop()
		if !ok {
			return fmt.Errorf("no event is left before the horizon") // the horizon is an event
		}
		w.events++
		if w.events > maxEvents {
			return fmt.Errorf("more than %d events by day %.1f: failure rates or restart times are out of any cluster's range", maxEvents, days(w.now))
		}
		w.advance(e.At)
		if e.Kind == kindHorizon {
			w.observe()
			return w.fault
		}
		w.dispatch(e)
		if next, ok := w.queue.Peek(); ok && next.At > w.now {
			w.endInstant()
		}
		if w.fault != nil {
			return w.fault
		}
	}
}

func (w *World) dispatch(e des.Event) {
	switch e.Kind {
	case kindObserve:
		w.observe()
	case kindDelivery:
		w.deliver(int(e.Index))
	case kindCommissioned:
		w.commissioned(e.Index)
	case kindReturned, kindRepaired:
		w.enter(e.Index)
	case kindPower:
		w.site.limit = float64(w.plan.Site.Phases[e.Index].Limit)
		w.vacant = true // another size may be the fastest
	case kindSubmit:
		w.enqueue(int(e.Index))
	case kindFinish:
		w.finish(int(e.Index), e.Epoch)
	case kindFailure:
		w.failures(e.Epoch)
	case kindDetected:
		w.detected(int(e.Index), e.Epoch)
	case kindRestarted:
		w.restarted(int(e.Index), e.Epoch)
	case kindResize:
		j := &w.jobs[e.Index]
		if e.Epoch == j.resize.epoch {
			j.resize.at = des.Never
			w.vacant = true
		}
	}
}

// advance moves time on; every integral of a count grows by it.
func (w *World) advance(to des.Time) {
	dt := to - w.now
	if dt == 0 {
		return
	}
	w.fleet.Advance(dt)
	w.exposure += int64(w.fleet.InService()*w.plan.Fleet.ChipsPerServer) * int64(dt)
	w.site.advance(float64(dt))
	w.now = to
}

// endInstant settles what the instant's events left open.
func (w *World) endInstant() {
	if w.vacant {
		w.vacant = false
		w.allocate()
	}
	w.regulate()
	w.armFailure()
}

// set moves an alarm; see its type.
func (w *World) set(a *alarm, at des.Time, kind uint8, index int32) {
	if at >= a.at || at > w.pre.horizon {
		return
	}
	a.at = at
	a.epoch++
	w.queue.Push(event(at, kind, index, a.epoch))
}

func (w *World) deliver(i int) {
	n := w.plan.Fleet.Deliveries[i].Servers
	first := w.fleet.Deliver(n)
	c := w.plan.Fleet.Commissioning
	for s := first; s < first+int32(n); s++ {
		w.queue.Push(event(w.now.After(draw(c, w.draws.commissioning)), kindCommissioned, s, 0))
	}
}

// commissioned accepts a server or sends it back.
func (w *World) commissioned(s int32) {
	f := &w.plan.Fleet
	if w.draws.rejected.Float64() < float64(f.Rejected.Likely) {
		w.fleet.Return(s)
		w.queue.Push(event(w.now.After(draw(f.Return, w.draws.returned)), kindReturned, s, 0))
		return
	}
	w.enter(s)
}

func (w *World) enter(s int32) {
	w.fleet.Enter(s, w.now)
	w.vacant = true
}

// armFailure sets the time at which the exposure of the next failure is reached, at
// the present population.
func (w *World) armFailure() {
	_, exposure := w.clock.Next()
	chips := float64(w.fleet.InService() * w.plan.Fleet.ChipsPerServer)
	if math.IsInf(exposure, 1) || chips == 0 {
		return
	}
	wait := math.Ceil((exposure - float64(w.exposure)) / chips)
	if wait > float64(w.pre.horizon-w.now) {
		return
	}
	w.set(&w.alarm, w.now+max(des.Time(wait), 1), kindFailure, 0)
}

// failures fires every class whose exposure is reached.
func (w *World) failures(epoch uint32) {
	if epoch != w.alarm.epoch {
		return
	}
	w.alarm.at = des.Never
	for w.fleet.InService() > 0 && w.events <= maxEvents {
		class, exposure := w.clock.Next()
		if class < 0 || exposure > float64(w.exposure) {
			return
		}
		w.fail(class)
		w.clock.Fire(w.draws.failure[class].Exp())
		w.events++
	}
}

// fail strikes one server in service, each as likely as the other.
func (w *World) fail(class int) {
	c := &w.plan.Failures.Classes[class]
	victim := w.fleet.Victim(w.draws.victim[class].IntN(w.fleet.InService()))
	detection := draw(c.Detection, w.draws.detection[class])
	repair := draw(c.Repair, w.draws.repair[class])
	holder := int(w.fleet.Server(victim).Holder)
	if holder >= 0 {
		w.settle(holder)
	}
	if c.Scope == failure.ServerScope {
		// Out of service from the failure on; nobody mends it before detection.
		w.fleet.Fail(victim)
		w.queue.Push(event(w.now.After(detection+repair), kindRepaired, victim, 0))
	}
	if holder >= 0 {
		w.interrupt(holder, w.now.After(detection))
	}
}

// draw takes a variate from the stream only where the distribution has a spread.
func draw(d dist.Duration, r *des.Rand) unit.Duration {
	if d.Constant() {
		return d.Mean
	}
	return d.At(r.Norm())
}

func days(t des.Time) float64 { return float64(t.Duration()) / 86400 }
