package step

import (
	"math"

	"clustercap/sim/model"
	"clustercap/sim/unit"
)

// ideal is the chip-seconds that the step's products take at least: matrix products,
// and those of the vocabulary in BF16, at the rate of a large one; attention at that of
// its fused kernels with their own FLOPs in the backward pass, or at the best rate of
// any kernel where scores are stored. Linear attention counts its projections alone.
func (p *pricer) ideal() (fused, unfused float64) {
	m, r := &p.work.Model, &p.rates
	span := model.AttentionSpan(p.work.Sequence, 0)
	if m.Window > 0 {
		span = (span + model.AttentionSpan(p.work.Sequence, m.Window)) / 2
	}
	softmax := float64(m.Layers+m.MTP) * float64(m.SoftmaxLayers()) / float64(m.Layers)
	a := m.Attention()
	attention := softmax * 2 * float64(a.Heads) * span * float64(a.QK+a.V)
	head := 2 * float64(1+m.MTP) * float64(m.Hidden) * float64(m.Vocab)
	best := max(r.linear, r.bf16)
	linear := max(0, m.ForwardFLOPs(p.work.Sequence)-m.AttentionFLOPs(p.work.Sequence)-head)
	tokens := float64(p.work.Tokens())
	rest := 3*linear/best + 3*head/r.bf16
	wide := r.widened(float64(a.QK+a.V) / 2)
	return tokens * (rest + attention*(1/r.attention+attentionBackward/r.backward)/wide), tokens * (rest + 3*attention/best)
}

// Floor is a time that the layout cannot beat: all products at the best rates of the
// chip, on all of its chips, and the bubble of a pipeline whose stages are all as fast
// as their mean. Under 1F1B it holds because the flow of m microbatches through p
// stages, m s + (p t - s)/v with the slowest stage s at least the mean t, grows with s
// wherever m v >= 1; where the head's gradients may wait the pipeline is left to
// Passes.Floor. Under DualPipe kernels have fewer cores, and its bubble of
// (p/2-1)(F + B - W) is at least half a pass both ways for every two stages but two.
// For the others see zeroBubbleFloor.
func (p *Pricer) Floor(l Layout) unit.Duration {
	floor := p.fused / float64(l.Chips())
	if l.Attention != Fused {
		floor = p.unfused / float64(l.Chips())
	}
	if l.PP == 1 {
		return unit.Duration(floor)
	}
	micro := float64(p.p.work.Batch) / float64(l.DP*l.MicroBatch)
	switch l.Schedule {
	case DualPipe:
		floor *= (1 + (float64(l.PP)/2-1)/(2*micro)) / (1 - dualPipeCores)
	case ZeroBubbleH1, ZeroBubbleV:
		floor *= 1 + zeroBubbleFloor(l)/micro
	default:
		if !p.p.defers() {
			floor *= 1 + float64(l.PP-1)/(float64(l.VPP)*micro)
		}
	}
	return unit.Duration(floor)
}

// zeroBubbleFloor is what zeroBubble adds at least, as a share of a stage's pass both
// ways when all stages compute the model's FLOPs at the chip's best rate: with B at
// least a third of that, the slowest stage's own B at most all of its time s, and s
// counted m times, m s + p s/3 - s is what ZB-H1 cannot beat; ZB-V half as much.
func zeroBubbleFloor(l Layout) float64 {
	least := float64(l.PP)/3 - 1
	if l.Schedule == ZeroBubbleV {
		least /= 2
	}
	return max(0, least)
}

// Passes are the least time that a microbatch takes through all layers, on the chips that
// a tensor- and context-parallel group is, and the part of it that DualPipe may hide.
type Passes struct {
	whole, hidden float64
	// kernels are the part that DualPipe slows down.
	kernels float64
	// The parts of it that zero-bubble schedules take apart, without what may hide and waits
	// for the host: forward, for the gradients of inputs, and for those of weights.
	forward, input, weights float64
	// deferrable are the gradients of the head's weights at most, of which so many
	// microbatches' may wait for the drain.
	deferrable float64
	deferral   int
}

