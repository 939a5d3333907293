package step

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// passes draws whole seconds of forward, input-gradient and weight-gradient passes,
// in the order that kernels give them: attention has no weights.
func drawPasses(t *rapid.T) (forward, input, weight float64) {
	w := rapid.IntRange(1, 4).Draw(t, "weight")
	f := w + rapid.IntRange(0, 3).Draw(t, "forward more")
	b := f + rapid.IntRange(0, 3).Draw(t, "input more")
	return float64(f), float64(b), float64(w)
}

// On equal stages the timeline is the closed form, in whole seconds exactly.
func TestUniformZeroBubbleIsTheClosedForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		forward, input, weight := drawPasses(t)
		l := Layout{PP: rapid.IntRange(2, 12).Draw(t, "pp"), VPP: 1, Schedule: ZeroBubbleH1}
		stages := float64(l.PP - 1)
		micro := rapid.IntRange(1, 40).Draw(t, "micro")
		// Published for at least as many microbatches as stages; with fewer there are
		// as many weight passes less to fill gaps with.
		bubble := stages*(forward+input) - math.Min(stages, float64(micro-1))*weight
		parts := 1.0
		if rapid.Bool().Draw(t, "V") {
			l.Schedule, l.VPP, parts = ZeroBubbleV, 2, 2
			micro += 2*l.PP - 2
			bubble = stages * math.Max(input/2, input-weight)
		}
		want := float64(micro)*(forward+input+weight) + bubble

		c := uniform(l, 0, 0)
		for i := range c.chunks {
			c.chunks[i] = chunkTime{
				forward: passTime{kernels: forward / parts}, backward: passTime{kernels: (input + weight) / parts}, weights: passTime{kernels: weight / parts},
			}
		}
		c.run(passOrder(l, micro), micro)
		if got := c.end(); got != want {
			t.Errorf("%s pp=%d, %d microbatches of F, B, W = %v, %v, %v: %v s, want %v s", l.Schedule, l.PP, micro, forward, input, weight, got, want)
		}

		p := pipe{stages: make([]stage, l.PP)}
		for i := range p.stages {
			p.stages[i].work = work{base: cost{matrix: forward + input + weight}, forward: forward, weights: weight}
		}
		p.summarise()
		if got := p.flow(l, float64(micro)); !near(got, want) {
			t.Errorf("%s pp=%d: flow %v s, want %v s", l.Schedule, l.PP, got, want)
		}
	})
}

// Putting gradients of weights off never costs the pipeline time; what it may cost is
// the overlap of data-parallel traffic, which has only the last of those passes.
func TestZeroBubbleIsNeverSlowerThan1F1B(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, l := drawStep(t)
		l.PP = max(2, l.PP)
		l.VPP, l.Schedule = 1, OneFOneB
		plain, err := Estimate(w, a100(), l)
		if err != nil {
			t.Skip(err)
		}
		l.Schedule = ZeroBubbleH1
		zero, err := Estimate(w, a100(), l)
		if err != nil {
			t.Fatal(err)
		}
		without := func(s Step) float64 { return float64(s.Time - s.Parts.DataComm) }
		if without(zero) > without(plain)*(1+1e-12) {
			t.Errorf("%s: %v, under 1F1B %v", l, zero.Time, plain.Time)
		}
		if zero.Parts.DataComm < plain.Parts.DataComm {
			t.Errorf("%s: data traffic hides better than under 1F1B", l)
		}
	})
}

