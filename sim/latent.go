package sim

import (
	"slices"

	"clustercap/sim/des"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
)

// latent is a fault that a server carries until it is found: it corrupts or slows what
// runs there, or stops it again after a wrong diagnosis. It goes with the server
// through maintenance and outages of what the server shares, and ends with a repair of
// the server itself.
type latent struct {
	server int32
	epoch  uint16 // of the server: a later one has been repaired
	class  uint16
}

// taint is what a silent failure has done to a job: all work since is corrupt. It
// outlives the server's part in the job, and may be of a server that has left it.
type taint struct {
	fault int32 // of World.latents
	since des.Time
	// trained is the wall time of the job's work since then that it still has; the
	// taint is gone when all of it has been lost.
	trained des.Time
}

// doubt is durable work on one size that may not count: it was saved after a silent
// failure, or while the store was down.
type doubt struct {
	size int
	from des.Time // the latest cause of doubt before it was saved
	work job.Work
}

// hide records a fault that nobody sees yet and returns its number.
func (w *World) hide(class int, server int32) int32 {
	f := latent{server, w.fleet.Server(server).Epoch, uint16(class)}
	if n := len(w.unused); n > 0 {
		at := w.unused[n-1]
		w.unused = w.unused[:n-1]
		w.latents[at] = f
		return at
	}
	w.latents = append(w.latents, f)
	return int32(len(w.latents) - 1)
}

// unhide forgets a fault; it reports whether its server still has it.
func (w *World) unhide(n int32) (f latent, present bool) {
	f = w.latents[n]
	w.latents[n].server = none
	w.unused = append(w.unused, n)
	return f, w.fleet.Server(f.server).Epoch == f.epoch
}

// none stands for no server.
const none int32 = -1

// infect makes a settled job that goes on training corrupt from now on where it holds
// servers that fail silently.
func (w *World) infect(i int) {
	for n := range w.latents {
		f := &w.latents[n]
		if f.server == none || !w.plan.Failures.Classes[f.class].Silent {
			continue
		}
		if v := w.fleet.Server(f.server); v.Epoch == f.epoch && int(v.Holder) == i {
			w.taint(i, int32(n))
		}
	}
}

// taint makes what a settled job does from now on corrupt by a fault.
func (w *World) taint(i int, fault int32) {
	j := &w.jobs[i]
	if !slices.ContainsFunc(j.taints, func(t taint) bool { return t.fault == fault }) {
		j.taints = append(j.taints, taint{fault: fault, since: w.now})
	}
}

// exposed is when a silent or slow failure is found: its server goes to repair. Jobs
// that a silent one has corrupted go back to before it, wherever its server is by
// then; one that a slow server delays saves its work first.
func (w *World) exposed(n int32) {
	f, present := w.unhide(n)
	v := w.fleet.Server(f.server)
	class, holder := int(f.class), fleet.NoHolder
	switch {
	case present && (v.Status == fleet.Held || v.Status == fleet.Free):
		if holder = v.Holder; holder >= 0 {
			w.settle(int(holder))
		}
		w.takeOut(f.server, class, w.now)
	case present: // out with others: it is mended on the occasion
		if v.Slow == slowCause(class) {
			v.Slow = 0
		}
	}
	if !w.plan.Failures.Classes[class].Silent {
		if holder >= 0 {
			w.swaps++
			w.stop(int(holder))
		}
		return
	}
	for i := range w.jobs {
		j := &w.jobs[i]
		switch at := slices.IndexFunc(j.taints, func(t taint) bool { return t.fault == n }); {
		case at >= 0:
			w.settle(i)
			w.rollBack(j, j.taints[at].since, class)
			w.interrupt(i, class, w.now, job.ManyServers) // no copy in memory is sound
		case i == int(holder):
			w.interrupt(i, class, w.now, job.SomeServers)
		}
	}
}

// rollBack writes off all that a settled job may have done since a time.
func (w *World) rollBack(j *trainee, since des.Time, class int) {
	lost := j.progress.AtRisk()
	w.writeOff(j, j.trainedOn, lost, class)
	j.progress = job.Progress{}
	for k := range j.tiers {
		j.tiers[k] = tierAge{}
	}
	w.forget(j, lost.Wall()+w.writeOffDoubt(j, since, class))
}

