package sim

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"
	"pgregory.net/rapid"

	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// randomPlan is a plan with every mechanism at work: ramps, rejects, spares, repair,
// several jobs and sizes, checkpoints, a changing power limit.
func randomPlan(t *rapid.T) *scenario.Plan {
	share := func(name string, high float64) float64 { return rapid.Float64Range(0, high).Draw(t, name) }
	duration := func(name string, high unit.Duration) dist.Duration {
		mean := unit.Duration(share(name, float64(high)))
		if rapid.Bool().Draw(t, name+" fixed") {
			return dist.Fixed(mean)
		}
		return dist.Duration{Mean: mean, Median: mean / 2}
	}
	p := testPlan(1)
	p.Horizon = unit.Duration(rapid.Float64Range(0.1, 60).Draw(t, "days")) * unit.Day
	p.Seed = rapid.Uint64().Draw(t, "seed")
	p.Fleet = fleet.Spec{ChipsPerServer: perServer, Spares: unit.Share(share("spares", 0.3)), Commissioning: duration("commissioning", 5*unit.Day)}
	p.Fleet.Rejected = unit.Range[unit.Share]{Low: 0, Likely: 0.1, High: 0.5}
	p.Fleet.Return = duration("return", 5*unit.Day)
	var at unit.Duration
	for i := range rapid.IntRange(1, 4).Draw(t, "deliveries") {
		p.Fleet.Deliveries = append(p.Fleet.Deliveries, fleet.Delivery{At: at, Servers: rapid.IntRange(6, 20).Draw(t, fmt.Sprint("servers", i))})
		at += unit.Duration(share("gap", 20)) * unit.Day
	}
	rate := unit.Rate(math.Pow(10, rapid.Float64Range(-9, -5).Draw(t, "rate")))
	p.Failures.Scale = unit.Range[unit.Factor]{Low: 0.5, Likely: 1, High: 2}
	p.Failures.Classes = []failure.Class{
		{Name: "chip", Rate: unit.Point(rate), Scope: failure.ServerScope, Detection: duration("detection", unit.Hour), Repair: duration("repair", 5*unit.Day)},
		{Name: "software", Rate: unit.Point(rate), Scope: failure.JobScope, Detection: duration("hang", unit.Hour)},
	}
	randomTrouble(t, p, rate, duration)
	p.Jobs = nil
	for i := range rapid.IntRange(0, 3).Draw(t, "jobs") {
		j := testJob(fmt.Sprint("job", i), unit.Tokens(math.Pow(10, rapid.Float64Range(9, 13).Draw(t, "tokens"))), [][]int{{8}, {16, 32}, {12, 24, 30}}[rapid.IntRange(0, 2).Draw(t, "sizes")]...)
		j.Submit = unit.Duration(share("submit", 20)) * unit.Day
		j.Priority = rapid.IntRange(0, 2).Draw(t, "priority")
		j.Restart = duration("restart", unit.Hour)
		j.Resize = unit.Duration(share("resize", 5)) * unit.Day
		j.Checkpoint.Interval = unit.Duration(share("interval", 7200))
		j.Checkpoint.Blocking = unit.Duration(share("blocking", 120))
		j.Checkpoint.Background = unit.Duration(share("background", 3600))
		j.Recovery = job.Policy{
			Mode: rapid.SampledFrom(job.Modes()).Draw(t, "mode"), Floor: 0.5,
			Swap: duration("swap", 600), Shrink: duration("drop", 600), InPlace: duration("in place", 600),
			Setup:    job.Setup{Fixed: 30, PerThousand: 100},
			Standbys: rapid.IntRange(0, 3).Draw(t, "standbys"), Selection: unit.Duration(share("selection", 600)),
		}
		j.Checkpoint.Load, j.Checkpoint.Shared = unit.Duration(share("load", 600)), rapid.Bool().Draw(t, "shared")
		j.Checkpoint.Rule = rapid.SampledFrom([]job.Rule{job.Daly, job.Young, job.Optimum}).Draw(t, "rule")
		if rapid.Bool().Draw(t, "tiers") {
			j.Checkpoint.Fast = []job.Tier{{Kind: job.Peer, Interval: 300, Blocking: 2, Load: 20}, {Kind: job.Local, Interval: 60, Load: 5}}
		}
		p.Jobs = append(p.Jobs, j)
	}
	if rapid.Bool().Draw(t, "weather") {
		underWeather(p)
	}
	from := unit.Duration(0)
	for range rapid.IntRange(0, 3).Draw(t, "phases") {
		p.Site.Phases = append(p.Site.Phases, power.Phase{From: from, Limit: unit.Power(rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(1000, 100_000)).Draw(t, "limit"))})
		from += unit.Duration(rapid.Float64Range(0.01, 10).Draw(t, "phase")) * unit.Day
	}
	randomSupply(t, p)
	return p
}

