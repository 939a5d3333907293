package step

// pass is one direction of one microbatch through one layer on one chip.
type pass struct {
	compute cost
	tensor  float64 // s of tensor-parallel collectives, exposed
	expert  float64 // s of expert-parallel all-to-alls
	context float64 // s of context-parallel exchange that attention does not hide
	host    float64 // s of copies to and from the host that the layer does not hide
	counts  float64 // s until the host has learnt how many tokens each expert got
	wait    float64 // s more until it has launched the kernels
	launch  float64 // s that it takes to launch them, where it cannot run ahead
	links   links   // s for which collectives occupy them, hidden or not
	own     links   // of which for the all-to-alls and what ETP shares
}

func (p pass) plus(q pass) pass {
	return pass{
		p.compute.plus(q.compute), p.tensor + q.tensor, p.expert + q.expert, p.context + q.context, p.host + q.host,
		p.counts + q.counts, p.wait + q.wait, p.launch + q.launch, p.links.plus(q.links), p.own.plus(q.own),
	}
}

func (p pass) sum() float64 {
	return p.compute.sum() + p.tensor + p.expert + p.context + p.host + p.counts + p.wait
}

func (p pass) times(f float64) pass {
	return pass{
		p.compute.times(f), p.tensor * f, p.expert * f, p.context * f, p.host * f,
		p.counts * f, p.wait * f, p.launch * f, p.links.times(f), p.own.times(f),
	}
}

// block is what one layer (or the embedding, or the head) costs one microbatch.
type block struct {
	forward, backward pass
	redo              pass    // run again before the backward pass
	weights           float64 // s of the backward pass that only gradients of weights take
	launches          float64 // of their kernels
	lags              float64 // s that the host takes longer to launch these than they run
	deferrable        float64 // s of the backward pass that gradients of the head's weights take
	kept
}

func (b block) plus(c block) block {
	return block{
		b.forward.plus(c.forward), b.backward.plus(c.backward), b.redo.plus(c.redo),
		b.weights + c.weights, b.launches + c.launches, b.lags + c.lags, b.deferrable + c.deferrable, b.kept.and(c.kept),
	}
}

func (b block) times(f float64) block {
	return block{
		b.forward.times(f), b.backward.times(f), b.redo.times(f), b.weights * f, b.launches * f, b.lags * f, b.deferrable * f, b.kept.of(f),
	}
}

// kept is what the activations of one microbatch take in a block, in bytes.
type kept struct {
	stored   float64 // for the backward pass
	products float64 // the outputs of all matrix products
	redone   float64 // computed again for the backward pass
	working  float64 // live only while the layer runs
	owed     float64 // stored for the gradients of weights where they are put off
	host     float64 // stored on the host
	operands float64 // stored for the gradient of the head's weights where that waits for the drain
}

// and is what two blocks keep, one of which runs at a time.
func (k kept) and(c kept) kept {
	return kept{
		k.stored + c.stored, k.products + c.products, k.redone + c.redone, max(k.working, c.working), k.owed + c.owed, k.host + c.host,
		k.operands + c.operands,
	}
}

// of is what so many alike keep.
func (k kept) of(f float64) kept {
	return kept{k.stored * f, k.products * f, k.redone * f, k.working, k.owed * f, k.host * f, k.operands * f}
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
	weights := r.weightGradient(groups, k, n, m)
	b.backward.compute = b.backward.compute.
		plus(r.gemm(groups, m, k, n)).
		plus(weights).
		plus(gradient)
	b.weights += weights.sum()
	b.launches += weights.kernels
	b.owed += r.operand * groups * m * (k + n)
}

// elementwise adds a memory-bound kernel that moves so many bytes forward and
// twice as many backward (the gradient beside each operand).
func (p *pricer) elementwise(b *block, bytes float64) { p.streams(b, 1, bytes, 2*bytes) }

// between adds a kernel of the regions between tensor-parallel blocks. Without
// sequence parallelism the forward pass runs it whole on every chip. The backward
// pass gains nothing from sequence parallelism, 11.9 against 11.8 ms of a layer that
// gains 0.5 of 7.7 ms forward (Korthikanti et al., table 4): gathering the blocks'
// inputs once more costs what the shorter kernels save. So it counts divided in both.
func (p *pricer) between(b *block, s shape, bytes float64) {
	p.streams(b, 1, bytes*s.sharded*s.hidden, 2*bytes*s.split*s.hidden)
}

