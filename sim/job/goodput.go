package job

import (
	"math"

	"clustercap/sim/dist"
	"clustercap/sim/unit"
)

// Recovery is what follows a failure: Detection, then Restart, both exposed to
// further failures, which start them over.
type Recovery struct {
	Detection []WeightedDuration // by class; weights are relative
	Restart   dist.Duration
	Fixed     unit.Duration // on top of Restart
}

// WeightedDuration is one part of a mixture of distributions.
type WeightedDuration struct {
	Weight   float64
	Duration dist.Duration
}

// ExpectedGoodput is the share of wall time that makes progress that is kept, in
// the long run, for exponential failures at rate per second, servers always at hand
// for a restart, and checkpoints in the rhythm of c (all in seconds here).
//
// The time from one durable checkpoint to the next is a renewal cycle. With period
// C = interval + blocking, background b, rate λ and recovery time R it takes
//
//	E = e^{λ b} (e^{λ C} − 1) / (λ φ),  φ = E[e^{−λ R}],
//
// exact, not first order: after a restart the next checkpoint needs C + b without
// failure, before one C. With b = 0 and constant R it is the complete model of Daly
// (2006). The goodput is interval / E.
func ExpectedGoodput(c Cycle, rate unit.Rate, r Recovery) unit.Share {
	interval, period := float64(c.Interval.Duration()), float64((c.Interval + c.Blocking).Duration())
	lambda := float64(rate)
	if lambda*period < 1e-12 { // the limit λ → 0, where the form above is 0/0
		return unit.Share(interval / period)
	}
	phi := laplace(r.Restart, lambda) * math.Exp(-lambda*float64(r.Fixed))
	if len(r.Detection) > 0 {
		var sum, weight float64
		for _, d := range r.Detection {
			sum += d.Weight * laplace(d.Duration, lambda)
			weight += d.Weight
		}
		if weight > 0 {
			phi *= sum / weight
		}
	}
	e := math.Exp(lambda*float64(c.Background.Duration())) * math.Expm1(lambda*period) / (lambda * phi)
	return unit.Share(interval / e)
}

// laplace is E[e^{−λ d}], by the midpoint rule over quantiles: with 64 of them the
// error is below 1e-3 for a lognormal whose mean is twice its median.
func laplace(d dist.Duration, lambda float64) float64 {
	if d.Constant() {
		return math.Exp(-lambda * float64(d.Mean))
	}
	if d.Exponential {
		return 1 / (1 + lambda*float64(d.Mean))
	}
	const quantiles = 64
	var sum float64
	for i := range quantiles {
		u := (float64(i) + 0.5) / quantiles
		sum += math.Exp(-lambda * float64(d.At(math.Sqrt2*math.Erfinv(2*u-1))))
	}
	return sum / quantiles
}
