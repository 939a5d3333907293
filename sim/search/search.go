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
	none := &NoFit{Chips: chips, Closest: s.closest}
	for n := 2 * chips; n <= MaxChips; n *= 2 {
		larger, err := newSpace(w, m, n, 1)
		if err != nil {
			return nil, err
		}
		if larger.walk(); len(larger.best) > 0 {
			none.FitsAt = n
			break
		}
	}
	return nil, none
}

// space is the state of one walk.
type space struct {
	work    *step.Workload
	domain  int // chips of a scale-up domain
	chips   int
	k       int
	pricer  *step.Pricer
	best    []step.Step // ascending time, at most k
	closest step.Step   // of those that don't fit
	lacking bool
	batches []int // divisors of the global batch, descending
	experts []int // divisors of the expert count
	// offloads are those that the server allows, beside none.
	offloads []step.Offload
	tiers    []int // chips of the scale-up domain and of the fabric's tiers that end
	// coarse walks few layouts: one number of replicas for each division of the
	// model, microbatches of one sequence, no chunks, no context parallelism.
	coarse bool
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
		work: w, domain: m.Server.ScaleUpDomain, chips: chips, k: k, pricer: pricer,
		batches: divisors(w.Batch), experts: []int{1}, limit: unit.Duration(math.Inf(1)),
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
			if cp > 1 && (s.coarse || s.work.Sequence%(2*cp) != 0) {
				break
			}
			l := step.Layout{TP: tp, SP: true, CP: cp, CPComm: step.Ring, Offload: step.OffloadNone, Schedule: step.OneFOneB, Attention: step.Fused}
			if !l.Divides(s.work) {
				l.SP = false
				if s.work.Model.MoE != nil || !l.Divides(s.work) {
					continue
				}
			}
			s.pipelines(l)
			if cp > 1 {
				l.CPComm = step.AllGather
				s.pipelines(l)
			}
		}
	}
}

func (s *space) pipelines(l step.Layout) {
	layers := s.work.Model.Layers
	for pp := min(layers+2, maxStages); pp >= 1; pp-- {
		if !dealt(layers, pp) || l.TP*l.CP*pp > s.chips {
			continue
		}
		l.PP = pp
		for vpp := (layers + 2) / pp; vpp >= 1; vpp-- {
			if vpp > 1 && (s.coarse || pp == 1 || !interleaved(layers, pp, vpp)) {
				continue
			}
			l.VPP = vpp
			s.replicas(l)
		}
	}
}

// even reports whether layers fill the chunks with at most two left out, for the
// embedding and the head.
func even(layers, chunks int) bool {
	return layers%chunks == 0 || (layers+1)%chunks == 0 || (layers+2)%chunks == 0
}

// dealt reports whether a pipeline of so many stages, or chunks, is worth pricing: it
// divides the layers evenly, or is a power of two as the chips come.
func dealt(layers, parts int) bool { return even(layers, parts) || parts&(parts-1) == 0 }

// interleaved reports whether so many chunks a stage are worth pricing: those dealt, and as
// many as there are layers for, which leave the shortest bubble.
func interleaved(layers, pp, vpp int) bool { return dealt(layers, pp*vpp) || vpp == layers/pp }

func (s *space) replicas(l step.Layout) {
	for micro := 1; micro <= maxMicroBatch; micro *= 2 {
		if s.work.Batch%micro != 0 || s.coarse && micro > 1 {
			break
		}
		l.MicroBatch = micro
		for _, dp := range s.batches {
			if l.TP*l.CP*l.PP*dp > s.chips || s.work.Batch%(dp*micro) != 0 {
				continue
			}
			l.DP = dp
			if l.VPP > 1 && s.micro(l)%l.PP != 0 && !s.runs(l, step.ZeroBubbleV) {
				continue
			}
			for _, ep := range s.experts {
				if plane := l.TP * l.CP * dp; plane%ep == 0 {
					s.expertLayouts(l, ep, 1)
					if s.work.Model.MoE != nil && l.TP > 1 && plane%(ep*l.TP) == 0 {
						s.expertLayouts(l, ep, l.TP)
					}
				}
			}
			if s.coarse {
				break
			}
		}
	}
}

// expertLayouts prices one division of the experts (or of nothing, in a dense model)
// under every schedule that may be among the best.
func (s *space) expertLayouts(l step.Layout, ep, etp int) {
	l.EP, l.ETP = ep, etp
	var b step.Bounds
	if l.VPP == 1 || s.micro(l)%l.PP == 0 {
		b = s.variants(l)
	}
	for _, other := range [...]struct {
		schedule step.Schedule
		least    unit.Duration
	}{{step.DualPipe, b.DualPipe}, {step.ZeroBubbleH1, b.ZeroBubble}, {step.ZeroBubbleV, b.ZeroBubble}} {
		if s.runs(l, other.schedule) && !s.slow(other.least) {
			l.Schedule = other.schedule
			s.variants(l)
		}
	}
}

// micro is the number of microbatches of a replica.
func (s *space) micro(l step.Layout) int { return s.work.Batch / (l.DP * l.MicroBatch) }

// runs reports whether a schedule is worth pricing beside 1F1B: ZB-V and DualPipe need
// enough microbatches, DualPipe as many for either end of an even number of stages, and it
// hides only what experts exchange (it is published for mixtures alone).
func (s *space) runs(l step.Layout, schedule step.Schedule) bool {
	switch schedule {
	case step.ZeroBubbleH1:
		return l.PP > 1 && l.VPP == 1
	case step.ZeroBubbleV:
		return l.VPP == 2 && s.micro(l) >= 2*l.PP-1
	default:
		return l.EP > 1 && l.VPP == 1 && l.PP%2 == 0 && s.micro(l)%2 == 0 && s.micro(l) >= 2*l.PP
	}
}

// slow reports whether a step of at least this time is out of the answer.
func (s *space) slow(least unit.Duration) bool {
	return least > s.limit || len(s.best) == s.k && least >= s.best[s.k-1].Time
}

// lack notes a step that does not fit.
func (s *space) lack(st *step.Step) {
	if !s.lacking || st.Memory.Total() < s.closest.Memory.Total() {
		s.closest, s.lacking = *st, true
	}
}

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
