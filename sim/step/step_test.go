package step

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/hardware"
	"clustercap/sim/hardware/hardwaretest"
	"clustercap/sim/model"
	"clustercap/sim/unit"
)

// a100 is 8-GPU A100 servers on 200 Gb/s NICs under a core of 4:1.
func a100() *Machine {
	return &Machine{Chip: hardwaretest.A100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}
}

func gpt(layers, hidden, heads int) model.Model {
	return model.Model{Name: "gpt", Layers: layers, Hidden: hidden, Heads: heads, FFN: 4 * hidden, Vocab: 51200, Bias: true}
}

func moe() model.Model {
	return model.Model{
		Name: "moe", Layers: 24, Hidden: 2048, Heads: 32, KVHeads: 4, HeadDim: 128, FFN: 6144, Gated: true, Vocab: 51200,
		MoE: &model.MoE{Experts: 64, TopK: 8, FFN: 768, DenseLayers: 1, SharedFFN: 768},
	}
}

func layout(text string) Layout {
	l, err := ParseLayout(text)
	if err != nil {
		panic(err)
	}
	return l
}

func mustEstimate(t testing.TB, w *Workload, m *Machine, l Layout) Step {
	t.Helper()
	s, err := Estimate(w, m, l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// near allows the rounding of sums of floats.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-9*math.Abs(want) }

func TestPartsAndActivitySumToTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, l := drawStep(t)
		machine := within(a100(), drawHost(t))
		s, err := Estimate(w, machine, l)
		if err != nil {
			t.Skip(err)
		}
		if !near(float64(s.Parts.Sum()), float64(s.Time)) {
			t.Fatalf("%s: parts sum to %v, step takes %v", l, s.Parts.Sum(), s.Time)
		}
		a := s.Activity
		if sum := a.Matrix + a.Memory + a.Comm + a.Wait; !near(float64(sum), float64(s.Time)) {
			t.Fatalf("%s: activity sums to %v, step takes %v", l, sum, s.Time)
		}
		if s.Parts.Bubble < 0 || s.MFU <= 0 || s.MFU >= 0.8 || s.HFU < s.MFU || l.Recompute == RecomputeFull && l.RecomputeLayers == 0 && s.HFU < 1.2*s.MFU {
			t.Fatalf("%s: implausible step %+v", l, s)
		}
		p, _ := NewPricer(w, machine)
		if f := p.Floor(l); f > s.Time {
			t.Fatalf("%s: floor %v is above the price %v", l, f, s.Time)
		}
	})
}

// drawStep draws a workload and a layout, dense or with experts.
func drawStep(t *rapid.T) (*Workload, Layout) {
	pow := func(name string, most int) int { return 1 << rapid.IntRange(0, most).Draw(t, name) }
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048 * pow("sequence", 6), Batch: 256, Precision: BF16}
	if rapid.Bool().Draw(t, "moe") {
		w.Model = moe()
	}
	if rapid.Bool().Draw(t, "linear") {
		w.Model.Linear = &model.Linear{Every: 4, KeyHeads: 16, ValueHeads: 32, KeyDim: 128, ValueDim: 128, Conv: 4}
	}
	l := Layout{
		TP: pow("tp", 3), SP: rapid.Bool().Draw(t, "sp"), PP: pow("pp", 3), VPP: 1, DP: pow("dp", 5), CP: pow("cp", 1), EP: 1, ETP: 1,
		CPComm:     rapid.SampledFrom([]ContextComm{Ring, AllGather}).Draw(t, "cp_comm"),
		ZeRO:       rapid.IntRange(0, 1).Draw(t, "zero"),
		MicroBatch: pow("mb", 2),
		Recompute: rapid.SampledFrom([]Recompute{
			RecomputeNone, RecomputeSelective, RecomputeLight, RecomputeAlternate, RecomputeFull, "norm", "norm+act", "ffn", "ffn+norm",
		}).Draw(t, "recompute"),
		Offload:  rapid.SampledFrom([]Offload{OffloadNone, OffloadNone, OffloadOptimizer, OffloadActivations, OffloadAll}).Draw(t, "offload"),
		Schedule: OneFOneB, Attention: Fused,
	}
	// Most of what follows would not be valid everywhere.
	if l.PP == 1 {
		l.ZeRO = rapid.IntRange(0, 3).Draw(t, "zero")
	} else if l.Schedule = rapid.SampledFrom([]Schedule{OneFOneB, ZeroBubbleH1, ZeroBubbleV, DualPipe}).Draw(t, "schedule"); l.Schedule == ZeroBubbleV {
		l.VPP = 2
	} else if l.Schedule == OneFOneB {
		l.VPP = pow("vpp", 1)
	}
	if l.CP == 1 {
		l.Attention = rapid.SampledFrom([]Attention{Fused, Unfused}).Draw(t, "attention")
	}
	if l.Recompute != RecomputeNone {
		l.RecomputeLayers = rapid.SampledFrom([]int{0, 0, 1, 2, 5}).Draw(t, "recompute_layers")
	}
	l.SP = l.SP || w.Model.MoE != nil
	if w.Model.MoE != nil {
		l.EP = pow("ep", 5)
		if rapid.Bool().Draw(t, "etp") {
			l.ETP = l.TP
		}
	}
	return w, l
}

// drawHost draws a stack whose host lets layers of experts wait, or not.
func drawHost(t *rapid.T) Stack {
	return Stack{
		ExpertLaunch: unit.Point(rapid.SampledFrom([]unit.Duration{0, 50e-6, 1e-3}).Draw(t, "expert_launch")),
		ExpertSync:   unit.Point(rapid.SampledFrom([]unit.Duration{0, 1e-3}).Draw(t, "expert_sync")),
	}
}

// within is a machine that runs a stack.
func within(m *Machine, stack Stack) *Machine {
	m.Stack = stack
	return m
}

func TestMoreWorkNeverTakesLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, l := drawStep(t)
		stack := drawHost(t)
		base, err := Estimate(w, within(a100(), stack), l)
		if err != nil {
			t.Skip(err)
		}
		slower := map[string]func(m *Machine, w *Workload, l *Layout){
			"half the matrix rate": func(m *Machine, _ *Workload, _ *Layout) { m.Chip.BF16 = unit.Point(m.Chip.BF16.Likely / 2) },
			"half the memory rate": func(m *Machine, _ *Workload, _ *Layout) {
				m.Chip.HBMBandwidth = unit.Point(m.Chip.HBMBandwidth.Likely / 2)
			},
			"half the scale-up rate": func(m *Machine, _ *Workload, _ *Layout) { m.Chip.ScaleUp = unit.Point(m.Chip.ScaleUp.Likely / 2) },
			"half the NIC":           func(m *Machine, _ *Workload, _ *Layout) { m.Chip.NIC = unit.Point(m.Chip.NIC.Likely / 2) },
			"half the host": func(m *Machine, _ *Workload, _ *Layout) {
				m.Stack.ExpertLaunch = unit.Point(2 * m.Stack.ExpertLaunch.Likely)
				m.Stack.ExpertSync = unit.Point(2 * m.Stack.ExpertSync.Likely)
			},
			"more layers":        func(_ *Machine, w *Workload, _ *Layout) { w.Model.Layers *= 2 },
			"full recomputation": func(_ *Machine, _ *Workload, l *Layout) { l.Recompute = RecomputeFull },
			"uneven chips": func(m *Machine, _ *Workload, _ *Layout) {
				m.Chip.Efficiency.ComputeSpread = unit.Point[unit.Share](0.05)
			},
		}
		for name, change := range slower {
			m, w2, l2 := within(a100(), stack), *w, l
			change(m, &w2, &l2)
			if name == "full recomputation" && l.Offload.activations() {
				continue // which leaves less to send to the host
			}
			if (strings.HasPrefix(name, "half the m") || name == "half the host") && l.Offload.activations() && l.Schedule.splits() {
				continue // a pass that waits for the host hides longer kernels, and they fill the bubble
			}
			s, err := Estimate(&w2, m, l2)
			if err != nil {
				t.Skip(err)
			}
			if float64(s.Time) < float64(base.Time)*(1-1e-12) {
				t.Fatalf("%s: %s makes the step faster: %v, before %v", l, name, s.Time, base.Time)
			}
		}
	})
}

