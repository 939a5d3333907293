package backtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"clustercap/sim/step"
)

// priced prices one row of these columns and cells.
func priced(t *testing.T, columns, cells string) Row {
	t.Helper()
	cases, err := Load(strings.NewReader(columns+"\n"+cells+"\n"), "rows.csv")
	if err != nil {
		t.Fatal(err)
	}
	return price(&cases.List[0], newShelf(loadCatalog(t)))
}

// Where no layout fits in memory the run had one of those that come nearest, with work for
// every replica, sharded more than ZeRO 1 does if need be.
func TestRowsThatFitNowhere(t *testing.T) {
	const columns = "year,chip,chips,model,seq,global_batch_seqs,precision,tp,zero"
	for cells, most := range map[string]float64{ // GiB
		"2024,A100-40GB-SXM,64,GPT-3 175B,2048,16,bf16,,":    60,
		"2024,H100-80GB-SXM,8,Llama 3 70B,8192,64,bf16,,":    170,
		"2025,TPU v6e,256,Llama 3.1 405B,8192,64,bf16,,":     60,
		"2024,A100-40GB-SXM,64,GPT-3 175B,2048,64,bf16,8,3":  55,
		"2023,TPU v5e,4096,GPT-3 175B,2048,1536,bf16,,":      40,
		"2024,H100-80GB-SXM,8,Llama 3 8B,8192,64,bf16,,":     88,
		"2024,H100-80GB-SXM,2048,GPT-3 175B,2048,64,bf16,1,": 600,
	} {
		r := priced(t, columns, cells)
		if got := float64(r.Step.Memory.Total()) / (1 << 30); r.Predicted == 0 || got > most {
			t.Errorf("%s: %s needs %.0f GiB, want at most %.0f; %s", cells, r.Layout, got, most, r.Skipped)
		}
		if l := r.Config.Layout; r.Case.TP != 1 && l.DP > r.Case.Batch {
			t.Errorf("%s: %s has replicas without work", cells, r.Layout)
		}
	}
}

// A step grows with its batch, whether or not stages divide its microbatches, and keeps the
// chunks that are printed.
func TestChunksOfUnevenMicrobatches(t *testing.T) {
	const columns = "year,chip,chips,model,seq,global_batch_seqs,precision,tp,pp,vpp,dp,micro_batch,recompute"
	before := 0.0
	for _, batch := range []int{128, 136, 144, 160, 184, 192} {
		r := priced(t, columns, fmt.Sprintf("2024,H100-80GB-SXM,512,GPT-3 175B,2048,%d,bf16,8,8,6,8,1,none", batch))
		if r.Config.Layout.VPP != 6 || len(r.Doubts) > 0 || r.Predicted <= before {
			t.Errorf("%d sequences: %s in %v s after %v, doubts %q", batch, r.Layout, r.Predicted, before, r.Doubts)
		}
		before = r.Predicted
	}
}

// A pipeline of TPUs has as many microbatches as stages, and costs less than half again.
func TestPipelinesOfTPUs(t *testing.T) {
	const columns = "year,chip,chips,model,seq,global_batch_seqs,precision,tp,pp,recompute"
	whole := priced(t, columns, "2025,TPU v5p,1024,GPT-3 175B,2048,2048,bf16,1,1,full").Predicted
	for _, stages := range []int{2, 4, 8} {
		r := priced(t, columns, fmt.Sprintf("2025,TPU v5p,1024,GPT-3 175B,2048,2048,bf16,1,%d,full", stages))
		if !(r.Predicted > 0 && r.Predicted < 1.5*whole) {
			t.Errorf("%d stages take %v s, one %v", stages, r.Predicted, whole)
		}
	}
}

