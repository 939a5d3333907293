package backtest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/model"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// Configuration is a case as the step model takes it.
type Configuration struct {
	Work    step.Workload
	Machine step.Machine
	Layout  step.Layout
	// Assumed lists what the source does not print, as it was taken, and Doubts.
	Assumed []string
	// Doubts lists what a row says against itself or against the chip, and how it was
	// taken: it is priced, and hardly what ran.
	Doubts []string
}

// doubt adds to Doubts, and so to Assumed.
func (f *Configuration) doubt(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	f.Doubts, f.Assumed = append(f.Doubts, text), append(f.Assumed, text)
}

// chipNames are publications' names of chips by the catalog's; the longest that a name
// contains counts, letters and digits only, whatever vendor or server stands around it.
var chipNames = map[string]string{
	"a10080gb": "a100-80", "a100": "a100-80", "a10040gb": "a100-40", "a100sxm440gb": "a100-40", "a100sxm40gb": "a100-40",
	"a800": "a800-80", "h100": "h100-sxm", "h10096gbhbm2e": "h100-500w", "h800": "h800-sxm",
	"h20": "h20", "h200": "h200-sxm", "gh200": "gh200",
	"b200": "b200-sxm", "b300": "b300-sxm", "gb200": "gb200-nvl72", "gb300": "gb300-nvl72",
	"mi250": "mi250x-gcd", "mi300x": "mi300x", "mi325x": "mi325x", "mi355x": "mi355x",
	"910b": "ascend-910b", "910c": "ascend-910c", "950dt": "ascend-950dt", "hl225": "gaudi2", "trainium": "trainium1",
	"tpuv4": "tpu-v4", "tpuv5e": "tpu-v5e", "tpuv5p": "tpu-v5p", "tpuv6": "tpu-v6e", "tpuv6e": "tpu-v6e", "tpuv7": "tpu-v7x",
	"v5e": "tpu-v5e", "v5lite": "tpu-v5e", "v5p": "tpu-v5p", "v6e": "tpu-v6e", "trillium": "tpu-v6e",
	"v7x": "tpu-v7x", "tpu7": "tpu-v7x", "tpu7x": "tpu-v7x", "ironwood": "tpu-v7x",
	"ascend910b": "ascend-910b", "ascend910c": "ascend-910c", "ascend950dt": "ascend-950dt",
	"zhenwu810e": "zhenwu-810e", "zhenwum890": "zhenwu-m890", "ppu": "zhenwu-810e",
	"trainium1": "trainium1", "trn1": "trainium1", "trainium2": "trainium2", "trn2": "trainium2", "gaudi2": "gaudi2",
}

// otherBoards are makes of a chip that the catalog's has the name of and more power,
// bandwidth or links than.
var otherBoards = regexp.MustCompile(`pcie|h[12]00nvl`)

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

// Configure turns a case into what the step model prices. The error says in one
// sentence why the case cannot be.
func (c *Case) Configure(catalog *scenario.Catalog) (Configuration, error) {
	return c.configure(newShelf(catalog))
}

