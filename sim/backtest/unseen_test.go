package backtest

import (
	"math"
	"slices"
	"strings"
	"testing"

	"clustercap/sim/step"
)

// unseen are cases as publications print them that are like none of the collection:
// other systems, families, spellings and gaps. What they measured is not tested here,
// so each row's MFU stands for any speed.
const unseen = `family,id,year,chip,chips,model,params_b,layers,hidden,heads,kv_heads,ffn,vocab,seq,experts,topk,tp,pp,vpp,dp,cp,ep,zero,micro_batch,global_batch_seqs,precision,recompute,mfu_pct,notes
megascale,megascale,2024,A100-80GB-SXM,12288,175B,175,96,12288,96,,49152,64000,2048,,,8,8,6,192,,,1,1,6144,bf16,none,55,sys=a100-megascale
megascale,megascale-baseline,2024,A100-80GB-SXM,3072,175B,175,96,12288,96,,49152,64000,2048,,,8,8,6,48,,,1,1,6144,bf16,selective,48,sys=a100-megascale; Megatron-LM
opt,opt,2022,A100-80GB-SXM,992,OPT-175B,175,,,,,,,2048,,,8,,,124,,,3,,1024,fp16,full,,sys=a100-opt
neox,neox,2022,A100-40GB-SXM,96,GPT-NeoX-20B,20,44,6144,64,,24576,50432,2048,,,2,4,,12,,,1,4,1536,fp16,full,37,sys=a100-neox
glm,glm,2022,A100-40GB-SXM,768,GLM-130B,130,70,12288,96,,32768,150528,2048,,,4,8,,24,,,1,,4224,fp16,full,32,sys=a100-glm
aws,bloomberg,2023,A100-40GB-SXM,512,BloombergGPT 50B,50.6,70,7680,40,,30720,131072,2048,,,,,,,,,3,,2048,bf16,full,32,sys=a100-aws
meta,llama,2023,A100-80GB-SXM,2048,LLaMA 65B,65.2,80,8192,64,,22016,32000,2048,,,,,,,,,,,2048,bf16,,,sys=a100-meta-rsc
axonn,perlmutter,2024,A100-40GB-SXM,4096,GPT 40B,40,38,9216,72,,36864,51200,2048,,,,,,,,,,,8192,bf16,full,,sys=a100-perlmutter
mt-nlg,mt-nlg,2022,A100-80GB-SXM,2240,MT-NLG 530B,530,105,20480,128,,81920,51200,2048,,,8,35,,8,,,1,1,1920,bf16,full,,sys=a100-selene
sc21,1t,2021,A100-80GB-SXM,3072,GPT 1T,1008,128,25600,160,,102400,51200,2048,,,8,64,,6,,,1,1,3072,fp16,full,,sys=a100-selene
deepseek,deepseek-v3,2024,H800-80GB-SXM,2048,DeepSeek-V3,671,,,,,,,4096,256,8,1,16,,128,,64,1,,15360,fp8,selective,,sys=h800-deepseek; DualPipe
megascale-moe,megascale-moe,2025,H800-80GB-SXM,1440,MegaScale-MoE 352B,352,60,4096,32,,14336,65536,8192,32,3,8,15,,12,,8,1,1,720,bf16,,,sys=h800-bytedance
mixtral,mixtral,2024,H100-80GB-SXM,256,Mixtral 8x7B,46.7,,,,,,,4096,8,2,,,,,,8,,,512,fp8-hybrid,,,sys=h100-azure
mlperf-llama2,oci,2024,H100-80GB-SXM,64,Llama 2 70B,70,,,,,,,8192,,,4,1,,16,,,1,1,64,fp8,none,,sys=h100-oci
llama3,llama3-16k,2024,H100-80GB-SXM,16384,Llama 3.1 405B,405,126,16384,128,8,53248,128256,8192,,,8,16,,128,1,,1,,2048,bf16,none,41,sys=h100-meta24k
llama3,llama3-128k,2024,H100-80GB-SXM,16384,Llama 3 405B,405,126,16384,128,8,53248,128256,131072,,,8,16,,8,16,,1,,128,bf16,none,38,sys=h100-meta24k
axonn,alps,2024,GH200,6144,GPT 80B,80,42,12288,96,,49152,51200,2048,,,,,,,,,,,8192,bf16,full,,sys=gh200-alps
palm,palm,2022,TPU v4,6144,PaLM 540B,540,118,18432,48,1,73728,256000,2048,,,12,,,512,,,,,2048,bf16,full,46.2,sys=tpuv4-palm
pangu,pangu,2025,Ascend 910B,8192,Pangu Ultra 135B,135,94,12288,96,8,28672,153376,4096,,,8,8,2,128,,,1,,2048,bf16,,,sys=ascend910b
frontier,frontier-1t,2023,MI250X (GCD),3072,GPT 1T,1000,128,25600,160,,,,2048,,,8,64,,6,,,1,1,9600,fp16,full,31.9,sys=mi250x-frontier
frontier,22b,2023,MI250X (GCD),64,22B,22,48,6144,48,,,,2048,,,2,8,,4,,,1,2,256,bf16,full,38,sys=mi250x-frontier
aws,trn1,2023,Trainium1,256,Llama 2 7B,6.7,32,4096,32,,11008,32000,4096,,,8,1,,,,,1,1,1024,bf16,selective,,sys=trn1-32
mlperf-gpt3,gaudi2,2023,Gaudi2,384,GPT-3 175B,175,96,12288,96,,49152,51200,2048,,,8,8,,6,,,1,2,3072,fp8,selective,,sys=gaudi2
mlperf-gpt3,gaudi2-bf16,2023,Gaudi2,256,GPT-3 175B,175,,,,,,,2048,,,,,,,,,,,2048,bf16,,,sys=gaudi2
mbridge-26.04,dsv3,2026,GB300,256,DeepSeek V3 671B,671,61,7168,128,,2048,129280,4096,256,8,1,2,8,128,,32,1,2,4096,mxfp8,,,sys=gb300-nvl72; MLA; 3 dense layers ffn 18432; 1 shared expert
mbridge-26.04,dsv3-fp4,2026,GB300,256,DeepSeek V3 671B,671,61,7168,128,,2048,129280,4096,256,8,1,2,8,128,,32,1,1,4096,nvfp4,,,sys=gb300-nvl72
mbridge-26.04,405b-fp4,2026,GB300,256,Llama 3.1 405B,405,126,16384,128,8,53248,128256,8192,,,4,8,4,8,1,,1,1,1536,nvfp4,,,sys=gb300-nvl72
mbridge-26.06,kimi,2026,GB300,256,Kimi K2 1T,1040,61,7168,64,,2048,163840,4096,384,8,1,4,4,64,,64,1,2,4096,mxfp8,,,sys=gb300-nvl72; MLA; 1 dense layer; 1 shared expert
mbridge-26.02,next,2026,H100-80GB-SXM,128,Qwen3-Next 80B-A3B,80,48,2048,16,2,512,151936,4096,512,10,1,1,,128,,128,1,1,1024,bf16,,,sys=h100-dgx; hybrid gated-DeltaNet 3:1; head_dim 256
mbridge-26.04,nano,2026,GB200,8,Nemotron 3 Nano 30B-A3B,31.6,52,2688,32,2,1856,131072,8192,128,6,1,1,,8,,8,1,2,512,mxfp8,,,sys=gb200-nvl72; head_dim 128
dgxc-v25.05.05,maverick,2025,H100-80GB-SXM,1024,Llama 4 Maverick 400B,400,48,5120,40,8,16384,202048,8192,128,1,4,1,,256,,128,1,1,2048,fp8,,,sys=h100-dgx; MoE every 2nd layer; 1 shared expert
hunyuan,hunyuan,2024,H20,1024,Hunyuan-Large 389B,389,64,6400,80,8,18304,128512,8192,16,1,8,8,,16,,8,1,1,1024,bf16,custom,,1 shared expert
moe,glm45,2025,H800-80GB-SXM,512,GLM-4.5 355B,355,92,5120,96,8,1536,151552,4096,160,8,,,,,,,,,,bf16,,35,3 dense layers ffn 12288; 1 shared expert; head_dim 128
any,fp4-on-hopper,2026,H100-80GB-SXM,64,Llama 3 8B,8,,,,,,,8192,,,1,1,,,,,1,1,512,nvfp4,none,,
any,fp4-on-ampere,2026,A100-80GB-SXM,64,Llama 3 8B,8,,,,,,,8192,,,1,1,,,,,1,1,512,nvfp4,none,,
any,m890,2026,Zhenwu M890,128,Llama 3 70B,70,,,,,,,8192,,,8,2,,,,,1,1,512,bf16,,,
any,950dt,2026,Ascend 950DT,128,Llama 3 70B,70,,,,,,,8192,,,8,2,,,,,1,1,512,fp8,,,
any,only-size,2024,H100-80GB-SXM,512,Some LLM 30B,30,,,,,,,,,,,,,,,,,,,bf16,,40,
any,indivisible,2023,A100-80GB-SXM,96,GPT 20B,20.5,44,6144,48,,24576,50432,2048,,,2,5,,,,,1,4,1538,bf16,full,40,
`

