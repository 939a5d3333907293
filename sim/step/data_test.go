package step

import (
	"math"
	"testing"

	"clustercap/sim/hardware/hardwaretest"
)

// With delayed scaling all chips of a stage agree on scales after each pass of a chunk, in FP8
// alone, and nothing hides it.
func TestScalesAreAgreedOnAfterEachPass(t *testing.T) {
	added := func(precision Precision, text string) float64 {
		w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: precision}
		m := &Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}
		without := mustEstimate(t, w, m, layout(text)).Time
		m.Stack.AmaxReduction = true
		return float64(mustEstimate(t, w, m, layout(text)).Time - without)
	}
	net := newNetwork(&Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)})
	// 12 layers a stage of 12 tensors each, 4 bytes of each over 32 chips.
	once := net.reduce(4*12*12, group{32, 1})
	if got, want := added(FP8, "tp=4,pp=2,vpp=3,dp=8,mb=2"), 2*16*3*once; math.Abs(got-want) > 1e-9 {
		t.Errorf("scales add %v s, want %v", got, want)
	}
	if got := added(BF16, "tp=4,pp=2,vpp=3,dp=8,mb=2"); got != 0 {
		t.Errorf("scales add %v s to BF16", got)
	}
	if got := added(FP8, "tp=1,dp=1"); got != 0 {
		t.Errorf("one chip waits %v s to agree with itself", got)
	}
}
