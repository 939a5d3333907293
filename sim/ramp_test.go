package sim

import (
	"math"
	"testing"

	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// rampPlan is a job on all 16 chips of a site that must draw less for two days.
func rampPlan(window unit.Power) *power.Supply {
	return &power.Supply{Windows: []power.Window{{From: 5 * unit.Day, For: 2 * unit.Day, Limit: window}}}
}

// After a window the clock rises no faster than the ramp brings the power for it, and what
// that costs is booked: the integral of the speed that is missing.
func TestClockRisesOnTheRamp(t *testing.T) {
	p := testPlan(2)
	m := meterOf(p)
	p.Site.MinClock = 0.5
	p.Site.Supply = *rampPlan(m.peak(16, 0.8, 0) * (1 + 1e-9))
	at := prepared(t, p)
	free := run(t, at, 0)
	w := at.NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	o := &w.jobs[0].options[0]
	watts := func(f float64) float64 { return w.site.plant.AtMeter(16*o.at(f, &w.site.meter).draw.Sum(), 0) }
	const seconds = 4000 // from 80 % to full clock
	p.Site.JobRamp = (watts(1) - watts(0.8)) / seconds
	r := run(t, prepared(t, p), 0)
	lost := 0.0
	for k := range 40 { // steps of half a per cent, each held until the next has its turn
		low, high := 0.8+float64(k)*0.005, 0.8+float64(k+1)*0.005
		lost += (watts(high) - watts(low)) / p.Site.JobRamp * (o.rate - o.at(low, &w.site.meter).rate) * 1000
	}
	start := (watts(1) - w.site.plant.AtMeter(16*w.site.meter.Idle.Sum(), 0)) / p.Site.JobRamp * o.rate * 1000
	if got := r.Jobs[0].RampedTokens; math.Abs(got-lost-start) > 1e-3*lost { // 40 ms of rounding up, of 4,000 s
		t.Errorf("%g tokens lost to the ramp, want %g after the window and %g at the start", got, lost, start)
	}
	if got := free.Jobs[0].Tokens - r.Jobs[0].Tokens; math.Abs(got-r.Jobs[0].RampedTokens) > 1e-9*free.Jobs[0].Tokens { // rounding of sums
		t.Errorf("%g tokens fewer than without a ramp, %g booked", got, r.Jobs[0].RampedTokens)
	}
	if got, want := r.Jobs[0].CappedTokens, free.Jobs[0].CappedTokens; math.Abs(got-want) > 1e-9*want { // rounding of sums
		t.Errorf("%g tokens lost to the limit, without a ramp %g", got, want)
	}
	if free.Jobs[0].RampedTokens != 0 {
		t.Errorf("%g tokens lost to no ramp", free.Jobs[0].RampedTokens)
	}
}

// A job that a window has paused goes on at the lowest clock once the ramp brings the power
// for that, and climbs from there; of two, one after the other.
func TestPausedJobsGoOnOnTheRamp(t *testing.T) {
	p := testPlan(4)
	m := meterOf(p)
	p.Site.MinClock = 0.5
	p.Jobs = []job.Spec{testJob("a", 1e15, 16), testJob("b", 1e15, 16)}
	p.Site.Supply = *rampPlan(m.peak(16, 0.4, 0)) // less than the lowest clock of either
	at := prepared(t, p)
	w := at.NewWorld()
	free, err := w.Run(0)
	if err != nil {
		t.Fatal(err)
	}
	rise := func(from, to float64) float64 {
		watts := func(f float64) float64 {
			if f == 0 {
				return w.site.meter.Idle.Sum()
			}
			return w.jobs[0].options[0].at(f, &w.site.meter).draw.Sum()
		}
		return w.site.plant.AtMeter(16*(watts(to)-watts(from)), 0)
	}
	p.Site.JobRamp = rise(0, 1) / 1000
	r := run(t, prepared(t, p), 0)
	o := &w.jobs[0].options[0]
	first := rise(0, 0.5) / p.Site.JobRamp // seconds
	climb := 0.0                           // tokens of each of the two
	for k := range 100 {
		low, high := 0.5+float64(k)*0.005, 0.5+float64(k+1)*0.005
		climb += 2 * rise(low, high) / p.Site.JobRamp * (o.rate - o.at(low, &w.site.meter).rate) * 1000
	}
	for i := range r.Jobs {
		waits := first * o.rate * 1000
		if i == 0 { // at half clock while the other waits
			waits += first * (o.rate - o.at(0.5, &w.site.meter).rate) * 1000
		} else {
			waits += first * o.rate * 1000
		}
		want := climb + waits + float64(i+1)*1000*o.rate*1000
		if got := r.Jobs[i].RampedTokens; math.Abs(got-want) > 1e-3*want { // 100 ms of rounding up, of some 1,000 s
			t.Errorf("job %d: %g tokens lost to the ramp, want %g", i, got, want)
		}
		if got := free.Jobs[i].Tokens - r.Jobs[i].Tokens; math.Abs(got-r.Jobs[i].RampedTokens) > 1e-9*free.Jobs[i].Tokens { // rounding of sums
			t.Errorf("job %d: %g tokens fewer than without a ramp, %g booked", i, got, r.Jobs[i].RampedTokens)
		}
	}
}

// A paused job does not go on in the turn of a step of the clock: it waits until the ramp has
// brought all that its own chips add.
func TestPausedJobWaitsForAllItsPower(t *testing.T) {
	p := testPlan(4)
	m := meterOf(p)
	p.Site.MinClock = 0.5
	p.Site.Policy = power.Policy{power.Pause, power.Cap}
	p.Jobs = []job.Spec{testJob("a", 1e15, 16), testJob("b", 1e15, 16)}
	limit := func(clock float64) unit.Power { return m.peak(16, clock, 16) * (1 + 1e-9) }
	const begin = 5 * unit.Day
	p.Site.Supply = power.Supply{Windows: []power.Window{ // b pauses in both, and a climbs in the second
		{From: begin, For: 3 * unit.Hour, Limit: limit(0.55)},
		{From: begin, For: 10 * unit.Hour, Limit: limit(0.95)},
	}}
	w := prepared(t, p).NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	o := &w.jobs[1].options[0]
	full, half := o.full.draw.Sum(), o.at(0.5, &w.site.meter).draw.Sum()
	p.Site.JobRamp = 16 * w.site.plant.AtMeter(full-half, 0) / (20 * 3600) // 20 h from half to full clock
	until := func(horizon unit.Duration) float64 {
		p.Horizon = horizon
		return run(t, prepared(t, p), 0).Jobs[1].Tokens
	}
	before := until(begin)
	if got := until(begin + 20*unit.Hour); got != before { // from idle takes longer than that
		t.Errorf("b went on before its power was there: %g tokens, %g when it paused", got, before)
	}
	if got := until(begin + 10*unit.Day); got <= before {
		t.Error("b never goes on")
	}
}

// The last turn is given back whole; what follows another stays where it is.
func TestTurnsAreGivenBack(t *testing.T) {
	r := newRamp()
	r.free = 10
	r.giveBack(turn{2, 7})
	if r.free != 10 {
		t.Errorf("free from %d on after a turn amid others was given back, want 10", r.free)
	}
	r.giveBack(turn{7, 10})
	if r.free != 7 {
		t.Errorf("free from %d on after the last turn was given back, want 7", r.free)
	}
	r.giveBack(noTurn)
	if r.free != 7 {
		t.Errorf("free from %d on after none was given back, want 7", r.free)
	}
}
