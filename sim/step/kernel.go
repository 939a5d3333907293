package step

import (
	"math"
	"slices"

	"clustercap/sim/hardware"
	"clustercap/sim/unit"
)

// Shape constants of dense kernels. They are properties of how matrix units are
// fed, not of a chip; the chip's own constants are in hardware.Efficiency.
const (
	// kRamp is the depth k at which a tile spends half of its time filling the
	// pipeline and writing its result. CUTLASS profiles of 128x256 tiles on A100
	// and H100 reach 90 % of their plateau at k of about 1,500 (range 100-300).
	kRamp = 160
	// attentionRamp is the span of keys at which a fused attention kernel
	// reaches half of its plateau. FlashAttention-2 on A100 goes from about
	// 65 % of its plateau at 512 tokens to 95 % at 8k causal (range 150-400).
	attentionRamp = 250
	// attentionBackward is the FLOPs of the fused backward kernel over the
	// forward's: five matrix products instead of two (FlashAttention, section 3.2).
	attentionBackward = 2.5
	// attentionBackwardSpeed is the backward kernel's rate over the forward's:
	// FlashAttention-2 and -3 report 0.75-0.85.
	attentionBackwardSpeed = 0.8
	// headWidth is the width of heads that attention's share of a chip's peak holds for.
	headWidth = 128
	// exponentials is how many of them a core computes in a clock unless its chip says
	// otherwise: every NVIDIA generation from Ampere to Blackwell and AMD's compute units
	// (vendors' throughput tables).
	exponentials = 16
	// exponentialClock is the rate of that clock, range 1.4-1.9 GHz.
	exponentialClock = 1.75e9
	// softmaxExposed is the part of the exponentials' time that products don't hide. On
	// H100 with heads 64 wide FlashAttention-3 reaches 497 of 648 TFLOP/s and cuDNN 413 of
	// 595 (arXiv:2407.08608, figure 5): 0.8 and 1.5.
	softmaxExposed = 0.8
	// blockScaled is the rate of products with a scale per block of 32 elements or
	// fewer over those with one per tensor: the scales are laid out and read beside the
	// operands. The same steps on Blackwell take 3 to 6 % longer in MXFP8 than in FP8
	// (Megatron-Bridge 25.09 and 25.11), of which the casts are 1 %; range 0.9-1.
	blockScaled = 0.95
	// fp4OverMXFP8 is the rate of products in NVFP4 over those in MXFP8, operands ready:
	// 3.76 against 7.16 ms for the twelve of a layer 4,096 wide on B300, whose FP4 peak is
	// three times FP8's (Transformer Engine, GEMM profiling tutorial); range 1.8-2. MXFP4
	// runs on the same units at the same peak [prior].
	fp4OverMXFP8 = 1.9
	// unaligned is the rate of unfused attention's products over their usual one where a
	// head's 16-bit rows don't start on 16 bytes: the library takes kernels without matrix
	// units. Fitted to three steps on A100 with heads 108 wide, 27 % slower than those 144
	// wide; its FP32 units do 19.5 TFLOP/s, 0.078 of what its matrix units sustain. Libraries
	// since have kernels for any alignment [prior]; range 0.06-0.6.
	unaligned = 0.08
	// alignedWidth is the elements of 16 bits in 16 bytes.
	alignedWidth = 8
	// scoreBytes is what unfused attention moves per score in the forward pass:
	// the fused scale-mask-softmax reads and writes BF16, dropout reads and
	// writes BF16 and a one-byte mask. Stacks that store scores and don't drop them
	// were measured no faster, so it counts for all.
	scoreBytes = 2 + 2 + 2 + 2 + 1
	// scoreStored is what it keeps per score: the softmax output; with dropout its
	// output and mask too (Korthikanti et al., equation 1: 5 a s^2 b).
	scoreStored     = 2
	scoreDropStored = 2 + 1
)

// tile is an output tile of a GEMM kernel: its sides, powers of two, and the FLOPs' worth of
// time that a core takes for one at the best rate that it can reach, in outputs: smaller
// tiles read more operand bytes per FLOP.
type tile struct{ perM, perN, outputs float64 }

func newTile(m, n int, rate float64) tile {
	return tile{1 / float64(m), 1 / float64(n), float64(m*n) / rate}
}

