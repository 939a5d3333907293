package step

import (
	"fmt"

	"clustercap/sim/unit"
)

// Timeline is one step of one data-parallel replica, stage by stage: every pass
// starts when its stage is free and what it needs has arrived.
type Timeline struct {
	Layout Layout
	// Microbatches shown; a step has All.
	Microbatches, All int
	// Spans in order of stage, then of start; a span of traffic lies within the pass
	// that it belongs to.
	Spans []Span
	// Pipeline is the end of the last pass, Time that of the step.
	Pipeline, Time unit.Duration
}

// Span is what one stage does for a while.
type Span struct {
	Kind  SpanKind
	Stage int
	// Microbatch and Chunk of the pass, counted from 0; -1 where the span belongs to
	// the whole step. Chunks count along the model.
	Microbatch, Chunk int
	Start, Time       unit.Duration
}

// SpanKind names what a span shows.
type SpanKind string

// The kinds of span. Traffic is what of it no computation hides; within a pass that
// of all its layers is drawn together, at the end.
const (
	SpanForward   SpanKind = "forward"
	SpanRecompute SpanKind = "recompute"
	SpanBackward  SpanKind = "backward"
	SpanInput     SpanKind = "backward for inputs"
	SpanWeight    SpanKind = "backward for weights"
	SpanReceive   SpanKind = "pipeline traffic"
	SpanTensor    SpanKind = "tensor traffic"
	SpanExpert    SpanKind = "expert traffic"
	SpanContext   SpanKind = "context traffic"
	SpanData      SpanKind = "data traffic"
	SpanHost      SpanKind = "host traffic"
	SpanWait      SpanKind = "waiting for the host"
	SpanOptimizer SpanKind = "optimizer"
	SpanStraggler SpanKind = "stragglers"
	SpanOverhead  SpanKind = "outside the model"
)

// passTime is how long a pass takes, in seconds.
type passTime struct{ kernels, tensor, expert, context, host, wait float64 }

func (t passTime) sum() float64 { return t.kernels + t.tensor + t.expert + t.context + t.host + t.wait }

// chunkTime is how long one microbatch takes in one chunk, and how long of the
// backward pass's kernels only the gradients of weights.
type chunkTime struct {
	forward, redo, backward passTime
	weights                 passTime
	deferrable              float64 // s of the kernels that gradients of the head's weights take
}

// chunkTimes divides workOf by direction. What is left exposed of the all-to-alls
// under DualPipe falls on the passes in proportion to what they send, and the wait for the
// host in proportion to what it does for them.
func (p *pricer) chunkTimes(b *block) chunkTime {
	if p.layout.Schedule != DualPipe {
		of := func(q pass) passTime {
			return passTime{q.compute.sum(), q.tensor, q.expert, q.context, q.host, q.counts + q.wait}
		}
		return chunkTime{of(b.forward), of(b.redo), of(b.backward), passTime{kernels: b.weights, wait: b.lags}, b.deferrable}
	}
	const slower = 1 / (1 - dualPipeCores)
	w := p.workOf(b)
	whole := b.forward.plus(b.backward).plus(b.redo)
	exposed, waits := share(w.expert, whole.expert), share(w.wait, whole.counts+whole.launch)
	of := func(q pass) passTime {
		return passTime{q.compute.sum() * slower, q.tensor, q.expert * exposed, q.context, q.host, (q.counts + q.launch) * waits}
	}
	return chunkTime{of(b.forward), of(b.redo), of(b.backward), passTime{kernels: b.weights * slower}, 0}
}

// share is a part of a whole, none of nothing.
func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

