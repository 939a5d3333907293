package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"clustercap/plots"
	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// How much of a result the summary shows: what fits a glance.
const (
	jobsPerTable  = 3
	topStates     = 4
	topWarnings   = 3
	summaryIndent = "  "
)

// summary is what a planner reads in ten seconds: when each job finishes, what the
// site draws and pays, where the chip-hours went, what to beware of.
func summary(set *result.Set, format, files string) string {
	var b strings.Builder
	heading(&b, format, "%s: plan %s", set.Title, set.Plan)
	b.WriteString(wrapped(fmt.Sprintf("%s of %s days from %s, seed %d%s",
		counted(set.Replicas, "replica"), grouped(set.HorizonDays), result.Day(set.Start, 0), set.Seed, statistics(set)), summaryIndent) + "\n")
	for i := range set.Jobs {
		j := &set.Jobs[i]
		text := headline(set, j)
		if j.Tokens.Mean > 0 {
			text += because("; some replicas train nothing: ", j)
		}
		bullet(&b, format, text)
	}
	b.WriteString("\n")
	for jobs := range slices.Chunk(set.Jobs, jobsPerTable) {
		b.WriteString(jobTable(set, jobs).render(format))
		b.WriteString("\n")
	}
	for _, line := range reliabilityLines(set) {
		bullet(&b, format, line)
	}
	bullet(&b, format, siteLine(set))
	for _, line := range supplyLines(set) {
		bullet(&b, format, line)
	}
	bullet(&b, format, costLine(set))
	bullet(&b, format, hoursLine(set))
	for i, w := range set.Warnings {
		if i == topWarnings {
			bullet(&b, format, fmt.Sprintf("%s more in %s", counted(len(set.Warnings)-i, "warning"), resultFile))
			break
		}
		bullet(&b, format, "Beware: "+w)
	}
	bullet(&b, format, "Files: "+files)
	return b.String()
}

// statistics says what the numbers are of several replicas.
func statistics(set *result.Set) string {
	if set.Replicas == 1 {
		return ""
	}
	return "; numbers are means, dates medians, and ranges hold 80 % of the replicas (p10 to p90)"
}

func heading(b *strings.Builder, format, pattern string, args ...any) {
	if format == formatMarkdown {
		b.WriteString("# ")
	}
	fmt.Fprintf(b, pattern+"\n", args...)
	if format == formatMarkdown {
		b.WriteString("\n")
	}
}

// bullet writes one paragraph, wrapped for a terminal, as a list item in Markdown.
func bullet(b *strings.Builder, format, text string) {
	if format == formatMarkdown {
		fmt.Fprintf(b, "- %s\n", text)
		return
	}
	b.WriteString(wrapped(text, summaryIndent))
}

// headline says in one sentence when a job is done.
func headline(set *result.Set, j *result.Job) string {
	end := result.Day(set.Start, set.HorizonDays)
	trained := j.Tokens.Mean / j.TargetTokens
	after := strings.Replace(compare.ScaleOf("", shownOf(j.TrainingDays)).Central(j.TrainingDays), "median ", "a median of ", 1)
	switch {
	case j.Tokens.Mean == 0:
		return fmt.Sprintf("%s does not train at all before the calendar ends on %s%s", j.Name, end, because(": ", j))
	case j.FinishedShare == 0 && j.Finish.P50 == result.Never:
		return fmt.Sprintf("%s does not finish: %s of its tokens by %s, and no progress at the end", j.Name, percent(trained), end)
	case j.FinishedShare == 0:
		return fmt.Sprintf("%s does not finish by %s: %s of its tokens by then; at its last pace it would on %s (%s)",
			j.Name, end, percent(trained), j.Finish.P50, dateSpan(j.Finish))
	case j.FinishedShare < 1:
		return fmt.Sprintf("%s finishes on %s (%s), after %s days; by the calendar's end, %s, in %.0f of %s",
			j.Name, j.Finish.P50, dateSpan(j.Finish), after, end, j.FinishedShare*float64(set.Replicas), counted(set.Replicas, "replica"))
	}
	return fmt.Sprintf("%s finishes on %s (%s), after %s days", j.Name, j.Finish.P50, dateSpan(j.Finish), after)
}

// because is why a job trained nothing, after lead; empty where it always trained.
func because(lead string, j *result.Job) string {
	if len(j.Blocked) == 0 {
		return ""
	}
	return lead + strings.Join(j.Blocked, ", ")
}

func dateSpan(d result.Date) string {
	if d.P10 == d.P90 {
		return "in every replica"
	}
	return d.P10 + " to " + d.P90
}

