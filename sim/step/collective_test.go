package step

import (
	"math"
	"testing"

	"clustercap/sim/hardware/hardwaretest"
	"clustercap/sim/unit"
)

// hashed is a network of 256-chip leaves under a core whose links are loaded unevenly.
func hashed(spread unit.Share, chips int) network {
	fabric := hardwaretest.Clos(1)
	fabric.Tiers[1].LoadSpread = unit.Point(spread)
	net := newNetwork(&Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: fabric})
	net.worst = worstOf(chips)
	return net
}

// All that cross the core wait for its most loaded link: the expected maximum of so many
// normals, as sums of many flows are. Rings between neighbours cross it with one server of
// a leaf's 32, and no link of theirs is full.
func TestCrowdedLinksSlowWhatCrossesTheCore(t *testing.T) {
	const bytes, spread = 1e9, 0.1
	even := hashed(0, 4096)
	for _, chips := range []int{1024, 16384} {
		net := hashed(spread, chips)
		slow := 1 + spread*worstOf(chips)
		if got := net.pace(4096, 8192) / even.pace(4096, 8192); math.Abs(got*slow-1) > 1e-9 {
			t.Errorf("%d chips: a hop across the core has %.3f of its bandwidth, want 1/%.3f", chips, got, slow)
		}
		g := group{chips, 1}
		if got, want := net.gather(bytes, g), even.gather(bytes, g); got != want {
			t.Errorf("%d chips: a ring of neighbours takes %v s, %v without crowding", chips, got, want)
		}
		// An all-to-all fills the leaves' switches and what crosses the core.
		leaf, core := 1-8/float64(chips), 1-256/float64(chips)
		crowd := spread * worstOf(chips) * math.Sqrt(core)
		want := max(leaf/(50e9*0.85), (core+crowd)/(50e9*0.8))
		got := (net.exchange(2*bytes, g, copies{1, 1}) - net.exchange(bytes, g, copies{1, 1})) / bytes
		if math.Abs(got/want-1) > 1e-9 {
			t.Errorf("%d chips: an all-to-all takes %.4g s a byte, want %.4g", chips, got, want)
		}
	}
	if a, b := hashed(spread, 1024), hashed(spread, 131072); a.pace(4096, 8192) <= b.pace(4096, 8192) {
		t.Error("more links in use do not make the most loaded one worse")
	}
}

// Oversubscription counts where what crosses fills it: a hop of half a leaf under 4:1 sends
// half of the chips' bandwidth through a quarter of it.
func TestHopsMeetOversubscription(t *testing.T) {
	net := newNetwork(&Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)})
	core := 50e9 * 0.8
	for hop, want := range map[int]float64{8: core, 64: core, 128: core / 2, 256: core / 4, 1024: core / 4} {
		if got := net.pace(hop, 4096); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("hop of %d: %.3g B/s, want %.3g", hop, got, want)
		}
	}
}

// A small all-gather takes a step for each member, whatever the tiers, where an all-reduce
// and, with one member to a domain, an all-gather climb a tree.
func TestStepsOfCollectives(t *testing.T) {
	net := hashed(0, 1)
	const bytes, step, far = 1, ringStep + 0.5e-6, ringStep + 2e-6
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"gather over 512", net.gather(bytes, group{512, 1}), 64*7*step + 63*far},
		{"gather over 512 domains", net.gather(bytes, group{512, 8}), 9 * (ringStep + 6e-6)},
		{"reduce over 512", net.reduce(bytes, group{512, 1}), 2*7*step + 2*6*(ringStep+6e-6)},
	} {
		if math.Abs(c.got-collectiveLaunch-c.want) > 1e-9 {
			t.Errorf("%s takes %.1f us beside the launch, want %.1f", c.name, 1e6*(c.got-collectiveLaunch), 1e6*c.want)
		}
	}
}

// Groups of six on servers of eight lie across two, and as few as two of them share one; a
// job within a server has no such groups, and one of racks of 72 leaves eight chips idle.
func TestGroupsAcrossServers(t *testing.T) {
	for _, c := range []struct {
		domain, chips, size, stride, want int
	}{
		{8, 48, 6, 1, 2},
		{8, 48, 3, 1, 1},
		{8, 48, 3, 2, 1},
		{8, 6, 6, 1, 6},
		{8, 48, 4, 2, 4},
		{8, 480, 12, 1, 8},
		{8, 480, 60, 1, 8},
		{72, 128, 64, 1, 64},
		{72, 720, 24, 3, 24},
		{72, 960, 48, 1, 24},
	} {
		n := network{domain: c.domain, chips: c.chips}
		if got := n.local(group{c.size, c.stride}); got != c.want {
			t.Errorf("%d chips in groups of %d, %d apart, in domains of %d: %d in one, want %d", c.chips, c.size, c.stride, c.domain, got, c.want)
		}
	}
}

