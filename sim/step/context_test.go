package step

import (
	"math"
	"testing"
)

// Keys and values of Llama 3 405B over 131,072 tokens on 16 ways of context
// parallelism beside 8 ways of tensor parallelism: one key head of 128 a chip, 512
// bytes a token, all of it but a sixteenth over the NIC, three times a layer.
func TestContextAllGatherIsThreePasses(t *testing.T) {
	w := published()[0].work
	w.Sequence, w.Batch = 131072, 16
	l := layout("tp=8,cp=16,cp_comm=all-gather")
	b := layerOf(t, &w, l)
	const bytes = 131072 * 2 * 128 * 2
	net := newNetwork(a100())
	once := net.gather(bytes, group{16, 8})
	if !near(b.forward.context, once) || !near(b.backward.context, 2*once) {
		t.Errorf("exposed %v and %v s, want %v and twice that", b.forward.context, b.backward.context, once)
	}
	// Latency adds less than a tenth to so many bytes.
	if wire := bytes * 15.0 / 16 / (25e9 * 0.85); once < wire || once > 1.1*wire {
		t.Errorf("an all-gather takes %v s, the bytes alone %v s", once, wire)
	}
	ring := layerOf(t, &w, layout("tp=8,cp=16"))
	if ring.forward.context >= b.forward.context {
		t.Errorf("a ring exposes %v s, as much as an all-gather: attention over 131,072 tokens hides it", ring.forward.context)
	}
	if b.forward.compute.sum() >= ring.forward.compute.sum() {
		t.Error("attention in one kernel takes as long as in 16")
	}
	if b.working < 2*bytes {
		t.Errorf("%v bytes live while a layer runs, keys, values and their gradients alone are %v", b.working, 2.0*bytes)
	}
}

// Attention grows with the square of the sequence and keys with its length: the
// all-gather's share of a layer falls as sequences grow, so it is what short attention
// exposes that decides between the two.
func TestContextAllGatherShareFallsWithLength(t *testing.T) {
	last := math.Inf(1)
	for _, sequence := range []int{8192, 32768, 131072} {
		w := published()[0].work
		w.Sequence, w.Batch = sequence, 16
		b := layerOf(t, &w, layout("tp=8,cp=4,cp_comm=all-gather"))
		share := b.forward.context / b.forward.sum()
		if share >= last {
			t.Errorf("%d tokens: %.3f of a layer, not less than with a quarter of them", sequence, share)
		}
		last = share
	}
}

// Without context parallelism the choice is none.
func TestContextCommNeedsContextParallelism(t *testing.T) {
	w := published()[0].work
	ring := mustEstimate(t, &w, a100(), layout("tp=8,pp=16,dp=1"))
	gathered := mustEstimate(t, &w, a100(), layout("tp=8,pp=16,dp=1,cp_comm=all-gather"))
	if ring.Time != gathered.Time || ring.Memory != gathered.Memory {
		t.Errorf("cp_comm changes a step without cp: %v, %v", ring.Time, gathered.Time)
	}
}

// PyTorch's ring of 4 over heads of Llama 3 405B, 16 a chip whatever the 8 of its keys: a
// number of the output moves 66 bytes forward and 190 backward in merges, keys and values
// of all heads are gathered in each pass, and their gradients of 8 bytes a pair go round
// once, all of it beside nothing.
func TestMergedContextCountsItsTraffic(t *testing.T) {
	w := published()[0].work
	w.Sequence, w.Batch = 131072, 16
	of := func(text string, merged bool) (block, *pricer) {
		m := a100()
		m.Stack.MergedContext = merged
		p, err := NewPricer(&w, m)
		if err != nil {
			t.Fatal(err)
		}
		l := layout(text)
		p.p.take(l)
		return p.p.layer(newShape(&w, l), false), &p.p
	}
	ring, _ := of("tp=8,cp=4", false)
	merged, p := of("tp=8,cp=4", true)
	const numbers = 131072 / 4 * 16 * 128
	moved := func(bytes float64) float64 { return p.rates.stream(numbers * bytes / 16).times(16).sum() }
	for _, pass := range []struct {
		name      string
		got, want float64
	}{
		{"merges forward", merged.forward.compute.sum() - ring.forward.compute.sum(), moved(12 + 3*18)},
		{"merges backward", merged.backward.compute.sum() - ring.backward.compute.sum(), moved(30 + 3*8 + 4*34)},
		{"traffic forward", merged.forward.context, p.net.gather(4*4*numbers, group{4, 8})},
		{"traffic backward", merged.backward.context, p.net.gather(4*4*numbers, group{4, 8}) + 4.0/3*p.net.relay(4*8*numbers, group{4, 8})},
	} {
		if !near(pass.got, pass.want) {
			t.Errorf("%s take %v s, want %v", pass.name, pass.got, pass.want)
		}
	}
	for _, text := range []string{"tp=8,cp=4,cp_comm=all-gather", "tp=8"} {
		plain, _ := of(text, false)
		if got, _ := of(text, true); got != plain {
			t.Errorf("%s: merges change what is not a ring", text)
		}
	}
	full, _ := of("tp=8,cp=4,recompute=full", true)
	if !near(full.redo.context, merged.forward.context) {
		t.Errorf("computed again keys take %v s to gather, want %v", full.redo.context, merged.forward.context)
	}
}