// randomTrouble adds every way to fail, to be repaired and to be taken out.
func randomTrouble(t *rapid.T, p *scenario.Plan, rate unit.Rate, duration func(string, unit.Duration) dist.Duration) {
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	share := func(name string, high float64) unit.Share {
		return unit.Share(rapid.Float64Range(0, high).Draw(t, name))
	}
	f := &p.Failures
	for _, scope := range []failure.Scope{failure.DomainScope, failure.LeafScope, failure.RackScope, failure.LoopScope, failure.RoomScope, failure.StorageScope} {
		if flag(string(scope)) {
			f.Classes = append(f.Classes, failure.Class{
				Name: string(scope), Rate: unit.Point(rate / 10), Idle: 0.5, Scope: scope, Detection: duration("found", unit.Hour), Repair: duration("mended", unit.Day),
			})
		}
	}
	if flag("silent") {
		f.Classes = append(f.Classes, failure.Class{Name: "sdc", Rate: unit.Point(rate), Scope: failure.ServerScope, Silent: true, Detection: duration("late", unit.Day), Repair: duration("screened", unit.Day)})
	}
	if flag("slow") {
		f.Classes = append(f.Classes, failure.Class{Name: "hot", Rate: unit.Point(rate), Scope: failure.ServerScope, Slowdown: 0.2, Detection: duration("hot", unit.Day), Repair: duration("cooled", unit.Day)})
		f.Stragglers = failure.Stragglers{Share: unit.Point[unit.Share](0.1), Slowdown: 0.1, Detection: duration("straggler", unit.Day), Repair: duration("replaced", unit.Day)}
	}
	f.Classes[0].Idle, f.Classes[0].BurnIn = 0.3, 2
	f.Classes[0].Shape = rapid.SampledFrom([]failure.Shape{
		{},
		{Kind: failure.Weibull, Parameter: 0.6, Since: failure.SinceRepair},
		{Kind: failure.Weibull, Parameter: 2, Since: failure.SinceCommissioning},
		{Kind: failure.Lognormal, Parameter: 1, Since: failure.SinceRepair},
		{Kind: failure.Weibull, Parameter: 0.8, Since: failure.SinceStart},
	}).Draw(t, "shape")
	if flag("individual") {
		f.Infant = failure.Decline{Factor: unit.Point[unit.Factor](3), Time: 10 * unit.Day}
		f.Maturing = failure.Decline{Factor: unit.Point[unit.Factor](2), Time: 20 * unit.Day}
		f.Lemons = failure.Lemons{Share: unit.Point[unit.Share](0.2), Factor: unit.Point[unit.Factor](8), Onset: unit.Point(rate)}
		f.Relapse = failure.Relapse{Factor: 4, Time: 5 * unit.Day}
		p.Fleet.Retire = fleet.Retire{Failures: 3, Within: 10 * unit.Day, Score: 4, HalfLife: 10 * unit.Day, Replacement: duration("replacement", 5*unit.Day)}
	}
	p.Fleet.Topology = fleet.Topology{Domain: 2, Leaf: 3, Rack: 4, Loop: 8, Room: 16, DualHomed: flag("dual-homed")}
	if flag("pipeline") {
		p.Fleet.Repair = fleet.Pipeline{
			Stages: []fleet.Stage{
				{Name: "automatic", Time: duration("automatic", unit.Hour), Escalates: share("escalates", 1), Ineffective: share("ineffective", 1)},
				{Name: "manual", HandsOn: true, Part: share("part", 1), Escalates: 0.2, Ineffective: 0.1},
				{Name: "vendor", Time: duration("vendor", 5*unit.Day)},
			},
			Technicians: rapid.IntRange(0, 2).Draw(t, "technicians"), ShiftStart: 8 * unit.Hour, ShiftLength: unit.Duration(share("shift", 1)) * unit.Day,
			Parts: rapid.IntRange(0, 3).Draw(t, "parts"), Resupply: unit.Day,
			WrongDiagnosis: share("wrong", 0.5), Missed: share("missed", 0.5), Recurrence: duration("recurrence", unit.Hour),
		}
	}
	if flag("maintenance") {
		p.Fleet.Maintenance = []fleet.Maintenance{
			{Name: "window", First: unit.Day, Every: 7 * unit.Day, Duration: 4 * unit.Hour, Batch: 1},
			{Name: "upgrade", First: 2 * unit.Day, Every: 5 * unit.Day, Duration: unit.Hour, Batch: 0.1},
		}
	}
	p.Fleet.Cold = fleet.ColdPool{Servers: rapid.IntRange(0, 3).Draw(t, "cold"), Delay: unit.Hour}
}

