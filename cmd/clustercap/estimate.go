package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"clustercap/sim"
	"clustercap/sim/compare"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/search"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

func newEstimateCommand(p *program) *cobra.Command {
	var o oneStep
	var layout, trace string
	cmd := &cobra.Command{
		Use:   "estimate --model M --chip C --chips N [--layout tp=8,pp=16,...]",
		Short: "Price one training step, without a calendar or failures",
		Long: `Prices one training step: tokens per second, MFU, memory and power per chip, with the
p10 to p90 that follow from what is known of the chip only as a range, and what is lost
on the way from the chips' peak to the model's FLOPs. Without --layout it takes the
fastest layout that fits in memory.

The likely numbers take every range at its likely value. Where ranges reach further to one
side they can lie outside p10 to p90, which is then said; JSON has the median too.

MFU counts the model's FLOPs without recomputation, attention causal, against the
dense peak at --precision of the chips used; HFU counts recomputation too.

--trace writes the timeline of the pipeline, pass by pass, for ui.perfetto.dev or
chrome://tracing. It is scheduled from each stage's own times, where the estimate
uses a closed form; of a step of more than 200,000 events it shows the first
microbatches.

Keys of --layout, degrees being 1 unless given:
  tp, pp, dp, cp   tensor-, pipeline-, data- and context-parallel degree
  cp_comm          ring (beside attention) or all-gather (before it), for keys and values
  ep, etp          groups that the experts are divided over; chips of a group (1 or tp)
  sp               0 without sequence parallelism beside tp
  vpp              model chunks per pipeline stage
  last_layers      layers on the model's last chunk, beside the head (what spares the busiest stage)
  schedule         1f1b (interleaved where vpp > 1), zb-h1, zb-v (with vpp=2), dualpipe
  zero, shard      ZeRO stage 0 to 3 (1); over how many replicas (all)
  mb               sequences per microbatch
  recompute        none, selective, light, alternate, full, or of norm, act, mla, scores,
                   ffn, qkv, attn, out and up those joined by +
  recompute_layers how many layers of each stage (all)
  offload          none, or optimizer, activations or all of these in host memory
  attention        fused, unfused`,
		Example: `  clustercap estimate --model llama3-405b --chip h100-sxm --chips 16384
  clustercap estimate --model llama3-405b --chip h100-sxm --chips 16384 --layout tp=8,pp=16
  clustercap estimate --model llama3-70b --chip h100-sxm --chips 512 --trace step.json`,
		Args: arguments(0, 0, "flags only"),
	}
	o.addFlags(cmd)
	cmd.Flags().StringVar(&layout, "layout", "auto", "divide the step as `tp=8,pp=16,...`; dp is what the chips allow unless given")
	cmd.Flags().StringVar(&trace, "trace", "", "write the timeline of one step to `FILE`; - prints it in place of the tables")
	format := addChoice(cmd, "format", "how to print", formatText, formatJSON, formatCSV, formatMarkdown)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var target *outFile
		var err error
		switch {
		case !cmd.Flags().Changed("trace"):
		case trace != traceToStdout:
			if target, err = newOutFile("--trace", trace, "step.json"); err != nil {
				return err
			}
		case cmd.Flags().Changed("format"):
			return badUsage("name a file, or leave --format out", "--trace - prints the trace in place of what --format is for")
		}
		w, m, changes, err := o.resolve(cmd)
		if err != nil {
			return err
		}
		priced, err := price(&w, &m, o.chips, layout)
		if err != nil {
			return err
		}
		e := estimate{work: &w, mach: &m, chips: o.chips, chosen: layout != "auto", step: priced, changes: changes}
		if trace == traceToStdout || format.value == formatCSV { // neither has a place for it
			p.sayChanges(changes)
		}
		if trace == traceToStdout {
			return p.printTrace(&e)
		}
		return p.estimated(&e, target, format.value)
	}
	return cmd
}

// printTrace prints the timeline of a step.
func (p *program) printTrace(e *estimate) error {
	pricer, err := step.NewPricer(e.work, e.mach)
	if err != nil {
		return err
	}
	timeline := pricer.Timeline(e.step.Layout, traceSpans)
	if err := e.writeTrace(p.stdout, &timeline); err != nil {
		return cannot(err, "", "writing to standard output: %v", plainPathError(err))
	}
	return nil
}

// estimated writes the trace, if there is to be one, then prints the estimate.
func (p *program) estimated(e *estimate, trace *outFile, format string) error {
	pricer, err := step.NewPricer(e.work, e.mach)
	if err != nil {
		return err
	}
	if trace != nil {
		timeline := pricer.Timeline(e.step.Layout, traceSpans)
		if err := trace.write(func(w io.Writer) error { return e.writeTrace(w, &timeline) }); err != nil {
			return err
		}
		e.traced = traceLine(trace.name, &timeline)
	}
	e.losses, e.stages = pricer.Waterfall(e.step.Layout, e.chips), pricer.StageLayers(e.step.Layout)
	if e.drawn, err = drawSteps(e.work, e.mach, e.chips, e.step.Layout); err != nil {
		return err
	}
	text, err := e.text(format)
	if err != nil {
		return err
	}
	return p.printed(text)
}

