package plots

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// reliability returns the charts of failures and recovery for which there are data.
func reliability(s *result.Set) []Chart {
	var charts []Chart
	if curves := modeCurves(s); len(curves) > 0 {
		charts = append(charts, recovery(s, curves))
	}
	if curves := failureCurves(s); len(curves) > 0 {
		charts = append(charts, timeToFailure(s, curves))
	}
	if causes := lostCauses(s); len(causes) > 0 {
		charts = append(charts, lostTime(s, causes))
	}
	if column(s, "servers_in_repair", false) != nil && s.Site.Failures.Mean > 0 {
		charts = append(charts, spares(s))
	}
	if curves := checkpointCurves(s); len(curves) > 0 {
		charts = append(charts, checkpoints(s, curves))
	}
	return charts
}

// modeCurve is what one mode of recovery leaves of the failure-free speed, over chips.
type modeCurve struct {
	mode        string
	chips, kept []float64
}

// recoveryModes in the order in which they are named, the simplest first.
var recoveryModes = []string{"restart", "swap", "shrink", "in-place"}

// modeCurves are those of the job with the most points, the first of equals.
func modeCurves(s *result.Set) []modeCurve {
	var widest curve
	for _, c := range curves(s) {
		if len(c.points) > len(widest.points) && len(c.points[0].Modes) > 0 {
			widest = c
		}
	}
	var all []modeCurve
	for _, mode := range recoveryModes {
		c := modeCurve{mode: mode}
		for _, q := range widest.points {
			if v, ok := q.Modes[mode]; ok {
				if n := len(c.chips); n > 0 && c.chips[n-1] == float64(q.Used) {
					continue // more chips that the layout leaves idle
				}
				c.chips, c.kept = append(c.chips, float64(q.Used)), append(c.kept, v/q.TokensPerSecond)
			}
		}
		if len(c.chips) > 1 {
			all = append(all, c)
		}
	}
	return all
}

// recovery answers: what does each way to recover buy as the cluster grows?
func recovery(s *result.Set, all []modeCurve) Chart {
	top := len(all[0].chips) - 1
	best := slices.MaxFunc(all, func(a, b modeCurve) int { return cmp.Compare(a.kept[len(a.kept)-1], b.kept[len(b.kept)-1]) })
	title := fmt.Sprintf("On %s chips a mode of recovery decides little: failures leave %s to %s of the speed",
		count(all[0].chips[top]), percent(all[0].kept[top]), percent(best.kept[len(best.kept)-1]))
	if gap := best.kept[len(best.kept)-1] - all[0].kept[top]; gap > 0.02 {
		title = fmt.Sprintf("On %s chips failures leave %s of the speed with mode %s, %s with %s",
			count(all[0].chips[top]), percent(all[0].kept[top]), all[0].mode, percent(best.kept[len(best.kept)-1]), best.mode)
	}
	return Chart{
		Name: "recovery", Title: title,
		Subtitle: fmt.Sprintf("%s · plan %s · expected goodput, a spare at hand (shrink: the fleet's)%s", heading(s.Title, s.Scenario), heading(s.Plan, ""), simulatedGoodput(s)),
		height:   380, body: func(p *page) { p.drawRecovery(s, all) },
	}
}

// simulatedGoodput says what the replicas reached, where one job ran.
func simulatedGoodput(s *result.Set) string {
	if len(s.Jobs) != 1 || !(s.Jobs[0].Goodput.Mean > 0) {
		return ""
	}
	text := "; ring: simulated, " + percent(s.Jobs[0].Goodput.Mean)
	if s.Replicas > 1 {
		text += ", bar p10–p90"
	}
	return text
}

func (p *page) drawRecovery(s *result.Set, all []modeCurve) {
	low, high := math.Inf(1), 0.0
	labels := make([]label, len(all))
	for i, c := range all {
		low, high = math.Min(low, c.chips[0]), math.Max(high, c.chips[len(c.chips)-1])
		labels[i] = label{name: c.mode, value: percent(c.kept[len(c.kept)-1]), color: paint(i)}
	}
	room := p.labelWidth(widestEnd, labels)
	pn := p.panel(p.rect(leftRoom, room, bottomRoom+8, topRoom), low/1.1, high*1.05, 0, 1)
	pn.logarithmic(true, false)
	_, ticks := linearTicks(1, 0.01)
	pn.axes("goodput, %", logTicks(low/1.1, high*1.05, 1), ticks)
	pn.caption("chips that the layout uses")
	for i, c := range all {
		pn.line(series{x: c.chips, y: c.kept, color: paint(i), width: 2.2, dash: dashes(i)})
		n := len(c.chips) - 1
		labels[i].at = vg.Point{X: pn.x(c.chips[n]), Y: pn.y(c.kept[n])}
	}
	if simulatedGoodput(s) != "" {
		g := &s.Jobs[0].Goodput
		pn.spread(used(s.Jobs[0].Layouts), g.P10, g.P90, ink())
		pn.ring(used(s.Jobs[0].Layouts), g.Mean, ink())
	}
	pn.endLabels(labels, room)
}