// A pipeline of equal stages has the closed form m + (p-1)/v of SC'21, section 2.2.
func TestUniformPipelineBubble(t *testing.T) {
	for _, c := range []struct {
		pp, vpp int
		micro   float64
	}{{4, 1, 16}, {8, 1, 8}, {8, 4, 16}} {
		p := pipe{stages: make([]stage, c.pp)}
		for i := range p.stages {
			p.stages[i].work.base.matrix = 3
		}
		p.summarise()
		got := p.flow(Layout{PP: c.pp, VPP: c.vpp, Schedule: OneFOneB}, c.micro)
		if want := 3 * (c.micro + float64(c.pp-1)/float64(c.vpp)); !near(got, want) {
			t.Errorf("pp=%d vpp=%d: flow %v, want %v", c.pp, c.vpp, got, want)
		}
	}
}

func TestChunksHoldEveryLayerOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := dealing{layers: rapid.IntRange(2, 200).Draw(t, "layers"), last: -1}
		d.chunks = rapid.IntRange(2, d.layers+endChunks).Draw(t, "chunks")
		if rapid.Bool().Draw(t, "fixed") {
			d.last = rapid.IntRange(0, d.layers/d.chunks).Draw(t, "last")
		}
		next, least := 0, d.layers
		for c := range d.chunks {
			first, n := d.chunk(c)
			if first != next {
				t.Fatalf("chunk %d begins at layer %d, the one before ended at %d", c, first, next)
			}
			next, least = first+n, min(least, n)
		}
		_, last := d.chunk(d.chunks - 1)
		if next != d.layers || last != least || d.last >= 0 && last != d.last {
			t.Fatalf("%+v: %d layers dealt, least %d, last %d", d, next, least, last)
		}
	})
}

// Llama 3 leaves one layer out of the first and the last of 16 stages (section 3.3.2).
func TestLlama3StagesAreShortAtBothEnds(t *testing.T) {
	for c, want := range map[int]int{0: 7, 1: 8, 14: 8, 15: 7} {
		if _, n := (dealing{126, 16, -1}).chunk(c); n != want {
			t.Errorf("stage %d has %d layers, want %d", c, n, want)
		}
	}
}

// Bus bandwidth of all-reduce on 8 x A100 over NVLink, measured. 15 % allows for the
// library's switch between protocols around 1 MB, which the model has as one
// latency; 4 MB, right at the switch, was measured 30 % above neighbours' trend.
func TestAllReduceBusBandwidth(t *testing.T) {
	net := newNetwork(a100())
	for _, c := range []struct{ mb, gbps, tolerance float64 }{
		{1, 19.9, 0.15}, {4, 78, 0.30}, {16, 127, 0.15}, {64, 203, 0.15}, {256, 218, 0.15}, {1024, 229, 0.15},
	} {
		bytes := c.mb * 1e6
		bus := 2 * 7 / 8.0 * bytes / net.reduce(bytes, group{8, 1}) / 1e9
		if math.Abs(bus/c.gbps-1) > c.tolerance {
			t.Errorf("%v MB: %.1f GB/s, measured %v", c.mb, bus, c.gbps)
		}
	}
}

func TestCollectivesAcrossTiers(t *testing.T) {
	net := newNetwork(a100())
	// Large enough that latency is below a thousandth of the wire time.
	const bytes = 100e9
	within := net.gather(bytes, group{8, 1})
	across := net.gather(bytes, group{16, 1})
	alone := net.gather(bytes, group{16, 8})
	up, nic := 300e9*0.78, 25e9*0.85
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"within a domain", within, bytes * 7 / 8 / up},
		{"two domains, eight NICs each", across, bytes * 15 / 16 / (8 * nic)},
		{"sixteen domains, one NIC each", alone, bytes * 15 / 16 / nic},
	} {
		if math.Abs(c.got/c.want-1) > 1e-3 {
			t.Errorf("%s: %v s, want %v", c.name, c.got, c.want)
		}
	}
	// All-to-all over 1,024 chips: three quarters leave the 256-chip leaf and meet
	// the core's 4:1.
	got := net.exchange(bytes, group{1024, 1}, copies{1, 1})
	want := bytes * 0.75 * 4 / (25e9 * 0.8)
	if math.Abs(got/want-1) > 1e-3 {
		t.Errorf("exchange over the core: %v s, want %v", got, want)
	}
}

// Heads 64 wide against 128 on H100, forward: FlashAttention-3 reaches 497 of 648 TFLOP/s,
// cuDNN 413 of 595, FlashAttention-2 324 of 370 (arXiv:2407.08608, figure 5).
func TestAttentionOfNarrowHeads(t *testing.T) {
	h100 := hardwaretest.H100()
	r := chipRates(&h100, &Stack{}, BF16)
	rate := func(width float64) float64 {
		c, _ := r.attend(16384, 16*128/width, 8192, width, width, 1)
		return c.flops / c.matrix
	}
	if got := rate(64) / rate(128); got < 413.0/595 || got > 324.0/370 {
		t.Errorf("heads 64 wide run at %.2f of the rate of 128, measured 0.69 to 0.88", got)
	}
	if rate(256) != rate(128) {
		t.Error("heads 256 wide run at another rate than 128")
	}
	before := rate(64)
	h100.Exponentials = 2 * exponentials
	r = chipRates(&h100, &Stack{}, BF16)
	exposed := softmaxWidth(&h100)
	if got, want := rate(64)/before, (64+2*exposed)/(64+exposed)*(128+exposed)/(128+2*exposed); !near(got, want) {
		t.Errorf("with twice the exponentials heads 64 wide are %.3f times as fast, want %.3f", got, want)
	}
	r.softmax = softmaxWidth(&hardware.Chip{})
	for _, array := range []float64{128, 256} {
		r.array = array
		if got := rate(64) / rate(array); math.Abs(got-64/array) > 1e-9 {
			t.Errorf("heads 64 wide run at %.3f of the rate of those that fill an array %g wide", got, array)
		}
	}
}

// Blocks of scores against counting them: a block is computed where any of its queries sees
// any of its keys.
func TestBlockSpan(t *testing.T) {
	for _, c := range []struct{ seq, window, block int }{
		{4096, 0, 512}, {4096, 0, 4096}, {2048, 0, 4096}, {4096, 128, 512}, {4096, 513, 512}, {4096, 514, 512}, {8192, 128, 2048}, {4096, 1, 256},
	} {
		block := min(c.block, c.seq)
		blocks := 0
		for q := 0; q < c.seq; q += block {
			for k := 0; k <= q; k += block {
				// The first query of a block sees farthest back, to its window's first key.
				if c.window == 0 || k+block-1 > q-c.window {
					blocks++
				}
			}
		}
		want := float64(blocks*block) * float64(block) / float64(c.seq)
		if got := blockSpan(c.seq, c.window, c.block); !near(got, want) {
			t.Errorf("seq %d, window %d, blocks of %d: %g keys, want %g", c.seq, c.window, c.block, got, want)
		}
		if exact := model.AttentionSpan(c.seq, c.window); blockSpan(c.seq, c.window, c.block) < exact {
			t.Errorf("seq %d, window %d, blocks of %d: fewer keys than the %g that queries see", c.seq, c.window, c.block, exact)
		}
	}
}

// Products on systolic arrays are padded to whole ones, in the inner dimension and in that
// of one operand; those of several experts run at the stack's share.
func TestProductsOnArrays(t *testing.T) {
	chip := hardwaretest.H100()
	chip.Cores, chip.Array = 0, 256
	rate := func(s Stack, groups, m, n, k float64) float64 {
		r := chipRates(&chip, &s, BF16)
		c := r.gemm(groups, m, n, k)
		padded := 256 * math.Ceil(k/256)
		return c.flops / c.matrix * (padded + kRamp) / padded
	}
	full := rate(Stack{}, 1, 8192, 8192, 8192)
	if got, want := rate(Stack{}, 1, 8192, 2880, 2880)/full, 2880.0/3072; !near(got, want) {
		t.Errorf("inner dimension 2,880: %.4f of the rate, want %.4f", got, want)
	}
	if got, want := rate(Stack{}, 1, 2880, 2880, 8192)/full, 2880.0/3072; !near(got, want) {
		t.Errorf("both outer dimensions 2,880: %.4f of the rate, want %.4f", got, want)
	}
	if got := rate(Stack{Grouped: unit.Point[unit.Share](0.8)}, 8, 8192, 8192, 8192) / full; !near(got, 0.8) {
		t.Errorf("grouped products run at %.3f of the rate, want 0.8", got)
	}
}

