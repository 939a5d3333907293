package failure

import (
	"math"

	"clustercap/sim/unit"
)

// Lives are the failures that a part of a class has to expect by its server's age, where
// each repair of the server renews its parts.
type Lives struct {
	step     float64   // of age, in seconds
	failures []float64 // up to each step of age, times the part's mean life; none for other shapes
}

// Lives are told in so many steps of age, of at most an eighth of a server's mean life, and
// go on from the last as they came to it.
const (
	leastSteps, mostSteps = 256, 512
	stepsPerLife          = 8
)

// NewLives tells them, by class, of servers with so many chips up to an age, ranges at
// Likely. Failures of the server itself renew all its parts. It solves the renewal equation
// m(t) = f(t) + ∫ m(t − x) f(x) dx with renewals in the middle of each step.
func NewLives(s *Spec, chips int, oldest unit.Duration) []Lives {
	lives := make([]Lives, len(s.Classes))
	hazards := make([]hazard, len(s.Classes)) // of a part
	var total float64                         // rate of renewals of a server
	any := false
	for i := range s.Classes {
		c := &s.Classes[i]
		rate := float64(c.Rate.Likely * unit.Rate(s.Scale.Likely))
		shape := c.Shape
		if shape.Since != SinceRepair || rate == 0 {
			shape = Shape{}
		}
		hazards[i] = newHazard(shape, 1/rate, 0, 1)
		any = any || hazards[i].ages()
		if c.Scope.OwnServer() {
			total += rate * float64(chips)
		}
	}
	if !any {
		return lives
	}
	step := float64(oldest) / leastSteps
	if total > 0 {
		step = min(step, 1/(stepsPerLife*total))
	}
	steps := min(int(math.Ceil(float64(oldest)/step)), mostSteps)
	renewing := func(age float64) (sum float64) { // cumulated
		for i := range hazards {
			if s.Classes[i].Scope.OwnServer() {
				sum += hazards[i].cumulated(age) * float64(chips)
			}
		}
		return sum
	}
	// alive is the mean share of servers not renewed between two ages, weighted by what
	// renews them, and ends the share that is renewed there.
	type between struct{ from, to, alive, ends float64 }
	look := func(from, to float64) between {
		from = max(from, 0)
		before := renewing(from)
		x := renewing(to) - before
		b := between{from, to, math.Exp(-before), 0}
		if x > 0 {
			b.alive *= -math.Expm1(-x) / x
		}
		b.ends = b.alive * x
		return b
	}
	first, later, renewed := make([]between, steps), make([]between, steps), make([]float64, steps)
	for k := range steps {
		t := float64(k) * step
		first[k], later[k] = look(t, t+step), look(t-step/2, t+step/2)
	}
	for k := range renewed {
		sum := first[k].ends
		for i := range k {
			sum += renewed[i] * later[k-i].ends
		}
		renewed[k] = sum / (1 - later[0].ends)
	}
	fails := make([]float64, steps) // after a renewal
	for c := range lives {
		h := &hazards[c]
		if !h.ages() {
			continue
		}
		of := func(b between) float64 { return (h.cumulated(b.to) - h.cumulated(b.from)) * b.alive * h.mean }
		for k := range fails {
			fails[k] = of(later[k])
		}
		sums := make([]float64, steps+1)
		for k := range steps {
			sum := of(first[k])
			for i := range k + 1 {
				sum += renewed[i] * fails[k-i]
			}
			sums[k+1] = sums[k] + sum
		}
		lives[c] = Lives{step, sums}
	}
	return lives
}

// Mean of the class's hazard over a span from an age on, over that of exponential lives of
// the same mean.
func (l *Lives) Mean(age, span unit.Duration) unit.Factor {
	if len(l.failures) == 0 || !(span > 0) {
		return 1
	}
	return unit.Factor((l.by(float64(age+span)) - l.by(float64(age))) / float64(span))
}

// by is the failures up to an age in seconds, times the mean life.
func (l *Lives) by(age float64) float64 {
	x := max(age, 0) / l.step
	k := min(int(x), len(l.failures)-2)
	return l.failures[k] + (x-float64(k))*(l.failures[k+1]-l.failures[k])
}
