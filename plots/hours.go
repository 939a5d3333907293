package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"

	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// cause groups the states of a chip by who could win them back.
type cause struct {
	name   string
	states []result.State
	color  color.NRGBA
}

func causes() []cause {
	return []cause{
		{"productive", []result.State{result.Productive}, paint(0)},
		{"the step itself", []result.State{result.Recompute, result.ExposedComm, result.Bubble, result.Straggler}, paint(5)},
		{"failures", []result.State{result.Checkpoint, result.LostWork, result.Restart, result.Waiting, result.Repair}, paint(1)},
		{"no work or power", []result.State{result.Idle, result.Throttled}, paint(4)},
		{"not yet ready", []result.State{result.Commissioning}, paint(3)},
	}
}

// titleOf a state, as a reader says it.
func titleOf(st result.State) string {
	switch st {
	case result.Productive:
		return "productive"
	case result.Recompute:
		return "recomputing activations"
	case result.ExposedComm:
		return "exposed communication"
	case result.Bubble:
		return "pipeline bubble"
	case result.Straggler:
		return "waiting for stragglers"
	case result.Checkpoint:
		return "writing checkpoints"
	case result.LostWork:
		return "work lost to failures"
	case result.Restart:
		return "detection and restart"
	case result.Waiting:
		return "waiting for chips"
	case result.Idle:
		return "idle"
	case result.Throttled:
		return "throttled by the cap"
	case result.Repair:
		return "in repair"
	case result.Commissioning:
		return "commissioning"
	default:
		return st.String()
	}
}

// slice is one bar.
type slice struct {
	name  string
	hours result.Stat
	color color.NRGBA
}

// smallest share that gets a bar of its own.
const smallest = 0.002

// slices of all chip-hours, largest first; the small ones as one at the end.
func slicesOf(s *result.Set) []slice {
	var bars []slice
	rest, small := slice{color: grey()}, 0
	for _, c := range causes() {
		for _, st := range c.states {
			h := s.Accounting[st.String()]
			if share(s, st) < smallest {
				if h.Mean > 0 {
					rest.hours.Mean += h.Mean
					rest.name = titleOf(st)
					small++
				}
				continue
			}
			bars = append(bars, slice{titleOf(st), h, c.color})
		}
	}
	slices.SortStableFunc(bars, func(a, b slice) int {
		switch {
		case a.hours.Mean > b.hours.Mean:
			return -1
		case a.hours.Mean < b.hours.Mean:
			return 1
		}
		return 0
	})
	if small > 0 {
		rest.hours.P10, rest.hours.P90 = rest.hours.Mean, rest.hours.Mean
		if small > 1 {
			rest.name = fmt.Sprintf("%d others", small)
		}
		bars = append(bars, rest)
	}
	return bars
}

// chipHours answers: where did the chip-hours go?
func chipHours(s *result.Set) Chart {
	bars := slicesOf(s)
	title := "No chip was on site"
	if len(bars) > 0 {
		title = fmt.Sprintf("%s of %s are productive", percent(share(s, result.Productive)),
			compare.ScaleOf("chip-hours", s.OnSite.Mean).Text(s.OnSite.Mean))
		for _, b := range bars {
			if b.name != titleOf(result.Productive) {
				title += fmt.Sprintf("; the largest loss is %s (%s)", b.name, percent(b.hours.Mean/s.OnSite.Mean))
				break
			}
		}
	}
	return Chart{
		Name: "chip-hours", Title: title, Subtitle: subtitleBars(s),
		height: 82 + vg.Length(len(bars))*barPitch,
		body:   func(p *page) { p.drawHours(s, bars) },
	}
}

func subtitleBars(s *result.Set) string {
	spread := fmt.Sprintf("mean of %d replicas, whiskers p10–p90", s.Replicas)
	if s.Replicas == 1 {
		spread = "one replica"
	}
	return fmt.Sprintf("%s · plan %s · %s", heading(s.Title, s.Scenario), heading(s.Plan, ""), spread)
}

