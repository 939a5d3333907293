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
	w.site.advance(w.now)
	b := &j.books
	added := w.site.added
	share := w.site.share
	drawn := j.busy.Sum() + j.idle.Sum()*share
	b.overhead += drawn * (added - j.added)
	b.toll = b.toll.plus(drawn, w.site.perWatt.plus(-1, j.perWatt))
	j.added, j.perWatt = added, w.site.perWatt
	b.wall[j.phase] += dt
	if j.phase == job.Queued || j.phase == job.Waiting || j.phase == job.Paused {
		b.capped += float64(dt) * j.forgone
	}
	if !j.phase.Holds() {
		return
	}
	held := w.fleet.HeldBy(i)
	b.held += int64(held) * int64(dt)
	chips := held * w.plan.Fleet.ChipsPerServer
	o := &j.options[j.size]
	used := min(o.used, chips)
	b.spare += int64(chips-used) * int64(dt)
	seconds := float64(dt) / 1000
	b.energy += drawn * seconds
	b.withheld += j.idle.Sum() * (1 - share) * seconds
	if j.rising {
		w.bookRise(j, dt)
	}
	switch j.phase {
	case job.Training:
		done, durable := j.progress.Advance(j.cycle, dt, j.rate)
		w.file(j, durable)
		j.age(dt)
		b.trained += done.Tokens
		reach := j.unslowed
		if r := &w.ramp; r.reach > j.clock {
			reach = o.at(r.reach, &w.site.meter).rate
			b.ramped += done.Tokens * (reach/j.unslowed - 1)
		}
		if j.clock != 1 {
			b.capped += done.Tokens * (o.rate - reach) / j.unslowed
		}
		b.capped += float64(dt) * j.forgone
		b.tokens += done.Tokens
		b.productive += done.Tokens / o.tokens * float64(o.parts.Compute) * float64(used)
		if slow := w.slowdown(i); slow > 0 {
			b.bySize[j.size].slow += slow * float64(done.Train) * float64(used)
		}
		b.byClock[j.segment].time += dt
	case job.Starting:
		if j.recovering {
			b.restarting += dt
			b.lostTo[j.cause] += dt
		}
		if from := w.now - dt; j.turn.until > from { // it waits for its turn, rises in it or is denied that
			lost := float64(min(w.now, j.turn.until)-from) * o.sustained()
			if j.rising || from < j.turn.from {
				ramped := lost * o.at(w.ramp.reach, &w.site.meter).rate / o.rate
				b.ramped += ramped
				lost -= ramped
			}
			b.capped += lost
		}
		b.chips[job.Starting] += int64(used) * int64(dt)
	case job.Detecting:
		b.lostTo[j.cause] += dt
		b.chips[job.Detecting] += int64(used) * int64(dt)
	default:
		if j.phase == job.Paused {
			lost := float64(dt) * o.sustained()
			if j.climbs {
				ramped := lost * o.at(w.ramp.reach, &w.site.meter).rate / o.rate
				b.ramped += ramped
				lost -= ramped
			}
			b.capped += lost
		}
		if j.phase == job.Waiting {
			b.lostTo[j.cause] += dt
		}
		b.chips[j.phase] += int64(used) * int64(dt)
	}
}

// bookRise books what a job's power has risen by since the job was last settled.
func (w *World) bookRise(j *trainee, dt des.Time) {
	b, r := &j.books, &w.site.rise
	b.energy += r.energy
	b.overhead += r.overhead
	b.toll = b.toll.plus(1, r.toll)
	b.rampEnergy += r.energy + r.overhead
	r.energy, r.overhead, r.toll = 0, 0, toll{}
	b.byClock[j.segment].risen += j.turn.risen(w.now-dt, w.now)
}

