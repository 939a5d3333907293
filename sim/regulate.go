package sim

import (
	"fmt"

	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// site is the power at the meter: its limit, its course and its integral.
type site struct {
	meter power.Meter
	limit float64 // watts; 0 is none

	// The course since the last instant, in watts.
	workless float64 // chips that no job holds
	shed     float64 // of workless, switched off to keep the limit
	cut      float64 // of jobs that do not train, switched off to keep the limit
	peak     float64 // with every training job in the phase that draws most
	// share of their power that jobs which do not train get; 1 unless cut.
	share float64

	// Joules; those of jobs are in their books.
	worklessEnergy, shedEnergy, cutEnergy float64

	highest    float64 // peak of the whole calendar
	binHighest float64
	swing      float64
}

func (s *site) reset(p *scenario.Plan) {
	*s = site{meter: power.NewMeter(&p.Chip, &p.Server, &p.Fabric, &p.Site), limit: float64(p.Site.LimitAt(0)), share: 1}
}

// advance integrates over dt milliseconds what does not belong to a job's phases.
func (s *site) advance(dt float64) {
	s.worklessEnergy += s.workless * dt / 1000
	s.shedEnergy += s.shed * dt / 1000
	s.cutEnergy += s.cut * dt / 1000
}

// energy in joules at the meter so far, jobs as far as they are settled.
func (w *World) energy() float64 {
	sum := w.site.worklessEnergy - w.site.shedEnergy
	for i := range w.jobs {
		sum += w.jobs[i].books.energy
	}
	return sum
}

// regulate keeps the site under its limit at every instant of every step. What no
// job holds is switched off first, as far as needed. Then all jobs that train run at
// the highest common clock at which their most demanding phases, all at once, stay
// below the limit. Where even the lowest clock is too much, jobs pause, the lowest
// priority first; where nobody trains and it is still too much, all jobs get the
// same share of their power.
func (w *World) regulate() {
	s := &w.site
	cps := w.plan.Fleet.ChipsPerServer
	s.workless = float64((w.fleet.Free()+w.fleet.Count(fleet.Commissioning)+w.fleet.Cold())*cps) * s.meter.Idle
	base, ready := 0.0, 0 // base: watts of jobs without ready, the chips in use by jobs that train or could
	for i := range w.jobs {
		j := &w.jobs[i]
		if !j.phase.Holds() {
			continue
		}
		chips := w.fleet.HeldBy(i) * cps
		used := min(j.options[j.size].used, chips)
		base += float64(chips-used) * s.meter.Idle
		switch j.phase {
		case job.Training, job.Paused:
			ready += used
		case job.Detecting:
			base += float64(used) * s.meter.Comm
		default:
			base += float64(used) * s.meter.Idle
		}
	}
	f, running := w.clockWithin(base, ready)
	w.applyClock(f, running)

	training := 0
	for i := range w.jobs {
		if j := &w.jobs[i]; j.phase == job.Training {
			training += j.options[j.size].used
		}
	}
	draw := base + float64(ready-training)*s.meter.Idle
	if training > 0 {
		draw += float64(training) * s.meter.PeakAt(f)
		s.swing = max(s.swing, float64(training)*s.meter.Swing(f))
	}
	w.hold(draw, training)
}

// hold switches off what exceeds the limit when jobs draw that many watts at most,
// with so many chips that train.
func (w *World) hold(draw float64, training int) {
	s := &w.site
	shed, cut, share := 0.0, 0.0, 1.0
	if s.limit > 0 {
		shed = min(max(draw+s.workless-s.limit, 0), s.workless)
		if training == 0 && draw > s.limit {
			share = s.limit / draw
			cut = draw - s.limit
		}
	}
	if share != s.share {
		for i := range w.jobs {
			w.settle(i)
		}
	}
	s.shed, s.cut, s.share = shed, cut, share
	s.peak = draw - cut + s.workless - shed
	s.highest = max(s.highest, s.peak)
	s.binHighest = max(s.binHighest, s.peak)
	if s.limit > 0 && s.peak > s.limit*(1+auditTolerance) && w.fault == nil {
		w.fault = fmt.Errorf("the site draws up to %g W on day %.3f; its limit is %g W", s.peak, days(w.now), s.limit)
	}
}

// clockWithin returns the common clock and how many of the jobs that are ready, by
// priority, may run at it.
func (w *World) clockWithin(base float64, ready int) (f float64, running int) {
	s := &w.site
	if s.limit == 0 || base+float64(ready)*s.meter.PeakAt(1) <= s.limit {
		return 1, len(w.jobs)
	}
	for n := len(w.jobs) - 1; n >= 0 && ready > 0; n-- {
		if f, ok := s.meter.ClockFor((s.limit - base) / float64(ready)); ok {
			return f, n + 1
		}
		i := w.pre.order[n]
		if j := &w.jobs[i]; j.phase == job.Training || j.phase == job.Paused {
			used := j.options[j.size].used
			ready -= used
			base += float64(used) * s.meter.Idle
		}
	}
	return 1, 0
}

// applyClock runs the first of the jobs, by priority, at clock f and pauses the rest.
func (w *World) applyClock(f float64, running int) {
	for n, i := range w.pre.order {
		j := &w.jobs[i]
		if j.phase != job.Training && j.phase != job.Paused {
			continue
		}
		switch run := n < running; {
		case run && (j.phase == job.Paused || j.clock != f):
			w.settle(i)
			j.phase = job.Training
			w.setClock(i, f)
			w.armFinish(i)
		case !run && j.phase == job.Training:
			w.settle(i)
			j.phase = job.Paused
		}
	}
}

// setClock sets a settled job's speed and power at relative clock f.
func (w *World) setClock(i int, f float64) {
	j := &w.jobs[i]
	o := &j.options[j.size]
	m := &w.site.meter
	j.clock = f
	j.rate = o.rateAt(f)
	if o.fastBlocking > 0 {
		j.rate *= 1 - o.fastBlocking
	}
	if slow := w.slowdown(i); slow > 0 {
		j.rate *= 1 - slow
	}
	used := float64(o.used)
	j.watts = wattage{train: used * m.MeanAt(o.activity, f), block: used * m.CommAt(f)}
	j.segment = j.books.segment(j.size, f)
}

// rateAt is the tokens per millisecond of training at relative clock f.
func (o *option) rateAt(f float64) float64 {
	if f == 1 {
		return o.rate
	}
	return o.rate * float64(o.activity.Time()/o.activity.AtClock(f).Time())
}

// megawattHours converts joules.
func megawattHours(joules float64) float64 { return joules / float64(unit.MegawattHour) }
