package search

import (
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// variant is what of a layout leaves the division of the model over chips as it is.
type variant struct {
	sequence bool // parallelism beside tensor parallelism
	zero     int
	shard    int
}

// variants adds the best variant of a layout that fits, if it is among the best. It
// returns what the plain one takes without recomputation, ZeRO 1 over all replicas with
// sequence parallelism, or nothing where the bound cuts all.
func (s *space) variants(l step.Layout) (plain step.Parts) {
	if s.slow(s.pricer.Floor(l)) {
		return plain
	}
	var best step.Step
	try := func(v variant) step.Parts {
		l.SP, l.ZeRO, l.Shard = v.sequence, v.zero, v.shard
		return s.memories(l, &best)
	}
	plain = try(variant{true, 1, 0})
	if !s.slow(plain.Sum() - plain.DataComm) {
		s.shardings(l, true, func(v variant) { try(v) })
	}
	if s.whole(l) && !s.slow(s.least(l, plain.Sum()-plain.DataComm)) {
		try(variant{false, 1, 0})
		s.shardings(l, false, func(v variant) { try(v) })
	}
	if best.Time > 0 {
		s.keep(&best)
	}
	return plain
}

// whole reports whether the layout may do without sequence parallelism.
func (s *space) whole(l step.Layout) bool { return s.work.Model.MoE == nil && l.TP > 1 }

// least is what of a time without data traffic no variant can save. Another way to
// shard saves data traffic alone; doing without sequence parallelism joins the
// two collectives of a tensor-parallel block into one, and computes more.
func (s *space) least(l step.Layout, without unit.Duration) unit.Duration {
	if !s.whole(l) {
		return without
	}
	return without * unit.Duration(1-s.pricer.JoinedShare(l))
}

// shardings calls try with every way to shard but ZeRO 1 over all replicas: copies
// on all, ZeRO 2 and 3 where no pipeline keeps weights and gradients whole, and ZeRO 1
// and 3 within a scale-up domain or a tier of the fabric, copies between them.
func (s *space) shardings(l step.Layout, sequence bool, try func(variant)) {
	replicas := l.DP * l.CP
	if replicas == 1 {
		return
	}
	try(variant{sequence, 0, 0})
	if l.PP == 1 {
		try(variant{sequence, 2, 0})
		try(variant{sequence, 3, 0})
	}
	for _, chips := range s.tiers {
		shard := chips / l.TP
		if shard < 2 || shard >= replicas || replicas%shard != 0 {
			continue
		}
		try(variant{sequence, 1, shard})
		if l.PP == 1 {
			try(variant{sequence, 3, shard})
		}
	}
}

// policies of recomputation from the fastest to the leanest.
var policies = [...]step.Recompute{step.RecomputeNone, step.RecomputeLight, step.RecomputeFull}

// memories tries the ways to save activations from the fastest to the leanest and stops
// at the first that fits, on as few layers as fit, or where even one that does not fit
// would be too slow: recomputing more never makes a step faster. Where all fits without
// recomputation offloading could only cost; else it is tried too. It replaces best where
// it finds a faster step, and returns what the first one takes.
func (s *space) memories(l step.Layout, best *step.Step) (first step.Parts) {
	l.Offload = step.OffloadNone
	var all [len(policies)]unit.Duration // of each policy on all layers, as far as priced
	for i, r := range policies {
		l.Recompute = r
		st := s.pricer.Price(l)
		all[i] = st.Time
		if r == step.RecomputeNone {
			first = st.Parts
		}
		if st.Memory.Fits() {
			if r == step.RecomputeNone {
				improve(best, &st)
				return first
			}
			st = s.fewest(l, &st)
			improve(best, &st)
			break
		}
		s.lack(&st)
		if s.slow(st.Time) {
			break
		}
	}
	if l.SP && l.ZeRO > 0 && l.Shard == 0 {
		s.offload(l, &all, best)
	}
	return first
}

// offload tries the policies of recomputation beside each offload, which never makes
// one faster than it is without: all holds what they take then, on all layers. What is
// computed again need not cross the link to the host, so that where activations do all
// of the policies are priced, on all layers.
func (s *space) offload(l step.Layout, all *[len(policies)]unit.Duration, best *step.Step) {
	var enough [len(policies)]bool // without the optimizer
	for _, l.Offload = range s.offloads {
		for i, r := range policies {
			if all[i] == 0 || s.slow(all[i]) || best.Time > 0 && all[i] >= best.Time {
				break // as are those that recompute more
			}
			if l.Offload == step.OffloadAll && enough[i] {
				continue
			}
			l.Recompute, l.RecomputeLayers = r, 0
			st := s.pricer.Price(l)
			if !st.Memory.Fits() {
				s.lack(&st)
				continue
			}
			if l.Offload == step.OffloadOptimizer && r != step.RecomputeNone {
				st = s.fewest(l, &st)
			}
			improve(best, &st)
			if l.Offload == step.OffloadOptimizer {
				break
			}
			enough[i] = true
		}
	}
}

// improve keeps the faster of two steps; the first one has no time before any is found.
func improve(best, st *step.Step) {
	if best.Time == 0 || st.Time < best.Time {
		*best = *st
	}
}

// fewest is the step that recomputes as few layers of each stage as fit, where all do.
func (s *space) fewest(l step.Layout, all *step.Step) step.Step {
	best := *all
	layers := s.work.Model.Layers
	low, high := 0, layers // none does not fit, and no stage has more
	if l.PP > 1 {
		high = min(layers, (layers+l.PP-2)/(l.PP-1))
	}
	for high-low > 1 {
		l.RecomputeLayers = (low + high) / 2
		st := s.pricer.Price(l)
		switch {
		case st.Memory.Fits():
			best, high = st, l.RecomputeLayers
		case s.slow(st.Time):
			return best // which is slower still
		default:
			low = l.RecomputeLayers
		}
	}
	return best
}
