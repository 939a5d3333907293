package step

import (
	"math"

	"clustercap/sim/model"
)

// pass is one direction of one microbatch through one layer on one chip.
type pass struct {
	compute cost
	tensor  float64 // s of tensor-parallel collectives, exposed
	expert  float64 // s of expert-parallel all-to-alls
	context float64 // s of context-parallel exchange that attention does not hide
	host    float64 // s of copies to and from the host that the layer does not hide
	links   links   // s for which collectives occupy them, hidden or not
}

func (p pass) plus(q pass) pass {
	return pass{
		p.compute.plus(q.compute), p.tensor + q.tensor, p.expert + q.expert, p.context + q.context, p.host + q.host,
		p.links.plus(q.links),
	}
}

func (p pass) sum() float64 { return p.compute.sum() + p.tensor + p.expert + p.context + p.host }

func (p pass) times(f float64) pass {
	return pass{p.compute.times(f), p.tensor * f, p.expert * f, p.context * f, p.host * f, p.links.times(f)}
}

// block is what one layer (or the embedding, or the head) costs one microbatch.
type block struct {
	forward, backward pass
	redo              pass    // run again before the backward pass
	stored            float64 // bytes of activations kept per microbatch
	products          float64 // bytes of the outputs of all matrix products
	redone            float64 // bytes of activations computed again for the backward pass
	working           float64 // bytes live only while the layer runs
	weights           float64 // s of the backward pass that only gradients of weights take
	owed              float64 // bytes kept for them where they are put off
	host              float64 // bytes kept per microbatch on the host
}

func (b block) plus(c block) block {
	return block{
		b.forward.plus(c.forward), b.backward.plus(c.backward), b.redo.plus(c.redo),
		b.stored + c.stored, b.products + c.products, b.redone + c.redone, max(b.working, c.working),
		b.weights + c.weights, b.owed + c.owed, b.host + c.host,
	}
}

func (b block) times(f float64) block {
	return block{
		b.forward.times(f), b.backward.times(f), b.redo.times(f), b.stored * f, b.products * f, b.redone * f, b.working,
		b.weights * f, b.owed * f, b.host * f,
	}
}

// Bytes of one element in the tensors that layers exchange and keep.
const (
	activationBytes = 2.0 // BF16
	maskBytes       = 1.0 // of dropout
	// logitBytes is what each logit moves and takes in FP32, in which the loss is
	// computed; logitsLive what one takes at the peak: the product's BF16 output, an
	// FP32 copy, and in FP32 the softmax, which becomes the gradient in place
	// (Megatron's vocabulary-parallel cross-entropy). 6 where the loss is one kernel,
	// 14 where PyTorch keeps the gradient apart.
	logitBytes = 4.0
	logitsLive = activationBytes + 2*logitBytes
)

// shape is one microbatch of a workload under a layout, as one chip sees it.
type shape struct {
	tokens  float64 // per tensor-parallel group: micro_batch x sequence / CP
	split   float64 // tokens / TP
	sharded float64 // of the regions between tensor-parallel blocks: split with SP, else tokens
	tp, cp  float64
	hidden  float64
}

func newShape(w *Workload, l Layout) shape {
	t := float64(l.MicroBatch) * float64(w.Sequence) / float64(l.CP)
	s := shape{tokens: t, split: t / float64(l.TP), sharded: t, tp: float64(l.TP), cp: float64(l.CP), hidden: float64(w.Model.Hidden)}
	if l.SP {
		s.sharded = s.split
	}
	return s
}

// linear adds the three products of a linear layer: forward m x n x k, its input
// gradient m x k x n and its weight gradient k x n x m. The first is computed again with
// its region.
func (p *pricer) linear(b *block, of region, m, n, k float64) {
	p.grouped(b, of, 1, m, n, k, p.rates.cast, p.rates.cast)
}

