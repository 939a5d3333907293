package step_test

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"

	"clustercap/sim/hardware/hardwaretest"
	"clustercap/sim/model"
	"clustercap/sim/step"
	"clustercap/sim/step/steptest"
	"clustercap/sim/unit"
)

var (
	spaces = flag.Int("spaces", 120, "workloads whose layouts are held against their bounds")
	first  = flag.Uint64("first", 0, "seed of the first one")
)

// No layout takes less time than its floor, nor than what bounds its kin by another one's
// price, nor less memory than what bounds it with all of its kin.
func TestBoundsHold(t *testing.T) {
	held := map[string]int{}
	for seed := *first; seed < *first+uint64(*spaces); seed++ {
		r := rand.New(rand.NewPCG(seed, 0))
		w := steptest.Workload(r)
		m := steptest.Machine(r, step.Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}, w)
		p, err := step.NewPricer(w, m)
		if err != nil {
			t.Fatal(err)
		}
		hold := func(name string, least unit.Duration, of, kin step.Layout) {
			if s := p.Price(kin); float64(s.Time) < float64(least)*(1-1e-9) {
				t.Errorf("seed %d: %s of %s is %v, and %s takes %v (%.3g%%)", seed, name, of, least, kin, s.Time, 100*(float64(s.Time/least)-1))
			}
			held[name]++
		}
		fill := func(of step.Layout, room *step.Room) {
			if !of.SP && of.Offload != step.OffloadNone {
				return // is not of the room
			}
			least, fits := p.Least(of, room, unit.Bytes(math.Inf(1)))
			state := p.LeastState(of, room)
			m := p.Price(of).Memory
			if total := m.Total(); total < least || total < state || m.Fits() && !fits {
				t.Errorf("seed %d: %s takes %v, not %.6g or %.6g bytes at least; may fit: %v", seed, of, m, float64(least), float64(state), fits)
			}
			if soon, may := p.Least(of, room, 0); soon > least || may != fits {
				t.Errorf("seed %d: %s takes %.6g bytes at least, of all stages %.6g", seed, of, float64(soon), float64(least))
			}
			if held["memory"]++; !fits {
				held["no room"]++
			}
		}
		var room step.Room
		for range 500 {
			l := drawLayout(r, w, m)
			if len(l.Problems(w, m)) > 0 {
				continue
			}
			hold("the floor", p.Floor(l), l, l)
			hold("the passes", p.Passes(divided(l, w), false).Floor(l, w.Batch/(l.DP*l.MicroBatch)), l, l)
			if l.Chips() >= m.Server.ScaleUpDomain {
				hold("a domain's passes", p.Passes(divided(l, w), true).Floor(l, w.Batch/(l.DP*l.MicroBatch)), l, l)
			}
			s, b := p.PriceBounded(l)
			saved := savedMore(r, w, m, l)
			if len(saved.Problems(w, m)) > 0 {
				t.Fatal(saved)
			}
			hold("saving", b.Saving, l, saved)
			if s.Parts.DataComm == 0 && l.Schedule != step.DualPipe {
				// Where more work hides neither data-parallel nor experts' traffic it is no gain.
				hold("the price", s.Time, l, saved)
			}

			measure(p, &room, l, w, m)
			fill(l, &room)
			fill(saved, &room)

			plain := l
			plain.SP, plain.ZeRO, plain.Shard, plain.Recompute, plain.RecomputeLayers, plain.Offload = true, 1, 0, step.RecomputeNone, 0, step.OffloadNone
			_, b = p.PriceBounded(plain)
			if l.SP {
				hold("sharding", b.Sharding, plain, l)
			} else {
				hold("whole", b.Whole, plain, l)
			}
			if l.VPP > 1 {
				one := plain
				one.VPP, one.Schedule = 1, step.OneFOneB
				if len(one.Problems(w, m)) == 0 {
					_, b := p.PriceBounded(one)
					if hold("chunks", b.Chunks(), one, l); l.Schedule == step.OneFOneB {
						hold("interleaved", b.Interleaved(l.VPP), one, l)
					}
				}
			}
			if plain.Schedule == step.OneFOneB {
				continue
			}
			plain.Schedule = step.OneFOneB
			if len(plain.Problems(w, m)) > 0 {
				continue
			}
			_, b = p.PriceBounded(plain)
			if l.Schedule == step.DualPipe {
				if w.Model.MoE != nil {
					hold("DualPipe", b.DualPipe, plain, l)
				}
			} else {
				hold("zero bubble", b.ZeroBubble, plain, l)
			}
		}
	}
	for _, name := range []string{"the floor", "the passes", "a domain's passes", "saving", "the price", "sharding", "whole", "zero bubble", "DualPipe", "chunks", "interleaved", "memory", "no room"} {
		if held[name] < *spaces {
			t.Errorf("%s was held against %d layouts in %d spaces", name, held[name], *spaces)
		}
	}
	t.Log(held)
}

