package step

import (
	"math"
	"slices"

	"clustercap/sim/hardware"
)

// torus is the slice of a scale-up domain's torus that a job's chips in the domain are:
// as near to a cube as their number allows, as the slices are that Google offers
// (docs.cloud.google.com/tpu/docs/v5p and v6e: 2x4x4, 4x4x8, 16x16x24; 4x8, 16x16).
//
// How many of a chip's links a group's collectives have follows from where the group lies.
// JAX gives a group the axes whose lengths multiply to its size, several rather than one,
// innermost groups first (jax/_src/mesh_utils.py). Along a whole axis whose ends are
// joined all members send both ways at once: two links. Without the joint a chip at the end
// receives all over one link, and so do chips that fill a part of an axis. A
// collective over several axes uses the links of all ("How to Scale Your Model",
// jax-ml.github.io/scaling-book/sharding). A group that no axes fit fills whole ones as far as
// they go, and a rectangle of two more: a ring of 4 is a square, one of 8 is 2 by 4, as
// MaxText arranges them on v5e and v6e (hybrid_ring_64x4 and 32x8). Of members that lie
// some steps apart on an axis as many groups share each link.
type torus struct {
	axes   int                    // 0 where switches join the domain
	cube   int                    // width of the cubes that slices are built of; 0 where wiring is fixed
	pod    [hardware.MaxTorus]int // chips along each axis of the whole domain
	chips  int                    // of the slice
	length [hardware.MaxTorus]int // chips along each axis
	ring   [hardware.MaxTorus]bool
	inner  [3]int // degrees of the layout, innermost first, that outer groups step over
	// best gives every group what no place on any slice betters: all links of a chip, and no
	// way to go.
	best bool
}

// span is what a group's collectives have of a slice.
type span struct {
	links float64 // of a member's, those shared with other groups in part
	// load is the bytes that the fullest link passes for each byte that a member of the group
	// spreads over all, itself included.
	load float64
	hops float64 // steps of one ring, or line, along each axis
}

func newTorus(s *hardware.Server) torus {
	t := torus{axes: s.Torus, cube: s.TorusCube, inner: [3]int{1, 1, 1}}
	domain := max(1, s.ScaleUpDomain)
	t.pod = t.shape(domain)
	t.cut(domain)
	return t
}

// hold makes the slice that of a layout, in domains of so many chips.
func (t *torus) hold(l *Layout, domain int) {
	t.inner, t.best = [3]int{l.TP, l.CP, l.DP}, false
	t.cut(min(l.Chips(), domain))
}

// cut makes the slice one of so many chips. Slices of whole cubes are joined to a ring
// along every axis by optical switches, smaller ones along none; of fixed wiring an axis is a
// ring where it is as long as the domain's.
func (t *torus) cut(chips int) {
	if t.axes == 0 || chips == t.chips {
		return
	}
	t.chips, t.length = chips, t.shape(chips)
	for i := range t.axes {
		if t.cube > 0 {
			t.ring[i] = t.whole(chips)
		} else {
			t.ring[i] = t.length[i] == t.pod[i]
		}
	}
}

// whole reports whether so many chips are whole cubes.
func (t *torus) whole(chips int) bool {
	for range t.axes {
		if t.cube == 0 || chips%t.cube != 0 {
			return false
		}
		chips /= t.cube
	}
	return true
}

// shape is the lengths of a slice's axes, shortest first, as equal as can be: in cubes where
// the chips are whole ones.
func (t *torus) shape(chips int) (length [hardware.MaxTorus]int) {
	unit := 1
	if t.whole(chips) {
		for range t.axes {
			chips /= t.cube
		}
		unit = t.cube
	}
	for i := range t.axes {
		most := int(math.Pow(float64(chips), 1/float64(t.axes-i)) + 1e-9)
		for chips%most != 0 {
			most--
		}
		length[i] = unit * most
		chips /= most
	}
	slices.Sort(length[:t.axes])
	return length
}

// placement is what of a slice's axes inner groups leave to outer ones.
type placement struct {
	free [hardware.MaxTorus]int     // members that fit along each axis
	step [hardware.MaxTorus]float64 // chips between them
}

// span places a group of the slice, beyond the groups that lie between its neighbours.
func (t *torus) span(g group) span {
	if t.best {
		all, size := float64(2*t.axes), float64(g.size)
		return span{links: all, load: (size - 1) / size / all}
	}
	p := placement{free: t.length}
	for i := range t.axes {
		p.step[i] = 1
	}
	stride := g.stride
	for _, degree := range t.inner {
		if degree > 1 && stride%degree == 0 {
			t.place(&p, degree)
			stride /= degree
		}
	}
	t.place(&p, stride)
	return t.place(&p, g.size)
}

// place takes n chips off the free axes.
func (t *torus) place(p *placement, n int) (s span) {
	if n <= 1 {
		return s
	}
	if axes := t.fitting(p, n); axes != 0 {
		for i := range t.axes {
			if axes>>i&1 != 0 {
				t.take(p, i, p.free[i], &s)
			}
		}
		return s
	}
	for i := range t.axes { // shortest first
		if f := p.free[i]; f > 1 && n%f == 0 {
			t.take(p, i, f, &s)
			n /= f
		}
	}
	if n == 1 {
		return s
	}
	long := t.widest(p, -1)
	short := t.widest(p, long)
	few := 1
	if p.free[short] > 1 && short != long {
		few = nearestDivisor(n, int(math.Sqrt(float64(n))))
	}
	t.take(p, long, n/few, &s)
	t.take(p, short, few, &s)
	return s
}

// fitting is the axes, a bit each, whose free lengths multiply to n: the most of them; 0 where none do.
func (t *torus) fitting(p *placement, n int) (best int) {
	most := 0
	for axes := 1; axes < 1<<t.axes; axes++ {
		product, count := 1, 0
		for i := range t.axes {
			if axes>>i&1 != 0 && p.free[i] > 1 {
				product *= p.free[i]
				count++
			}
		}
		if product == n && count > most {
			best, most = axes, count
		}
	}
	return best
}

// widest is the axis with the most room but for one.
func (t *torus) widest(p *placement, but int) (axis int) {
	for i := range t.axes {
		if i != but && (p.free[i] > p.free[axis] || axis == but) {
			axis = i
		}
	}
	return axis
}

// take adds n members along an axis to the span.
func (t *torus) take(p *placement, axis, n int, s *span) {
	if n <= 1 {
		return
	}
	ways, hops := 1.0, n-1
	if t.ring[axis] && n == p.free[axis] {
		ways, hops = 2, n/2 // half of them each way
	}
	// Half of the members' bytes cross the middle of the axis, half of those each way: n/4 of
	// one member's over a link, or over two where the ends are joined.
	s.links += ways / p.step[axis]
	s.load = max(s.load, float64(n)*p.step[axis]/(4*ways))
	s.hops += float64(hops)
	p.step[axis] *= float64(n)
	p.free[axis] = max(1, p.free[axis]/n)
}
