package sim

import (
	"fmt"
	"math"
	"slices"

	"clustercap/sim/des"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// World runs one replica of a plan after another, in the memory of the first. It
// is not safe for concurrent use; a World per worker is.
type World struct {
	pre  *Prepared
	plan scenario.Plan // this replica's: every range collapsed to its draw

	now    des.Time
	queue  des.Queue
	events int

	fleet      fleet.State
	clock      failure.Clock
	aging      failure.Aging
	chips      failure.Chips // by what they do
	exposure   failure.Chips // their integral over milliseconds
	lemonIdle  float64       // highest rate of an idle lemon over that in use, at least 1
	lemonsRest bool          // idle lemons don't fail
	lemonClass int           // of the clock: what lemons fail more often
	onsetClass int           // of the clock: servers that become lemons
	failure    des.Time      // the next one, or des.Never
	failing    int           // its class
	draws      draws
	shop
	counts
	energised
	ramp ramp
	// order is that in which jobs get power, staggered its memory where that changes.
	order, staggered []int
	sharers          bool     // several jobs write to one store
	storage          des.Time // when the checkpoint store is back; 0 while it is up
	storeDown        des.Time // when it failed

	outages []outage // of what servers share, in the order in which they began
	latents []latent
	unused  []int32   // places of latents that hold none
	slows   []float64 // slowdowns by fleet.Server.Slow

	jobs []trainee
	// vacant is set when something happened that may let a job start, grow or refill.
	vacant bool

	site  site
	money money
	bins  bins
	fault error // the first broken invariant
}

// shop is where servers are repaired, and where spares come from.
type shop struct {
	waiting      []int32 // servers for a technician, in order
	served       int     // of waiting, those that have one
	hands        int     // technicians free
	headDrawn    bool    // it is known whether the first that waits takes a part
	headPart     bool
	parts        []des.Time // when each spare part is in stock, a ring
	oldestPart   int
	bench        alarm // for those that wait
	standbys     int   // free servers that stand by for jobs
	called       int   // servers that left the cold pool
	queued       int64 // server x ms of waiting for a technician or a part
	longestQueue int
}

// counts of what happened in a replica.
type counts struct {
	failed                                           []int // by class
	excess, absorbed, misdiagnosed, retired, evicted int
	partsUsed, swaps                                 int
}

// draws are the random streams of a replica, by cause.
type draws struct {
	failure, victim, detection, repair, thinning []*des.Rand // by class
	restart                                      []*des.Rand // by job

	commissioning, rejected, returned      *des.Rand
	lemon, lemons, lemonVictim, lemonClass *des.Rand
	lemonIdle, slow                        *des.Rand
	stragglerDetection, stragglerRepair    *des.Rand
	diagnosis, blamed, recurrence          *des.Rand
	stage, escalation, effect, part        *des.Rand
	replacement, onset, onsetVictim        *des.Rand
}

// alarm is a wake-up that moves: only a move to an earlier time pushes an event, and
// one that comes too early is set anew. So an alarm that mostly moves later costs
// one event per firing, not one per move.
type alarm struct {
	at    des.Time // of the pending event, or des.Never
	epoch uint32
}

// trainee is a job in a replica.
type trainee struct {
	spec    *job.Spec
	tokens  float64  // to train on
	options []option // by size, at this replica's draws
	most    int      // chips in use on the largest of them
	servers int      // held at this size
	size    int
	phase   job.Phase
	since   des.Time // settled until
	epoch   uint32   // of the pending detection or restart
	finish  alarm
	resize  alarm
	// eviction is when the slow servers that it holds will have been found.
	eviction alarm

	progress  job.Progress
	cycle     job.Cycle  // of its checkpoints, as the store lets it
	trainedOn int        // the size that progress was made on
	taints    []taint    // by silent failures that nobody has found
	doubts    []doubt    // in order of time
	tiers     []tierAge  // of fast checkpoints
	tier      int        // of fast checkpoints that it restores from, or -1
	stateless bool       // no replica has its state, which is read from a checkpoint
	cause     int        // class of its last interruption; all classes' number: planned
	standbys  int        // free servers that stand by for it
	hit       bool       // an event in progress takes servers from it
	serviced  int        // servers that maintenance has taken since it last had all
	ready     int        // free servers when it began to wait for those that it lacks
	clock     float64    // relative clock of the running segment
	rate      float64    // tokens per millisecond of training
	unslowed  float64    // rate without checkpoints in fast tiers and slow servers
	perChip   power.Draw // IT, of a chip in use while it trains
	busy      power.Draw // IT, of all its chips that train
	idle      power.Draw // of the others, before any cut
	stance    stance
	added     float64 // site.added when it was settled
	perWatt   toll    // site.perWatt when it was settled
	segment   int     // of books.byClock
	forgone   float64 // tokens per millisecond; see forgo

	turn        turn     // to draw power: Starting, once it is ready, and Paused, while it rises
	rising      bool     // Starting or Paused: in its turn, and the limit lets it
	climbs      bool     // Paused: it waits for its turn to draw power
	recovering  bool     // Starting after a failure, not of its own will
	planned     bool     // stopped to save its work, not by a failure
	durable     des.Time // Starting of its own will: when what it left with is saved
	known       des.Time // Detecting: until then
	began       des.Time // to train, last
	lastResize  des.Time // or first start
	waitingFrom des.Time
	books       jobBooks
}

// tierAge is how fresh a tier of fast checkpoints is.
type tierAge struct {
	// since is the wall time of training since its last checkpoint, or since the job
	// could last begin one.
	since des.Time
	holds bool // it has a checkpoint
}

// option is one size of a job at this replica's draws.
type option struct {
	servers, used int
	time          unit.Duration // of a step at full clock
	rate          float64       // tokens per millisecond at full clock
	tokens        float64       // per step
	parts         step.Parts
	activity      power.Activity
	mfu           float64
	cycle         job.Cycle
	base          int     // the option with all replicas
	full          paced   // at full clock
	paces         []paced // at the steps of the clock below it, as far as asked for
	stored        float64 // watts of a chip lost in the storage of its rack
	crest         *crest  // of a chip at full clock; nil where swings are not known
	fastBlocking  float64 // share of training time in which fast checkpoints block
	// delivered is rate x expected goodput: what decides between sizes, since
	// failures may eat the gain of a larger one.
	delivered float64
	// worth under the IT limit worthAt, the last that was asked for.
	worthAt, worth float64
}

// paced is what an option does at a relative clock.
type paced struct {
	clock float64
	rate  float64    // tokens per millisecond
	draw  power.Draw // mean IT power of a chip in use
}

// NewWorld makes a world for the plan's replicas.
func (pr *Prepared) NewWorld() *World { return &World{pre: pr} }

// Run simulates one replica. It fails if the books don't balance.
func (pr *Prepared) Run(replica int) (*result.Run, error) { return pr.NewWorld().Run(replica) }

// Run simulates one replica. It fails if the books don't balance.
func (w *World) Run(replica int) (*result.Run, error) {
	if err := w.reset(replica); err != nil {
		return nil, fmt.Errorf("plan %s, replica %d: %w", w.pre.Plan.Name, replica, err)
	}
	if err := w.loop(); err != nil {
		return nil, fmt.Errorf("plan %s, replica %d: %w", w.pre.Plan.Name, replica, err)
	}
	run, err := w.close(replica)
	if err != nil {
		return nil, fmt.Errorf("plan %s, replica %d: the books don't balance: %w", w.pre.Plan.Name, replica, err)
	}
	w.bins.samples = nil // they are the result's
	return run, nil
}

// reset puts the world at the start of a replica.
func (w *World) reset(replica int) error {
	pr := w.pre
	pr.uncertain.draw(pr.Plan, &w.plan, replica)
	p := &w.plan
	w.now, w.events, w.vacant, w.fault = 0, 0, false, nil
	w.exposure, w.chips, w.storage = failure.Chips{}, failure.Chips{}, 0
	w.sharers = sharesStore(p)
	w.failure = des.Never
	w.resetShop()
	w.queue.Reset()
	w.fleet.Reset(p.Fleet.Servers(), len(p.Jobs), len(p.Failures.Classes)+2)
	w.latents, w.unused, w.outages, w.storeDown = w.latents[:0], w.unused[:0], w.outages[:0], 0
	w.resetSlows(&p.Failures)
	w.energised, w.ramp = energised{lit: math.MaxInt}, newRamp()
	if p.Site.JobRamp > 0 {
		w.ramp.reach = 1
	}
	w.site.reset(p, &pr.almanac)
	w.money.reset(len(pr.bins), len(pr.Jobs))
	w.openStreams(replica)
	w.resetClock()
	if err := w.resetJobs(); err != nil {
		return err
	}
	w.bins.reset(len(pr.bins), len(w.jobs))
	w.seed()
	return nil
}

func (w *World) resetShop() {
	p := &w.plan.Fleet.Repair
	parts := append(w.parts[:0], make([]des.Time, p.Parts)...)
	w.shop = shop{waiting: w.waiting[:0], hands: p.Technicians, parts: parts, bench: alarm{at: des.Never}}
	classes := len(w.plan.Failures.Classes)
	w.counts = counts{failed: append(w.failed[:0], make([]int, classes)...)}
}

func (w *World) openStreams(replica int) {
	p := &w.plan
	stream := func(cause string) *des.Rand { return des.Stream(p.Seed, replica, cause) }
	d := &w.draws
	d.failure, d.victim, d.detection, d.repair, d.thinning = d.failure[:0], d.victim[:0], d.detection[:0], d.repair[:0], d.thinning[:0]
	for i := range p.Failures.Classes {
		name := "failure/" + p.Failures.Classes[i].Name
		d.failure = append(d.failure, stream(name+"/time"))
		d.victim = append(d.victim, stream(name+"/victim"))
		d.detection = append(d.detection, stream(name+"/detection"))
		d.repair = append(d.repair, stream(name+"/repair"))
		d.thinning = append(d.thinning, stream(name+"/age"))
	}
	d.restart = d.restart[:0]
	for i := range p.Jobs {
		d.restart = append(d.restart, stream("restart/"+p.Jobs[i].Name))
	}
	d.commissioning, d.rejected, d.returned = stream("fleet/commissioning"), stream("fleet/rejected"), stream("fleet/returned")
	d.lemon, d.lemons, d.lemonVictim = stream("lemon/share"), stream("lemon/time"), stream("lemon/victim")
	d.lemonClass, d.lemonIdle, d.slow = stream("lemon/class"), stream("lemon/idle"), stream("straggler/share")
	d.stragglerDetection, d.stragglerRepair = stream("straggler/detection"), stream("straggler/repair")
	d.diagnosis, d.blamed, d.recurrence = stream("repair/diagnosis"), stream("repair/blamed"), stream("repair/recurrence")
	d.stage, d.escalation, d.effect = stream("repair/stage"), stream("repair/escalation"), stream("repair/effect")
	d.part, d.replacement = stream("repair/part"), stream("repair/replacement")
	d.onset, d.onsetVictim = stream("lemon/onset"), stream("lemon/onset/victim")
}

// resetJobs prices every prepared layout at this replica's draws. Whether it fits
// in memory was settled at likely values.
func (w *World) resetJobs() error {
	pr, p := w.pre, &w.plan
	m, differs := machine(p), pr.uncertain.machine()
	if w.jobs == nil {
		w.jobs = make([]trainee, len(pr.Jobs))
	}
	for i := range w.jobs {
		j := &w.jobs[i]
		*j = trainee{
			spec: &p.Jobs[i], options: j.options[:0], books: j.books, clock: 1, tier: -1,
			taints: j.taints[:0], doubts: j.doubts[:0],
			tiers:  append(j.tiers[:0], make([]tierAge, len(p.Jobs[i].Checkpoint.Fast))...),
			finish: alarm{at: des.Never}, resize: alarm{at: des.Never}, eviction: alarm{at: des.Never},
		}
		j.books.reset(len(pr.Jobs[i].Sizes), len(p.Failures.Classes)+1)
		for k := range pr.Jobs[i].Sizes {
			size := &pr.Jobs[i].Sizes[k]
			priced := *size
			if differs {
				var err error
				if priced, err = size.on(&m, j.spec); err != nil {
					return err
				}
			}
			s := priced.Step
			o := option{
				servers: size.Servers, used: s.Layout.Chips(), time: s.Time, tokens: float64(s.Tokens), parts: s.Parts,
				rate: speed(&s) / 1000, activity: ActivityOf(&s, j.spec.Workload.Precision), mfu: float64(s.MFU), base: k,
			}
			if !(o.rate > 0) || math.IsInf(o.rate, 1) {
				return fmt.Errorf("job %s on %s chips: a step of %s for %s", j.spec.Name, unit.Count(size.Chips), s.Time, unit.Tokens(o.tokens))
			}
			if pr.losses != nil {
				o.stored, o.crest = pr.losses[i][k], &pr.crests[i][k]
			}
			for size.Missing > 0 && pr.Jobs[i].Sizes[o.base].Missing > 0 {
				o.base++
			}
			l := longRun(p, j.spec, &priced, j.spec.Recovery.Mode)
			o.cycle, o.fastBlocking = l.cycle, fastBlocking(&j.spec.Checkpoint)
			o.delivered = o.rate * l.goodput
			o.full, o.paces = o.pacedAt(1, &w.site.meter), spared(j.options)
			j.options = append(j.options, o)
			j.most = max(j.most, o.used)
		}
		j.tokens = float64(j.spec.Tokens)
		if j.spec.Work > 0 { // as long at this replica's speed as at any other
			k := slices.IndexFunc(pr.Jobs[i].Sizes, func(s Size) bool { return s.Missing == 0 })
			j.tokens = j.options[k].rate * 1000 * float64(j.spec.Work)
		}
	}
	return nil
}

// spared is the memory of the option whose place the next one takes.
func spared(options []option) []paced {
	n := len(options)
	if n == cap(options) {
		return nil
	}
	paces := options[:n+1][n].paces
	clear(paces)
	return paces
}

// fastBlocking is the share of training time in which fast checkpoints block.
func fastBlocking(c *job.Checkpoint) float64 {
	blocked := 0.0 // per time that trains
	for _, t := range c.Fast {
		blocked += float64(t.Blocking / t.Interval)
	}
	return blocked / (1 + blocked)
}

// seed pushes the events that are known from the start.
func (w *World) seed() {
	p := &w.plan
	for i, d := range p.Fleet.Deliveries {
		w.push(d.At, kindDelivery, int32(i), 0)
	}
	for i, ph := range p.Site.Phases {
		w.push(ph.From, kindPower, int32(i), 0)
	}
	for i, v := range p.Site.Supply.Windows {
		w.push(v.From, kindWindow, int32(i), 0)
	}
	for i := range p.Jobs {
		w.push(p.Jobs[i].Submit, kindSubmit, int32(i), 0)
	}
	for i := range p.Fleet.Maintenance {
		w.push(p.Fleet.Maintenance[i].First, kindMaintenance, int32(i), 0)
	}
	w.queue.Push(event(w.pre.bins[0], kindObserve, 0, 0))
	w.queue.Push(event(w.pre.horizon, kindHorizon, 0, 0))
}

func (w *World) push(at unit.Duration, kind uint8, index int32, epoch uint32) {
	w.queue.Push(event(max(des.FromDuration(at), 0), kind, index, epoch))
}
