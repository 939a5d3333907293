package plots

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// gridCharts are those of power beside the calendar: for how long how much, one step's
// trace, and what a cap costs.
func gridCharts(s *result.Set) []Chart {
	var charts []Chart
	if d := s.Site.Duration; d != nil && len(d.Share) > 1 && d.Mean[0] > 0 {
		charts = append(charts, durationChart(s, d))
	}
	if len(s.Swings) > 0 {
		w := slices.MaxFunc(s.Swings, func(a, b result.Swing) int {
			if a.StepMW < b.StepMW {
				return -1
			}
			return 1
		})
		if len(w.TraceMW) > 1 && w.StepSeconds > 0 {
			charts = append(charts, stepPower(s, &w))
		}
	}
	if all := capCurves(s); len(all) > 0 {
		charts = append(charts, capChart(s, all))
	}
	return charts
}

// durationChart answers: for how much of the time does the site draw how much?
func durationChart(s *result.Set, d *result.DurationCurve) Chart {
	highest := d.Mean[0]
	scale := compare.ScaleOf("MW", highest)
	half := at(d.Share, d.Mean, 0.5)
	above := below(d.Share, d.Mean, 0.9*highest)
	return Chart{
		Name: "duration",
		Title: fmt.Sprintf("The site draws more than %s for half of the calendar, and 90 %% of its highest %s for %s of it",
			scale.Text(half), scale.Text(highest), percent(above)),
		Subtitle: subtitleStack(s) + bandNote(s) + "; power is the mean over a step, whose phases go higher", height: 380,
		body: func(p *page) { p.drawDuration(s, d) },
	}
}

// bandNote names the band of a chart over replicas.
func bandNote(s *result.Set) string {
	if s.Replicas == 1 {
		return ""
	}
	return ", band p10–p90"
}

// at interpolates y over ascending x.
func at(x, y []float64, v float64) float64 {
	for i := 1; i < len(x); i++ {
		if v <= x[i] {
			return y[i-1] + (y[i]-y[i-1])*(v-x[i-1])/(x[i]-x[i-1])
		}
	}
	return y[len(y)-1]
}

// below is the x from which on descending y falls below v; the last one where it does not.
func below(x, y []float64, v float64) float64 {
	for i := 1; i < len(y); i++ {
		if y[i] < v {
			return x[i-1] + (x[i]-x[i-1])*(y[i-1]-v)/(y[i-1]-y[i])
		}
	}
	return x[len(x)-1]
}

func (p *page) drawDuration(s *result.Set, d *result.DurationCurve) {
	highest := d.Mean[0]
	for _, v := range d.P90 {
		highest = math.Max(highest, v)
	}
	limit := 0.0
	if c := column(s, "power_limit_mw", false); c != nil {
		for _, v := range c.y {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				limit = math.Max(limit, v)
			}
		}
	}
	scale := compare.ScaleOf("MW", math.Max(highest, limit))
	end, yticks := linearTicks(math.Max(highest, limit), scale.Factor)
	labels := []label{{name: scale.Text(d.Mean[len(d.Mean)-1]), value: "at least; mean " + scale.Text(s.Site.MeanPowerMW.Mean), color: paint(0)}}
	names := p.labelWidth(widestEnd, labels)
	pn := p.panel(p.rect(leftRoom, names, bottomRoom+8, topRoom), 0, 1, 0, end)
	var xticks []plot.Tick
	for i := range 11 {
		xticks = append(xticks, plot.Tick{Value: float64(i) / 10, Label: fmt.Sprint(10*i, " %")})
	}
	pn.axes("power at the meter, "+scale.Unit, xticks, yticks)
	pn.caption("share of the calendar in which the site draws more")
	line := series{x: d.Share, y: d.Mean, color: paint(0), width: 2.2}
	if s.Replicas > 1 {
		line.low, line.high = d.P10, d.P90
	}
	pn.band(line)
	pn.line(line)
	if limit > 0 {
		y := pn.y(limit)
		pn.data.StrokeLine2(stroke(ink(), 2, nil), pn.data.Min.X, y, pn.data.Max.X, y)
		// On the right, where the curve is lowest.
		text := "highest cap " + limitText(limit)
		if beside := besideGrid(s); beside != "" {
			text += ", " + beside
		}
		p.style.strong.halo(pn.data, text, pn.data.Max.X-4, y+4, right, bottom)
	}
	n := len(d.Share) - 1
	labels[0].at = vg.Point{X: pn.x(d.Share[n]), Y: pn.y(d.Mean[n])}
	pn.endLabels(labels, names)
}

// stepPower answers: how does a synchronous step make the site's power swing?
func stepPower(s *result.Set, w *result.Swing) Chart {
	scale := compare.ScaleOf("MW", w.StepMW)
	band := compare.ScaleOf("MW", w.BandMW)
	title := fmt.Sprintf("Every step of %s swings by %s on %s chips", w.Job, scale.Text(w.StepMW), count(float64(w.Chips)))
	if w.BandMW > 0 {
		title += fmt.Sprintf("; its strongest oscillation from 0.1 to 20 Hz is ±%s at %.2g Hz", band.Text(w.BandMW), w.BandHertz)
	}
	return Chart{
		Name: "step-power", Title: title, Subtitle: stepSubtitle(s, w), height: 380,
		body: func(p *page) { p.drawStep(w) },
	}
}

