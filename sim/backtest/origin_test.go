package backtest

import (
	"math"
	"slices"
	"testing"

	"clustercap/sim/step"
)

// Families and sources by whatever name tell the framework and its release.
func TestOrigin(t *testing.T) {
	for _, c := range []struct {
		family, source string
		want           origin
	}{
		{"mbridge-26.04.01", "", origin{"mbridge", 2604}},
		{"Megatron-Bridge 26.10", "", origin{"mbridge", 2610}},
		{"dgxc-v25.05.05", "", origin{"dgxc", 2505}},
		{"DGXC-v26.01", "", origin{"dgxc", 2601}},
		{"nemo2407", "", origin{"nemo", 2407}},
		{"NeMo 25.02", "", origin{"nemo", 2502}},
		{"nemotron", "Nemotron-4 340B report", origin{}},
		{"nemotron", "NVIDIA Megatron-Core blog", origin{framework: vendor}},
		{"aws", "BloombergGPT (arXiv:2303.17564)", origin{}},
		{"Megatron-DeepSpeed", "", origin{framework: "deepspeed"}},
		{"perf-page", "NVIDIA NeMo 24.09 performance summary", origin{"nemo", 2409}},
		{"measured", "NVIDIA Megatron-Bridge 25.12 performance summary", origin{"mbridge", 2512}},
		{"automodel", "NVIDIA NeMo Automodel performance summary", origin{framework: "automodel"}},
		{"TorchTitan 2026", "", origin{framework: "torchtitan"}},
		{"tpu-recipes", "Google tpu-recipes (Trillium v6e)", origin{framework: "tpu-recipes"}},
		{"mlperf-llama31_8b", "MLPerf Training v5.1 llama31_8b", origin{framework: "mlperf"}},
		{"Megatron-LM", "", origin{framework: vendor}},
		{"olmo", "OLMo 3 (arXiv:2512.13961)", origin{}},
		{"", "", origin{}},
	} {
		row := Case{Family: c.family, Source: c.source}
		if got := row.origin(); got != c.want {
			t.Errorf("%q, %q: %+v, want %+v", c.family, c.source, got, c.want)
		}
	}
}

// Every row has the stack of its release, or of the one that it ran in.
func TestStackOfReleases(t *testing.T) {
	for _, c := range []struct {
		family string
		year   int
		chip   string
		want   string
	}{
		{"dgxc-v25.01", 2025, "h100-sxm", "nemo-2024"},
		{"dgxc-v25.07", 2025, "h100-sxm", "nemo-2025"},
		{"dgxc-v25.07", 2025, "gb200-nvl72", "megatron-core-blackwell-2025"},
		{"dgxc-v25.08", 2025, "gh200", "nemo-2025"},
		{"dgxc-v25.10", 2025, "h100-sxm", "megatron-bridge-2025-drop"},
		{"dgxc-v26.02", 2026, "gb300-nvl72", "megatron-bridge-2025"},
		{"nemo2502", 2025, "b200-sxm", "megatron-core-blackwell-2025"},
		{"nemo2502", 2025, "a100-80", "nemo-2024"},
		{"nemo", 2024, "h100-sxm", "nemo-2024"},
		{"mbridge-25.07", 2025, "gb200-nvl72", "megatron-bridge-2025-drop"},
		{"mbridge-25.12", 2025, "h100-sxm", "megatron-bridge-2025"},
		{"mbridge-26.05", 2026, "gb300-nvl72", "megatron-bridge-2025"},
		{"mbridge-27.01", 2027, "b300-sxm", "megatron-bridge-2026"},
		{"mbridge-27.01", 2027, "gh200", "megatron-bridge-2025"},
		{"mlperf-llama31_8b", 2025, "h200-sxm", "megatron-core"},
		{"mlperf-gpt3", 2024, "tpu-v5p", "maxtext"},
		{"mlperf-gpt3", 2024, "mi300x", ""},
		{"megatron-lm", 2023, "h100-sxm", "megatron-core-2023"},
		{"megatron-lm", 2026, "gb300-nvl72", "megatron-bridge-2025"},
		{"maxtext", 2025, "h100-sxm", "typical"},
		{"torchtitan", 2026, "b200-sxm", "torchtitan-2025"},
		{"deepspeed", 2024, "h100-sxm", "typical"},
		{"x", 0, "mi300x", "typical"},
	} {
		row := Case{Family: c.family, Year: c.year, Precision: "mxfp8"}
		if got := row.usualStack(c.chip); got != c.want {
			t.Errorf("%s of %d on %s: %q, want %q", c.family, c.year, c.chip, got, c.want)
		}
	}
}

