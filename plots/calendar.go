package plots

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"

	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// subtitle names what was run: title, plan, replicas and what the band means.
func subtitle(s *result.Set) string {
	return fmt.Sprintf("%s · plan %s · %s", heading(s.Title, s.Scenario), heading(s.Plan, ""), replicas(s))
}

// heading is the text, or what stands in for an empty one, short enough to leave room
// for the rest of a subtitle.
func heading(text, instead string) string {
	const most = 60 // characters; a subtitle holds about 150
	if text == "" {
		text = instead
	}
	if runes := []rune(text); len(runes) > most {
		return strings.TrimRight(string(runes[:most-1]), " ") + "…"
	}
	return text
}

// subtitleStack is that of a stack, which shows means alone.
func subtitleStack(s *result.Set) string {
	text := "one replica"
	if s.Replicas > 1 {
		text = fmt.Sprintf("mean of %d replicas", s.Replicas)
	}
	return fmt.Sprintf("%s · plan %s · %s", heading(s.Title, s.Scenario), heading(s.Plan, ""), text)
}

func replicas(s *result.Set) string {
	if s.Replicas == 1 {
		return "one replica, no band"
	}
	return fmt.Sprintf("mean of %d replicas, dates median, band p10–p90", s.Replicas)
}

// calendar returns the panel of an area whose x axis is the scenario's calendar in
// days, with its ticks.
func (p *page) calendar(area vg.Rectangle, s *result.Set, name, unit string, top float64) *panel {
	scale := compare.ScaleOf(unit, top)
	end, yticks := linearTicks(top, scale.Factor)
	pn := p.panel(area, 0, horizon(s), 0, end)
	const perTick = 52 // points that a month and its year need
	label := name
	if scale.Unit != "" {
		label += ", " + scale.Unit
	}
	pn.axes(label, dateTicks(s.Start, horizon(s), int((area.Max.X-area.Min.X)/perTick)), yticks)
	return pn
}

// horizon in days, at least one so that the axis has a length.
func horizon(s *result.Set) float64 { return math.Max(s.HorizonDays, 1) }

// column is a quantity of the timeline as a series; an absent one is nil. Means over
// a bin stand at its middle, totals at its end.
func column(s *result.Set, name string, total bool) *series {
	c, ok := s.Timeline.Column(name)
	if !ok {
		return nil
	}
	out := &series{x: make([]float64, len(s.Timeline.Days)), y: c.Mean, width: 2.2}
	if s.Replicas > 1 {
		out.low, out.high = c.P10, c.P90
	}
	before := 0.0
	for i, day := range s.Timeline.Days {
		out.x[i] = (before + day) / 2
		if total {
			out.x[i] = day
		}
		before = day
	}
	return out
}

// top is the largest finite value of all the series and their bands, 0 without.
func topOf(all ...*series) float64 {
	var t float64
	for _, s := range all {
		if s == nil {
			continue
		}
		for _, ys := range [][]float64{s.y, s.high} {
			for _, v := range ys {
				if !math.IsInf(v, 0) && v > t {
					t = v
				}
			}
		}
	}
	return t
}

// final is the last finite value of a series, 0 without.
func final(s *series) float64 {
	if s == nil {
		return 0
	}
	_, y, _ := last(s.x, s.y)
	return y
}

// count writes a number of chips.
func count(v float64) string { return compare.Scale{Factor: 1}.Number(v) }

// percent writes a share with the digits that its size deserves.
func percent(share float64) string {
	switch {
	case math.IsNaN(share) || math.IsInf(share, 0):
		return "n/a"
	case share > 0 && share < 0.0005:
		return "<0.1 %"
	case share < 1 && share > 0.9995:
		return ">99.9 %"
	case share < 1 && share > 0.9905: // what is left has digits too
		return fmt.Sprintf("%.1f %%", share*100)
	case share > 0.0995 || share == 0:
		return fmt.Sprintf("%.0f %%", share*100)
	default:
		return fmt.Sprintf("%.1f %%", share*100)
	}
}

// share of the chip-hours on site that went to a state.
func share(s *result.Set, st result.State) float64 {
	if !(s.OnSite.Mean > 0) {
		return 0
	}
	return s.Accounting[st.String()].Mean / s.OnSite.Mean
}

// rect is the rectangle inside p's body with these distances from its edges.
func (p *page) rect(left, right, bottom, top vg.Length) vg.Rectangle {
	return vg.Rectangle{
		Min: vg.Point{X: p.Min.X + left, Y: p.Min.Y + bottom},
		Max: vg.Point{X: p.Max.X - right, Y: p.Max.Y - top},
	}
}

// The room around the data of a panel: y labels on the left, two lines of x labels
// below, the panel's name above.
const (
	leftRoom   = 62 * vg.Length(1)
	bottomRoom = 40 * vg.Length(1)
	topRoom    = 26 * vg.Length(1)
	widestEnd  = 210 * vg.Length(1) // of the labels at the ends of lines
)
