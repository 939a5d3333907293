package step

import "clustercap/sim/model"

// attentionBlock prices the attention of one layer, norm and residual addition
// included: the mean of both kinds where some layers have linear attention.
func (p *pricer) attentionBlock(s shape) block {
	b := p.softmaxBlock(s)
	if l := p.work.Model.Linear; l != nil {
		linear := float64(p.work.Model.LinearLayers()) / float64(p.work.Model.Layers)
		b = b.times(1 - linear).plus(p.linearBlock(s, l).times(linear))
	}
	return b
}

// Rotary embedding of latent attention where no kernel fuses it (Megatron-Core before 0.13,
// models/common/embeddings/rope_utils.py): 13 launches for the rotated third of the queries
// and as many for the one key of all heads, then both are joined with the rest. The rotated
// part is read and written 11 times. A kernel of this model stands for about 4 launches of
// an eager stack: range 3-6, so 5-9 kernels.
const (
	latentRotaryKernels = 7
	latentRotaryTraffic = 1.9 // of a fused kernel's
)

// softmaxBlock prices norm, projections, rotary embedding and attention of one layer.
func (p *pricer) softmaxBlock(s shape) block {
	var b block
	m := &p.work.Model
	a := m.Attention()
	heads, kv := float64(a.Heads)/s.tp, max(1, float64(a.KVHeads)/s.tp)
	qk, v := float64(a.QK), float64(a.V)
	h := s.hidden

	p.norm(&b, s, 0)
	hidden := p.hiddenInput(s)
	in := hidden
	if mla := m.MLA; mla != nil {
		p.latentProjections(&b, s, mla)
		in = p.latentInput(s, mla)
	} else {
		n := heads*qk + kv*(qk+v)
		if m.OutputGate {
			n += heads * v
			p.elementwise(&b, 3*activationBytes*s.tokens*heads*v)
		}
		p.linear(&b, regionInputs, s.tokens, n, h)
		p.keep(&b, regionInputs, activationBytes*s.tokens*n)
	}
	rotary, kernels := 2*activationBytes*s.tokens*(heads+kv)*qk, 1.0
	if m.MLA != nil && p.mach.Stack.UnfusedRotary {
		rotary, kernels = rotary*latentRotaryTraffic/latentRotaryKernels, latentRotaryKernels
	}
	p.streams(&b, kernels, rotary, 2*rotary)

	forward, backward := p.attention(&b, s, heads, qk, v)
	p.keep(&b, regionAttention, activationBytes*s.tokens*heads*v)
	switch {
	case s.cp <= 1:
	case p.mach.Stack.MergedContext:
		p.mergedContext(&b, s, heads, qk, v, forward.sum(), backward.sum())
	default:
		p.contextExchange(&b, s.cp*activationBytes*s.tokens*kv*(qk+v), forward.sum(), backward.sum())
	}

	p.linear(&b, regionOutput, s.tokens, h, heads*v)
	p.residual(&b, s)
	p.tensorEnds(&b, s, kernelTimes{}, in, hidden.seconds)
	if p.recomputes(regionOutput) {
		b.redo.tensor += b.forward.tensor
	}
	return b
}

// contextExchange adds the exchange of keys and values, so many bytes of all chips
// together, for attention kernels that take forward and backward seconds. The backward
// pass moves the gradients too. A ring holds two blocks, which is little; who gathers
// holds all keys and values, and all of their gradients until they are scattered.
func (p *pricer) contextExchange(b *block, bytes, forward, backward float64) {
	g := group{p.layout.CP, p.layout.TP}
	if p.layout.CPComm == AllGather {
		once := p.net.gather(bytes, g)
		b.forward.context += once
		b.backward.context += 2 * once
		b.working = max(b.working, 2*bytes)
		p.occupy(b, g, once, 2*once)
		return
	}
	once := p.net.relay(bytes, g)
	p.occupy(b, g, once, 2*once)
	b.forward.context += beside(once, forward)
	b.backward.context += beside(2*once, backward)
}

// What PyTorch's ring attention moves beside its attention kernels, in bytes for each number
// of a chip's queries, keys and values, counted from its source (torch/distributed/tensor/
// experimental/_attention.py of PyTorch 2.6) with neighbouring element-wise operations
// fused and those whose result nobody uses removed, as its compiler does.
const (
	// mergeJoin copies keys and values into the one buffer that is sent.
	mergeJoin = 4
	// Forward the first block's result is cast to FP32 and the sum back; every other one is
	// read, and the sum read and written.
	mergeFirst, mergeOther = 12, 10
	// Backward every block's three gradients are read, their FP32 sums read and written, and
	// these cast back at the end.
	mergeGradient, mergeCast = 10, 6
	// mergeKernels is how many kernels a block takes for that.
	mergeKernels = 4
	// mergeUnfused is how often as many bytes move where nothing is compiled: sums are
	// cleared, joined and scaled by kernels of their own. Counted from the same source.
	mergeUnfused = 1.7
	// mergeTravel is the bytes in which a number of a gradient travels, FP32.
	mergeTravel = 4
)

