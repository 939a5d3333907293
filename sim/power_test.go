package sim

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"clustercap/sim/des"
	"clustercap/sim/failure"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// cappedPlan is a fleet of so many servers with a job on two of them, under a limit.
func cappedPlan(servers int, limit unit.Power) *scenario.Plan {
	p := testPlan(servers)
	p.Jobs = []job.Spec{testJob("a", 1e15, 2*perServer)}
	p.Site.Phases = []power.Phase{{Limit: limit}}
	return p
}

// testMeter reads power at the meter, of so many chips by what they do.
type testMeter struct {
	power.Meter
	plant power.Plant
}

func meterOf(p *scenario.Plan) testMeter {
	m := meterFor(p)
	return testMeter{m, plantFor(p, &m)}
}

// peak of so many chips that train at clock f and others that are idle.
func (m testMeter) peak(chips, f, idle float64) unit.Power {
	return unit.Power(m.plant.AtMeter(chips*m.PeakAt(f).Sum()+idle*m.Idle.Sum(), 0))
}

// A job that the limit leaves less than idle power draws no more than the limit, and
// no more than the site.
func TestJobDrawsNoMoreThanTheSite(t *testing.T) {
	p := cappedPlan(4, 1000) // 16 chips of the job alone draw 3,600 W idle
	r := run(t, prepared(t, p), 0)
	want := 1000 * float64(p.Horizon) / float64(unit.MegawattHour)
	for what, got := range map[string]float64{"site": r.Site.EnergyMWh, "job": r.Jobs[0].EnergyMWh} {
		if math.Abs(got-want) > 1e-9*want { // rounding of an integral
			t.Errorf("the %s takes %.6f MWh, want %.6f", what, got, want)
		}
	}
}

// A limit that all of the job's chips fit under at full clock costs it nothing,
// however many other servers stand by.
func TestIdleServersAreSwitchedOffFirst(t *testing.T) {
	free := run(t, prepared(t, testPlan(2)), 0)
	m := meterOf(testPlan(1))
	for _, servers := range []int{2, 4, 8, 100} {
		p := cappedPlan(servers, m.peak(16, 1, 0)*(1+1e-9)) // above the sum's rounding
		r := run(t, prepared(t, p), 0)
		if r.Jobs[0].Tokens != free.Jobs[0].Tokens {
			t.Errorf("%d servers: %g tokens, without a limit %g", servers, r.Jobs[0].Tokens, free.Jobs[0].Tokens)
		}
	}
}

// A size that the limit could not power, or only at a clock that makes it slower, is
// not taken: the job runs on the one that is fastest below it, and moves when the
// limit does.
func TestSizeFollowsTheLimit(t *testing.T) {
	m := meterOf(testPlan(1))
	small := m.peak(16, 1, 0) * (1 + 1e-9) // above the sum's rounding
	for _, large := range []int{80, 54} {  // 155 W a chip, less than idle; 230 W, a seventh of the clock
		p := testPlan(10)
		p.Horizon = 20 * unit.Day
		p.Site.MinClock = 0.1
		p.Jobs = []job.Spec{testJob("a", 1e15, 16, large)}
		p.Site.Phases = []power.Phase{{Limit: small}, {From: 5 * unit.Day}, {From: 10 * unit.Day, Limit: small}}
		got := run(t, prepared(t, p), 0).Jobs[0].Tokens
		// 5 s a step on 16 chips, 80 s over the chips otherwise; each change costs a
		// restart of 600 s.
		want := ((5*86400-600)/5.0 + (5*86400-600)/80.0*float64(large) + (10*86400-600)/5.0) * stepTokens
		if math.Abs(got-want) > 1e-9*want { // rounding of the rate
			t.Errorf("16 or %d chips: %g tokens, want %g", large, got, want)
		}
	}
}

