package sim

import (
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// start lets a job that has all its servers begin to train after a pause.
func (w *World) start(i int, recovering bool, pause unit.Duration) {
	j := &w.jobs[i]
	j.phase = job.Starting
	j.recovering, j.turn, j.rising, j.serviced = recovering, turn{}, false, 0
	// Until a checkpoint at leave is durable a failure loses what it would have saved.
	j.durable = w.now.After(j.spec.Checkpoint.Blocking + j.spec.Checkpoint.Background)
	j.epoch++
	w.queue.Push(event(w.now.After(pause), kindRestarted, int32(i), j.epoch))
}

// startPause draws how long a job takes to start on a size by choice: to save its
// work where it has any, to set up, and to load.
func (w *World) startPause(i int) unit.Duration {
	j := &w.jobs[i]
	pause := j.saving() + draw(j.spec.Restart, w.draws.restart[i]) + j.spec.Recovery.Setup.Time(j.options[j.size].used)
	if j.books.tokens > 0 {
		pause += w.loading(i, -1)
	}
	return pause
}

// saving is how long a job that stops by choice takes to save its work, where it has any:
// training stops until a checkpoint is durable.
func (j *trainee) saving() unit.Duration {
	if j.books.tokens == 0 {
		return 0
	}
	return j.spec.Checkpoint.Blocking + j.spec.Checkpoint.Background
}

// shrinkPause draws how long dropping or taking back replicas takes.
func (w *World) shrinkPause(i int) unit.Duration {
	return draw(w.jobs[i].spec.Recovery.Shrink, w.draws.restart[i])
}

// recoveryPause draws how long a job takes to train again after a failure or a planned stop
// that cost it so many servers, all of them replaced by then, by warm spares or others.
func (w *World) recoveryPause(i, replaced int, warm bool) unit.Duration {
	j := &w.jobs[i]
	p := &j.spec.Recovery
	rest := p.Setup.Time(j.options[j.size].used)
	if j.stateless {
		rest += w.loading(i, j.tier)
	}
	// Where the state survives nowhere but in checkpoints, the modes that rely on
	// other replicas start everything anew.
	started := j.stateless && p.Mode.KeepsState()
	swaps := p.Mode.Swaps() && (replaced == 0 || warm) && !started
	switch {
	case j.planned && swaps:
		return j.saving() + draw(p.Swap, w.draws.restart[i]) + rest
	case j.planned:
		return w.startPause(i)
	case p.Mode == job.InPlace && replaced == 0 && !started:
		return draw(p.InPlace, w.draws.restart[i])
	case p.Mode == job.Shrink && replaced == 0 && !started:
		return w.shrinkPause(i)
	case swaps:
		return draw(p.Swap, w.draws.restart[i]) + rest
	}
	return draw(j.spec.Restart, w.draws.restart[i]) + rest
}

// refill restarts a stopped job with any free servers, warm spares included, or on
// a smaller size where that is better than waiting.
func (w *World) refill(i int) {
	j := &w.jobs[i]
	missing := j.servers - w.fleet.HeldBy(i)
	var delay unit.Duration
	if missing > j.standbys {
		delay = j.spec.Recovery.Selection
	}
	cold := w.fleet.Cold()
	available := w.fleet.Free() - w.standbys + j.standbys
	if w.now == j.waitingFrom {
		j.ready = available
	}
	if missing <= available+cold {
		w.settle(i)
		if j.spec.Recovery.Selects() && missing > j.standbys {
			w.selectStandbys(i, missing)
			if w.fleet.Cold() < cold {
				delay += w.plan.Fleet.Cold.Delay
			}
		} else if missing > available {
			w.call(missing - available)
			delay += w.plan.Fleet.Cold.Delay
		}
		// Whoever has waited takes a server that has just come back: it is no warm spare.
		warm := missing <= available && w.now == j.waitingFrom
		w.take(i, missing)
		if !j.planned { // after maintenance it takes back what is serviced
			w.swaps += max(min(missing, j.ready+cold-w.fleet.Cold())-j.serviced, 0)
		}
		w.start(i, true, w.recoveryPause(i, missing, warm)+delay)
		return
	}
	k := j.size - 1
	for k >= 0 && (j.options[k].servers > w.fleet.HeldBy(i)+available || !j.may(k)) {
		k--
	}
	if k < 0 {
		return
	}
	if j.options[k].base == j.options[j.size].base {
		w.settle(i)
		w.resizeTo(i, k)
		if j.stateless {
			w.start(i, true, w.recoveryPause(i, 0, false))
		} else {
			w.start(i, true, w.shrinkPause(i))
		}
		return
	}
	patience := j.spec.Resize + j.spec.Restart.Mean
	ratio := j.options[k].delivered / j.options[j.size].delivered
	if w.now >= j.waitingFrom.After(patience) || job.ShrinkPays(w.repairWait(missing), j.spec.Resize, j.spec.Restart.Mean, ratio) {
		w.settle(i)
		w.resizeTo(i, k)
		w.start(i, true, w.recoveryPause(i, 1, false))
	}
}

// may reports whether a job may move to an option: any with all replicas, or one
// that only drops some of those that it has.
func (j *trainee) may(k int) bool {
	o := &j.options[k]
	return o.base == k || o.base == j.options[j.size].base
}

// take gives free servers to a job, its standbys first.
func (w *World) take(i, n int) {
	j := &w.jobs[i]
	w.fleet.Take(i, n)
	used := min(n, j.standbys)
	j.standbys -= used
	w.standbys -= used
}

// call brings servers of the cold pool into service; the pool stands apart from what the
// others share.
func (w *World) call(n int) {
	for range n {
		w.called++
		w.fleet.Enter(w.fleet.Call(), w.now)
	}
}

// selectStandbys makes up for all standbys of a job that lacks servers, from what is
// free and then from the cold pool.
func (w *World) selectStandbys(i, missing int) {
	j := &w.jobs[i]
	w.standbys -= j.standbys
	j.standbys = 0
	want := missing + j.spec.Recovery.Standbys
	if short := want - (w.fleet.Free() - w.standbys); short > 0 {
		w.call(min(short, w.fleet.Cold()))
	}
	j.standbys = min(want, w.fleet.Free()-w.standbys)
	w.standbys += j.standbys
}

// clampStandbys drops claims on standbys that are no longer free.
func (w *World) clampStandbys() {
	if w.standbys <= w.fleet.Free() {
		return
	}
	for i := range w.jobs {
		j := &w.jobs[i]
		drop := min(j.standbys, w.standbys-w.fleet.Free())
		j.standbys -= drop
		w.standbys -= drop
	}
}

// repairWait is the expected time until so many servers come back from repair, when
// those in repair return at the classes' mean time.
func (w *World) repairWait(servers int) unit.Duration {
	n := w.fleet.Count(fleet.Repair)
	if n < servers {
		return forever
	}
	return meanRepair(&w.plan) * unit.Duration(float64(servers)/float64(n))
}

// meanRepair is the mean time that a failed server is out for: through the pipeline
// where there is one, else the classes' own times by their rates.
func meanRepair(p *scenario.Plan) unit.Duration {
	var mean, rate float64
	for i := range p.Failures.Classes {
		c := &p.Failures.Classes[i]
		if c.Scope.TakesServers() {
			mean += float64(c.Rate.Likely) * float64(c.Repair.Mean)
			rate += float64(c.Rate.Likely)
		}
	}
	if rate == 0 {
		return 0
	}
	own := unit.Duration(mean / rate)
	stages := p.Fleet.Repair.Stages
	if len(stages) == 0 {
		return own
	}
	var sum unit.Duration
	reach := unit.Duration(1)
	for k := range stages {
		t := stages[k].Time.Mean
		if t == 0 {
			t = own
		}
		sum += reach * t
		reach *= unit.Duration(stages[k].Escalates)
	}
	return sum
}

// lossOf is how much of a job's memory a failure of a scope takes.
func lossOf(scope failure.Scope) job.Loss {
	switch {
	case scope == failure.LoopScope || scope == failure.RoomScope:
		return job.ManyServers
	case scope.TakesServers():
		return job.SomeServers
	}
	return job.NoServers
}

// forever is longer than any calendar.
const forever = 1000 * unit.Year

// unreserved counts the free servers beyond the warm spares and the standbys.
func (w *World) unreserved() int {
	return w.fleet.Free() - max(fleet.Reserve(w.plan.Fleet.Spares, w.fleet.InService()), w.standbys)
}
