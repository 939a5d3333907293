package sim

import (
	"errors"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"clustercap/sim/des"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

func run(t testing.TB, pr *Prepared, replica int) *result.Run {
	t.Helper()
	r, err := pr.Run(replica)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// millisecond is the resolution of time, in days: the tolerance of a finish.
const millisecond = 1.0 / 86400e3

func TestWithoutFailuresTrainingTakesTokensOverRate(t *testing.T) {
	const steps = 10_000
	for _, c := range []struct {
		name       string
		checkpoint job.Checkpoint
		blocked    float64 // seconds
	}{
		{name: "no checkpoints where nothing fails", checkpoint: job.Checkpoint{Blocking: 30, Background: 60}},
		// 100,000 s of training on one server: 99 checkpoints within, none at the end.
		{name: "with checkpoints", checkpoint: job.Checkpoint{Interval: 1000, Blocking: 30, Background: 60}, blocked: 99 * 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := testPlan(1)
			p.Jobs[0].Tokens = steps * stepTokens
			p.Jobs[0].Checkpoint = c.checkpoint
			got := run(t, prepared(t, p), 0).Jobs[0]
			want := (600 + steps*10 + c.blocked) / 86400
			if !got.Finished || math.Abs(got.TrainingDays-want) > millisecond {
				t.Errorf("finished %v after %v days, want %v", got.Finished, got.TrainingDays, want)
			}
			if got.Tokens != steps*stepTokens || got.Interruptions != 0 || got.LostHours != 0 {
				t.Errorf("%v tokens, %v interruptions, %v hours lost", got.Tokens, got.Interruptions, got.LostHours)
			}
			if math.Abs(got.MFU-0.4) > 1e-9 { // rounding of a sum of two terms
				t.Errorf("MFU %v, want the step's 0.4", got.MFU)
			}
		})
	}
}

// One server that fails at exponential times follows the renewal formula.
func TestGoodputFollowsRenewalFormula(t *testing.T) {
	const mttf = 3 * 3600.0
	for _, c := range []struct {
		name       string
		checkpoint job.Checkpoint
		detection  unit.Duration
	}{
		{"blocking only", job.Checkpoint{Interval: 1800, Blocking: 120}, 0},
		{"background and detection", job.Checkpoint{Interval: 1800, Blocking: 60, Background: 1500}, 300},
		{"interval near the MTTF", job.Checkpoint{Interval: 10000, Blocking: 500, Background: 9000}, 600},
		{"Daly's interval", job.Checkpoint{Blocking: 60, Background: 100}, 60},
		{"slow detection", job.Checkpoint{Interval: 1800, Blocking: 120}, 3600},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := testPlan(1)
			p.Horizon = 1000 * mttf
			p.Jobs[0].Checkpoint = c.checkpoint
			p.Failures.Classes = []failure.Class{failing("software", failure.JobScope, 1/(mttf*perServer), c.detection, 0)}
			pr := prepared(t, p)
			goodputs := make([]float64, 40)
			for r := range goodputs {
				goodputs[r] = run(t, pr, r).Jobs[0].Goodput
			}
			got, sd := stat.MeanStdDev(goodputs, nil)
			want := longRun(p, &p.Jobs[0], &pr.Jobs[0].Sizes[0], job.StopRestart).goodput
			// Four standard errors (one false alarm in 16,000) and one failure's
			// share of the horizon for the start and the end.
			band := 4*sd/math.Sqrt(float64(len(goodputs))) + 0.001
			if math.Abs(got-want) > band {
				t.Errorf("goodput %.5f, formula %.5f, band %.5f", got, want, band)
			}
		})
	}
}

// naiveRepair runs a fleet in which every server has its own exponential lifetime
// and returns the server-milliseconds in repair.
func naiveRepair(servers int, mttf, repair, horizon float64, r *des.Rand) float64 {
	var sum float64
	for range servers {
		for t := mttf * r.Exp(); t < horizon; t += repair + mttf*r.Exp() {
			sum += min(repair, horizon-t)
		}
	}
	return sum * 1000
}