// Whatever the plan, chip-hours, energy and tokens are all accounted for (Run fails
// otherwise), and no outcome leaves its physical range.
func TestBooksBalanceForRandomPlans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := randomPlan(t)
		w := preparedRapid(t, p).NewWorld()
		for replica := range 2 {
			r, err := w.Run(replica)
			if err != nil {
				t.Fatal(err)
			}
			plausible(t, p, r)
		}
	})
}

func preparedRapid(t *rapid.T, p *scenario.Plan) *Prepared {
	pr, err := prepare(p, testPricing, testEstimate)
	if err != nil {
		t.Skip(err.Error()) // the fleet is too small for a job
	}
	swing := rapid.Float64Range(0, 80).Draw(t, "swing") // watts of a chip, from its mean up and down
	for i := range pr.Jobs {
		n := len(pr.Jobs[i].Sizes)
		pr.losses, pr.crests = append(pr.losses, make([]float64, n)), append(pr.crests, make([]crest, n))
		for k := range pr.crests[i] {
			c := &pr.crests[i][k]
			for q := range c {
				c[q] = swing * (1 - 2*float64(q)/float64(len(c)-1))
			}
		}
	}
	return pr
}

func plausible(t *rapid.T, p *scenario.Plan, r *result.Run) {
	limited, highest := len(p.Site.Phases) > 0, 0.0
	for _, ph := range p.Site.Phases {
		limited = limited && ph.Limit > 0
		highest = max(highest, float64(ph.Limit))
	}
	if limited && r.Site.GridPeakMW*1e6 > highest*(1+1e-12) { // one rounding
		t.Fatalf("%g MW from the grid, its highest limit is %g W", r.Site.GridPeakMW, highest)
	}
	if r.Site.WindowsMet > r.Site.Windows || r.Site.WindowsMet < 0 {
		t.Fatalf("%g of %g windows met", r.Site.WindowsMet, r.Site.Windows)
	}
	for _, g := range p.Site.Supply.Generators {
		highest += float64(g.Capacity)
	}
	highest += float64(p.Site.Supply.Battery.Power)
	if limited && r.Site.PeakPowerMW*1e6 > highest*(1+1e-12) { // one rounding
		t.Fatalf("peak %g MW above the highest limit %g W", r.Site.PeakPowerMW, highest)
	}
	if r.Site.MeanPowerMW > r.Site.PeakPowerMW*(1+1e-9) { // rounding of an integral
		t.Fatalf("mean power %g MW above the peak %g MW", r.Site.MeanPowerMW, r.Site.PeakPowerMW)
	}
	for i, j := range r.Jobs {
		if j.Goodput < 0 || j.Goodput > 1 || j.Tokens < 0 || j.Tokens > float64(p.Jobs[i].Tokens) || j.MFU < 0 || j.MFU > 0.4+1e-9 {
			t.Fatalf("job %d: %+v", i, j)
		}
		if j.Finished && j.Tokens != float64(p.Jobs[i].Tokens) || !j.Finished && j.FinishDays < float64(p.Horizon/unit.Day)*(1-1e-9) {
			t.Fatalf("job %d: %+v", i, j)
		}
	}
}

