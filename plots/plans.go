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

// mostPlans and mostJobs bound what one page can hold.
const (
	mostPlans = 12
	mostJobs  = 3
)

// plansChart answers: which plan trains soonest, and at what price?
func plansChart(c *compare.Comparison) Chart {
	panels := comparedRows(c)
	plans := min(len(c.Plans), mostPlans)
	rows := (len(panels) + 1) / 2
	height := vg.Length(rows) * panelHeight(plans)
	return Chart{
		Name: "plans", Title: plansTitle(c), Subtitle: plansSubtitle(c), height: height,
		body: func(p *page) { p.drawRows(c, panels) },
	}
}

// drawRows draws a panel of bars for each row, two side by side.
func (p *page) drawRows(c *compare.Comparison, rows []*compare.Row) {
	width, each := (p.Max.X-p.Min.X-26)/2, panelHeight(min(len(c.Plans), mostPlans))
	for i, r := range rows {
		x, y := vg.Length(i%2)*(width+26), vg.Length(i/2)*each
		p.drawRow(c, r, vg.Rectangle{
			Min: vg.Point{X: p.Min.X + x, Y: p.Max.Y - y - each},
			Max: vg.Point{X: p.Min.X + x + width, Y: p.Max.Y - y},
		})
	}
}

func panelHeight(plans int) vg.Length { return vg.Length(plans)*barPitch + 44 }

// comparedRows are the quantities shown: the jobs' training days, then the site's.
func comparedRows(c *compare.Comparison) []*compare.Row {
	var rows []*compare.Row
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Metric == "training_days" && len(rows) < mostJobs {
			rows = append(rows, r)
		}
	}
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.Job != "" {
			continue
		}
		switch r.Metric {
		case "peak_power_mw", "energy_mwh", "cost", "co2_t":
			rows = append(rows, r)
		}
	}
	if len(rows)%2 == 1 && rows[len(rows)-1].Metric == "co2_t" {
		rows = rows[:len(rows)-1] // it follows the energy; an odd panel out would not be missed
	}
	return rows
}

func plansSubtitle(c *compare.Comparison) string {
	var notes []string
	var scenarios []string
	for _, p := range c.Plans { // a plan's title would speak for one column only
		if !slices.Contains(scenarios, p.Scenario) {
			scenarios = append(scenarios, p.Scenario)
		}
	}
	notes = append(notes, fmt.Sprintf("%s · %d plans", heading(strings.Join(scenarios, ", "), "scenario"), len(c.Plans)))
	if c.Plans[0].Replicas > 1 {
		notes = append(notes, fmt.Sprintf("mean of %d replicas, dates and projections median, whiskers p10–p90", c.Plans[0].Replicas))
	} else {
		notes = append(notes, "one replica")
	}
	if len(c.Plans) > mostPlans {
		notes = append(notes, fmt.Sprintf("the first %d shown", mostPlans))
	}
	return strings.Join(notes, " · ")
}

// plansTitle names the plan that trains the first job soonest, and its price.
func plansTitle(c *compare.Comparison) string {
	var train, cost *compare.Row
	for i := range c.Rows {
		switch r := &c.Rows[i]; {
		case r.Metric == "training_days" && train == nil:
			train = r
		case r.Metric == "cost" && r.Job == "":
			cost = r
		}
	}
	if train == nil {
		return "What each plan draws and costs"
	}
	best := 0
	for i, cell := range train.Cells {
		if cell.Present && !(cell.Stat.Mean >= train.Cells[best].Stat.Mean) {
			best = i
		}
	}
	cell, first := train.Cells[best], train.Cells[0]
	if !cell.Present || math.IsInf(cell.Stat.Mean, 0) || math.IsNaN(cell.Stat.Mean) {
		return train.Job + " makes no progress under any plan"
	}
	if cell.Bound {
		return fmt.Sprintf("No plan finishes %s in time; %s comes closest", train.Job, c.Plans[best].Name)
	}
	title := fmt.Sprintf("%s trains %s in %s", c.Plans[best].Name, train.Job, days(train.Scale, cell.Stat.Mean))
	if best == 0 || first.Bound && first.AtLeast <= cell.Stat.Mean {
		if tied(train, best) {
			return title + ", as soon as any plan"
		}
		return title + ", soonest of all plans"
	}
	before := days(train.Scale, first.Stat.Mean)
	if first.Bound {
		before = "more than " + days(train.Scale, math.Floor(first.AtLeast))
	}
	if d := cell.Difference; !first.Bound && d != nil && (d.Same || d.Noise()) {
		return fmt.Sprintf("No plan trains %s clearly sooner than %s, in %s", train.Job, c.Plans[0].Name, before)
	}
	return title + fmt.Sprintf("; %s takes %s", c.Plans[0].Name, before) + priceClause(train, cost, best)
}

