package sim

import (
	"math"

	"clustercap/sim/des"
	"clustercap/sim/job"
	"clustercap/sim/power"
)

// ramp is how the site's power rises where it may rise only so fast: rise by rise, each
// when the ramp has brought what it adds. Falls are at once.
//
// A job that starts or goes on rises straight through its turn, as where its chips begin
// group by group on work that is thrown away, from idle to the mean of training at the
// common clock. Against all limits it counts as if it trained. Its clock may fall meanwhile,
// and its power with it; one that the limit leaves no power falls back to idle. Steps of the
// clock of jobs that train, of half a per cent, are taken whole at the end of their turns: half
// of one for a turn as short is next to nothing.
type ramp struct {
	free des.Time // when the last of the rises has had its turn
	// next is the turn of the next rise that the site's limit would allow, by so many watts
	// of IT power: that job goes on, or the clock of those that train goes up a step where
	// it is nobody; until des.Never where none waits.
	next  turn
	job   int
	watts float64
	alarm alarm
	// reach is the clock that the limit allows; 0 where the site's power may rise at once.
	reach float64
}

// nobody is no job.
const nobody = -1

// turn is the time for which the ramp serves one rise, which is complete at its end.
type turn struct{ from, until des.Time }

// noTurn is that of no rise.
var noTurn = turn{until: des.Never}

func newRamp() ramp { return ramp{next: noTurn, job: nobody, alarm: alarm{at: des.Never}} }

// reserve gives the ramp from a time on to a rise by so many watts of IT power.
func (w *World) reserve(from des.Time, watts float64) turn {
	s, r, hour := &w.site, &w.ramp, int(w.now/hourLength)
	s.advance(w.now)
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

// starts is the turn of a job that is ready to train: as long as full clock needs, so that
// no lower limit has it begin earlier.
func (w *World) starts(i int) turn {
	if w.plan.Site.JobRamp == 0 {
		return turn{w.now, w.now}
	}
	s := &w.site
	return w.reserve(max(w.ramp.free, w.now), w.rise(i, 0, max(s.bounds.clock, s.meter.LowestClock())))
}

// leaveRamp takes a settled job that stops out of the turn that it waits for.
func (w *World) leaveRamp(j *trainee) {
	if j.phase == job.Starting && j.turn.until > w.now && (j.rising || j.turn.from > w.now) {
		w.ramp.giveBack(j.turn)
	}
	j.turn, j.rising = turn{}, false
}

// deny takes the rest of its turn from a job that the limit leaves no power. It is paused at
// the end of the turn.
func (w *World) deny(i int) {
	w.settle(i)
	j := &w.jobs[i]
	w.ramp.giveBack(j.turn)
	j.rising = false
}

// begins reports whether a job draws more than idle power from this instant on: not one that
// has risen before it trains.
func (w *World) begins(j *trainee) bool {
	if j.rising {
		return j.turn.from == w.now
	}
	return j.began == w.now && !(j.turn.until == w.now && j.turn.from < w.now)
}

// lift has the rise of a job go on from this instant: by its chips' mean power at its clock
// over that of idle ones.
func (w *World) lift(i int) {
	w.settle(i)
	j, s := &w.jobs[i], &w.site
	all := power.Draw{}.Plus(float64(j.stance.ready), j.perChip.Plus(-1, s.meter.Idle))
	length := float64(j.turn.until - j.turn.from)
	s.rise = rise{
		lifted: power.Draw{}.Plus(float64(w.now-j.turn.from)/length, all),
		slope:  power.Draw{}.Plus(1000/length, all), top: all.Sum(),
	}
}

// risen is for how long at full power a rise from one instant of its turn to another would
// be as much, in milliseconds.
func (t turn) risen(from, to des.Time) float64 {
	a, b := float64(from-t.from), float64(to-t.from)
	return (b - a) * (b + a) / 2 / float64(t.until-t.from)
}

// await has the next rise, of a job or of nobody's but the clock, wait for its turn: as long
// as it needs, where it has become larger.
func (w *World) await(i int, watts float64) {
	r := &w.ramp
	switch {
	case r.next == noTurn, i != r.job:
		r.giveBack(r.next)
		r.job, r.next = i, w.reserve(max(r.free, w.now), watts)
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
// priority; it lets go on, of those that paused, whose turn has come.
func (w *World) climb(limit float64, order []int, running int) (clock float64) {
	r := &w.ramp
	for clock = w.climbing(limit, order[:running]); r.next.until <= w.now; { // rises of no power take no time
		r.next = noTurn
		clock = w.climbing(limit, order[:running])
	}
	if r.next != noTurn {
		at := r.next.until
		if r.next.from > w.now {
			at = r.next.from
		}
		w.set(&r.alarm, at, kindRamp, 0)
	}
	for n, i := range order {
		j := &w.jobs[i]
		waits := n < running && j.phase == job.Paused
		if waits != j.climbs || limit != r.reach {
			w.settle(i)
			j.climbs = waits
		}
		if j.phase == job.Paused {
			w.resumes(i, waits && i == r.job && r.next.from <= w.now, clock)
		}
	}
	r.reach = limit
	return clock
}

// resumes has the power of a paused job rise to what a clock needs in the turn that is its
// own, or fall back.
func (w *World) resumes(i int, rises bool, clock float64) {
	j, r := &w.jobs[i], &w.ramp
	if rises == j.rising && (!rises || j.turn == r.next) {
		return
	}
	w.settle(i)
	if j.rising, j.turn = rises, (turn{}); rises {
		j.turn = r.next
		w.setClock(i, clock)
	}
	w.site.stale = true
}

// climbing finds the next rise, and takes it if it is its turn.
func (w *World) climbing(limit float64, order []int) (clock float64) {
	r, s := &w.ramp, &w.site
	clock = limit
	paused, runs, begins := nobody, false, false
	for _, i := range order {
		switch j := &w.jobs[i]; {
		case j.phase == job.Paused:
			if paused == nobody {
				paused = i
			}
		case !j.draws():
		case w.begins(j):
			begins = true
		default:
			runs = true
		}
	}
	switch {
	case runs:
		clock = min(clock, s.clock)
	case paused != nobody && !begins:
		clock = min(clock, s.meter.LowestClock())
	}
	watts, next := 0.0, clock
	switch {
	case paused != nobody:
		watts = w.rise(paused, 0, clock)
	case runs && clock < limit:
		next = min(s.meter.ClockAbove(clock), limit)
		for _, i := range order {
			if w.jobs[i].draws() {
				watts += w.rise(i, clock, next)
			}
		}
	default:
		r.giveBack(r.next)
		r.next = noTurn
		return clock
	}
	switch w.await(paused, watts); {
	case r.next.until > w.now:
	case paused != nobody:
		w.goOn(paused, clock)
		s.clock, s.stale = clock, true
	default:
		s.clock, clock = next, next
	}
	return clock
}

// draws reports whether a job trains, or rises to that.
func (j *trainee) draws() bool { return j.phase == job.Training || j.rising }
