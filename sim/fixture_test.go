package sim

import (
	"testing"

	"clustercap/sim/cost"
	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/hardware"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// perServer is the chips per server of the test plans.
const perServer = 8

// stepTokens is the batch of the test plans.
const stepTokens = 1e6

// testStep is a step that takes 10 s on 8 chips and scales perfectly, with time in
// every part and every power state.
func testStep(chips int) step.Step {
	s := unit.Duration(8.0 / float64(chips))
	return step.Step{
		Layout: step.Layout{TP: 1, PP: 1, VPP: 1, CP: 1, EP: 1, DP: chips, MicroBatch: 1},
		Time:   10 * s, Tokens: stepTokens, MFU: 0.4, HFU: 0.45,
		Parts:    step.Parts{Compute: 6 * s, Recompute: 1 * s, TensorComm: 1 * s, DataComm: 0.5 * s, Bubble: 1 * s, Straggler: 0.5 * s},
		Activity: step.Activity{Matrix: 5 * s, Memory: 2 * s, Comm: 1.5 * s, Wait: 1.5 * s},
	}
}

// testPlan has servers in service from the start and one job on all of them that
// runs for longer than the horizon, with nothing that fails.
func testPlan(servers int) *scenario.Plan {
	return &scenario.Plan{
		Scenario: "test", Name: scenario.BasePlan, Horizon: 30 * unit.Day, Replicas: 1, Seed: 1,
		Chip: hardware.Chip{
			TDP: unit.Point[unit.Power](400), Idle: unit.Point[unit.Power](60),
			Efficiency: hardware.Efficiency{
				ComputePower: unit.Point[unit.Share](1), MemoryPower: unit.Point[unit.Share](0.6), CommPower: unit.Point[unit.Share](0.4),
			},
		},
		Server: hardware.Server{Chips: perServer, OverheadIdle: unit.Point[unit.Power](800), OverheadLoad: unit.Point[unit.Power](1600)},
		Fabric: hardware.Fabric{PowerPerChip: unit.Point[unit.Power](20)},
		Site: power.Spec{
			PUE: unit.Point[unit.Factor](1.25), ClockExponent: unit.Point[unit.Factor](2.5), MinClock: 0.5,
		},
		Money:    testMoney(),
		Fleet:    fleet.Spec{ChipsPerServer: perServer, Deliveries: []fleet.Delivery{{Servers: servers}}},
		Failures: failure.Spec{Scale: unit.Point[unit.Factor](1)},
		Jobs:     []job.Spec{testJob("a", 1e15, servers*perServer)},
	}
}

// testMoney has a constant price and intensity, and nothing else that costs.
func testMoney() cost.Spec {
	return cost.Spec{
		Currency: "CNY",
		Tariff:   cost.Tariff{Energy: cost.Price[unit.EnergyPrice]{Value: unit.Point(unit.EnergyPrice(0.5 / 3.6e6)), Currency: "CNY"}},
		Carbon:   cost.Carbon{Intensity: cost.Course{Constant: unit.Point(unit.CarbonIntensity(0.4 / 3.6e6))}},
		Capital: cost.Capital{
			HardwareLife: unit.Point(5 * unit.Year), NetworkLife: unit.Point(6 * unit.Year), FacilityLife: unit.Point(20 * unit.Year), SupplyLife: unit.Point(15 * unit.Year),
		},
	}
}

func testJob(name string, tokens unit.Tokens, sizes ...int) job.Spec {
	return job.Spec{
		Name: name, Tokens: tokens, Sizes: sizes, Workload: step.Workload{Sequence: 1000, Batch: 1000},
		Restart: dist.Fixed(600),
	}
}

// failing is a class of failures with a fixed detection and repair time.
func failing(name string, scope failure.Scope, rate unit.Rate, detection, repair unit.Duration) failure.Class {
	return failure.Class{Name: name, Rate: unit.Point(rate), Idle: 1, Scope: scope, Detection: dist.Fixed(detection), Repair: dist.Fixed(repair)}
}

// prepared is the plan with test steps.
func prepared(t testing.TB, p *scenario.Plan) *Prepared {
	t.Helper()
	pr, err := prepare(p, testPricing, testEstimate)
	if err != nil {
		t.Fatal(err)
	}
	return pr
}

func testPricing(_ *scenario.Plan, _, chips int) (step.Step, error) { return testStep(chips), nil }

// testEstimate gives a step with fewer replicas the tokens of those that are left.
func testEstimate(p *scenario.Plan, w *step.Workload, l step.Layout) (step.Step, error) {
	all := p.Jobs[0].Workload.Batch / (w.Batch / l.DP) // replicas of the whole job
	s := testStep(all)
	s.Tokens *= unit.Tokens(l.DP) / unit.Tokens(all)
	s.Layout = l
	return s, nil
}
