package sim

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"

	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// A silent failure found D later costs D, and what was trained since the checkpoint
// before it: half a period on average, as long as intervals are short against D.
func TestSilentCorruptionRollsBackPastCheckpoints(t *testing.T) {
	p := testPlan(4)
	p.Horizon = 300 * unit.Day
	p.Jobs[0].Sizes = []int{2 * perServer}
	p.Jobs[0].Checkpoint = job.Checkpoint{Interval: 600, Blocking: 1}
	c := failing("sdc", failure.ServerScope, 1e-7, 6*unit.Hour, 60)
	c.Silent, c.Idle = true, 0
	p.Failures.Classes = []failure.Class{c}
	got, se := mean(t, p, 20, func(_ *World, r *result.Run) float64 {
		j := &r.Jobs[0]
		return j.LostBy[result.LostToWork] / j.Interruptions
	})
	// A second one within the six hours is found with the first (1 − e^(−0.035), which
	// leaves its server in: up to 4 %).
	near(t, "hours lost to each", got, se, 6+0.5*601/3600, 0.25)
}

// Without a store nothing becomes durable: a failure in the outage costs all of it.
func TestStorageOutage(t *testing.T) {
	p := testPlan(2)
	p.Horizon = 100 * unit.Day
	p.Jobs[0].Checkpoint = job.Checkpoint{Interval: 600, Blocking: 1}
	p.Failures.Classes = []failure.Class{
		failing("storage", failure.StorageScope, 1e-7, 0, 12*unit.Hour), failing("software", failure.JobScope, 1e-6, 0, 0),
	}
	with := run(t, prepared(t, p), 0)
	p.Failures.Classes[0].Rate = unit.Point[unit.Rate](0)
	without := run(t, prepared(t, p), 0)
	if with.Jobs[0].LostBy[result.LostToWork] < 2*without.Jobs[0].LostBy[result.LostToWork] {
		t.Errorf("lost work %v h with outages, %v h without", with.Jobs[0].LostBy[result.LostToWork], without.Jobs[0].LostBy[result.LostToWork])
	}
	if with.Jobs[0].LostBy[result.LostToRestart] <= without.Jobs[0].LostBy[result.LostToRestart] {
		t.Error("restarts in an outage do not wait for the store")
	}
	alone := testPlan(2)
	alone.Failures.Classes = []failure.Class{failing("storage", failure.StorageScope, 1e-6, 0, unit.Hour)}
	quiet := testPlan(2)
	if a, b := run(t, prepared(t, alone), 0).Jobs[0].Tokens, run(t, prepared(t, quiet), 0).Jobs[0].Tokens; math.Abs(a/b-1) > 1e-9 { // rounding
		t.Errorf("an outage alone changes %g tokens into %g", b, a)
	}
}

// A restart that loads from the store does not end while it is down, whenever it went down.
func TestRestartWaitsForTheStore(t *testing.T) {
	p := quiet()
	p.Failures.Classes = append(p.Failures.Classes, failing("storage", failure.StorageScope, 0, 0, 3*unit.Hour))
	store := len(p.Failures.Classes) - 1
	w := until(t, p, job.Training)
	w.fail(software, w.fleet.HeldVictim(0, 0))
	w.endInstant()
	w.forward(t, 5*unit.Minute) // of ten
	w.fail(store, w.fleet.HeldVictim(0, 0))
	w.endInstant()
	for _, at := range []struct {
		then  unit.Duration
		phase job.Phase
	}{{2 * unit.Hour, job.Starting}, {61 * unit.Minute, job.Training}} {
		w.forward(t, at.then)
		if got := w.jobs[0].phase; got != at.phase {
			t.Errorf("%v later the job is in phase %v, want %v", at.then, got, at.phase)
		}
	}
}

// troubled is a job on most of its fleet with failures every few hours.
func troubled() *scenario.Plan {
	p := testPlan(20)
	p.Horizon = 60 * unit.Day
	p.Jobs[0] = testJob("a", 1e15, 20*perServer)
	p.Jobs[0].Workload.Batch = 160 * 8 // divides by every replica
	p.Jobs[0].Checkpoint = job.Checkpoint{Interval: 1800, Blocking: 30, Background: 300, Load: 60}
	p.Jobs[0].Recovery = job.Policy{Swap: dist.Fixed(150), Shrink: dist.Fixed(180), InPlace: dist.Fixed(105), Floor: 0.5}
	p.Failures.Classes = []failure.Class{
		failing("chip", failure.ServerScope, 1.5e-7, 60, 12*unit.Hour), failing("software", failure.JobScope, 1.5e-7, 60, 0),
	}
	return p
}

