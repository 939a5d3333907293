package sim_test

import (
	"math"
	"testing"

	"clustercap/sim"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
)

// ladders are the scaling points of a shipped scenario by job.
func ladders(t *testing.T, file string) (*sim.Prepared, map[string][]result.ScalingPoint) {
	t.Helper()
	s, err := scenario.Load("../scenarios/"+file, scenario.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Plan(scenario.BasePlan)
	if err != nil {
		t.Fatal(err)
	}
	pr, err := sim.Prepare(p)
	if err != nil {
		t.Fatal(err)
	}
	ladders := make(map[string][]result.ScalingPoint)
	for _, q := range pr.Scaling() {
		ladders[q.Job] = append(ladders[q.Job], q)
	}
	return pr, ladders
}

func TestScaling(t *testing.T) {
	for file, least := range map[string]int{"shaoguan.yaml": 10, "llama3-405b.yaml": 5, "gpt3-1024-a100.yaml": 5} {
		pr, all := ladders(t, file)
		for i := range pr.Jobs {
			j := &pr.Jobs[i]
			points := all[j.Spec.Name]
			if len(points) < least {
				t.Errorf("%s: %s has %d points, want %d or more: %+v", file, j.Spec.Name, len(points), least, points)
				continue
			}
			own := make(map[int]bool)
			for k, q := range points {
				own[q.Chips] = true
				if k > 0 && q.Chips <= points[k-1].Chips {
					t.Errorf("%s: %s: %d chips after %d", file, q.Job, q.Chips, points[k-1].Chips)
				}
				// FLOPs per token over the chip's peak: the same at every point only if MFU
				// counts the chips that the point names.
				got, want := q.MFU*float64(q.Chips)/q.TokensPerSecond, points[0].MFU*float64(points[0].Chips)/points[0].TokensPerSecond
				if math.Abs(got/want-1) > 1e-9 { // rounding
					t.Errorf("%s: %s on %d chips, %d used: MFU %g, which is not of all of them", file, q.Job, q.Chips, q.Used, q.MFU)
				}
				if !(q.Delivered <= q.TokensPerSecond && q.Delivered > 0) || q.Used > q.Chips {
					t.Errorf("%s: %+v", file, q)
				}
				if j.Spec.Layout != nil && q.Used != q.Chips {
					t.Errorf("%s: %s: a fixed layout on %d chips uses %d", file, q.Job, q.Chips, q.Used)
				}
			}
			for k := range j.Sizes {
				if !own[j.Sizes[k].Chips] {
					t.Errorf("%s: %s has no point on its own %d chips", file, j.Spec.Name, j.Sizes[k].Chips)
				}
			}
		}
	}
}
