package failure

import (
	"errors"
	"fmt"

	"clustercap/sim/unit"
)

// Validate returns every problem of the spec, each led by the path of its field.
func (s *Spec) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !rising(s.Scale) {
		bad("scale: %g..%g..%g; it must rise from 0 or more", s.Scale.Low, s.Scale.Likely, s.Scale.High)
	}
	for i := range s.Classes {
		c := &s.Classes[i]
		if !rising(c.Rate) {
			bad("classes.%s.rate: %g..%g..%g per second; it must rise from 0 or more", c.Name, c.Rate.Low, c.Rate.Likely, c.Rate.High)
		}
		if c.Scope != ServerScope && c.Scope != JobScope {
			bad("classes.%s.scope: %q; it must be %q or %q", c.Name, c.Scope, ServerScope, JobScope)
		}
		if !(c.Detection.Mean >= 0) {
			bad("classes.%s.detection: %g s; it must not be negative", c.Name, float64(c.Detection.Mean))
		}
		if !(c.Repair.Mean >= 0) {
			bad("classes.%s.repair: %g s; it must not be negative", c.Name, float64(c.Repair.Mean))
		}
	}
	return errors.Join(errs...)
}

func rising[Q unit.Quantity](r unit.Range[Q]) bool {
	return r.Low >= 0 && r.Low <= r.Likely && r.Likely <= r.High
}

// Total is the rate of all classes together, per chip in service, at Likely values.
func (s *Spec) Total() unit.Rate {
	var sum unit.Rate
	for i := range s.Classes {
		sum += s.Classes[i].Rate.Likely
	}
	return sum * unit.Rate(s.Scale.Likely)
}
