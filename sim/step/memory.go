package step

import "clustercap/sim/unit"

// memory is the need of the fullest stage. Weights, gradients and optimizer state
// per parameter follow mixed-precision Adam (2 + 4 + 12 bytes; ZeRO shards optimizer,
// gradients and weights in turn); activations are what the blocks keep, times the
// microbatches in flight.
func (p *pricer) memory(s *pipe) Memory {
	var out Memory
	micro := p.microbatches()
	for i := range s.stages {
		if m := p.stageMemory(&s.stages[i], i, micro); m.Total() > out.Total() {
			out = m
		}
	}
	out.Capacity = p.mach.Chip.HBM.Likely
	return out
}

func (p *pricer) stageMemory(s *stage, index int, micro float64) Memory {
	l := p.layout
	sharded := s.dense/p.shards(false) + s.expert/p.shards(true)
	all := s.dense + s.expert
	weights, gradients := all, all
	var gathered float64
	if l.ZeRO >= 2 {
		gradients = sharded
	}
	if l.ZeRO == 3 {
		weights = sharded
		// Two layers' weights at a time: one computing, one arriving.
		gathered = 2 * weightBytes * all / max(1, float64(p.work.Model.Layers))
	}
	activations := s.stored*p.inFlight(index, micro) + s.transient
	m := Memory{
		Weights:     unit.Bytes(weightBytes * weights),
		Gradients:   unit.Bytes(gradientBytes * gradients),
		Optimizer:   unit.Bytes(adamBytes * sharded),
		Activations: unit.Bytes(activations),
	}
	m.Buffers = unit.Bytes(contextBytes + gathered + fragmentation*activations)
	return m
}

// inFlight is how many microbatches of a whole stage's activations stage index
// holds at its fullest.
func (p *pricer) inFlight(index int, micro float64) float64 {
	l := p.layout
	pp, v := float64(l.PP), float64(l.VPP)
	switch {
	case l.PP == 1:
		return 1
	case l.Schedule == DualPipe:
		return min(micro, pp+1)
	case l.VPP > 1:
		// Warm-up of the interleaved schedule: (PP-1-i)*2 + (v-1)*PP + 1 chunks.
		return min(micro, (2*(pp-1-float64(index))+(v-1)*pp+1)/v)
	default:
		return min(micro, pp-float64(index))
	}
}