// Passes holds for every layout that divides layers, tokens and experts over chips as l does,
// whatever its stages, replicas, chunks and schedule, what it computes again, and how it
// shards: nothing of these makes a layer's kernels or its traffic shorter, but that
// all-to-alls may hide. Links are taken as evenly loaded and no group as lying across two
// domains, as in the smallest of jobs, and on a torus all groups as having all links; or, for
// jobs of a domain's chips or more, those that they have of the whole domain, where none of
// these groups lies elsewhere for more replicas or stages.
func (p *Pricer) Passes(l Layout, domain bool) Passes {
	q := &p.p
	l.PP, l.VPP, l.DP, l.ZeRO, l.Shard = 1, 1, l.EP*l.ETP, 1, 0
	l.Schedule, l.Recompute, l.RecomputeLayers, l.Offload = OneFOneB, RecomputeNone, 0, OffloadNone
	q.take(l)
	q.net.chips, q.net.worst = 0, 0
	if q.net.torus.best = !domain; domain {
		q.net.torus.cut(q.net.domain)
	}
	q.rates.sum = q.gradientKept() // as with one microbatch
	s := q.pipeline()
	w := &s.mean
	out := Passes{
		whole: w.sum(), hidden: w.expert + w.wait, kernels: w.base.sum(),
		forward: w.forward, input: w.sum() - w.forward - w.weights, weights: w.weights,
	}
	if q.defers() {
		q.rates.sum *= 2 // read and written
		out.deferrable, out.deferral = q.headGradient(s.shape).sum(), q.mach.Stack.HeadDeferral
	}
	less := w.wait
	if q.overlapsExperts() {
		out.whole, out.hidden, less = out.whole-w.expert, w.wait, less+w.expert
	}
	out.forward, out.input = max(0, out.forward-less), max(0, out.input-less)
	if l.SP && q.work.Model.MoE == nil {
		share := 1 - q.joinedShare(&s)
		out.whole, out.forward, out.input = out.whole*share, out.forward*share, out.input*share
	}
	return out
}

// Least is a time that no layout with so many stages and microbatches beats, whatever its
// schedule: their passes on the mean stage.
func (q Passes) Least(stages, micro int) unit.Duration {
	return seconds(float64(micro) * (q.whole - q.hidden) / float64(stages))
}

// Floor is a time that the layout cannot beat: its microbatches' passes on the mean stage,
// and what fills and drains the pipeline: under 1F1B the passes of one through the others,
// less the head's gradients that may wait for the drain, under DualPipe, where kernels have
// fewer cores, half a pass both ways for every two stages but two.
// The flow of a zero-bubble schedule is the longest of what zeroBubble gives for each stage,
// and so no less than their mean, which is no less than what it gives for the mean stage. It
// grows with each of the three passes, that for weights included, of which fewer fill gaps
// than there are.
func (q Passes) Floor(l Layout, micro int) unit.Duration {
	passes, others := float64(micro), float64(l.PP-1)
	all := passes * q.whole
	switch l.Schedule {
	case DualPipe:
		const slower = 1 / (1 - dualPipeCores)
		all = (passes + (float64(l.PP)/2-1)/2) * (q.whole - q.hidden + (slower-1)*q.kernels)
	case OneFOneB:
		waiting := float64(min(q.deferral, micro)) * q.deferrable
		all += max(0, others/float64(l.VPP)*q.whole-waiting*float64(l.PP))
	case ZeroBubbleV:
		all += others * q.input / 2
	case ZeroBubbleH1:
		// Waits for the host may be longer passes for weights, which fill.
		filled := max(0, others*q.forward-min(others, passes-1)*q.weights)
		all = others*q.input + max(all, passes*(q.forward+q.input+q.weights)+filled)
	}
	return seconds(all / float64(l.PP))
}

