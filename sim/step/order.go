package step

// passKind is one direction of one microbatch through one chunk of the model.
type passKind uint8

const (
	forwardPass  passKind = iota
	backwardPass          // gradients of inputs and weights
	inputPass             // gradient of the inputs alone
	weightPass            // gradient of the weights that inputPass left
)

// chunkPass is a pass of a microbatch through a chunk; chunks count along the model.
type chunkPass struct {
	kind         passKind
	micro, chunk int
}

// passOrder lists, for every stage, its passes in the order in which it runs them.
func passOrder(l Layout, micro int) [][]chunkPass {
	order := make([][]chunkPass, l.PP)
	for stage := range order {
		switch l.Schedule {
		case DualPipe:
			order[stage] = dualPipeOrder(l.PP, stage, micro)
		case ZeroBubbleH1:
			order[stage] = zeroBubbleH1Order(l.PP, stage, micro)
		case ZeroBubbleV:
			order[stage] = zeroBubbleVOrder(l.PP, stage, micro)
		default:
			order[stage] = oneFOneBOrder(l.PP, l.VPP, stage, micro)
		}
	}
	return order
}

// oneFOneBOrder is one-forward-one-backward: as many forward passes as the stages
// behind need to start, then in turn. Chunks of an interleaved pipeline take PP
// microbatches each before the next chunk (Narayanan et al., SC'21, section 2.2.2,
// and Megatron-Core's schedules.py).
func oneFOneBOrder(pp, vpp, stage, micro int) []chunkPass {
	total := micro * vpp
	warmup := pp - 1 - stage
	if vpp > 1 {
		warmup = 2*warmup + (vpp-1)*pp
	}
	warmup = min(warmup, total)
	// The k-th pass in either direction.
	at := func(kind passKind, k int) chunkPass {
		round, within := k/(pp*vpp), k%(pp*vpp)
		slot := within / pp
		if kind == backwardPass {
			slot = vpp - 1 - slot
		}
		return chunkPass{kind, round*pp + within%pp, slot*pp + stage}
	}
	out := make([]chunkPass, 0, 2*total)
	for k := range warmup {
		out = append(out, at(forwardPass, k))
	}
	for k := range total {
		if next := k + warmup; next < total {
			out = append(out, at(forwardPass, next))
		}
		out = append(out, at(backwardPass, k))
	}
	return out
}

// dualOrder writes the order of one stage of DualPipe.
type dualOrder struct {
	passes    []chunkPass
	chunk     [2]int // of the model, by direction
	count     [2]int // microbatches, by direction
	forwards  [2]int // so far
	backwards [2]int
	owed      []chunkPass // gradients of weights put off
}

// dualPipeOrder is the order of DeepSeek's DualPipe (its published code, eight
// phases; DeepSeek-V3, figure 5): half the microbatches enter at each end, and while
// the pipeline fills and drains the gradients of weights are put off to where the
// stage would wait. Even microbatches enter at stage 0.
func dualPipeOrder(pp, stage, micro int) []chunkPass {
	half := pp / 2
	rank := min(stage, pp-1-stage)
	each := (micro + 1) / 2
	// Direction 0 enters at the nearer end.
	o := dualOrder{chunk: [2]int{stage, pp - 1 - stage}, count: [2]int{each, micro / 2}}
	near, far := 0, 1
	if stage >= half {
		near, far = 1, 0
	}
	for range 2 * (half - rank - 1) {
		o.forward(near)
	}
	for range rank + 1 {
		o.forward(near)
		o.forward(far)
	}
	for range half - rank - 1 {
		o.backward(far, true)
		o.weight()
		o.forward(far)
	}
	for range each - pp + rank + 1 {
		o.forward(near)
		o.backward(far, false)
		o.forward(far)
		o.backward(near, false)
	}
	for range half - rank - 1 {
		o.backward(far, false)
		o.forward(far)
		o.backward(near, false)
	}
	for i := range rank + 1 {
		middle := (rank + 1) / 2
		o.backward(far, i > middle || i == middle && rank%2 == 1)
		o.backward(near, i >= middle)
	}
	for range half - rank - 1 {
		o.weight()
		o.backward(near, true)
	}
	for len(o.owed) > 0 {
		o.weight()
	}
	return o.passes
}

// forward adds the next forward pass of a direction. With an odd number of
// microbatches one direction runs out a pass early.
func (o *dualOrder) forward(direction int) {
	k := o.forwards[direction]
	if k == o.count[direction] {
		return
	}
	o.forwards[direction]++
	o.passes = append(o.passes, chunkPass{forwardPass, 2*k + direction, o.chunk[direction]})
}

// backward adds the next backward pass of a direction, its weights' part put off or not.
func (o *dualOrder) backward(direction int, putOff bool) {
	k := o.backwards[direction]
	if k == o.count[direction] {
		return
	}
	o.backwards[direction]++
	p := chunkPass{backwardPass, 2*k + direction, o.chunk[direction]}
	if putOff {
		p.kind = inputPass
		o.owed = append(o.owed, chunkPass{weightPass, p.micro, p.chunk})
	}
	o.passes = append(o.passes, p)
}

func (o *dualOrder) weight() {
	if len(o.owed) == 0 {
		return
	}
	o.passes = append(o.passes, o.owed[0])
	o.owed = o.owed[1:]
}
