package sim

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// suppliedPlan is a job on the whole of a fleet without failures, and a limit on the
// grid at which it would run at half its power above idle.
func suppliedPlan() (*scenario.Plan, testMeter, unit.Power) {
	p := testPlan(2)
	p.Horizon = 10 * unit.Day
	m := meterOf(p)
	limit := (m.peak(16, 1, 0) + m.peak(0, 1, 16)) / 2
	p.Site.Phases = []power.Phase{{Limit: limit}}
	return p, m, limit
}

// A window is as good as a phase: the limit holds while it is open and no longer.
func TestWindowLimitsWhileItIsOpen(t *testing.T) {
	p, _, limit := suppliedPlan()
	p.Site.Phases = []power.Phase{{}, {From: 2 * unit.Day, Limit: limit}, {From: 2*unit.Day + 6*unit.Hour}, {From: 5 * unit.Day, Limit: limit}, {From: 5*unit.Day + 6*unit.Hour}}
	phases := run(t, prepared(t, p), 0)
	p.Site.Phases = nil
	p.Site.Supply.Windows = []power.Window{{From: 2 * unit.Day, For: 6 * unit.Hour, Every: 3 * unit.Day, Until: 8 * unit.Day, Limit: limit}}
	windows := run(t, prepared(t, p), 0)
	if phases.Jobs[0].Tokens != windows.Jobs[0].Tokens || phases.Site.EnergyMWh != windows.Site.EnergyMWh {
		t.Errorf("phases %g tokens, %g MWh; windows %g, %g", phases.Jobs[0].Tokens, phases.Site.EnergyMWh, windows.Jobs[0].Tokens, windows.Site.EnergyMWh)
	}
	want := []result.AgreedWindow{{FromDays: 2, UntilDays: 8, LimitMW: float64(limit) / 1e6}}
	if got := prepared(t, p).Frame().Site.DemandResponse.Agreed; !slices.Equal(got, want) {
		t.Errorf("agreed windows %v, want %v", got, want)
	}
	if s := &windows.Site; s.Windows != 2 || s.WindowsMet != 2 || math.Abs(s.WindowHours-12) > 1e-9 || !(s.CurtailedMWh > 0) {
		t.Errorf("%g windows, %g met, %g h, %g MWh curtailed", s.Windows, s.WindowsMet, s.WindowHours, s.CurtailedMWh)
	}
}

// A window whose limit is below what paused jobs and the network draw is not met, unless
// a battery gives the rest, or the policy sheds.
func TestWindowBelowTheLeastLoadIsMissed(t *testing.T) {
	m := meterOf(testPlan(2))
	least := m.peak(0, 1, 16)
	for _, c := range []struct {
		name    string
		limit   unit.Power
		policy  power.Policy
		battery unit.Power
		met     float64
	}{
		{"the jobs' idle power fits", least * (1 + 1e-9), nil, 0, 1},
		{"it does not", least * 0.9, nil, 0, 0},
		{"with a battery", least * 0.9, nil, least, 1},
		{"shed", least * 0.9, power.Policy{power.Shed}, 0, 1},
	} {
		p := testPlan(2)
		p.Site.Policy = c.policy
		p.Site.Supply.Windows = []power.Window{{From: 5 * unit.Day, For: 4 * unit.Hour, Limit: c.limit}}
		if c.battery > 0 {
			p.Site.Supply.Battery = power.Battery{Power: c.battery, Energy: unit.Energy(unit.MegawattHour), Efficiency: 0.9}
		}
		if s := run(t, prepared(t, p), 0).Site; s.Windows != 1 || s.WindowsMet != c.met {
			t.Errorf("%s: %g of %g windows met, want %g", c.name, s.WindowsMet, s.Windows, c.met)
		}
	}
}