// The same replica twice gives the same numbers, in a fresh world or a used one.
func TestReplicaDoesNotDependOnTheWorldsPast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pr := preparedRapid(t, randomPlan(t))
		fresh, err := pr.Run(1)
		if err != nil {
			t.Fatal(err)
		}
		used := pr.NewWorld()
		if _, err := used.Run(0); err != nil {
			t.Fatal(err)
		}
		again, err := used.Run(1)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := fmt.Sprintf("%v", *fresh), fmt.Sprintf("%v", *again); a != b {
			t.Fatalf("fresh world %s\nused world %s", a, b)
		}
	})
}

// More power, fewer failures or faster restarts never train slower, in the mean of
// paired replicas.
func TestBetterConditionsTrainFaster(t *testing.T) {
	base := func() *scenario.Plan {
		p := testPlan(20)
		p.Fleet.Spares = 0.1
		p.Jobs = []job.Spec{testJob("a", 4e12, 8*17)}
		p.Jobs[0].Checkpoint.Blocking, p.Jobs[0].Checkpoint.Background = 20, 60
		p.Failures.Classes = []failure.Class{
			failing("chip", failure.ServerScope, 2e-7, 120, 12*unit.Hour), failing("software", failure.JobScope, 1e-7, 60, 0),
		}
		p.Site.Phases = []power.Phase{{Limit: 90e3}}
		return p
	}
	for _, c := range []struct {
		name   string
		better func(*scenario.Plan)
	}{
		{"more power", func(p *scenario.Plan) { p.Site.Phases[0].Limit = 100e3 }},
		{"no limit", func(p *scenario.Plan) { p.Site.Phases = nil }},
		{"fewer failures", func(p *scenario.Plan) { p.Failures.Scale = unit.Point[unit.Factor](0.5) }},
		{"faster restart", func(p *scenario.Plan) { p.Jobs[0].Restart = dist.Fixed(120) }},
		{"faster detection", func(p *scenario.Plan) { p.Failures.Classes[0].Detection = dist.Fixed(10) }},
		{"faster repair", func(p *scenario.Plan) { p.Failures.Classes[0].Repair = dist.Fixed(unit.Hour) }},
		{"shorter blocking", func(p *scenario.Plan) { p.Jobs[0].Checkpoint.Blocking = 5 }},
	} {
		for _, shape := range shapes {
			t.Run(c.name+"/"+shape.name, func(t *testing.T) {
				p, q := base(), base()
				shape.edit(p)
				shape.edit(q)
				c.better(p)
				trainsNoSlower(t, prepared(t, q), prepared(t, p))
			})
		}
	}
}

// shapes of a site: the job on nearly all of it, a third of it, besides another job,
// and growing into it.
var shapes = []struct {
	name string
	edit func(*scenario.Plan)
}{
	{"full", func(*scenario.Plan) {}},
	{"idle servers", func(p *scenario.Plan) { p.Fleet.Deliveries[0].Servers = 60 }},
	{"two jobs", func(p *scenario.Plan) {
		p.Fleet.Deliveries[0].Servers = 40
		p.Jobs = append(p.Jobs, testJob("b", 2e12, 8*15))
	}},
	{"growth", func(p *scenario.Plan) {
		p.Fleet.Deliveries = append(p.Fleet.Deliveries, fleet.Delivery{At: 5 * unit.Day, Servers: 20})
		p.Jobs[0].Sizes = []int{8 * 17, 8 * 20, 8 * 34}
		p.Jobs[0].Tokens *= 2
	}},
}

