package step

import (
	"fmt"
	"strconv"
	"strings"
)

// String writes the layout as people type it: "tp=8,pp=16,vpp=1,dp=128,...".
// Degrees of 1 and defaults are left out, except tp, pp and dp.
func (l Layout) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "tp=%d,pp=%d,dp=%d", l.TP, l.PP, l.DP)
	if !l.SP {
		b.WriteString(",sp=0")
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"vpp", l.VPP}, {"cp", l.CP}, {"ep", l.EP}, {"etp", l.ETP}} {
		if f.value > 1 {
			fmt.Fprintf(&b, ",%s=%d", f.name, f.value)
		}
	}
	if l.CPComm != Ring {
		fmt.Fprintf(&b, ",cp_comm=%s", l.CPComm)
	}
	fmt.Fprintf(&b, ",zero=%d", l.ZeRO)
	if l.Shard > 0 {
		fmt.Fprintf(&b, ",shard=%d", l.Shard)
	}
	fmt.Fprintf(&b, ",mb=%d", l.MicroBatch)
	if l.Recompute != RecomputeNone {
		fmt.Fprintf(&b, ",recompute=%s", l.Recompute)
	}
	if l.RecomputeLayers > 0 {
		fmt.Fprintf(&b, ",recompute_layers=%d", l.RecomputeLayers)
	}
	if l.LastLayers > 0 {
		fmt.Fprintf(&b, ",last_layers=%d", l.LastLayers)
	}
	if l.Offload != OffloadNone {
		fmt.Fprintf(&b, ",offload=%s", l.Offload)
	}
	if l.Schedule != OneFOneB {
		fmt.Fprintf(&b, ",schedule=%s", l.Schedule)
	}
	if l.Attention != Fused {
		fmt.Fprintf(&b, ",attention=%s", l.Attention)
	}
	return b.String()
}

// layoutKeys in the order that messages list them.
const layoutKeys = "tp, pp, dp, sp, vpp, last_layers, cp, cp_comm, ep, etp, zero, shard, mb, recompute, recompute_layers, offload, schedule, attention"

// ParseLayout reads what String writes, in any order. Degrees not named are 1,
// ZeRO is 1 over all replicas, sequence parallelism on (sp=1), context
// parallelism a ring, recompute and offload none, the schedule 1f1b, attention fused; DP 0 means "as many as the chips allow", see
// Complete.
func ParseLayout(text string) (Layout, error) {
	l := Layout{TP: 1, SP: true, PP: 1, VPP: 1, CP: 1, CPComm: Ring, EP: 1, ETP: 1, ZeRO: 1, MicroBatch: 1, Recompute: RecomputeNone, Offload: OffloadNone, Schedule: OneFOneB, Attention: Fused}
	ints := map[string]*int{
		"tp": &l.TP, "pp": &l.PP, "vpp": &l.VPP, "dp": &l.DP, "cp": &l.CP, "ep": &l.EP, "etp": &l.ETP,
		"zero": &l.ZeRO, "shard": &l.Shard, "mb": &l.MicroBatch, "recompute_layers": &l.RecomputeLayers, "last_layers": &l.LastLayers,
	}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || value == "" {
			return Layout{}, fmt.Errorf("%q is not key=value; write e.g. tp=8,pp=16", strings.TrimSpace(part))
		}
		if seen[key] {
			return Layout{}, fmt.Errorf("%s is given twice", key)
		}
		seen[key] = true
		switch key {
		case "recompute":
			l.Recompute = Recompute(value)
			continue
		case "cp_comm":
			l.CPComm = ContextComm(value)
			continue
		case "offload":
			l.Offload = Offload(value)
			continue
		case "schedule":
			l.Schedule = Schedule(value)
			continue
		case "attention":
			l.Attention = Attention(value)
			continue
		case "sp":
			on, err := strconv.ParseBool(value)
			if err != nil {
				return Layout{}, fmt.Errorf("sp=%s is not 0 or 1", value)
			}
			l.SP = on
			continue
		}
		p := ints[key]
		if p == nil {
			return Layout{}, fmt.Errorf("unknown key %q; the keys are %s", key, layoutKeys)
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 || n > maxDegree {
			return Layout{}, fmt.Errorf("%s=%s is not a whole number from 0 to %d", key, value, maxDegree)
		}
		*p = n
	}
	if n := float64(l.TP) * float64(l.PP) * float64(l.CP) * float64(max(l.DP, 1)); n > maxDegree {
		return Layout{}, fmt.Errorf("tp x pp x cp x dp is more than %d chips", maxDegree)
	}
	return l, nil
}

