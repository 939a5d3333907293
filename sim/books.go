package sim

import (
	"math"

	"clustercap/sim/des"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/result"
	"clustercap/sim/unit"
)

// jobBooks are what a job adds up over a replica. Times are milliseconds, sums of
// chips or servers over time exact integers.
type jobBooks struct {
	started               bool
	startedAt, finishedAt des.Time // finishedAt is 0 until it has

	wall       [job.NumPhases]des.Time
	restarting des.Time // Starting after failures
	held       int64    // server x ms
	spare      int64    // chip x ms of held servers beyond the layout
	// chips in use x ms; those of Training are in bySize.
	chips  [job.NumPhases]int64
	bySize []sizeBooks
	// Training again, by what sets its power; see ledger.
	byClock []clockBooks

	tokens        float64 // trained and not lost so far
	trained       float64 // lost ones too
	capped        float64 // that full clock would have trained beyond trained
	ramped        float64 // that the limits would have allowed but for the ramp
	productive    float64 // chip-seconds of computation behind tokens
	energy        float64 // joules of its IT equipment
	overhead      float64 // joules of the plant that fall to it
	toll          toll    // of both
	rampEnergy    float64 // joules at the meter of rises on the ramp, among both
	withheld      float64 // joules that it would have drawn beyond, had the limit let it
	interruptions int
	stops         int // of these, those of training under way
	plannedStops  int
	interruptedBy []int      // by class
	lostTo        []des.Time // wall time by class; the last is planned stops
	queue         queueBooks
}

// sizeBooks are a job's training on one size.
type sizeBooks struct {
	kept, lost job.Work
	slow       float64 // chip x ms that slow servers cost, lost work included
}

// clockBooks are a job's training on one size at one relative clock.
type clockBooks struct {
	size  int
	clock float64
	time  des.Time
	risen float64 // ms of full power that rises to it were as much as
}

// segment is the place in byClock for a size and clock. A clock follows from which
// jobs are in which phase, so few are ever met, the latest most often.
func (b *jobBooks) segment(size int, clock float64) int {
	for n := len(b.byClock) - 1; n >= 0; n-- {
		if s := &b.byClock[n]; s.size == size && s.clock == clock {
			return n
		}
	}
	b.byClock = append(b.byClock, clockBooks{size: size, clock: clock})
	return len(b.byClock) - 1
}

func (b *jobBooks) reset(sizes, causes int) {
	kept := b.bySize
	if cap(kept) < sizes {
		kept = make([]sizeBooks, sizes)
	}
	kept = kept[:sizes]
	clear(kept)
	*b = jobBooks{
		bySize: kept, byClock: b.byClock[:0], interruptedBy: append(b.interruptedBy[:0], make([]int, causes)...),
		lostTo: append(b.lostTo[:0], make([]des.Time, causes)...),
	}
}

// close settles everything at the horizon, audits the books and returns the result.
func (w *World) close(replica int) (*result.Run, error) {
	for i := range w.jobs {
		w.keep(&w.jobs[i])
		w.acquit(&w.jobs[i])
		if w.jobs[i].phase == job.Queued {
			w.bookQueue(&w.jobs[i], 1)
		}
	}
	cps := int64(w.plan.Fleet.ChipsPerServer)
	run := &result.Run{
		Replica: replica, Events: w.events, Samples: w.bins.samples,
		OnSiteChipHours: chipHours(cps * w.onSite()),
	}
	w.chipHours(&run.ChipHours)
	for i := range w.jobs {
		run.Jobs = append(run.Jobs, w.jobRun(i))
	}
	s := &w.site
	joules := s.atMeter()
	run.Site = result.SiteRun{
		PeakPowerMW: s.highest / 1e6, PowerSwingMW: s.swing / 1e6,
		MeanPowerMW: joules / float64(w.pre.horizon.Duration()) / 1e6,
		EnergyBy: [result.NumConsumers]float64{
			result.Chips: megawattHours(s.energy.Chips), result.Servers: megawattHours(s.energy.Servers),
			result.Network: megawattHours(s.energy.Network), result.Cooling: megawattHours(s.overhead.Cooling),
			result.Losses: megawattHours(s.overhead.Losses), result.Overhead: megawattHours(s.overhead.Unsplit),
		},
		PUE: joules / s.energy.Sum(), WaterLPerKWh: s.all.water / (s.energy.Sum() / float64(unit.KilowattHour)),
	}
	s.supply.report(&run.Site)
	run.Site.DurationMW = s.duration.curve()
	run.Site.LateChips = float64(w.late+w.fleet.Count(fleet.Unpowered)) * float64(cps)
	if run.Site.LateChips > 0 {
		run.Site.LateDays = chipHours(cps*w.fleet.Integral(fleet.Unpowered)) / 24 / run.Site.LateChips
	}
	w.account()
	w.moneyRun(run)
	w.serviceRun(run)
	if err := w.audit(); err != nil {
		return nil, err
	}
	return run, run.Audit()
}

