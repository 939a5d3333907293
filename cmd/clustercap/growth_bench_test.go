package main

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"clustercap/plots"
	"clustercap/sim"
	"clustercap/sim/scenario"
)

var growthChart = flag.String("growth-chart", "", "where BenchmarkGrowth draws its chart")

// BenchmarkGrowth simulates a year of 10,000 to 1,000,000 chips with Llama 3's
// failures, one job on nine tenths of them, and draws what a replica takes.
func BenchmarkGrowth(b *testing.B) {
	var points []plots.GrowthPoint
	for _, chips := range []int{10_000, 30_000, 100_000, 300_000, 1_000_000} {
		b.Run(fmt.Sprintf("chips=%d", chips), func(b *testing.B) {
			world := yearOf(b, chips).NewWorld()
			if _, err := world.Run(0); err != nil { // grows the world's memory
				b.Fatal(err)
			}
			failures, start := 0.0, time.Now()
			b.ResetTimer()
			for i := range b.N {
				run, err := world.Run(i)
				if err != nil {
					b.Fatal(err)
				}
				failures += run.Site.Failures
			}
			n := float64(b.N)
			point := plots.GrowthPoint{Chips: chips, Failures: int(failures / n), Seconds: time.Since(start).Seconds() / n}
			b.ReportMetric(point.Seconds/(failures/n)*1e9, "ns/failure")
			if k := len(points); k > 0 && points[k-1].Chips == chips { // a longer measurement of the same
				points[k-1] = point
			} else {
				points = append(points, point)
			}
		})
	}
	if *growthChart == "" || len(points) < 2 {
		return
	}
	f, err := os.Create(*growthChart)
	if err != nil {
		b.Fatal(err)
	}
	if err := plots.Growth("A year", points).WritePNG(f); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// yearOf is a year of so many chips.
func yearOf(b *testing.B, chips int) *sim.Prepared {
	b.Helper()
	job := chips * 9 / 10 / 8192 * 8192
	s, err := scenario.Load("../../scenarios/airesim-4096.yaml", scenario.Options{Set: []string{
		fmt.Sprintf("fleet.deliveries=[{date: 2026-01-01, chips: %d}]", chips), "fleet.cold_spares=null", "fleet.repair=null", "horizon=365 d",
		"failures=llama3", "recovery={mode: swap}", "jobs.study.work=10 y",
		fmt.Sprintf("jobs.study.chips=%d", job), fmt.Sprintf("jobs.study.global_batch=%d", job),
	}})
	if err != nil {
		b.Fatal(err)
	}
	plan, err := s.Plan("")
	if err != nil {
		b.Fatal(err)
	}
	prepared, err := sim.Prepare(plan)
	if err != nil {
		b.Fatal(err)
	}
	return prepared
}
