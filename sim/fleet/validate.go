package fleet

import (
	"errors"
	"fmt"
	"math"

	"clustercap/sim/unit"
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
	if !(s.Cold.Servers >= 0 && s.Cold.Delay >= 0) {
		bad("cold_spares: %d servers after %g s; neither may be negative", s.Cold.Servers, float64(s.Cold.Delay))
	}
	s.Repair.validate(bad)
	if r := &s.Retire; r.Failures < 0 || !(r.Score >= 0) || r.Score > 0 && !(r.HalfLife > 0) || r.Failures > 0 && !(r.Within > 0) {
		bad("retire: %d failures within %g s, score %g of half-life %g s; counts must not be negative, times above 0",
			r.Failures, float64(r.Within), r.Score, float64(r.HalfLife))
	}
	for i := range s.Maintenance {
		if m := &s.Maintenance[i]; !(m.Every > 0 && m.First >= 0 && m.Duration > 0 && m.Batch > 0 && m.Batch <= 1) {
			bad("maintenance[%d]: every %g s, %g s long, a batch of %g; times must be above 0, the batch above 0 and at most 1", i, float64(m.Every), float64(m.Duration), float64(m.Batch))
		} else if m.Duration*unit.Duration(math.Ceil(float64(1/m.Batch))) > m.Every {
			bad("maintenance[%d]: all batches together take longer than %g s, when the next round begins", i, float64(m.Every))
		}
	}
	return errors.Join(errs...)
}

func (r *Pipeline) validate(bad func(format string, args ...any)) {
	if len(r.Stages) > mostStages {
		bad("repair.stages: %d; at most %d", len(r.Stages), mostStages)
	}
	for i := range r.Stages {
		st := &r.Stages[i]
		for _, p := range [...]unit.Share{st.Escalates, st.Ineffective, st.Part} {
			if !(p >= 0 && p <= 1) {
				bad("repair.stages[%d]: a share of %g; it must lie within 0 and 1", i, float64(p))
			}
		}
		if !(st.Time.Mean >= 0) {
			bad("repair.stages[%d].time: %g s; it must not be negative", i, float64(st.Time.Mean))
		}
	}
	if r.Technicians < 0 || r.Parts < 0 || !(r.Resupply >= 0) || !(r.ShiftLength >= 0 && r.ShiftLength <= unit.Day) || !(r.ShiftStart >= 0 && r.ShiftStart < unit.Day) {
		bad("repair: %d technicians, %d parts, shifts of %g s from %g s; counts must not be negative, shifts lie within a day",
			r.Technicians, r.Parts, float64(r.ShiftLength), float64(r.ShiftStart))
	}
	if !(r.WrongDiagnosis >= 0 && r.Missed >= 0 && r.WrongDiagnosis+r.Missed <= 1) {
		bad("repair: wrong diagnosis %g, missed %g; shares must lie within 0 and 1, together too", float64(r.WrongDiagnosis), float64(r.Missed))
	}
}

// mostStages is what Server.Stage and any shop floor hold.
const mostStages = 10

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
