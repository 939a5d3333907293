package sim

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// step handles all events of the next instant.
func (w *World) step(t *testing.T) {
	t.Helper()
	for {
		e, ok := w.next()
		if !ok {
			t.Fatal("no event is left")
		}
		w.advance(e.At)
		w.dispatch(e)
		if w.upcoming() > w.now {
			w.endInstant()
			return
		}
	}
}

// until steps a fresh world until its first job is in a phase.
func until(t *testing.T, p *scenario.Plan, phase job.Phase) *World {
	t.Helper()
	w := prepared(t, p).NewWorld()
	if err := w.reset(0); err != nil {
		t.Fatal(err)
	}
	for w.jobs[0].phase != phase {
		w.step(t)
	}
	return w
}

// growing trains on 16 chips for ten days, then grows to 32, first saving its work
// for 70 s and then restarting for 600 s.
func growing() *scenario.Plan {
	p := testPlan(2)
	p.Fleet.Deliveries = append(p.Fleet.Deliveries, fleet.Delivery{At: 10 * unit.Day, Servers: 2})
	p.Jobs = []job.Spec{testJob("a", 1e15, 16, 32)}
	p.Jobs[0].Checkpoint = job.Checkpoint{Interval: 20 * unit.Day, Blocking: 10, Background: 60}
	return p
}

// Work is safe when its checkpoint is written, not when writing begins.
func TestFailureBeforeACheckpointIsWrittenLosesItsWork(t *testing.T) {
	tenDays := (10*86400 - 600) / 5.0 * stepTokens
	for _, c := range []struct {
		name  string
		after unit.Duration // the pause begins
		want  float64       // tokens
	}{
		{"while writing", 69, 0},
		{"when written", 70, tenDays},
		{"while loading", 300, tenDays},
	} {
		w := until(t, growing(), job.Training)
		for w.jobs[0].phase == job.Training {
			w.step(t)
		}
		if got := w.jobs[0].books.tokens; math.Abs(got-tenDays) > 1e-9*tenDays { // rounding of the rate
			t.Fatalf("%s: %g tokens before growth, want %g", c.name, got, tenDays)
		}
		w.advance(w.now.After(c.after))
		w.settle(0)
		w.interrupt(0, 0, w.now+1, job.SomeServers)
		if got := w.jobs[0].books.tokens; math.Abs(got-c.want) > 1e-9*tenDays { // rounding of the rate
			t.Errorf("%s: %g tokens, want %g", c.name, got, c.want)
		}
	}
}

// Growth and failures at every turn leave the books of both sizes in balance.
func TestBooksBalanceWhenResizingFails(t *testing.T) {
	p := growing()
	p.Jobs[0].Checkpoint = job.Checkpoint{Interval: unit.Hour, Blocking: 10, Background: 3000}
	p.Failures.Classes = []failure.Class{failing("software", failure.JobScope, 1e-5, 60, 0)} // every hour
	pr := prepared(t, p)
	for r := range 20 {
		run(t, pr, r)
	}
}

// A job that stands is looked at when the first of its failures is known.
func TestDetectionEndsWithTheFirstFailureKnown(t *testing.T) {
	for _, c := range []struct{ first, second, want des.Time }{
		{first: 600_000, second: 900_000, want: 600_000},
		{first: 900_000, second: 600_000, want: 600_000},
		{first: 600_000, second: 600_000, want: 600_000},
	} {
		w := until(t, testPlan(1), job.Training)
		w.advance(w.now + 1000) // so that there is something to interrupt
		w.settle(0)
		start := w.now
		w.interrupt(0, 0, start+c.first, job.SomeServers)
		w.interrupt(0, 0, start+c.second, job.SomeServers)
		for w.jobs[0].phase == job.Detecting {
			w.step(t)
		}
		if got := w.now - start; got != c.want {
			t.Errorf("known after %d and %d ms: detected after %d, want %d", c.first, c.second, got, c.want)
		}
		if n := w.jobs[0].books.interruptions; n != 1 {
			t.Errorf("%d interruptions, want 1", n)
		}
	}
}

