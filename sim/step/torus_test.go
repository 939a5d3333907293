package step

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/hardware"
	"clustercap/sim/hardware/hardwaretest"
	"clustercap/sim/model"
	"clustercap/sim/unit"
)

// pods are tori of 3D cubes, as v5p's, and of fixed wiring, as v5e's, whose links have
// 100 GB/s each way and collectives all of it.
var (
	cubes = hardware.Server{Chips: 4, ScaleUpDomain: 8960, Torus: 3, TorusCube: 4, ScaleUpLatency: unit.Point[unit.Duration](1e-6)}
	plane = hardware.Server{Chips: 8, ScaleUpDomain: 256, Torus: 2, ScaleUpLatency: unit.Point[unit.Duration](1e-6)}
)

const linkRate = 100e9 // B/s

func torusMachine(s hardware.Server) *Machine {
	m := &Machine{Chip: hardwaretest.H100(), Server: s, Fabric: hardwaretest.Clos(1)}
	m.Chip.ScaleUp = unit.Point(unit.Bandwidth(2 * float64(s.Torus) * linkRate))
	m.Chip.Efficiency.ScaleUpBus = unit.Point[unit.Share](1)
	return m
}

// slice is the network of a job on so many chips of a pod.
func slice(pod hardware.Server, chips int) *network {
	net := newNetwork(torusMachine(pod))
	net.torus.cut(chips)
	return &net
}

// Slices have the shapes that Google offers (docs.cloud.google.com/tpu/docs/v5p, v6e), whole
// pods those of their torus, and slices of whole cubes are rings along every axis.
func TestSlicesOfATorus(t *testing.T) {
	for _, c := range []struct {
		pod   hardware.Server
		chips int
		want  [3]int
		rings [3]bool
	}{
		{cubes, 1, [3]int{1, 1, 1}, [3]bool{}},
		{cubes, 4, [3]int{1, 2, 2}, [3]bool{}},
		{cubes, 8, [3]int{2, 2, 2}, [3]bool{}},
		{cubes, 32, [3]int{2, 4, 4}, [3]bool{}},
		{cubes, 64, [3]int{4, 4, 4}, [3]bool{true, true, true}},
		{cubes, 128, [3]int{4, 4, 8}, [3]bool{true, true, true}},
		{cubes, 192, [3]int{4, 4, 12}, [3]bool{true, true, true}},
		{cubes, 1024, [3]int{8, 8, 16}, [3]bool{true, true, true}},
		{cubes, 6144, [3]int{16, 16, 24}, [3]bool{true, true, true}},
		{cubes, 8960, [3]int{16, 20, 28}, [3]bool{true, true, true}},
		{plane, 8, [3]int{2, 4}, [3]bool{}},
		{plane, 32, [3]int{4, 8}, [3]bool{}},
		{plane, 128, [3]int{8, 16}, [3]bool{false, true}},
		{plane, 256, [3]int{16, 16}, [3]bool{true, true}},
	} {
		got := slice(c.pod, c.chips).torus
		if [3]int(got.length[:3]) != c.want {
			t.Errorf("%d chips in %d dimensions are %v, want %v", c.chips, c.pod.Torus, got.length[:3], c.want)
		}
		if [3]bool(got.ring[:3]) != c.rings {
			t.Errorf("%d chips in %d dimensions have rings %v, want %v", c.chips, c.pod.Torus, got.ring[:3], c.rings)
		}
	}
}