// grouped is groups equal linear layers in one kernel for each product. Casting an element
// of their input and of their output's gradient moves so many bytes.
func (p *pricer) grouped(b *block, of region, groups, m, n, k, input, output float64) {
	r := &p.rates
	b.products += activationBytes * groups * m * n
	cast := r.stream(groups * m * k * input)
	forward := r.gemm(groups, m, n, k).plus(cast)
	b.forward.compute = b.forward.compute.plus(forward)
	if p.recomputes(of) {
		b.redo.compute = b.redo.compute.plus(forward)
	}
	gradient := r.stream(groups * m * n * output)
	weights := r.gemm(groups, k, n, m)
	b.backward.compute = b.backward.compute.
		plus(r.gemm(groups, m, k, n)).
		plus(weights).
		plus(gradient)
	b.weights += weights.sum()
	b.owed += r.operand * groups * m * (k + n)
}

// elementwise adds a memory-bound kernel that moves so many bytes forward and
// twice as many backward (the gradient beside each operand).
func (p *pricer) elementwise(b *block, bytes float64) { p.streams(b, bytes, 2*bytes) }

// unfused adds so many memory-bound kernels that each move so many bytes forward.
func (p *pricer) unfused(b *block, bytes, kernels float64) {
	bytes *= p.rates.traffic
	b.forward.compute = b.forward.compute.plus(p.rates.stream(bytes).times(kernels))
	b.backward.compute = b.backward.compute.plus(p.rates.stream(2 * bytes).times(kernels))
}

// between adds a kernel of the regions between tensor-parallel blocks. Without
// sequence parallelism the forward pass runs it whole on every chip. The backward
// pass gains nothing from sequence parallelism, 11.9 against 11.8 ms of a layer that
// gains 0.5 of 7.7 ms forward (Korthikanti et al., table 4): gathering the blocks'
// inputs once more costs what the shorter kernels save. So it counts divided in both.
func (p *pricer) between(b *block, s shape, bytes float64) {
	p.streams(b, bytes*s.sharded*s.hidden, 2*bytes*s.split*s.hidden)
}

// streams adds a memory-bound kernel that moves so many bytes in each pass.
func (p *pricer) streams(b *block, forward, backward float64) {
	b.forward.compute = b.forward.compute.plus(p.rates.stream(forward * p.rates.traffic))
	b.backward.compute = b.backward.compute.plus(p.rates.stream(backward * p.rates.traffic))
}

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

	p.norm(&b, s)
	if mla := m.MLA; mla != nil {
		p.latentProjections(&b, s, mla)
	} else {
		n := heads*qk + kv*(qk+v)
		if m.OutputGate {
			n += heads * v
			p.elementwise(&b, 3*activationBytes*s.tokens*heads*v)
		}
		p.linear(&b, regionInputs, s.tokens, n, h)
		p.keep(&b, regionInputs, activationBytes*s.tokens*n)
	}
	rotary := 2 * activationBytes * s.tokens * (heads + kv) * qk
	if m.MLA != nil && p.mach.Stack.UnfusedRotary {
		p.unfused(&b, rotary*latentRotaryTraffic/latentRotaryKernels, latentRotaryKernels)
	} else {
		p.elementwise(&b, rotary)
	}

	forward, backward := p.attention(&b, s, heads, qk, v)
	p.keep(&b, regionAttention, activationBytes*s.tokens*heads*v)
	if s.cp > 1 {
		p.contextExchange(&b, s.cp*activationBytes*s.tokens*kv*(qk+v), forward.sum(), backward.sum())
	}

	p.linear(&b, regionOutput, s.tokens, h, heads*v)
	p.residual(&b, s)
	p.tensorPair(&b, s)
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
	once := p.net.ring(bytes, g)
	p.occupy(b, g, once, 2*once)
	b.forward.context += beside(once, forward)
	b.backward.context += beside(2*once, backward)
}