// used is the chips of the largest layout.
func used(layouts []result.SizedLayout) float64 {
	most := 0
	for _, l := range layouts {
		most = max(most, l.Used)
	}
	return float64(most)
}

// failureCurve is a job's mean time to failure over the chips that it uses.
type failureCurve struct {
	job          string
	chips, hours []float64
	color        color.NRGBA
	// simulated is what the replicas met where the job has one size. Its mean is no match for
	// the line, which is one over a mean rate: a few lucky replicas raise the mean of times.
	simulated result.Stat
	at        float64 // chips; 0 without
}

// failureCurves are those of the jobs that failures stop, on two sizes at least.
func failureCurves(s *result.Set) []failureCurve {
	var all []failureCurve
	for _, c := range curves(s) {
		f := failureCurve{job: c.job, color: c.color}
		for _, q := range c.points {
			if n := len(f.chips); q.MTTFHours > 0 && (n == 0 || f.chips[n-1] < float64(q.Used)) {
				f.chips, f.hours = append(f.chips, float64(q.Used)), append(f.hours, q.MTTFHours)
			}
		}
		if len(f.chips) < 2 {
			continue
		}
		for _, j := range s.Jobs {
			if j.Name == c.job && len(j.Layouts) == 1 && j.MTTFHours.Mean > 0 {
				f.simulated, f.at = j.MTTFHours, float64(j.Layouts[0].Used)
			}
		}
		all = append(all, f)
	}
	return all
}

// timeToFailure answers: how long does a job of so many chips train between failures?
func timeToFailure(s *result.Set, all []failureCurve) Chart {
	widest := slices.MaxFunc(all, func(a, b failureCurve) int { return cmp.Compare(a.chips[len(a.chips)-1], b.chips[len(b.chips)-1]) })
	n := len(widest.chips) - 1
	dots := ""
	if slices.ContainsFunc(all, func(f failureCurve) bool { return f.at > 0 }) {
		dots = "; ring: simulated"
		if s.Replicas > 1 {
			dots += ", median and p10–p90"
		}
	}
	return Chart{
		Name: "mttf",
		Title: fmt.Sprintf("A failure stops %s every %s on %s chips, every %s on %s", widest.job,
			interval(widest.hours[0]*3600), count(widest.chips[0]), interval(widest.hours[n]*3600), count(widest.chips[n])),
		Subtitle: fmt.Sprintf("%s · plan %s · at the mean of the plan's rates; dotted: one over the chips%s", heading(s.Title, s.Scenario), heading(s.Plan, ""), dots),
		height:   380, body: func(p *page) { p.drawTimeToFailure(all) },
	}
}

func (p *page) drawTimeToFailure(all []failureCurve) {
	left, right, low, high := math.Inf(1), 0.0, math.Inf(1), 0.0
	labels := make([]label, len(all))
	for i, f := range all {
		n := len(f.chips) - 1
		left, right = math.Min(left, f.chips[0]), math.Max(right, f.chips[n])
		low, high = math.Min(low, slices.Min(f.hours)), math.Max(high, slices.Max(f.hours))
		if f.at > 0 {
			low, high = math.Min(low, f.simulated.P10), math.Max(high, f.simulated.P90)
		}
		labels[i] = label{name: f.job, value: interval(f.hours[n] * 3600), color: f.color}
	}
	const room = 1.35 // a third of an octave beyond the data
	left, right, low, high = left/room, right*room, low/room, high*room
	names := p.labelWidth(widestEnd, labels)
	pn := p.panel(p.rect(leftRoom, names, bottomRoom+8, topRoom), left, right, low, high)
	pn.logarithmic(true, true)
	ticks := spanTicks(low*3600, high*3600)
	for i := range ticks {
		ticks[i].Value /= 3600
	}
	pn.axes("time to failure", logTicks(left, right, 1), ticks)
	pn.caption("chips that the layout uses")
	for _, f := range all {
		from, to := math.Max(left, f.hours[0]*f.chips[0]/high), math.Min(right, f.hours[0]*f.chips[0]/low)
		pn.line(series{
			x: []float64{from, to}, y: []float64{f.hours[0] * f.chips[0] / from, f.hours[0] * f.chips[0] / to},
			color: grey(), width: 1.2, dash: []vg.Length{2, 3},
		})
	}
	for i, f := range all {
		pn.line(series{x: f.chips, y: f.hours, color: f.color, width: 2.2, dash: dashes(i)})
		n := len(f.chips) - 1
		labels[i].at = vg.Point{X: pn.x(f.chips[n]), Y: pn.y(f.hours[n])}
		if f.at > 0 {
			pn.spread(f.at, f.simulated.P10, f.simulated.P90, f.color)
			pn.ring(f.at, f.simulated.P50, f.color)
		}
	}
	pn.endLabels(labels, names)
}

