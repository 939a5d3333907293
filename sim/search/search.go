// Package search finds the fastest layouts of a workload on a machine. It walks the
// whole space below and cuts a branch only where a bound proves that nothing in it
// can enter the answer, so more chips never give a slower best step: every layout
// that fits fewer chips is still a candidate, with the rest idle.
package search

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// Bounds of the space.
const (
	// MaxChips bounds the cluster.
	MaxChips = 10_000_000
	// maxTensor: beyond 64 ways no matrix of a published model keeps its tiles full.
	maxTensor = 64
	// maxStages: deeper pipelines than 128 stages are not in use.
	maxStages = 128
	// contextTokens is the shortest part of a sequence worth a chip of its own.
	contextTokens = 4096
	// maxMicroBatch in sequences.
	maxMicroBatch = 8
)

// NoFit reports that no layout fits in memory.
type NoFit struct {
	Chips int
	// Closest is the layout that lacks least.
	Closest step.Step
	// FitsAt is the smallest chip count, in doublings of Chips, on which a
	// layout fits; 0 where none does up to MaxChips.
	FitsAt int
}

func (e *NoFit) Error() string {
	chips := "chips"
	if e.Chips == 1 {
		chips = "chip"
	}
	text := fmt.Sprintf("no layout on %s %s fits in memory: the leanest (%s) needs %s", unit.Count(e.Chips), chips, e.Closest.Layout, e.Closest.Memory)
	if e.FitsAt > 0 {
		return text + fmt.Sprintf("; it fits on %s chips", unit.Count(e.FitsAt))
	}
	return text + "; it fits on no number of these chips"
}

// Best returns the k fastest layouts that fit in memory on at most chips chips,
// fastest first; equals keep the order of the walk. It returns *NoFit where none
// fits, and another error where the machine cannot run the workload at all.
func Best(w *step.Workload, m *step.Machine, chips, k int) ([]step.Step, error) {
	if chips < 1 || chips > MaxChips {
		return nil, fmt.Errorf("%s chips: the search takes 1 to %s", unit.Count(chips), unit.Count(MaxChips))
	}
	if k < 1 {
		return nil, fmt.Errorf("asked for %d layouts; ask for at least 1", k)
	}
	s, err := newSpace(w, m, chips, k)
	if err != nil {
		return nil, err
	}
	s.walk()
	if len(s.best) > 0 {
		return s.best, nil
	}
	none := &NoFit{Chips: chips, Closest: s.nearest()}
	for n := 2 * chips; n <= MaxChips; n *= 2 {
		larger, err := newSpace(w, m, n, 1)
		if err != nil {
			return nil, err
		}
		larger.growing = true
		if larger.walk(); len(larger.best) > 0 {
			none.FitsAt = n
			break
		}
	}
	return nil, none
}

// space is the state of one walk.
type space struct {
	work     *step.Workload
	domain   int  // chips of a scale-up domain
	torus    bool // joins them
	merged   bool // rings of context parallelism, so that keys are never gathered before one kernel
	chips    int
	k        int
	pricer   *step.Pricer
	capacity unit.Bytes  // of a chip's memory
	best     []step.Step // ascending time, at most k
	// room is what memory holds of the layouts of the division that is walked, with its ways to
	// keep activations once measured.
	room     step.Room
	measured bool
	// leanest is the layout whose variants take the least memory at least, least.
	leanest step.Layout
	least   unit.Bytes
	// lacking is a walk through layouts that all do not fit, for the one that takes no more
	// than least, closest.
	lacking bool
	closest step.Step
	// growing is a walk that asks only whether something fits.
	growing bool
	batches []int // divisors of the global batch, descending
	experts []int // divisors of the expert count
	// offloads are those that the server allows, beside none.
	offloads []step.Offload
	tiers    []int // chips of the scale-up domain and of the fabric's tiers that end
	// coarse walks few layouts: one number of replicas for each division of the
	// model, microbatches of one sequence, no chunks, rings of context parallelism.
	coarse bool
	// passes are those of the division that is walked, on any chips and on those of a domain
	// at least; floor the ones of these that hold for the layout.
	passes, domainPasses, floor step.Passes
	// limit is the time of the k-th best layout of the coarse walk: what is slower
	// cannot be among the k best of all.
	limit unit.Duration
}

