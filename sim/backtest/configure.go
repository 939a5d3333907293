package backtest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/scenario"
	"clustercap/sim/step"
)

// Configuration is a case as the step model takes it.
type Configuration struct {
	Work    step.Workload
	Machine step.Machine
	Layout  step.Layout
	// Assumed lists what the source does not print, as it was taken.
	Assumed []string
}

// chipNames are publications' names of chips by the catalog's, for cases that name
// no system; the longest matching beginning counts, letters and digits only.
var chipNames = map[string]string{
	"a10080gb": "a100-80", "a100": "a100-80", "a10040gb": "a100-40",
	"a800": "a800-80", "h100": "h100-sxm", "h10096gbhbm2e": "h100-500w", "h800": "h800-sxm",
	"h20": "h20", "h200": "h200-sxm", "gh200": "gh200",
	"b200": "b200-sxm", "b300": "b300-sxm", "gb200": "gb200-nvl72", "gb300": "gb300-nvl72",
	"mi250": "mi250x-gcd", "mi300x": "mi300x", "mi325x": "mi325x", "mi355x": "mi355x",
	"tpuv4": "tpu-v4", "tpuv5e": "tpu-v5e", "tpuv5p": "tpu-v5p", "tpuv6e": "tpu-v6e", "tpuv7x": "tpu-v7x",
	"ascend910b": "ascend-910b", "ascend910c": "ascend-910c",
	"trainium1": "trainium1", "trainium2": "trainium2", "gaudi2": "gaudi2",
}

// precisions are the rates that a precision's products run at; those that are not
// here cannot be priced.
var precisions = map[string]step.Precision{
	"":      step.BF16,
	"bf16":  step.BF16,
	"fp16":  step.BF16, // the matrix units run both at one rate
	"fp8":   step.FP8,
	"mxfp8": step.MXFP8,
	"nvfp4": step.NVFP4,
}

// Configure turns a case into what the step model prices. The error says in one
// sentence why the case cannot be.
func (c *Case) Configure(catalog *scenario.Catalog) (Configuration, error) {
	return c.configure(newShelf(catalog))
}

func (c *Case) configure(on *shelf) (Configuration, error) {
	var f Configuration
	var err error
	if f.Machine, err = c.machine(on); err != nil {
		return f, err
	}
	if f.Machine.Stack, err = c.stack(on, f.Machine.Chip.Name); err != nil {
		return f, err
	}
	if f.Work.Model, f.Assumed, err = c.architecture(on); err != nil {
		return f, err
	}
	switch {
	case c.Chips == 0:
		return f, fmt.Errorf("the number of chips is not known")
	case c.Sequence == 0:
		return f, fmt.Errorf("the sequence length is not known")
	case c.Batch == 0:
		return f, fmt.Errorf("the global batch is not known")
	}
	f.Work.Sequence, f.Work.Batch = c.Sequence, c.Batch
	precision, ok := precisions[c.Precision]
	if !ok {
		return f, fmt.Errorf("%s is not in the step model", strings.ToUpper(c.Precision))
	}
	f.Work.Precision = precision
	if err := c.layout(&f); err != nil {
		return f, err
	}
	if problems := f.Layout.Problems(&f.Work, &f.Machine); len(problems) > 0 {
		return f, fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return f, nil
}

// machine finds the system that the notes name, else the chip in its usual server.
func (c *Case) machine(on *shelf) (step.Machine, error) {
	if sys := c.note("sys"); sys != "" {
		m, ok := on.system(sys)
		if !ok {
			return m, fmt.Errorf("the catalog has no system %q", excerpt(sys))
		}
		// Some systems hold chips of several memory sizes; the row says which.
		if name, known := longest(chipNames, plain(c.Chip)); known && name != m.Chip.Name {
			if own, ok := on.machine(name); ok && own.Chip.BF16 == m.Chip.BF16 {
				m.Chip.Name, m.Chip.HBM, m.Chip.HBMBandwidth = own.Chip.Name, own.Chip.HBM, own.Chip.HBMBandwidth
			}
		}
		return m, nil
	}
	if m, ok := on.machine(c.Chip); ok {
		return m, nil
	}
	name, ok := longest(chipNames, plain(c.Chip))
	if !ok {
		return step.Machine{}, fmt.Errorf("the catalog has no chip %q", excerpt(c.Chip))
	}
	m, ok := on.machine(name)
	if !ok {
		return m, fmt.Errorf("the catalog's chip %q names no usual server and fabric", name)
	}
	return m, nil
}

// Weights sharded within a part of the replicas and copied across, as notes say it:
// so many chips to a group, or so many TPU slices with a group each.
var (
	shardGroup  = regexp.MustCompile(`zero1 shard group = (\d{1,6}) GPUs|FSDP group (\d{1,6})|FSDP (\d{1,6}) x DP|FSDP over (\d{1,6})|fsdp (\d{1,6}) x dp`)
	shardSlices = regexp.MustCompile(`(\d{1,4}) slice\(s\)`)
)

// shard is over how many replicas the notes say that ZeRO shards; 0 for all, and where
// the group does not divide the replicas. A group counts chips: with tensor
// parallelism several share a replica.
func (c *Case) shard(l step.Layout) int {
	replicas := l.DP * l.CP
	n := 0
	if m := shardGroup.FindStringSubmatch(c.Notes); m != nil {
		for _, text := range m[1:] {
			if v, err := strconv.Atoi(text); err == nil {
				n = v / l.TP
			}
		}
	} else if m := shardSlices.FindStringSubmatch(c.Notes); m != nil {
		if slices, err := strconv.Atoi(m[1]); err == nil && slices > 0 {
			n = replicas / slices
		}
	}
	if l.ZeRO == 0 || n < 1 || n >= replicas || replicas%n != 0 {
		return 0
	}
	return n
}

// expertTensorNote finds the expert-tensor-parallel degree in notes ("ETP 4").
var expertTensorNote = regexp.MustCompile(`\bETP[ =](\d{1,4})\b`)

// expertTensor is how many ways each expert is divided: what the notes say, else as
// the stack does. NeMo divided experts like the dense layers unless told otherwise.
func (c *Case) expertTensor(stack string, tp int) int {
	if m := expertTensorNote.FindStringSubmatch(c.Notes); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n == tp {
			return n
		}
		return 1
	}
	if stack == "nemo-2024" {
		return tp
	}
	return 1
}

