package sim

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/job"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// chipwise is a small cluster and its one job, simulated chip by chip: every chip has
// clocks of its own, nothing is counted together. Times in seconds, exponential lives.
type chipwise struct {
	servers, needed       int
	hardware, software    float64 // failures per chip and second
	detection, restart    float64
	repair                dist.Duration
	interval, block, back float64 // of checkpoints: training, stop, background write
	horizon               float64
}

// run returns the share of time whose training was kept, the interruptions, and the
// server-seconds in repair.
func (c *chipwise) run(r *des.Rand) (kept, interruptions, repair float64) {
	const training, detecting, waiting, starting = 0, 1, 2, 3
	never := math.Inf(1)
	next := make([][2 * perServer]float64, c.servers) // of each chip's hardware and software
	back := make([]float64, c.servers)                // from repair; 0: in service
	held := make([]bool, c.servers)
	arm := func(s int, now float64) {
		for k := range perServer {
			next[s][k], next[s][perServer+k] = now+r.Exp()/c.hardware, now+r.Exp()/c.software
		}
	}
	for s := range c.servers {
		arm(s, 0)
		held[s] = s < c.needed
	}
	phase, since, until, trained := starting, 0.0, c.restart, false
	period := c.interval + c.block
	work := func(t float64) float64 { // training within the first t of uninterrupted cycles
		return math.Floor(t/period)*c.interval + math.Min(math.Mod(t, period), c.interval)
	}
	refill := func(now float64) {
		missing := c.needed
		var free []int
		for s := range c.servers {
			if held[s] {
				missing--
			} else if back[s] == 0 {
				free = append(free, s)
			}
		}
		if phase = waiting; missing <= len(free) {
			for _, s := range free[:missing] {
				held[s] = true
			}
			phase, until = starting, now+c.restart
		}
	}
	for {
		// The earliest of all chips, all repairs and the job's own next step.
		at, server, clock := c.horizon, -1, -1
		for s := range c.servers {
			if back[s] > 0 {
				if back[s] < at {
					at, server, clock = back[s], s, -1
				}
				continue
			}
			for k, t := range next[s] {
				if t < at {
					at, server, clock = t, s, k
				}
			}
		}
		if (phase == detecting || phase == starting) && until <= at {
			if at = until; phase == detecting {
				refill(at)
			} else {
				phase, since, until, trained = training, at, never, true
			}
			continue
		}
		switch {
		case server < 0:
			if phase == training {
				kept += work(at - since)
			}
			for s := range c.servers {
				if back[s] > c.horizon {
					repair -= back[s] - c.horizon
				}
			}
			return kept / c.horizon, interruptions, repair
		case clock < 0:
			back[server] = 0
			arm(server, at)
			if phase == waiting {
				refill(at)
			}
			continue
		}
		next[server][clock] = never
		known := at + c.detection
		hit := held[server]
		if clock < perServer {
			out := float64(c.repair.At(r.Norm()))
			back[server], held[server] = known+out, false
			repair += c.detection + out
		} else {
			next[server][clock] = at + r.Exp()/c.software
		}
		if !hit || phase == waiting {
			continue
		}
		if phase == training {
			if done := at - since - c.back; done >= period { // up to the last durable checkpoint
				kept += math.Floor(done/period) * c.interval
			}
		}
		if phase == detecting {
			until = min(until, known)
			continue
		}
		if trained {
			interruptions++
		}
		phase, until = detecting, known
	}
}

// plan is the same cluster for the simulator.
func (c *chipwise) plan() *scenario.Plan {
	p := testPlan(c.servers)
	p.Horizon = unit.Duration(c.horizon)
	p.Failures.Classes = []failure.Class{
		failing("hardware", failure.ServerScope, unit.Rate(c.hardware), unit.Duration(c.detection), 0),
		failing("software", failure.JobScope, unit.Rate(c.software), unit.Duration(c.detection), 0),
	}
	p.Failures.Classes[0].Repair = c.repair
	j := &p.Jobs[0]
	j.Sizes = []int{c.needed * perServer}
	j.Restart = dist.Fixed(unit.Duration(c.restart))
	j.Checkpoint = job.Checkpoint{Interval: unit.Duration(c.interval), Blocking: unit.Duration(c.block), Background: unit.Duration(c.back)}
	return p
}

// The simulator, which counts chips and draws one failure at a time, agrees in
// distribution with one that gives every chip clocks of its own.
func TestAgreesWithASimulatorOfEveryChip(t *testing.T) {
	base := chipwise{
		servers: 6, needed: 4, hardware: 1e-6, software: 1e-6, detection: 120, restart: 900,
		repair: dist.Duration{Mean: 12 * unit.Hour, Median: 5 * unit.Hour}, interval: 1800, block: 60, back: 600, horizon: 20 * 86400,
	}
	for _, v := range []struct {
		name string
		edit func(*chipwise)
	}{
		{"two spares", func(*chipwise) {}},
		{"no spare", func(c *chipwise) { c.servers = 4 }},
		{"a failure every half hour", func(c *chipwise) { c.hardware, c.software, c.repair = 2e-6, 1.6e-5, dist.Fixed(unit.Hour) }},
		{"detection longer than restart", func(c *chipwise) { c.detection, c.restart = 3600, 60 }},
		{"checkpoints under way all the time", func(c *chipwise) { c.interval, c.block, c.back = 600, 10, 590 }},
	} {
		t.Run(v.name, func(t *testing.T) {
			c := base
			v.edit(&c)
			const n = 400
			w := prepared(t, c.plan()).NewWorld()
			var of [3][2][]float64
			for r := range n {
				k, i, o := c.run(des.Stream(11, r, "chipwise"))
				out, err := w.Run(r)
				if err != nil {
					t.Fatal(err)
				}
				ours := [3]float64{out.Jobs[0].ETTR, out.Jobs[0].Interruptions, out.Site.ServersInRepair * c.horizon}
				for q, x := range [3]float64{k, i, o} {
					of[q][0], of[q][1] = append(of[q][0], x), append(of[q][1], ours[q])
				}
			}
			for q, what := range []string{"training kept", "interruptions", "server-seconds in repair"} {
				a, b := of[q][0], of[q][1]
				slices.Sort(a)
				slices.Sort(b)
				// Two-sample critical value at 0.1 %: 1.95 √(2/n).
				if d, limit := stat.KolmogorovSmirnov(a, nil, b, nil), 1.95*math.Sqrt(2.0/n); d > limit {
					t.Errorf("%s: Kolmogorov-Smirnov distance %.3f, limit %.3f; means %.5g chip by chip, %.5g ours", what, d, limit, stat.Mean(a, nil), stat.Mean(b, nil))
				}
				// And the means, which a distribution's test sees less: four standard errors.
				ma, sa := stat.MeanStdDev(a, nil)
				mb, sb := stat.MeanStdDev(b, nil)
				if se := math.Sqrt((sa*sa + sb*sb) / n); math.Abs(ma-mb) > 4*se {
					t.Errorf("%s: mean %.5g chip by chip, %.5g ours, standard error %.2g", what, ma, mb, se)
				}
			}
		})
	}
}
