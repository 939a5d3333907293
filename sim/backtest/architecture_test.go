package backtest

import (
	"math"
	"strings"
	"testing"
)

// The shape made from a row's columns must have the parameters that the row prints.
func TestParametersOfTheRows(t *testing.T) {
	cases, on := loadSteps(t), newShelf(loadCatalog(t))
	// Counts are printed to two digits (1.5 % of 3.6B), with or without embeddings.
	const tolerance = 0.05
	nominal := map[string]string{
		"MaxText": "sizes are names: 16B has 19B parameters",
		"MPT 1B":  "1.3B",
		"MPT 3B":  "2.7B",
		"Llama 4": "experts in every second layer",
		"Grok-1":  "the benchmark's vocabulary and shape differ from the release's",
	}
	checked := 0
rows:
	for i := range cases.List {
		c := &cases.List[i]
		for name := range nominal {
			if strings.HasPrefix(c.Model, name) {
				continue rows
			}
		}
		m, _, err := c.architecture(on)
		if err != nil || c.Params == 0 {
			continue
		}
		checked++
		if e := m.Params()/(1e9*c.Params) - 1; math.Abs(e) > tolerance {
			t.Errorf("%s %s: %.4gB parameters, printed %gB: %+.1f %%", c.ID, c.Model, m.Params()/1e9, c.Params, 100*e)
		}
	}
	if checked < 500 {
		t.Errorf("only %d rows checked", checked)
	}
}

// An unknown name takes the style whose parameter count is printed.
func TestGuessStyle(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for _, c := range []struct {
		name  string
		row   Case
		gated bool
	}{
		{"Unheard 6.7B", Case{Params: 6.7, Layers: 32, Hidden: 4096, Heads: 32, FFN: 11008, Vocab: 32000}, true},
		{"Unheard 6.7B", Case{Params: 6.7, Layers: 32, Hidden: 4096, Heads: 32, FFN: 16384, Vocab: 50000}, false},
		{"Unheard", Case{Layers: 32, Hidden: 4096, Heads: 32, FFN: 16384, Vocab: 50000}, false},
		{"Unheard", Case{Layers: 32, Hidden: 4096, Heads: 32, FFN: 11008, Vocab: 50000}, true},
	} {
		c.row.Model = c.name
		m, assumed, err := c.row.architecture(on)
		if err != nil || m.Gated != c.gated || len(assumed) == 0 {
			t.Errorf("%+v: gated %t, assumed %v, %v; want gated %t and said", c.row, m.Gated, assumed, err, c.gated)
		}
	}
}

