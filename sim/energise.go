package sim

import (
	"math"

	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/scenario"
)

// energised says which of the servers on site have power. Servers get it in the order of
// delivery, and lose it in the opposite one.
type energised struct {
	powered int // servers on site that have been switched on so far, the first delivered
	late    int // of these, that had to wait
	lit     int // servers, the first delivered, that the policy leaves switched on
}

// energise switches on the servers on site for which the phase's power is provisioned:
// as long as all of them at their highest power exceed it by no more than the
// oversubscription. Their commissioning begins.
func (w *World) energise(delivered int) {
	end := min(w.fleet.OnSite(), w.provisioned())
	first := w.powered
	if end <= first {
		return
	}
	w.powered = end
	w.late += max(min(end, w.fleet.OnSite()-delivered)-first, 0)
	for s := first; s < end; s++ {
		w.fleet.Energise(int32(s))
	}
	c := w.plan.Fleet.Commissioning
	if c.Constant() { // one event for all: they are ready together
		w.queue.Push(event(w.now.After(c.Mean), kindLot, int32(first), uint32(end-first)))
		return
	}
	for s := first; s < end; s++ {
		w.queue.Push(event(w.now.After(draw(c, w.draws.commissioning)), kindCommissioned, int32(s), 0))
	}
}

// provisioned is for how many servers the phase has power.
func (w *World) provisioned() int {
	s := &w.site
	firm := s.supply.firm() * float64(w.plan.Site.Oversubscription)
	if firm == 0 {
		return math.MaxInt
	}
	return fed(&w.plan, &s.meter, s.plant.LowestCapacity(firm, int(w.now/hourLength)), max(s.bounds.clock, s.meter.LowestClock()))
}

// fed is how many servers, all of whose chips train at a clock, so much IT power feeds.
func fed(p *scenario.Plan, m *power.Meter, it, clock float64) int {
	each := m.PeakAt(clock).Sum() * float64(p.Fleet.ChipsPerServer)
	return int(it / each * (1 + 1e-12)) // a whole number that rounding may have cut
}

// shedNewest switches off the servers that were delivered last, where the policy says
// so: as many as leaves the others their highest clock under the limit in force, or the
// lowest where clocks fall first. Jobs on them save their work within the notice that
// the site had, or lose what they have not saved.
func (w *World) shedNewest() {
	p := w.plan.Site.Policy
	if !p.Names(power.Shed) {
		return
	}
	s := &w.site
	keep := math.MaxInt
	if limit := s.supply.steady(); limit > 0 {
		clock := s.meter.LowestClock()
		if p.Before(power.Shed, power.Cap) {
			clock = max(s.bounds.clock, clock)
		}
		keep = fed(&w.plan, &s.meter, s.within(limit, w.now), clock)
	}
	before := w.lit
	w.lit = keep
	if keep < before {
		w.darken(keep)
	}
	for m := before; m < min(keep, w.fleet.OnSite()); m++ {
		if w.fleet.Server(int32(m)).Status == fleet.Dark {
			w.back(int32(m))
		}
	}
}

// darken switches off the servers from one on that are in service.
func (w *World) darken(from int) {
	for m := from; m < w.fleet.OnSite(); m++ {
		v := w.fleet.Server(int32(m))
		if v.Status != fleet.Held && v.Status != fleet.Free {
			continue
		}
		if holder := int(v.Holder); holder >= 0 && !w.jobs[holder].hit {
			w.settle(holder)
			w.jobs[holder].hit = true
		}
		w.fleet.Remove(int32(m), fleet.Dark)
	}
	w.clampStandbys()
	notice := w.site.supply.notice()
	for i := range w.jobs {
		j := &w.jobs[i]
		if !j.hit {
			continue
		}
		j.hit = false
		if c := &j.spec.Checkpoint; notice >= c.Blocking+c.Background {
			w.stop(i)
		} else {
			w.cutOff(i)
		}
	}
}

// cutOff halts a job whose servers lose their power before it has saved its work.
func (w *World) cutOff(i int) {
	j := &w.jobs[i]
	switch j.phase {
	case job.Starting, job.Training, job.Paused:
	default:
		return
	}
	w.settle(i)
	w.leaveRamp(j)
	if j.phase == job.Starting && !j.recovering && w.now >= j.durable {
		w.keep(j)
	}
	j.cause = len(w.plan.Failures.Classes)
	w.lose(j, job.ManyServers)
	j.books.plannedStops++
	j.phase, j.planned = job.Waiting, false
	j.waitingFrom = w.now
	j.epoch++
	w.vacant = true
	w.set(&j.resize, w.now.After(j.spec.Resize+j.spec.Restart.Mean), kindResize, int32(i))
}