// maxDegree bounds every degree: more than any cluster has chips.
const maxDegree = 10_000_000

// endChunks: the first chunk of a pipeline may hold the embedding alone and the last
// one the head (Llama 3, section 3.3.2).
const endChunks = 2

// chunkAt is the chunk of the model that a stage holds as its v-th.
func (l *Layout) chunkAt(stage, v int) int {
	if l.Schedule == ZeroBubbleV && v == 1 {
		return 2*l.PP - 1 - stage
	}
	return v*l.PP + stage
}

// lastStage holds the last chunk.
func (l *Layout) lastStage() int {
	if l.Schedule == ZeroBubbleV {
		return 0
	}
	return l.PP - 1
}

// Complete fills in DP where it is 0: as many replicas as the chips hold.
func (l Layout) Complete(chips int) Layout {
	if l.DP == 0 {
		if unit := l.TP * l.PP * l.CP; unit > 0 {
			l.DP = chips / unit
		}
	}
	return l
}

// Problems lists what is wrong with the layout for this workload on this machine,
// memory not included: each a sentence that says what would be right.
func (l Layout) Problems(w *Workload, m *Machine) []string {
	var out []string
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, f := range []struct {
		name  string
		value int
	}{{"tp", l.TP}, {"pp", l.PP}, {"vpp", l.VPP}, {"dp", l.DP}, {"cp", l.CP}, {"ep", l.EP}, {"etp", l.ETP}, {"mb", l.MicroBatch}} {
		if f.name == "dp" && l.DP == 0 && (l.TP < 1 || l.PP < 1 || l.CP < 1) {
			continue // Complete had nothing to divide the chips by
		}
		if f.value < 1 || f.value > maxDegree {
			bad("%s=%d must be at least 1", f.name, f.value)
		}
	}
	if l.ZeRO < 0 || l.ZeRO > 3 {
		bad("zero=%d must be 0, 1, 2 or 3", l.ZeRO)
	}
	switch {
	case l.Shard < 0 || l.Shard > maxDegree:
		bad("shard=%d must be 0 (all replicas) or more", l.Shard)
	case l.Shard > 0 && l.ZeRO == 0:
		bad("shard=%d needs zero of at least 1; without it nothing is sharded", l.Shard)
	case l.Shard > 0 && (l.DP*l.CP)%l.Shard != 0:
		bad("shard=%d must divide dp x cp = %d; the nearest that does is %d", l.Shard, l.DP*l.CP, nearestDivisor(l.DP*l.CP, l.Shard))
	}
	out = append(out, l.recomputeProblems(w)...)
	out = append(out, l.offloadProblems(m)...)
	switch {
	case l.CPComm == AllGather && l.CP > 1 && m.Stack.MergedContext:
		bad("cp_comm=all-gather stands for keys gathered before one attention kernel, which the stack %s does not do; cp_comm=ring is what it does", m.Stack.Name)
	case l.CPComm == Ring, l.CPComm == AllGather:
	default:
		bad("cp_comm=%s is not ring or all-gather", l.CPComm)
	}
	switch l.Schedule {
	case OneFOneB, DualPipe, ZeroBubbleH1, ZeroBubbleV:
	default:
		bad("schedule=%s is not 1f1b, zb-h1, zb-v or dualpipe", l.Schedule)
	}
	switch l.Attention {
	case Fused, Unfused:
	default:
		bad("attention=%s is not fused or unfused", l.Attention)
	}
	if len(out) > 0 {
		return out
	}
	mod := &w.Model
	out = append(out, l.tensorProblems(w)...)
	if l.PP*l.VPP > mod.Layers+endChunks {
		bad("pp=%d x vpp=%d is more than the model's %d layers, its embedding and its head; the most is %d", l.PP, l.VPP, mod.Layers, mod.Layers+endChunks)
	}
	switch chunks := l.PP * l.VPP; {
	case l.LastLayers == 0:
	case l.PP == 1:
		bad("last_layers=%d needs pp of at least 2", l.LastLayers)
	case l.LastLayers < 0 || (l.LastLayers-1)*chunks >= mod.Layers:
		bad("last_layers=%d must be 1 to %d, an even share of the model's %d layers, or left out", l.LastLayers, (mod.Layers+chunks-1)/chunks, mod.Layers)
	}
	if l.VPP > 1 && l.PP == 1 {
		bad("vpp=%d needs pp of at least 2", l.VPP)
	}
	if l.Attention == Unfused && l.CP > 1 {
		bad("attention=unfused does not work with context parallelism (cp=%d)", l.CP)
	}
	if w.Sequence%(2*l.CP) != 0 && l.CP > 1 {
		nearest := 1
		if w.Sequence%2 == 0 {
			nearest = nearestDivisor(w.Sequence/2, l.CP)
		}
		bad("cp=%d: twice it must divide the sequence of %d tokens; the nearest that fits is %d", l.CP, w.Sequence, nearest)
	}
	switch {
	case w.Batch%(l.DP*l.MicroBatch) != 0:
		bad("dp=%d x mb=%d must divide the global batch of %d sequences; %s", l.DP, l.MicroBatch, w.Batch, l.nearestReplicas(w))
	case l.VPP > 1 && l.Schedule == OneFOneB && w.Batch/(l.DP*l.MicroBatch)%l.PP != 0:
		micro := w.Batch / (l.DP * l.MicroBatch)
		bad("vpp=%d needs a number of microbatches (%d) that pp=%d divides; %s", l.VPP, micro, l.PP,
			l.replicasFor(w, "write vpp=1"))
	}
	if moe := mod.MoE; moe == nil {
		if l.EP > 1 {
			bad("ep=%d, but %s has no experts", l.EP, mod.Name)
		}
		if l.ETP > 1 {
			bad("etp=%d, but %s has no experts", l.ETP, mod.Name)
		}
	} else {
		chips, etp := l.TP*l.CP*l.DP, l.ETP
		if etp != l.TP {
			etp = 1 // or is wrong itself; see below
		}
		switch ep := nearestCommon(chips/etp, moe.Experts, l.EP); {
		case ep == l.EP:
		case moe.Experts%l.EP != 0:
			bad("ep=%d must divide the model's %d experts; the nearest that fits is %d", l.EP, moe.Experts, ep)
		case etp == 1:
			bad("ep=%d must divide tp x cp x dp = %d; the nearest that does is %d", l.EP, chips, ep)
		default:
			bad("ep=%d x etp=%d must divide tp x cp x dp = %d; the nearest ep that does is %d", l.EP, l.ETP, chips, ep)
		}
		if !l.SP && l.TP > 1 {
			bad("sp=0 with experts needs tp=1, not %d: the tokens of a tensor-parallel group are divided among its chips", l.TP)
		}
		if l.ETP != 1 && l.ETP != l.TP {
			bad("etp=%d must be 1 or tp=%d", l.ETP, l.TP)
		}
	}
	out = append(out, l.scheduleProblems(w)...)
	if l.ZeRO > 1 && l.PP > 1 {
		bad("zero=%d with pp=%d would communicate all weights or gradients with every microbatch; write zero=1, which is also what stacks do that keep them whole for a step (FSDP without resharding)", l.ZeRO, l.PP)
	}
	return out
}

