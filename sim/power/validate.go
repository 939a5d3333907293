package power

import (
	"errors"
	"fmt"

	"clustercap/sim/unit"
)

// Validate returns every problem of the spec, each led by the path of its field.
func (s *Spec) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for i, p := range s.Phases {
		if !(p.Limit >= 0) {
			bad("power[%d].limit: %g W; it must not be negative (0 is no limit)", i, float64(p.Limit))
		}
		if i > 0 && p.From <= s.Phases[i-1].From {
			bad("power[%d].from: not after the phase before; list the phases in order of time", i)
		}
	}
	switch constant := s.PUE.High != 0; {
	case constant && !(s.PUE.Low >= 1 && s.PUE.Low <= s.PUE.Likely && s.PUE.Likely <= s.PUE.High):
		bad("pue: %g..%g..%g; it must rise from 1 or more", s.PUE.Low, s.PUE.Likely, s.PUE.High)
	case !constant && !s.Weather.Any():
		bad("pue: neither it nor cooling and weather are given")
	case !constant:
		errs = append(errs, s.Cooling.Validate()...)
	}
	if !(s.MinClock > 0 && s.MinClock <= 1) {
		bad("min_clock: %g; it must be above 0 and at most 1", float64(s.MinClock))
	}
	if s.ClockExponent.High != 0 && !(s.ClockExponent.Low >= 1) {
		bad("clock_exponent: %g; it must be at least 1, or 0 to follow the chip's voltage", s.ClockExponent.Low)
	}
	errs = append(errs, s.Supply.validate(), s.Policy.validate(), s.Smoothing.validate(), s.GridCode.validate())
	if s.Oversubscription != 0 && !(s.Oversubscription >= 0.1) {
		bad("oversubscription: %g; it must be 0.1 or more", float64(s.Oversubscription))
	}
	for _, l := range [...]unit.Power{s.Limits.Chip, s.Limits.Rack, s.Limits.Row, s.Limits.Hall} {
		if !(l >= 0) {
			bad("limits: %g W; none may be negative", float64(l))
		}
	}
	if !(s.JobRamp >= 0) {
		bad("job_ramp: %g W/s; it must not be negative", s.JobRamp)
	}
	return errors.Join(errs...)
}

// LimitAt is the limit that holds at a time since the start; 0 is none.
func (s *Spec) LimitAt(t unit.Duration) unit.Power {
	var limit unit.Power
	for _, p := range s.Phases {
		if p.From > t {
			break
		}
		limit = p.Limit
	}
	return limit
}