// An all-gather gets as many links as its group has: two along a ring, one along a line or
// between two chips, those of all axes that the group spans, all of the chip's for a whole
// slice. Members some chips apart on an axis share links with the groups between them.
func TestLinksOfAGroup(t *testing.T) {
	const bytes, step = 1e9, ringStep + 1e-6
	for _, c := range []struct {
		name        string
		pod         hardware.Server
		chips       int
		group       group
		links, hops float64
	}{
		{"two neighbours", cubes, 64, group{2, 1}, 1, 1},
		{"one axis", cubes, 64, group{4, 1}, 2, 2},
		{"the two others", cubes, 64, group{16, 4}, 4, 4},
		{"the whole slice", cubes, 64, group{64, 1}, 6, 6},
		{"the long axis", cubes, 128, group{8, 1}, 2, 4},
		{"the short ones", cubes, 128, group{16, 8}, 4, 4},
		{"the whole of 4x4x8", cubes, 128, group{128, 1}, 6, 8},
		{"a square of two axes", cubes, 512, group{4, 1}, 2, 2},
		{"what squares leave", cubes, 512, group{128, 4}, 4, 8},
		{"an axis and a pair", cubes, 512, group{16, 1}, 3, 5},
		{"a square of a part of a cube", cubes, 16, group{4, 1}, 2, 2},
		{"a part of a cube", cubes, 32, group{32, 1}, 3, 7},
		{"a line of 4", plane, 32, group{4, 1}, 1, 3},
		{"the line of 8 across", plane, 32, group{8, 4}, 1, 7},
		{"a mesh", plane, 32, group{32, 1}, 2, 10},
		{"the ring of 8x16", plane, 128, group{16, 1}, 2, 8},
		{"a ring of 8 as 2x4", plane, 256, group{8, 1}, 2, 4},
		{"every second chip of a ring", plane, 256, group{8, 32}, 1, 4},
		{"the whole plane", plane, 256, group{256, 1}, 4, 16},
	} {
		net := slice(c.pod, c.chips)
		n := float64(c.group.size)
		want := collectiveLaunch + c.hops*step + bytes*(n-1)/n/(c.links*linkRate)
		if got := net.gather(bytes, c.group); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("%s: an all-gather takes %.4g ms, want %.4g", c.name, 1e3*got, 1e3*want)
		}
		if got := net.scaleUp(c.group); got > net.up.bandwidth*(1+1e-9) {
			t.Errorf("%s: %v B/s, the chip has %v", c.name, got, net.up.bandwidth)
		}
	}
}

// The groups of a layout, one inside the other, share a chip's links: together they never
// have more than the chip, and each has some. Where all axes are rings a larger innermost
// group has no fewer.
func TestGroupsShareTheLinksOfAChip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pod := rapid.SampledFrom([]hardware.Server{cubes, plane}).Draw(t, "pod")
		var sizes [4]int
		chips := 1
		for i := range sizes {
			sizes[i] = rapid.SampledFrom([]int{1, 2, 4, 8, 3, 6, 16}).Draw(t, "size")
			if chips*sizes[i] > pod.ScaleUpDomain {
				sizes[i] = 1
			}
			chips *= sizes[i]
		}
		net := slice(pod, chips)
		net.torus.inner = [3]int(sizes[:3])
		sum, stride := 0.0, 1
		for _, size := range sizes {
			if size > 1 {
				s := net.torus.span(group{size, stride})
				if !(s.links > 0) || !(s.load > 0) || !(s.hops > 0) {
					t.Fatalf("%d chips, %d of them %d apart: %+v", chips, size, stride, s)
				}
				sum += s.links
			}
			stride *= size
		}
		if most := float64(2 * pod.Torus); sum > most*(1+1e-9) {
			t.Fatalf("%d chips as %v: %v links of %v", chips, sizes, sum, most)
		}
	})
	for _, chips := range []int{64, 128, 256, 512, 1024, 4096} {
		net := slice(cubes, chips)
		last := 0.0
		for size := 2; size <= chips; size *= 2 {
			links := net.torus.span(group{size, 1}).links
			if links < last {
				t.Errorf("%d chips: a group of %d has %v links, of %d %v", chips, size, links, size/2, last)
			}
			last = links
		}
	}
}