// tensorProblems lists what tensor and sequence parallelism demand of heads and tokens.
func (l Layout) tensorProblems(w *Workload) []string {
	var out []string
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	a, other := w.Model.Attention(), l
	fits := func(tp int) bool {
		other.TP = tp
		return other.Divides(w)
	}
	switch linear := w.Model.Linear; {
	case a.Heads%l.TP != 0:
		bad("tp=%d must divide the model's %d attention heads; the nearest that does is %d", l.TP, a.Heads, nearest(l.TP, fits))
	case !w.dividesHeads(l.TP) && !shared(l.TP, a.KVHeads):
		bad("tp=%d must divide the model's %d key-value heads, or be a multiple of them; the nearest that fits is %d", l.TP, a.KVHeads, nearest(l.TP, fits))
	case !w.dividesHeads(l.TP):
		bad("tp=%d must divide the %d key and %d value heads of the model's linear attention; the nearest that does is %d", l.TP, linear.KeyHeads, linear.ValueHeads, nearest(l.TP, fits))
	case !l.dividesTokens(w):
		or := ""
		if w.Model.MoE == nil {
			or = "write sp=0, or "
		}
		bad("sequence parallelism divides the %d tokens of a chip's sequence by tp=%d; %sthe nearest tp that fits is %d", w.Sequence/l.CP, l.TP, or, nearest(l.TP, fits))
	}
	return out
}