// jobTable has one column per job, one row per number, one unit per row.
func jobTable(set *result.Set, jobs []result.Job) *grid {
	g := &grid{head: []string{""}}
	models, chips := []string{"model"}, []string{"chips"}
	for i := range jobs {
		g.head = append(g.head, jobs[i].Name)
		models = append(models, jobs[i].Model)
		chips = append(chips, sizes(jobs[i].Chips))
	}
	g.add(models...)
	g.add(chips...)
	for _, row := range []struct {
		label, base string
		of          func(*result.Job) result.Stat
	}{
		{"training", "d", func(j *result.Job) result.Stat { return j.TrainingDays }},
		{"speed", "tokens/s", func(j *result.Job) result.Stat { return j.TokensPerSecond }},
		{"MFU", "%", func(j *result.Job) result.Stat { return j.MFU }},
		{"goodput", "%", func(j *result.Job) result.Stat { return j.Goodput }},
		{"ETTR", "%", func(j *result.Job) result.Stat { return j.ETTR }},
		{"interruptions", "", func(j *result.Job) result.Stat { return j.Interruptions }},
		{"time to failure", "h", func(j *result.Job) result.Stat { return j.MTTFHours }},
		{"lost to failures", "h", func(j *result.Job) result.Stat { return j.LostHours }},
		{"energy", "MWh", func(j *result.Job) result.Stat { return j.EnergyMWh }},
		{"energy cost", set.Currency, func(j *result.Job) result.Stat { return j.Cost }},
		{"total cost", set.Currency, func(j *result.Job) result.Stat { return j.TotalCost }},
		{"cost/M tokens", set.Currency, func(j *result.Job) result.Stat { return j.CostPerMTokens }},
	} {
		var values []float64
		for i := range jobs {
			values = append(values, shownOf(row.of(&jobs[i])))
		}
		scale := compare.ScaleOf(row.base, values...)
		if row.base == set.Currency {
			scale = compare.MoneyScale(row.base, values...)
		}
		if row.base == "" {
			scale.Decimals = min(scale.Decimals, 1) // a count
		}
		label := row.label
		if scale.Unit != "" {
			label += ", " + scale.Unit
		}
		cells := []string{label}
		for i := range jobs {
			cells = append(cells, middle(row.of(&jobs[i]), scale))
		}
		g.add(cells...)
	}
	return g
}

// sizes is the range of chip counts that a job may run on.
func sizes(chips []int) string {
	if len(chips) == 0 {
		return "-"
	}
	low, high := slices.Min(chips), slices.Max(chips)
	if low == high {
		return grouped(float64(low))
	}
	return grouped(float64(low)) + " to " + grouped(float64(high))
}

// siteLine is power, energy, money and carbon of the whole site.
func siteLine(set *result.Set) string {
	s := &set.Site
	return fmt.Sprintf("Site, whole calendar: peak %s, %s; mean %s; %s, %s for energy, %s",
		quantityOver("MW", s.PeakPowerMW), capText(set), quantity("MW", s.MeanPowerMW.Mean),
		quantity("MWh", s.EnergyMWh.Mean)+overhead(s), money(set.Currency, s.Cost.Mean), carbon(s))
}

// capText is the site's cap, from the lowest of the calendar to the highest, how much of it
// is not the grid's, and what comes on top.
func capText(set *result.Set) string {
	c, ok := set.Timeline.Column("power_limit_mw")
	if !ok || len(c.Mean) == 0 || !(slices.Max(c.Mean) > 0) {
		return "no cap"
	}
	least, most := slices.Min(c.Mean), slices.Max(c.Mean)
	low, high := quantity("MW", least), quantity("MW", most)
	text := "cap " + high
	switch number, unit, _ := strings.Cut(low, " "); {
	case least == 0:
		text = "at times without cap, else up to " + high
	case low == high:
	case strings.HasSuffix(high, " "+unit):
		text = "cap " + number + " to " + high
	default:
		text = "cap " + low + " to " + high
	}
	var beside []string
	if own := set.Site.GeneratorsMW; own > 0 {
		beside = append(beside, quantity("MW", own)+" of it generators")
	}
	if set.Site.Battery != nil {
		beside = append(beside, "the battery on top")
	}
	if len(beside) > 0 {
		text += " (" + strings.Join(beside, ", ") + ")"
	}
	return text
}