// Recipes say who sends each token to every expert, and who hides that.
func TestDispatchOfRecipes(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for _, c := range []struct {
		family, model, chip, notes string
		plain, overlapped          bool
	}{
		{"mbridge-26.06", "DeepSeek-V3 671B", "gb300-nvl72", "", false, true},
		{"mbridge-26.06", "GPT-OSS 120B", "b200-sxm", "", false, false},
		{"mbridge-26.08", "Kimi K2 1T", "gb200-nvl72", "", false, false},
		{"mbridge-25.11", "DeepSeek-V3 671B", "h100-sxm", "", false, true},
		{"mbridge-26.02", "DeepSeek-V3 671B", "h100-sxm", "", false, false},
		{"dgxc-v25.10", "DeepSeek-V3 671B", "h100-sxm", "", false, true},
		{"dgxc-v25.05.05", "DeepSeek-V3 671B", "h100-sxm", "", false, false},
		{"mbridge-25.11", "DeepSeek-V3 671B", "gb200-nvl72", "", false, false},
		{"mbridge-25.11", "Qwen3 235B-A22B", "h100-sxm", "", true, false},
		{"mbridge-26.04", "Qwen3 235B-A22B", "h100-sxm", "", true, true},
		{"mbridge-26.04", "Qwen3 235B-A22B", "b200-sxm", "", true, false},
		{"mbridge-26.04", "Qwen3 30B-A3B", "h100-sxm", "", false, false},
		{"moezoo", "Qwen3 235B-A22B", "h100-sxm", "dispatcher A2A; +1f1b overlap", true, false},
	} {
		row := Case{Family: c.family, Model: c.model, Notes: c.notes, Precision: "mxfp8"}
		var s step.Stack
		row.follow(on, c.chip, &s)
		if s.PlainDispatch != c.plain || (s.ExpertOverlap.Likely > 0) != c.overlapped {
			t.Errorf("%+v: plain %v, overlap %v", c, s.PlainDispatch, s.ExpertOverlap.Likely)
		}
	}
	for _, c := range []struct{ family, model, precision, notes, want string }{
		{"dgxc-v25.05.05", "DeepSeek-V3 671B", "fp8", "", "megatron-core-blackwell-2025-drop"},
		{"dgxc-v25.05.05", "Llama 4 Maverick 400B", "fp8", "", "megatron-core-blackwell-2025"},
		{"dgxc-v25.05.05", "Grok-1 314B", "fp8", "", "megatron-core-blackwell-2025-graphs"},
		{"mbridge-26.06", "DeepSeek-V3 671B", "mxfp8", "", "megatron-bridge-2026"},
		{"mbridge-26.06", "DeepSeek-V3 671B", "bf16", "", "megatron-bridge-2025"},
		{"mbridge-26.06", "Kimi K2 1T", "mxfp8", "", "megatron-bridge-2025"},
		{"moezoo", "Qwen3 235B-A22B", "bf16", "+1f1b overlap", "megatron-core-overlap"},
		{"tpu-recipes", "Mixtral 8x7B", "bf16", "", "maxtext-2025-drop"},
		{"tpu-recipes", "Llama 3.1 70B", "bf16", "", "maxtext-2025"},
	} {
		row := Case{Family: c.family, Model: c.model, Precision: c.precision, Notes: c.notes, Year: 2025}
		chip := "gb200-nvl72"
		switch c.family {
		case "moezoo":
			chip = "h100-sxm"
		case "tpu-recipes":
			chip = "tpu-v6e"
		}
		if got := row.usualStack(chip); got != c.want {
			t.Errorf("%+v: stack %q", c, got)
		}
	}
}

