package failure

import (
	"math"
	"testing"

	"clustercap/sim/des"
)

func TestClockFiresInOrderAtItsRates(t *testing.T) {
	mean := []float64{10, 40, math.Inf(1)}
	streams := []*des.Rand{des.Stream(1, 0, "a"), des.Stream(1, 0, "b"), des.Stream(1, 0, "c")}
	var c Clock
	for i, m := range mean {
		c.Add(m, Weights{InUse: 1}, streams[i].Exp())
	}
	const firings = 100_000
	count := make([]int, 3)
	last := 0.0
	for range firings {
		class, at := c.Next(&Chips{}, &Chips{InUse: 1}) // one chip: time is exposure
		if at < last {
			t.Fatalf("class %d fires at %v, after %v", class, at, last)
		}
		last = at
		count[class]++
		c.Fire(class, streams[class].Exp())
	}
	// Class a has 4 of 5 firings, binomial: 4 standard deviations of √(n 0.8 0.2).
	if band := 4 * math.Sqrt(firings*0.16); math.Abs(float64(count[0])-0.8*firings) > band || count[2] != 0 {
		t.Errorf("firings by class %v", count)
	}
	// The sum of n exponentials of mean 8 has standard deviation 8 √n.
	if math.Abs(last-8*firings) > 4*8*math.Sqrt(firings) {
		t.Errorf("%d firings took %v, want about %v", firings, last, 8*firings)
	}
}

func TestClockWithoutFailuresNeverFires(t *testing.T) {
	var c Clock
	c.Add(math.Inf(1), Weights{InUse: 1}, 1)
	c.Add(10, Weights{InUse: 1}, 1)
	if class, at := c.Next(&Chips{}, &Chips{Idle: 5}); class != -1 || !math.IsInf(at, 1) {
		t.Errorf("class %d fires at %v without a chip in use", class, at)
	}
	if class, at := c.Next(&Chips{}, &Chips{InUse: 5}); class != 1 || at != 2 {
		t.Errorf("class %d fires at %v, want the second after 10/5", class, at)
	}
}

// A class that idles at half its rate and does not fail in burn-in has used up its
// exposure at 1 x in use + 0.5 x idle.
func TestClockWeighsConditions(t *testing.T) {
	var c Clock
	c.Add(100, Weights{InUse: 1, Idle: 0.5}, 1)
	c.Add(1000, Weights{InUse: 1, Idle: 1, BurnIn: 1}, 1)
	class, wait := c.Next(&Chips{InUse: 40, Idle: 60, BurnIn: 1000}, &Chips{InUse: 2, Idle: 8})
	if class != 1 || wait > 0 { // 40 + 60 + 1000 is beyond 1000
		t.Errorf("class %d after %v, want the second, overdue", class, wait)
	}
	c.Fire(1, 1)
	if class, wait = c.Next(&Chips{InUse: 40, Idle: 60}, &Chips{InUse: 2, Idle: 8}); class != 0 || wait != 5 {
		t.Errorf("class %d after %v, want the first after (100 − 40 − 30)/(2 + 4) = 5", class, wait)
	}
}
