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

// torchtitan divides the batch of a replica, which is what it prints, for a pipeline: into as
// many microbatches as ranks until 2025, then into sequences. Its schedule is 1F1B unless told
// otherwise, and other frameworks print what a stage takes at once.
func TestPipelinesOfTorchtitan(t *testing.T) {
	const columns = "family,year,chip,chips,model,seq,global_batch_seqs,precision,tp,pp,vpp,dp,micro_batch,recompute,notes"
	for row, want := range map[string][2]int{
		"torchtitan,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,1,8,32,full,":                    {4, 1},
		"torchtitan,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,,8,,full,":                       {4, 1},
		"torchtitan,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,,8,,full,Interleaved1F1B":        {4, 2},
		"torchtitan,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,,8,,full,Interleaved 1F1B":       {4, 2},
		"torchtitan,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,,8,,full,1F1B (not interleaved)": {4, 1},
		"torchtitan,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,,8,,full,non-interleaved 1F1B":   {4, 1},
		"torchtitan,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,,8,,full,not interleaved 1F1B":   {4, 1},
		"torchtitan,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,,8,,full,interleaved schedule":   {4, 2},
		"torchtitan,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,2,8,2,full,":                     {2, 2},
		"torchtitan,2025,H100-80GB-SXM,512,Llama 3.1 405B,8192,,fp8,8,8,1,8,32,full,":                       {1, 1},
		"torchtitan,2025,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,1,8,32,full,":                    {1, 1},
		"torchtitan,2024,H100-80GB-SXM,64,Llama 3.1 8B,8192,64,fp8,1,1,,64,1,full,":                         {1, 1},
		"x,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,1,8,32,full,":                             {32, 1},
	} {
		r := priced(t, columns, row)
		if l := r.Config.Layout; l.MicroBatch != want[0] || l.VPP != want[1] || strings.Contains(strings.Join(r.Doubts, " "), "mb=") {
			t.Errorf("%s: %s, doubts %q, want mb=%d and vpp=%d", row, r.Layout, r.Doubts, want[0], want[1])
		}
		if r.Config.Work.Batch < 64 || r.Config.Work.Batch > 256 {
			t.Errorf("%s: a global batch of %d", row, r.Config.Work.Batch)
		}
	}
	// Replicas of three sequences do not print their microbatch of two as a local batch.
	odd := priced(t, columns, "torchtitan,2024,H100-80GB-SXM,512,Llama 3.1 405B,8192,24,fp8,8,8,1,8,2,full,")
	if !slices.Contains(odd.Doubts, "mb=1 where 2 is printed") {
		t.Errorf("doubts %q, assumed %q", odd.Doubts, odd.Assumed)
	}
}

// Operands with a scale for each row cost FP8 more casts, whatever else the notes say.
func TestScalesOfRows(t *testing.T) {
	const columns = "family,year,chip,chips,model,seq,global_batch_seqs,precision,tp,pp,dp,zero,micro_batch,recompute,notes"
	for _, notes := range []string{"vanilla TP", "async TP"} {
		of := func(precision, scales string) float64 {
			return priced(t, columns, "torchtitan,2025,H100-80GB-SXM,64,Llama 3.1 8B,8192,96,"+precision+",8,1,8,3,12,selective,"+notes+"; quantization float8 "+scales).Predicted
		}
		if slower := of("fp8", "rowwise") / of("fp8", "tensorwise"); slower < 1.05 || slower > 1.5 {
			t.Errorf("%s: rows with scales take %.2f times as long", notes, slower)
		}
		if of("bf16", "rowwise") != of("bf16", "tensorwise") {
			t.Errorf("%s: scales change BF16", notes)
		}
	}
	for _, row := range []string{
		"torchtitan,2025,H100-80GB-SXM,64,Llama 3.1 8B,8192,96,fp8,8,1,8,3,12,selective,ColwiseParallel/RowwiseParallel; float8 tensorwise",
		"torchtitan,2025,H100-80GB-SXM,64,Llama 3.1 8B,8192,96,fp8,8,1,8,3,12,selective,tensorwise not rowwise",
		"x,2025,H100-80GB-SXM,64,Llama 3.1 8B,8192,96,fp8,8,1,8,3,12,selective,float8 rowwise",
		"torchtitan,2025,H100-80GB-SXM,64,Llama 3.1 8B,8192,96,fp8,8,1,8,3,12,selective,stack=torchtitan-2025; float8 rowwise",
	} {
		if r := priced(t, columns, row); r.Config.Machine.Stack.Casts.Likely != 0 {
			t.Errorf("%s: casts cost %v as much", row, r.Config.Machine.Stack.Casts.Likely)
		}
	}
}

