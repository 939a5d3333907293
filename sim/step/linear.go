package step

import "clustercap/sim/model"

// Constants of linear attention.
const (
	// deltaChunk is the tokens that the chunked form of the delta rule takes at once;
	// within one it multiplies scores like attention (64 in flash-linear-attention and
	// Megatron-Core).
	deltaChunk = 64
	// deltaSpeed is the rate of its products over fused attention's. They are small,
	// one depends on the other, and one inverts a triangle; range 0.2-0.6.
	deltaSpeed = 0.35
	// deltaTraffic is how often the kernels of the chunked form, one for each stage of
	// it, read or write a tensor as large as the values in BF16: operands, decays, two
	// representations within the chunk, the state of each chunk and the output; range
	// 8-16.
	deltaTraffic = 12
	// deltaKernels is the number of those stages: sums of decays, norms, scores, the
	// triangle's inverse, both representations, states and output.
	deltaKernels = 8
)

// linearBlock prices norm, projections, convolution and gated delta rule of one layer
// with linear attention (Yang et al., arXiv:2412.06464, section 3.3).
func (p *pricer) linearBlock(s shape, l *model.Linear) block {
	var b block
	keys, values := float64(l.Keys())/s.tp, float64(l.Values())/s.tp
	heads := float64(l.ValueHeads) / s.tp
	p.norm(&b, s, 0)
	n := 2*keys + 2*values + 2*heads
	p.linear(&b, regionInputs, s.tokens, n, s.hidden)
	p.keep(&b, regionInputs, activationBytes*s.tokens*n)
	p.elementwise(&b, 2*activationBytes*s.tokens*(2*keys+values)) // convolution
	k, v := float64(l.KeyDim), float64(l.ValueDim)
	// Within the chunk scores of keys and of queries, and two products with them;
	// between chunks the state of either is read, corrected and written.
	flops := 2 * s.tokens * heads * (deltaChunk*(2*k+2*v) + 3*k*v)
	rule := cost{matrix: flops / (deltaSpeed * p.rates.attention), flops: flops, kernels: deltaKernels}
	b.forward.compute = b.forward.compute.plus(rule)
	b.backward.compute = b.backward.compute.plus(rule.times(attentionBackward))
	if p.recomputes(regionAttention) {
		b.redo.compute = b.redo.compute.plus(rule)
	}
	p.elementwise(&b, deltaTraffic*activationBytes*s.tokens*values)
	p.keep(&b, regionAttention, activationBytes*s.tokens*(values+heads*k*v/deltaChunk))
	p.elementwise(&b, 3*activationBytes*s.tokens*values) // gated norm
	p.linear(&b, regionOutput, s.tokens, s.hidden, values)
	p.residual(&b, s)
	p.tensorPair(&b, s, kernelTimes{})
	if p.recomputes(regionOutput) {
		b.redo.tensor += b.forward.tensor
	}
	return b
}
