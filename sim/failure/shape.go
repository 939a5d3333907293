package failure

import (
	"math"

	"clustercap/sim/unit"
)

// ShapeKind names a distribution of lifetimes.
type ShapeKind string

// The kinds of shape; "" is Exponential.
const (
	Exponential ShapeKind = "exponential"
	Weibull     ShapeKind = "weibull"
	Lognormal   ShapeKind = "lognormal"
)

// Since is where a lifetime begins.
type Since string

// The beginnings.
const (
	SinceCommissioning Since = "commissioning" // repairs do not renew the part
	SinceRepair        Since = "repair"        // each repair of the server itself does
	SinceStart         Since = "start"         // each time that its job begins to train does
)

// Shape is how a class's hazard depends on age. The mean life of a chip's part is
// 1/Rate whatever the shape.
type Shape struct {
	Kind ShapeKind
	// Parameter is Weibull's exponent k (below 1: infant mortality, above: wear) or
	// the lognormal's σ of the logarithm.
	Parameter float64
	Since     Since
}

// hazard is a shape for one mean life: the hazard over that of the exponential of
// the same mean, by age.
type hazard struct {
	shape Shape
	mean  float64 // life in seconds
	scale float64 // Weibull: life at which 1 − 1/e have failed; lognormal: median
	bound float64
	young float64 // age, in units of the scale, below which a Weibull hazard is held at its mean
}

// youngest is the age, in units of the scale, below which a Weibull hazard is held
// at its mean over that age: a falling hazard is infinite at 0. The cumulated hazard
// is exact from there on; at k = 0.5 one life in a hundred ends before. Of parts that are
// all renewed at once the first fails sooner; there one first failure in a hundred falls
// before.
const (
	youngest   = 1e-4
	firstEarly = 0.01
)

// newHazard prepares a shape for lives of a mean, up to an oldest age (seconds), of which up
// to so many may begin at once.
func newHazard(s Shape, mean, oldest float64, parts int) hazard {
	h := hazard{shape: s, mean: mean, bound: 1, young: youngest}
	if s.Since == SinceStart && s.Kind == Weibull && s.Parameter < 1 {
		h.young = min(h.young, math.Pow(firstEarly/float64(parts), 1/s.Parameter))
	}
	if math.IsInf(mean, 1) {
		h.shape.Kind = Exponential
	}
	switch h.shape.Kind {
	case Weibull:
		h.scale = mean / math.Gamma(1+1/s.Parameter)
		h.bound = max(h.at(0), h.at(oldest))
	case Lognormal:
		h.scale = mean * math.Exp(-s.Parameter*s.Parameter/2)
		h.bound = h.highest(oldest)
	}
	if s.Since == SinceStart {
		h.bound = max(h.bound, 1) // of what does not train
	}
	return h
}

// at is the hazard at an age in seconds, over 1/mean.
func (h *hazard) at(age float64) float64 {
	switch k := h.shape.Parameter; h.shape.Kind {
	case Weibull:
		x := age / h.scale
		if x < h.young {
			return h.mean / h.scale * math.Pow(h.young, k-1)
		}
		return h.mean / h.scale * k * math.Pow(x, k-1)
	case Lognormal:
		if age <= 0 {
			return 0
		}
		z := math.Log(age/h.scale) / k
		return h.mean / (age * k) * mills(z)
	}
	return 1
}

// Mean of the hazard over a span from an age on, over that of the exponential with the
// same mean life, 1/rate: how often parts fail that their repair leaves as old as they were.
func (s Shape) Mean(rate unit.Rate, age, span unit.Duration) unit.Factor {
	if !(rate > 0) || !(span > 0) || s.Kind != Weibull && s.Kind != Lognormal {
		return 1
	}
	h := newHazard(s, 1/float64(rate), 0, 1)
	return unit.Factor((h.cumulated(float64(age+span)) - h.cumulated(float64(age))) * h.mean / float64(span))
}

// ages reports whether the hazard depends on the age.
func (h *hazard) ages() bool { return h.shape.Kind == Weibull || h.shape.Kind == Lognormal }

// cumulated is the hazard's integral up to an age in seconds: −ln of the share that lives.
func (h *hazard) cumulated(age float64) float64 {
	if age <= 0 {
		return 0
	}
	if h.shape.Kind == Weibull {
		return math.Pow(age/h.scale, h.shape.Parameter)
	}
	if !h.ages() {
		return age / h.mean
	}
	z := math.Log(age/h.scale) / h.shape.Parameter
	if z > 30 { // the tail underflows; see mills
		return z * z / 2
	}
	return -math.Log(math.Erfc(z/math.Sqrt2) / 2)
}

// mills is the normal density over its upper tail at z.
func mills(z float64) float64 {
	if z > 30 { // the tail underflows; its asymptote is good to 1e-3 there
		return z
	}
	return math.Exp(-z*z/2) / math.Sqrt(2*math.Pi) / (math.Erfc(z/math.Sqrt2) / 2)
}

