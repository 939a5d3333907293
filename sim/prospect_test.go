package sim

import (
	"fmt"
	"testing"

	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// expected is the goodput that formulas give the job of a plan.
func expected(t *testing.T, p *scenario.Plan) float64 {
	t.Helper()
	pr := prepared(t, p)
	size := &pr.Jobs[0].Sizes[len(pr.Jobs[0].Sizes)-1]
	return longRun(pr.Plan, pr.Jobs[0].Spec, size, p.Jobs[0].Recovery.Mode).goodput
}

// The formulas agree with the simulation over a grid of rates, restart times, intervals,
// modes and tiers, with failures that leave all servers, take one and take a cooling loop.
func TestProspectOverAGrid(t *testing.T) {
	tiers := []struct {
		name string
		fast []job.Tier
	}{
		{"no tier", nil},
		{"peers", []job.Tier{{Kind: job.Peer, Interval: 60, Blocking: 0.5, Load: 10}}},
		{"disks and peers", []job.Tier{{Kind: job.Local, Interval: 30, Load: 5}, {Kind: job.Peer, Interval: 150, Load: 10}}},
	}
	for _, mttf := range []float64{1800, 4 * 3600} {
		for _, restart := range []unit.Duration{60, 900} {
			for _, interval := range []unit.Duration{300, 3600} {
				for _, tier := range tiers {
					for _, mode := range job.Modes() {
						p := troubled()
						p.Fleet.Deliveries[0].Servers = 40
						p.Fleet.Topology.Loop = 1
						p.Horizon = unit.Duration(1000 * mttf)
						rate := 1 / (mttf * 20 * perServer)
						p.Failures.Classes = []failure.Class{
							failing("chip", failure.ServerScope, unit.Rate(0.6*rate), 60, 10*unit.Minute),
							failing("software", failure.JobScope, unit.Rate(0.3*rate), 60, 0),
							failing("loop", failure.LoopScope, unit.Rate(0.1*rate), 30, 10*unit.Minute),
						}
						j := &p.Jobs[0]
						j.Restart = dist.Fixed(restart)
						j.Recovery = job.Policy{Mode: mode, Swap: dist.Fixed(restart / 4), Shrink: dist.Fixed(restart / 3), InPlace: dist.Fixed(restart / 5), Floor: 0.5}
						j.Checkpoint = job.Checkpoint{Interval: interval, Blocking: 20, Background: 60, Load: 60, Fast: tier.fast}
						got, se := mean(t, p, 8, goodput)
						// A twentieth of the servers is away while a failure is found; of two tiers the
						// newer may be either.
						bias := 0.001
						if len(tier.fast) > 1 {
							bias = 0.003
						}
						near(t, fmt.Sprintf("MTTF %g s, restart %g s, interval %g s, %s, mode %s", mttf, float64(restart), float64(interval), tier.name, mode),
							got, se, expected(t, p), bias)
					}
				}
			}
		}
	}
}

// What reaches beyond a failure and its restart, one by one: the formulas agree with the
// simulation where each costs several per cent.
func TestProspectOfTroubles(t *testing.T) {
	maintained := func(batch unit.Share) func(*scenario.Plan) {
		return func(p *scenario.Plan) {
			p.Fleet.Maintenance = []fleet.Maintenance{{Name: "m", First: 3 * unit.Day, Every: 5 * unit.Day, Duration: 2 * unit.Hour, Batch: batch}}
		}
	}
	pipeline := []fleet.Stage{{Name: "reset", Time: dist.Fixed(2 * unit.Hour), Ineffective: 0.5}}
	for _, c := range []struct {
		name string
		bias float64
		edit func(*scenario.Plan)
	}{
		{"nothing else", 0.002, func(*scenario.Plan) {}},
		// Those found while another is at work leave its server in.
		{"silent failures", 0.004, func(p *scenario.Plan) {
			c := failing("sdc", failure.ServerScope, 2e-8, 5*unit.Hour, unit.Hour)
			c.Silent = true
			p.Failures.Classes = append(p.Failures.Classes, c)
		}},
		{"silent failures in training alone", 0.004, func(p *scenario.Plan) {
			c := failing("sdc", failure.ServerScope, 2e-8, 5*unit.Hour, unit.Hour)
			c.Silent, c.Idle = true, 0
			p.Failures.Classes = append(p.Failures.Classes, c)
		}},
		// A failure of a slow server mends it before it is found.
		{"throttling", 0.005, func(p *scenario.Plan) {
			c := failing("hot", failure.ServerScope, 1e-7, 2*unit.Hour, unit.Hour)
			c.Slowdown = 0.3
			p.Failures.Classes = append(p.Failures.Classes, c)
		}},
		{"maintenance of all", 0.003, maintained(1)},
		{"rolling maintenance, spares", 0.003, maintained(0.1)},
		{"rolling maintenance, too few spares", 0.006, func(p *scenario.Plan) {
			p.Fleet.Deliveries[0].Servers = 22
			p.Failures.Classes[0].Repair = dist.Fixed(600)
			maintained(0.25)(p)
		}},
		{"relapses", 0.004, func(p *scenario.Plan) {
			p.Fleet.Repair.Stages = pipeline
			p.Failures.Relapse = failure.Relapse{Factor: 6, Time: 20 * unit.Day}
		}},
		{"faults left in", 0.004, func(p *scenario.Plan) {
			p.Fleet.Repair = fleet.Pipeline{Stages: []fleet.Stage{{Name: "reset", Time: dist.Fixed(2 * unit.Hour)}}, WrongDiagnosis: 0.4, Recurrence: dist.Fixed(unit.Hour)}
		}},
		{"outages of the store", 0.004, func(p *scenario.Plan) {
			p.Failures.Classes = append(p.Failures.Classes, failing("store", failure.StorageScope, 2e-8, 0, 4*unit.Hour))
		}},
		{"a site that learns", 0.005, func(p *scenario.Plan) {
			p.Failures.Maturing = failure.Decline{Factor: unit.Point[unit.Factor](5), Time: 20 * unit.Day}
		}},
		{"infants", 0.005, func(p *scenario.Plan) {
			p.Failures.Infant = failure.Decline{Factor: unit.Point[unit.Factor](5), Time: 20 * unit.Day}
			p.Fleet.Commissioning = dist.Fixed(10 * unit.Day)
		}},
		{"wear", 0.005, func(p *scenario.Plan) {
			p.Failures.Classes[0].Shape = failure.Shape{Kind: failure.Weibull, Parameter: 2.5, Since: failure.SinceCommissioning}
			p.Failures.Classes[0].Rate = unit.Point[unit.Rate](1 / (100 * 86400.0))
		}},
		{"infant mortality", 0.005, func(p *scenario.Plan) {
			p.Failures.Classes[0].Shape = failure.Shape{Kind: failure.Lognormal, Parameter: 1.5, Since: failure.SinceCommissioning}
			p.Failures.Classes[0].Rate = unit.Point[unit.Rate](1 / (100 * 86400.0))
		}},
		{"a loop of many servers", 0.005, func(p *scenario.Plan) {
			p.Fleet.Topology.Loop = 4
			p.Failures.Classes = append(p.Failures.Classes, failing("loop", failure.LoopScope, 2e-8, 60, unit.Hour))
		}},
	} {
		for _, mode := range []job.Mode{job.StopRestart, job.WarmSwap, job.InPlace} {
			p := troubled()
			p.Horizon = 100 * unit.Day
			p.Fleet.Deliveries[0].Servers = 40
			p.Jobs[0].Recovery.Mode = mode
			p.Jobs[0].Checkpoint.Interval = 1200
			p.Failures.Classes[0].Repair = dist.Fixed(2 * unit.Hour)
			c.edit(p)
			got, se := mean(t, p, 12, goodput)
			near(t, fmt.Sprintf("%s, mode %s", c.name, mode), got, se, expected(t, p), c.bias)
		}
	}
}

// A job's goodput over the interval of checkpoints to the store is the simulated one where
// tiers or replicas save it from most of them, and where none do.
func TestCheckpointCurves(t *testing.T) {
	for _, mode := range []job.Mode{job.StopRestart, job.InPlace} {
		for _, fast := range [][]job.Tier{nil, {{Kind: job.Peer, Interval: 60, Load: 10}}, {{Kind: job.Local, Interval: 60, Load: 10}}} {
			p := troubled()
			p.Horizon = 200 * unit.Day
			p.Fleet.Deliveries[0].Servers = 40
			p.Jobs[0].Recovery.Mode = mode
			p.Jobs[0].Checkpoint = job.Checkpoint{Blocking: 60, Background: 60, Load: 60, Rule: job.Optimum, Fast: fast}
			p.Failures.Classes[0].Repair = dist.Fixed(2 * unit.Hour)
			p.Failures.Classes = append(p.Failures.Classes, failing("loop", failure.LoopScope, 5e-8, 60, unit.Hour))
			curve := prepared(t, p).CheckpointCurves()[0]
			if curve.Without != "" || curve.ChosenSeconds != curve.BestSeconds {
				t.Fatalf("mode %s: %+v", mode, curve)
			}
			for k := 10; k < len(curve.Seconds); k += 10 { // from a tenth of the best
				p.Jobs[0].Checkpoint.Interval = unit.Duration(curve.Seconds[k])
				if k > 30 || len(fast) > 0 && fast[0].Interval >= p.Jobs[0].Checkpoint.Interval {
					continue
				}
				got, se := mean(t, p, 8, goodput)
				near(t, fmt.Sprintf("mode %s, %d tiers, interval %.0f s", mode, len(fast), curve.Seconds[k]), got, se, curve.Goodput[k], 0.003)
			}
		}
	}
}

// A job says why it has no best interval.
func TestWithoutCheckpointCurve(t *testing.T) {
	for _, c := range []struct {
		want string
		edit func(*scenario.Plan)
	}{
		{"nothing stops it", func(p *scenario.Plan) { p.Failures.Classes = nil }},
		{"no failure takes it back to the store", func(p *scenario.Plan) { p.Jobs[0].Recovery.Mode = job.InPlace }},
		{"checkpoints cost no time: the more the better", func(p *scenario.Plan) { p.Jobs[0].Checkpoint.Blocking = 0 }},
	} {
		p := troubled()
		c.edit(p)
		if got := prepared(t, p).CheckpointCurves()[0]; got.Without != c.want || got.Seconds != nil {
			t.Errorf("%q with %d points, want %q", got.Without, len(got.Seconds), c.want)
		}
	}
}