// A window that would begin as the calendar ends is none.
func TestWindowsBeginWithinTheCalendar(t *testing.T) {
	p, _, limit := suppliedPlan()
	p.Site.Phases = nil
	p.Site.Supply.Windows = []power.Window{{From: 2 * unit.Day, For: 6 * unit.Hour, Every: unit.Day, Limit: limit}}
	if s := run(t, prepared(t, p), 0).Site; s.Windows != 8 || math.Abs(s.WindowHours-8*6) > 1e-9 {
		t.Errorf("%g windows, %g h; want those of days 2 to 9", s.Windows, s.WindowHours)
	}
}

// meanAtFullClock is what the job of a plan draws at the meter while it trains.
func meanAtFullClock(t *testing.T, p *scenario.Plan, m *testMeter, chips float64) float64 {
	free := *p
	free.Site.Phases, free.Site.Supply = nil, power.Supply{}
	w := prepared(t, &free).NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	return m.plant.AtMeter(chips*w.jobs[0].perChip.Sum(), 0)
}

// A generator that may give what is short costs the job nothing, and gives no more.
func TestGeneratorCoversWhatIsShort(t *testing.T) {
	p, m, limit := suppliedPlan()
	capped := run(t, prepared(t, p), 0)
	free, _, _ := suppliedPlan()
	free.Site.Phases = nil
	want := run(t, prepared(t, free), 0)
	mean, idle := meanAtFullClock(t, p, &m, 16), float64(m.peak(0, 1, 16))
	short := m.peak(16, 1, 0) - limit + 1
	const start = 600 // s of idling until the job trains
	for _, c := range []struct {
		runs     power.Dispatch
		capacity unit.Power
		gives    float64
	}{
		{power.WhenShort, short, (float64(p.Horizon) - start) * max(mean-float64(limit), 0)},
		{power.Always, short, start*min(float64(short), idle) + (float64(p.Horizon)-start)*min(float64(short), mean)},
		{power.Always, 1e6, start*idle + (float64(p.Horizon)-start)*mean},
	} {
		p.Site.Supply.Generators = []power.Generator{{Name: "gas", Runs: c.runs, Capacity: c.capacity}}
		r := run(t, prepared(t, p), 0)
		if r.Jobs[0].Tokens != want.Jobs[0].Tokens || !(want.Jobs[0].Tokens > capped.Jobs[0].Tokens) {
			t.Errorf("%s of %g W: %g tokens, without a limit %g, with it %g", c.runs, float64(c.capacity), r.Jobs[0].Tokens, want.Jobs[0].Tokens, capped.Jobs[0].Tokens)
		}
		got := r.Site.EnergyFrom[result.Generation] * float64(unit.MegawattHour)
		if math.Abs(got-c.gives) > 1e-9*c.gives { // rounding of an integral
			t.Errorf("%s of %g W gave %g J, want %g", c.runs, float64(c.capacity), got, c.gives)
		}
	}
}

// A battery carries a window until it is empty and charges after it: the energy that it
// gives and takes, by hand.
func TestBatteryCarriesAWindow(t *testing.T) {
	p, m, limit := suppliedPlan()
	p.Site.Phases = nil
	p.Site.Supply.Windows = []power.Window{{From: 2 * unit.Day, For: 10 * unit.Hour, Limit: limit}}
	short := meanAtFullClock(t, p, &m, 16) - float64(limit)
	for _, hours := range []float64{4, 12} {
		p.Site.Supply.Battery = power.Battery{Power: m.peak(16, 1, 0) - limit + 1, Efficiency: 0.8, Energy: unit.Energy(short * hours * 3600)}
		r := run(t, prepared(t, p), 0)
		gave := min(hours, 10) * 3600 * short
		for what, c := range map[string][2]float64{"gave": {r.Site.DischargedMWh, gave}, "took": {r.Site.ChargedMWh, gave / 0.8}} {
			if got := c[0] * float64(unit.MegawattHour); math.Abs(got-c[1]) > 1e-6*gave { // a millisecond of hours
				t.Errorf("%g h: it %s %g J, want %g", hours, what, got, c[1])
			}
		}
		emptied := 0.0
		if hours < 10 {
			emptied = 1
		}
		if r.Site.Emptied != emptied || r.Site.WindowsMet != 1 {
			t.Errorf("%g h: empty %g times, %g windows met", hours, r.Site.Emptied, r.Site.WindowsMet)
		}
	}
}