// Timeline schedules the step of a layout without Problems. Of a step with more than
// about most spans it shows the first microbatches alone, as many as that leaves and
// at least those that the schedule needs.
func (p *Pricer) Timeline(l Layout, most int) Timeline {
	s := p.Price(l)
	q := &p.p
	stages := q.pipeline()
	traffic := q.dataParallel(&stages)
	hop, exposed := q.message(&stages)
	c := clock{
		layout: l, chunks: q.chunks(stages.shape), data: traffic.each,
		receive: exposed, travel: max(0, hop-exposed), waiting: int(q.waiting()),
	}
	all := int(q.microbatches())
	shown := c.fits(all, most)
	c.run(passOrder(l, shown), shown)
	end := c.end()

	out := Timeline{Layout: l, Microbatches: shown, All: all, Pipeline: seconds(end)}
	update := q.optimizer(stages.fullest).sum()
	tail := []struct {
		kind SpanKind
		time float64
	}{
		{SpanData, traffic.once},
		{SpanOptimizer, update},
		{SpanHost, q.optimizerOffload(stages.fullest, update)},
		{SpanStraggler, float64(s.Parts.Straggler) * float64(shown) / float64(all)},
		{SpanOverhead, float64(s.Parts.Overhead)},
	}
	for stage, spans := range c.spans {
		out.Spans = append(out.Spans, spans...)
		at := end
		for _, t := range tail {
			if t.time > 0 {
				out.Spans = append(out.Spans, Span{t.kind, stage, -1, -1, seconds(at), seconds(t.time)})
			}
			at += t.time
		}
		out.Time = seconds(at)
	}
	return out
}

// chunks prices every chunk of the pipeline, along the model.
func (p *pricer) chunks(sh shape) []chunkTime {
	y := p.layers(sh)
	out := make([]chunkTime, p.layout.PP*p.layout.VPP)
	for i := range out {
		dense, moe := y.deal.kinds(&p.work.Model, i)
		b := y.mix(dense, moe, p.fewOf(&y, i))
		if i == 0 {
			b = b.plus(y.embedding)
		}
		if i == len(out)-1 {
			b = b.plus(y.head)
		}
		out[i] = p.chunkTimes(&b)
	}
	return out
}

// fewOf is how many layers of a chunk follow the recompute policy: those of its stage
// that the stage's chunks before it have not taken.
func (p *pricer) fewOf(y *layers, chunk int) int {
	l := &p.layout
	few := l.few(p.work.Model.Layers)
	stage, v := chunk%l.PP, chunk/l.PP
	if l.Schedule == ZeroBubbleV && v == 1 {
		stage = l.PP - 1 - stage
	}
	for before := range v {
		dense, moe := y.deal.kinds(&p.work.Model, l.chunkAt(stage, before))
		few -= dense + moe
	}
	return max(0, few)
}

// clock runs the stages of one pipeline against each other. Times are in seconds.
type clock struct {
	layout Layout
	chunks []chunkTime
	// A message is travel on its way and receive more that the receiving stage waits.
	receive, travel float64
	data            float64 // exposed with each backward pass
	// The first so many microbatches leave the gradients of the head's weights to the end.
	waiting int

	spans [][]Span // by stage
	free  []float64
	// forward and backward hold when each pass ended, by microbatch and chunk; -1 before.
	forward, backward []float64
}

// fits is how many of a step's microbatches keep within most spans.
func (c *clock) fits(all, most int) int {
	c.reset(1)
	for chunk := range c.chunks {
		c.play(0, chunkPass{forwardPass, 0, chunk}, 0)
		c.play(0, chunkPass{backwardPass, 0, chunk}, 0)
		if c.layout.Schedule != OneFOneB {
			c.spans[0] = append(c.spans[0], Span{}) // its weights' part
		}
	}
	if c.waiting > 0 {
		c.spans[0] = append(c.spans[0], Span{}) // the head's
	}
	fits := min(all, max(1, most/len(c.spans[0])))
	switch {
	case c.layout.Schedule == DualPipe:
		return max(fits, 2*c.layout.PP)
	case c.layout.Schedule == ZeroBubbleV:
		return max(fits, 2*c.layout.PP-1)
	case c.layout.VPP > 1:
		return max(fits-fits%c.layout.PP, c.layout.PP)
	default:
		return fits
	}
}

func (c *clock) reset(micro int) {
	c.spans = make([][]Span, c.layout.PP)
	c.free = make([]float64, c.layout.PP)
	c.forward = make([]float64, micro*len(c.chunks))
	c.backward = make([]float64, micro*len(c.chunks))
	for i := range c.forward {
		c.forward[i], c.backward[i] = -1, -1
	}
}

