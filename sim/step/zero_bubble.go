package step

// zeroBubbleH1Order is ZB-H1 (Qi et al., ICLR 2024, figure 2): one-forward-one-backward
// whose last stages put off the gradients of weights, stage i those of i microbatches,
// so that a microbatch reaches the first stage again without waiting for them; the
// first stage fills its gaps with its own as the pipeline drains.
func zeroBubbleH1Order(pp, stage, micro int) []chunkPass {
	out := make([]chunkPass, 0, 3*micro)
	warmup := min(pp-1-stage, micro)
	for k := range warmup {
		out = append(out, chunkPass{forwardPass, k, stage})
	}
	for k := range micro + stage {
		if k+warmup < micro {
			out = append(out, chunkPass{forwardPass, k + warmup, stage})
		}
		if k < micro {
			out = append(out, chunkPass{inputPass, k, stage})
		}
		if k >= stage {
			out = append(out, chunkPass{weightPass, k - stage, stage})
		}
	}
	return out
}

// vOrder writes the order of one stage of ZB-V. Chunk 0 of a stage lies on the way
// down the V, chunk 1 on the way up.
type vOrder struct {
	passes                      []chunkPass
	chunk                       [2]int // of the model
	forwards, backwards, weight [2]int // passes so far
	micro                       int
}

// zeroBubbleVOrder is ZB-V in its published order (Qi et al., section 6; PyTorch's
// ScheduleZBVZeroBubble), for at least 2 pp - 1 microbatches.
func zeroBubbleVOrder(pp, stage, micro int) []chunkPass {
	o := vOrder{chunk: [2]int{stage, 2*pp - 1 - stage}, micro: micro}
	const down, up = 0, 1
	for range 2*(pp-stage) - 1 {
		o.forward(down)
	}
	for range stage {
		o.forward(up)
		o.forward(down)
	}
	for range pp - stage {
		o.forward(up)
		o.backward(up)
		o.weights(up)
	}
	for o.forwards[up] < o.forwards[down] || o.forwards[down] < micro {
		o.forward(down)
		o.backward(down)
		o.weights(down)
		o.forward(up)
		o.backward(up)
		o.weights(up)
	}
	for range stage {
		o.backward(down)
		o.backward(up)
	}
	for range pp - stage {
		o.backward(down)
		o.weights(down)
	}
	for _, c := range [...]int{up, down} {
		for o.weight[c] < micro {
			o.weights(c)
		}
	}
	return o.passes
}

func (o *vOrder) next(kind passKind, c int, count *[2]int) {
	if count[c] == o.micro {
		return
	}
	o.passes = append(o.passes, chunkPass{kind, count[c], o.chunk[c]})
	count[c]++
}

func (o *vOrder) forward(c int)  { o.next(forwardPass, c, &o.forwards) }
func (o *vOrder) backward(c int) { o.next(inputPass, c, &o.backwards) }
func (o *vOrder) weights(c int)  { o.next(weightPass, c, &o.weight) }

// flowThrough is how long the microbatches of ZB-H1 or ZB-V take to flow through the stage
// that they take longest for: not always the slowest one, which may have more weights of its
// own to fill its waits with.
func (p *pipe) flowThrough(l Layout, micro float64) float64 {
	longest := 0.0
	for i := range p.stages {
		w := &p.stages[i].work
		longest = max(longest, micro*w.sum()+p.zeroBubble(l, micro, w))
	}
	return longest
}

// zeroBubble is the time that a stage waits under ZB-H1 or ZB-V. With
// forward, input-gradient and weight-gradient passes of F, B and W seconds on every
// stage and W <= F <= B, that is (p-1)(F + B - W) under ZB-H1 (Qi et al., table 2;
// DeepSeek-V3's table 2 writes F + B - 2W, its B holding both) and
// (p-1) max(B/2, B - W) under ZB-V, which is what its published order takes.
// Where stages differ, the others' passes stand for (p-1) of each.
func (p *pipe) zeroBubble(l Layout, micro float64, slow *work) float64 {
	others := float64(l.PP)
	forward := p.mean.forward*others - slow.forward
	weights := p.mean.weights*others - slow.weights
	input := p.mean.sum()*others - slow.sum() - forward - weights
	if l.Schedule == ZeroBubbleV {
		return max(input/2, input-weights)
	}
	// The stage has weights of its own to fill gaps with, one pass for each
	// stage before and behind it and never more than the forward passes it waits for.
	fill := min(others-1, micro-1) * slow.weights
	return input + max(0, forward-fill)
}

// owing is the most microbatches of a whole stage whose weights' gradients stage
// index has put off at once.
func (p *pricer) owing(index int, micro float64) float64 {
	switch p.layout.Schedule {
	case ZeroBubbleH1:
		return min(micro, float64(index+1))
	case ZeroBubbleV:
		return min(micro, float64(index)+0.5)
	default:
		return 0
	}
}
