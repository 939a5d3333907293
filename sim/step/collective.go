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
	below     float64 // reach of the tier below
	bandwidth float64 // B/s per chip and direction that a large collective gets
	over      float64 // oversubscription from the chips up to here
	spread    float64 // of load between the links into it, all chips sending
	latency   float64 // s per message
	reduces   bool    // its switches reduce and multicast, and the stack lets them
}

// network is the hierarchy of a machine: the scale-up domain and the fabric's tiers.
type network struct {
	domain int
	host   int   // chips of a server, several of which a domain may hold
	chips  int   // of the job
	torus  torus // the job's slice of a domain
	mesh   bool  // the domain's chips are linked pairwise
	up     tier
	out    []tier
	// worst is how many standard deviations the most loaded of the links in use lies
	// above the mean.
	worst float64
}

func newNetwork(m *Machine) network {
	s := &m.Server
	net := network{
		domain: max(1, s.ScaleUpDomain),
		host:   s.Chips,
		torus:  newTorus(s),
		mesh:   s.Mesh,
		up: tier{
			chips:     float64(s.ScaleUpDomain),
			bandwidth: float64(m.Chip.ScaleUp.Likely) * float64(m.Chip.Efficiency.ScaleUpBus.Likely),
			over:      1,
			latency:   float64(s.ScaleUpLatency.Likely),
			reduces:   s.InNetworkReduction && m.Stack.InNetworkReduction,
		},
	}
	below, over := float64(net.domain), 1.0
	for i := range m.Fabric.Tiers {
		t := fabricTier(&m.Fabric.Tiers[i], &m.Chip)
		t.reduces = m.Fabric.Tiers[i].InNetworkReduction && m.Stack.InNetworkReduction
		over *= t.over
		t.below, t.over = below, over
		below = t.chips
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
		spread:    float64(t.LoadSpread.Likely),
		latency:   float64(t.Latency.Likely),
	}
}

// crowded is the load of the most loaded link into a tier, in its bandwidth, where the
// chips below send as much as load times the links' bandwidth up through them. What
// hashing or adaptive routing assigns to one of many equal links is nearly normal, and its
// variance is in proportion to its mean, as that of a number of flows. All wait for the
// link that got most, of as many as there are chips in the job.
func (n *network) crowded(t *tier, load float64) float64 {
	return load + t.spread*math.Sqrt(load)*n.worst
}

// pace is the bandwidth that a chip gets when all send to chips hop further on, within
// groups that span so many chips: that of the slowest tier. Of neighbours in rank order
// only those cross into a tier that sit within a hop of the end of what is below it, so
// that where hops are short neither its oversubscription nor crowded links bite.
func (n *network) pace(hop, span int) float64 {
	slowest := math.Inf(1)
	for i := range n.out {
		t := &n.out[i]
		load := min(1, float64(hop)/t.below) * t.over
		slowest = min(slowest, t.bandwidth/max(1, n.crowded(t, load)))
		if t.chips >= float64(span) {
			break
		}
	}
	return slowest
}

// group is a set of chips that communicate: size members, neighbours stride chips
// apart in rank order.
type group struct{ size, stride int }

// spareShare is the share of a domain that a job leaves idle rather than have groups lie
// across two: 8 of the 72 chips of an NVL72 rack, as MLPerf's runs do.
const spareShare = 1.0 / 9

// local is the number of members within one scale-up domain. Groups follow each other in
// rank order: where too many chips would be left over by whole ones, some lie across two
// domains, with as few on one side as the common divisor of both leaves, and wait for
// those few's way out.
func (n *network) local(g group) int {
	if g.stride >= n.domain {
		return 1
	}
	within := n.domain
	if n.across(g) {
		within = gcd(n.domain, g.size*g.stride)
	}
	return min(g.size, max(1, within/g.stride))
}

// across reports whether some of the job's groups lie across two domains. All wait for the
// slowest, be it one of these or of those within a domain.
func (n *network) across(g group) bool { return n.chips > n.domain && n.splits(g) }

// within is the network as groups within a domain see it.
func (n *network) within() network {
	w := *n
	w.chips = 0
	return w
}

