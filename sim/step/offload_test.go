package step

import (
	"testing"

	"clustercap/sim/unit"
)

// hosted is 8-GPU A100 servers with a link to the host of so many GB/s.
func hosted(gbps float64) *Machine {
	m := a100()
	m.Server.HostLink = unit.Point(unit.Bandwidth(gbps * 1e9))
	return m
}

// A link without limit costs nothing. The chip keeps what three layers keep: the one
// that runs, in its workspace, one that leaves and one that arrives.
func TestFastHostLinkIsFree(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 64, Precision: BF16}
	w.Model.Vocab = 1000 // so that the loss takes less than a layer
	plain := mustEstimate(t, w, hosted(1e30), layout("tp=2,dp=1"))
	all := mustEstimate(t, w, hosted(1e30), layout("tp=2,dp=1,offload=all"))
	// 1e30 B/s move all of it in no time that a float of seconds resolves.
	if !near(float64(all.Time), float64(plain.Time)) {
		t.Errorf("%v with everything on the host, %v without", all.Time, plain.Time)
	}
	b := layerOf(t, w, layout("tp=2"))
	if saved, want := plain.Memory.Activations-all.Memory.Activations, (24-2)*b.stored; !near(float64(saved), want) {
		t.Errorf("saves %v of activations, want %v", saved, want)
	}
	state := float64(plain.Memory.Optimizer)
	if want := 24*b.stored + state; !near(float64(all.Memory.Host), want) {
		t.Errorf("%v on the host, want %v", all.Memory.Host, want)
	}
	if want := 0.2 * state; !near(float64(all.Memory.Optimizer), want) {
		t.Errorf("%v of the optimizer on the chip, want two pieces of ten, %v", all.Memory.Optimizer, want)
	}
}

// On a slow link the copies set the pace: each layer's activations out in the forward
// pass and in again in the backward pass, 12 bytes of state a parameter both ways at
// once, and a tenth of it first.
func TestSlowHostLinkSetsThePace(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 8, Precision: BF16}
	const rate = 1e8 // B/s: far slower than any kernel
	m := hosted(rate / 1e9)
	none := mustEstimate(t, w, m, layout("tp=1,dp=1"))
	b := layerOf(t, w, layout("tp=1"))
	layers := mustEstimate(t, w, m, layout("tp=1,dp=1,offload=activations"))
	wait := 2*b.stored/rate - b.forward.sum() - b.backward.sum()
	if want := 8 * 24 * wait; !near(float64(layers.Parts.HostComm), want) {
		t.Errorf("%v of copies exposed, want %v s", layers.Parts.HostComm, want)
	}
	if more := layers.Time - none.Time; !near(float64(more), float64(layers.Parts.HostComm)) {
		t.Errorf("the step takes %v longer, copies %v", more, layers.Parts.HostComm)
	}
	state := mustEstimate(t, w, m, layout("tp=1,dp=1,offload=optimizer"))
	n := w.Model.Params()
	update := n * adamTraffic / (2e12 * 0.85)
	// The update's launch is microseconds of hours.
	if got, want := float64(state.Parts.HostComm), 1.1*12*n/rate-update; got < want*(1-1e-6) || got > want*(1+1e-6) {
		t.Errorf("%v s of state exposed, want %v", got, want)
	}
}

// What the host cannot hold does not fit, and a server without a link says so.
func TestOffloadNeedsAHost(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 64, Precision: BF16}
	m := hosted(25)
	m.Server.HostMemory = unit.Point(unit.Bytes(8 * 1e9))
	if s := mustEstimate(t, w, m, layout("tp=8,dp=1,offload=optimizer")); s.Memory.Fits() || s.Memory.HostCapacity != 0.8e9 {
		t.Errorf("%s fits hosts of 1 GB per chip", s.Memory)
	}
	m.Server.HostMemory = unit.Range[unit.Bytes]{}
	got := layout("tp=8,dp=1,offload=optimizer").Problems(w, m)
	if want := "offload=optimizer needs the server's host_link and host_memory, and hgx states none"; len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
	got = layout("tp=8,dp=1,offload=disk").Problems(w, m)
	if want := "offload=disk is not none, optimizer, activations or all"; len(got) != 1 || got[0] != want {
		t.Errorf("%q, want %q", got, want)
	}
}
