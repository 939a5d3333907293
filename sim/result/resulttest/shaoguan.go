// Package resulttest makes results that look like those of the Shaoguan scenario,
// from closed formulas and fixed seeds, for tests of everything that reads results.
package resulttest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"clustercap/sim/result"
)

// Plan says how the made-up site grows.
type Plan struct {
	Name     string
	UpTo     int // chips on site at the end
	Replicas int
	Seed     uint64
	Days     int // horizon
	// Jobs to keep of dense-400b and moe-235b; 0 means both.
	Jobs int
	// Unlimited leaves out the power limit.
	Unlimited bool
}

// HoldTenThousand, GrowThirty and GrowHundred are the three plans of the scenario.
func HoldTenThousand() Plan {
	return Plan{Name: "hold-10k", UpTo: 10_000, Replicas: 16, Seed: 1, Days: 730}
}

// GrowThirty grows to 30,000 chips.
func GrowThirty() Plan {
	return Plan{Name: "grow-30k", UpTo: 30_000, Replicas: 16, Seed: 1, Days: 730}
}

// GrowHundred grows to 100,000 chips.
func GrowHundred() Plan {
	return Plan{Name: "grow-100k", UpTo: 100_000, Replicas: 16, Seed: 1, Days: 730}
}

// job is a made-up training run.
type job struct {
	name, model  string
	sizes        []int
	tokens       float64
	submit       int     // day
	perChip      float64 // tokens per second and chip at the smallest size
	scaling      float64 // exponent of speed over chips
	mfu          float64
	interruption float64 // per chip-day
}

func jobs() []job {
	return []job{
		{"dense-400b", "dense-400b", []int{8192, 16384, 24576, 32768, 49152, 65536}, 15e12, 14, 18.6, 0.97, 0.41, 5e-4},
		{"moe-235b", "qwen3-235b-a22b", []int{1024, 2048, 4096, 8192, 16384}, 36e12, 184, 205, 0.93, 0.27, 5e-4},
	}
}

// Columns of the timeline before those of the jobs, with their units.
const (
	onSite = iota
	inService
	productive
	power
	peak
	limit
	repair
	spares
	sparesUsed
	backlog
	firstConsumer
	costs  = firstConsumer + int(result.NumConsumers)
	perJob = costs + len(costColumns) // then chips, tokens per second and tokens of each job
)

// consumers are shares of the power at the meter, of servers with air-cooled chips at a
// PUE of 1.25.
var consumers = [result.NumConsumers]float64{
	result.Chips: 0.54, result.Servers: 0.2, result.Network: 0.06, result.Cooling: 0.15, result.Losses: 0.05,
}

// Set summarises the runs of Runs.
func (p Plan) Set() (*result.Set, error) {
	frame, runs := p.Runs()
	return result.Summarize(frame, runs)
}

// Runs returns the frame and the replicas of the plan.
func (p Plan) Runs() (result.Set, []*result.Run) {
	all := jobs()
	if p.Jobs > 0 {
		all = all[:p.Jobs]
	}
	frame := p.frame(all)
	runs := make([]*result.Run, p.Replicas)
	for i := range runs {
		runs[i] = p.run(i, all, len(frame.Timeline.Columns))
	}
	return frame, runs
}

