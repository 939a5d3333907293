package step

import (
	"math"
	"testing"

	"clustercap/sim/hardware/hardwaretest"
)

// With delayed scaling chips agree on scales after each pass of a chunk, in FP8 alone, and
// nothing hides it.
func TestScalesAreAgreedOnAfterEachPass(t *testing.T) {
	machine := func() *Machine {
		return &Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}
	}
	added := func(precision Precision, of Amax, text string) float64 {
		w := &Workload{Model: gpt(24, 4096, 32), Sequence: 8192, Batch: 256, Precision: precision}
		m := machine()
		without := mustEstimate(t, w, m, layout(text)).Time
		m.Stack.AmaxReduction = of
		return float64(mustEstimate(t, w, m, layout(text)).Time - without)
	}
	net := newNetwork(machine())
	const text = "tp=4,pp=2,vpp=3,cp=2,dp=8,mb=2"
	for of, chips := range map[Amax]int{AmaxStage: 64, AmaxTensor: 8, "": 0} {
		// 12 layers a stage of 12 tensors each, 4 bytes of each; 16 microbatches through 3
		// chunks and a pipeline of 2 stages.
		want := 2 * (16*3 + 1) * net.reduce(4*12*12, group{chips, 1})
		if got := added(FP8, of, text); math.Abs(got-want) > 1e-9 {
			t.Errorf("%q: scales add %v s, want %v", of, got, want)
		}
	}
	if got := added(BF16, AmaxStage, text); got != 0 {
		t.Errorf("scales add %v s to BF16", got)
	}
	if got := added(FP8, AmaxStage, "tp=1,dp=1"); got != 0 {
		t.Errorf("one chip waits %v s to agree with itself", got)
	}
}

// Weights of layers that are kept in 8 bits are gathered in half the time; those of embedding
// and head as before, and all of them in BF16 or where they are sharded.
func TestWeightsAreGatheredInEightBits(t *testing.T) {
	m := &Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}
	l := layout("tp=4,pp=2,dp=16")
	collect := func(precision Precision, zero int, fp8 bool) (time, tables, all float64) {
		w := &Workload{Model: gpt(24, 16384, 128), Sequence: 2048, Batch: 64, Precision: precision}
		m.Stack.WeightsFP8 = fp8
		p, err := NewPricer(w, m)
		if err != nil {
			t.Fatal(err)
		}
		l := l
		l.ZeRO = zero
		p.p.take(l)
		s := p.p.pipeline()
		return p.p.dataTraffic(&s.stages[0]).collect, s.stages[0].tables, s.stages[0].dense
	}
	for _, c := range []struct {
		precision Precision
		zero      int
		half      bool
	}{{FP8, 1, true}, {FP8, 0, true}, {FP8, 3, false}, {BF16, 1, false}} {
		wide, tables, all := collect(c.precision, c.zero, false)
		narrow, _, _ := collect(c.precision, c.zero, true)
		want := wide
		if c.half { // where bytes take all of the time, half of the layers'
			want *= 1 - 0.5*(all-tables)/all
		}
		if tables <= 0 || math.Abs(narrow/want-1) > 0.01 {
			t.Errorf("%s, ZeRO %d: %v s, want about %v of %v", c.precision, c.zero, narrow, want, wide)
		}
	}
}

// What traffic beside a pipeline costs it: as much as one stage where it has no other, of a few
// what they lose one after the other, of many what was measured.
func TestSlowdownOfPipelines(t *testing.T) {
	for stages, want := range map[int]float64{1: commSlowdown, 2: 2 * commSlowdown, 3: 3 * commSlowdown, 4: pipelineSlowdown, 64: pipelineSlowdown} {
		p := pricer{layout: Layout{PP: stages, VPP: 1, ZeRO: 1}}
		duration := 1.0
		last := duration / p.pieces()
		if got := p.exposed(duration, 10) - last; !near(got, want*(duration-last)) {
			t.Errorf("%d stages: %v s of a second that is hidden, want a share of %v", stages, got, want)
		}
	}
}
