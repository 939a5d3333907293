package result_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"clustercap/sim/result"
	"clustercap/sim/result/resulttest"
)

func TestSummary(t *testing.T) {
	ten := []float64{7, 3, 9, 1, 10, 5, 2, 8, 6, 4}
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		name   string
		values []float64
		want   result.Stat
	}{
		{"ten", ten, result.Stat{Mean: 5.5, P10: 1, P50: 5, P90: 9}},
		{"one", []float64{3}, result.Stat{Mean: 3, P10: 3, P50: 3, P90: 3}},
		{"some never", []float64{1, inf, 2}, result.Stat{Mean: inf, P10: 1, P50: 2, P90: inf}},
		{"some missing", []float64{nan, 4, nan}, result.Stat{Mean: 4, P10: 4, P50: 4, P90: 4}},
		{"none", []float64{nan}, result.Stat{Mean: nan, P10: nan, P50: nan, P90: nan}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, result.Summary(c.values), cmpopts.EquateNaNs()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDay(t *testing.T) {
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		days float64
		want string
	}{
		{0, "2026-05-01"},
		{0.999, "2026-05-01"},
		{31, "2026-06-01"},
		{730, "2028-04-30"},
		{-0.5, "2026-04-30"},
		{1e5, "2300-02-14"}, // beyond what a time.Duration holds
		{1e9, result.Never},
		{math.Inf(1), result.Never},
		{math.NaN(), result.Never},
	} {
		if got := result.Day(start, c.days); got != c.want {
			t.Errorf("Day(%v) = %s, want %s", c.days, got, c.want)
		}
	}
}

// withNever is a set in which one replica of a job makes no progress and one has no
// MFU: both nulls of the codec.
func withNever(t *testing.T) *result.Set {
	t.Helper()
	p := resulttest.GrowThirty()
	p.Days, p.Replicas = 20, 3
	frame, runs := p.Runs()
	runs[1].Jobs[0].TrainingDays, runs[1].Jobs[0].FinishDays = math.Inf(1), math.Inf(1)
	runs[2].Jobs[0].MFU = math.NaN()
	runs[0].Samples[1][3] = math.NaN()
	s, err := result.Summarize(frame, runs)
	if err != nil {
		t.Fatal(err)
	}
	s.Warnings = []string{`a "quoted" warning, with [brackets] and {braces} <and> more`}
	return s
}

func TestCodecRoundTrip(t *testing.T) {
	s := withNever(t)
	var first bytes.Buffer
	if err := result.EncodeSet(&first, s); err != nil {
		t.Fatal(err)
	}
	back, err := result.DecodeSet(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("a set changes on its way through result.json (-written +read):\n%s", diff)
	}
	var second bytes.Buffer
	if err := result.EncodeSet(&second, back); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same set gives other bytes the second time")
	}
}

