package fleet

import (
	"errors"
	"fmt"
)

// Validate returns every problem of the spec, each led by the path of its field.
func (s *Spec) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.ChipsPerServer < 1 {
		bad("chips_per_server: %d; it must be at least 1", s.ChipsPerServer)
	}
	if len(s.Deliveries) == 0 {
		bad("deliveries: none; a fleet needs at least one")
	}
	for i, d := range s.Deliveries {
		if d.Servers < 1 {
			bad("deliveries[%d].servers: %d; it must be at least 1", i, d.Servers)
		}
		if !(d.At >= 0) {
			bad("deliveries[%d].at: %g s; it must not be before the start", i, float64(d.At))
		}
		if i > 0 && d.At < s.Deliveries[i-1].At {
			bad("deliveries[%d].at: earlier than the delivery before; list them in order of time", i)
		}
	}
	if r := s.Rejected; !(r.Low >= 0 && r.Low <= r.Likely && r.Likely <= r.High && r.High <= 1) {
		bad("rejected: %g..%g..%g; it must rise within 0 and 1", r.Low, r.Likely, r.High)
	}
	if !(s.Spares >= 0 && s.Spares < 1) {
		bad("spares: %g; it must be at least 0 and below 1", float64(s.Spares))
	}
	if !(s.Commissioning.Mean >= 0) {
		bad("commissioning: %g s; it must not be negative", float64(s.Commissioning.Mean))
	}
	if !(s.Return.Mean >= 0) {
		bad("return: %g s; it must not be negative", float64(s.Return.Mean))
	}
	return errors.Join(errs...)
}

// Servers is the number of servers of all deliveries.
func (s *Spec) Servers() int {
	n := 0
	for _, d := range s.Deliveries {
		n += d.Servers
	}
	return n
}

// Usable is the number of servers that jobs may hold when n are in service: all
// but the warm spares, which round up.
func (s *Spec) Usable(n int) int { return n - Reserve(s.Spares, n) }