// A row that names a catalog model needs no shape, and keeps its experts.
func TestCatalogModelByName(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for _, name := range []string{"deepseek-v3", "DeepSeek-V3 671B"} {
		c := Case{Model: name}
		m, _, err := c.architecture(on)
		if err != nil || m.MoE == nil || m.MoE.Experts != 256 || m.MLA == nil || m.Layers != 61 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// Names as repositories and papers write them find the catalog's models, whoever keeps or
// tuned them; a model of another size or kind does not.
func TestNamesOfCatalogModels(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for name, want := range map[string]string{
		"Meta-Llama-3-8B": "llama3-8b", "meta-llama/Llama-3.1-8B": "llama3-8b", "meta-llama/Meta-Llama-3.1-8B-Instruct": "llama3-8b", "Llama3_8B": "llama3-8b",
		"Llama-3.3-70B": "llama3-70b", "unsloth/Llama-3.3-70B-Instruct-bf16": "llama3-70b", "Llama-2-70b-chat-hf": "llama2-70b",
		"meta-llama/Llama-3.1-405B-FP8": "llama3-405b", "Llama 3.1 405B proxy": "llama3-405b",
		"Qwen/Qwen3-235B-A22B": "qwen3-235b-a22b", "Qwen3 235B A22B Base": "qwen3-235b-a22b", "Qwen/Qwen3-30B-A3B-Instruct-2507": "qwen3-30b-a3b",
		"Qwen/Qwen3-Next-80B-A3B-Instruct": "qwen3-next-80b-a3b", "Qwen3-Coder-30B-A3B-Instruct": "qwen3-30b-a3b",
		"gpt3": "gpt3-175b", "GPT-3": "gpt3-175b", "GPT-3 175B (MLPerf)": "gpt3-175b",
		"deepseek-ai/DeepSeek-V3": "deepseek-v3", "DeepSeek-V3.1-Base": "deepseek-v3", "deepseek-ai/DeepSeek-R1": "deepseek-v3", "DeepSeek-V3 671B": "deepseek-v3",
		"meta-llama/Llama-4-Maverick-17B-128E-Instruct": "llama4-maverick-400b", "Llama-4-Scout-17B-16E": "llama4-scout-109b",
		"mistralai/Mixtral-8x7B-v0.1": "mixtral-8x7b", "mistralai/Mixtral-8x22B-v0.1": "mixtral-8x22b",
		"openai/gpt-oss-20b": "gpt-oss-20b", "openai/gpt-oss-120b": "gpt-oss-120b", "moonshotai/Kimi-K2-Instruct": "kimi-k2-1t", "Kimi K2 1.04T": "kimi-k2-1t",
		"xai-org/grok-1": "grok-1", "Grok-1 314B proxy": "grok-1", "nvidia/Nemotron-4-340B-Base": "nemotron-4-340b", "bigscience/bloom": "bloom-176b",
		"facebook/opt-175b": "opt-175b", "EleutherAI/gpt-neox-20b": "gpt-neox-20b",
		"mistralai/Mixtral-8x7B-Instruct-v0.1": "mixtral-8x7b", "Mixtral": "mixtral-8x22b", "Megatron-Turing NLG 530B": "mt-nlg-530b", "Kimi": "kimi-k2-1t",
		"deepseek-ai/DeepSeek-V3-0324": "deepseek-v3", "deepseek-ai/DeepSeek-V3.1-Terminus": "deepseek-v3", "DeepSeek-R1-0528": "deepseek-v3", "deepseek_v3_671b": "deepseek-v3",
		"nvidia/DeepSeek-R1-NVFP4": "deepseek-v3", "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8": "llama4-maverick-400b", "Llama 4 Maverick 400B-A17B": "llama4-maverick-400b",
		"Kimi-K2-1T-A32B": "kimi-k2-1t", "moonshotai/Kimi-K2-Instruct-0905": "kimi-k2-1t", "gptoss120b": "gpt-oss-120b", "Llama2-70B (MaxText)": "llama2-70b",

		"deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": "", "DeepSeek-R1-Distill-Qwen": "", "DeepSeek-V3-Lite": "", "DeepSeek-V3 37B": "", "DeepSeek-V3.2-Exp": "", "DeepSeek-V30": "",
		"Kimi-VL-A3B-Instruct": "", "kimi-k1.5": "", "Kimi-Dev-72B": "", "Kimi-Audio": "", "Kimi-K2.5": "", "Kimi 32B": "", "Kimi-K2-A3B": "", "grok-1.5": "", "grok-12": "",
		"Qwen3-235B-A3B": "", "Llama-4-Scout-17B-128E": "", "Llama-4-Maverick-17B-16E": "", "gptoss60b": "", "Llama-3-8B-MoE": "", "bloomz": "", "gpt3.5": "", "GPT-3.5": "",
		"GPT-3 6.7B": "", "GPT3-20B": "", "gpt3-xl": "", "GPT-3 125M": "", "bloom-7b1": "", "Llama 3 18B": "", "Llama-3.2-3B": "", "Llama-2-7b-hf": "", "Meta-Llama-3-80B": "",
		"deepseek-ai/DeepSeek-R1-Distill-Llama-70B": "", "DeepSeek-V3 16B": "", "moonshotai/Kimi-Linear-48B-A3B": "", "Mixtral-8x3B": "", "gpt-oss-60b": "",
		"Qwen3-32B": "", "Qwen3-Coder-480B-A35B": "", "Qwen3-Next-200B": "", "facebook/opt-66b": "", "": "", "/": "", "Meta-": "", "-Instruct": "",
	} {
		c := Case{Model: name}
		m, ok := c.catalogModel(on)
		if ok != (want != "") || ok && m.Name != want {
			t.Errorf("%q is %q (%t), want %q", name, m.Name, ok, want)
		}
	}
	// Where the name gives no size, the column does, but for proxies of fewer layers.
	for _, c := range []struct {
		row  Case
		want bool
	}{
		{Case{Model: "gpt3", Params: 175}, true},
		{Case{Model: "gpt3", Params: 6.7}, false},
		{Case{Model: "gpt3", Params: 6.7, Layers: 96}, false},
		{Case{Model: "Grok-1", Params: 40, Layers: 8}, true},
		{Case{Model: "Mixtral", Params: 46.7}, false},
	} {
		if _, ok := c.row.catalogModel(on); ok != c.want {
			t.Errorf("%s of %g billion, %d layers: %t, want %t", c.row.Model, c.row.Params, c.row.Layers, ok, c.want)
		}
	}
}
