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
		w.file(j, durable)
		b.trained += done.Tokens
		b.tokens += done.Tokens
		b.productive += done.Tokens / o.tokens * float64(o.parts.Compute) * float64(used)
		if slow := w.slowdown(i); slow > 0 {
			b.bySize[j.size].slow += slow * float64(done.Train) * float64(used)
		}
		energy += j.watts.train*float64(done.Train) + j.watts.block*float64(done.Block)
		b.byClock[j.segment].train += done.Train
		b.byClock[j.segment].block += done.Block
	case job.Starting:
		if j.recovering {
			b.restarting += dt
			b.lostTo[j.cause] += dt
		}
		b.chips[job.Starting] += int64(used) * int64(dt)
		energy += float64(used) * m.Idle * float64(dt)
	case job.Detecting: // the survivors spin in a collective that never ends
		b.lostTo[j.cause] += dt
		b.chips[job.Detecting] += int64(used) * int64(dt)
		energy += float64(used) * m.Comm * float64(dt)
	default:
		if j.phase == job.Waiting {
			b.lostTo[j.cause] += dt
		}
		b.chips[j.phase] += int64(used) * int64(dt)
		energy += float64(used) * m.Idle * float64(dt)
	}
	b.energy += energy * share / 1000
	b.withheld += energy * (1 - share) / 1000
}

// file takes work as kept once its checkpoint is durable: for good, or in doubt
// while the store is down or a silent failure is at work.
func (w *World) file(j *trainee, durable job.Work) {
	s := &j.books.bySize[j.trainedOn]
	if j.tainted || w.storage > 0 {
		s.doubt = s.doubt.Add(durable)
	} else {
		s.kept = s.kept.Add(durable)
	}
}

// interrupt stops a job for a failure of a class that will be known at a time and
// that takes so much of the job's memory. A job that stands already is known to as
// soon as the first of its failures is.
func (w *World) interrupt(i, class int, known des.Time, loss job.Loss) {
	if i < 0 {
		return
	}
	w.settle(i)
	j := &w.jobs[i]
	switch j.phase {
	case job.Starting, job.Training, job.Paused:
		if j.phase == job.Starting && !j.recovering && w.now >= j.durable {
			w.keep(j)
		}
		if j.books.trained > 0 { // before its first step there is nothing to interrupt
			j.books.interruptions++
			j.books.interruptedBy[class]++
		}
		j.cause = class
		w.lose(j, loss)
	case job.Detecting:
		if known >= j.known {
			return
		}
	default: // nothing runs that could stop
		return
	}
	j.phase, j.planned = job.Detecting, false
	j.known = known
	j.epoch++
	if known <= w.now {
		w.detected(i, j.epoch)
		return
	}
	w.queue.Push(event(known, kindDetected, int32(i), j.epoch))
}

// lose writes off the work since the newest checkpoint that survived.
func (w *World) lose(j *trainee, loss job.Loss) {
	j.tier = -1
	back := des.Time(math.MaxInt64)
	if j.spec.Recovery.Mode.KeepsState() && loss != job.ManyServers {
		back = des.FromDuration(j.options[j.size].time) // the step under way
	}
	for k := range j.spec.Checkpoint.Fast {
		t := &j.spec.Checkpoint.Fast[k]
		if since := j.progress.Phase % max(des.FromDuration(t.Interval), 1); t.Survives(loss) && since < back {
			back, j.tier = since, k
		}
	}
	switch {
	case back == math.MaxInt64:
		w.writeOff(j, j.progress.AtRisk())
		j.progress = job.Progress{}
		if w.storage > 0 {
			w.writeOffDoubt(j)
		}
	case j.phase != job.Starting || !j.recovering:
		w.writeOff(j, j.progress.Rewind(j.options[j.trainedOn].cycle, back))
	}
	if j.tainted && j.progress.AtRisk() == (job.Work{}) && !j.inDoubt() {
		j.tainted = false // the corruption was lost with it
	}
}

// writeOff books work done on the job's size as lost.
func (w *World) writeOff(j *trainee, lost job.Work) {
	b := &j.books
	b.bySize[j.trainedOn].lost = b.bySize[j.trainedOn].lost.Add(lost)
	b.lostTo[j.cause] += lost.Wall()
	b.tokens -= lost.Tokens
	o := &j.options[j.trainedOn]
	b.productive -= lost.Tokens / o.tokens * float64(o.parts.Compute) * float64(o.used)
}

// keep makes all work durable: a checkpoint at leave is written, or the end is there.
func (w *World) keep(j *trainee) {
	w.file(j, j.progress.AtRisk())
	j.progress = job.Progress{}
}

// stop halts a job whose work is saved first, for maintenance or to be rid of a server.
func (w *World) stop(i int, maintenance bool) {
	j := &w.jobs[i]
	switch j.phase {
	case job.Starting, job.Training, job.Paused:
		w.settle(i)
		w.keep(j)
	default:
		return
	}
	if maintenance {
		j.books.plannedStops++
	}
	j.phase, j.planned, j.cause, j.tier = job.Waiting, true, len(w.plan.Failures.Classes), -1
	j.waitingFrom = w.now
	j.epoch++
	w.vacant = true
	w.set(&j.resize, w.now.After(j.spec.Resize+j.spec.Restart.Mean), kindResize, int32(i))
}

// slowdown is how much slower the slowest server that a job holds makes it.
func (w *World) slowdown(i int) float64 {
	if w.fleet.SlowHeldBy(i) == 0 {
		return 0
	}
	return max(w.jobs[i].slowdown, float64(w.plan.Failures.Stragglers.Slowdown))
}

// reclock takes a change of a settled job's slow servers to its speed.
func (w *World) reclock(i int) {
	j := &w.jobs[i]
	if w.fleet.SlowHeldBy(i) == 0 {
		j.slowdown = 0
	}
	if j.phase == job.Training {
		w.setClock(i, j.clock)
		w.armFinish(i)
	}
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

// restarted is when training goes on.
func (w *World) restarted(i int, epoch uint32) {
	j := &w.jobs[i]
	if epoch != j.epoch || j.phase != job.Starting {
		return
	}
	w.settle(i)
	if !j.recovering || j.size != j.trainedOn { // what it left with has been saved
		w.keep(j)
	}
	j.phase, j.planned = job.Training, false
	j.trainedOn = j.size
	if w.fleet.SlowHeldBy(i) == 0 {
		j.slowdown = 0
	}
	w.setClock(i, 1)
	w.armFinish(i)
	w.armEviction(i)
	if j.size+1 < len(j.options) {
		// It may grow at once, or when its last change is old enough.
		w.vacant = true
		w.armGrowth(i)
	}
}

// armGrowth wakes the job when its last change of size is old enough for another.
func (w *World) armGrowth(i int) {
	j := &w.jobs[i]
	if at := j.lastResize.After(j.spec.Resize); at > w.now && j.spec.Recovery.Mode != job.Shrink {
		w.set(&j.resize, at, kindResize, int32(i))
	}
}

// armFinish sets the alarm for the end of training at the present rate.
func (w *World) armFinish(i int) {
	j := &w.jobs[i]
	if j.phase != job.Training {
		return
	}
	left := math.Ceil((j.tokens - j.books.tokens) / j.rate)
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
	if j.books.tokens < j.tokens {
		w.armFinish(i)
		return
	}
	w.keep(j)
	w.clear(j) // what nobody has found by the end stays in
	w.fleet.Release(i, w.fleet.HeldBy(i))
	w.standbys -= j.standbys
	j.standbys = 0
	j.phase = job.Finished
	j.books.finishedAt = w.now
	w.vacant = true
}
