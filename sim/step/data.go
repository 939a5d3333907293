package step

// replicas is the group of chips that hold the same weights.
func (p *pricer) replicas(expert bool) group {
	l := p.layout
	if expert {
		return group{l.TP * l.CP * l.DP / (l.EP * l.ETP), l.EP * l.ETP}
	}
	return group{l.CP * l.DP, l.TP}
}

// shards is over how many chips the optimizer state of a weight is divided.
func (p *pricer) shards(expert bool) float64 {
	if p.layout.ZeRO == 0 {
		return 1
	}
	return float64(p.replicas(expert).size)
}

// both prices a collective over the dense and the expert weights of a stage, one
// after the other: they share the NICs.
func (p *pricer) both(s *stage, bytes float64, collective func(float64, group) float64) float64 {
	return collective(bytes*s.dense, p.replicas(false)) + collective(bytes*s.expert, p.replicas(true))
}

// dataParallel is the data-parallel traffic that stays exposed, plus what its
// hidden part costs the kernels beside it: with each microbatch and once per step.
func (p *pricer) dataParallel(s *pipe) (each, once float64) {
	full := s.fullest
	scatter := p.both(full, gradientBytes, p.net.gather)
	collect := p.both(full, weightBytes, p.net.gather)
	forward, backward := s.passes()
	if p.mach.Stack.SerialData {
		forward, backward = 0, 0
	}
	switch p.layout.ZeRO {
	case 0:
		// One all-reduce of the gradients, beside the last backward pass.
		return 0, exposed(p.both(full, gradientBytes, p.net.reduce), p.window(backward))
	case 1:
		// Gradients scattered beside the last backward pass, weights collected
		// beside the first forward pass.
		return 0, exposed(scatter, p.window(backward)) + exposed(collect, p.window(forward))
	case 2:
		return exposed(scatter, backward), exposed(collect, forward)
	default:
		// Fully sharded: weights collected layer by layer in both passes of
		// every microbatch, gradients scattered in each backward pass.
		return exposed(collect, forward) + exposed(collect+scatter, backward), 0
	}
}

// window is the time during which gradients of one pass can be reduced: the pass
// itself, and where chunks interleave also the passes of the stage's other chunks,
// which finish one pipeline depth apart.
func (p *pricer) window(pass float64) float64 {
	v := float64(p.layout.VPP)
	return pass * (1 + (v-1)*float64(p.layout.PP-1)/v)
}

// beside is what a transfer of this duration costs kernels that run beside it for a
// window: what they don't hide, and their slowdown while they hide the rest.
func beside(duration, window float64) float64 {
	hidden := min(duration, window)
	return duration - hidden + commSlowdown*hidden
}

// exposed is beside for a collective that follows its kernels bucket by bucket: the
// last bucket has nothing left to hide behind.
func exposed(duration, window float64) float64 {
	last := duration / buckets
	return last + beside(duration-last, window)
}

// optimizer is the Adam update of the fullest stage's share of parameters.
func (p *pricer) optimizer(s *stage) cost {
	return p.rates.stream(adamTraffic * (s.dense/p.shards(false) + s.expert/p.shards(true)))
}
