package plots

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"

	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// powerChart answers: does the site hold its cap, and how much room is left?
func powerChart(s *result.Set) Chart {
	return Chart{
		Name: "power", Title: powerTitle(s), Subtitle: subtitle(s), height: 400,
		body: func(p *page) { p.drawPower(s) },
	}
}

// bound is the share of the limit from which on it is taken to bind: meters and
// breakers are set with about this margin.
const bound = 0.99

func powerTitle(s *result.Set) string {
	peak, limit := column(s, "power_peak_mw", false), column(s, "power_limit_mw", false)
	highest := s.Site.PeakPowerMW.Mean
	scale := compare.ScaleOf("MW", highest)
	if peak == nil || limit == nil {
		return "Power peaks at " + scale.Text(highest)
	}
	limited, bins, most, at := 0, 0, 0.0, 0
	for i, l := range limit.y {
		if !(l > 0) || math.IsInf(l, 0) {
			continue
		}
		limited++
		ratio := peak.y[i] / l
		if ratio >= bound {
			bins++
		}
		if ratio > most {
			most, at = ratio, i
		}
	}
	switch {
	case limited == 0:
		return fmt.Sprintf("Power peaks at %s; the site has no limit", scale.Text(highest))
	case bins > 0:
		return fmt.Sprintf("Power peaks at %s; the cap binds on %s of days and throttling costs %s of chip-hours",
			scale.Text(highest), percent(float64(bins)/float64(len(limit.y))), percent(share(s, result.Throttled)))
	default:
		return fmt.Sprintf("Power peaks at %s and stays under its cap; closest on %s with %s of %s",
			scale.Text(highest), result.Day(s.Start, peak.x[at]), percent(most), scale.Text(limit.y[at]))
	}
}

func (p *page) drawPower(s *result.Set) {
	mean, peak, limit := column(s, "power_mw", false), column(s, "power_peak_mw", false), column(s, "power_limit_mw", false)
	var all []*series
	var labels []label
	top := topOf(mean, peak)
	scale := compare.ScaleOf("MW", top)
	if mean != nil {
		mean.color = paint(0)
		all = append(all, mean)
		labels = append(labels, label{name: "mean", value: scale.Text(s.Site.MeanPowerMW.Mean) + " overall", color: paint(0)})
	}
	if peak != nil {
		peak.color, peak.dash, peak.width, peak.low, peak.high = paint(1), dashes(2), 1.6, nil, nil
		all = append(all, peak)
		labels = append(labels, label{name: "peak", value: scale.Text(s.Site.PeakPowerMW.Mean) + " highest", color: paint(1)})
	}
	right := p.labelWidth(widestEnd, labels)
	steps := limitSteps(limit, horizon(s))
	for _, st := range steps {
		top = math.Max(top, st.limit)
	}
	pn := p.calendar(p.rect(leftRoom, right, bottomRoom, topRoom), s, "power at the meter", "MW", top)
	pn.limits(steps)
	pn.lines(all)
	p.anchor(pn, all, labels)
	pn.endLabels(labels, right)
}

// limitStep is a time with one power limit.
type limitStep struct{ from, to, limit float64 }

// limitSteps turns the column into its steps; bins without a limit are left out. A
// bin within which the limit changes holds a mean that belongs to neither side, and
// is given to its right neighbour.
func limitSteps(limit *series, end float64) []limitStep {
	if limit == nil {
		return nil
	}
	var steps []limitStep
	edge := func(i int) float64 { // where bin i begins
		if i == 0 {
			return 0
		}
		return (limit.x[i-1] + limit.x[i]) / 2
	}
	for i := 0; i < len(limit.y); {
		if math.IsNaN(limit.y[i]) { // no sample: the limit before it still holds
			i++
			continue
		}
		k := i + 1
		for k < len(limit.y) && limit.y[k] == limit.y[i] {
			k++
		}
		to := end
		if k < len(limit.y) {
			to = edge(k)
		}
		v, from := limit.y[i], edge(i)
		mixed := k-i == 1 && i > 0 && k < len(limit.y) && limit.y[k] != v
		if n := len(steps); n > 0 && mixed {
			i = k
			continue
		}
		if n := len(steps); n > 0 && steps[n-1].to < from {
			from = steps[n-1].to
		}
		if n := len(steps); n > 0 && steps[n-1].limit == v && steps[n-1].to >= from {
			steps[n-1].to = to
		} else if v > 0 && !math.IsInf(v, 0) {
			steps = append(steps, limitStep{from, to, v})
		}
		i = k
	}
	return steps
}

// limits draws the caps as a staircase, each step with its value where there is room.
func (p *panel) limits(steps []limitStep) {
	free := p.data.Min.X
	for i, st := range steps {
		x0, x1, y := p.x(st.from), p.x(math.Min(st.to, p.plt.X.Max)), p.y(st.limit)
		p.data.StrokeLine2(stroke(ink(), 2, nil), x0, y, x1, y)
		if i > 0 && steps[i-1].to == st.from {
			p.data.StrokeLine2(stroke(ink(), 2, nil), x0, p.y(steps[i-1].limit), x0, y)
		}
		text := compare.Scale{Unit: "MW", Factor: 1, Decimals: decimalsOf(st.limit)}.Text(st.limit)
		if i == 0 {
			text = "cap " + text
		}
		x := max(x0+4, free)
		if w := p.style.strong.width(text); x+w <= p.data.Max.X+vg.Length(labelGap) && x < x1 {
			p.style.strong.halo(p.data, text, x, y+4, left, bottom)
			free = x + w + 6
		}
	}
}

// decimalsOf a limit: those a person wrote, at most two.
func decimalsOf(v float64) int {
	for d := range 2 {
		scaled := v * math.Pow10(d)
		if math.Abs(scaled-math.Round(scaled)) < 1e-6 {
			return d
		}
	}
	return 2
}