func TestHazardClockMatchesServersWithTheirOwnClocks(t *testing.T) {
	const servers, mttf, n = 5, 2 * 86400.0, 1000
	p := testPlan(servers)
	p.Failures.Classes = []failure.Class{
		failing("chip", failure.ServerScope, 0.75/(mttf*perServer), 0, 43200),
		failing("host", failure.ServerScope, 0.25/(mttf*perServer), 21600, 21600),
	}
	pr := prepared(t, p)
	fast, naive := make([]float64, n), make([]float64, n)
	w := pr.NewWorld()
	for r := range n {
		if _, err := w.Run(r); err != nil {
			t.Fatal(err)
		}
		fast[r] = float64(w.fleet.Integral(fleet.Repair))
		naive[r] = naiveRepair(servers, mttf, 43200, float64(p.Horizon), des.Stream(2, r, "naive"))
	}
	slices.Sort(fast)
	slices.Sort(naive)
	d := stat.KolmogorovSmirnov(fast, nil, naive, nil)
	// Two-sample critical value at 0.1 %: 1.95 √(2/n).
	if limit := 1.95 * math.Sqrt(2.0/n); d > limit {
		t.Errorf("Kolmogorov-Smirnov distance %.4f, limit %.4f", d, limit)
	}
}

// The limit holds at every instant and costs training time, never progress.
func TestPowerLimit(t *testing.T) {
	free := testPlan(10)
	unlimited := run(t, prepared(t, free), 0)
	for _, share := range []float64{0.95, 0.8, 0.6, 0.3, 0.05} {
		p := testPlan(10)
		limit := unit.Power(share * unlimited.Site.PeakPowerMW * 1e6)
		p.Site.Phases = []power.Phase{{Limit: limit}}
		r := run(t, prepared(t, p), 0)
		if got := r.Site.PeakPowerMW * 1e6; got > float64(limit)*(1+1e-12) { // one rounding
			t.Errorf("limit %.0f W, peak %.0f W", limit, got)
		}
		if r.Jobs[0].Tokens >= unlimited.Jobs[0].Tokens {
			t.Errorf("limit at %g of the peak: %g tokens, without it %g", share, r.Jobs[0].Tokens, unlimited.Jobs[0].Tokens)
		}
		if r.ChipHours[result.Throttled] == 0 {
			t.Errorf("limit at %g of the peak: nothing throttled", share)
		}
	}
}

// A limit halves nothing but the matrix kernels: at clock f a step of 5 s matrix, 3.5 s
// memory and collectives and 1.5 s waiting takes (5/f + 3.5) (1 + 1.5/8.5).
func TestThrottledRate(t *testing.T) {
	p := testPlan(10)
	const f = 0.8
	p.Site.Phases = []power.Phase{{Limit: meterOf(p).peak(80, f, 0)}}
	p.Jobs[0].Tokens = 1000 * stepTokens
	got := run(t, prepared(t, p), 0).Jobs[0].TrainingDays * 86400
	want := 600 + 1000*(5/f+3.5)*(1+1.5/8.5)/10
	if math.Abs(got-want) > 0.01 { // events fall on milliseconds
		t.Errorf("trained for %.3f s, want %.3f", got, want)
	}
}

