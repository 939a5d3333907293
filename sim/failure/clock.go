package failure

import "math"

// Clock says when the next failure of a changing population falls, with work per
// failure that does not depend on the population.
//
// A class of constant rate per chip is a Poisson process in exposure, the integral
// of the chips in service over time. The clock keeps each class's next firing as an
// exposure, so a population that grows or shrinks changes no firing, only the time
// at which its exposure is reached. Two plans that share a class's draws therefore
// see their n-th failure of that class after the same exposure.
type Clock struct {
	at   []float64 // exposure of each class's next firing, chip x milliseconds
	mean []float64 // mean exposure between firings; +Inf for a rate of 0
	next int       // class that fires first, or -1
}

// Reset sets the mean exposure between failures of each class (chip x milliseconds,
// +Inf for never) and draws their first firings; exp gives a class's next standard
// exponential variate.
func (c *Clock) Reset(mean []float64, exp func(class int) float64) {
	c.mean = append(c.mean[:0], mean...)
	c.at = c.at[:0]
	for i, m := range c.mean {
		at := math.Inf(1)
		if !math.IsInf(m, 1) {
			at = m * exp(i)
		}
		c.at = append(c.at, at)
	}
	c.choose()
}

// Next returns the class that fires first and the exposure at which it does:
// -1 and +Inf when none ever will.
func (c *Clock) Next() (class int, exposure float64) {
	if c.next < 0 {
		return -1, math.Inf(1)
	}
	return c.next, c.at[c.next]
}

// Fire moves the first class on to its next firing, exp further standard
// exponential intervals away.
func (c *Clock) Fire(exp float64) {
	c.at[c.next] += c.mean[c.next] * exp
	c.choose()
}

func (c *Clock) choose() {
	c.next = -1
	for i, at := range c.at {
		if !math.IsInf(at, 1) && (c.next < 0 || at < c.at[c.next]) {
			c.next = i
		}
	}
}