// onSite is the server-milliseconds from each delivery to the horizon.
func (w *World) onSite() int64 {
	var sum int64
	for _, d := range w.plan.Fleet.Deliveries {
		if at := des.FromDuration(d.At); at < w.pre.horizon {
			sum += int64(d.Servers) * int64(w.pre.horizon-at)
		}
	}
	return sum
}

func chipHours(ms int64) float64 { return float64(ms) / 3.6e6 }

// chipHours fills in the hours by state.
func (w *World) chipHours(h *[result.NumStates]float64) {
	cps := int64(w.plan.Fleet.ChipsPerServer)
	h[result.Idle] = chipHours(cps * (w.fleet.Integral(fleet.Free) + w.fleet.Integral(fleet.Cold)))
	for _, st := range outOfService {
		h[result.Repair] += chipHours(cps * w.fleet.Integral(st))
	}
	// Not yet ready: a rejected server has never been in service.
	h[result.Commissioning] = chipHours(cps * (w.fleet.Integral(fleet.Commissioning) + w.fleet.Integral(fleet.Returned) + w.fleet.Integral(fleet.Unpowered)))
	h[result.Throttled] = chipHours(cps * w.fleet.Integral(fleet.Dark))
	for i := range w.jobs {
		b := &w.jobs[i].books
		h[result.Idle] += chipHours(b.spare)
		h[result.Restart] += chipHours(b.chips[job.Starting] + b.chips[job.Detecting])
		h[result.Waiting] += chipHours(b.chips[job.Waiting])
		h[result.Throttled] += chipHours(b.chips[job.Paused])
		for k := range b.bySize {
			w.jobs[i].options[k].chipHours(&b.bySize[k], h)
		}
	}
}

// chipHours divides the training on one size. Kept steps take their parts at full
// clock; what training time is left was lost to the power limit.
func (o *option) chipHours(b *sizeBooks, h *[result.NumStates]float64) {
	steps := b.kept.Tokens / o.tokens
	hours := steps * float64(o.used) / 3600
	h[result.Productive] += hours * float64(o.parts.Compute)
	h[result.Recompute] += hours * float64(o.parts.Recompute)
	h[result.ExposedComm] += hours * float64(o.parts.ExposedComm())
	h[result.Bubble] += hours * float64(o.parts.HostWait+o.parts.Bubble+o.parts.Overhead)
	h[result.Straggler] += hours * float64(o.parts.Straggler)
	// What training took beyond its steps: fast checkpoints, slow servers, the limit.
	train := chipHours(int64(b.kept.Train) * int64(o.used))
	beyond := max(train-hours*float64(o.time), 0)
	fast := min(train*o.fastBlocking, beyond)
	slow := 0.0
	if all := float64(b.kept.Train + b.lost.Train); all > 0 {
		slow = min(b.slow/3.6e6*float64(b.kept.Train)/all, beyond-fast)
	}
	h[result.Straggler] += slow
	h[result.Throttled] += beyond - fast - slow
	h[result.Checkpoint] += fast + chipHours(int64(b.kept.Block)*int64(o.used))
	h[result.LostWork] += chipHours(int64(b.lost.Wall()) * int64(o.used))
}

