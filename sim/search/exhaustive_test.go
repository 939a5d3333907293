package search

import (
	"testing"

	"clustercap/sim/hardware/hardwaretest"
	"clustercap/sim/model"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// everyLayout calls visit with every valid layout of the space on at most so many
// chips, one nested loop after another.
func everyLayout(w *step.Workload, m *step.Machine, chips int, visit func(step.Layout)) {
	layers := w.Model.Layers
	shards := []int{0, m.Server.ScaleUpDomain, m.Fabric.Tiers[0].Chips}
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
	memory := func() {
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
						offloads(l, layers, visit)
					}
				}
			}
		}
	}
	for l.TP = 1; l.TP <= min(chips, m.Server.ScaleUpDomain); l.TP++ {
		for l.CP = 1; l.CP == 1 || l.CP*contextTokens <= w.Sequence; l.CP *= 2 {
			for _, l.CPComm = range []step.ContextComm{step.Ring, step.AllGather} {
				for l.PP = 1; l.PP <= layers+2; l.PP++ {
					for l.VPP = 1; l.VPP <= layers+2; l.VPP++ {
						if !dealt(layers, l.PP) || l.VPP > 1 && !interleaved(layers, l.PP, l.VPP) {
							continue
						}
						for _, l.Schedule = range []step.Schedule{step.OneFOneB, step.ZeroBubbleH1, step.ZeroBubbleV, step.DualPipe} {
							for l.DP = 1; l.TP*l.CP*l.PP*l.DP <= chips; l.DP++ {
								for _, l.MicroBatch = range []int{1, 2, 4, 8} {
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
func offloads(l step.Layout, layers int, visit func(step.Layout)) {
	for _, l.Offload = range []step.Offload{step.OffloadNone, step.OffloadOptimizer, step.OffloadActivations, step.OffloadAll} {
		if l.Offload != step.OffloadNone && (!l.SP || l.ZeRO == 0 || l.Shard > 0) {
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

// The best layout of small spaces, every dimension included, is the best of all that
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
		p, err := step.NewPricer(w, m)
		if err != nil {
			t.Fatal(err)
		}
		var best step.Step
		priced := 0
		everyLayout(w, m, c.chips, func(l step.Layout) {
			priced++
			if s := p.Price(l); s.Memory.Fits() && (best.Time == 0 || s.Time < best.Time) {
				best = s
			}
		})
		got, err := Best(w, m, c.chips, 1)
		if (err == nil) != (best.Time > 0) {
			t.Errorf("%+v: search says %v, best of all is %s", c, err, best.Layout)
			continue
		}
		if err != nil {
			t.Errorf("%+v: no layout fits; the case is no test", c)
			continue
		}
		t.Logf("%s on %d chips of %v GB: %s, of %d", c.model.Name, c.chips, c.hbm, got[0].Layout, priced)
		if got[0].Time != best.Time {
			t.Errorf("%+v: found %s at %v, best of all is %s at %v", c, got[0].Layout, got[0].Time, best.Layout, best.Time)
		}
	}
}
