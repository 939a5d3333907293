package sim

import (
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/power"
)

// regulate keeps the site under its limit at every instant of every step. What no
// job holds is switched off first, as far as needed. Then all jobs that train run at
// the highest common clock at which their most demanding phases, all at once, stay
// below the limit. Where even the lowest clock is too much, jobs pause, the lowest
// priority first, or before the clock falls where the policy says so. Where the first
// alone is too much beside what the others hold, it trains at the lowest clock, and what
// does not train gets the share of its power that is left.
func (w *World) regulate() {
	s := &w.site
	if s.supply.active { // its flow follows the time that has passed
		s.advance(w.now)
		s.supply.turn()
		s.stale = true
	}
	unheld, hour := w.unheld(), int(w.now/hourLength)
	moved := w.stand()
	if !moved && !s.stale && unheld == s.unheld && hour == s.regulated {
		return
	}
	s.unheld, s.regulated = unheld, hour
	limit, running, clocked := 0.0, len(w.jobs), false
	if !s.unbound {
		limit, running, clocked = w.runWithin(unheld, hour)
	}
	if moved || clocked || s.stale {
		w.addUp()
	}
	s.stale = false
	s.advance(w.now)
	w.hold(limit)
	w.armSupply()
	w.armWeather(limit, running < len(w.jobs) || s.clock < 1)
}

// runWithin sets the clock of the jobs that train and pauses those that may not, and
// returns the IT limit (0: none that binds), how many may run, and whether any job's clock
// or leave to run has changed.
func (w *World) runWithin(unheld, hour int) (limit float64, running int, clocked bool) {
	s := &w.site
	base, ready := 0.0, 0
	for i := range w.jobs {
		base += w.jobs[i].stance.base.Sum()
		ready += w.jobs[i].stance.ready
	}
	highest, workless := s.bounds.clock, float64(unheld)*s.meter.Idle.Sum()
	if highest == 0 || base+workless+float64(ready)*s.peakAt(highest).Sum() > s.allowance(hour).carries {
		limit = s.itLimit(w.now)
	} else if s.clock == highest && !s.pauses { // everything runs at its highest already
		return 0, len(w.jobs), false
	}
	w.queueForPower()
	f, running := w.clockWithin(limit, base, ready)
	s.pauses = running < len(w.jobs)
	if w.plan.Site.JobRamp > 0 {
		f = w.climb(f, w.order, running)
		s.pauses = s.pauses || w.ramp.next != noTurn
	}
	s.clock = f
	return limit, running, w.applyClock(f, running)
}

// addUp sums what the jobs draw.
func (w *World) addUp() {
	s := &w.site
	s.trains, s.rests, s.most = power.Draw{}, power.Draw{}, 0
	training, rising := 0, nobody
	for i := range w.jobs {
		j := &w.jobs[i]
		busy, rest := w.drawOf(j)
		if busy != j.busy || rest != j.idle {
			w.settle(i)
			j.busy, j.idle = busy, rest
		}
		s.trains, s.rests = s.trains.Plus(1, busy), s.rests.Plus(1, rest)
		switch {
		case j.phase == job.Training:
			training += j.stance.ready
		case j.rising:
			rising = i
		}
	}
	if s.supply.own {
		w.swells()
	}
	if training > 0 || rising != nobody {
		if s.bounds.any {
			w.checkGroups(s.clock)
		}
		s.most = float64(training) * s.peakAt(s.clock).Sum()
		s.swing = max(s.swing, float64(training)*s.peakSwing)
	}
	if rising != nobody {
		w.lift(rising)
		s.most += float64(w.jobs[rising].stance.ready) * s.peakAt(s.clock).Sum()
	} else if s.rise.top > 0 {
		s.rise = rise{}
	}
}

// unheld is the number of powered chips that no job holds.
func (w *World) unheld() int {
	return (w.fleet.Free() + w.fleet.Count(fleet.Commissioning) + w.fleet.Cold()) * w.plan.Fleet.ChipsPerServer
}

// stance is what a job's power follows from, its clock aside.
type stance struct {
	phase      job.Phase
	rising     bool
	size, held int
	// ready chips train, or would if the site had the power; base is the power of the
	// others that the job holds.
	ready int
	base  power.Draw
}

// stand brings the jobs' stances up to date, and reports whether one has moved.
func (w *World) stand() (moved bool) {
	for i := range w.jobs {
		j := &w.jobs[i]
		if held := w.fleet.HeldBy(i); j.phase != j.stance.phase || j.rising != j.stance.rising || held != j.stance.held || j.size != j.stance.size {
			moved = true
			w.move(j, held)
		}
	}
	return moved
}

