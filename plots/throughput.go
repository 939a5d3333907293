package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// throughput answers: how fast does each job train, and when is it done?
func throughput(s *result.Set) Chart {
	return Chart{
		Name: "throughput", Title: throughputTitle(s), Subtitle: subtitle(s) + shownOf(s), height: 560,
		body: func(p *page) { p.drawThroughput(s) },
	}
}

// shown are the jobs that get a line, those with the most tokens where there are
// more than colours.
func shown(s *result.Set) []result.Job {
	jobs := slices.Clone(s.Jobs)
	if len(jobs) > palette {
		slices.SortStableFunc(jobs, func(a, b result.Job) int {
			if a.Tokens.Mean > b.Tokens.Mean {
				return -1
			}
			if a.Tokens.Mean < b.Tokens.Mean {
				return 1
			}
			return 0
		})
		jobs = jobs[:palette]
	}
	return jobs
}

func shownOf(s *result.Set) string {
	if n := len(shown(s)); n < len(s.Jobs) {
		return fmt.Sprintf(" · the %d largest of %d jobs", n, len(s.Jobs))
	}
	return ""
}

func throughputTitle(s *result.Set) string {
	if len(s.Jobs) == 0 {
		return "No jobs to train"
	}
	if len(s.Jobs) <= 2 {
		var parts []string
		for _, j := range s.Jobs {
			parts = append(parts, outcome(s, &j))
		}
		return strings.Join(parts, "; ")
	}
	done, finish := 0, 0.0
	for _, j := range s.Jobs {
		if j.FinishedShare >= 0.5 {
			done++
			finish = math.Max(finish, j.FinishDays.P50)
		}
	}
	if done == 0 {
		return fmt.Sprintf("None of %d jobs is done by %s", len(s.Jobs), result.Day(s.Start, s.HorizonDays))
	}
	return fmt.Sprintf("%d of %d jobs are done by %s", done, len(s.Jobs), result.Day(s.Start, finish))
}

// outcome says in a sentence what became of a job.
func outcome(s *result.Set, j *result.Job) string {
	switch {
	case j.FinishedShare >= 0.5:
		return fmt.Sprintf("%s is trained by %s", j.Name, j.Finish.P50)
	case j.Tokens.Mean > 0:
		tokens := strings.Replace(compare.ScaleOf("tokens", j.TargetTokens).Text(j.TargetTokens), ".0 ", " ", 1)
		return fmt.Sprintf("%s has %s of its %s by %s", j.Name, percent(j.Tokens.Mean/j.TargetTokens), tokens, result.Day(s.Start, s.HorizonDays))
	case len(s.Jobs) == 1 && len(j.Blocked) > 0:
		return fmt.Sprintf("%s does not train: %s", j.Name, j.Blocked[0])
	default:
		return j.Name + " does not train"
	}
}

func (p *page) drawThroughput(s *result.Set) {
	jobs := shown(s)
	var rates, totals []*series
	var fast, sum []label
	for i, j := range jobs {
		rate, total := column(s, "job/"+j.Name+"/tokens_per_second", false), column(s, "job/"+j.Name+"/tokens", true)
		if rate == nil || total == nil {
			continue
		}
		for _, c := range []*series{rate, total} {
			c.color, c.dash = paint(i), dashes(i)
			c.whileActive()
		}
		rates, totals = append(rates, rate), append(totals, total)
		fast = append(fast, label{name: j.Name, value: meanRate(&j), color: paint(i)})
		sum = append(sum, label{name: j.Name, value: finishText(&j), color: paint(i)})
	}
	right := p.labelWidth(widestEnd, sum)
	half := (p.Max.Y - p.Min.Y) * 0.5
	pn := p.calendar(p.rect(leftRoom, right, half+bottomRoom, topRoom), s, "speed", "tokens/s", topOf(rates...))
	pn.lines(rates)
	pn.lineLabels(pn.tracks(rates), fast)

	top := topOf(totals...)
	pn = p.calendar(p.rect(leftRoom, right, bottomRoom, half+topRoom+8), s, "trained", "tokens", top)
	pn.lines(totals)
	for i, j := range jobs {
		if i < len(totals) && j.FinishedShare >= 0.5 && j.FinishDays.P50 <= s.HorizonDays {
			pn.interval(j.FinishDays, j.TargetTokens, paint(i))
		}
	}
	p.anchor(pn, totals, sum)
	pn.endLabels(sum, right)
}

// lines draws all bands, then all lines on top.
func (p *panel) lines(all []*series) {
	for _, c := range all {
		p.band(*c)
	}
	for _, c := range all {
		p.line(*c)
	}
}

// interval marks the median finish with a dot and p10 to p90 with a bar.
func (p *panel) interval(days result.Stat, y float64, c color.NRGBA) {
	from, to := math.Max(days.P10, p.plt.X.Min), math.Min(days.P90, p.plt.X.Max)
	if from < to {
		p.data.StrokeLine2(stroke(readable(c), 3, nil), p.x(from), p.y(y), p.x(to), p.y(y))
	}
	p.dot(days.P50, y, readable(c), 4)
}

// whileActive leaves out the zeros before a job starts and after it is done.
func (s *series) whileActive() {
	from, to := 0, len(s.y)
	for from < to && s.y[from] == 0 {
		from++
	}
	for to > from && s.y[to-1] == 0 {
		to--
	}
	s.x, s.y = s.x[from:to], s.y[from:to]
	if len(s.low) > 0 {
		s.low, s.high = s.low[from:to], s.high[from:to]
	}
}

func meanRate(j *result.Job) string {
	v := j.TokensPerSecond.Mean
	if !(v > 0) {
		return "does not train"
	}
	return compare.ScaleOf("tokens/s", v).Text(v) + " mean"
}

// finishText is when half of the replicas are done, and nine in ten.
func finishText(j *result.Job) string {
	switch {
	case j.FinishedShare < 0.5 && j.Finish.P50 == result.Never:
		return "never done"
	case j.FinishedShare < 0.5:
		return "projected " + j.Finish.P50
	case j.Finish.P90 == j.Finish.P50 || j.FinishedShare < 0.9:
		return "done " + j.Finish.P50
	default:
		return "done " + j.Finish.P50 + ", p90 " + j.Finish.P90
	}
}