// Half of an all-to-all's bytes cross the middle of the longest axis. A chip's bytes take
// max(A, B, C)/4 over the two links of an axis in a ring (jax-ml.github.io/scaling-book/sharding),
// twice that on a line.
func TestAllToAllOnATorus(t *testing.T) {
	const bytes = 1e12
	for _, c := range []struct {
		pod   hardware.Server
		chips int
		g     group
		links float64 // that the bytes take one after the other
	}{
		{plane, 256, group{256, 1}, 16 / 8.0},
		{plane, 256, group{16, 16}, 16 / 8.0},
		{plane, 32, group{32, 1}, 8 / 4.0},
		{cubes, 128, group{128, 1}, 8 / 8.0},
		{cubes, 64, group{2, 1}, 2 / 4.0},
	} {
		net := slice(c.pod, c.chips)
		want := bytes * c.links / linkRate
		if got := net.exchange(bytes, c.g, copies{1, 1}); math.Abs(got/want-1) > 1e-3 {
			t.Errorf("%d of %d chips: %.4g s, want %.4g", c.g.size, c.chips, got, want)
		}
	}
}

// A message to the next stage has the link between two chips, or both where an axis of two is a
// ring, and shares it with those of the chips between where the next stage is some away.
func TestMessagesOnATorus(t *testing.T) {
	square := plane
	square.Chips, square.ScaleUpDomain = 4, 4
	for _, c := range []struct {
		pod          hardware.Server
		chips, stage int
		links        float64
	}{
		{cubes, 64, 1, 1},
		{cubes, 64, 16, 1},
		{cubes, 32, 16, 1},
		{square, 4, 2, 2},
		{plane, 256, 128, 2 / 8.0},
		{plane, 32, 16, 1 / 4.0},
	} {
		net := slice(c.pod, c.chips)
		const bytes = 1e9
		want := ringStep + 1e-6 + bytes/(c.links*linkRate)
		if got := net.send(bytes, c.stage); math.Abs(got/want-1) > 1e-9 {
			t.Errorf("%d chips, stage of %d: %.4g s, want %.4g", c.chips, c.stage, got, want)
		}
	}
}

// Between slices a collective goes round once for each of its two halves, so that what it takes
// beside its bytes grows with their number; where libraries have trees, with its logarithm.
func TestSlicesAreJoinedByARing(t *testing.T) {
	trees := newNetwork(&Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(1)})
	for n := 2; n <= 32; n *= 2 {
		net := slice(plane, 256)
		hop := ringStep + net.out[0].latency
		if got, want := net.reduce(1, group{n, 256}), collectiveLaunch+2*float64(n-1)*hop; math.Abs(got/want-1) > 1e-3 {
			t.Errorf("%d slices: %.4g s, want %.4g", n, got, want)
		}
		if got, most := trees.reduce(1, group{n, 8}), collectiveLaunch+2*math.Log2(float64(n))*(ringStep+trees.reach(8*n).latency); got > 1.001*most {
			t.Errorf("%d servers: %.4g s, a tree takes %.4g", n, got, most)
		}
	}
}

// A layout's slice is of its own chips, whatever the pod holds, and of the pod where it
// needs several.
func TestLayoutsTakeASlice(t *testing.T) {
	w := &Workload{Model: model.Model{Name: "m", Layers: 4, Hidden: 4096, Heads: 32, KVHeads: 8, FFN: 16384, Vocab: 32000}, Sequence: 4096, Batch: 1024, Precision: BF16}
	p, err := NewPricer(w, torusMachine(plane))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dp    int
		links float64
	}{{32, 2}, {256, 4}, {32, 2}, {512, 4}} {
		l := layout("tp=1,pp=1,zero=3")
		l.DP = c.dp
		p.p.take(l)
		if got, want := p.p.net.scaleUp(group{min(c.dp, 256), 1}), c.links*linkRate; math.Abs(got/want-1) > 1e-9 {
			t.Errorf("dp=%d: %v B/s, want %v", c.dp, got, want)
		}
	}
	l := layout("tp=4,pp=1,dp=64,zero=3")
	if n := testing.AllocsPerRun(100, func() { p.Price(l) }); n > 0 {
		t.Errorf("pricing a layout on a torus allocates %v times", n)
	}
}