// AxoNN has no pipeline, shards weights, and divides layers by rows and columns, which need no
// power of two.
func TestLayoutsOfAxoNN(t *testing.T) {
	const columns = "family,year,chip,chips,model,layers,hidden,heads,ffn,seq,global_batch_seqs,precision,recompute"
	for _, row := range []string{
		"axonn,2024,MI250X (GCD),8192,GPT 80B,42,12288,96,49152,2048,8192,bf16,full",
		"axonn,2024,GH200,6144,GPT 60B,56,9216,72,36864,2048,8192,bf16,full",
	} {
		r := priced(t, columns, row)
		if l := r.Config.Layout; l.PP != 1 || l.ZeRO != 3 || l.TP == 1 || r.Config.Work.Batch != 8192 {
			t.Errorf("%s: %s for %d sequences", row, r.Layout, r.Config.Work.Batch)
		}
		other := priced(t, columns, "x"+row[len("axonn"):])
		if other.Config.Layout.PP == 1 {
			t.Errorf("%s by another framework: %s", row, other.Layout)
		}
	}
}

// A pipeline of TPUs has as many microbatches as stages.
func TestPipelinesOfTPUs(t *testing.T) {
	const columns = "year,chip,chips,model,seq,global_batch_seqs,precision,tp,pp,recompute"
	for _, stages := range []int{1, 2, 4, 8, 64} {
		r := priced(t, columns, fmt.Sprintf("2025,TPU v5p,1024,GPT-3 175B,2048,2048,bf16,1,%d,full", stages))
		l := r.Config.Layout
		if micro := r.Config.Work.Batch / (l.DP * l.MicroBatch); l.PP != stages || micro != stages {
			t.Errorf("%s: %d microbatches, want %d", r.Layout, micro, stages)
		}
	}
}

// A batch a little off whole rounds is those rounds, and takes as long by the sequence.
func TestRoundedBatch(t *testing.T) {
	const columns = "year,chip,chips,model,seq,global_batch_seqs,precision,tp,pp,dp,zero,micro_batch,recompute"
	for _, c := range []struct {
		row   string
		whole int
		near  []int
		far   int
	}{
		{"2022,A100-80GB-SXM,992,OPT-175B,2048,%d,fp16,8,1,124,3,8,full", 992, []int{945, 991, 1024}, 1500},
		{"2024,H100-80GB-SXM,256,Llama 3 8B,8192,%d,bf16,1,1,256,1,4,none", 1024, []int{1000, 1023, 1030}, 1400},
		{"2024,TPU v5p,256,Llama 3 8B,8192,%d,bf16,1,1,256,3,,full", 768, []int{750, 767}, 600},
	} {
		each := func(batch int) float64 {
			return priced(t, columns, fmt.Sprintf(c.row, batch)).Predicted / float64(batch)
		}
		whole := each(c.whole)
		for _, batch := range c.near {
			if got := each(batch) / whole; got < 0.95 || got > 1.05 {
				t.Errorf("%s: a sequence of %d takes %.2f times as long as one of %d", c.row, batch, got, c.whole)
			}
		}
		if got := each(c.far) / whole; got < 1.1 {
			t.Errorf("%s: a sequence of %d takes %.2f times as long as one of %d, though places stay empty", c.row, c.far, got, c.whole)
		}
	}
}

// What a batch does not fill on TPUs is padded, in one program: 640 sequences on 256 replicas
// take as long as 768.
func TestPaddedBatchOfTPUs(t *testing.T) {
	const row = "2024,TPU v5p,256,Llama 3 8B,8192,%d,bf16,full"
	seconds := func(batch int) float64 {
		return priced(t, "year,chip,chips,model,seq,global_batch_seqs,precision,recompute", fmt.Sprintf(row, batch)).Predicted
	}
	if got, want := seconds(640), seconds(768); got != want {
		t.Errorf("640 sequences take %v s, 768 %v", got, want)
	}
}

