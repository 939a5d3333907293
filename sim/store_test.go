package sim

import (
	"testing"

	"clustercap/sim/failure"
	"clustercap/sim/job"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// Jobs that write to one store at once wait longer for their checkpoints, and lose so
// much more to a failure: half a period and the time to be durable.
func TestJobsShareTheStore(t *testing.T) {
	const interval, blocking, background = 1800, 30, 600
	plan := func(jobs int, shared bool) *scenario.Plan {
		p := testPlan(10 * jobs)
		p.Horizon = 200 * unit.Day
		p.Jobs = nil
		for i := range jobs {
			j := testJob(string(rune('a'+i)), 1e15, 10*perServer)
			j.Checkpoint = job.Checkpoint{Interval: interval, Blocking: blocking, Background: background, Shared: shared}
			p.Jobs = append(p.Jobs, j)
		}
		p.Failures.Classes = []failure.Class{failing("software", failure.JobScope, 1e-7, 0, 0)} // 35 h apart
		return p
	}
	for _, c := range []struct {
		name   string
		jobs   int
		shared bool
		others job.Traffic
	}{
		{"a store each", 3, false, job.Traffic{}},
		{"one alone", 1, true, job.Traffic{}},
		{"two", 2, true, job.Traffic{Users: 1, Busy: 600.0 / 1830}},
		{"three", 3, true, job.Traffic{Users: 2, Busy: 2 * 600.0 / 1830}},
	} {
		got, se := mean(t, plan(c.jobs, c.shared), 24, func(_ *World, r *result.Run) float64 {
			j := &r.Jobs[0]
			return 3600 * j.LostBy[result.LostToWork] / j.Interruptions
		})
		written := float64(c.others.Stretch(background))
		// The others restart for 10 minutes every 35 h, and a failure after another within
		// a period finds less to lose: 1 % and 1 to 2 % of the half period.
		near(t, c.name+": seconds lost to each", got, se, written+(interval+blocking)/2.0, 0.025*(interval+blocking))
	}
	// Five want more than there is: the next checkpoint waits for the last.
	p := plan(5, true)
	w := prepared(t, p).NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	if c := w.jobs[0].cycle; c.Interval != c.Background || c.Background < 2*600_000 {
		t.Errorf("cycle %+v among five writers", c)
	}
	// Loads wait for writes too.
	p = plan(2, true)
	p.Jobs[0].Checkpoint.Load = 300
	w = prepared(t, p).NewWorld()
	if err := w.reset(0); err != nil {
		t.Fatal(err)
	}
	w.forward(t, unit.Hour)
	writer := job.Traffic{Users: 1, Busy: 600.0 / 1830}
	if got, want := w.loading(0, -1), writer.Stretch(300); got != want {
		t.Errorf("loads for %v beside a writer, want %v", got, want)
	}
}
