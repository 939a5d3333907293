package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// curve is one job's speed over chips, ascending.
type curve struct {
	job    string
	points []result.ScalingPoint
	color  color.NRGBA
}

// most chips of the curve.
func (c *curve) most() int { return c.points[len(c.points)-1].Chips }

// curves of the jobs shown, without points that a logarithm cannot draw.
func curves(s *result.Set) []curve {
	var all []curve
	for i, j := range shown(s) {
		c := curve{job: j.Name, color: paint(i)}
		for _, p := range s.Scaling {
			if p.Job == j.Name && p.Chips > 0 && p.TokensPerSecond > 0 && !math.IsInf(p.TokensPerSecond, 0) {
				c.points = append(c.points, p)
			}
		}
		slices.SortStableFunc(c.points, func(a, b result.ScalingPoint) int { return a.Chips - b.Chips })
		if len(c.points) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// Scaling names the chart that a result of one chip count per job lacks.
const Scaling = "scaling"

// scaling answers: what do more chips bring? It is false where no job has two chip
// counts to compare.
func scaling(s *result.Set) (Chart, bool) {
	all := curves(s)
	if !slices.ContainsFunc(all, func(c curve) bool { return len(c.points) > 1 }) {
		return Chart{}, false
	}
	return Chart{
		Name: Scaling, Title: scalingTitle(all), Subtitle: scalingSubtitle(s), height: 420,
		body: func(p *page) { p.drawScaling(all) },
	}, true
}

func scalingSubtitle(s *result.Set) string {
	idle := ""
	if slices.ContainsFunc(s.Scaling, func(p result.ScalingPoint) bool { return p.Used < p.Chips }) {
		idle = " · dips: chips that no layout uses"
	}
	return fmt.Sprintf("%s · plan %s · solid: without failures, open dots: delivered, with failures%s%s",
		heading(s.Title, s.Scenario), heading(s.Plan, ""), idle, shownOf(s))
}

// scalingTitle speaks of the job that may use the most chips of those with a choice,
// and counts the chips that it uses: its layout may leave some of those offered idle.
func scalingTitle(all []curve) string {
	var widest *curve
	for i := range all {
		if c := &all[i]; len(c.points) > 1 && (widest == nil || c.most() > widest.most()) {
			widest = c
		}
	}
	first, end := widest.points[0], widest.points[len(widest.points)-1]
	used := fmt.Sprintf("From %s to %s chips in use (×%s)",
		count(float64(first.Used)), count(float64(end.Used)), times(float64(end.Used)/float64(first.Used)))
	return fmt.Sprintf("%s %s trains ×%s faster; with failures ×%s", used, widest.job,
		times(end.TokensPerSecond/first.TokensPerSecond), times(end.Delivered/first.Delivered))
}

// times writes a factor.
func times(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "0"
	}
	s := compare.Scale{Factor: 1}
	if f < 10 {
		s.Decimals = 1
	}
	return strings.TrimSuffix(s.Number(f), ".0")
}

func (p *page) drawScaling(all []curve) {
	chips, speeds, share := ranges(all)
	unit := compare.ScaleOf("tokens/s", speeds[1])
	labels := mfuLabels(all)
	room := p.labelWidth(170, labels)
	split := (p.Max.X-p.Min.X)*0.5 - 30
	xticks := logTicks(chips[0], chips[1], 1)

	pn := p.panel(p.rect(leftRoom, p.Max.X-p.Min.X-split, bottomRoom+8, topRoom), chips[0], chips[1], speeds[0], speeds[1])
	pn.logarithmic(true, true)
	pn.axes("speed, "+unit.Unit, xticks, logTicks(speeds[0], speeds[1], unit.Factor))
	pn.caption("chips offered")
	pn.ideals(all)
	pn.curves(all, speed, delivered)
	pn.names(all)

	end, yticks := linearTicks(share, 0.01)
	pn = p.panel(p.rect(split+70, room, bottomRoom+8, topRoom), chips[0], chips[1], 0, end)
	pn.logarithmic(true, false)
	pn.axes("MFU of all chips offered, %", xticks, yticks)
	pn.caption("chips offered")
	pn.curves(all, mfu, kept)
	for i, c := range all {
		q := c.points[len(c.points)-1]
		labels[2*i].at = vg.Point{X: pn.x(float64(q.Chips)), Y: pn.y(q.MFU)}
		labels[2*i+1].at = vg.Point{X: pn.x(float64(q.Chips)), Y: pn.y(kept(q))}
	}
	pn.endLabels(labels, room)
}

func speed(q result.ScalingPoint) float64     { return q.TokensPerSecond }
func delivered(q result.ScalingPoint) float64 { return q.Delivered }
func mfu(q result.ScalingPoint) float64       { return q.MFU }

// kept is the share of the peak rate that is left of the MFU after failures.
func kept(q result.ScalingPoint) float64 { return q.MFU * q.Delivered / q.TokensPerSecond }

// mfuLabels are two per job: without failures, and delivered.
func mfuLabels(all []curve) []label {
	var labels []label
	for _, c := range all {
		q := c.points[len(c.points)-1]
		labels = append(labels,
			label{name: c.job, value: percent(q.MFU) + " without failures", color: c.color},
			label{name: percent(kept(q)) + " delivered", color: c.color})
	}
	return labels
}

// names writes each job's name along its line.
func (p *panel) names(all []curve) {
	var tracks []track
	texts := make([]label, len(all))
	for i, c := range all {
		var x, free, kept []float64
		for _, q := range c.points {
			x, free, kept = append(x, float64(q.Chips)), append(free, q.TokensPerSecond), append(kept, positive(q.Delivered))
		}
		tracks = append(tracks, track{p.path(x, free), i, true}, track{p.path(x, kept), i, false})
		ideal := c.points[0].TokensPerSecond * x[len(x)-1] / x[0]
		tracks = append(tracks, track{p.path([]float64{x[0], x[len(x)-1]}, []float64{free[0], ideal}), -1, false})
		texts[i] = label{name: c.job, color: c.color}
	}
	p.lineLabels(tracks, texts)
}

// ranges returns the limits of both logarithmic axes, with some room, and the
// highest MFU.
func ranges(all []curve) (chips, speeds [2]float64, top float64) {
	chips, speeds = [2]float64{math.Inf(1), 0}, [2]float64{math.Inf(1), 0}
	widen := func(r *[2]float64, v float64) {
		if v > 0 && !math.IsInf(v, 0) {
			r[0], r[1] = math.Min(r[0], v), math.Max(r[1], v)
		}
	}
	for _, c := range all {
		for _, q := range c.points {
			widen(&chips, float64(q.Chips))
			widen(&speeds, q.TokensPerSecond)
			widen(&speeds, q.Delivered)
			top = math.Max(top, q.MFU)
		}
		first, end := c.points[0], c.points[len(c.points)-1]
		widen(&speeds, first.TokensPerSecond*float64(end.Chips)/float64(first.Chips))
	}
	const room = 1.35 // a third of an octave beyond the data
	for _, r := range []*[2]float64{&chips, &speeds} {
		if r[1] < 2*r[0] {
			r[0], r[1] = r[0]/1.5, r[1]*1.5
		}
		r[0], r[1] = r[0]/room, r[1]*room
	}
	return chips, speeds, top
}

// caption writes what the x axis counts.
func (p *panel) caption(text string) {
	p.style.plain.in(grey()).draw(p.data, text, (p.data.Min.X+p.data.Max.X)/2, p.data.Min.Y-8-p.style.plain.lead(), center, top)
}

// ideals draws what each job would do at the efficiency of its smallest size.
func (p *panel) ideals(all []curve) {
	for i, c := range all {
		first, end := c.points[0], c.points[len(c.points)-1]
		if end.Chips == first.Chips {
			continue
		}
		ideal := first.TokensPerSecond * float64(end.Chips) / float64(first.Chips)
		p.line(series{
			x: []float64{float64(first.Chips), float64(end.Chips)}, y: []float64{first.TokensPerSecond, ideal},
			color: grey(), width: 1.2, dash: []vg.Length{2, 3},
		})
		if i == 0 {
			p.style.plain.in(grey()).halo(p.data, "ideal", p.x(float64(end.Chips))-4, p.y(ideal)+4, right, bottom)
		}
	}
}

// curves draws each job without failures as a line with dots, and as delivered with
// open dots.
func (p *panel) curves(all []curve, free, kept func(result.ScalingPoint) float64) {
	for i, c := range all {
		var x, y, d []float64
		for _, q := range c.points {
			x, y, d = append(x, float64(q.Chips)), append(y, free(q)), append(d, positive(kept(q)))
		}
		p.line(series{x: x, y: d, color: c.color, width: 1.4, dash: []vg.Length{4, 3}})
		p.line(series{x: x, y: y, color: c.color, width: 2.2, dash: dashes(i)})
		for k := range x {
			p.dot(x[k], y[k], c.color, 3.2)
			if !math.IsNaN(d[k]) {
				p.ring(x[k], d[k], c.color)
			}
		}
	}
}

// positive is v, or no value where a logarithm has none.
func positive(v float64) float64 {
	if v > 0 {
		return v
	}
	return math.NaN()
}

// ring marks a point with an open dot.
func (p *panel) ring(x, y float64, c color.NRGBA) {
	p.dot(x, y, c, 3.4)
	at := vg.Point{X: p.x(x), Y: p.y(y)}
	p.data.DrawGlyphNoClip(draw.GlyphStyle{Color: color.White, Radius: 1.9, Shape: draw.CircleGlyph{}}, at)
}

// spread is a bar from low to high at x, on which a mark stands.
func (p *panel) spread(x, low, high float64, c color.NRGBA) {
	from, to := p.y(low), p.y(high)
	if !(to-from > 1) {
		return
	}
	at, sty := p.x(x), stroke(c, 1.4, nil)
	p.data.StrokeLine2(sty, at, from, at, to)
	for _, y := range []vg.Length{from, to} {
		p.data.StrokeLine2(sty, at-3.5, y, at+3.5, y)
	}
}
