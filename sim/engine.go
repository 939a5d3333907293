package sim

import (
	"fmt"

	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/fleet"
	"clustercap/sim/unit"
)

// The kinds of event, in the order in which they happen at one instant: a bin of the
// calendar ends before anything else happens; whatever brings servers or power comes
// before what takes them; a job that finishes as a server fails has finished.
const (
	kindObserve uint8 = iota
	kindDelivery
	kindCommissioned
	kindLot
	kindReturned
	kindRepaired
	kindMended
	kindServiced
	kindStored
	kindPower
	kindWindow
	kindSupply
	kindWeather
	kindRamp
	kindSubmit
	kindFinish
	kindFailure
	kindRecurrence
	kindExposed
	kindEviction
	kindMaintenance
	kindDetected
	kindStage
	kindBench
	kindRestarted
	kindResize
	kindHorizon
)

func event(at des.Time, kind uint8, index int32, epoch uint32) des.Event {
	return des.Event{At: at, Kind: kind, Index: index, Epoch: epoch}
}

// maxEvents bounds a replica: some minutes of computing. A plan at the bounds of
// what scenarios accept stays below; more means rates that no cluster has.
const maxEvents = 100_000_000

// loop takes events in order until the horizon. Between the events of one instant
// nothing is settled; after the last of them jobs get servers, the site its clock
// and the next failure its time.
func (w *World) loop() error {
	for {
		e, ok := w.next()
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
		if w.upcoming() > w.now {
			w.endInstant()
		}
		if w.fault != nil {
			return w.fault
		}
	}
}

// next takes the next event: from the queue, or the next failure, whose time every
// instant computes anew, so that it is not in the queue.
func (w *World) next() (des.Event, bool) {
	if e, ok := w.queue.Peek(); ok && (w.failure > e.At || w.failure == e.At && e.Kind < kindFailure) {
		return w.queue.Pop()
	}
	at := w.failure
	w.failure = des.Never
	return event(at, kindFailure, 0, 0), at < des.Never
}

// upcoming is the time of the next event.
func (w *World) upcoming() des.Time {
	if e, ok := w.queue.Peek(); ok {
		return min(e.At, w.failure)
	}
	return w.failure
}