// run plays every stage's passes in its order, each as soon as it can be.
func (c *clock) run(order [][]chunkPass, micro int) {
	c.reset(micro)
	next := make([]int, len(order))
	for left := true; left; {
		left = false
		moved := false
		for stage, passes := range order {
			for next[stage] < len(passes) {
				at, ok := c.ready(passes[next[stage]])
				if !ok {
					left = true
					break
				}
				c.play(stage, passes[next[stage]], at)
				next[stage]++
				moved = true
			}
		}
		if left && !moved {
			panic(fmt.Sprintf("step: the order of passes of layout %s waits for itself", c.layout))
		}
	}
	head := len(c.chunks) - 1
	for k := range min(c.waiting, micro) {
		stage := c.layout.lastStage()
		gradient := passTime{kernels: c.chunks[head].deferrable}
		c.free[stage] = c.show(SpanWeight, stage, chunkPass{weightPass, k, head}, c.free[stage], gradient)
	}
}

// ready is when what a pass needs arrives, if that is known yet.
func (c *clock) ready(p chunkPass) (float64, bool) {
	last := len(c.chunks) - 1
	needs, travel := -1.0, c.travel
	if !c.arrives(p) {
		travel = 0
	}
	switch {
	case p.kind == forwardPass && p.chunk == 0, p.kind == weightPass:
		return 0, true
	case p.kind == forwardPass:
		needs = c.forward[c.index(p.micro, p.chunk-1)]
	case p.chunk == last:
		needs = c.forward[c.index(p.micro, last)]
	default:
		needs = c.backward[c.index(p.micro, p.chunk+1)]
	}
	return needs + travel, needs >= 0
}

// arrives reports whether what a pass needs comes from another stage.
func (c *clock) arrives(p chunkPass) bool {
	turn := c.layout.PP // behind the chunk at the foot of a V
	switch p.kind {
	case forwardPass:
		return p.chunk > 0 && (c.layout.Schedule != ZeroBubbleV || p.chunk != turn)
	case weightPass:
		return false
	default:
		return p.chunk < len(c.chunks)-1 && (c.layout.Schedule != ZeroBubbleV || p.chunk != turn-1)
	}
}

func (c *clock) index(micro, chunk int) int { return micro*len(c.chunks) + chunk }

// play runs one pass on its stage, no earlier than at.
func (c *clock) play(stage int, p chunkPass, at float64) {
	at = max(at, c.free[stage])
	t := &c.chunks[p.chunk]
	i := c.index(p.micro, p.chunk)
	show := func(kind SpanKind, time passTime) {
		at = c.show(kind, stage, p, at, time)
	}
	if c.arrives(p) {
		show(SpanReceive, passTime{kernels: c.receive})
	}
	switch p.kind {
	case forwardPass:
		show(SpanForward, t.forward)
		c.forward[i] = at
	case weightPass:
		show(SpanWeight, t.weights)
	default:
		show(SpanRecompute, t.redo)
		if p.kind == inputPass {
			inputs := t.backward
			inputs.kernels -= t.weights.kernels
			inputs.wait -= t.weights.wait
			show(SpanInput, inputs)
		} else {
			backward := t.backward
			if p.micro < c.waiting {
				backward.kernels -= t.deferrable
			}
			show(SpanBackward, backward)
		}
		c.backward[i] = at
		show(SpanData, passTime{kernels: c.data})
	}
	c.free[stage] = at
}

// show adds a span and the traffic within it, and returns its end.
func (c *clock) show(kind SpanKind, stage int, p chunkPass, at float64, t passTime) float64 {
	end := at + t.sum()
	if end <= at {
		return at
	}
	add := func(kind SpanKind, time float64) {
		if time > 0 {
			c.spans[stage] = append(c.spans[stage], Span{kind, stage, p.micro, p.chunk, seconds(at), seconds(time)})
		}
	}
	add(kind, t.sum())
	at += t.kernels
	add(SpanTensor, t.tensor)
	at += t.tensor
	add(SpanContext, t.context)
	at += t.context
	add(SpanExpert, t.expert)
	at += t.expert
	add(SpanHost, t.host)
	at += t.host
	add(SpanWait, t.wait)
	return end
}

// end is when the last stage is done.
func (c *clock) end() float64 {
	end := 0.0
	for _, t := range c.free {
		end = max(end, t)
	}
	return end
}
