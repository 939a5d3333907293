package backtest

import (
	"math"

	"clustercap/sim/hardware"
	"clustercap/sim/unit"
)

// constant is one efficiency constant of a chip that calibration may fit.
type constant struct {
	name      string
	unit      string  // 1 for a share
	low, high float64 // what it can physically be, in SI
	get       func(*hardware.Efficiency) float64
	set       func(*hardware.Efficiency, float64)
	text      func(low, likely, high float64) string
	// foreign tells configurations that do not run at the chip's constant; nil where
	// all do.
	foreign func(*Configuration) bool
}

// Bounds of the constants: products of TPUs come within a few percent of the
// data-sheet rate and none exceeds it, and a stack below 10 % is broken, not slow.
// Dependent kernels follow each other within 0.3 us (one compiled program) to 30 us
// (an eager stack).
const (
	leastShare, mostShare   = 0.10, 0.98
	leastLaunch, mostLaunch = 0.3e-6, 30e-6
)

// constants lists what can be fitted, in the order of the catalog.
func constants() []constant {
	attention := share("attention", func(e *hardware.Efficiency) *unit.Range[unit.Share] { return &e.Attention })
	attention.foreign = func(f *Configuration) bool { return f.Machine.Stack.Attention.Likely != 0 }
	return []constant{
		share("matmul", func(e *hardware.Efficiency) *unit.Range[unit.Share] { return &e.Matmul }),
		share("matmul_fp8", func(e *hardware.Efficiency) *unit.Range[unit.Share] { return &e.MatmulFP8 }),
		attention,
		share("memory", func(e *hardware.Efficiency) *unit.Range[unit.Share] { return &e.Memory }),
		{
			name: "launch", unit: "s", low: leastLaunch, high: mostLaunch,
			get: func(e *hardware.Efficiency) float64 { return float64(e.Launch.Likely) },
			set: func(e *hardware.Efficiency, v float64) { e.Launch = unit.Point(unit.Duration(v)) },
			text: func(low, likely, high float64) string {
				return rangeText(func(v float64) unit.Duration { return unit.Duration(v) }, 1e-8, low, likely, high)
			},
		},
		share("scale_up_bus", func(e *hardware.Efficiency) *unit.Range[unit.Share] { return &e.ScaleUpBus }),
	}
}

// share is a constant that is a share of a data-sheet rate.
func share(name string, field func(*hardware.Efficiency) *unit.Range[unit.Share]) constant {
	return constant{
		name: name, unit: "1", low: leastShare, high: mostShare,
		get: func(e *hardware.Efficiency) float64 { return float64(field(e).Likely) },
		set: func(e *hardware.Efficiency, v float64) { *field(e) = unit.Point(unit.Share(v)) },
		text: func(low, likely, high float64) string {
			return rangeText(func(v float64) unit.Share { return unit.Share(v) }, 1e-3, low, likely, high)
		},
	}
}

// rangeText writes a range rounded to multiples of grain, as the catalog writes it.
func rangeText[Q unit.Quantity](of func(float64) Q, grain, low, likely, high float64) string {
	round := func(v float64) Q {
		// Dividing by the inverse keeps 0.705 from becoming 0.7050000000000001.
		return of(math.Round(v/grain) / math.Round(1/grain))
	}
	return unit.FormatRange(unit.Range[Q]{Low: round(low), Likely: round(likely), High: round(high)})
}

// free maps a value within the bounds to the whole line, and bounded maps back: the
// minimiser knows no bounds.
func (c *constant) free(v float64) float64 {
	u := (min(max(v, c.low), c.high) - c.low) / (c.high - c.low)
	const edge = 1e-6 // a value at a bound would be at infinity
	u = min(max(u, edge), 1-edge)
	return math.Log(u / (1 - u))
}

func (c *constant) bounded(x float64) float64 {
	return c.low + (c.high-c.low)/(1+math.Exp(-x))
}

// bound names the bound of the constant that a fit ended at, "" for none: within a
// thousandth of its range, where free has gone far out and the squares hardly change.
func (c *constant) bound(v float64) string {
	near := (c.high - c.low) / 1000
	switch {
	case v-c.low < near:
		return "low"
	case c.high-v < near:
		return "high"
	}
	return ""
}
