package step

import (
	"math"

	"clustercap/sim/hardware"
)

// Constants of collective libraries, measured on 8 x A100 over NVLink: bus
// bandwidth 19.9 GB/s at 1 MB, 78 at 4 MB, 127 at 16 MB, 203 at 64 MB, 229 at 1 GB
// (all-reduce). 1 MB takes 88 us of which 8 us is bandwidth; the rest is one launch
// and 14 ring steps.
const (
	collectiveLaunch = 15e-6 // s, range 8-20
	ringStep         = 4e-6  // s of protocol per ring step beside the wire latency, range 3-6
	// peerMessage is the time a sender spends on one more peer of an all-to-all
	// (work request, doorbell, completion), range 0.5-2.
	peerMessage = 1e-6 // s
	// treeShare is the bandwidth of logarithmic algorithms over the ring's
	// (NCCL's double binary trees: 0.9-0.95).
	treeShare = 0.92
)

// tier is a level of the hierarchy as seen by one chip.
type tier struct {
	chips     float64 // reach; +Inf for the last
	bandwidth float64 // B/s per chip and direction that a large collective gets
	over      float64 // oversubscription above the tier below
	latency   float64 // s per message
	reduces   bool    // its switches reduce and multicast, and the stack lets them
}

// network is the hierarchy of a machine: the scale-up domain and the fabric's tiers.
type network struct {
	domain int
	up     tier
	out    []tier
}

func newNetwork(m *Machine) network {
	s := &m.Server
	net := network{
		domain: max(1, s.ScaleUpDomain),
		up: tier{
			chips:     float64(s.ScaleUpDomain),
			bandwidth: float64(m.Chip.ScaleUp.Likely) * float64(m.Chip.Efficiency.ScaleUpBus.Likely),
			over:      1,
			latency:   float64(s.ScaleUpLatency.Likely),
			reduces:   s.InNetworkReduction && m.Stack.InNetworkReduction,
		},
	}
	for i := range m.Fabric.Tiers {
		t := fabricTier(&m.Fabric.Tiers[i], &m.Chip)
		t.reduces = m.Fabric.Tiers[i].InNetworkReduction && m.Stack.InNetworkReduction
		net.out = append(net.out, t)
	}
	return net
}

func fabricTier(t *hardware.Tier, c *hardware.Chip) tier {
	bw := float64(t.Bandwidth.Likely)
	if bw == 0 {
		bw = float64(c.NIC.Likely)
	}
	reach := float64(t.Chips)
	if reach == 0 {
		reach = math.Inf(1)
	}
	return tier{
		chips:     reach,
		bandwidth: bw * float64(t.Efficiency.Likely),
		over:      max(1, float64(t.Oversubscription)),
		latency:   float64(t.Latency.Likely),
	}
}

// group is a set of chips that communicate: size members, neighbours stride chips
// apart in rank order.
type group struct{ size, stride int }

// local is the number of members within one scale-up domain.
func (n *network) local(g group) int {
	if g.stride >= n.domain {
		return 1
	}
	return min(g.size, max(1, n.domain/g.stride))
}

// reach returns the nearest fabric tier that holds span chips.
func (n *network) reach(span int) *tier {
	for i := range n.out {
		if n.out[i].chips >= float64(span) {
			return &n.out[i]
		}
	}
	return &n.out[len(n.out)-1]
}

// gather prices an all-gather (or, the same in reverse, a reduce-scatter) after
// which every member holds bytes, by whichever way is faster.
func (n *network) gather(bytes float64, g group) float64 {
	if g.size <= 1 || bytes <= 0 {
		return 0
	}
	return min(n.ring(bytes, g), n.switched(bytes, g))
}

// ring prices the same without switches' help. Rings pass each link once; within a domain the
// ring runs over the scale-up links, between domains over the NICs of all local
// members at once, so the slower of both sets the pace. Neighbours in rank order
// sit side by side, so a ring crosses an oversubscribed tier with one domain's
// traffic only and oversubscription does not bite; congestion does, through the
// efficiency of the widest tier spanned.
func (n *network) ring(bytes float64, g group) float64 {
	if g.size <= 1 || bytes <= 0 {
		return 0
	}
	local := n.local(g)
	size := float64(g.size)
	wire := bytes * (size - 1) / size
	step := ringStep + n.up.latency
	if local == g.size {
		return collectiveLaunch + wire/n.up.bandwidth + (size-1)*step
	}
	far := n.reach(g.size * g.stride)
	domains := math.Ceil(size / float64(local))
	bandwidth := min(float64(local)*far.bandwidth, n.up.bandwidth)
	if local == 1 {
		bandwidth = far.bandwidth
	}
	inner := float64(local-1) * step
	ring := wire/bandwidth + (domains-1)*(ringStep+n.out[0].latency)
	tree := wire/(treeShare*bandwidth) + 2*math.Ceil(math.Log2(domains))*(ringStep+far.latency)
	return collectiveLaunch + inner + min(ring, tree)
}

// reduce prices an all-reduce of bytes: a reduce-scatter and an all-gather in one
// launch, or in the switches where that is faster.
func (n *network) reduce(bytes float64, g group) float64 {
	if g.size <= 1 || bytes <= 0 {
		return 0
	}
	return min(2*n.gather(bytes, g)-collectiveLaunch, n.reduceSwitched(bytes, g))
}

// exchange prices an all-to-all in which every member sends bytes, spread evenly
// over all members, itself included. Traffic that leaves a tier meets the
// oversubscription of the next. sent are the parts of the even spread's traffic that the
// dispatch sends.
func (n *network) exchange(bytes float64, g group, sent copies) float64 {
	if g.size <= 1 || bytes <= 0 {
		return 0
	}
	size := float64(g.size)
	local := float64(n.local(g))
	slowest := bytes * sent.chips * (local - 1) / size / n.up.bandwidth
	if local < size {
		inside := local
		over := 1.0
		for i := range n.out {
			t := &n.out[i]
			over *= t.over
			crossing := (size - inside) / size
			slowest = max(slowest, bytes*crossing*min(sent.chips, sent.domains)*over/t.bandwidth)
			inside = min(size, math.Max(inside, math.Floor(t.chips/float64(g.stride))))
			if inside >= size {
				break
			}
		}
		// What arrives for a neighbour is forwarded over the scale-up links.
		if sent.domains < 1 {
			slowest = max(slowest, bytes*sent.chips*(size-1)/size/n.up.bandwidth)
		}
	}
	// Within a domain kernels store to all peers at once; over NICs every peer is a
	// message of its own.
	return collectiveLaunch + ringStep + n.up.latency + slowest + (size-local)*peerMessage
}

// send prices one message to the same rank of the next pipeline stage, stage
// chips further on.
func (n *network) send(bytes float64, stage int) float64 {
	if bytes <= 0 {
		return 0
	}
	if 2*stage <= n.domain {
		return ringStep + n.up.latency + bytes/n.up.bandwidth
	}
	far := n.reach(2 * stage)
	// Where several stages share a tier only the last one's chips cross it.
	over := 1.0
	for i := range n.out {
		if float64(stage) >= n.out[i].chips || &n.out[i] == far {
			over *= max(1, n.out[i].over*min(1, float64(stage)/below(n.out, i, n.domain)))
		}
		if &n.out[i] == far {
			break
		}
	}
	return ringStep + far.latency + bytes*over/far.bandwidth
}

// below is the reach of the tier under tier i.
func below(tiers []tier, i, domain int) float64 {
	if i == 0 {
		return float64(domain)
	}
	return tiers[i-1].chips
}