// What notes and cells say that no row of the collection does.
func TestWordsOfOtherSources(t *testing.T) {
	const columns = "family,year,chip,chips,model,seq,global_batch_seqs,precision,tp,pp,dp,micro_batch,recompute,mfu_pct,notes"
	for _, c := range []struct {
		cells string
		holds func(r *Row) bool
	}{
		{"x,2022,A100-80GB-SXM,64,GPT 20B,2048,512,bf16,1,1,64,1,full,40,attention=flash1", func(r *Row) bool { return r.Config.Layout.Attention == step.Fused }},
		{"x,2022,A100-80GB-SXM,64,GPT 20B,2048,512,bf16,1,1,64,1,full,40,attention=unfused", func(r *Row) bool { return r.Config.Layout.Attention == step.Unfused }},
		{"x,2022,A100-80GB-SXM,64,GPT 20B,2048,512,bf16,8,1,8,1,full,40,", func(r *Row) bool { return !r.Config.Layout.SP }},
		{"korth22,2022,A100-80GB-SXM,64,GPT 20B,2048,512,bf16,8,1,8,1,full,40,", func(r *Row) bool { return r.Config.Layout.SP }},
		{"x,2024,H100-80GB-SXM,64,Llama 3 70B,8192,512,bf16,8,4,2,1,selective,40,RM=core_attn", func(r *Row) bool {
			return r.Config.Layout.Attention == step.Fused && r.Config.Layout.Recompute == "attn"
		}},
		{"x,2025,TPU v5e,64,Llama 2 7B,4096,512,bf16,1,1,64,,full,40,8 slices", func(r *Row) bool { return r.Config.Machine.Server.ScaleUpDomain == 8 }},
		{"x,2025,TPU v5e,64,Llama 2 7B,4096,512,bf16,1,1,64,,full,40,8 slice(s)", func(r *Row) bool { return r.Config.Machine.Server.ScaleUpDomain == 8 }},
		{"x,2025,TPU v5p,64,Llama 2 7B,4096,512,int8,1,1,64,,full,40,", func(r *Row) bool {
			return r.Config.Work.Precision == step.FP8 && r.Config.Machine.Chip.FP8.Likely == 2*r.Config.Machine.Chip.BF16.Likely && len(r.Doubts) == 0
		}},
		{"x,2024,Trainium1,512,GPT-3 175B,2048,1024,bf16,32,8,4,1,full,40,", func(r *Row) bool { return r.Config.Layout.TP == 16 && len(r.Doubts) == 0 }},
		{"x,2024,H800-80GB-SXM,1024,DeepSeek-V3,4096,1024,bf16,1,16,64,1,full,40,DualPipe", func(r *Row) bool {
			return r.Config.Layout.Schedule == step.OneFOneB && len(r.Doubts) == 1
		}},
		{"x,2025,GB200,64,Llama 3 70B,8192,512,mxfp8,2,4,8,1,none,40,", func(r *Row) bool {
			return r.flopsPerSecond(r.Measured) < 0.45*float64(r.Config.Machine.Chip.FP8.Likely) && slices.Contains(r.Assumed, "MFU against the mxfp8 peak")
		}},
		{"x,2024,H100-80GB-SXM,64,Qwen3 30B,4096,512,bf16,1,1,64,1,full,40,", func(r *Row) bool { return r.Config.Machine.Stack.PlainDispatch }},
		{"x,2026,H100-80GB-SXM,64,Qwen3 30B,4096,512,bf16,1,1,64,1,full,40,", func(r *Row) bool { return !r.Config.Machine.Stack.PlainDispatch }},
		{"x,2026,Ascend 910B,64,Qwen3 30B,4096,512,bf16,1,1,64,1,full,40,", func(r *Row) bool { return r.Config.Machine.Stack.PlainDispatch }},
		{"deepseek,2024,H800-80GB-SXM,64,Qwen3 30B,4096,512,bf16,1,1,64,1,full,40,", func(r *Row) bool { return !r.Config.Machine.Stack.PlainDispatch }},
	} {
		r := priced(t, columns, c.cells)
		if r.Error == nil || !c.holds(&r) {
			t.Errorf("%s: %s, stack %q, assumed %q, doubts %q, skipped %q", c.cells, r.Layout, r.Config.Machine.Stack.Name, r.Assumed, r.Doubts, r.Skipped)
		}
	}
}