// Divides reports whether tensor and sequence parallelism divide heads and tokens evenly;
// Problems says why not.
func (l Layout) Divides(w *Workload) bool { return w.dividesHeads(l.TP) && l.dividesTokens(w) }

// dividesHeads reports whether chips of a tensor-parallel group each have as many heads of
// every kind; of keys and values several may hold the same one.
func (w *Workload) dividesHeads(tp int) bool {
	a, linear := w.Model.Attention(), w.Model.Linear
	return a.Heads%tp == 0 && shared(tp, a.KVHeads) && (linear == nil || linear.KeyHeads%tp == 0 && linear.ValueHeads%tp == 0)
}

// shared reports whether so many heads are divided evenly over tp chips, or copied.
func shared(tp, heads int) bool { return heads%tp == 0 || tp%heads == 0 }

// dividesTokens reports whether sequence parallelism has as many tokens for every chip, or
// context parallelism has not.
func (l Layout) dividesTokens(w *Workload) bool {
	return !l.SP || l.TP == 1 || w.Sequence%l.CP != 0 || w.Sequence/l.CP%l.TP == 0
}

// nearest is the number of at least 1 that fits and is nearest to v, the smaller of two; 1
// fits.
func nearest(v int, fits func(int) bool) int {
	for d := 0; ; d++ {
		switch {
		case v-d >= 1 && fits(v-d):
			return v - d
		case fits(v + d):
			return v + d
		}
	}
}

// nearestDivisor is the divisor of n that is nearest to v, the smaller of two.
func nearestDivisor(n, v int) int {
	if v >= n {
		return n
	}
	for d := 0; ; d++ {
		switch {
		case n%(v-d) == 0:
			return v - d
		case n%(v+d) == 0:
			return v + d
		}
	}
}

// nearestCommon is the common divisor of two numbers that is nearest to v.
func nearestCommon(a, b, v int) int {
	return nearestDivisor(gcd(a, b), v)
}