// A full battery that only hours hotter than the first make give keeps within its energy.
func TestBatteryFollowsWeather(t *testing.T) {
	p := underWeather(testPlan(8))
	p.Horizon, p.Jobs = 200*unit.Day, nil
	m := meterOf(p)
	it := m.Idle.Sum() * 8 * perServer
	first, most := m.plant.AtMeter(it, 0), 0.0
	for hour := range 200 * 24 {
		most = max(most, m.plant.AtMeter(it, hour))
	}
	limit := first + 0.2*(most-first)
	p.Site.Phases = []power.Phase{{Limit: unit.Power(limit)}}
	p.Site.Supply.Battery = power.Battery{Power: unit.Power(most), Energy: unit.Energy(600 * (most - limit)), Efficiency: 0.9}
	if s := run(t, prepared(t, p), 0).Site; s.DischargedMWh == 0 || s.Emptied == 0 || s.ChargedMWh == 0 { // Run audits the charge
		t.Errorf("it gave %g MWh, took %g, and was empty %g times", s.DischargedMWh, s.ChargedMWh, s.Emptied)
	}
}

// A limit on a chip, rack, row or hall gives the clock at which a full one of them
// just keeps it, and more of it never trains slower.
func TestLimitsOfGroupsCapTheClock(t *testing.T) {
	m := meterOf(testPlan(4))
	free := run(t, prepared(t, testPlan(4)), 0).Jobs[0].Tokens
	for _, c := range []struct {
		name  string
		limit func(p *scenario.Plan, f, above float64)
	}{
		{"chip", func(p *scenario.Plan, f, above float64) { p.Site.Limits.Chip = unit.Power(m.PeakAt(f).Chips * above) }},
		{"rack", func(p *scenario.Plan, f, above float64) {
			p.Site.Limits.Rack = unit.Power(8 * m.PeakAt(f).Sum() * above)
		}},
		{"row", func(p *scenario.Plan, f, above float64) {
			p.Site.Limits.Row = unit.Power(16 * m.PeakAt(f).Sum() * above)
		}},
		{"hall", func(p *scenario.Plan, f, above float64) {
			p.Site.Limits.Hall = unit.Power(32 * m.PeakAt(f).Sum() * above)
		}},
	} {
		before := 0.0
		for _, f := range []float64{0.6, 0.75, 0.9, 1} {
			p := testPlan(4)
			p.Fleet.Topology.Rack, p.Fleet.Topology.Row, p.Fleet.Topology.Room = 1, 2, 8 // a hall larger than the fleet
			c.limit(p, f, 1+1e-9)                                                        // above the rounding of a sum
			w := prepared(t, p).NewWorld()
			r, err := w.Run(0)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.jobs[0].clock; got != f {
				t.Errorf("%s: clock %g, want %g", c.name, got, f)
			}
			if want := float64(m.peak(32, f, 0)) / 1e6; r.Site.PeakPowerMW > want*(1+1e-9) { // rounding
				t.Errorf("%s at clock %g: peak %g MW, want at most %g", c.name, f, r.Site.PeakPowerMW, want)
			}
			if r.Jobs[0].Tokens < before || f == 1 && r.Jobs[0].Tokens != free {
				t.Errorf("%s at clock %g: %g tokens, %g at a lower limit, %g without", c.name, f, r.Jobs[0].Tokens, before, free)
			}
			before = r.Jobs[0].Tokens
		}
	}
}

