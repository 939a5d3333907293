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
	c.Reset(mean, func(class int) float64 { return streams[class].Exp() })
	const firings = 100_000
	count := make([]int, 3)
	last := 0.0
	for range firings {
		class, at := c.Next()
		if at < last {
			t.Fatalf("class %d fires at %v, after %v", class, at, last)
		}
		last = at
		count[class]++
		c.Fire(streams[class].Exp())
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
	c.Reset([]float64{math.Inf(1)}, func(int) float64 { return 1 })
	if class, at := c.Next(); class != -1 || !math.IsInf(at, 1) {
		t.Errorf("class %d fires at %v", class, at)
	}
}
