package sim

import (
	"slices"

	"clustercap/sim/job"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// loading is how long a checkpoint takes to load from a tier; -1 is the remote
// store, whose bandwidth is divided among the jobs that load from it or write to it at
// the time, and which may have to come back first.
func (w *World) loading(i, tier int) unit.Duration {
	c := &w.jobs[i].spec.Checkpoint
	if tier >= 0 {
		return c.Fast[tier].Load
	}
	load := c.Load
	if load > 0 && c.Shared {
		others := w.writing().Without(w.jobs[i].writing())
		for l := range w.jobs {
			if o := &w.jobs[l]; l != i && o.phase == job.Starting && o.spec.Checkpoint.Shared && o.tier < 0 {
				others = others.And(1)
			}
		}
		load = others.Stretch(load)
	}
	if w.storage > w.now {
		load += (w.storage - w.now).Duration()
	}
	return load
}

// shareStore gives every job that trains the rhythm of checkpoints that the writes of the
// others leave it.
func (w *World) shareStore() {
	all := w.writing()
	for i := range w.jobs {
		j := &w.jobs[i]
		own := j.writing()
		if own == 0 {
			continue
		}
		if c := j.options[j.size].cycle.Slowed(all.Without(own)); c != j.cycle {
			w.settle(i)
			j.follow(c)
			w.armFinish(i)
		}
	}
}

// writing is what the jobs that train do to the store that they share.
func (w *World) writing() (all job.Traffic) {
	for i := range w.jobs {
		all = all.And(w.jobs[i].writing())
	}
	return all
}

// writing is the share of time for which the job would write to the store if it had that
// to itself.
func (j *trainee) writing() float64 {
	if !j.spec.Checkpoint.Shared || j.phase != job.Training {
		return 0
	}
	return j.options[j.size].cycle.Writing()
}

// follow takes a settled job to a rhythm of checkpoints.
func (j *trainee) follow(c job.Cycle) {
	j.progress.Follow(j.cycle, c)
	j.cycle = c
}

// sharesStore reports whether several jobs write to one store in the background.
func sharesStore(p *scenario.Plan) bool {
	writes := func(j job.Spec) bool { return j.Checkpoint.Shared && j.Checkpoint.Background > 0 }
	first := slices.IndexFunc(p.Jobs, writes)
	return first >= 0 && slices.ContainsFunc(p.Jobs[first+1:], writes)
}
