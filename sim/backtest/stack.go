package backtest

import (
	"fmt"
	"strings"

	"clustercap/sim/step"
)

// stackRule names the catalog's software stack of the cases that it matches.
type stackRule struct {
	family string // how the family begins
	chip   string // how the catalog's name of the chip begins; "" for any
	phrase string // what notes, model or source say; "" for anything
	until  int    // the last year, 0 for any
	stack  string // "" for the stack that the chip's constants hold for
}

// stackRules tells the stack of a published case, the first match of a line counting.
// A release is a stack; a case never is.
var stackRules = []stackRule{
	{family: "sc21", stack: "megatron-2021"},
	{family: "korth22", stack: "megatron-2022"},
	{family: "vtrain", stack: "megatron-deepspeed"},
	{family: "bloom", phrase: "fp16, zero-1", stack: "bigscience-fp16"},
	{family: "bloom", stack: "bigscience"},
	{family: "internevo", stack: "internevo"},
	{family: "mosaic", chip: "a100", stack: "llm-foundry-ampere"},
	{family: "mosaic", stack: "llm-foundry-hopper"},
	{family: "torchtitan", phrase: "async tp", stack: "torchtitan-async"},
	{family: "torchtitan", phrase: "asynctp", stack: "torchtitan-async"},
	{family: "torchtitan", phrase: "eager", stack: "torchtitan-eager"},
	{family: "torchtitan", chip: "h200", stack: "torchtitan-2025"},
	{family: "torchtitan", stack: "torchtitan"},
	{family: "maxtext", stack: "maxtext"},
	{family: "tpu-recipes", stack: "maxtext-2025"},
	{family: "dgxc", phrase: "paxml", stack: "paxml"},
	{family: "dgxc-v24", stack: "nemo-2024"},
	{family: "dgxc-v25.04", stack: "nemo-2024"},
	{family: "nemo2407", stack: "nemo-2024"},
	{family: "automodel", stack: "automodel"},
	// Its launch script for Grok-1 asks for CUDA graphs on Blackwell (grok1/launch.sh), that
	// for Maverick for none (llama4/launch.sh).
	{family: "dgxc", chip: "b", phrase: "grok-1", stack: "megatron-core-blackwell-2025-graphs"},
	{family: "dgxc", chip: "gb", phrase: "grok-1", stack: "megatron-core-blackwell-2025-graphs"},
	{family: "dgxc", chip: "b", stack: "megatron-core-blackwell-2025"},
	{family: "dgxc", chip: "gb", stack: "megatron-core-blackwell-2025"},
	{family: "mlperf", chip: "b", stack: "megatron-core-blackwell-2025"},
	{family: "mlperf", chip: "gb", stack: "megatron-core-blackwell-2025"},
	{family: "dgxc", stack: "nemo-2025"},
	{family: "mlperf", phrase: "training v3.0", stack: "megatron-core-2023-06"},
	{family: "mlperf", until: 2023, stack: "megatron-core-2023"},
	{family: "mlperf", stack: "megatron-core"},
	{family: "mbridge-25.09", stack: "megatron-bridge-2025-drop"},
	{family: "mbridge-25", stack: "megatron-bridge-2025"},
	{family: "mbridge-26.02", stack: "megatron-bridge-2025"},
	{family: "mbridge-26.04", stack: "megatron-bridge-2025"},
	// CUDA graphs of whole steps came for Blackwell alone, and not for GPT-OSS on B300
	// (scripts/performance/configs/gpt_oss: full_iteration is commented out there).
	{family: "mbridge", chip: "h", stack: "megatron-bridge-2025"},
	{family: "mbridge", chip: "b300", phrase: "gpt-oss", stack: "megatron-bridge-2025"},
	{family: "mbridge", stack: "megatron-bridge-2026"},
	{family: "moezoo", phrase: "branch main", stack: "megatron-bridge-2025"},
	{family: "moezoo", chip: "b", stack: "megatron-core-graphs"},
	{family: "moezoo", chip: "gb", stack: "megatron-core-graphs"},
	{family: "moezoo", stack: "megatron-core"},
	// MegaScale (arXiv:2402.15627) overlaps all three parallelisms; its baseline is
	// the Megatron-LM that others could have.
	{family: "megascale", phrase: "megatron-lm", stack: "megatron-2022"},
	{family: "megascale", stack: "megatron-core"},
}

// stack finds the stack of a case: what its notes say (stack=NAME), else its
// family's, else the one that the chip's constants hold for.
func (c *Case) stack(on *shelf, chip string) (step.Stack, error) {
	name := c.note("stack")
	if name == "" {
		name = c.usualStack(chip)
	}
	if name == "" {
		return step.Stack{}, nil
	}
	s, ok := on.stack(name)
	if !ok {
		return s, fmt.Errorf("the catalog has no stack %q", excerpt(name))
	}
	return s, nil
}

func (c *Case) usualStack(chip string) string {
	said := strings.ToLower(c.Notes + "\n" + c.Model + "\n" + c.Source)
	for _, r := range stackRules {
		if c.inFamily([]string{r.family}) && (r.until == 0 || c.Year > 0 && c.Year <= r.until) && strings.HasPrefix(chip, r.chip) && strings.Contains(said, r.phrase) {
			return r.stack
		}
	}
	return c.unknownStack(chip)
}

// vendorStack lists names that chip vendors publish their own stacks' steps under; the
// chip's constants hold for those.
var vendorStack = []string{"nvidia", "nemo", "megatron", "dgx", "mlperf", "perf", "neuron", "habana", "gaudi", "rocm"}

// unknownStack is the stack of a family that no rule names: on TPUs there is one, and
// elsewhere what is typical of the year.
func (c *Case) unknownStack(chip string) string {
	switch {
	case strings.HasPrefix(chip, "tpu") && c.Year >= 2025:
		return "maxtext-2025"
	case strings.HasPrefix(chip, "tpu"):
		return "maxtext"
	case c.Year > 0 && c.Year <= 2021:
		return "megatron-2021"
	case c.inFamily(vendorStack) || c.Family == ownFamily:
		return ""
	case c.Year == 2022:
		return "typical-2022"
	}
	return "typical"
}

// fusedSince is the first year whose stacks compute attention tile by tile:
// FlashAttention appeared in May 2022 and reached Megatron, DeepSpeed and XLA's
// training stacks in 2023.
const fusedSince = 2023

// storesScores lists stacks that measured later and still stored their scores.
var storesScores = map[string]string{
	"megatron-deepspeed": "vTrain measured in 2023 with Megatron-DeepSpeed of 2022",
	"megatron-2022":      "Megatron-LM computed attention from its parts until 2023",
}

// attention is the attention kernel that a case ran: what its notes say, else its
// stack's, else its year's. Recomputing just the inner part of attention makes sense
// only where its scores are stored.
func (c *Case) attention(stack string) step.Attention {
	switch a := step.Attention(c.note("attention")); a {
	case step.Fused, step.Unfused:
		return a
	}
	if c.early(stack) {
		return step.Unfused
	}
	return step.Fused
}

// early reports whether a case ran a stack from before fused attention.
func (c *Case) early(stack string) bool {
	return storesScores[stack] != "" || c.Year > 0 && c.Year < fusedSince
}

// dropout reports whether a case trained with dropout: 0.1 on attention scores and
// behind each block was Megatron's default, which its users of 2021 and 2022 left
// (BigScience's tr11 launch script sets none); later recipes switch it off.
func (c *Case) dropout(stack string) bool { return c.early(stack) }