// mergedContext adds context parallelism as PyTorch has it, for attention kernels that take
// forward and backward seconds: keys and values, repeated for all heads, are gathered, and
// the gradients of others' go all the way round in FP32. Traced code waits for every
// collective where it starts it (torch/distributed/_functional_collectives.py); what is not
// compiled (eager_context) waits where a block needs the result, and computes another meanwhile:
// all but the last of the ways round.
func (p *pricer) mergedContext(b *block, s shape, heads, qk, v, forward, backward float64) {
	eager := p.mach.Stack.EagerContext
	merge := func(widths float64) cost {
		bytes, kernels := s.tokens*heads*widths, mergeKernels*s.cp
		if eager {
			bytes *= mergeUnfused
		}
		return p.rates.stream(bytes / kernels).times(kernels)
	}
	kv := qk + v
	once := merge(mergeJoin*kv + (mergeFirst+(s.cp-1)*mergeOther)*v)
	b.forward.compute = b.forward.compute.plus(once)
	b.backward.compute = b.backward.compute.plus(merge(mergeJoin*kv + (mergeCast+s.cp*mergeGradient)*(qk+kv)))
	g := group{p.layout.CP, p.layout.TP}
	all := s.tokens * heads * kv
	gather := p.net.gather(s.cp*activationBytes*all, g)
	round := p.net.relay(s.cp*mergeTravel*all, g) * s.cp / (s.cp - 1)
	p.occupy(b, g, gather, gather+round)
	waits, returns := gather, gather+round
	if eager {
		first, last := 1/s.cp, round/s.cp
		waits = beside(gather, forward*first)
		returns = beside(gather, backward*first) + beside(round-last, backward*(1-first)) + last
	}
	b.forward.context += waits
	b.backward.context += returns
	if p.recomputes(regionAttention) {
		b.redo.compute = b.redo.compute.plus(once)
		b.redo.context += waits
		b.redo.links = b.redo.links.plus(p.occupied(g, gather))
	}
	b.working = max(b.working, (s.cp*activationBytes+2*mergeTravel)*all)
}

// attention adds the attention product, averaged over full and windowed layers,
// and returns its two passes.
func (p *pricer) attention(b *block, s shape, heads, qk, v float64) (forward, backward cost) {
	m := &p.work.Model
	if p.layout.Attention == Unfused {
		var stored float64
		forward, backward, stored = p.rates.attendUnfused(float64(p.layout.MicroBatch), heads, float64(p.work.Sequence), qk, v, m.Dropout)
		// The gradients before and behind the softmax.
		b.working = max(b.working, 2*activationBytes*float64(p.layout.MicroBatch)*heads*float64(p.work.Sequence)*float64(p.work.Sequence))
		if p.recomputes(regionScores) {
			b.redo.compute = b.redo.compute.plus(forward)
			b.redone += stored
		} else {
			b.stored += stored
		}
	} else {
		blocks := s.cp
		if p.layout.CPComm == AllGather {
			blocks = 1
		}
		forward, backward = p.rates.attend(s.tokens, heads, p.span(0), qk, v, blocks)
		if m.Window > 0 {
			f, g := p.rates.attend(s.tokens, heads, p.span(m.Window), qk, v, blocks)
			forward, backward = forward.plus(f).times(0.5), backward.plus(g).times(0.5)
		}
	}
	b.forward.compute = b.forward.compute.plus(forward)
	b.backward.compute = b.backward.compute.plus(backward)
	if p.recomputes(regionAttention) {
		b.redo.compute = b.redo.compute.plus(forward)
	}
	return forward, backward
}

// span is the mean number of keys that attention computes scores of for a query.
func (p *pricer) span(window int) float64 {
	if block := p.mach.Stack.AttentionBlock; block > 0 {
		return blockSpan(p.work.Sequence, window, block)
	}
	return model.AttentionSpan(p.work.Sequence, window)
}

// latentProjections prices the down and up projections of multi-head latent
// attention. The weights of the down projections are small and not divided by TP: with
// sequence parallelism every chip runs them, and the norms behind them, on its own shard of
// the tokens, else on all of them (megatron/core/transformer/multi_latent_attention.py).
func (p *pricer) latentProjections(b *block, s shape, a *model.MLA) {
	h := s.hidden
	heads := float64(p.work.Model.Heads) / s.tp
	qk, kvUp := float64(a.NopeDim+a.RopeDim), float64(a.NopeDim+a.ValueDim)
	q, kv := float64(a.QRank), float64(a.KVRank)
	r := &p.rates
	if a.QRank > 0 {
		p.linear(b, regionInputs, s.sharded, q, h)
		p.elementwise(b, 2*activationBytes*s.sharded*q)
		p.linear(b, regionInputs, s.tokens, heads*qk, q)
	} else {
		p.linear(b, regionInputs, s.tokens, heads*qk, h)
	}
	p.linear(b, regionInputs, s.sharded, kv+float64(a.RopeDim), h)
	b.owed -= r.operand * s.sharded * h // both products with the hidden state keep one input
	p.elementwise(b, 2*activationBytes*s.sharded*kv)
	p.linear(b, regionInputs, s.tokens, heads*kvUp, kv)
	p.keep(b, regionInputs, activationBytes*s.sharded*(q+kv+float64(a.RopeDim)))
	if p.recomputes(regionLatent) {
		b.redo.compute = b.redo.compute.plus(r.gemm(1, s.tokens, heads*qk, max(q, kv))).plus(r.gemm(1, s.tokens, heads*kvUp, kv))
		b.redone += activationBytes * s.tokens * heads * (qk + kvUp)
	} else {
		p.keep(b, regionInputs, activationBytes*s.tokens*heads*(qk+kvUp))
	}
}

// latentInput is what latent attention gathers with sequence parallelism: the compressed
// queries, or the hidden state where those are not compressed, the compressed keys and
// values, and the rotated part of the keys.
func (p *pricer) latentInput(s shape, a *model.MLA) gathered {
	if s.tp <= 1 || !p.layout.SP {
		return gathered{}
	}
	q, kv := float64(a.QRank), float64(a.KVRank)
	if a.QRank == 0 {
		q = s.hidden
	}
	out := gathered{width: q + kv}
	for _, width := range [...]float64{q, kv, float64(a.RopeDim)} {
		out.seconds += p.net.gather(activationBytes*s.tokens*width, group{p.layout.TP, 1})
	}
	return out
}