// highest bounds the lognormal hazard up to an age. It rises to one maximum and
// falls; a grid of 1 % steps in age misses the top by less than the 1 % added.
func (h *hazard) highest(oldest float64) float64 {
	top := h.at(oldest)
	for age := oldest; age > h.scale*1e-9 && age > 0; age /= 1.01 {
		top = max(top, h.at(age))
	}
	return 1.01 * top
}

// Aging holds what a server's age does to the rates of all classes.
type Aging struct {
	hazards  []hazard
	own      []bool // by class: infant and relapse apply
	infant   decline
	maturing decline
	relapse  Relapse
	bounds   []float64
	ageless  bool
}

type decline struct{ excess, time float64 }

// Mean of the factor over a span that begins a time after the decline did; 1 where
// there is none.
func (d *Decline) Mean(from, span unit.Duration) unit.Factor {
	excess := max(float64(d.Factor.Likely)-1, 0)
	if excess == 0 || !(d.Time > 0) {
		return 1
	}
	t := float64(d.Time)
	over := 1.0 // of the span
	if x := float64(span) / t; x > 0 {
		over = -math.Expm1(-x) / x
	}
	return unit.Factor(1 + excess*math.Exp(-float64(from)/t)*over)
}

// Declines reports whether the factor is ever above 1.
func (d *Decline) Declines() bool { return d.Factor.High > 1 && d.Time > 0 }

func (d decline) at(t float64) float64 {
	if d.excess == 0 {
		return 1
	}
	return 1 + d.excess*math.Exp(-t/d.time)
}

// Reset prepares for the drawn values of a spec, ranges at Likely, servers of at most the
// oldest age and jobs on at most so many chips. Its memory is reused.
func (a *Aging) Reset(s *Spec, oldest unit.Duration, chips int) {
	of := func(d Decline) decline { return decline{max(float64(d.Factor.Likely)-1, 0), max(float64(d.Time), 1)} }
	a.infant, a.maturing, a.relapse = of(s.Infant), of(s.Maturing), s.Relapse
	a.hazards, a.bounds, a.own = a.hazards[:0], a.bounds[:0], a.own[:0]
	own := (1 + a.infant.excess) * max(float64(s.Relapse.Factor), 1)
	a.ageless = true
	for i := range s.Classes {
		c := &s.Classes[i]
		h := newHazard(c.Shape, 1/(float64(c.Rate.Likely)*float64(s.Scale.Likely)), float64(oldest), chips)
		a.hazards = append(a.hazards, h)
		bound := (1 + a.maturing.excess) * h.bound
		if c.Scope.OwnServer() {
			bound *= own
		}
		a.own = append(a.own, c.Scope.OwnServer())
		a.bounds = append(a.bounds, bound)
		a.ageless = a.ageless && bound == 1 && (h.shape.Kind == "" || h.shape.Kind == Exponential)
	}
}

// Ageless reports whether no rate depends on any age.
func (a *Aging) Ageless() bool { return a.ageless }

// Bound is the highest factor that Factor gives for a class.
func (a *Aging) Bound(class int) float64 { return a.bounds[class] }

// Ages of a server: since its commissioning, since the last repair of its own, since its
// job began to train (negative where none does), and of the site.
type Ages struct{ Commissioned, Renewed, Trained, Site unit.Duration }

// Factor is a class's present hazard over its mean rate, for a server of these ages.
// Relapsing is whether its last repair mended nothing.
func (a *Aging) Factor(class int, age Ages, relapsing bool) float64 {
	h := &a.hazards[class]
	f := 1.0
	switch since := h.shape.Since; {
	case since == SinceRepair:
		f = h.at(float64(age.Renewed))
	case since != SinceStart:
		f = h.at(float64(age.Commissioned))
	case age.Trained >= 0:
		f = h.at(float64(age.Trained))
	}
	f *= a.maturing.at(float64(age.Site))
	if !a.own[class] {
		return f
	}
	f *= a.infant.at(float64(age.Commissioned))
	if relapsing && age.Renewed < a.relapse.Time {
		f *= float64(a.relapse.Factor)
	}
	return f
}

// First is the rate at which the first of so many parts fails that are all renewed at each
// start, by this class alone or by others at a rate, over that of exponential lives of the
// same mean. With the share S of lives that reach an age t, a start lasts ∫ Sⁿ e^(−λ t) dt = M
// in the mean and ends by others in λ M of the cases.
func (s Shape) First(rate unit.Rate, parts int, others unit.Rate) unit.Factor {
	if !(rate > 0) || parts < 1 || s.Kind != Weibull && s.Kind != Lognormal {
		return 1
	}
	h := newHazard(s, 1/float64(rate), 0, parts)
	n, lambda := float64(parts), float64(others)
	// Midpoint rule in the logarithm of the age, from where nothing has failed to where
	// nothing is left.
	const steps, low, high = 2000, -70.0, 10.0
	lasts := 0.0
	for i := range steps {
		t := h.scale * math.Exp(low+(float64(i)+0.5)/steps*(high-low))
		lasts += math.Exp(-n*h.cumulated(t)-lambda*t) * t * (high - low) / steps
	}
	return unit.Factor((1/lasts - lambda) / (n * float64(rate)))
}