// tied reports whether another plan's value is told apart from that of the best by chance
// alone. Differences are known to the first plan only: of two others those are tied that are
// written alike.
func tied(r *compare.Row, best int) bool {
	if best > 0 {
		return len(alike(r, best)) > 1
	}
	for i := range r.Cells {
		if d := r.Cells[i].Difference; d != nil && !r.Cells[i].Bound && (d.Same || d.Noise()) {
			return true
		}
	}
	return false
}

// alike are the plans whose mean is written like that of one of them, which comes first.
func alike(r *compare.Row, plan int) []int {
	all := []int{plan}
	for i := range r.Cells {
		cell := &r.Cells[i]
		if i != plan && cell.Present && !cell.Bound && cell.Unit == "" && r.Scale.Number(cell.Stat.Mean) == r.Scale.Number(r.Cells[plan].Stat.Mean) {
			all = append(all, i)
		}
	}
	return all
}

// priceClause is what the first plan's energy costs, as a share of the best plan's;
// nothing where that would compare a job's whole cost with that of a part of it, or
// where the two costs are told apart by chance alone.
func priceClause(train, cost *compare.Row, best int) string {
	if cost == nil || train.Cells[0].Bound || train.Cells[best].Bound || !(cost.Cells[0].Stat.Mean > 0) {
		return ""
	}
	d := cost.Cells[best].Difference
	if d == nil || d.Same || d.Noise() {
		return ""
	}
	share := percent(cost.Cells[0].Stat.Mean / cost.Cells[best].Stat.Mean)
	if share == percent(1) {
		return ""
	}
	return fmt.Sprintf(" at %s of the site's energy cost", share)
}

func days(s compare.Scale, v float64) string {
	s.Unit = "days"
	return s.Text(v)
}

// nameRoom is the width of the plans' names, drawn beside both columns.
const (
	nameRoom  = 110 * vg.Length(1)
	valueRoom = 122 * vg.Length(1)
)

func (p *page) drawRow(c *compare.Comparison, r *compare.Row, area vg.Rectangle) {
	title := rowTitle(r)
	if r.Scale.Unit != "" {
		title += ", " + r.Scale.Unit
	}
	p.style.strong.draw(p.Canvas, fit(p.style.strong, title, area.Max.X-area.Min.X), area.Min.X, area.Max.Y-4, left, top)
	top := rowTop(r)
	x0 := area.Min.X + nameRoom
	width := area.Max.X - p.valuesRoom(r) - x0
	x := func(v float64) vg.Length { return x0 + vg.Length(math.Min(v/top, 1))*width }
	for i := range r.Cells {
		if i == mostPlans {
			break
		}
		cell := &r.Cells[i]
		y := area.Max.Y - 26 - (vg.Length(i)+0.5)*barPitch
		p.style.plain.draw(p.Canvas, fit(p.style.plain, c.Plans[i].Name, nameRoom-8), x0-8, y, right, middle)
		end := x0
		switch {
		case !cell.Present || cell.Unit != "" || cell.Bound && cell.AtLeast <= 0:
		case cell.Bound:
			end = p.openBar(x0, x(cell.AtLeast), y, paint(i))
		case math.IsNaN(cell.Stat.Mean) || math.IsInf(cell.Stat.Mean, 0):
		default:
			p.bar(x0, x(cell.Stat.Mean), y, barPitch*0.66, paint(i))
			end = p.whisker(x(cell.Stat.P10), x(finiteOr(cell.Stat.P90, top)), y, c.Plans[i].Replicas)
			end = max(end, x(cell.Stat.Mean))
		}
		value, rest, _ := strings.Cut(cellText(r, cell), " ")
		p.style.strong.draw(p.Canvas, value, end+7, y, left, middle)
		p.style.plain.in(grey()).draw(p.Canvas, rest, end+11+p.style.strong.width(value), y, left, middle)
	}
	p.StrokeLine2(stroke(grey(), 0.8, nil), x0, area.Max.Y-26, x0, area.Max.Y-26-vg.Length(min(len(r.Cells), mostPlans))*barPitch)
}