// mostCauses that get a bar of their own.
const mostCauses = 12

// lostCauses are the causes that cost time, the most expensive first, small ones together.
func lostCauses(s *result.Set) []result.Cause {
	var all []result.Cause
	for _, c := range s.Causes {
		if c.LostHours.Mean > 0 {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b result.Cause) int { return cmp.Compare(b.LostHours.Mean, a.LostHours.Mean) })
	if len(all) > mostCauses {
		rest := result.Cause{Name: fmt.Sprintf("%d others", len(all)-mostCauses+1)}
		for _, c := range all[mostCauses-1:] {
			rest.LostHours.Mean += c.LostHours.Mean
			rest.Interruptions.Mean += c.Interruptions.Mean
		}
		rest.LostHours.P10, rest.LostHours.P90 = rest.LostHours.Mean, rest.LostHours.Mean
		all = append(all[:mostCauses-1], rest)
	}
	return all
}

// lostTime answers: what costs the jobs their time?
func lostTime(s *result.Set, all []result.Cause) Chart {
	var total float64
	for _, c := range all {
		total += c.LostHours.Mean
	}
	return Chart{
		Name: "lost-time",
		Title: fmt.Sprintf("Failures and planned stops cost the jobs %s; %s are due to %s",
			compare.ScaleOf("h", total).Text(total), percent(all[0].LostHours.Mean/total), all[0].Name),
		Subtitle: fmt.Sprintf("%s · plan %s · %s", heading(s.Title, s.Scenario), heading(s.Plan, ""), reasonsOf(s)),
		height:   36 + vg.Length(len(all))*barPitch,
		body:     func(p *page) { p.drawLost(s, all, total) },
	}
}

// reasonsOf says what the lost hours of all jobs were spent on.
func reasonsOf(s *result.Set) string {
	names := map[result.Reason]string{
		result.LostToWork: "lost work", result.LostToDetection: "detection", result.LostToWaiting: "waiting for servers", result.LostToRestart: "restarts",
	}
	var total float64
	hours := make([]float64, result.NumReasons)
	for r := range result.NumReasons {
		for _, j := range s.Jobs {
			hours[r] += j.LostBy[r.String()].Mean
		}
		total += hours[r]
	}
	if !(total > 0) {
		return "wall time of all jobs"
	}
	var parts []string
	for r := range result.NumReasons {
		if share := hours[r] / total; share >= 0.005 {
			parts = append(parts, names[r]+" "+percent(share))
		}
	}
	return strings.Join(parts, ", ")
}

func (p *page) drawLost(s *result.Set, all []result.Cause, total float64) {
	const names, numbers = 170 * vg.Length(1), 230 * vg.Length(1)
	area := p.rect(names, numbers, 10, 20)
	var top float64
	for _, c := range all {
		top = math.Max(top, math.Max(c.LostHours.Mean, c.LostHours.P90))
	}
	x := func(hours float64) vg.Length {
		return area.Min.X + vg.Length(hours/top)*(area.Max.X-area.Min.X)
	}
	scale := compare.ScaleOf("h", all[0].LostHours.Mean)
	for i, c := range all {
		y := area.Max.Y - (vg.Length(i)+0.5)*barPitch
		p.style.plain.draw(p.Canvas, fit(p.style.plain, c.Name, names-12), area.Min.X-8, y, right, middle)
		p.bar(area.Min.X, x(c.LostHours.Mean), y, barPitch*0.66, paint(1))
		end := max(p.whisker(x(c.LostHours.P10), x(c.LostHours.P90), y, s.Replicas), x(c.LostHours.Mean))
		share := percent(c.LostHours.Mean / total)
		p.style.strong.draw(p.Canvas, share, end+8, y, left, middle)
		text := scale.Text(c.LostHours.Mean)
		if c.Interruptions.Mean > 0 {
			what := "interruptions"
			if c.Name == result.Planned {
				what = "stops"
			}
			text += fmt.Sprintf(", %s %s", few(c.Interruptions.Mean), what)
		}
		p.style.plain.in(grey()).draw(p.Canvas, text, end+14+p.style.strong.width(share), y, left, middle)
	}
}