func TestLimitThatCannotBeMetIsTold(t *testing.T) {
	for _, c := range []struct {
		limits power.Limits
		want   string
	}{
		{power.Limits{Chip: 60}, "site.limits.chip is 60 W; a chip draws up to 60 W idle"},
		{power.Limits{Rack: 1400}, "site.limits.rack is 1.4 kW; a rack of 8 chips draws up to 1.44 kW idle"},
		{power.Limits{Hall: 1800}, "site.limits.hall is 1.8 kW; a hall of 8 chips that trains draws 2.06 kW at the lowest clock, 50 %"},
	} {
		p := testPlan(4)
		p.Site.Limits = c.limits
		_, err := prepare(p, testPricing, testEstimate)
		var infeasible *InfeasibleError
		if !errors.As(err, &infeasible) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %q", c.limits, err, c.want)
		}
	}
}

// What a job trains under a cap and what it loses to it are what it trains without, and
// the duration curve has the site's mean and bounds.
func TestTokensLostToTheCap(t *testing.T) {
	m := meterOf(testPlan(2))
	free := run(t, prepared(t, testPlan(2)), 0)
	for _, f := range []float64{0.9, 0.7, 0.4} { // the last below the lowest clock: the job is paused
		p := testPlan(2)
		p.Site.Phases = []power.Phase{{}, {From: 10 * unit.Day, Limit: m.peak(16, f, 0)}}
		r := run(t, prepared(t, p), 0)
		if got, want := r.Jobs[0].Tokens+r.Jobs[0].CappedTokens, free.Jobs[0].Tokens; math.Abs(got-want) > 1e-6*want { // whole milliseconds of steps
			t.Errorf("clock %g: %g tokens with those lost, %g without a cap", f, got, want)
		}
		shares, curve := result.DurationShares(), r.Site.DurationMW
		area := 0.0
		for i := range curve {
			if i > 0 {
				area += (shares[i] - shares[i-1]) * (curve[i] + curve[i-1]) / 2
				if curve[i] > curve[i-1] {
					t.Fatalf("clock %g: the curve rises: %v", f, curve)
				}
			}
		}
		// Levels of 0.1 % and shares of 5 %, with one step within a share.
		if mean := r.Site.MeanPowerMW; math.Abs(area-mean) > 0.05*mean || curve[0] > r.Site.PeakPowerMW*1.002 {
			t.Errorf("clock %g: %g MW below the curve, mean %g; top %g, peak %g", f, area, mean, curve[0], r.Site.PeakPowerMW)
		}
	}
}

// What the limit costs by keeping a job on a smaller size, or off, counts as lost to it:
// with what it trains, that is what it trains without, but for restarts.
func TestTokensLostToSmallerSizes(t *testing.T) {
	m := meterOf(testPlan(1))
	const restart = 600
	for _, c := range []struct {
		name             string
		sizes            []int
		oversubscription unit.Factor
		policy           power.Policy
		limit            unit.Power
		limited          float64 // tokens per second below the limit
	}{
		{"a size that the limit makes slower", []int{16, 80}, 0, nil, m.peak(16, 1, 0) * (1 + 1e-9), stepTokens / 5.0},
		{"servers that wait for power", []int{16, 80}, 1, nil, m.peak(16, 1, 0) * (1 + 1e-9), stepTokens / 5.0},
		{"too few with power to start", []int{80}, 1, nil, m.peak(64, 1, 0) * (1 + 1e-9), 0},
		{"servers that are shed", []int{16, 80}, 10, power.Policy{power.Shed, power.Cap}, m.peak(16, 1, 0) * (1 + 1e-9), stepTokens / 5.0},
	} {
		p := testPlan(10)
		p.Site.MinClock = 0.9
		p.Horizon = 20 * unit.Day
		p.Jobs = []job.Spec{testJob("a", 1e15, c.sizes...)}
		p.Site.Policy, p.Site.Oversubscription = c.policy, c.oversubscription
		p.Site.Phases = []power.Phase{{Limit: c.limit}}
		if c.policy != nil { // what is shed has had power before
			p.Site.Phases = []power.Phase{{}, {From: unit.Second, Limit: c.limit}}
		}
		r := run(t, prepared(t, p), 0)
		j := &r.Jobs[0]
		full := stepTokens / 1.0 // a step takes 80 s over the chips
		seconds := float64(p.Horizon) - restart
		// Two restarts at most, and the second before the limit: a part in two thousand.
		if want := c.limited * seconds; math.Abs(j.Tokens-want) > 0.001*full*seconds {
			t.Errorf("%s: %g tokens, want %g", c.name, j.Tokens, want)
		}
		if want := (full - c.limited) * seconds; math.Abs(j.CappedTokens-want) > 0.001*full*seconds {
			t.Errorf("%s: %g tokens lost, want %g", c.name, j.CappedTokens, want)
		}
	}
}

