package main

import (
	"encoding/json"
	"fmt"
	"testing"
)

// readEvent is a trace event as a viewer reads it, times in microseconds.
type readEvent struct {
	Name     string
	Phase    string      `json:"ph"`
	Start    json.Number `json:"ts"`
	Time     json.Number `json:"dur"`
	PID, TID int
	Args     map[string]any
}

func nanosecondsOf(t *testing.T, n json.Number) int64 {
	t.Helper()
	var whole, part int64
	if _, err := fmt.Sscanf(n.String(), "%d.%03d", &whole, &part); err != nil {
		t.Fatalf("time %q: %v", n, err)
	}
	return 1000*whole + part
}

// TestTraceNests holds a trace to what viewers need: on every thread each event
// either lies within the one before or begins after it has ended, to the nanosecond.
func TestTraceNests(t *testing.T) {
	for _, layout := range []string{"tp=8,pp=16,vpp=2,recompute=full", "tp=8,pp=16", "tp=8,pp=4,schedule=dualpipe"} {
		text := mustRun(t, "estimate", "--model", "llama3-70b", "--chip", "h100-sxm", "--chips", "128", "--batch", "128", "--layout", layout, "--trace", "-")
		var trace struct {
			TraceEvents []readEvent
			OtherData   struct {
				Microbatches int     `json:"microbatches_shown"`
				Seconds      float64 `json:"seconds_shown"`
			}
		}
		if err := json.Unmarshal([]byte(text), &trace); err != nil {
			t.Fatalf("%s: %v", layout, err)
		}
		type open struct{ end int64 }
		threads := map[int][]open{}
		names := map[int]bool{}
		forward, last := 0, int64(0)
		for _, e := range trace.TraceEvents {
			if e.Phase == "M" {
				names[e.TID] = names[e.TID] || e.Name == "thread_name"
				continue
			}
			start := nanosecondsOf(t, e.Start)
			end := start + nanosecondsOf(t, e.Time)
			stack := threads[e.TID]
			for len(stack) > 0 && stack[len(stack)-1].end <= start {
				stack = stack[:len(stack)-1]
			}
			if e.Phase != "X" || e.PID != 0 || !names[e.TID] || end < start {
				t.Fatalf("%s: bad event %+v", layout, e)
			}
			if len(stack) > 0 && end > stack[len(stack)-1].end {
				t.Fatalf("%s: %+v begins within an event that ends before it, at %d ns", layout, e, stack[len(stack)-1].end)
			}
			threads[e.TID] = append(stack, open{end})
			last = max(last, end)
			if e.Name == "forward" {
				forward++
			}
		}
		if want := len(threads) * trace.OtherData.Microbatches; forward == 0 || forward%want != 0 {
			t.Errorf("%s: %d forward passes on %d stages of %d microbatches", layout, forward, len(threads), trace.OtherData.Microbatches)
		}
		// The last event ends with the step, each rounded to a nanosecond.
		if got := trace.OtherData.Seconds * 1e9; got-float64(last) > 1 || float64(last)-got > 1 {
			t.Errorf("%s: the last event ends at %d ns, the step at %v", layout, last, got)
		}
	}
}
