package step

import (
	"testing"
)

// The policies with a name of their own are sums of regions.
func TestPoliciesAreRegions(t *testing.T) {
	deepseek := published()[1].work
	deepseek.Precision = BF16
	dense := Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	for _, c := range []struct {
		work      *Workload
		one, same string
	}{
		{&deepseek, "tp=1,dp=1,ep=64,recompute=light", "tp=1,dp=1,ep=64,recompute=mla+norm+act"},
		{&dense, "recompute=light,tp=2", "recompute=norm+act,tp=2"},
		{&dense, "recompute=selective,attention=unfused", "recompute=scores,attention=unfused"},
	} {
		a, b := layerOf(t, c.work, layout(c.one)), layerOf(t, c.work, layout(c.same))
		if a != b {
			t.Errorf("%s: a layer costs %+v, with %s %+v", c.one, a, c.same, b)
		}
	}
}

// With n of 24 equal layers recomputed, n/24 of the time and of what it saves.
func TestRecomputeLayersIsProportional(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	none := mustEstimate(t, w, a100(), layout("tp=4,dp=2"))
	full := mustEstimate(t, w, a100(), layout("tp=4,dp=2,recompute=full"))
	all := mustEstimate(t, w, a100(), layout("tp=4,dp=2,recompute=full,recompute_layers=24"))
	if all.Parts != full.Parts || all.Memory != full.Memory {
		t.Errorf("24 of 24 layers: %+v, all of them %+v", all, full)
	}
	// What one layer computes again lives while it runs, whatever their number.
	one := mustEstimate(t, w, a100(), layout("tp=4,dp=2,recompute=full,recompute_layers=1"))
	saved := float64(one.Memory.Activations-full.Memory.Activations) / 23
	for n, text := range map[float64]string{1: "1", 6: "6", 12: "12"} {
		got := mustEstimate(t, w, a100(), layout("tp=4,dp=2,recompute=full,recompute_layers="+text))
		if want := float64(full.Parts.Recompute) * n / 24; !near(float64(got.Parts.Recompute), want) {
			t.Errorf("%s layers: %v recomputing, want %v s", text, got.Parts.Recompute, want)
		}
		if want := float64(one.Memory.Activations) - (n-1)*saved; !near(float64(got.Memory.Activations), want) {
			t.Errorf("%s layers: %v of activations, want %v", text, got.Memory.Activations, want)
		}
		if got.Time <= none.Time || got.Time >= full.Time {
			t.Errorf("%s layers: %v, none %v, all %v", text, got.Time, none.Time, full.Time)
		}
	}
}

// On a pipeline each stage recomputes so many layers, whatever chunks they lie in.
func TestRecomputeLayersCountsPerStage(t *testing.T) {
	w := &Workload{Model: gpt(32, 4096, 32), Sequence: 2048, Batch: 64, Precision: BF16}
	for _, text := range []string{"pp=4,dp=1,tp=2", "pp=4,vpp=4,dp=1,tp=2", "pp=4,vpp=2,dp=1,tp=2,schedule=zb-v"} {
		p, err := NewPricer(w, a100())
		if err != nil {
			t.Fatal(err)
		}
		l := layout(text + ",recompute=full,recompute_layers=3")
		line := p.Timeline(l, 1_000_000)
		again := make([]float64, l.PP)
		for _, s := range line.Spans {
			if s.Kind == SpanRecompute {
				again[s.Stage] += float64(s.Time)
			}
		}
		b := layerOf(t, w, l)
		for stage, got := range again {
			if want := 3 * b.redo.sum() * float64(line.All); !near(got, want) {
				t.Errorf("%s: stage %d recomputes for %v s, want %v", l, stage, got, want)
			}
		}
	}
}

// Recomputing the feed-forward block runs its two products again, tokens x 8 h^2
// multiply-adds of them, and keeps its input for them.
func TestRecomputeFeedForward(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	none, b := layerOf(t, w, layout("tp=1")), layerOf(t, w, layout("tp=1,recompute=ffn"))
	if want := 2 * 2048 * 8 * 4096.0 * 4096; !near(b.redo.compute.flops, want) {
		t.Errorf("%v FLOPs again, want %v", b.redo.compute.flops, want)
	}
	// Norm's output, 4 h before and 4 h behind the activation.
	if want := 2 * 2048.0 * (1 + 4 + 4) * 4096; !near(none.stored-b.stored, want) {
		t.Errorf("saves %v bytes, want %v", none.stored-b.stored, want)
	}
}

// With all but a layer's input given up, everything runs again but the last product of its
// feed-forward block, which nothing needs.
func TestRecomputeAllButTheLastProduct(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	full, b := layerOf(t, w, layout("tp=1,recompute=full")), layerOf(t, w, layout("tp=1,recompute=norm+act+qkv+attn+out+up"))
	last := 2 * 2048 * 4 * 4096.0 * 4096
	if want := full.redo.compute.flops - last; !near(b.redo.compute.flops, want) {
		t.Errorf("%v FLOPs again, want %v", b.redo.compute.flops, want)
	}
	none := layerOf(t, w, layout("tp=1"))
	if want := none.stored + none.redone; !near(b.stored+b.redone, want) {
		t.Errorf("%v bytes kept or computed again, want %v", b.stored+b.redone, want)
	}
	if want := 2 * 2048 * 4096.0; !near(b.stored, want) || b.stored != full.stored {
		t.Errorf("%v bytes kept, want %v", b.stored, want)
	}
}

func TestRecomputeProblems(t *testing.T) {
	w := &Workload{Model: gpt(24, 4096, 32), Sequence: 2048, Batch: 256, Precision: BF16}
	for text, want := range map[string]string{
		"recompute=some":                           "recompute=some is not none, selective, light, alternate or full, nor different ones of norm, act, mla, scores, ffn, qkv, attn, out and up joined by +",
		"recompute=norm+norm":                      "recompute=norm+norm is not none, selective, light, alternate or full, nor different ones of norm, act, mla, scores, ffn, qkv, attn, out and up joined by +",
		"recompute=norm+scores":                    "recompute=norm+scores: fused attention keeps no scores; leave scores out",
		"recompute=attn,attention=unfused":         "recompute=attn: attn is fused attention; write scores",
		"recompute=mla":                            "recompute=mla: gpt has no latent attention; leave mla out",
		"recompute_layers=3":                       "recompute_layers=3 needs recompute; write e.g. recompute=full",
		"recompute=full,recompute_layers=25":       "recompute_layers=25 must be 0 (all) to the model's 24 layers",
		"schedule=zb-v,pp=2":                       "schedule=zb-v holds two chunks per stage; write vpp=2",
		"schedule=zb-v,pp=2,vpp=2,dp=128,mb=2":     "schedule=zb-v needs at least 3 microbatches per replica, 2 pp - 1; there are 1: with dp=32 there are 4",
		"schedule=zb-h1":                           "schedule=zb-h1 needs pp of at least 2",
		"schedule=zb-h1,pp=2,vpp=2":                "schedule=zb-h1 does not interleave; leave vpp at 1, or write schedule=zb-v,vpp=2",
		"cp_comm=tree":                             "cp_comm=tree is not ring or all-gather",
		"schedule=zero-bubble,recompute=full,pp=2": "schedule=zero-bubble is not 1f1b, zb-h1, zb-v or dualpipe",
	} {
		l := layout(text).Complete(2)
		got := l.Problems(w, a100())
		if len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
