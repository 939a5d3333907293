package sim

import (
	"slices"

	"clustercap/sim/job"
	"clustercap/sim/power"
)

// queueForPower puts the jobs in the order in which they get power: by priority; where the
// policy staggers starts, those of one priority that train before those that are about to.
func (w *World) queueForPower() {
	w.order = w.pre.order
	if !w.plan.Site.Policy.Names(power.Stagger) {
		return
	}
	w.staggered = append(w.staggered[:0], w.pre.order...)
	w.order = w.staggered
	slices.SortStableFunc(w.order, func(a, b int) int {
		if p, q := w.jobs[a].spec.Priority, w.jobs[b].spec.Priority; p != q {
			return q - p
		}
		switch first, second := w.aboutToTrain(a), w.aboutToTrain(b); {
		case first && !second:
			return 1
		case second && !first:
			return -1
		}
		return 0
	})
}

// aboutToTrain reports whether a job starts at this instant, or is paused.
func (w *World) aboutToTrain(i int) bool {
	j := &w.jobs[i]
	return j.phase == job.Paused || j.draws() && w.begins(j)
}
