package backtest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clustercap/sim/step"
)

// changed prices every row of the collection that the change takes, and shows each beside
// what the row was as printed.
func changed(t *testing.T, what string, change func(*Case) bool, see func(t *testing.T, before, after *Row)) {
	t.Helper()
	cases, on := loadSteps(t), newShelf(loadCatalog(t))
	seen := 0
	for i := range cases.List {
		c := cases.List[i]
		before := price(&cases.List[i], on)
		if before.Error == nil || !change(&c) {
			continue
		}
		seen++
		after := price(&c, on)
		if after.Error == nil {
			t.Errorf("%s: %s is skipped: %s", what, c.ID, after.Skipped)
			continue
		}
		see(t, &before, &after)
	}
	if seen == 0 {
		t.Errorf("%s: no row", what)
	}
}

// reachable fails where a row is predicted to reach more of the peak than the chip's
// largest products do.
func reachable(t *testing.T, what string, r *Row) {
	t.Helper()
	e := &r.Config.Machine.Chip.Efficiency
	if most := math.Max(float64(e.Matmul.Likely), float64(e.MatmulFP8.Likely)); !(r.mfu() > 0 && r.mfu() <= most) {
		t.Errorf("%s: %s: MFU %.3f, products reach %.2f", what, r.ID, r.mfu(), most)
	}
}

// mfu of the predicted step time.
func (r *Row) mfu() float64 {
	return r.flopsPerSecond(r.Predicted) / float64(step.Peak(&r.Config.Machine.Chip, r.Config.Work.Precision))
}

// A batch that is spread over ever more chips gets no more out of each: below a sequence
// for every replica some idle, or a source that prints no layout divided its sequences.
func TestFixedBatchOnMoreChips(t *testing.T) {
	for _, times := range []int{2, 8, 64} {
		what := fmt.Sprintf("%d times the chips", times)
		changed(t, what, func(c *Case) bool {
			c.Chips *= times
			c.DP = 0
			return c.Batch > 0
		}, func(t *testing.T, _, after *Row) { reachable(t, what, after) })
	}
}

// A step of the same tokens in longer sequences, of which there come to be fewer than
// replicas, is possible too.
func TestLongerSequences(t *testing.T) {
	for _, times := range []int{4, 16} {
		what := fmt.Sprintf("%d times the sequence", times)
		changed(t, what, func(c *Case) bool {
			c.Sequence *= times
			c.Batch = max(1, c.Batch/times)
			return true
		}, func(t *testing.T, _, after *Row) { reachable(t, what, after) })
	}
}

// The same chip under another name, on a system that nobody knows, is the same chip.
func TestChipNames(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for chip, names := range map[string][]string{
		"a100-80":      {"A100", "A100-SXM4-80GB", "NVIDIA A100 80GB", "A100-80GB-SXM"},
		"a100-40":      {"A100 40GB", "A100-SXM4-40GB", "A100-40GB-SXM", "NVIDIA-A100-SXM-40GB"},
		"h100-sxm":     {"H100", "NVIDIA H100 80GB HBM3", "HGX H100", "DGX-H100", "h100-sxm", "H100-80GB-SXM"},
		"h200-sxm":     {"H200", "H200-141GB-SXM"},
		"gh200":        {"GH200", "NVIDIA GH200 96GB"},
		"b200-sxm":     {"B200", "DGX B200", "HGX-B200 180GB"},
		"gb200-nvl72":  {"GB200", "NVIDIA GB200 NVL72", "DGX-GB200"},
		"gb300-nvl72":  {"GB300", "GB300 NVL72"},
		"mi300x":       {"MI300X", "AMD Instinct MI300X", "AMD-MI300X-192GB"},
		"mi250x-gcd":   {"MI250X (GCD)", "MI250X"},
		"tpu-v5e":      {"TPU v5e", "v5e-256", "TPU v5 lite"},
		"tpu-v5p":      {"TPU v5p", "v5p-512"},
		"tpu-v6e":      {"TPU v6e (Trillium)", "Trillium", "v6e"},
		"tpu-v7x":      {"TPU v7x (Ironwood)", "Ironwood", "TPU7x", "TPU v7"},
		"trainium1":    {"Trainium1", "trn1", "trn1.32xlarge"},
		"gaudi2":       {"Gaudi2", "Intel Gaudi 2"},
		"ascend-910b":  {"Ascend 910B", "Huawei Ascend 910B"},
		"zhenwu-810e":  {"Zhenwu 810E", "PPU"},
		"ascend-950dt": {"Ascend 950DT"},
	} {
		for _, name := range names {
			c := Case{Chip: name, Notes: "sys=somewhere"}
			var f Configuration
			if err := c.machine(on, &f); err != nil || f.Machine.Chip.Name != chip || len(f.Doubts) > 0 || len(f.Assumed) != 1 {
				t.Errorf("%s: %v, %s, assumed %q; want %s in its usual server", name, err, f.Machine.Chip.Name, f.Assumed, chip)
			}
		}
	}
	for _, name := range []string{"", "V100", "Cerebras WSE-3"} {
		c := Case{Chip: name}
		if err := c.machine(on, &Configuration{}); err == nil {
			t.Errorf("%q is a chip", name)
		}
	}
}