// Which job trains when power is short: both at a lower clock, or the first at full.
func TestPolicyDecidesWhoTrains(t *testing.T) {
	m := meterOf(testPlan(1))
	plan := func(policy ...power.Action) *scenario.Plan {
		p := testPlan(4)
		a, b := testJob("a", 1e15, 16), testJob("b", 1e15, 16)
		a.Priority = 1
		p.Jobs = append(p.Jobs[:0], a, b)
		p.Site.Policy = policy
		p.Site.Phases = []power.Phase{{Limit: m.peak(16, 1, 16) * (1 + 1e-9)}} // above the sum's rounding
		return p
	}
	both, one := run(t, prepared(t, plan(power.Cap, power.Pause)), 0), run(t, prepared(t, plan(power.Pause, power.Cap)), 0)
	if !(both.Jobs[0].Tokens == both.Jobs[1].Tokens && both.Jobs[1].Tokens > 0) {
		t.Errorf("capped: %g and %g tokens", both.Jobs[0].Tokens, both.Jobs[1].Tokens)
	}
	p := plan()
	p.Site.Phases = nil
	if free := run(t, prepared(t, p), 0); one.Jobs[0].Tokens != free.Jobs[0].Tokens || one.Jobs[1].Tokens != 0 {
		t.Errorf("paused: %g and %g tokens; the first alone %g", one.Jobs[0].Tokens, one.Jobs[1].Tokens, free.Jobs[0].Tokens)
	}
}

// Staggered, a job of the same priority that is about to start waits until those that train
// leave it the power for full clock, be it that the limit rises or that they end; where the
// cap comes first, for the lowest clock. It does not wait for a job of a lower priority.
func TestStaggeredJobsWaitForPower(t *testing.T) {
	m := meterOf(testPlan(1))
	full := testStep(16)
	const start, second = 600, 86400 // seconds from submission to training; when the other is submitted
	for _, c := range []struct {
		name     string
		policy   power.Policy
		priority int           // of the second
		limit    unit.Power    // for the first ten of twenty days
		wait     unit.Duration // of the second; days
		clock    float64       // of both meanwhile, where it does not wait
	}{
		{"all capped", power.Policy{power.Cap}, 0, m.peak(32, 0.8, 0), 0, 0.8},
		{"staggered", power.Policy{power.Stagger, power.Cap}, 0, m.peak(32, 0.8, 0), 9, 0},
		{"capped first", power.Policy{power.Cap, power.Stagger}, 0, m.peak(32, 0.8, 0), 0, 0.8},
		{"below the lowest clock", power.Policy{power.Cap, power.Stagger}, 0, m.peak(32, 0.45, 0), 9, 0},
		{"a higher priority", power.Policy{power.Stagger, power.Cap}, 1, m.peak(32, 0.8, 0), 0, 0.8},
	} {
		p := testPlan(4)
		p.Site.MinClock = 0.5
		p.Horizon = 20 * unit.Day
		a, b := testJob("a", 1e15, 16), testJob("b", 1e15, 16)
		a.Submit, a.Priority = second, c.priority // first in the plan, second in time
		p.Jobs = append(p.Jobs[:0], a, b)
		p.Site.Policy, p.Site.Phases = c.policy, []power.Phase{{Limit: c.limit * (1 + 1e-9)}, {From: 10 * unit.Day}}
		r := run(t, prepared(t, p), 0)
		rate := float64(full.Tokens) / float64(full.Time)
		trains := float64(20*unit.Day) - second - start
		if c.wait > 0 {
			trains -= float64(c.wait*unit.Day) - start
		} else {
			slow := 9*86400.0 - start
			activity := ActivityOf(&full, step.BF16)
			trains -= slow * (1 - float64(activity.Time()/activity.AtClock(c.clock).Time()))
		}
		if got, want := r.Jobs[0].Tokens, trains*rate; math.Abs(got-want) > 1e-6*want { // a step under way
			t.Errorf("%s: the second trains %g tokens, want %g", c.name, got, want)
		}
	}
}