func (w *World) move(j *trainee, held int) {
	s, m := &j.stance, &w.site.meter
	s.phase, s.rising, s.size, s.held, s.ready = j.phase, j.rising, j.size, held, 0
	if !j.phase.Holds() {
		s.base = power.Draw{}
		return
	}
	chips := held * w.plan.Fleet.ChipsPerServer
	used := min(j.options[j.size].used, chips)
	spare := power.Draw{}.Plus(float64(chips-used), m.Idle)
	switch {
	case j.draws(), j.phase == job.Paused:
		s.ready, s.base = used, spare
	case j.phase == job.Detecting: // the survivors spin in a collective that never ends
		s.base = spare.Plus(float64(used), w.site.bounds.stopped)
	default:
		s.base = spare.Plus(float64(used), m.Idle)
	}
}

// drawOf is the mean IT power of a job's chips that train, and of the others before any cut;
// where it rises, of those that will train before its rise.
func (w *World) drawOf(j *trainee) (busy, idle power.Draw) {
	ready := float64(j.stance.ready)
	switch {
	case j.phase == job.Training:
		return power.Draw{}.Plus(ready, j.perChip), j.stance.base
	case j.rising:
		return power.Draw{}.Plus(ready, w.site.meter.Idle), j.stance.base
	}
	return power.Draw{}, j.stance.base.Plus(ready, w.site.meter.Idle)
}

// hold switches off what exceeds the IT limit (0: none): of what no job holds, then of
// what jobs hold and does not train.
func (w *World) hold(limit float64) {
	s := &w.site
	workless := power.Draw{}.Plus(float64(s.unheld), s.meter.Idle)
	shed, share, held := 0.0, 1.0, s.rests.Sum()
	if limit > 0 {
		all := workless.Sum()
		shed = min(max(s.most+held+all-limit, 0), all)
		if s.most+held > limit*(1+1e-12) { // rounding of a sum
			share = max((limit-s.most)/held, 0)
		}
	}
	if share != s.share {
		for i := range w.jobs {
			w.settle(i)
		}
	}
	s.workless = without(workless, shed)
	s.shed, s.cut, s.share = shed, held*(1-share), share
	s.starved = share < 1 && s.trains == (power.Draw{})
	s.it = s.workless.Plus(1, s.trains).Plus(share, s.rests).Plus(1, s.rise.lifted)
	s.peakIT = s.workless.Sum() + s.most + held*share
	s.exact = s.supply.active
	at := s.crest(int(w.now / hourLength))
	if limit > 0 || s.exact {
		w.checkLimit(at)
	}
}

// without is a power less so many watts of it: servers with their chips are switched off
// first, the network behind them only where nothing else is left.
func without(d power.Draw, watts float64) power.Draw {
	if watts == 0 {
		return d
	}
	servers := d.Chips + d.Servers
	if watts <= servers {
		left := (servers - watts) / servers
		return power.Draw{Chips: d.Chips * left, Servers: d.Servers * left, Network: d.Network}
	}
	return power.Draw{Network: max(d.Sum()-watts, 0)}
}

// clockWithin returns the common clock and how many of the jobs that are ready, by
// priority, may run at it within an IT limit (0: none): as many as the lowest clock allows,
// but no more than train most together, or than full clock allows where the policy has jobs
// pause, or wait to start, before clocks fall. The first to train may have the power of all that does not.
func (w *World) clockWithin(limit, base float64, ready int) (f float64, running int) {
	s := &w.site
	highest := s.bounds.clock
	if highest == 0 {
		return 1, 0
	}
	full := s.peakAt(highest).Sum()
	if limit == 0 || base+float64(ready)*full <= limit {
		return highest, len(w.jobs)
	}
	policy := w.plan.Site.Policy
	pauses, staggers := policy.Before(power.Pause, power.Cap), policy.Before(power.Stagger, power.Cap)
	f, most := 1.0, 0.0
	for n := len(w.jobs) - 1; n >= 0 && ready > 0; n-- {
		i := w.order[n]
		mine := w.jobs[i].willing()
		room := (limit - base) / float64(ready)
		clock, ok := s.clockFor(room)
		if mine < ready && (pauses || staggers && w.aboutToTrain(i)) { // another job is left
			clock, ok = highest, full <= room
		}
		if lowest := s.meter.LowestClock(); !ok && running == 0 && mine == ready && float64(mine)*s.peakAt(lowest).Sum() <= limit {
			clock, ok = lowest, true
		}
		if ok {
			if together := w.together(n, clock); together > most {
				f, running, most = clock, n+1, together
			}
			if clock == highest { // fewer train no faster
				break
			}
		}
		ready -= mine
		base += float64(mine) * s.meter.Idle.Sum()
	}
	return f, running
}