// A chip that the named system does not have, and one of another make, are priced as what
// the row prints, with a doubt.
func TestDoubtfulChips(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for _, c := range []struct{ chip, sys, want, doubt string }{
		{"GB300", "gb200-nvl72", "gb300-nvl72", "gb300-nvl72 in its usual server: sys=gb200-nvl72 has gb200-nvl72"},
		{"H100-80GB-PCIe", "", "h100-sxm", "H100-80GB-PCIe priced as h100-sxm"},
		{"H100 NVL", "", "h100-sxm", "H100 NVL priced as h100-sxm"},
	} {
		var f Configuration
		row := Case{Chip: c.chip, Notes: "sys=" + c.sys}
		if err := row.machine(on, &f); err != nil || f.Machine.Chip.Name != c.want || !cmp.Equal(f.Doubts, []string{c.doubt}) {
			t.Errorf("%s: %v, %s, doubts %q", c.chip, err, f.Machine.Chip.Name, f.Doubts)
		}
	}
}

// What tables write into cells means what plain cells do.
func TestCellSpellings(t *testing.T) {
	const head = "id,complete,chips,layers,vpp,sp,zero,precision,recompute,mfu_pct,tokens_per_s\n"
	for want, rows := range map[string][]string{
		"x,1,1024,80,,1,1,fp8,full,45,1234567.5": {
			`x,true,"1,024",80.0,-,True,ZeRO-1,FP8-CS,Uniform,45 %,"1,234,567.5"`,
			`x,YES,1_024,80,n/a,yes,stage 1,bf16_with_fp8_mixed,block,45%,1 234 567.5`,
			`x,1,1 024,80,None,1,1,float8,activation checkpointing,45,1'234'567.5`,
		},
		"x,0,8,2,,0,,,,45,": {
			`x,no,8,2,NaN,false,?,N/A,-,45,unknown`,
			`x,FALSE,8,2,null,0,–,none,?,45,`,
		},
		"x,0,8,2,,,,mxfp8,none,45,":      {`x,0,8,2,,,,FP8_MX,No,45,`, `x,0,8,2,,,,bf16_with_mxfp8_mixed,disabled,45,`},
		"x,0,8,2,,,,nvfp4,selective,45,": {`x,0,8,2,,,,bf16_with_nvfp4_mixed,selective activation checkpointing,45,`, `x,0,8,2,,,,fp4,core_attn,45,`},
		"x,0,8,2,,,,mxfp4,selective,45,": {`x,0,8,2,,,,MXFP4,core_attn,45,`},
		"x,0,8,2,,,,bf16,,45,":           {`x,0,8,2,,,,BF16 (FP32 master),,45,`, `x,0,8,2,,,,bfloat16,,45,`},
	} {
		plain := one(t, head+want+"\n")
		for _, row := range rows {
			if diff := cmp.Diff(plain, one(t, head+row+"\n")); diff != "" {
				t.Errorf("%s\n%s", row, diff)
			}
		}
	}
}

// one is the only row of a file.
func one(t *testing.T, file string) Case {
	t.Helper()
	cases, err := Load(strings.NewReader(file), "x.csv")
	if err != nil {
		t.Fatal(err)
	}
	return cases.List[0]
}

// Lines that end as on Windows, a mark of byte order, columns in any order and beside
// others: the same rows.
func TestFilesOfSpreadsheets(t *testing.T) {
	plain := one(t, "id,chips,model,step_time_s\na,8,Llama 3 8B,2.5\n")
	for _, file := range []string{
		"\ufeffid,chips,model,step_time_s\r\na,8,Llama 3 8B,2.5\r\n",
		"step_time_s,Model,who,CHIPS,id\n2.5,\"Llama 3 8B\",me,8,a\n",
		"id,chips,model,step_time_s,,\na,8,Llama 3 8B,2.5,,\n",
		"id,chips,model,step_time_s\n\na,8,Llama 3 8B,2.5\n\n",
	} {
		got := one(t, file)
		got.Line = plain.Line
		if diff := cmp.Diff(plain, got); diff != "" {
			t.Errorf("%q\n%s", file, diff)
		}
	}
}

