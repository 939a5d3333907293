package step

import "clustercap/sim/unit"

// Bytes per parameter, and what memory holds besides tensors.
const (
	// weightBytes: the BF16 copy that the layers compute with, or the FP8 copy and
	// its transpose.
	weightBytes   = 2.0
	fp8Bytes      = 1.0  // that copy alone, as it is gathered
	gradientBytes = 4.0  // gradients are accumulated and reduced in FP32
	adamBytes     = 12.0 // FP32 master weight and two moments
	// gatheredLayers of weights are whole on a chip under full sharding: one
	// computing, one arriving.
	gatheredLayers = 2
	// gatheredMatrices are whole on a chip where they are gathered one by one, likewise.
	gatheredMatrices = 2
	// gatheredGradients are the bytes per parameter of one layer's gradients before
	// they are scattered: BF16 as computed, and the FP32 buffer that is reduced
	// (PyTorch FSDP2 with reduce_dtype float32).
	gatheredGradients = 2 + 4
	// contextBytes is what driver, runtime and communicators hold before the
	// first tensor, range 2-5 GB.
	contextBytes = 3e9
	// fragmentation is what the allocator reserves beyond what is in use, as a share
	// of the memory that comes and goes; range 3-15 %.
	fragmentation = 0.05
)

// context is what the stack holds beside tensors.
func (s *Stack) context() unit.Bytes { return unit.Bytes(orElse(s.Context, contextBytes)) }

// Tensors is a step's memory without what driver, runtime and communicators hold:
// what a framework's allocator can report.
func (m *Machine) Tensors(s *Step) unit.Bytes { return s.Memory.Total() - m.Stack.context() }

// memory is the need of the fullest stage. Weights, gradients and optimizer state
// per parameter follow mixed-precision Adam (2 + 4 + 12 bytes; ZeRO shards optimizer,
// gradients and weights in turn); activations are what the blocks keep, times the
// microbatches in flight, and what lives while one layer, or the loss, runs.
func (p *pricer) memory(s *pipe) Memory {
	var out Memory
	micro := p.microbatches()
	for i := range s.stages {
		m := p.stageMemory(&s.stages[i].holding, i, micro)
		host := max(out.Host, m.Host)
		if m.Total() > out.Total() {
			out = m
		}
		out.Host = host
	}
	if p.layout.Offload != OffloadNone {
		out.HostCapacity = p.mach.hostMemory()
	}
	out.Capacity = p.mach.Chip.HBM.Likely
	return out
}

func (p *pricer) stageMemory(h *holding, index int, micro float64) Memory {
	m := p.state(h)
	activations := p.activations(h, index, micro)
	m.Activations = unit.Bytes(activations)
	m.Buffers += unit.Bytes(p.gaps() * activations)
	m.Host += unit.Bytes(h.host * p.inFlight(index, micro))
	return m
}

// state is the memory of a stage without its activations.
func (p *pricer) state(h *holding) Memory {
	l := &p.layout
	sharded := p.sharded(h)
	all := h.dense + h.expert
	weights, gradients := weightBytes*all, all
	state := adamBytes
	perGradient := orElse(p.mach.Stack.Gradients, gradientBytes)
	planned := p.mach.Stack.PlannedMemory
	if perGradient < gradientBytes && !planned {
		// The optimizer makes an FP32 copy of the gradients of its share; a compiler casts
		// them as the update reads them.
		state += gradientBytes
	}
	var gathered float64
	if l.ZeRO >= 2 {
		gradients = sharded
	}
	if l.ZeRO == 3 {
		// What is sharded is the FP32 master, cast as it is gathered (FSDP, MaxText).
		if planned {
			matrix, table := p.largestMatrix(), p.largestTable()
			weights = weightBytes * max(gatheredMatrices*matrix, table)
			gathered = perGradient * max(matrix, table)
		} else {
			// Embedding and head stay whole between the passes: FSDP's root.
			tables := (p.work.Model.EmbeddingParams() + p.work.Model.HeadParams()) / float64(l.TP)
			layer := max(0, all-tables) / max(1, float64(p.work.Model.Layers))
			weights = weightBytes * (tables + gatheredLayers*layer)
			gathered = gatheredGradients * layer
		}
	}
	m := Memory{
		Weights:   unit.Bytes(weights),
		Gradients: unit.Bytes(perGradient * gradients),
		Optimizer: unit.Bytes(state * sharded),
		Buffers:   p.mach.Stack.context() + unit.Bytes(gathered),
	}
	if l.Offload.optimizer() {
		// A piece is updated as the next one arrives. What the layers gather stays.
		m.Host = unit.Bytes(adamBytes * sharded)
		m.Optimizer += 2*m.Host/buckets - m.Host
		if l.ZeRO == 3 {
			m.Weights += unit.Bytes(weightBytes * sharded)
		}
	}
	return m
}

