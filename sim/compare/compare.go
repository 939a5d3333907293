// Package compare puts plans side by side: one row per quantity, one column per
// plan, the difference to the first plan with its interval, and footnotes for
// everything that the numbers alone would hide.
package compare

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"clustercap/sim/result"
)

// Comparison of plans. Rows hold one Cell per plan, in the order of Plans.
type Comparison struct {
	Plans []Plan `json:"plans"`
	Rows  []Row  `json:"rows"`
	// Footnotes, numbered from 1; cells refer to them.
	Footnotes []string `json:"footnotes"`
	// Sets are the results compared, in the order of Plans.
	Sets []*result.Set `json:"-"`
}

// Plan is one column. Name is unique among the plans compared.
type Plan struct {
	Name     string `json:"name"`
	Scenario string `json:"scenario"`
	Title    string `json:"title"`
	Replicas int    `json:"replicas"`
	Seed     uint64 `json:"seed"`
}

// Row is one quantity of one job, or of the site where Job is empty.
type Row struct {
	Job    string `json:"job,omitempty"`
	Metric string `json:"metric"` // as in result.json
	Label  string `json:"label"`
	// Base is the unit of the numbers in the cells; Scale how they are printed.
	Base  string `json:"unit"`
	Scale Scale  `json:"-"`
	Cells []Cell `json:"cells"`
}

// Cell is one quantity under one plan.
type Cell struct {
	// Present is false where the plan has no such job.
	Present bool        `json:"present"`
	Stat    result.Stat `json:"stat"`
	// Unit of the numbers where it is not the row's: the currency of a plan that counts in
	// another than the first. Such a cell has no difference and no part in the row's scale.
	Unit string `json:"unit,omitempty"`
	// Bound is true where most replicas did not finish: Stat is then projected, and
	// the value is known only to exceed AtLeast (base units).
	Bound   bool    `json:"bound,omitempty"`
	AtLeast float64 `json:"at_least,omitempty"`
	// Date is set in rows of dates; Stat then holds days since the first plan's start.
	Date *result.Date `json:"date,omitempty"`
	// Difference to the first plan, or nil where there is none.
	Difference *Difference `json:"difference,omitempty"`
	// Notes are the numbers of the footnotes that qualify this cell.
	Notes []int `json:"notes,omitempty"`
	// Uneven is true where the plan leaves out of the quantity what the first counts, or the
	// other way round; a footnote says what.
	Uneven bool `json:"uneven,omitempty"`
	// differenceNotes counts the last of Notes, which qualify only the difference.
	differenceNotes int
}

// kind of arithmetic that a row's difference needs.
type kind int

const (
	relative kind = iota // differences in per cent of the first plan
	points               // shares: differences in percentage points
	dates                // differences in days
)

func (r *Row) kind() kind {
	switch {
	case r.Metric == "finish":
		return dates
	case r.Base == "%":
		return points
	default:
		return relative
	}
}

// metric describes a row before it is filled.
type metric struct {
	name, value, label, base string
	job                      func(*result.Job) result.Stat
	site                     func(*result.Site) result.Stat
	// swing is a figure of the job's swings, the same in all replicas.
	swing func(*result.Swing) float64
	// shown says of which plans the row tells something, for a job by its name: it is left
	// out where of none. Nil is of all.
	shown func(s *result.Set, job string) bool
}

// contracts reports whether they make the market-based carbon another figure than the
// location-based one above it.
func contracts(s *result.Set, _ string) bool { return s.Site.CO2MarketT.Mean != s.Site.CO2t.Mean }

// loses reports whether a job loses tokens, or energy, of a kind.
func loses(what func(*result.Job) result.Stat) func(s *result.Set, job string) bool {
	return func(s *result.Set, job string) bool {
		j := findJob(s, job)
		return j != nil && what(j).Mean > 0
	}
}

// smooths reports whether something smooths a job's swings, swings whether that or a limit
// of the grid makes them matter.
func smooths(s *result.Set, job string) bool {
	w := findSwing(s, job)
	return w != nil && w.SmoothingMW > 0
}

func swings(s *result.Set, job string) bool {
	w := findSwing(s, job)
	return smooths(s, job) || w != nil && len(w.Checks) > 0
}

