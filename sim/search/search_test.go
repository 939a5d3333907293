package search

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/hardware/hardwaretest"
	"clustercap/sim/model"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

func h100() *step.Machine {
	return &step.Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}
}

func llama405() *step.Workload {
	return &step.Workload{
		Model:    model.Model{Name: "llama3-405b", Layers: 126, Hidden: 16384, Heads: 128, KVHeads: 8, FFN: 53248, Gated: true, Vocab: 128256},
		Sequence: 8192, Batch: 2048, Precision: step.BF16,
	}
}

func draw(t *rapid.T) *step.Workload {
	m := model.Model{
		Name: "m", Layers: rapid.IntRange(2, 14).Draw(t, "layers"), Hidden: 2048, Heads: 16, KVHeads: 8, FFN: 8192, Gated: true,
		Vocab: 32000,
	}
	if rapid.Bool().Draw(t, "moe") {
		m.MoE = &model.MoE{Experts: 8, TopK: 2, FFN: 4096, DenseLayers: rapid.IntRange(0, 1).Draw(t, "dense")}
	}
	return &step.Workload{
		Model: m, Sequence: rapid.SampledFrom([]int{2048, 8192}).Draw(t, "sequence"),
		Batch: rapid.IntRange(1, 48).Draw(t, "batch"), Precision: step.BF16,
	}
}

// The bound must never cut what belongs in the answer: the same walk without it
// finds the same layouts.
func TestBoundCutsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		chips := rapid.IntRange(1, 24).Draw(t, "chips")
		k := rapid.IntRange(1, 5).Draw(t, "k")
		got, err := Best(w, h100(), chips, k)
		// Asking for more layouts than there are keeps the bound from cutting.
		all, errAll := Best(w, h100(), chips, 1<<20)
		if (err == nil) != (errAll == nil) {
			t.Fatalf("bounded: %v, unbounded: %v", err, errAll)
		}
		for i := range got {
			if got[i].Layout != all[i].Layout || got[i].Time != all[i].Time {
				t.Fatalf("place %d: %s at %v, without the bound %s at %v", i, got[i].Layout, got[i].Time, all[i].Layout, all[i].Time)
			}
		}
		for _, s := range all {
			if p := s.Layout.Problems(w, h100()); len(p) > 0 || s.Layout.Chips() > chips || !s.Memory.Fits() {
				t.Fatalf("%s on %d chips is not valid: %v, %v", s.Layout, chips, p, s.Memory)
			}
		}
	})
}

func TestMoreChipsAreNeverSlower(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t)
		few := rapid.IntRange(1, 200).Draw(t, "few")
		many := rapid.IntRange(few, 400).Draw(t, "many")
		a, err := Best(w, h100(), few, 1)
		if err != nil {
			t.Skip(err)
		}
		b, err := Best(w, h100(), many, 1)
		if err != nil {
			t.Fatalf("fits %d chips but not %d: %v", few, many, err)
		}
		if b[0].Time > a[0].Time {
			t.Fatalf("%d chips take %v, %d chips take %v", few, a[0].Time, many, b[0].Time)
		}
	})
}

// Meta trained with TP 8, PP 16, DP 128 on 16,384 H100 (Llama 3, table 4).
func TestAtLeastAsFastAsMetasLayout(t *testing.T) {
	w := llama405()
	best, err := Best(w, h100(), 16384, 1)
	if err != nil {
		t.Fatal(err)
	}
	for vpp := 1; vpp <= 8; vpp *= 2 {
		l, err := step.ParseLayout(fmt.Sprintf("tp=8,pp=16,dp=128,vpp=%d", vpp))
		if err != nil {
			t.Fatal(err)
		}
		meta, err := step.Estimate(w, h100(), l)
		if err != nil {
			t.Fatal(err)
		}
		if best[0].Time > meta.Time {
			t.Errorf("found %s at %v; Meta's %s takes %v", best[0].Layout, best[0].Time, l, meta.Time)
		}
	}
}

func TestNoFitSaysWhatWouldFit(t *testing.T) {
	m := h100()
	m.Server.HostLink = unit.Range[unit.Bandwidth]{}
	_, err := Best(llama405(), m, 64, 1)
	var none *NoFit
	if !errors.As(err, &none) {
		t.Fatalf("405B on 64 chips: %v", err)
	}
	// 16 bytes per parameter of model state: 405e9 x 16 / 80e9 is 81 chips, so 64
	// and no fewer than 128 can't and can.
	if none.FitsAt < 128 || none.FitsAt > 512 {
		t.Errorf("fits at %d chips; its state alone needs 81", none.FitsAt)
	}
	if _, err := Best(llama405(), m, none.FitsAt, 1); err != nil {
		t.Errorf("does not fit where it says: %v", err)
	}
	// The host takes optimizer and activations.
	if best, err := Best(llama405(), h100(), 64, 1); err != nil || best[0].Layout.Offload != step.OffloadAll {
		t.Errorf("beside hosts with 250 GB per chip: %v, %v", best, err)
	}
	for _, part := range []string{"64 chips", "weights", "optimizer", "of 74.5 GiB", fmt.Sprintf("it fits on %d chips", none.FitsAt)} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("message lacks %q: %v", part, err)
		}
	}
}

func TestBadQuestions(t *testing.T) {
	w := llama405()
	for _, c := range []struct{ chips, k int }{{0, 1}, {-5, 1}, {MaxChips + 1, 1}, {8, 0}} {
		if _, err := Best(w, h100(), c.chips, c.k); err == nil {
			t.Errorf("%d chips, %d layouts: no error", c.chips, c.k)
		}
	}
	w.Batch = 0
	if _, err := Best(w, h100(), 8, 1); err == nil {
		t.Error("batch 0: no error")
	}
	fp8 := llama405()
	fp8.Precision = step.FP8
	a100 := h100()
	a100.Chip = hardwaretest.A100()
	if _, err := Best(fp8, a100, 8, 1); err == nil || !strings.Contains(err.Error(), "a100-80 has no FP8 rate") {
		t.Errorf("FP8 on A100: %v", err)
	}
}

// BenchmarkBest searches the whole space; the promise is 1 s on 16,384 and 2,048 chips
// and 3 s on 100,000, on one core.
func BenchmarkBest(b *testing.B) {
	deepseek := &step.Workload{
		Model: model.Model{
			Name: "deepseek-v3", Layers: 61, Hidden: 7168, Heads: 128, FFN: 18432, Gated: true, Vocab: 129280, MTP: 1,
			MLA: &model.MLA{QRank: 1536, KVRank: 512, NopeDim: 128, RopeDim: 64, ValueDim: 128},
			MoE: &model.MoE{Experts: 256, TopK: 8, FFN: 2048, SharedFFN: 2048, DenseLayers: 3, NodeLimit: 4},
		},
		Sequence: 4096, Batch: 15360, Precision: step.FP8,
	}
	for _, c := range []struct {
		name  string
		work  *step.Workload
		chips int
	}{
		{"llama3-405b on 16384", llama405(), 16384},
		{"llama3-405b on 100000", llama405(), 100000},
		{"deepseek-v3 on 2048", deepseek, 2048},
		{"deepseek-v3 on 100000", deepseek, 100000},
	} {
		b.Run(c.name, func(b *testing.B) {
			m := h100()
			for b.Loop() {
				if _, err := Best(c.work, m, c.chips, 10); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