// tiles that vendor libraries choose from.
var tiles = [...]tile{newTile(128, 256, 1), newTile(256, 128, 1), newTile(128, 128, 0.92), newTile(64, 128, 0.8)}

// cost is the time of kernels, by what limits them.
type cost struct {
	matrix float64 // s, matrix units busy
	memory float64 // s, memory-bound or launching
	flops  float64 // of the matrix products
	// kernels is how many there are.
	kernels float64
}

func (c cost) sum() float64 { return c.matrix + c.memory }

func (c cost) plus(d cost) cost {
	return cost{c.matrix + d.matrix, c.memory + d.memory, c.flops + d.flops, c.kernels + d.kernels}
}

// slowed is the same work in f times the time.
func (c cost) slowed(f float64) cost { return cost{c.matrix * f, c.memory * f, c.flops, c.kernels} }

func (c cost) times(f float64) cost {
	return cost{c.matrix * f, c.memory * f, c.flops * f, c.kernels * f}
}

// rates are a chip's achievable rates for one precision, in SI.
type rates struct {
	linear    float64 // FLOP/s of a large GEMM in the workload's precision
	bf16      float64 // FLOP/s of a large GEMM in BF16
	attention float64 // FLOP/s of a long fused attention kernel
	backward  float64 // FLOP/s of its backward kernel
	softmax   float64 // width of heads whose products take as long as the exposed softmax
	memory    float64 // B/s
	launch    float64 // s
	operand   float64 // bytes per element of a GEMM operand, scales included
	cores     int
	array     float64 // width of systolic arrays, 0 without
	grouped   float64 // rate of products of several groups over that of one
	ramp      float64 // keys at which attention reaches half of its plateau
	wide      float64 // rate of attention with heads of headWidth or wider over what the rest says
	traffic   float64 // bytes that element-wise kernels move over those of fused ones
	// cast is the bytes that making a GEMM's operand of one element of a BF16 tensor,
	// and of its transpose for the weight gradient, moves; 0 in BF16. NVFP4 reads the
	// tensor three times: for its largest value, for the operand, and for the transpose,
	// which is rotated first (NVIDIA 2025, arXiv:2509.25149, section 4). MXFP4 has no scale
	// of the whole tensor, and rotates within its blocks (Tseng et al., arXiv:2502.20586).
	cast float64
	// sum is the bytes that the product for a weight's gradient moves of it: it adds to the
	// gradient that microbatches before left, or writes it.
	sum       float64
	shapeless bool // kernels run at their plateau, whatever their shape
}

func chipRates(c *hardware.Chip, stack *Stack, p Precision) rates {
	e := &c.Efficiency
	r := rates{
		bf16:      float64(c.BF16.Likely) * float64(e.Matmul.Likely) * orOne(stack.Matmul),
		attention: float64(c.BF16.Likely) * float64(e.Attention.Likely) * orOne(stack.Attention),
		memory:    float64(c.HBMBandwidth.Likely) * float64(e.Memory.Likely),
		launch:    orElse(stack.Launch, float64(e.Launch.Likely)),
		operand:   2,
		cores:     c.Cores,
		array:     float64(c.Array),
		grouped:   orOne(stack.Grouped),
		ramp:      attentionRamp,
		wide:      1,
		traffic:   orOne(stack.Elementwise),
	}
	switch p {
	case FP8, MXFP8:
		r.linear = float64(c.FP8.Likely) * float64(e.MatmulFP8.Likely) * orOne(stack.MatmulFP8)
		r.operand = 1
		r.wide = orOne(stack.AttentionFP8)
		if p == MXFP8 {
			r.linear *= blockScaled
			r.operand += 1.0 / 32
		}
	case MXFP4, NVFP4:
		peak := float64(c.FP4.Likely)
		if c.FP8.Likely > 0 {
			peak = min(peak, fp4OverMXFP8*float64(c.FP8.Likely))
		}
		r.linear = blockScaled * peak * float64(e.MatmulFP8.Likely) * orOne(stack.MatmulFP8)
		r.operand = 0.5 + 1.0/16
		if p == MXFP4 {
			r.operand = 0.5 + 1.0/32
		}
	default:
		r.linear = r.bf16
	}
	r.backward = r.attention * attentionBackwardSpeed
	r.softmax = softmaxWidth(c)
	if stack.AttentionBlock > 0 {
		r.ramp = 0 // blocks of scores are counted whole
	}
	switch p {
	case BF16:
	case NVFP4:
		r.cast = 3*activationBytes + 2*r.operand
	default:
		r.cast = activationBytes + 2*r.operand
	}
	r.cast *= orOne(stack.Casts)
	return r
}

