package plots

import (
	"slices"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"clustercap/sim/result"
)

// layer is a quantity of the calendar in a stack.
type layer struct{ column, name string }

// stack is several quantities of the calendar, one upon the other.
type stack struct {
	names []string
	x     []float64
	// edges[i] is the lower edge of layer i and the upper one of layer i-1.
	edges [][]float64
}

// stackOf lays the layers' means over the replicas upon each other, the first at the
// bottom; columns that the result does not have, or that are 0 throughout, are left out.
func stackOf(s *result.Set, layers []layer) *stack {
	var k stack
	for _, l := range layers {
		c := column(s, l.column, false)
		if c == nil || !slices.ContainsFunc(c.y, func(v float64) bool { return v > 0 }) {
			continue
		}
		if k.x == nil {
			k.x, k.edges = c.x, [][]float64{make([]float64, len(c.x))}
		}
		below, above := k.edges[len(k.names)], make([]float64, len(c.y))
		for b, v := range c.y {
			above[b] = below[b] + finiteOr(v, 0)
		}
		k.names, k.edges = append(k.names, l.name), append(k.edges, above)
	}
	return &k
}

// top is the highest point of the stack.
func (k *stack) top() float64 {
	highest := 0.0
	if n := len(k.names); n > 0 {
		for _, v := range k.edges[n] {
			highest = max(highest, v)
		}
	}
	return highest
}

// end is the thickness of a layer in the last bin, and of the whole stack.
func (k *stack) end(i int) (thickness, all float64) {
	last := len(k.x) - 1
	return k.edges[i+1][last] - k.edges[i][last], k.edges[len(k.names)][last]
}

// stack draws the layers and returns their labels, in order, to be given values.
func (p *panel) stack(k *stack) []label {
	labels := make([]label, len(k.names))
	for i, name := range k.names {
		p.layer(k.x, k.edges[i], k.edges[i+1], i)
		middle := (k.edges[i][len(k.x)-1] + k.edges[i+1][len(k.x)-1]) / 2
		labels[i] = label{name: name, color: paint(i), at: vg.Point{X: p.data.Max.X, Y: p.y(middle)}}
	}
	return labels
}

// layer fills between two lines, each thinned to the means of its buckets, out to the
// panel's edges.
func (p *panel) layer(x, low, high []float64, color int) {
	buckets := min(len(x), mostPoints)
	ring := make(plotter.XYs, 2*buckets)
	for b := range buckets {
		from, to := b*len(x)/buckets, (b+1)*len(x)/buckets
		at := mean(x[from:to])
		switch b { // bins stand at their middle
		case 0:
			at = p.plt.X.Min
		case buckets - 1:
			at = p.plt.X.Max
		}
		ring[b] = plotter.XY{X: at, Y: mean(low[from:to])}
		ring[2*buckets-1-b] = plotter.XY{X: at, Y: mean(high[from:to])}
	}
	poly := &plotter.Polygon{XYs: []plotter.XYs{ring}, Color: paint(color), LineStyle: stroke(paint(color), 0.5, nil)}
	poly.Plot(p.data, p.plt)
}
