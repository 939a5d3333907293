// Package steptest draws small workloads, and machines to run them on, for tests that hold
// bounds and searches against every layout.
package steptest

import (
	"math"
	"math/rand/v2"

	"clustercap/sim/hardware"
	"clustercap/sim/model"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// pick draws one of what it is given, which may name one several times.
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// between draws a value whose logarithm is uniform.
func between(r *rand.Rand, low, high float64) float64 {
	return low * math.Pow(high/low, r.Float64())
}

// Workload draws a step of a model of one to six layers, dense or with experts.
func Workload(r *rand.Rand) *step.Workload {
	h := pick(r, 1024, 2048, 4096)
	m := model.Model{
		Name: "drawn", Layers: 1 + r.IntN(6), Hidden: h, Heads: pick(r, 4, 8, 12), KVHeads: 4, HeadDim: 128, FFN: pick(r, 2, 4) * h,
		Gated: true, Vocab: pick(r, 4000, 32000, 128000), Tied: pick(r, false, false, true), MTP: pick(r, 0, 0, 1), Window: pick(r, 0, 0, 0, 1024),
	}
	if pick(r, false, true) {
		m.MoE = &model.MoE{Experts: pick(r, 4, 8), TopK: pick(r, 1, 2), FFN: pick(r, 1, 2) * h, SharedFFN: pick(r, 0, h), DenseLayers: r.IntN(2), Imbalance: pick(r, 0, 1.5)}
	}
	switch r.IntN(6) {
	case 0:
		m.MLA = &model.MLA{QRank: pick(r, 0, 512), KVRank: 256, NopeDim: 128, RopeDim: 64, ValueDim: 128}
	case 1:
		m.Linear = &model.Linear{Every: pick(r, 2, 4), KeyHeads: 8, ValueHeads: 16, KeyDim: 128, ValueDim: 128}
	}
	return &step.Workload{
		Model: m, Sequence: pick(r, 2048, 2052, 4096, 8192, 16384, 65536), Batch: pick(r, 4, 8, 12, 16, 24, 32), Precision: pick(r, step.BF16, step.FP8),
	}
}

// Machine draws a kin of base on which memory may bind the workload's layouts: its chips'
// memory, links to each other and to the host, its fabric's tiers, and for every second one
// what its stack overlaps and what it waits for.
func Machine(r *rand.Rand, base step.Machine, w *step.Workload) *step.Machine {
	m := base
	params := w.Model.Params()
	m.Chip.HBM = unit.Point(unit.Bytes(between(r, 3*params+4e9, 16*params+60e9)))
	m.Chip.NIC = unit.Point(unit.Bandwidth(between(r, 0.5e9, 50e9)))
	m.Chip.ScaleUp = unit.Point(unit.Bandwidth(between(r, 20e9, 450e9)))
	m.Server.ScaleUpDomain = pick(r, 1, 2, 4, 8)
	m.Server.Chips = m.Server.ScaleUpDomain
	m.Server.HostLink = pick(r, unit.Range[unit.Bandwidth]{}, unit.Point(unit.Bandwidth(between(r, 2e9, 60e9))))
	m.Server.HostMemory = unit.Point(unit.Bytes(between(r, 2e9, 200e9) * float64(m.Server.Chips)))
	tier := base.Fabric.Tiers[0]
	m.Fabric.Tiers = nil
	for _, chips := range pick(r, []int{0}, []int{8, 0}, []int{4, 12, 0}) {
		tier.Chips, tier.Oversubscription = chips, pick[unit.Factor](r, 1, 1, 4)
		m.Fabric.Tiers = append(m.Fabric.Tiers, tier)
	}
	if pick(r, false, true) {
		overlap(r, &m)
	}
	if pick(r, false, false, true) { // groups lie across domains of 3, 6 or 12
		m.Server.ScaleUpDomain *= 3
	}
	if m.Server.Torus == 0 && pick(r, false, false, true) {
		m.Server.Mesh, m.Server.InNetworkReduction = true, false
	}
	return &m
}

func overlap(r *rand.Rand, m *step.Machine) {
	s := &m.Stack
	s.TensorOverlap = unit.Point(unit.Share(r.Float64()))
	s.ExpertOverlap = unit.Point(unit.Share(r.Float64()))
	s.ShardBroadcast = unit.Point(pick[unit.Duration](r, 0, 0, 1e-3))
	s.ExpertLaunch = unit.Point(pick[unit.Duration](r, 0, 0, 20e-6))
	s.ExpertSync = unit.Point(pick[unit.Duration](r, 0, 0, 200e-6))
	s.AttentionBlock = pick(r, 0, 512)
	s.WeightsFP8 = pick(r, false, true)
	s.HeadDeferral = pick(r, 0, 0, 2, 22)
	s.PlainDispatch = pick(r, false, true)
	s.MergedContext = pick(r, false, false, true)
	s.AttentionFP8 = pick(r, unit.Range[unit.Factor]{}, unit.Point[unit.Factor](1.35))
	s.AmaxReduction = pick(r, "", step.AmaxStage, step.AmaxTensor)
	s.EagerContext = pick(r, false, true)
	s.Elementwise = pick(r, unit.Range[unit.Factor]{}, unit.Point[unit.Factor](3))
	s.Casts = pick(r, unit.Range[unit.Factor]{}, unit.Point[unit.Factor](3.7))
	s.Capacity = unit.Point(pick[unit.Factor](r, 0, 0, 1.25))
	s.MaskedDispatch = pick(r, false, false, true)
	s.PlannedMemory = pick(r, false, false, true)
	m.Server.Torus = pick(r, 0, 0, 2)
	s.SerialData = pick(r, false, false, true)
	s.SerialCopies = pick(r, false, true)
	s.WholeReduce = pick(r, false, true)
	s.InNetworkReduction = pick(r, false, true)
	m.Server.InNetworkReduction = true
	reduces := pick(r, false, true)
	m.Fabric.Tiers = append([]hardware.Tier{}, m.Fabric.Tiers...)
	for i := range m.Fabric.Tiers {
		m.Fabric.Tiers[i].InNetworkReduction = reduces
	}
}
