package sim

import (
	"math"

	"clustercap/sim/des"
	"clustercap/sim/job"
)

// ramp is how the site's power rises where it may rise only so fast: rise by rise, each
// when the ramp has brought what it adds. Falls are at once.
type ramp struct {
	free des.Time // when the last of the rises has had its turn
	// next is the turn of the next rise that the site's limit would allow, by so many watts
	// of IT power: a paused job goes on, or the clock of those that train goes up a step;
	// until des.Never where none waits. The limit would allow the clock reach then.
	next  turn
	watts float64
	reach float64
	alarm alarm
}

// turn is the time for which the ramp serves one rise, which takes place at its end.
type turn struct{ from, until des.Time }

// noTurn is that of no rise.
var noTurn = turn{until: des.Never}

func newRamp() ramp { return ramp{next: noTurn, alarm: alarm{at: des.Never}} }

// reserve gives the ramp from a time on to a rise by so many watts of IT power.
func (w *World) reserve(from des.Time, watts float64) turn {
	s, r, hour := &w.site, &w.ramp, int(w.now/hourLength)
	watts = s.plant.AtMeter(s.it.Sum()+watts, hour) - s.load(hour)
	r.free = from + des.Time(math.Ceil(watts/w.plan.Site.JobRamp*1000))
	return turn{from, r.free}
}

// giveBack frees a turn that is not needed. What follows it stays where it is.
func (r *ramp) giveBack(t turn) {
	if r.free == t.until {
		r.free = t.from
	}
}

// starts is the turn of a job that is ready to train. Until its end its chips idle.
func (w *World) starts(i int) turn {
	if w.plan.Site.JobRamp == 0 {
		return turn{w.now, w.now}
	}
	s := &w.site
	return w.reserve(max(w.ramp.free, w.now), w.rise(i, 0, max(s.bounds.clock, s.meter.LowestClock())))
}

// leaveRamp takes a job that stops out of the turn that it waits for.
func (w *World) leaveRamp(j *trainee) {
	if j.turn.until > w.now {
		w.ramp.giveBack(j.turn)
	}
	j.turn = turn{}
}

// await has the next rise wait for its turn: as long as it needs, where it has become
// another one than the turn is for.
func (w *World) await(watts float64) {
	r := &w.ramp
	switch {
	case r.next.until == des.Never:
		r.next = w.reserve(max(r.free, w.now), watts)
	case watts == r.watts:
		return
	case r.free == r.next.until: // nothing follows
		r.next = w.reserve(r.next.from, watts)
	case watts > r.watts:
		r.next = w.reserve(max(r.free, w.now), watts)
	default: // more than it needs
		return
	}
	r.watts = watts
}

// rise is what IT power a job's chips add at a clock over that at another, 0 for idle.
func (w *World) rise(i int, from, to float64) float64 {
	j, m := &w.jobs[i], &w.site.meter
	o := &j.options[j.size]
	before := m.Idle.Sum()
	if from > 0 {
		before = o.at(from, m).draw.Sum()
	}
	return float64(o.used) * (o.at(to, m).draw.Sum() - before)
}

// climb is the clock that the ramp leaves of the one that the limit allows the first jobs by
// priority; it lets go on, of those that paused, whose turn has come. One that has just
// started has had its turn.
func (w *World) climb(limit float64, order []int, running int) (clock float64) {
	r := &w.ramp
	for clock = w.climbing(limit, order[:running]); r.next.until <= w.now; { // rises of no power take no time
		r.next = noTurn
		clock = w.climbing(limit, order[:running])
	}
	reach := 0.0
	if r.next != noTurn {
		reach = limit
		w.set(&r.alarm, r.next.until, kindRamp, 0)
	}
	for n, i := range order {
		j := &w.jobs[i]
		if waits := n < running && j.phase == job.Paused; waits != j.climbs || reach != r.reach {
			w.settle(i)
			j.climbs = waits
		}
	}
	r.reach = reach
	return clock
}

// climbing finds the next rise, and takes it if it is its turn.
func (w *World) climbing(limit float64, order []int) (clock float64) {
	r, s := &w.ramp, &w.site
	clock = limit
	paused, runs, begins := -1, false, false
	for _, i := range order {
		switch j := &w.jobs[i]; {
		case j.phase == job.Paused && paused < 0:
			paused = i
		case j.phase == job.Training && j.began < w.now:
			runs = true
		case j.phase == job.Training:
			begins = true
		}
	}
	switch {
	case runs:
		clock = min(clock, s.clock)
	case paused >= 0 && !begins:
		clock = min(clock, s.meter.LowestClock())
	}
	watts, next := 0.0, clock
	switch {
	case paused >= 0:
		watts = w.rise(paused, 0, clock)
	case runs && clock < limit:
		next = min(s.meter.ClockAbove(clock), limit)
		for _, i := range order {
			if w.jobs[i].phase == job.Training {
				watts += w.rise(i, clock, next)
			}
		}
	default:
		r.giveBack(r.next)
		r.next = noTurn
		return clock
	}
	switch w.await(watts); {
	case r.next.until > w.now:
	case paused >= 0:
		w.goOn(paused, clock)
		s.clock, s.stale = clock, true
	default:
		s.clock, clock = next, next
	}
	return clock
}
