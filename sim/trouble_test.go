package sim

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// mean runs replicas and returns the mean of a quantity and its standard error.
func mean(t *testing.T, p *scenario.Plan, replicas int, of func(*World, *result.Run) float64) (m, se float64) {
	t.Helper()
	w := prepared(t, p).NewWorld()
	v := make([]float64, replicas)
	for r := range v {
		out, err := w.Run(r)
		if err != nil {
			t.Fatal(err)
		}
		v[r] = of(w, out)
	}
	m, sd := stat.MeanStdDev(v, nil)
	return m, sd / math.Sqrt(float64(replicas))
}

// near fails where a simulated mean is further than four standard errors (one false
// alarm in 16,000) and a bias from what theory says.
func near(t *testing.T, what string, got, se, want, bias float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 4*se+bias) {
		t.Errorf("%s: simulated %.5g ± %.2g, theory %.5g (allowed bias %.2g)", what, got, se, want, bias)
	}
}

// Over a grid of rates, restart times and intervals the goodput is that of the
// renewal formula, from where nothing is lost to where next to nothing is left.
func TestGoodputOverAGrid(t *testing.T) {
	for _, mttf := range []float64{900, 3600, 6 * 3600} {
		for _, restart := range []unit.Duration{60, 900, 3600} {
			for _, interval := range []unit.Duration{120, 1500, 7200} {
				p := testPlan(1)
				p.Horizon = unit.Duration(2000 * mttf)
				p.Jobs[0].Restart = dist.Fixed(restart)
				p.Jobs[0].Checkpoint = job.Checkpoint{Interval: interval, Blocking: 20, Background: 60}
				p.Failures.Classes = []failure.Class{failing("any", failure.JobScope, unit.Rate(1/(mttf*perServer)), 30, 0)}
				got, se := mean(t, p, 20, func(_ *World, r *result.Run) float64 { return r.Jobs[0].Goodput })
				want := float64(longRun(p, &p.Jobs[0], new(newSize(p, perServer, testStep(perServer))), job.StopRestart).goodput)
				// One failure's share of 2,000 for the start and the end.
				near(t, fmt.Sprintf("MTTF %g s, restart %g s, interval %g s", mttf, float64(restart), float64(interval)), got, se, want, 0.0005)
			}
		}
	}
}

// survival is the share of servers whose parts have all lived to an age, by direct
// integration of a density that is written down here anew.
func survival(s failure.Shape, life, age float64) float64 {
	density := func(x float64) float64 {
		k := s.Parameter
		if s.Kind == failure.Weibull {
			scale := life / math.Gamma(1+1/k)
			return k / scale * math.Pow(x/scale, k-1) * math.Exp(-math.Pow(x/scale, k))
		}
		mu := math.Log(life) - k*k/2
		return math.Exp(-math.Pow((math.Log(x)-mu)/k, 2)/2) / (x * k * math.Sqrt(2*math.Pi))
	}
	// Midpoint rule in the logarithm, from where nothing has failed yet.
	const steps = 4000
	low, high, dead := math.Log(age*1e-9), math.Log(age), 0.0
	for i := range steps {
		x := math.Exp(low + (float64(i)+0.5)/steps*(high-low))
		dead += density(x) * x * (high - low) / steps
	}
	return math.Pow(1-dead, perServer)
}

// Weibull and lognormal lives against direct integration: of servers that are never
// repaired, the share still in service over time.
func TestShapesAgainstIntegration(t *testing.T) {
	const servers, life = 400, 100 * 86400.0
	for _, s := range []failure.Shape{
		{Kind: failure.Weibull, Parameter: 0.5},
		{Kind: failure.Weibull, Parameter: 0.8},
		{Kind: failure.Weibull, Parameter: 3},
		{Kind: failure.Lognormal, Parameter: 0.5},
		{Kind: failure.Lognormal, Parameter: 1.5},
	} {
		p := testPlan(servers)
		p.Jobs = nil
		p.Horizon = 100 * unit.Day
		c := failing("part", failure.ServerScope, 1/life, 0, 10*unit.Year)
		c.Shape = s
		p.Failures.Classes = []failure.Class{c}
		for _, day := range []int{2, 20, 60} {
			got, se := mean(t, p, 20, func(_ *World, r *result.Run) float64 {
				return 1 - r.Samples[repairColumn][day]/servers // mean over the day after
			})
			want := survival(s, life, (float64(day)+0.5)*86400)
			// The mean of a day against its middle: the second difference of a curve that
			// falls by less than 1 in 10 days, 1/24 of 1/100.
			near(t, fmt.Sprintf("%s %g, day %d", s.Kind, s.Parameter, day), got, se, want, 0.002)
		}
	}
}

