// Package step prices one training step of a transformer on a cluster, bottom-up:
// kernels and collectives of one microbatch on one pipeline stage, composed by the
// pipeline schedule, overlapped with data-parallel traffic, raised by stragglers.
package step

import (
	"fmt"

	"clustercap/sim/hardware"
	"clustercap/sim/model"
	"clustercap/sim/unit"
)

// Precision of the matrix products.
type Precision string

// The precisions. Attention and the optimizer stay in BF16 and FP32.
const (
	BF16 Precision = "bf16"
	// FP8 scales whole tensors, or blocks large enough not to matter.
	FP8 Precision = "fp8"
	// MXFP8 scales blocks of 32 elements (Open Compute's microscaling format).
	MXFP8 Precision = "mxfp8"
	// MXFP4 computes in 4 bits, blocks of 32 elements (of the same).
	MXFP4 Precision = "mxfp4"
	// NVFP4 computes in 4 bits, blocks of 16 elements with an FP8 scale each.
	NVFP4 Precision = "nvfp4"
)

// Precisions names all of them, the widest first.
func Precisions() []string {
	return []string{string(BF16), string(FP8), string(MXFP8), string(MXFP4), string(NVFP4)}
}

// Recompute says which activations the backward pass computes anew.
type Recompute string

// The recompute policies, from nothing to all but each layer's input.
const (
	RecomputeNone Recompute = "none"
	// RecomputeSelective runs unfused attention's scores, softmax and dropout
	// again (Korthikanti et al., section 5). Fused attention does so by itself,
	// so with it nothing is left to select.
	RecomputeSelective Recompute = "selective"
	// RecomputeLight runs again what is cheap and large: norms, feed-forward
	// activation, latent up-projections (DeepSeek-V3, section 3.2.3).
	RecomputeLight Recompute = "light"
	// RecomputeAlternate adds every second matrix product of a layer to that
	// (torchtitan's selective activation checkpointing per operation).
	RecomputeAlternate Recompute = "alternate"
	// RecomputeFull runs each layer again from its input.
	RecomputeFull Recompute = "full"
)

// Schedule is the order of forward and backward passes in the pipeline.
type Schedule string

// The schedules.
const (
	// OneFOneB is one-forward-one-backward, interleaved when VPP > 1
	// (Narayanan et al., SC'21).
	OneFOneB Schedule = "1f1b"
	// DualPipe feeds the pipeline from both ends and hides expert-parallel
	// traffic behind another microbatch's computation (DeepSeek-V3, section 3.2.1).
	DualPipe Schedule = "dualpipe"
	// ZeroBubbleH1 is 1F1B whose gradients of weights wait for where a stage would
	// (Qi et al., "Zero Bubble Pipeline Parallelism", ICLR 2024, section 2.3): as many
	// microbatches in flight as under 1F1B, on every stage.
	ZeroBubbleH1 Schedule = "zb-h1"
	// ZeroBubbleV deals each stage two chunks in a V, so that the first stage holds
	// both ends of the model (Qi et al., section 6): as much memory as 1F1B.
	ZeroBubbleV Schedule = "zb-v"
)

// splits reports whether gradients of weights are passes of their own.
func (s Schedule) splits() bool { return s == ZeroBubbleH1 || s == ZeroBubbleV }

// Attention names the attention kernel.
type Attention string

// The attention kernels.
const (
	// Fused computes scores tile by tile and never stores them (FlashAttention).
	Fused Attention = "fused"
	// Unfused stores all scores, as stacks did before 2023.
	Unfused Attention = "unfused"
)

// Amax is over which chips the largest values that scale FP8 are reduced.
type Amax string

// The groups.
const (
	AmaxStage  Amax = "stage"  // all of a pipeline stage
	AmaxTensor Amax = "tensor" // those of a tensor- and context-parallel group
)

// ContextComm is how the chips of a context-parallel group meet each other's keys and
// values.
type ContextComm string

// The ways. Either gives each chip two chunks of a sequence, one from either end, so
// that all compute as much of causal attention.
const (
	// Ring passes keys and values round, block by block, beside attention on the
	// block that has arrived (Liu et al., "Ring Attention", arXiv:2310.01889).
	Ring ContextComm = "ring"
	// AllGather collects all keys and values before attention, and again before its
	// backward pass, after which their gradients are scattered: exposed, but one
	// kernel, and small beside attention with few key heads (Llama 3, section 3.3.2).
	AllGather ContextComm = "all-gather"
)

// Workload is what one step computes.
type Workload struct {
	Model model.Model
	// Sequence is the length in tokens; Batch the global batch in sequences.
	Sequence, Batch int
	Precision       Precision
}

// Tokens per step.
func (w *Workload) Tokens() unit.Tokens { return unit.Tokens(w.Sequence) * unit.Tokens(w.Batch) }

