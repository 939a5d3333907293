package sim

import (
	"clustercap/sim/des"
	"clustercap/sim/fleet"
	"clustercap/sim/result"
)

// outOfService are the statuses of servers that have been in service and are not.
var outOfService = [...]fleet.Status{fleet.Repair, fleet.Retired, fleet.Serviced}

func hours(t des.Time) float64 { return float64(t.Duration()) / 3600 }

// serviceRun fills in what failures did to the fleet and what its repair took.
func (w *World) serviceRun(run *result.Run) {
	f := &w.fleet
	up := float64(f.Integral(fleet.Free) + f.Integral(fleet.Held) + f.Integral(fleet.Cold))
	out := 0.0
	for _, st := range outOfService {
		out += float64(f.Integral(st))
	}
	s := &run.Site
	if up+out > 0 {
		s.Availability = up / (up + out)
	}
	wall := float64(w.pre.horizon)
	s.ServersInRepair = float64(f.Integral(fleet.Repair)) / wall
	s.RepairBacklog = float64(w.queued) / wall
	s.LongestBacklog = float64(w.longestQueue)
	s.SparesUsed, s.PartsUsed = float64(w.swaps), float64(w.partsUsed)
	s.Retired, s.Evicted = float64(w.retired), float64(w.evicted)
	s.Misdiagnosed, s.Absorbed, s.LemonFailures = float64(w.misdiagnosed), float64(w.absorbed), float64(w.excess)
	classes := len(w.plan.Failures.Classes)
	run.Causes = make([]result.CauseRun, classes+1)
	for c := range run.Causes {
		cause := &run.Causes[c]
		if c < classes {
			cause.Failures = float64(w.failed[c])
			s.Failures += cause.Failures
		}
		for i := range w.jobs {
			b := &w.jobs[i].books
			cause.LostHours += hours(b.lostTo[c])
			cause.Interruptions += float64(b.interruptedBy[c])
			if c == classes {
				cause.Interruptions += float64(b.plannedStops)
			}
		}
	}
}