// writeOffDoubt loses the work in doubt since a time and returns how long it took.
func (w *World) writeOffDoubt(j *trainee, since des.Time, class int) (wall des.Time) {
	for n := len(j.doubts); n > 0 && j.doubts[n-1].from >= since; n-- {
		d := &j.doubts[n-1]
		w.writeOff(j, d.size, d.work, class)
		wall += d.work.Wall()
		j.doubts = j.doubts[:n-1]
	}
	return wall
}

// forget ends the taints all of whose work is among what has been lost, the latest.
func (w *World) forget(j *trainee, lost des.Time) {
	n := len(j.taints)
	if n == 0 {
		return
	}
	for k := range j.taints {
		j.taints[k].trained -= lost
	}
	j.taints = slices.DeleteFunc(j.taints, func(t taint) bool { return t.trained <= 0 })
	if len(j.taints) < n {
		w.clear(j)
	}
}

// file takes work as kept once its checkpoint is durable: for good, or in doubt
// while the store is down or a silent failure is at work.
func (w *World) file(j *trainee, durable job.Work) {
	if durable == (job.Work{}) {
		return
	}
	if len(j.taints) == 0 && w.storage == 0 {
		s := &j.books.bySize[j.trainedOn]
		s.kept = s.kept.Add(durable)
		return
	}
	var from des.Time
	if w.storage > 0 {
		from = w.storeDown
	}
	for _, t := range j.taints {
		from = max(from, t.since)
	}
	if n := len(j.doubts); n > 0 {
		d := &j.doubts[n-1]
		if d.size == j.trainedOn && d.from >= from {
			d.work = d.work.Add(durable)
			return
		}
		from = max(from, d.from)
	}
	j.doubts = append(j.doubts, doubt{j.trainedOn, from, durable})
}

// clear takes the work of a job whose checkpoints are in doubt no more as kept.
func (w *World) clear(j *trainee) {
	oldest := des.Never
	if w.storage > 0 {
		oldest = w.storeDown
	}
	for _, t := range j.taints {
		oldest = min(oldest, t.since)
	}
	n := 0
	for n < len(j.doubts) && j.doubts[n].from < oldest {
		d := &j.doubts[n]
		s := &j.books.bySize[d.size]
		s.kept = s.kept.Add(d.work)
		n++
	}
	j.doubts = slices.Delete(j.doubts, 0, n)
}

// acquit ends a job with all its work kept: what nobody has found by then stays in.
func (w *World) acquit(j *trainee) {
	j.taints = j.taints[:0]
	for _, d := range j.doubts {
		s := &j.books.bySize[d.size]
		s.kept = s.kept.Add(d.work)
	}
	j.doubts = j.doubts[:0]
}

// strikeSlow makes a server slow its job down, as the worst of its faults does.
func (w *World) strikeSlow(s int32, class int) {
	v := w.fleet.Server(s)
	cause := slowCause(class)
	if w.slows[v.Slow] >= w.slows[cause] {
		return
	}
	holder := int(v.Holder)
	if holder >= 0 {
		w.settle(holder)
	}
	w.fleet.SetSlow(s, cause)
	if holder >= 0 {
		w.reclock(holder)
	}
}

// slowCause is what fleet.Server.Slow holds for a failure class; the number of classes
// stands for stragglers.
func slowCause(class int) uint16 { return uint16(class) + 1 }

// resetSlows lists the slowdowns by cause, that of a sound server first.
func (w *World) resetSlows(f *failure.Spec) {
	w.slows = append(w.slows[:0], 0)
	for i := range f.Classes {
		w.slows = append(w.slows, float64(f.Classes[i].Slowdown))
	}
	w.slows = append(w.slows, float64(f.Stragglers.Slowdown))
}

// slowdown is how much slower the slowest server that a job holds makes it.
func (w *World) slowdown(i int) float64 {
	if w.fleet.SlowHeldBy(i) == 0 {
		return 0
	}
	worst := 0.0
	for cause, n := range w.fleet.SlowByCause(i) {
		if n > 0 {
			worst = max(worst, w.slows[cause])
		}
	}
	return worst
}