func goodput(_ *World, r *result.Run) float64 { return r.Jobs[0].Goodput }

// What each mode buys, in the mean of replicas: with spares swapping beats
// restarting and restarting in place beats both; without spares shrinking beats waiting.
func TestModesOfRecovery(t *testing.T) {
	by := func(mode job.Mode, spares int, edit func(*scenario.Plan)) float64 {
		p := troubled()
		p.Fleet.Deliveries[0].Servers += spares
		p.Jobs[0].Recovery.Mode = mode
		if edit != nil {
			edit(p)
		}
		m, _ := mean(t, p, 12, goodput)
		return m
	}
	restart, swap, inPlace := by(job.StopRestart, 10, nil), by(job.WarmSwap, 10, nil), by(job.InPlace, 10, nil)
	if !(restart < swap && swap < inPlace) {
		t.Errorf("goodput with spares: restart %.3f, swap %.3f, in place %.3f", restart, swap, inPlace)
	}
	wait, shrink := by(job.StopRestart, 0, nil), by(job.Shrink, 0, nil)
	if !(wait+0.1 < shrink) { // 20 servers lose one every 23 h for 12 h each
		t.Errorf("goodput without spares: restart %.3f, shrink %.3f", wait, shrink)
	}
	tiers := by(job.WarmSwap, 10, func(p *scenario.Plan) {
		p.Jobs[0].Checkpoint.Fast = []job.Tier{{Kind: job.Peer, Interval: 60, Load: 10}}
	})
	local := by(job.WarmSwap, 10, func(p *scenario.Plan) {
		p.Jobs[0].Checkpoint.Fast = []job.Tier{{Kind: job.Local, Interval: 60, Load: 10}}
	})
	if !(swap < local && local < tiers) { // a local disk helps where no server is lost
		t.Errorf("goodput with swaps: remote %.3f, local disk %.3f, peer memory %.3f", swap, local, tiers)
	}
	cold := by(job.StopRestart, 10, func(p *scenario.Plan) { p.Fleet.Cold = fleet.ColdPool{Servers: 10, Delay: unit.Hour} })
	if !(wait < cold && cold < restart) {
		t.Errorf("goodput: no spares %.3f, cold spares %.3f, warm ones %.3f", wait, cold, restart)
	}
}

// The renewal formula prices every mode as the simulation does, with failures that take
// servers, that only stop the job, and both: a spare at hand, but for shrinking, which goes
// without here; see TestLongRunOfShrinking.
func TestLongRunOfModes(t *testing.T) {
	both := troubled().Failures.Classes
	for _, c := range []struct {
		name    string
		classes []failure.Class
	}{{"servers", both[:1]}, {"software", both[1:]}, {"both", both}} {
		for _, mode := range job.Modes() {
			p := troubled()
			p.Failures.Classes = c.classes
			p.Horizon = 300 * unit.Day
			p.Jobs[0].Recovery.Mode = mode
			p.Jobs[0].Recovery.Setup = job.Setup{Fixed: 20, PerThousand: 60}
			p.Jobs[0].Checkpoint.Fast = []job.Tier{{Kind: job.Peer, Interval: 120, Load: 10}}
			bias := 0.0005 // the start, and a step or two at each failure
			if mode == job.Shrink {
				// With a twentieth of its servers away fewer failures stop the job: 5 % of
				// the 3 to 5 % that pauses cost.
				bias = 0.0025
			} else {
				p.Fleet.Deliveries[0].Servers += 10
			}
			pr := prepared(t, p)
			got, se := mean(t, p, 12, goodput)
			size := &pr.Jobs[0].Sizes[len(pr.Jobs[0].Sizes)-1]
			want := longRun(p, &p.Jobs[0], size, mode).goodput
			near(t, fmt.Sprintf("%s, mode %s", c.name, mode), got, se, want, bias)
		}
	}
}

// A job that trains without some of its replicas delivers so much less, by its goodput
// too.
func TestGoodputCountsMissingReplicas(t *testing.T) {
	p := troubled()
	p.Jobs[0].Recovery.Mode = job.Shrink
	pr := prepared(t, p)
	r := run(t, pr, 0)
	full := pr.Jobs[0].Sizes[len(pr.Jobs[0].Sizes)-1].Step
	// Nothing throttles or slows, so that tokens over those of the full speed are goodput.
	if got, want := r.Jobs[0].Goodput, r.Jobs[0].TokensPerSecond/speed(&full); math.Abs(got/want-1) > 1e-9 || got > r.Jobs[0].ETTR-0.02 {
		t.Errorf("goodput %.4f, %.4f of the tokens; ETTR %.4f", got, want, r.Jobs[0].ETTR)
	}
}