// price estimates the layout given, or the best one.
func price(w *step.Workload, m *step.Machine, chips int, layout string) (*step.Step, error) {
	what := fmt.Sprintf("%s on %s %s", w.Model.Name, grouped(float64(chips)), m.Chip.Name)
	if layout == "auto" {
		best, err := search.Best(w, m, chips, 1)
		if err != nil {
			return nil, cannot(err, "", "%s: %v", what, err)
		}
		return &best[0], nil
	}
	l, err := step.ParseLayout(layout)
	if err != nil {
		return nil, badUsage("such as --layout tp=8,pp=16", "--layout %q: %v", layout, err)
	}
	l = l.Complete(chips)
	one := l
	one.DP = 1
	if n := one.Chips(); l.DP == 0 && n > chips {
		return nil, badUsage("more --chips, or smaller degrees", "--layout %q takes at least %s chips, --chips has %s", layout, grouped(float64(n)), grouped(float64(chips)))
	}
	if l.Chips() > chips {
		return nil, badUsage("leave dp out to fill the chips", "--layout %q takes %s chips, --chips has %s", layout, grouped(float64(l.Chips())), grouped(float64(chips)))
	}
	s, err := step.Estimate(w, m, l)
	if err != nil {
		return nil, badUsage("--layout auto finds one that fits", "%v", err)
	}
	if !s.Memory.Fits() {
		return nil, cannot(nil, "--layout auto finds one that fits, if there is any; more tp or pp, zero=3, recompute=full and offload=all take less",
			"%s: layout %s needs %s", what, s.Layout, s.Memory)
	}
	return &s, nil
}

// draws of the machine behind an estimate's p10 and p90. With 200 the standard
// error of a decile of a triangular distribution is about 3 % of its width.
const (
	draws    = 200
	drawSeed = 1
)

// drawnStep is the step on one draw of the machine.
type drawnStep struct {
	step  step.Step
	meter power.Meter
}

// drawSteps prices the same layout on machines drawn from their ranges.
func drawSteps(w *step.Workload, m *step.Machine, chips int, l step.Layout) ([]drawnStep, error) {
	drawn := make([]drawnStep, draws)
	for i := range drawn {
		one := sim.DrawMachine(m, drawSeed, i)
		s, err := step.Estimate(w, &one, l)
		if err != nil {
			return nil, err
		}
		drawn[i] = drawnStep{s, itMeter(&one, chips)}
	}
	return drawn, nil
}

// estimate is one priced step and the draws around it.
type estimate struct {
	work   *step.Workload
	mach   *step.Machine
	chips  int
	chosen bool // the layout was given, not found
	step   *step.Step
	losses step.Waterfall
	stages []int // layers of each pipeline stage
	drawn  []drawnStep
	traced string // what the trace shows, if one was written
	// changes are the entries of the catalog that --catalog changed.
	changes []catalogChange
}

// over summarises a quantity over the draws.
func (e *estimate) over(of func(*drawnStep) float64) result.Stat {
	values := make([]float64, len(e.drawn))
	for i := range e.drawn {
		values[i] = of(&e.drawn[i])
	}
	return result.Summary(values)
}

func (e *estimate) text(format string) (string, error) {
	switch format {
	case formatJSON:
		return jsonText(e.document())
	case formatCSV:
		return e.flat().render(format), nil
	}
	var b strings.Builder
	s := e.step
	heading(&b, format, "%s on %s %s: %s, MFU %s", e.work.Model.Name, grouped(float64(s.Layout.Chips())), e.mach.Chip.Name,
		quantity("tokens/s", tokensPerSecond(s)), percent(float64(s.MFU)))
	how := "the fastest that fits"
	if e.chosen {
		how = "as given"
	}
	bullet(&b, format, fmt.Sprintf("Layout %s (%s), %s idle", s.Layout, how, counted(e.chips-s.Layout.Chips(), "chip")))
	if len(e.stages) > 1 {
		bullet(&b, format, "Layers of its stages: "+runs(e.stages))
	}
	bullet(&b, format, fmt.Sprintf("Step of %s tokens (%s sequences of %s) in %s, %s",
		quantity("", float64(s.Tokens)), grouped(float64(e.work.Batch)), grouped(float64(e.work.Sequence)), figure(float64(s.Time))+" s", e.work.Precision))
	bullet(&b, format, fmt.Sprintf("%s in %s, %s", e.mach.Chip.Title, e.mach.Server.Title, e.mach.Fabric.Title))
	for i := range e.changes {
		bullet(&b, format, "Catalog: "+e.changes[i].String())
	}
	if e.traced != "" {
		bullet(&b, format, e.traced)
	}
	rows := e.rows()
	b.WriteString("\n" + headlineTable(rows).render(format))
	if text := lopsided(rows); text != "" {
		b.WriteString("\n")
		bullet(&b, format, text)
	}
	b.WriteString("\n" + e.waterfallTable(format).render(format))
	b.WriteString("\n" + e.powerTable().render(format))
	b.WriteString("\n" + e.memoryTable().render(format))
	return b.String(), nil
}

