package backtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// stackRule names the catalog's software stack of the cases that it matches.
type stackRule struct {
	framework    string // as origin names it; nvidiaContainer for those that run one; "" for any
	before       int    // the first container that it no longer holds for, 0 for any
	on           string // generation of chips, or how the catalog's name of the chip begins; "" for any
	phrase       string // what notes, model or source say; "" for anything
	model        string // how it begins, letters and digits only
	precision    string // "" for any
	since, until int    // the first and last year, 0 for any
	stack        string // "" for the stack that the chip's constants hold for
}

// nvidiaContainer stands for NeMo, Megatron-Bridge and dgxc-benchmarking, whose software is
// that of a NeMo container.
const nvidiaContainer = "container"

// stackRules tells the stack of a published case, the first match of a line counting.
// A release is a stack; a case never is. A release that was not measured has the stack of
// the one before it.
var stackRules = []stackRule{
	{framework: "tpu-recipes", on: "tpu-v6e", model: "mixtral", stack: "maxtext-2025-drop"}, // capacity_factor=1.25
	{framework: "tpu-recipes", on: "tpu", stack: "maxtext-2025"},
	{on: "tpu", since: 2025, stack: "maxtext-2025"},
	{on: "tpu", stack: "maxtext"}, // there is no other
	{framework: "sc21", stack: "megatron-2021"},
	{framework: "korth22", stack: "megatron-2022"},
	{framework: "vtrain", stack: "megatron-deepspeed"},
	{framework: "bloom", phrase: "fp16, zero-1", stack: "bigscience-fp16"},
	{framework: "bloom", stack: "bigscience"},
	{framework: "internevo", stack: "internevo"},
	{framework: "mosaic", on: "ampere", stack: "llm-foundry-ampere"},
	{framework: "mosaic", stack: "llm-foundry-hopper"},
	{framework: "torchtitan", phrase: "async tp", stack: "torchtitan-async"},
	{framework: "torchtitan", phrase: "asynctp", stack: "torchtitan-async"},
	{framework: "torchtitan", phrase: "eager", stack: "torchtitan-eager"},
	{framework: "torchtitan", on: "h200", stack: "torchtitan-2025"},
	{framework: "torchtitan", since: 2026, stack: "torchtitan-2025"},
	{framework: "torchtitan", stack: "torchtitan"},
	{framework: "dgxc", phrase: "paxml", stack: "paxml"},
	{framework: "dgxc", phrase: "maxtext", stack: "maxtext-gpu"},
	// Its launch script for Grok-1 asks for CUDA graphs on Blackwell (grok1/launch.sh), that
	// for Maverick for none (llama4/launch.sh).
	{framework: "dgxc", before: firstBridge, on: "blackwell", model: "grok1", stack: "megatron-core-blackwell-2025-graphs"},
	// NeMo's script for DeepSeek-V3 drops tokens (scripts/performance/llm), that for Maverick none.
	{framework: nvidiaContainer, before: firstBridge, on: "blackwell", model: "deepseek", stack: "megatron-core-blackwell-2025-drop"},
	{framework: nvidiaContainer, before: firstBridge, on: "blackwell", stack: "megatron-core-blackwell-2025"},
	// Its scripts for these set NVTE_FUSED_ATTN=0, those for Llama and Nemotron-4 15B 1.
	{framework: "dgxc", before: 2502, model: "gpt3", stack: "nemo-2024-flash"},
	{framework: "dgxc", before: 2502, model: "nemotron4340b", stack: "nemo-2024-flash"},
	{framework: "dgxc", before: 2504, model: "grok1", stack: "nemo-2024-flash"},
	{framework: nvidiaContainer, before: 2504, stack: "nemo-2024"},
	{framework: nvidiaContainer, before: firstBridge, stack: "nemo-2025"},
	{framework: nvidiaContainer, before: 2511, stack: "megatron-bridge-2025-drop"},
	{framework: nvidiaContainer, before: 2606, stack: "megatron-bridge-2025"},
	// CUDA graphs of whole steps came for Blackwell alone and there for MXFP8, but not for every
	// model on every chip (scripts/performance/configs: full_iteration is commented out there, or
	// graphs of parts are asked for).
	{framework: nvidiaContainer, on: "b200", model: "qwen3", stack: "megatron-bridge-2025"},
	{framework: nvidiaContainer, on: "b300", model: "qwen3235b", stack: "megatron-bridge-2025"},
	{framework: nvidiaContainer, on: "b300", model: "deepseek", precision: "nvfp4", stack: "megatron-core-graphs"},
	{framework: nvidiaContainer, on: "b300", model: "gptoss", stack: "megatron-bridge-2025"},
	{framework: nvidiaContainer, on: "b200", model: "deepseek", stack: "megatron-bridge-2025"},
	{framework: nvidiaContainer, on: "b200", model: "kimi", stack: "megatron-bridge-2025"},
	{framework: nvidiaContainer, on: "b300", model: "kimi", stack: "megatron-bridge-2025"},
	{framework: nvidiaContainer, on: "gb200", model: "kimi", stack: "megatron-bridge-2025"},
	{framework: nvidiaContainer, on: "blackwell", precision: "mxfp8", stack: "megatron-bridge-2026"},
	{framework: nvidiaContainer, on: "blackwell", model: "deepseek", precision: "nvfp4", stack: "megatron-bridge-2026"},
	{framework: nvidiaContainer, stack: "megatron-bridge-2025"},
	{framework: "automodel", stack: "automodel"},
	{framework: "mlperf", on: "blackwell", since: 2026, stack: "megatron-bridge-2026"},
	{framework: "mlperf", on: "blackwell", stack: "megatron-core-blackwell-2025"},
	{framework: "mlperf", on: "hopper", phrase: "training v3.0", stack: "megatron-core-2023-06"},
	{framework: "mlperf", on: "hopper", until: 2023, stack: "megatron-core-2023"},
	{framework: "mlperf", on: "hopper", stack: "megatron-core"},
	{framework: "moezoo", phrase: "branch main", stack: "megatron-bridge-2025"},
	{framework: "moezoo", on: "blackwell", stack: "megatron-core-graphs"},
	{framework: "moezoo", phrase: "1f1b overlap", stack: "megatron-core-overlap"},
	{framework: "moezoo", stack: "megatron-core"},
	// MegaScale (arXiv:2402.15627) overlaps all three parallelisms; its baseline is
	// the Megatron-LM that others could have.
	{framework: "megascale", phrase: "megatron-lm", stack: "megatron-2022"},
	{framework: "megascale", stack: "megatron-core"},
	// Megatron by another name, of which the year tells the release.
	{framework: vendor, on: "ampere", until: 2022, stack: "megatron-2022"},
	{framework: vendor, on: "hopper", until: 2023, stack: "megatron-core-2023"},
	// As NVIDIA's own script for Nemotron-4 340B of that year has it.
	{framework: vendor, on: "hopper", until: 2024, model: "nemotron4340b", stack: "nemo-2024-flash"},
	{framework: vendor, on: "hopper", until: 2024, stack: "nemo-2024"},
	{framework: vendor, on: "hopper", stack: "megatron-core"},
	{framework: vendor, on: "blackwell", since: 2026, stack: "megatron-bridge-2025"},
	{framework: vendor, on: "blackwell", stack: "megatron-core-blackwell-2025"},
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
	o, container := c.origin(), c.container()
	for _, r := range stackRules {
		switch {
		case r.framework != "" && r.framework != o.framework && (r.framework != nvidiaContainer || container == 0),
			r.before > 0 && container >= r.before,
			r.since > 0 && c.Year < r.since, r.until > 0 && (c.Year == 0 || c.Year > r.until),
			!ofKind(chip, r.on), !strings.Contains(said, r.phrase), !c.trains(r.model, r.precision):
		default:
			return r.stack
		}
	}
	return c.unknownStack(o, chip)
}

