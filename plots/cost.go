package plots

import (
	"fmt"

	"gonum.org/v1/plot/vg"

	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// costLayers are the calendar's columns of money, from the bottom up, each named after the
// expenses that it adds up.
func costLayers(s *result.Set) []layer {
	spends := func(e result.Expense) bool { return s.Site.CostBy[e.String()].Mean > 0 }
	energy, building := "energy", "building"
	if spends(result.ExpenseDemand) {
		energy = "energy and demand"
	}
	switch {
	case !spends(result.ExpenseFacility):
		building = "supply"
	case spends(result.ExpenseSupply):
		building = "building, supply"
	}
	return []layer{
		{"cost_chips_per_day", "chips"},
		{"cost_servers_per_day", "servers, storage"},
		{"cost_network_per_day", "network"},
		{"cost_facility_per_day", building},
		{"cost_energy_per_day", energy},
		{"cost_operation_per_day", "operation"},
	}
}

// costChart answers: what does a day cost, and on what is it spent? There is none where
// nothing but energy has a price: the chart of power shows that.
func costChart(s *result.Set) (Chart, bool) {
	if !(s.Site.Capital.Mean > 0) {
		return Chart{}, false
	}
	return Chart{
		Name: "cost", Title: costTitle(s), Subtitle: subtitleStack(s), height: 400,
		body: func(p *page) { p.drawCost(s) },
	}, true
}

func costTitle(s *result.Set) string {
	total := s.Site.TotalCost.Mean
	largest, most := result.Expense(0), 0.0
	for e := range result.NumExpenses {
		if v := s.Site.CostBy[e.String()].Mean; v > most {
			largest, most = e, v
		}
	}
	energy := s.Site.Cost.Mean / total
	title := fmt.Sprintf("The calendar costs %s, %s of it for energy", compare.MoneyScale(s.Currency, total).Text(total), percent(energy))
	if largest != result.ExpenseEnergy {
		title += fmt.Sprintf("; the largest part, %s, is for %s", percent(most/total), expenseTitle(largest))
	}
	return title
}

// expenseTitle is what money goes to, as a reader says it.
func expenseTitle(e result.Expense) string {
	switch e {
	case result.ExpenseChips:
		return "depreciation of chips"
	case result.ExpenseServers:
		return "depreciation of servers"
	case result.ExpenseNetwork:
		return "depreciation of the network"
	case result.ExpenseStorage:
		return "depreciation of storage"
	case result.ExpenseParts:
		return "spare parts"
	case result.ExpenseFacility:
		return "depreciation of the building"
	case result.ExpenseSupply:
		return "depreciation of generators and battery"
	case result.ExpenseDemand:
		return "the monthly peak"
	default:
		return e.String()
	}
}

func (p *page) drawCost(s *result.Set) {
	k := stackOf(s, costLayers(s))
	if len(k.names) == 0 {
		return
	}
	scale := compare.MoneyScale(s.Currency, k.top())
	values := make([]string, len(k.names))
	var widths []label
	for i := range k.names {
		part, all := k.end(i)
		values[i] = percent(ratio(part, all)) + " at the end"
		widths = append(widths, label{name: k.names[i], value: values[i]})
	}
	room := p.labelWidth(widestEnd, widths)
	top, yticks := linearTicks(k.top(), scale.Factor)
	pn := p.panel(p.rect(leftRoom, room, bottomRoom, topRoom), 0, horizon(s), 0, top)
	const perTick = 52 // points that a month and its year need
	pn.axes("cost per day, depreciation and operation, "+scale.Unit, dateTicks(s.Start, horizon(s), int((pn.data.Max.X-pn.data.Min.X)/perTick)), yticks)
	labels := pn.stack(k)
	for i := range labels {
		labels[i].value = values[i]
	}
	pn.endLabels(labels, room)
}

// ratio of a part to all, 0 where there is nothing.
func ratio(part, all float64) float64 {
	if !(all > 0) {
		return 0
	}
	return part / all
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// tokenCosts answers: what does a million trained tokens take under each plan, in money,
// in energy and in carbon? There is none where no plan has a price for more than energy.
func tokenCosts(c *compare.Comparison) (Chart, bool) {
	var rows []*compare.Row
	jobs := 0
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.Metric == "cost_per_m_tokens" {
			jobs++
		}
		if jobs > mostJobs {
			continue
		}
		switch r.Metric {
		case "cost_per_m_tokens", "kwh_per_m_tokens", "co2_kg_per_m_tokens", "co2_market_kg_per_m_tokens":
			rows = append(rows, r)
		}
	}
	priced := false
	for _, s := range c.Sets {
		priced = priced || s.Site.Capital.Mean > 0
	}
	if !priced || len(rows) == 0 {
		return Chart{}, false
	}
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Job == "" && (r.Metric == "net_present_cost" || r.Metric == "cost_per_chip_hour") {
			rows = append(rows, r)
		}
	}
	plans := min(len(c.Plans), mostPlans)
	return Chart{
		Name: "token-cost", Title: tokenCostTitle(c, rows[0]), Subtitle: plansSubtitle(c),
		height: vg.Length((len(rows)+1)/2) * panelHeight(plans),
		body:   func(p *page) { p.drawRows(c, rows) },
	}, true
}

// jobRow is a quantity of a job, or nil.
func jobRow(c *compare.Comparison, job, metric string) *compare.Row {
	for i := range c.Rows {
		if r := &c.Rows[i]; r.Job == job && r.Metric == metric {
			return r
		}
	}
	return nil
}

// tokenCostTitle names the plan that trains the first job's tokens at the least cost.
func tokenCostTitle(c *compare.Comparison, r *compare.Row) string {
	best := -1
	for i := range r.Cells {
		if v := r.Cells[i].Stat.Mean; r.Cells[i].Present && r.Cells[i].Unit == "" && v > 0 && (best < 0 || v < r.Cells[best].Stat.Mean) {
			best = i
		}
	}
	if best < 0 {
		return "No plan trains any token of " + r.Job
	}
	text := r.Scale.Text(r.Cells[best].Stat.Mean)
	foreign, uneven := 0, ""
	for i := range r.Cells {
		if r.Cells[i].Unit != "" {
			foreign++
		}
		if r.Cells[i].Uneven {
			uneven = "; not all plans count the same costs"
		}
	}
	if foreign > 0 && foreign == len(r.Cells)-1 {
		return fmt.Sprintf("A million tokens of %s cost %s under %s; no other plan counts in %s", r.Job, text, c.Plans[best].Name, r.Base)
	}
	d := r.Cells[best].Difference
	if best == 0 && tied(r, best) || d != nil && (d.Same || d.Noise()) {
		return fmt.Sprintf("A million tokens of %s cost %s under %s; no plan is clearly cheaper", r.Job, r.Scale.Text(r.Cells[0].Stat.Mean), c.Plans[0].Name) + uneven
	}
	name := c.Plans[best].Name
	switch same := alike(r, best); len(same) {
	case 1:
	case 2:
		name += " and " + c.Plans[same[1]].Name
	default:
		name += fmt.Sprintf(" and %d others", len(same)-1)
	}
	title := fmt.Sprintf("A million tokens of %s cost least under %s, %s", r.Job, name, text)
	if trains := jobRow(c, r.Job, "training_days"); trains != nil && trains.Cells[best].Bound {
		title += fmt.Sprintf(", but %s does not finish in time", c.Plans[best].Name)
	}
	return title + uneven
}