// trainsNoSlower holds the mean of paired replicas, of the training days of all jobs:
// where they share the power, one that waits less slows another.
func trainsNoSlower(t *testing.T, worse, better *Prepared) {
	t.Helper()
	const replicas = 40
	gains := make([]float64, replicas)
	for r := range gains {
		before, after := trainingDays(run(t, worse, r)), trainingDays(run(t, better, r))
		if math.IsInf(before, 1) && math.IsInf(after, 1) {
			t.Fatalf("replica %d trains on neither side", r)
		}
		gains[r] = before - after
	}
	mean, sd := stat.MeanStdDev(gains, nil)
	// Pairs share their draws, yet one failure may fall just before or after a
	// checkpoint: two standard errors of the mean gain for that.
	if !(mean >= -2*sd/math.Sqrt(replicas)) {
		t.Errorf("trains %g days slower", -mean)
	}
}

func trainingDays(r *result.Run) float64 {
	sum := 0.0
	for i := range r.Jobs {
		sum += r.Jobs[i].TrainingDays
	}
	return sum
}

// More chips under the same limit never train slower: those that the job cannot use
// are switched off, and it grows only where the larger size is faster below the limit.
func TestMoreChipsUnderTheSameLimitTrainNoSlower(t *testing.T) {
	servers := []int{20, 21, 24, 40, 80}
	for _, sizes := range [][]int{{8 * 17}, {8 * 17, 8 * 20, 8 * 35, 8 * 70}} {
		for _, limit := range []unit.Power{50e3, 60e3, 75e3, 100e3} {
			plan := func(servers int) *scenario.Plan {
				p := testPlan(servers)
				p.Fleet.Spares = 0.1
				p.Jobs = []job.Spec{testJob("a", 4e12, sizes...)}
				p.Failures.Classes = []failure.Class{failing("chip", failure.ServerScope, 2e-7, 120, 12*unit.Hour)}
				p.Site.Phases = []power.Phase{{Limit: limit}}
				return p
			}
			for n := range servers[1:] {
				t.Run(fmt.Sprintf("%d sizes/%g kW/%d to %d servers", len(sizes), float64(limit)/1000, servers[n], servers[n+1]), func(t *testing.T) {
					trainsNoSlower(t, prepared(t, plan(servers[n])), prepared(t, plan(servers[n+1])))
				})
			}
		}
	}
}

func TestUncertainRangesAreDrawnWithinBoundsAndIndependentlyOfOthers(t *testing.T) {
	p := testPlan(2)
	p.Chip.TDP = unit.Range[unit.Power]{Low: 300, Likely: 400, High: 500}
	p.Failures.Scale = unit.Range[unit.Factor]{Low: 1, Likely: 1.5, High: 3}
	p.Failures.Classes = []failure.Class{failing("chip", failure.ServerScope, 1e-9, 0, 0)}
	q := testPlan(2)
	q.Chip.TDP = p.Chip.TDP
	q.Site.PUE = unit.Range[unit.Factor]{Low: 1.1, Likely: 1.2, High: 1.4}
	var sum float64
	const n = 2000
	for r := range n {
		var a, b scenario.Plan
		uncertainties(p).draw(p, &a, r)
		uncertainties(q).draw(q, &b, r)
		if a.Chip.TDP != b.Chip.TDP || !a.Chip.TDP.Known() {
			t.Fatalf("replica %d: TDP %v and %v in two plans", r, a.Chip.TDP, b.Chip.TDP)
		}
		if s := a.Failures.Scale.Likely; s < 1 || s > 3 {
			t.Fatalf("replica %d: scale %v", r, s)
		}
		if b.Site.PUE.Likely < 1.1 || b.Site.PUE.Likely > 1.4 {
			t.Fatalf("replica %d: PUE %v", r, b.Site.PUE)
		}
		sum += float64(a.Chip.TDP.Likely)
	}
	// Triangular with standard deviation 100/√6: four standard errors of the mean.
	if math.Abs(sum/n-400) > 4*100/math.Sqrt(6*n) {
		t.Errorf("mean TDP %v, want 400", sum/n)
	}
	if p.Chip.TDP.Known() || p.Failures.Scale.Known() {
		t.Error("drawing changed the plan")
	}
}
