package step

import (
	"fmt"

	"clustercap/sim/unit"
)

// Offload says what waits in the host's memory while no kernel needs it.
type Offload string

// The choices.
const (
	OffloadNone Offload = "none"
	// OffloadOptimizer keeps master weights and moments on the host. They pass
	// through the chip once per step, both ways at once, piece by piece beside the
	// update (as ZeRO-Infinity streams them, arXiv:2104.07857, section 5; with the
	// update on the host instead, less crosses the link and the host's memory sets
	// the pace).
	OffloadOptimizer Offload = "optimizer"
	// OffloadActivations sends what a layer keeps for the backward pass to the host
	// beside its forward pass and fetches it beside the backward pass.
	OffloadActivations Offload = "activations"
	OffloadAll         Offload = "all"
)

func (o Offload) optimizer() bool { return o == OffloadOptimizer || o == OffloadAll }

func (o Offload) activations() bool { return o == OffloadActivations || o == OffloadAll }

// hostShare is the part of the host's memory that may hold a job's tensors: system,
// data loader and page cache take the rest; a prior, range 0.6-0.9.
const hostShare = 0.8

// offloads reports whether the server's hosts can hold what chips offload.
func (m *Machine) offloads() bool {
	return m.Server.HostLink.Likely > 0 && m.Server.HostMemory.Likely > 0
}

// hostMemory is what a chip may keep on its host.
func (m *Machine) hostMemory() unit.Bytes {
	return hostShare * m.Server.HostMemory.Likely / unit.Bytes(max(1, m.Server.Chips))
}

// layerOffloaded sends what a layer keeps to the host. Copy engines move it, so that
// kernels beside it run as fast as without; what takes longer than the layer's own
// pass is waited for. The chip holds what one layer keeps as it leaves, or arrives,
// and that of the layer that runs.
func (p *pricer) layerOffloaded(b block) block {
	transfer := b.stored / float64(p.mach.Server.HostLink.Likely)
	beside := func(q pass) float64 {
		if p.layout.Schedule == DualPipe {
			// Both change once all-to-alls run beside the kernels, as workOf has it.
			q.expert, q.wait = 0, 0
		}
		return q.sum()
	}
	b.forward.host = max(0, transfer-beside(b.forward))
	b.backward.host = max(0, transfer-beside(b.redo)-beside(b.backward))
	b.kept = b.kept.offloaded()
	return b
}

// offloaded is what the chip and its host hold of it then.
func (k kept) offloaded() kept {
	k.host, k.stored = k.stored, 0
	k.working += 2 * k.host
	return k
}

// optimizerOffload is what streaming the optimizer's state past an update of so many
// seconds adds to it: the longer of the two sets the pace, after the first piece has
// come in.
func (p *pricer) optimizerOffload(s *stage, update float64) float64 {
	if !p.layout.Offload.optimizer() {
		return 0
	}
	transfer := adamBytes * p.sharded(&s.holding) / float64(p.mach.Server.HostLink.Likely)
	return max(0, transfer-update) + transfer/buckets
}

// sharded is a chip's share of a stage's parameters.
func (p *pricer) sharded(h *holding) float64 {
	return h.dense/p.shards(false) + h.expert/p.shards(true)
}

// offloadProblems lists what is wrong with the choice on this machine.
func (l *Layout) offloadProblems(m *Machine) []string {
	switch l.Offload {
	case OffloadNone:
		return nil
	case OffloadOptimizer, OffloadActivations, OffloadAll:
	default:
		return []string{fmt.Sprintf("offload=%s is not none, optimizer, activations or all", l.Offload)}
	}
	if !m.offloads() {
		return []string{fmt.Sprintf("offload=%s needs the server's host_link and host_memory, and %s states none", l.Offload, m.Server.Name)}
	}
	return nil
}