// activations is the bytes that stage index keeps for backward passes at its fullest, and
// that live while one layer runs.
func (p *pricer) activations(h *holding, index int, micro float64) float64 {
	flight := p.inFlight(index, micro)
	kept := h.stored*flight + p.putOff(h, index, micro)
	if waiting := p.waiting(); waiting > 0 {
		// Operands of the head's gradients that wait are kept from each backward pass on. The
		// stage is fullest when the last forward pass is done, or once all of them wait.
		kept = max(
			h.stored*flight+h.operands*min(waiting, micro-flight),
			h.stored*min(flight, micro-waiting)+h.operands*waiting,
		)
	}
	return kept + h.transient
}

// gaps is what the allocator reserves beyond activations, as a share of them.
func (p *pricer) gaps() float64 {
	if p.mach.Stack.PlannedMemory {
		return 0
	}
	return fragmentation
}

// largestMatrix is the parameters of the largest matrix of a layer on one chip, those of all
// its experts being one.
func (p *pricer) largestMatrix() float64 {
	m, l := &p.work.Model, &p.layout
	a := m.Attention()
	width := max(a.Heads*a.V, m.FFN)
	if m.Linear != nil {
		width = max(width, m.Linear.Values())
	}
	var experts float64
	if m.MoE != nil {
		width = max(width, m.MoE.SharedFFN)
		experts = float64(m.MoE.Experts*m.MoE.FFN) / float64(l.EP*l.ETP)
	}
	return float64(m.Hidden) * max(float64(width)/float64(l.TP), experts)
}

// largestTable is the same of embedding and head.
func (p *pricer) largestTable() float64 {
	m := &p.work.Model
	return max(m.EmbeddingParams(), m.HeadParams()) / float64(p.layout.TP)
}

// putOff is what keeping operands for the gradients of weights adds to a stage's
// activations in flight, or saves where an operand takes less than what was kept for
// the pass of the inputs: under ZB-H1 stage i holds i of its microbatches like that as
// the next one's backward pass begins (Qi et al., ICLR 2024, section 2.3).
func (p *pricer) putOff(h *holding, index int, micro float64) float64 {
	switch {
	case h.owed > h.stored:
		return p.owing(index, micro) * (h.owed - h.stored)
	case p.layout.Schedule == ZeroBubbleH1:
		return min(micro, float64(index)) * (h.owed - h.stored)
	default:
		return 0
	}
}

// inFlight is how many microbatches of a whole stage's activations stage index
// holds at its fullest, those included whose weights' gradients are put off.
func (p *pricer) inFlight(index int, micro float64) float64 {
	l := p.layout
	pp, v := float64(l.PP), float64(l.VPP)
	switch {
	case l.PP == 1:
		return 1
	case l.Schedule == DualPipe:
		return min(micro, pp+1)
	case l.Schedule.splits():
		return min(micro, pp)
	case l.VPP > 1:
		// Warm-up of the interleaved schedule: (PP-1-i)*2 + (v-1)*PP + 1 chunks.
		return min(micro, (2*(pp-1-float64(index))+(v-1)*pp+1)/v)
	default:
		return min(micro, pp-float64(index))
	}
}
