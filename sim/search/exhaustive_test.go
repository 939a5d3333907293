package search

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"clustercap/sim/hardware/hardwaretest"
	"clustercap/sim/model"
	"clustercap/sim/step"
	"clustercap/sim/step/steptest"
	"clustercap/sim/unit"
)

// everyLayout calls visit with every valid layout of the space on at most so many
// chips, one nested loop after another.
func everyLayout(w *step.Workload, m *step.Machine, chips int, visit func(step.Layout)) {
	layers := w.Model.Layers
	shards := []int{0, m.Server.ScaleUpDomain}
	for _, t := range m.Fabric.Tiers {
		if t.Chips > m.Server.ScaleUpDomain {
			shards = append(shards, t.Chips)
		}
	}
	etps := func(tp int) []int {
		if w.Model.MoE == nil || tp == 1 {
			return []int{1}
		}
		return []int{1, tp}
	}
	experts := 1
	if w.Model.MoE != nil {
		experts = w.Model.MoE.Experts
	}
	l := step.Layout{Attention: step.Fused}
	host := m.Server.HostLink.Likely > 0 && m.Server.HostMemory.Likely > 0
	memory := func() {
		plain, whole := divided(l), divided(l)
		whole.SP = false
		if len(plain.Problems(w, m)) > 0 && len(whole.Problems(w, m)) > 0 {
			return
		}
		for _, l.SP = range []bool{true, false} {
			for l.ZeRO = range 4 {
				for _, shard := range shards {
					l.Shard = shard / l.TP
					// Hybrid sharding is of ZeRO 1 and 3, over part of the replicas.
					if shard > 0 && (l.ZeRO%2 == 0 || l.Shard < 2 || l.Shard >= l.DP*l.CP) {
						continue
					}
					l.Offload, l.Recompute, l.RecomputeLayers = step.OffloadNone, step.RecomputeNone, 0
					if len(l.Problems(w, m)) == 0 && (l.SP || l.TP > 1) {
						offloads(l, layers, host, visit)
					}
				}
			}
		}
	}
	for l.TP = 1; l.TP <= min(chips, m.Server.ScaleUpDomain); l.TP++ {
		for l.CP = 1; l.CP == 1 || l.CP*contextTokens <= w.Sequence; l.CP *= 2 {
			for _, l.CPComm = range []step.ContextComm{step.Ring, step.AllGather} {
				if l.CP == 1 && l.CPComm != step.Ring {
					continue // the same
				}
				for l.PP = 1; l.PP <= layers+2; l.PP++ {
					for l.VPP = 1; l.VPP <= layers+2; l.VPP++ {
						for _, l.Schedule = range []step.Schedule{step.OneFOneB, step.ZeroBubbleH1, step.ZeroBubbleV, step.DualPipe} {
							for l.DP = 1; l.TP*l.CP*l.PP*l.DP <= chips; l.DP++ {
								for _, l.MicroBatch = range []int{1, 2, 4, 8} {
									if w.Batch%(l.DP*l.MicroBatch) != 0 {
										continue
									}
									for l.EP = 1; l.EP <= experts; l.EP++ {
										// DualPipe is priced for divided experts alone.
										if l.Schedule == step.DualPipe && l.EP == 1 {
											continue
										}
										for _, l.ETP = range etps(l.TP) {
											memory()
										}
									}
								}
							}
						}
					}
				}
			}
		}
	}
}

// offloads calls visit with everything that may be offloaded or recomputed: beside
// ZeRO over all replicas, and beside offloaded activations on all layers or none.
func offloads(l step.Layout, layers int, host bool, visit func(step.Layout)) {
	for _, l.Offload = range []step.Offload{step.OffloadNone, step.OffloadOptimizer, step.OffloadActivations, step.OffloadAll} {
		if l.Offload != step.OffloadNone && (!host || !l.SP || l.ZeRO == 0 || l.Shard > 0) {
			return
		}
		for _, l.Recompute = range policies {
			most := layers
			if l.Recompute == step.RecomputeNone || l.Offload == step.OffloadActivations || l.Offload == step.OffloadAll {
				most = 0
			}
			for l.RecomputeLayers = range most + 1 {
				visit(l)
			}
		}
	}
}

// divided is a layout without what its variants differ in.
func divided(l step.Layout) step.Layout {
	l.SP, l.ZeRO, l.Shard = true, 1, 0
	l.Recompute, l.RecomputeLayers, l.Offload = step.RecomputeNone, 0, step.OffloadNone
	return l
}

