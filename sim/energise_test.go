package sim

import (
	"math"
	"testing"

	"clustercap/sim/dist"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// Servers beyond what the phase provides wait for the next one, and only then begin
// their commissioning; the hours of it, by hand.
func TestDeliveriesWaitForPower(t *testing.T) {
	m := meterOf(testPlan(1))
	const above = 1 + 1e-9 // the rounding of a sum
	for _, c := range []struct {
		oversubscription unit.Factor
		late             float64 // servers
	}{{0, 0}, {1, 6}, {1.5, 4}, {2.5, 0}} {
		p := testPlan(10)
		p.Fleet.Commissioning = dist.Fixed(2 * unit.Day)
		p.Site.Oversubscription = c.oversubscription
		p.Site.Phases = []power.Phase{{Limit: m.peak(32, 1, 0) * above}, {From: 10 * unit.Day}}
		p.Jobs = []job.Spec{testJob("a", 1e15, 80)}
		w := prepared(t, p).NewWorld()
		r, err := w.Run(0)
		if err != nil {
			t.Fatal(err)
		}
		days := 0.0
		if c.late > 0 {
			days = 10
		}
		if got := r.Site.LateChips; got != c.late*perServer || math.Abs(r.Site.LateDays-days) > 1e-9 {
			t.Errorf("oversubscription %g: %g chips waited %g days, want %g and %g", float64(c.oversubscription), got, r.Site.LateDays, c.late*perServer, days)
		}
		if got, want := r.ChipHours[result.Commissioning], 10*perServer*48+c.late*perServer*days*24; math.Abs(got-want) > 1e-6 {
			t.Errorf("oversubscription %g: %g chip-hours in commissioning, want %g", float64(c.oversubscription), got, want)
		}
		if got := r.Jobs[0].StartDays; got != 2+days {
			t.Errorf("oversubscription %g: the job starts on day %g, want %g", float64(c.oversubscription), got, 2+days)
		}
	}
}

// Servers without power draw none, and a job that they would complete says what it
// waits for.
func TestJobSaysThatItWaitsForPower(t *testing.T) {
	m := meterOf(testPlan(1))
	p := testPlan(10)
	p.Site.Oversubscription = 1
	p.Site.Phases = []power.Phase{{Limit: m.peak(32, 1, 0) * (1 + 1e-9)}}
	p.Jobs = []job.Spec{testJob("a", 1e15, 80)}
	r := run(t, prepared(t, p), 0)
	if want := "it queues for 10 servers: those it lacks are mostly waiting for power"; r.Jobs[0].Blocked != want {
		t.Errorf("%q, want %q", r.Jobs[0].Blocked, want)
	}
	if want := float64(m.peak(0, 1, 32)) / 1e6; math.Abs(r.Site.MeanPowerMW-want) > 1e-9*want { // rounding of an integral
		t.Errorf("%g MW, 32 idle chips draw %g", r.Site.MeanPowerMW, want)
	}
}

// shedPlan is a job that runs on ten servers or on four, and a window in which power is
// there for five.
func shedPlan(policy ...power.Action) *scenario.Plan {
	p := testPlan(10)
	m := meterOf(p)
	p.Jobs = []job.Spec{testJob("a", 1e15, 32, 80)}
	p.Jobs[0].Checkpoint = job.Checkpoint{Interval: 1000, Blocking: 10, Background: 50}
	p.Jobs[0].Resize = unit.Hour
	p.Site.Policy = policy
	p.Site.Supply.Windows = []power.Window{{From: 10 * unit.Day, For: 5 * unit.Day, Limit: m.peak(40, 1, 0) * (1 + 1e-9), Notice: unit.Hour}}
	return p
}

// The newest servers go dark in the window, their job moves to its smaller size at full
// clock, and back.
func TestNewestServersAreShed(t *testing.T) {
	w := prepared(t, shedPlan(power.Shed, power.Cap)).NewWorld()
	r, err := w.Run(0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.ChipHours[result.Throttled], 5.0*perServer*5*24; math.Abs(got-want) > 1e-6 { // rounding
		t.Errorf("%g chip-hours throttled, want those of five servers for five days, %g", got, want)
	}
	for s := range 10 {
		if st := w.fleet.Server(int32(s)).Status; st != fleet.Held {
			t.Errorf("server %d ends in status %d", s, st)
		}
	}
	for _, b := range w.jobs[0].books.byClock {
		if b.clock != 1 && b.time > 0 {
			t.Errorf("%d ms at clock %g", b.time, b.clock)
		}
	}
	if r.Jobs[0].PlannedStops != 1 {
		t.Errorf("%g planned stops, want the one at the window's beginning", r.Jobs[0].PlannedStops)
	}
	small := w.jobs[0].books.bySize[0].kept.Train.Duration()
	if small < 4.9*unit.Day || small > 5.1*unit.Day { // two restarts of 600 s; a resize an hour after the last
		t.Errorf("%g days on the smaller size, want about five", float64(small/unit.Day))
	}
}

// With less notice than a checkpoint takes, what was not saved is lost.
func TestShedWithoutNoticeLosesWork(t *testing.T) {
	p := shedPlan(power.Shed, power.Cap)
	p.Site.Supply.Windows[0].Notice = 59
	p.Site.Supply.Windows[0].From = 10*unit.Day + 700 // 100 s into a cycle that is none of a checkpoint
	with, without := run(t, prepared(t, shedPlan(power.Shed, power.Cap)), 0), run(t, prepared(t, p), 0)
	if with.Jobs[0].LostBy[result.LostToWork] != 0 || !(without.Jobs[0].LostBy[result.LostToWork] > 0) {
		t.Errorf("lost %g h with notice, %g h without", with.Jobs[0].LostBy[result.LostToWork], without.Jobs[0].LostBy[result.LostToWork])
	}
}

// Capped first, as many servers stay as the lowest clock can power: all of them here.
func TestCapComesBeforeShed(t *testing.T) {
	p := shedPlan(power.Cap, power.Shed)
	m := meterOf(p)
	p.Site.Supply.Windows[0].Limit = m.peak(80, 0.6, 0) * (1 + 1e-9)
	r := run(t, prepared(t, p), 0)
	if r.Jobs[0].PlannedStops != 0 {
		t.Errorf("%g planned stops", r.Jobs[0].PlannedStops)
	}
	p.Site.Supply.Windows[0].Limit = m.peak(80, 0.4, 0) // below the lowest clock, 50 %
	if r := run(t, prepared(t, p), 0); r.Jobs[0].PlannedStops != 1 {
		t.Errorf("%g planned stops below the lowest clock", r.Jobs[0].PlannedStops)
	}
}

// Two jobs that are ready at once get their power one after the other: each after the
// time in which the ramp brings what it adds.
func TestJobsRampOneAfterTheOther(t *testing.T) {
	p := testPlan(4)
	p.Jobs = []job.Spec{testJob("a", 1e15, 16), testJob("b", 1e15, 16)}
	free := prepared(t, p).NewWorld()
	before, err := free.Run(0)
	if err != nil {
		t.Fatal(err)
	}
	m := meterOf(p)
	rise := m.plant.AtMeter(16*(free.jobs[0].perChip.Sum()-m.Idle.Sum()), 0)
	p.Site.JobRamp = rise / 1000 // 1,000 s each
	r := run(t, prepared(t, p), 0)
	for i, want := range []float64{1000, 2000} {
		rate := free.jobs[i].rate * 1000
		got := (before.Jobs[i].Tokens - r.Jobs[i].Tokens) / rate
		if math.Abs(got-want) > 0.002 { // a millisecond, rounded up
			t.Errorf("job %d starts %g s later, want %g", i, got, want)
		}
	}
}
