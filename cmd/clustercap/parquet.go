package main

import (
	"io"

	"github.com/parquet-go/parquet-go"

	"clustercap/sim/result"
)

// timelineRow is one quantity in one bin of the calendar.
type timelineRow struct {
	Plan   string  `parquet:"plan,dict"`
	Column string  `parquet:"column,dict"`
	Unit   string  `parquet:"unit,dict"`
	Day    float64 `parquet:"day"` // the bin's end, days since the start
	Mean   float64 `parquet:"mean"`
	P10    float64 `parquet:"p10"`
	P90    float64 `parquet:"p90"`
}

// jobRow is one metric of one job in one replica.
type jobRow struct {
	Plan    string  `parquet:"plan,dict"`
	Job     string  `parquet:"job,dict"`
	Replica int32   `parquet:"replica"`
	Metric  string  `parquet:"metric,dict"`
	Value   float64 `parquet:"value"`
}

// writeTimelineParquet writes the timeline in long form: a row per column and bin.
func writeTimelineParquet(w io.Writer, s *result.Set) error {
	var rows []timelineRow
	for _, c := range s.Timeline.Columns {
		for i, day := range s.Timeline.Days {
			rows = append(rows, timelineRow{s.Plan, c.Name, c.Unit, day, c.Mean[i], c.P10[i], c.P90[i]})
		}
	}
	return writeParquet(w, rows)
}

// writeJobsParquet writes every job of every replica in long form.
func writeJobsParquet(w io.Writer, s *result.Set) error {
	var rows []jobRow
	for _, j := range s.Jobs {
		for _, m := range result.JobMetrics() {
			for r, v := range s.Values[result.JobKey(j.Name, m.Name)] {
				rows = append(rows, jobRow{s.Plan, j.Name, int32(r), m.Name, v})
			}
		}
	}
	return writeParquet(w, rows)
}

func writeParquet[T any](w io.Writer, rows []T) error {
	out := parquet.NewGenericWriter[T](w, parquet.Compression(&parquet.Zstd))
	if _, err := out.Write(rows); err != nil {
		return err
	}
	return out.Close()
}