// Heads 108 wide start their rows off 16 bytes: BigScience's 182B took 156.8 s with them and
// 118.2 s with heads 144 wide. Fused kernels pad.
func TestAttentionOfUnalignedHeads(t *testing.T) {
	w := &Workload{Model: gpt(78, 13824, 128), Sequence: 2048, Batch: 2048, Precision: BF16}
	l := layout("tp=8,pp=6,dp=8,mb=4,recompute=full,attention=unfused")
	ratio := func(l Layout) float64 {
		w.Model.Heads = 128
		odd := mustEstimate(t, w, a100(), l).Time
		w.Model.Heads = 96
		return float64(odd / mustEstimate(t, w, a100(), l).Time)
	}
	// The same extra on steps that wait a fifth of their time for launches and network.
	if got := ratio(l); got < 156.8/118.2 || got > 1.25*156.8/118.2 {
		t.Errorf("heads 108 wide take %.2f times as long as 144, measured %.2f", got, 156.8/118.2)
	}
	l.Attention = Fused
	if got := ratio(l); got > 1.02 {
		t.Errorf("with fused attention they take %.2f times as long", got)
	}
}

// Twelve products of a layer 4,096 wide over 15,872 tokens on B300, operands ready: 3.76 ms
// in NVFP4 and 7.16 ms in MXFP8 (Transformer Engine, GEMM profiling tutorial). 10 % allows
// for what bounds the smallest of them.
func TestProductsInNVFP4(t *testing.T) {
	chip := hardwaretest.H100()
	chip.FP4 = unit.Point(3 * chip.FP8.Likely)
	fp4, mx := chipRates(&chip, &Stack{}, NVFP4), chipRates(&chip, &Stack{}, MXFP8)
	sum := func(r *rates) (s float64) {
		for _, n := range []float64{3 * 4096, 4096, 4 * 4096} {
			s += r.gemm(1, 15872, n, 4096).sum()
		}
		return s + r.gemm(1, 15872, 4096, 4*4096).sum()
	}
	if got := sum(&mx) / sum(&fp4); math.Abs(got/(7.16/3.76)-1) > 0.10 {
		t.Errorf("NVFP4 is %.2f times as fast as MXFP8, measured %.2f", got, 7.16/3.76)
	}
}

// MXFP4 computes at NVFP4's rate. An operand of n elements is n/32 bytes smaller, having half
// as many scales, and is made by reading the tensor once, not three times.
func TestOperandsOfFourBits(t *testing.T) {
	chip := hardwaretest.H100()
	chip.FP4 = unit.Point(2 * chip.FP8.Likely)
	mx, nv := chipRates(&chip, &Stack{}, MXFP4), chipRates(&chip, &Stack{}, NVFP4)
	if mx.linear != nv.linear || mx.linear <= chipRates(&chip, &Stack{}, MXFP8).linear {
		t.Errorf("MXFP4 computes at %.4g FLOP/s, NVFP4 at %.4g", mx.linear, nv.linear)
	}
	if got := nv.operand - mx.operand; got != 1.0/32 {
		t.Errorf("an element takes %g bytes less, want 1/32", got)
	}
	if got, want := nv.cast-mx.cast, 2*activationBytes+2.0/32; math.Abs(got-want) > 1e-12 {
		t.Errorf("casts move %g bytes per element less, want %g", got, want)
	}
}

// A chip computes in a format with a scale per block only where its matrix units take it,
// whatever its rates in 8 and 4 bits.
func TestBlockScaledPrecisions(t *testing.T) {
	m := a100()
	m.Chip = hardwaretest.H100()
	m.Chip.FP4 = unit.Point(2 * m.Chip.FP8.Likely)
	for _, c := range []struct {
		units []hardware.Format
		want  string
	}{
		{nil, "bf16 fp8"},
		{[]hardware.Format{hardware.MXFP8, hardware.MXFP4}, "bf16 fp8 mxfp8 mxfp4"},
		{[]hardware.Format{hardware.NVFP4}, "bf16 fp8 nvfp4"},
	} {
		m.Chip.BlockScaled = c.units
		priced := slices.DeleteFunc(Precisions(), func(p string) bool {
			_, err := NewPricer(&Workload{Model: gpt(24, 2048, 16), Sequence: 2048, Batch: 64, Precision: Precision(p)}, m)
			return err != nil
		})
		if got := strings.Join(priced, " "); got != c.want || !slices.Equal(priced, PrecisionsOf(&m.Chip)) {
			t.Errorf("with units for %s: priced in %s, said to have %s, want %s", c.units, got, PrecisionsOf(&m.Chip), c.want)
		}
	}
	m.Chip.BlockScaled = nil
	_, err := NewPricer(&Workload{Model: gpt(24, 2048, 16), Sequence: 2048, Batch: 64, Precision: MXFP8}, m)
	if err == nil || err.Error() != "h100-sxm has no MXFP8 rate; it computes in bf16, fp8" {
		t.Errorf("MXFP8 on H100: %v", err)
	}
}

func TestTileAndWaveQuantisation(t *testing.T) {
	r := chipRates(&a100().Chip, &Stack{}, BF16)
	rate := func(m, n, k float64) float64 { return 2 * m * n * k / r.gemm(1, m, n, k).sum() }
	full := rate(128*108, 256*8, 8192)
	if full < 0.95*r.linear || full > r.linear {
		t.Errorf("whole waves of full tiles run at %.2f of the achievable rate, want 0.95-1 (the rest is the ramp over k)", full/r.linear)
	}
	if one := rate(128, 256, 8192); one > r.linear*4/108 {
		t.Errorf("one output tile runs at %.3f of the chip's rate; cut into the smallest tiles it occupies 4 of 108 cores", one/r.linear)
	}
	if short := rate(128*108, 256*8, 64); short > 0.5*full {
		t.Errorf("k = 64 runs at %.2f of k = 8192; a tile's fill and drain should halve it at least", short/full)
	}
	if c := r.gemm(1, 8, 8192, 8192); c.matrix > 0 {
		t.Error("8 rows against 67M weights should be memory-bound")
	}
}

func TestLayoutTextRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, l := drawStep(t)
		got, err := ParseLayout(l.String())
		if err != nil || got != l {
			t.Fatalf("%s reads back as %s, %v", l, got, err)
		}
	})
}

func TestParseLayoutRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 `"" is not key=value; write e.g. tp=8,pp=16`,
		"tp":                               `"tp" is not key=value; write e.g. tp=8,pp=16`,
		"tp=8,tp=4":                        "tp is given twice",
		"tq=8":                             `unknown key "tq"; the keys are ` + layoutKeys,
		"tp=eight":                         "tp=eight is not a whole number from 0 to 10000000",
		"sp=maybe":                         "sp=maybe is not 0 or 1",
		"pp=-1":                            "pp=-1 is not a whole number from 0 to 10000000",
		"tp=4194304,pp=4194304,cp=1048576": "tp x pp x cp x dp is more than 10000000 chips", // 0 in 64 bits
		"tp=1e9,pp=2":                      "tp=1e9 is not a whole number from 0 to 10000000",
	} {
		if _, err := ParseLayout(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParseLayout(f *testing.F) {
	for _, s := range []string{"tp=8,pp=16,dp=128", "tp=8,,pp", "zero=3,recompute=full", "=", "tp=99999999999999999999"} {
		f.Add(s)
	}
	w, m := &Workload{Model: moe(), Sequence: 4096, Batch: 256, Precision: BF16}, a100()
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLayout(text)
		if err != nil {
			return
		}
		if s, err := Estimate(w, m, l.Complete(1024)); err == nil && !(s.Time > 0) {
			t.Errorf("%q is priced at %v", text, s.Time)
		}
	})
}