// ownSupply reports whether the grid is not the site's only source.
func ownSupply(s *result.Set, _ string) bool {
	return s.Site.Battery != nil || s.Site.EnergyFrom[result.Generation.String()].Mean > 0
}

func jobMetrics(currency string) []metric {
	capped := func(j *result.Job) result.Stat { return j.CappedTokens }
	ramped := func(j *result.Job) result.Stat { return j.RampedTokens }
	rises := func(j *result.Job) result.Stat { return j.RampEnergyMWh }
	return []metric{
		{name: "training_days", value: "training_days", label: "training", base: "d", job: func(j *result.Job) result.Stat { return j.TrainingDays }},
		{name: "finish", value: "finish_days", label: "finish (median)", job: func(j *result.Job) result.Stat { return j.FinishDays }},
		{name: "tokens_per_second", value: "tokens_per_second", label: "speed", base: "tokens/s", job: func(j *result.Job) result.Stat { return j.TokensPerSecond }},
		{name: "mfu", value: "mfu", label: "MFU", base: "%", job: func(j *result.Job) result.Stat { return j.MFU }},
		{name: "goodput", value: "goodput", label: "goodput", base: "%", job: func(j *result.Job) result.Stat { return j.Goodput }},
		{name: "ettr", value: "ettr", label: "ETTR", base: "%", job: func(j *result.Job) result.Stat { return j.ETTR }},
		{name: "interruptions", value: "interruptions", label: "interruptions", job: func(j *result.Job) result.Stat { return j.Interruptions }},
		{name: "tokens_lost_to_cap", value: "tokens_lost_to_cap", label: "lost to limits", base: "tokens", job: capped, shown: loses(capped)},
		{name: "tokens_lost_to_ramp", value: "tokens_lost_to_ramp", label: "lost to the ramp", base: "tokens", job: ramped, shown: loses(ramped)},
		{name: "ramp_energy_mwh", value: "ramp_energy_mwh", label: "the ramp takes", base: "MWh", job: rises, shown: loses(rises)},
		{name: "step_mw", label: "swing in a step", base: "MW", swing: func(w *result.Swing) float64 { return w.StepMW }, shown: swings},
		{name: "smoothing_mw", label: "smoothing takes", base: "MW", swing: func(w *result.Swing) float64 { return w.SmoothingMW }, shown: smooths},
		{name: "energy_mwh", value: "energy_mwh", label: "energy", base: "MWh", job: func(j *result.Job) result.Stat { return j.EnergyMWh }},
		{name: "cost", value: "cost", label: "energy cost", base: currency, job: func(j *result.Job) result.Stat { return j.Cost }},
		{name: "total_cost", value: "total_cost", label: "total cost", base: currency, job: func(j *result.Job) result.Stat { return j.TotalCost }},
		{name: "cost_per_m_tokens", value: "cost_per_m_tokens", label: "cost/M tokens", base: currency, job: func(j *result.Job) result.Stat { return j.CostPerMTokens }},
		{name: "kwh_per_m_tokens", value: "kwh_per_m_tokens", label: "energy/M tokens", base: "kWh", job: func(j *result.Job) result.Stat { return j.KWhPerMTokens }},
		{name: "co2_kg_per_m_tokens", value: "co2_kg_per_m_tokens", label: "total CO2e/M tok.", base: "kg", job: func(j *result.Job) result.Stat { return j.CO2PerMTokens }},
		{name: "co2_market_kg_per_m_tokens", value: "co2_market_kg_per_m_tokens", label: "market-based", base: "kg", job: func(j *result.Job) result.Stat { return j.CO2MarketPerMTokens }, shown: contracts},
	}
}

