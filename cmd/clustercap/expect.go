package main

import (
	"fmt"
	"math"
	"strconv"

	"clustercap/sim"
	"clustercap/sim/job"
	"clustercap/sim/result"
	"clustercap/sim/unit"
)

// mostDraws of a plan's ranges behind the p10 and p90 of what a job is expected to do: those
// of its first replicas. With 100 the standard error of a p10 is a tenth of the distance
// from p10 to p90 of a normal distribution at most.
const mostDraws = 100

// expectation is how a job is expected to fare on one of its sizes.
type expectation struct {
	Job         string   `json:"job"`
	Chips       int      `json:"chips"`
	MTTFSeconds expected `json:"mttf_seconds"`
	Goodput     expected `json:"goodput"`
	Interval    expected `json:"checkpoint_interval_seconds"`
	Why         string   `json:"checkpoint_interval_because"`
}

// expected is a figure at the mean rates of failure, with its range over the replicas' draws.
type expected struct {
	Expected *float64 `json:"expected"` // nil where infinite
	P10      *float64 `json:"p10,omitempty"`
	P90      *float64 `json:"p90,omitempty"`
}

// text writes the figure and its range, which is left out where it is none to the digits shown.
func (e expected) text(write func(float64) string) string {
	of := func(v *float64) string {
		if v == nil {
			return "never"
		}
		return write(*v)
	}
	mid, low, high := of(e.Expected), of(e.P10), of(e.P90)
	if e.P10 == nil && e.P90 == nil || low == high && mid == low {
		return mid
	}
	return mid + " (" + low + " to " + high + ")"
}

func expectationsOf(prepared *sim.Prepared) ([]expectation, error) {
	all, err := prepared.Expectations(min(prepared.Plan.Replicas, mostDraws))
	if err != nil {
		return nil, err
	}
	out := make([]expectation, len(all))
	for i := range all {
		x := &all[i]
		over := func(of func(*sim.Outcome) float64) expected {
			e := expected{Expected: finite(of(&x.Outcome))}
			if len(x.Draws) == 0 {
				return e
			}
			values := make([]float64, len(x.Draws))
			for n := range values {
				values[n] = of(&x.Draws[n])
			}
			s := result.Summary(values)
			e.P10, e.P90 = finite(s.P10), finite(s.P90)
			return e
		}
		out[i] = expectation{
			Job: x.Job, Chips: x.Chips,
			MTTFSeconds: over(func(o *sim.Outcome) float64 { return float64(o.MTTF) }),
			Goodput:     over(func(o *sim.Outcome) float64 { return o.Goodput }),
			Interval:    over(func(o *sim.Outcome) float64 { return float64(o.Interval) }),
			Why:         whichInterval(&x.Basis),
		}
	}
	return out, nil
}

// finite is a number for JSON, which knows no infinity.
func finite(v float64) *float64 {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	return &v
}

// whichInterval says where the interval between checkpoints comes from.
func whichInterval(b *job.Basis) string {
	rules := map[job.Rule]string{
		"": "the plan's", job.Daly: "Daly's optimum", job.Young: "Young's optimum", job.Optimum: "the renewal formula's optimum",
	}
	rule := rules[b.Rule]
	switch b.Bound {
	case job.ByStep:
		return "one training step: " + rule + " is shorter"
	case job.ByWrite:
		return "the time that a write takes: " + rule + " is shorter"
	case job.ByCalendar:
		return "the whole calendar: " + rule + " is longer"
	}
	need := "one is needed every " + unit.Short(b.MTTF)
	if math.IsInf(float64(b.MTTF), 1) {
		need = "no failure needs one"
	}
	if b.Beyond {
		return "the time between failures: Daly's formula ends where a checkpoint blocks for twice that"
	}
	return rule + "; " + need
}

// expectations is the table of them.
func expectations(all []expectation) *grid {
	g := &grid{head: []string{"job", "chips", "time to failure", "expected goodput, %", "checkpoint every", "which is"}, left: []int{5}}
	short := func(seconds float64) string { return unit.Short(unit.Duration(seconds)) }
	share := func(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) }
	for _, e := range all {
		g.add(e.Job, grouped(float64(e.Chips)), e.MTTFSeconds.text(short), e.Goodput.text(share), e.Interval.text(short), e.Why)
	}
	return g
}

// expectationsNote says what the table holds.
func expectationsNote(prepared *sim.Prepared, all []expectation) string {
	note := "Time to failure, goodput and the interval between checkpoints to the store are what formulas expect at the mean rates of failure, with a spare at hand and no limit on power"
	if n := min(prepared.Plan.Replicas, mostDraws); n > 1 && all[0].Goodput.P10 != nil {
		note += fmt.Sprintf("; in brackets p10 to p90 over the ranges that %d replicas draw", n)
	}
	return note
}