// The optimum of the renewal formula is one of the simulation: half and twice the
// interval do no better, where Daly's formula has left its range.
func TestOptimumIntervalInSimulation(t *testing.T) {
	plan := func(factor unit.Duration) *scenario.Plan {
		p := troubled()
		p.Failures.Classes = []failure.Class{failing("any", failure.JobScope, 3e-6, 30, 0)} // every 35 min
		p.Jobs[0].Checkpoint = job.Checkpoint{Blocking: 60, Background: 120, Rule: job.Optimum}
		p.Horizon = 200 * unit.Day
		if factor > 0 {
			best := prepared(t, p)
			l := longRun(p, &p.Jobs[0], &best.Jobs[0].Sizes[0], job.StopRestart)
			p.Jobs[0].Checkpoint.Interval = factor * l.cycle.Interval.Duration()
		}
		return p
	}
	best, se := mean(t, plan(0), 12, goodput)
	for _, factor := range []unit.Duration{0.4, 2.5} {
		other, _ := mean(t, plan(factor), 12, goodput)
		if other > best-4*se { // the same failures in both, so what is left of se is smaller
			t.Errorf("goodput %.4f at %g times the optimal interval, %.4f ± %.4f at it", other, float64(factor), best, se)
		}
	}
	daly := plan(0)
	daly.Jobs[0].Checkpoint.Rule = job.Daly
	if d, _ := mean(t, daly, 12, goodput); d > best+2*se {
		t.Errorf("goodput %.4f at Daly's interval, %.4f at the optimum", d, best)
	}
}

// A slow server makes its job so much slower until it is evicted.
func TestStragglers(t *testing.T) {
	p := testPlan(10)
	p.Failures.Stragglers = failure.Stragglers{Share: unit.Point[unit.Share](1), Slowdown: 0.1}
	slow := run(t, prepared(t, p), 0)
	fast := run(t, prepared(t, testPlan(10)), 0)
	if got := slow.Jobs[0].Tokens / fast.Jobs[0].Tokens; math.Abs(got-0.9) > 1e-9 { // rounding
		t.Errorf("all servers 10 %% slow: %.6f of the tokens", got)
	}
	// What they cost is a tenth of the training time, on top of the step's own 5 %.
	trained := slow.OnSiteChipHours - slow.ChipHours[result.Restart]
	if got := slow.ChipHours[result.Straggler] / trained; math.Abs(got-(0.1+0.9*0.05)) > 1e-9 {
		t.Errorf("stragglers took %.6f of the training time", got)
	}
	p.Fleet.Deliveries[0].Servers = 40
	p.Failures.Stragglers = failure.Stragglers{Share: unit.Point[unit.Share](0.1), Slowdown: 0.1, Detection: dist.Fixed(unit.Day), Repair: dist.Fixed(unit.Day)}
	evicted := run(t, prepared(t, p), 0)
	if got := evicted.Jobs[0].Tokens / fast.Jobs[0].Tokens; got < 0.98 || evicted.Site.Evicted == 0 || evicted.Jobs[0].Interruptions != 0 || evicted.Jobs[0].PlannedStops == 0 {
		t.Errorf("with evictions (%v) %.4f of the tokens, %v interruptions", evicted.Site.Evicted, got, evicted.Jobs[0].Interruptions)
	}
	throttled := testPlan(10)
	hot := failing("thermal", failure.ServerScope, 1e-7, unit.Day, unit.Hour)
	hot.Slowdown = 0.5
	throttled.Failures.Classes = []failure.Class{hot}
	r := run(t, prepared(t, throttled), 0)
	if r.Site.Failures == 0 || r.Jobs[0].Interruptions != 0 || r.ChipHours[result.LostWork] != 0 || r.Jobs[0].Tokens > 0.95*fast.Jobs[0].Tokens {
		t.Errorf("%v throttled servers: %v interruptions, %v chip-hours lost, %.3f of the tokens", r.Site.Failures, r.Jobs[0].Interruptions,
			r.ChipHours[result.LostWork], r.Jobs[0].Tokens/fast.Jobs[0].Tokens)
	}
}

