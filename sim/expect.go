package sim

import (
	"fmt"

	"clustercap/sim/job"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// Expectation is how formulas expect a job to fare on one of its sizes, over the time that it
// trains, with a spare always at hand (for shrink what the fleet has) and no power limit.
type Expectation struct {
	Job   string
	Chips int
	Outcome
	Draws []Outcome // with the ranges of the first replicas
}

// Outcome is what one set of values comes to.
type Outcome struct {
	MTTF     unit.Duration // between failures that stop it in training; +Inf for none
	Goodput  float64
	Interval unit.Duration // of training between two checkpoints to the store
	Basis    job.Basis
}

// Expectations are those of all jobs on all their sizes: at the mean rates of failure and else
// likely values, and at the values that so many replicas draw.
func (pr *Prepared) Expectations(replicas int) ([]Expectation, error) {
	plans := []*scenario.Plan{pr.uncertain.expected(pr.Plan)}
	if len(pr.uncertain) > 0 {
		for r := range replicas {
			var drawn scenario.Plan
			pr.uncertain.draw(pr.Plan, &drawn, r)
			plans = append(plans, &drawn)
		}
	}
	var out []Expectation
	for i := range pr.Jobs {
		for _, size := range whole(pr.Jobs[i].Sizes) {
			out = append(out, Expectation{Job: pr.Jobs[i].Spec.Name, Chips: size.Chips})
		}
	}
	outcomes := make([][]Outcome, len(plans))
	errs := make([]error, len(plans))
	parallel(len(plans), func(n int) { outcomes[n], errs[n] = pr.outcomes(plans[n], n > 0) })
	for n := range plans {
		if errs[n] != nil {
			return nil, errs[n]
		}
		for k := range out {
			if n == 0 {
				out[k].Outcome = outcomes[n][k]
			} else {
				out[k].Draws = append(out[k].Draws, outcomes[n][k])
			}
		}
	}
	return out, nil
}

// outcomes are those of all sizes at the values of a plan, whose machine may be drawn.
func (pr *Prepared) outcomes(p *scenario.Plan, drawn bool) ([]Outcome, error) {
	var out []Outcome
	m := machine(p)
	for i := range pr.Jobs {
		for _, size := range whole(pr.Jobs[i].Sizes) {
			j := &p.Jobs[i]
			if drawn && pr.uncertain.machine() {
				var err error
				if size, err = size.on(&m, j); err != nil {
					return nil, err
				}
			}
			l := longRun(p, j, &size, j.Recovery.Mode)
			out = append(out, Outcome{1 / unit.Duration(l.rate), l.goodput, l.cycle.Interval.Duration(), l.basis})
		}
	}
	return out, nil
}

// on is the size with its step on another machine.
func (s *Size) on(m *step.Machine, j *job.Spec) (Size, error) {
	workload := j.Workload
	workload.Batch = s.Batch
	priced := *s
	var err error
	if priced.Step, err = step.Estimate(&workload, m, s.Step.Layout); err != nil {
		return priced, fmt.Errorf("job %s on %s chips: %w", j.Name, unit.Count(s.Chips), err)
	}
	return priced, nil
}
