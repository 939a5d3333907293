package sim_test

import (
	"fmt"
	"testing"

	"clustercap/sim"
	"clustercap/sim/scenario"
)

// prepare loads a plan of a scenario file with settings.
func prepareFile(tb testing.TB, file string, set ...string) *sim.Prepared {
	tb.Helper()
	s, err := scenario.Load(file, scenario.Options{Set: set})
	if err != nil {
		tb.Fatal(err)
	}
	p, err := s.Plan("")
	if err != nil {
		tb.Fatal(err)
	}
	pr, err := sim.Prepare(p)
	if err != nil {
		tb.Fatal(err)
	}
	return pr
}

// benchmarkReplicas times replicas on one core, the first of a world included, and
// reports the memory that a world holds per server.
func benchmarkReplicas(b *testing.B, pr *sim.Prepared) {
	servers := pr.Plan.Fleet.Servers()
	before := heap()
	w := pr.NewWorld()
	if _, err := w.Run(0); err != nil {
		b.Fatal(err)
	}
	held := heap() - before
	events, failures := 0, 0.0
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		run, err := w.Run(i)
		if err != nil {
			b.Fatal(err)
		}
		events += run.Events
		failures += run.Site.Failures
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/max(failures, 1), "ns/failure")
	b.ReportMetric(failures/float64(b.N), "failures/replica")
	b.ReportMetric(float64(held)/float64(servers), "bytes/server")
}

// The study of AIReSim takes its authors' code 11.8 s a replica; 10 ms is promised.
func BenchmarkAIReSim(b *testing.B) {
	benchmarkReplicas(b, prepareFile(b, "../scenarios/airesim-4096.yaml"))
}

// large is a site of so many chips with failures of every kind, one job on nine tenths
// of them.
func large(b *testing.B, chips int, horizon, profile string) *sim.Prepared {
	job := chips * 9 / 10 / 8192 * 8192
	return prepareFile(b, "../scenarios/airesim-4096.yaml",
		fmt.Sprintf("fleet.deliveries=[{date: 2026-01-01, chips: %d}]", chips), "fleet.cold_spares=null", "fleet.repair=null", "horizon="+horizon,
		"failures="+profile, "recovery={mode: swap}", "jobs.study.work=10 y", fmt.Sprintf("jobs.study.chips=%d", job), fmt.Sprintf("jobs.study.global_batch=%d", job))
}

// 100,000 servers for 256 days: under 1 s is promised.
func BenchmarkServers100k(b *testing.B) { benchmarkReplicas(b, large(b, 800_000, "256 d", "llama3")) }

// A year of a million chips: under 5 s and 500 MB are promised.
func BenchmarkYearOfMillionChips(b *testing.B) {
	benchmarkReplicas(b, large(b, 1_000_000, "365 d", "new-silicon"))
}
