package sim

import (
	"errors"
	"fmt"
	"math"

	"clustercap/sim/des"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
)

// auditTolerance is relative, for sums of floating-point numbers: a million terms
// of one sign round by at most 1e6 x 1.1e-16.
const auditTolerance = 1e-9

// audit checks that nothing was counted twice or not at all.
func (w *World) audit() error {
	var errs []error
	exact := func(what string, got, want int64) {
		if got != want {
			errs = append(errs, fmt.Errorf("%s: %d, want %d", what, got, want))
		}
	}
	near := func(what string, got, want float64) {
		if !(math.Abs(got-want) <= auditTolerance*max(math.Abs(got), math.Abs(want), 1)) {
			errs = append(errs, fmt.Errorf("%s: %g, want %g", what, got, want))
		}
	}
	within := func(what string, got, most float64) {
		if !(got >= 0 && got <= most+auditTolerance*max(most, 1)) {
			errs = append(errs, fmt.Errorf("%s: %g, at most %g", what, got, most))
		}
	}
	var onSite, held int64
	for st := fleet.Commissioning; st < fleet.NumStatus; st++ {
		onSite += w.fleet.Integral(st)
	}
	exact("server-milliseconds on site", onSite, w.onSite())
	var energy, withheld, overhead float64
	for i := range w.jobs {
		j := &w.jobs[i]
		b := &j.books
		held += b.held
		ledger := w.ledger(j)
		near("energy of "+j.spec.Name, b.energy+b.withheld, ledger)
		within("energy withheld from "+j.spec.Name, b.withheld, ledger)
		energy += b.energy
		withheld += b.withheld
		overhead += b.overhead
		var wall, clocked des.Time
		var tokens, kept float64
		chips := b.spare
		for p := range b.chips {
			chips += b.chips[p]
		}
		for k := range b.bySize {
			s := &b.bySize[k]
			wall += s.kept.Wall() + s.lost.Wall()
			kept += s.kept.Tokens
			tokens += s.kept.Tokens + s.lost.Tokens
			chips += int64(s.kept.Wall()+s.lost.Wall()) * int64(j.options[k].used)
		}
		for k := range b.byClock {
			clocked += b.byClock[k].time
		}
		exact("milliseconds of training of "+j.spec.Name, int64(wall), int64(b.wall[job.Training]))
		exact("milliseconds of training by clock of "+j.spec.Name, int64(clocked), int64(b.wall[job.Training]))
		exact("chip-milliseconds held by "+j.spec.Name, chips, b.held*int64(w.plan.Fleet.ChipsPerServer))
		near("tokens trained by "+j.spec.Name, tokens, b.trained)
		// What is left after losses is as exact as the sums that it is the difference of.
		near("tokens kept by "+j.spec.Name, kept+(b.trained-b.tokens), b.trained)
	}
	exact("server-milliseconds held by jobs", held, w.fleet.Integral(fleet.Held))
	chips := float64(w.plan.Fleet.ChipsPerServer)
	site := &w.site
	workless := float64(w.fleet.Integral(fleet.Free)+w.fleet.Integral(fleet.Commissioning)+w.fleet.Integral(fleet.Cold)) / 1000 * chips * site.meter.Idle.Sum()
	near("energy without work", site.worklessEnergy+site.shedEnergy, workless)
	within("energy switched off", site.shedEnergy, workless)
	near("energy withheld from jobs", withheld, site.cutEnergy)
	near("energy of the IT equipment", site.energy.Sum(), energy+site.worklessEnergy)
	near("energy of the plant", site.overhead.Sum(), overhead+site.worklessOverhead+site.unshared)
	near("energy in the bins", w.bins.energy, site.atMeter())
	if err := w.auditSupply(near); err != nil {
		errs = append(errs, err)
	}
	w.auditMoney(near)
	return errors.Join(errs...)
}

// ledger is what a job's IT equipment would have drawn in joules, had no power been
// withheld from it, computed anew from exact times: chip-milliseconds by phase, and
// those of training and of rises to it by size and clock, times the power of each.
func (w *World) ledger(j *trainee) float64 {
	b, m := &j.books, &w.site.meter
	sum := float64(b.spare)*m.Idle.Sum() + float64(b.chips[job.Detecting])*w.site.bounds.stopped.Sum()
	for _, p := range [...]job.Phase{job.Starting, job.Paused, job.Waiting} {
		sum += float64(b.chips[p]) * m.Idle.Sum()
	}
	for k := range b.byClock {
		s := &b.byClock[k]
		o := &j.options[s.size]
		trains := o.trainingAt(s.clock, m).Sum()
		sum += float64(o.used) * (float64(s.time)*trains + s.risen*(trains-m.Idle.Sum()))
	}
	return sum / 1000
}