// unseenStacks are what some of them are taken to have run.
var unseenStacks = map[string]string{
	"megascale": "megatron-core", "megascale-baseline": "megatron-2022",
	"opt": "typical-2022", "1t": "megatron-2021", "palm": "maxtext", "gaudi2": "",
	"deepseek-v3": "typical", "llama3-16k": "typical", "frontier-1t": "typical",
	"dsv3": "megatron-bridge-2025", "kimi": "megatron-bridge-2026", "maverick": "nemo-2025",
}

// Every one of them is simulated, and no assumption makes a step that no chip of its
// time could have run or that anyone would have stopped: an MFU below 6 % (mixtures
// against FP4 and FP8 peaks are the lowest that were published, about 8 %) or above 70 % (MegaScale
// published 65 % on 256 chips).
func TestUnseenCasesAreSimulated(t *testing.T) {
	var text strings.Builder
	for i, line := range strings.Split(strings.TrimSpace(unseen), "\n") {
		cells := strings.Split(line, ",")
		if i > 0 && cells[len(cells)-2] == "" {
			cells[len(cells)-2] = "40"
		}
		text.WriteString(strings.Join(cells, ",") + "\n")
	}
	cases, err := Load(strings.NewReader(text.String()), "unseen.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Run(cases, loadCatalog(t), Selection{}).Rows {
		if r.Error == nil {
			t.Errorf("%s: skipped: %s", r.ID, r.Skipped)
			continue
		}
		mfu, stack := float64(r.Step.MFU), r.Config.Machine.Stack.Name
		if want, said := unseenStacks[r.ID]; said && stack != want {
			t.Errorf("%s: stack %q, want %q", r.ID, stack, want)
		}
		t.Logf("%-20s %-24s stack %-22s %.2f s MFU %.1f %% mem %.0f/%.0f %v", r.ID, r.Config.Layout, stack, r.Predicted, 100*mfu, float64(r.Step.Memory.Total())/1e9, float64(r.Step.Memory.Capacity)/1e9, r.Config.Assumed)
		if mfu < 0.06 || mfu > 0.70 {
			t.Errorf("%s: MFU %.1f %%", r.ID, 100*mfu)
		}
	}
}

