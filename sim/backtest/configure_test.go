package backtest

import (
	"strings"
	"testing"

	"clustercap/sim/step"
)

// BigScience's steps before and after Jean Zay's network was tuned ran on two systems.
func TestSystemBeforeItsNetworkWasTuned(t *testing.T) {
	steps, on := loadSteps(t), newShelf(loadCatalog(t))
	seen := map[string]int{}
	for i := range steps.List {
		c := &steps.List[i]
		if c.note("sys") != "a100-jz" {
			continue
		}
		var f Configuration
		if err := c.machine(on, &f); err != nil {
			t.Fatal(err)
		}
		early := strings.Contains(c.Notes, "date 2022-02-2") && strings.Compare(c.Notes[strings.Index(c.Notes, "2022-02-"):][:10], "2022-02-25") < 0
		want := "a100-jz"
		if early {
			want = "a100-jz-untuned"
		}
		seen[want]++
		if w, _ := on.system(want); f.Machine.Chip.NIC != w.Chip.NIC {
			t.Errorf("%s: %v B/s of network, want that of %s", c.ID, f.Machine.Chip.NIC.Likely, want)
		}
	}
	if seen["a100-jz"] == 0 || seen["a100-jz-untuned"] == 0 {
		t.Errorf("rows by system: %v", seen)
	}
}

// A cell that names two chips is priced as the same one every time.
func TestTwoChipsInACell(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for range 50 { // as often as maps change their order
		m, ok := (&Case{Chip: "H200 or H100"}).chip(on)
		if !ok || m.Chip.Name != "h100-sxm" {
			t.Fatalf("priced as %q, want h100-sxm", m.Chip.Name)
		}
	}
}

// A batch within 5 % of whole rounds is that many, rounded to millions of tokens; one
// farther from them leaves replicas idle.
func TestRoundedBatch(t *testing.T) {
	for _, c := range []struct {
		batch, replicas, micro int
		idles                  bool
	}{
		{1024, 124, 8, false}, // OPT-175B: 992 sequences
		{990, 124, 8, false},
		{992, 124, 8, false},
		{1100, 124, 8, true}, // 1.11 rounds
		{1500, 124, 8, true},
		{500, 124, 8, true},
		{3000, 124, 8, false}, // of many rounds the nearest is taken
	} {
		row := Case{Batch: c.batch}
		if got := row.idles(step.Layout{DP: c.replicas, MicroBatch: c.micro}); got != c.idles {
			t.Errorf("%+v: idles %v", c, got)
		}
	}
}