// runs writes numbers with what repeats counted: "7, 14 x 8, 7".
func runs(numbers []int) string {
	var parts []string
	for i := 0; i < len(numbers); {
		n := i
		for n < len(numbers) && numbers[n] == numbers[i] {
			n++
		}
		if n-i > 1 {
			parts = append(parts, fmt.Sprintf("%d x %d", n-i, numbers[i]))
		} else {
			parts = append(parts, fmt.Sprint(numbers[i]))
		}
		i = n
	}
	return strings.Join(parts, ", ")
}

// headlineTable shows the numbers with what is unknown about the chip.
func headlineTable(rows []headlineRow) *grid {
	g := &grid{head: []string{"", "likely", "p10", "p90"}}
	for _, r := range rows {
		scale := compare.ScaleOf(r.base, r.value)
		label := r.label
		if scale.Unit != "" {
			label += ", " + scale.Unit
		}
		g.add(label, scale.Number(r.value), scale.Number(r.around.P10), scale.Number(r.around.P90))
	}
	return g
}

// lopsided says which numbers lie outside of their own p10 to p90 and why, "" where none does.
func lopsided(rows []headlineRow) string {
	var outside []string
	for _, r := range rows {
		if r.value < r.around.P10 || r.value > r.around.P90 {
			outside = append(outside, r.label)
		}
	}
	if len(outside) == 0 {
		return ""
	}
	return fmt.Sprintf("Likely is outside p10 to p90 of %s: it takes every range at its likely value, and those that decide here reach further to one side. The median step is %s",
		strings.Join(outside, ", "), figure(rows[0].around.P50)+" s")
}

// headlineRow is one number of an estimate.
type headlineRow struct {
	name, label, base string
	value             float64
	around            result.Stat
}

func (e *estimate) rows() []headlineRow {
	likely := drawnStep{*e.step, itMeter(e.mach, e.chips)}
	row := func(name, label, base string, of func(*drawnStep) float64) headlineRow {
		return headlineRow{name, label, base, of(&likely), e.over(of)}
	}
	used := float64(e.step.Layout.Chips())
	watts := func(d *drawnStep) float64 { return d.meter.MeanAt(sim.ActivityOf(&d.step, e.work.Precision), 1).Sum() }
	return []headlineRow{
		row("step_seconds", "step", "s", func(d *drawnStep) float64 { return float64(d.step.Time) }),
		row("tokens_per_second", "speed", "tokens/s", func(d *drawnStep) float64 { return tokensPerSecond(&d.step) }),
		row("mfu", "MFU", "%", func(d *drawnStep) float64 { return float64(d.step.MFU) }),
		row("hfu", "HFU", "%", func(d *drawnStep) float64 { return float64(d.step.HFU) }),
		row("it_power_w_per_chip", "IT power per chip", "W", watts),
		row("it_power_mw", "IT power", "MW", func(d *drawnStep) float64 { return watts(d) * used / 1e6 }),
		row("it_power_swing_mw", "swing within a step", "MW", func(d *drawnStep) float64 { return d.meter.Swing(1) * used / 1e6 }),
	}
}

// itMeter is the power of chip, server and fabric before the facility's overhead.
func itMeter(m *step.Machine, chips int) power.Meter {
	return power.NewMeter(&m.Chip, &m.Server, &m.Fabric, chips, &power.Spec{})
}

// powerTable is the power of one chip with its share of server and fabric, by part.
func (e *estimate) powerTable() *grid {
	g := &grid{head: []string{"IT power per chip, W", "idle", "mean", "peak"}}
	meter := itMeter(e.mach, e.chips)
	all := power.Component{Name: "all together"}
	for _, c := range meter.Components(sim.ActivityOf(e.step, e.work.Precision)) {
		all.Idle, all.Mean, all.Peak = all.Idle+c.Idle, all.Mean+c.Mean, all.Peak+c.Peak
		if c.Peak > 0 {
			g.add(c.Name, figure(c.Idle), figure(c.Mean), figure(c.Peak))
		}
	}
	g.add(all.Name, figure(all.Idle), figure(all.Mean), figure(all.Peak))
	return g
}

