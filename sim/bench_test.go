package sim_test

import (
	"runtime"
	"testing"
	"time"

	"clustercap/sim"
	"clustercap/sim/scenario"
)

// shaoguan is the shipped scenario's plan: two years, up to 100,000 chips, two jobs.
func shaoguan(tb testing.TB, set ...string) *sim.Prepared {
	tb.Helper()
	s, err := scenario.Load("../scenarios/shaoguan.yaml", scenario.Options{Set: set})
	if err != nil {
		tb.Fatal(err)
	}
	p, err := s.Plan(scenario.BasePlan)
	if err != nil {
		tb.Fatal(err)
	}
	pr, err := sim.Prepare(p)
	if err != nil {
		tb.Fatal(err)
	}
	return pr
}

// BenchmarkWeatherAndLimits runs replicas in turn with the weather of every hour and limits
// on power, and with a plant that draws the same share at any and no limit, and reports
// how many times as long the former take.
func BenchmarkWeatherAndLimits(b *testing.B) {
	worlds := [2]*sim.World{
		shaoguan(b, "site.pue=1.17", "site.power=[{limit: none}]").NewWorld(),
		shaoguan(b).NewWorld(),
	}
	var took [2]time.Duration
	for i := range b.N {
		for k, w := range worlds {
			from := time.Now()
			if _, err := w.Run(i); err != nil {
				b.Fatal(err)
			}
			took[k] += time.Since(from)
		}
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "times")
}

func BenchmarkReplicaShaoguan(b *testing.B) {
	pr := shaoguan(b)
	before := heap()
	w := pr.NewWorld()
	if _, err := w.Run(0); err != nil { // grows the world's memory
		b.Fatal(err)
	}
	held := heap() - before
	events := 0
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		run, err := w.Run(i)
		if err != nil {
			b.Fatal(err)
		}
		events += run.Events
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
	b.ReportMetric(float64(events)/float64(b.N), "events/replica")
	b.ReportMetric(float64(held)/100_000, "bytes/chip")
}

// heap is the live memory after a collection.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkPrepareShaoguan(b *testing.B) {
	for b.Loop() {
		shaoguan(b)
	}
}

func BenchmarkScalingShaoguan(b *testing.B) {
	pr := shaoguan(b)
	for b.Loop() {
		pr.Scaling()
	}
}