func TestProblemsAreListedAtOnce(t *testing.T) {
	w := &Workload{Model: gpt(96, 12288, 96), Sequence: 2048, Batch: 1536, Precision: BF16}
	got := layout("tp=9,pp=8,dp=7,ep=4").Problems(w, a100())
	want := []string{
		"tp=9 must divide the model's 96 attention heads; the nearest that does is 8",
		"dp=7 x mb=1 must divide the global batch of 1536 sequences; the nearest dp below that does is 6",
		"ep=4, but gpt has no experts",
	}
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("problem %d: %q, want %q", i, got[i], want[i])
		}
	}
}

// With the value that a message names, the problem is gone.
func TestProblemsNameWhatIsLegal(t *testing.T) {
	w, m := &Workload{Model: moe(), Sequence: 4096, Batch: 240, Precision: BF16}, a100()
	for _, c := range []struct{ layout, want, legal string }{
		{"tp=2,dp=12,ep=16", "ep=16 must divide tp x cp x dp = 24; the nearest that does is 8", "tp=2,dp=12,ep=8"},
		{"tp=2,dp=12,ep=16,etp=2", "ep=16 x etp=2 must divide tp x cp x dp = 24; the nearest ep that does is 4", "tp=2,dp=12,ep=4,etp=2"},
		{"pp=8,vpp=2,dp=20,ep=2", "vpp=2 needs a number of microbatches (12) that pp=8 divides; with dp=10 there are 24", "pp=8,vpp=2,dp=10,ep=2"},
		{"pp=7,vpp=2,dp=10", "vpp=2 needs a number of microbatches (24) that pp=7 divides; write vpp=1", "pp=7,dp=10"},
		{"pp=3,vpp=2,dp=240", "vpp=2 needs a number of microbatches (1) that pp=3 divides; with dp=80 there are 3", "pp=3,vpp=2,dp=80"},
		{"pp=4,dp=60,schedule=dualpipe", "schedule=dualpipe needs an even number of microbatches per replica, at least 8, twice pp; there are 4: with dp=30 there are 8", "pp=4,dp=30,schedule=dualpipe"},
		{"dp=16,mb=7", "dp=16 x mb=7 must divide the global batch of 240 sequences; the nearest mb below that does is 5", "dp=16,mb=5"},
		{"tp=4,dp=15,sp=0,ep=1", "sp=0 with experts needs tp=1, not 4: the tokens of a tensor-parallel group are divided among its chips", "tp=1,dp=15,sp=0"},
		{"pp=5,dp=10,schedule=dualpipe", "schedule=dualpipe needs an even pp, not 5; the nearest is 4", "pp=4,dp=10,schedule=dualpipe"},
	} {
		if got := layout(c.layout).Problems(w, m); !slices.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.layout, got, c.want)
		}
		if got := layout(c.legal).Problems(w, m); len(got) > 0 {
			t.Errorf("%s, as advised for %s: %q", c.legal, c.layout, got)
		}
	}
}

// Heads of keys and values are divided or copied, those of linear attention divided, and
// sequence parallelism leaves no token over.
func TestTensorParallelDivides(t *testing.T) {
	dense := gpt(24, 4096, 32)
	dense.KVHeads = 8
	linear := dense
	linear.Heads, linear.KVHeads = 48, 8
	linear.Linear = &model.Linear{Every: 4, KeyHeads: 16, ValueHeads: 32, KeyDim: 128, ValueDim: 128, Conv: 4}
	grouped := dense
	grouped.Heads = 96
	for _, c := range []struct {
		model         model.Model
		sequence      int
		layout, wants string
	}{
		{dense, 4096, "tp=16,dp=8", ""},
		{grouped, 4096, "tp=8,dp=8", ""},
		{grouped, 4096, "tp=6,dp=8", "tp=6 must divide the model's 8 key-value heads, or be a multiple of them; the nearest that fits is 4"},
		{grouped, 6144, "tp=12,dp=8", "tp=12 must divide the model's 8 key-value heads, or be a multiple of them; the nearest that fits is 8"},
		{linear, 4096, "tp=16,dp=8", ""},
		{linear, 6144, "tp=24,dp=8", "tp=24 must divide the 16 key and 32 value heads of the model's linear attention; the nearest that does is 16"},
		{dense, 4100, "tp=8,dp=8", "sequence parallelism divides the 4100 tokens of a chip's sequence by tp=8; write sp=0, or the nearest tp that fits is 4"},
		{dense, 4100, "tp=8,dp=8,sp=0", ""},
		{moe(), 4100, "tp=8,dp=8", "sequence parallelism divides the 4100 tokens of a chip's sequence by tp=8; the nearest tp that fits is 4"},
	} {
		w := &Workload{Model: c.model, Sequence: c.sequence, Batch: 256, Precision: BF16}
		l := layout(c.layout)
		got := strings.Join(l.Problems(w, a100()), "; ")
		if got != c.wants || l.Divides(w) != (c.wants == "") {
			t.Errorf("%s: %q, divides: %v; want %q", c.layout, got, l.Divides(w), c.wants)
		}
	}
}

// The value that a message names is legal, and none is nearer.
func TestNearestDivisor(t *testing.T) {
	for n := 1; n <= 60; n++ {
		for v := 1; v <= 70; v++ {
			got := nearestDivisor(n, v)
			for d := 1; d <= n; d++ {
				if n%got != 0 || n%d == 0 && max(d-v, v-d) < max(got-v, v-got) {
					t.Fatalf("nearest to %d that divides %d: %d, but there is %d", v, n, got, d)
				}
			}
		}
	}
}

// ZeRO-1 shards the optimizer over the replicas: with d of them, its 12 bytes per
// parameter become 12/d (Rajbhandari et al., figure 1). Fully sharded, the master
// weight among them is the only shard, and two layers are gathered beside the table.
func TestZeROShardsMemory(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	n := w.Model.Params()
	table := w.Model.EmbeddingParams() + w.Model.HeadParams()
	gathered := 2 * (table + 2*(n-table)/24) / n
	for _, c := range []struct {
		zero                        string
		weights, gradients, moments float64
	}{{"0", 2, 4, 12}, {"1", 2, 4, 12.0 / 8}, {"2", 2, 4.0 / 8, 12.0 / 8}, {"3", gathered, 4.0 / 8, 12.0 / 8}} {
		m := mustEstimate(t, w, a100(), layout("tp=1,dp=8,zero="+c.zero)).Memory
		if !near(float64(m.Weights), c.weights*n) || !near(float64(m.Gradients), c.gradients*n) || !near(float64(m.Optimizer), c.moments*n) {
			t.Errorf("zero=%s: %+v, want %v %v %v bytes x %v parameters", c.zero, m, c.weights, c.gradients, c.moments, n)
		}
	}
}

// A stack that sums sharded gradients by an all-reduce moves them twice where a
// reduce-scatter moves them once: three times the weights' gathering instead of two in 16
// bits. Without a sharded optimizer it is the same.
// Sharded weights are collected layer by layer: of traffic that hides, all that a step waits
// for is a layer of each pass, and what it costs the kernels beside it. Gradients of half the
// bytes take half as long.
func TestShardedTraffic(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	m := a100()
	m.Stack.Gradients = unit.Point[unit.Bytes](4)
	price := func() (dataTraffic, float64) {
		p, err := NewPricer(w, m)
		if err != nil {
			t.Fatal(err)
		}
		p.p.take(layout("tp=1,dp=8,mb=8,zero=3"))
		s := p.p.pipeline()
		data := p.p.dataParallel(&s)
		return p.p.dataTraffic(s.fullest), data.each*p.p.microbatches() + data.once
	}
	whole, got := price()
	all := 2*whole.collect + whole.scatter
	if want := all * (1 + 23*commSlowdown) / 24 * 4; math.Abs(got/want-1) > 1e-6 {
		t.Errorf("%v s a step, want %v", got, want)
	}
	m.Stack.ShardedGradients = unit.Point[unit.Bytes](2)
	half, _ := price()
	if ratio := half.scatter / whole.scatter; math.Abs(ratio-0.5) > 0.02 {
		t.Errorf("gradients take %.3f of the time in half the bytes", ratio)
	}
	if half.collect != whole.collect {
		t.Error("weights take another time")
	}
}