// few writes a mean count, one that may be below 1 with its digits.
func few(n float64) string {
	if n < 1 {
		return fmt.Sprintf("%.2g", n)
	}
	return compare.Scale{Factor: 1}.Number(n)
}

// spares answers: are there servers to take the place of those that fail, and does repair
// keep up?
func spares(s *result.Set) Chart {
	repair := whileJobsRun(s, "servers_in_repair")
	away := stat.Mean(repair.y, nil)
	title := fmt.Sprintf("%s servers took the place of failed ones; %s are in repair on average", count(s.Site.SparesUsed.Mean), decimal(away))
	if backlog := whileJobsRun(s, "repair_backlog"); backlog != nil {
		if waiting := stat.Mean(backlog.y, nil) / away; waiting >= 0.005 {
			title += fmt.Sprintf(", %s of them waiting for hands or parts", percent(waiting))
		}
	}
	sub := subtitle(s)
	if lastFinish(s) < s.HorizonDays {
		sub += "; until the last job ends"
	}
	return Chart{
		Name:  "spares",
		Title: title + fmt.Sprintf("; %s of server-hours are in service", percent(s.Site.Availability.Mean)), Subtitle: sub, height: 520,
		body: func(p *page) { p.drawSpares(s) },
	}
}

// whileJobsRun is a column of the timeline until the last job ends; nil where there is none.
func whileJobsRun(s *result.Set, key string) *series {
	c := column(s, key, false)
	if c != nil {
		c.until(lastFinish(s))
	}
	return c
}

// lastFinish is the day until which a job runs in nearly every replica, less one bin of
// the calendar; the calendar's end where one does not finish.
func lastFinish(s *result.Set) float64 {
	last := 0.0
	for i := range s.Jobs {
		if s.Jobs[i].FinishedShare < 1 {
			return s.HorizonDays
		}
		last = max(last, s.Jobs[i].FinishDays.P10)
	}
	if last == 0 {
		return s.HorizonDays
	}
	return last - s.HorizonDays/float64(max(len(s.Timeline.Days), 1))
}

// until cuts a series after a day, but leaves it two points.
func (c *series) until(day float64) {
	n := len(c.x)
	for n > 2 && c.x[n-1] > day {
		n--
	}
	c.x, c.y = c.x[:n], c.y[:n]
	if c.low != nil {
		c.low, c.high = c.low[:n], c.high[:n]
	}
}

func (p *page) drawSpares(s *result.Set) {
	half := (p.Max.Y - p.Min.Y) * 0.42
	p.drawStocks(s, p.rect(leftRoom, widestEnd, half+bottomRoom, topRoom))
	rate := whileJobsRun(s, "spares_used_per_day")
	if rate == nil {
		return
	}
	rate.color = paint(2)
	pn := p.calendar(p.rect(leftRoom, widestEnd, bottomRoom, p.Max.Y-p.Min.Y-half+topRoom), s, "spares used", "servers/d", topOf(rate))
	pn.lines([]*series{rate})
	labels := []label{{name: "swapped in", value: decimal(stat.Mean(rate.y, nil)) + " a day on average", color: rate.color}}
	p.anchor(pn, []*series{rate}, labels)
	pn.endLabels(labels, widestEnd)
}

// drawStocks draws the servers that are ready, in repair and waiting for it.
func (p *page) drawStocks(s *result.Set, area vg.Rectangle) {
	var all []*series
	var labels []label
	for i, l := range []struct{ key, name string }{
		{"servers_in_repair", "in repair"}, {"spares_ready", "ready: no job holds them"}, {"repair_backlog", "waiting for hands or parts"},
	} {
		c := whileJobsRun(s, l.key)
		if c == nil || l.key == "repair_backlog" && !(s.Site.RepairBacklog.Mean > 0) {
			continue
		}
		c.color, c.dash = paint(i), dashes(i)
		if l.key == "repair_backlog" {
			c.color = paint(3)
		}
		all = append(all, c)
		labels = append(labels, label{name: l.name, value: decimal(stat.Mean(c.y, nil)) + " servers on average", color: c.color})
	}
	pn := p.calendar(area, s, "servers", "", topOf(all...))
	pn.lines(all)
	p.anchor(pn, all, labels)
	pn.endLabels(labels, widestEnd)
}

// decimal writes a mean that may be small.
func decimal(v float64) string { return compare.ScaleOf("", v).Text(v) }

