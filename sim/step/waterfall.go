package step

import (
	"math"

	"clustercap/sim/unit"
)

// Waterfall leads from the peak of all chips down to the model FLOPs per second that
// a step delivers, every loss named.
type Waterfall struct {
	// Peak is the dense rate of all chips offered in the workload's precision.
	Peak unit.FLOPRate
	// Losses in the order in which they are taken off; Peak less all of them is
	// Delivered. Those that the layout or the machine cannot have are zero.
	Losses    []Loss
	Delivered unit.FLOPRate
	// Ideal is the time of the step if nothing but idle chips were lost.
	Ideal unit.Duration
}

// Loss is one step down.
type Loss struct {
	Cause Cause
	Rate  unit.FLOPRate
	// Time of the step that the cause takes on the mean chip; 0 for idle chips,
	// which have no part in the step.
	Time unit.Duration
}

// Cause names a loss as files do.
type Cause string

// The causes.
const (
	IdleChips Cause = "idle_chips" // the layout leaves them out
	// ExtraProducts are those that MFU does not count: attention scores that the
	// backward pass computes anew or that a mask discards, padding of the busiest
	// experts, projections that tensor parallelism does not divide.
	ExtraProducts Cause = "extra_products"
	// HigherPrecision is that of products that stay in BF16 beside an FP8 or FP4
	// peak: attention, router, head.
	HigherPrecision Cause = "higher_precision"
	SustainedRate   Cause = "sustained_rate"  // large kernels of the chip stay below its peak
	SoftwareStack   Cause = "software_stack"  // its kernels stay below those
	KernelShapes    Cause = "kernel_shapes"   // partial tiles and waves, short inner sides
	MemoryBound     Cause = "memory_bound"    // kernels that wait for HBM
	KernelLaunches  Cause = "kernel_launches" // the start of each kernel
	// CommCores are the cores that DualPipe sets aside for all-to-alls.
	CommCores       Cause = "comm_cores"
	OptimizerUpdate Cause = "optimizer"
	Recomputation   Cause = "recompute"
	TensorTraffic   Cause = "tensor_comm" // exposed, and so on
	ExpertTraffic   Cause = "expert_comm"
	ContextTraffic  Cause = "context_comm"
	PipelineTraffic Cause = "pipe_comm"
	DataTraffic     Cause = "data_comm"
	HostTraffic     Cause = "host_comm"
	HostWait        Cause = "host_wait" // for the counts of tokens and the launches of layers with experts
	PipelineBubble  Cause = "bubble"
	Stragglers      Cause = "straggler"
	StepOverhead    Cause = "overhead"
)

// Waterfall explains the step that Price returns for a layout without Problems, on
// so many chips offered.
func (p *Pricer) Waterfall(l Layout, chips int) Waterfall {
	s := p.Price(l)
	peak := unit.FLOPRate(float64(Peak(&p.p.mach.Chip, p.p.work.Precision)))
	used := peak * unit.FLOPRate(l.Chips())
	out := Waterfall{
		Peak:      peak * unit.FLOPRate(chips),
		Delivered: unit.FLOPRate(s.ModelFLOPs / float64(s.Time)),
		Ideal:     unit.Duration(s.ModelFLOPs / float64(used)),
	}
	out.Losses = append(out.Losses, Loss{Cause: IdleChips, Rate: out.Peak - used})
	lose := func(cause Cause, time unit.Duration) {
		out.Losses = append(out.Losses, Loss{cause, used * unit.FLOPRate(time/s.Time), time})
	}
	update := p.p.update(l)
	last := out.Ideal
	for _, rung := range p.p.kernelLadder(l) {
		lose(rung.cause, rung.time-last)
		last = rung.time
	}
	lose(CommCores, s.Parts.Compute-update-last)
	lose(OptimizerUpdate, update)
	lose(Recomputation, s.Parts.Recompute)
	lose(TensorTraffic, s.Parts.TensorComm)
	lose(ExpertTraffic, s.Parts.ExpertComm)
	lose(ContextTraffic, s.Parts.ContextComm)
	lose(PipelineTraffic, s.Parts.PipeComm)
	lose(DataTraffic, s.Parts.DataComm)
	lose(HostTraffic, s.Parts.HostComm)
	lose(HostWait, s.Parts.HostWait)
	lose(PipelineBubble, s.Parts.Bubble)
	lose(Stragglers, s.Parts.Straggler)
	lose(StepOverhead, s.Parts.Overhead)
	return out
}

// rung is the time of a step's forward and backward kernels on the mean chip once a
// cause of loss and those before it are there.
type rung struct {
	cause Cause
	time  unit.Duration
}

// kernelLadder prices the same kernels on chips ever less ideal, from the peak for
// every product down to the machine's own rates.
func (p *pricer) kernelLadder(l Layout) []rung {
	chip := &p.mach.Chip
	actual := p.rates
	defer func() { p.rates = actual }()

	// Every kernel at once at the peak: nothing waits for memory or starts late.
	ideal := actual
	ideal.shapeless, ideal.memory, ideal.launch = true, math.Inf(1), 0
	at := func(linear, bf16, attention, backward float64) rates {
		r := ideal
		r.linear, r.bf16, r.attention, r.backward = linear, bf16, attention, backward
		return r
	}
	peak, bf16 := float64(Peak(chip, p.work.Precision)), float64(chip.BF16.Likely)
	own := chipRates(chip, &Stack{}, p.work.Precision)
	// What attention in 8 bits gains is a lesser loss to higher precision.
	extra := at(peak, peak, peak, peak)
	extra.wide = 1
	shaped := actual
	shaped.memory, shaped.launch = math.Inf(1), 0
	started := actual
	started.launch = 0

	var ladder []rung
	for _, c := range []struct {
		cause Cause
		rates rates
	}{
		{ExtraProducts, extra},
		{HigherPrecision, at(peak, bf16, bf16, bf16)},
		{SustainedRate, at(own.linear, own.bf16, own.attention, own.backward)},
		{SoftwareStack, at(actual.linear, actual.bf16, actual.attention, actual.backward)},
		{KernelShapes, shaped},
		{MemoryBound, started},
		{KernelLaunches, actual},
	} {
		p.rates = c.rates
		ladder = append(ladder, rung{c.cause, p.passKernels(l)})
	}
	return ladder
}

// passKernels is the time of all forward and backward kernels of a step on the mean
// chip, with all of its cores.
func (p *pricer) passKernels(l Layout) unit.Duration {
	p.take(l)
	s := p.pipeline()
	time := s.mean.base.sum() * p.microbatches()
	if l.Schedule == DualPipe {
		time *= 1 - dualPipeCores
	}
	return seconds(time)
}

// update is the time of the optimizer.
func (p *pricer) update(l Layout) unit.Duration {
	p.take(l)
	s := p.pipeline()
	return seconds(p.optimizer(s.fullest).sum())
}