// Bounds are times below which no kin of a priced layout gets. What is computed again, or
// waits for the host, adds to what every stage does, and never takes from it; so kin can
// only save what they hide better, or need not send.
type Bounds struct {
	// Saving is for the same layout where more is computed again or offloaded.
	Saving unit.Duration
	// Sharding is for those with weights, gradients or optimizer divided otherwise. Like
	// all below it holds for a layout that computes nothing again and offloads nothing,
	// with ZeRO 1 over all replicas: no other has a shorter update.
	Sharding unit.Duration
	// Whole is for those without sequence parallelism, of a dense model.
	Whole unit.Duration
	// ZeroBubble and DualPipe are for those, and those with sequence parallelism, under
	// these schedules instead of 1F1B.
	ZeroBubble, DualPipe unit.Duration
	// chunks is for those, and those with sequence parallelism, with several chunks per
	// stage, where they fill and drain the pipeline in no time; fill is the least time that
	// they do it in with one.
	chunks, fill unit.Duration
	// waiting is what of that the head's gradients may hide.
	waiting unit.Duration
}

// Interleaved is for a layout's kin, and theirs without sequence parallelism, that take
// turns over so many chunks per stage under 1F1B. It holds where ZeroBubble does, for a
// layout of one chunk per stage.
func (b *Bounds) Interleaved(chunks int) unit.Duration {
	return b.chunks + max(0, b.fill/unit.Duration(chunks)-b.waiting)
}

// Chunks is the same under any schedule.
func (b *Bounds) Chunks() unit.Duration { return b.chunks }

// terms are what of a step its bounds are made of, beside its parts.
type terms struct {
	pipe   pipe
	data   replicaTraffic
	update float64 // s
}

// PriceBounded is Price, with the bounds of the layout's kin.
func (p *Pricer) PriceBounded(l Layout) (Step, Bounds) {
	p.p.take(l)
	st, t := p.p.price()
	return st, p.p.bounds(&st, &t)
}

func (p *pricer) bounds(st *Step, t *terms) Bounds {
	l, parts := p.layout, &st.Parts
	b := Bounds{Saving: st.Time, Sharding: st.Time - parts.DataComm}
	passes, sends, traffic := 0.0, 0.0, 0.0
	if l.PP > 1 || p.overlapsExperts() {
		passes, sends, traffic = p.hidesAtBest(st, t)
		b.Saving -= seconds(passes + sends + traffic)
		b.Sharding -= seconds(passes + sends)
	}

	// The mean stage's passes are the same under another schedule, but that only 1F1B hides
	// experts' traffic beside another microbatch, and that the zero-bubble ones expose more
	// tensor-parallel traffic. The fullest stage may be another one, with a shorter update,
	// and all messages may hide where they do at all.
	hop, _ := p.message(&t.pipe)
	messages := p.messages(hop, p.waited(hop, math.Inf(1)))
	mean := float64(st.Time-parts.DataComm-parts.Bubble-parts.PipeComm) - t.update*(1+p.straggler(1))
	b.ZeroBubble = seconds(mean + messages)
	// Chunks do not change the mean stage's passes either, but that all-to-alls may hide
	// beside another microbatch; the host then waits no less. Filling and draining is one
	// pass of the other stages, divided by the chunks, and a message between each.
	turns, pass := mean, t.pipe.mean.sum()
	if p.overlapsExperts() {
		turns, pass = turns-float64(parts.ExpertComm), pass-t.pipe.mean.expert
	}
	ends := 2 * hop * float64(l.PP-1)
	b.chunks, b.fill, b.waiting = seconds(turns+ends), seconds(pass*float64(l.PP-1)), seconds(t.pipe.waitingTime())
	if p.work.Model.MoE != nil {
		b.DualPipe = seconds(mean - float64(parts.ExpertComm+parts.HostWait) + p.dualPipeAdds(&t.pipe, hop))
		return b
	}

	// Without sequence parallelism the two collectives of each tensor-parallel block are
	// one, and everything else takes as long or longer. So the passes of every stage keep
	// at least this share of their time, and with them the flow through the slowest; also
	// under ZB-H1, where passes for weights, which stay as they are, are subtracted: no more
	// of them than the same stage has. (Those of ZB-V are other stages'.) The head's gradients
	// that wait, all of which passes take off, keep all of their time.
	share := 1 - p.joinedShare(&t.pipe)
	whole := float64(st.Time-parts.DataComm-parts.PipeComm) - passes
	if l.Schedule == ZeroBubbleV {
		whole -= float64(parts.Bubble)
	}
	b.Whole = seconds(whole*share - t.pipe.waitingTime()*(1-share) + messages)
	b.ZeroBubble = min(b.ZeroBubble, seconds(mean*share+messages))
	b.chunks, b.fill = seconds(mean*share+ends), b.fill*unit.Duration(share)
	return b
}

