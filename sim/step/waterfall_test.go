package step

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/hardware/hardwaretest"
	"clustercap/sim/unit"
)

// sumTolerance is the rounding of a sum of some twenty floats, relative to the peak
// that they sum to: 20 additions of 2^-53 each.
const sumTolerance = 20.0 / (1 << 53)

func TestWaterfallSumsToPeak(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, l := drawStep(t)
		idle := rapid.IntRange(0, 100).Draw(t, "idle")
		p, err := NewPricer(w, a100())
		if err != nil {
			t.Fatal(err)
		}
		if bad := l.Problems(w, a100()); len(bad) > 0 {
			t.Skip(bad)
		}
		s, f := p.Price(l), p.Waterfall(l, l.Chips()+idle)
		rate, time := f.Delivered, f.Ideal
		for _, loss := range f.Losses {
			rate += loss.Rate
			time += loss.Time
			if float64(loss.Rate) < -sumTolerance*float64(f.Peak) {
				t.Errorf("%s: %s gains %v", l, loss.Cause, -loss.Rate)
			}
		}
		if math.Abs(float64(rate/f.Peak)-1) > sumTolerance {
			t.Errorf("%s: losses and what is delivered sum to %v of the peak", l, rate/f.Peak)
		}
		if math.Abs(float64(time/s.Time)-1) > sumTolerance {
			t.Errorf("%s: the times of the losses sum to %v of the step", l, time/s.Time)
		}
		if used := float64(f.Peak) * float64(l.Chips()) / float64(l.Chips()+idle); !near(float64(f.Delivered)/used, float64(s.MFU)) {
			t.Errorf("%s: %v delivered of %v is not the MFU of %v", l, f.Delivered, used, s.MFU)
		}
		if after := p.Price(l); after != s {
			t.Errorf("%s: the waterfall changed the price", l)
		}
	})
}

// lossTimes is the waterfall by cause, in seconds of the step.
func lossTimes(t *testing.T, w *Workload, m *Machine, text string) map[Cause]float64 {
	t.Helper()
	p, err := NewPricer(w, m)
	if err != nil {
		t.Fatal(err)
	}
	l := layout(text)
	out := make(map[Cause]float64)
	for _, loss := range p.Waterfall(l, l.Chips()).Losses {
		out[loss.Cause] = float64(loss.Time)
	}
	return out
}

// Each cause changed alone moves its own loss to a closed form and no other loss
// above it.
func TestEachLossHasItsCause(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	const text = "tp=2,pp=4,dp=4,mb=2"
	base := lossTimes(t, w, a100(), text)
	for cause, v := range map[Cause]float64{
		IdleChips: base[IdleChips], HigherPrecision: base[HigherPrecision], SoftwareStack: base[SoftwareStack],
		CommCores: base[CommCores], Recomputation: base[Recomputation], ExpertTraffic: base[ExpertTraffic], ContextTraffic: base[ContextTraffic],
	} {
		// Differences of equal sums.
		if math.Abs(v) > 1e-12 {
			t.Errorf("%s takes %v s of a step that cannot have it", cause, v)
		}
	}

	perfect := a100()
	perfect.Chip.Efficiency.Matmul, perfect.Chip.Efficiency.Attention = unit.Point[unit.Share](1), unit.Point[unit.Share](1)
	// What is left is attention's backward kernel at 0.8 of the forward's rate: a
	// quarter of five products, where half a forward pass of two is extra.
	want := (1/attentionBackwardSpeed - 1) * attentionBackward / 0.5 * base[ExtraProducts]
	if got := lossTimes(t, w, perfect, text); !near(got[SustainedRate], want) || got[ExtraProducts] != base[ExtraProducts] {
		t.Errorf("a chip that sustains its peak loses %v s to sustained rates, want %v s; extra products %v s, before %v s", got[SustainedRate], want, got[ExtraProducts], base[ExtraProducts])
	}

	slow := a100()
	slow.Stack.Matmul, slow.Stack.Attention = unit.Point[unit.Share](0.5), unit.Point[unit.Share](0.5)
	got := lossTimes(t, w, slow, text)
	p, err := NewPricer(w, a100())
	if err != nil {
		t.Fatal(err)
	}
	ideal := float64(p.Waterfall(layout(text), 32).Ideal)
	// At half of the sustained rates all that came before takes as long again.
	if before := ideal + base[ExtraProducts] + base[SustainedRate]; !near(got[SoftwareStack], before) || !near(got[SustainedRate], base[SustainedRate]) {
		t.Errorf("a stack at half speed loses %v s, want %v s", got[SoftwareStack], before)
	}

	started := a100()
	started.Chip.Efficiency.Launch = unit.Point[unit.Duration](0)
	if got := lossTimes(t, w, started, text)[KernelLaunches]; math.Abs(got) > 1e-12 { // differences of equal sums
		t.Errorf("free launches take %v s", got)
	}
	flooded := a100()
	flooded.Chip.HBMBandwidth = unit.Point[unit.Bandwidth](1e30)
	// 1e30 B/s move the step's bytes, below 1e15, in no time that a float resolves.
	if got := lossTimes(t, w, flooded, text)[MemoryBound]; math.Abs(got) > 1e-12 {
		t.Errorf("memory without limit is waited for %v s", got)
	}
}