func stepSubtitle(s *result.Set, w *result.Swing) string {
	verdict := ""
	if len(w.Checks) > 0 {
		over := 0
		for _, c := range w.Checks {
			if !c.Met {
				over++
			}
		}
		verdict = " · all of the grid's limits are met"
		if over > 0 {
			verdict = fmt.Sprintf(" · checks against the grid's limits: %d of %d not met", over, len(w.Checks))
		}
	}
	return fmt.Sprintf("%s · plan %s · IT equipment at full clock%s", heading(s.Title, s.Scenario), heading(s.Plan, ""), verdict)
}

// stepsShown of a trace, so that its period shows.
const stepsShown = 3

func (p *page) drawStep(w *result.Swing) {
	var x, y []float64
	for n := range stepsShown {
		for i := range w.TraceMW {
			x, y = append(x, float64(n)*w.StepSeconds+w.TraceSeconds[i]), append(y, w.TraceMW[i])
		}
	}
	low, high := slices.Min(w.TraceMW), slices.Max(w.TraceMW)
	scale := compare.ScaleOf("MW", high)
	end, yticks := linearTicks(high, scale.Factor)
	labels := []label{
		{name: "highest", value: scale.Text(high), color: paint(0)},
		{name: "mean", value: scale.Text(w.MeanMW), color: grey()},
		{name: "lowest", value: scale.Text(low), color: paint(0)},
	}
	names := p.labelWidth(widestEnd, labels)
	pn := p.panel(p.rect(leftRoom, names, bottomRoom+8, topRoom), 0, stepsShown*w.StepSeconds, 0, end)
	_, xticks := linearTicks(stepsShown*w.StepSeconds, 1)
	pn.axes("power of the job's IT equipment, "+scale.Unit, xticks, yticks)
	pn.caption(fmt.Sprintf("seconds; a step takes %.3g", w.StepSeconds))
	for n := 1; n < stepsShown; n++ {
		at := pn.x(float64(n) * w.StepSeconds)
		pn.data.StrokeLine2(stroke(rule(), 1, []vg.Length{2, 3}), at, pn.data.Min.Y, at, pn.data.Max.Y)
	}
	pn.line(series{x: []float64{0, stepsShown * w.StepSeconds}, y: []float64{w.MeanMW, w.MeanMW}, color: grey(), width: 1.2, dash: []vg.Length{2, 3}})
	pn.line(series{x: x, y: y, color: paint(0), width: 1.6})
	for i, v := range []float64{high, w.MeanMW, low} {
		labels[i].at = vg.Point{X: pn.data.Max.X, Y: pn.y(v)}
	}
	pn.endLabels(labels, names)
}

// capCurves are the curves of the jobs shown, with two points or more.
func capCurves(s *result.Set) []result.CapCurve {
	var all []result.CapCurve
	for _, j := range shown(s) {
		for _, c := range s.CapCurves {
			if c.Job == j.Name && len(c.MW) > 1 && c.FullTokensPerSecond > 0 {
				all = append(all, c)
			}
		}
	}
	return all
}

// lost is the share of its speed that a job loses at each cap.
func lost(c *result.CapCurve) []float64 {
	y := make([]float64, len(c.MW))
	for i := range y {
		y[i] = max(1-c.TokensPerSecond[i]/c.FullTokensPerSecond, 0)
	}
	return y
}

// capChart answers: what does a cap on power cost in tokens?
func capChart(s *result.Set, all []result.CapCurve) Chart {
	widest := all[0]
	for _, c := range all {
		if c.MW[0] > widest.MW[0] {
			widest = c
		}
	}
	full := widest.MW[0]
	const share = 0.85
	y, x := lost(&widest), slices.Clone(widest.MW)
	slices.Reverse(x)
	slices.Reverse(y)
	scale := compare.ScaleOf("MW", full)
	title := fmt.Sprintf("%s trains at full clock on %s chips with %s; ", widest.Job, count(float64(widest.Chips)), scale.Text(full))
	if low := share * full; low > x[0] {
		title += fmt.Sprintf("a cap 15 %% lower costs it %s of its tokens", percent(at(x, y, low)))
	} else {
		title += fmt.Sprintf("with %s, its least, it loses %s of its tokens", scale.Text(x[0]), percent(y[0]))
	}
	return Chart{
		Name: "cap", Title: title,
		Subtitle: fmt.Sprintf("%s · plan %s · each job alone, without failures, in mean weather, on its fastest size and clock below the cap", heading(s.Title, s.Scenario), heading(s.Plan, "")),
		height:   380, body: func(p *page) { p.drawCap(all) },
	}
}

func (p *page) drawCap(all []result.CapCurve) {
	highest, most := 0.0, 0.0
	labels := make([]label, len(all))
	for i := range all {
		c := &all[i]
		highest, most = math.Max(highest, c.MW[0]), math.Max(most, slices.Max(lost(c)))
		labels[i] = label{name: c.Job, color: paint(i)}
	}
	scale := compare.ScaleOf("MW", highest)
	xend, xticks := linearTicks(highest, scale.Factor)
	yend, yticks := linearTicks(most, 0.01)
	pn := p.panel(p.rect(leftRoom, 40, bottomRoom+8, topRoom), 0, xend, 0, yend)
	pn.axes("tokens lost, %", xticks, yticks)
	pn.caption("cap at the meter, " + scale.Unit)
	var tracks []track
	for i := range all {
		c := &all[i]
		y := lost(c)
		pn.line(series{x: append([]float64{xend}, c.MW...), y: append([]float64{0}, y...), color: paint(i), width: 2.2, dash: dashes(i)})
		pn.dot(c.MW[0], 0, paint(i), 3.4)
		n := len(c.MW) - 1
		pn.dot(c.MW[n], y[n], paint(i), 3.4)
		tracks = append(tracks, track{pn.path(c.MW, y), i, true})
	}
	pn.lineLabels(tracks, labels)
}