// Every book that Run fills is held against another: a change to any one is found.
func TestAuditFindsAWrongBook(t *testing.T) {
	p := cappedPlan(4, 0)
	m := meterOf(p)
	p.Site.Phases = []power.Phase{{Limit: m.peak(16, 0.8, 8)}, {From: 10 * unit.Day, Limit: 1000}}
	p.Failures.Classes = []failure.Class{failing("chip", failure.ServerScope, 1e-6, 60, unit.Day)}
	p.Jobs[0].Checkpoint = job.Checkpoint{Interval: 1000, Blocking: 10, Background: 20}
	const more = 1 + 1e-6 // a thousand times what the audit tolerates
	for name, corrupt := range map[string]func(*World){
		"energy of the job":           func(w *World) { w.jobs[0].books.energy *= more },
		"energy withheld":             func(w *World) { w.jobs[0].books.withheld *= more },
		"training by clock":           func(w *World) { w.jobs[0].books.byClock[0].time++ },
		"the clock":                   func(w *World) { longest(w.jobs[0].books.byClock).clock *= more },
		"energy cut":                  func(w *World) { w.site.cutEnergy *= more },
		"energy without work":         func(w *World) { w.site.worklessEnergy *= more },
		"energy of the chips":         func(w *World) { w.site.energy.Chips *= more },
		"energy of the plant":         func(w *World) { w.site.overhead.Unsplit *= more },
		"the job's part of it":        func(w *World) { w.jobs[0].books.overhead *= more },
		"more switched off than idle": func(w *World) { w.site.shedEnergy += w.site.worklessEnergy },
		"energy in bins":              func(w *World) { w.bins.energy *= more },
		"servers held":                func(w *World) { w.jobs[0].books.held++ },
		"chips detecting":             func(w *World) { w.jobs[0].books.chips[job.Detecting]++ },
		"tokens":                      func(w *World) { w.jobs[0].books.tokens *= more },
		"tokens trained":              func(w *World) { w.jobs[0].books.trained *= more },
		"kept work":                   func(w *World) { w.jobs[0].books.bySize[0].kept.Train++ },
	} {
		w := prepared(t, p).NewWorld()
		if _, err := w.Run(0); err != nil {
			t.Fatal(err)
		}
		if err := w.audit(); err != nil {
			t.Fatalf("before: %v", err)
		}
		corrupt(w)
		if w.audit() == nil {
			t.Errorf("%s: the audit finds nothing", name)
		}
	}
}

func longest(books []clockBooks) *clockBooks {
	most := &books[0]
	for k := range books {
		if books[k].time > most.time {
			most = &books[k]
		}
	}
	return most
}

// A job booked at less or more than its phases draw does not pass, nor does a site
// that draws more than with every job in the phase that draws most.
func TestRunFailsWhereTrainingIsBookedAtTheWrongPower(t *testing.T) {
	power := func(factor float64) func(*World) {
		return func(w *World) { w.jobs[0].busy = w.jobs[0].busy.Plus(factor-1, w.jobs[0].busy) }
	}
	for _, c := range []struct {
		corrupt func(*World)
		want    string
	}{
		{power(0), "energy of a"},
		{power(0.999), "energy of a"},
		{power(3), "energy of a"},
		{func(w *World) { w.site.it = w.site.it.Plus(2, w.site.it) }, "at its peak it would have drawn"},
	} {
		w := prepared(t, testPlan(2)).NewWorld()
		if err := w.reset(0); err != nil {
			t.Fatal(err)
		}
		for w.now < des.FromDuration(unit.Day) {
			e, _ := w.queue.Pop()
			w.advance(e.At)
			w.dispatch(e)
			w.endInstant()
		}
		c.corrupt(w)
		err := w.loop()
		if err == nil {
			_, err = w.close(0)
		}
		if !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// The hours of a job that the limit stops are throttled ones.
func TestPausedJobIsThrottled(t *testing.T) {
	r := run(t, prepared(t, cappedPlan(2, 3600)), 0)
	if r.ChipHours[result.Throttled] == 0 || r.Jobs[0].Tokens != 0 || r.Jobs[0].Blocked != "the site's power limit is too low for it to train" {
		t.Errorf("throttled %g chip-hours, %+v", r.ChipHours[result.Throttled], r.Jobs[0])
	}
}
