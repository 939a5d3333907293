package backtest

import (
	"slices"
	"strings"

	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// recompute maps what a source calls recomputation to what the step model knows. A
// policy that is not printed is the least that fits in memory.
func (c *Case) recompute(f *Configuration) {
	recipe, known := c.recipeRecompute(f.Machine.Chip.Name)
	switch {
	case slices.Contains([]string{"none", "light", "alternate", "full"}, c.Recompute):
		f.Layout.Recompute = step.Recompute(c.Recompute)
	case known:
		f.Layout.Recompute = recipe
		return
	case c.Recompute == "selective":
		c.selective(f)
	default:
		f.Layout.Recompute = c.leastRecompute(f)
	}
	if f.Layout.Recompute == step.RecomputeFull && f.Layout.Attention == step.Fused && f.Machine.Chip.Vendor == "Google" && f.Work.Model.MoE == nil {
		f.Layout.Recompute = compiledFull
	}
}

// compiledFull is what XLA runs again where a layer keeps its input alone: nothing needs the
// output of the last product of a feed-forward block, so the compiler drops it. Only the
// gradients of the weights that experts' outputs are summed with need it.
const compiledFull step.Recompute = "norm+act+qkv+attn+out+up"

// recipe is the recomputation that a benchmark's own configuration files set where its
// table of results prints none, or not which.
type recipe struct {
	framework string // as origin names it
	model     string // how it begins, letters and digits only
	since     int    // the first release that it holds for, as origin counts them
	precision string // "" for any
	chips     []string
	recompute step.Recompute
}

// recipes are those of Megatron-Bridge (scripts/performance/configs) and of tpu-recipes
// (run_recipe.sh, the tensors kept on the chip or offloaded). On servers with Grace
// processors dense models that lack room offload activations to them.
var recipes = []recipe{
	// Captured as CUDA graphs as a whole, with fused experts.
	{"mbridge", "gptoss120b", 2606, "mxfp8", []string{"gb200-nvl72"}, step.RecomputeNone},
	{"mbridge", "deepseekv3", 2606, "mxfp8", []string{"gb300-nvl72"}, step.RecomputeNone},
	{"mbridge", "kimik2", 2606, "mxfp8", []string{"gb300-nvl72"}, step.RecomputeNone},
	{"mbridge", "gptoss120b", 0, "", []string{"gb200-nvl72", "b200-sxm", "h100-sxm"}, step.RecomputeLight}, // layer norms, expert activations
	{"mbridge", "gptoss120b", 0, "", []string{"gb300-nvl72", "b300-sxm"}, step.RecomputeNone},
	{"mbridge", "deepseekv3", 0, "", []string{"gb300-nvl72", "gb200-nvl72", "b300-sxm", "b200-sxm", "h100-sxm"}, step.RecomputeLight}, // latent up-projections and the like
	{"mbridge", "kimik2", 0, "", []string{"gb300-nvl72", "gb200-nvl72", "b300-sxm", "b200-sxm", "h100-sxm"}, step.RecomputeLight},     // the same
	{"mbridge", "llama", 0, "", []string{"gb200-nvl72", "gb300-nvl72"}, step.RecomputeNone},
	{"tpu-recipes", "gptoss120b", 0, "", []string{"tpu-v7x"}, compiledFull},       // kept: layers' inputs, experts' last product
	{"tpu-recipes", "llama3170b", 0, "", []string{"tpu-v7x"}, "norm+act+out+up"},  // kept: queries, keys, values, attention's output
	{"tpu-recipes", "deepseekv3", 0, "", []string{"tpu-v7x"}, step.RecomputeFull}, // kept: layers' inputs
	{"tpu-recipes", "deepseekv3", 0, "", []string{"tpu-v5p"}, step.RecomputeFull}, // and the projection behind attention
	{"tpu-recipes", "qwen3235b", 0, "", []string{"tpu-v7x"}, step.RecomputeFull},
	{"tpu-recipes", "llama31405b", 0, "", []string{"tpu-v7x"}, compiledFull},          // kept: layers' inputs, keys, values, the last product
	{"tpu-recipes", "llama31405b", 0, "", []string{"tpu-v5p"}, "norm+act+qkv+out+up"}, // kept: attention's output, the last product
	{"tpu-recipes", "llama4maverick", 0, "", []string{"tpu-v5p"}, "norm+act+attn+up"}, // as v6e
	{"tpu-recipes", "llama4scout", 0, "", []string{"tpu-v5p"}, "norm+act+attn+up"},    // as v6e
	{"tpu-recipes", "llama27b", 0, "", []string{"tpu-v5p"}, step.RecomputeLight},      // kept: products
	{"tpu-recipes", "llama270b", 0, "", []string{"tpu-v6e"}, "norm+act+attn+out+up"},  // kept: queries, keys, values
	{"tpu-recipes", "llama31405b", 0, "", []string{"tpu-v6e"}, compiledFull},          // kept: layers' inputs
	{"tpu-recipes", "llama3405b", 0, "", []string{"tpu-v6e"}, compiledFull},
	{"tpu-recipes", "gpt3175b", 0, "", []string{"tpu-v6e", "tpu-v5p"}, compiledFull},
	{"tpu-recipes", "", 0, "", []string{"tpu-v6e"}, "norm+act+attn+up"}, // kept: queries, keys, values, the projection behind
	// Automodel's (examples/benchmark/configs, activation_checkpointing).
	{"automodel", "deepseekv3", 0, "", []string{"h100-sxm"}, step.RecomputeFull},
	{"automodel", "kimik2", 0, "", []string{"h100-sxm"}, step.RecomputeFull},
	{"automodel", "qwen330b", 0, "", []string{"h100-sxm"}, step.RecomputeFull},
	{"automodel", "gptoss", 0, "", []string{"h100-sxm"}, step.RecomputeNone},
	// Scripts of dgxc-benchmarking name the products that JAX keeps (maxtext/configure.sh and
	// paxml/paxml_mod_configs.py).
	{"dgxc", "llama270bmaxtext", 0, "", []string{"h100-sxm"}, "norm+act+attn+up"},     // queries, keys, values, output, in BF16 the last product
	{"dgxc", "llama370bmaxtext", 0, "", []string{"h100-sxm"}, "norm+act+attn+out+up"}, // queries, keys, values
	{"dgxc", "gpt3175bpaxml", 0, "", []string{"h100-sxm"}, "norm+act+attn+up"},        // SAVE_QKV_OUT_PROJ
	{"dgxc", "gpt35bpaxml", 0, "", []string{"h100-sxm"}, step.RecomputeLight},         // SAVE_DOT_ONLY
}

// recipeRecompute is what a recipe sets.
func (c *Case) recipeRecompute(chip string) (step.Recompute, bool) {
	o := c.origin()
	for _, r := range recipes {
		if o.framework == r.framework && o.release >= r.since && slices.Contains(r.chips, chip) && c.trains(r.model, r.precision) {
			return r.recompute, true
		}
	}
	return "", false
}

// matrixRecompute are policies that run most matrix products again beside what is
// cheap: all but those before attention (MaxText's qkv_proj_offloaded), whose outputs go to the
// host and back. What that costs is not priced; taken for full recomputation three steps on
// v5e are off by -4 to 0 %, with those products left out by -8 to -4 %.
var matrixRecompute = []string{"qkv_proj_offloaded"}

// selective is what a stack's selective recomputation runs again: with stored scores
// the attention's inner part (Korthikanti et al.), with torchtitan every second
// product, else what is cheap and large. Custom policies that offload to the host are
// not told apart: where what remains would need half as much again as the chip has,
// each layer must have run from its input.
func (c *Case) selective(f *Configuration) {
	l := &f.Layout
	switch {
	case c.says("rm=core_attn") && l.Attention == step.Fused && !c.storesLatent(l):
		l.Recompute = "attn"
	case c.says("rm=core_attn") && l.CP == 1:
		l.Attention, l.Recompute = step.Unfused, step.RecomputeSelective
	case l.Attention == step.Unfused, c.says("selective ckpt in yaml"):
		l.Recompute = step.RecomputeSelective
	case slices.ContainsFunc(matrixRecompute, c.says):
		l.Recompute = step.RecomputeFull
	case c.origin().framework == "torchtitan":
		l.Recompute = step.RecomputeAlternate
	default:
		l.Recompute = step.RecomputeLight
		if p, err := step.NewPricer(&f.Work, &f.Machine); err == nil && len(l.Problems(&f.Work, &f.Machine)) == 0 {
			if m := p.Price(*l).Memory; m.Total() > 1.5*m.Capacity {
				l.Recompute = step.RecomputeFull
			}
		}
	}
}

// storesLatent reports whether a case ran latent attention without a fused kernel, as NeMo's
// containers before Megatron-Bridge are taken to have done where they recompute it.
func (c *Case) storesLatent(l *step.Layout) bool {
	container := c.container()
	return container > 0 && container < firstBridge && l.CP == 1 && strings.HasPrefix(plain(c.modelName()), "deepseek")
}

// memoryError is how far predicted memory may be above the chip's where a run was
// done: about the mean error of the rows whose memory is printed.
const memoryError = 0.10

// leastRecompute is the least recomputation with which the case may have fitted in
// memory; all of it where nothing fits, since the run was done. Before fused
// attention there was no choice but all layers or none (selective recomputation is of May
// 2022, arXiv:2205.05198).
func (c *Case) leastRecompute(f *Configuration) step.Recompute {
	p, err := step.NewPricer(&f.Work, &f.Machine)
	if err != nil {
		return step.RecomputeNone
	}
	for _, r := range []step.Recompute{step.RecomputeNone, step.RecomputeLight, step.RecomputeFull} {
		if r == step.RecomputeLight && c.Year > 0 && c.Year < fusedSince {
			continue
		}
		l := f.Layout
		l.Recompute = r
		if len(l.Problems(&f.Work, &f.Machine)) > 0 {
			return step.RecomputeNone
		}
		if m := p.Price(l).Memory; m.Total() <= roomy(m.Capacity) {
			return r
		}
	}
	return step.RecomputeFull
}

// roomy is the memory that a run which was done may be predicted to need.
func roomy(capacity unit.Bytes) unit.Bytes { return (1 + memoryError) * capacity }
