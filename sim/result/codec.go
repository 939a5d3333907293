package result

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Floats is a series that may have missing values, which JSON writes as null.
type Floats []float64

// number is a float64 that JSON writes as null where it is not finite, and reads
// back as NaN.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	if !finite(float64(n)) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

func (n *number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = number(math.NaN())
		return nil
	}
	return json.Unmarshal(text, (*float64)(n))
}

// MarshalJSON writes null for a missing value.
func (f Floats) MarshalJSON() ([]byte, error) {
	numbers := make([]number, len(f))
	for i, v := range f {
		numbers[i] = number(v)
	}
	return json.Marshal(numbers)
}

// UnmarshalJSON reads null as NaN.
func (f *Floats) UnmarshalJSON(text []byte) error {
	var numbers []number
	if err := json.Unmarshal(text, &numbers); err != nil {
		return err
	}
	*f = make(Floats, len(numbers))
	for i, v := range numbers {
		(*f)[i] = float64(v)
	}
	return nil
}

type statJSON struct {
	Mean number `json:"mean"`
	P10  number `json:"p10"`
	P50  number `json:"p50"`
	P90  number `json:"p90"`
}

// MarshalJSON writes null for a missing value.
func (s Stat) MarshalJSON() ([]byte, error) {
	return json.Marshal(statJSON{number(s.Mean), number(s.P10), number(s.P50), number(s.P90)})
}

// UnmarshalJSON reads null as NaN.
func (s *Stat) UnmarshalJSON(text []byte) error {
	var j statJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*s = Stat{float64(j.Mean), float64(j.P10), float64(j.P50), float64(j.P90)}
	return nil
}

// EncodeSet writes the document of result.json: keys in a fixed order, two spaces
// of indent, series on one line. In start_days, training_days and finish_days null
// is never; elsewhere it is no value.
func EncodeSet(w io.Writer, s *Set) error {
	var compact bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return fmt.Errorf("result of plan %s: %w", s.Plan, err)
	}
	_, err := w.Write(indent(compact.Bytes()))
	return err
}

// indent is json.Indent, but arrays of numbers stay on one line.
func indent(compact []byte) []byte {
	var out bytes.Buffer
	depth := 0
	line := func() {
		out.WriteByte('\n')
		for range depth {
			out.WriteString("  ")
		}
	}
	for i := 0; i < len(compact); i++ {
		switch c := compact[i]; c {
		case '"':
			end := stringEnd(compact, i)
			out.Write(compact[i:end])
			i = end - 1
		case '{', '[':
			if end := flatEnd(compact, i); end > 0 {
				out.Write(bytes.ReplaceAll(compact[i:end], []byte(","), []byte(", ")))
				i = end - 1
				continue
			}
			out.WriteByte(c)
			depth++
			line()
		case '}', ']':
			depth--
			line()
			out.WriteByte(c)
		case ',':
			out.WriteByte(c)
			line()
		case ':':
			out.WriteString(": ")
		default:
			out.WriteByte(c)
		}
	}
	return out.Bytes()
}

