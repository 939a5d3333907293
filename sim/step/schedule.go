package step

import (
	"math"

	"clustercap/sim/model"
)

// dualPipeCores is the share of the chip's cores that DualPipe sets aside for
// communication: 20 of 132 (DeepSeek-V3, section 3.2.2).
const dualPipeCores = 20.0 / 132

// work is one microbatch's forward and backward on one stage.
type work struct {
	base, redo              cost
	tensor, expert, context float64 // s of exposed collectives
	host                    float64 // s of exposed copies
	wait                    float64 // s that the host lets the chip wait
	forward                 float64 // s of the forward pass, traffic included
	weights                 float64 // s that only gradients of weights take, waits included
	links                   links
}

func (p *pricer) workOf(b *block) work {
	w := work{
		base:    b.forward.compute.plus(b.backward.compute),
		redo:    b.redo.compute,
		tensor:  b.forward.tensor + b.backward.tensor + b.redo.tensor,
		expert:  b.forward.expert + b.backward.expert + b.redo.expert,
		context: b.forward.context + b.backward.context + b.redo.context,
		host:    b.forward.host + b.backward.host,
		wait:    b.forward.counts + b.backward.counts + b.redo.counts + b.forward.wait + b.backward.wait + b.redo.wait,
		forward: b.forward.sum(),
		weights: b.weights + b.lags,
		links:   b.forward.links.plus(b.backward.links).plus(b.redo.links),
	}
	if p.layout.Schedule == DualPipe {
		// The all-to-alls of one microbatch run beside all that another does but its own,
		// kernels on the cores that are not set aside for them, while nothing else of it
		// has their links. One host launches the kernels of both.
		const slower = 1 / (1 - dualPipeCores)
		w.base, w.redo = w.base.slowed(slower), w.redo.slowed(slower)
		traffic := w.expert
		w.expert, w.wait = 0, b.forward.counts+b.backward.counts+b.redo.counts
		other := w.links.others(b.forward.own.plus(b.backward.own).plus(b.redo.own))
		w.expert = max(0, traffic-max(0, w.sum()-other))
		w.wait += max(0, b.forward.launch+b.backward.launch+b.redo.launch-w.sum())
	}
	return w
}

func (w work) sum() float64 {
	return w.base.sum() + w.redo.sum() + w.tensor + w.expert + w.context + w.host + w.wait
}

func (w work) plus(v work) work {
	return work{
		w.base.plus(v.base), w.redo.plus(v.redo), w.tensor + v.tensor, w.expert + v.expert, w.context + v.context, w.host + v.host, w.wait + v.wait,
		w.forward + v.forward, w.weights + v.weights, w.links.plus(v.links),
	}
}

func (w work) times(f float64) work {
	return work{
		w.base.times(f), w.redo.times(f), w.tensor * f, w.expert * f, w.context * f, w.host * f, w.wait * f,
		w.forward * f, w.weights * f, w.links.times(f),
	}
}

// stage is one pipeline stage: its price per microbatch and what it holds.
type stage struct {
	work       work
	plain, moe int // layers without and with experts
	holding
}

// holding is what a chip of a stage holds.
type holding struct {
	dense, expert     float64 // parameters, experts apart: fewer replicas
	tables            float64 // of the dense ones those of embedding and head
	stored, transient float64 // activation bytes of one microbatch; live while a layer runs
	owed              float64 // bytes of one microbatch between its passes for inputs and weights
	host              float64 // bytes of one microbatch on the host
	operands          float64 // bytes of one whose gradient of the head's weights waits
}

// pipe is the pipeline as priced: its mean and its slowest stage.
type pipe struct {
	shape   shape
	stages  []stage // scratch of the pricer, valid until the next layout
	mean    work
	slowest *stage
	fullest *stage // most parameters
	// waiting is how many microbatches' gradients of the head's weights wait for the drain,
	// each of so many seconds.
	waiting, deferrable float64
}

// dealing says how layers are dealt to the chunks of a pipeline.
type dealing struct {
	layers, chunks int
	// last is the number of layers on the last chunk, or -1 to deal it in too.
	last int
}