// A window of a day every ten takes a tenth of the time and no work.
func TestMaintenance(t *testing.T) {
	p := testPlan(10)
	p.Horizon = 100 * unit.Day
	p.Fleet.Maintenance = []fleet.Maintenance{{Name: "window", First: 9 * unit.Day, Every: 10 * unit.Day, Duration: unit.Day, Batch: 1}}
	r := run(t, prepared(t, p), 0)
	if got := r.ChipHours[result.Repair] / r.OnSiteChipHours; math.Abs(got-0.1) > 1e-9 {
		t.Errorf("out of service for %.6f of the time, want a tenth", got)
	}
	j := &r.Jobs[0]
	if j.PlannedStops != 10 || j.Interruptions != 0 || j.LostBy[result.LostToWork] != 0 || j.Goodput < 0.89 || j.Goodput > 0.9 {
		t.Errorf("%+v", *j)
	}
	if r.Site.SparesUsed != 0 {
		t.Errorf("%v servers took the place of those that maintenance gives back", r.Site.SparesUsed)
	}
	// Rolling over tenths with a spare tenth, the job never waits.
	p = testPlan(11)
	p.Jobs[0].Sizes = []int{9 * perServer}
	p.Fleet.Maintenance = []fleet.Maintenance{{Name: "upgrade", First: unit.Day, Every: 25 * unit.Day, Duration: unit.Hour, Batch: 0.1}}
	if r := run(t, prepared(t, p), 0); r.ChipHours[result.Waiting] != 0 || r.Jobs[0].PlannedStops == 0 || r.Jobs[0].Goodput < 0.99 {
		t.Errorf("rolling: waiting %v, %v stops, goodput %v", r.ChipHours[result.Waiting], r.Jobs[0].PlannedStops, r.Jobs[0].Goodput)
	}
}

// A policy that retires what fails three times in 30 days finds the lemons and
// next to nobody else; without it, or with wrong diagnoses, they go on failing.
func TestRetiringLemons(t *testing.T) {
	plan := func() *scenario.Plan {
		p := testPlan(100)
		p.Jobs[0].Sizes = []int{80 * perServer}
		p.Horizon = unit.Year
		c := failing("chip", failure.ServerScope, 1.5e-9, 60, unit.Hour) // a healthy server every 2.6 years
		p.Failures.Classes = []failure.Class{c}
		p.Failures.Lemons = failure.Lemons{Share: unit.Point[unit.Share](0.05), Factor: unit.Point[unit.Factor](200)}
		return p
	}
	before, _ := mean(t, plan(), 8, func(_ *World, r *result.Run) float64 { return r.Site.Failures })
	p := plan()
	p.Fleet.Retire = fleet.Retire{Failures: 3, Within: 30 * unit.Day, Replacement: dist.Fixed(unit.Day)}
	after, _ := mean(t, p, 8, func(_ *World, r *result.Run) float64 { return r.Site.Failures })
	retired, se := mean(t, p, 8, func(_ *World, r *result.Run) float64 { return r.Site.Retired })
	near(t, "servers retired", retired, se, 5, 0.3)
	if after > before/3 {
		t.Errorf("%.0f failures with retirement, %.0f without", after, before)
	}
	score := plan()
	score.Fleet.Retire = fleet.Retire{Score: 2.5, HalfLife: 30 * unit.Day, Replacement: dist.Fixed(unit.Day)}
	scored, se := mean(t, score, 8, func(_ *World, r *result.Run) float64 { return r.Site.Retired })
	near(t, "servers retired by score", scored, se, 5, 0.3)
	stages := []fleet.Stage{{Name: "manual", Time: dist.Fixed(unit.Hour)}}
	mended, wrong := plan(), plan()
	mended.Fleet.Repair = fleet.Pipeline{Stages: stages}
	wrong.Fleet.Repair = fleet.Pipeline{Stages: stages, WrongDiagnosis: 0.8}
	m, _ := mean(t, mended, 8, func(_ *World, r *result.Run) float64 { return r.Site.Failures })
	x, _ := mean(t, wrong, 8, func(_ *World, r *result.Run) float64 { return r.Site.Failures })
	if !(m < x && x < before) {
		t.Errorf("failures: every repair mends %.0f, most go to an innocent server %.0f, none mends %.0f", m, x, before)
	}
	recurring := plan()
	recurring.Fleet.Repair = fleet.Pipeline{Stages: stages, WrongDiagnosis: 0.8, Recurrence: dist.Fixed(unit.Hour)}
	if y, _ := mean(t, recurring, 8, func(_ *World, r *result.Run) float64 { return r.Site.Failures }); y < 2*m {
		t.Errorf("failures: %.0f when the fault left in strikes again within the hour, %.0f without wrong diagnoses", y, m)
	}
}