// splits reports whether some of several domains' groups lie across two.
func (n *network) splits(g group) bool {
	span := g.size * g.stride
	return span < n.domain && float64(n.domain%span) > spareShare*float64(n.domain)
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
// which every member holds bytes, by whichever way is faster. Libraries have trees for it
// only where each domain holds one member (NCCL's PAT).
func (n *network) gather(bytes float64, g group) float64 {
	if g.size <= 1 || bytes <= 0 {
		return 0
	}
	if n.across(g) {
		w := n.within()
		return max(w.gather(bytes, g), n.gatherAlike(bytes, g))
	}
	return n.gatherAlike(bytes, g)
}

// gatherAlike is the same where all groups lie alike.
func (n *network) gatherAlike(bytes float64, g group) float64 {
	best := min(n.ring(bytes, g), n.switched(bytes, g))
	if n.local(g) == 1 && n.trees() {
		size := float64(g.size)
		best = min(best, collectiveLaunch+n.climb(g)+bytes*(size-1)/size/(treeShare*n.between(g)))
	}
	return best
}

// ring prices the same without switches' help. Rings pass each link once; within a domain the
// ring runs over the scale-up links, between domains over the NICs of all local
// members at once, so the slower of both sets the pace.
func (n *network) ring(bytes float64, g group) float64 {
	if g.size <= 1 || bytes <= 0 {
		return 0
	}
	return n.passed(bytes, g, n.between(g))
}

// relay prices the same where each member sends to the next one alone, as messages: in a
// mesh over the one link between the two, and out of a domain over the NIC of the one that
// stands at its end, while those of the others rest.
func (n *network) relay(bytes float64, g group) float64 {
	if g.size <= 1 || bytes <= 0 {
		return 0
	}
	bandwidth := n.between(g)
	if n.leaves(g) {
		bandwidth = min(bandwidth, n.pace(max(g.stride, n.domain), g.size*g.stride))
	}
	if n.mesh && n.local(g) > 1 {
		bandwidth = min(bandwidth, n.scaleUp(group{2, g.stride}))
	}
	alike := n.passed(bytes, g, bandwidth)
	if n.across(g) {
		w := n.within()
		return max(w.relay(bytes, g), alike)
	}
	return alike
}

// passed prices a ring of this bandwidth.
func (n *network) passed(bytes float64, g group, bandwidth float64) float64 {
	size, local := float64(g.size), float64(n.local(g))
	domains := math.Ceil(size / local)
	steps := domains * n.hops(n.inner(g)) * (ringStep + n.up.latency)
	if domains > 1 {
		steps += (domains - 1) * (ringStep + n.out[0].latency)
	}
	return collectiveLaunch + steps + bytes*(size-1)/size/bandwidth
}

// inner is the part of a group within one scale-up domain.
func (n *network) inner(g group) group { return group{n.local(g), g.stride} }

// hops is the steps of a ring of a group within a domain, on a torus those of one ring for
// each axis that it spans.
func (n *network) hops(g group) float64 {
	if n.torus.axes == 0 {
		return float64(g.size) - 1
	}
	return n.torus.span(g).hops
}

// link is the bandwidth of one of a chip's links in a torus.
func (n *network) link() float64 { return n.up.bandwidth / float64(2*n.torus.axes) }

// scaleUp is the bandwidth at which a group within a domain passes on what each member
// receives: on a torus or in a mesh, of the links that it has.
func (n *network) scaleUp(g group) float64 {
	switch {
	case g.size <= 1:
		return n.up.bandwidth
	case n.mesh:
		return n.up.bandwidth * float64(g.size-1) / float64(n.domain-1)
	case n.torus.axes == 0:
		return n.up.bandwidth
	}
	return n.torus.span(g).links * n.link()
}

// spread is the time in which each member of a group within a domain sends so many bytes,
// as many to each of the others.
func (n *network) spread(bytes float64, g group) float64 {
	if n.torus.axes == 0 || g.size <= 1 {
		return bytes / n.scaleUp(g)
	}
	size := float64(g.size)
	return bytes * size / (size - 1) * n.torus.span(g).load / n.link()
}

// between is the bandwidth at which a ring or tree passes on what each member receives.
func (n *network) between(g group) float64 {
	local := n.local(g)
	if local == g.size {
		return n.scaleUp(g)
	}
	bandwidth := float64(local) * n.pace(max(g.stride, n.domain), g.size*g.stride)
	if local > 1 {
		bandwidth = min(bandwidth, n.scaleUp(n.inner(g)))
	}
	return bandwidth
}

// trees reports whether the machine's collectives have trees: NCCL's and its kin do, of XLA's
// between slices of TPUs none is documented.
func (n *network) trees() bool { return n.torus.axes == 0 }

// climb is the time of one message up a binary tree of the group's domains.
func (n *network) climb(g group) float64 {
	domains := math.Ceil(float64(g.size) / float64(n.local(g)))
	return math.Ceil(math.Log2(domains)) * (ringStep + n.reach(g.size*g.stride).latency)
}

// tree prices an all-reduce up and down a tree of the servers, and of their domains, along
// chains within a server (NCCL's trees).
func (n *network) tree(bytes float64, g group) float64 {
	within := n.inner(g)
	levels := 0.0
	if chained := n.host / g.stride; chained < within.size {
		chained = max(1, chained)
		levels = math.Ceil(math.Log2(math.Ceil(float64(within.size) / float64(chained))))
		within.size = chained
	}
	chain := (n.hops(within) + levels) * (ringStep + n.up.latency)
	return collectiveLaunch + 2*(chain+n.climb(g)) + 2*bytes/(treeShare*n.between(g))
}

// reduce prices an all-reduce of bytes: a reduce-scatter and an all-gather in one
// launch, or along a tree or in the switches where that is faster.
func (n *network) reduce(bytes float64, g group) float64 {
	if g.size <= 1 || bytes <= 0 {
		return 0
	}
	if n.across(g) {
		w := n.within()
		return max(w.reduce(bytes, g), n.reduceAlike(bytes, g))
	}
	return n.reduceAlike(bytes, g)
}

// reduceAlike is the same where all groups lie alike.
func (n *network) reduceAlike(bytes float64, g group) float64 {
	best := min(2*n.gather(bytes, g)-collectiveLaunch, n.reduceSwitched(bytes, g))
	if n.trees() {
		best = min(best, n.tree(bytes, g))
	}
	return best
}

// exchange prices an all-to-all in which every member sends bytes, spread evenly
// over all members, itself included. Traffic that leaves a tier meets the
// oversubscription of the next. sent are the parts of the even spread's traffic that the
// dispatch sends.
func (n *network) exchange(bytes float64, g group, sent copies) float64 {
	if g.size <= 1 || bytes <= 0 {
		return 0
	}
	if n.across(g) {
		w := n.within()
		return max(w.exchange(bytes, g, sent), n.exchangeAlike(bytes, g, sent))
	}
	return n.exchangeAlike(bytes, g, sent)
}

// exchangeAlike is the same where all groups lie alike.
func (n *network) exchangeAlike(bytes float64, g group, sent copies) float64 {
	size := float64(g.size)
	local := float64(n.local(g))
	slowest, latency := n.spread(bytes*sent.chips*(local-1)/size, n.inner(g)), n.up.latency
	if local < size {
		latency = max(latency, n.reach(g.size*g.stride).latency)
		inside := local
		for i := range n.out {
			t := &n.out[i]
			crossing := (size - inside) / size
			slowest = max(slowest, bytes*min(sent.chips, sent.domains)*n.crowded(t, crossing*t.over)/t.bandwidth)
			inside = min(size, math.Max(inside, math.Floor(t.chips/float64(g.stride))))
			if inside >= size {
				break
			}
		}
		// What arrives for a neighbour is forwarded over the scale-up links.
		if sent.domains < 1 {
			slowest = max(slowest, n.spread(bytes*sent.chips*(size-1)/size, n.inner(g)))
		}
	}
	// Within a domain kernels store to all peers at once; over NICs every peer is a
	// message of its own.
	return collectiveLaunch + ringStep + latency + slowest + (size-local)*peerMessage
}

// send prices one message to the same rank of the next pipeline stage, stage
// chips further on.
func (n *network) send(bytes float64, stage int) float64 {
	if bytes <= 0 {
		return 0
	}
	if 2*stage <= n.domain {
		return ringStep + n.up.latency + bytes/n.scaleUp(group{2, stage})
	}
	return ringStep + n.reach(2*stage).latency + bytes/n.pace(stage, 2*stage)
}