func TestWholeReduce(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	data := func(zero string, whole bool) float64 {
		m := a100()
		m.Stack = Stack{SerialData: true, Gradients: unit.Point[unit.Bytes](2), WholeReduce: whole}
		return float64(mustEstimate(t, w, m, layout("tp=8,dp=16,zero="+zero)).Parts.DataComm)
	}
	// Launches and steps of the ring take a few milliseconds.
	if got := data("1", true) / data("1", false); math.Abs(got-1.5) > 0.02 {
		t.Errorf("data traffic grows %.3f-fold, want 1.5", got)
	}
	for _, zero := range []string{"0", "2"} {
		if data(zero, true) != data(zero, false) {
			t.Errorf("zero=%s: another time", zero)
		}
	}
}

// Broadcasts take a turn for every member of a sharding group; a group of one has none.
func TestTurnsOfBroadcasts(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	turns := func(l string) float64 {
		data := func(turn unit.Duration) float64 {
			m := a100()
			m.Stack.ShardBroadcast = unit.Point(turn)
			return float64(mustEstimate(t, w, m, layout(l)).Parts.DataComm)
		}
		return data(1) - data(0)
	}
	for l, want := range map[string]float64{"tp=2,dp=8": 16, "tp=2,dp=8,shard=4": 8, "tp=2,dp=1": 0, "tp=2,dp=8,zero=0": 0} {
		if got := turns(l); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v turns, want %v", l, got, want)
		}
	}
}

// Who reduces gradients after the backward pass does so with ZeRO 0 to 2; weights that are
// sharded leave no room for them to wait.
func TestSerialData(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	for _, zero := range []string{"0", "1", "2", "3"} {
		data := func(serial bool) float64 {
			m := a100()
			m.Stack.SerialData = serial
			return float64(mustEstimate(t, w, m, layout("tp=1,dp=128,zero="+zero)).Parts.DataComm)
		}
		serial, beside := data(true), data(false)
		if waits := serial > beside; waits != (zero != "3") {
			t.Errorf("zero=%s: %v s after the pass, %v beside it", zero, serial, beside)
		}
	}
}

// A table that both ends of a pipeline hold is summed between them once a step: with two
// holders each sends and receives it once, in FP32, divided by the tensor-parallel degree.
func TestTiedGradientIsSummedBetweenTheEnds(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	machine := a100()
	data := func(text string, tied bool) float64 {
		w.Model.Tied = tied
		return float64(mustEstimate(t, w, machine, layout(text)).Parts.DataComm)
	}
	// One replica, so that nothing else is reduced; eight chips a stage, so that it leaves the
	// server. Launch and latency are left out of the wanted time.
	bandwidth := float64(machine.Chip.NIC.Likely) * float64(machine.Fabric.Tiers[0].Efficiency.Likely)
	want := 4 * w.Model.EmbeddingParams() / 8 / bandwidth
	got := data("tp=8,pp=4,dp=1,mb=1", true) - data("tp=8,pp=4,dp=1,mb=1", false)
	if got < want || got > 1.1*want {
		t.Errorf("the table's gradient takes %v s, want %v", got, want)
	}
	if a, b := data("tp=8,pp=1,dp=2,mb=1", true), data("tp=8,pp=1,dp=2,mb=1", false); a > b {
		t.Errorf("one stage: %v s tied, %v apart", a, b)
	}
}

// A layer in two without experts costs half of a model with experts everywhere and half
// of a dense one, up to the rounding of sums.
func TestAlternatingLayersAreHalfOfEach(t *testing.T) {
	time := func(every, dense int) float64 {
		w := &Workload{Model: moe(), Sequence: 2048, Batch: 64, Precision: BF16}
		w.Model.MoE = &model.MoE{Experts: 64, TopK: 8, FFN: 768, DenseLayers: dense, Every: every}
		return float64(mustEstimate(t, w, a100(), layout("tp=1,dp=8,ep=8,zero=0")).Parts.Compute)
	}
	all, none, half := time(1, 0), time(1, 24), time(2, 0)
	// The optimizer's traffic belongs to either kind of layer as well.
	if want := (all + none) / 2; math.Abs(half/want-1) > 1e-9 {
		t.Errorf("%v s, want %v, the mean of %v and %v", half, want, all, none)
	}
}

// A token that goes to 8 of 64 experts on 8 chips of one domain meets 8 (1 - (7/8)^8)
// = 5.25 chips on average and is sent to each once; a plain dispatch sends it 8 times.
func TestDispatchSendsOncePerChip(t *testing.T) {
	w := &Workload{Model: moe(), Sequence: 4096, Batch: 512, Precision: BF16}
	w.Model.MoE.Imbalance = 1
	comm := func(plain bool) float64 {
		m := a100()
		m.Stack.PlainDispatch = plain
		return float64(mustEstimate(t, w, m, layout("tp=1,dp=8,ep=8,zero=0,mb=64")).Parts.ExpertComm)
	}
	want := 1 - math.Pow(7.0/8, 8)
	// Of 64 sequences of 4,096 tokens latency is below a thousandth.
	if got := comm(false) / comm(true); math.Abs(got/want-1) > 2e-3 {
		t.Errorf("%.4f of the plain dispatch's traffic, want %.4f", got, want)
	}
}

// Experts in a row, the first a multiple of how many, against counting.
func TestNeighbourExperts(t *testing.T) {
	for _, c := range []struct{ k, each, places int }{{8, 4, 64}, {8, 12, 32}, {8, 16, 8}, {4, 2, 64}, {8, 32, 8}, {2, 3, 5}, {6, 10, 16}} {
		sum, tokens := 0, 10*c.each
		for token := range tokens {
			met := map[int]bool{}
			for e := range c.k {
				met[(token*c.k+e)/c.each] = true // places never end, so that none wraps round
			}
			sum += len(met)
		}
		if got, want := neighbours(c.k, c.each), float64(sum)/float64(tokens); math.Abs(got-want) > 1e-9 {
			t.Errorf("%d experts in a row lie on %v places of %d, counted %v", c.k, got, c.each, want)
		}
	}
	w := &Workload{Model: moe(), Sequence: 4096, Batch: 512, Precision: BF16}
	w.Model.MoE.Imbalance = 1
	comm := func(neighbour bool) float64 {
		m := a100()
		m.Stack.NeighbourExperts, m.Stack.PlainDispatch = neighbour, !neighbour
		return float64(mustEstimate(t, w, m, layout("tp=1,dp=8,ep=8,zero=0,mb=64")).Parts.ExpertComm)
	}
	// Eight of 64 experts over eight chips: all on one, an eighth of the traffic.
	if got := comm(true) / comm(false); math.Abs(got*8-1) > 0.02 {
		t.Errorf("%.4f of a plain dispatch's traffic, want an eighth", got)
	}
}

// Where the host launches slower than the chip computes, a chip twice as fast gains
// nothing in layers of experts; with twice the tokens the step takes no longer. No schedule
// hides that.
func TestLayersOfExpertsWaitForTheHost(t *testing.T) {
	price := func(text string, speed float64, micro int) float64 {
		w := &Workload{Model: moe(), Sequence: 1024, Batch: 64 * micro, Precision: BF16}
		w.Model.MoE.DenseLayers, w.Model.FFN = 0, 0
		m := a100()
		m.Stack.ExpertLaunch = unit.Point(unit.Duration(2e-3))
		m.Chip.BF16 = unit.Point(m.Chip.BF16.Likely * unit.FLOPRate(speed))
		l := layout("dp=8,ep=8,zero=0," + text)
		l.MicroBatch = micro
		s := mustEstimate(t, w, m, l)
		// The head, the optimizer and gradients are not in layers of experts.
		return float64(s.Parts.Compute + s.Parts.ExpertComm + s.Parts.HostWait)
	}
	for _, text := range []string{"pp=1", "pp=2", "pp=2,schedule=zb-h1", "pp=2,vpp=2,schedule=zb-v", "pp=2,schedule=dualpipe"} {
		base := price(text, 1, 1)
		for name, got := range map[string]float64{"a chip twice as fast": price(text, 2, 1), "twice the tokens": price(text, 1, 2)} {
			// The head and the optimizer are 2 % of the step.
			if math.Abs(got/base-1) > 0.03 {
				t.Errorf("%s: %s takes %v s, want %v", text, name, got, base)
			}
		}
	}
}