// hidesAtBest is what a step's kin that do more on its stages can save of it at most, in
// seconds of the flow through its stages, of messages between them and of data-parallel
// traffic: with longer passes more of it hides.
//
// Let kin take x seconds for a microbatch on their slowest stage, pace or more. The flow
// of m microbatches is then longer by m (x - pace) at least: under 1F1B it adds the passes
// of the other stages, which are not shorter, and of the head's gradients that wait it hides
// no more than all; for the others see leastFlow. Messages hide
// beside the x seconds, less those for which other traffic has their link, on the stages
// that may be the slowest no less than now. So a step takes at least
// flow + m (x - pace) + messages(x) + data(x) and the rest. What messages save is less than
// m (x - pace), so that without the data the least is at pace.
func (p *pricer) hidesAtBest(st *Step, t *terms) (passes, sends, traffic float64) {
	l, s := p.layout, &t.pipe
	micro := p.microbatches()
	pace := s.slowest.work.sum()
	flow := micro*s.mean.sum() + float64(st.Parts.Bubble)
	switch {
	case l.Schedule != OneFOneB:
		var least float64
		pace, least = p.leastFlow(s, micro, flow)
		passes = flow - least
	case s.waiting > 0:
		passes = max(0, flow-(s.flowAt(&s.slowest.work, l, micro)-s.waitingTime()))
	}

	c := p.contenders(s, pace)
	hop, exposed := p.message(s)
	taken := p.linkTaken(c.links)
	messages := func(x float64) float64 { return 2 * micro * float64(l.VPP) * (exposed - p.waited(hop, x-taken)) }
	sends = messages(pace)
	d := &t.data
	left := d.forward.could - d.forward.hidden + d.backward.could - d.backward.hidden
	if left <= 0 || p.serialData() {
		return passes, sends, 0
	}

	// Beside x all windows of data-parallel traffic in a step are longer by times (x - pace),
	// one for every microbatch at most: what more it hides is not worth that.
	times := p.window(1)
	if l.ZeRO > 1 {
		times = micro
	}
	saved := 1 - p.dataSlowdown()
	waited := p.waited(hop, pace-taken)
	traffic = p.hidesBeside(&c, d, pace, times, hop-waited)
	if waited == p.waited(hop, math.Inf(1)) {
		return passes, sends, traffic
	}
	// Together with messages it may be. All is linear in x but where one of them has nothing
	// left to hide: the least lies there, or at pace.
	unhidden := taken + 2*float64(l.VPP)*(hop-ringStep) // beside which all messages hide
	now := traffic
	for _, x := range [...]float64{unhidden, pace + (left-now/saved)/times} {
		x = max(x, pace)
		traffic = max(traffic, messages(x)-sends+min(saved*left, now+saved*times*(x-pace))-micro*(x-pace))
	}
	return passes, sends, traffic
}

// contenders are what the stages have in common that may be the slowest of kin, and take
// pace or more: their passes and their traffic on either link are no shorter, nor those for
// weights longer.
type contenders struct {
	forward, backward, weights float64
	links                      links
}

func (p *pricer) contenders(s *pipe, pace float64) contenders {
	inf := math.Inf(1)
	c := contenders{inf, inf, 0, links{inf, inf}}
	for i := range s.stages {
		stage := &s.stages[i]
		if stage != s.slowest && p.addsNoMore(stage, s.slowest, i) {
			continue
		}
		w := &stage.work
		c.forward = min(c.forward, w.forward)
		c.backward = min(c.backward, w.sum()-w.forward)
		c.weights = max(c.weights, w.weights)
		c.links = links{min(c.links.domain, w.links.domain), min(c.links.nic, w.links.nic)}
	}
	switch {
	case p.layout.Schedule == DualPipe: // a third of a pass both ways is forward, less of what is computed again
		c.forward, c.backward = 0, pace*2/3
	case p.overlapsExperts(): // what is computed again may hide more of the forward pass's all-to-alls
		c.forward = 0
	}
	return c
}