func newSpace(w *step.Workload, m *step.Machine, chips, k int) (*space, error) {
	pricer, err := step.NewPricer(w, m)
	if err != nil {
		return nil, err
	}
	if w.Batch < 1 || w.Sequence < 1 || w.Model.Layers < 1 {
		return nil, errors.New("the workload needs a batch, a sequence length and layers of at least 1")
	}
	s := &space{
		work: w, domain: m.Server.ScaleUpDomain, torus: m.Server.Torus > 0, merged: m.Stack.MergedContext, chips: chips, k: k, pricer: pricer, capacity: m.Chip.HBM.Likely,
		batches: divisors(w.Batch), experts: []int{1}, limit: unit.Duration(math.Inf(1)), least: unit.Bytes(math.Inf(1)),
	}
	if w.Model.MoE != nil {
		s.experts = divisors(w.Model.MoE.Experts)
	}
	if m.Server.HostLink.Likely > 0 && m.Server.HostMemory.Likely > 0 {
		s.offloads = []step.Offload{step.OffloadOptimizer, step.OffloadActivations, step.OffloadAll}
	}
	s.tiers = append(s.tiers, m.Server.ScaleUpDomain)
	for i := range m.Fabric.Tiers {
		if chips := m.Fabric.Tiers[i].Chips; chips > m.Server.ScaleUpDomain {
			s.tiers = append(s.tiers, chips)
		}
	}
	return s, nil
}

// walk goes through the space, a coarse part of it first. What that found stays, if the rest
// is no faster.
func (s *space) walk() {
	first := *s
	first.coarse = true
	first.tensors()
	if first.done() {
		s.best = first.best
		return
	}
	if len(first.best) == s.k {
		s.limit = first.best[s.k-1].Time
	}
	s.tensors()
	for i := range first.best {
		f := &first.best[i]
		if !slices.ContainsFunc(s.best, func(b step.Step) bool { return b.Layout == f.Layout }) {
			s.keep(f)
		}
	}
}

func (s *space) tensors() {
	for _, tp := range divisors(s.work.Model.Attention().Heads) {
		if tp > s.domain || tp > maxTensor {
			continue
		}
		for cp := 1; cp == 1 || cp*contextTokens <= s.work.Sequence; cp *= 2 {
			if cp > 1 && s.work.Sequence%(2*cp) != 0 {
				break
			}
			l := step.Layout{TP: tp, SP: true, CP: cp, CPComm: step.Ring, Offload: step.OffloadNone, Schedule: step.OneFOneB, Attention: step.Fused}
			if !l.Divides(s.work) {
				l.SP = false
				if s.work.Model.MoE != nil || !l.Divides(s.work) {
					continue
				}
			}
			s.microbatches(l)
			if cp > 1 && !s.coarse && !s.merged {
				l.CPComm = step.AllGather
				s.microbatches(l)
			}
		}
	}
}

func (s *space) microbatches(l step.Layout) {
	for l.MicroBatch = 1; l.MicroBatch <= maxMicroBatch; l.MicroBatch *= 2 {
		if s.work.Batch%l.MicroBatch != 0 || s.coarse && l.MicroBatch > 1 {
			break
		}
		for _, ep := range s.experts {
			s.pipelines(l, ep, 1)
			if s.work.Model.MoE != nil && l.TP > 1 {
				s.pipelines(l, ep, l.TP)
			}
		}
	}
}

// pipelines walks one division of layers, tokens and experts (or of nothing, in a dense
// model) over pipelines and their replicas.
func (s *space) pipelines(l step.Layout, ep, etp int) {
	if s.done() {
		return
	}
	layers := s.work.Model.Layers
	l.EP, l.ETP, l.VPP = ep, etp, 1
	s.pricer.Clear(&s.room, l)
	s.measured = false
	if !s.growing { // which asks for no time
		s.passes = s.pricer.Passes(l, false)
		s.domainPasses = s.passes
		if s.torus {
			s.domainPasses = s.pricer.Passes(l, true)
		}
	}
	for l.PP = min(layers+2, maxStages, s.chips/(l.TP*l.CP)); l.PP >= 1; l.PP-- {
		if s.coarse && !even(layers, l.PP) {
			continue
		}
		for _, l.DP = range s.batches {
			if l.Chips() > s.chips || s.work.Batch%(l.DP*l.MicroBatch) != 0 || l.TP*l.CP*l.DP%(ep*etp) != 0 {
				continue
			}
			if s.slow(s.passes.Least(l.PP, s.micro(l))) {
				break // fewer replicas have more microbatches
			}
			if s.floor = s.passes; l.Chips() >= s.domain {
				s.floor = s.domainPasses
			}
			if s.schedules(l); s.done() {
				return
			}
			if s.coarse {
				break
			}
		}
	}
}