// gcd is the greatest common divisor.
func gcd(a, b int) int {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// fewer is the most replicas, no more than the layout's, since more would take more chips,
// that divide the batch into numbers of microbatches that fit, and hold the experts; 0 where
// none do.
func (l Layout) fewer(w *Workload, fits func(micro int) bool) int {
	for dp := min(l.DP, w.Batch/l.MicroBatch); dp > 0; dp-- {
		if w.Batch%(dp*l.MicroBatch) == 0 && (w.Model.MoE == nil || l.TP*l.CP*dp%(l.EP*l.ETP) == 0) && fits(w.Batch/(dp*l.MicroBatch)) {
			return dp
		}
	}
	return 0
}

// takes reports whether the schedule runs with so many microbatches.
func (l Layout) takes(micro int) bool {
	switch l.Schedule {
	case DualPipe:
		return micro%2 == 0 && micro >= 2*l.PP
	case ZeroBubbleV:
		return micro >= 2*l.PP-1
	case OneFOneB:
		return l.VPP == 1 || micro%l.PP == 0
	default:
		return true
	}
}

// replicasFor says which number of replicas gives a number of microbatches that the schedule
// takes, or what to do where none does.
func (l Layout) replicasFor(w *Workload, otherwise string) string {
	if dp := l.fewer(w, l.takes); dp > 0 {
		return fmt.Sprintf("with dp=%d there are %d", dp, w.Batch/(dp*l.MicroBatch))
	}
	return otherwise
}

// nearestReplicas says which numbers near the layout's divide the batch: smaller microbatches
// where that spares more of the replicas.
func (l Layout) nearestReplicas(w *Workload) string {
	dp, mb := l.sparing(w, l.takes)
	if dp == 0 { // the schedule needs another pipeline
		dp, mb = l.sparing(w, func(int) bool { return true })
	}
	switch {
	case dp == 0:
		return "no dp below does, with these experts"
	case mb == l.MicroBatch:
		return fmt.Sprintf("the nearest dp below that does is %d", dp)
	case dp == l.DP:
		return fmt.Sprintf("the nearest mb below that does is %d", mb)
	}
	return fmt.Sprintf("dp=%d with mb=%d does", dp, mb)
}

// sparing is the most replicas, no more than the layout's, that some size of microbatches
// leaves, no larger than its, and the largest such size.
func (l Layout) sparing(w *Workload, fits func(micro int) bool) (dp, mb int) {
	for l.MicroBatch = min(l.MicroBatch, w.Batch); l.MicroBatch > 0; l.MicroBatch-- {
		if w.Batch%l.MicroBatch != 0 {
			continue
		}
		if d := l.fewer(w, fits); d > dp {
			dp, mb = d, l.MicroBatch
		}
	}
	return dp, mb
}

// scheduleProblems lists what the schedule demands of pipeline and microbatches.
func (l Layout) scheduleProblems(w *Workload) []string {
	var out []string
	bad := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	micro, whole := w.Batch/(l.DP*l.MicroBatch), w.Batch%(l.DP*l.MicroBatch) == 0
	switch l.Schedule {
	case DualPipe:
		switch {
		case l.PP%2 != 0:
			bad("schedule=dualpipe needs an even pp, not %d; the nearest is %d", l.PP, max(l.PP-1, 2))
		case l.VPP > 1:
			bad("schedule=dualpipe already holds two chunks per stage; leave vpp at 1")
		case whole && !l.takes(micro):
			bad("schedule=dualpipe needs an even number of microbatches per replica, at least %d, twice pp; there are %d: %s", 2*l.PP, micro,
				l.replicasFor(w, "take a shorter pipeline or a larger batch"))
		}
	case ZeroBubbleH1:
		switch {
		case l.PP == 1:
			bad("schedule=zb-h1 needs pp of at least 2")
		case l.VPP > 1:
			bad("schedule=zb-h1 does not interleave; leave vpp at 1, or write schedule=zb-v,vpp=2")
		}
	case ZeroBubbleV:
		switch {
		case l.PP == 1:
			bad("schedule=zb-v needs pp of at least 2")
		case l.VPP != 2:
			bad("schedule=zb-v holds two chunks per stage; write vpp=2")
		case whole && !l.takes(micro):
			bad("schedule=zb-v needs at least %d microbatches per replica, 2 pp - 1; there are %d: %s", 2*l.PP-1, micro,
				l.replicasFor(w, "take a shorter pipeline or a larger batch"))
		}
	}
	return out
}
