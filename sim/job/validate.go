package job

import (
	"errors"
	"fmt"
)

// Validate returns every problem of the spec, each led by the path of its field.
func (s *Spec) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !(s.Tokens > 0) && !(s.Work > 0) {
		bad("tokens: %g; a job needs more than 0", float64(s.Tokens))
	}
	if len(s.Sizes) == 0 {
		bad("chips: none; name at least one chip count")
	}
	for i, n := range s.Sizes {
		if n < 1 {
			bad("chips[%d]: %d; it must be at least 1", i, n)
		}
		if i > 0 && n <= s.Sizes[i-1] {
			bad("chips[%d]: %d after %d; list the chip counts ascending", i, n, s.Sizes[i-1])
		}
	}
	if s.Workload.Sequence < 1 || s.Workload.Batch < 1 {
		bad("workload: %d sequences of %d tokens; both must be at least 1", s.Workload.Batch, s.Workload.Sequence)
	}
	for _, d := range []struct {
		path  string
		value float64
	}{
		{"submit", float64(s.Submit)},
		{"checkpoint.interval", float64(s.Checkpoint.Interval)},
		{"checkpoint.blocking", float64(s.Checkpoint.Blocking)},
		{"checkpoint.background", float64(s.Checkpoint.Background)},
		{"restart", float64(s.Restart.Mean)},
		{"resize", float64(s.Resize)},
		{"work", float64(s.Work)},
		{"checkpoint.load", float64(s.Checkpoint.Load)},
		{"recovery.swap", float64(s.Recovery.Swap.Mean)},
		{"recovery.shrink", float64(s.Recovery.Shrink.Mean)},
		{"recovery.in_place", float64(s.Recovery.InPlace.Mean)},
		{"recovery.selection", float64(s.Recovery.Selection)},
		{"recovery.standbys", float64(s.Recovery.Standbys)},
		{"recovery.setup", float64(min(s.Recovery.Setup.Fixed, s.Recovery.Setup.PerThousand))},
	} {
		if !(d.value >= 0) {
			bad("%s: %g; it must not be negative", d.path, d.value)
		}
	}
	for _, t := range s.Checkpoint.Fast {
		if !(t.Interval > 0 && t.Blocking >= 0 && t.Load >= 0) {
			bad("checkpoint.tiers: %s every %g s, blocking %g s; the interval must be above 0, times not negative", t.Kind, float64(t.Interval), float64(t.Blocking))
		}
	}
	return errors.Join(errs...)
}