func siteMetrics(currency string) []metric {
	return []metric{
		{name: "peak_power_mw", value: "peak_power_mw", label: "peak power", base: "MW", site: func(s *result.Site) result.Stat { return s.PeakPowerMW }},
		{name: "grid_peak_mw", value: "grid_peak_mw", label: "peak from the grid", base: "MW", site: func(s *result.Site) result.Stat { return s.GridPeakMW }, shown: ownSupply},
		{name: "mean_power_mw", value: "mean_power_mw", label: "mean power", base: "MW", site: func(s *result.Site) result.Stat { return s.MeanPowerMW }},
		{name: "energy_mwh", value: "energy_mwh", label: "energy", base: "MWh", site: func(s *result.Site) result.Stat { return s.EnergyMWh }},
		{name: "cost", value: "cost", label: "energy cost", base: currency, site: func(s *result.Site) result.Stat { return s.Cost }},
		{name: "total_cost", value: "total_cost", label: "total cost", base: currency, site: func(s *result.Site) result.Stat { return s.TotalCost }},
		{name: "net_present_cost", value: "net_present_cost", label: "net present", base: currency, site: func(s *result.Site) result.Stat { return s.NetPresentCost }},
		{name: "cost_per_chip_hour", value: "cost_per_chip_hour", label: "cost/chip-hour", base: currency, site: func(s *result.Site) result.Stat { return s.CostPerChipHour }},
		{name: "availability", value: "availability", label: "servers in service", base: "%", site: func(s *result.Site) result.Stat { return s.Availability }},
		{name: "co2_t", value: "co2_t", label: "carbon", base: "t CO2e", site: func(s *result.Site) result.Stat { return s.CO2t }},
		{name: "co2_market_t", value: "co2_market_t", label: "market-based", base: "t CO2e", site: func(s *result.Site) result.Stat { return s.CO2MarketT }, shown: contracts},
		{name: "embodied_co2_t", value: "embodied_co2_t", label: "embodied", base: "t CO2e", site: func(s *result.Site) result.Stat { return s.EmbodiedCO2t }},
	}
}

// New compares the sets, the first of which is what the others are held against.
// It wants at least one.
func New(sets []*result.Set) (*Comparison, error) {
	if len(sets) == 0 {
		return nil, errors.New("nothing to compare: name at least one plan")
	}
	b := builder{c: &Comparison{Sets: sets, Plans: plansOf(sets), Footnotes: []string{}}, base: sets[0]}
	b.noteSets()
	currency := sets[0].Currency
	tells := func(m *metric, job string) bool {
		return m.shown == nil || slices.ContainsFunc(sets, func(s *result.Set) bool { return m.shown(s, job) })
	}
	for _, name := range jobNames(sets) {
		unfinished := b.unfinishedNotes(name)
		for _, m := range jobMetrics(currency) {
			if tells(&m, name) {
				b.jobRow(name, m, unfinished)
			}
		}
	}
	for _, m := range siteMetrics(currency) {
		if tells(&m, "") {
			b.siteRow(m)
		}
	}
	return b.c, nil
}

// plansOf names the columns: by plan; by scenario too where plans share a name.
func plansOf(sets []*result.Set) []Plan {
	count := make(map[string]int)
	for _, s := range sets {
		count[s.Plan]++
	}
	plans := make([]Plan, len(sets))
	for i, s := range sets {
		name := s.Plan
		if count[name] > 1 {
			name = s.Scenario + "/" + s.Plan
		}
		for slices.ContainsFunc(plans[:i], func(p Plan) bool { return p.Name == name }) {
			name += "'"
		}
		plans[i] = Plan{Name: name, Scenario: s.Scenario, Title: s.Title, Replicas: s.Replicas, Seed: s.Seed}
	}
	return plans
}

// jobNames lists every job of any set, in order of first appearance.
func jobNames(sets []*result.Set) []string {
	var names []string
	for _, s := range sets {
		for _, j := range s.Jobs {
			if !slices.Contains(names, j.Name) {
				names = append(names, j.Name)
			}
		}
	}
	return names
}

// builder fills a Comparison.
type builder struct {
	c    *Comparison
	base *result.Set
	// setNotes qualify every difference of a plan.
	setNotes [][]int
}

// note adds a footnote, once, and returns its number.
func (b *builder) note(format string, args ...any) int {
	text := fmt.Sprintf(format, args...)
	if i := slices.Index(b.c.Footnotes, text); i >= 0 {
		return i + 1
	}
	b.c.Footnotes = append(b.c.Footnotes, text)
	return len(b.c.Footnotes)
}

