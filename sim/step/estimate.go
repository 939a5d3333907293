package step

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mathext"

	"clustercap/sim/unit"
)

// Constants of composition.
const (
	// adamTraffic is the bytes that one Adam update moves per parameter: read
	// gradient, master and moments; write master, moments and BF16 weight.
	adamTraffic = 4 + 12 + 12 + 2.0
	// buckets is how many pieces a data-parallel collective is cut into, so that
	// all but the last overlap with a pass. Megatron-Core cuts at about
	// max(40M, 1M x DP) parameters: 5-20 buckets of a stage.
	buckets = 10.0
	// commSlowdown is the share of compute speed lost while a collective runs
	// beside it: NCCL occupies 16-24 of 132 multiprocessors (DeepSeek-V3: 20) and
	// some memory bandwidth; range 0.08-0.18.
	commSlowdown = 0.12
	// pipelineSlowdown is the share that a pipeline loses while a stage's data-parallel
	// traffic runs: the stages beside it wait for its passes, and are slowed by their own
	// traffic at other times. Fitted to 16 weak-scaling series of dgxc-benchmarking, whose
	// pipelines lose 1.1 points more than 0.12 makes them; range 0.12-0.6.
	pipelineSlowdown = 0.4
)

// pricer prices layouts of one workload on one machine.
type pricer struct {
	work    *Workload
	mach    *Machine
	rates   rates
	net     network
	layout  Layout
	anew    region // what the layout computes again
	scratch []stage
}

// Pricer prices many layouts of one workload on one machine without allocating.
// It is not safe for concurrent use.
type Pricer struct {
	p pricer
	// fused and unfused are the chip-seconds that the step's products take at least
	// with either kind of attention.
	fused, unfused float64
}

// NewPricer prepares the rates that all layouts share; ranges of the machine are
// read at Likely. The workload and machine must not change while it is in use.
func NewPricer(w *Workload, m *Machine) (*Pricer, error) {
	if name := string(w.Precision); !slices.Contains(Precisions(), name) {
		return nil, fmt.Errorf("precision %q is none of %s", name, strings.Join(Precisions(), ", "))
	} else if Peak(&m.Chip, w.Precision) <= 0 {
		return nil, fmt.Errorf("%s has no %s rate; it computes in %s",
			m.Chip.Name, strings.ToUpper(name), strings.Join(PrecisionsOf(&m.Chip), ", "))
	}
	if len(m.Fabric.Tiers) == 0 {
		return nil, fmt.Errorf("fabric %s has no tiers", m.Fabric.Name)
	}
	p := &Pricer{p: pricer{work: w, mach: m, rates: chipRates(&m.Chip, &m.Stack, w.Precision), net: newNetwork(m)}}
	p.fused, p.unfused = p.p.ideal()
	return p, nil
}

// Price returns the step of a layout without Problems. The step may not fit in
// memory; see Memory.Fits.
func (p *Pricer) Price(l Layout) Step {
	p.p.take(l)
	st, _ := p.p.price()
	return st
}

// take makes l the layout that is priced.
func (p *pricer) take(l Layout) {
	p.layout = l
	p.anew, _ = l.Recompute.regions()
	p.net.chips = l.Chips()
	p.net.worst = worstOf(p.net.chips)
	p.net.torus.hold(&l, p.net.domain)
	p.rates.sum = p.gradientKept()
	if p.microbatches() > 1 {
		p.rates.sum *= 2 // read and written
	}
}

// gradientKept is the bytes of a parameter's gradient that microbatches add to. Where
// gradients are sharded, casting each microbatch's into the buffer of its collective moves
// about as much.
func (p *pricer) gradientKept() float64 {
	return min(gradientBytes, orElse(p.mach.Stack.Gradients, gradientBytes))
}

// Estimate prices one layout. Its error lists every problem of the layout, or says
// why the machine cannot run the workload; a step that does not fit in memory is
// not an error.
func Estimate(w *Workload, m *Machine, l Layout) (Step, error) {
	p, err := NewPricer(w, m)
	if err != nil {
		return Step{}, err
	}
	if problems := l.Problems(w, m); len(problems) > 0 {
		return Step{}, fmt.Errorf("layout %s: %s", l, strings.Join(problems, "; "))
	}
	return p.Price(l), nil
}