func (w *World) dispatch(e des.Event) {
	switch e.Kind {
	case kindObserve:
		w.observe()
	case kindDelivery:
		w.deliver(int(e.Index))
	case kindCommissioned:
		if v := w.fleet.Server(e.Index); v.Status == fleet.Commissioning && uint32(v.Epoch) == e.Epoch {
			w.commissioned(e.Index)
		}
	case kindLot:
		w.lot(e.Index, int32(e.Epoch))
	case kindReturned:
		w.enter(e.Index)
	case kindRepaired:
		if w.underRepair(e) {
			w.repaired(e.Index)
		}
	case kindMended:
		if w.underRepair(e) {
			w.back(e.Index)
		}
	case kindServiced:
		w.serviced(int(e.Index), int32(e.Epoch))
	case kindStored:
		w.stored()
	case kindPower:
		w.site.advance(w.now)
		w.site.relimited()
		w.site.supply.phase = float64(w.plan.Site.Phases[e.Index].Limit)
		w.site.supply.relimit()
		w.energise(0)
		w.shedNewest()
		w.vacant = true // another size may be the fastest
	case kindWindow:
		w.window(int(e.Index), e.Epoch == 1)
	case kindSupply: // regulated after every instant
		if e.Epoch == w.site.supply.alarm.epoch {
			w.site.supply.alarm.at = des.Never
		}
	case kindWeather: // likewise
		if e.Epoch == w.site.weather.epoch {
			w.site.weather.at = des.Never
		}
	case kindRamp:
		if e.Epoch == w.ramp.alarm.epoch {
			w.ramp.alarm.at = des.Never
			w.site.stale = true
		}
	case kindSubmit:
		w.enqueue(int(e.Index))
	case kindFinish:
		w.finish(int(e.Index), e.Epoch)
	case kindFailure:
		w.strike()
	case kindRecurrence:
		w.recurs(e.Index)
	case kindExposed:
		w.exposed(e.Index)
	case kindEviction:
		w.evict(int(e.Index), e.Epoch)
	case kindMaintenance:
		w.maintain(int(e.Index), int32(e.Epoch))
	case kindDetected:
		w.detected(int(e.Index), e.Epoch)
	case kindStage:
		w.staged(e.Index)
	case kindBench:
		w.bench.at = des.Never
		w.man()
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

// underRepair reports whether a server is still out with the fault whose repair ends.
// It can't be otherwise: nothing else brings it back.
func (w *World) underRepair(e des.Event) bool {
	v := w.fleet.Server(e.Index)
	ok := v.Status == fleet.Repair && uint32(v.Epoch) == e.Epoch
	if !ok && w.fault == nil {
		w.fault = fmt.Errorf("server %d ends a repair on day %.3f that it is not under", e.Index, days(w.now))
	}
	return ok
}

// advance moves time on; every integral of a count grows by it.
func (w *World) advance(to des.Time) {
	dt := to - w.now
	if dt == 0 {
		return
	}
	w.fleet.Advance(dt)
	for k, n := range w.chips {
		w.exposure[k] += n * int64(dt)
	}
	w.queued += int64(len(w.waiting)-w.served) * int64(dt)
	w.now = to
}

// endInstant settles what the instant's events left open.
func (w *World) endInstant() {
	if w.vacant {
		w.vacant = false
		w.allocate()
	}
	w.regulate()
	if w.sharers {
		w.shareStore()
	}
	w.census()
	w.armFailure()
}

// set moves an alarm; see its type.
func (w *World) set(a *alarm, at des.Time, kind uint8, index int32) {
	if at >= a.at {
		return
	}
	a.at = at
	a.epoch++
	if at <= w.pre.horizon {
		w.queue.Push(event(at, kind, index, a.epoch))
	}
}

func (w *World) deliver(i int) {
	n := w.plan.Fleet.Deliveries[i].Servers
	first := w.fleet.Deliver(n)
	f := &w.plan.Failures
	for s := first; s < first+int32(n); s++ {
		v := w.fleet.Server(s)
		v.Lemon = f.Lemons.Share.High > 0 && w.draws.lemon.Float64() < float64(f.Lemons.Share.Likely)
		if f.Stragglers.Share.High > 0 && w.draws.slow.Float64() < float64(f.Stragglers.Share.Likely) {
			v.Slow = slowCause(len(f.Classes))
		}
	}
	w.energise(n)
}

// lot is when servers of constant commissioning time that were switched on together
// are ready.
func (w *World) lot(first, n int32) {
	for s := first; s < first+n; s++ {
		if v := w.fleet.Server(s); v.Status == fleet.Commissioning && v.Epoch == 0 {
			w.commissioned(s)
		}
	}
}

// commissioned accepts a server or sends it back.
func (w *World) commissioned(s int32) {
	if w.draws.rejected.Float64() < float64(w.plan.Fleet.Rejected.Likely) {
		w.sendBack(s)
		return
	}
	w.accept(s)
}

// accept puts a server that passed into service or into the cold pool.
func (w *World) accept(s int32) {
	if int(w.fleet.Count(fleet.Cold))+w.called < w.plan.Fleet.Cold.Servers {
		w.fleet.Store(s)
		return
	}
	w.enter(s)
}

// sendBack returns a server in commissioning to its vendor.
func (w *World) sendBack(s int32) {
	w.fleet.Return(s)
	w.queue.Push(event(w.now.After(draw(w.plan.Fleet.Return, w.draws.returned)), kindReturned, s, 0))
}

// enter puts a server into service, unless it is switched off or what it shares is out.
func (w *World) enter(s int32) {
	w.fleet.Enter(s, w.now)
	if int(s) >= w.lit {
		w.fleet.Remove(s, fleet.Dark)
		return
	}
	if o := w.outageOf(s); o != none {
		w.fleet.Remove(s, fleet.Repair)
		w.fleet.Server(s).Outage = o
		return
	}
	w.vacant = true
}

// draw takes a variate from the stream only where the distribution has a spread.
func draw(d dist.Duration, r *des.Rand) unit.Duration {
	switch {
	case d.Constant():
		return d.Mean
	case d.Exponential:
		return d.Mean * unit.Duration(r.Exp())
	}
	return d.At(r.Norm())
}

func days(t des.Time) float64 { return float64(t.Duration()) / 86400 }
