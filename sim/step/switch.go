package step

import "math"

// Switches that reduce and multicast (NVLink SHARP, SHARP): a chip sends each byte of an
// all-reduce once and receives it once, where a ring passes it twice, and one message
// up and one down take the place of a step for each member.
const (
	// switchShare is the rate of an all-reduce through the scale-up switches over
	// that of a ring's links: 8 x H100 reach 273 GB/s of 450, a ring 368 (NVIDIA/nccl
	// issue 1455, nccl-tests issue 212); 258 with five chips; range 0.70-0.75.
	switchShare = 0.74
	// treeSwitchShare is the same for the trees of a fabric's switches; a prior,
	// range 0.6-0.95.
	treeSwitchShare = 0.8
)

// switched prices an all-gather or reduce-scatter of a group within the domain by
// multicast or reduction in its switches: as much arrives at (or leaves) every chip as
// with a ring, in one step.
func (n *network) switched(bytes float64, g group) float64 {
	if !n.up.reduces || n.leaves(g) {
		return math.Inf(1)
	}
	size := float64(g.size)
	return collectiveLaunch + 2*(ringStep+n.up.latency) + bytes*(size-1)/size/(switchShare*n.up.bandwidth)
}

// reduceSwitched prices an all-reduce in the switches: within the domain in one go;
// across it the members of a domain each reduce a part of the bytes, over their own
// NICs through every tier up to the one that holds all, and share the sums. The two
// halves within the domain run beside the part between domains, chunk by chunk.
func (n *network) reduceSwitched(bytes float64, g group) float64 {
	if !n.leaves(g) {
		if !n.up.reduces {
			return math.Inf(1)
		}
		return collectiveLaunch + 2*(ringStep+n.up.latency) + bytes/(switchShare*n.up.bandwidth)
	}
	far := n.reach(g.size * g.stride)
	for i := range n.out {
		if !n.out[i].reduces {
			return math.Inf(1)
		}
		if &n.out[i] == far {
			break
		}
	}
	local := float64(n.local(g))
	inner := 2 * bytes * (local - 1) / local / n.scaleUp(n.inner(g))
	outer := bytes / local / (treeSwitchShare * far.bandwidth)
	steps := 2*(local-1)*(ringStep+n.up.latency) + 2*(ringStep+far.latency)
	return collectiveLaunch + steps + max(inner, outer)
}