// The backward pass of fused attention computes five products where two times the
// forward's two count: one eighth of its executed FLOPs beyond the model's.
func TestExtraProductsOfFusedAttention(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 8192, Batch: 64, Precision: BF16}
	got := lossTimes(t, w, a100(), "tp=1,pp=1,dp=8")[ExtraProducts]
	const span = (8192 + 1) / 2.0 // keys that a causal query meets on average
	forward := 2 * 2 * span * 4096 * 24 * 8192 * 64
	want := 0.5 * forward / (8 * 312e12)
	// The model counts attention over the same span.
	if !near(got, want) {
		t.Errorf("extra products take %v s, want %v s", got, want)
	}
}

// DualPipe's kernels run on 112 of 132 cores.
func TestDualPipeLendsCores(t *testing.T) {
	w := &Workload{Model: moe(), Sequence: 4096, Batch: 256, Precision: BF16}
	text := "tp=1,pp=4,dp=8,ep=8,schedule=dualpipe,recompute=full"
	p, err := NewPricer(w, a100())
	if err != nil {
		t.Fatal(err)
	}
	f := p.Waterfall(layout(text), 32)
	kernels, lent := float64(f.Ideal), 0.0
	for _, loss := range f.Losses[1:] {
		if loss.Cause == CommCores {
			lent = float64(loss.Time)
			break
		}
		kernels += float64(loss.Time)
	}
	if !near(lent, kernels*20/112) {
		t.Errorf("cores set aside cost %v s beside kernels of %v s, want 20/112", lent, kernels)
	}
	// Lent cores stretch time and add no FLOPs: everything but the embedding's look-up
	// and the head runs forward twice.
	s := p.Price(layout(text))
	head := 2 * float64(w.Model.Vocab*w.Model.Hidden) * float64(w.Tokens())
	layers := w.Model.FLOPs(w.Sequence)/3*float64(w.Tokens()) - head
	// Routing sends the busiest experts' padding through again.
	most := layers * max(1, w.Model.MoE.Imbalance)
	if redo := s.HardwareFLOPs - s.ModelFLOPs; redo < layers*(1-1e-9) || redo > most*(1+1e-9) {
		t.Errorf("full recomputation runs %.4g FLOPs again, want %.4g to %.4g", redo, layers, most)
	}
}

// Attention in 8 bits takes nothing from what other causes lose: what it gains is a lesser
// loss to the products that stay in BF16.
func TestAttentionIn8BitsLosesNothing(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 131072, Batch: 8, Precision: FP8}
	m := &Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}
	const text = "tp=2,cp=4,dp=1,mb=1"
	base := lossTimes(t, w, m, text)
	m.Stack.AttentionFP8 = unit.Point[unit.Factor](1.35)
	got := lossTimes(t, w, m, text)
	for cause, loss := range got {
		if loss < 0 {
			t.Errorf("%s gains %v s", cause, -loss)
		}
	}
	if got[ExtraProducts] != base[ExtraProducts] || got[HigherPrecision] >= base[HigherPrecision] || got[SoftwareStack] != base[SoftwareStack] {
		t.Errorf("with attention in 8 bits extra products take %v s, BF16 %v s and the stack %v s; without %v, %v and %v s", got[ExtraProducts], got[HigherPrecision], got[SoftwareStack], base[ExtraProducts], base[HigherPrecision], base[SoftwareStack])
	}
}