// Layout is how the workload is divided over chips.
type Layout struct {
	TP int `json:"tp"` // tensor parallel
	// SP divides the regions between tensor-parallel blocks (norms, dropout,
	// residuals) over the TP chips by sequence (Korthikanti et al., section 4.2.2).
	// Without it every chip computes and keeps them whole. No effect at TP 1.
	SP bool `json:"sp"`
	PP int  `json:"pp"` // pipeline stages
	// VPP is the number of model chunks per stage (1: plain 1F1B; 2 under zb-v).
	VPP int `json:"vpp"`
	// LastLayers is the number of layers on the model's last chunk, which holds the head too.
	// 0 deals layers out so that the busiest stage has the least FLOPs.
	LastLayers int `json:"last_layers,omitempty"`
	DP         int `json:"dp"` // data-parallel replicas
	CP         int `json:"cp"` // context parallel
	// CPComm is how context-parallel chips exchange keys and values. No effect at CP 1.
	CPComm ContextComm `json:"cp_comm"`
	// EP divides the experts over EP groups of the TP x CP x DP plane, and ETP
	// each expert's matrices over the chips of a group (1, or TP).
	EP  int `json:"ep"`
	ETP int `json:"etp"`
	// ZeRO is 0 (replicated), 1 (sharded optimizer), 2 (and gradients), 3 (and weights).
	ZeRO int `json:"zero"`
	// Shard is over how many replicas ZeRO shards, the rest holding copies (hybrid
	// sharding, HSDP); 0 for all.
	Shard      int `json:"shard"`
	MicroBatch int `json:"micro_batch"` // sequences
	// Recompute is none, selective, light, alternate or full, or parts of a layer joined
	// by +: norm, act (the feed-forward activation), mla (latent up-projections), scores
	// (of unfused attention), ffn (the whole feed-forward block or experts), qkv (the
	// projections before attention), attn (fused attention), out (the projection behind it),
	// up (the first products of the feed-forward block, dispatch to experts included).
	Recompute Recompute `json:"recompute"`
	// RecomputeLayers is how many layers of each stage follow Recompute, the first
	// ones; the others compute nothing anew. 0 is all.
	RecomputeLayers int `json:"recompute_layers"`
	// Offload is what waits in host memory: none, optimizer (state), activations, all.
	Offload   Offload   `json:"offload"`
	Schedule  Schedule  `json:"schedule"`
	Attention Attention `json:"attention"`
}

// Chips that the layout occupies.
func (l Layout) Chips() int { return l.TP * l.PP * l.DP * l.CP }

// Machine is what the step runs on; ranges are read at Likely.
type Machine struct {
	Chip   hardware.Chip
	Server hardware.Server
	Fabric hardware.Fabric
	Stack  Stack
}

// Step is the price of one training step.
type Step struct {
	Layout Layout
	Time   unit.Duration
	Tokens unit.Tokens
	Parts  Parts
	Memory Memory
	// ModelFLOPs of the whole step, without recomputation, attention causal.
	ModelFLOPs float64
	// HardwareFLOPs counts the products that are recomputed too.
	HardwareFLOPs float64
	// MFU and HFU against the peak of Workload.Precision.
	MFU, HFU unit.Share
	Activity Activity
}

// Parts divides Time on the mean chip; they sum to it.
type Parts struct {
	Compute     unit.Duration // kernels of forward, backward and optimizer
	Recompute   unit.Duration // kernels run again for the backward pass
	TensorComm  unit.Duration // exposed, and so on
	ExpertComm  unit.Duration
	ContextComm unit.Duration
	PipeComm    unit.Duration
	DataComm    unit.Duration
	HostComm    unit.Duration // copies to and from host memory
	HostWait    unit.Duration // until the host knows the tokens of each expert, or has launched the kernels
	Bubble      unit.Duration // waiting for the pipeline to fill, drain or balance
	Straggler   unit.Duration // waiting for the slowest chip
	Overhead    unit.Duration // outside the model: data loading, logging
}

// ExposedComm is all communication that no computation hides.
func (p Parts) ExposedComm() unit.Duration {
	return p.TensorComm + p.ExpertComm + p.ContextComm + p.PipeComm + p.DataComm + p.HostComm
}

// Sum is the whole step.
func (p Parts) Sum() unit.Duration {
	return p.Compute + p.Recompute + p.ExposedComm() + p.HostWait + p.Bubble + p.Straggler + p.Overhead
}

// Activity is how long the mean chip spends in each power state during a step;
// the fields sum to Time.
type Activity struct {
	Matrix unit.Duration // matrix units busy
	Memory unit.Duration // memory-bound kernels
	Comm   unit.Duration // exposed collectives
	Wait   unit.Duration // bubble, straggler and overhead
}

// Memory per chip by class, on the fullest pipeline stage.
type Memory struct {
	Weights     unit.Bytes
	Gradients   unit.Bytes
	Optimizer   unit.Bytes
	Activations unit.Bytes
	Buffers     unit.Bytes // communication buffers, workspace, fragmentation, context
	Capacity    unit.Bytes
	// Host is what one chip keeps in host memory, of its share HostCapacity.
	Host, HostCapacity unit.Bytes
}

// Total of all classes.
func (m Memory) Total() unit.Bytes {
	return m.Weights + m.Gradients + m.Optimizer + m.Activations + m.Buffers
}

// String is the need by class against the chip, for messages.
func (m Memory) String() string {
	text := fmt.Sprintf("%.1f GiB per chip (weights %.1f, gradients %.1f, optimizer %.1f, activations %.1f, buffers %.1f) of %.1f GiB",
		gib(m.Total()), gib(m.Weights), gib(m.Gradients), gib(m.Optimizer), gib(m.Activations), gib(m.Buffers), gib(m.Capacity))
	if m.Host > 0 {
		text += fmt.Sprintf(", and %.1f GiB of the host's memory, of %.1f GiB per chip", gib(m.Host), gib(m.HostCapacity))
	}
	return text
}

func gib(b unit.Bytes) float64 { return float64(b) / (1 << 30) }

// Fits reports whether the step fits the chip, and the host what is offloaded.
func (m Memory) Fits() bool { return m.Total() <= m.Capacity && m.Host <= m.HostCapacity }