// price composes the step: microbatches through the pipeline, data-parallel
// traffic beside it, the optimizer, and the wait for stragglers.
func (p *pricer) price() (Step, terms) {
	w, l := p.work, p.layout
	s := p.pipeline()
	micro := p.microbatches()

	mean := s.mean.times(micro)
	data := p.dataParallel(&s)
	update := p.optimizer(s.fullest)
	streamed := p.optimizerOffload(s.fullest, update.sum())
	kernels := mean.base.plus(mean.redo).plus(update)
	parts := Parts{
		Compute:     seconds(mean.base.sum() + update.sum()),
		Recompute:   seconds(mean.redo.sum()),
		TensorComm:  seconds(mean.tensor),
		ContextComm: seconds(mean.context),
		ExpertComm:  seconds(mean.expert),
		PipeComm:    seconds(p.messages(p.message(&s))),
		DataComm:    seconds(micro*data.each + data.once),
		HostComm:    seconds(mean.host + streamed),
		HostWait:    seconds(mean.wait),
		Bubble:      seconds(max(0, s.flow(l, micro)-mean.sum())),
		Straggler:   seconds(p.straggler(kernels.sum())),
		Overhead:    p.mach.Stack.StepOverhead.Likely,
	}
	total := parts.Sum()

	flops := w.Model.FLOPs(w.Sequence) * float64(w.Tokens())
	hardware := flops + mean.redo.flops*float64(l.Chips())
	available := float64(Peak(&p.mach.Chip, w.Precision)) * float64(l.Chips()) * float64(total)
	return Step{
		Layout:        l,
		Time:          total,
		Tokens:        w.Tokens(),
		Parts:         parts,
		Memory:        p.memory(&s),
		ModelFLOPs:    flops,
		HardwareFLOPs: hardware,
		MFU:           unit.Share(flops / available),
		HFU:           unit.Share(hardware / available),
		Activity: Activity{
			Matrix: seconds(kernels.matrix),
			Memory: seconds(kernels.memory),
			Comm:   parts.ExposedComm(),
			Wait:   parts.HostWait + parts.Bubble + parts.Straggler + parts.Overhead,
		},
	}, terms{s, data, update.sum()}
}

// microbatches of one data-parallel replica.
func (p *pricer) microbatches() float64 {
	return float64(p.work.Batch) / float64(p.layout.DP*p.layout.MicroBatch)
}

func seconds(s float64) unit.Duration { return unit.Duration(s) }

// messages is the exposed time of sends between pipeline stages, each of so many seconds:
// those where one arrives, and the way through the pipeline that fills and drains it.
func (p *pricer) messages(hop, exposed float64) float64 {
	l := p.layout
	return 2*hop*float64(l.PP-1) + 2*p.microbatches()*float64(l.VPP)*exposed
}

// message is the time of one send to the next pipeline stage, each chip of a
// tensor-parallel group sending its part (Narayanan et al., SC'21, section 4.1), and
// the part of that time that the receiver waits.
func (p *pricer) message(s *pipe) (hop, exposed float64) {
	l := p.layout
	if l.PP == 1 {
		return 0, 0
	}
	hop = p.net.send(activationBytes*s.shape.split*s.shape.hidden, l.TP*l.CP*l.DP)
	w := &s.slowest.work
	return hop, p.waited(hop, w.sum()-p.linkTaken(w.links))
}

// hidesMessages reports whether messages hide behind kernels. Plain 1F1B waits for each
// input and each gradient. With several chunks per stage (or DualPipe's two directions)
// every chunk boundary sends.
func (p *pricer) hidesMessages() bool { return p.layout.VPP > 1 || p.layout.Schedule == DualPipe }

// waited is the part of a message's time that the slowest stage waits, where no other
// traffic has the link for so many seconds of its passes for a microbatch. Messages hide
// behind the kernels of the next chunk, which they slow down, except as the pipeline fills
// and drains. Other stages have time to wait.
func (p *pricer) waited(hop, free float64) float64 {
	if !p.hidesMessages() {
		return hop
	}
	return ringStep + beside(hop-ringStep, max(0, free)/(2*float64(p.layout.VPP))) // one direction of one chunk
}

// linkTaken is how long other traffic has the link of messages.
func (p *pricer) linkTaken(other links) float64 {
	if p.net.leaves(group{2, p.layout.TP * p.layout.CP * p.layout.DP}) {
		return other.nic
	}
	return other.domain
}

// straggler is the wait for the slowest chip when the speeds of all are normal with
// the delivery's spread, times the kernels' time.
func (p *pricer) straggler(kernels float64) float64 {
	return kernels * p.net.worst * float64(p.mach.Chip.Efficiency.ComputeSpread.Likely)
}

// worstOf is the expected maximum of n standard normals by Blom's approximation.
func worstOf(n int) float64 {
	if n < 2 {
		return 0
	}
	return max(0, mathext.NormalQuantile((float64(n)-0.375)/(float64(n)+0.25)))
}
