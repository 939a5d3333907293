package sim_test

import (
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