// checkpointCurves are those of the jobs that have an interval to choose.
func checkpointCurves(s *result.Set) []result.CheckpointCurve {
	return slices.DeleteFunc(slices.Clone(s.Checkpoints), func(c result.CheckpointCurve) bool { return len(c.Seconds) < 2 })
}

// checkpoints answers: how often should a job save its state?
func checkpoints(s *result.Set, curves []result.CheckpointCurve) Chart {
	c := curves[0]
	title := fmt.Sprintf("%s keeps most of its time with a checkpoint every %s", c.Job, interval(c.BestSeconds))
	if c.ToStore < 0.995 {
		title += fmt.Sprintf(" in the store, to which %s of its failures go back", percent(c.ToStore))
	}
	if loss := c.BestGoodput - c.ChosenGoodput; loss >= 0.001 {
		title += fmt.Sprintf("; every %s, as planned, costs %s more", interval(c.ChosenSeconds), percent(loss))
	} else {
		title += "; the plan's interval is as good"
	}
	subtitle := fmt.Sprintf("%s · plan %s · expected goodput on the largest size; dot: the best interval, ring: the plan's", heading(s.Title, s.Scenario), heading(s.Plan, ""))
	for _, c := range s.Checkpoints {
		if c.Without != "" {
			subtitle += fmt.Sprintf(" · %s: %s", c.Job, c.Without)
		}
	}
	return Chart{
		Name: "checkpoints", Title: title, Subtitle: subtitle,
		height: 380, body: func(p *page) { p.drawCheckpoints(curves) },
	}
}

// interval writes a time between checkpoints.
func interval(seconds float64) string {
	switch {
	case seconds < 120:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds < 600:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", seconds/60), ".0") + " min"
	case seconds < 7200:
		return fmt.Sprintf("%.0f min", seconds/60)
	}
	return fmt.Sprintf("%.1f h", seconds/3600)
}

func (p *page) drawCheckpoints(curves []result.CheckpointCurve) {
	curves = curves[:min(len(curves), mostMarks)]
	low, high := math.Inf(1), 0.0
	labels := make([]label, len(curves))
	for i, c := range curves {
		low, high = math.Min(low, c.Seconds[0]), math.Max(high, c.Seconds[len(c.Seconds)-1])
		labels[i] = label{name: c.Job, value: "best: " + interval(c.BestSeconds), color: paint(i)}
	}
	room := p.labelWidth(widestEnd, labels)
	pn := p.panel(p.rect(leftRoom, room, bottomRoom+8, topRoom), low, high, 0, 1)
	pn.logarithmic(true, false)
	_, ticks := linearTicks(1, 0.01)
	pn.axes("goodput, %", spanTicks(low, high), ticks)
	pn.caption("between two checkpoints")
	for i, c := range curves {
		pn.line(series{x: c.Seconds, y: c.Goodput, color: paint(i), width: 2.2, dash: dashes(i)})
		pn.dot(c.BestSeconds, c.BestGoodput, paint(i), 3.6)
		if c.ChosenSeconds >= low && c.ChosenSeconds <= high {
			pn.ring(c.ChosenSeconds, c.ChosenGoodput, paint(i))
		}
		n := len(c.Seconds) - 1
		labels[i].at = vg.Point{X: pn.x(c.Seconds[n]), Y: pn.y(c.Goodput[n])}
	}
	pn.endLabels(labels, room)
}

// spanTicks are round times on an axis, in seconds; finer ones where few of the coarse ones
// lie within it.
func spanTicks(low, high float64) (ticks []plot.Tick) {
	for _, spans := range [][]float64{
		{1, 10, 60, 600, 3600, 6 * 3600, 86400, 10 * 86400, 100 * 86400, 1000 * 86400},
		{1, 2, 5, 10, 20, 60, 120, 300, 600, 1200, 3600, 2 * 3600, 6 * 3600, 12 * 3600, 86400, 2 * 86400, 5 * 86400, 10 * 86400, 20 * 86400, 50 * 86400, 100 * 86400, 1000 * 86400},
	} {
		ticks = ticks[:0]
		for _, seconds := range spans {
			if seconds >= low && seconds <= high {
				ticks = append(ticks, plot.Tick{Value: seconds, Label: span(seconds)})
			}
		}
		if len(ticks) > 2 {
			break
		}
	}
	return ticks
}

// span writes a round time for an axis.
func span(seconds float64) string {
	for _, u := range []struct {
		unit string
		size float64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}} {
		if seconds >= u.size {
			return fmt.Sprintf("%g %s", seconds/u.size, u.unit)
		}
	}
	return fmt.Sprintf("%g s", seconds)
}