// cellText is what stands beside a bar: a value in bold to the first space, then the rest.
func cellText(r *compare.Row, cell *compare.Cell) string {
	switch {
	case !cell.Present:
		return "no such job"
	case cell.Unit != "":
		return " counts in " + cell.Unit
	case cell.Bound && cell.AtLeast <= 0:
		return "not trained"
	case cell.Bound:
		return ">" + r.Scale.Number(math.Floor(cell.AtLeast)) + projected(r, cell)
	case math.IsNaN(cell.Stat.Mean) || math.IsInf(cell.Stat.Mean, 0):
		return r.Scale.Number(cell.Stat.Mean)
	default:
		return intervalText(r, cell)
	}
}

// valuesRoom is the width that the texts beside a row's bars need, at least valueRoom.
func (p *page) valuesRoom(r *compare.Row) vg.Length {
	room := valueRoom
	for i := range r.Cells[:min(len(r.Cells), mostPlans)] {
		value, rest, _ := strings.Cut(cellText(r, &r.Cells[i]), " ")
		room = max(room, p.style.strong.width(value)+p.style.plain.width(rest)+13)
	}
	return room
}

// rowTitle names a row's job and quantity; a table has less room for the latter.
func rowTitle(r *compare.Row) string {
	label := r.Label
	switch r.Metric {
	case "training_days":
		return "training of " + r.Job
	case "net_present_cost":
		label += " cost"
	case "co2_kg_per_m_tokens":
		label = "CO2e/M tokens, embodied included"
	case "co2_market_kg_per_m_tokens":
		label = "CO2e/M tokens by the market, embodied included"
	}
	if r.Job == "" {
		return "site, whole calendar: " + label
	}
	return r.Job + ": " + label
}

// rowTop is the value at the right end of a row's bars.
func rowTop(r *compare.Row) float64 {
	var top float64
	for _, c := range r.Cells {
		if c.Unit != "" {
			continue
		}
		if c.Bound {
			top = math.Max(top, c.AtLeast)
			continue
		}
		for _, v := range []float64{c.Stat.Mean, c.Stat.P90} {
			if !math.IsInf(v, 0) && v > top {
				top = v
			}
		}
	}
	if top == 0 {
		return 1
	}
	return top
}

func finiteOr(v, instead float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return instead
	}
	return v
}

// openBar is a bar of unknown length: it ends in a fading arrow.
func (p *page) openBar(x0, x1, y vg.Length, c color.NRGBA) vg.Length {
	const head = 16 * vg.Length(1)
	height := barPitch * 0.66
	body := max(x1-head, x0)
	p.bar(x0, body, y, height, faint(c))
	p.FillPolygon(faint(c), []vg.Point{{X: body, Y: y - height/2}, {X: body + head, Y: y}, {X: body, Y: y + height/2}})
	p.StrokeLines(stroke(readable(c), 1, []vg.Length{3, 2}), []vg.Point{
		{X: x0, Y: y + height/2}, {X: body, Y: y + height/2}, {X: body + head, Y: y}, {X: body, Y: y - height/2}, {X: x0, Y: y - height/2},
	})
	return body + head
}

func projected(r *compare.Row, c *compare.Cell) string {
	if math.IsInf(c.Stat.P50, 0) || math.IsNaN(c.Stat.P50) {
		return " no progress"
	}
	return fmt.Sprintf(" projected %s", r.Scale.Number(c.Stat.P50))
}

func intervalText(r *compare.Row, c *compare.Cell) string {
	low, mean, high := r.Scale.Number(c.Stat.P10), r.Scale.Central(c.Stat), r.Scale.Number(c.Stat.P90)
	if low == mean && high == mean {
		return mean
	}
	return fmt.Sprintf("%s (%s–%s)", mean, low, high)
}

// progress answers: when does each plan have how much of each job?
func progress(c *compare.Comparison) Chart {
	jobs := progressJobs(c)
	return Chart{
		Name: "progress", Title: progressTitle(c), Subtitle: progressSubtitle(c),
		height: vg.Length(max(len(jobs), 1)) * 270,
		body: func(p *page) {
			for i, name := range jobs {
				each := (p.Max.Y - p.Min.Y) / vg.Length(len(jobs))
				p.drawProgress(c, name, p.rect(leftRoom, 0, p.Max.Y-p.Min.Y-each*vg.Length(i+1)+bottomRoom, each*vg.Length(i)+topRoom))
			}
		},
	}
}