// chunk returns the first layer and the number of layers of chunk c. Layers are
// dealt as evenly as they go; where they don't divide, the last chunk goes short
// first, then the first one: they also hold the head and the embedding (as in Llama
// 3's 126 layers over 16 stages: 7, 8, ..., 8, 7).
func (d dealing) chunk(c int) (first, n int) {
	if d.last >= 0 {
		if c == d.chunks-1 {
			return d.layers - d.last, d.last
		}
		d = dealing{d.layers - d.last, d.chunks - 1, -1}
		// The last of these chunks has no head: go short in the first one only.
		base, extra := d.layers/d.chunks, d.layers%d.chunks
		short := d.chunks - extra
		return c*base + max(0, c-short), base + btoi(c >= short)
	}
	base, extra := d.layers/d.chunks, d.layers%d.chunks
	if extra == d.chunks-1 {
		return c*base + c, base + btoi(c < extra)
	}
	return c*base + min(max(c-1, 0), extra), base + btoi(c >= 1 && c <= extra)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// deal chooses the number of layers on the last chunk: the layout's, else the one that gives
// the busiest stage the least FLOPs, head and prediction modules counted and layers taken for
// equal; so the division is the model's, the same on any hardware and whatever is recomputed.
func (p *pricer) deal() dealing {
	l := p.layout
	d := dealing{p.work.Model.Layers, l.PP * l.VPP, -1}
	switch {
	case l.LastLayers > 0:
		d.last = l.LastLayers
		return d
	case l.PP == 1:
		return d
	}
	m := &p.work.Model
	modules := float64(m.MTP)
	h := float64(m.Hidden)
	vocabulary := 2 * h * float64(m.Vocab)
	layer := (m.ForwardFLOPs(p.work.Sequence) - (1+modules)*vocabulary - modules*4*h*h) / (float64(m.Layers) + modules)
	head := vocabulary + modules*(layer+4*h*h+vocabulary)
	best := math.Inf(1)
	for last := d.layers / d.chunks; last >= 0; last-- {
		rest, end := busiest(d.layers-last, l)
		other := rest * layer
		ends := (end+float64(last)*microShare(l))*layer + head*microShare(l)
		slowest := max(other, ends)
		if slowest < best*(1-1e-12) {
			best, d.last = slowest, last
		}
		if other >= ends {
			break
		}
	}
	return d
}

// microShare is the part of the microbatches that a chunk works on: under DualPipe two stages
// that mirror each other share their chips and halve them.
func microShare(l Layout) float64 {
	if l.Schedule == DualPipe {
		return 0.5
	}
	return 1
}

// busiest counts the layers of the busiest stage but the one with the last chunk, and of that
// one without it, by what each works on, where the last chunk is dealt apart and the first
// ones go short.
func busiest(layers int, l Layout) (rest, end float64) {
	chunks := l.PP*l.VPP - 1
	most := (layers + chunks - 1) / chunks
	short := most*chunks - layers
	switch l.Schedule {
	case ZeroBubbleV: // the last chunk is on the first stage
		return float64(2*most - btoi(short >= l.PP)), float64(most - btoi(short >= 1))
	case DualPipe: // the last stage shares its chips with the first
		if l.PP > 2 {
			rest = float64(most) - 0.5*float64(btoi(short >= l.PP/2))
		}
		return rest, 0.5 * float64(most-btoi(short >= 1))
	}
	return float64(l.VPP*most - (short+1)/l.PP), float64((l.VPP-1)*most - short/l.PP)
}

// layers are the priced blocks that the chunks of a pipeline are made of.
type layers struct {
	dense, moe, embedding, head block
	densePlain, moePlain        block // of which nothing is computed anew; as few say
	deal                        dealing
}

func (p *pricer) layers(sh shape) layers {
	m := &p.work.Model
	out := layers{embedding: p.embedding(sh), head: p.head(sh), deal: p.deal()}
	if m.DenseLayers() > 0 {
		out.dense = p.layer(sh, false)
	}
	if m.MoE != nil {
		out.moe = p.layer(sh, true)
	}
	if p.layout.RecomputeLayers > 0 {
		policy, anew := p.layout.Recompute, p.anew
		p.layout.Recompute, p.anew = RecomputeNone, 0
		if m.DenseLayers() > 0 {
			out.densePlain = p.layer(sh, false)
		}
		if m.MoE != nil {
			out.moePlain = p.layer(sh, true)
		}
		p.layout.Recompute, p.anew = policy, anew
	}
	if m.MTP > 0 {
		out.head = out.head.plus(p.predictor(sh).times(float64(m.MTP)))
	}
	return out
}

// StageLayers is how many layers of the model each pipeline stage of a layout holds,
// embedding, head and prediction modules not counted.
func (p *Pricer) StageLayers(l Layout) []int {
	p.p.take(l)
	d := p.p.deal()
	out := make([]int, l.PP)
	for stage := range out {
		for v := range l.VPP {
			_, n := d.chunk(l.chunkAt(stage, v))
			out[stage] += n
		}
		if l.Schedule == DualPipe { // a stage holds that of its mirror image too
			_, n := d.chunk(l.PP - 1 - stage)
			out[stage] += n
		}
	}
	return out
}

// kinds returns how many layers of either kind chunk c of a model holds.
func (d *dealing) kinds(m *model.Model, c int) (dense, moe int) {
	first, n := d.chunk(c)
	moe = m.MoELayersIn(first, n)
	return n - moe, moe
}

// stage returns how many layers of either kind the chunks of stage i hold.
func (d *dealing) stage(m *model.Model, l *Layout, i int) (dense, moe int) {
	for v := range l.VPP {
		n, e := d.kinds(m, l.chunkAt(i, v))
		dense, moe = dense+n, moe+e
	}
	return dense, moe
}

// pipeline prices every stage for one microbatch.
func (p *pricer) pipeline() pipe {
	l := p.layout
	out := pipe{shape: newShape(p.work, l)}
	y := p.layers(out.shape)
	n := p.parameters()

	p.scratch = p.scratch[:0]
	var middle stage // the last one priced that holds neither end of the model
	middleDense, middleMoE := -1, -1
	for i := range l.PP {
		dense, moe := y.deal.stage(&p.work.Model, &l, i)
		switch {
		case i == 0 || i == l.lastStage():
			p.scratch = append(p.scratch, p.stage(&y, &n, i, dense, moe))
			continue
		case dense != middleDense || moe != middleMoE:
			middle, middleDense, middleMoE = p.stage(&y, &n, i, dense, moe), dense, moe
		}
		p.scratch = append(p.scratch, middle)
	}
	if l.Schedule == DualPipe {
		foldStages(p.scratch)
	}
	out.stages = p.scratch
	out.summarise()
	out.waiting, out.deferrable = p.waiting(), y.head.deferrable
	return out
}

// parameters counts the weights of one layer on one chip.
type parameters struct{ dense, moe, experts float64 }

func (p *pricer) parameters() parameters {
	m, l := &p.work.Model, p.layout
	tp := float64(l.TP)
	n := parameters{dense: m.DenseLayerParams() / tp, moe: m.MoELayerShared() / tp}
	if a := m.MLA; a != nil {
		// Down-projections are whole on every chip.
		down := float64(m.Hidden*(a.QRank+a.KVRank+a.RopeDim)) * float64(m.SoftmaxLayers()) / float64(m.Layers)
		n.dense += down * (1 - 1/tp)
		n.moe += down * (1 - 1/tp)
	}
	if m.MoE != nil {
		n.experts = float64(m.MoE.Experts) * m.ExpertParams() / float64(l.EP*l.ETP)
	}
	return n
}

// stage prices one stage of so many layers of either kind.
func (p *pricer) stage(y *layers, n *parameters, i, dense, moe int) stage {
	b := y.mix(dense, moe, p.layout.few(p.work.Model.Layers))
	if i == 0 {
		b = b.plus(y.embedding)
	}
	if i == p.layout.lastStage() {
		b = b.plus(y.head)
	}
	return stage{p.workOf(&b), dense, moe, p.holding(&b.kept, n, i, dense, moe)}
}

// holding is what stage i of so many layers of either kind holds, whose activations take k.
func (p *pricer) holding(k *kept, n *parameters, i, dense, moe int) holding {
	m, l := &p.work.Model, &p.layout
	tp := float64(l.TP)
	h := holding{
		dense: float64(dense)*n.dense + float64(moe)*n.moe, expert: float64(moe) * n.experts,
		stored: k.stored, transient: k.working, owed: k.owed, host: k.host, operands: k.operands,
	}
	if i == 0 {
		h.tables += m.EmbeddingParams() / tp
	}
	if i == l.lastStage() {
		h.tables += m.HeadParams() / tp
		if m.Tied && i > 0 {
			h.tables += m.EmbeddingParams() / tp
		}
		if m.MTP > 0 {
			modules, wide := float64(m.MTP), float64(m.Hidden)
			h.dense += modules * (n.moe + 2*wide*wide/tp)
			h.expert += modules * n.experts
		}
	}
	h.dense += h.tables
	return h
}

// foldStages gives every stage the work of DualPipe: half the microbatches enter
// from each end, so stage i holds the layers of stages i and PP-1-i and does half
// of the work of each.
func foldStages(s []stage) {
	for i := range len(s) / 2 {
		a, b := &s[i], &s[len(s)-1-i]
		both := stage{work: a.work.plus(b.work).times(0.5), holding: a.holding.folded(&b.holding)}
		*a, *b = both, both
	}
}

// folded is what a stage of DualPipe holds that two stages are folded into.
func (h *holding) folded(g *holding) holding {
	return holding{
		dense: h.dense + g.dense, expert: h.expert + g.expert, tables: h.tables + g.tables,
		stored: (h.stored + g.stored) / 2, host: (h.host + g.host) / 2, transient: max(h.transient, g.transient),
	}
}

func (p *pipe) summarise() {
	var sum work
	p.slowest, p.fullest = &p.stages[0], &p.stages[0]
	for i := range p.stages {
		s := &p.stages[i]
		sum = sum.plus(s.work)
		if s.work.sum() > p.slowest.work.sum() {
			p.slowest = s
		}
		if s.dense+s.expert > p.fullest.dense+p.fullest.expert {
			p.fullest = s
		}
	}
	p.mean = sum.times(1 / float64(len(p.stages)))
}

// passes divides the slowest stage's time for a microbatch. Under DualPipe, where the
// traffic of both passes runs beside the kernels of both, the backward pass has twice
// the forward pass's products, and what is recomputed.
func (p *pipe) passes(s Schedule) (forward, backward float64) {
	w := &p.slowest.work
	pace := w.sum()
	forward = w.forward
	if s == DualPipe {
		forward = (pace - w.redo.sum()) / 3
	}
	return forward, pace - forward
}

// flow is the time from the first microbatch's start to the last one's end. The
// slowest stage sets the pace; filling and draining costs one pass of every other
// stage, divided by the chunks that interleave (Narayanan et al., SC'21, section
// 2.2); DualPipe's bubble is (PP/2-1)(F + B - W) with the weight gradient W half of
// the backward pass (DeepSeek-V3, table 2); see zeroBubble for the others.
func (p *pipe) flow(l Layout, micro float64) float64 {
	if l.Schedule == DualPipe {
		forward, backward := p.passes(l.Schedule)
		return micro*p.slowest.work.sum() + (float64(l.PP)/2-1)*(forward+backward/2)
	}
	if l.Schedule.splits() {
		return p.flowThrough(l, micro)
	}
	if p.waiting > 0 {
		return p.flowDeferred(l, micro)
	}
	return p.flowAt(&p.slowest.work, l, micro)
}

// flowAt is the flow under 1F1B at the pace of one stage.
func (p *pipe) flowAt(w *work, l Layout, micro float64) float64 {
	return micro*w.sum() + (p.mean.sum()*float64(l.PP)-w.sum())/float64(l.VPP)
}

// defers reports whether gradients of the head's weights may wait for the drain.
func (p *pricer) defers() bool { return p.mach.Stack.HeadDeferral > 0 && p.work.Model.MoE == nil }

// waiting is how many microbatches' gradients of the head's weights wait for the drain.
func (p *pricer) waiting() float64 {
	if !p.defers() || p.layout.PP == 1 || p.layout.Schedule != OneFOneB {
		return 0
	}
	return min(float64(p.mach.Stack.HeadDeferral), p.microbatches())
}

// flowDeferred is the flow under 1F1B where gradients of the head's weights wait until the
// last stage has passed back the last microbatch: it sets the pace without those of the first
// microbatches, unless another stage does, and computes them while the others drain, which
// may take less long.
func (p *pipe) flowDeferred(l Layout, micro float64) float64 {
	end, v := len(p.stages)-1, float64(l.VPP)
	last := &p.stages[end].work
	var other float64
	for i := range p.stages[:end] {
		other = max(other, p.stages[i].work.sum())
	}
	first, then := max(other, last.sum()-p.deferrable), max(other, last.sum())
	rest := p.mean.sum()*float64(l.PP) - then
	if p.waiting >= micro {
		rest = p.mean.sum()*float64(l.PP) - p.deferrable - first
	}
	back := (p.mean.sum()-p.mean.forward)*float64(l.PP) - (last.sum() - last.forward)
	return p.waiting*first + (micro-p.waiting)*then + rest/v + max(0, p.waitingTime()-back/v)
}

// waitingTime is the seconds of all gradients that wait.
func (p *pipe) waitingTime() float64 { return p.waiting * p.deferrable }
