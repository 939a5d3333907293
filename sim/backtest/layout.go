package backtest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/model"
	"clustercap/sim/step"
)

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
	l.CPComm = c.contextComm(&f.Machine, l.CP)
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
	l, err := c.batched(f, l)
	if err != nil {
		return l, err
	}
	l.LastLayers = c.lastLayers(m, l)
	l.Shard = c.shard(l)
	return l, nil
}

// batched is a layout with microbatches, chunks and a schedule that the case's batch allows,
// the batch of f set to what they divide.
func (c *Case) batched(f *Configuration, l step.Layout) (step.Layout, error) {
	batch, err := c.batch(f, l)
	if err != nil {
		return l, err
	}
	if f.Machine.Chip.Vendor == "Google" {
		// XLA runs a step as one program: no gradient accumulation, and the printed
		// batch per device counts every device of a replica. Pipelines have as many
		// microbatches as stages (MaxText, num_pipeline_microbatches). What does not divide
		// is padded.
		l.MicroBatch = (batch + l.DP*l.PP - 1) / (l.DP * l.PP)
	} else {
		l.MicroBatch = min(c.microBatch(l, batch/l.DP), shared(batch, l.DP))
	}
	for batch%l.DP == 0 && batch/l.DP%l.MicroBatch != 0 {
		l.MicroBatch--
	}
	round := l.DP * l.MicroBatch
	f.Work.Batch = (batch + round/2) / round * round
	if c.idles(l) {
		f.Work.Batch = (batch + round - 1) / round * round
	}
	f.Work.Batch = max(round, f.Work.Batch)
	l.VPP = max(1, min(l.VPP, (f.Work.Model.Layers+2)/l.PP))
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
	return l, nil
}

// microBatch is the sequences that a replica with so many takes at once. torchtitan prints
// what a replica has (local_batch_size) and divides it for a pipeline: into as many
// microbatches as the pipeline has ranks, since April 2025 into single sequences (its pull
// requests 781 and 1073).
func (c *Case) microBatch(l step.Layout, local int) int {
	switch {
	case !c.printsLocalBatch(l, local):
		return l.MicroBatch
	case c.Year >= 2025:
		return 1
	}
	return max(1, local/l.PP)
}

// printsLocalBatch reports whether a case's microbatch is blank or that of a whole replica,
// where torchtitan divides it.
func (c *Case) printsLocalBatch(l step.Layout, local int) bool {
	return l.PP > 1 && c.origin().framework == "torchtitan" && (c.MicroBatch == 0 || c.MicroBatch == local)
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
	case c.PP <= 1 && c.withoutPipeline():
		return 3
	}
	return 1
}

// withoutPipeline reports whether a case ran AxoNN, whose four dimensions are data, rows and
// columns of a layer's weights, and a depth that divides the batch and shards the weights
// (axonn/intra_layer; Singh et al., SC'24): no pipeline, and as ZeRO 3 has it.
func (c *Case) withoutPipeline() bool { return c.origin().framework == "axonn" }

// schedule is the pipeline's that a case's notes name.
func (c *Case) schedule() step.Schedule {
	if c.says("dualpipe") {
		return step.DualPipe
	}
	return step.OneFOneB
}

// contextComm is how a case exchanged keys and values: MaxText gathers them unless told
// otherwise (context_parallel_strategy: all_gather), and so did Meta for Llama 3
// (arXiv:2407.21783, section 3.3.2); with Megatron chips pass them on in a ring.
func (c *Case) contextComm(m *step.Machine, degree int) step.ContextComm {
	if degree > 1 && !m.Stack.MergedContext && (m.Chip.Vendor == "Google" || c.note("sys") == "h100-meta24k") {
		return step.AllGather
	}
	return step.Ring
}

// Weights sharded within a part of the replicas and copied across, as notes say it:
// so many chips to a group, or so many TPU slices with a group each.
var (
	shardGroup  = regexp.MustCompile(`zero1 shard group = (\d{1,6}) GPUs|zero1 in-node (\d{1,6})|FSDP group (\d{1,6})|FSDP (\d{1,6}) x DP|FSDP over (\d{1,6})|fsdp (\d{1,6}) x dp`)
	shardSlices = regexp.MustCompile(`(\d{1,4}) slice(?:s|\(s\))`)
)

// namedGroup is a sharding group that a benchmark's own scripts name.
type namedGroup struct {
	framework, model string
	chips            int
}

// shardGroups are those of dgxc-benchmarking (paxml/paxml_mod_configs.py, the mesh's axes).
var shardGroups = []namedGroup{{"dgxc", "gpt3175bpaxml", 128}, {"dgxc", "gpt35bpaxml", 8}}

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
	} else if i := slices.IndexFunc(shardGroups, func(g namedGroup) bool { return c.origin().framework == g.framework && c.trains(g.model, "") }); i >= 0 {
		n = shardGroups[i].chips / l.TP
	} else if m := shardSlices.FindStringSubmatch(c.Notes); m != nil {
		if parts, err := strconv.Atoi(m[1]); err == nil && parts > 0 {
			n = replicas / parts
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
	if strings.HasPrefix(stack, "nemo-2024") {
		return tp
	}
	return 1
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