// Products of experts that apply the activation and cast what they write save, each way,
// the activation and the cast behind it, in MXFP8 and without biases alone.
func TestFusedExperts(t *testing.T) {
	m := &Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(1)}
	m.Chip.BlockScaled = []hardware.Format{hardware.MXFP8}
	saved := func(precision Precision, bias bool) float64 {
		w := &Workload{Model: moe(), Sequence: 4096, Batch: 8, Precision: precision}
		w.Model.Bias = bias
		m.Stack.FusedExperts = false
		own := mustEstimate(t, w, m, layout("dp=8,ep=8"))
		m.Stack.FusedExperts = true
		fused := mustEstimate(t, w, m, layout("dp=8,ep=8"))
		return float64(own.Parts.Compute - fused.Parts.Compute)
	}
	e := m.Chip.Efficiency
	rate := float64(m.Chip.HBMBandwidth.Likely) * float64(e.Memory.Likely)
	elements := 4096 * 8 * 768.0           // of one tensor behind the activation
	cast := 2 + 2*(1+1.0/32)               // bytes of an element's cast
	bytes := elements * (3*6 + (1+2)*cast) // two read and one written, twice as many back; one cast and two back
	want := 23 * (bytes/rate + 4*float64(e.Launch.Likely))
	if got := saved(MXFP8, false); math.Abs(got/want-1) > 1e-9 {
		t.Errorf("fused experts save %v s, want %v", got, want)
	}
	if bf16, bias := saved(BF16, false), saved(MXFP8, true); bf16 != 0 || bias != 0 {
		t.Errorf("they save %v s in BF16 and %v s with biases", bf16, bias)
	}
}

// A factor of dispatch adds to both passes what the permutations of fused kernels take, and
// as many launches.
func TestDispatchOfUnfusedKernels(t *testing.T) {
	w := &Workload{Model: moe(), Sequence: 4096, Batch: 8, Precision: BF16}
	compute := func(factor unit.Factor) float64 {
		m := a100()
		m.Stack.Dispatch = unit.Point(factor)
		return float64(mustEstimate(t, w, m, layout("dp=8,ep=8")).Parts.Compute)
	}
	m := a100()
	e := m.Chip.Efficiency
	rate := float64(m.Chip.HBMBandwidth.Likely) * float64(e.Memory.Likely)
	bytes := 2 * 2 * 4096 * 8 * float64(w.Model.Hidden) // 8 copies of each token, read and written
	// Two permutations forward, two back with a gradient beside each operand.
	fused := float64(w.Model.MoELayersIn(0, w.Model.Layers)) * (6*bytes/rate + 4*float64(e.Launch.Likely))
	if got := compute(6) - compute(1); math.Abs(got/(5*fused)-1) > 1e-9 {
		t.Errorf("5 more kernels of each take %v s, want %v", got, 5*fused)
	}
}

// Experts of a capacity compute all of their places, however tokens are spread.
func TestCapacityOfExperts(t *testing.T) {
	w := &Workload{Model: moe(), Sequence: 4096, Batch: 8, Precision: BF16}
	seconds := func(imbalance float64, capacity unit.Factor) float64 {
		w.Model.MoE.Imbalance = imbalance
		m := a100()
		m.Stack.Capacity = unit.Point(capacity)
		return float64(mustEstimate(t, w, m, layout("dp=8,ep=8")).Time)
	}
	if got, want := seconds(3, 1.25), seconds(1.25, 0); !near(got, want) {
		t.Errorf("1.25 times the places take %v s, 1.25 times the tokens %v", got, want)
	}
	if full, even := seconds(1, 1.25), seconds(1, 1); full <= even {
		t.Errorf("1.25 times the places take %v s, no more than %v", full, even)
	}
}

// Ordering tokens with masks takes two products forward and three back, each of every place
// of a sequence's experts with all of its tokens, and masks that are written.
func TestMaskedDispatch(t *testing.T) {
	w := &Workload{Model: moe(), Sequence: 4096, Batch: 16, Precision: BF16}
	chip := hardwaretest.A100()
	compute := func(recompute string, masked bool) float64 {
		m := &Machine{Chip: chip, Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}
		m.Stack.Capacity, m.Stack.MaskedDispatch = unit.Point[unit.Factor](1.25), masked
		parts := mustEstimate(t, w, m, layout("dp=8,ep=8,mb=2"+recompute)).Parts
		return float64(parts.Compute + parts.Recompute)
	}
	r := chipRates(&chip, &Stack{}, BF16)
	const sequences, places, tokens = 2.0, 1.25 * 8 * 4096, 4096.0
	product := r.gemmBF16(places, float64(w.Model.Hidden), tokens).times(sequences).sum()
	mask := 2 * places * tokens * sequences
	copied := 2 * 2 * 8 * tokens * sequences * float64(w.Model.Hidden)
	stream := func(bytes float64) float64 { return r.stream(bytes).sum() }
	layers := float64(w.Model.MoELayersIn(0, w.Model.Layers))
	gather := 2*stream(copied) + 2*stream(2*copied)
	want := layers * (5*product + stream(2*mask) + stream(mask) - gather)
	if got := compute("", true) - compute("", false); math.Abs(got/want-1) > 1e-9 {
		t.Errorf("masks add %v s, want %v", got, want)
	}
	again := layers * (product + stream(2*mask) - stream(copied))
	if got := compute(",recompute=up", true) - compute(",recompute=up", false) - want; math.Abs(got/again-1) > 1e-6 {
		t.Errorf("computed again they add %v s, want %v", got, again)
	}
}

// Rotary embedding in kernels of its own costs latent attention time, and others nothing.
func TestUnfusedRotaryIsOfLatentAttention(t *testing.T) {
	added := func(mla *model.MLA) float64 {
		w := &Workload{Model: moe(), Sequence: 4096, Batch: 8, Precision: BF16}
		w.Model.MLA = mla
		m := a100()
		before := mustEstimate(t, w, m, layout("dp=8,ep=8"))
		m.Stack.UnfusedRotary = true
		return float64(mustEstimate(t, w, m, layout("dp=8,ep=8")).Time - before.Time)
	}
	if got := added(nil); got != 0 {
		t.Errorf("it adds %v s to grouped queries", got)
	}
	if got := added(&model.MLA{QRank: 1536, KVRank: 512, NopeDim: 128, RopeDim: 64, ValueDim: 128}); got <= 0 {
		t.Errorf("it adds %v s to latent attention", got)
	}
}

// Casts that move three times as much take three times as long, and BF16 has none.
func TestCastsOfAStack(t *testing.T) {
	added := func(p Precision, casts unit.Factor) float64 {
		w := published()[0].work
		w.Precision = p
		m := &Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(1)}
		before := mustEstimate(t, &w, m, layout("tp=8,pp=16,dp=1"))
		m.Stack.Casts = unit.Point(casts)
		return float64(mustEstimate(t, &w, m, layout("tp=8,pp=16,dp=1")).Time - before.Time)
	}
	if got := added(BF16, 3); got != 0 {
		t.Errorf("they add %v s in BF16", got)
	}
	if once, twice := added(FP8, 2), added(FP8, 3); once <= 0 || !near(twice, 2*once) {
		t.Errorf("twice and three times the traffic add %v and %v s", once, twice)
	}
}

