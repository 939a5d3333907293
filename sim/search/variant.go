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
// returns what bounds the kin of the plain one, which computes nothing again, with ZeRO 1
// over all replicas and sequence parallelism; or nothing where the floor cuts all, or
// where the tokens of a chip's sequence do not divide so.
func (s *space) variants(l step.Layout) (plain step.Bounds) {
	if s.slow(s.pricer.Floor(l)) || s.slow(s.floor.Floor(l, s.micro(l))) {
		return plain
	}
	if !s.roomy(l) {
		return plain
	}
	var best step.Step
	try := func(v variant) step.Bounds {
		l.SP, l.ZeRO, l.Shard = v.sequence, v.zero, v.shard
		return s.memories(l, &best)
	}
	if l.SP {
		plain = try(variant{true, 1, 0})
		if !s.loses(plain.Sharding, &best) {
			s.shardings(l, true, func(v variant) { try(v) })
		}
	}
	if s.work.Model.MoE == nil && l.TP > 1 && !s.loses(plain.Whole, &best) {
		whole := try(variant{false, 1, 0})
		if !s.loses(whole.Sharding, &best) {
			s.shardings(l, false, func(v variant) { try(v) })
		}
	}
	if best.Time > 0 {
		s.keep(&best)
	}
	return plain
}

// roomy reports whether memory may hold a variant of a layout, or, where none fits, one that
// lacks no more than the closest.
func (s *space) roomy(l step.Layout) bool {
	s.measure(l)
	least, fits := s.pricer.Least(l, &s.room, s.least)
	if s.lacking {
		return least <= s.least
	}
	if least < s.least {
		s.least, s.leanest = least, l
	}
	return fits
}

// holds reports the same of a layout under any schedule, by its state alone.
func (s *space) holds(l step.Layout) bool {
	least := s.pricer.LeastState(l, &s.room)
	return least <= s.least || !s.lacking && least <= s.capacity
}

// measure makes the room that of a layout's division: all ways to keep activations.
func (s *space) measure(l step.Layout) {
	if s.measured {
		return
	}
	s.measured = true
	whole := l.SP && l.TP > 1 && s.work.Model.MoE == nil
	for _, l.Recompute = range policies {
		for _, l.Offload = range [...]step.Offload{step.OffloadNone, step.OffloadActivations} {
			if l.Offload == step.OffloadNone || l.SP && len(s.offloads) > 0 {
				s.pricer.Add(&s.room, l)
			}
		}
		if whole {
			l.SP, l.Offload = false, step.OffloadNone
			s.pricer.Add(&s.room, l)
			l.SP = true
		}
	}
}

// loses reports whether a step of at least this time is no faster than the best of its
// layout, if one fits, or out of the answer.
func (s *space) loses(least unit.Duration, best *step.Step) bool {
	return best.Time > 0 && least >= best.Time || s.slow(least)
}

// shardings calls try with every way to shard but ZeRO 1 over all replicas: copies
// on all, ZeRO 2 and 3 where no pipeline keeps weights and gradients whole, and ZeRO 1
// and 3 within a scale-up domain or a tier of the fabric, copies between them. Where
// nothing is held twice, nor are experts, what is left of that is ZeRO 3, which casts
// weights as they are used.
func (s *space) shardings(l step.Layout, sequence bool, try func(variant)) {
	replicas := l.DP * l.CP
	single := replicas == 1 && (s.work.Model.MoE == nil || l.TP == l.EP*l.ETP)
	if !single {
		try(variant{sequence, 0, 0})
	}
	if l.PP == 1 {
		if !single {
			try(variant{sequence, 2, 0})
		}
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

// memories tries all ways to save activations and replaces best where it finds a faster
// step. It returns the bounds of the layout that saves none. Saving more than memory asks
// for makes a step faster only where it lets more traffic hide; the bounds say where.
func (s *space) memories(l step.Layout, best *step.Step) step.Bounds {
	l.Offload = step.OffloadNone
	none, least := s.recomputed(l, best)
	if l.SP && l.ZeRO > 0 && l.Shard == 0 && !s.loses(none.Saving, best) {
		s.offload(l, &least, best)
	}
	return none
}

// recomputed tries the policies of recomputation. It returns the bounds of the layout that
// computes nothing again, and one for each policy on all layers.
func (s *space) recomputed(l step.Layout, best *step.Step) (step.Bounds, [len(policies)]unit.Duration) {
	var least [len(policies)]unit.Duration
	l.Recompute, l.RecomputeLayers = step.RecomputeNone, 0
	_, none := s.try(l, best)
	for i, r := range policies {
		least[i] = none.Saving
		if r != step.RecomputeNone && !s.loses(none.Saving, best) {
			l.Recompute = r
			least[i] = s.fewest(l, best)
		}
	}
	return none, least
}

// fewest tries a policy on as few layers of each stage as fit, and on more where these may
// be faster. It returns a bound for the policy on all layers.
func (s *space) fewest(l step.Layout, best *step.Step) unit.Duration {
	if best.Time > 0 {
		l.RecomputeLayers = 1
		if _, b := s.try(l, best); s.loses(b.Saving, best) {
			return b.Saving
		}
	}
	l.RecomputeLayers = 0
	fits, all := s.try(l, best)
	if !fits {
		return all.Saving
	}
	// None does not fit, or is no faster; no stage has more than most.
	low, high, most := 0, s.layersOfStage(l), s.layersOfStage(l)
	least := all.Saving // of high layers
	for high-low > 1 {
		l.RecomputeLayers = (low + high) / 2
		switch fits, b := s.try(l, best); {
		case fits:
			high, least = l.RecomputeLayers, b.Saving
		case s.loses(b.Saving, best):
			return all.Saving // as do more layers
		default:
			low = l.RecomputeLayers
		}
	}
	for l.RecomputeLayers = high + 1; l.RecomputeLayers < most && !s.loses(least, best); l.RecomputeLayers++ {
		_, b := s.try(l, best)
		least = b.Saving
	}
	return all.Saving
}

// layersOfStage is the most layers that a stage can hold: those of a chunk, dealt evenly
// over all but the last, times the chunks.
func (s *space) layersOfStage(l step.Layout) int {
	layers, chunks := s.work.Model.Layers, max(1, l.PP*l.VPP-1)
	return min(layers, l.VPP*((layers+chunks-1)/chunks))
}

// offload tries each offload beside the policies of recomputation, for which least holds
// what they take without it. What is computed again need not cross the link to the host,
// so that where activations do the policies are on all layers.
func (s *space) offload(l step.Layout, least *[len(policies)]unit.Duration, best *step.Step) {
	var enough [len(policies)]bool // without the optimizer
	for _, l.Offload = range s.offloads {
		if l.Offload == step.OffloadOptimizer {
			s.recomputed(l, best)
			continue
		}
		for i, r := range policies {
			if enough[i] || s.loses(least[i], best) {
				continue
			}
			l.Recompute = r
			enough[i], _ = s.try(l, best)
		}
	}
}

// try prices a layout, replaces best where it fits and is faster, and reports whether it
// fits.
func (s *space) try(l step.Layout, best *step.Step) (bool, step.Bounds) {
	st, b := s.pricer.PriceBounded(l)
	if !st.Memory.Fits() {
		s.lack(&st)
		return false, b
	}
	if best.Time == 0 || st.Time < best.Time {
		*best = st
	}
	return true, b
}
