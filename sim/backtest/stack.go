package backtest

import (
	"strings"

	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// kernel is a generation of attention kernels.
type kernel string

const (
	scores kernel = "unfused" // stores its scores
	fused  kernel = "fused"   // what the catalog's chip reaches
	flash1 kernel = "flash1"  // FlashAttention of 2022
	flash2 kernel = "flash2"  // FlashAttention-2 of 2023
)

// kernelShares are the shares of the peak BF16 rate that the forward kernel of a
// generation reaches in long sequences, by the beginning of the chip's name; where
// there is none the catalog's holds. FlashAttention reaches 30..50 % forward on A100,
// FlashAttention-2 up to 73 % there (arXiv:2307.08691, section 1) and 35 % on H100
// (arXiv:2407.08608, abstract), which neither was written for; FlashAttention on
// H100 is in the proportion of the two on A100.
var kernelShares = map[kernel]map[string]unit.Share{
	flash1: {"a100": 0.40, "a800": 0.40, "h": 0.40 / 0.68 * 0.35, "gh": 0.40 / 0.68 * 0.35},
	flash2: {"h": 0.35, "gh": 0.35},
}

// stacks are training stacks whose attention kernels are not those of their year, by
// the beginning of the family.
var stacks = []struct {
	family string
	kernel kernel
	reason string
}{
	{"vtrain", scores, "measured with Megatron-DeepSpeed of 2022"},
	{"mosaic", flash1, "llm-foundry of 2023 with its Triton port of FlashAttention, which ALiBi needs"},
	{"torchtitan", flash2, "PyTorch's scaled-dot-product attention is FlashAttention-2"},
}

// fusedSince is the first year whose stacks compute attention tile by tile:
// FlashAttention appeared in May 2022 and reached Megatron, DeepSpeed and XLA's
// training stacks in 2023.
const fusedSince = 2023

// kernel is the attention kernel that a case ran: what its notes say, else its
// stack's, else its year's.
func (c *Case) kernel() kernel {
	switch k := kernel(c.note("attention")); k {
	case scores, fused, flash1, flash2:
		return k
	}
	for _, s := range stacks {
		if c.inFamily([]string{s.family}) {
			return s.kernel
		}
	}
	if c.Year > 0 && c.Year < fusedSince {
		return scores
	}
	return fused
}

// useKernel sets the layout's attention and the machine's rate for it.
func (f *Configuration) useKernel(k kernel) {
	f.Layout.Attention = step.Fused
	if k == scores {
		f.Layout.Attention = step.Unfused
	}
	if share, ok := longest(kernelShares[k], strings.ToLower(f.Machine.Chip.Name)); ok {
		f.Machine.Chip.Efficiency.Attention = unit.Point(share)
		f.OwnAttention = true
	}
}
