package sim

import (
	"math"

	"clustercap/sim/failure"
	"clustercap/sim/job"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// prospect is how a job on one size fares over the time that it trains, as formulas expect.
type prospect struct {
	rate    unit.Rate // of failures that stop it in training, with all its replicas
	toStore unit.Rate // of those that only checkpoints in the store survive
	cycle   job.Cycle
	basis   job.Basis
	goodput float64
}

// parts of equal work by which a job is followed whose failures become
// rarer: goodput is convex in their rate.
const parts = 12

// longRun prices failures, checkpoints, slow servers and maintenance for a job that recovers
// in a mode, by the renewal formula of job.Setbacks. Shrink has the servers beyond its own to
// draw on, and then lacks those that are in repair; the other modes have a spare at hand.
func longRun(p *scenario.Plan, j *job.Spec, size *Size, mode job.Mode) prospect {
	work := math.Inf(1) // seconds at full speed
	if v := speed(&size.Step); v > 0 && j.Tokens > 0 {
		work = float64(j.Tokens) / v
	}
	c := course{p: p, j: j, size: size, mode: mode, lives: failure.NewLives(&p.Failures, p.Fleet.ChipsPerServer, p.Horizon)}
	ready, whole := arrivals(&p.Fleet), allDrops(p, j, size)
	servers := whole.servers(whole.all)
	c.start = begins(&p.Fleet, ready, (j.Sizes[0]+p.Fleet.ChipsPerServer-1)/p.Fleet.ChipsPerServer, j.Submit)
	c.end = max(p.Horizon-c.start, size.Step.Time)
	c.span = min(unit.Duration(work), c.end)
	c.surplus = surplus(p, j, ready, servers, c.start, c.span)
	if f := &p.Failures; f.Infant.Declines() || f.Maturing.Declines() || f.Lemons.Any() {
		// The interval is that of the mean rates over the job's time, which depends on it.
		l := c.follow(c.over(0, c.span, 1), work)
		return c.follow(c.over(0, l.span, l.training), work).prospect
	}
	e := c.over(0, c.span, 1)
	kept, _ := c.kept(&e, e.cycle, 0, c.span)
	return prospect{e.rate, e.setbacks.ToStore(), e.cycle, e.basis, kept}
}

// course is what a job's prospects depend on.
type course struct {
	p       *scenario.Plan
	j       *job.Spec
	size    *Size
	mode    job.Mode
	start   unit.Duration // of training
	end     unit.Duration // of the calendar, since then
	span    unit.Duration // of training at full speed, cut at the end
	surplus int           // servers beyond the job's own
	lives   []failure.Lives
}

// epoch is a job's prospects over a part of its time, with what that does to its rhythm of
// checkpoints.
type epoch struct {
	outlook  prognosis
	rate     unit.Rate
	setbacks job.Setbacks
	cycle    job.Cycle
	basis    job.Basis
	lean     shrinking
}

// over gives the prospects at the mean rates over a span that begins a time after the job
// starts, when it trains for a share of the time.
func (c *course) over(from, span unit.Duration, training float64) epoch {
	// A failure of a chip that the layout leaves idle takes its server's others with it.
	chips := c.size.Servers * c.p.Fleet.ChipsPerServer
	o := outlook(c.p, c.lives, c.size.Servers, c.start, from, span, training)
	e := epoch{outlook: o, rate: o.training * unit.Rate(chips), lean: shrinking{trains: 1, replicas: 1, dropped: 1}}
	price := func() {
		e.setbacks = c.setbacks(&o, chips, &e.lean)
		e.cycle, e.basis = c.j.Checkpoint.Cycle(&e.setbacks, c.size.Step.Time, c.p.Horizon)
	}
	price()
	if c.mode == job.Shrink && o.taking > 0 {
		w := c.workforce(&o)
		// How often servers fail depends on how much of the time the job trains, and that on
		// what makes up for them: it moves the share in training by the few per cent between
		// the two pauses, so that the second pass is within a thousandth of the last.
		for range 2 {
			_, training := e.setbacks.LongRun(e.cycle)
			e.lean = w.longRun(float64(training))
			price()
		}
	}
	return e
}

// kept is the goodput over a span of the job's time in a rhythm of checkpoints, and the
// share of it in training.
func (c *course) kept(e *epoch, cycle job.Cycle, from, span unit.Duration) (goodput, training float64) {
	k, t := e.setbacks.LongRun(cycle)
	training = float64(t) * e.lean.trains
	g := float64(k) * (1 - fastBlocking(&c.j.Checkpoint)) * e.lean.trains * e.lean.replicas
	g *= e.outlook.sound(c.size.Servers*c.p.Fleet.ChipsPerServer, float64(t))
	g *= c.undelayed(&e.outlook, from, span)
	g *= max(1-c.outages(e)-float64(c.maintained(from, span)/span), 0)
	return g, training
}

// followed is a prospect with the wall time that it takes and the share of it in training.
type followed struct {
	prospect
	span     unit.Duration
	training float64
}

// follow goes through the time of a job of so much work part by part, in the rhythm of
// checkpoints of an epoch.
func (c *course) follow(mean epoch, work float64) followed {
	var kept, failures, trained float64
	part := float64(c.span) / parts
	at, end, goodput, training := 0.0, float64(c.end), 1.0, 1.0
	for at < end && kept < work*(1-1e-9) { // rounding of the sum
		span := min(part/max(goodput, 1e-6), end-at)
		e := c.over(unit.Duration(at), unit.Duration(span), training)
		goodput, training = c.kept(&e, mean.cycle, unit.Duration(at), unit.Duration(span))
		if left := work - kept; goodput*span > left {
			span = left / goodput
		}
		at += span
		kept += goodput * span
		trained += training * span
		failures += training * span * float64(e.rate)
	}
	l := followed{prospect{mean.rate, mean.setbacks.ToStore(), mean.cycle, mean.basis, kept / at}, unit.Duration(at), trained / at}
	if trained > 0 {
		l.rate = unit.Rate(failures / trained)
	}
	return l
}

// sound is the share of time in which no silent failure is at work in a job of so many
// chips that trains for a share of the time: all that is done between the first of them and
// its detection is lost, and those that come in the meantime draw it out, so that it is as
// likely as an M/G/∞ queue is to be empty.
func (o *prognosis) sound(chips int, training float64) float64 {
	unfound := o.unfound*training + o.unfoundIdle*(1-training)
	return math.Exp(-unfound * float64(chips))
}

// undelayed is the speed that slow servers leave a job over a span of its time, over its
// full speed: those that failures slow until they are found, and those delivered slow, which
// are found once where the job has them and each time that a swap brings one in, or never
// where nobody looks.
func (c *course) undelayed(o *prognosis, from, span unit.Duration) float64 {
	speed := 1.0
	f := &c.p.Failures
	chips := float64(c.size.Servers * c.p.Fleet.ChipsPerServer)
	for i := range f.Classes {
		if k := &f.Classes[i]; k.Slowdown > 0 {
			slow := -math.Expm1(-float64(o.rates[i]) * chips * float64(k.Detection.Mean))
			speed *= 1 - float64(k.Slowdown)*slow
		}
	}
	if s := &f.Stragglers; s.Share.Likely > 0 {
		any := -math.Expm1(float64(c.size.Servers) * math.Log1p(-float64(s.Share.Likely)))
		fast := 1 - any
		if s.Detection.Mean > 0 {
			fast = 1 - any*min(max(float64((s.Detection.Mean-from)/span), 0), 1)
			fast /= 1 + c.slowSpares(o, from, span)*float64(s.Detection.Mean) // one search at a time
		}
		speed *= 1 - float64(s.Slowdown)*(1-fast)
	}
	return speed
}

// slowSpares is how often swaps bring servers in that were delivered slow, in the mean over a
// span of the job's time. What came back last goes first, so that of the spares only P take
// turns with the s servers lost a second: as many as are out at a time, and those that took the
// place of the job's own slow ones. x of them are slow, and x s/P come in a second, which repair
// mends but for a share u: dx/dt = −(1 − u) x s/P.
func (c *course) slowSpares(o *prognosis, from, span unit.Duration) float64 {
	slow := float64(c.p.Failures.Stragglers.Share.Likely)
	own := slow * float64(c.size.Servers)
	lost := float64(o.taking) * float64(c.size.Servers*c.p.Fleet.ChipsPerServer)
	turns := min(lost*float64(meanRepair(c.p))+own, float64(c.surplus))
	left := unmended(c.p)
	if lost == 0 || turns == 0 || left == 1 {
		return 0
	}
	gone := (1 - left) * lost / turns
	came := math.Exp(-gone*float64(from)) - math.Exp(-gone*float64(from+span))
	return (slow*turns + left*own) / (1 - left) * came / float64(span)
}

// outages is the share of time lost to those of the store: where one meets a failure that
// takes the job back to the store's checkpoint, all of it is.
func (c *course) outages(e *epoch) float64 {
	met := -math.Expm1(-float64(e.setbacks.ToStore()) * float64(e.outlook.outage))
	return float64(e.outlook.outages) * float64(e.outlook.outage) * met
}

// maintained is the time lost to planned maintenance within a span of the job's time. A
// batch costs a pause where others take the place of its servers; without them the job
// waits for the whole round, or shrinks by them.
func (c *course) maintained(from, span unit.Duration) (lost unit.Duration) {
	j := c.j
	pause := func(spares bool) unit.Duration {
		r := c.planned(spares)
		return r.Time.Mean + r.Fixed
	}
	for i := range c.p.Fleet.Maintenance {
		m := &c.p.Fleet.Maintenance[i]
		begun := func(t unit.Duration) float64 {
			if t < m.First {
				return 0
			}
			return math.Floor(float64((t-m.First)/m.Every)) + 1
		}
		rounds := unit.Duration(begun(c.start+from+span) - begun(c.start+from))
		batches := unit.Duration(math.Ceil(1 / float64(m.Batch)))
		away := math.Ceil(float64(m.Batch) * float64(c.p.Fleet.Servers()))
		switch {
		case float64(c.surplus) >= away:
			lost += rounds * batches * pause(true)
		case c.mode == job.Shrink && 1-m.Batch >= j.Recovery.Floor:
			lost += rounds * batches * (2*j.Recovery.Shrink.Mean + m.Duration*unit.Duration(m.Batch))
		default:
			lost += rounds * (batches*m.Duration + pause(false))
		}
	}
	return lost
}

// planned is how a job comes back that has saved its work and stopped by choice, with spares
// for the servers that it gave up or with those servers themselves. See recoveryPause.
func (c *course) planned(spares bool) job.Restart {
	k, p := &c.j.Checkpoint, &c.j.Recovery
	r := job.Restart{Time: c.j.Restart, Fixed: k.Blocking + k.Background + p.Setup.Time(c.size.Servers*c.p.Fleet.ChipsPerServer)}
	if spares && c.mode.Swaps() {
		r.Time = p.Swap
	}
	if !spares || !c.mode.KeepsState() {
		r.Fixed += k.Load
	}
	return r
}

// setbacks are what a job of so many chips has to expect, with a spare at hand; for one
// that shrinks, by whether there is one.
func (c *course) setbacks(o *prognosis, chips int, lean *shrinking) job.Setbacks {
	var kinds []job.Setback
	f, j := &c.p.Failures, c.j
	add := func(back unit.Duration, rate, idle float64, known job.WeightedDuration, restart job.Restart) {
		if rate <= 0 {
			return
		}
		n := 0
		for n < len(kinds) && kinds[n].Back != back {
			n++
		}
		if n == len(kinds) {
			kinds = append(kinds, job.Setback{Back: back})
		}
		k := &kinds[n]
		k.Idle = unit.Factor((float64(k.Idle)*float64(k.Rate) + idle*rate) / (float64(k.Rate) + rate))
		k.Rate += unit.Rate(rate)
		known.Weight = rate
		k.Detection = addDetection(k.Detection, known)
		k.Restarts = addRestart(k.Restarts, restart, rate)
	}
	for i := range f.Classes {
		k := &f.Classes[i]
		// With fewer replicas fewer servers can fail.
		rate := float64(o.rates[i]) * float64(chips) * lean.replicas
		known := job.WeightedDuration{Duration: k.Detection}
		switch {
		case k.Slowdown > 0: // found, the server is replaced once the work is saved
			add(0, rate, float64(k.Idle), job.WeightedDuration{}, c.planned(true))
		case !k.Stops(c.p.Fleet.Topology.DualHomed):
		case k.Silent: // what it does until it is found is reckoned apart
			w := restartAfter(j, chips, c.mode, true, job.SomeServers, j.Checkpoint.Load)
			add(job.ToStore, rate, float64(k.Idle), job.WeightedDuration{}, w)
		default:
			lost := lossOf(k.Scope)
			back, load := c.survivor(lost)
			w := restartAfter(j, chips, c.mode, math.IsInf(float64(back), 1), lost, load)
			if c.mode == job.Shrink && lost == job.SomeServers {
				setup := j.Recovery.Setup.Time(chips)
				add(back, rate*lean.spared, float64(k.Idle), known, job.Restart{Time: j.Recovery.Swap, Fixed: setup})
				add(back, rate*(1-lean.spared-lean.dropped), float64(k.Idle), known, job.Restart{Time: j.Restart, Fixed: setup})
				// Every replica that comes back costs a second pause.
				add(0, rate*lean.dropped, float64(k.Idle), job.WeightedDuration{}, job.Restart{Time: j.Recovery.Shrink})
				rate *= lean.dropped
			}
			add(back, rate, float64(k.Idle), known, w)
		}
	}
	return job.NewSetbacks(kinds...)
}

// survivor is what the job goes back to after a loss: the wall time of training between
// two such states and how long one takes to load.
func (c *course) survivor(lost job.Loss) (back, load unit.Duration) {
	if c.mode.KeepsState() && lost != job.ManyServers {
		return c.size.Step.Time, 0 // the step under way
	}
	k := &c.j.Checkpoint
	back, load = job.ToStore, k.Load
	for n := range k.Fast {
		if t := &k.Fast[n]; t.Survives(lost) && t.Interval < back {
			back, load = t.Interval, t.Load
		}
	}
	return back, load
}

// restartAfter is how a job comes back after a loss, one that shrinks without what it
// lost; anew where its state survives in checkpoints alone. See recoveryPause.
func restartAfter(j *job.Spec, chips int, mode job.Mode, anew bool, lost job.Loss, load unit.Duration) job.Restart {
	setup := j.Recovery.Setup.Time(chips)
	switch {
	case mode == job.WarmSwap:
		return job.Restart{Time: j.Recovery.Swap, Fixed: setup + load}
	case mode == job.StopRestart || anew:
		return job.Restart{Time: j.Restart, Fixed: setup + load}
	case mode == job.InPlace && lost != job.NoServers:
		return job.Restart{Time: j.Recovery.Swap, Fixed: setup}
	case mode == job.InPlace:
		return job.Restart{Time: j.Recovery.InPlace}
	}
	return job.Restart{Time: j.Recovery.Shrink}
}

// addRestart adds a way to come back of some weight to a mixture.
func addRestart(mixture []job.Restart, w job.Restart, weight float64) []job.Restart {
	for k := range mixture {
		if m := &mixture[k]; m.Time == w.Time && m.Fixed == w.Fixed {
			m.Weight += weight
			return mixture
		}
	}
	w.Weight = weight
	return append(mixture, w)
}

// addDetection adds a time until a failure is known to a mixture.
func addDetection(mixture []job.WeightedDuration, d job.WeightedDuration) []job.WeightedDuration {
	for k := range mixture {
		if m := &mixture[k]; m.Duration == d.Duration {
			m.Weight += d.Weight
			return mixture
		}
	}
	return append(mixture, d)
}