// addsNoMore reports whether stage index computes no more again and waits no longer for the
// host than another, whatever the policy and its number of layers, those without experts
// first. Prediction modules follow the policy whatever the number; DualPipe's stages are
// pairs.
func (p *pricer) addsNoMore(s, than *stage, index int) bool {
	l := &p.layout
	if s.moe > than.moe || l.Schedule == DualPipe || p.work.Model.MTP > 0 && index == l.lastStage() {
		return false
	}
	return s.plain == than.plain || s.plain < than.plain && than.moe == 0
}

// hidesBeside is how much longer data-parallel traffic hides at most where the slowest
// stage takes pace: the backward passes get what the shortest forward ones leave, and the
// other way round; passes for weights do not grow; and other traffic has the link for as
// long as now at least, messages, of which so many seconds each are hidden, included.
func (p *pricer) hidesBeside(c *contenders, data *replicaTraffic, pace, times, hidden float64) float64 {
	busy := c.links.domain
	if p.net.leaves(p.replicas(false)) {
		busy = c.links.nic
	}
	if p.sharesLink() {
		busy += 2 * float64(p.layout.VPP) * hidden
	}
	free := times * max(0, 1-busy/pace)
	beside := (pace - c.forward) * free
	if p.layout.Schedule.splits() {
		beside = c.weights * free
	}
	more := func(o *overlap, window float64) float64 { return max(0, min(o.could, window)-o.hidden) }
	return (1 - p.dataSlowdown()) * (more(&data.forward, (pace-c.backward)*free) + more(&data.backward, beside))
}

// leastFlow is the least flow of kin through the pipeline, and the pace from which it grows
// with their slowest stage's, one for every microbatch.
//
// A zero-bubble stage waits for the others' passes. So the slowest stage, whichever it is,
// gets slower than the flow and the shortest wait leave it only with a longer flow.
//
// Under DualPipe all-to-alls hide beside what is computed again, which may cost nothing
// then, and counts for less in the bubble: (p/2-1)(F + B/2) is
// (p/2-1)(pace/2 + (pace - redo)/6), where pace is no less than redo and all but the
// all-to-alls and waits for the host, which may get shorter.
func (p *pricer) leastFlow(s *pipe, micro, flow float64) (pace, least float64) {
	l := p.layout
	if l.Schedule.splits() {
		wait := math.Inf(1)
		for i := range s.stages {
			wait = min(wait, s.zeroBubble(l, micro, &s.stages[i].work))
		}
		return (flow - wait) / micro, flow
	}
	others := math.Inf(1)
	for i := range s.stages {
		w := &s.stages[i].work
		others = min(others, w.sum()-w.expert-w.wait-w.redo.sum())
	}
	pace = s.slowest.work.sum()
	return pace, micro*pace + (float64(l.PP)/2-1)*(pace/2+others/6)
}

// dualPipeAdds is what DualPipe adds at least to the kernels and exposed traffic, experts',
// messages and waits for the host not counted, of a step whose pipeline under 1F1B is s: cores set aside for
// communication, messages of hop seconds as the pipeline fills and drains, and of its bubble half a pass
// both ways for every two stages but two.
func (p *pricer) dualPipeAdds(s *pipe, hop float64) float64 {
	const slower = 1 / (1 - dualPipeCores)
	pairs := float64(p.layout.PP)/2 - 1
	pace := s.mean.base.sum()*slower + s.mean.tensor + s.mean.context
	return p.microbatches()*s.mean.base.sum()*(slower-1) + pairs*pace/2 + 2*hop*float64(p.layout.PP-1)
}

// joinedShare is the share of the collectives at the ends of a tensor-parallel block that
// joining them into one all-reduce saves at most.
func (p *pricer) joinedShare(s *pipe) float64 {
	if p.layout.TP == 1 {
		return 0
	}
	bytes, all := activationBytes*s.shape.tokens*s.shape.hidden, group{p.layout.TP, 1}
	scatter := p.net.gather(bytes, all)
	gather := scatter
	if a := p.work.Model.MLA; a != nil {
		gather = max(gather, p.latentInput(s.shape, a).seconds)
	}
	return 1 - p.net.reduce(bytes, all)/(gather+scatter)
}