// checkBest compares the k best layouts with the best of each division of all that are
// priced one by one, and reports whether any fits.
func checkBest(t *testing.T, name string, w *step.Workload, m *step.Machine, chips, k int) bool {
	t.Helper()
	p, err := step.NewPricer(w, m)
	if err != nil {
		t.Fatal(err)
	}
	fastest := map[step.Layout]step.Step{}
	priced := 0
	everyLayout(w, m, chips, func(l step.Layout) {
		priced++
		s := p.Price(l)
		if best, ok := fastest[divided(l)]; s.Memory.Fits() && (!ok || s.Time < best.Time) {
			fastest[divided(l)] = s
		}
	})
	all := slices.SortedFunc(maps.Values(fastest), func(a, b step.Step) int { return cmp.Compare(a.Time, b.Time) })
	got, err := Best(w, m, chips, k)
	if (err == nil) != (len(all) > 0) {
		t.Errorf("%s: search says %v, of all %d fit", name, err, len(all))
		return false
	}
	if len(got) != min(k, len(all)) {
		t.Errorf("%s: found %d, there are %d", name, len(got), len(all))
		return false
	}
	for i, s := range got {
		if problems := s.Layout.Problems(w, m); len(problems) > 0 || s.Layout.Chips() > chips || !s.Memory.Fits() {
			t.Errorf("%s: %s on %d chips is not valid: %v, %v", name, s.Layout, chips, problems, s.Memory)
		}
		// Nearly equal layouts differ by rounding.
		if late := float64(s.Time/all[i].Time) - 1; late > 1e-12 || late < -1e-12 {
			t.Errorf("%s: in place %d found %s at %v, there is %s at %v, %.3g %% less", name, i+1, s.Layout, s.Time, all[i].Layout, all[i].Time, 100*late)
			break
		}
	}
	if err != nil {
		return false
	}
	t.Logf("%s: %s, of %d", name, got[0].Layout, priced)
	more, err := Best(w, m, chips+chips/2+1, 1)
	if err != nil {
		t.Errorf("%s: fits, but not with half as many chips more: %v", name, err)
	} else if more[0].Time > got[0].Time {
		t.Errorf("%s: half as many chips more take %v instead of %v", name, more[0].Time, got[0].Time)
	}
	return true
}

// The best layouts of small spaces, every dimension included, are the best of all that
// are priced one by one, on chips with memory for all of the state and for barely any.
func TestBestIsTheBestOfAll(t *testing.T) {
	dense := model.Model{Name: "dense", Layers: 4, Hidden: 2048, Heads: 8, KVHeads: 8, FFN: 8192, Gated: true, Vocab: 32000}
	mixture := dense
	mixture.MoE = &model.MoE{Experts: 4, TopK: 2, FFN: 4096, DenseLayers: 1}
	for _, c := range []struct {
		model           model.Model
		sequence, batch int
		chips           int
		hbm             float64 // GB
		domain          int
		nic             float64 // GB/s; slow ones call for pipelines
	}{
		{dense, 4096, 16, 8, 7, 8, 50},
		{dense, 8192, 12, 12, 8.5, 4, 50},
		{dense, 16384, 4, 16, 8, 4, 50},
		{dense, 4096, 16, 6, 80, 1, 1},
		{dense, 4096, 16, 8, 7, 2, 1},
		{mixture, 4096, 8, 4, 80, 4, 50},
		{mixture, 8192, 16, 8, 10, 2, 2},
	} {
		w := &step.Workload{Model: c.model, Sequence: c.sequence, Batch: c.batch, Precision: step.BF16}
		m := h100()
		m.Chip.HBM = unit.Point(unit.Bytes(c.hbm * 1e9))
		m.Chip.NIC = unit.Point(unit.Bandwidth(c.nic * 1e9))
		m.Server.ScaleUpDomain, m.Server.Chips = c.domain, c.domain
		m.Fabric = hardwaretest.Clos(4)
		m.Fabric.Tiers[0].Chips = 8
		if !checkBest(t, fmt.Sprintf("%s on %d chips of %v GB", c.model.Name, c.chips, c.hbm), w, m, c.chips, 1) {
			t.Errorf("%+v: no layout fits; the case is no test", c)
		}
	}
}

var (
	spaces    = flag.Int("spaces", 12, "drawn spaces whose layouts are all priced")
	firstSeed = flag.Uint64("first", 0, "seed of the first of them")
)

// So are those of spaces drawn at random, and of one where a single replica has something to
// shard: its weights, which ZeRO 3 casts as they are used.
func TestBestIsTheBestOfDrawnSpaces(t *testing.T) {
	seeds := []uint64{102}
	if *firstSeed > 0 {
		seeds = nil
	}
	for i := range *spaces {
		seeds = append(seeds, *firstSeed+uint64(i))
	}
	fit := 0
	for _, seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 0))
		w := steptest.Workload(r)
		m := steptest.Machine(r, *h100(), w)
		if checkBest(t, fmt.Sprintf("go test ./sim/search -run Drawn -spaces 1 -first %d", seed), w, m, 2+r.IntN(7), 1+r.IntN(3)) {
			fit++
		}
	}
	t.Logf("%d of %d spaces have a layout that fits", fit, len(seeds))
}