// Rows that print less are simulated as well, from what they still say: of the collection
// with a column or a whole layout left out, six of seven stay within the fifth beyond which
// a plan is none.
func TestGapsAreFilled(t *testing.T) {
	catalog, whole := loadCatalog(t), loadSteps(t)
	all := groupNamed(t, Run(whole, catalog, Selection{}), "all")
	for name, blank := range map[string]func(*Case){
		"recompute":   func(c *Case) { c.Recompute = "" },
		"microbatch":  func(c *Case) { c.MicroBatch = 0 },
		"chunks":      func(c *Case) { c.VPP = 0 },
		"layout":      func(c *Case) { c.TP, c.PP, c.VPP, c.DP, c.CP, c.EP = 0, 0, 0, 0, 0, 0 },
		"sharding":    func(c *Case) { c.ZeRO, c.SP = nil, nil },
		"vocabulary":  func(c *Case) { c.Vocab = 0 },
		"feedforward": func(c *Case) { c.KVHeads, c.FFN = 0, 0 },
		"sequence":    func(c *Case) { c.Sequence = 0 },
		"batch":       func(c *Case) { c.Batch = 0 },
		"year":        func(c *Case) { c.Year = 0 },
		"notes":       func(c *Case) { c.Notes = "" },
		"name":        func(c *Case) { c.Model = "" },
		"heads":       func(c *Case) { c.Model, c.Heads = "", 0 },
		"layers":      func(c *Case) { c.Model, c.Layers = "", 0 },
		"hidden":      func(c *Case) { c.Model, c.Hidden = "", 0 },
		"experts":     func(c *Case) { c.Model, c.TopK = "", 0 },
	} {
		some := Cases{Name: name, List: slices.Clone(whole.List)}
		for i := range some.List {
			blank(&some.List[i])
		}
		got := groupNamed(t, Run(&some, catalog, Selection{}), "all")
		t.Logf("%-12s %d rows, %.1f %% off, %.1f %% within 20", name, got.Simulated, 100*got.MAPE, 100*got.Within20)
		if got.Simulated != all.Simulated {
			t.Errorf("without %s %d rows are simulated, %d with it", name, got.Simulated, all.Simulated)
		}
		if got.Within20 < 6.0/7 {
			t.Errorf("without %s only %.1f %% lie within 20 %%", name, 100*got.Within20)
		}
	}
}

