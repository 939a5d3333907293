package failure

import (
	"errors"
	"fmt"
	"slices"

	"clustercap/sim/unit"
)

// The ranges of a shape's parameter. Lives in the field have k between 0.5 and 4
// and σ up to 2.5; beyond these the bound of the hazard, which is what a failure
// costs to sample, grows into the thousands; sooner where the lives of all parts of a job
// begin at once, since the first of many fails long before the mean.
const (
	leastWeibull, mostWeibull     = 0.3, 6
	leastAtOnce                   = 0.5
	leastLognormal, mostLognormal = 0.2, 3
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
		path := "classes." + c.Name
		if !rising(c.Rate) {
			bad("%s.rate: %g..%g..%g per second; it must rise from 0 or more", path, c.Rate.Low, c.Rate.Likely, c.Rate.High)
		}
		if !slices.Contains(Scopes(), c.Scope) {
			bad("%s.scope: %q; it must be one of %q", path, c.Scope, Scopes())
		}
		if !(c.Idle >= 0) || !(c.BurnIn >= 0) {
			bad("%s: idle %g, burn_in %g; neither may be negative", path, float64(c.Idle), float64(c.BurnIn))
		}
		if (c.Silent || c.Slowdown > 0) && c.Scope != ServerScope {
			bad("%s.scope: %q; silent and slow failures are a server's", path, c.Scope)
		}
		if c.Silent && c.Slowdown > 0 {
			bad("%s: silent and slow at once; make them two classes", path)
		}
		if !(c.Slowdown >= 0 && c.Slowdown < 1) {
			bad("%s.slowdown: %g; it must be at least 0 and below 1", path, float64(c.Slowdown))
		}
		if err := c.Shape.Validate(); err != nil {
			bad("%s.shape.%w", path, err)
		}
		if !(c.Detection.Mean >= 0) {
			bad("%s.detection: %g s; it must not be negative", path, float64(c.Detection.Mean))
		}
		if !(c.Repair.Mean >= 0) {
			bad("%s.repair: %g s; it must not be negative", path, float64(c.Repair.Mean))
		}
	}
	if l := &s.Lemons; !rising(l.Share) || l.Share.High > 1 || !rising(l.Onset) || l.Any() && !(l.Factor.Low >= 1) {
		bad("lemons: a share of %g and %g more a second failing %g times as often; the share lies within 0 and 1, the factor is at least 1",
			float64(l.Share.Likely), float64(l.Onset.Likely), float64(l.Factor.Low))
	}
	if g := &s.Stragglers; !rising(g.Share) || g.Share.High > 1 || !(g.Slowdown >= 0 && g.Slowdown < 1) {
		bad("stragglers: a share of %g slower by %g; both lie within 0 and 1", float64(g.Share.Likely), float64(g.Slowdown))
	}
	return errors.Join(errs...)
}

// Validate returns the problem of a shape, led by its field.
func (s *Shape) Validate() error {
	least, most := 0.0, 0.0
	switch s.Kind {
	case "", Exponential:
		return nil
	case Weibull:
		least, most = leastWeibull, mostWeibull
		if s.Since == SinceStart {
			least = leastAtOnce
		}
	case Lognormal:
		least, most = leastLognormal, mostLognormal
	default:
		return fmt.Errorf("kind: %q; it must be %q, %q or %q", s.Kind, Exponential, Weibull, Lognormal)
	}
	if !(s.Parameter >= least && s.Parameter <= most) {
		return fmt.Errorf("parameter: %g; with %s it lies within %g and %g", s.Parameter, s.Kind, least, most)
	}
	return nil
}

func rising[Q unit.Quantity](r unit.Range[Q]) bool {
	return r.Low >= 0 && r.Low <= r.Likely && r.Likely <= r.High
}

// OfServer is the rate at which a server without a mark fails by itself in training and
// otherwise, per chip, stopping or not.
func (s *Spec) OfServer() (training, idle unit.Rate) {
	for i := range s.Classes {
		if c := &s.Classes[i]; c.Scope.OwnServer() {
			training += c.Rate.Likely
			idle += c.Rate.Likely * unit.Rate(c.Idle)
		}
	}
	return training * unit.Rate(s.Scale.Likely), idle * unit.Rate(s.Scale.Likely)
}