// stringEnd is the index after the string that starts at i.
func stringEnd(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// flatEnd is the index after the empty object or the array without strings and
// nesting that starts at i, or 0.
func flatEnd(text []byte, i int) int {
	if bytes.HasPrefix(text[i:], []byte("{}")) {
		return i + 2
	}
	if text[i] != '[' {
		return 0
	}
	n := bytes.IndexAny(text[i+1:], "\"{[]")
	if n < 0 || text[i+1+n] != ']' {
		return 0
	}
	return i + n + 2
}

// DecodeSet reads the document of result.json.
func DecodeSet(r io.Reader) (*Set, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var head struct {
		SchemaVersion *int `json:"schema_version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("not a result.json: %w", err)
	}
	switch v := head.SchemaVersion; {
	case v == nil:
		return nil, fmt.Errorf("not a result.json: it has no schema_version; give the result.json of a run directory")
	case *v != SchemaVersion:
		return nil, fmt.Errorf("result.json has schema version %d, this clustercap reads %d; run the scenario again, or use the clustercap that wrote the file", *v, SchemaVersion)
	}
	s := new(Set)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("result.json is damaged: %w; run the scenario again", err)
	}
	if err := s.checkDecoded(); err != nil {
		return nil, fmt.Errorf("result.json is damaged: %w; run the scenario again", err)
	}
	s.restoreNever()
	return s, nil
}

// checkDecoded holds what every reader of a Set relies on.
func (s *Set) checkDecoded() error {
	if err := s.checkPresent(); err != nil {
		return err
	}
	bins := len(s.Timeline.Days)
	for _, c := range s.Timeline.Columns {
		if len(c.Mean) != bins || len(c.P10) != bins || len(c.P90) != bins {
			return fmt.Errorf("timeline column %q has %d, %d and %d bins, the calendar %d", c.Name, len(c.Mean), len(c.P10), len(c.P90), bins)
		}
	}
	keys := make([]string, 0, len(s.Values))
	for _, j := range s.Jobs {
		for _, m := range JobMetrics() {
			keys = append(keys, JobKey(j.Name, m.Name))
		}
	}
	for _, m := range SiteMetrics() {
		keys = append(keys, SiteKey(m.Name))
	}
	for _, key := range keys {
		if n := len(s.Values[key]); n != s.Replicas {
			return fmt.Errorf("values %q has %d replicas, the run %d", key, n, s.Replicas)
		}
	}
	return nil
}

// checkPresent refuses a document without the parts that no run lacks: a reader of
// their zero values would show a run of nothing that starts in the year 1.
func (s *Set) checkPresent() error {
	for _, part := range []struct {
		name    string
		present bool
	}{
		{"plan", s.Plan != ""},
		{"start", !s.Start.IsZero()},
		{"horizon_days", s.HorizonDays > 0},
		{"replicas", s.Replicas >= 1},
		{"jobs", len(s.Jobs) > 0},
		{"timeline.days", len(s.Timeline.Days) > 0},
		{"timeline.columns", len(s.Timeline.Columns) > 0},
	} {
		if !part.present {
			return fmt.Errorf("it has no %s", part.name)
		}
	}
	for st := range NumStates {
		if _, ok := s.Accounting[st.String()]; !ok {
			return fmt.Errorf("accounting has no %s", st)
		}
	}
	return nil
}

// restoreNever puts +Inf where null was a duration.
func (s *Set) restoreNever() {
	for i := range s.Jobs {
		for _, st := range []*Stat{&s.Jobs[i].TrainingDays, &s.Jobs[i].FinishDays} {
			*st = Stat{missing(st.Mean, true), missing(st.P10, true), missing(st.P50, true), missing(st.P90, true)}
		}
		for _, m := range JobMetrics() {
			if !m.Duration {
				continue
			}
			values := s.Values[JobKey(s.Jobs[i].Name, m.Name)]
			for r, v := range values {
				values[r] = missing(v, true)
			}
		}
	}
}

// WriteTimelineCSV writes timeline.csv: one row per bin with its end as days since
// the start and as a UTC time, then mean, p10 and p90 of every column.
func WriteTimelineCSV(w io.Writer, s *Set) error {
	out := csv.NewWriter(w)
	head := []string{"day", "time"}
	for _, c := range s.Timeline.Columns {
		head = append(head, c.Name+"_mean", c.Name+"_p10", c.Name+"_p90")
	}
	if err := out.Write(head); err != nil {
		return err
	}
	for b, day := range s.Timeline.Days {
		row := []string{decimal(day), instant(s, day)}
		for _, c := range s.Timeline.Columns {
			row = append(row, decimal(c.Mean[b]), decimal(c.P10[b]), decimal(c.P90[b]))
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// WriteJobsCSV writes jobs.csv: one row per job and replica. A duration of a job
// that makes no progress is Inf; no value is an empty cell.
func WriteJobsCSV(w io.Writer, s *Set) error {
	out := csv.NewWriter(w)
	metrics := JobMetrics()
	head := []string{"plan", "job", "replica"}
	for _, m := range metrics {
		head = append(head, m.Name)
	}
	if err := out.Write(append(head, "finish_date")); err != nil {
		return err
	}
	for _, j := range s.Jobs {
		for r := range s.Replicas {
			row := []string{s.Plan, j.Name, strconv.Itoa(r)}
			for _, m := range metrics {
				row = append(row, decimal(s.Values[JobKey(j.Name, m.Name)][r]))
			}
			row = append(row, Day(s.Start, s.Values[JobKey(j.Name, "finish_days")][r]))
			if err := out.Write(row); err != nil {
				return err
			}
		}
	}
	out.Flush()
	return out.Error()
}

// decimal is the shortest text that reads back as v.
func decimal(v float64) string {
	switch {
	case math.IsNaN(v):
		return ""
	case math.IsInf(v, 0):
		return strings.TrimPrefix(strconv.FormatFloat(v, 'f', -1, 64), "+")
	default:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
}

// instant is the UTC time that many days after the scenario's start.
func instant(s *Set, days float64) string {
	whole := math.Floor(days)
	rest := time.Duration((days - whole) * float64(24*time.Hour)).Round(time.Second)
	return s.Start.AddDate(0, 0, int(whole)).Add(rest).UTC().Format(time.RFC3339)
}