// On every chip of the catalog that can, in every precision, layouts from 64 to 131,072
// chips are priced at what a chip can do, and twice the replicas with twice the batch are no
// faster, but for what sharding the optimizer further saves: a step of the smallest batch
// that anyone would run spends a hundredth of its time there.
// A larger slice of a torus has rings where a smaller one has lines, and its groups more axes, so
// that there the kernels alone are no faster.
func TestEveryChipScales(t *testing.T) {
	catalog := loadCatalog(t)
	layouts := []string{"tp=1,pp=1,dp=0,zero=3,recompute=light", "tp=8,pp=1,dp=0", "tp=8,pp=4,dp=0", "tp=4,pp=4,dp=0,vpp=2", "tp=1,pp=8,dp=0,ep=32"}
	priced := 0
	for _, chip := range catalog.Names("chips") {
		machine, ok := catalog.Machine(chip)
		if !ok {
			t.Errorf("%s has no usual server or fabric", chip)
			continue
		}
		for _, name := range []string{"llama3-8b", "gpt3-175b", "deepseek-v3", "gpt-oss-120b"} {
			model, ok := catalog.Model(name)
			if !ok {
				t.Fatalf("no model %s", name)
			}
			for _, precision := range []step.Precision{step.BF16, step.FP8, step.MXFP8, step.MXFP4, step.NVFP4} {
				for _, text := range layouts {
					before := 0.0
					for chips := 64; chips <= 1<<17; chips *= 2 {
						l, err := step.ParseLayout(text)
						if err != nil {
							t.Fatal(err)
						}
						l = l.Complete(chips)
						work := step.Workload{Model: model, Sequence: 4096, Batch: 32 * l.DP, Precision: precision}
						s, err := step.Estimate(&work, &machine, l)
						if err != nil {
							continue // the chip lacks the precision, or the layout does not divide the model
						}
						priced++
						if !(s.MFU > 0 && s.MFU < 1) {
							t.Errorf("%s %s %s %s: %.3g s, MFU %.3g", chip, name, precision, l, float64(s.Time), s.MFU)
						}
						if float64(s.Time) < before*0.99 {
							t.Errorf("%s %s %s %s: %.6g s, with half the replicas %.6g", chip, name, precision, l, float64(s.Time), before)
						}
						before = float64(s.Time)
						if machine.Server.Torus > 0 {
							before = float64(s.Parts.Compute + s.Parts.Recompute)
						}
						// Twice the microbatch saves launches and messages, and half of the
						// traffic at most; a hundredth and a half is the last wave's tiles and what
						// is left to hide traffic behind.
						l.MicroBatch = 2
						if twice, err := step.Estimate(&work, &machine, l); err == nil && l.PP == 1 {
							if r := float64(twice.Time / s.Time); r < 0.5 || r > 1.015 {
								t.Errorf("%s %s %s %s takes %.3f times as long as with one sequence", chip, name, precision, l, r)
							}
						}
					}
				}
			}
		}
	}
	if priced < 10_000 {
		t.Errorf("only %d layouts priced", priced)
	}
}

