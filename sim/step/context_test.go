package step

import (
	"math"
	"testing"

	"clustercap/sim/unit"
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
// number of the output moves 50 bytes forward and 146 backward in merges, keys and values
// of all heads are gathered in each pass, and their gradients of 8 bytes a pair go round
// once, all of it beside nothing. Not compiled it moves more, and waits for less.
func TestMergedContextCountsItsTraffic(t *testing.T) {
	w := published()[0].work
	w.Sequence, w.Batch = 131072, 16
	of := func(text string, stack Stack) (block, *pricer) {
		m := a100()
		m.Stack = stack
		p, err := NewPricer(&w, m)
		if err != nil {
			t.Fatal(err)
		}
		l := layout(text)
		p.p.take(l)
		return p.p.layer(newShape(&w, l), false), &p.p
	}
	const numbers = 131072 / 4 * 16 * 128
	const all = 4 * 4 * numbers // bytes of keys and values
	for _, eager := range []bool{false, true} {
		plain := Stack{Elementwise: unit.Point[unit.Factor](3)}
		pytorch := plain
		pytorch.MergedContext, pytorch.EagerContext = true, eager
		ring, _ := of("tp=8,cp=4", plain)
		merged, p := of("tp=8,cp=4", pytorch)
		more := 1.0
		if eager {
			more = 1.7
		}
		moved := func(bytes float64) float64 { return p.rates.stream(more * numbers * bytes / 16).times(16).sum() }
		gather, round := p.net.gather(all, group{4, 8}), 4.0/3*p.net.relay(4*8*numbers, group{4, 8})
		for _, pass := range []struct {
			name      string
			got, want float64
		}{
			{"merges forward", merged.forward.compute.sum() - ring.forward.compute.sum(), moved(4*2 + 12 + 3*10)},
			{"merges backward", merged.backward.compute.sum() - ring.backward.compute.sum(), moved(4*2 + 3*6 + 4*3*10)},
			{"links forward", merged.forward.links.nic, p.occupied(group{4, 8}, gather).nic},
			{"links backward", merged.backward.links.nic, p.occupied(group{4, 8}, gather+round).nic},
		} {
			if !near(pass.got, pass.want) {
				t.Errorf("eager %v: %s take %v s, want %v", eager, pass.name, pass.got, pass.want)
			}
		}
		waits, returns := gather, gather+round
		if eager {
			forward, backward := p.rates.attend(131072/4, 16, p.span(0), 128, 128, 4)
			waits = beside(gather, forward.sum()/4)
			returns = beside(gather, backward.sum()/4) + beside(round*3/4, backward.sum()*3/4) + round/4
		}
		if got := merged.forward.context; !near(got, waits) {
			t.Errorf("eager %v: forward waits %v s, want %v", eager, got, waits)
		}
		if got := merged.backward.context; !near(got, returns) {
			t.Errorf("eager %v: backward waits %v s, want %v", eager, got, returns)
		}
		if merged.working < all+2*8*numbers {
			t.Errorf("eager %v: %v bytes live while a layer runs, keys, values and two of their gradients are %v", eager, merged.working, all+2*8*numbers)
		}
		again, _ := of("tp=8,cp=4,recompute=attn", pytorch)
		kept, _ := of("tp=8,cp=4,recompute=attn", plain)
		if got := again.redo.compute.sum() - kept.redo.compute.sum(); !near(got, moved(50)) || !near(again.redo.context, merged.forward.context) || !near(again.redo.links.nic, merged.forward.links.nic) {
			t.Errorf("eager %v: computed again merges take %v s, keys wait %v and occupy the link %v s; the first time %v, %v and %v", eager, got, again.redo.context, again.redo.links.nic, moved(50), merged.forward.context, merged.forward.links.nic)
		}
	}
	plain, _ := of("tp=8", Stack{})
	if got, _ := of("tp=8", Stack{MergedContext: true}); got != plain {
		t.Error("merges change what has no context parallelism")
	}
}

// A stack that has a ring alone refuses to gather keys before one kernel.
func TestMergedContextIsARing(t *testing.T) {
	w := published()[0].work
	m := a100()
	m.Stack = Stack{Name: "torch", MergedContext: true}
	for text, want := range map[string]bool{"tp=8,pp=8,cp=2,dp=1,cp_comm=all-gather": true, "tp=8,pp=8,cp=2,dp=1": false, "tp=8,pp=16,dp=1,cp_comm=all-gather": false} {
		l := layout(text)
		if got := len(l.Problems(&w, m)) > 0; got != want {
			t.Errorf("%s: refused %v, want %v: %v", text, got, want, l.Problems(&w, m))
		}
	}
}