// Every stage keeps what the first one does under 1F1B, where operands and output
// gradients take as much as all that was kept.
func TestZeroBubbleMemoryIsThatOf1F1B(t *testing.T) {
	w := &Workload{Model: gpt(32, 4096, 32), Sequence: 4096, Batch: 64, Precision: BF16}
	w.Model.Vocab = 1000 // so that a head does not unbalance the stages
	activations := func(text string, stage int) float64 {
		p, err := NewPricer(w, a100())
		if err != nil {
			t.Fatal(err)
		}
		p.p.take(layout(text))
		s := p.p.pipeline()
		return float64(p.p.stageMemory(&s.stages[stage].holding, stage, p.p.microbatches()).Activations)
	}
	first := activations("tp=1,pp=8,dp=1", 0)
	for stage := range 7 { // the last has the loss too
		if zero := activations("tp=1,pp=8,dp=1,schedule=zb-h1", stage); !near(zero, first) {
			t.Errorf("stage %d keeps %v of activations under zb-h1, the first stage under 1F1B %v", stage, zero, first)
		}
	}
	// Operands and output gradients of Megatron's layer are 32 s b h bytes, of the 34
	// kept for the pass of the inputs with dropout's masks (Qi et al., table 1).
	b := layerOf(t, w, layout("tp=1,pp=8,dp=1,schedule=zb-h1"))
	if want := 32.0 * 4096 * 4096; !near(b.owed, want) {
		t.Errorf("a layer keeps %v bytes for its weights, want %v", b.owed, want)
	}
	sharded := layerOf(t, w, layout("tp=8,pp=8,dp=1,schedule=zb-h1"))
	if !near(sharded.owed, b.owed/8) {
		t.Errorf("over 8 chips a layer keeps %v bytes for its weights, want %v", sharded.owed, b.owed/8)
	}
	// With full recomputation what is kept for weights is far more than a layer's input.
	// Stage 6 holds 2 microbatches under 1F1B, under zb-h1 8 of which 7 are put off.
	const layers, input = 4, 2.0 * 4096 * 4096
	more := activations("tp=1,pp=8,dp=1,schedule=zb-h1,recompute=full", 6) - activations("tp=1,pp=8,dp=1,recompute=full", 6)
	if want := layers * (7*b.owed + (8-7-2)*input); !near(more, want) {
		t.Errorf("with full recomputation stage 6 keeps %v more under zb-h1, want %v", more, want)
	}
}

// On the stages of published models the closed form stays within 2 % of the timeline
// of the pipeline: stages that differ by head and embedding wait a pass more or less.
func TestZeroBubbleClosedFormIsNearTheTimeline(t *testing.T) {
	for _, c := range published() {
		for _, schedule := range []string{"schedule=zb-h1", "schedule=zb-v,vpp=2"} {
			l := layout("tp=8,pp=8,dp=16,ep=1," + schedule)
			m := a100()
			m.Chip.FP8, m.Chip.Efficiency.MatmulFP8 = m.Chip.BF16, m.Chip.Efficiency.Matmul
			if bad := l.Problems(&c.work, m); len(bad) > 0 {
				t.Fatal(bad)
			}
			p, err := NewPricer(&c.work, m)
			if err != nil {
				t.Fatal(err)
			}
			line := p.Timeline(l, 10_000_000)
			s := p.p.pipeline()
			closed := s.flow(l, float64(line.All)) + p.p.messages(p.p.message(&s))
			if ratio := closed / float64(line.Pipeline); math.Abs(ratio-1) > 0.02 {
				t.Errorf("%s %s: closed form is %.3f of the timeline", c.name, l, ratio)
			}
		}
	}
}

// A pipeline whose last stage has the head takes no less time when the other stages take
// more, also where they come to be the slowest.
func TestZeroBubbleDoesNotJump(t *testing.T) {
	for _, schedule := range []Schedule{ZeroBubbleH1, ZeroBubbleV} {
		last := 0.0
		for others := 3.0; others < 6; others += 0.01 {
			p := pipe{stages: make([]stage, 8)}
			for i := range p.stages {
				p.stages[i].work = work{base: cost{matrix: others}, forward: 1, weights: 1}
			}
			p.stages[7].work = work{base: cost{matrix: 4.5}, forward: 1, weights: 2} // the head
			p.summarise()
			got := p.flow(Layout{PP: 8, VPP: 1, Schedule: schedule}, 32)
			if got < last {
				t.Fatalf("%s: stages of %.2f s take %.3f s, shorter ones took %.3f s", schedule, others, got, last)
			}
			last = got
		}
	}
}
