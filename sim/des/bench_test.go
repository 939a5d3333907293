package des

import (
	"fmt"
	"math"
	"testing"

	"clustercap/sim/unit"
)

// hold is the hold model: a queue of constant length from which the earliest event
// is taken and put back an exponential time later. The increments are drawn ahead,
// so that only the queue is timed.
type hold struct {
	queue Queue
	steps []Time
	next  int
}

func newHold(pending int) *hold {
	random := Stream(1, 0, "hold")
	h := &hold{steps: make([]Time, 1<<16)}
	for i := range h.steps {
		h.steps[i] = FromDuration(unit.Duration(3600 * random.Exp()))
	}
	for i := range pending {
		h.queue.Push(Event{At: FromDuration(unit.Duration(3600 * random.Exp())), Kind: uint8(i % 4), Index: int32(i)})
	}
	// The spread of the pending times settles to its steady state.
	for range 4 * pending {
		h.step()
	}
	return h
}

func (h *hold) step() {
	e, _ := h.queue.Pop()
	e.At += h.steps[h.next]
	h.next = (h.next + 1) % len(h.steps)
	h.queue.Push(e)
}

func BenchmarkHold(b *testing.B) {
	for _, pending := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(pending), func(b *testing.B) {
			h := newHold(pending)
			b.ReportAllocs()
			for b.Loop() {
				h.step()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mevents/s")
		})
	}
}

func BenchmarkStream(b *testing.B) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		sink += Stream(1, i, "failure/chip").Float64()
	}
}

func BenchmarkRand(b *testing.B) {
	r := Stream(1, 0, "bench")
	for _, draw := range []struct {
		name string
		from func() float64
	}{
		{"Float64", r.Float64},
		{"Exp", r.Exp},
		{"Norm", r.Norm},
		{"IntN", func() float64 { return float64(r.IntN(1000)) }},
	} {
		b.Run(draw.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				sink += draw.from()
			}
		})
	}
	if math.IsNaN(sink) {
		b.Fatal("a draw is not a number")
	}
}

// sink keeps the compiler from dropping the draws.
var sink float64
