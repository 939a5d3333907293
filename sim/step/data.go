package step

// replicas is the group of chips that hold the same weights.
func (p *pricer) replicas(expert bool) group {
	l := p.layout
	if expert {
		return group{l.TP * l.CP * l.DP / (l.EP * l.ETP), l.EP * l.ETP}
	}
	return group{l.CP * l.DP, l.TP}
}

// sharding divides the replicas: inner groups shard, outer groups hold copies of the
// same shard. Without hybrid sharding the outer groups are of one.
func (p *pricer) sharding(expert bool) (inner, outer group) {
	r := p.replicas(expert)
	n := r.size
	if s := p.layout.Shard; s > 0 && s < n && n%s == 0 {
		n = s
	}
	return group{n, r.stride}, group{r.size / n, r.stride * n}
}

// shards is over how many chips the optimizer state of a weight is divided.
func (p *pricer) shards(expert bool) float64 {
	if p.layout.ZeRO == 0 {
		return 1
	}
	inner, _ := p.sharding(expert)
	return float64(inner.size)
}

// dataTraffic is the time of the data-parallel collectives of a stage, dense and
// expert weights one after the other: they share the NICs.
type dataTraffic struct {
	reduce  float64 // gradients, all replicas at once
	scatter float64 // gradients within a sharding group
	across  float64 // their shards, between the groups
	collect float64 // weights within a sharding group
}

func (p *pricer) dataTraffic(s *stage) (t dataTraffic) {
	gradient, pieces := p.gradient(), p.pieces()
	add := func(n, weights float64, expert bool) {
		inner, outer := p.sharding(expert)
		t.reduce += pieces * p.net.reduce(gradient*n/pieces, p.replicas(expert))
		t.scatter += pieces * p.net.gather(gradient*n/pieces, inner)
		t.across += pieces * p.net.reduce(gradient*n/float64(inner.size)/pieces, outer)
		t.collect += pieces * p.net.gather(weights/pieces, inner)
	}
	layers := p.collected()
	add(s.dense, layers*(s.dense-s.tables)+weightBytes*s.tables, false)
	add(s.expert, layers*s.expert, true)
	return t
}

// collected is the bytes of a weight of a layer on its way. Those of embedding and head have
// no 8 bits, and those of MXFP8 are cast, row by row and column by column, once they are there.
func (p *pricer) collected() float64 {
	if p.mach.Stack.WeightsFP8 && p.layout.ZeRO < 3 && p.work.Precision == FP8 {
		return fp8Bytes
	}
	return weightBytes
}

// pieces is how many collectives a stage's weights or gradients travel in: the layers, each
// collected before it runs, where they are fully sharded.
func (p *pricer) pieces() float64 {
	if p.layout.ZeRO == 3 {
		return max(1, float64(p.work.Model.Layers)/float64(p.layout.PP))
	}
	return buckets
}

// replicaTraffic is the traffic of weights and gradients that stays exposed, with what its
// hidden part costs the kernels beside it.
type replicaTraffic struct {
	each, once float64 // s with each microbatch, and once per step
	// Of a step's transfers beside forward and backward passes.
	forward, backward overlap
}

// overlap is the seconds of transfers that could hide beside passes, and that do.
type overlap struct{ could, hidden float64 }

// dataParallel is the data-parallel traffic of a step.
func (p *pricer) dataParallel(s *pipe) replicaTraffic {
	out := p.acrossReplicas(s)
	out.once += p.tiedGradient() + p.amaxTraffic()
	return out
}

// scaledTensors is how many tensors of a layer have a scale of their own: operands and
// gradients of its four products.
const scaledTensors = 4 * 3

// amaxTraffic is the time in which chips agree on the scales of their tensors, after every
// pass of a chunk, those that fill and drain the pipeline included, and beside nothing: an
// all-reduce of the largest value of each (Transformer Engine, quantization.py,
// reduce_and_update_fp8_tensors).
func (p *pricer) amaxTraffic() float64 {
	l := p.layout
	of := p.mach.Stack.AmaxReduction
	if of == "" || p.work.Precision != FP8 {
		return 0
	}
	chips := l.TP * l.CP
	if of == AmaxStage {
		chips *= l.DP
	}
	const bytes = 4
	tensors := scaledTensors * float64(p.work.Model.Layers) / float64(l.PP)
	passes := 2 * (p.microbatches()*float64(l.VPP) + float64(l.PP-1))
	return passes * p.net.reduce(bytes*tensors, group{chips, 1})
}

// tiedGradient is the time to sum the gradient of a table that the first and the last
// stage hold, after the last backward pass (Megatron's embedding group, DeepSpeed's
// reduction of tied gradients).
func (p *pricer) tiedGradient() float64 {
	l, m := p.layout, &p.work.Model
	if !m.Tied || l.lastStage() == 0 {
		return 0
	}
	bytes := p.gradient() * m.EmbeddingParams() / float64(l.TP)
	return p.net.reduce(bytes, group{2, l.lastStage() * l.TP * l.CP * l.DP})
}