func (c *Case) configure(on *shelf) (Configuration, error) {
	var f Configuration
	var err error
	if err := c.machine(on, &f); err != nil {
		return f, err
	}
	if f.Machine.Stack, err = c.stack(on, f.Machine.Chip.Name); err != nil {
		return f, err
	}
	c.dispatch(on, f.Machine.Chip.Name, &f.Machine.Stack)
	var assumed []string
	if f.Work.Model, assumed, err = c.architecture(on); err != nil {
		return f, err
	}
	f.Assumed = append(f.Assumed, assumed...)
	if c.Chips == 0 {
		return f, fmt.Errorf("the number of chips is not known")
	}
	if err := c.precision(&f); err != nil {
		return f, err
	}
	c.sequence(&f)
	if n := cores(f.Machine.Chip.Name); c.TP%n == 0 && c.TP*max(1, c.PP)*max(1, c.CP)*c.DP == n*c.Chips && n > 1 {
		inChips := *c
		inChips.TP /= n
		c = &inChips
		f.Assumed = append(f.Assumed, fmt.Sprintf("tp=%d: the degrees count %d cores a chip", c.TP, n))
	}
	if err := c.layout(&f); err != nil {
		return f, err
	}
	if problems := f.Layout.Problems(&f.Work, &f.Machine); len(problems) > 0 {
		return f, fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return f, nil
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

// systemRules names the catalog's system of cases that ran on one before it was as its
// own entry says, by what their notes say.
var systemRules = []struct{ system, phrase, then string }{
	{"a100-jz", "before network tuning", "a100-jz-untuned"},
}

// system is the catalog's name of the system that the notes name, "" where they don't.
func (c *Case) system() string {
	sys := c.note("sys")
	for _, r := range systemRules {
		if sys == r.system && c.says(r.phrase) {
			return r.then
		}
	}
	return sys
}

// machine finds the system that the notes name, else the chip in its usual server.
func (c *Case) machine(on *shelf, f *Configuration) error {
	own, known := c.chip(on)
	if otherBoards.MatchString(plain(c.Chip)) {
		f.doubt("%s priced as %s", excerpt(c.Chip), own.Chip.Name)
	}
	sys := c.system()
	m, ok := on.system(sys)
	switch {
	case ok && known && own.Chip.Name != m.Chip.Name && own.Chip.Efficiency != m.Chip.Efficiency:
		f.doubt("%s in its usual server: sys=%s has %s", own.Chip.Name, sys, m.Chip.Name)
		f.Machine = own
	case ok:
		if known && own.Chip.Name != m.Chip.Name {
			// Some systems hold one chip with several sizes of memory; the row says which.
			m.Chip.Name, m.Chip.HBM, m.Chip.HBMBandwidth = own.Chip.Name, own.Chip.HBM, own.Chip.HBMBandwidth
		}
		f.Machine = m
	case !known:
		return fmt.Errorf("the catalog has no chip %q", excerpt(c.Chip))
	default:
		if sys != "" {
			f.Assumed = append(f.Assumed, fmt.Sprintf("usual server and fabric: the catalog has no system %q", excerpt(sys)))
		}
		f.Machine = own
	}
	if n := c.size(shardSlices); n > 1 && c.Chips/n > 0 && f.Machine.Chip.Vendor == "Google" {
		// Slices of a pod are tori of their own, whatever the pod could hold.
		f.Machine.Server.ScaleUpDomain = min(f.Machine.Server.ScaleUpDomain, c.Chips/n)
	}
	return nil
}

// chip is the chip that the row names, in its usual server.
func (c *Case) chip(on *shelf) (step.Machine, bool) {
	if m, ok := on.machine(c.Chip); ok {
		return m, true
	}
	best := ""
	for name := range chipNames {
		if !names(c.Chip, name) {
			continue
		}
		if len(name) > len(best) || len(name) == len(best) && name < best { // of two chips the same one every time
			best = name
		}
	}
	return on.machine(chipNames[best])
}

// names reports whether a text names a chip, whatever stands between the name's letters and
// digits, and no other one whose name goes on: A1000 is no A100, TPU v6p no TPU v6.
func names(text, name string) bool {
	text = strings.ToLower(text)
	for start := range text {
		if n := spelled(text[start:], name); n > 0 && !goesOn(name, text[start+n:]) {
			return true
		}
	}
	return false
}

// spelled is how many bytes of a text spell a name from its start; 0 where it does not.
func spelled(text, name string) int {
	k := 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == name[k]:
			if k++; k == len(name) {
				return i + 1
			}
		case k == 0, plain(text[i:i+1]) != "":
			return 0
		}
	}
	return 0
}

// goesOn reports whether what follows a chip's name makes another chip of it.
func goesOn(name, rest string) bool {
	const digits = "0123456789"
	if rest == "" {
		return false
	}
	numbered := strings.ContainsAny(name[len(name)-1:], digits)
	switch next := rest[:1]; {
	case strings.Contains(digits, next):
		return numbered || !strings.ContainsAny(name, digits)
	case plain(next) != "":
		return numbered && strings.HasPrefix(name, "tpu")
	}
	return false
}