// A fast simulation of lives that repair renews agrees with servers that each draw
// their own by inversion.
func TestRenewedLivesMatchServersWithTheirOwn(t *testing.T) {
	const servers, life, repair, k, n = 5, 40 * 86400.0, 43200.0, 0.7, 1000
	p := testPlan(servers)
	p.Jobs = nil
	p.Horizon = 60 * unit.Day
	c := failing("part", failure.ServerScope, 1/life, 0, repair)
	c.Shape = failure.Shape{Kind: failure.Weibull, Parameter: k, Since: failure.SinceRepair}
	p.Failures.Classes = []failure.Class{c}
	scale := life / math.Gamma(1+1/k) * math.Pow(perServer, -1/k) // of the first of eight parts
	w := prepared(t, p).NewWorld()
	fast, naive := make([]float64, n), make([]float64, n)
	for r := range n {
		if _, err := w.Run(r); err != nil {
			t.Fatal(err)
		}
		fast[r] = float64(w.fleet.Integral(fleet.Repair))
		stream := des.Stream(5, r, "naive")
		for range servers {
			for at := scale * math.Pow(stream.Exp(), 1/k); at < float64(p.Horizon); at += repair + scale*math.Pow(stream.Exp(), 1/k) {
				naive[r] += 1000 * min(repair, float64(p.Horizon)-at)
			}
		}
	}
	slices.Sort(fast)
	slices.Sort(naive)
	// Two-sample critical value at 0.1 %: 1.95 √(2/n).
	if d, limit := stat.KolmogorovSmirnov(fast, nil, naive, nil), 1.95*math.Sqrt(2.0/n); d > limit {
		t.Errorf("Kolmogorov-Smirnov distance %.4f, limit %.4f; means %.4g fast, %.4g naive", d, limit, stat.Mean(fast, nil), stat.Mean(naive, nil))
	}
}

// Lemons, infants and a young site fail as often as their factors say.
func TestFactorsOnRates(t *testing.T) {
	const servers, rate, horizonDays = 200, 1e-8, 50.0
	base := rate * servers * perServer * horizonDays * 86400
	decay := func(excess, days float64) float64 { // of the whole horizon, all servers of one age
		return base * (1 + excess*days/horizonDays*(1-math.Exp(-horizonDays/days)))
	}
	for _, c := range []struct {
		name string
		edit func(*failure.Spec)
		want float64
	}{
		{"none", func(*failure.Spec) {}, base},
		{"lemons", func(f *failure.Spec) {
			f.Lemons = failure.Lemons{Share: unit.Point[unit.Share](0.1), Factor: unit.Point[unit.Factor](11)}
		}, base * 2},
		{"infants", func(f *failure.Spec) {
			f.Infant = failure.Decline{Factor: unit.Point[unit.Factor](5), Time: 10 * unit.Day}
		}, decay(4, 10)},
		{"maturing", func(f *failure.Spec) {
			f.Maturing = failure.Decline{Factor: unit.Point[unit.Factor](3), Time: 20 * unit.Day}
		}, decay(2, 20)},
		{"idle at half the rate", func(f *failure.Spec) { f.Classes[0].Idle = 0.5 }, base / 2},
		{"twice the scale", func(f *failure.Spec) { f.Scale = unit.Point[unit.Factor](2) }, 2 * base},
	} {
		p := testPlan(servers)
		p.Jobs, p.Horizon = nil, horizonDays*unit.Day
		p.Failures.Classes = []failure.Class{failing("part", failure.ServerScope, rate, 0, 1)}
		c.edit(&p.Failures)
		got, se := mean(t, p, 60, func(_ *World, r *result.Run) float64 { return r.Site.Failures })
		near(t, c.name, got, se, c.want, 0)
	}
}

// What fails in burn-in goes back: with a rate of λ per chip and commissioning of
// time T, a share 1 − e^(−8λT) of the servers.
func TestBurnIn(t *testing.T) {
	const servers, rate = 500, 1e-7
	p := testPlan(servers)
	p.Jobs = nil
	p.Horizon = 6 * unit.Day
	p.Fleet.Commissioning, p.Fleet.Return = dist.Fixed(5*unit.Day), dist.Fixed(unit.Year)
	c := failing("part", failure.ServerScope, rate, 0, 1)
	c.Idle, c.BurnIn = 0, 3
	p.Failures.Classes = []failure.Class{c}
	got, se := mean(t, p, 40, func(w *World, _ *result.Run) float64 { return float64(w.fleet.Count(fleet.Returned)) / servers })
	near(t, "share sent back", got, se, 1-math.Exp(-3*rate*perServer*5*86400), 0)
}

