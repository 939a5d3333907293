package step

import (
	"testing"

	"pgregory.net/rapid"
)

// uniform is a pipeline whose chunks take forward and backward seconds each, its
// messages nothing.
func uniform(l Layout, forward, backward float64) clock {
	c := clock{layout: l, chunks: make([]chunkTime, l.PP*l.VPP)}
	for i := range c.chunks {
		c.chunks[i] = chunkTime{forward: passTime{kernels: forward}, backward: passTime{kernels: backward}, weights: passTime{kernels: backward / 2}}
	}
	return c
}

// A pipeline of equal stages takes m + (p-1)/v passes (Narayanan et al., SC'21,
// section 2.2). Whole seconds keep the sums exact.
func TestUniformTimelineIsTheClosedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Layout{PP: rapid.IntRange(1, 12).Draw(t, "pp"), VPP: 1, Schedule: OneFOneB}
		micro := rapid.IntRange(1, 40).Draw(t, "micro")
		if l.PP > 1 && rapid.Bool().Draw(t, "interleaved") {
			l.VPP = rapid.IntRange(2, 6).Draw(t, "vpp")
			micro = l.PP * rapid.IntRange(1, 5).Draw(t, "rounds")
		}
		forward, backward := float64(rapid.IntRange(1, 3).Draw(t, "forward")), float64(rapid.IntRange(1, 6).Draw(t, "backward"))
		c := uniform(l, forward, backward)
		c.run(passOrder(l, micro), micro)
		if got, want := c.end(), (forward+backward)*float64(micro*l.VPP+l.PP-1); got != want {
			t.Fatalf("pp=%d vpp=%d, %d microbatches: %v s, want %v s", l.PP, l.VPP, micro, got, want)
		}
	})
}

// On equal stages DualPipe's closed form (PP/2-1)(F + B - W) lets a pair of passes that
// overlap end together (DeepSeek-V3, table 2). Here the first of a pair hands on its
// result while the second runs, so that the bubble is up to W shorter for each two
// stages. An odd microbatch more leaves the other direction idle for its passes.
func TestUniformDualPipeIsNearTheClosedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Layout{PP: 2 * rapid.IntRange(1, 8).Draw(t, "half"), VPP: 1, Schedule: DualPipe}
		micro := 2*l.PP + rapid.IntRange(0, 30).Draw(t, "more")
		forward, weight := float64(rapid.IntRange(1, 3).Draw(t, "forward")), float64(rapid.IntRange(1, 3).Draw(t, "weight"))
		c := uniform(l, forward, 2*weight)
		c.run(passOrder(l, micro), micro)
		pairs := float64(l.PP/2 - 1)
		high := (forward+2*weight)*float64(micro) + pairs*(forward+weight)
		low := high - pairs*weight
		if micro%2 == 1 {
			high += forward + 2*weight
		}
		if got := c.end(); got < low || got > high {
			t.Fatalf("pp=%d, %d microbatches: %v s, want %v to %v s", l.PP, micro, got, low, high)
		}
	})
}

// headed is a pipeline of equal chunks but for the last, which holds the head too, in whole
// seconds, as the closed forms and as the timeline see it.
func headed(t *rapid.T) (l Layout, micro int, p pipe, c clock) {
	l = Layout{PP: rapid.IntRange(2, 8).Draw(t, "pp"), VPP: 1, Schedule: OneFOneB}
	micro = 2*l.PP + rapid.IntRange(0, 40).Draw(t, "micro")
	if rapid.Bool().Draw(t, "interleaved") {
		l.VPP = rapid.IntRange(2, 4).Draw(t, "vpp")
		micro = l.PP * rapid.IntRange(2, 8).Draw(t, "rounds")
	}
	layers := float64(4 * rapid.IntRange(1, 5).Draw(t, "layers"))
	short := float64(4 * rapid.IntRange(0, int(layers)/4).Draw(t, "short"))
	head := float64(4 * rapid.IntRange(0, 5).Draw(t, "head"))
	c = uniform(l, layers, 2*layers)
	last := &c.chunks[len(c.chunks)-1]
	last.forward.kernels += head - short
	last.backward.kernels += 2 * (head - short)
	last.deferrable = head
	c.waiting = min(micro, rapid.IntRange(0, 50).Draw(t, "waiting"))

	p = pipe{stages: make([]stage, l.PP), waiting: float64(c.waiting), deferrable: head}
	for i := range p.stages {
		w := &p.stages[i].work
		for v := range l.VPP {
			q := c.chunks[l.chunkAt(i, v)]
			w.forward += q.forward.sum()
			w.base.matrix += q.forward.sum() + q.backward.sum()
		}
	}
	p.summarise()
	return l, micro, p, c
}

