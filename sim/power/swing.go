package power

import (
	"errors"
	"fmt"

	"clustercap/sim/unit"
)

// Smoothing flattens the swings that a synchronous step makes.
type Smoothing struct {
	// Floor is the share of the highest phase's power below which chips that train do
	// not fall: they burn it while they communicate or wait. 0 is none.
	Floor unit.Share
	// Storage in each rack's power supplies, per chip; 0 is none.
	Storage unit.Energy
	// StorageEfficiency is what the storage gives over what it took.
	StorageEfficiency unit.Share
}

// GridCode is what the grid allows a site's swings; 0 is no limit.
type GridCode struct {
	Step unit.Power // largest change at once: within a step, at a checkpoint, when a job starts, stops or crashes
	Ramp float64    // watts per second
	Band unit.Power // amplitude of any oscillation between 0.1 and 20 Hz
}

// Any reports whether there is a limit.
func (g *GridCode) Any() bool { return *g != GridCode{} }

func (s *Smoothing) validate() error {
	if !(s.Floor >= 0 && s.Floor <= 1) || !(s.Storage >= 0) || s.Storage > 0 && !(s.StorageEfficiency > 0 && s.StorageEfficiency <= 1) {
		return fmt.Errorf("smoothing: floor %g, storage %g J with efficiency %g; shares must lie between 0 and 1", float64(s.Floor), float64(s.Storage), float64(s.StorageEfficiency))
	}
	return nil
}

func (g *GridCode) validate() error {
	if !(g.Step >= 0 && g.Ramp >= 0 && g.Band >= 0) {
		return errors.New("grid: no limit may be negative")
	}
	return nil
}
