package plots

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// panel is a rectangle of data with its scales. The axes are drawn here and not by
// gonum, which sizes each plot by its own labels: stacked panels would not line up.
type panel struct {
	*page
	plt  *plot.Plot
	data draw.Canvas
}

// panel returns the panel whose data fill the area.
func (p *page) panel(area vg.Rectangle, xmin, xmax, ymin, ymax float64) *panel {
	plt := plot.New()
	plt.X.Min, plt.X.Max, plt.Y.Min, plt.Y.Max = xmin, xmax, ymin, ymax
	return &panel{page: p, plt: plt, data: draw.Canvas{Canvas: p.Canvas.Canvas, Rectangle: area}}
}

// logarithmic makes both scales or one of them logarithmic; limits must be positive.
func (p *panel) logarithmic(x, y bool) {
	if x {
		p.plt.X.Scale = plot.LogScale{}
	}
	if y {
		p.plt.Y.Scale = plot.LogScale{}
	}
}

func (p *panel) x(v float64) vg.Length { return p.data.X(p.plt.X.Norm(v)) }
func (p *panel) y(v float64) vg.Length { return p.data.Y(p.plt.Y.Norm(v)) }

// axes draws rules across the data at the y ticks, both axes' labels and, above the
// panel, what it shows with its unit.
func (p *panel) axes(name string, xticks, yticks []plot.Tick) {
	d := p.data
	for _, t := range yticks {
		y := p.y(t.Value)
		d.StrokeLine2(stroke(rule(), 0.8, nil), d.Min.X, y, d.Max.X, y)
		p.style.plain.in(grey()).draw(d, t.Label, d.Min.X-6, y, right, middle)
	}
	d.StrokeLine2(stroke(grey(), 0.8, nil), d.Min.X, d.Min.Y, d.Max.X, d.Min.Y)
	p.xLabels(xticks)
	if name != "" {
		p.style.strong.draw(d, name, d.Min.X-p.gutter(yticks), d.Max.Y+9, left, bottom)
	}
}

// gutter is the width of the y labels.
func (p *panel) gutter(yticks []plot.Tick) vg.Length {
	var w vg.Length
	for _, t := range yticks {
		w = max(w, p.style.plain.width(t.Label))
	}
	return w + 6
}

// xLabels writes the labels below the axis, leaving out those that would touch
// their left neighbour.
func (p *panel) xLabels(ticks []plot.Tick) {
	d := p.data
	free := d.Min.X - margin
	for _, t := range ticks {
		x := p.x(t.Value)
		d.StrokeLine2(stroke(grey(), 0.8, nil), x, d.Min.Y, x, d.Min.Y-4)
		y := d.Min.Y - 6
		lines := strings.Split(t.Label, "\n")
		var wide vg.Length
		for _, line := range lines {
			wide = max(wide, p.style.plain.width(line))
		}
		if x-wide/2 < free {
			continue
		}
		for _, line := range lines {
			p.style.plain.in(grey()).draw(d, line, x, y, center, top)
			y -= p.style.plain.lead()
		}
		free = x + wide/2 + 5
	}
}

// series is one quantity over x; the band is optional. NaN leaves a gap.
type series struct {
	x, y      []float64
	low, high []float64
	color     color.NRGBA
	width     vg.Length
	dash      []vg.Length
	steps     bool
}

// mostPoints of a line that are drawn; gonum's time grows with their square, and a
// panel is some 700 pixels wide.
const mostPoints = 500

// thin keeps at most mostPoints points: of every bucket the lowest and the highest,
// in their order, so that no dip or peak is lost.
func thin(x, y []float64) (tx, ty []float64) {
	if len(x) <= mostPoints {
		return x, y
	}
	buckets := mostPoints / 2
	for b := range buckets {
		from, to := b*len(x)/buckets, (b+1)*len(x)/buckets
		low, high := from, from
		for i := from; i < to; i++ {
			if y[i] < y[low] || math.IsNaN(y[low]) {
				low = i
			}
			if y[i] > y[high] || math.IsNaN(y[high]) {
				high = i
			}
		}
		if low > high {
			low, high = high, low
		}
		tx, ty = append(tx, x[low]), append(ty, y[low])
		if high != low {
			tx, ty = append(tx, x[high]), append(ty, y[high])
		}
	}
	return tx, ty
}

// runs splits a line at values that are not finite.
func runs(x, y []float64) []plotter.XYs {
	var all []plotter.XYs
	var run plotter.XYs
	for i := range x {
		if math.IsNaN(y[i]) || math.IsInf(y[i], 0) {
			if len(run) > 0 {
				all = append(all, run)
			}
			run = nil
			continue
		}
		run = append(run, plotter.XY{X: x[i], Y: y[i]})
	}
	if len(run) > 0 {
		all = append(all, run)
	}
	return all
}

// line draws the series.
func (p *panel) line(s series) {
	for _, xy := range runs(thin(s.x, s.y)) {
		l := &plotter.Line{XYs: xy, LineStyle: stroke(s.color, s.width, s.dash)}
		if s.steps {
			l.StepStyle = plotter.PostStep
		}
		if len(xy) == 1 { // a lone point would be an invisible line
			p.dot(xy[0].X, xy[0].Y, s.color, 2.5)
			continue
		}
		l.Plot(p.data, p.plt)
	}
}

// band fills from low to high, each thinned by itself, so that the band of a long
// series still covers every value.
func (p *panel) band(s series) {
	if len(s.low) == 0 {
		return
	}
	buckets := min(len(s.x), mostPoints/2)
	var x, low, high []float64
	for b := range buckets {
		from, to := b*len(s.x)/buckets, (b+1)*len(s.x)/buckets
		x = append(x, s.x[(from+to-1)/2])
		low, high = append(low, slices.Min(s.low[from:to])), append(high, slices.Max(s.high[from:to]))
	}
	lows, highs := runs(x, low), runs(x, high)
	for i := range min(len(lows), len(highs)) {
		if len(lows[i]) != len(highs[i]) {
			continue
		}
		ring := slices.Clone(highs[i])
		slices.Reverse(ring)
		poly := &plotter.Polygon{XYs: []plotter.XYs{append(slices.Clone(lows[i]), ring...)}, Color: faint(s.color)}
		poly.Plot(p.data, p.plt)
	}
}

// dot marks a point with a white rim, so that it stands out on lines.
func (p *panel) dot(x, y float64, c color.NRGBA, radius vg.Length) {
	at := vg.Point{X: p.x(x), Y: p.y(y)}
	p.data.DrawGlyphNoClip(draw.GlyphStyle{Color: color.White, Radius: radius + 1.5, Shape: draw.CircleGlyph{}}, at)
	p.data.DrawGlyphNoClip(draw.GlyphStyle{Color: c, Radius: radius, Shape: draw.CircleGlyph{}}, at)
}

// last is the last finite point of a line, or false.
func last(x, y []float64) (vx, vy float64, ok bool) {
	for i := len(y) - 1; i >= 0; i-- {
		if !math.IsNaN(y[i]) && !math.IsInf(y[i], 0) {
			return x[i], y[i], true
		}
	}
	return 0, 0, false
}
