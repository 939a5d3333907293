package job

import (
	"cmp"
	"math"
	"slices"

	"clustercap/sim/dist"
	"clustercap/sim/unit"
)

// Setback is one kind of failure: how often it stops a job, what it takes the job back to
// and what follows: Detection, then Restart. A failure during the restart that takes the
// job back no further starts both over, and one that takes it back further what follows
// that. One during detection changes nothing unless it is known earlier: the owner looks at
// the job as soon as the first of them is.
type Setback struct {
	// Rate of these failures while the job trains.
	Rate unit.Rate
	// Back is the wall time of training between two states of which the newest survives, +Inf
	// where that is the store's checkpoint.
	Back      unit.Duration
	Detection []WeightedDuration // by class; weights are relative
	// Restarts by what a failure took; weights are relative.
	Restarts []Restart
	// Idle is the rate of failures during detection and restart over that in training.
	Idle unit.Factor
}

// ToStore is the Back of failures that only the store's checkpoints survive.
var ToStore = unit.Duration(math.Inf(1))

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

// Setbacks are the kinds of failure that a job has to expect, those that take it back
// least first.
type Setbacks struct {
	levels []setback
	store  unit.Rate
}

// setback is a kind of failure with the mean time from one in training until training goes
// on, and until then or one that reaches further.
type setback struct{ rate, idle, back, pause, exposed float64 }

// NewSetbacks orders kinds of failure and prices their pauses. While the job does not train
// failures come at a rate μ, of which μ_j of kind j. A restart of time R after kind k passes
// without one with probability φ = E[e^{−μ R}] and takes (1 − φ)/μ in the mean until it has
// passed or is struck; struck by kind j it is one after the further-reaching of j and k. So
// with a detection of mean time D the pause is
//
//	P_k = D + (1 − φ) (1/μ + Σ_j μ_j/μ P_max(j,k)),
//
// for one kind (1/φ − 1)/μ + D/φ, and E[R] + D for μ → 0.
func NewSetbacks(kinds ...Setback) Setbacks {
	slices.SortStableFunc(kinds, func(a, b Setback) int { return cmp.Compare(a.Back, b.Back) })
	s := Setbacks{levels: make([]setback, 0, len(kinds))}
	mu, within := 0.0, make([]float64, len(kinds)) // of kinds that reach no further
	for i := range kinds {
		k := &kinds[i]
		mu += float64(k.Rate) * float64(k.Idle)
		within[i] = mu
		if math.IsInf(float64(k.Back), 1) {
			s.store += k.Rate
		}
	}
	var further float64 // Σ μ_j P_j of kinds that reach further
	for i := len(kinds) - 1; i >= 0; i-- {
		k := &kinds[i]
		if !(k.Rate > 0) {
			continue
		}
		var weight, restart, passed float64
		for i := range k.Restarts {
			w := &k.Restarts[i]
			weight += w.Weight
			restart += w.Weight * float64(w.Time.Mean+w.Fixed)
			passed += w.Weight * laplace(w.Time, mu) * math.Exp(-mu*float64(w.Fixed))
		}
		pause := meanDetection(k.Detection, mu)
		exposed := pause
		if weight > 0 {
			if restart /= weight; mu*restart > 1e-12 { // below, (1 − φ)/μ is 0/0
				unstruck := max(passed/weight, 1e-100) // of an attempt
				struck := 1 - unstruck
				passes := unstruck + struck*(1-within[i]/mu)
				exposed = (exposed + struck/mu) / passes
				pause = exposed + struck*further/mu/passes
			} else {
				pause += restart
				exposed = pause
			}
		}
		further += float64(k.Rate) * float64(k.Idle) * pause
		s.levels = append(s.levels, setback{float64(k.Rate), float64(k.Idle), float64(k.Back), pause, exposed})
	}
	slices.Reverse(s.levels)
	return s
}

// ToStore is the rate of the failures that take the job back to the store's checkpoint.
func (s *Setbacks) ToStore() unit.Rate { return s.store }

// LongRun is the share of wall time that makes progress that is kept, and the share in
// training (checkpoints and what is lost included), in the long run, for exponential
// failures, servers always at hand for a restart, and checkpoints to the store in the
// rhythm of c (all in seconds here).
//
// For failures of one kind: without the time in detection, in which nothing is left to
// lose, the time from one durable checkpoint to the next is a renewal cycle. With period C =
// interval + blocking, background b and rate λ, U of it is in training, and λ U failures end
// that:
//
//	U = e^{λ b} (e^{λ C} − 1) / λ,
//
// exact, not first order: after a restart the next checkpoint needs C + b without
// failure, before one C. With the pause P of each failure the goodput is
//
//	interval / (U (1 + λ P)).
//
// With b = 0, as many failures in restarts as in training, no detection and constant
// restarts this is the complete model of Daly (2006).
//
// Kinds are nested, as in the multilevel checkpoints of A. Moody et al. (SC 2010): what
// takes the job back least makes a second of training last s ≥ 1 seconds of wall time, a
// of them in training, and the next kind meets work so stretched, at the rate λ (a + idle (s
// − a)) for each second. That takes the stretch for its mean, which is what a long interval
// meets.
func (s *Setbacks) LongRun(c Cycle) (kept, training unit.Share) {
	interval, period := float64(c.Interval.Duration()), float64((c.Interval + c.Blocking).Duration())
	// Wall time for each second of undisturbed cycles, and what of the pauses may yet cost more work.
	train, pause, exposed := 1.0, 0.0, 0.0
	for _, l := range s.levels {
		back, write := l.back, 0.0
		if back >= period {
			back, write = period, float64(c.Background.Duration())
		}
		rate := l.rate * (train + l.idle*exposed) // for each second of undisturbed cycles
		again := 1.0
		if x := rate * back; x > 1e-12 { // the limit of x → 0, where the form is 0/0
			again = math.Exp(min(rate*write, mostHazard)) * math.Expm1(min(x, mostHazard)) / x
		}
		pause = again * (pause + l.rate*train*l.pause)
		exposed = again * (exposed + l.rate*train*l.exposed)
		train *= again
	}
	return unit.Share(interval / period / (train + pause)), unit.Share(train / (train + pause))
}

// mostHazard is the number of failures to expect before a state survives beyond which no
// exponential is taken: nothing is left of the job then.
const mostHazard = 200

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