// residual adds dropout, whose mask is kept, and the residual addition behind a block.
func (p *pricer) residual(b *block, s shape) {
	bytes := 3 * activationBytes
	if p.work.Model.Dropout {
		bytes += maskBytes
		b.stored += maskBytes * s.sharded * s.hidden
	}
	p.between(b, s, bytes)
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
// attention; the down projections are small and not divided by TP.
func (p *pricer) latentProjections(b *block, s shape, a *model.MLA) {
	h := s.hidden
	heads := float64(p.work.Model.Heads) / s.tp
	qk, kvUp := float64(a.NopeDim+a.RopeDim), float64(a.NopeDim+a.ValueDim)
	q, kv := float64(a.QRank), float64(a.KVRank)
	r := &p.rates
	if a.QRank > 0 {
		p.linear(b, regionInputs, s.tokens, q, h)
		p.elementwise(b, 2*activationBytes*s.tokens*q)
		p.linear(b, regionInputs, s.tokens, heads*qk, q)
	} else {
		p.linear(b, regionInputs, s.tokens, heads*qk, h)
	}
	p.linear(b, regionInputs, s.tokens, kv+float64(a.RopeDim), h)
	b.owed -= r.operand * s.tokens * h // both products with the hidden state keep one input
	p.elementwise(b, 2*activationBytes*s.tokens*kv)
	p.linear(b, regionInputs, s.tokens, heads*kvUp, kv)
	p.keep(b, regionInputs, activationBytes*s.tokens*(q+kv+float64(a.RopeDim)))
	if p.recomputes(regionLatent) {
		b.redo.compute = b.redo.compute.plus(r.gemm(1, s.tokens, heads*qk, max(q, kv))).plus(r.gemm(1, s.tokens, heads*kvUp, kv))
		b.redone += activationBytes * s.tokens * heads * (qk + kvUp)
	} else {
		p.keep(b, regionInputs, activationBytes*s.tokens*heads*(qk+kvUp))
	}
}

// tensorPair adds the all-gather before and the reduce-scatter after a
// tensor-parallel block, forward and backward (Korthikanti et al., section 4.2.2;
// the backward pass's second all-gather runs beside the weight gradient), less what
// the stack hides beside the products. Without sequence parallelism it is one
// all-reduce behind the block and one behind its backward pass.
func (p *pricer) tensorPair(b *block, s shape) {
	if s.tp <= 1 {
		return
	}
	bytes, all := activationBytes*s.tokens*s.hidden, group{p.layout.TP, 1}
	pair := 2 * p.net.gather(bytes, all)
	if !p.layout.SP {
		pair = p.net.reduce(bytes, all)
	}
	p.occupy(b, all, pair, pair)
	hidden := (1 - commSlowdown) * float64(p.mach.Stack.TensorOverlap.Likely) * pair // net of what it costs the kernels
	b.forward.tensor += pair - hidden
	if p.layout.Schedule.splits() {
		// Half of the backward pass's traffic, the reduce-scatter of a block's input
		// gradient, hides beside the weight gradient (Transformer Engine's bulk
		// overlap), which is put off.
		hidden /= 2
	}
	b.backward.tensor += pair - hidden
	if p.layout.SP {
		// The block's input and the gradient of its output are kept as shards.
		b.owed -= 2 * p.rates.operand * (s.tokens - s.split) * s.hidden
	}
}

// feedForward prices norm, a dense feed-forward block of this width and the
// residual addition.
func (p *pricer) feedForward(s shape, width float64) block {
	var b block
	h := s.hidden
	p.norm(&b, s)
	p.mlp(&b, 1, s.tokens, width/s.tp, h, 1)
	p.residual(&b, s)
	p.tensorPair(&b, s)
	return b
}

// norm adds the norm before a block and keeps its input, and its output, a matrix
// operand, unless that is computed again.
func (p *pricer) norm(b *block, s shape) {
	elements := s.sharded * s.hidden
	p.between(b, s, 2*activationBytes)
	b.stored += activationBytes * elements
	if p.recomputes(regionNorm) {
		b.redo.compute = b.redo.compute.plus(p.rates.stream(2 * activationBytes * elements))
		b.redone += p.rates.operand * elements
	} else {
		b.stored += p.rates.operand * elements
	}
}

// mlp adds groups equal feed-forward blocks of m tokens each. It keeps the inputs of
// the activation function (in FP8 where the products are and memory is being saved,
// DeepSeek-V3 section 3.3.3), and its output unless that is computed again. traffic is
// how often over a fused kernel's the activation is read and written; 0 where the products
// before and behind it apply it and cast what it gives.
func (p *pricer) mlp(b *block, groups, m, width, hidden, traffic float64) {
	up := 1.0
	if p.work.Model.Gated {
		up = 2
	}
	inner, outer := p.rates.cast, p.rates.cast
	if traffic == 0 {
		inner = 0
	}
	p.grouped(b, regionUp, groups, m, up*width, hidden, outer, inner)
	activation := activationBytes * groups * m * width * (up + 1)
	p.elementwise(b, activation*traffic)
	p.grouped(b, 0, groups, m, hidden, width, inner, outer)
	elements := groups * m * width
	b.working = max(b.working, activation) // the gradients of its inputs and output
	switch {
	case p.recomputes(regionUp):
		b.redo.compute = b.redo.compute.plus(p.rates.stream(activation * traffic))
		b.redone += activationBytes*elements*up + p.rates.operand*elements
	case p.recomputes(regionActivation):
		b.redo.compute = b.redo.compute.plus(p.rates.stream(activation))
		b.redone += p.rates.operand * elements
		b.stored += p.rates.operand * elements * up
	default:
		b.stored += activationBytes*elements*up + p.rates.operand*elements
	}
}

// unfusedActivation is the traffic of an expert's activation with biases and clamps over
// that of one fused kernel, where the stack does not say: GPT-OSS clamps gate and linear
// part, multiplies by a scaled sigmoid, adds one, multiplies, weighs and adds biases, a
// kernel each where none fuses them: 20 reads and writes for 3; range 1-13.
const unfusedActivation = 6

// expertActivation is the traffic of the model's expert activation over that of a kernel
// of its own.
func (p *pricer) expertActivation() float64 {
	switch {
	case p.work.Model.Bias:
		return orElse(p.mach.Stack.ExpertActivation, unfusedActivation)
	case p.mach.Stack.FusedExperts && p.work.Precision == MXFP8:
		return 0
	}
	return 1
}

// experts prices router, dispatch, grouped expert products, combine, and the
// shared experts of one MoE layer.
func (p *pricer) experts(s shape) block {
	var b block
	moe := p.work.Model.MoE
	h := s.hidden
	routed := s.split * float64(moe.TopK)
	p.norm(&b, s)

	router := p.rates.gemmBF16(s.split, float64(moe.Experts), h)
	b.forward.compute = b.forward.compute.plus(router)
	b.backward.compute = b.backward.compute.plus(router.times(2))
	// Permutation into expert order, and back with the weighted sum.
	p.unfused(&b, 2*activationBytes*routed*h, 2*orOne(p.mach.Stack.Dispatch))

	busiest := max(1, moe.Imbalance)
	local := float64(moe.Experts) / float64(p.layout.EP)
	etp := float64(p.layout.ETP)
	p.mlp(&b, local, busiest*routed*etp/local, float64(moe.FFN)/etp, h, p.expertActivation())
	p.keep(&b, regionUp, p.rates.operand*busiest*routed*h) // dispatched tokens

	all, inner := p.expertGroup(), group{p.layout.ETP, 1}
	dispatch := busiest * p.net.exchange(activationBytes*routed*h, all, p.dispatch(moe))
	// With ETP the chips of a group share each other's tokens.
	share := p.net.gather(activationBytes*busiest*routed*h*etp, inner)
	p.occupy(&b, all, 2*dispatch, 2*dispatch)
	p.occupy(&b, inner, 2*share, 2*share)
	exchange := dispatch + share
	sync := p.expertSync()
	b.forward.expert += 2*exchange + sync
	b.backward.expert += 2*exchange + sync
	if p.recomputes(regionUp) {
		b.redo.compute = b.redo.compute.plus(p.rates.stream(2 * activationBytes * routed * h * p.rates.traffic))
		b.redo.expert += exchange + sync
	}
	if moe.SharedFFN > 0 {
		p.mlp(&b, 1, s.tokens, float64(moe.SharedFFN)/s.tp, h, 1)
		p.tensorPair(&b, s)
	}
	p.residual(&b, s)
	return b
}

// expertGroup is the chips that exchange tokens: the same rank of every group that
// holds experts.
func (p *pricer) expertGroup() group { return group{p.layout.EP, p.layout.ETP} }

// copies are the parts of an even all-to-all's traffic that a dispatch sends: over the
// scale-up links, and beyond the domain.
type copies struct{ chips, domains float64 }

// dispatch is the traffic of a dispatch that sends each token once to every chip, and
// beyond the domain once to every domain, that holds one of its experts, and forwards
// it there (DeepEP, HybridEP), as a share of sending it once to every expert: k experts
// drawn over n places meet n (1 - (1-1/n)^k) different ones, at most NodeLimit domains.
// The way back is as long: results of one chip are summed before they are sent.
func (p *pricer) dispatch(moe *model.MoE) copies {
	if p.mach.Stack.PlainDispatch {
		return copies{1, 1}
	}
	k := float64(moe.TopK)
	distinct := func(n float64) float64 { return n * (1 - math.Pow(1-1/n, k)) }
	if p.mach.Stack.NeighbourExperts {
		distinct = func(n float64) float64 { return neighbours(moe.TopK, max(1, int(float64(moe.Experts)/n))) }
	}
	g := p.expertGroup()
	domains := distinct(math.Ceil(float64(g.size) / float64(p.net.local(g))))
	if moe.NodeLimit > 0 {
		domains = min(domains, float64(moe.NodeLimit))
	}
	return copies{chips: min(1, distinct(float64(g.size))/k), domains: min(1, domains/k)}
}

// neighbours is over how many places, each holding so many experts, k experts in a row lie in
// the mean, the first one a multiple of k.
func neighbours(k, each int) float64 {
	gcd, rest := k, each
	for rest > 0 {
		gcd, rest = rest, gcd%rest
	}
	return 1 + float64(k-gcd)/float64(each)
}

// besideOther hides the all-to-alls of a layer of experts beside the kernels of another
// microbatch's other pass (Megatron-Core's batch-level overlap, since 0.14), net of what they
// cost these. Without interleaving a stage has no other microbatch at hand, and layers that are
// run again as a whole are not divided so.
func (p *pricer) besideOther(b *block) {
	l := p.layout
	share := float64(p.mach.Stack.ExpertOverlap.Likely)
	if share == 0 || l.Schedule != OneFOneB || l.PP > 1 && l.VPP == 1 || l.Recompute == RecomputeFull {
		return
	}
	share *= 1 - 1/p.microbatches() // the last one has none beside it
	traffic := b.forward.expert + b.backward.expert - 2*p.expertSync()
	kernels := b.forward.compute.sum() + b.redo.compute.sum() + b.backward.compute.sum()
	hidden := (1 - commSlowdown) * share * min(traffic, kernels)
	b.forward.expert -= hidden / 2
	b.backward.expert -= hidden / 2
}

// expertSync is how long the host stalls a layer of experts, each way.
func (p *pricer) expertSync() float64 { return float64(p.mach.Stack.ExpertSync.Likely) }

// awaitHost adds to a pass of a layer with experts, and what it computes again, the
// wait for the host. With counts of tokens to learn in every layer the host cannot run
// ahead: a layer takes as long as its launches, however fast the chip.
func (p *pricer) awaitHost(pass *pass, redo pass) {
	device := pass.sum() + redo.sum()
	host := float64(p.mach.Stack.ExpertLaunch.Likely) * (pass.compute.kernels + redo.compute.kernels)
	pass.expert += max(0, host-device)
}

// layer prices one whole layer of either kind and applies the recompute policy.
func (p *pricer) layer(s shape, moe bool) block {
	var f block
	if moe {
		f = p.experts(s)
	} else {
		f = p.feedForward(s, float64(p.work.Model.FFN))
	}
	if p.recomputes(regionFeedForward) {
		f = f.again(s)
	}
	b := p.attentionBlock(s).plus(f)
	if p.layout.SP && p.layout.TP > 1 {
		// A block's gathered input and its gradient before it is scattered.
		b.working += 2 * activationBytes * s.tokens * s.hidden
	}
	if moe {
		p.besideOther(&b)
		p.awaitHost(&b.forward, pass{})
	}
	all, input := b.stored+b.redone, activationBytes*s.sharded*s.hidden
	switch p.layout.Recompute {
	case RecomputeAlternate:
		// Kept are the layer's input, attention's output, every second product's and what
		// reduce-scatters return; the blocks' inputs are gathered again.
		b.redo.compute = b.redo.compute.plus(cost{matrix: b.forward.compute.matrix / 2, flops: b.forward.compute.flops / 2})
		if p.layout.SP {
			b.redo.tensor = b.forward.tensor / 2
		}
		a := p.work.Model.Attention()
		b.stored = min(all, input+activationBytes*s.tokens*float64(a.Heads*a.V)/s.tp+b.products/2)
	case RecomputeFull:
		// Only the layer's input is kept.
		b.stored = input
		b.redo = b.forward
	}
	if moe {
		redo := b.redo
		if p.layout.Recompute == RecomputeFull {
			redo = pass{} // it has waited as a forward pass
		}
		p.awaitHost(&b.backward, redo)
	}
	// What is computed again lives while the layer runs.
	b.working += all - b.stored
	if p.layout.Offload.activations() {
		b = p.layerOffloaded(b)
	}
	return b
}

// embedding prices the table look-up and its gradient.
func (p *pricer) embedding(s shape) block {
	var b block
	p.elementwise(&b, 2*activationBytes*s.tokens*s.hidden)
	if p.work.Model.Dropout {
		b.stored = maskBytes * s.sharded * s.hidden
	}
	return b
}

// head prices the last norm, the vocabulary projection in BF16 and the
// softmax cross-entropy in FP32.
func (p *pricer) head(s shape) block {
	var b block
	h := s.hidden
	n := float64(p.work.Model.Vocab) / s.tp
	p.elementwise(&b, 2*activationBytes*s.sharded*h)
	r := &p.rates
	b.forward.compute = b.forward.compute.plus(r.gemmBF16(s.tokens, n, h))
	b.backward.compute = b.backward.compute.plus(r.gemmBF16(s.tokens, h, n)).plus(r.gemmBF16(h, n, s.tokens))
	p.elementwise(&b, (activationBytes+2*logitBytes)*s.tokens*n)
	p.tensorPair(&b, s)
	// The norm's input and output, as without recomputation (section 4.3 of
	// Korthikanti et al.).
	b.stored = 2 * activationBytes * s.sharded * h
	b.working = orElse(p.mach.Stack.Logits, logitsLive) * s.tokens * n
	b.owed = 0 // the gradients of logits are too large to put off a product for
	return b
}

// predictor prices one multi-token-prediction module: a projection of two hidden
// states into one, a layer of the last kind, and the head once more.
func (p *pricer) predictor(s shape) block {
	b := p.layer(s, p.work.Model.MoE != nil)
	p.linear(&b, 0, s.tokens, s.hidden/s.tp, 2*s.hidden)
	return b.plus(p.head(s))
}