// Attention in 8 bits is faster where products have 8 bits and heads are 128 wide or wider.
func TestAttentionIn8Bits(t *testing.T) {
	attention := func(p Precision, width, factor float64) float64 {
		chip := hardwaretest.H100()
		r := chipRates(&chip, &Stack{AttentionFP8: unit.Point(unit.Factor(factor))}, p)
		forward, backward := r.attend(8192, 8, 4096, width, width, 1)
		return forward.matrix + backward.matrix
	}
	for _, c := range []struct {
		p     Precision
		width float64
		want  float64
	}{{FP8, 128, 1.5}, {MXFP8, 192, 1.5}, {FP8, 64, 1}, {BF16, 128, 1}, {NVFP4, 128, 1}} {
		if got := attention(c.p, c.width, 1) / attention(c.p, c.width, 1.5); !near(got, c.want) {
			t.Errorf("%s, heads %v wide: %v times as fast, want %v", c.p, c.width, got, c.want)
		}
	}
}

// All-to-alls hide beside another microbatch where stages interleave or there is no
// pipeline, for what they cost the kernels there, and no more of them than kernels last;
// those of the only microbatch never, and the wait for the host neither.
func TestExpertOverlap(t *testing.T) {
	w := &Workload{Model: moe(), Sequence: 4096, Batch: 64, Precision: BF16}
	var sync unit.Duration
	comm := func(text string, share unit.Share, bandwidth float64) Step {
		m := &Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(1)}
		m.Chip.ScaleUp = unit.Point(m.Chip.ScaleUp.Likely * unit.Bandwidth(bandwidth))
		m.Stack.ExpertOverlap = unit.Point(share)
		m.Stack.ExpertSync = unit.Point(sync)
		return mustEstimate(t, w, m, layout(text))
	}
	for text, hidden := range map[string]float64{
		"dp=8,ep=8": 0.5 * (1 - commSlowdown) * 7 / 8, "pp=2,vpp=4,dp=4,ep=4": 0.5 * (1 - commSlowdown) * 15 / 16,
		"dp=8,ep=8,mb=8": 0, "dp=8,ep=8,recompute=full": 0, "pp=2,dp=4,ep=4": 0, "pp=2,dp=4,ep=4,schedule=zb-h1": 0,
	} {
		before, after := comm(text, 0, 1).Parts.ExpertComm, comm(text, 0.5, 1).Parts.ExpertComm
		if got := 1 - float64(after/before); math.Abs(got-hidden) > 1e-9 {
			t.Errorf("%s: %.4f of them are hidden, want %.4f", text, got, hidden)
		}
	}
	saved := comm("dp=8,ep=8", 0, 1).Time - comm("dp=8,ep=8", 0.5, 1).Time
	sync = 1e-3
	if got := comm("dp=8,ep=8", 0, 1).Time - comm("dp=8,ep=8", 0.5, 1).Time; math.Abs(float64(got/saved-1)) > 1e-9 {
		t.Errorf("with a wait for the host %v s are saved, want %v", got, saved)
	}
	slow := comm("dp=8,ep=8", 0, 1e-3)
	saved = slow.Time - comm("dp=8,ep=8", 1, 1e-3).Time
	if saved <= 0 || saved > slow.Parts.Compute {
		t.Errorf("over slow links %v s are saved beside kernels of %v s", saved, slow.Parts.Compute)
	}
}

// The closed form against counting the layers of every stage.
func TestBusiestStagesOfAnInterleavedPipeline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Layout{PP: rapid.IntRange(2, 16).Draw(t, "pp"), VPP: rapid.IntRange(1, 8).Draw(t, "vpp"), Schedule: OneFOneB}
		switch rapid.SampledFrom([]Schedule{OneFOneB, ZeroBubbleV, DualPipe}).Draw(t, "schedule") {
		case ZeroBubbleV:
			l.VPP, l.Schedule = 2, ZeroBubbleV
		case DualPipe:
			l.PP, l.VPP, l.Schedule = 2*l.PP, 1, DualPipe
		}
		d := dealing{chunks: l.PP * l.VPP, last: rapid.IntRange(0, 4).Draw(t, "last")}
		d.layers = d.last*d.chunks + rapid.IntRange(0, 200).Draw(t, "more")
		most, end := 0.0, 0.0
		for stage := range l.PP {
			sum := 0.0
			for v := range l.VPP {
				_, n := d.chunk(l.chunkAt(stage, v))
				sum += float64(n)
			}
			if l.Schedule == DualPipe { // half of it, and of the stage that mirrors it
				_, n := d.chunk(l.PP - 1 - stage)
				sum = (sum + float64(n)) / 2
			}
			switch {
			case stage == l.lastStage():
				end = sum - float64(d.last)*microShare(l)
			case l.Schedule == DualPipe && stage == 0: // the same chips
			default:
				most = max(most, sum)
			}
		}
		if rest, without := busiest(d.layers-d.last, l); rest != most || without != end {
			t.Fatalf("%+v in %s: busiest %v and %v, counted %v and %v", d, l, rest, without, most, end)
		}
	})
}

// No other number of layers on the last chunk gives the busiest stage fewer FLOPs.
func TestLayersAreDealtToSpareTheBusiestStage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &Workload{Model: gpt(96, 12288, 96), Sequence: 4096, Batch: 512, Precision: BF16}
		m := &w.Model
		m.Layers, m.Vocab = rapid.IntRange(4, 130).Draw(t, "layers"), rapid.IntRange(1000, 3_000_000).Draw(t, "vocabulary")
		l := layout("tp=1,dp=1")
		l.PP, l.VPP = rapid.IntRange(2, 16).Draw(t, "pp"), rapid.IntRange(1, 4).Draw(t, "vpp")
		switch rapid.SampledFrom([]Schedule{OneFOneB, ZeroBubbleV, DualPipe}).Draw(t, "schedule") {
		case ZeroBubbleV:
			l.VPP, l.Schedule = 2, ZeroBubbleV
		case DualPipe:
			l.PP, l.VPP, l.Schedule = 2*l.PP, 1, DualPipe
		}
		if l.PP*l.VPP > m.Layers {
			t.Skip("more chunks than layers")
		}
		p := pricer{work: w, layout: l}
		head := 2 * float64(m.Hidden) * float64(m.Vocab)
		layer := (m.ForwardFLOPs(w.Sequence) - head) / float64(m.Layers)
		busiest := func(d dealing) float64 {
			load := make([]float64, l.PP)
			for stage := range load {
				for v := range l.VPP {
					_, n := d.chunk(l.chunkAt(stage, v))
					load[stage] += float64(n) * layer
				}
				if stage == l.lastStage() {
					load[stage] += head
				}
			}
			worst := 0.0
			for stage, own := range load {
				if l.Schedule == DualPipe {
					own = (own + load[l.PP-1-stage]) / 2
				}
				worst = max(worst, own)
			}
			return worst
		}
		dealt := p.deal()
		for last := range m.Layers/dealt.chunks + 1 {
			other := dealing{m.Layers, dealt.chunks, last}
			if busiest(other) < busiest(dealt)*(1-1e-9) {
				t.Fatalf("%d layers dealt with %d on the last chunk; %d spare the busiest stage", m.Layers, dealt.last, last)
			}
		}
	})
}

// legal are the values that a message names, with the key that each is for; the first word of
// the message where none is said.
var legal = regexp.MustCompile(`^([a-z_]+)=.*nearest (?:([a-z]+) )?(?:below )?that (?:does|fits)(?:, the nearest)? is (\d+)|(dp)=(\d+) with (mb)=(\d+) does|with (dp)=(\d+) there are`)

// A layout with one wrong degree is right with the value that the message names.
func TestAdviceIsLegal(t *testing.T) {
	advised := 0
	rapid.Check(t, func(t *rapid.T) {
		w, l := drawStep(t)
		if len(l.Problems(w, a100())) > 0 {
			t.Skip()
		}
		degrees := map[string]*int{"tp": &l.TP, "pp": &l.PP, "vpp": &l.VPP, "dp": &l.DP, "cp": &l.CP, "ep": &l.EP, "mb": &l.MicroBatch}
		key := rapid.SampledFrom([]string{"tp", "dp", "cp", "ep", "mb"}).Draw(t, "key")
		*degrees[key] = rapid.IntRange(1, 40).Draw(t, "wrong")
		problems := l.Problems(w, a100())
		if len(problems) != 1 {
			t.Skip()
		}
		a := legal.FindStringSubmatch(problems[0])
		if a == nil {
			t.Skip()
		}
		bad := l.String()
		set := func(key, value string) {
			if n, err := strconv.Atoi(value); err == nil {
				*degrees[key] = n
			}
		}
		switch {
		case a[3] != "" && a[2] != "":
			set(a[2], a[3])
		case a[3] != "":
			set(a[1], a[3])
		case a[4] != "":
			set(a[4], a[5])
			set(a[6], a[7])
		default:
			set(a[8], a[9])
		}
		advised++
		if got := l.Problems(w, a100()); len(got) > 0 {
			t.Fatalf("%s: %q; %s, as advised: %q", bad, problems[0], l, got)
		}
	})
	if advised < 10 {
		t.Errorf("only %d values were named", advised)
	}
}