// What paused jobs hold is switched off before the first job pauses: that trains at the
// lowest clock from the power on that it needs alone.
func TestFirstJobTrainsOnThePowerOfPausedOnes(t *testing.T) {
	m := meterOf(testPlan(1))
	lowest := m.LowestClock()
	alone, beside := m.peak(16, lowest, 0), m.peak(16, lowest, 16)
	for _, c := range []struct {
		limit  unit.Power
		clock  float64 // of the first job; 0 where it pauses
		drawn  unit.Power
		policy power.Policy
	}{
		{beside * (1 + 1e-9), lowest, beside, nil},
		{(alone + beside) / 2, lowest, (alone + beside) / 2, nil},
		{(alone + beside) / 2, lowest, (alone + beside) / 2, power.Policy{power.Pause, power.Cap}},
		{alone * (1 + 1e-9), lowest, alone, nil},
		{alone * (1 - 1e-9), 0, alone, nil},
	} {
		p := testPlan(4)
		first, second := testJob("a", 1e15, 16), testJob("b", 1e15, 16)
		first.Priority = 1
		p.Jobs = []job.Spec{second, first}
		p.Site.Phases, p.Site.Policy = []power.Phase{{Limit: c.limit}}, c.policy
		// In a window, the limit is kept without a loss beyond clock and turn where one trains.
		p.Site.Supply.Windows = []power.Window{{From: 5 * unit.Day, For: 4 * unit.Hour, Limit: c.limit}}
		pr := prepared(t, p)
		r := run(t, pr, 0)
		want, met := 0.0, 0.0
		if c.clock > 0 {
			want, met = speedWithin(m.PeakAt(c.clock).Sum()*16, &pr.Jobs[1], &pr.Jobs[1].Sizes[0], &m.Meter)*float64(p.Horizon), 1
		}
		if got := r.Jobs[1].Tokens; math.Abs(got-want) > 1e-3*want || r.Jobs[0].Tokens != 0 { // checkpoints and the start
			t.Errorf("limit %g: %g tokens, want %g; the second %g", c.limit, got, want, r.Jobs[0].Tokens)
		}
		if got := r.Site.PeakPowerMW * 1e6; math.Abs(got/float64(c.drawn)-1) > 1e-8 {
			t.Errorf("limit %g: %g W drawn, want %g", c.limit, got, c.drawn)
		}
		if r.Site.WindowsMet != met {
			t.Errorf("limit %g: %g windows met, want %g", c.limit, r.Site.WindowsMet, met)
		}
	}
}