// Free servers go to jobs that wait for a replacement before those that queue, and
// to both before those that could grow, whatever their priority.
func TestReplacementsComeBeforeTheQueueAndTheQueueBeforeGrowth(t *testing.T) {
	for _, c := range []struct {
		free int
		want []job.Phase // of the jobs that grow, queue and wait
	}{
		{0, []job.Phase{job.Training, job.Queued, job.Waiting}},
		{1, []job.Phase{job.Training, job.Queued, job.Starting}},
		{2, []job.Phase{job.Training, job.Starting, job.Starting}},
		{3, []job.Phase{job.Starting, job.Starting, job.Starting}},
	} {
		p := testPlan(2 + c.free)
		p.Jobs = []job.Spec{testJob("grows", 1e15, 8, 16), testJob("queues", 1e15, 8), testJob("waits", 1e15, 16)}
		p.Jobs[0].Priority, p.Jobs[1].Priority = 2, 1
		pr, err := prepare(p, testPricing, testEstimate)
		if err != nil {
			t.Fatal(err)
		}
		w := pr.NewWorld()
		if err := w.reset(0); err != nil {
			t.Fatal(err)
		}
		for s := range w.fleet.Deliver(2+c.free) + int32(2+c.free) {
			w.fleet.Enter(s, 0)
		}
		w.fleet.Take(0, 1)
		w.fleet.Take(2, 1)
		for i, phase := range []job.Phase{job.Training, job.Queued, job.Waiting} {
			w.jobs[i].phase = phase
			w.jobs[i].servers = w.jobs[i].options[0].servers
		}
		// The job that queues could take a server from none of lower priority.
		w.allocate()
		var got []job.Phase
		for i := range w.jobs {
			got = append(got, w.jobs[i].phase)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d free: phases %v, want %v", c.free, got, c.want)
		}
	}
}

// A job that trains keeps its size where spares are missing.
func TestMissingSparesShrinkNoJob(t *testing.T) {
	p := testPlan(4)
	p.Fleet.Spares = 0.5
	p.Jobs = []job.Spec{testJob("a", 1e15, 8, 16)}
	w := until(t, p, job.Training)
	for s := range int32(4) {
		if w.fleet.Server(s).Status == fleet.Free {
			w.fleet.Fail(s)
		}
	}
	w.vacant = true
	w.endInstant()
	if j := &w.jobs[0]; j.phase != job.Training || j.size != 1 {
		t.Errorf("phase %v, size %d", j.phase, j.size)
	}
}

// A rejected server is not ready; nothing of it has failed.
func TestRejectedServersAreInCommissioning(t *testing.T) {
	p := testPlan(2)
	p.Fleet.Rejected = unit.Point[unit.Share](1)
	p.Fleet.Return.Mean = 10 * unit.Day
	r := run(t, prepared(t, p), 0)
	if got, want := r.ChipHours[result.Commissioning], 16*10*24.0; got != want || r.ChipHours[result.Repair] != 0 {
		t.Errorf("commissioning %g chip-hours, want %g; repair %g, want 0", got, want, r.ChipHours[result.Repair])
	}
}