func (p Plan) frame(all []job) result.Set {
	s := result.Set{
		Version: "test", Scenario: "shaoguan", Title: "Shaoguan, 10,000 to 100,000 Zhenwu chips",
		Plan: p.Name, Seed: p.Seed, Start: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC),
		HorizonDays: float64(p.Days), Currency: "CNY",
	}
	s.Swings, s.CapCurves = swings(&all[0])
	for d := range p.Days {
		s.Timeline.Days = append(s.Timeline.Days, float64(d+1))
	}
	for _, c := range [][2]string{
		{"chips_on_site", "chips"},
		{"chips_in_service", "chips"},
		{"chips_productive", "chips"},
		{"power_mw", "MW"},
		{"power_peak_mw", "MW"},
		{"power_limit_mw", "MW"},
		{"servers_in_repair", "servers"},
		{"spares_ready", "servers"},
		{"spares_used_per_day", "servers/d"},
		{"repair_backlog", "servers"},
	} {
		s.Timeline.Columns = append(s.Timeline.Columns, result.Column{Name: c[0], Unit: c[1]})
	}
	for c := range result.NumConsumers {
		s.Timeline.Columns = append(s.Timeline.Columns, result.Column{Name: "power_" + c.String() + "_mw", Unit: "MW"})
	}
	for _, name := range costColumns {
		s.Timeline.Columns = append(s.Timeline.Columns, result.Column{Name: name, Unit: "CNY"})
	}
	for _, j := range all {
		s.Jobs = append(s.Jobs, result.Job{Name: j.name, Model: j.model, Chips: j.sizes, TargetTokens: j.tokens})
		for _, c := range [][2]string{{"chips", "chips"}, {"tokens_per_second", "tokens/s"}, {"tokens", "tokens"}} {
			s.Timeline.Columns = append(s.Timeline.Columns, result.Column{Name: "job/" + j.name + "/" + c[0], Unit: c[1]})
		}
		for _, n := range j.sizes {
			if n > p.UpTo {
				break
			}
			speed, mfu := j.speed(n)
			s.Scaling = append(s.Scaling, result.ScalingPoint{
				Job: j.name, Chips: n, Used: n, TokensPerSecond: speed, MFU: mfu, Delivered: speed * goodput(n, 1.5),
				MTTFHours: 2000 * 24 / float64(n) / 1.5, Modes: modes(speed, n),
			})
			last := &s.Jobs[len(s.Jobs)-1]
			last.Layouts = append(last.Layouts, result.SizedLayout{
				Chips: n, Used: n, Layout: fmt.Sprintf("tp=8,pp=16,dp=%d", n/128), StepSeconds: 33.5e6 / speed, MFU: mfu, MemoryGB: 71,
			})
		}
	}
	for _, c := range causes() {
		s.Causes = append(s.Causes, result.Cause{Name: c.name})
	}
	for _, j := range s.Jobs {
		s.Checkpoints = append(s.Checkpoints, checkpointCurve(&j))
	}
	return s
}

func (j *job) speed(chips int) (tokensPerSecond, mfu float64) {
	relative := float64(chips) / float64(j.sizes[0])
	loss := math.Pow(relative, j.scaling-1)
	return j.perChip * float64(chips) * loss, j.mfu * loss
}

// goodput falls as in Daly's first order with a restart of 10 minutes and a MTTF
// of 2000 chip-days over the scale of the failure rate, bounded below.
func goodput(chips int, scale float64) float64 {
	mttf := 2000.0 * 24 * 60 / float64(chips) / scale // minutes
	return math.Max(1/(1+14/mttf), 0.2)
}

func (p Plan) delivered(day int) int {
	lots := 0
	if day >= 123 {
		lots = 1 + (day-123)/30
	}
	return min(10_000+6_000*lots, p.UpTo)
}

func (p Plan) limit(day int) float64 {
	switch {
	case p.Unlimited:
		return 0
	case day < 123:
		return 12
	case day < 365:
		return 45
	default:
		return 90
	}
}

// run makes one replica, day by day.
func (p Plan) run(replica int, all []job, columns int) *result.Run {
	rng := rand.New(rand.NewPCG(p.Seed, uint64(replica)))
	scale := math.Exp(math.Log(1.5) + 0.35*rng.NormFloat64()) // failures
	efficiency := 1 + 0.04*rng.NormFloat64()                  // speed
	rejected := 0.03 + 0.07*rng.Float64()
	r := &result.Run{Replica: replica, Jobs: make([]result.JobRun, len(all)), Samples: make([][]float64, columns)}
	for c := range r.Samples {
		r.Samples[c] = make([]float64, p.Days)
	}
	for day := range p.Days {
		chips := p.delivered(day)
		ready := float64(p.delivered(max(day-14, 0))) * (1 - rejected/(1+float64(day)/60))
		if day < 14 {
			ready = float64(chips) * float64(day) / 14 * 0.9
		}
		ready *= 1 - 0.004*scale*(1+0.3*rng.NormFloat64())
		free, training := ready*0.98, 0.0
		for k := range all {
			used, kept := p.train(r, k, &all[k], day, free, scale, efficiency)
			free -= used
			training += used * kept
		}
		r.Samples[onSite][day] = float64(chips)
		r.Samples[inService][day] = ready
		r.Samples[productive][day] = training
		busy := ready*0.98 - free
		draw := (float64(chips)*0.2 + busy*0.62) * 1.25 / 1000 // MW at a PUE of 1.25
		mean := draw * (0.97 + 0.02*rng.Float64())
		top := draw * 1.06
		if l := p.limit(day); l > 0 {
			top, mean = math.Min(top, l), math.Min(mean, 0.96*l)
		}
		r.Samples[repair][day], r.Samples[spares][day] = ready/16*0.004*scale, ready/16*0.02
		r.Samples[sparesUsed][day], r.Samples[backlog][day] = ready/16*0.002*scale, ready/16*0.0008*scale
		r.Samples[power][day], r.Samples[peak][day], r.Samples[limit][day] = mean, top, p.limit(day)
		for c, share := range consumers {
			r.Samples[firstConsumer+c][day] = share * mean
			r.Site.EnergyBy[c] += share * mean * 24
		}
		r.Site.EnergyMWh += mean * 24
		spend(r, day, float64(chips), mean)
		r.Site.PeakPowerMW = math.Max(r.Site.PeakPowerMW, top)
		book(r, float64(chips), ready, training, busy, draw*1.06 > top)
	}
	p.closeBooks(r, all)
	closeMoney(r, float64(p.delivered(p.Days-1)))
	r.Site.DurationMW = duration(r.Samples[power])
	return r
}