// Every metric whose replicas are in values has its summary where a reader looks for it:
// with the site or the job.
func TestEveryMetricIsSummarised(t *testing.T) {
	s := withNever(t)
	var text bytes.Buffer
	if err := result.EncodeSet(&text, s); err != nil {
		t.Fatal(err)
	}
	var document struct {
		Site map[string]json.RawMessage
		Jobs []map[string]json.RawMessage
	}
	if err := json.Unmarshal(text.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	check := func(key string, of map[string]json.RawMessage, name string) {
		want, err := json.Marshal(result.Summary(s.Values[key]))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := json.Compact(&got, of[name]); err != nil {
			t.Errorf("%s is not summarised", key)
		} else if got.String() != string(want) {
			t.Errorf("%s is summarised as %s, its values come to %s", key, &got, want)
		}
	}
	for _, m := range result.SiteMetrics() {
		check(result.SiteKey(m.Name), document.Site, m.Name)
	}
	for i := range s.Jobs {
		for _, m := range result.JobMetrics() {
			switch m.Name {
			case "started", "finished", "start_days": // finished_share; else only by replica
			default:
				check(result.JobKey(s.Jobs[i].Name, m.Name), document.Jobs[i], m.Name)
			}
		}
	}
}

func TestDecodeSetErrors(t *testing.T) {
	var good bytes.Buffer
	if err := result.EncodeSet(&good, withNever(t)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "not a result.json"},
		{"other file", `{"jobs": []}`, "no schema_version"},
		{"newer", `{"schema_version": 99}`, "schema version 99, this clustercap reads 1"},
		{"only a version", `{"schema_version": 1}`, "it has no plan"},
		{"no start", without(t, good.Bytes(), "start"), "it has no start"},
		{"no horizon", without(t, good.Bytes(), "horizon_days"), "it has no horizon_days"},
		{"no replicas", without(t, good.Bytes(), "replicas"), "it has no replicas"},
		{"no jobs", without(t, good.Bytes(), "jobs"), "it has no jobs"},
		{"no timeline", without(t, good.Bytes(), "timeline"), "it has no timeline"},
		{"no accounting", without(t, good.Bytes(), "accounting"), "accounting has no productive"},
		{"cut", good.String()[:good.Len()/2], "not a result.json"},
		{"wrong type", strings.Replace(good.String(), `"replicas": 3`, `"replicas": "three"`, 1), "damaged"},
		{"replicas", strings.Replace(good.String(), `"replicas": 3`, `"replicas": 4`, 1), "the run 4"},
		{"bins", strings.Replace(good.String(), `"days": [1, `, `"days": [`, 1), "bins"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := result.DecodeSet(strings.NewReader(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// without is a JSON document less one of its keys.
func without(t *testing.T, document []byte, key string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(document, &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, key)
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSummarizeErrors(t *testing.T) {
	p := resulttest.HoldTenThousand()
	p.Days, p.Replicas = 5, 2
	for _, c := range []struct {
		name   string
		change func(*result.Set, []*result.Run) []*result.Run
		want   string
	}{
		{"no replica", func(*result.Set, []*result.Run) []*result.Run { return nil }, "no replica"},
		{"jobs", func(_ *result.Set, r []*result.Run) []*result.Run { r[1].Jobs = r[1].Jobs[:1]; return r }, "1 jobs ran, the plan has 2"},
		{"columns", func(_ *result.Set, r []*result.Run) []*result.Run { r[1].Samples = r[1].Samples[:3]; return r }, "3 timeline columns"},
		{"bins", func(_ *result.Set, r []*result.Run) []*result.Run { r[0].Samples[2] = nil; return r }, "chips_productive has 0 bins"},
		{"scaling", func(s *result.Set, r []*result.Run) []*result.Run { s.Scaling[0].MFU = math.NaN(); return r }, "MFU NaN"},
	} {
		t.Run(c.name, func(t *testing.T) {
			frame, runs := p.Runs()
			runs = c.change(&frame, runs)
			_, err := result.Summarize(frame, runs)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestAudit(t *testing.T) {
	_, runs := resulttest.GrowThirty().Runs()
	if err := runs[0].Audit(); err != nil {
		t.Fatalf("balanced books: %v", err)
	}
	runs[0].ChipHours[result.Repair] += 1e-6 * runs[0].OnSiteChipHours
	if err := runs[0].Audit(); err == nil || !strings.Contains(err.Error(), "don't balance") {
		t.Errorf("a gap of a millionth passes: %v", err)
	}
	runs[1].ChipHours[result.Idle] = math.NaN()
	if err := runs[1].Audit(); err == nil || !strings.Contains(err.Error(), "idle") {
		t.Errorf("NaN chip-hours pass: %v", err)
	}
	runs[2].ChipHours[result.Idle] -= 5
	runs[2].ChipHours[result.Bubble] += 5
	runs[2].ChipHours[result.Checkpoint] = -1
	if err := runs[2].Audit(); err == nil || !strings.Contains(err.Error(), "checkpoint") {
		t.Errorf("negative chip-hours pass: %v", err)
	}
	runs[3].Jobs[0].CO2MarketT *= 1 + 1e-6
	if err := runs[3].Audit(); err == nil || !strings.Contains(err.Error(), "co2_market_t") {
		t.Errorf("a job's carbon that is a millionth too high passes: %v", err)
	}
	if err := new(result.Run).Audit(); err != nil {
		t.Errorf("an empty site: %v", err)
	}
}

func TestCSV(t *testing.T) {
	s := withNever(t)
	var timeline, jobs bytes.Buffer
	if err := result.WriteTimelineCSV(&timeline, s); err != nil {
		t.Fatal(err)
	}
	if err := result.WriteJobsCSV(&jobs, s); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&timeline).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 21 || len(rows[0]) != 2+3*len(s.Timeline.Columns) {
		t.Errorf("timeline.csv has %d rows and %d columns", len(rows), len(rows[0]))
	}
	if rows[0][2] != "chips_on_site_mean" || rows[1][1] != "2026-05-02T00:00:00Z" || rows[1][2] != "10000" {
		t.Errorf("timeline.csv begins %v, %v", rows[0][:3], rows[1][:3])
	}
	rows, err = csv.NewReader(&jobs).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+len(s.Jobs)*s.Replicas {
		t.Errorf("jobs.csv has %d rows", len(rows))
	}
	column := func(name string) int {
		for i, h := range rows[0] {
			if h == name {
				return i
			}
		}
		t.Fatalf("jobs.csv has no column %s: %v", name, rows[0])
		return 0
	}
	if got := rows[2][column("training_days")]; got != "Inf" {
		t.Errorf("no progress is written %q, want Inf", got)
	}
	if got := rows[3][column("mfu")]; got != "" {
		t.Errorf("no MFU is written %q, want nothing", got)
	}
	if got := rows[2][column("finish_date")]; got != result.Never {
		t.Errorf("the finish without progress is %q", got)
	}
}