// A higher limit never stops the first of several jobs, though it may slow it where it
// lets others onto servers.
func TestMorePowerNeverStopsTheFirstJob(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := testPlan(rapid.IntRange(8, 16).Draw(t, "servers"))
		p.Horizon = 10 * unit.Day
		p.Jobs = nil
		for i := range 3 {
			j := testJob(fmt.Sprint(i), 1e15, rapid.SampledFrom([][]int{{32}, {16, 32, 64}, {8, 16, 24}}).Draw(t, "sizes")...)
			j.Priority = -i
			p.Jobs = append(p.Jobs, j)
		}
		p.Site.Policy = rapid.SampledFrom([]power.Policy{nil, {power.Pause, power.Cap}, {power.Shed, power.Cap}, {power.Stagger, power.Cap}}).Draw(t, "policy")
		p.Site.Oversubscription = rapid.SampledFrom([]unit.Factor{0, 1, 1.5, 3}).Draw(t, "oversubscription")
		low := rapid.Float64Range(2000, 40_000).Draw(t, "limit")
		high := low * rapid.Float64Range(1, 2).Draw(t, "higher")
		train := func(limit float64) float64 {
			p.Site.Phases = []power.Phase{{Limit: unit.Power(limit)}}
			r, err := preparedRapid(t, p).Run(0)
			if err != nil {
				t.Fatal(err)
			}
			return r.Jobs[0].Tokens
		}
		if least, more := train(low), train(high); least > 0 && more == 0 {
			t.Fatalf("%g W train %g tokens, %g W none", low, least, high)
		}
	})
}

// someDays is a test plan of some days, with weather or without.
func someDays(t *rapid.T, servers int) *scenario.Plan {
	p := testPlan(servers)
	if rapid.Bool().Draw(t, "weather") {
		p = underWeather(p)
	}
	p.Horizon = unit.Duration(rapid.Float64Range(1, 20).Draw(t, "days")) * unit.Day
	return p
}

// Of jobs that keep their size a higher limit never trains less together, though it may slow
// the first where it lets another train as well.
func TestMorePowerNeverTrainsLessTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := someDays(t, 12)
		p.Jobs = nil
		for i := range rapid.IntRange(2, 3).Draw(t, "jobs") {
			j := testJob(fmt.Sprint(i), 1e15, rapid.SampledFrom([]int{8, 16, 24}).Draw(t, "size"))
			j.Priority = -i
			p.Jobs = append(p.Jobs, j)
		}
		p.Site.Policy = rapid.SampledFrom([]power.Policy{nil, {power.Cap, power.Pause}, {power.Pause, power.Cap}}).Draw(t, "policy")
		p.Site.Oversubscription = 0 // all have power
		p.Site.MinClock = unit.Share(rapid.Float64Range(0.3, 0.9).Draw(t, "lowest clock"))
		low := rapid.Float64Range(4000, 60_000).Draw(t, "limit")
		high := low * rapid.Float64Range(1, 1.5).Draw(t, "higher")
		train := func(limit float64) (chips float64) { // seconds at full clock
			p.Site.Phases = []power.Phase{{Limit: unit.Power(limit)}}
			r, err := preparedRapid(t, p).Run(0)
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Jobs {
				full := testStep(p.Jobs[i].Sizes[0])
				chips += r.Jobs[i].Tokens / float64(full.Tokens) * float64(full.Time) * float64(p.Jobs[i].Sizes[0])
			}
			return chips
		}
		if least, more := train(low), train(high); more < least*(1-1e-9) { // rounding of a sum
			t.Fatalf("%g W train %g, %g W %g", low, least, high, more)
		}
	})
}