// duration is the load duration curve of daily means.
func duration(daily []float64) []float64 {
	sorted := slices.Sorted(slices.Values(daily))
	slices.Reverse(sorted)
	var curve []float64
	for _, share := range result.DurationShares() {
		curve = append(curve, sorted[int(share*float64(len(sorted)-1))])
	}
	return curve
}

// swings are those of a job with a step of 8 s, of which the last 1.5 s are spent on
// communication, and what a cap costs it where power falls with the clock's 2.4th power
// and nine tenths of a step with the clock.
func swings(j *job) ([]result.Swing, []result.CapCurve) {
	chips := j.sizes[len(j.sizes)-1]
	full, idle := float64(chips)*0.75e-3, float64(chips)*0.2e-3 // MW
	s := result.Swing{
		Job: j.name, Chips: chips, StepSeconds: 8, StepMW: 0.5 * (full - idle), RampMWPerSecond: 5 * (full - idle),
		BandMW: 0.17 * (full - idle), BandHertz: 0.125, StartMW: full - idle, StopMW: full - idle, CrashMW: full - idle, MeanMW: 0.93 * full,
		Checks: []result.GridCheck{{What: "oscillation between 0.1 and 20 Hz", Unit: "MW", Value: 0.17 * (full - idle), Limit: 2, Remedy: "site.smoothing.floor: 90 %"}},
	}
	for i := range 256 {
		at := (float64(i) + 0.5) * 8 / 256
		mw := full
		if at > 6.5 {
			mw -= s.StepMW
		}
		s.TraceSeconds, s.TraceMW = append(s.TraceSeconds, at), append(s.TraceMW, mw)
	}
	c := result.CapCurve{Job: j.name, Chips: chips, FullTokensPerSecond: 1e6}
	for f := 1.0; f >= 0.5; f -= 0.01 {
		c.MW = append(c.MW, 1.25*(idle+(full-idle)*math.Pow(f, 2.4)))
		c.TokensPerSecond = append(c.TokensPerSecond, 1e6/(0.1+0.9/f))
	}
	return []result.Swing{s}, []result.CapCurve{c}
}

// train lets a job use free chips for a day and returns how many it used and the
// share of the day that made progress.
func (p Plan) train(r *result.Run, k int, j *job, day int, free, scale, efficiency float64) (used, kept float64) {
	run := &r.Jobs[k]
	column := perJob + 3*k
	size := 0
	for _, n := range j.sizes {
		if float64(n) <= free {
			size = n
		}
	}
	if day >= j.submit && size > 0 && !run.Finished {
		if !run.Started {
			run.Started, run.StartDays = true, float64(day)
		}
		speed, mfu := j.speed(size)
		kept = goodput(size, scale)
		rate := speed * efficiency * kept
		tokens := math.Min(rate*86400, j.tokens-run.Tokens)
		run.Tokens += tokens
		run.Interruptions += j.interruption * scale * float64(size) * tokens / (rate * 86400)
		run.LostHours += 24 * (1 - kept)
		run.MFU = mfu * efficiency
		run.EnergyMWh += float64(size) * 0.9e-3 * 24
		if run.Tokens >= j.tokens {
			run.Finished = true
			run.FinishDays = float64(day) + tokens/(rate*86400)
		}
		used = float64(size)
		r.Samples[column][day] = used
		r.Samples[column+1][day] = tokens / 86400
	}
	r.Samples[column+2][day] = run.Tokens
	return used, kept
}