func TestEdges(t *testing.T) {
	for _, c := range []struct {
		name  string
		edit  func(*scenario.Plan)
		check func(*testing.T, *result.Run)
	}{
		{
			"finishes in the last millisecond", func(p *scenario.Plan) {
				p.Horizon = 1600 // restart 600 s, then 200 steps of 5 s
				p.Jobs[0].Tokens = 200 * stepTokens
			}, func(t *testing.T, r *result.Run) {
				if !r.Jobs[0].Finished || r.Jobs[0].FinishDays != 1600.0/86400 {
					t.Errorf("%+v", r.Jobs[0])
				}
			},
		},
		{
			"one step short at the horizon", func(p *scenario.Plan) {
				p.Horizon = 1600
				p.Jobs[0].Tokens = 201 * stepTokens
			}, func(t *testing.T, r *result.Run) {
				j := r.Jobs[0]
				// 200 steps in 1600 s project the last one to 1608 s.
				if j.Finished || math.Abs(j.FinishDays*86400-1608) > 0.01 { // a millisecond of rate
					t.Errorf("%+v", j)
				}
			},
		},
		{
			"delivered after the horizon", func(p *scenario.Plan) {
				p.Fleet.Deliveries[0].At = p.Horizon + 1
			}, func(t *testing.T, r *result.Run) {
				if r.Jobs[0].Started || !math.IsInf(r.Jobs[0].TrainingDays, 1) || r.OnSiteChipHours != 0 || r.Site.EnergyMWh != 0 {
					t.Errorf("%+v, %v chip-hours", r.Jobs[0], r.OnSiteChipHours)
				}
			},
		},
		{
			"every server rejected", func(p *scenario.Plan) {
				p.Fleet.Rejected = unit.Point[unit.Share](1)
				p.Fleet.Return.Mean = 10 * unit.Day
			}, func(t *testing.T, r *result.Run) {
				if got := r.Jobs[0].StartDays; got != 10 {
					t.Errorf("started on day %v, want 10", got)
				}
			},
		},
		{
			"repaired server refills the job", func(p *scenario.Plan) {
				p.Failures.Classes = []failure.Class{failing("chip", failure.ServerScope, 1e-6, 60, unit.Day)}
			}, func(t *testing.T, r *result.Run) {
				if r.Jobs[0].Interruptions == 0 || r.ChipHours[result.Waiting] == 0 || r.Jobs[0].Tokens == 0 {
					t.Errorf("%+v, waiting %v", r.Jobs[0], r.ChipHours[result.Waiting])
				}
			},
		},
		{
			"a spare makes waiting rare", func(p *scenario.Plan) {
				p.Fleet.Deliveries[0].Servers = 40
				p.Fleet.Spares = 0.5
				p.Failures.Classes = []failure.Class{failing("chip", failure.ServerScope, 1e-6, 60, unit.Hour)}
			}, func(t *testing.T, r *result.Run) {
				if r.Jobs[0].Interruptions == 0 || r.ChipHours[result.Waiting] != 0 {
					t.Errorf("%v interruptions, waiting %v chip-hours", r.Jobs[0].Interruptions, r.ChipHours[result.Waiting])
				}
			},
		},
		{
			"a job of higher priority takes servers back", func(p *scenario.Plan) {
				low, high := testJob("low", 1e15, 8, 16), testJob("high", 1e15, 8)
				high.Submit, high.Priority = unit.Day, 1
				p.Jobs = []job.Spec{low, high}
			}, func(t *testing.T, r *result.Run) {
				if r.Jobs[1].StartDays != 1 || r.Jobs[0].LostHours != 0 {
					t.Errorf("high started on day %v; low lost %v hours", r.Jobs[1].StartDays, r.Jobs[0].LostHours)
				}
			},
		},
		{
			"grows when servers arrive", func(p *scenario.Plan) {
				p.Fleet.Deliveries = append(p.Fleet.Deliveries, fleet.Delivery{At: 10 * unit.Day, Servers: 2})
				p.Jobs = []job.Spec{testJob("a", 1e15, 16, 32)}
			}, func(t *testing.T, r *result.Run) {
				// Two restarts of 600 s; 16 chips take 5 s per step, 32 take 2.5 s.
				want := ((10*86400-600)/5.0 + (20*86400-600)/2.5) * stepTokens
				if got := r.Jobs[0].Tokens; math.Abs(got-want) > 1e-9*want { // rounding of the rate
					t.Errorf("%g tokens, want %g", got, want)
				}
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := testPlan(2)
			c.edit(p)
			c.check(t, run(t, prepared(t, p), 0))
		})
	}
}

func TestInfeasible(t *testing.T) {
	for name, edit := range map[string]func(*scenario.Plan){
		"larger than the fleet":      func(p *scenario.Plan) { p.Jobs[0].Sizes = []int{64, 128} },
		"needs the spares":           func(p *scenario.Plan) { p.Fleet.Spares = 0.1 },
		"larger than the fleet, one": func(p *scenario.Plan) { p.Jobs[0].Sizes = []int{64} },
	} {
		p := testPlan(2)
		edit(p)
		_, err := prepare(p, testPricing, testEstimate)
		var infeasible *InfeasibleError
		if !errors.As(err, &infeasible) {
			t.Errorf("%s: error %v, want an InfeasibleError", name, err)
		}
	}
}