// willing counts the chips of a job that train, or would if the site had the power.
func (j *trainee) willing() int {
	if j.draws() || j.phase == job.Paused {
		return j.options[j.size].used
	}
	return 0
}

// together is what the first jobs in order, up to the n-th, train at a clock: in chips
// at full clock.
func (w *World) together(n int, clock float64) float64 {
	sum := 0.0
	for _, i := range w.order[:n+1] {
		j := &w.jobs[i]
		if chips := j.willing(); chips > 0 {
			o := &j.options[j.size]
			sum += float64(chips) * o.at(clock, &w.site.meter).rate / o.rate
		}
	}
	return sum
}

// applyClock runs the first of the jobs in order at clock f and pauses the rest; it
// reports whether that changes anything.
func (w *World) applyClock(f float64, running int) (changed bool) {
	for n, i := range w.order {
		j := &w.jobs[i]
		if !j.draws() && j.phase != job.Paused {
			continue
		}
		switch run := n < running; {
		case run && j.rising:
			if j.clock != f {
				w.settle(i)
				w.setClock(i, f)
				changed = true
			}
		case run && j.climbs: // waits for its turn on the ramp
		case j.rising:
			w.deny(i)
			changed = true
		case run && (j.phase == job.Paused || j.clock != f):
			w.goOn(i, f)
			changed = true
		case !run && j.phase == job.Training:
			w.settle(i)
			j.phase = job.Paused
			changed = true
		}
	}
	return changed
}

// goOn has a job train at clock f.
func (w *World) goOn(i int, f float64) {
	w.settle(i)
	j := &w.jobs[i]
	j.phase, j.rising = job.Training, false
	w.setClock(i, f)
	w.armFinish(i)
}

// setClock sets a settled job's speed and power at relative clock f.
func (w *World) setClock(i int, f float64) {
	j := &w.jobs[i]
	o := &j.options[j.size]
	at := o.at(f, &w.site.meter)
	j.clock, j.perChip = f, at.draw
	j.unslowed, j.rate = at.rate, at.rate
	if o.fastBlocking > 0 {
		j.rate *= 1 - o.fastBlocking
	}
	if slow := w.slowdown(i); slow > 0 {
		j.rate *= 1 - slow
	}
	j.segment = j.books.segment(j.size, f)
}

// trainingAt is the mean IT power of one chip in use at relative clock f, over a step
// and over the cycle of checkpoints, in which it draws as in a collective; what storage in
// the racks loses comes on top.
func (o *option) trainingAt(f float64, m *power.Meter) power.Draw {
	mean := m.MeanAt(o.activity, f)
	mean.Servers += o.stored
	if o.cycle.Blocking == 0 {
		return mean
	}
	blocked := float64(o.cycle.Blocking) / float64(o.cycle.Interval+o.cycle.Blocking)
	return power.Draw{}.Plus(1-blocked, mean).Plus(blocked, m.CommAt(f))
}

// at is what the option does at relative clock f, kept since the same few clocks are met
// again and again.
func (o *option) at(f float64, m *power.Meter) *paced {
	if f == 1 {
		return &o.full
	}
	if o.paces == nil {
		o.paces = make([]paced, power.ClockSteps)
	}
	p := &o.paces[power.StepOf(f)]
	if p.clock != f {
		*p = o.pacedAt(f, m)
	}
	return p
}

func (o *option) pacedAt(f float64, m *power.Meter) paced {
	rate := o.rate
	if f != 1 {
		rate *= float64(o.activity.Time() / o.activity.AtClock(f).Time())
	}
	return paced{f, rate, o.trainingAt(f, m)}
}

// sustained is the tokens per millisecond at full clock, checkpoints counted.
func (o *option) sustained() float64 {
	rate := o.rate * (1 - o.fastBlocking)
	if o.cycle.Blocking > 0 {
		rate *= float64(o.cycle.Interval) / float64(o.cycle.Interval+o.cycle.Blocking)
	}
	return rate
}
