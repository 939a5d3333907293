package plots

import (
	"math"

	"gonum.org/v1/plot/vg"
)

// track is a line on the canvas that labels keep off.
type track struct {
	points []vg.Point
	// owner is the index of the label that the line belongs to, -1 for none; named is
	// true where that label names this very line.
	owner int
	named bool
}

// tracks are the named lines and the edges of their bands.
func (p *panel) tracks(lines []*series) []track {
	var all []track
	for i, s := range lines {
		all = append(all, track{p.path(s.x, s.y), i, true})
		if len(s.low) > 0 {
			all = append(all, track{p.path(s.x, s.low), i, false}, track{p.path(s.x, s.high), i, false})
		}
	}
	return all
}

// lineLabels writes each label along the line that it names, above, below or beside
// a point of it, where it hides least and is nearest to that line.
func (p *panel) lineLabels(tracks []track, labels []label) {
	lead := p.style.plain.lead()
	widest := (p.data.Max.X - p.data.Min.X) * 0.45
	var taken []vg.Rectangle
	for i, l := range labels {
		l.name, l.value = fit(p.style.strong, l.name, widest), fit(p.style.plain, l.value, widest)
		size := vg.Point{X: max(p.style.strong.width(l.name), p.style.plain.width(l.value)), Y: lead}
		if l.value != "" {
			size.Y = 2 * lead
		}
		best, lowest := vg.Rectangle{}, math.Inf(1)
		for _, t := range tracks {
			if t.owner != i || !t.named {
				continue
			}
			for _, box := range p.candidates(t.points, size) {
				if cost := labelCost(box, i, tracks, taken); cost < lowest {
					best, lowest = box, cost
				}
			}
		}
		if math.IsInf(lowest, 1) {
			continue // no line, or no room for any text
		}
		taken = append(taken, best)
		c := readable(l.color)
		p.style.strong.in(c).halo(p.data, l.name, best.Min.X, best.Max.Y-lead/2, left, middle)
		p.style.plain.in(c).halo(p.data, l.value, best.Min.X, best.Max.Y-lead*1.5, left, middle)
	}
}

// path is a line on the canvas, with a point at least every three points of length.
func (p *panel) path(x, y []float64) []vg.Point {
	var path []vg.Point
	for _, run := range runs(thin(x, y)) {
		for k, q := range run {
			at := vg.Point{X: p.x(q.X), Y: p.y(q.Y)}
			if k > 0 {
				before := path[len(path)-1]
				d := at.Sub(before)
				n := int(math.Hypot(float64(d.X), float64(d.Y)) / 3)
				for m := 1; m < n; m++ {
					path = append(path, before.Add(d.Scale(vg.Length(m)/vg.Length(n))))
				}
			}
			path = append(path, at)
		}
	}
	return path
}

// candidates are boxes of the size above, below and beside some points of the path,
// within the panel.
func (p *panel) candidates(path []vg.Point, size vg.Point) []vg.Rectangle {
	const tried = 60                  // points; a label is some tenth of a panel wide
	gaps := [...]vg.Length{7, 18, 30} // the far ones lie beyond a band
	var boxes []vg.Rectangle
	for k := 0; k < len(path); k += max(1, len(path)/tried) {
		for _, gap := range gaps {
			at := path[k]
			for _, corner := range [...]vg.Point{
				{X: at.X - size.X/2, Y: at.Y + gap},
				{X: at.X - size.X/2, Y: at.Y - gap - size.Y},
				{X: at.X - size.X - gap, Y: at.Y - size.Y/2},
				{X: at.X + gap, Y: at.Y - size.Y/2},
				{X: at.X - size.X - gap, Y: at.Y + gap/2},
				{X: at.X + gap, Y: at.Y - size.Y - gap/2},
			} {
				box := vg.Rectangle{Min: corner, Max: corner.Add(size)}
				if box.Min.X >= p.data.Min.X && box.Max.X <= p.data.Max.X && box.Min.Y >= p.data.Min.Y && box.Max.Y <= p.data.Max.Y+size.Y {
					boxes = append(boxes, box)
				}
			}
		}
	}
	return boxes
}

// labelCost counts what a label in the box would hide: points of lines, and far worse
// other labels. A line of another name within half a line of text misleads.
func labelCost(box vg.Rectangle, own int, tracks []track, taken []vg.Rectangle) float64 {
	const otherLabel, hidden, foreign = 1e4, 9, 3
	cost := 0.0
	for _, t := range taken {
		if box.Min.X < t.Max.X && t.Min.X < box.Max.X && box.Min.Y < t.Max.Y && t.Min.Y < box.Max.Y {
			cost += otherLabel
		}
	}
	const near = 8 * vg.Length(1) // about half a line of text
	for _, t := range tracks {
		for _, q := range t.points {
			inside := q.X >= box.Min.X && q.X <= box.Max.X && q.Y >= box.Min.Y && q.Y <= box.Max.Y
			beside := q.X >= box.Min.X-near && q.X <= box.Max.X+near && q.Y >= box.Min.Y-near && q.Y <= box.Max.Y+near
			switch {
			case inside:
				cost += hidden
			case beside && t.owner != own:
				cost += foreign
			case beside && t.named:
				cost -= 0.2 // along its own line
			}
		}
	}
	return cost
}
