// Package des is the kernel of a discrete-event simulation: integer time, an event
// queue with a total order, and named streams of random numbers. It knows nothing
// of what it simulates.
package des

import (
	"math"

	"clustercap/sim/unit"
)

// Time is milliseconds since the start of the simulation. Sums of Time x count
// are exact in an int64 up to 9.2e18: a million chips for 292 years.
type Time int64

// Never is later than every event.
const Never Time = math.MaxInt64

// perSecond converts between unit.Duration, in seconds, and Time.
const perSecond = 1000

// FromDuration rounds d to the nearest millisecond, halves away from zero. A
// duration beyond the range of Time becomes Never or -Never. It panics on NaN,
// which no model may produce.
func FromDuration(d unit.Duration) Time {
	ms := math.Round(float64(d) * perSecond)
	// float64(Never) is 2^63, one more than Never holds.
	switch {
	case ms != ms:
		panic("des: a duration that is not a number")
	case ms >= float64(Never):
		return Never
	case ms <= -float64(Never):
		return -Never
	}
	return Time(ms)
}

// Duration returns t in seconds, exact to 2^53 ms (285,000 years).
func (t Time) Duration() unit.Duration { return unit.Duration(t) / perSecond }

// After returns the time d after t, and Never where that is out of range.
// Nothing comes after Never.
func (t Time) After(d unit.Duration) Time {
	step := FromDuration(d)
	switch sum := t + step; {
	case t == Never || step > 0 && sum < t:
		return Never
	case step < 0 && sum > t:
		return -Never
	default:
		return sum
	}
}
