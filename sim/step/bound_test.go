package step_test

import (
	"flag"
	"math"
	"math/rand/v2"
	"testing"

	"clustercap/sim/hardware/hardwaretest"
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
		holdBounds(t, held, seed, false)
	}
	for _, name := range []string{"the floor", "the passes", "a domain's passes", "saving", "the price", "sharding", "whole", "zero bubble", "DualPipe", "chunks", "interleaved", "memory", "no room"} {
		if held[name] < *spaces {
			t.Errorf("%s was held against %d layouts in %d spaces", name, held[name], *spaces)
		}
	}
	t.Log(held)
}

// Nor where gradients of the head's weights wait for the drain. Of these spaces, the few of
// the first 1,500 that tell, every one breaks a bound that does not allow for that.
func TestBoundsHoldWhereHeadGradientsWait(t *testing.T) {
	held := map[string]int{}
	for _, seed := range []uint64{275, 368, 743, 1019, 1150, 1337} {
		holdBounds(t, held, seed, true)
	}
	t.Log(held)
}

// holdBounds holds the layouts of one space against their bounds and counts what was held. It
// draws a dense model whose head's gradients wait, or any.
func holdBounds(t *testing.T, held map[string]int, seed uint64, waits bool) {
	r := rand.New(rand.NewPCG(seed, 0))
	w := steptest.Workload(r)
	m := steptest.Machine(r, step.Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}, w)
	if waits {
		w.Model.MoE, m.Stack.HeadDeferral = nil, one(r, 2, 22, 1000)
	}
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