// What a group within a domain does takes no longer than what one across two does.
func TestDomainsAreNoSlowerThanWhatJoinsThem(t *testing.T) {
	for _, server := range []struct{ chips, domain int }{{8, 8}, {4, 72}, {4, 12}} {
		m := Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(1)}
		m.Server.Chips, m.Server.ScaleUpDomain = server.chips, server.domain
		within := newNetwork(&m)
		across := within
		across.chips = math.MaxInt
		split := 0
		for size := 2; size < server.domain; size++ {
			for stride := 1; size*stride < server.domain; stride++ {
				g := group{size, stride}
				if across.local(g) < size {
					split++
				}
				for _, bytes := range []float64{1e3, 1e6, 16e6, 1e9} {
					for name, of := range map[string]func(*network) float64{
						"all-reduce": func(n *network) float64 { return n.reduce(bytes, g) },
						"all-gather": func(n *network) float64 { return n.gather(bytes, g) },
						"all-to-all": func(n *network) float64 { return n.exchange(bytes, g, copies{1, 1}) },
					} {
						if in, out := of(&within), of(&across); in > out*(1+1e-12) {
							t.Errorf("domains of %d: %s of %g B in groups of %d, %d apart: %v s, across two %v", server.domain, name, bytes, size, stride, in, out)
						}
					}
				}
			}
		}
		if split == 0 {
			t.Errorf("domains of %d: no group lies across two", server.domain)
		}
	}
}

// In a mesh two chips have one link, whatever is beside them: a group of n in a domain of d
// has (n-1)/(d-1) of what each of its chips has into the domain, and all d have all of it.
func TestMeshHasALinkForEachPair(t *testing.T) {
	m := Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(1)}
	switched := newNetwork(&m)
	m.Server.Mesh = true
	mesh := newNetwork(&m)
	// Seconds per byte, launches and steps apart.
	each := func(of func(bytes float64) float64) float64 { return (of(2e9) - of(1e9)) / 1e9 }
	for _, g := range []group{{2, 1}, {2, 4}, {4, 1}, {4, 2}, {7, 1}, {8, 1}} {
		slower := 7 / float64(g.size-1)
		for name, of := range map[string]func(*network, float64) float64{
			"all-gather": func(n *network, bytes float64) float64 { return n.gather(bytes, g) },
			"all-reduce": func(n *network, bytes float64) float64 { return n.reduce(bytes, g) },
			"all-to-all": func(n *network, bytes float64) float64 { return n.exchange(bytes, g, copies{1, 1}) },
		} {
			got := each(func(b float64) float64 { return of(&mesh, b) }) / each(func(b float64) float64 { return of(&switched, b) })
			if math.Abs(got/slower-1) > 1e-9 {
				t.Errorf("%s over %+v takes %.3f times as long as through a switch, want %.3f", name, g, got, slower)
			}
		}
		for name, of := range map[string]func(*network, float64) float64{
			"send": func(n *network, bytes float64) float64 { return n.send(bytes, 4) },
			// A ring passes (n-1)/n of the bytes from one to the next.
			"ring of messages": func(n *network, bytes float64) float64 { return n.relay(bytes, g) },
		} {
			got := each(func(b float64) float64 { return of(&mesh, b) }) / each(func(b float64) float64 { return of(&switched, b) })
			if math.Abs(got/7-1) > 1e-9 {
				t.Errorf("%s over %+v takes %.3f times as long as through a switch, want 7", name, g, got)
			}
		}
	}
	// Out of the server every chip's NIC sets the pace, as with a switch.
	if g := (group{16, 8}); mesh.gather(1e9, g) != switched.gather(1e9, g) {
		t.Errorf("one chip of each server gathers at another pace in a mesh: %v s, %v", mesh.gather(1e9, g), switched.gather(1e9, g))
	}
}

// A ring of messages leaves a server by one member's NIC, however many members it has there;
// an all-gather's rings leave by those of all.
func TestRingsOfMessagesLeaveByOneNIC(t *testing.T) {
	net := hashed(0, 4096)
	perByte := func(price func(bytes float64) float64) float64 { return (price(2e9) - price(1e9)) / 1e9 }
	for _, stride := range []int{1, 2, 4, 8} {
		g := group{64 / stride, stride}
		share := float64(g.size-1) / float64(g.size)
		one := share / net.pace(8, 64)
		if got := perByte(func(bytes float64) float64 { return net.relay(bytes, g) }); math.Abs(got/one-1) > 1e-9 {
			t.Errorf("%d members a server: messages take %.4g s a byte, want %.4g", 8/stride, got, one)
		}
		want := max(one*float64(stride)/8, share/net.up.bandwidth)
		if got := perByte(func(bytes float64) float64 { return net.ring(bytes, g) }); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("%d members a server: rings take %.4g s a byte, want %.4g", 8/stride, got, want)
		}
	}
}

// Every collective that leaves a domain waits at least once for a message through the fabric.
func TestAllToAllWaitsForTheFabric(t *testing.T) {
	took := func(latency float64, g group) float64 {
		fabric := hardwaretest.Clos(1)
		for i := range fabric.Tiers {
			fabric.Tiers[i].Latency = unit.Point(unit.Duration(latency))
		}
		net := newNetwork(&Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: fabric})
		return net.exchange(1, g, copies{1, 1})
	}
	for _, g := range []group{{64, 1}, {8, 8}} {
		if near, far := took(25e-6, g), took(500e-6, g); math.Abs(far-near-475e-6) > 1e-9 {
			t.Errorf("%+v: an all-to-all takes %v s at 25 us a message and %v at 500", g, near, far)
		}
	}
	if near, far := took(25e-6, group{8, 1}), took(500e-6, group{8, 1}); near != far {
		t.Errorf("an all-to-all within a server takes %v s, and %v through a slower fabric", near, far)
	}
}