// replicasOf prices jobs whose replicas are of so many chips, at the step times of testPricing.
func replicasOf(chips int) (pricing, estimator) {
	lay := func(s step.Step, dp int) step.Step {
		s.Layout.PP, s.Layout.DP = chips, dp
		return s
	}
	return func(_ *scenario.Plan, _, all int) (step.Step, error) { return lay(testStep(all), all/chips), nil },
		func(p *scenario.Plan, w *step.Workload, l step.Layout) (step.Step, error) {
			all := p.Jobs[0].Workload.Batch / (w.Batch / l.DP)
			s := lay(testStep(all*chips), l.DP)
			s.Tokens *= unit.Tokens(l.DP) / unit.Tokens(all)
			return s, nil
		}
}

// What shrinking is said to leave is what it leaves in the simulation: with none, some
// and enough servers to spare, warm or cold; with replicas of a chip and of several servers;
// where more replicas are out than sizes go down to, or than the floor lets go, so that the
// job trains whenever a repair brings it back above; and where what waits fails less.
func TestLongRunOfShrinking(t *testing.T) {
	for _, c := range []struct {
		name          string
		chips, spares int
		edit          func(*scenario.Plan)
	}{
		{"chips, no spares", 1, 0, nil},
		{"chips, a spare", 1, 1, nil},
		{"chips, enough spares", 1, 10, nil},
		{"pipelines, no spares", 4 * perServer, 0, nil},
		{"pipelines, spares", 4 * perServer, 3, nil},
		{"pipelines, cold spares", 4 * perServer, 3, func(p *scenario.Plan) { p.Fleet.Cold.Servers = 3 }},
		{"pipelines, often below the floor", 4 * perServer, 0, func(p *scenario.Plan) {
			p.Failures.Classes[0].Repair = dist.Fixed(5 * unit.Day)
		}},
		{"pipelines, spares and often below the floor", 4 * perServer, 5, func(p *scenario.Plan) {
			p.Failures.Classes[0].Repair = dist.Duration{Mean: 9 * unit.Day, Median: 4 * unit.Day}
		}},
		{"servers, more out than sizes go down to", perServer, 0, func(p *scenario.Plan) {
			p.Jobs[0].Recovery.Floor = 0.1
			p.Failures.Classes[0].Repair = dist.Fixed(20 * unit.Day)
		}},
		{"servers, spares, far more out", perServer, 4, func(p *scenario.Plan) {
			p.Jobs[0].Recovery.Floor = 0.1
			p.Failures.Classes[0].Repair = dist.Duration{Mean: 40 * unit.Day, Median: 20 * unit.Day}
		}},
		{"pipelines, warm spares", 4 * perServer, 5, func(p *scenario.Plan) {
			p.Fleet.Spares = 0.1
			p.Failures.Classes[0].Repair = dist.Fixed(3 * unit.Day)
		}},
		{"pipelines, what waits does not fail", 4 * perServer, 3, func(p *scenario.Plan) {
			p.Failures.Classes[0].Idle = 0
			p.Failures.Classes[0].Repair = dist.Fixed(5 * unit.Day)
		}},
	} {
		p := troubled()
		p.Horizon = 1500 * unit.Day
		p.Fleet.Deliveries[0].Servers = 40 + c.spares
		p.Jobs[0].Sizes = []int{40 * perServer}
		p.Jobs[0].Recovery.Mode = job.Shrink
		p.Jobs[0].Recovery.Setup = job.Setup{Fixed: 20, PerThousand: 60}
		if c.edit != nil {
			c.edit(p)
		}
		price, estimate := replicasOf(c.chips)
		pr, err := prepare(p, price, estimate)
		if err != nil {
			t.Fatal(err)
		}
		v := make([]float64, 12)
		for replica := range v {
			v[replica] = run(t, pr, replica).Jobs[0].Goodput
		}
		m, sd := stat.MeanStdDev(v, nil)
		se := sd / math.Sqrt(float64(len(v)))
		size := &pr.Jobs[0].Sizes[len(pr.Jobs[0].Sizes)-1]
		want := longRun(p, &p.Jobs[0], size, job.Shrink).goodput
		// Replicas that come back during a pause share it: 3 % of the 4 % that pauses cost. Until
		// the first repairs end more is left than later.
		bias := 0.0015 + 0.5*float64(meanRepair(p)/p.Horizon)
		near(t, c.name, m, se, want, bias)
	}
}