// A job that trains nothing names what it waited for, and failures before its first
// step interrupt nothing.
func TestBlockedNamesTheLongestWait(t *testing.T) {
	for _, c := range []struct {
		want string
		edit func(*scenario.Plan)
	}{
		{"", func(*scenario.Plan) {}},
		{"it is submitted on day 40, the calendar ends on day 30", func(p *scenario.Plan) { p.Jobs[0].Submit = 40 * unit.Day }},
		{"it queues for 4 servers: those it lacks are mostly not delivered yet", func(p *scenario.Plan) {
			p.Fleet.Deliveries[0].At = 20 * unit.Day
			p.Fleet.Commissioning.Mean = 15 * unit.Day
		}},
		{"it queues for 4 servers: those it lacks are mostly in commissioning", func(p *scenario.Plan) {
			p.Fleet.Deliveries[0].At = 10 * unit.Day
			p.Fleet.Commissioning.Mean = 200 * unit.Day
		}},
		{"it queues for 4 servers: those it lacks are mostly rejected and with the vendor", func(p *scenario.Plan) {
			p.Fleet.Rejected = unit.Point[unit.Share](1)
			p.Fleet.Return.Mean = 200 * unit.Day
		}},
		{"it queues for 4 servers: those it lacks are mostly in repair", func(p *scenario.Plan) {
			p.Jobs[0].Submit = 10 * unit.Day
			p.Failures.Classes = []failure.Class{failing("chip", failure.ServerScope, 1e-5, 0, 200*unit.Day)}
		}},
		{"it queues for 4 servers: those it lacks are mostly held by other jobs", func(p *scenario.Plan) {
			first := testJob("first", 1e15, 16)
			first.Priority = 1
			p.Jobs = append(p.Jobs, first)
		}},
		{"its first start takes longer than the calendar or the failures leave", func(p *scenario.Plan) { p.Jobs[0].Restart = dist.Fixed(40 * unit.Day) }},
		{"the site's power limit is too low for it to train", func(p *scenario.Plan) { p.Site.Phases = []power.Phase{{Limit: 1000}} }},
		{"failures stop it before its first step and are noticed late", func(p *scenario.Plan) {
			p.Failures.Classes = []failure.Class{failing("software", failure.JobScope, 1e-2, unit.Day, 0)}
		}},
		{"it waits for servers to replace those that failed before its first step", func(p *scenario.Plan) {
			p.Jobs[0].Restart = dist.Fixed(2 * unit.Day)
			p.Failures.Classes = []failure.Class{failing("chip", failure.ServerScope, 1e-6, 0, 200*unit.Day)}
		}},
	} {
		p := testPlan(4)
		c.edit(p)
		r := run(t, prepared(t, p), 0).Jobs[0]
		if !math.IsNaN(r.MTTFHours) {
			t.Errorf("%v h to a failure that never came", r.MTTFHours)
		}
		if r.Blocked != c.want {
			t.Errorf("blocked: %q, want %q", r.Blocked, c.want)
		}
		if c.want != "" && (r.Tokens != 0 || r.Interruptions != 0) {
			t.Errorf("%s: %g tokens, %g interruptions", c.want, r.Tokens, r.Interruptions)
		}
	}
}

// A job is exposed to the failures of its servers, those of idle chips included.
func TestExposureIsThatOfWholeServers(t *testing.T) {
	p := testPlan(3)
	p.Failures.Classes = []failure.Class{failing("chip", failure.ServerScope, 1e-6, 0, 0)}
	s := newSize(p, 20, testStep(18))
	if got, want := longRun(p, &p.Jobs[0], &s, job.StopRestart).rate, unit.Rate(1e-6*24); got != want {
		t.Errorf("18 chips in servers of 8 fail at %g per second, want %g", float64(got), float64(want))
	}
}

// Failures strike every server alike.
func TestEveryServerIsAsLikelyToFail(t *testing.T) {
	const servers, replicas = 40, 3000
	p := testPlan(servers)
	p.Horizon = unit.Day
	p.Jobs = nil
	// Two failures a day, mended after the horizon: so few that a server's place in
	// the list is still the one of its delivery.
	p.Failures.Classes = []failure.Class{failing("chip", failure.ServerScope, 2.0/86400/servers/perServer, 0, unit.Year)}
	w := prepared(t, p).NewWorld()
	got, want := make([]float64, servers), make([]float64, servers)
	var sum float64
	for r := range replicas {
		if _, err := w.Run(r); err != nil {
			t.Fatal(err)
		}
		for s := range got {
			if w.fleet.Server(int32(s)).Status == fleet.Repair {
				got[s]++
				sum++
			}
		}
	}
	for s := range want {
		want[s] = sum / servers
	}
	// The upper 0.1 % of chi-square with a degree of freedom per server but one.
	limit := distuv.ChiSquared{K: servers - 1}.Quantile(0.999)
	if x := stat.ChiSquare(got, want); x > limit {
		t.Errorf("chi-square %.1f over %d servers, limit %.1f: %v", x, servers, limit, got)
	}
}
