package sim

import (
	"math"
	"slices"

	"clustercap/sim/des"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
)

// resetClock draws the first failure of every class. Failures are drawn at the
// highest rate that any server can have and kept with the share that its victim's
// age gives (thinning), so a failure costs the same whatever the number of servers.
// What lemons fail more often than others is a process of its own over the lemons, and
// that sound servers become lemons one over the servers in service.
func (w *World) resetClock() {
	f := &w.plan.Failures
	if !slices.ContainsFunc(w.plan.Fleet.Repair.Stages, func(s fleet.Stage) bool { return s.Ineffective > 0 }) {
		f.Relapse = failure.Relapse{} // no repair can fail
	}
	chips := 0
	for i := range w.plan.Jobs {
		chips = max(chips, slices.Max(w.plan.Jobs[i].Sizes))
	}
	w.aging.Reset(f, w.plan.Horizon, max(chips, 1))
	w.clock.Reset()
	var excess, idle float64
	for i := range f.Classes {
		c := &f.Classes[i]
		rate := float64(c.Rate.Likely) * float64(f.Scale.Likely) * w.aging.Bound(i) / 1000
		weights := failure.Weights{failure.InUse: 1, failure.Idle: float64(c.Idle), failure.BurnIn: float64(c.BurnIn)}
		w.clock.Add(1/rate, weights, w.draws.failure[i].Exp())
		if c.Scope.OwnServer() {
			excess += rate
			idle = max(idle, float64(c.Idle))
		}
	}
	w.lemonIdle, w.lemonsRest = max(idle, 1), idle == 0
	mean := math.Inf(1)
	if f.Lemons.Any() {
		mean = 1 / (excess * w.lemonIdle * max(float64(f.Lemons.Factor.Likely)-1, 0))
	}
	w.lemonClass = w.clock.Add(mean, failure.Weights{failure.Excess: 1}, w.draws.lemons.Exp())
	onset := math.Inf(1)
	if f.Lemons.Onset.High > 0 {
		onset = 1000 * float64(w.plan.Fleet.ChipsPerServer) / float64(f.Lemons.Onset.Likely)
	}
	w.onsetClass = w.clock.Add(onset, failure.Weights{failure.InUse: 1, failure.Idle: 1}, w.draws.onset.Exp())
}

// census counts chips by what they do.
func (w *World) census() {
	cps := int64(w.plan.Fleet.ChipsPerServer)
	var busy int64
	for i := range w.jobs {
		if w.jobs[i].phase == job.Training {
			busy += int64(w.fleet.HeldBy(i))
		}
	}
	w.chips = failure.Chips{
		failure.InUse: busy * cps, failure.Idle: (int64(w.fleet.InService()) - busy) * cps,
		failure.BurnIn: int64(w.fleet.Count(fleet.Commissioning)) * cps, failure.Excess: int64(w.fleet.Lemons()) * cps,
	}
	if busy == 0 && w.lemonsRest { // none of them could fail
		w.chips[failure.Excess] = 0
	}
}

// armFailure finds the next failure: when its exposure is reached at the present
// population. One whose exposure is reached already comes at once.
func (w *World) armFailure() {
	class, wait := w.clock.Next(&w.exposure, &w.chips)
	w.failing, w.failure = class, des.Never
	if class >= 0 && wait <= float64(w.pre.horizon-w.now) {
		w.failure = w.now + max(des.Time(math.Ceil(wait)), 0)
	}
}

// strike fires the class of failure that is due, unless the events of this instant have
// left no chips for it to strike.
func (w *World) strike() {
	w.census()
	class := w.failing
	if !w.clock.Exposes(class, &w.chips) {
		return
	}
	switch class {
	case w.lemonClass:
		w.failLemon()
		w.clock.Fire(class, w.draws.lemons.Exp())
	case w.onsetClass:
		w.fleet.Spoil(w.fleet.Victim(w.draws.onsetVictim.IntN(w.fleet.InService())))
		w.clock.Fire(class, w.draws.onset.Exp())
	default:
		victim := w.victim(class)
		if w.kept(class, victim) {
			w.fail(class, victim)
		}
		w.clock.Fire(class, w.draws.failure[class].Exp())
	}
}

// victim is the server that a class strikes: each chip as likely as its condition says.
func (w *World) victim(class int) int32 {
	weights := w.clock.Weights(class)
	cps := float64(w.plan.Fleet.ChipsPerServer)
	var share [failure.NumConditions]float64
	total := 0.0
	for k := range share {
		share[k] = weights[k] * float64(w.chips[k]) / cps // servers, weighted
		total += share[k]
	}
	x := w.draws.victim[class].Float64() * total
	last := failure.InUse
	for k := failure.InUse; k <= failure.BurnIn; k++ {
		if share[k] == 0 {
			continue
		}
		last = k
		if x < share[k] {
			break
		}
		x -= share[k]
	}
	servers := int(float64(w.chips[last]) / cps)
	n := min(int(x/weights[last]), servers-1)
	if last == failure.BurnIn {
		return w.fleet.BurningVictim(n)
	}
	if last == failure.Idle {
		if n < w.fleet.Free() {
			return w.fleet.FreeVictim(n)
		}
		n -= w.fleet.Free()
	}
	for i := range w.jobs {
		if (w.jobs[i].phase == job.Training) != (last == failure.InUse) {
			continue
		}
		if held := w.fleet.HeldBy(i); n >= held {
			n -= held
			continue
		}
		return w.fleet.HeldVictim(i, n)
	}
	panic("sim: a victim beyond the servers in service")
}

// kept thins: a failure drawn at the highest rate stands with the share that the
// victim's own hazard is of it.
func (w *World) kept(class int, victim int32) bool {
	if w.aging.Ageless() {
		return true
	}
	v := w.fleet.Server(victim)
	age := failure.Ages{Trained: -1, Site: w.now.Duration()}
	if v.Status != fleet.Commissioning {
		age.Commissioned, age.Renewed = (w.now - v.Commissioned).Duration(), (w.now - v.Renewed).Duration()
	}
	if v.Holder >= 0 && w.jobs[v.Holder].phase == job.Training {
		age.Trained = (w.now - w.jobs[v.Holder].began).Duration()
	}
	f := w.aging.Factor(class, age, v.Relapsing)
	return w.draws.thinning[class].Float64()*w.aging.Bound(class) < f
}

// failLemon strikes a lemon in service in one of the classes of a single server.
func (w *World) failLemon() {
	f := &w.plan.Failures
	d := &w.draws
	victim := w.fleet.LemonVictim(d.lemonVictim.IntN(w.fleet.Lemons()))
	var total float64
	for i := range f.Classes {
		if f.Classes[i].Scope.OwnServer() {
			total += float64(f.Classes[i].Rate.Likely) * w.aging.Bound(i)
		}
	}
	x, class := d.lemonClass.Float64()*total, -1
	for i := range f.Classes {
		if f.Classes[i].Scope.OwnServer() && f.Classes[i].Rate.Likely > 0 {
			class = i
			if x -= float64(f.Classes[i].Rate.Likely) * w.aging.Bound(i); x < 0 {
				break
			}
		}
	}
	weight := 1.0
	if holder := w.fleet.Server(victim).Holder; holder < 0 || w.jobs[holder].phase != job.Training {
		weight = float64(f.Classes[class].Idle)
	}
	if d.lemonIdle.Float64()*w.lemonIdle < weight && w.kept(class, victim) {
		w.excess++
		w.fail(class, victim)
	}
}
