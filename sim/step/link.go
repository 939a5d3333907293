package step

// links are the two ways out of a chip: into the scale-up domain and, over its NIC, to
// the rest. A collective takes the way that its farthest members need, alone: what it
// occupies, for how many seconds, no other has at that time.
type links struct{ domain, nic float64 }

func (l links) plus(m links) links { return links{l.domain + m.domain, l.nic + m.nic} }

func (l links) times(f float64) links { return links{l.domain * f, l.nic * f} }

// others is the longest that traffic other than own has a link that own uses.
func (l links) others(own links) (busy float64) {
	if own.domain > 0 {
		busy = l.domain - own.domain
	}
	if own.nic > 0 {
		busy = max(busy, l.nic-own.nic)
	}
	return max(0, busy)
}

// leaves reports whether a group's collectives leave the scale-up domain.
func (n *network) leaves(g group) bool { return n.local(g) < g.size }

// occupied is what collectives of a group that last so many seconds take of the links.
func (p *pricer) occupied(g group, seconds float64) links {
	if p.net.leaves(g) {
		return links{nic: seconds}
	}
	return links{domain: seconds}
}

// occupy adds what collectives of a group take of the links in the two passes.
func (p *pricer) occupy(b *block, g group, forward, backward float64) {
	b.forward.links = b.forward.links.plus(p.occupied(g, forward))
	b.backward.links = b.backward.links.plus(p.occupied(g, backward))
}

// shared is the share of a stage's time in which other traffic has the link that its
// data-parallel collectives need: exposed or not, only what it leaves can carry them.
// Traffic that shares a link fairly would slow both; as much would be left to wait for.
func (p *pricer) shared(s *pipe) float64 {
	w := &s.slowest.work
	busy := w.links.domain
	leaves := p.net.leaves(p.replicas(false))
	if leaves {
		busy = w.links.nic
	}
	if p.sharesLink() {
		// What a receiver waits for is not part of its passes.
		hop, exposed := p.message(s)
		busy += 2 * float64(p.layout.VPP) * (hop - exposed)
	}
	return min(1, busy/w.sum())
}

// sharesLink reports whether messages between stages take the link that data-parallel
// collectives need.
func (p *pricer) sharesLink() bool {
	l := p.layout
	return l.PP > 1 && p.net.leaves(p.replicas(false)) == p.net.leaves(group{2, l.TP * l.CP * l.DP})
}
