package main

import (
	"bytes"
	"testing"

	"github.com/parquet-go/parquet-go"

	"clustercap/sim/result/resulttest"
)

// A table read back holds every value of the set that it was written from.
func TestParquetTablesRoundTrip(t *testing.T) {
	set, err := resulttest.GrowHundred().Set()
	if err != nil {
		t.Fatal(err)
	}
	var timeline, jobs bytes.Buffer
	if err := writeTimelineParquet(&timeline, set); err != nil {
		t.Fatal(err)
	}
	if err := writeJobsParquet(&jobs, set); err != nil {
		t.Fatal(err)
	}
	bins, err := parquet.Read[timelineRow](bytes.NewReader(timeline.Bytes()), int64(timeline.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if want := len(set.Timeline.Columns) * len(set.Timeline.Days); len(bins) != want {
		t.Fatalf("%d rows of the timeline, want %d", len(bins), want)
	}
	last := set.Timeline.Columns[len(set.Timeline.Columns)-1]
	if got := bins[len(bins)-1]; got.Column != last.Name || got.Mean != last.Mean[len(last.Mean)-1] {
		t.Errorf("last row %+v is not the end of %s", got, last.Name)
	}
	rows, err := parquet.Read[jobRow](bytes.NewReader(jobs.Bytes()), int64(jobs.Len()))
	if err != nil {
		t.Fatal(err)
	}
	sum, want := 0.0, 0.0
	for _, r := range rows {
		if r.Job == set.Jobs[0].Name && r.Metric == "training_days" {
			sum += r.Value
		}
	}
	for _, v := range set.Values["job/"+set.Jobs[0].Name+"/training_days"] {
		want += v
	}
	if sum != want || sum == 0 {
		t.Errorf("training days of all replicas sum to %v, want %v", sum, want)
	}
}