// streams adds equal memory-bound kernels that each move so many bytes in each pass.
func (p *pricer) streams(b *block, kernels, forward, backward float64) {
	b.forward.compute = b.forward.compute.plus(p.rates.stream(forward * p.rates.traffic).times(kernels))
	b.backward.compute = b.backward.compute.plus(p.rates.stream(backward * p.rates.traffic).times(kernels))
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

// tensorPair adds the all-gather before and the reduce-scatter after a
// tensor-parallel block, forward and backward (Korthikanti et al., section 4.2.2;
// the backward pass's second all-gather runs beside the weight gradient), less what
// the stack hides beside the block's kernels: those of b since before, and no more
// than they take. Without sequence parallelism it is one all-reduce behind the block
// and one behind its backward pass.
func (p *pricer) tensorPair(b *block, s shape, before kernelTimes) {
	in := p.hiddenInput(s)
	p.tensorEnds(b, s, before, in, in.seconds)
}

// gathered is the input of a tensor-parallel block, which it has as shards by sequence.
type gathered struct {
	seconds float64 // of the all-gathers before the block's products
	width   float64 // of the operands that they make
}

// hiddenInput is that of a block whose first products take the hidden state, with sequence
// parallelism.
func (p *pricer) hiddenInput(s shape) gathered {
	if s.tp <= 1 || !p.layout.SP {
		return gathered{}
	}
	return gathered{p.net.gather(activationBytes*s.tokens*s.hidden, group{p.layout.TP, 1}), s.hidden}
}

// tensorEnds is tensorPair with any input, and so many seconds of reduce-scatter.
func (p *pricer) tensorEnds(b *block, s shape, before kernelTimes, in gathered, scatter float64) {
	if s.tp <= 1 {
		return
	}
	pair, all := in.seconds+scatter, group{p.layout.TP, 1}
	if !p.layout.SP {
		pair = p.net.reduce(activationBytes*s.tokens*s.hidden, all)
	}
	p.occupy(b, all, pair, pair)
	kernels := b.kernelTimes()
	overlapped := float64(p.mach.Stack.TensorOverlap.Likely) * pair
	const saved = 1 - commSlowdown // net of what it costs the kernels
	b.forward.tensor += pair - saved*min(overlapped, kernels.forward-before.forward)
	beside := kernels.backward - before.backward
	if p.layout.Schedule.splits() {
		// Half of the backward pass's traffic, the reduce-scatter of a block's input
		// gradient, hides beside the weight gradient (Transformer Engine's bulk
		// overlap), which is put off.
		overlapped /= 2
		beside -= kernels.weights - before.weights
	}
	b.backward.tensor += pair - saved*min(overlapped, beside)
	if p.layout.SP {
		// The block's input and the gradient of its output are kept as shards.
		b.owed -= p.rates.operand * (s.tokens - s.split) * (in.width + s.hidden)
	}
}

// kernelTimes are the seconds of a block's kernels.
type kernelTimes struct {
	forward, backward float64
	weights           float64 // of the backward ones, those of weights' gradients
}

func (b *block) kernelTimes() kernelTimes {
	return kernelTimes{b.forward.compute.sum(), b.backward.compute.sum(), b.weights}
}

// feedForward prices norm, a dense feed-forward block of this width and the
// residual addition.
func (p *pricer) feedForward(s shape, width float64) block {
	var b block
	h := s.hidden
	p.norm(&b, s, regionOutput)
	p.mlp(&b, 1, s.tokens, width/s.tp, h, 1)
	p.residual(&b, s)
	p.tensorPair(&b, s, kernelTimes{})
	return b
}

// norm adds the norm before a block and keeps its input, unless the region that gives it is
// computed again, and its output, a matrix operand, unless that is.
func (p *pricer) norm(b *block, s shape, from region) {
	elements := s.sharded * s.hidden
	p.between(b, s, 2*activationBytes)
	p.keep(b, from, activationBytes*elements)
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

// layer prices one whole layer of either kind and applies the recompute policy.
func (p *pricer) layer(s shape, moe bool) block {
	var f block
	if moe {
		f = p.experts(s)
	} else {
		f = p.feedForward(s, float64(p.work.Model.FFN))
	}
	if p.recomputes(regionFeedForward) {
		f = p.feedForwardAgain(f, s)
	}
	b := p.attentionBlock(s).plus(f)
	if p.layout.SP && p.layout.TP > 1 {
		// A block's gathered input and its gradient before it is scattered.
		b.working += 2 * activationBytes * s.tokens * s.hidden
	}
	if moe {
		p.besideOther(&b)
		p.awaitHost(&b.forward)
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
		p.awaitHostBackward(&b)
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
	weights := p.headGradient(s)
	b.backward.compute = b.backward.compute.plus(r.gemmBF16(s.tokens, h, n)).plus(weights)
	b.deferrable = weights.sum()
	p.elementwise(&b, (activationBytes+2*logitBytes)*s.tokens*n)
	p.tensorPair(&b, s, kernelTimes{})
	// The norm's input and output, as without recomputation (section 4.3 of
	// Korthikanti et al.).
	b.stored = 2 * activationBytes * s.sharded * h
	b.working = orElse(p.mach.Stack.Logits, logitsLive) * s.tokens * n
	b.owed = 0 // the gradients of logits are too large to put off a product for
	b.operands = activationBytes * (s.sharded*h + s.tokens*n)
	return b
}

// headGradient is the product that gives the gradient of the head's weights.
func (p *pricer) headGradient(s shape) cost {
	r := &p.rates
	return r.product(1, s.hidden, float64(p.work.Model.Vocab)/s.tp, s.tokens, r.bf16, 2, r.sum)
}

// predictor prices one multi-token-prediction module: a projection of two hidden
// states into one, a layer of the last kind, and the head once more.
func (p *pricer) predictor(s shape) block {
	b := p.layer(s, p.work.Model.MoE != nil)
	p.linear(&b, 0, s.tokens, s.hidden/s.tp, 2*s.hidden)
	head := p.head(s)
	head.deferrable, head.operands = 0, 0 // but for the last layer's
	return b.plus(head)
}
