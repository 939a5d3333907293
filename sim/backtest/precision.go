package backtest

import (
	"fmt"
	"slices"
	"strings"

	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// precisions are the rates that a precision's products run at; those that are not
// here cannot be priced.
var precisions = map[string]step.Precision{
	"":      step.BF16,
	"bf16":  step.BF16,
	"fp16":  step.BF16, // the matrix units run both at one rate
	"fp8":   step.FP8,
	"int8":  step.FP8, // said where it is taken so
	"mxfp8": step.MXFP8,
	"mxfp4": step.MXFP4,
	"nvfp4": step.NVFP4,
}

// Precisions lists what a case's precision may be, in alphabetical order.
func Precisions() []string {
	var names []string
	for name := range precisions {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// int8Chips multiply integers of 8 bits at int8Rate times their BF16 rate and have no FP8
// units: 394, 918 and 1,836 TOP/s (Google Cloud, TPU v5e, v5p and v6e).
var int8Chips = []string{"tpu-v5e", "tpu-v5p", "tpu-v6e"}

const int8Rate = 2

// precision sets the rate that the products run at: where the chip has none for a
// precision of 8 or 4 bits, that of the nearest one which it has, no narrower, with a
// doubt: software emulates a format, or scales it, on units that compute in the other.
func (c *Case) precision(f *Configuration) error {
	precision, ok := precisions[c.Precision]
	if !ok {
		return fmt.Errorf("%s is not in the step model", strings.ToUpper(c.Precision))
	}
	wider := map[step.Precision]step.Precision{step.NVFP4: step.MXFP4, step.MXFP4: step.MXFP8, step.MXFP8: step.FP8, step.FP8: step.BF16}
	f.Work.Precision = precision
	if chip := &f.Machine.Chip; c.Precision == "int8" && slices.Contains(int8Chips, chip.Name) {
		r := chip.BF16
		chip.FP8 = unit.Range[unit.FLOPRate]{Low: int8Rate * r.Low, Likely: int8Rate * r.Likely, High: int8Rate * r.High}
		chip.Efficiency.MatmulFP8 = chip.Efficiency.Matmul
		f.Assumed = append(f.Assumed, "int8 products at twice the rate of bf16")
		return nil
	}
	for step.Peak(&f.Machine.Chip, f.Work.Precision) == 0 && wider[f.Work.Precision] != "" {
		f.Work.Precision = wider[f.Work.Precision]
	}
	if c.Precision == "int8" && f.Work.Precision == step.FP8 {
		f.Assumed = append(f.Assumed, "int8 products at the rate of fp8")
	}
	if f.Work.Precision != precision {
		f.doubt("products in %s: %s has no %s rate", f.Work.Precision, f.Machine.Chip.Name, precision)
	}
	return nil
}