// progressJobs are the jobs of the first plan that has any, as many as fit.
func progressJobs(c *compare.Comparison) []string {
	var names []string
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Metric == "training_days" && len(names) < mostJobs {
			names = append(names, r.Job)
		}
	}
	return names
}

func progressSubtitle(c *compare.Comparison) string {
	t := plansSubtitle(c)
	t = strings.Replace(t, "whiskers", "band", 1)
	if len(c.Plans) > palette {
		t += fmt.Sprintf(" · the first %d drawn", palette)
	}
	return t
}

// progressTitle says which plans finish every job, and in how many replicas.
func progressTitle(c *compare.Comparison) string {
	type plan struct {
		name           string
		done, replicas int
	}
	var some []plan
	never, always := []string{}, 0
	for i, s := range c.Sets {
		switch done := finishedAll(s); {
		case done == 0:
			never = append(never, c.Plans[i].Name)
		default:
			some = append(some, plan{c.Plans[i].Name, done, s.Replicas})
			if done == s.Replicas {
				always++
			}
		}
	}
	end := result.Day(c.Sets[0].Start, c.Sets[0].HorizonDays)
	switch {
	case len(some) == 0:
		return "No plan finishes every job by " + end
	case always == len(c.Sets) && always > 1:
		return "Every plan finishes every job by " + end
	}
	slices.SortStableFunc(some, func(a, b plan) int { return b.done*a.replicas - a.done*b.replicas })
	title := fmt.Sprintf("%s finishes every job by %s in %s replicas", some[0].name, end, countOf(some[0].done, some[0].replicas))
	const named = 3
	if len(c.Sets) > named {
		return fmt.Sprintf("%s; %d of %d plans ever do", title, len(some), len(c.Sets))
	}
	for _, q := range some[1:] {
		title += fmt.Sprintf(", %s in %s", q.name, countOf(q.done, q.replicas))
	}
	if len(never) > 0 {
		title += ", " + strings.Join(never, " and ") + " in none"
	}
	return title
}

// countOf is "31 of 32", or "all 32".
func countOf(n, of int) string {
	if n == of {
		return "all " + count(float64(of))
	}
	return count(float64(n)) + " of " + count(float64(of))
}

// finishedAll counts the replicas that finish every job.
func finishedAll(s *result.Set) int {
	n := 0
	for r := range s.Replicas {
		all := len(s.Jobs) > 0
		for _, j := range s.Jobs {
			finished := s.Values[result.JobKey(j.Name, "finished")]
			all = all && r < len(finished) && finished[r] == 1
		}
		if all {
			n++
		}
	}
	return n
}

func (p *page) drawProgress(c *compare.Comparison, job string, area vg.Rectangle) {
	type plan struct {
		line   *series
		label  label
		finish float64
	}
	var plans []plan
	longest := c.Sets[0]
	for i, s := range c.Sets[:min(len(c.Sets), palette)] {
		if s.HorizonDays > longest.HorizonDays {
			longest = s
		}
		k := slices.IndexFunc(s.Jobs, func(j result.Job) bool { return j.Name == job })
		line := column(s, "job/"+job+"/tokens", true)
		if k < 0 || line == nil {
			continue
		}
		shift := s.Start.Sub(c.Sets[0].Start).Hours() / 24
		for t := range line.x {
			line.x[t] += shift
		}
		line.color, line.dash = paint(i), dashes(i)
		line.whileActive()
		j := &s.Jobs[k]
		plans = append(plans, plan{line, label{name: c.Plans[i].Name, value: finishText(j), color: paint(i)}, j.FinishDays.P50})
	}
	// Plans that are done end at the same height: the first to finish on top.
	slices.SortStableFunc(plans, func(a, b plan) int {
		switch {
		case a.finish < b.finish:
			return -1
		case a.finish > b.finish:
			return 1
		}
		return 0
	})
	var all []*series
	var labels []label
	for _, q := range plans {
		all, labels = append(all, q.line), append(labels, q.label)
	}
	room := p.labelWidth(widestEnd, labels)
	area.Max.X -= room
	pn := p.calendar(area, longest, "trained of "+job, "tokens", topOf(all...))
	pn.lines(all)
	p.anchor(pn, all, labels)
	pn.endLabels(labels, room)
}