// ofKind reports whether a chip is of a generation, or the catalog's name of it begins so.
func ofKind(chip, kind string) bool { return kind == generation(chip) || strings.HasPrefix(chip, kind) }

// trains reports whether a case's model begins so, letters and digits only, and its products
// run at that precision; "" is any.
func (c *Case) trains(model, precision string) bool {
	return strings.HasPrefix(plain(c.modelName()), model) && (precision == "" || precisions[precision] == precisions[c.Precision])
}

// unknownStack is the stack of a case that no rule names: what is typical of its year, or
// what the chip's vendor had in it.
func (c *Case) unknownStack(o origin, chip string) string {
	switch {
	case c.Year > 0 && c.Year <= 2021:
		return "megatron-2021"
	case o.framework == vendor || o.framework == "mlperf" || c.Family == ownFamily:
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

// storesScores lists stacks that stored their scores, those that measured later too.
var storesScores = map[string]string{
	"megatron-2021":      "before FlashAttention",
	"bigscience":         "before FlashAttention",
	"bigscience-fp16":    "before FlashAttention",
	"megatron-deepspeed": "vTrain measured in 2023 with Megatron-DeepSpeed of 2022",
	"megatron-2022":      "Megatron-LM computed attention from its parts until 2023",
}

// attention is the attention kernel that a case ran: what its notes say, else its
// stack's, else its year's. Recomputing just the inner part of attention makes sense
// only where its scores are stored.
func (c *Case) attention(stack string) step.Attention {
	switch a := c.note("attention"); {
	case strings.HasPrefix(a, "flash"): // flash1, flash2: FlashAttention and its second version
		return step.Fused
	case a == string(step.Fused), a == string(step.Unfused):
		return step.Attention(a)
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

// sequenceParallel reports whether a case divided what tensor parallelism leaves whole by
// sequence: as printed, else as stacks do since Korthikanti et al. (May 2022).
func (c *Case) sequenceParallel(stack string) bool {
	if c.SP != nil {
		return *c.SP
	}
	return !c.early(stack) || stack == "megatron-2022"
}

// dropout reports whether a case trained with dropout: 0.1 on attention scores and
// behind each block was Megatron's default, which its users of 2021 and 2022 left
// (BigScience's tr11 launch script sets none); later recipes switch it off.
func (c *Case) dropout(stack string) bool { return c.early(stack) }

// setting is what a benchmark's own configuration files say of a model on a chip, where its
// stack alone does not (Megatron-Bridge, scripts/performance/configs).
type setting struct {
	model      string // how it begins, letters and digits only
	on         string // as a stackRule has it; "" for any
	from, till int    // containers, the last one included; 0 for any
	precision  string // "" for any
	plain      bool   // each token is sent to every one of its experts
	overlapped bool   // all-to-alls run beside another microbatch
	attention8 bool   // attention is in 8 bits
	serial     bool   // gradients are reduced, and weights gathered, beside nothing
}

// settings are tried in order, and the first that fits is taken. Recipes of Qwen3 with graphs of
// whole steps ask for overlapped all-to-alls too. Measured steps do not show it, their experts
// spread over eight chips of one switch: with it they are priced 7 to 9 % too fast, without it
// 0 to 3 %.
var settings = []setting{
	{model: "deepseekv3", on: "hopper", till: 2511, overlapped: true, serial: true},
	{model: "deepseekv3", on: "hopper", serial: true},
	{model: "kimik2", on: "hopper", serial: true},
	{model: "qwen3235b", on: "hopper", from: 2602, plain: true, overlapped: true},
	{model: "qwen3235b", on: "hopper", plain: true},
	{model: "qwen3235b", on: "b200", plain: true},
	{model: "qwen3235b", on: "b300", till: 2605, plain: true},
	{model: "qwen3235b", on: "b300"},
	{model: "qwen330b", on: "b200"},
	{model: "qwen330b", on: "blackwell", from: 2606, precision: "mxfp8", attention8: true},
	{model: "qwen3235b", on: "blackwell", from: 2606, precision: "mxfp8", attention8: true},
	{model: "deepseekv3", on: "gb300", from: 2606, precision: "mxfp8", overlapped: true, attention8: true},
	{model: "deepseekv3", on: "b300", from: 2606, precision: "mxfp8", overlapped: true, attention8: true},
	{model: "deepseekv3", on: "blackwell", from: 2606, precision: "mxfp8", overlapped: true},
	{model: "kimik2", on: "gb300", from: 2606, precision: "mxfp8", overlapped: true, attention8: true},
	{model: "gptoss120b", till: 2603, plain: true},
	{model: "gptoss120b", on: "hopper", plain: true},
	{model: "gptoss120b", on: "b200", from: 2606},
	{model: "gptoss120b", on: "blackwell", from: 2606, precision: "mxfp8", overlapped: true},
}

// sendsEveryCopy reports whether a stack of which nothing is known sends a token to each of its
// experts: DeepEP, which sends it once to every chip and server, was published in February
// 2025, for NVIDIA's chips; its authors had it before.
func (c *Case) sendsEveryCopy(chip, stack string) bool {
	if stack != "" && stack != "typical" && stack != "typical-2022" {
		return false
	}
	early := c.Year > 0 && c.Year < 2025
	own := strings.Contains(plain(c.Family+c.Source), "deepseek") || early && strings.HasPrefix(plain(c.modelName()), "deepseek")
	return (generation(chip) == "" || early) && !own
}

// Stacks of the catalog that say what a stack of another name lacks: what a scale for each row
// of an operand costs, how much of all-to-alls is overlapped, how fast attention in 8 bits is,
// and the bytes of a gradient where it is reduced in BF16.
const (
	rowwiseStack   = "torchtitan-rowwise"
	overlapStack   = "megatron-core-overlap"
	attentionStack = "megatron-bridge-2026-attention"
	gradientStack  = "megatron-bridge-2025"
)

// rowwiseNote finds FP8 with a scale for each row of an operand in notes.
var rowwiseNote = regexp.MustCompile(`(?i)\b(?:float8|fp8)[ -]row-?wise|\brow-?wise[ -](?:float8|fp8)`)

// follow makes of a case's stack what its notes and its benchmark's own scripts say. A stack
// that notes call by name (stack=NAME) is taken as it is, but for a dispatch that they name.
// That gradients of the head's weights wait, and weights travel in 8 bits, is what recipes of
// benchmarks ask for.
func (c *Case) follow(on *shelf, chip string, s *step.Stack) {
	if c.says("dispatcher a2a") || c.sendsEveryCopy(chip, s.Name) {
		s.PlainDispatch = true
	}
	if c.note("stack") != "" {
		return
	}
	s.HeadDeferral, s.WeightsFP8 = c.headDeferral(chip, s.HeadDeferral), s.WeightsFP8 && c.container() > 0
	switch o := c.origin(); {
	case o.framework == "torchtitan":
		if precisions[c.Precision] == step.FP8 && rowwiseNote.MatchString(c.Notes) {
			borrow(on, rowwiseStack, func(other *step.Stack) { s.Casts = other.Casts })
		}
	case o.framework == "mlperf":
		c.followMLPerf(on, chip, s)
	case o.framework == "moezoo" && ofKind(chip, "hopper"):
		s.TensorOverlap = unit.Range[unit.Share]{} // its scripts do not ask for it
	case c.container() >= firstBridge:
		c.followBridge(on, chip, s)
	case c.container() > 0:
		c.followNeMo(s)
	}
}

// headDeferral is the limit of gradients of the head's weights that wait, where that of a
// case's stack is usual: what recipes of benchmarks ask for. Llama 3.1 405B's are alike
// (llama31_405b.py of NeMo and Megatron-Bridge, config_common.sh of MLPerf). In MLPerf GPT-3's
// configurations of v4.1 on H100 set another, else conf/custom.yaml asks for it where replicas
// have few microbatches of one sequence; NeMo's recipes of other models, and
// gpt3_175b_hydra.yaml, ask for none.
func (c *Case) headDeferral(chip string, usual int) int {
	container, mlperf := c.container(), c.origin().framework == "mlperf" && c.Year >= 2024 && generation(chip) != ""
	switch {
	case container == 0 && !mlperf:
		return 0
	case c.trains("llama31405b", ""):
		return 50
	case mlperf && strings.Contains(c.Source, "v4.1") && ofKind(chip, "hopper"):
		return 65
	case mlperf && c.MicroBatch == 1 && c.DP > 0 && c.Batch <= 256*c.DP:
		return 50
	case mlperf:
		return 0
	case container < firstBridge && !c.trains("llama3", "") && !c.trains("nemotron4340b", "") && !c.trains("nemotron340b", ""):
		return 0
	}
	return usual
}

// borrow hands over the catalog's stack of that name.
func borrow(on *shelf, name string, from func(*step.Stack)) {
	if other, ok := on.stack(name); ok {
		from(&other)
	}
}

// followMLPerf makes of a stack what NVIDIA's submissions to MLPerf have. Largest values are
// reduced beside kernels (NVTE_ASYNC_AMAX_REDUCTION), and since 2024 once a step, captured as
// CUDA graphs; since then weights are gathered in FP8 (FP8_PARAM_GATHER).
func (c *Case) followMLPerf(on *shelf, chip string, s *step.Stack) {
	s.AmaxReduction = ""
	s.WeightsFP8 = c.Year >= 2024 && generation(chip) != ""
	if ofKind(chip, "hopper") { // megatron_gpt_config.yaml, grad_sync_dtype: bf16
		borrow(on, gradientStack, func(other *step.Stack) { s.Gradients = other.Gradients })
	}
	if c.trains("", "nvfp4") { // TP_COMM_OVERLAP=False
		s.TensorOverlap = unit.Range[unit.Share]{}
	}
}

// followNeMo makes of a stack what scripts of NeMo and dgxc-benchmarking have, each of one
// model alone.
func (c *Case) followNeMo(s *step.Stack) {
	switch container := c.container(); {
	case container < 2502 && c.origin().framework == "dgxc" && c.trains("nemotron415b", ""):
		s.Gradients = unit.Range[unit.Bytes]{} // reduced in FP32
	case container >= 2502 && c.trains("gpt3175b", ""):
		s.AmaxReduction = step.AmaxTensor // tp_only_amax_red
	}
}

// followBridge makes of a stack what Megatron-Bridge's recipes have: gradients in BF16, no
// overlap of tensor-parallel traffic in NVFP4, and what settings say.
func (c *Case) followBridge(on *shelf, chip string, s *step.Stack) {
	borrow(on, gradientStack, func(other *step.Stack) { s.Gradients = other.Gradients })
	if c.trains("", "nvfp4") {
		s.TensorOverlap = unit.Range[unit.Share]{}
	}
	container := c.container()
	i := slices.IndexFunc(settings, func(r setting) bool {
		return (r.on == "" || ofKind(chip, r.on)) && c.trains(r.model, r.precision) && container >= r.from && (r.till == 0 || container <= r.till)
	})
	if i < 0 {
		return
	}
	r := &settings[i]
	s.PlainDispatch = s.PlainDispatch || r.plain
	s.SerialData = s.SerialData || r.serial
	if r.overlapped {
		borrow(on, overlapStack, func(other *step.Stack) { s.ExpertOverlap = other.ExpertOverlap })
	}
	if r.attention8 {
		borrow(on, attentionStack, func(other *step.Stack) { s.AttentionFP8 = other.AttentionFP8 })
	}
}