// Blank degrees are such as the printed ones leave.
func TestDegreesThatPrintedOnesLeave(t *testing.T) {
	const columns = "year,chip,chips,model,seq,global_batch_seqs,precision,tp,pp,vpp,dp,ep,micro_batch,notes"
	for cells, want := range map[string]string{
		"2024,H800-80GB-SXM,512,DeepSeek-V3,4096,4096,fp8,,8,,64,64,1,":                    "tp=1,pp=8,dp=64,",
		"2024,H100-80GB-SXM,128,Llama 3 70B,8192,512,bf16,8,,,4,,1,":                       "tp=8,pp=4,dp=4,",
		"2024,H100-80GB-SXM,512,Llama 3 70B,8192,512,bf16,4,,5,32,,1,":                     "tp=4,pp=4,dp=32,vpp=5,",
		"2024,H800-80GB-SXM,2048,DeepSeek-V3,4096,15360,fp8,1,16,2,,64,1,DualPipe":         "tp=1,pp=16,dp=128,ep=64,",
		"2024,H100-80GB-SXM,100,Llama 3 8B,8192,96,bf16,,,,,,,":                            "",
		"2024,H100-80GB-SXM,512,Llama 3 70B,8192,2048,bf16,,,,,,,attention=fused DualPipe": "",
	} {
		r := priced(t, columns, cells)
		if !strings.HasPrefix(r.Layout, want) || r.Predicted == 0 || len(r.Doubts) > 1 {
			t.Errorf("%s: %s, want %s...; doubts %q, skipped %q", cells, r.Layout, want, r.Doubts, r.Skipped)
		}
		if strings.Contains(cells, "DualPipe") && (r.Config.Layout.Schedule != step.DualPipe || r.Config.Layout.PP == 1) {
			t.Errorf("%s: %s is no DualPipe", cells, r.Layout)
		}
	}
}

