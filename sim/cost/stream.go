package cost

import (
	"slices"

	"clustercap/sim/unit"
)

// Kind is what money is spent on.
type Kind int

// The kinds: the first are bought and lose their value, the others are paid as they come.
const (
	Chips Kind = iota
	Servers
	Network
	Storage
	Parts
	Facility
	Supply // generators and battery
	Energy
	Demand
	Staff // and what is fixed
	Maintenance
	Rent
	Water
	NumKinds
)

// NumCapital is the number of kinds that are bought.
const NumCapital = Supply + 1

// Stream is money spent, or value lost, at a constant rate per second.
type Stream struct {
	Kind     Kind
	From, To unit.Duration // since the scenario's start
	Rate     float64
}

// Over is what flows from one time to another.
func (s Stream) Over(from, to unit.Duration) float64 {
	return s.Rate * float64(max(min(s.To, to)-max(s.From, from), 0))
}

// Spread adds to into[kind][bin] what each stream sums to in each bin of a calendar that
// begins at 0; ends are the bins' ends, ascending. It takes time in proportion to the
// streams and the bins, not to their product.
func Spread(streams []Stream, ends []unit.Duration, into *[NumKinds][]float64) {
	begin := func(b int) unit.Duration {
		if b == 0 {
			return 0
		}
		return ends[b-1]
	}
	last := ends[len(ends)-1]
	// Full bins between the first and the last that a stream meets: their rates as steps.
	var steps [NumKinds][]float64
	for _, s := range streams {
		from, to := max(s.From, 0), min(s.To, last)
		if !(to > from) {
			continue
		}
		first, _ := slices.BinarySearchFunc(ends, from, laterThan)
		final, _ := slices.BinarySearchFunc(ends, to, atLeast)
		if first == final {
			into[s.Kind][first] += s.Rate * float64(to-from)
			continue
		}
		into[s.Kind][first] += s.Rate * float64(ends[first]-from)
		into[s.Kind][final] += s.Rate * float64(to-begin(final))
		if steps[s.Kind] == nil {
			steps[s.Kind] = make([]float64, len(ends))
		}
		steps[s.Kind][first+1] += s.Rate
		steps[s.Kind][final] -= s.Rate
	}
	for k := range steps {
		rate := 0.0
		for b := range steps[k] {
			rate += steps[k][b]
			into[k][b] += rate * float64(ends[b]-begin(b))
		}
	}
}

// laterThan finds the first end after a time, atLeast the first not before it.
func laterThan(end, t unit.Duration) int {
	if end <= t {
		return -1
	}
	return 1
}

func atLeast(end, t unit.Duration) int {
	if end < t {
		return -1
	}
	return 1
}
