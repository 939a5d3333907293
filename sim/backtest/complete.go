package backtest

import (
	"fmt"
	"math"
	"regexp"
	"slices"

	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// What a source leaves out is taken as most published runs have it.
const (
	// usualSequence is that of most models since 2023, earlySequence of GPT-3 and
	// those after it.
	usualSequence, earlySequence = 4096, 2048
	// roundSequence is what lengths are multiples of.
	roundSequence = 256
	// usualBatchTokens of a step: large models were trained with 2 to 16 million.
	usualBatchTokens = 4e6
	// mostStages and mostTensor bound the degrees that are tried: pipelines of up to
	// 64 stages were published (Megatron-LM, SC'21), and tensor parallelism within a
	// server of up to 16 chips.
	mostStages, mostTensor = 64, 16
	// mostContext and longSequence bound context parallelism where nobody prints it: Llama 3
	// divided 131,072 tokens 16 ways and 8,192 none (arXiv:2407.21783, table 4).
	mostContext, longSequence = 16, 16384
	mostMicroBatch            = 8
	// mostBubble is the share of a step that nobody lets a pipeline idle who can
	// interleave it; wantedBubble what interleaving is then chosen for.
	mostBubble, wantedBubble = 0.20, 0.10
	// interleavedSince is the first year whose stacks interleave (Megatron-LM, SC'21,
	// reached others in 2022).
	interleavedSince = 2023
)

// sequence sets the length in tokens: as printed, else as the printed speed, step time
// and batch make it, else the usual one of the case's time.
func (c *Case) sequence(f *Configuration) {
	f.Work.Sequence = c.Sequence
	if c.Sequence > 0 {
		return
	}
	f.Work.Sequence = usualSequence
	if c.Year > 0 && c.Year < fusedSince {
		f.Work.Sequence = earlySequence
	}
	if c.StepTime > 0 && c.TokensPerSecond > 0 && c.Batch > 0 {
		// Lengths are round, and printed figures are not exact.
		tokens := c.TokensPerSecond * c.StepTime / float64(c.Batch)
		if n := math.Round(tokens / roundSequence); n >= 1 && n < mostCount/roundSequence {
			f.Work.Sequence = int(n) * roundSequence
		}
	}
	f.Assumed = append(f.Assumed, fmt.Sprintf("seq=%d", f.Work.Sequence))
}

// batch is the global batch in sequences: as printed, else as the printed speed and
// step time make it, else, where the speed is known without it, the usual number of
// tokens. Only a step time alone says nothing without its batch.
func (c *Case) batch(f *Configuration, l step.Layout) (int, error) {
	if c.Batch > 0 {
		return c.Batch, nil
	}
	if f.Machine.Chip.Vendor == "Google" && c.PP <= 1 && c.MicroBatch > 0 {
		return c.MicroBatch * c.Chips * cores(f.Machine.Chip.Name), nil // it is each device's
	}
	if c.MicroBatch > 0 && c.printsLocalBatch(l, c.MicroBatch) {
		return c.MicroBatch * l.DP, nil
	}
	seq := float64(f.Work.Sequence)
	sequences := usualBatchTokens / seq
	if c.StepTime > 0 {
		perSecond := c.TokensPerSecond
		if perSecond == 0 {
			rate, _, err := c.rate(f)
			if err != nil {
				return 0, fmt.Errorf("the global batch is not known")
			}
			v, err := c.convention()
			if err != nil {
				v = c.usualConvention()
			}
			perSecond = rate * float64(c.Chips) / v.FLOPs(&f.Work.Model, f.Work.Sequence)
		}
		sequences = perSecond * c.StepTime / seq
	}
	if !(sequences < mostCount) {
		return 0, fmt.Errorf("the global batch is not known")
	}
	// At least so many microbatches that a pipeline is worth having.
	return max(int(math.Round(sequences)), l.DP*min(l.PP, 4)), nil
}

// complete decides the degrees that a source does not print, and its recomputation. A
// blank tensor, pipeline or expert degree is 1 where that fits in memory; else the run is taken
// to have had the fastest layout that does, or that comes nearest to it.
// A blank microbatch, and a blank number of chunks per stage, is the fastest that fits.
func (c *Case) complete(f *Configuration) error {
	c.recompute(f)
	tps, pps, cps, eps := degrees(c.TP, mostTensor), degrees(c.PP, mostStages), c.contextDegrees(f), c.expertDegrees(f)
	mbs := degrees(c.MicroBatch, mostMicroBatch)
	if c.withoutPipeline() {
		if c.PP == 0 {
			pps = []int{1}
		}
		if c.TP == 0 && c.Chips%3 == 0 {
			tps = append(tps, 3, 6, 12) // rows times columns
		}
	}
	if f.Machine.Chip.Vendor == "Google" {
		mbs = []int{1} // the batch decides
		if c.PP == 0 {
			pps = []int{1} // XLA's programs have no pipeline unless they say so
		}
	}
	if c.fits(f) && !c.starved(f.Layout) && !c.withoutPipeline() && slices.Contains(eps, f.Layout.EP) && (c.DP == 0 || f.Layout.DP == c.DP) {
		tps, pps, cps, eps = []int{f.Layout.TP}, []int{f.Layout.PP}, []int{f.Layout.CP}, []int{f.Layout.EP}
	}
	known := len(tps)*len(pps)*len(cps)*len(eps) == 1
	if known && f.Layout.EP != eps[0] {
		l := f.Layout
		l.EP = eps[0]
		var err error
		if f.Layout, err = c.divided(f, l); err != nil {
			return err
		}
		c.recompute(f)
	}
	base := *f
	tried := trial{best: base, fastest: math.Inf(1), known: known}
	layouts := combined(base.Layout, tps, pps, cps, eps, mbs)
	if replicas := slices.DeleteFunc(slices.Clone(layouts), func(l step.Layout) bool { return l.TP*l.PP*l.CP*c.DP != c.Chips }); len(replicas) > 0 {
		layouts = replicas // those with as many as the source prints
	}
	zeros := []int{base.Layout.ZeRO}
	if c.ZeRO == nil && base.Layout.ZeRO < 3 && pps[0] == 1 {
		zeros = append(zeros, 3) // where nothing fits without
	}
	for _, zero := range zeros {
		if !math.IsInf(tried.fastest, 1) {
			break
		}
		for _, l := range layouts {
			l.SP, l.ZeRO, l.VPP, l.Schedule = c.sequenceParallel(f.Machine.Stack.Name), zero, max(1, c.VPP), c.schedule()
			if l.TP > max(c.TP, f.Machine.Server.ScaleUpDomain) || l.TP*l.PP*l.CP > c.Chips {
				continue
			}
			if l.PP > 1 {
				l.ZeRO = min(l.ZeRO, 1)
			}
			if l.CP > 1 {
				l.Attention = step.Fused
			}
			if err := c.try(f, l, &tried); err != nil {
				return err
			}
		}
	}
	*f = tried.choice()
	return nil
}

// trial is what of the layouts tried so far a case is taken to have had.
type trial struct {
	known   bool          // the source prints the rest of the layout
	best    Configuration // the fastest that fits
	fastest float64       // s per sequence of best, infinite where none fits
	tight   []tightLayout // those that do not fit
}

// tightLayout needs need times the memory that there is, and takes seconds per sequence.
type tightLayout struct {
	configuration Configuration
	need, seconds float64
}

// nearlyAsTight is how much more memory than the least a layout may need and still be
// one of those that a run which fits in none of them is taken from.
const nearlyAsTight = 1.1

// choice is the fastest layout that fits; where none does, the fastest of those that need
// least, since the run was done.
func (t *trial) choice() Configuration {
	if !math.IsInf(t.fastest, 1) || len(t.tight) == 0 {
		return t.best
	}
	least, fastest := math.Inf(1), math.Inf(1)
	for i := range t.tight {
		least = min(least, t.tight[i].need)
	}
	for i := range t.tight {
		if l := &t.tight[i]; l.need <= nearlyAsTight*least && l.seconds < fastest {
			t.best, fastest = l.configuration, l.seconds
		}
	}
	return t.best
}

// combined is a layout with every combination of degrees.
func combined(base step.Layout, tps, pps, cps, eps, mbs []int) []step.Layout {
	var out []step.Layout
	for _, tp := range tps {
		for _, pp := range pps {
			for _, cp := range cps {
				for _, ep := range eps {
					for _, mb := range mbs {
						l := base
						l.TP, l.PP, l.CP, l.EP, l.MicroBatch = tp, pp, cp, ep, mb
						out = append(out, l)
					}
				}
			}
		}
	}
	return out
}

// starved reports whether a layout has more replicas than the printed batch has sequences.
func (c *Case) starved(l step.Layout) bool {
	return c.Batch > 0 && float64(c.Batch)*(1+roundedBatch) < float64(l.DP)
}

// roundedBatch is how far from a whole number of rounds a printed batch may be, of itself,
// and still be that number rounded: OPT-175B's "2M tokens" are 992 sequences of 2,048, eight
// for each of 124 replicas.
const roundedBatch = 0.05

// idles reports whether the printed batch leaves some replicas without a microbatch in a
// step of one or two rounds, which takes as long as if they had one. Of more rounds, and
// where a rounded figure is printed, the nearest number that the layout divides is taken,
// and the step in proportion.
func (c *Case) idles(l step.Layout) bool {
	round := l.DP * l.MicroBatch
	if c.Batch == 0 || c.Batch >= 2*round || c.Batch%round == 0 {
		return false
	}
	rounds := float64(c.Batch) / float64(round)
	return math.Abs(rounds-math.Round(rounds)) > roundedBatch*rounds
}

// contextDegrees are the context-parallel degrees to try: where none is printed, one
// unless sequences are long or fewer than replicas.
func (c *Case) contextDegrees(f *Configuration) []int {
	if c.CP == 0 && (f.Work.Sequence >= longSequence || c.starved(f.Layout)) {
		return degrees(0, mostContext)
	}
	return []int{f.Layout.CP}
}

// try prices a layout, plain and interleaved where the source does not say, and keeps what is
// faster than the best so far and fits, or how far it is from fitting.
func (c *Case) try(f *Configuration, l step.Layout, tried *trial) error {
	var room unit.Bytes
	for _, interleaved := range []bool{false, true} {
		var err error
		if f.Layout, err = c.divided(f, l); err != nil {
			return err
		}
		if interleaved {
			chunks := c.interleave(f, f.Layout)
			if chunks == f.Layout.VPP {
				break
			}
			l.VPP = chunks
			if f.Layout, err = c.divided(f, l); err != nil {
				return err
			}
		}
		if !tried.known && (c.starved(f.Layout) || c.PP == 0 && c.says("dualpipe") && f.Layout.Schedule != step.DualPipe) || len(f.Layout.Problems(&f.Work, &f.Machine)) > 0 {
			continue
		}
		c.recompute(f)
		s, err := step.Estimate(&f.Work, &f.Machine, f.Layout)
		if err != nil {
			continue
		}
		room = max(room, roomy(s.Memory.Capacity))
		t := float64(s.Time) / float64(f.Work.Batch)
		if c.Batch > 0 {
			t = c.ofBatch(f, float64(s.Time)) / float64(c.Batch) // places that stay empty are no work
		}
		switch {
		case s.Memory.Total() > room:
			tried.tight = append(tried.tight, tightLayout{*f, float64(s.Memory.Total() / room), t})
		case t < tried.fastest:
			tried.best, tried.fastest = *f, t
		}
		switch {
		case !tried.known:
		case c.MicroBatch > 0 && s.Memory.Total() > s.Memory.Capacity:
			// It was run in ways that are not printed: memory tells nothing.
			room = unit.Bytes(math.Inf(1))
		case s.Memory.Total() <= room:
			// It was run, so what it needs is there, and interleaving needs little more.
			room = (1 + memoryError) * s.Memory.Total()
		}
	}
	return nil
}

// interleavedNote finds an interleaved schedule in notes, and what denies it.
var interleavedNote = regexp.MustCompile(`(?i)\b(no[nt][ -]*)?interleaved[ -]?(?:1f1b|schedule)`)

// interleave is the number of chunks per stage of a case whose source does not print
// it: as few as keep the pipeline busy. torchtitan's schedule is 1F1B unless told otherwise,
// and then has two chunks (torchtitan/distributed/pipeline.py, stages_per_rank).
func (c *Case) interleave(f *Configuration, l step.Layout) int {
	if c.VPP == 0 && l.PP > 1 && c.origin().framework == "torchtitan" {
		if m := interleavedNote.FindStringSubmatch(c.Notes); m != nil && m[1] == "" {
			return 2
		}
		return l.VPP
	}
	idle := float64(l.PP-1) / float64(f.Work.Batch/(l.DP*l.MicroBatch))
	if c.VPP > 0 || l.Schedule != step.OneFOneB || c.Year > 0 && c.Year < interleavedSince || idle <= mostBubble {
		return l.VPP
	}
	// Embedding and head count as a layer each where that makes the division even.
	layers := f.Work.Model.Layers
	if layers%l.PP != 0 {
		layers += 2
	}
	perStage := max(1, layers/l.PP)
	for v := 1; v < perStage; v++ {
		if perStage%v == 0 && idle/float64(v) <= wantedBubble {
			return v
		}
	}
	return perStage
}

// fits reports whether the case's layout may have fitted in memory.
func (c *Case) fits(f *Configuration) bool {
	p, err := step.NewPricer(&f.Work, &f.Machine)
	if err != nil || len(f.Layout.Problems(&f.Work, &f.Machine)) > 0 {
		return false
	}
	m := p.Price(f.Layout).Memory
	return m.Total() <= roomy(m.Capacity)
}

// degrees are the powers of two to try for a degree, or the one that is printed.
func degrees(printed, most int) []int {
	if printed > 0 {
		return []int{printed}
	}
	var out []int
	for d := 1; d <= most; d *= 2 {
		out = append(out, d)
	}
	return out
}

// expertDegrees are the expert-parallel degrees to try. Who dispatches tokens to other
// chips has divided the experts, whatever is printed: over all that share the weights, as
// Automodel does (ep_size in examples/benchmark/configs).
func (c *Case) expertDegrees(f *Configuration) []int {
	switch {
	case f.Work.Model.MoE == nil:
		return []int{1}
	case c.EP == 1 && c.says("deepep"):
		return []int{min(f.Work.Model.MoE.Experts, f.Layout.DP)}
	}
	return degrees(c.EP, f.Work.Model.MoE.Experts)
}