// Where gradients of the head's weights wait for the drain, the closed form is as near to the
// timeline as without: no more than 3 % shorter, and longer by no more than a pass both
// ways of a stage, where another one sets the pace. Nor do they wait in vain.
func TestHeadGradientsWaitForTheDrain(t *testing.T) {
	shorter := 0
	rapid.Check(t, func(t *rapid.T) {
		l, micro, p, c := headed(t)
		c.run(passOrder(l, micro), micro)
		waiting := c.end()
		stage := p.stages[0].work.sum()
		c.waiting = 0
		c.run(passOrder(l, micro), micro)

		passes := float64(micro)
		off := p.flow(l, passes) - waiting
		off -= p.flowAt(&p.slowest.work, l, passes) - c.end()
		if off > stage || off < -0.03*waiting {
			t.Fatalf("pp=%d vpp=%d, %d microbatches, %v of which wait: %v s off", l.PP, l.VPP, micro, p.waiting, off)
		}
		if waiting < c.end() {
			shorter++
		}
	})
	if shorter == 0 {
		t.Error("no timeline got shorter")
	}
}

// Whatever waits, the flow keeps what its bounds build on: it is no shorter than without by
// more than all that waits, nor than what any stage works, and longer where a stage is slower.
func TestDeferredFlowKeepsItsBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, micro, p, _ := headed(t)
		passes := float64(micro)
		for i := range p.stages { // uneven
			w := &p.stages[i].work
			more := float64(rapid.IntRange(0, 9).Draw(t, "more"))
			w.forward, w.base.matrix = w.forward+more, w.base.matrix+3*more
		}
		p.summarise()
		flow := p.flow(l, passes)
		if least := p.flowAt(&p.slowest.work, l, passes) - p.waitingTime(); flow < least-1e-9 {
			t.Fatalf("%v s, not %v at least", flow, least)
		}
		if least := passes * p.slowest.work.sum(); flow < least-1e-9 {
			t.Fatalf("%v s, and a stage works %v", flow, least)
		}
		w := &p.stages[rapid.IntRange(0, l.PP-1).Draw(t, "slower")].work
		w.base.matrix++
		p.summarise()
		if slower := p.flow(l, passes); slower < flow-1e-9 {
			t.Fatalf("%v s, and %v with a slower stage", flow, slower)
		}
	})
}

// With messages the closed form differs by what it adds for the ends of the pipeline,
// which only one neighbour keeps waiting, and by the way of the first chunks through
// an interleaved pipeline, which wait for each message in full.
func TestMessagesStayNearTheClosedForm(t *testing.T) {
	for _, c := range []struct {
		pp, vpp, micro int
		low, high      float64 // hops more than the closed form
	}{
		{3, 1, 12, -3, -3},
		{8, 1, 64, -3, -3},
		{16, 1, 16, -3, -3},
		{2, 1, 20, -21, -21}, // no stage has two neighbours: one hop per microbatch
		{4, 2, 32, -2 * 4, 2 * 2 * 4},
		{8, 4, 16, -2 * 8, 2 * 4 * 8},
	} {
		const hop = 1.0 / 64 // exact in binary
		l := Layout{PP: c.pp, VPP: c.vpp, Schedule: OneFOneB}
		k := uniform(l, 1, 2)
		k.receive = hop
		if c.vpp > 1 {
			k.receive, k.travel = hop/4, hop*3/4
		}
		k.run(passOrder(l, c.micro), c.micro)
		passes := float64(c.micro * c.vpp)
		closed := 3*(passes+float64(c.pp-1)) + 2*hop*float64(c.pp-1) + 2*passes*k.receive
		if more := (k.end() - closed) / hop; more < c.low || more > c.high {
			t.Errorf("pp=%d vpp=%d: %v hops above the closed form, want %v to %v", c.pp, c.vpp, more, c.low, c.high)
		}
	}
}

func drawPipeline(t *rapid.T) (Layout, int) {
	l := Layout{TP: 1, DP: 1, CP: 1, PP: rapid.IntRange(1, 12).Draw(t, "pp"), VPP: 1, MicroBatch: 1, Schedule: OneFOneB}
	micro := rapid.IntRange(1, 50).Draw(t, "micro")
	switch rapid.IntRange(0, 4).Draw(t, "schedule") {
	case 4:
		l.Schedule = ZeroBubbleH1
	case 3:
		l.Schedule, l.VPP = ZeroBubbleV, 2
		micro += 2*l.PP - 2
	case 1:
		l.PP = max(2, l.PP)
		l.VPP = rapid.IntRange(2, 5).Draw(t, "vpp")
		micro = l.PP * rapid.IntRange(1, 5).Draw(t, "rounds")
	case 2:
		l.PP = max(2, l.PP-l.PP%2)
		l.Schedule = DualPipe
		micro += 2*l.PP - 1
	}
	return l, micro
}