// even reports whether layers fill the stages with at most two left out, for the
// embedding and the head, or the stages are a power of two, as chips come.
func even(layers, stages int) bool {
	return layers%stages == 0 || (layers+1)%stages == 0 || (layers+2)%stages == 0 || stages&(stages-1) == 0
}

// schedules prices a layout under every schedule, and with every number of chunks per
// stage, that may be among the best.
func (s *space) schedules(l step.Layout) {
	if len(s.best) == 0 && !s.holds(l) {
		return
	}
	b := s.variants(l)
	if l.PP == 1 {
		return
	}
	for _, other := range [...]struct {
		schedule step.Schedule
		chunks   int
		least    unit.Duration
	}{{step.DualPipe, 1, b.DualPipe}, {step.ZeroBubbleH1, 1, b.ZeroBubble}, {step.ZeroBubbleV, 2, b.Chunks()}} {
		if s.runs(l, other.schedule) && !s.slow(other.least) {
			l.Schedule, l.VPP = other.schedule, other.chunks
			s.variants(l)
		}
	}
	l.Schedule = step.OneFOneB
	if s.coarse || s.micro(l)%l.PP != 0 {
		return
	}
	// With fewer chunks the pipeline takes longer to fill and drain.
	for l.VPP = (s.work.Model.Layers + 2) / l.PP; l.VPP > 1 && !s.slow(b.Interleaved(l.VPP)); l.VPP-- {
		s.variants(l)
	}
}

// micro is the number of microbatches of a replica.
func (s *space) micro(l step.Layout) int { return s.work.Batch / (l.DP * l.MicroBatch) }

// runs reports whether a schedule is worth pricing beside 1F1B, in a pipeline: ZB-V and
// DualPipe need enough microbatches, DualPipe as many for either end of an even number of
// stages, and it hides only what experts exchange (it is published for mixtures alone).
func (s *space) runs(l step.Layout, schedule step.Schedule) bool {
	switch schedule {
	case step.ZeroBubbleH1:
		return true
	case step.ZeroBubbleV:
		return !s.coarse && 2*l.PP <= s.work.Model.Layers+2 && s.micro(l) >= 2*l.PP-1
	default:
		return l.EP > 1 && l.PP%2 == 0 && s.micro(l)%2 == 0 && s.micro(l) >= 2*l.PP
	}
}

// slow reports whether a step of at least this time is out of the answer.
func (s *space) slow(least unit.Duration) bool {
	return least > s.limit || len(s.best) == s.k && least >= s.best[s.k-1].Time
}

// nearest is the layout that lacks least, the first of these in the walk, where none fits. How
// much it takes at most is what the best variant takes of that layout which the walk said may
// take the least; what takes more at least is left.
func (s *space) nearest() step.Step {
	s.lacking, s.least = true, unit.Bytes(math.Inf(1))
	s.pricer.Clear(&s.room, s.leanest)
	s.measured = false
	s.variants(s.leanest)
	s.closest = step.Step{}
	s.tensors()
	return s.closest
}

// lack notes a step that does not fit.
func (s *space) lack(st *step.Step) {
	if total := st.Memory.Total(); s.closest.Time == 0 || total < s.closest.Memory.Total() {
		s.closest, s.least = *st, min(s.least, total)
	}
}

// done reports whether a walk has found what it is for.
func (s *space) done() bool { return s.growing && len(s.best) > 0 }

// keep keeps a step that fits if it is among the best.
func (s *space) keep(st *step.Step) {
	i := sort.Search(len(s.best), func(i int) bool { return s.best[i].Time > st.Time })
	if i == s.k {
		return
	}
	if len(s.best) < s.k {
		s.best = append(s.best, step.Step{})
	}
	copy(s.best[i+1:], s.best[i:])
	s.best[i] = *st
}

// divisors of n in descending order.
func divisors(n int) []int {
	var out []int
	for d := 1; d*d <= n; d++ {
		if n%d != 0 {
			continue
		}
		out = append(out, d)
		if d*d != n {
			out = append(out, n/d)
		}
	}
	sort.Sort(sort.Reverse(sort.IntSlice(out)))
	return out
}
