package scenarios_test

import (
	"testing"

	"clustercap/sim/scenario"
	"clustercap/sim/search"
	"clustercap/sim/step"
)

// TestLlama3Layouts prices the three configurations of Llama 3's report (arXiv:2407.21783,
// table 4, MFU of 43, 41 and 38 %, from memory but for the second) with the catalog's
// chip and fabric; the third gathers keys and values over 16 ways of context
// parallelism. The report does not print chunks per stage; 8 leave a layer each. No
// constant was fitted to Meta's stack, so the tolerance is twice stepError.
func TestLlama3Layouts(t *testing.T) {
	catalog, err := scenario.LoadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	var m step.Machine
	var w step.Workload
	known := []bool{true, true, true, true}
	m.Chip, known[0] = catalog.Chip("h100-sxm")
	m.Server, known[1] = catalog.Server("hgx-h100")
	m.Fabric, known[2] = catalog.Fabric("llama3-roce")
	w.Model, known[3] = catalog.Model("llama3-405b")
	for i, ok := range known {
		if !ok {
			t.Fatalf("entry %d is not in the catalog", i)
		}
	}
	w.Precision = step.BF16
	last := 1.0
	for _, c := range []struct {
		layout          string
		chips           int
		sequence, batch int
		mfu             float64
	}{
		{"tp=8,pp=16,vpp=8,dp=64,recompute=light", 8192, 8192, 2048, 0.43},
		{"tp=8,pp=16,vpp=8,dp=128,recompute=light", 16384, 8192, 2048, 0.41},
		{"tp=8,pp=16,vpp=8,cp=16,dp=8,cp_comm=all-gather,recompute=light", 16384, 131072, 128, 0.38},
	} {
		w.Sequence, w.Batch = c.sequence, c.batch
		l, err := step.ParseLayout(c.layout)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := step.Estimate(&w, &m, l)
		if err != nil {
			t.Fatal(err)
		}
		mfu := float64(meta.MFU)
		within(t, c.layout+": MFU", mfu, c.mfu, 2*stepError)
		if !meta.Memory.Fits() || mfu >= last {
			t.Errorf("%s: MFU %.3f after %.3f, %s", c.layout, mfu, last, meta.Memory)
		}
		last = mfu
		best, err := search.Best(&w, &m, c.chips, 1)
		if err != nil {
			t.Fatal(err)
		}
		if best[0].Time > meta.Time {
			t.Errorf("found %s at %v; Meta's %s takes %v", best[0].Layout, best[0].Time, l, meta.Time)
		}
		t.Logf("%s: MFU %.1f %%, published %.0f %%; best %s in %.3f of the time", l, 100*mfu, 100*c.mfu, best[0].Layout, float64(best[0].Time/meta.Time))
	}
}