// age moves what depends on how long the job has trained on.
func (j *trainee) age(dt des.Time) {
	for k := range j.taints {
		j.taints[k].trained += dt
	}
	for k := range j.tiers {
		t, interval := &j.tiers[k], max(des.FromDuration(j.spec.Checkpoint.Fast[k].Interval), 1)
		if t.since += dt; t.since >= interval {
			t.since, t.holds = t.since%interval, true
		}
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
		w.leaveRamp(j)
		if j.phase == job.Starting && !j.recovering && w.now >= j.durable {
			w.keep(j)
		}
		if j.books.trained > 0 { // before its first step there is nothing to interrupt
			j.books.interruptions++
			if j.phase == job.Training {
				j.books.stops++
			}
			j.books.interruptedBy[class]++
		}
		j.cause = class
		w.lose(j, loss)
	case job.Detecting:
		w.lose(j, loss)
		if known >= j.known {
			return
		}
	case job.Waiting:
		w.lose(j, loss)
		return
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

// lose writes off the work since the newest state that survives a failure: that of
// other replicas, of a fast tier or of the store. A job that stands already loses only
// what the failure takes in addition.
func (w *World) lose(j *trainee, loss job.Loss) {
	running := j.phase == job.Training || j.phase == job.Paused || j.phase == job.Starting && !j.recovering
	j.stateless = j.stateless && !running || !j.spec.Recovery.Mode.KeepsState() || loss == job.ManyServers
	back := j.progress.AtRisk().Wall()
	if w.storage > 0 {
		back = des.Never
	}
	j.tier = -1
	for k := range j.tiers {
		t := &j.tiers[k]
		switch {
		case !j.spec.Checkpoint.Fast[k].Survives(loss):
			*t = tierAge{}
		case j.stateless && t.holds && t.since <= back:
			back, j.tier = t.since, k
		}
	}
	var lost job.Work
	var doubted des.Time
	switch {
	case !j.stateless:
		if running { // the step under way
			lost = j.progress.Rewind(j.cycle, des.FromDuration(j.options[j.size].time))
		}
	case j.tier >= 0:
		lost = j.progress.Rewind(j.cycle, back)
	default:
		lost = j.progress.AtRisk()
		j.progress = job.Progress{}
		if w.storage > 0 {
			doubted = w.writeOffDoubt(j, w.storeDown, j.cause)
		}
	}
	w.writeOff(j, j.trainedOn, lost, j.cause)
	for k := range j.tiers {
		j.tiers[k].since = max(j.tiers[k].since-lost.Wall(), 0)
	}
	if j.tier >= 0 {
		j.tiers[j.tier].since = 0
	}
	w.forget(j, lost.Wall()+doubted)
}

// writeOff books work done on one of the job's sizes as lost to a class.
func (w *World) writeOff(j *trainee, size int, lost job.Work, class int) {
	b, o := &j.books, &j.options[size]
	b.bySize[size].lost = b.bySize[size].lost.Add(lost)
	b.lostTo[class] += lost.Wall()
	b.tokens -= lost.Tokens
	b.productive -= lost.Tokens / o.tokens * float64(o.parts.Compute) * float64(o.used)
}

// keep makes all work durable: a checkpoint at leave is written, or the end is there.
func (w *World) keep(j *trainee) {
	w.file(j, j.progress.AtRisk())
	j.progress = job.Progress{}
}

// stop halts a job whose work is saved first, for maintenance or to be rid of a server.
func (w *World) stop(i int) {
	j := &w.jobs[i]
	switch j.phase {
	case job.Starting, job.Training, job.Paused:
		w.settle(i)
		w.leaveRamp(j)
		w.keep(j)
	default:
		return
	}
	j.books.plannedStops++
	j.phase, j.planned, j.cause, j.tier = job.Waiting, true, len(w.plan.Failures.Classes), -1
	j.stateless = !j.spec.Recovery.Mode.KeepsState() || w.fleet.HeldBy(i) == 0
	j.waitingFrom = w.now
	j.epoch++
	w.vacant = true
	w.set(&j.resize, w.now.After(j.spec.Resize+j.spec.Restart.Mean), kindResize, int32(i))
}

// reclock takes a change of a settled job's slow servers to its speed.
func (w *World) reclock(i int) {
	j := &w.jobs[i]
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
	if j.turn == (turn{}) {
		if w.storage > w.now && j.recovering && j.stateless && j.tier < 0 {
			// Loading comes last, and the store went down meanwhile, or stays down for longer.
			w.queue.Push(event(w.storage, kindRestarted, int32(i), epoch))
			return
		}
		if t := w.starts(i); t.until > w.now {
			w.settle(i)
			j.turn = t
		}
	}
	w.settle(i)
	switch t := j.turn; {
	case t.from > w.now:
		w.queue.Push(event(t.from, kindRestarted, int32(i), epoch))
		return
	case t.until > w.now:
		j.rising, w.site.stale = true, true // it may have risen until this instant already
		w.setClock(i, w.site.clock)
		w.queue.Push(event(t.until, kindRestarted, int32(i), epoch))
		return
	}
	if !j.recovering || j.size != j.trainedOn { // what it left with has been saved
		w.keep(j)
	}
	j.phase, j.planned, j.stateless = job.Training, false, false
	if j.turn.from < j.turn.until && !j.rising { // the limit left it no power
		j.phase = job.Paused
	}
	j.rising = false
	j.began = w.now
	j.trainedOn = j.size
	j.follow(j.options[j.size].cycle)
	w.infect(i)
	w.setClock(i, w.site.clock)
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
		at += j.cycle.Until(j.progress.Phase, des.Time(left))
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
	w.acquit(j)
	w.fleet.Release(i, w.fleet.HeldBy(i))
	w.standbys -= j.standbys
	j.standbys = 0
	j.phase = job.Finished
	j.books.finishedAt = w.now
	w.vacant = true
}