// layout fills in f.Layout and what of the machine the stack decides.
func (c *Case) layout(f *Configuration) error {
	l := step.Layout{
		TP: max(1, c.TP), SP: c.SP == nil || *c.SP, PP: max(1, c.PP), VPP: max(1, c.VPP), CP: max(1, c.CP), CPComm: step.Ring, EP: max(1, c.EP), ETP: 1,
		ZeRO: 1, MicroBatch: max(1, c.MicroBatch),
		Schedule: step.OneFOneB,
	}
	unit := l.TP * l.PP * l.CP
	if c.Chips%unit != 0 {
		return fmt.Errorf("tp x pp x cp = %d does not divide %d chips", unit, c.Chips)
	}
	l.DP = c.Chips / unit
	if c.DP > 0 && c.DP != l.DP {
		return fmt.Errorf("dp=%d x tp x pp x cp = %d is not the %d chips of the case", c.DP, c.DP*unit, c.Chips)
	}
	switch {
	case c.ZeRO == nil:
		f.Assumed = append(f.Assumed, "zero=1")
	case *c.ZeRO > 1 && l.PP > 1:
		// With a pipeline weights and gradients stay whole for all microbatches of a
		// step, whatever shards them between steps.
		f.Assumed = append(f.Assumed, "zero=1 during a step")
	default:
		l.ZeRO = *c.ZeRO
	}
	if c.says("dualpipe") {
		l.Schedule = step.DualPipe
	}
	switch {
	case f.Machine.Chip.Vendor == "Google" && c.Batch%l.DP == 0:
		// XLA runs a step as one program: no gradient accumulation, and the printed
		// batch per device counts every device of a replica.
		l.MicroBatch = c.Batch / l.DP
	case c.MicroBatch == 0:
		f.Assumed = append(f.Assumed, "mb=1")
	}
	l.Shard = c.shard(l)
	if c.Experts > 0 {
		l.ETP = c.expertTensor(f.Machine.Stack.Name, l.TP)
	}
	l.SP = l.SP || l.TP == 1
	f.Layout = l
	f.Work.Model.Dropout = c.dropout(f.Machine.Stack.Name)
	f.Layout.Attention = c.attention(f.Machine.Stack.Name)
	return c.recompute(f)
}

// recompute maps what a source calls recomputation to what the step model knows. A
// policy that is not printed is the least that fits in memory.
func (c *Case) recompute(f *Configuration) error {
	switch c.Recompute {
	case "none", "light", "alternate", "full":
		f.Layout.Recompute = step.Recompute(c.Recompute)
	case "selective":
		c.selective(f)
	default:
		f.Layout.Recompute = c.leastRecompute(f)
		f.Assumed = append(f.Assumed, "recompute="+string(f.Layout.Recompute))
	}
	return nil
}

// matrixRecompute are policies that run most matrix products again beside what is
// cheap: all but the first and last of attention (MaxText's qkv_proj_offloaded). Full
// recomputation is the nearest that the step model has.
var matrixRecompute = []string{"qkv_proj_offloaded"}

// selective is what a stack's selective recomputation runs again: with stored scores
// the attention's inner part (Korthikanti et al.), with torchtitan every second
// product, else what is cheap and large. Custom policies that offload to the host are
// not told apart: where what remains would need half as much again as the chip has,
// each layer must have run from its input.
func (c *Case) selective(f *Configuration) {
	l := &f.Layout
	switch {
	case c.says("rm=core_attn"):
		// Fused attention recomputes by itself; who asks for it stores the scores.
		l.Attention, l.Recompute = step.Unfused, step.RecomputeSelective
	case l.Attention == step.Unfused, c.says("selective ckpt in yaml"):
		l.Recompute = step.RecomputeSelective
	case slices.ContainsFunc(matrixRecompute, c.says):
		l.Recompute = step.RecomputeFull
	case c.inFamily([]string{"torchtitan"}):
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

// memoryError is how far predicted memory may be above the chip's where a run was
// done: about the mean error of the rows whose memory is printed.
const memoryError = 0.10

// leastRecompute is the least recomputation with which the case may have fitted in
// memory; none where nothing fits, since the run was done.
func (c *Case) leastRecompute(f *Configuration) step.Recompute {
	p, err := step.NewPricer(&f.Work, &f.Machine)
	if err != nil {
		return step.RecomputeNone
	}
	for _, r := range []step.Recompute{step.RecomputeNone, step.RecomputeLight, step.RecomputeFull} {
		l := f.Layout
		l.Recompute = r
		if len(l.Problems(&f.Work, &f.Machine)) > 0 {
			return step.RecomputeNone
		}
		if m := p.Price(l).Memory; m.Total() <= (1+memoryError)*m.Capacity {
			return r
		}
	}
	return step.RecomputeNone
}