// With one technician, exponential repairs and failures at a constant rate the queue
// is M/M/1: ρ²/(1 − ρ) servers wait.
func TestTechnicianIsAnMM1Queue(t *testing.T) {
	const servers, rho, repair = 4000, 0.6, 3600.0
	p := testPlan(servers)
	p.Jobs = nil
	p.Horizon = 400 * unit.Day
	p.Failures.Classes = []failure.Class{failing("part", failure.ServerScope, rho/repair/servers/perServer, 0, 0)}
	p.Fleet.Repair = fleet.Pipeline{
		Stages:      []fleet.Stage{{Name: "manual", HandsOn: true, Time: dist.Duration{Mean: repair, Exponential: true}}},
		Technicians: 1,
	}
	got, se := mean(t, p, 16, func(_ *World, r *result.Run) float64 { return r.Site.RepairBacklog })
	near(t, "servers waiting", got, se, rho*rho/(1-rho), 0.001) // a few of 4,000 servers are out and cannot fail

	p.Fleet.Repair.ShiftStart, p.Fleet.Repair.ShiftLength = 8*unit.Hour, 12*unit.Hour
	shifts, _ := mean(t, p, 4, func(_ *World, r *result.Run) float64 { return r.Site.RepairBacklog })
	if shifts < 5*got { // 0.6 of an hour's work an hour does not fit in half the day
		t.Errorf("%.2f servers wait with one shift, %.2f around the clock", shifts, got)
	}
}

// A stock of n parts that take a time to come again mends n servers in that time.
func TestPartsBoundRepairs(t *testing.T) {
	p := testPlan(200)
	p.Jobs = nil
	p.Horizon = 100 * unit.Day
	p.Failures.Classes = []failure.Class{failing("part", failure.ServerScope, 1e-7, 0, 60)}
	p.Fleet.Repair = fleet.Pipeline{Stages: []fleet.Stage{{Name: "manual", HandsOn: true, Part: 1}}, Parts: 3, Resupply: 10 * unit.Day}
	r := run(t, prepared(t, p), 0)
	if r.Site.PartsUsed != 30 { // three at once on each of ten days: many more fail
		t.Errorf("%v parts used, want 30 of the %v failures", r.Site.PartsUsed, r.Site.Failures)
	}
}

// What a domain shares takes all its servers, each for the repair's time.
func TestGroupsFailTogether(t *testing.T) {
	p := testPlan(16)
	p.Jobs[0].Sizes = []int{8 * perServer}
	p.Fleet.Topology = fleet.Topology{Domain: 4, Leaf: 8, Rack: 2, Loop: 16, Room: 16}
	for scope, servers := range map[failure.Scope]float64{
		failure.ServerScope: 1, failure.DomainScope: 4, failure.LeafScope: 8, failure.RackScope: 2, failure.LoopScope: 16, failure.RoomScope: 16,
	} {
		p.Failures.Classes = []failure.Class{failing("shared", scope, 1e-9, 0, 1000)} // rare: no two at once
		p.Horizon = 20 * unit.Year
		got, se := mean(t, p, 8, func(w *World, r *result.Run) float64 {
			return float64(w.fleet.Integral(fleet.Repair)) / 1e6 / r.Site.Failures
		})
		near(t, string(scope), got, se, servers, 0.02) // two at once once in 5,000 events
	}
	// What servers share fails no more often for the lemons, infants and relapses among them.
	p.Horizon = 100 * unit.Day
	p.Failures.Lemons = failure.Lemons{Share: unit.Point[unit.Share](0.3), Factor: unit.Point[unit.Factor](50)}
	p.Failures.Infant = failure.Decline{Factor: unit.Point[unit.Factor](10), Time: unit.Year}
	p.Failures.Relapse = failure.Relapse{Factor: 10, Time: unit.Year}
	p.Fleet.Repair.Stages = []fleet.Stage{{Name: "reset", Time: dist.Fixed(unit.Hour), Ineffective: 0.5}}
	for _, scope := range failure.Scopes() {
		p.Failures.Classes = []failure.Class{failing("shared", scope, 1e-7, 0, 60)}
		got, se := mean(t, p, 8, func(_ *World, r *result.Run) float64 { return r.Site.Failures })
		want := 1e-7 * 16 * perServer * 100 * 86400
		if scope == failure.ServerScope {
			if got < 10*want {
				t.Errorf("servers: %.0f failures, want the factors on %.0f", got, want)
			}
			continue
		}
		near(t, string(scope)+" with lemons", got, se, want, 0.01*want) // a minute away each
	}
	p.Failures.Lemons, p.Failures.Infant, p.Failures.Relapse, p.Fleet.Repair.Stages = failure.Lemons{}, failure.Decline{}, failure.Relapse{}, nil
	p.Failures.Classes = []failure.Class{failing("leaf", failure.LeafScope, 1e-7, 0, 1000)}
	p.Fleet.Topology.DualHomed = true
	p.Horizon = unit.Year
	if r := run(t, prepared(t, p), 0); r.Site.Absorbed < 100 || r.Jobs[0].Interruptions != 0 || r.ChipHours[result.Repair] != 0 {
		t.Errorf("dual-homed: %v absorbed, %v interruptions, %v chip-hours in repair", r.Site.Absorbed, r.Jobs[0].Interruptions, r.ChipHours[result.Repair])
	}
}