// jobRun is what became of a job.
func (w *World) jobRun(i int) result.JobRun {
	j := &w.jobs[i]
	b := &j.books
	run := result.JobRun{
		Started: b.started, Finished: j.phase == job.Finished, Interruptions: float64(b.interruptions),
		Tokens:       max(min(b.tokens, j.tokens), 0), // the last millisecond may run over; a total loss may round below 0
		CappedTokens: b.capped, RampedTokens: b.ramped, RampEnergyMWh: megawattHours(b.rampEnergy),
		TrainingDays: math.Inf(1), FinishDays: math.Inf(1), MTTFHours: math.NaN(), PlannedStops: float64(b.plannedStops), Blocked: w.blocked(i),
	}
	if !b.started {
		return run
	}
	run.StartDays = days(b.startedAt)
	end := w.pre.horizon
	if run.Finished {
		end = b.finishedAt
		run.FinishDays = days(end)
	} else {
		run.FinishDays = w.projectedFinish(i)
	}
	run.TrainingDays = run.FinishDays - run.StartDays
	lost := b.wall[job.Detecting] + b.wall[job.Waiting] + b.restarting
	var useful, peakShare, busy, train float64
	var lostWork des.Time
	for k := range b.bySize {
		s, o := &b.bySize[k], &j.options[k]
		lostWork += s.lost.Wall()
		train += float64(s.kept.Train.Duration()) * (1 - o.fastBlocking)
		whole := &j.options[o.base] // what replicas that are missing would have trained is lost
		useful += s.kept.Tokens / whole.tokens * float64(whole.time)
		steps := (s.kept.Tokens + s.lost.Tokens) / o.tokens * float64(o.used)
		peakShare += steps * float64(o.time) * o.mfu
		busy += float64(s.kept.Train.Duration()+s.lost.Train.Duration()) * float64(o.used)
	}
	lost += lostWork
	run.LostHours = hours(lost)
	run.LostBy = [result.NumReasons]float64{
		result.LostToWork: hours(lostWork), result.LostToDetection: hours(b.wall[job.Detecting]),
		result.LostToRestart: hours(b.restarting), result.LostToWaiting: hours(b.wall[job.Waiting]),
	}
	if b.stops > 0 {
		run.MTTFHours = hours(b.wall[job.Training]) / float64(b.stops)
	}
	if busy > 0 {
		run.MFU = peakShare / busy
	}
	if wall := float64((end - b.startedAt).Duration()); wall > 0 {
		run.TokensPerSecond = run.Tokens / wall
		run.Goodput = min(useful/wall, 1) // a sum of rounded steps may exceed it by an ulp
		run.ETTR = train / wall
	}
	return run
}

// projectionWindow is how long before the horizon the rate is taken that projects
// the finish of a job beyond it.
const projectionWindow = des.Time(30 * 24 * 3600 * 1000)

// projectedFinish is in days since the start, at the mean rate of the last 30 days
// (to the nearest bin of the calendar) or since the job's start.
func (w *World) projectedFinish(i int) float64 {
	j := &w.jobs[i]
	from, before := j.books.startedAt, 0.0
	column := w.bins.job(i, tokensColumn)
	for n, end := range w.pre.bins {
		if end > w.pre.horizon-projectionWindow {
			break
		}
		if end > from {
			from, before = end, column[n]
		}
	}
	gained, wall := j.books.tokens-before, days(w.pre.horizon-from)
	if !(gained > 0) || wall <= 0 {
		return math.Inf(1)
	}
	return days(w.pre.horizon) + (j.tokens-j.books.tokens)/gained*wall
}
