// Package dist holds the probability distributions of durations.
package dist

import (
	"math"

	"clustercap/sim/unit"
)

// Duration is a distribution of durations: the constant Mean when Median is zero
// or equals Mean, else lognormal with this mean and median (Median < Mean).
type Duration struct {
	Mean   unit.Duration
	Median unit.Duration
}

// Fixed returns the distribution that always gives d.
func Fixed(d unit.Duration) Duration { return Duration{Mean: d, Median: d} }

// Constant reports whether every draw gives the same value.
func (d Duration) Constant() bool { return d.Median == 0 || d.Median == d.Mean }

// At turns a standard normal variate into a draw. A lognormal with median m and
// mean μ has σ² = 2 ln(μ/m).
func (d Duration) At(normal float64) unit.Duration {
	if d.Constant() {
		return d.Mean
	}
	sigma := math.Sqrt(2 * math.Log(float64(d.Mean/d.Median)))
	return unit.Duration(float64(d.Median) * math.Exp(sigma*normal))
}