// Recipes of recomputation that neither columns nor memory tell.
func TestRecipesOfRecomputation(t *testing.T) {
	for _, c := range []struct {
		family, model, chip, precision string
		want                           step.Recompute
		known                          bool
	}{
		{"tpu-recipes", "DeepSeek-V3 671B", "tpu-v7x", "bf16", step.RecomputeFull, true},
		{"tpu-recipes", "Llama 3.1 405B", "tpu-v5p", "bf16", "norm+act+qkv+out+up", true},
		{"tpu-recipes", "Llama 3.1 405B", "tpu-v6e", "bf16", compiledFull, true},
		{"tpu-recipes", "Mistral 7B", "tpu-v6e", "bf16", "norm+act+attn+up", true},
		{"mbridge-26.04", "DeepSeek-V3 671B", "gb300-nvl72", "mxfp8", step.RecomputeLight, true},
		{"mbridge-26.06", "DeepSeek-V3 671B", "gb300-nvl72", "mxfp8", step.RecomputeNone, true},
		{"mbridge-26.06", "DeepSeek-V3 671B", "gb300-nvl72", "bf16", step.RecomputeLight, true},
		{"mbridge-26.06", "Qwen3 235B-A22B", "gb300-nvl72", "mxfp8", "", false},
	} {
		row := Case{Family: c.family, Model: c.model, Precision: c.precision}
		if got, known := row.recipeRecompute(c.chip); got != c.want || known != c.known {
			t.Errorf("%+v: %q, known %v", c, got, known)
		}
	}
}

// A release between two that were measured takes as long as one of them, and the next one
// as long as the last.
func TestReleasesBetween(t *testing.T) {
	on := newShelf(loadCatalog(t))
	cases := loadSteps(t)
	for framework, releases := range map[string][]string{
		"dgxc":    {"dgxc-v24.11.1", "dgxc-v25.01", "dgxc-v25.04.02", "dgxc-v25.04.03", "dgxc-v25.05.05"},
		"mbridge": {"mbridge-25.09", "mbridge-25.10", "mbridge-25.11", "mbridge-25.12", "mbridge-26.02", "mbridge-26.03", "mbridge-26.04", "mbridge-26.05", "mbridge-26.06", "mbridge-26.07", "mbridge-26.08"},
		"last":    {"mbridge-26.08", "mbridge-26.12", "mbridge-26.08"},
	} {
		for i := range cases.List {
			c := cases.List[i]
			if f := c.origin().framework; f != framework && framework != "last" || f != "dgxc" && f != "mbridge" {
				continue
			}
			var times []float64
			for _, r := range releases {
				c.Family = r
				times = append(times, price(&c, on).Predicted)
			}
			for k := 1; k < len(times); k += 2 {
				if most, least := math.Max(times[k-1], times[k+1]), math.Min(times[k-1], times[k+1]); times[k] > most || times[k] < least || times[k] == 0 {
					t.Errorf("%s in %s: %.4g s, in the releases beside it %.4g and %.4g", c.ID, releases[k], times[k], times[k-1], times[k+1])
				}
			}
		}
	}
}

// What the year says of the software is what the publication of a stack says without it.
func TestYearOfAStack(t *testing.T) {
	changed(t, "no year", func(c *Case) bool {
		c.Year = 0
		return slices.Contains([]string{"sc21", "korth22", "vtrain", "bloom"}, c.origin().framework)
	}, func(t *testing.T, before, after *Row) {
		if before.Predicted != after.Predicted {
			t.Errorf("%s: %.4g s without the year, %.4g with it", before.ID, after.Predicted, before.Predicted)
		}
	})
}