// carbon of the energy, by the market too where contracts make that another figure, and
// of the hardware.
func carbon(s *result.Site) string {
	text := quantity("t CO2e", s.CO2t.Mean)
	if market := quantity("t CO2e", s.CO2MarketT.Mean); market != text {
		text += " (market-based " + market + ")"
	}
	if made := s.EmbodiedCO2t.Mean; made > 0 {
		text += ", hardware " + quantity("t CO2e", made)
	}
	return text
}

// overhead is what the plant adds to the IT equipment's energy, and the water it takes.
func overhead(s *result.Site) string {
	if math.IsNaN(s.PUE.Mean) {
		return ""
	}
	text := fmt.Sprintf(" at a PUE of %.3f", s.PUE.Mean)
	if s.WaterM3.Mean > 0 {
		text += fmt.Sprintf(" and %s of water (%.2g L/kWh)", quantity("m3", s.WaterM3.Mean), s.WaterLPerKWh.Mean)
	}
	return text
}

// topExpenses is how many expenses the line of costs names.
const topExpenses = 4

// costLine is what the calendar costs, on what, and what it leaves out.
func costLine(set *result.Set) string {
	s := &set.Site
	type part struct {
		expense result.Expense
		share   float64
	}
	var parts []part
	for e := range result.NumExpenses {
		if share := s.CostBy[e.String()].Mean / s.TotalCost.Mean; share >= 0.005 {
			parts = append(parts, part{e, share})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.share, a.share) })
	var words []string
	for _, p := range parts[:min(topExpenses, len(parts))] {
		words = append(words, strings.ReplaceAll(p.expense.String(), "_", " ")+" "+percent(p.share))
	}
	line := fmt.Sprintf("Cost, whole calendar: %s (%s), %s per chip-hour", money(set.Currency, s.TotalCost.Mean),
		strings.Join(words, ", "), money(set.Currency, s.CostPerChipHour.Mean))
	if idle := s.UnassignedCost.Mean / s.TotalCost.Mean; idle >= 0.005 {
		line += fmt.Sprintf(", %s of it while no job held the chips", percent(idle))
	}
	if s.Capital.Mean > 0 {
		line += fmt.Sprintf("; purchases of %s, net present cost %s", money(set.Currency, s.Capital.Mean), money(set.Currency, s.NetPresentCost.Mean))
	}
	if len(set.LeftOut) > 0 {
		line += "; left out for want of a figure: " + strings.Join(set.LeftOut, "; ")
	}
	return line
}

// hoursLine says where the largest shares of the chip-hours went.
func hoursLine(set *result.Set) string {
	if set.OnSite.Mean == 0 {
		return "Chip-hours: none, no chip was on site"
	}
	type part struct {
		state result.State
		share float64
	}
	var parts []part
	for st := range result.NumStates {
		// A state that percent would round to nothing is not named.
		if share := set.Accounting[st.String()].Mean / set.OnSite.Mean; percent(share) != percent(0) {
			parts = append(parts, part{st, share})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.share, a.share) })
	var words []string
	rest := 1.0
	for _, s := range parts[:min(topStates, len(parts))] {
		words = append(words, strings.ReplaceAll(s.state.String(), "_", " ")+" "+percent(s.share))
		rest -= s.share
	}
	if percent(math.Abs(rest)) != percent(0) {
		words = append(words, "all else "+percent(rest))
	}
	line := fmt.Sprintf("Chip-hours: %s, of %s", strings.Join(words, ", "), quantity("chip-hours", set.OnSite.Mean))
	if after := daysAfterJobs(set); after >= 1 {
		line += fmt.Sprintf("; idle holds %s after the last job, in the median", counted(int(after), "day"))
	}
	return line
}

// daysAfterJobs is how much of the calendar is left once every job has finished,
// in the median.
func daysAfterJobs(set *result.Set) float64 {
	last := 0.0
	for i := range set.Jobs {
		last = max(last, set.Jobs[i].FinishDays.P50)
	}
	return set.HorizonDays - last
}

// missingCharts says why a run has no charts over the chip count, or nothing where it has
// them: those of reliability are drawn where that of scaling is, if jobs fail.
func missingCharts(charts []plots.Chart) string {
	scaling := func(c plots.Chart) bool { return c.Name == plots.Scaling }
	if len(charts) == 0 || slices.ContainsFunc(charts, scaling) {
		return ""
	}
	return "; none of scaling, recovery and mttf, since no job runs on two chip counts"
}

// filesLine says what was written where.
func filesLine(out string, files []string, charts int) string {
	line := out + " (" + strings.Join(files, ", ")
	if charts > 0 {
		line += ", " + counted(charts, "chart")
	}
	return line + ")"
}
