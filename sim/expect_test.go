package sim

import (
	"testing"

	"clustercap/sim/unit"
)

// What the ranges of a replica are expected to come to is what that replica runs by.
func TestExpectationsAreThoseOfTheReplicas(t *testing.T) {
	p := troubled()
	p.Failures.Scale = unit.Range[unit.Factor]{Low: 0.5, Likely: 1, High: 3}
	pr := prepared(t, p)
	const replicas = 4
	all, err := pr.Expectations(replicas)
	if err != nil {
		t.Fatal(err)
	}
	sizes := whole(pr.Jobs[0].Sizes)
	if len(all) != len(sizes) {
		t.Fatalf("%d expectations of %d sizes", len(all), len(sizes))
	}
	w := pr.NewWorld()
	for r := range replicas {
		if err := w.reset(r); err != nil {
			t.Fatal(err)
		}
		for k := range all {
			o, got := &w.jobs[0].options[k], &all[k].Draws[r]
			if got.Interval != o.cycle.Interval.Duration() || got.Goodput != o.delivered/o.rate {
				t.Errorf("replica %d, %d chips: a checkpoint every %v s and goodput %v, the replica has %v s and %v",
					r, all[k].Chips, got.Interval, got.Goodput, o.cycle.Interval.Duration(), o.delivered/o.rate)
			}
		}
	}
	for k := range all { // and at the mean rates what the charts show
		q := scalingPoint(pr.uncertain.expected(pr.Plan), pr.Jobs[0].Spec, &sizes[k])
		if hours := float64(all[k].MTTF / unit.Hour); hours/q.MTTFHours-1 > 1e-12 || q.MTTFHours/hours-1 > 1e-12 {
			t.Errorf("%d chips: %v h to failure, the chart has %v h", all[k].Chips, hours, q.MTTFHours)
		}
	}
}