// memoryTable is the memory of the fullest pipeline stage.
func (e *estimate) memoryTable() *grid {
	m := e.step.Memory
	g := &grid{head: []string{"memory per chip", "GiB", "of capacity"}}
	for _, c := range append(memoryClasses(m), memoryClass{"total", "all together", m.Total()}, memoryClass{"capacity", "capacity", m.Capacity}) {
		g.add(c.label, figure(float64(c.bytes)/gib), percent(float64(c.bytes/m.Capacity)))
	}
	if m.Host > 0 {
		g.add("in host memory", figure(float64(m.Host)/gib), percent(float64(m.Host/m.HostCapacity)))
	}
	return g
}

type memoryClass struct {
	name, label string
	bytes       unit.Bytes
}

func memoryClasses(m step.Memory) []memoryClass {
	return []memoryClass{
		{"weights", "weights", m.Weights},
		{"gradients", "gradients", m.Gradients},
		{"optimizer", "optimizer state", m.Optimizer},
		{"activations", "activations", m.Activations},
		{"buffers", "buffers and runtime", m.Buffers},
	}
}

// gib is the unit of memory: chips are sold by binary gigabytes.
const gib = 1 << 30

func gibibytes(b unit.Bytes) string { return figure(float64(b)/gib) + " GiB" }

// flat is the estimate as one long table.
func (e *estimate) flat() *grid {
	g := &grid{head: []string{"quantity", "unit", "likely", "p10", "p90"}}
	number := func(v float64) string { return fmt.Sprintf("%.6g", v) }
	for _, r := range e.rows() {
		base := r.base
		if base == "%" {
			base = "1"
		}
		g.add(r.name, base, number(r.value), number(r.around.P10), number(r.around.P90))
	}
	for _, p := range partsOf(e.step.Parts) {
		g.add("parts."+p.name, "s", number(p.seconds), "", "")
	}
	g.add("waterfall.peak", "FLOP/s", number(float64(e.losses.Peak)), "", "")
	for _, l := range e.losses.Losses {
		g.add("waterfall."+string(l.Cause), "FLOP/s", number(float64(l.Rate)), "", "")
	}
	g.add("waterfall.model_flops", "FLOP/s", number(float64(e.losses.Delivered)), "", "")
	for _, c := range append(memoryClasses(e.step.Memory), memoryClass{"capacity", "", e.step.Memory.Capacity}, memoryClass{"host", "", e.step.Memory.Host}) {
		g.add("memory."+c.name, "B", number(float64(c.bytes)), "", "")
	}
	return g
}

// ranged is one number of the document with its uncertainty.
type ranged struct {
	Likely float64 `json:"likely"`
	P10    float64 `json:"p10"`
	P50    float64 `json:"p50"`
	P90    float64 `json:"p90"`
}

// estimateDocument is the estimate as JSON.
type estimateDocument struct {
	Model        string             `json:"model"`
	Chip         string             `json:"chip"`
	Server       string             `json:"server"`
	Fabric       string             `json:"fabric"`
	Changes      []catalogChange    `json:"catalog_changes,omitempty"`
	Chips        int                `json:"chips"`
	ChipsUsed    int                `json:"chips_used"`
	GlobalBatch  int                `json:"global_batch"`
	Sequence     int                `json:"sequence"`
	Precision    step.Precision     `json:"precision"`
	Layout       step.Layout        `json:"layout"`
	StageLayers  []int              `json:"stage_layers"`
	Numbers      map[string]ranged  `json:"numbers"`
	Waterfall    waterfallDocument  `json:"waterfall"`
	PartsSeconds map[string]float64 `json:"parts_seconds"`
	MemoryBytes  map[string]float64 `json:"memory_bytes"`
}

func (e *estimate) document() estimateDocument {
	d := estimateDocument{
		Model: e.work.Model.Name, Chip: e.mach.Chip.Name, Server: e.mach.Server.Name, Fabric: e.mach.Fabric.Name, Changes: e.changes,
		Chips: e.chips, ChipsUsed: e.step.Layout.Chips(), GlobalBatch: e.work.Batch, Sequence: e.work.Sequence,
		Precision: e.work.Precision, Layout: e.step.Layout, StageLayers: e.stages,
		Numbers: make(map[string]ranged), Waterfall: e.waterfallDocument(), PartsSeconds: partsJSON(e.step), MemoryBytes: make(map[string]float64),
	}
	for _, r := range e.rows() {
		d.Numbers[r.name] = ranged{r.value, r.around.P10, r.around.P50, r.around.P90}
	}
	for _, c := range append(memoryClasses(e.step.Memory), memoryClass{"capacity", "", e.step.Memory.Capacity}, memoryClass{"host", "", e.step.Memory.Host}) {
		d.MemoryBytes[c.name] = float64(c.bytes)
	}
	return d
}