// Every stage runs every microbatch forward, then backward, once through each chunk
// that it holds, and never keeps more activations than memory is reckoned for.
func TestOrderIsCompleteAndFitsMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, micro := drawPipeline(t)
		p := pricer{layout: l}
		for stage, passes := range passOrder(l, micro) {
			held, most, owed := 0, 0, 0
			seen := map[chunkPass]bool{}
			did := func(kind passKind, q chunkPass) bool { return seen[chunkPass{kind, q.micro, q.chunk}] }
			for _, q := range passes {
				if seen[q] {
					t.Fatalf("stage %d runs %+v twice", stage, q)
				}
				at := q.chunk % l.PP
				if l.Schedule == DualPipe && q.micro%2 == 1 || l.Schedule == ZeroBubbleV && q.chunk >= l.PP {
					at = l.PP - 1 - at
				}
				if at != stage || q.micro < 0 || q.micro >= micro {
					t.Fatalf("stage %d runs %+v, which belongs to stage %d", stage, q, at)
				}
				switch {
				case q.kind == forwardPass:
					held++
				case q.kind == weightPass && !did(inputPass, q), q.kind != weightPass && !did(forwardPass, q):
					t.Fatalf("stage %d runs %+v before what it needs", stage, q)
				case q.kind != inputPass:
					held--
				}
				switch q.kind {
				case inputPass:
					owed++
				case weightPass:
					owed--
				}
				if limit := p.owing(stage, float64(micro)) * float64(l.VPP); l.Schedule.splits() && float64(owed) > limit {
					t.Fatalf("%+v: stage %d puts off %d chunks, memory is reckoned for %v", l, stage, owed, limit)
				}
				seen[q] = true
				most = max(most, held)
			}
			chunks := l.VPP
			forwards := 0
			for q := range seen {
				if q.kind == forwardPass {
					forwards++
				}
			}
			if forwards != micro*chunks || held != 0 {
				t.Fatalf("stage %d: %d forward passes of %d, %d of them never undone", stage, forwards, micro*chunks, held)
			}
			// Held is counted in chunks, memory in whole stages of VPP chunks; whole
			// numbers over VPP round by less than a thousandth.
			if limit := p.inFlight(stage, float64(micro)) * float64(chunks); float64(most) > limit+1e-3 {
				t.Fatalf("%+v: stage %d keeps %d chunks' activations, memory is reckoned for %v", l, stage, most, limit)
			}
		}
	})
}

// A drawn step: passes on a stage never overlap, each begins after what it needs has
// ended, traffic lies within its pass, and stages are busy for what Price says.
func TestTimelineKeepsDependencies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, l := drawStep(t)
		if bad := l.Problems(w, a100()); len(bad) > 0 {
			t.Skip(bad)
		}
		p, err := NewPricer(w, a100())
		if err != nil {
			t.Fatal(err)
		}
		line := p.Timeline(l, 1_000_000)
		if line.Microbatches != line.All {
			t.Fatalf("%d of %d microbatches shown", line.Microbatches, line.All)
		}
		checkSpans(t, &line)

		s := p.p.pipeline()
		each := p.p.dataParallel(&s).each
		_, exposed := p.p.message(&s)
		busy := make([]float64, l.PP)
		for _, span := range line.Spans {
			if span.Microbatch >= 0 && isPass(span.Kind) {
				busy[span.Stage] += float64(span.Time)
			}
		}
		all, work := 0.0, 0.0
		for i := range busy {
			all += busy[i]
			work += s.stages[i].work.sum()
		}
		micro := float64(line.All)
		sends := l.PP*l.VPP - 1
		if l.Schedule == ZeroBubbleV {
			sends-- // none where the V turns
		}
		want := micro * (work + float64(l.PP)*each + 2*float64(sends)*exposed)
		// An odd microbatch under DualPipe still passes every chunk once.
		if !near(all, want) {
			t.Errorf("%s: stages are busy for %v s, want %v s", l, all, want)
		}
		if least := micro * (s.mean.sum() + each); float64(line.Pipeline) < least*(1-1e-9) {
			t.Errorf("%s: the pipeline takes %v s, its mean stage works %v s", l, line.Pipeline, least)
		}
	})
}

func isPass(kind SpanKind) bool {
	switch kind {
	case SpanTensor, SpanExpert, SpanContext, SpanHost:
		return false
	}
	return true
}

