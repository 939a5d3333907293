package power

import (
	"errors"
	"fmt"
	"math"

	"clustercap/sim/unit"
)

// Window is a time in which the site has agreed to draw less from the grid.
type Window struct {
	From, For unit.Duration // since the scenario's start
	// Every is the time between the beginnings of a window that recurs, Until the time
	// from which on none begins; 0 is once, and without end.
	Every, Until unit.Duration
	Limit        unit.Power // from the grid
	// Notice is how long before it begins the site knows of it.
	Notice unit.Duration
}

// Dispatch says when a generator runs.
type Dispatch string

// The ways to run a generator.
const (
	WhenShort Dispatch = "when-short" // for what the grid's limit leaves uncovered
	Always    Dispatch = "always"     // for as much of the load as it can
	Daylight  Dispatch = "daylight"   // with the sun
)

// Generator is a source of power on the site. It feeds the site's load alone.
type Generator struct {
	Name     string
	Runs     Dispatch
	Capacity unit.Power
	Price    unit.EnergyPrice // of its energy: fuel and upkeep
	Carbon   unit.CarbonIntensity
	// PriceGiven and CarbonGiven are false where these are 0 for want of a figure.
	PriceGiven, CarbonGiven bool
	// Latitude, in degrees north, and Noon, the hour of the day (UTC) at which the sun
	// is highest, shape a generator that runs in Daylight. Yield is its mean power over
	// that of the clear-sky curve.
	Latitude, Noon float64
	Yield          unit.Share
}

// Battery is storage at the site's own connection.
type Battery struct {
	Energy unit.Energy // that it can give
	Power  unit.Power  // at which it charges and discharges, at most; 0 is no battery
	// Efficiency is what it gives over what it took, for a whole cycle.
	Efficiency unit.Share
}

// Any reports whether there is a battery.
func (b *Battery) Any() bool { return b.Power > 0 && b.Energy > 0 }

// bearing is for how long a battery must be able to bear what it adds to the limit: longer
// than the phase of a step that draws most, seconds to tens of seconds.
const bearing = unit.Minute

// Adds is the power that the battery adds to the grid's limit, in watts: as much as it can
// give for a minute.
func (b *Battery) Adds() float64 { return min(float64(b.Power), float64(b.Energy)/float64(bearing)) }

// Supply is all of the site's own power, and when it has agreed to draw less.
type Supply struct {
	Windows    []Window
	Generators []Generator
	Battery    Battery
}

// Own reports whether anything but the grid supplies the site.
func (s *Supply) Own() bool { return len(s.Generators) > 0 || s.Battery.Any() }

// OwnPower is what generators at any hour and the battery add to the grid's, in watts.
func (s *Supply) OwnPower() float64 {
	sum := 0.0
	if s.Battery.Any() {
		sum = s.Battery.Adds()
	}
	return sum + s.Dispatchable()
}

// Dispatchable is the capacity of the generators that need no sun, in watts.
func (s *Supply) Dispatchable() float64 {
	sum := 0.0
	for i := range s.Generators {
		if g := &s.Generators[i]; g.Runs != Daylight {
			sum += float64(g.Capacity)
		}
	}
	return sum
}

// declination of the sun in radians on a day of the year counted from 0 (Cooper 1969).
func declination(day float64) float64 {
	return 23.45 * math.Pi / 180 * math.Sin(2*math.Pi*(284+day+1)/365)
}

// Output is the power that a generator offers in an hour of the typical year, from 1
// January 00:00 UTC on. A solar plant gives its
// capacity with the sun in the zenith and, without regard to tilt, the sine of the
// sun's height of it otherwise, in the middle of the hour.
func (g *Generator) Output(hour int) float64 {
	if g.Runs != Daylight {
		return float64(g.Capacity)
	}
	at := float64(hour) + 0.5
	day := math.Floor(at / 24)
	lat := g.Latitude * math.Pi / 180
	angle := (math.Mod(at, 24) - g.Noon) * math.Pi / 12
	dec := declination(day)
	height := math.Sin(lat)*math.Sin(dec) + math.Cos(lat)*math.Cos(dec)*math.Cos(angle)
	return float64(g.Capacity) * float64(g.Yield) * max(height, 0)
}

// validate returns every problem of the supply.
func (s *Supply) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for i := range s.Windows {
		w := &s.Windows[i]
		switch {
		case !(w.From >= 0 && w.For > 0 && w.Limit > 0 && w.Notice >= 0):
			bad("demand_response[%d]: it needs a beginning, a length and a limit above 0", i)
		case w.Every != 0 && !(w.Every > w.For):
			bad("demand_response[%d].every: %g s; windows of %g s would overlap", i, float64(w.Every), float64(w.For))
		}
	}
	for i := range s.Generators {
		g := &s.Generators[i]
		if !(g.Capacity > 0) || !(g.Price >= 0) || !(g.Carbon >= 0) {
			bad("generation[%d]: it needs a capacity above 0, and a price and carbon that are not negative", i)
		}
		if g.Runs != WhenShort && g.Runs != Always && g.Runs != Daylight {
			bad("generation[%d].runs: %q", i, g.Runs)
		}
	}
	if b := &s.Battery; b.Power != 0 || b.Energy != 0 {
		if !(b.Power > 0 && b.Energy > 0 && b.Efficiency > 0 && b.Efficiency <= 1) {
			bad("battery: it needs energy and power above 0, and an efficiency above 0 and at most 1")
		}
	}
	return errors.Join(errs...)
}
