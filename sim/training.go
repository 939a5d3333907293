package sim

import (
	"math"

	"clustercap/sim/des"
	"clustercap/sim/job"
)

// settle brings a job's progress, energy and books up to now. Whatever changes its
// phase, servers, size or clock settles first.
func (w *World) settle(i int) {
	j := &w.jobs[i]
	dt := w.now - j.since
	j.since = w.now
	if dt == 0 {
		return
	}
	b := &j.books
	b.wall[j.phase] += dt
	if !j.phase.Holds() {
		return
	}
	held := w.fleet.HeldBy(i)
	b.held += int64(held) * int64(dt)
	chips := held * w.plan.Fleet.ChipsPerServer
	o := &j.options[j.size]
	used := min(o.used, chips)
	b.spare += int64(chips-used) * int64(dt)
	m, share := &w.site.meter, w.site.share
	energy := float64(chips-used) * m.Idle * float64(dt)
	switch j.phase {
	case job.Training:
		done, durable := j.progress.Advance(o.cycle, dt, j.rate)
		b.bySize[j.size].kept = b.bySize[j.size].kept.Add(durable)
		b.trained += done.Tokens
		b.tokens += done.Tokens
		b.productive += done.Tokens / o.tokens * float64(o.parts.Compute) * float64(used)
		energy += j.watts.train*float64(done.Train) + j.watts.block*float64(done.Block)
		b.byClock[j.segment].train += done.Train
		b.byClock[j.segment].block += done.Block
	case job.Starting:
		if j.recovering {
			b.restarting += dt
		}
		b.chips[job.Starting] += int64(used) * int64(dt)
		energy += float64(used) * m.Idle * float64(dt)
	case job.Detecting: // the survivors spin in a collective that never ends
		b.chips[job.Detecting] += int64(used) * int64(dt)
		energy += float64(used) * m.Comm * float64(dt)
	default:
		b.chips[j.phase] += int64(used) * int64(dt)
		energy += float64(used) * m.Idle * float64(dt)
	}
	b.energy += energy * share / 1000
	b.withheld += energy * (1 - share) / 1000
}

// interrupt stops a settled job for a failure that will be known at a time. A job
// that stands already is known to as soon as the first of its failures is.
func (w *World) interrupt(i int, known des.Time) {
	j := &w.jobs[i]
	switch j.phase {
	case job.Starting, job.Training, job.Paused:
		if j.phase == job.Starting && w.now >= j.durable {
			w.keep(j)
		}
		if j.books.trained > 0 { // before its first step there is nothing to interrupt
			j.books.interruptions++
		}
		w.lose(j)
	case job.Detecting:
		if known >= j.known {
			return
		}
	default: // nothing runs that could stop
		return
	}
	j.phase = job.Detecting
	j.known = known
	j.epoch++
	w.queue.Push(event(known, kindDetected, int32(i), j.epoch))
}

// lose writes off the work since the last durable checkpoint.
func (w *World) lose(j *trainee) {
	b := &j.books
	risk := j.progress.AtRisk()
	b.bySize[j.trainedOn].lost = b.bySize[j.trainedOn].lost.Add(risk)
	b.tokens -= risk.Tokens
	o := &j.options[j.trainedOn]
	b.productive -= risk.Tokens / o.tokens * float64(o.parts.Compute) * float64(o.used)
	j.progress = job.Progress{}
}

// keep makes all work durable: a checkpoint at leave is written, or the end is there.
func (w *World) keep(j *trainee) {
	b := &j.books
	b.bySize[j.trainedOn].kept = b.bySize[j.trainedOn].kept.Add(j.progress.AtRisk())
	j.progress = job.Progress{}
}

// detected is when a job's owner knows that it stopped: restart, if there are servers.
func (w *World) detected(i int, epoch uint32) {
	j := &w.jobs[i]
	if epoch != j.epoch || j.phase != job.Detecting {
		return
	}
	w.settle(i)
	j.phase = job.Waiting
	j.waitingFrom = w.now
	w.refill(i)
	if j.phase == job.Waiting {
		w.set(&j.resize, w.now.After(j.spec.Resize+j.spec.Restart.Mean), kindResize, int32(i))
	}
}

// start begins loading a checkpoint on servers that are all there.
func (w *World) start(i int, recovering bool) {
	j := &w.jobs[i]
	j.phase = job.Starting
	j.recovering = recovering
	wait := draw(j.spec.Restart, w.draws.restart[i])
	if !recovering && j.books.tokens > 0 {
		// A change of size by choice: training stops until a checkpoint is durable.
		// Until then a failure loses what it would have saved.
		save := j.spec.Checkpoint.Blocking + j.spec.Checkpoint.Background
		j.durable = w.now.After(save)
		wait += save
	}
	j.epoch++
	w.queue.Push(event(w.now.After(wait), kindRestarted, int32(i), j.epoch))
}

// restarted is when training goes on.
func (w *World) restarted(i int, epoch uint32) {
	j := &w.jobs[i]
	if epoch != j.epoch || j.phase != job.Starting {
		return
	}
	w.settle(i)
	w.keep(j)
	j.phase = job.Training
	j.trainedOn = j.size
	w.setClock(i, 1)
	w.armFinish(i)
	if j.size+1 < len(j.options) {
		// It may grow at once, or when its last change is old enough.
		w.vacant = true
		w.armGrowth(i)
	}
}

// armGrowth wakes the job when its last change of size is old enough for another.
func (w *World) armGrowth(i int) {
	j := &w.jobs[i]
	if at := j.lastResize.After(j.spec.Resize); at > w.now {
		w.set(&j.resize, at, kindResize, int32(i))
	}
}

// armFinish sets the alarm for the end of training at the present rate.
func (w *World) armFinish(i int) {
	j := &w.jobs[i]
	if j.phase != job.Training {
		return
	}
	left := math.Ceil((float64(j.spec.Tokens) - j.books.tokens) / j.rate)
	if left > float64(w.pre.horizon) {
		return
	}
	at := w.now
	if left > 0 {
		at += j.options[j.size].cycle.Until(j.progress.Phase, des.Time(left))
	}
	w.set(&j.finish, at, kindFinish, int32(i))
}

// finish ends a job that has all its tokens; a job that was set back since the alarm
// was set gets another one.
func (w *World) finish(i int, epoch uint32) {
	j := &w.jobs[i]
	if epoch != j.finish.epoch {
		return
	}
	j.finish.at = des.Never
	if j.phase != job.Training {
		return
	}
	w.settle(i)
	if j.books.tokens < float64(j.spec.Tokens) {
		w.armFinish(i)
		return
	}
	w.keep(j)
	w.fleet.Release(i, w.fleet.HeldBy(i))
	j.phase = job.Finished
	j.books.finishedAt = w.now
	w.vacant = true
}