// barPitch is the distance between the middles of two bars.
const barPitch = 25 * vg.Length(1)

func (p *page) drawHours(s *result.Set, bars []slice) {
	if len(bars) == 0 {
		return
	}
	const names, numbers = 170 * vg.Length(1), 190 * vg.Length(1)
	p.strip(s, p.rect(0, 0, 0, 26))
	area := p.rect(names, numbers, 10, 66)
	var top float64
	for _, b := range bars {
		top = math.Max(top, math.Max(b.hours.Mean, b.hours.P90))
	}
	x := func(hours float64) vg.Length {
		return area.Min.X + vg.Length(hours/top)*(area.Max.X-area.Min.X)
	}
	scale := compare.ScaleOf("chip-hours", s.OnSite.Mean)
	for i, b := range bars {
		y := area.Max.Y - (vg.Length(i)+0.5)*barPitch
		p.style.plain.draw(p.Canvas, b.name, area.Min.X-8, y, right, middle)
		p.bar(area.Min.X, x(b.hours.Mean), y, barPitch*0.66, b.color)
		end := p.whisker(x(b.hours.P10), x(b.hours.P90), y, s.Replicas)
		end = max(end, x(b.hours.Mean))
		share := percent(b.hours.Mean / s.OnSite.Mean)
		p.style.strong.draw(p.Canvas, share, end+8, y, left, middle)
		p.style.plain.in(grey()).draw(p.Canvas, hoursText(scale, b.hours.Mean), end+14+p.style.strong.width(share), y, left, middle)
	}
}

// hoursText writes chip-hours in their own scale where that of the whole would
// leave nothing of them.
func hoursText(whole compare.Scale, hours float64) string {
	if hours < whole.Factor {
		return compare.ScaleOf("chip-hours", hours).Text(hours)
	}
	whole.Decimals = compare.ScaleOf("chip-hours", hours).Decimals
	return whole.Text(hours)
}

// bar from x0 to x1 around y.
func (p *page) bar(x0, x1, y, height vg.Length, c color.Color) {
	p.FillPolygon(c, []vg.Point{{X: x0, Y: y - height/2}, {X: x1, Y: y - height/2}, {X: x1, Y: y + height/2}, {X: x0, Y: y + height/2}})
}

// whisker draws an interval and returns its right end.
func (p *page) whisker(x0, x1, y vg.Length, replicas int) vg.Length {
	if replicas < 2 || !(x1-x0 > 1) {
		return x1
	}
	sty := stroke(ink(), 1.4, nil)
	p.StrokeLine2(sty, x0, y, x1, y)
	for _, x := range []vg.Length{x0, x1} {
		p.StrokeLine2(sty, x, y-3.5, x, y+3.5)
	}
	return x1
}

// strip is one bar of all chip-hours by cause, each with its share above.
func (p *page) strip(s *result.Set, area vg.Rectangle) {
	const height = 18 * vg.Length(1)
	y := area.Max.Y - height/2
	width := area.Max.X - area.Min.X
	var texts []string
	var colors []color.NRGBA
	var mids, sizes []vg.Length
	at := area.Min.X
	for _, c := range causes() {
		var part float64
		for _, st := range c.states {
			part += share(s, st)
		}
		if part < smallest {
			continue
		}
		end := at + vg.Length(part)*width
		p.bar(at, end, y, height, c.color)
		p.StrokeLine2(stroke(color.White, 1, nil), end, y-height/2, end, y+height/2)
		text := c.name + " " + percent(part)
		texts, colors = append(texts, text), append(colors, c.color)
		mids, sizes = append(mids, (at+end)/2), append(sizes, p.style.strong.width(text)+14)
		at = end
	}
	for i, x := range spread(mids, sizes, area.Min.X-7, area.Max.X+7) {
		p.StrokeLine2(stroke(colors[i], 1, nil), mids[i], y+height/2, x, y+height/2+6)
		p.style.strong.in(readable(colors[i])).draw(p.Canvas, texts[i], x, y+height/2+7, center, bottom)
	}
}
