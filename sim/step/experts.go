package step

import (
	"math"

	"clustercap/sim/model"
)

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
	p.norm(&b, s, regionOutput)

	router := p.rates.gemmBF16(s.split, float64(moe.Experts), h)
	b.forward.compute = b.forward.compute.plus(router)
	b.backward.compute = b.backward.compute.plus(router.times(2))
	busiest := max(1, moe.Imbalance)
	if slots := float64(p.mach.Stack.Capacity.Likely); slots > 0 {
		busiest = slots // all of them are computed, and what does not fit into them is dropped
	}
	order := p.permute(&b, s, busiest)
	local := float64(moe.Experts) / float64(p.layout.EP)
	etp := float64(p.layout.ETP)
	p.mlp(&b, local, busiest*routed*etp/local, float64(moe.FFN)/etp, h, p.expertActivation())
	p.keep(&b, regionUp, p.rates.operand*busiest*routed*h) // dispatched tokens

	all, inner := p.expertGroup(), group{p.layout.ETP, 1}
	dispatch := busiest * p.net.exchange(activationBytes*routed*h, all, p.dispatch(moe))
	// With ETP the chips of a group share each other's tokens.
	share := p.net.gather(activationBytes*busiest*routed*h*etp, inner)
	once := p.occupied(all, dispatch).plus(p.occupied(inner, share))
	sync := float64(p.mach.Stack.ExpertSync.Likely)
	add := func(q *pass, times float64) {
		q.expert += times * (dispatch + share)
		q.counts += sync
		q.links, q.own = q.links.plus(once.times(times)), q.own.plus(once.times(times))
	}
	add(&b.forward, 2)
	add(&b.backward, 2)
	if p.recomputes(regionUp) {
		b.redo.compute = b.redo.compute.plus(order)
		add(&b.redo, 1)
	}
	if moe.SharedFFN > 0 {
		routed := b.kernelTimes()
		p.mlp(&b, 1, s.tokens, float64(moe.SharedFFN)/s.tp, h, 1)
		p.tensorPair(&b, s, routed)
	}
	p.residual(&b, s)
	return b
}

// permute prices the ordering of tokens by experts, and the way back with the weighted sum, and
// returns what the first alone costs forward. slots is how many places experts have over the
// tokens that they get in the mean; without masks only tokens are moved.
func (p *pricer) permute(b *block, s shape, slots float64) cost {
	routed := s.split * float64(p.work.Model.MoE.TopK)
	if !p.mach.Stack.MaskedDispatch {
		bytes := 2 * activationBytes * routed * s.hidden
		kernels := orOne(p.mach.Stack.Dispatch)
		p.streams(b, 2*kernels, bytes, 2*bytes)
		return p.rates.stream(bytes * p.rates.traffic).times(kernels)
	}
	// Products with masks, sequence by sequence: each place of an expert is a row that is one
	// where its token stands. Forward one product each way; backward the gradients of
	// the tokens, of the experts' outputs and of the weights that the second mask holds.
	seq := float64(p.work.Sequence)
	sequences, places := s.split/seq, slots*seq*float64(p.work.Model.MoE.TopK)
	product := p.rates.gemmBF16(places, s.hidden, seq).times(sequences)
	b.forward.compute = b.forward.compute.plus(product.times(2))
	b.backward.compute = b.backward.compute.plus(product.times(3))
	mask := activationBytes * places * seq * sequences
	p.streams(b, 1, 2*mask, mask) // written; products read it
	p.keep(b, regionUp, 2*mask)
	return product.plus(p.rates.stream(2 * mask * p.rates.traffic))
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
	return 1 + float64(k-gcd(k, each))/float64(each)
}

// besideOther hides the all-to-alls of a layer of experts beside the kernels of another
// microbatch's other pass (Megatron-Core's batch-level overlap, since 0.14), net of what they
// cost these. Without interleaving a stage has no other microbatch at hand, and layers that are
// run again as a whole are not divided so.
func (p *pricer) besideOther(b *block) {
	l := p.layout
	share := float64(p.mach.Stack.ExpertOverlap.Likely)
	if !p.overlapsExperts() || l.Schedule != OneFOneB || l.PP > 1 && l.VPP == 1 || l.Recompute == RecomputeFull {
		return
	}
	share *= 1 - 1/p.microbatches() // the last one has none beside it
	traffic := b.forward.expert + b.backward.expert
	kernels := b.forward.compute.sum() + b.redo.compute.sum() + b.backward.compute.sum()
	hidden := (1 - commSlowdown) * share * min(traffic, kernels)
	b.forward.expert -= hidden / 2
	b.backward.expert -= hidden / 2
}

// overlapsExperts reports whether the stack hides all-to-alls beside another microbatch.
func (p *pricer) overlapsExperts() bool {
	return p.work.Model.MoE != nil && p.mach.Stack.ExpertOverlap.Likely > 0
}

// awaitHost adds to the forward pass of a layer with experts the wait for the host. With
// counts of tokens to learn in every layer the host cannot run ahead: a layer takes as long
// as its launches, however fast the chip.
func (p *pricer) awaitHost(q *pass) {
	q.launch = p.launches(q.compute.kernels)
	q.wait = max(0, q.launch-q.sum())
}

// awaitHostBackward does the same for the backward pass with what it computes again, and
// where gradients of weights are put off for these alone.
func (p *pricer) awaitHostBackward(b *block) {
	q := &b.backward
	kernels, device := q.compute.kernels, q.sum()
	if p.layout.Recompute != RecomputeFull { // then it has waited as a forward pass
		kernels, device = kernels+b.redo.compute.kernels, device+b.redo.sum()
	}
	q.launch = p.launches(kernels)
	if !p.layout.Schedule.splits() {
		q.wait = max(0, q.launch-device)
		return
	}
	later := p.launches(b.launches)
	b.lags = max(0, later-b.weights)
	q.wait = max(0, q.launch-later-(device-b.weights)) + b.lags
}

// launches is how long the host takes for so many kernels of layers with experts.
func (p *pricer) launches(kernels float64) float64 {
	return float64(p.mach.Stack.ExpertLaunch.Likely) * kernels
}