// Recomputation that is not printed is the least that fits, and all of it where nothing
// does: those who had no room kept least. Before 2023 nobody could choose but all or none.
func TestRecomputeThatIsNotPrinted(t *testing.T) {
	on, zero := newShelf(loadCatalog(t)), 1
	for _, c := range []struct {
		tp, pp, year int
		want         step.Recompute
	}{
		{4, 4, 2024, step.RecomputeNone},
		{4, 2, 2024, step.RecomputeLight},
		{2, 4, 2024, step.RecomputeFull},
		{2, 1, 2024, step.RecomputeFull},
		{4, 2, 0, step.RecomputeLight},
		{4, 2, 2022, step.RecomputeFull},
	} {
		row := Case{Model: "Llama 3 70B", Chip: "H100", Year: c.year, Chips: 512, TP: c.tp, PP: c.pp, Sequence: 8192, Batch: 1024, MicroBatch: 1, ZeRO: &zero, StepTime: 10, Notes: "attention=fused"}
		r := price(&row, on)
		if got := r.Config.Layout.Recompute; got != c.want {
			t.Errorf("%s: recompute=%s, want %s; %s", r.Layout, got, c.want, r.Step.Memory)
		}
	}
}

// Chunks that are not printed are as many as keep the pipeline busy. Llama 3's own runs
// (arXiv:2407.21783, table 4) need more than the chip has even without any, so memory
// decides as little on 8,192 chips, where that is within its error, as on 16,384.
func TestChunksThatAreNotPrinted(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for _, c := range []struct {
		chips  int
		tflops float64
	}{{8192, 430}, {16384, 400}} {
		row := Case{
			Model: "Llama 3.1 405B", Chip: "H100", Year: 2024, Chips: c.chips, TP: 8, PP: 16, CP: 1, Sequence: 8192, Batch: 2048, MicroBatch: 1,
			Precision: "bf16", Recompute: "none", TFLOPS: c.tflops, Notes: "sys=h100-meta24k; flops_def=model(causal)",
		}
		r := price(&row, on)
		if r.Error == nil || math.Abs(*r.Error) > 0.1 || r.Config.Layout.VPP != 8 {
			t.Errorf("on %d chips %s: %.2f s, measured %.2f s", c.chips, r.Layout, r.Predicted, r.Measured)
		}
	}
}

// A model of which only the size is known has it, of whatever kind: a row with nothing but
// its parameters is simulated.
func TestNothingButSize(t *testing.T) {
	changed(t, "no shape", func(c *Case) bool {
		c.Model, c.Layers, c.Hidden, c.Heads, c.KVHeads, c.FFN, c.Vocab = "", 0, 0, 0, 0, 0, 0
		return c.Params > 0
	}, func(t *testing.T, _, after *Row) { reachable(t, "no shape", after) })
}

// Degrees that no layout can have are the nearest that one can, with a doubt.
func TestImpossibleDegrees(t *testing.T) {
	for degree, change := range map[string]func(*Case){
		"tp": func(c *Case) { c.TP = 3 },
		"cp": func(c *Case) { c.CP = 3 },
		"pp": func(c *Case) { c.PP = c.Layers + 5 },
	} {
		changed(t, degree, func(c *Case) bool {
			c.Chips, c.Batch, c.DP = 64*c.Chips, 64*c.Batch, 0
			change(c)
			a := max(1, c.TP) * max(1, c.PP) * max(1, c.CP)
			return c.Layers > 0 && a <= c.Chips && (degree != "tp" || c.Heads > 0 && c.Heads%3 > 0)
		}, func(t *testing.T, _, after *Row) {
			reachable(t, degree, after)
			if !slices.ContainsFunc(after.Doubts, func(d string) bool { return strings.HasPrefix(d, degree+"=") }) {
				t.Errorf("%s: doubts %q, none of %s", after.ID, after.Doubts, degree)
			}
		})
	}
}

// A model of which only the size is known gets a shape of that size, to the rounding of
// its feed-forward width.
func TestShapeFromSize(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for _, name := range []string{"Some LLM 1.3B", "Some LLM 30B", "Some LLM 175B", "Some LLM 1T"} {
		c := Case{Model: name, Year: 2023, TP: 8}
		m, assumed, err := c.architecture(on)
		if err != nil || len(assumed) == 0 {
			t.Errorf("%s: %v, assumed %v", name, err, assumed)
			continue
		}
		// Half of 128 columns of 2 matrices of every layer.
		half := float64(roundWidth * m.Hidden * m.Layers)
		if miss := m.Params() - c.parameters(); miss > half || miss < -half || m.Heads%8 != 0 {
			t.Errorf("%s: %d layers of width %d with ffn %d and %d heads have %.4gB parameters", name, m.Layers, m.Hidden, m.FFN, m.Heads, m.Params()/1e9)
		}
	}
}