// paired reports whether set i drew from the same streams as the first.
func (b *builder) paired(i int) bool {
	s := b.c.Sets[i]
	return s.Seed == b.base.Seed && s.Replicas == b.base.Replicas
}

// noteSets says what weakens the comparison of whole plans.
func (b *builder) noteSets() {
	b.setNotes = make([][]int, len(b.c.Sets))
	for i, s := range b.c.Sets {
		name := b.c.Plans[i].Name
		if i > 0 && !b.paired(i) {
			b.setNotes[i] = append(b.setNotes[i], b.note(
				"%s ran with seed %d and %d replicas, %s with seed %d and %d: their differences are those of independent samples (Welch), wider than under common random numbers",
				name, s.Seed, s.Replicas, b.c.Plans[0].Name, b.base.Seed, b.base.Replicas))
		}
		if i > 0 && s.Replicas < 2 || i > 0 && b.base.Replicas < 2 {
			b.setNotes[i] = append(b.setNotes[i], b.note("one replica gives no interval: run with --replicas 2 or more"))
		}
		if i > 0 && s.HorizonDays != b.base.HorizonDays {
			b.setNotes[i] = append(b.setNotes[i], b.note("%s simulates %.4g days, %s %.4g: the site's energy, cost and carbon cover different times",
				name, s.HorizonDays, b.c.Plans[0].Name, b.base.HorizonDays))
		}
	}
	b.noteStarts()
	b.noteWarnings()
}

// noteStarts says which plans begin at another time than the first.
func (b *builder) noteStarts() {
	for i, s := range b.c.Sets {
		if s.Start.Equal(b.base.Start) {
			continue
		}
		layout := "2006-01-02"
		own, first := s.Start.UTC(), b.base.Start.UTC()
		if own.Format(layout) == first.Format(layout) {
			layout = "2006-01-02T15:04Z"
		}
		b.setNotes[i] = append(b.setNotes[i], b.note("%s begins on %s, %s on %s: they meet other seasons, prices and carbon",
			b.c.Plans[i].Name, own.Format(layout), b.c.Plans[0].Name, first.Format(layout)))
	}
}

// noteWarnings passes on the warnings of the runs, each once with the plans that have it.
func (b *builder) noteWarnings() {
	var warnings []string
	plans := make(map[string][]string)
	for i, s := range b.c.Sets {
		for _, w := range s.Warnings {
			if plans[w] == nil {
				warnings = append(warnings, w)
			}
			plans[w] = append(plans[w], b.c.Plans[i].Name)
		}
	}
	for _, w := range warnings {
		b.note("%s: %s", strings.Join(plans[w], ", "), w)
	}
}

// unfinishedNotes footnotes the plans under which the job did not always finish;
// 0 where it did.
func (b *builder) unfinishedNotes(job string) []int {
	notes := make([]int, len(b.c.Sets))
	for i, s := range b.c.Sets {
		j := findJob(s, job)
		if j == nil || j.FinishedShare == 1 {
			continue
		}
		notes[i] = b.note("%s", unfinishedText(b.c.Plans[i].Name, s, j))
	}
	return notes
}

func unfinishedText(plan string, s *result.Set, j *result.Job) string {
	done := int(math.Round(j.FinishedShare * float64(s.Replicas)))
	end := result.Day(s.Start, s.HorizonDays)
	head := fmt.Sprintf("%s under %s finished in %d of %d replicas by %s, where its energy and cost end", j.Name, plan, done, s.Replicas, end)
	if math.IsInf(j.TrainingDays.P50, 0) {
		if len(j.Blocked) > 0 {
			return head + "; in most it trained nothing: " + j.Blocked[0]
		}
		return head + "; in most it made no progress"
	}
	if done > 0 && j.FinishedShare >= 0.5 {
		return head + "; the others are projected at the rate they had at the end"
	}
	scale := ScaleOf("d", j.TrainingDays.P90, j.TrainingDays.P50)
	text := fmt.Sprintf("%s; at the rate it had at the end it would train %s in the median (p10-p90 %s to %s) and finish on %s",
		head, scale.Text(j.TrainingDays.P50), scale.Number(j.TrainingDays.P10), scale.Number(j.TrainingDays.P90), j.Finish.P50)
	if done > 0 {
		text += "; projections enter its means"
	}
	return text
}