// softmaxWidth is the width of heads whose four FLOPs for each unit of it and score take as
// long as what products do not hide of the score's exponential; infinite where the cores
// are not known.
func softmaxWidth(c *hardware.Chip) float64 {
	if c.Cores == 0 {
		return math.Inf(1)
	}
	each := exponentials
	if c.Exponentials > 0 {
		each = c.Exponentials
	}
	return softmaxExposed * float64(c.BF16.Likely) / float64(c.Cores) / (4 * float64(each) * exponentialClock)
}

// narrow is the rate of attention with heads of this width over that of the width which
// attention's share of a chip's peak holds for: headWidth, or that of a systolic array,
// which runs as many clocks for narrower heads. softmax is the width whose products take as
// long as it. Wider heads were measured no faster (cuDNN 509 of 595 TFLOP/s at 256).
func narrow(width, softmax, array float64) float64 {
	full := max(headWidth, array)
	if width >= full {
		return 1
	}
	if array > 0 || math.IsInf(softmax, 1) {
		return width / full
	}
	return width / (width + softmax) * (headWidth + softmax) / headWidth
}

// Peak is the data-sheet rate against which MFU counts; zero where the chip has none
// for the precision.
func Peak(c *hardware.Chip, p Precision) unit.FLOPRate {
	switch p {
	case FP8:
		return c.FP8.Likely
	case MXFP8:
		return c.Scaled(hardware.MXFP8).Likely
	case MXFP4:
		return c.Scaled(hardware.MXFP4).Likely
	case NVFP4:
		return c.Scaled(hardware.NVFP4).Likely
	default:
		return c.BF16.Likely
	}
}

// PrecisionsOf names the precisions that a chip has a rate for, the widest first.
func PrecisionsOf(c *hardware.Chip) []string {
	return slices.DeleteFunc(Precisions(), func(name string) bool { return Peak(c, Precision(name)) == 0 })
}

// gemm prices an m x n x k product in the workload's precision; groups equal
// products run as one kernel (grouped GEMM of experts).
func (r *rates) gemm(groups, m, n, k float64) cost {
	return r.product(groups, m, n, k, r.linear, r.operand, activationBytes)
}

// weightGradient prices the product for the gradient of groups m x n weights from k tokens.
func (r *rates) weightGradient(groups, m, n, k float64) cost {
	return r.product(groups, m, n, k, r.linear, r.operand, r.sum)
}

// gemmBF16 prices a product that stays in BF16 whatever the workload's precision
// (output head, router).
func (r *rates) gemmBF16(m, n, k float64) cost {
	return r.product(1, m, n, k, r.bf16, 2, activationBytes)
}

// product prices groups products at a rate whose operands and output take so many bytes an
// element.
func (r *rates) product(groups, m, n, k, rate, operand, output float64) cost {
	if m <= 0 || n <= 0 || k <= 0 || groups <= 0 {
		return cost{}
	}
	flops := 2 * groups * m * n * k
	if r.shapeless {
		return r.bound(flops/rate, groups*(operand*(m*k+k*n)+output*m*n), flops)
	}
	best, depth := r.tiled(groups, m, n), k
	if r.array > 0 {
		best, depth = max(r.filled(m), r.filled(n)), k/r.filled(k)
	}
	best *= k / (depth + kRamp)
	if groups > 1 {
		best *= r.grouped
	}
	return r.bound(flops/(rate*best), groups*(operand*(m*k+k*n)+output*m*n), flops)
}

// tiled is the share of the best rate that the best of the tiles leaves products of this
// outer shape: outputs over those that the cores could make while they are at its tiles,
// partial ones and the last wave, which leaves some idle, whole.
func (r *rates) tiled(groups, m, n float64) float64 {
	most := math.Inf(1)
	cores := float64(r.cores)
	for i := range &tiles {
		t := &tiles[i]
		count := groups * math.Ceil(m*t.perM) * math.Ceil(n*t.perN)
		if cores > 0 {
			count = cores * math.Ceil(count/cores)
		}
		most = min(most, count*t.outputs)
	}
	return groups * m * n / most
}

