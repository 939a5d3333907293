package sim

import (
	"fmt"
	"math"
	"testing"

	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// The classes of quiet.
const (
	sdc = iota
	chip
	software
	thermal
)

// quiet is a job on two of six servers with a checkpoint every ten minutes, and
// classes that strike only where a test lets them.
func quiet() *scenario.Plan {
	p := testPlan(6)
	p.Jobs[0].Sizes = []int{2 * perServer}
	p.Jobs[0].Checkpoint = job.Checkpoint{Interval: 600, Blocking: 1}
	p.Failures.Classes = []failure.Class{
		failing("sdc", failure.ServerScope, 0, 6*unit.Hour, 60), failing("chip", failure.ServerScope, 0, 0, 60),
		failing("software", failure.JobScope, 0, 0, 0), failing("thermal", failure.ServerScope, 0, unit.Day, 60),
	}
	p.Failures.Classes[sdc].Silent, p.Failures.Classes[thermal].Slowdown = true, 0.5
	return p
}

// forward steps a world on to a time since now.
func (w *World) forward(t *testing.T, d unit.Duration) {
	t.Helper()
	end := w.now.After(d)
	for w.upcoming() <= end {
		w.step(t)
	}
	w.advance(end)
	w.settle(0)
}

// awaits steps a world until its first job is in a phase and returns how long it took.
func (w *World) awaits(t *testing.T, phase job.Phase) unit.Duration {
	t.Helper()
	from := w.now
	for w.jobs[0].phase != phase {
		w.step(t)
	}
	return (w.now - from).Duration()
}

// However short its repair, a fault that is left in service, or a slow server that is not
// mended, costs no more than one failure a minute: no plan loops within an instant.
func TestFaultsLeftInServiceTakeAMinute(t *testing.T) {
	const instant = unit.Second / 1000
	for _, c := range []struct {
		name   string
		class  int
		count  func(w *World, victim int32) int
		repair fleet.Pipeline
	}{
		{
			"missed", chip, func(w *World, _ int32) int { return w.failed[chip] },
			fleet.Pipeline{Missed: 1, Recurrence: dist.Fixed(instant)},
		},
		{
			"not mended", thermal, func(w *World, victim int32) int { return int(w.fleet.Server(victim).Failures) },
			fleet.Pipeline{Stages: []fleet.Stage{{Name: "reset", Time: dist.Fixed(instant), Ineffective: 1}}},
		},
	} {
		p := quiet()
		p.Failures.Classes[thermal].Detection = dist.Fixed(instant)
		p.Fleet.Repair = c.repair
		w := until(t, p, job.Training)
		victim := w.fleet.HeldVictim(0, 0)
		w.fail(c.class, victim)
		w.forward(t, unit.Hour)
		if n := c.count(w, victim); n < 2 || n > 61 {
			t.Errorf("%s: %d failures in an hour", c.name, n)
		}
	}
}

// What a silent failure corrupts is all lost when it is found, and nothing more,
// whatever became of its server and job in the meantime.
func TestSilentFailureIsFoundWhereverItsServerIs(t *testing.T) {
	for _, c := range []struct {
		name string
		then func(w *World, victim int32)
	}{
		{"nothing", func(*World, int32) {}},
		{"its server fails", func(w *World, victim int32) { w.fail(chip, victim) }},
		{"its job restarts", func(w *World, victim int32) { w.fail(software, victim) }},
		{"its server is serviced", func(w *World, victim int32) {
			w.plan.Fleet.Maintenance = []fleet.Maintenance{{Duration: unit.Hour, Every: unit.Year, Batch: 1}}
			w.maintain(0, 0)
		}},
		{"its server throttles too", func(w *World, victim int32) { w.fail(thermal, victim) }},
	} {
		w := until(t, quiet(), job.Training)
		w.forward(t, 5*601+300)
		before := w.jobs[0].books.tokens
		victim := w.fleet.HeldVictim(0, 0)
		w.fail(sdc, victim)
		w.forward(t, unit.Hour)
		c.then(w, victim)
		w.endInstant()
		w.forward(t, 5*unit.Hour-1)
		if got := w.jobs[0].books.tokens; got < before*1.5 { // at half speed, five hours after one
			t.Errorf("%s: %.4g tokens before it is found, %.4g when it struck", c.name, got, before)
		}
		w.forward(t, 1)
		// The checkpoint before it: 5 of the 5.5 intervals, to rounding of sums.
		if got, want := w.jobs[0].books.tokens, before*3000/3300; math.Abs(got-want) > 1e-9*want {
			t.Errorf("%s: %.6g tokens after it is found, want %.6g", c.name, got, want)
		}
		if n := len(w.jobs[0].taints) + len(w.jobs[0].doubts); n != 0 {
			t.Errorf("%s: %d taints and doubts stay", c.name, n)
		}
		w.awaits(t, job.Training)
		w.forward(t, 10*unit.Day)
		if w.jobs[0].books.tokens < before*100 { // ten days after an hour
			t.Errorf("%s: %.4g tokens ten days later", c.name, w.jobs[0].books.tokens)
		}
	}
}

// A silent failure that strikes while its job starts, or whose work so far is lost,
// corrupts what the job does from its restart on.
func TestSilentFailureOutlivesARestart(t *testing.T) {
	w := until(t, quiet(), job.Starting)
	w.fail(sdc, w.fleet.HeldVictim(0, 0))
	w.forward(t, 6*unit.Hour-1)
	if w.jobs[0].books.tokens == 0 {
		t.Fatal("nothing was trained before it was found")
	}
	w.forward(t, 1)
	if got := w.jobs[0].books.tokens; math.Abs(got) > 1e-6*stepTokens { // rounding of a difference
		t.Errorf("struck while starting: %g tokens are left", got)
	}

	w = until(t, quiet(), job.Training)
	w.forward(t, unit.Hour)
	w.fail(sdc, w.fleet.HeldVictim(0, 0))
	w.fail(software, w.fleet.HeldVictim(0, 0)) // in the same instant: nothing corrupt is left
	want := w.jobs[0].books.tokens
	if n := len(w.jobs[0].taints); n != 0 {
		t.Errorf("%d taints without work", n)
	}
	w.endInstant()
	w.forward(t, 6*unit.Hour)
	if got := w.jobs[0].books.tokens; math.Abs(got-want) > 1e-9*want { // rounding of sums
		t.Errorf("%.6g tokens after it is found, want the %.6g before it", got, want)
	}
}

// A failure without a discovery costs the time until it is found, with ordinary
// failures on the same servers as without.
func TestOrdinaryFailuresLeaveSilentOnesAsTheyAre(t *testing.T) {
	p := quiet()
	p.Horizon = 300 * unit.Day
	p.Failures.Classes[sdc].Rate, p.Failures.Classes[sdc].Idle = unit.Point[unit.Rate](1e-8), 0
	p.Failures.Classes[chip].Rate = unit.Point[unit.Rate](1e-6)
	got, se := mean(t, p, 20, func(w *World, r *result.Run) float64 {
		return hours(w.jobs[0].books.lostTo[sdc]) / float64(max(w.failed[sdc], 1))
	})
	if se > 0.3 { // beyond it the next line could tell nothing
		t.Errorf("the hours lost spread by %.2g", se)
	}
	// Six hours, half an interval and the restart, less what ordinary failures every
	// 17 hours take of each; of two within six hours one is found with less (2 %).
	near(t, "hours lost to each", got, se, 6+(300+600)/3600.0, 0.3)
}

// After silent corruption every mode starts from the remote store: no copy in memory
// is sound.
func TestCorruptMemoryIsNotRestored(t *testing.T) {
	for mode, start := range map[job.Mode]unit.Duration{job.StopRestart: 600, job.WarmSwap: 150, job.Shrink: 600, job.InPlace: 600} {
		for _, load := range []unit.Duration{1, 7200} {
			p := quiet()
			p.Jobs[0].Checkpoint.Load = load
			p.Jobs[0].Checkpoint.Fast = []job.Tier{{Kind: job.Peer, Interval: 60, Load: 5}}
			p.Jobs[0].Recovery = job.Policy{Mode: mode, Swap: dist.Fixed(150), Shrink: dist.Fixed(30), InPlace: dist.Fixed(30), Floor: 1}
			w := until(t, p, job.Training)
			w.forward(t, unit.Hour)
			w.fail(sdc, w.fleet.HeldVictim(0, 0))
			w.forward(t, 6*unit.Hour)
			if got := w.awaits(t, job.Training); got != start+load {
				t.Errorf("%s with a load of %g s: trains again after %g s, want %g", mode, float64(load), float64(got), float64(start+load))
			}
		}
	}
}

// A fast tier has only what it has written: one that writes more rarely than the
// store gives what no tier gives.
func TestTierWithoutACheckpointHelpsNobody(t *testing.T) {
	tokens := func(tiers ...job.Tier) float64 {
		p := quiet()
		p.Failures.Classes[software].Rate = unit.Point[unit.Rate](3e-6)
		p.Jobs[0].Checkpoint = job.Checkpoint{Rule: job.Daly, Blocking: 60, Background: 1800, Fast: tiers}
		return run(t, prepared(t, p), 0).Jobs[0].Tokens
	}
	without, rare, often := tokens(), tokens(job.Tier{Kind: job.Peer, Interval: 30 * unit.Day}), tokens(job.Tier{Kind: job.Peer, Interval: 60})
	if rare != without || often < 1.02*without { // it saves most of what failures every six hours lose
		t.Errorf("tokens: no tier %.4g, one every 30 d %.4g, one every minute %.4g", without, rare, often)
	}
}

// A second failure while the first is not yet known, or while servers are missing,
// takes memory as any does.
func TestSecondFailureTakesWhatTheFirstLeft(t *testing.T) {
	for _, phase := range []job.Phase{job.Detecting, job.Waiting} {
		for _, c := range []struct {
			second job.Loss
			want   float64 // tokens of what it had
		}{{job.NoServers, 3535.0 / 3565}, {job.SomeServers, 3535.0 / 3565}, {job.ManyServers, 3000.0 / 3565}} {
			p := quiet()
			p.Jobs[0].Checkpoint.Fast = []job.Tier{{Kind: job.Peer, Interval: 60, Load: 5}}
			w := until(t, p, job.Training)
			// 3,570 s: 59 intervals of the tier and 30 s; 5 of the store, which blocked 5 s,
			// and 565 s.
			w.forward(t, 3570)
			had := w.jobs[0].books.tokens
			w.interrupt(0, software, w.now+1000, job.NoServers)
			if phase == job.Waiting {
				w.jobs[0].phase = job.Waiting
			}
			w.interrupt(0, chip, w.now+1000, c.second)
			if got := w.jobs[0].books.tokens / had; math.Abs(got-c.want) > 1e-9 { // rounding of sums
				t.Errorf("phase %d, second loss %d: %.6f of the tokens left, want %.6f", phase, c.second, got, c.want)
			}
		}
	}
}

// Swapping takes a warm spare; without one the job restarts when the server is back.
func TestSwapWithoutASpareRestarts(t *testing.T) {
	for _, c := range []struct {
		servers, cold int
		want          unit.Duration
	}{{3, 0, 150}, {2, 0, 60 + 600}, {3, 1, 300 + 600}} {
		p := quiet()
		p.Fleet.Deliveries[0].Servers, p.Fleet.Cold = c.servers, fleet.ColdPool{Servers: c.cold, Delay: 300}
		p.Jobs[0].Recovery = job.Policy{Mode: job.WarmSwap, Swap: dist.Fixed(150)}
		w := until(t, p, job.Training)
		w.forward(t, unit.Hour)
		w.fail(chip, w.fleet.HeldVictim(0, 0))
		w.endInstant()
		if got := w.awaits(t, job.Training); got != c.want {
			t.Errorf("%d servers, %d of them cold: trains again after %g s, want %g", c.servers, c.cold, float64(got), float64(c.want))
		}
	}
}

// Restarts do not begin the search for slow servers anew.
func TestRestartsFindNoSlowServer(t *testing.T) {
	var found []des.Time
	for _, failures := range []int{0, 20} {
		p := quiet()
		p.Failures.Stragglers = failure.Stragglers{
			Share: unit.Point[unit.Share](1), Slowdown: 0.1, Repair: dist.Fixed(unit.Day),
			Detection: dist.Duration{Mean: unit.Day, Median: 6 * unit.Hour},
		}
		w := until(t, p, job.Training)
		for range failures {
			w.fail(software, w.fleet.HeldVictim(0, 0))
			w.endInstant()
			w.awaits(t, job.Training)
		}
		for w.evicted == 0 {
			w.step(t)
		}
		found = append(found, w.now)
	}
	if found[0] != found[1] || found[0].Duration() < 5*unit.Hour {
		t.Errorf("slow servers found after %g s without failures, %g s with them", float64(found[0].Duration()), float64(found[1].Duration()))
	}
}

// A job that stops as planned saves its work; then a warm spare swaps in where its mode does
// so, and otherwise all of it starts anew. Where other replicas keep the state nothing is read.
func TestPlannedStopsSwapWarmSpares(t *testing.T) {
	const save, swap, restart, setup, load = 20 + 60, 150, 600, 10, 90
	evict := func(w *World) {
		w.strikeSlow(w.fleet.HeldVictim(0, 0), thermal)
		w.evict(0, w.jobs[0].eviction.epoch)
	}
	maintain := func(w *World) { w.maintain(0, w.fleet.HeldVictim(0, 0)) } // the last server of the site
	for _, c := range []struct {
		name    string
		mode    job.Mode
		servers int
		stop    func(*World)
		want    unit.Duration
	}{
		{"eviction", job.StopRestart, 3, evict, save + restart + setup + load},
		{"eviction", job.WarmSwap, 3, evict, save + swap + setup + load},
		{"eviction", job.Shrink, 3, evict, save + swap + setup},
		{"eviction", job.InPlace, 3, evict, save + swap + setup},
		{"maintenance", job.StopRestart, 3, maintain, save + restart + setup + load},
		{"maintenance", job.WarmSwap, 3, maintain, save + swap + setup + load},
		{"maintenance", job.InPlace, 3, maintain, save + swap + setup},
		{"maintenance without a spare", job.WarmSwap, 2, maintain, 3600 + save + restart + setup + load},
		{"maintenance without a spare", job.InPlace, 2, maintain, 3600 + save + restart + setup + load},
	} {
		p := quiet()
		p.Fleet.Deliveries[0].Servers = c.servers
		p.Fleet.Maintenance = []fleet.Maintenance{{Name: "m", First: 20 * unit.Day, Every: 10 * unit.Day, Duration: unit.Hour, Batch: 0.3}}
		p.Jobs[0].Checkpoint = job.Checkpoint{Interval: 600, Blocking: 20, Background: 60, Load: load}
		p.Jobs[0].Recovery = job.Policy{Mode: c.mode, Swap: dist.Fixed(swap), Shrink: dist.Fixed(1), Setup: job.Setup{Fixed: setup}, Floor: 1}
		w := until(t, p, job.Training)
		w.forward(t, unit.Hour)
		c.stop(w)
		w.endInstant()
		if got := w.awaits(t, job.Training); got != c.want {
			t.Errorf("%s, mode %s: trains again after %g s, want %g", c.name, c.mode, float64(got), float64(c.want))
		}
	}
}

// A job is as slow as the slowest server it holds, not as the worst cause that the
// plan knows, and a server that throttles stays slow in whichever job takes it.
func TestSlowdownIsTheServersOwn(t *testing.T) {
	p := quiet()
	p.Failures.Classes[thermal].Slowdown = 0.01
	p.Failures.Stragglers = failure.Stragglers{Share: unit.Point[unit.Share](1e-9), Slowdown: 0.5}
	w := until(t, p, job.Training)
	w.fail(thermal, w.fleet.HeldVictim(0, 0))
	if got := w.slowdown(0); got != 0.01 {
		t.Errorf("a server that throttles by 1 %% slows its job by %g", got)
	}
	w = until(t, quiet(), job.Training)
	spare := w.fleet.FreeVictim(w.fleet.Free() - 1) // the next to be taken
	w.fail(thermal, spare)
	w.fail(chip, w.fleet.HeldVictim(0, 0))
	w.endInstant()
	w.awaits(t, job.Training)
	if holder := w.fleet.Server(spare).Holder; holder != 0 || w.slowdown(0) != 0.5 {
		t.Errorf("held by %d, a throttled spare slows its job by %g", holder, w.slowdown(0))
	}
}

// A slow server that was out with its group comes back slow, its leader included, and
// is found.
func TestGroupRepairMendsNoServer(t *testing.T) {
	for rank := range 2 {
		p := quiet()
		p.Fleet.Topology.Rack = 6
		p.Failures.Classes = append(p.Failures.Classes, failing("rack", failure.RackScope, 0, 0, unit.Hour))
		w := until(t, p, job.Training)
		slow := w.fleet.HeldVictim(0, rank)
		w.fail(thermal, slow)
		w.fail(thermal+1, w.fleet.HeldVictim(0, 0))
		w.endInstant()
		w.forward(t, 2*unit.Hour)
		if w.fleet.Server(slow).Slow == 0 {
			t.Errorf("server %d of the job is mended by work on its rack", rank)
		}
		w.forward(t, unit.Day)
		if w.fleet.Server(slow).Slow != 0 {
			t.Errorf("server %d of the job is never found", rank)
		}
	}
}

// A server that comes back from its own repair, or from an outage of its rack, stays out
// while the room that it stands in is down.
func TestNothingReturnsIntoAnOutage(t *testing.T) {
	p := quiet()
	p.Fleet.Topology.Rack, p.Fleet.Topology.Room = 2, 1000
	rack := len(p.Failures.Classes)
	p.Failures.Classes = append(p.Failures.Classes,
		failing("rack", failure.RackScope, 0, 0, 20*unit.Hour), failing("room", failure.RoomScope, 0, 0, 10*unit.Day))
	w := until(t, p, job.Training)
	own, shared := int32(0), int32(2)
	w.fail(chip, own) // mended within a day
	w.fail(rack, shared)
	w.fail(rack+1, 4)
	w.endInstant()
	for _, out := range []struct {
		by   unit.Duration
		want int
	}{{9 * unit.Day, 0}, {2 * unit.Day, w.fleet.OnSite()}} {
		w.forward(t, out.by)
		if got := w.fleet.InService(); got != out.want {
			t.Errorf("%v later %d servers are in service, want %d", out.by, got, out.want)
		}
	}
	if len(w.outages) != 0 {
		t.Errorf("outages %v are left", w.outages)
	}
}

// A slow server that its repair left slow is found once more, as late as the first time.
func TestUnmendedSlowServerIsFoundAgain(t *testing.T) {
	p := quiet()
	p.Fleet.Repair.Stages = []fleet.Stage{{Name: "reset", Time: dist.Fixed(unit.Hour), Ineffective: 1}}
	p.Failures.Classes[thermal].Detection = dist.Fixed(2 * unit.Hour)
	w := until(t, p, job.Training)
	slow := w.fleet.HeldVictim(0, 0)
	w.fail(thermal, slow)
	for round := range 3 {
		w.forward(t, 2*unit.Hour+1)
		if w.fleet.Server(slow).Status != fleet.Repair {
			t.Fatalf("round %d: not found", round)
		}
		w.forward(t, unit.Hour)
		if v := w.fleet.Server(slow); v.Status == fleet.Repair || v.Slow == 0 {
			t.Fatalf("round %d: in repair or mended", round)
		}
	}
}

// Only a repair of the server itself renews its parts and begins the time in which it
// may relapse: neither maintenance nor work on its rack does.
func TestWorkOnOthersRenewsNoServer(t *testing.T) {
	p := quiet()
	p.Fleet.Topology.Rack = 2
	p.Failures.Classes = append(p.Failures.Classes, failing("rack", failure.RackScope, 0, 0, unit.Hour))
	p.Fleet.Maintenance = []fleet.Maintenance{{Name: "firmware", First: 2 * unit.Day, Every: unit.Year, Duration: unit.Hour, Batch: 1}}
	w := until(t, p, job.Training)
	victim := w.fleet.HeldVictim(0, 0)
	w.fail(chip, victim)
	w.forward(t, unit.Day)
	renewed := w.fleet.Server(victim).Renewed
	if renewed <= w.fleet.Server(victim).Commissioned {
		t.Errorf("its repair renews it at %d", renewed)
	}
	w.fail(len(p.Failures.Classes)-1, victim)
	w.forward(t, 2*unit.Day)
	if got := w.fleet.Server(victim).Renewed; got != renewed {
		t.Errorf("renewed at %d by work on its rack or by maintenance, not at %d", got, renewed)
	}
}

// Evicted servers pass the pipeline and count towards retirement.
func TestEvictedServersAreRepairedAsOthersAre(t *testing.T) {
	for _, retire := range []int{0, 1} {
		p := testPlan(4)
		p.Jobs[0].Sizes = []int{2 * perServer}
		p.Failures.Stragglers = failure.Stragglers{Share: unit.Point[unit.Share](1), Slowdown: 0.1, Detection: dist.Fixed(unit.Day), Repair: dist.Fixed(unit.Day)}
		p.Fleet.Repair.Stages = []fleet.Stage{{Name: "stress test", Time: dist.Fixed(unit.Hour), Ineffective: 1}}
		p.Fleet.Retire = fleet.Retire{Failures: retire, Within: unit.Day, Replacement: dist.Fixed(unit.Day)}
		w := until(t, p, job.Training)
		w.forward(t, unit.Day)
		if w.evicted != 2 || w.retired != 2*retire {
			t.Errorf("%d servers evicted, %d retired", w.evicted, w.retired)
		}
		w.forward(t, unit.Hour+1)
		if got, want := w.fleet.InService(), 4-2*retire; got != want || retire == 0 && w.fleet.Server(3).Slow == 0 {
			t.Errorf("an hour later %d servers in service, want %d", got, want)
		}
	}
}

// Time that fast checkpoints block is no training.
func TestFastBlockingIsNoTraining(t *testing.T) {
	for _, tiers := range [][]job.Tier{
		{{Kind: job.Peer, Interval: 60, Blocking: 30}},
		{{Kind: job.Peer, Interval: 60, Blocking: 50}, {Kind: job.Local, Interval: 20, Blocking: 19}, {Kind: job.Local, Interval: 30, Blocking: 29}},
	} {
		p := quiet()
		p.Jobs[0].Checkpoint = job.Checkpoint{Fast: tiers}
		r := run(t, prepared(t, p), 0)
		trains := 1.0
		for _, b := range tiers {
			trains += float64(b.Blocking / b.Interval)
		}
		want := (1 - 600.0/(30*86400)) / trains // but for the start
		for name, got := range map[string]float64{"ETTR": r.Jobs[0].ETTR, "goodput": r.Jobs[0].Goodput, "training chip-hours": training(r)} {
			if math.Abs(got-want) > 1e-6 { // what is on its way at the end, and the start
				t.Errorf("%d tiers: %s %.6f, want %.6f", len(tiers), name, got, want)
			}
		}
	}
}

// training is the share of held chip-hours that training took.
func training(r *result.Run) float64 {
	c := &r.ChipHours
	sum := c[result.Productive] + c[result.Recompute] + c[result.ExposedComm] + c[result.Bubble] + c[result.Straggler]
	return sum / (r.OnSiteChipHours - c[result.Idle])
}

// A tier that blocks all the time or is rarer than the store is refused.
func TestUselessTiersAreRefused(t *testing.T) {
	for _, c := range []struct {
		tier job.Tier
		want string
	}{
		{job.Tier{Kind: job.Peer, Interval: 0.001, Blocking: 3600}, "checkpoint.tiers: peer blocks for 3600 s every 0.001 s; it must block for less than its interval"},
		{job.Tier{Kind: job.Local, Interval: 600}, "checkpoint.tiers: local every 600 s, the store every 600 s; a fast tier must be the more frequent"},
	} {
		p := quiet()
		p.Jobs[0].Checkpoint.Fast = []job.Tier{c.tier}
		_, err := prepare(p, testPricing, testEstimate)
		if want := fmt.Sprintf("jobs.a: %s", c.want); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

// Where a rule chooses the store's interval, the plan is told of a tier that is rarer.
func TestRareTiersAreWarnedOf(t *testing.T) {
	for interval, want := range map[unit.Duration]int{60: 0, 30 * unit.Day: 1} {
		p := quiet()
		p.Failures.Classes[software].Rate = unit.Point[unit.Rate](3e-6)
		p.Jobs[0].Checkpoint = job.Checkpoint{Blocking: 60, Fast: []job.Tier{{Kind: job.Peer, Interval: interval}}}
		if got := prepared(t, p).Warnings; len(got) != want {
			t.Errorf("a tier every %g s: warnings %q", float64(interval), got)
		}
	}
}

// A repair ends once.
func TestRepairThatIsNotUnderWayIsAFault(t *testing.T) {
	w := until(t, quiet(), job.Training)
	w.fail(chip, w.fleet.HeldVictim(0, 0))
	w.endInstant()
	w.queue.Push(event(w.now+1, kindRepaired, w.fleet.HeldVictim(0, 0), 0))
	w.step(t)
	if w.fault == nil {
		t.Error("a server in service came back from repair")
	}
}
