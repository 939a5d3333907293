package failure

import "math"

// Clock says when the next failure of a changing population falls, with work per
// failure that does not depend on the population.
//
// A class of constant rate per chip is a Poisson process in exposure, the integral
// over time of the chips, each weighted by what it does. The clock keeps each
// class's next firing as an exposure, so a population that grows or shrinks changes
// no firing, only the time at which its exposure is reached. Two plans that share a
// class's draws therefore see their n-th failure of that class after the same
// exposure.
//
// Classes whose weights are equal are reached in the order of their exposures, so
// the clock looks at one class per set of weights.
type Clock struct {
	at     []float64 // exposure of each class's next firing, chip x milliseconds
	mean   []float64 // mean exposure between firings; +Inf for a rate of 0
	member []int     // the group of each class
	groups []group
}

type group struct {
	weights Weights
	next    int // class of the group that fires first, or -1
}

// Weights are the rates of a class by condition, over its rate in use.
type Weights [NumConditions]float64

// Chips counts chips by condition, or integrates the counts over milliseconds.
type Chips [NumConditions]int64

// of is the weighted sum.
func (w *Weights) of(c *Chips) float64 {
	return w[InUse]*float64(c[InUse]) + w[Idle]*float64(c[Idle]) + w[BurnIn]*float64(c[BurnIn]) + w[Excess]*float64(c[Excess])
}

// Reset empties the clock.
func (c *Clock) Reset() {
	c.at, c.mean, c.member, c.groups = c.at[:0], c.mean[:0], c.member[:0], c.groups[:0]
}

// Add gives the clock one more class: its mean exposure between failures (chip x
// milliseconds, +Inf for never), its weights, and the standard exponential variate
// of its first firing. It returns the class's number, counted from 0.
func (c *Clock) Add(mean float64, w Weights, exp float64) int {
	class := len(c.at)
	at := math.Inf(1)
	if !math.IsInf(mean, 1) {
		at = mean * exp
	}
	c.at, c.mean = append(c.at, at), append(c.mean, mean)
	g := 0
	for g < len(c.groups) && c.groups[g].weights != w {
		g++
	}
	if g == len(c.groups) {
		c.groups = append(c.groups, group{weights: w})
	}
	c.member = append(c.member, g)
	c.choose(g)
	return class
}

// Next returns the class that fires first if the population stays as it is, and the
// milliseconds until then (0 or less: its exposure is reached): -1 and +Inf when
// none does, for want of a rate or of chips.
func (c *Clock) Next(exposure, chips *Chips) (class int, wait float64) {
	class, wait = -1, math.Inf(1)
	for g := range c.groups {
		gr := &c.groups[g]
		if gr.next < 0 {
			continue
		}
		rate := gr.weights.of(chips)
		if rate <= 0 {
			continue
		}
		missing := (c.at[gr.next] - gr.weights.of(exposure)) / rate
		if missing < wait {
			class, wait = gr.next, missing
		}
	}
	return class, wait
}

// Exposes reports whether a class strikes any of these chips.
func (c *Clock) Exposes(class int, chips *Chips) bool {
	return c.groups[c.member[class]].weights.of(chips) > 0
}

// Fire moves a class on to its next firing, exp further standard exponential
// intervals away.
func (c *Clock) Fire(class int, exp float64) {
	c.at[class] += c.mean[class] * exp
	c.choose(c.member[class])
}

// Weights of a class.
func (c *Clock) Weights(class int) *Weights { return &c.groups[c.member[class]].weights }

func (c *Clock) choose(g int) {
	next := -1
	for i, at := range c.at {
		if c.member[i] == g && !math.IsInf(at, 1) && (next < 0 || at < c.at[next]) {
			next = i
		}
	}
	c.groups[g].next = next
}
