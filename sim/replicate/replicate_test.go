package replicate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"testing"

	"clustercap/sim"
	"clustercap/sim/replicate"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
)

// plan is the shipped scenario over its first 200 days: growth, failures, two jobs.
func plan(t *testing.T) *sim.Prepared {
	t.Helper()
	s, err := scenario.Load("../../scenarios/shaoguan.yaml", scenario.Options{Set: []string{"horizon=200 d", "replicas=6"}})
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
	return pr
}

func document(t *testing.T, set *result.Set, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSameBytesOnAnyNumberOfCores(t *testing.T) {
	var first []byte
	for _, cores := range []int{1, 2, 5, 1} {
		before := runtime.GOMAXPROCS(cores)
		set, err := replicate.Run(t.Context(), plan(t), nil)
		runtime.GOMAXPROCS(before)
		got := document(t, set, err)
		if first == nil {
			first = got
		} else if !bytes.Equal(got, first) {
			t.Errorf("%d cores: the result differs from that of one", cores)
		}
	}
}

func TestProgressCountsEveryReplica(t *testing.T) {
	pr := plan(t)
	last := 0
	_, err := replicate.Run(t.Context(), pr, func(done, total int) {
		if done != last+1 || total != pr.Plan.Replicas {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != pr.Plan.Replicas {
		t.Errorf("progress ended at %d of %d", last, pr.Plan.Replicas)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := replicate.Run(ctx, plan(t), func(int, int) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}