// A degree of 0 is one that is not given.
func TestDegreesOfZero(t *testing.T) {
	const head = "id,chips,tp,pp,vpp,last_layers,dp,cp,ep,step_time_s\n"
	if diff := cmp.Diff(one(t, head+"a,8,,,,,,,,2.5\n"), one(t, head+"a,8,0,0,0,0,0,0,0,2.5\n")); diff != "" {
		t.Error(diff)
	}
}

// A file in Latin-1, as spreadsheets save it, has its accents; what it prints is UTF-8.
func TestLatin1(t *testing.T) {
	const head = "id,family,model,chip,chips,step_time_s\n"
	got := one(t, head+"caf\xe9\x96x,Z\xfcrich é,Llama 3 8B,\xb5H100,8,2.5\n")
	if got.ID != "café\ufffdx" || got.Family != "Zürich é" || got.Chip != "µH100" {
		t.Errorf("%q of %q on %q", got.ID, got.Family, got.Chip)
	}
}

// Rows of a file without any speed are predicted.
func TestNoSpeed(t *testing.T) {
	cases, err := Load(strings.NewReader("id,model,chip,chips,seq,global_batch_seqs\na,llama3-8b,h100-sxm,8,8192,128\n"), "x.csv")
	if err != nil {
		t.Fatal(err)
	}
	r := Run(cases, loadCatalog(t), Selection{}).Rows[0]
	if !(r.Predicted > 0) || r.Error != nil || r.Skipped == "" {
		t.Errorf("predicted %v, error %v, skipped %q", r.Predicted, r.Error, r.Skipped)
	}
}

// An MFU that is a share, and formats that the chip has no units for, are doubted; int8 is
// said to be priced as FP8. The peak that an MFU is a share of is said where it is not BF16's.
func TestOddFigures(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for _, c := range []struct {
		chip, precision string
		mfu             float64
		doubt, said     string
		peak            step.Precision
	}{
		{"h100-sxm", "bf16", 40, "", "", ""},
		{"h100-sxm", "bf16", 0.4, "mfu_pct is 0.4 %: a share would be 40 %", "", ""},
		{"h100-sxm", "mxfp8", 20, "products in fp8: h100-sxm has no mxfp8 rate", "", step.FP8},
		{"h100-sxm", "nvfp4", 20, "products in fp8: h100-sxm has no nvfp4 rate", "", step.FP8},
		{"a100-80", "mxfp8", 20, "products in bf16: a100-80 has no mxfp8 rate", "", ""},
		{"mi355x", "nvfp4", 20, "products in mxfp4: mi355x has no nvfp4 rate", "", step.MXFP4},
		{"mi355x", "mxfp4", 20, "", "", step.MXFP4},
		{"ascend-950dt", "mxfp4", 20, "products in mxfp8: ascend-950dt has no mxfp4 rate", "", step.MXFP8},
		{"b200-sxm", "nvfp4", 20, "", "", step.NVFP4},
		{"h100-sxm", "int8", 20, "", "int8 products at the rate of fp8", step.FP8},
	} {
		row := one(t, fmt.Sprintf("id,model,chip,chips,seq,global_batch_seqs,micro_batch,zero,tp,recompute,precision,mfu_pct,notes\n"+
			"a,llama3-8b,%s,8,8192,128,1,1,2,light,%s,%g,flops_def=model(causal)\n", c.chip, c.precision, c.mfu))
		r := price(&row, on)
		want := []string{}
		for _, text := range []string{c.said, c.doubt} {
			if text != "" {
				want = append(want, text)
			}
		}
		if c.peak != "" {
			want = append(want, fmt.Sprintf("MFU against the %s peak", c.peak))
		}
		if diff := cmp.Diff(want, append([]string{}, r.Assumed...)); diff != "" {
			t.Errorf("%s, %s, %g %%: assumed\n%s", c.chip, c.precision, c.mfu, diff)
		}
		if (c.doubt != "") != (len(r.Doubts) > 0) {
			t.Errorf("%s, %s, %g %%: doubts %q", c.chip, c.precision, c.mfu, r.Doubts)
		}
	}
}
