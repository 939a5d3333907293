package sim

import (
	"math"
	"testing"

	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/scenario"
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
		// The energy of the start, and of going on.
		joules := (rise(0, 1)*1000 + rise(0, 0.5)*first) / 2
		if got := r.Jobs[i].RampEnergyMWh; math.Abs(got-megawattHours(joules)) > 1e-5*got { // rounding up as above
			t.Errorf("job %d: %g MWh for the ramp, want %g", i, got, megawattHours(joules))
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
	w = prepared(t, p).NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	rises := 0
	for _, s := range w.jobs[1].books.byClock {
		if s.risen == 0 {
			continue
		}
		rises++
		rise := 16 * w.site.plant.AtMeter(o.at(s.clock, &w.site.meter).draw.Sum()-w.site.meter.Idle.Sum(), 0)
		if want := rise / p.Site.JobRamp * 1000 / 2; math.Abs(s.risen-want) > 1 { // a millisecond of rounding up
			t.Errorf("b's rise to clock %g is worth %g ms of it, half its turn is %g", s.clock, s.risen, want)
		}
	}
	if rises != 2 {
		t.Errorf("b rises %d times, want a start and a resumption", rises)
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

// rising is a plan of jobs on 16 chips each that start together, and rise for 1,000 s each,
// and the power at the meter by which a job's chips at a clock exceed idle ones.
func rising(t *testing.T, jobs ...string) (*scenario.Plan, func(clock float64) float64) {
	t.Helper()
	p := testPlan(2 * len(jobs))
	p.Jobs = nil
	for _, name := range jobs {
		p.Jobs = append(p.Jobs, testJob(name, 1e15, 16))
	}
	w := prepared(t, p).NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	o, m := &w.jobs[0].options[0], &w.site.meter
	above := func(clock float64) float64 {
		return 16 * w.site.plant.AtMeter(o.at(clock, m).draw.Sum()-m.Idle.Sum(), 0)
	}
	p.Site.JobRamp = above(1) / 1000
	return p, above
}

// In its turn a job that starts takes half its rise for the length of the turn beyond what
// it would take idle; before its turn nothing.
func TestStartTakesHalfItsRise(t *testing.T) {
	p, above := rising(t, "a", "b")
	r := run(t, prepared(t, p), 0)
	p.Site.JobRamp = 0
	for i := range p.Jobs {
		p.Jobs[i].Restart = dist.Fixed(600 + 1000*unit.Duration(i+1))
	}
	later := run(t, prepared(t, p), 0)
	want := megawattHours(above(1) * 1000 / 2)
	for i := range p.Jobs {
		const rounding = 1e-5 // of the turns, up to a millisecond each
		if got := r.Jobs[i].RampEnergyMWh; math.Abs(got-want) > rounding*want {
			t.Errorf("job %d: %g MWh for the ramp, want %g", i, got, want)
		}
		if got := r.Jobs[i].EnergyMWh - later.Jobs[i].EnergyMWh; math.Abs(got-want) > rounding*want {
			t.Errorf("job %d: %g MWh more than one that starts so much later, want %g", i, got, want)
		}
		if later.Jobs[i].RampEnergyMWh != 0 {
			t.Errorf("job %d: %g MWh for no ramp", i, later.Jobs[i].RampEnergyMWh)
		}
	}
	if got := r.Site.EnergyMWh - later.Site.EnergyMWh; math.Abs(got-2*want) > 1e-5*want {
		t.Errorf("the site takes %g MWh more, want %g", got, 2*want)
	}
}

// A limit that holds for a part of the turn lowers what the job rises to from then on, and
// the tokens that it loses to the ramp; one that ends lets it climb only after the turn.
func TestLimitInATurn(t *testing.T) {
	const begin, length = 600, 1000 // s, of the turn
	for _, c := range []struct {
		name           string
		from, to       unit.Duration // of the window, in the turn
		clock          float64       // that it allows, 0 for none
		energy, tokens func(rise, rate func(clock float64) float64) float64
	}{
		{
			"falls", 600, 2 * unit.Hour, 0.7,
			func(rise, _ func(float64) float64) float64 { return rise(1)*0.36/2 + rise(0.7)*0.64/2 },
			func(_, rate func(float64) float64) float64 { return 0.6*rate(1) + 0.4*rate(0.7) },
		},
		{
			"lifted", -600, 400, 0.7,
			func(rise, _ func(float64) float64) float64 { return rise(0.7) / 2 },
			func(_, rate func(float64) float64) float64 { return 0.4*rate(0.7) + 0.6*rate(1) },
		},
		{
			"no power", 600, 2 * unit.Hour, 0,
			func(rise, _ func(float64) float64) float64 { return rise(1) * 0.36 / 2 },
			func(_, rate func(float64) float64) float64 { return 0.6 * rate(1) },
		},
		{
			"power too late", 200, 600, 0,
			func(rise, _ func(float64) float64) float64 { return rise(1) * 0.04 / 2 },
			func(_, rate func(float64) float64) float64 { return 0.2 * rate(1) },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, rise := rising(t, "a")
			m := meterOf(p)
			limit := m.peak(16, 0.4, 0) // below the lowest clock, 50 %
			if c.clock > 0 {
				limit = m.peak(16, c.clock, 0)
			}
			p.Site.Supply.Windows = []power.Window{{From: begin + c.from, For: c.to - c.from, Limit: limit * (1 + 1e-9)}}
			p.Horizon = begin + length
			at := prepared(t, p)
			w := at.NewWorld()
			r, err := w.Run(0)
			if err != nil {
				t.Fatal(err)
			}
			o := &w.jobs[0].options[0]
			rate := func(clock float64) float64 { return o.at(clock, &w.site.meter).rate * 1000 }
			const rounding = 2e-5 // of the turn up to a millisecond, of the limit
			if got, want := r.Jobs[0].RampEnergyMWh, megawattHours(c.energy(rise, rate)*length); math.Abs(got-want) > rounding*want {
				t.Errorf("%g MWh for the ramp, want %g", got, want)
			}
			if got, want := r.Jobs[0].RampedTokens, c.tokens(rise, rate)*length; math.Abs(got-want) > rounding*want {
				t.Errorf("%g tokens lost to the ramp, want %g", got, want)
			}
			if got, want := r.Jobs[0].RampedTokens+r.Jobs[0].CappedTokens, rate(1)*length; math.Abs(got-want) > rounding*want {
				t.Errorf("%g tokens lost to ramp and limit, want %g", got, want)
			}
			p.Horizon = begin + length + 100
			trains := run(t, prepared(t, p), 0).Jobs[0].Tokens
			if want := rate(c.clock) * 100; c.clock > 0 && trains < want*(1-rounding) {
				t.Errorf("%g tokens in the first 100 s, want at least %g", trains, want)
			}
			if full := rate(1) * 100; c.clock < 1 && trains > full*0.95 || c.clock == 0 && trains > 0 {
				t.Errorf("%g tokens in the first 100 s, full clock trains %g", trains, full)
			}
		})
	}
}

// What a start under a limit loses to the ramp is what the limit allows; the rest is lost
// to the limit, as without a ramp.
func TestStartUnderALimitLosesWhatItAllows(t *testing.T) {
	p, _ := rising(t, "a")
	m := meterOf(p)
	p.Site.Phases = []power.Phase{{Limit: m.peak(16, 0.8, 0) * (1 + 1e-9)}}
	p.Site.Oversubscription = 0
	with := run(t, prepared(t, p), 0).Jobs[0]
	p.Site.JobRamp = 0
	without := run(t, prepared(t, p), 0).Jobs[0]
	if got := without.Tokens - with.Tokens; !(got > 0) || math.Abs(got-with.RampedTokens) > 1e-9*without.Tokens { // rounding of sums
		t.Errorf("%g tokens fewer than without a ramp, %g booked", got, with.RampedTokens)
	}
	if got, want := with.CappedTokens, without.CappedTokens; math.Abs(got-want) > 1e-9*want { // likewise
		t.Errorf("%g tokens lost to the limit, without a ramp %g", got, want)
	}
}

// runUntil takes a replica's events up to a time.
func (w *World) runUntil(at des.Time) {
	for w.upcoming() <= at {
		e, _ := w.next()
		w.advance(e.At)
		w.dispatch(e)
		if w.upcoming() > w.now {
			w.endInstant()
		}
	}
	w.advance(at)
}

// A job that fails in its turn has taken what a straight rise takes until then: a quarter of
// the whole in half the time. It begins anew, be it at once.
func TestFailureInATurn(t *testing.T) {
	for _, pause := range []unit.Duration{600, 0} {
		p, above := rising(t, "a")
		p.Failures.Classes = []failure.Class{failing("software", failure.JobScope, 1e-30, 0, 0)}
		p.Jobs[0].Restart = dist.Fixed(pause)
		w := prepared(t, p).NewWorld()
		if err := w.reset(0); err != nil {
			t.Fatal(err)
		}
		w.runUntil(des.FromDuration(pause + 500))
		w.interrupt(0, 0, w.now.After(pause/10), job.NoServers)
		w.runUntil(w.now)
		w.endInstant()
		j := &w.jobs[0]
		whole := above(1) * 1000 / 2
		if got, want := j.books.rampEnergy, whole/4; math.Abs(got-want) > 1e-5*want { // a millisecond of rounding up
			t.Errorf("%g J until it fails in the middle of its turn, want %g", got, want)
		}
		w.runUntil(w.now.After(pause/10 + pause + 1001)) // detection, restart, a turn
		w.settle(0)
		if got, want := j.books.rampEnergy, whole/4+whole; j.phase != job.Training || math.Abs(got-want) > 1e-5*want { // likewise
			t.Errorf("%g J in phase %d after another start, want %g", got, j.phase, want)
		}
	}
}

// A job asks for its turn once it has its state: one that waits for the store leaves the ramp
// to others, and does not fall back to idle after its rise.
func TestTurnFollowsTheStore(t *testing.T) {
	p, _ := rising(t, "a")
	p.Failures.Classes = []failure.Class{failing("software", failure.JobScope, 1e-30, 0, 0)}
	w := prepared(t, p).NewWorld()
	if err := w.reset(0); err != nil {
		t.Fatal(err)
	}
	w.runUntil(des.FromDuration(5000))
	w.interrupt(0, 0, w.now+50_000, job.ManyServers)
	w.endInstant()
	w.runUntil(w.now + 100_000)
	w.storeDown, w.storage = w.now, w.now+900_000 // the restart began 50 s ago and takes 600 s
	w.runUntil(w.storage)
	if j := &w.jobs[0]; !j.rising || j.turn.from != w.storage {
		t.Errorf("its turn begins at %d ms, the store is back at %d", j.turn.from, w.storage)
	}
	w.runUntil(w.storage + 1_000_001)
	if j := &w.jobs[0]; j.phase != job.Training {
		t.Errorf("in phase %d after its turn", j.phase)
	}
}

// Where losses grow with the load, and the battery gives what the grid does not, the rise
// is still in the books of all of them.
func TestRiseUnderWeatherBalances(t *testing.T) {
	p, above := rising(t, "a", "b")
	p = underWeather(p)
	p.Site.JobRamp = above(1) / 5000 // over full hours
	m := meterOf(p)
	p.Site.Phases = []power.Phase{{Limit: m.peak(16, 1, 16)}}
	p.Site.Oversubscription = 0
	p.Site.Supply.Battery = power.Battery{Power: 20e3, Energy: 2e6, Efficiency: 0.9}
	r := run(t, prepared(t, p), 0)
	if r.Site.Emptied == 0 {
		t.Error("the battery never runs empty")
	}
	for i := range r.Jobs {
		if !(r.Jobs[i].RampEnergyMWh > 0) {
			t.Errorf("job %d: %g MWh for the ramp", i, r.Jobs[i].RampEnergyMWh)
		}
	}
}

// A battery that runs empty in a turn takes its power from the job that rises.
func TestBatteryRunsEmptyInATurn(t *testing.T) {
	p, above := rising(t, "a")
	const seconds, free, empty = 4000, 0.1, 0.6 // of the rise: what the grid leaves free, where the battery is empty
	rise := above(1)
	p.Site.JobRamp = rise / seconds
	m := meterOf(p)
	p.Site.Phases = []power.Phase{{Limit: unit.Power(m.plant.AtMeter(16*m.Idle.Sum(), 0) + free*rise)}}
	p.Site.Oversubscription = 0
	p.Site.Supply.Battery = power.Battery{
		Power: unit.Power(2 * rise), Energy: unit.Energy(rise * seconds * (empty - free) * (empty - free) / 2), Efficiency: 0.9,
	}
	w := prepared(t, p).NewWorld()
	if err := w.reset(0); err != nil {
		t.Fatal(err)
	}
	w.runUntil(des.FromDuration(600 + seconds - 1))
	w.settle(0)
	if u := &w.site.supply; u.emptied != 1 || u.charge < 0 {
		t.Errorf("the battery runs empty %d times, and holds %g J", u.emptied, u.charge)
	}
	// What it gives follows the mean of each part of the rise, 0.6 % less in the first.
	if got, want := w.jobs[0].books.rampEnergy, rise*seconds*empty*empty/2; math.Abs(got-want) > 0.01*want {
		t.Errorf("%g J for the ramp, want %g", got, want)
	}
}

// A job that rises has the others lower their clocks from its turn's beginning on; where
// the policy staggers starts it rises only where all may train at full clock.
func TestOthersMakeRoomForARise(t *testing.T) {
	for _, c := range []struct {
		policy power.Policy
		clock  float64 // of the first, in the turn of the second
	}{{power.Policy{power.Cap}, 0.8}, {power.Policy{power.Stagger, power.Cap}, 1}} {
		p, above := rising(t, "a", "b")
		m := meterOf(p)
		p.Site.Policy, p.Site.Oversubscription = c.policy, 0
		p.Site.Phases = []power.Phase{{Limit: m.peak(32, 0.8, 0) * (1 + 1e-9)}}
		p.Horizon = 600 + 2000
		w := prepared(t, p).NewWorld()
		r, err := w.Run(0)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range w.jobs[0].books.byClock {
			if s.time > 0 && s.clock != c.clock {
				t.Errorf("%v: the first trains at clock %g for %d ms, want %g", c.policy, s.clock, s.time, c.clock)
			}
		}
		want := 0.0
		if c.clock < 1 {
			want = megawattHours(above(c.clock) * 1000 / 2)
		}
		if got := r.Jobs[1].RampEnergyMWh; math.Abs(got-want) > 1e-5*want { // a millisecond of rounding up
			t.Errorf("%v: %g MWh for the ramp of the second, want %g", c.policy, got, want)
		}
	}
}
