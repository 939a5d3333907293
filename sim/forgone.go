package sim

import (
	"clustercap/sim/des"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
)

// forgo finds how much faster each job would train on the size that it could get without
// limits on power than on the one that it can: with the servers that want of power keeps
// switched off, and at full clock whatever the size. By priority, each leaves the servers
// that it would take to the next no more.
func (w *World) forgo() {
	short := w.plan.Fleet.Usable(w.withoutPower())
	limit := 0.0
	if w.site.supply.phase > 0 {
		limit = w.site.firmLimit(w.now)
	}
	for _, i := range w.pre.order {
		j := &w.jobs[i]
		lost := 0.0
		if short > 0 || limit > 0 {
			switch j.phase {
			case job.Queued, job.Waiting, job.Training, job.Paused:
				var servers int
				lost, servers = w.forgoneBy(i, short, limit)
				short -= min(servers, short)
			default:
				lost = j.forgone
			}
		}
		if lost != j.forgone {
			w.settle(i)
			j.forgone = lost
		}
	}
}

// forgoneBy is what a job forgoes within an IT limit (0: none) in tokens per millisecond,
// and the servers that it would need for it beyond those that it can get.
func (w *World) forgoneBy(i, short int, limit float64) (rate float64, servers int) {
	j, b := &w.jobs[i], &w.site.bounds
	if short == 0 && b.clock == 1 && (limit == 0 || float64(j.most)*b.full <= limit) {
		return 0, 0 // every size may run at full clock
	}
	held := 0
	if j.phase.Holds() {
		held = w.fleet.HeldBy(i)
	}
	there := w.bestWith(i, held, short, true)
	if there < 0 || short == 0 && w.worth(&j.options[there], limit) == j.options[there].delivered {
		return 0, 0 // the best without limits runs at full clock within them
	}
	here := w.best(i, held)
	rate, servers = j.options[there].sustained(), j.options[there].servers
	if here >= 0 {
		rate -= j.options[here].sustained()
		servers -= j.options[here].servers
	}
	return max(rate, 0), max(servers, 0)
}

// withoutPower counts the servers that would be in service but for want of power: those
// that were switched off, and those that wait to be switched on for the first time and
// would have been commissioned, rejections aside.
func (w *World) withoutPower() int {
	n := w.fleet.Count(fleet.Dark)
	if w.fleet.Count(fleet.Unpowered) == 0 {
		return n
	}
	ready := 0
	for _, d := range w.plan.Fleet.Deliveries {
		if des.FromDuration(d.At+w.plan.Fleet.Commissioning.Mean) > w.now {
			break
		}
		ready += d.Servers
	}
	return n + max(ready-w.powered, 0)
}