// Nor where gradients of the head's weights wait for the drain, on pipelines whose last stage
// is the slowest by less than these.
func TestBoundsHoldWhereHeadGradientsWait(t *testing.T) {
	m := &step.Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}
	m.Stack.HeadDeferral = 64
	breached := map[string]bool{} // what would not hold if nothing waited
	for _, vocab := range []int{30000, 60000, 90000, 120000} {
		for layers := 15; layers <= 24; layers++ {
			w := &step.Workload{
				Model:    model.Model{Name: "dense", Layers: layers, Hidden: 4096, Heads: 32, KVHeads: 32, HeadDim: 128, FFN: 11008, Gated: true, Vocab: vocab},
				Sequence: 8192, Batch: 64, Precision: step.BF16,
			}
			p, err := step.NewPricer(w, m)
			if err != nil {
				t.Fatal(err)
			}
			plain := *m
			plain.Stack.HeadDeferral = 0
			q, err := step.NewPricer(w, &plain)
			if err != nil {
				t.Fatal(err)
			}
			one := step.Layout{
				TP: 2, SP: true, PP: 4, VPP: 1, DP: 1, CP: 1, CPComm: step.Ring, EP: 1, ETP: 1, ZeRO: 1, MicroBatch: 1,
				Schedule: step.OneFOneB, Recompute: step.RecomputeNone, Offload: step.OffloadNone, Attention: step.Fused,
			}
			chunks, whole, saved := one, one, one
			chunks.VPP, whole.SP, saved.Recompute = 4, false, step.RecomputeFull
			_, b := p.PriceBounded(one)
			_, without := q.PriceBounded(one)
			passes := func(p *step.Pricer) unit.Duration { return p.Passes(one, false).Floor(one, w.Batch) }
			for _, c := range []struct {
				name           string
				least, without unit.Duration
				kin            step.Layout
			}{
				{"the floor", p.Floor(one), q.Floor(one), one},
				{"the passes", passes(p), passes(q), one},
				{"interleaved", b.Interleaved(4), without.Interleaved(4), chunks},
				{"whole", b.Whole, without.Whole, whole},
				{"saving", b.Saving, without.Saving, saved},
				{"sharding", b.Sharding, without.Sharding, one},
			} {
				time := p.Price(c.kin).Time
				if float64(time) < float64(c.least)*(1-1e-9) {
					t.Errorf("%d layers, vocabulary %d: %s is %v, and %s takes %v", layers, vocab, c.name, c.least, c.kin, time)
				}
				breached[c.name] = breached[c.name] || time < c.without
			}
		}
	}
	if !breached["sharding"] {
		t.Error("every bound would hold if nothing waited")
	}
}

// measure makes the room that of a layout's division, with all ways to keep activations.
func measure(p *step.Pricer, room *step.Room, l step.Layout, w *step.Workload, m *step.Machine) {
	p.Clear(room, l)
	host := m.Server.HostLink.Likely > 0 && m.Server.HostMemory.Likely > 0
	for _, l.SP = range []bool{true, false} {
		if l.TP > 1 && !l.SP && w.Model.MoE != nil || !l.Divides(w) {
			continue
		}
		for _, l.Recompute = range []step.Recompute{step.RecomputeNone, step.RecomputeLight, step.RecomputeFull} {
			for _, l.Offload = range []step.Offload{step.OffloadNone, step.OffloadActivations} {
				if l.Offload == step.OffloadNone || host && l.SP {
					p.Add(room, l)
				}
			}
		}
	}
}

func one[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func drawLayout(r *rand.Rand, w *step.Workload, m *step.Machine) step.Layout {
	l := step.Layout{
		TP: one(r, 1, 1, 2, 4), SP: one(r, true, true, false), PP: 1 + r.IntN(min(8, w.Model.Layers+2)), VPP: one(r, 1, 1, 2, 3),
		DP: one(r, 1, 2, 4), CP: one(r, 1, 1, 2), CPComm: one(r, step.Ring, step.AllGather), EP: 1, ETP: 1, ZeRO: r.IntN(2),
		MicroBatch: one(r, 1, 1, 2), Attention: step.Fused,
		Schedule:  one(r, step.OneFOneB, step.OneFOneB, step.ZeroBubbleH1, step.ZeroBubbleV, step.DualPipe),
		Recompute: one(r, step.RecomputeNone, step.RecomputeLight, step.RecomputeFull), Offload: step.OffloadNone,
	}
	if l.PP == 1 {
		l.VPP, l.Schedule, l.ZeRO = 1, step.OneFOneB, r.IntN(4)
	}
	switch l.Schedule {
	case step.ZeroBubbleV:
		l.VPP = 2
	case step.ZeroBubbleH1, step.DualPipe:
		l.VPP = 1
	}
	if l.ZeRO%2 == 1 && one(r, false, true) {
		l.Shard = one(r, 2, 4)
	}
	if l.Recompute != step.RecomputeNone {
		l.RecomputeLayers = r.IntN(w.Model.Layers + 1)
	}
	if w.Model.MoE != nil {
		l.EP, l.ETP, l.SP = one(r, 1, 2, 4), one(r, 1, l.TP), true
	}
	if m.Server.HostLink.Likely > 0 && l.ZeRO > 0 && l.Shard == 0 {
		l.Offload = one(r, step.OffloadNone, step.OffloadOptimizer)
	}
	return l
}

// savedMore is a layout that computes more again than l, or offloads more.
func savedMore(r *rand.Rand, w *step.Workload, m *step.Machine, l step.Layout) step.Layout {
	switch {
	case l.Recompute == step.RecomputeNone:
		if l.Recompute = one(r, step.RecomputeNone, step.RecomputeLight, step.RecomputeFull); l.Recompute != step.RecomputeNone {
			l.RecomputeLayers = r.IntN(w.Model.Layers + 1)
		}
	case l.RecomputeLayers > 0:
		l.RecomputeLayers += r.IntN(w.Model.Layers + 1 - l.RecomputeLayers)
	}
	if m.Server.HostLink.Likely > 0 {
		if l.Offload == step.OffloadNone {
			l.Offload = one(r, step.OffloadNone, step.OffloadActivations)
		} else {
			l.Offload = one(r, step.OffloadOptimizer, step.OffloadAll)
		}
	}
	return l
}

// divided is a layout with sequence parallelism where that divides its tokens.
func divided(l step.Layout, w *step.Workload) step.Layout {
	l.SP = true
	l.SP = l.Divides(w)
	return l
}