// Tensor-parallel traffic that a stack overlaps hides beside the block's kernels, and no
// more of it than they take, nor beside gradients of weights that are put off.
func TestOverlapHidesNoMoreThanItsKernels(t *testing.T) {
	w := &Workload{Model: gpt(8, 4096, 32), Sequence: 2048, Batch: 16, Precision: BF16}
	for _, schedule := range []Schedule{OneFOneB, ZeroBubbleH1} {
		for _, overlap := range []float64{0, 0.5, 1} {
			for _, link := range []unit.Bandwidth{300e9, 3e9, 30e6} {
				m := a100()
				m.Chip.ScaleUp = unit.Point(link)
				m.Stack.TensorOverlap = unit.Point(unit.Share(overlap))
				p, err := NewPricer(w, m)
				if err != nil {
					t.Fatal(err)
				}
				q := &p.p
				l := layout("tp=8,pp=2,dp=1")
				l.Schedule = schedule
				q.take(l)
				s := newShape(w, l)
				pair := 2 * q.net.gather(activationBytes*s.tokens*s.hidden, group{8, 1})
				for name, b := range map[string]block{"attention": q.attentionBlock(s), "feed-forward": q.feedForward(s, 16384), "head": q.head(s)} {
					share, beside := overlap, b.backward.compute.sum()
					if schedule == ZeroBubbleH1 {
						share, beside = overlap/2, beside-b.weights
					}
					for pass, c := range map[string]struct{ got, want float64 }{
						"forward":  {b.forward.tensor, pair - (1-commSlowdown)*min(overlap*pair, b.forward.compute.sum())},
						"backward": {b.backward.tensor, pair - (1-commSlowdown)*min(share*pair, beside)},
					} {
						if !near(c.got, c.want) {
							t.Errorf("%s, %.0f %% overlapped at %v, %s of %s: %v s exposed, want %v", schedule, 100*overlap, link, pass, name, c.got, c.want)
						}
					}
				}
			}
		}
	}

	// The shared expert's traffic has its own products to hide beside, not the routed ones'.
	w = &Workload{Model: moe(), Sequence: 2048, Batch: 16, Precision: BF16}
	exposed := func(ffn int) float64 {
		m := a100()
		m.Chip.ScaleUp = unit.Point[unit.Bandwidth](30e6)
		m.Stack.TensorOverlap = unit.Point[unit.Share](1)
		w.Model.MoE.FFN = ffn
		p, err := NewPricer(w, m)
		if err != nil {
			t.Fatal(err)
		}
		q := &p.p
		q.take(layout("tp=8,pp=1,dp=1,ep=8"))
		b := q.experts(newShape(w, q.layout))
		return b.forward.tensor
	}
	if a, b := exposed(768), exposed(7680); !near(a, b) {
		t.Errorf("%v s of the shared expert's traffic exposed, %v with wider routed experts", a, b)
	}
}

// With sequence parallelism the chips of a tensor-parallel group run the down-projections of
// latent attention on their own tokens and gather what those give; without it each runs
// them on all tokens.
func TestLatentsAreGatheredCompressed(t *testing.T) {
	for _, rank := range []int{0, 1536} {
		m := published()[1].work.Model
		mla := *m.MLA
		mla.QRank = rank
		m.MLA = &mla
		w := &Workload{Model: m, Sequence: 4096, Batch: 16, Precision: BF16}
		p, err := NewPricer(w, a100())
		if err != nil {
			t.Fatal(err)
		}
		q := &p.p
		of := func(text string) (block, shape) {
			q.take(layout(text))
			s := newShape(w, q.layout)
			return q.attentionBlock(s), s
		}
		shards, s := of("tp=4,dp=1")
		whole, _ := of("tp=4,dp=1,sp=0")
		h, down := s.hidden, float64(rank+mla.KVRank+mla.RopeDim)
		for pass, c := range map[string]struct{ shards, whole, times float64 }{
			"forward":  {shards.forward.compute.flops, whole.forward.compute.flops, 1},
			"backward": {shards.backward.compute.flops, whole.backward.compute.flops, 2},
		} {
			if want := c.times * 2 * (s.tokens - s.split) * h * down; !near(c.whole-c.shards, want) {
				t.Errorf("q_rank %d, %s: whole tokens take %.6g FLOPs more than shards, want %.6g", rank, pass, c.whole-c.shards, want)
			}
		}

		gather := func(width float64) float64 {
			return q.net.gather(activationBytes*s.tokens*width, group{4, 1})
		}
		queries := float64(rank)
		if rank == 0 {
			queries = h // not compressed
		}
		want := gather(queries) + gather(float64(mla.KVRank)) + gather(float64(mla.RopeDim)) + gather(h)
		if !near(shards.forward.tensor, want) || !near(shards.backward.tensor, want) {
			t.Errorf("q_rank %d: traffic of %v s forward and %v backward, want %v", rank, shards.forward.tensor, shards.backward.tensor, want)
		}
		if want := q.net.reduce(activationBytes*s.tokens*h, group{4, 1}); !near(whole.forward.tensor, want) {
			t.Errorf("q_rank %d: traffic of %v s without sequence parallelism, want %v", rank, whole.forward.tensor, want)
		}
		// Norm's input and output, and the latents.
		if got, want := whole.stored-shards.stored, (s.tokens-s.split)*activationBytes*(2*h+down); !near(got, want) {
			t.Errorf("q_rank %d: whole tokens keep %.6g bytes more, want %.6g", rank, got, want)
		}
	}
}

// Where several microbatches add to a gradient, the product that makes it reads and writes the
// sum, with one it writes; that shows where memory bounds the product, with few tokens.
func TestGradientsAreSummedInMemory(t *testing.T) {
	const n, k = 4096, 8192.0
	for _, c := range []struct{ stack, bytes unit.Bytes }{{0, 4}, {2, 2}, {6, 4}} {
		w := &Workload{Model: gpt(8, 4096, 32), Sequence: 2048, Batch: 16, Precision: BF16}
		m := a100()
		m.Stack.Gradients = unit.Point(c.stack)
		p, err := NewPricer(w, m)
		if err != nil {
			t.Fatal(err)
		}
		q := &p.p
		of := func(text string, tokens float64) block {
			q.take(layout(text))
			var b block
			q.grouped(&b, 0, 4, tokens, n, k, 0, 0)
			return b
		}
		const once, often = "tp=1,dp=16", "tp=1,dp=2"
		few := 4.0
		if a, b := of(once, 65536), of(often, 65536); a.weights != b.weights {
			t.Errorf("gradients of %v: %v s with one microbatch and many tokens, %v with several", c.stack, a.weights, b.weights)
		}
		q.rates.linear *= 1e3 // so that memory bounds all with few
		for text, times := range map[string]float64{once: 1, often: 2} {
			want := 4*(2*few*(n+k)+times*float64(c.bytes)*n*k)/q.rates.memory + q.rates.launch
			if got := of(text, few).weights; !near(got, want) {
				t.Errorf("gradients of %v, %s: %v s with %v tokens, want %v", c.stack, text, got, few, want)
			}
		}
		if a, b := of(once, few), of(often, few); a.forward != b.forward || !near((b.backward.compute.sum()-a.backward.compute.sum())*q.rates.memory, 4*float64(c.bytes)*n*k) {
			t.Errorf("gradients of %v: more than the sums differs by microbatches", c.stack)
		}
	}
}