func findJob(s *result.Set, name string) *result.Job {
	for i := range s.Jobs {
		if s.Jobs[i].Name == name {
			return &s.Jobs[i]
		}
	}
	return nil
}

// Unfinished reports whether most replicas did not finish the job, and the least
// number of days since its start that it must train then.
func Unfinished(s *result.Set, j *result.Job) (atLeast float64, unfinished bool) {
	if j.FinishedShare >= 0.5 {
		return 0, false
	}
	start := result.Summary(s.Values[result.JobKey(j.Name, "start_days")]).P50
	if math.IsNaN(start) || start > s.HorizonDays {
		start = s.HorizonDays
	}
	return s.HorizonDays - start, true
}

func (b *builder) jobRow(job string, m metric, unfinished []int) {
	row := Row{Job: job, Metric: m.name, Label: m.label, Base: m.base, Cells: make([]Cell, len(b.c.Sets))}
	for i, s := range b.c.Sets {
		j := findJob(s, job)
		if j == nil {
			row.Cells[i] = Cell{Stat: result.Summary(nil)}
			continue
		}
		if m.swing != nil {
			row.Cells[i] = swingCell(s, job, m.swing)
			continue
		}
		cell := Cell{Present: true, Stat: m.job(j)}
		if unfinished[i] > 0 && ofWhole(m.name) {
			cell.Notes = append(cell.Notes, unfinished[i])
		}
		if m.name == "training_days" || m.name == "finish" {
			cell.AtLeast, cell.Bound = Unfinished(s, j)
			if cell.Bound && m.name == "finish" {
				cell.AtLeast = s.HorizonDays
			}
		}
		if m.name == "finish" {
			date, shift := j.Finish, b.shift(i)
			cell.Date, cell.AtLeast = &date, cell.AtLeast+shift
			cell.Stat = result.Stat{Mean: cell.Stat.Mean + shift, P10: cell.Stat.P10 + shift, P50: cell.Stat.P50 + shift, P90: cell.Stat.P90 + shift}
		}
		row.Cells[i] = cell
	}
	b.finish(&row, func(s *result.Set) []float64 {
		if m.swing != nil {
			return slices.Repeat([]float64{m.swing(findSwing(s, job))}, s.Replicas)
		}
		return s.Values[result.JobKey(job, m.value)]
	})
}

// ofWhole reports whether a quantity of a job is of all its training, and so too small where it
// does not finish. Interruptions are shown without a verdict.
func ofWhole(metric string) bool {
	switch metric {
	case "training_days", "finish", "tokens_lost_to_cap", "tokens_lost_to_ramp", "energy_mwh", "cost", "total_cost":
		return true
	}
	return false
}

func findSwing(s *result.Set, job string) *result.Swing {
	for i := range s.Swings {
		if s.Swings[i].Job == job {
			return &s.Swings[i]
		}
	}
	return nil
}

// swingCell is a figure that no draw changes.
func swingCell(s *result.Set, job string, figure func(*result.Swing) float64) Cell {
	w := findSwing(s, job)
	if w == nil {
		return Cell{Stat: result.Summary(nil)}
	}
	x := figure(w)
	return Cell{Present: true, Stat: result.Stat{Mean: x, P10: x, P50: x, P90: x}}
}

func (b *builder) siteRow(m metric) {
	row := Row{Metric: m.name, Label: m.label, Base: m.base, Cells: make([]Cell, len(b.c.Sets))}
	for i, s := range b.c.Sets {
		row.Cells[i] = Cell{Present: true, Stat: m.site(&s.Site)}
	}
	b.finish(&row, func(s *result.Set) []float64 { return s.Values[result.SiteKey(m.value)] })
}

// shift is by how many days set i starts after the first.
func (b *builder) shift(i int) float64 {
	return b.c.Sets[i].Start.Sub(b.base.Start).Hours() / 24
}