// Weights sharded within a part of the replicas and copied across, as notes say it:
// so many chips to a group, or so many TPU slices with a group each.
var (
	shardGroup  = regexp.MustCompile(`zero1 shard group = (\d{1,6}) GPUs|zero1 in-node (\d{1,6})|FSDP group (\d{1,6})|FSDP (\d{1,6}) x DP|FSDP over (\d{1,6})|fsdp (\d{1,6}) x dp`)
	shardSlices = regexp.MustCompile(`(\d{1,4}) slice(?:s|\(s\))`)
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

// layout fills in f.Layout, f.Work.Batch and what of the machine the stack decides:
// what the source prints, what it leaves out as complete takes it, and what breaks a
// rule of the step model as repair takes it.
func (c *Case) layout(f *Configuration) error {
	l := step.Layout{
		TP: max(1, c.TP), SP: c.sequenceParallel(f.Machine.Stack.Name), PP: max(1, c.PP), VPP: max(1, c.VPP), CP: max(1, c.CP), CPComm: step.Ring, EP: max(1, c.EP), ETP: 1,
		ZeRO: c.zero(f), MicroBatch: max(1, c.MicroBatch),
		Schedule: c.schedule(), Offload: step.OffloadNone,
	}
	f.Work.Model.Dropout = c.dropout(f.Machine.Stack.Name)
	l.Attention = c.attention(f.Machine.Stack.Name)
	if l.CP > 1 {
		l.Attention = step.Fused // stored scores cannot be divided by sequence
	}
	if unit := l.TP * l.PP * l.CP; unit > c.Chips {
		return fmt.Errorf("tp x pp x cp = %d is more than the %d chips", unit, c.Chips)
	}
	var err error
	if f.Layout, err = c.divided(f, l); err != nil {
		return err
	}
	if err := c.complete(f); err != nil {
		return err
	}
	c.say(f)
	return nil
}

// contextComm is how a case exchanged keys and values: MaxText gathers them unless told
// otherwise (context_parallel_strategy: all_gather), and so did Meta for Llama 3
// (arXiv:2407.21783, section 3.3.2); with Megatron chips pass them on in a ring.
func (c *Case) contextComm(vendor string, degree int) step.ContextComm {
	if degree > 1 && (vendor == "Google" || c.note("sys") == "h100-meta24k") {
		return step.AllGather
	}
	return step.Ring
}

// schedule is the pipeline's that a case's notes name.
func (c *Case) schedule() step.Schedule {
	if c.says("dualpipe") {
		return step.DualPipe
	}
	return step.OneFOneB
}

// cores is how many devices frameworks count a chip as.
func cores(chip string) int {
	switch chip {
	case "trainium1", "tpu-v7x": // two NeuronCores, two TensorCores
		return 2
	}
	return 1
}

// zero is the ZeRO stage that a case ran.
func (c *Case) zero(f *Configuration) int {
	switch {
	case c.ZeRO != nil && *c.ZeRO > 1 && c.PP > 1:
		// With a pipeline weights and gradients stay whole for all microbatches of a
		// step, whatever shards them between steps.
		return 1
	case c.ZeRO != nil:
		return *c.ZeRO
	case f.Machine.Chip.Vendor == "Google" && c.PP <= 1, c.PP <= 1 && c.says("fsdp"):
		return 3 // XLA shards weights over all chips of a replica
	}
	return 1
}

// divided is the layout that so many chips and sequences make of the degrees of l,
// with the batch of f set to what it divides. Where a degree that the source prints
// breaks a rule of the step model it takes the nearest that does not.
func (c *Case) divided(f *Configuration, l step.Layout) (step.Layout, error) {
	m := &f.Work.Model
	for whole := l; ; l.TP-- {
		whole.TP, whole.SP = l.TP, false
		if whole.Divides(&f.Work) {
			break
		}
	}
	for l.CP > 1 && f.Work.Sequence%(2*l.CP) != 0 {
		l.CP--
	}
	l.CPComm = c.contextComm(f.Machine.Chip.Vendor, l.CP)
	l.PP = min(l.PP, m.Layers+2) // embedding and head may have stages of their own
	l.DP = c.Chips / (l.TP * l.PP * l.CP)
	if l.PP == 1 {
		l.VPP = 1
	}
	l.SP = l.SP || l.TP == 1 || m.MoE != nil
	for !l.Divides(&f.Work) {
		if m.MoE == nil {
			l.SP = false // or padded, as XLA does
		} else {
			l.TP--
		}
	}
	if m.MoE == nil {
		l.EP = 1
	} else {
		l.ETP = c.expertTensor(f.Machine.Stack.Name, l.TP)
		for l.EP > 1 && (m.MoE.Experts%l.EP != 0 || l.TP*l.CP*l.DP%(l.EP*l.ETP) != 0) {
			l.EP--
		}
		if l.TP*l.CP*l.DP%l.ETP != 0 {
			l.ETP = 1
		}
	}
	batch, err := c.batch(f, l)
	if err != nil {
		return l, err
	}
	if f.Machine.Chip.Vendor == "Google" {
		// XLA runs a step as one program: no gradient accumulation, and the printed
		// batch per device counts every device of a replica. Pipelines have as many
		// microbatches as stages (MaxText, num_pipeline_microbatches).
		// What does not divide is padded.
		l.MicroBatch = (batch + l.DP*l.PP - 1) / (l.DP * l.PP)
	}
	l.MicroBatch = min(l.MicroBatch, shared(batch, l.DP))
	for batch%l.DP == 0 && batch/l.DP%l.MicroBatch != 0 {
		l.MicroBatch--
	}
	round := l.DP * l.MicroBatch
	f.Work.Batch = (batch + round/2) / round * round
	if c.idles(l) {
		f.Work.Batch = (batch + round - 1) / round * round
	}
	f.Work.Batch = max(round, f.Work.Batch)
	l.VPP = max(1, min(l.VPP, (m.Layers+2)/l.PP))
	micro := f.Work.Batch / round
	switch {
	case l.Schedule == step.DualPipe && (l.PP%2 != 0 || micro < 2*l.PP):
		l.Schedule = step.OneFOneB
	case l.Schedule == step.DualPipe:
		l.VPP = 1 // it has two chunks of its own
		f.Work.Batch = micro / 2 * 2 * round
	}
	if l.VPP > 1 && micro%l.PP != 0 {
		if micro < l.PP {
			l.VPP = 1
		} else {
			// Chunks take microbatches in groups of as many as there are stages, and newer
			// stacks a smaller last one: the step of whole groups, in proportion.
			f.Work.Batch = (micro + l.PP/2) / l.PP * l.PP * round
		}
	}
	l.LastLayers = c.lastLayers(m, l)
	l.Shard = c.shard(l)
	return l, nil
}

// shared is how many of n things each of several parts gets, one more where n is that many
// rounded.
func shared(n, parts int) int {
	each := n / parts
	if float64((each+1)*parts) <= float64(n)*(1+roundedBatch) {
		each++
	}
	return max(1, each)
}

// lastLayers is how many layers users put on the last chunk of a pipeline: as many as on the
// others where that goes, the embedding and the head counted as a layer each or not at all.
// NeMo counted prediction modules too (scripts/performance/llm/pretrain_deepseek_v3.py);
// Megatron-Bridge writes such pipelines down chunk by chunk. 0 is as the step model deals them.
func (c *Case) lastLayers(m *model.Model, l step.Layout) int {
	chunks, nemo := l.PP*l.VPP, c.container() > 0 && c.container() < firstBridge
	switch {
	case l.PP == 1:
		return 0
	case c.LastLayers > 0:
		return min(c.LastLayers, (m.Layers+chunks-1)/chunks)
	case m.Layers%chunks == 0:
		return m.Layers / chunks
	case (m.Layers+2)%chunks == 0:
		return (m.Layers+2)/chunks - 1
	case nemo && m.MTP > 0 && (m.Layers+2+m.MTP)%chunks == 0:
		return max(0, (m.Layers+2+m.MTP)/chunks-1-m.MTP)
	}
	return 0
}

// say lists what of the layout is not as printed.
func (c *Case) say(f *Configuration) {
	l := f.Layout
	said := func(format string, args ...any) { f.Assumed = append(f.Assumed, fmt.Sprintf(format, args...)) }
	google := f.Machine.Chip.Vendor == "Google"
	for _, d := range []struct {
		name          string
		printed, took int
		usual         int // what a blank column means, not worth saying
	}{
		{"tp", c.TP, l.TP, 1}, {"pp", c.PP, l.PP, 1}, {"vpp", c.VPP, l.VPP, 1}, {"dp", c.DP, l.DP, l.DP}, {"cp", c.CP, l.CP, 1}, {"ep", c.EP, l.EP, 1},
	} {
		switch {
		case d.printed > 0 && d.printed != d.took:
			f.doubt("%s=%d where %d is printed%s", d.name, d.took, d.printed, c.product(d.name))
		case d.printed == 0 && d.took != d.usual:
			said("%s=%d", d.name, d.took)
		}
	}
	switch {
	case google || c.MicroBatch == l.MicroBatch:
	case c.MicroBatch > 0:
		f.doubt("mb=%d where %d is printed", l.MicroBatch, c.MicroBatch)
	default:
		said("mb=%d", l.MicroBatch)
	}
	switch {
	case c.SP == nil && !l.SP && l.TP > 1:
		said("sp=0")
	case c.SP != nil && *c.SP != l.SP && l.TP > 1:
		said("sequence parallelism: %v", l.SP)
	}
	if f.Work.Model.MoE != nil && c.sendsEveryCopy(f.Machine.Chip.Name, f.Machine.Stack.Name) {
		said("each token sent to every one of its experts")
	}
	if c.schedule() != l.Schedule && l.PP > 1 {
		f.doubt("schedule=1f1b: DualPipe needs an even pp, and twice as many microbatches")
	}
	if c.ZeRO == nil || *c.ZeRO != l.ZeRO {
		said("zero=%d during a step", l.ZeRO)
	}
	if _, known := labels["recompute"].word(c.Recompute); !known {
		said("recompute=%s", l.Recompute)
	}
	switch {
	case f.Work.Batch == c.Batch:
	case c.Batch > 0 && c.Batch%(l.DP*l.MicroBatch) == 0:
		said("in proportion to a global batch of %d, whose microbatches the schedule takes evenly", f.Work.Batch)
	case c.idles(l):
		f.doubt("global batch %d over dp=%d replicas of mb=%d: some idle", c.Batch, l.DP, l.MicroBatch)
	case c.Batch > 0:
		f.doubt("global batch %d where %d is printed, which dp=%d and mb=%d do not divide", f.Work.Batch, c.Batch, l.DP, l.MicroBatch)
	default:
		said("global batch %d", f.Work.Batch)
	}
	if used := l.Chips(); used != c.Chips {
		said("%d of the %d chips", used, c.Chips)
	}
}

// product says what the printed degrees multiply to where dp is not what is left of
// the chips.
func (c *Case) product(degree string) string {
	if degree != "dp" {
		return ""
	}
	used := float64(max(1, c.TP)) * float64(max(1, c.PP)) * float64(max(1, c.CP)) * float64(c.DP)
	return fmt.Sprintf(": tp x pp x cp x dp = %.0f of %d chips", used, c.Chips)
}

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
	// MaxText keeps products by name; which, dgxc-benchmarking does not print. All of
	// them need more than the chip has, and with none of them kept its BF16 steps would
	// run products at 71 % of peak, more than any other stack's.
	{"dgxc", "llama270bmaxtext", 0, "", []string{"h100-sxm"}, step.RecomputeAlternate},
	{"dgxc", "llama370bmaxtext", 0, "", []string{"h100-sxm"}, step.RecomputeAlternate},
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
