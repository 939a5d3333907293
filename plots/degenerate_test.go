package plots_test

import (
	"bytes"
	"fmt"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clustercap/plots"
	"clustercap/sim/compare"
	"clustercap/sim/result"
	"clustercap/sim/result/resulttest"
)

// degenerate are results at the edge of what a chart can show.
func degenerate(t *testing.T) map[string]*result.Set {
	t.Helper()
	with := func(p resulttest.Plan, change func(*result.Set)) *result.Set {
		s := set(t, p)
		change(s)
		return s
	}
	grow, hold := resulttest.GrowHundred(), resulttest.HoldTenThousand()
	one, short, single, unlimited := grow, grow, grow, hold
	one.Replicas, short.Days, single.Jobs, unlimited.Unlimited = 1, 3, 1, true
	keep := func(*result.Set) {}
	return map[string]*result.Set{
		"one-replica": with(one, keep),
		"one-job":     with(single, keep),
		"no-limit":    with(unlimited, keep),
		"unfinished":  with(hold, keep),
		"three-days":  with(short, keep),
		"zeros":       with(hold, zero),
		"no-values":   with(grow, noValues),
		"long-names":  with(grow, longNames),
		"many-jobs":   with(grow, manyJobs),
		"one-size":    with(grow, func(s *result.Set) { s.Scaling = s.Scaling[:1] }),
		"nothing": {
			SchemaVersion: result.SchemaVersion, Scenario: "empty", Plan: "base", Replicas: 1,
			Start: time.Unix(0, 0).UTC(), HorizonDays: 0, Currency: "USD",
		},
	}
}

func zero(s *result.Set) {
	for _, c := range s.Timeline.Columns {
		for i := range c.Mean {
			c.Mean[i], c.P10[i], c.P90[i] = 0, 0, 0
		}
	}
	for st := range s.Accounting {
		s.Accounting[st] = result.Stat{}
	}
	s.OnSite, s.Site = result.Stat{}, result.Site{}
	for i := range s.Jobs {
		j := &s.Jobs[i]
		never := result.Stat{Mean: math.Inf(1), P10: math.Inf(1), P50: math.Inf(1), P90: math.Inf(1)}
		*j = result.Job{
			Name: j.Name, TargetTokens: j.TargetTokens, TrainingDays: never, FinishDays: never,
			Finish: result.Date{Mean: result.Never, P10: result.Never, P50: result.Never, P90: result.Never},
		}
	}
	for i := range s.Scaling {
		s.Scaling[i].Delivered, s.Scaling[i].TokensPerSecond = 0, 0
	}
}

func noValues(s *result.Set) {
	for k, c := range s.Timeline.Columns {
		for i := range c.Mean {
			if i%7 == k%7 {
				c.Mean[i], c.P10[i], c.P90[i] = math.NaN(), math.NaN(), math.Inf(1)
			}
		}
	}
	s.Site.PeakPowerMW.Mean = math.NaN()
	s.Site.Cost = result.Stat{Mean: math.NaN(), P10: math.NaN(), P50: math.NaN(), P90: math.NaN()}
	s.Jobs[0].TrainingDays.P90 = math.Inf(1)
	s.Scaling[2].Delivered = math.NaN()
}

func longNames(s *result.Set) {
	s.Title = strings.Repeat("A site whose title is longer than any page is wide ", 5)
	s.Plan = "a-plan-with-a-name-of-sixty-characters-that-nobody-should-use"
	for i := range s.Jobs {
		rename(s, i, fmt.Sprintf("%s-a-job-with-a-name-of-sixty-characters-and-more-%d", s.Jobs[i].Name, i))
	}
}

func manyJobs(s *result.Set) {
	jobs, columns, points := s.Jobs, s.Timeline.Columns, s.Scaling
	for n := range 4 {
		for i, j := range jobs {
			name := fmt.Sprintf("%s-%d", j.Name, n)
			s.Jobs = append(s.Jobs, j)
			s.Jobs[len(s.Jobs)-1].Name = name
			for _, c := range columns {
				if strings.HasPrefix(c.Name, "job/"+jobs[i].Name+"/") {
					c.Name = strings.Replace(c.Name, jobs[i].Name, name, 1)
					s.Timeline.Columns = append(s.Timeline.Columns, c)
				}
			}
			for _, p := range points {
				if p.Job == jobs[i].Name {
					p.Job = name
					s.Scaling = append(s.Scaling, p)
				}
			}
		}
	}
}

func rename(s *result.Set, i int, to string) {
	from := s.Jobs[i].Name
	s.Jobs[i].Name = to
	for k := range s.Timeline.Columns {
		c := &s.Timeline.Columns[k]
		c.Name = strings.Replace(c.Name, "job/"+from+"/", "job/"+to+"/", 1)
	}
	for k := range s.Scaling {
		if s.Scaling[k].Job == from {
			s.Scaling[k].Job = to
		}
	}
	for _, m := range result.JobMetrics() {
		s.Values[result.JobKey(to, m.Name)] = s.Values[result.JobKey(from, m.Name)]
	}
}

// TestDegenerate draws what a chart can hardly show: it must be a picture of the
// right width, with a title, and with nothing in its outermost pixels, where text
// would be cut.
func TestDegenerate(t *testing.T) {
	for name, s := range degenerate(t) {
		t.Run(name, func(t *testing.T) {
			charts := plots.ForSet(s)
			c, err := compare.New([]*result.Set{s, s})
			if err != nil {
				t.Fatal(err)
			}
			for _, chart := range append(charts, plots.ForComparison(c)...) {
				check(t, chart, name)
			}
		})
	}
}

func TestManyPlans(t *testing.T) {
	var sets []*result.Set
	for i := range 14 {
		p := resulttest.GrowHundred()
		p.Replicas, p.UpTo = 2, 10_000+6_000*i
		p.Name = fmt.Sprintf("grow-%d", p.UpTo)
		sets = append(sets, set(t, p))
	}
	c, err := compare.New(sets)
	if err != nil {
		t.Fatal(err)
	}
	for _, chart := range plots.ForComparison(c) {
		check(t, chart, "many-plans")
	}
}

func check(t *testing.T, c plots.Chart, name string) {
	t.Helper()
	if c.Title == "" || c.Subtitle == "" || c.Name == "" {
		t.Errorf("%s: a chart without name, title or subtitle: %q %q %q", name, c.Name, c.Title, c.Subtitle)
	}
	if strings.Contains(c.Title, "NaN") || strings.Contains(c.Title, "Inf") {
		t.Errorf("%s: %s: the title says %q", name, c.Name, c.Title)
	}
	var buf bytes.Buffer
	if err := c.WritePNG(&buf); err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("CHARTS"); dir != "" { // to look at them
		if err := os.WriteFile(filepath.Join(dir, name+"-"+c.Name+".png"), buf.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	img, err := png.Decode(&buf)
	if err != nil {
		t.Fatal(err)
	}
	r := img.Bounds()
	if r.Dx() != 1200 {
		t.Errorf("%s: %s is %d pixels wide, want 1200", name, c.Name, r.Dx())
	}
	const rim = 3 // pixels that no chart may touch
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			edge := x < r.Min.X+rim || x >= r.Max.X-rim || y < r.Min.Y+rim || y >= r.Max.Y-rim
			if edge && color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y < 200 {
				t.Fatalf("%s: %s draws to the edge at %d,%d of %v: something is cut", name, c.Name, x, y, r.Max)
			}
		}
	}
}
