package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"clustercap/sim/step"
)

// traceSpans bounds a trace: viewers of the format stay quick up to some 200,000
// events, about 30 MB.
const traceSpans = 200_000

// traceToStdout is the name that sends the trace to standard output.
const traceToStdout = "-"

// microseconds with nanoseconds behind the point: a trace's unit of time.
type microseconds int64 // ns

func nanoseconds(s float64) microseconds { return microseconds(math.Round(s * 1e9)) }

func (t microseconds) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%03d", t/1000, t%1000), nil
}

// traceEvent is one event of the format that chrome://tracing and Perfetto read
// ("Trace Event Format"): complete events (X) and metadata (M).
type traceEvent struct {
	Name     string        `json:"name"`
	Phase    string        `json:"ph"`
	Category string        `json:"cat,omitempty"`
	Start    *microseconds `json:"ts,omitempty"`
	Time     *microseconds `json:"dur,omitempty"`
	Process  int           `json:"pid"`
	Thread   int           `json:"tid"` // pipeline stage
	Args     any           `json:"args,omitempty"`
}

// The args of events: of a pass, of a name, of a place in the viewer.
type (
	passArgs struct {
		Microbatch int `json:"microbatch"`
		Chunk      int `json:"chunk"`
	}
	nameArgs struct {
		Name string `json:"name"`
	}
	sortArgs struct {
		Index int `json:"sort_index"`
	}
)

// traceSummary stands beside the events and says what they show.
type traceSummary struct {
	Model        string  `json:"model"`
	Chip         string  `json:"chip"`
	Layout       string  `json:"layout"`
	Microbatches int     `json:"microbatches_shown"`
	All          int     `json:"microbatches_of_step"`
	Pipeline     float64 `json:"pipeline_seconds_shown"`
	Time         float64 `json:"seconds_shown"`
	StepSeconds  float64 `json:"step_seconds_estimated"`
	Note         string  `json:"note"`
}

// writeTrace writes the timeline of one data-parallel replica, one line per event.
func (e *estimate) writeTrace(w io.Writer, t *step.Timeline) error {
	out := bufio.NewWriter(w)
	summary := traceSummary{
		Model: e.work.Model.Name, Chip: e.mach.Chip.Name, Layout: t.Layout.String(),
		Microbatches: t.Microbatches, All: t.All,
		Pipeline: float64(t.Pipeline), Time: float64(t.Time), StepSeconds: float64(e.step.Time), Note: traceNote(t),
	}
	head, err := json.Marshal(summary)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "{\"displayTimeUnit\":\"ms\",\"otherData\":%s,\"traceEvents\":[\n", head)
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	events := 0
	put := func(event traceEvent) error {
		line.Reset()
		if err := enc.Encode(event); err != nil {
			return err
		}
		if events > 0 {
			out.WriteString(",\n")
		}
		events++
		_, err := out.Write(bytes.TrimSuffix(line.Bytes(), []byte("\n")))
		return err
	}
	if err := e.nameStages(t, put); err != nil {
		return err
	}
	for _, s := range t.Spans {
		if err := put(spanEvent(&s)); err != nil {
			return err
		}
	}
	out.WriteString("\n]}\n")
	return out.Flush()
}

// nameStages names the process, which is the replica, and its threads, the stages.
func (e *estimate) nameStages(t *step.Timeline, put func(traceEvent) error) error {
	name := fmt.Sprintf("%s on %s, one of %s", e.work.Model.Name, e.mach.Chip.Name, counted(t.Layout.DP, "data-parallel replica"))
	err := put(traceEvent{Name: "process_name", Phase: "M", Args: nameArgs{name}})
	for stage := range t.Layout.PP {
		err = errors.Join(err,
			put(traceEvent{Name: "thread_name", Phase: "M", Thread: stage, Args: nameArgs{fmt.Sprintf("stage %d", stage)}}),
			put(traceEvent{Name: "thread_sort_index", Phase: "M", Thread: stage, Args: sortArgs{stage}}))
	}
	return err
}

func spanEvent(s *step.Span) traceEvent {
	// Both ends are rounded, so that neighbours touch and what lies within stays within.
	start, end := nanoseconds(float64(s.Start)), nanoseconds(float64(s.Start+s.Time))
	time := end - start
	event := traceEvent{Name: string(s.Kind), Phase: "X", Category: category(s.Kind), Start: &start, Time: &time, Thread: s.Stage}
	if s.Microbatch >= 0 {
		event.Args = passArgs{s.Microbatch, s.Chunk}
	}
	return event
}

// category lets a viewer filter passes, traffic and the rest.
func category(k step.SpanKind) string {
	switch k {
	case step.SpanForward, step.SpanRecompute, step.SpanBackward, step.SpanInput, step.SpanWeight:
		return "pass"
	case step.SpanOptimizer, step.SpanStraggler, step.SpanOverhead:
		return "step"
	default:
		return "traffic"
	}
}

// traceNote says what the reader of a trace should know.
func traceNote(t *step.Timeline) string {
	notes := []string{"microbatches and chunks count from 0; traffic is what no computation hides, within a pass that of all its layers together"}
	if t.Microbatches < t.All {
		notes = append(notes, fmt.Sprintf("a step of the first %s microbatches of %s", grouped(float64(t.Microbatches)), grouped(float64(t.All))))
	}
	return strings.Join(notes, "; ")
}

// traceLine tells the reader of an estimate where the trace is and what it shows.
func traceLine(name string, t *step.Timeline) string {
	shown := counted(t.Microbatches, "microbatch") + " of each stage"
	if t.Microbatches != 1 {
		shown = grouped(float64(t.Microbatches)) + " microbatches on each stage"
	}
	if t.Microbatches < t.All {
		shown = fmt.Sprintf("the first %s of %s microbatches", grouped(float64(t.Microbatches)), grouped(float64(t.All)))
	}
	return fmt.Sprintf("Trace: %s, %s in %s s; open it in ui.perfetto.dev or chrome://tracing", name, shown, figure(float64(t.Time)))
}
