package main

import (
	"math"
	"strings"

	"clustercap/sim/compare"
	"clustercap/sim/step"
)

// lossLabels names the losses that no part of a step's time is named after.
var lossLabels = map[step.Cause]string{
	step.IdleChips:       "chips left idle",
	step.ExtraProducts:   "products that MFU leaves out",
	step.HigherPrecision: "products kept in BF16",
	step.SustainedRate:   "large kernels below peak",
	step.SoftwareStack:   "the stack's below those",
	step.KernelShapes:    "kernel shapes",
	step.MemoryBound:     "memory-bound kernels",
	step.KernelLaunches:  "kernel launches",
	step.CommCores:       "cores lent to traffic",
	step.OptimizerUpdate: "optimizer",
}

// lossLabel is how tables name a loss.
func lossLabel(c step.Cause) string {
	if label, ok := lossLabels[c]; ok {
		return label
	}
	for _, p := range partsOf(step.Parts{}) {
		if p.name == string(c) {
			return p.label
		}
	}
	return string(c)
}

// shownLoss reports whether a loss takes anything: differences of equal times leave
// rounding of about 1e-16 of the peak.
func shownLoss(w *step.Waterfall, l step.Loss) bool {
	return math.Abs(float64(l.Rate)) > 1e-9*float64(w.Peak)
}

// waterfallTable leads from the chips' peak down to the model FLOPs delivered, and
// from the time of the step down to that which they would take at the peak.
func (e *estimate) waterfallTable(format string) *grid {
	w := &e.losses
	rates, times := rateScale(float64(w.Peak)), compare.ScaleOf("s", float64(e.step.Time))
	times.Decimals++ // losses are small beside the step
	g := &grid{head: []string{"from peak to model FLOPs", rates.Unit, "share", times.Unit + " of the step", ""}, left: []int{4}}
	level := 1.0
	add := func(label string, rate, seconds, low, high float64, mark string) {
		g.add(label, rates.Number(rate), percent(rate/float64(w.Peak)), times.Number(seconds), bar(format, low, high, mark))
	}
	add("peak of "+counted(e.chips, "chip"), float64(w.Peak), float64(e.step.Time), 0, 1, "#")
	for _, l := range w.Losses {
		if !shownLoss(w, l) {
			continue
		}
		after := level - float64(l.Rate/w.Peak)
		add("- "+lossLabel(l.Cause), float64(l.Rate), float64(l.Time), after, level, "-")
		level = after
	}
	add("= model FLOPs", float64(w.Delivered), float64(w.Ideal), 0, level, "#")
	return g
}

// rateScale is that of a waterfall, fine enough to tell losses of a thousandth apart.
func rateScale(peak float64) compare.Scale {
	s := compare.Scale{Unit: "TFLOP/s", Factor: 1e12}
	if peak >= 10e15 {
		s = compare.Scale{Unit: "PFLOP/s", Factor: 1e15}
	}
	if peak < 1000*s.Factor {
		s.Decimals = 1
	}
	return s
}

// bar draws what lies between two levels of the waterfall, on a terminal.
func bar(format string, low, high float64, mark string) string {
	const width = 32 // characters of the peak: the table fits 100 columns
	if format != formatText {
		return ""
	}
	column := func(level float64) int { return int(math.Round(level * width)) }
	from, to := column(max(0, min(low, high))), column(max(0, low, high))
	return strings.Repeat(" ", from) + strings.Repeat(mark, to-from)
}

// waterfallDocument is the waterfall as JSON, in FLOP/s.
type waterfallDocument struct {
	Peak      float64        `json:"peak_flops_per_second"`
	Losses    []lossDocument `json:"losses"`
	Delivered float64        `json:"model_flops_per_second"`
	Ideal     float64        `json:"ideal_seconds"`
}

type lossDocument struct {
	Cause   step.Cause `json:"cause"`
	Rate    float64    `json:"flops_per_second"`
	Share   float64    `json:"share"`
	Seconds float64    `json:"seconds"`
}

func (e *estimate) waterfallDocument() waterfallDocument {
	w := &e.losses
	d := waterfallDocument{Peak: float64(w.Peak), Delivered: float64(w.Delivered), Ideal: float64(w.Ideal)}
	for _, l := range w.Losses {
		d.Losses = append(d.Losses, lossDocument{l.Cause, float64(l.Rate), float64(l.Rate / w.Peak), float64(l.Time)})
	}
	return d
}