// finish adds the differences and the scale, and files the row.
func (b *builder) finish(row *Row, values func(*result.Set) []float64) {
	b.foreign(row)
	b.uneven(row)
	for i := 1; i < len(row.Cells); i++ {
		if row.Metric == "interruptions" {
			break // a count that grows with chips and days: more of them is no verdict
		}
		b.difference(row, i, values)
	}
	var shown []float64
	for _, c := range row.Cells {
		if c.Unit == "" {
			shown = append(shown, c.Stat.Mean, c.AtLeast)
		}
	}
	row.Scale = ScaleOf(row.Base, shown...)
	if row.Base == b.base.Currency {
		row.Scale = MoneyScale(row.Base, shown...)
	}
	b.c.Rows = append(b.c.Rows, *row)
}

// foreign marks the cells of a row of money that are in another currency than the row.
func (b *builder) foreign(row *Row) {
	if row.Base != b.base.Currency {
		return
	}
	for i, s := range b.c.Sets {
		if cell := &row.Cells[i]; cell.Present && s.Currency != row.Base {
			cell.Unit = s.Currency
			cell.Notes = append(cell.Notes, b.note("%s counts in %s, %s in %s: costs are not compared", b.c.Plans[i].Name, s.Currency, b.c.Plans[0].Name, b.base.Currency))
		}
	}
}

// uneven marks the cells whose plan leaves out of the row what the first counts, or counts what
// that leaves out.
func (b *builder) uneven(row *Row) {
	for i := 1; i < len(row.Cells); i++ {
		cell := &row.Cells[i]
		if !cell.Present || !row.Cells[0].Present || cell.Unit != "" {
			continue
		}
		mine, firsts := leftOut(b.c.Sets[i], row), leftOut(b.base, row)
		only := func(of, other []string, plan string) []string {
			of = slices.DeleteFunc(slices.Clone(of), func(what string) bool { return slices.Contains(other, what) })
			if len(of) == 0 {
				return nil
			}
			return []string{plan + " leaves out " + strings.Join(of, "; ")}
		}
		name, first := b.c.Plans[i].Name, b.c.Plans[0].Name
		if apart := append(only(mine, firsts, name), only(firsts, mine, first)...); len(apart) > 0 {
			cell.Uneven = true
			cell.Notes = append(cell.Notes, b.note("%s and %s do not count the same: %s", name, first, strings.Join(apart, ". ")))
		}
	}
}

// leftOut lists what a set has no figure for, of that which would be in a row.
func leftOut(s *result.Set, row *Row) []string {
	belongs := func(what string) bool { return false }
	fuel := func(what string) bool { return strings.HasPrefix(what, "energy of ") }
	smoke := func(what string) bool { return strings.HasPrefix(what, "carbon of ") }
	embodied := func(what string) bool { return what == "embodied carbon" }
	switch row.Metric {
	case "cost":
		belongs = fuel
	case "total_cost", "cost_per_m_tokens", "net_present_cost", "cost_per_chip_hour":
		belongs = func(what string) bool { return !smoke(what) && !embodied(what) }
	case "co2_t", "co2_market_t":
		belongs = smoke
	case "embodied_co2_t":
		belongs = embodied
	case "co2_kg_per_m_tokens", "co2_market_kg_per_m_tokens":
		belongs = func(what string) bool { return smoke(what) || embodied(what) }
	}
	var all []string
	for _, what := range s.LeftOut {
		if belongs(what) {
			all = append(all, what)
		}
	}
	return all
}

func (b *builder) difference(row *Row, i int, values func(*result.Set) []float64) {
	cell, first := &row.Cells[i], row.Cells[0]
	s := b.c.Sets[i]
	if !cell.Present || !first.Present || cell.Unit != "" {
		return
	}
	before, after := values(b.base), values(s)
	if row.kind() == dates && b.shift(i) != 0 {
		after = slices.Clone(after)
		for k := range after {
			after[k] += b.shift(i)
		}
	}
	compare := welchDifference
	if b.paired(i) {
		compare = pairedDifference
	}
	d, ok := compare(before, after)
	if !ok {
		return
	}
	cell.Difference = &d
	cell.Notes = append(cell.Notes, b.setNotes[i]...)
	cell.differenceNotes = len(b.setNotes[i])
}
