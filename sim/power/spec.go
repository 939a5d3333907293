// Package power turns what chips are doing into watts at the meter, holds the
// site under its cap by lowering clocks.
package power

import (
	"slices"

	"clustercap/sim/unit"
)

// Spec is the site: its supply and its overhead.
type Spec struct {
	// Phases of available power in order of time, the first at the start.
	Phases []Phase
	// PUE is the ratio of the power at the meter to that of the IT equipment, the same at
	// any load and hour; 0 leaves it to losses, cooling and weather.
	PUE     unit.Range[unit.Factor]
	Losses  Losses
	Cooling Cooling
	Climate Climate // as it was given
	Weather Year    // that it makes
	// ClockExponent is a in P = Idle + (Max - Idle) f^a for relative clock f; 0 leaves
	// it to the chip's voltage or measured curve.
	ClockExponent unit.Range[unit.Factor]
	// MinClock is the lowest relative clock; below it jobs are paused.
	MinClock unit.Share

	// Supply is what feeds the site beside the grid, and when that may give less.
	Supply Supply
	// Oversubscription is how far the peak of all energised servers may exceed the power
	// that the phase provides; servers beyond it wait. 0 is without bound.
	Oversubscription unit.Factor
	Limits           Limits
	Policy           Policy
	// JobRamp is how fast the power of jobs may rise, all together, in watts per second, when
	// they start, go on after a pause or get a higher clock; 0 is at once.
	JobRamp float64
	// Smoothing flattens the swings within a step, GridCode is what the grid allows.
	Smoothing Smoothing
	GridCode  GridCode
}

// Limited reports whether anything but heat limits the site's power at any time.
func (s *Spec) Limited() bool {
	return s.Limits.Any() || len(s.Supply.Windows) > 0 || slices.ContainsFunc(s.Phases, func(p Phase) bool { return p.Limit > 0 })
}

// Phase is a limit that holds from a time on. Limit 0 means no limit.
type Phase struct {
	From  unit.Duration // since the scenario's start
	Limit unit.Power    // at the meter
}
