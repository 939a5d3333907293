package plots

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
)

// label is the text at the end of a line, in its colour: what the line is, and
// below it its value.
type label struct {
	name, value string
	at          vg.Point // where the line ends
	color       color.NRGBA
}

// labelGap is the distance from the data to the labels on its right, room for the
// leader of a label that had to move.
const labelGap = 14 * vg.Length(1)

// endLabels writes labels right of the data, moved apart where they would overlap;
// a moved label has a leader to its line.
func (p *panel) endLabels(labels []label, width vg.Length) {
	lead := p.style.plain.lead()
	heights := make([]vg.Length, len(labels))
	wanted := make([]vg.Length, len(labels))
	for i, l := range labels {
		heights[i] = lead
		if l.value != "" {
			heights[i] = 2 * lead
		}
		wanted[i] = l.at.Y
	}
	ys := spread(wanted, heights, p.data.Min.Y-4, p.data.Max.Y+lead)
	for i, l := range labels {
		x, y := p.data.Max.X+labelGap, ys[i]
		c := readable(l.color)
		edge := max(l.at.X+5, p.data.Max.X+1)
		if l.at.X+5 < edge {
			p.data.StrokeLine2(stroke(faint(c), 1, nil), l.at.X+5, l.at.Y, edge, l.at.Y)
		}
		p.data.StrokeLine2(stroke(faint(c), 1, nil), edge, l.at.Y, x-2, y)
		top := y + heights[i]/2 - lead/2
		p.style.strong.in(c).draw(p.data, fit(p.style.strong, l.name, width-labelGap), x, top, left, middle)
		if l.value != "" {
			p.style.plain.in(c).draw(p.data, fit(p.style.plain, l.value, width-labelGap), x, top-lead, left, middle)
		}
	}
}

// labelWidth is the room that labels need right of the data, at most limit.
func (p *page) labelWidth(limit vg.Length, labels []label) vg.Length {
	var w vg.Length
	for _, l := range labels {
		w = max(w, p.style.strong.width(l.name), p.style.plain.width(l.value))
	}
	return min(w+labelGap+2, limit)
}

// spread moves the centres of intervals of the given sizes as little as possible so
// that none overlap and all lie between low and high where they fit. Neighbours that
// overlap form a block at the mean of what its members want.
func spread(wanted, sizes []vg.Length, low, high vg.Length) []vg.Length {
	order := make([]int, len(wanted))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		// Ends within a point of each other look equal: the first named comes on top.
		if d := math.Round(float64(wanted[a])) - math.Round(float64(wanted[b])); d != 0 {
			return int(d)
		}
		return b - a
	})
	type block struct {
		members []int
		size    vg.Length
		offsets vg.Length // sum of (wanted centre - centre's offset in the block)
		start   vg.Length
	}
	place := func(b *block) {
		b.start = b.offsets / vg.Length(len(b.members))
		b.start = max(min(b.start, high-b.size), low)
	}
	var blocks []block
	for _, i := range order {
		b := block{members: []int{i}, size: sizes[i], offsets: wanted[i] - sizes[i]/2}
		place(&b)
		for len(blocks) > 0 {
			prev := blocks[len(blocks)-1]
			if prev.start+prev.size <= b.start {
				break
			}
			merged := block{members: append(slices.Clone(prev.members), b.members...), size: prev.size + b.size}
			merged.offsets = prev.offsets + b.offsets - prev.size*vg.Length(len(b.members))
			place(&merged)
			b, blocks = merged, blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	out := make([]vg.Length, len(wanted))
	for _, b := range blocks {
		at := b.start
		for _, i := range b.members {
			out[i] = at + sizes[i]/2
			at += sizes[i]
		}
	}
	return out
}
