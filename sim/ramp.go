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
	// at is when the next rise that the site's limit would allow takes place: a paused job
	// goes on, or the clock of those that train goes up a step; des.Never where none waits.
	// The limit would allow the clock reach then.
	at    des.Time
	reach float64
	alarm alarm
}

func newRamp() ramp { return ramp{at: des.Never, alarm: alarm{at: des.Never}} }

// turn is when the next rise by so many watts of IT power has its turn.
func (w *World) turn(watts float64) des.Time {
	s, r, hour := &w.site, &w.ramp, int(w.now/hourLength)
	watts = s.plant.AtMeter(s.it.Sum()+watts, hour) - s.load(hour)
	r.free = max(r.free, w.now) + des.Time(math.Ceil(watts/w.plan.Site.JobRamp*1000))
	return r.free
}

// starts is when a job that is ready to train has its power. Until then its chips idle.
func (w *World) starts(i int) des.Time {
	if w.plan.Site.JobRamp == 0 {
		return w.now
	}
	s := &w.site
	return w.turn(w.rise(i, 0, max(s.bounds.clock, s.meter.LowestClock())))
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
	if clock = w.climbing(limit, order[:running]); r.at <= w.now {
		r.at = des.Never
		clock = w.climbing(limit, order[:running])
	}
	reach := 0.0
	if r.at != des.Never {
		reach = limit
		w.set(&r.alarm, r.at, kindRamp, 0)
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
		r.at = des.Never
		return clock
	}
	switch {
	case r.at == des.Never:
		r.at = w.turn(watts)
	case r.at <= w.now && paused >= 0:
		w.goOn(paused, clock)
		s.clock, s.stale = clock, true
	case r.at <= w.now:
		s.clock, clock = next, next
	}
	return clock
}