// Blast radius: one failure of each scope on a site of two rooms, a job in each, and free
// servers in the first. What leaves service, which jobs stop, and which lose the copies of
// their state among peers.
func TestBlastRadius(t *testing.T) {
	topology := fleet.Topology{Domain: 2, Leaf: 4, Rack: 3, Loop: 6, Room: 12}
	for _, c := range []struct {
		scope    failure.Scope
		out      int
		stopped  bool
		restarts bool // from the store: peers are gone with it
	}{
		{failure.JobScope, 0, true, false},
		{failure.ServerScope, 1, true, false},
		{failure.DomainScope, 2, true, false},
		{failure.LeafScope, 4, true, false},
		{failure.RackScope, 3, true, false},
		{failure.LoopScope, 6, true, true},
		{failure.RoomScope, 12, true, true},
		{failure.StorageScope, 0, false, false},
	} {
		p := testPlan(24)
		p.Fleet.Topology = topology
		p.Jobs = nil
		for i, name := range []string{"second-room", "first-room"} {
			j := testJob(name, 1e15, []int{12, 8}[i]*perServer)
			j.Checkpoint = job.Checkpoint{Interval: 3600, Blocking: 1, Fast: []job.Tier{{Kind: job.Peer, Interval: 60}}}
			p.Jobs = append(p.Jobs, j)
		}
		p.Failures.Classes = []failure.Class{failing("any", c.scope, 0, 60, unit.Day)}
		w := prepared(t, p).NewWorld()
		if err := w.reset(0); err != nil {
			t.Fatal(err)
		}
		w.forward(t, 10*unit.Hour+30*unit.Minute)
		// The first job took the last servers, which are the second room's.
		victim := w.fleet.HeldVictim(0, 0)
		if w.fleet.HeldVictim(1, 0)/12 == victim/12 {
			t.Fatal("both jobs start in one room")
		}
		w.settle(0)
		w.settle(1)
		w.fail(0, victim)
		w.endInstant()
		if got := w.fleet.Count(fleet.Repair); got != c.out {
			t.Errorf("%s: %d servers out, want %d", c.scope, got, c.out)
		}
		for s := range int32(24) {
			if out := w.fleet.Server(s).Status == fleet.Repair; out && s/int32(max(c.out, 1)) != victim/int32(max(c.out, 1)) {
				t.Errorf("%s: server %d is out for a failure of server %d", c.scope, s, victim)
			}
		}
		if stopped := w.jobs[0].phase == job.Detecting; stopped != c.stopped || w.jobs[1].phase != job.Training {
			t.Errorf("%s: the job on it is in phase %d, the other in %d", c.scope, w.jobs[0].phase, w.jobs[1].phase)
		}
		if down := w.storage > w.now; down != (c.scope == failure.StorageScope) {
			t.Errorf("%s: the store is down: %v", c.scope, down)
		}
		if c.stopped {
			// Back to the store's checkpoint half an hour ago, or to the peers' of the last minute.
			if lost := hours(w.jobs[0].books.lostTo[0]) * 60; c.restarts != (lost > 10) {
				t.Errorf("%s: %.1f minutes of work lost", c.scope, lost)
			}
		}
		w.forward(t, 2*unit.Day)
		if got := w.fleet.InService(); got != 24 {
			t.Errorf("%s: %d servers in service after the repair", c.scope, got)
		}
	}
}
