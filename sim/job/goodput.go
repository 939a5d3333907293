package job

import (
	"cmp"
	"math"
	"slices"

	"clustercap/sim/dist"
	"clustercap/sim/unit"
)

// Recovery is what follows a failure: Detection, then Restart. A failure during the
// restart starts both over. One during detection changes nothing unless it is known
// earlier: the owner looks at the job as soon as the first of them is.
type Recovery struct {
	Detection []WeightedDuration // by class; weights are relative
	// Restarts by what a failure took; weights are relative.
	Restarts []Restart
	// Idle is the rate of failures during detection and restart over that in training.
	Idle unit.Factor
}

// Restart is one way back to training.
type Restart struct {
	Weight float64
	Time   dist.Duration
	Fixed  unit.Duration // on top of Time
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
// Without the time in detection, in which nothing is left to lose, the time from one
// durable checkpoint to the next is a renewal cycle. With period C = interval +
// blocking, background b and rate λ, U of it is in training, and λ U failures end that:
//
//	U = e^{λ b} (e^{λ C} − 1) / λ,
//
// exact, not first order: after a restart the next checkpoint needs C + b without
// failure, before one C. While the job does not train failures come at the rate
// μ = Idle λ, so that each restart of time R takes 1/φ attempts, φ = E[e^{−μ R}], which
// take (1/φ − 1) / μ together (E[R] for μ → 0), and a detection of mean time D each:
//
//	E = U (1 + λ ((1/φ − 1) / μ + D/φ)),
//
// the goodput is interval / E. With b = 0, Idle = 1, D = 0 and constant R this is the
// complete model of Daly (2006).
func ExpectedGoodput(c Cycle, rate unit.Rate, r Recovery) unit.Share {
	interval, period := float64(c.Interval.Duration()), float64((c.Interval + c.Blocking).Duration())
	lambda := float64(rate)
	if lambda*period < 1e-12 { // the limit λ → 0, where the form above is 0/0
		return unit.Share(interval / period)
	}
	up := math.Exp(lambda*float64(c.Background.Duration())) * math.Expm1(lambda*period) / lambda
	mu := lambda * float64(r.Idle)
	var weight, restart, passed float64
	for i := range r.Restarts {
		w := &r.Restarts[i]
		weight += w.Weight
		restart += w.Weight * float64(w.Time.Mean+w.Fixed)
		passed += w.Weight * laplace(w.Time, mu) * math.Exp(-mu*float64(w.Fixed))
	}
	attempts := 1.0
	if weight > 0 {
		if restart /= weight; mu*restart > 1e-12 { // below, the form (1/φ − 1)/μ is 0/0
			attempts = weight / passed
			restart = (attempts - 1) / mu
		}
	}
	return unit.Share(interval / (up * (1 + lambda*(restart+attempts*meanDetection(r.Detection, mu)))))
}

// atom is one value of a discrete distribution and its probability.
type atom struct{ at, p float64 }

// meanDetection is the mean time from a failure until it or one that follows at rate
// lambda is known, each after its own draw from the mixture. With F the distribution
// of one draw, the job is still undetected after t with probability
//
//	(1 − F(t)) exp(−λ ∫₀ᵗ F(u) du),
//
// the second factor because failures that are known by t arrive at rate λ F(t−s) at
// time s. The integral over t is in closed form between the quantiles of F.
func meanDetection(mixture []WeightedDuration, lambda float64) float64 {
	atoms := make([]atom, 0, len(mixture)*quantiles)
	var weight float64
	for _, d := range mixture {
		weight += d.Weight
	}
	if weight == 0 {
		return 0
	}
	for _, d := range mixture {
		atoms = appendAtoms(atoms, d.Duration, d.Weight/weight)
	}
	slices.SortFunc(atoms, func(a, b atom) int { return cmp.Compare(a.at, b.at) })
	var mean, known, from float64 // known is F
	left := 1.0                   // exp(−λ ∫ F)
	for _, a := range atoms {
		dt := a.at - from
		if x := lambda * known * dt; x > 0 {
			mean += (1 - known) * left * -math.Expm1(-x) / (lambda * known)
			left *= math.Exp(-x)
		} else {
			mean += (1 - known) * left * dt
		}
		known, from = min(known+a.p, 1), a.at
	}
	return mean
}

// quantiles by which a distribution with a spread is integrated, at the middles of
// equal shares.
const quantiles = 64

// appendAtoms adds a distribution of probability p.
func appendAtoms(atoms []atom, d dist.Duration, p float64) []atom {
	if d.Constant() {
		return append(atoms, atom{float64(d.Mean), p})
	}
	for i := range quantiles {
		atoms = append(atoms, atom{float64(quantile(d, i)), p / quantiles})
	}
	return atoms
}

func quantile(d dist.Duration, i int) unit.Duration {
	u := (float64(i) + 0.5) / quantiles
	return d.At(math.Sqrt2 * math.Erfinv(2*u-1))
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
	var sum float64
	for i := range quantiles {
		sum += math.Exp(-lambda * float64(quantile(d, i)))
	}
	return sum / quantiles
}