func checkSpans(t *rapid.T, line *Timeline) {
	t.Helper()
	const rounding = 1e-9 // s: sums of thousands of floats of seconds
	type key struct{ micro, chunk int }
	forward, backward := map[key]float64{}, map[key]Span{}
	starts := map[key]Span{}
	var last Span
	for _, s := range line.Spans {
		end := float64(s.Start + s.Time)
		before := float64(last.Start + last.Time)
		k := key{s.Microbatch, s.Chunk}
		switch {
		case last.Stage != s.Stage || last.Time == 0:
		case !isPass(s.Kind) && s.Microbatch >= 0:
			if end > before+rounding || s.Start < last.Start {
				t.Fatalf("%+v lies outside its pass %+v", s, last)
			}
			continue
		case float64(s.Start) < before-rounding:
			t.Fatalf("%+v begins before %+v ends", s, last)
		}
		last = s
		switch s.Kind {
		case SpanForward:
			forward[k], starts[k] = end, s
		case SpanBackward, SpanInput:
			backward[k] = s
		}
	}
	chunks := line.Layout.PP * line.Layout.VPP
	if len(forward) != chunks*line.Microbatches || len(backward) != len(forward) {
		t.Fatalf("%d forward and %d backward passes of %d", len(forward), len(backward), chunks*line.Microbatches)
	}
	for k, s := range starts {
		if k.chunk > 0 && float64(s.Start) < forward[key{k.micro, k.chunk - 1}]-rounding {
			t.Fatalf("microbatch %d enters chunk %d before it leaves the one before", k.micro, k.chunk)
		}
		b := backward[k]
		after := forward[k]
		if k.chunk < chunks-1 {
			next := backward[key{k.micro, k.chunk + 1}]
			after = float64(next.Start + next.Time)
		}
		if float64(b.Start) < after-rounding {
			t.Fatalf("microbatch %d goes back through chunk %d before its gradient arrives", k.micro, k.chunk)
		}
	}
}

// A step too long to show keeps to the limit and to what its schedule needs.
func TestTimelineIsBounded(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 1 << 20, Precision: BF16}
	for _, c := range []struct {
		layout      string
		most, least int // spans, microbatches
	}{
		{"tp=2,pp=4,dp=1", 20_000, 1},
		{"tp=2,pp=4,vpp=2,dp=1,recompute=full", 20_000, 4},
		{"tp=2,pp=8,dp=1,schedule=dualpipe", 100, 16}, // fewer than DualPipe needs
	} {
		l := layout(c.layout)
		if bad := l.Problems(w, a100()); len(bad) > 0 {
			t.Fatal(bad)
		}
		p, err := NewPricer(w, a100())
		if err != nil {
			t.Fatal(err)
		}
		line := p.Timeline(l, c.most)
		if line.All != 1<<20 || line.Microbatches%c.least != 0 || line.Microbatches < c.least {
			t.Errorf("%s: %d of %d microbatches", l, line.Microbatches, line.All)
		}
		// At the end every stage has up to four spans of its own.
		if n := len(line.Spans); n > c.most+4*l.PP && line.Microbatches > c.least {
			t.Errorf("%s: %d spans, more than %d", l, n, c.most)
		}
	}
}

// Passes for weights that are put off take as long as their kernels, on the cores that the
// schedule leaves them.
func TestPutOffWeightsTakeTheirTime(t *testing.T) {
	w := &Workload{Model: moe(), Sequence: 4096, Batch: 256, Precision: BF16}
	for text, slower := range map[string]float64{
		"schedule=zb-h1": 1, "vpp=2,schedule=zb-v": 1, "schedule=dualpipe": 1 / (1 - dualPipeCores),
	} {
		p, err := NewPricer(w, a100())
		if err != nil {
			t.Fatal(err)
		}
		l := layout("pp=4,dp=8,ep=8," + text)
		timeline := p.Timeline(l, 1e6)
		c := p.p.chunks(newShape(w, l))
		spans := 0
		for _, s := range timeline.Spans {
			if s.Kind != SpanWeight {
				continue
			}
			spans++
			y := p.p.layers(newShape(w, l))
			dense, experts := y.deal.kinds(&w.Model, s.Chunk)
			b := y.mix(dense, experts, p.p.fewOf(&y, s.Chunk))
			if s.Chunk == len(c)-1 {
				b = b.plus(y.head)
			}
			if want := b.weights * slower; !near(float64(s.Time), want) {
				t.Fatalf("%s: chunk %d takes %v s for its weights, want %v", text, s.Chunk, s.Time, want)
			}
		}
		if spans == 0 {
			t.Errorf("%s: no pass for weights", text)
		}
	}
}
