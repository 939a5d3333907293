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
}

// youngest is the age, in units of the scale, below which a Weibull hazard is held
// at its mean over that age: a falling hazard is infinite at 0. The cumulated hazard
// is exact from there on; at k = 0.5 one life in a hundred ends before.
const youngest = 1e-4

// newHazard prepares a shape for lives of a mean, up to an oldest age (seconds).
func newHazard(s Shape, mean, oldest float64) hazard {
	h := hazard{shape: s, mean: mean, bound: 1}
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
	return h
}

// at is the hazard at an age in seconds, over 1/mean.
func (h *hazard) at(age float64) float64 {
	switch k := h.shape.Parameter; h.shape.Kind {
	case Weibull:
		x := age / h.scale
		if x < youngest {
			return h.mean / h.scale * math.Pow(youngest, k-1)
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
	h := newHazard(s, 1/float64(rate), 0)
	return unit.Factor((h.cumulated(float64(age+span)) - h.cumulated(float64(age))) * h.mean / float64(span))
}

// cumulated is the hazard's integral up to an age in seconds: −ln of the share that lives.
func (h *hazard) cumulated(age float64) float64 {
	if age <= 0 {
		return 0
	}
	if h.shape.Kind == Weibull {
		return math.Pow(age/h.scale, h.shape.Parameter)
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

// Reset prepares for the drawn values of a spec, ranges at Likely, and servers of
// at most the oldest age. Its memory is reused.
func (a *Aging) Reset(s *Spec, oldest unit.Duration) {
	of := func(d Decline) decline { return decline{max(float64(d.Factor.Likely)-1, 0), max(float64(d.Time), 1)} }
	a.infant, a.maturing, a.relapse = of(s.Infant), of(s.Maturing), s.Relapse
	a.hazards, a.bounds, a.own = a.hazards[:0], a.bounds[:0], a.own[:0]
	own := (1 + a.infant.excess) * max(float64(s.Relapse.Factor), 1)
	a.ageless = true
	for i := range s.Classes {
		c := &s.Classes[i]
		h := newHazard(c.Shape, 1/(float64(c.Rate.Likely)*float64(s.Scale.Likely)), float64(oldest))
		a.hazards = append(a.hazards, h)
		bound := (1 + a.maturing.excess) * h.bound
		if c.Scope.OwnServer() {
			bound *= own
		}
		a.own = append(a.own, c.Scope.OwnServer())
		a.bounds = append(a.bounds, bound)
		a.ageless = a.ageless && bound == 1
	}
}

// Ageless reports whether no rate depends on any age.
func (a *Aging) Ageless() bool { return a.ageless }

// Bound is the highest factor that Factor gives for a class.
func (a *Aging) Bound(class int) float64 { return a.bounds[class] }

// Factor is a class's present hazard over its mean rate, for a server of these ages:
// since its commissioning, since the last repair of its own, and since the site's start.
// Relapsing is whether its last repair mended nothing.
func (a *Aging) Factor(class int, commissioned, renewed, site unit.Duration, relapsing bool) float64 {
	h := &a.hazards[class]
	age := commissioned
	if h.shape.Since == SinceRepair {
		age = renewed
	}
	f := h.at(float64(age)) * a.maturing.at(float64(site))
	if !a.own[class] {
		return f
	}
	f *= a.infant.at(float64(commissioned))
	if relapsing && renewed < a.relapse.Time {
		f *= float64(a.relapse.Factor)
	}
	return f
}
