package sim

import (
	"fmt"
	"math"

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

	fleet    fleet.State
	clock    failure.Clock
	exposure int64 // chip x milliseconds in service so far
	alarm    alarm // the next failure
	draws    draws

	jobs []trainee
	// vacant is set when something happened that may let a job start, grow or refill.
	vacant bool

	site  site
	bins  bins
	fault error // the first broken invariant
}

// draws are the random streams of a replica, by cause.
type draws struct {
	failure, victim, detection, repair []*des.Rand // by class
	restart                            []*des.Rand // by job
	commissioning, rejected, returned  *des.Rand
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
	options []option // by size, at this replica's draws
	servers int      // held at this size
	size    int
	phase   job.Phase
	since   des.Time // settled until
	epoch   uint32   // of the pending detection or restart
	finish  alarm
	resize  alarm

	progress  job.Progress
	trainedOn int     // the size that progress was made on
	clock     float64 // relative clock of the running segment
	rate      float64 // tokens per millisecond of training
	watts     wattage
	segment   int // of books.byClock

	recovering  bool     // Starting after a failure, not of its own will
	durable     des.Time // Starting of its own will: when what it left with is saved
	known       des.Time // Detecting: until then
	lastResize  des.Time // or first start
	waitingFrom des.Time
	books       jobBooks
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
	// delivered is rate x expected goodput: what decides between sizes, since
	// failures may eat the gain of a larger one.
	delivered float64
}

// wattage is a job's power by what it does.
type wattage struct{ train, block float64 }

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
	return run, nil
}

// reset puts the world at the start of a replica.
func (w *World) reset(replica int) error {
	pr := w.pre
	pr.uncertain.draw(pr.Plan, &w.plan, replica)
	p := &w.plan
	w.now, w.events, w.exposure, w.vacant, w.fault = 0, 0, 0, false, nil
	w.alarm = alarm{at: des.Never}
	w.queue.Reset()
	w.fleet.Reset(p.Fleet.Servers(), len(p.Jobs))
	w.site.reset(p)
	w.openStreams(replica)
	w.resetClock()
	if err := w.resetJobs(); err != nil {
		return err
	}
	w.bins.reset(len(pr.bins), len(w.jobs))
	w.seed()
	return nil
}

func (w *World) openStreams(replica int) {
	p := &w.plan
	stream := func(cause string) *des.Rand { return des.Stream(p.Seed, replica, cause) }
	d := &w.draws
	d.failure, d.victim, d.detection, d.repair = d.failure[:0], d.victim[:0], d.detection[:0], d.repair[:0]
	for i := range p.Failures.Classes {
		name := "failure/" + p.Failures.Classes[i].Name
		d.failure = append(d.failure, stream(name+"/time"))
		d.victim = append(d.victim, stream(name+"/victim"))
		d.detection = append(d.detection, stream(name+"/detection"))
		d.repair = append(d.repair, stream(name+"/repair"))
	}
	d.restart = d.restart[:0]
	for i := range p.Jobs {
		d.restart = append(d.restart, stream("restart/"+p.Jobs[i].Name))
	}
	d.commissioning, d.rejected, d.returned = stream("fleet/commissioning"), stream("fleet/rejected"), stream("fleet/returned")
}

func (w *World) resetClock() {
	f := &w.plan.Failures
	mean := make([]float64, len(f.Classes))
	for i := range mean {
		mean[i] = 1000 / (float64(f.Classes[i].Rate.Likely) * float64(f.Scale.Likely)) // +Inf at rate 0
	}
	w.clock.Reset(mean, func(class int) float64 { return w.draws.failure[class].Exp() })
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
			spec: &p.Jobs[i], options: j.options[:0], books: j.books, clock: 1,
			finish: alarm{at: des.Never}, resize: alarm{at: des.Never},
		}
		j.books.reset(len(pr.Jobs[i].Sizes))
		for k := range pr.Jobs[i].Sizes {
			size := &pr.Jobs[i].Sizes[k]
			s := size.Step
			if differs {
				var err error
				if s, err = step.Estimate(&j.spec.Workload, &m, size.Step.Layout); err != nil {
					return fmt.Errorf("job %s on %d chips: %w", j.spec.Name, size.Chips, err)
				}
			}
			o := option{
				servers: size.Servers, used: s.Layout.Chips(), time: s.Time, tokens: float64(s.Tokens), parts: s.Parts,
				rate: speed(&s) / 1000, activity: power.Activity(s.Activity), mfu: float64(s.MFU),
			}
			if !(o.rate > 0) || math.IsInf(o.rate, 1) {
				return fmt.Errorf("job %s on %d chips: a step of %g s for %g tokens", j.spec.Name, size.Chips, float64(s.Time), o.tokens)
			}
			o.cycle = size.cycle(p, j.spec, s.Time)
			o.delivered = o.rate * float64(job.ExpectedGoodput(o.cycle, size.failures(p), recovery(&p.Failures, j.spec)))
			j.options = append(j.options, o)
		}
	}
	return nil
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
	for i := range p.Jobs {
		w.push(p.Jobs[i].Submit, kindSubmit, int32(i), 0)
	}
	w.queue.Push(event(w.pre.bins[0], kindObserve, 0, 0))
	w.queue.Push(event(w.pre.horizon, kindHorizon, 0, 0))
}

func (w *World) push(at unit.Duration, kind uint8, index int32, epoch uint32) {
	w.queue.Push(event(max(des.FromDuration(at), 0), kind, index, epoch))
}
