package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"

	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// powerChart answers: what draws the power, does the site hold its cap, and how much
// room is left?
func powerChart(s *result.Set) Chart {
	return Chart{
		Name: "power", Title: powerTitle(s), Subtitle: subtitleStack(s) + peakNote(s) + "; beside names, means of the calendar" + capNote(s) + agreedNote(s), height: 400,
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
	job, lost := mostCapped(s)
	switch {
	case limited == 0:
		return fmt.Sprintf("Power peaks at %s; the site has no limit", scale.Text(highest))
	case lost >= 0.001:
		return fmt.Sprintf("Power peaks at %s; limits on power and heat cost %s %s of its tokens", scale.Text(highest), job, percent(lost))
	case bins > 0:
		return fmt.Sprintf("Power peaks at %s; the cap binds on %s of days, and costs no job 0.1 %% of its tokens",
			scale.Text(highest), percent(float64(bins)/float64(len(limit.y))))
	default:
		return fmt.Sprintf("Power peaks at %s and stays under its cap; its daily peaks come closest on %s, to %s of %s",
			scale.Text(highest), result.Day(s.Start, peak.x[at]), percent(most), limitText(limit.y[at]))
	}
}

// mostCapped is the job that loses the largest share of its tokens to limits, and that share.
func mostCapped(s *result.Set) (job string, lost float64) {
	for i := range s.Jobs {
		j := &s.Jobs[i]
		if share := ratio(j.CappedTokens.Mean, j.CappedTokens.Mean+j.Tokens.Mean); share > lost {
			job, lost = j.Name, share
		}
	}
	return job, lost
}

// powerLayers are the calendar's columns of mean power, from the bottom up, with the
// consumer whose energy they integrate to.
var powerLayers = [...]layer{
	{"power_chips_mw", result.Chips.String()},
	{"power_servers_mw", result.Servers.String()},
	{"power_network_mw", result.Network.String()},
	{"power_cooling_mw", result.Cooling.String()},
	{"power_losses_mw", result.Losses.String()},
	{"power_overhead_mw", result.Overhead.String()},
}

func (p *page) drawPower(s *result.Set) {
	k := stackOf(s, powerLayers[:])
	peak, limit := column(s, "power_peak_mw", false), column(s, "power_limit_mw", false)
	top := math.Max(k.top(), topOf(peak))
	widths := p.powerValues(s, k.names)
	const peakName, peakValue = "peak of each day", "of all phases of a step"
	if peak != nil {
		peak.low, peak.high = nil, nil // a band would hide the stack
		peak.color, peak.dash, peak.width = ink(), dashes(2), 1.6
		widths = append(widths, label{name: peakName, value: peakValue})
	}
	right := p.labelWidth(widestEnd, widths)
	steps := limitSteps(limit, horizon(s))
	for _, st := range steps {
		top = math.Max(top, st.limit)
	}
	pn := p.calendar(p.rect(leftRoom, right, bottomRoom, topRoom), s, "power at the meter", "MW", top)
	labels := pn.stack(k)
	for i := range labels {
		labels[i].value = widths[i].value
	}
	pn.limits(steps)
	if peak != nil {
		pn.lines([]*series{peak})
		end := []label{{name: peakName, value: peakValue, color: ink()}}
		p.anchor(pn, []*series{peak}, end)
		labels = append(labels, end...)
	}
	if d := s.Site.DemandResponse; d != nil {
		pn.agreed(d.Agreed)
	}
	pn.endLabels(labels, right)
}

// powerValues are labels that say what each consumer draws in the mean of the calendar.
func (p *page) powerValues(s *result.Set, names []string) []label {
	all := s.Site.EnergyMWh.Mean
	labels := make([]label, len(names))
	for i, name := range names {
		part := s.Site.EnergyBy[name].Mean
		power := s.Site.MeanPowerMW.Mean * ratio(part, all)
		labels[i] = label{name: name, value: compare.ScaleOf("MW", power).Text(power) + ", " + percent(ratio(part, all))}
	}
	return labels
}

// limitStep is a time with one power limit.
type limitStep struct{ from, to, limit float64 }

// limitSteps turns the column, the limit at the end of each bin, into its steps; times
// without a limit are left out. A bin without a sample keeps the limit before it.
func limitSteps(limit *series, end float64) []limitStep {
	if limit == nil {
		return nil
	}
	var all []limitStep
	for i, v := range limit.y {
		if math.IsNaN(v) {
			continue
		}
		if n := len(all); n > 0 && all[n-1].limit == v {
			continue
		}
		from := 0.0
		if i > 0 {
			from = (limit.x[i-1] + limit.x[i]) / 2 // where the bin begins
		}
		if n := len(all); n > 0 {
			all[n-1].to = from
		}
		all = append(all, limitStep{from, end, v})
	}
	return slices.DeleteFunc(all, func(s limitStep) bool { return !(s.limit > 0) || math.IsInf(s.limit, 0) })
}

// peakNote says what the title's peak is: more than the line of daily peaks reaches in the
// mean, since replicas have theirs on different days.
func peakNote(s *result.Set) string {
	if s.Replicas == 1 {
		return ""
	}
	return ", the title's peak that of each one's highest"
}

// besideGrid says how much of a cap is not the grid's, and what comes on top.
func besideGrid(s *result.Set) string {
	var parts []string
	if own := s.Site.GeneratorsMW; own > 0 {
		parts = append(parts, limitText(own)+" of it generators")
	}
	if s.Site.Battery != nil {
		parts = append(parts, "the battery on top")
	}
	return strings.Join(parts, ", ")
}

// capNote is the same in the subtitle.
func capNote(s *result.Set) string {
	if text := besideGrid(s); text != "" {
		return "; cap: " + text
	}
	return ""
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
		text := limitText(st.limit)
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

// agreed draws what windows of demand response leave, for as long as they recur, on a
// white ground that tells it from the stack.
func (p *panel) agreed(windows []result.AgreedWindow) {
	for _, w := range windows {
		x0, x1, y := p.x(w.FromDays), p.x(w.UntilDays), p.y(w.LimitMW)
		p.data.StrokeLine2(stroke(color.White, 4, nil), x0, y, x1, y)
		p.data.StrokeLine2(stroke(ink(), 2, []vg.Length{8, 3}), x0, y, x1, y)
	}
}

// agreedNote names what agreed draws: the contract's part of it, which is the grid's, and that
// of the generators.
func agreedNote(s *result.Set) string {
	d := s.Site.DemandResponse
	if d == nil || len(d.Agreed) == 0 {
		return ""
	}
	low, high := s.Site.AgreedMW()
	text := limitText(high)
	if low < high {
		text = limitText(low) + " to " + text
	}
	if s.Site.GeneratorsMW > 0 {
		text = "the grid's " + text + " and the generators"
	}
	return fmt.Sprintf("; dashes: %s in demand windows of %.3g h", text, ratio(d.Hours.Mean, d.Windows.Mean))
}

// limitText writes a limit as a person would.
func limitText(megawatts float64) string {
	return compare.Scale{Unit: "MW", Factor: 1, Decimals: decimalsOf(megawatts)}.Text(megawatts)
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
