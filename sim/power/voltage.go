package power

import (
	"math"

	"clustercap/sim/hardware"
)

// voltage is how the power that follows a chip's core clock falls with it.
//
// Switching power is f V^2, and leakage falls with V too. From full clock down the
// voltage falls in a straight line, by slope times the relative fall of the clock, until
// the lowest voltage at which the circuit works; below that clock only f is left. A
// measured curve, or a plain exponent, takes the place of that.
type voltage struct {
	slope, floor float64
	exponent     float64 // f^exponent; 0 where voltage says it
	curve        []hardware.PowerPoint
	// A measured curve holds whole chips in matrix products: of its relative power
	// full is 1 W/W, and fixed what does not follow the core clock.
	full, fixed float64
}

func newVoltage(chip *hardware.Chip, site *Spec) voltage {
	return voltage{
		slope: float64(chip.VoltageSlope.Likely), floor: float64(chip.VoltageFloor.Likely),
		exponent: float64(site.ClockExponent.Likely),
	}
}

// measured takes a chip's own curve of relative power, unless the site gives an exponent.
func (c *voltage) measured(curve []hardware.PowerPoint, idle, uncore, peak float64) {
	if len(curve) == 0 || c.exponent > 0 {
		return
	}
	c.curve, c.full, c.fixed = curve, peak, idle+uncore
}

// core is the power of what follows the core clock at relative clock f, relative to
// that at full clock. It never falls where f rises.
func (c *voltage) core(f float64) float64 {
	switch {
	case f >= 1:
		return 1
	case c.exponent > 0:
		return math.Pow(f, c.exponent)
	case len(c.curve) > 0:
		return max(c.relative(f)*c.full-c.fixed, 0) / (c.full - c.fixed)
	}
	v := 1 - c.slope*(1-max(f, c.floor))
	return f * v * v
}

// relative power of the whole chip on the measured curve, straight between its points;
// below the first it falls with the clock, as at the lowest voltage.
func (c *voltage) relative(f float64) float64 {
	for i := range c.curve {
		p := &c.curve[i]
		if f > float64(p.Clock) {
			continue
		}
		if i == 0 {
			fixed := c.fixed / c.full
			return fixed + max(float64(p.Power)-fixed, 0)*f/float64(p.Clock)
		}
		q := &c.curve[i-1]
		x := (f - float64(q.Clock)) / float64(p.Clock-q.Clock)
		return float64(q.Power) + x*float64(p.Power-q.Power)
	}
	return 1
}
