package step

import (
	"fmt"
	"strings"
)

// region is a part of a layer whose activations the backward pass may compute anew.
type region uint16

const (
	regionNorm region = 1 << iota
	regionActivation
	regionLatent
	regionScores
	regionFeedForward
	regionInputs    // projections before attention
	regionAttention // fused attention
	regionOutput    // projection behind attention
	regionUp        // first products of a feed-forward block, and dispatch to experts
)

// regionNames in the order that messages list them.
var regionNames = [...]struct {
	name   string
	region region
}{
	{"norm", regionNorm},
	{"act", regionActivation},
	{"mla", regionLatent},
	{"scores", regionScores},
	{"ffn", regionFeedForward},
	{"qkv", regionInputs},
	{"attn", regionAttention},
	{"out", regionOutput},
	{"up", regionUp},
}

// regions are the parts of a layer that a policy computes anew, apart from what
// RecomputeFull and RecomputeAlternate do to the whole; false where it names one that
// is unknown or named twice.
func (r Recompute) regions() (set region, ok bool) {
	switch r {
	case RecomputeNone, RecomputeFull:
		return 0, true
	case RecomputeLight, RecomputeAlternate:
		return regionNorm | regionActivation | regionLatent, true
	case RecomputeSelective:
		return regionScores, true
	}
	for rest, more := string(r), true; more; {
		var name string
		name, rest, more = strings.Cut(rest, "+")
		found := region(0)
		for _, n := range regionNames {
			if n.name == name {
				found = n.region
			}
		}
		if found == 0 || set&found != 0 {
			return 0, false
		}
		set |= found
	}
	return set, true
}

// recomputes reports whether a region's activations are computed anew.
func (p *pricer) recomputes(r region) bool { return p.anew&r != 0 }

// keep adds bytes that are kept for the backward pass, or computed again where the region is.
func (p *pricer) keep(b *block, r region, bytes float64) {
	if p.recomputes(r) {
		b.redone += bytes
	} else {
		b.stored += bytes
	}
}

// feedForwardAgain is a layer's feed-forward block computed anew from its input, which alone
// is kept, and not that either where attention's projection gives it again.
func (p *pricer) feedForwardAgain(b block, s shape) block {
	b.redone += b.stored
	b.stored, b.redo = 0, b.forward
	if !p.recomputes(regionOutput) {
		input := activationBytes * s.sharded * s.hidden
		b.stored, b.redone = input, b.redone-input
	}
	return b
}

// recomputeProblems lists what is wrong with the choice of what is computed anew.
func (l *Layout) recomputeProblems(w *Workload) []string {
	var out []string
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	set, ok := l.Recompute.regions()
	switch {
	case !ok:
		bad("recompute=%s is not none, selective, light, alternate or full, nor different ones of norm, act, mla, scores, ffn, qkv, attn, out and up joined by +", l.Recompute)
	case set&regionScores != 0 && l.Recompute != RecomputeSelective && l.Attention == Fused:
		bad("recompute=%s: fused attention keeps no scores; leave scores out", l.Recompute)
	case set&regionAttention != 0 && l.Attention != Fused:
		bad("recompute=%s: attn is fused attention; write scores", l.Recompute)
	case set&regionLatent != 0 && set&regionInputs != 0:
		bad("recompute=%s: qkv holds the latent projections; leave mla out", l.Recompute)
	case set&regionLatent != 0 && l.Recompute != RecomputeLight && l.Recompute != RecomputeAlternate && w.Model.MLA == nil:
		bad("recompute=%s: %s has no latent attention; leave mla out", l.Recompute, w.Model.Name)
	}
	switch {
	case l.RecomputeLayers < 0 || l.RecomputeLayers > w.Model.Layers:
		bad("recompute_layers=%d must be 0 (all) to the model's %d layers", l.RecomputeLayers, w.Model.Layers)
	case l.RecomputeLayers > 0 && l.Recompute == RecomputeNone:
		bad("recompute_layers=%d needs recompute; write e.g. recompute=full", l.RecomputeLayers)
	}
	return out
}

// mix is so many layers of either kind, of which the first few, dense ones first, follow the
// policy and the others compute nothing anew (Megatron's block method of recomputation).
func (y *layers) mix(dense, moe, few int) block {
	d := min(few, dense)
	m := min(few-d, moe)
	b := mixed(&y.dense, &y.moe, d, m)
	if d < dense || m < moe {
		b = b.plus(mixed(&y.densePlain, &y.moePlain, dense-d, moe-m))
	}
	return b
}

// mixed is so many layers of either kind, of which most stages have one.
func mixed(dense, moe *block, d, m int) block {
	switch {
	case m == 0:
		return dense.times(float64(d))
	case d == 0:
		return moe.times(float64(m))
	}
	return dense.times(float64(d)).plus(moe.times(float64(m)))
}

// few is how many layers of each stage follow the recompute policy.
func (l *Layout) few(model int) int {
	if l.RecomputeLayers == 0 {
		return model
	}
	return l.RecomputeLayers
}
