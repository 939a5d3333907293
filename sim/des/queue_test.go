package des

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTotalOrder pins the order by hand: time, then class, then order of pushing;
// kind, index and epoch decide nothing.
func TestTotalOrder(t *testing.T) {
	want := []Event{
		{At: math.MinInt64, Kind: 255},
		{At: -1, Kind: 3},
		{At: 0, Kind: 0, Index: 7, Epoch: 5},
		{At: 0, Kind: 0, Index: 1, Epoch: 1}, // pushed after the one before
		{At: 0, Kind: 1, Index: math.MinInt32},
		{At: 0, Kind: 255, Index: -1, Epoch: math.MaxUint32},
		{At: 1, Kind: 0},
		{At: Never, Kind: 0},
	}
	pushed := []int{6, 2, 7, 5, 3, 0, 4, 1}
	var q Queue
	for _, i := range pushed {
		q.Push(want[i])
	}
	for i, w := range want {
		if head, ok := q.Peek(); !ok || head != w {
			t.Errorf("%d: Peek gives %+v, want %+v", i, head, w)
		}
		if got, ok := q.Pop(); !ok || got != w {
			t.Errorf("%d: Pop gives %+v, want %+v", i, got, w)
		}
	}
	if e, ok := q.Pop(); ok {
		t.Errorf("an empty queue gives %+v", e)
	}
	if e, ok := q.Peek(); ok {
		t.Errorf("an empty queue shows %+v", e)
	}
}

// sorted is the naive model of Queue: a slice kept in order by a stable insertion.
type sorted []Event

func (s *sorted) push(e Event) {
	at, _ := slices.BinarySearchFunc(*s, e, func(old, e Event) int {
		// Never equal: a later push goes behind its equals.
		return cmp.Or(cmp.Compare(old.At, e.At), cmp.Compare(old.Kind, e.Kind), -1)
	})
	*s = slices.Insert(*s, at, e)
}

// TestQueueAgainstModel drives the heap and the model with the same operations.
func TestQueueAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q Queue
		var model sorted
		// Few times and kinds, so that ties are common; now and then an extreme.
		at := rapid.OneOf(rapid.Int64Range(-2, 5), rapid.SampledFrom([]int64{math.MinInt64, math.MaxInt64}))
		index := int32(0)
		push := func(t *rapid.T) {
			e := Event{
				At: Time(at.Draw(t, "at")), Kind: uint8(rapid.SampledFrom([]int{0, 1, 127, 128, 255}).Draw(t, "kind")),
				Index: index, Epoch: rapid.Uint32().Draw(t, "epoch"),
			}
			index++ // tells events apart that are equal in everything else
			q.Push(e)
			model.push(e)
		}
		pop := func(t *rapid.T) {
			got, ok := q.Pop()
			if ok != (len(model) > 0) {
				t.Fatalf("Pop says %v with %d pending", ok, len(model))
			}
			if !ok {
				return
			}
			if got != model[0] {
				t.Fatalf("Pop gives %+v, want %+v", got, model[0])
			}
			model = model[1:]
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": push,
			"pop":  pop,
			"push many": func(t *rapid.T) {
				for range rapid.IntRange(1, 60).Draw(t, "events") { // three levels of the heap
					push(t)
				}
			},
			"pop many": func(t *rapid.T) {
				for range rapid.IntRange(1, 60).Draw(t, "events") {
					pop(t)
				}
			},
			"reset": func(*rapid.T) {
				q.Reset()
				model = nil
			},
			"": func(t *rapid.T) {
				if q.Len() != len(model) {
					t.Fatalf("Len is %d, want %d", q.Len(), len(model))
				}
			},
		})
	})
}

// TestNoAllocation holds a queue at a constant length through pops and pushes, and
// fills it again after Reset.
func TestNoAllocation(t *testing.T) {
	const pending = 1000
	h := newHold(pending)
	if n := testing.AllocsPerRun(1000, h.step); n != 0 {
		t.Errorf("a pop and push allocates %v times", n)
	}
	refill := func() {
		h.queue.Reset()
		for i := range pending {
			h.queue.Push(Event{At: Time(i)})
		}
	}
	if n := testing.AllocsPerRun(10, refill); n != 0 {
		t.Errorf("refilling after Reset allocates %v times", n)
	}
}

// TestResetRestartsOrder: a reset queue gives the order that a fresh one gives.
func TestResetRestartsOrder(t *testing.T) {
	var used, fresh Queue
	for range 10 {
		used.Push(Event{})
	}
	used.Reset()
	if used.Len() != 0 || used.pushes != fresh.pushes {
		t.Errorf("after Reset: %d pending, %d pushes", used.Len(), used.pushes)
	}
}

// TestMM1 runs the queue M/M/1 on the kernel: Poisson arrivals at rate λ, one server
// of exponential rate μ. The mean number in the system is ρ/(1-ρ), ρ = λ/μ.
func TestMM1(t *testing.T) {
	const (
		arrival, departure = 0, 1
		lambda, mu         = 0.5, 1.0 // per second
		horizon            = Time(2e9)
		want               = 1.0 // ρ/(1-ρ) with ρ = 1/2
	)
	arrivals, services := Stream(1, 0, "arrival"), Stream(1, 0, "service")
	exp := func(r *Rand, rate float64) Time { return Time(math.Round(1000 * r.Exp() / rate)) }

	var q Queue
	q.Push(Event{At: exp(arrivals, lambda), Kind: arrival})
	var now Time
	inSystem, area := int64(0), int64(0)
	for {
		e, ok := q.Pop()
		if !ok || e.At > horizon {
			area += inSystem * int64(horizon-now)
			break
		}
		area += inSystem * int64(e.At-now)
		now = e.At
		switch e.Kind {
		case arrival:
			inSystem++
			q.Push(Event{At: now + exp(arrivals, lambda), Kind: arrival})
			if inSystem == 1 {
				q.Push(Event{At: now + exp(services, mu), Kind: departure})
			}
		case departure:
			inSystem--
			if inSystem > 0 {
				q.Push(Event{At: now + exp(services, mu), Kind: departure})
			}
		}
	}
	got := float64(area) / float64(horizon)
	// The time average over T has variance 2ρ(1+ρ)/(μ(1-ρ)^4 T) (Whitt, Planning
	// Queueing Simulations, Management Science 1989), here 24/2e6: a standard
	// error of 0.0035. Four of them.
	if math.Abs(got-want) > 0.014 {
		t.Errorf("mean number in system %.4f, want %.4f", got, want)
	}
}
