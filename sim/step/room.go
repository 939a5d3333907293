package step

import (
	"math"

	"clustercap/sim/model"
	"clustercap/sim/unit"
)

// Room is what memory holds of the layouts that divide layers, tokens and experts over chips
// alike, with all ways to keep activations that they have a choice of.
type Room struct {
	layer parameters
	ways  []way
}

// way is what blocks keep in one of them: with sequence parallelism or without, some of it
// computed again, or on the host.
type way struct {
	dense, moe, embedding, head kept
	sequence, offloaded         bool
	// mixed is true where dense layers alone are computed again.
	mixed bool
}

// slack is by how much sums of floats may differ, as a share.
const slack = 1e-9

// Clear makes the room that of layouts which divide as l does, with no way to keep activations
// yet.
func (p *Pricer) Clear(r *Room, l Layout) {
	p.p.layout = l
	r.layer, r.ways = p.p.parameters(), r.ways[:0]
}

// Add adds the way in which l keeps activations, on any number of layers: its sequence
// parallelism, its policy of recomputation, and whether they are offloaded.
func (p *Pricer) Add(r *Room, l Layout) {
	q, m := &p.p, &p.p.work.Model
	mixed := m.MoE != nil && m.DenseLayers() > 0 && l.Recompute != RecomputeNone
	l.PP, l.VPP, l.Schedule, l.RecomputeLayers = 1, 1, OneFOneB, btoi(mixed) // 1: the others' too
	q.take(l)
	y := q.layers(newShape(q.work, l))
	w := way{y.dense.kept, y.moe.kept, y.embedding.kept, y.head.kept, l.SP, l.Offload.activations(), false}
	r.ways = append(r.ways, w)
	if mixed {
		w.moe, w.mixed = y.moePlain.kept, true
		r.ways = append(r.ways, w)
	}
}

// Least is what a layout takes of memory at least, however it shards, in any of the ways to
// keep activations, and, with sequence parallelism, with the optimizer on the host or not; and
// whether that may fit. It takes every stage by itself: what takes less on one may take more
// on another. Where a layout does not fit and takes more than below it may return at once.
//
// ZeRO 1 over all replicas takes the least where a pipeline keeps weights and gradients whole,
// else ZeRO 2 or 3. A policy of recomputation takes the least on all layers of a stage, or on
// all without experts: on fewer no less is kept, and as much lives while a layer of that kind
// runs. Of stages with as many layers the first has the most microbatches in flight.
func (p *Pricer) Least(l Layout, r *Room, below unit.Bytes) (total unit.Bytes, fits bool) {
	q := &p.p
	l.Shard = 0
	q.layout = l
	deal, micro := q.deal(), q.microbatches()
	stages, fits := l.PP, true
	if l.Schedule == DualPipe {
		stages /= 2
	}
	was := counts{dense: -1}
	for i := range stages {
		n := deal.counts(&q.work.Model, &l, i)
		if n == was && i < stages-1 {
			continue
		}
		was = n
		least, fit := q.leastOfStage(r, n, i, micro)
		total, fits = max(total, least), fits && fit
		if !fits && total > below {
			break
		}
	}
	return total, fits
}

// LeastState is what a layout takes of memory at least beside activations, whatever its
// schedule and its chunks: the fullest stage no less than the mean one.
func (p *Pricer) LeastState(l Layout, r *Room) unit.Bytes {
	q, m := &p.p, &p.p.work.Model
	q.layout = l
	q.layout.PP, q.layout.VPP, q.layout.Schedule, q.layout.Shard = 1, 1, OneFOneB, 0
	moe := m.MoELayersIn(0, m.Layers)
	h := q.holding(&kept{}, &r.layer, 0, m.Layers-moe, moe)
	h.dense, h.expert = h.dense/float64(l.PP), h.expert/float64(l.PP)
	q.layout.PP = l.PP
	chip, _ := q.leastState(&h)
	return min(chip[0], chip[1]) * (1 - slack)
}

// counts is the layers of a stage of either kind, and those of the stage that DualPipe folds
// into it.
type counts struct{ dense, moe, foldedDense, foldedMoE int }

// mixed reports whether one of these has both kinds.
func (n *counts) mixed() bool {
	return n.dense > 0 && n.moe > 0 || n.foldedDense > 0 && n.foldedMoE > 0
}

func (d *dealing) counts(m *model.Model, l *Layout, i int) (n counts) {
	n.dense, n.moe = d.stage(m, l, i)
	if l.Schedule == DualPipe {
		n.foldedDense, n.foldedMoE = d.stage(m, l, l.PP-1-i)
	}
	return n
}

// leastOfStage is Least of stage i, of n layers.
func (p *pricer) leastOfStage(r *Room, n counts, i int, micro float64) (least unit.Bytes, fits bool) {
	h := p.wayHolds(&way{}, r, n, i)
	chip, host := p.leastState(&h)
	capacity, onHost := p.mach.Chip.HBM.Likely*(1+slack), p.mach.hostMemory()*(1+slack)
	least = unit.Bytes(math.Inf(1))
	for j := range r.ways {
		w := &r.ways[j]
		if w.mixed && !n.mixed() {
			continue
		}
		h := p.wayHolds(w, r, n, i)
		activations := unit.Bytes((1 + p.gaps()) * p.activations(&h, i, micro))
		away := unit.Bytes(h.host * p.inFlight(i, micro))
		for o := range chip {
			if o > 0 && !w.sequence {
				break
			}
			total := chip[o] + activations
			least = min(least, total)
			held := o == 0 && !w.offloaded || host[o]+away <= onHost
			fits = fits || held && total <= capacity
		}
	}
	return least * (1 - slack), fits
}

// wayHolds is what stage i of n layers holds where activations are kept so.
func (p *pricer) wayHolds(w *way, r *Room, n counts, i int) holding {
	k := w.stage(i, p.layout.lastStage(), n.dense, n.moe)
	h := p.holding(&k, &r.layer, i, n.dense, n.moe)
	if p.layout.Schedule != DualPipe {
		return h
	}
	i = p.layout.PP - 1 - i
	k = w.stage(i, p.layout.lastStage(), n.foldedDense, n.foldedMoE)
	g := p.holding(&k, &r.layer, i, n.foldedDense, n.foldedMoE)
	return h.folded(&g)
}

// stage is what stage i of so many layers of either kind keeps.
func (w *way) stage(i, last, dense, moe int) kept {
	var k kept
	switch {
	case moe == 0:
		k = w.dense.of(float64(dense))
	case dense == 0:
		k = w.moe.of(float64(moe))
	default:
		k = w.dense.of(float64(dense)).and(w.moe.of(float64(moe)))
	}
	if i == 0 {
		k = k.and(w.embedding)
	}
	if i == last {
		k = k.and(w.head)
	}
	return k
}

// leastState is what a stage holds at least beside activations, on the chip and on the host,
// with the optimizer on the chip and, where the server allows that, on the host.
func (p *pricer) leastState(h *holding) (chip, host [2]unit.Bytes) {
	most := 1
	if p.layout.PP == 1 {
		most = 3
	}
	chip = [2]unit.Bytes{unit.Bytes(math.Inf(1)), unit.Bytes(math.Inf(1))}
	for o, offload := range [...]Offload{OffloadNone, OffloadOptimizer} {
		if o > 0 && !p.mach.offloads() {
			break
		}
		for zero := 1; zero <= most; zero++ {
			p.layout.ZeRO, p.layout.Offload = zero, offload
			m := p.state(h)
			chip[o], host[o] = min(chip[o], m.Total()), m.Host
		}
	}
	return chip, host
}
