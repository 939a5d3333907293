package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

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
	fmt.Fprintf(&b, "%s of %s days from %s, seed %d; ranges hold 80 %% of the replicas (p10 to p90)\n\n",
		counted(set.Replicas, "replica"), grouped(set.HorizonDays), result.Day(set.Start, 0), set.Seed)
	for i := range set.Jobs {
		bullet(&b, format, headline(set, &set.Jobs[i]))
	}
	b.WriteString("\n")
	for jobs := range slices.Chunk(set.Jobs, jobsPerTable) {
		b.WriteString(jobTable(set, jobs).render(format))
		b.WriteString("\n")
	}
	bullet(&b, format, siteLine(set))
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
	trained := j.Tokens.P50 / j.TargetTokens
	switch {
	case j.Tokens.P90 == 0:
		return fmt.Sprintf("%s does not train at all before the calendar ends on %s", j.Name, end)
	case j.FinishedShare == 0 && j.Finish.P50 == result.Never:
		return fmt.Sprintf("%s does not finish: %s of its tokens by %s, and no progress at the end", j.Name, percent(trained), end)
	case j.FinishedShare == 0:
		return fmt.Sprintf("%s does not finish by %s: %s of its tokens by then; at its last pace it would on %s (%s)",
			j.Name, end, percent(trained), j.Finish.P50, dateSpan(j.Finish))
	case j.FinishedShare < 1:
		return fmt.Sprintf("%s finishes on %s (%s), after %s days; by the calendar's end, %s, in %s of the replicas",
			j.Name, j.Finish.P50, dateSpan(j.Finish), figure(j.TrainingDays.P50), end, percent(j.FinishedShare))
	}
	return fmt.Sprintf("%s finishes on %s (%s), after %s days", j.Name, j.Finish.P50, dateSpan(j.Finish), figure(j.TrainingDays.P50))
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
		{"interruptions", "", func(j *result.Job) result.Stat { return j.Interruptions }},
		{"lost to failures", "h", func(j *result.Job) result.Stat { return j.LostHours }},
		{"energy", "MWh", func(j *result.Job) result.Stat { return j.EnergyMWh }},
		{"energy cost", set.Currency, func(j *result.Job) result.Stat { return j.Cost }},
	} {
		var values []float64
		for i := range jobs {
			values = append(values, row.of(&jobs[i]).P50)
		}
		scale := compare.ScaleOf(row.base, values...)
		if row.base == set.Currency {
			scale = compare.MoneyScale(row.base, values...)
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
	most := highest(set, "power_limit_mw")
	scale := compare.ScaleOf("MW", most, s.PeakPowerMW.P90, s.MeanPowerMW.P50)
	limit := "no cap"
	if most > 0 {
		limit = "cap " + scale.Text(most)
	}
	return fmt.Sprintf("Site: peak %s %s, %s; mean %s, swings of %s within a step; %s, %s for energy, %s",
		middle(s.PeakPowerMW, scale), scale.Unit, limit, scale.Text(s.MeanPowerMW.P50), scale.Text(s.PowerSwingMW.P50),
		quantity("MWh", s.EnergyMWh.P50), money(set.Currency, s.Cost.P50), quantity("t CO2e", s.CO2t.P50))
}

// highest is the largest mean of a timeline column, 0 without one.
func highest(set *result.Set, column string) float64 {
	c, ok := set.Timeline.Column(column)
	if !ok {
		return 0
	}
	most := 0.0
	for _, v := range c.Mean {
		if !math.IsNaN(v) {
			most = max(most, v)
		}
	}
	return most
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
		parts = append(parts, part{st, set.Accounting[st.String()].Mean / set.OnSite.Mean})
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.share, a.share) })
	var words []string
	rest := 0.0
	for i, s := range parts {
		if i < topStates {
			words = append(words, strings.ReplaceAll(s.state.String(), "_", " ")+" "+percent(s.share))
		} else {
			rest += s.share
		}
	}
	line := fmt.Sprintf("Chip-hours: %s, all else %s, of %s", strings.Join(words, ", "), percent(rest), quantity("chip-hours", set.OnSite.Mean))
	if after := daysAfterJobs(set); after >= 1 {
		line += fmt.Sprintf("; idle holds %s after the last job", counted(int(after), "day"))
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

// filesLine says what was written where.
func filesLine(out string, files []string, charts int) string {
	line := out + " (" + strings.Join(files, ", ")
	if charts > 0 {
		line += ", " + counted(charts, "chart")
	}
	return line + ")"
}
