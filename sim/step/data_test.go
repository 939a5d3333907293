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
