package cost

import (
	"math"

	"clustercap/sim/unit"
)

// Present is the value at time 0 of an amount at a time, discounted by a share per year:
// amount / (1 + discount)^years.
func Present(amount float64, at unit.Duration, discount float64) float64 {
	return amount * math.Pow(1+discount, -float64(at/unit.Year))
}

// PresentStream is the value at time 0 of money that flows at a rate per second from one
// time to another: the integral of Present.
func PresentStream(rate float64, from, to unit.Duration, discount float64) float64 {
	if !(to > from) {
		return 0
	}
	perSecond := math.Log1p(discount) / float64(unit.Year)
	if x := perSecond * float64(to-from); x > 1e-9 { // below, expm1(x)/x is 1 to half of x
		return rate * math.Exp(-perSecond*float64(from)) * -math.Expm1(-x) / perSecond
	}
	return Present(rate*float64(to-from), from, discount)
}