// gradient is the bytes of one parameter's gradient on its way. Sums are kept in FP32 and
// travel as they are kept, or narrower.
func (p *pricer) gradient() float64 {
	bytes := p.gradientKept()
	if p.layout.ZeRO == 3 {
		bytes = min(bytes, orElse(p.mach.Stack.ShardedGradients, gradientBytes))
	}
	return bytes
}

// acrossReplicas is the traffic of layers' weights and gradients.
func (p *pricer) acrossReplicas(s *pipe) (out replicaTraffic) {
	t := p.dataTraffic(s.fullest)
	free := 1 - p.shared(s)
	forward, backward := s.passes(p.layout.Schedule)
	if p.layout.Schedule.splits() {
		// Gradients are whole only once the last microbatch's pass for weights is.
		backward = s.slowest.work.weights
	}
	forward, backward = forward*free, backward*free
	if p.serialData() {
		forward, backward = 0, 0
	}
	// exposed is what one of a step's transfers beside these passes adds.
	exposed := func(o *overlap, times, duration, window float64) float64 {
		behind := duration - duration/p.pieces()
		o.could += times * behind
		o.hidden += times * min(behind, window)
		return p.exposed(duration, window)
	}
	collected, scattered := &out.forward, &out.backward
	micro := p.microbatches()
	switch p.layout.ZeRO {
	case 0:
		// One all-reduce of the gradients, beside the last backward pass.
		out.once = exposed(scattered, 1, t.reduce, p.window(backward))
	case 1:
		// Gradients scattered beside the last backward pass, weights collected
		// beside the first forward pass.
		sum := t.scatter + t.across
		if p.mach.Stack.WholeReduce {
			sum = t.reduce
		}
		out.once = exposed(scattered, 1, sum, p.window(backward)) + exposed(collected, 1, t.collect, p.window(forward)) + p.turns()
	case 2:
		out.each = exposed(scattered, micro-1, t.scatter, backward)
		out.once = exposed(scattered, 1, t.scatter+t.across, backward) - out.each + exposed(collected, 1, t.collect, forward)
	default:
		// Fully sharded: weights collected layer by layer in both passes of every
		// microbatch, gradients scattered in each backward pass, and after the last
		// one summed between the copies.
		back := exposed(scattered, micro-1, t.collect+t.scatter, backward)
		out.each = exposed(collected, micro, t.collect, forward) + back
		last := t.collect + t.scatter
		if p.mach.Stack.SerialCopies {
			out.once = t.across
		} else {
			last += t.across
		}
		out.once += exposed(scattered, 1, last, backward) - back
	}
	return out
}

// serialData reports whether gradients are reduced after the backward pass.
func (p *pricer) serialData() bool { return p.mach.Stack.SerialData && p.layout.ZeRO < 3 }

// turns is what the broadcasts of a sharding group's weights take beside their bytes.
// Groups side by side, one for each tensor-parallel rank, share the NICs.
func (p *pricer) turns() float64 {
	inner, _ := p.sharding(false)
	if inner.size == 1 {
		return 0
	}
	return float64(p.mach.Stack.ShardBroadcast.Likely) * float64(inner.size*inner.stride)
}

// window is the time during which gradients of one pass can be reduced: the pass
// itself, and where chunks interleave also the passes of the stage's other chunks,
// which finish one pipeline depth apart.
func (p *pricer) window(pass float64) float64 {
	if p.layout.Schedule.splits() {
		return pass
	}
	v := float64(p.layout.VPP)
	return pass * (1 + (v-1)*float64(p.layout.PP-1)/v)
}

// beside is what a transfer of this duration costs kernels that run beside it for a
// window: what they don't hide, and their slowdown while they hide the rest.
func beside(duration, window float64) float64 { return besideAt(commSlowdown, duration, window) }

// besideAt is beside where kernels lose that share of their speed.
func besideAt(slowdown, duration, window float64) float64 {
	hidden := min(duration, window)
	return duration - hidden + slowdown*hidden
}

// exposed is the same for a collective of replicas that follows its kernels piece by piece:
// the last piece has nothing left to hide behind.
func (p *pricer) exposed(duration, window float64) float64 {
	last := duration / p.pieces()
	return last + besideAt(p.dataSlowdown(), duration-last, window)
}

// dataSlowdown is the share of compute speed lost beside data-parallel traffic: of stages that
// wait for each other's passes at most what they lose one after the other.
func (p *pricer) dataSlowdown() float64 {
	return min(pipelineSlowdown, commSlowdown*float64(p.layout.PP))
}

// optimizer is the Adam update of the fullest stage's share of parameters.
func (p *pricer) optimizer(s *stage) cost {
	return p.rates.stream(adamTraffic * p.sharded(&s.holding))
}
