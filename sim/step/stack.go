package step

import "clustercap/sim/unit"

// Stack is what a software stack makes of a chip: the shares of the chip's own
// constants that its kernels reach, and what it overlaps. The zero Stack is the one
// that the chip's constants were measured with, without overlap of tensor-parallel
// traffic.
type Stack struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Matmul, MatmulFP8 and Attention are the shares of the chip's sustained rates
	// that the stack's kernels reach; 0 is all.
	Matmul    unit.Range[unit.Share] `json:"matmul,omitzero"`
	MatmulFP8 unit.Range[unit.Share] `json:"matmul_fp8,omitzero"`
	Attention unit.Range[unit.Share] `json:"attention,omitzero"`
	// AttentionFP8 is the rate of attention kernels in 8 bits over that in BF16, for heads of 128
	// or wider in a run whose products have 8 bits; 0 where attention stays in BF16.
	AttentionFP8 unit.Range[unit.Factor] `json:"attention_fp8,omitzero"`
	// Grouped is the rate of the products of several experts in one kernel over that of a
	// single product; 0 is 1.
	Grouped unit.Range[unit.Share] `json:"grouped,omitzero"`
	// AttentionBlock is the side, in tokens, of the square blocks of scores that attention
	// computes whole; 0 where they are small, and their waste is in the chip's constants.
	AttentionBlock int `json:"attention_block,omitempty"`
	// Elementwise is the traffic of its element-wise kernels over that of fused
	// ones; 0 is 1.
	Elementwise unit.Range[unit.Factor] `json:"elementwise,omitzero"`
	// Casts is the traffic of casts to 8 and 4 bits, and of scaling what their products give,
	// over that of fused casts; 0 is 1.
	Casts unit.Range[unit.Factor] `json:"casts,omitzero"`
	// AmaxReduction is over which chips largest values are reduced after each pass of a chunk
	// where FP8 is scaled by those of passes before (delayed scaling): stage for all of a
	// pipeline stage, tensor for those of a tensor- and context-parallel group; blank for none.
	AmaxReduction Amax `json:"amax_reduction,omitempty"`
	// HeadDeferral is how many microbatches' gradients of the head's weights wait, in dense
	// models, until a pipeline under 1F1B drains (Megatron's wgrad_deferral_limit, of which 0
	// is all of them); 0 is none.
	HeadDeferral int `json:"head_deferral,omitempty"`
	// Launch is the time from the end of what one kernel of this model stands for to the
	// start of the next, where it is not the chip's.
	Launch unit.Range[unit.Duration] `json:"launch,omitzero"`
	// TensorOverlap is the share of tensor-parallel traffic that runs beside the
	// matrix products it feeds.
	TensorOverlap unit.Range[unit.Share] `json:"tensor_overlap,omitzero"`
	// SerialData is true where gradients are reduced after a backward pass instead of
	// beside it, unless weights are sharded (ZeRO 3): then a layer's gradients go as soon as
	// they are there, since the chip has no room for all.
	SerialData bool `json:"serial_data,omitempty"`
	// WholeReduce is true where, with the optimizer sharded (ZeRO 1), gradients are summed by
	// an all-reduce, whole on every chip, instead of scattered.
	WholeReduce bool `json:"whole_reduce,omitempty"`
	// InNetworkReduction is true where collectives run in the switches that can
	// reduce, wherever that is faster.
	InNetworkReduction bool `json:"in_network_reduction,omitempty"`
	// SerialCopies is true where, with hybrid sharding, gradients are summed between the
	// copies of a shard after the last backward pass instead of beside it.
	SerialCopies bool `json:"serial_copies,omitempty"`
	// ShardBroadcast is, where weights are not gathered but each chip of a sharding group
	// broadcasts its own to the others in turn, what one turn takes beside its bytes.
	ShardBroadcast unit.Range[unit.Duration] `json:"shard_broadcast,omitzero"`
	// PlainDispatch is true where each token is sent to every one of its experts,
	// and not once to each domain that holds some and forwarded there (DeepEP).
	PlainDispatch bool `json:"plain_dispatch,omitempty"`
	// NeighbourExperts is true where routing is made even by sending each token to experts that
	// follow each other, which few chips hold.
	NeighbourExperts bool `json:"neighbour_experts,omitempty"`
	// ExpertOverlap is the share of experts' all-to-alls that runs beside the kernels of
	// another microbatch, where stages interleave or there is no pipeline.
	ExpertOverlap unit.Range[unit.Share] `json:"expert_overlap,omitzero"`
	// ExpertSync is the time that the host stalls every layer of experts, each
	// way, to learn how many tokens each expert got.
	ExpertSync unit.Range[unit.Duration] `json:"expert_sync,omitzero"`
	// UnfusedRotary is true where no kernel fuses the rotary embedding of latent attention.
	UnfusedRotary bool `json:"unfused_rotary,omitempty"`
	// MergedContext is true where rings of context parallelism are PyTorch's: they gather keys
	// and values, repeated for all heads, and merge what blocks give in kernels of their own.
	MergedContext bool `json:"merged_context,omitempty"`
	// EagerContext is true where such a ring is not compiled: it moves more, and waits less.
	EagerContext bool `json:"eager_context,omitempty"`
	// Dispatch is how many kernels, each as long as a fused one, permute tokens into the
	// order of their experts, and as many back; 0 is 1.
	Dispatch unit.Range[unit.Factor] `json:"dispatch,omitzero"`
	// Capacity is how many places experts have over the tokens that they get in the mean, where
	// tokens that find none are dropped; all places are sent and computed. 0 is no limit.
	Capacity unit.Range[unit.Factor] `json:"capacity,omitzero"`
	// MaskedDispatch is true where tokens are ordered by experts, and back, in products with
	// masks, sequence by sequence (GShard, arXiv:2006.16668, algorithm 1).
	MaskedDispatch bool `json:"masked_dispatch,omitempty"`
	// ExpertLaunch is the time that the host takes in layers of experts to launch what
	// one kernel of this model stands for: several in an eager stack, nothing where the
	// step is captured as CUDA graphs or compiled.
	ExpertLaunch unit.Range[unit.Duration] `json:"expert_launch,omitzero"`
	// FusedExperts is true where in MXFP8 the products of experts apply the activation, and
	// its gradient, and cast what they write, for models without biases.
	FusedExperts bool `json:"fused_experts,omitempty"`
	// ExpertActivation is the traffic of an expert's activation with biases and clamps over
	// that of one fused kernel; 0 is 6.
	ExpertActivation unit.Range[unit.Factor] `json:"expert_activation,omitzero"`
	// Gradients is the bytes that the gradient of one parameter takes on a chip,
	// beside the optimizer's share; 0 is 4, accumulated and reduced in FP32.
	Gradients unit.Range[unit.Bytes] `json:"gradients,omitzero"`
	// ShardedGradients is the bytes that a gradient travels in where weights are sharded
	// too, if fewer; 0 is as Gradients.
	ShardedGradients unit.Range[unit.Bytes] `json:"sharded_gradients,omitzero"`
	// WeightsFP8 is true where, in FP8 with one scale for a tensor, the weights of layers are
	// gathered in 8 bits after an update, unless they are sharded too (ZeRO 3).
	WeightsFP8 bool `json:"weights_fp8,omitempty"`
	// PlannedMemory is true where a compiler places all tensors of a step beforehand: no
	// allocator leaves gaps, the update casts gradients as it reads them, and what full sharding
	// (ZeRO 3) gathers is whole matrix by matrix and not layer by layer, gradients likewise.
	PlannedMemory bool `json:"planned_memory,omitempty"`
	// Logits is the bytes that one logit takes while the loss and its gradient are
	// computed; 0 is 10.
	Logits unit.Range[unit.Bytes] `json:"logits,omitzero"`
	// Context is what driver, runtime, communicators and the stack's fixed buffers
	// hold beside tensors; 0 is 3 GB.
	Context unit.Range[unit.Bytes] `json:"context,omitzero"`
	// StepOverhead is the time per step outside the model: data loading, logging,
	// gradient norm, launch of the optimizer.
	StepOverhead unit.Range[unit.Duration] `json:"step_overhead,omitzero"`
}

// orOne is a share whose zero means all.
func orOne[Q unit.Quantity](r unit.Range[Q]) float64 { return orElse(r, 1) }

// orElse is the likely value of a range whose zero means usual.
func orElse[Q unit.Quantity](r unit.Range[Q], usual float64) float64 {
	if r.Likely == 0 {
		return usual
	}
	return float64(r.Likely)
}