// filled is the share of systolic arrays that a dimension of this size fills. One operand of
// a product lies in them, padded to whole arrays, and the other streams through.
func (r *rates) filled(size float64) float64 { return size / (r.array * math.Ceil(size/r.array)) }

// blockSpan is the mean number of keys whose scores a query's block computes in a causal
// sequence with a sliding window (0: none): blocks are square and computed whole wherever
// one score is needed.
func blockSpan(seq, window, block int) float64 {
	block = min(block, seq)
	n := (seq + block - 1) / block // blocks of queries
	back := n - 1                  // blocks of keys before a query's own
	if window > 0 {
		back = min(back, (window+block-2)/block)
	}
	// The first blocks of queries have fewer before them.
	blocks := n*(back+1) - back*(back+1)/2
	return float64(blocks*block) / float64(n)
}

// bound is the cost of a kernel of products that computes for so many seconds and
// moves so many bytes meanwhile: whichever takes longer.
func (r *rates) bound(compute, bytes, flops float64) cost {
	stream := bytes / r.memory
	if stream > compute {
		return cost{memory: stream + r.launch, flops: flops, kernels: 1}
	}
	return cost{matrix: compute, memory: r.launch, flops: flops, kernels: 1}
}

// stream prices a memory-bound kernel that moves so many bytes.
func (r *rates) stream(bytes float64) cost {
	if bytes <= 0 {
		return cost{}
	}
	return cost{memory: bytes/r.memory + r.launch, kernels: 1}
}

// widened is the rate of attention in the stack's own precision over the usual one.
func (r *rates) widened(width float64) float64 {
	if width < headWidth {
		return 1
	}
	return r.wide
}

// attend prices fused attention: tokens queries of heads heads that meet span
// keys on average, with inner widths qk and v, in as many kernels as the keys come
// in blocks.
func (r *rates) attend(tokens, heads, span, qk, v, blocks float64) (forward, backward cost) {
	flops := 2 * tokens * heads * span * (qk + v)
	block := span / blocks
	short := block / (block + r.ramp)
	if r.shapeless {
		short = 1
	}
	width := (qk + v) / 2
	forwards, backwards := narrow(width, r.softmax, r.array), narrow(width, r.softmax/attentionBackward, r.array)
	if r.shapeless {
		forwards, backwards = 1, 1
	}
	forwards, backwards = forwards*r.widened(width), backwards*r.widened(width)
	forward = cost{matrix: flops / (r.attention * short * forwards), memory: blocks * r.launch, flops: flops, kernels: blocks}
	backward = cost{matrix: attentionBackward * flops / (r.backward * short * backwards), memory: 2 * blocks * r.launch, flops: attentionBackward * flops, kernels: 2 * blocks}
	return forward, backward
}

// attendUnfused prices attention that stores its scores, masked but not skipped:
// two batched products over all s x s scores with softmax and dropout between.
func (r *rates) attendUnfused(batch, heads, seq, qk, v float64, dropout bool) (forward, backward cost, stored float64) {
	groups, scores := batch*heads, batch*heads*seq*seq
	kept := float64(scoreStored)
	if dropout {
		kept += scoreDropStored
	}
	rate := r.bf16
	if math.Mod(qk, alignedWidth) != 0 || math.Mod(v, alignedWidth) != 0 {
		rate *= unaligned
	}
	soft := r.stream(scores * scoreBytes)
	forward = r.product(groups, seq, seq, qk, rate, 2, activationBytes).plus(soft).plus(r.product(groups, seq, v, seq, rate, 2, activationBytes))
	backward = r.product(groups, seq, seq, v, rate, 2, activationBytes).
		plus(r.product(groups, seq, v, seq, rate, 2, activationBytes)).
		plus(r.product(groups, seq, qk, seq, rate, 2, activationBytes).times(2)).
		plus(r.stream(scores * scoreBytes * 1.5)) // gradients beside both operands
	return forward, backward, scores * kept
}