// What notes and cells say that no row of the collection does.
func TestWordsOfOtherSources(t *testing.T) {
	// recipe tells what of the head's gradients waits, and whether weights travel in 8 bits.
	recipe := func(limit int, fp8 bool) func(*Row) bool {
		return func(r *Row) bool {
			s := &r.Config.Machine.Stack
			return s.HeadDeferral == limit && s.WeightsFP8 == fp8
		}
	}
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
		{"x,2025,TPU v7x,64,Llama 3.1 70B,131072,8,bf16,1,1,8,,full,40,cp", func(r *Row) bool {
			return r.Config.Layout.CP == 8 && r.Config.Layout.CPComm == step.AllGather
		}},
		{"x,2024,H100-80GB-SXM,64,Llama 3.1 70B,131072,8,bf16,1,1,8,,full,40,cp", func(r *Row) bool {
			return r.Config.Layout.CP == 8 && r.Config.Layout.CPComm == step.Ring
		}},
		{"x,2024,H100-80GB-SXM,64,Qwen3 30B,4096,512,bf16,1,1,64,1,full,40,", func(r *Row) bool {
			return r.Config.Machine.Stack.PlainDispatch && slices.Contains(r.Assumed, "each token sent to every one of its experts")
		}},
		{"x,2022,A100-80GB-SXM,64,GPT 20B,2048,512,bf16,8,1,8,1,full,40,", func(r *Row) bool { return slices.Contains(r.Assumed, "sp=0") }},
		{"x,2024,H800-80GB-SXM,64,DeepSeek-V3,4096,512,bf16,1,1,64,1,full,40,", func(r *Row) bool { return !r.Config.Machine.Stack.PlainDispatch }},
		{"x,2025,TPU v5p,64,Llama 2 7B,4096,,bf16,1,1,64,12,full,40,", func(r *Row) bool { return r.Config.Work.Batch == 64*12 }},
		{"mbridge-26.06,2026,GB200,64,GPT-OSS 120B,4096,1280,bf16,1,1,64,4,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.Name == "megatron-bridge-2025" }},
		{"mbridge-26.06,2026,GB200,64,GPT-OSS 120B,4096,1280,fp16,1,1,64,4,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.Name == "megatron-bridge-2025" }},
		{"mbridge-26.06,2026,GB200,64,GPT-OSS 120B,4096,1280,,1,1,64,4,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.Name == "megatron-bridge-2025" }},
		{"mbridge-26.06,2026,GB200,64,GPT-OSS 120B,4096,1280,mxfp8,1,1,64,4,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.Name == "megatron-bridge-2026" }},
		{"mbridge-26.02,2026,GB200,64,Llama 3 70B,8192,256,nvfp4,2,4,1,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.TensorOverlap.Likely == 0 }},
		{"mbridge-26.02,2026,GB200,64,Llama 3 70B,8192,256,mxfp8,2,4,1,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.TensorOverlap.Likely > 0 }},
		{"mbridge-26.06,2026,GB300,64,DeepSeek-V3,4096,512,mxfp8,1,1,64,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.AttentionFP8.Likely > 1 }},
		{"mbridge-26.06,2026,GB200,64,DeepSeek-V3,4096,512,mxfp8,1,1,64,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.AttentionFP8.Likely == 0 }},
		{"mbridge-26.06,2026,GB300,64,Llama 3.1 405B,8192,512,mxfp8,4,8,2,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.AttentionFP8.Likely == 0 }},
		{"mbridge-26.06,2026,GB300,64,Qwen3 30B-A3B,4096,512,mxfp8,1,1,8,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.AttentionFP8.Likely > 1 }},
		{"mbridge-26.06,2026,GB200,64,DeepSeek-R1-Distill-Llama-70B,8192,512,mxfp8,2,4,8,1,none,20,stack=megatron-bridge-2026-attention", func(r *Row) bool { return r.Config.Machine.Stack.AttentionFP8.Likely > 1 }},
		{"mbridge-26.02,2026,GB200,64,Llama 3 70B,8192,256,nvfp4,2,4,1,1,none,20,stack=megatron-bridge-2025", func(r *Row) bool { return r.Config.Machine.Stack.TensorOverlap.Likely > 0 }},
		{"mbridge-26.02,2026,B200,64,GPT-OSS 120B,4096,1280,mxfp8,1,1,64,4,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.PlainDispatch }},
		{"mbridge-26.04,2026,B200,64,GPT-OSS 120B,4096,1280,mxfp8,1,1,64,4,none,20,", func(r *Row) bool { return !r.Config.Machine.Stack.PlainDispatch }},
		{"mlperf-llama31_405b,2025,GB200,512,Llama 3.1 405B,8192,1152,nvfp4,4,8,16,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.TensorOverlap.Likely == 0 }},
		{"moezoo,2025,H100-80GB-SXM,64,Mixtral 8x22B,4096,512,bf16,2,4,8,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.TensorOverlap.Likely == 0 }},
		{"dgxc-v24.11.1,2024,H100-80GB-SXM,128,GPT-3 175B,2048,512,bf16,4,8,4,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.Name == "nemo-2024-flash" }},
		{"dgxc-v24.11.1,2024,H100-80GB-SXM,128,GPT-3 175B,2048,512,fp8,4,8,4,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.AmaxReduction == step.AmaxStage }},
		{"dgxc-v25.04.02,2025,H100-80GB-SXM,128,GPT-3 175B,2048,512,fp8,4,8,4,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.AmaxReduction == step.AmaxTensor }},
		{"dgxc-v25.04.02,2025,H100-80GB-SXM,128,Nemotron-4 340B,4096,512,fp8,8,8,2,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.AmaxReduction == step.AmaxStage }},
		{"mlperf-llama31_405b,2025,GB200,512,Llama 3.1 405B,8192,1152,fp8,4,8,16,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.AmaxReduction == "" }},
		{"dgxc-v24.11.1,2024,H100-80GB-SXM,128,Nemotron-4 15B,4096,512,bf16,4,1,32,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.Gradients.Likely == 0 }},
		{"dgxc-v24.11.1,2024,H100-80GB-SXM,128,Llama 2 70B (MaxText),4096,256,bf16,1,1,128,2,,20,", func(r *Row) bool {
			return r.Config.Machine.Stack.Name == "maxtext-gpu" && r.Config.Layout.Recompute == "norm+act+attn+up"
		}},
		{"dgxc-v24.11.1,2024,H100-80GB-SXM,64,GPT-3 5B (Paxml),2048,256,bf16,1,1,64,4,selective,20,", func(r *Row) bool { return r.Config.Layout.Shard == 8 }},
		{"mbridge-25.11,2025,H100-80GB-SXM,1024,DeepSeek-V3,4096,8192,fp8,2,8,64,1,none,40,", func(r *Row) bool {
			return r.Config.Machine.Stack.SerialData && r.Config.Machine.Stack.ExpertOverlap.Likely > 0
		}},
		{"mbridge-26.06,2026,B300,64,Qwen3 235B-A22B,4096,1024,mxfp8,1,8,8,1,none,20,", func(r *Row) bool {
			return r.Config.Machine.Stack.Name == "megatron-bridge-2025" && !r.Config.Machine.Stack.PlainDispatch
		}},
		{"mlperf-gpt3,2024,H100-80GB-SXM,512,GPT-3 175B,2048,2048,fp8,4,8,16,2,none,20,", func(r *Row) bool {
			return r.Config.Machine.Stack.Gradients.Likely == 2 && r.Config.Machine.Stack.AmaxReduction == ""
		}},
		{"dgxc-v24.11.1,2024,H100-80GB-SXM,128,GPT-3 175B,2048,512,fp8,4,8,4,1,none,20,", recipe(0, true)},
		{"dgxc-v24.11.1,2024,H100-80GB-SXM,64,Llama 3.1 70B,8192,128,fp8,4,4,4,1,none,20,", recipe(22, true)},
		{"dgxc-v25.04.02,2025,H100-80GB-SXM,512,Llama 3.1 405B,8192,256,fp8,8,8,8,1,none,20,", recipe(50, true)},
		{"dgxc-v25.04.02,2025,H100-80GB-SXM,512,Nemotron-4 340B,4096,128,bf16,8,8,8,1,none,20,", recipe(22, true)},
		{"mbridge-26.04,2026,GB300,256,Llama 3.1 405B,8192,1536,nvfp4,4,8,8,1,none,20,", recipe(50, true)},
		{"mlperf-gpt3,2023,H100-80GB-SXM,512,GPT-3 175B,2048,2048,fp8,4,8,16,1,none,20,", recipe(0, false)},
		{"mlperf-gpt3,2024,H100-80GB-SXM,512,GPT-3 175B,2048,2048,fp8,4,8,16,1,none,20,", recipe(50, true)},
		{"mlperf-gpt3,2024,H100-80GB-SXM,512,GPT-3 175B,2048,2048,fp8,4,8,16,2,none,20,", recipe(0, true)},
		{"mlperf-gpt3,2024,TPU v5p,512,GPT-3 175B,2048,2048,int8,4,8,16,1,none,20,", recipe(0, false)},
		{"mlperf-llama31_405b,2025,GB200,512,Llama 3.1 405B,8192,1152,fp8,4,8,16,1,none,20,", recipe(50, true)},
		{"x,2024,H100-80GB-SXM,1536,Nemotron-4 340B,4096,2304,bf16,8,12,16,1,selective,40,vendor=nvidia", recipe(0, false)},
		{"mbridge-26.06,2026,B200,8,Qwen3 30B-A3B,4096,512,mxfp8,1,1,8,1,none,20,", func(r *Row) bool {
			return r.Config.Machine.Stack.AttentionFP8.Likely == 0 && r.Config.Machine.Stack.Name == "megatron-bridge-2025"
		}},
		{"mbridge-26.06,2026,GB300,64,Qwen3-Next 80B-A3B,4096,512,mxfp8,1,1,64,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.AttentionFP8.Likely == 0 }},
		{"mbridge-26.06,2026,B300,64,DeepSeek-V3,4096,512,mxfp8,1,1,64,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.AttentionFP8.Likely > 1 }},
		{"mbridge-26.06,2026,B300,64,DeepSeek-V3,4096,512,nvfp4,1,1,64,1,none,20,", func(r *Row) bool {
			return r.Config.Machine.Stack.Name == "megatron-core-graphs" && r.Config.Machine.Stack.Gradients.Likely == 2
		}},
		{"mbridge-26.04,2026,H100-80GB-SXM,1024,DeepSeek-V3,4096,8192,fp8,2,8,64,1,none,40,", func(r *Row) bool {
			return r.Config.Machine.Stack.SerialData && r.Config.Machine.Stack.ExpertOverlap.Likely == 0
		}},
		{"mbridge-26.04,2026,H100-80GB-SXM,1024,Kimi K2,4096,8192,fp8,2,16,32,1,none,40,", func(r *Row) bool { return r.Config.Machine.Stack.SerialData }},
		{"mbridge-26.04,2026,H100-80GB-SXM,64,GPT-OSS 120B,4096,1280,bf16,1,4,16,1,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.PlainDispatch }},
		{"mbridge-26.06,2026,B300,64,gptoss-120b,4096,1280,mxfp8,1,1,64,4,none,20,", func(r *Row) bool { return r.Config.Machine.Stack.Name == "megatron-bridge-2025" }},
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
