// Package dist holds the probability distributions of durations.
package dist

import (
	"errors"
	"fmt"
	"math"

	"clustercap/sim/unit"
)

// Duration is a distribution of durations: exponential with this Mean where
// Exponential is set, else the constant Mean when Median is zero or equals Mean,
// else lognormal with this mean and median (Median < Mean).
// Times to repair in the field are close to lognormal, with a mean several times
// the median (LANL: 355 min against 54 min; Schroeder and Gibson, DSN 2006).
type Duration struct {
	Mean        unit.Duration
	Median      unit.Duration // unused with Exponential
	Exponential bool
}

// maxSkew bounds Mean/Median. The widest spread in the field is below 12 (OLMo
// restarts: 38.9 min against 3.7 min); at 1000, σ is 3.7 and half of all the time
// is in draws so rare (one in 10,000) that no set of replicas would show the mean.
const maxSkew = 1000

// Fixed returns the distribution that always gives d.
func Fixed(d unit.Duration) Duration { return Duration{Mean: d, Median: d} }

// Constant reports whether every draw gives the same value.
func (d Duration) Constant() bool {
	if d.Exponential {
		return d.Mean == 0
	}
	return d.Median == 0 || d.Median == d.Mean
}

// At turns a standard normal variate into a draw, nondecreasing in it. A lognormal
// with median m and mean μ has σ² = 2 ln(μ/m). The distribution must be valid.
func (d Duration) At(normal float64) unit.Duration {
	if d.Constant() {
		return d.Mean
	}
	if d.Exponential { // −ln of the normal's upper tail is a standard exponential
		return -d.Mean * unit.Duration(math.Log(math.Erfc(normal/math.Sqrt2)/2))
	}
	sigma := math.Sqrt(2 * math.Log(float64(d.Mean/d.Median)))
	return unit.Duration(float64(d.Median) * math.Exp(sigma*normal))
}

// Validate returns every problem of the distribution, each led by the name of its
// field: times must be finite and not negative, and the median, where given, at
// most the mean and at least a thousandth of it.
func (d Duration) Validate() error {
	var errs []error
	for _, f := range []struct {
		name  string
		value unit.Duration
	}{{"mean", d.Mean}, {"median", d.Median}} {
		switch {
		case math.IsNaN(float64(f.value)) || math.IsInf(float64(f.value), 0):
			errs = append(errs, fmt.Errorf("%s: %v; it must be a finite time", f.name, f.value))
		case f.value < 0:
			errs = append(errs, fmt.Errorf("%s: %v; it must not be negative", f.name, f.value))
		}
	}
	switch {
	case len(errs) > 0 || d.Exponential || d.Constant():
	case d.Median > d.Mean:
		errs = append(errs, fmt.Errorf("median: %v is above the mean %v; a time with a long tail has its median below its mean, and a constant has no median", d.Median, d.Mean))
	case d.Mean > maxSkew*d.Median:
		errs = append(errs, fmt.Errorf("median: %v is less than a thousandth of the mean %v; it must be at least %v", d.Median, d.Mean, d.Mean/maxSkew))
	}
	return errors.Join(errs...)
}