// randomSupply adds windows, generators, a battery, limits and a policy to a plan.
func randomSupply(t *rapid.T, p *scenario.Plan) {
	days := func(name string, low, high float64) unit.Duration {
		return unit.Duration(rapid.Float64Range(low, high).Draw(t, name)) * unit.Day
	}
	watts := func(name string) unit.Power { return unit.Power(rapid.Float64Range(100, 100_000).Draw(t, name)) }
	s := &p.Site.Supply
	for range rapid.IntRange(0, 3).Draw(t, "windows") {
		v := power.Window{From: days("window", 0, 20), For: days("for", 0.01, 0.5), Limit: watts("window limit"), Notice: days("notice", 0, 0.1)}
		if rapid.Bool().Draw(t, "recurs") {
			v.Every = v.For + days("every", 0.01, 5)
		}
		s.Windows = append(s.Windows, v)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "generators") {
		s.Generators = append(s.Generators, power.Generator{
			Name: fmt.Sprint(i), Capacity: watts("capacity"), Latitude: 25, Noon: 5, Yield: 0.6,
			Runs: rapid.SampledFrom([]power.Dispatch{power.WhenShort, power.Always, power.Daylight}).Draw(t, "runs"),
		})
	}
	if rapid.Bool().Draw(t, "battery") {
		s.Battery = power.Battery{
			Power: watts("battery"), Energy: unit.Energy(math.Pow(10, rapid.Float64Range(4, 11).Draw(t, "energy"))),
			Efficiency: unit.Share(rapid.Float64Range(0.3, 1).Draw(t, "efficiency")),
		}
	}
	if rapid.Bool().Draw(t, "limited") {
		m := meterOf(p)
		p.Site.Limits.Chip = unit.Power(m.PeakAt(rapid.Float64Range(0.5, 1).Draw(t, "chip")).Chips * (1 + 1e-9))
		p.Site.Limits.Rack = unit.Power(m.PeakAt(rapid.Float64Range(0.5, 1).Draw(t, "rack")).Sum() * perServer * 4 * (1 + 1e-9))
	}
	p.Site.Policy = rapid.SampledFrom([]power.Policy{
		nil,
		{power.Cap, power.Pause},
		{power.Pause, power.Cap},
		{power.Shed, power.Cap},
		{power.Cap, power.Shed},
		{power.Pause, power.Shed},
		{power.Stagger, power.Cap},
		{power.Cap, power.Stagger},
	}).Draw(t, "policy")
	p.Site.Oversubscription = rapid.SampledFrom([]unit.Factor{0, 1, 1.5, 3}).Draw(t, "oversubscription")
	p.Site.JobRamp = rapid.SampledFrom([]float64{0, 10, 1000}).Draw(t, "ramp")
}

// A higher limit never trains slower, whatever else feeds the site, nor does a battery
// slow a job: one job, nothing that fails. Left out is what docs/model.md says may be
// slower: a higher limit with a battery, with windows that sizes don't follow, that shed or
// whose limit a plant built for more power takes more of,
// with phases between which a job moves to another size, and with other jobs.
func TestMorePowerNeverTrainsSlower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := someDays(t, 8)
		randomSupply(t, p)
		p.Jobs = []job.Spec{testJob("a", 1e15, rapid.SampledFrom([][]int{{32}, {16, 32, 64}}).Draw(t, "sizes")...)}
		if len(p.Jobs[0].Sizes) > 1 || p.Site.Policy.Names(power.Shed) || p.Site.Weather.Any() {
			p.Site.Supply.Windows = nil
		}
		battery := p.Site.Supply.Battery
		if p.Site.Weather.Any() { // a plant built for more power takes more of it in a ramp, and beside a large battery
			p.Site.JobRamp, battery = 0, power.Battery{}
		}
		low := rapid.Float64Range(2000, 60_000).Draw(t, "limit")
		high := low * rapid.Float64Range(1, 2).Draw(t, "higher")
		train := func(limit float64, battery power.Battery) float64 {
			p.Site.Phases, p.Site.Supply.Battery = []power.Phase{{Limit: unit.Power(limit)}}, battery
			r, err := preparedRapid(t, p).Run(0)
			if err != nil {
				t.Fatal(err)
			}
			return r.Jobs[0].Tokens
		}
		least, more, stored := train(low, power.Battery{}), train(high, power.Battery{}), train(low, battery)
		if more < least*(1-1e-9) || stored < least*(1-1e-9) { // rounding of a sum
			t.Fatalf("%g W train %g tokens, with a battery %g, %g W %g", low, least, stored, high, more)
		}
	})
}
