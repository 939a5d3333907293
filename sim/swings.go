package sim

import (
	"fmt"
	"math"
	"strings"

	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// traceSpans bounds the spans of a stage's timeline; a step with more shows its first
// microbatches alone, which repeat.
const traceSpans = 1 << 14

// swings finds how a step of every job on its largest size makes the site's power
// swing, and holds that against the grid's limits. Power is that of the IT equipment
// at full clock and likely values: cooling does not follow within a step.
func (pr *Prepared) swings() error {
	p := pr.Plan
	pr.losses, pr.crests = make([][]float64, len(pr.Jobs)), make([][]crest, len(pr.Jobs))
	for i := range pr.Jobs {
		j := &pr.Jobs[i]
		pr.losses[i], pr.crests[i] = make([]float64, len(j.Sizes)), make([]crest, len(j.Sizes))
		for k := range j.Sizes {
			s := &j.Sizes[k]
			last := k == len(j.Sizes)-1
			if !last && p.Site.Smoothing.Storage == 0 && !p.Site.Supply.Own() || s.Missing > 0 {
				continue
			}
			t, err := timeline(p, j.Spec, s)
			if err != nil {
				return fmt.Errorf("job %s on %s chips: %w", j.Spec.Name, unit.Count(s.Chips), err)
			}
			w := smooth(p, j.Spec, &t, s, &p.Site.Smoothing)
			pr.losses[i][k], pr.crests[i][k] = w.loss, crestOf(&w.Waveform)
			if last {
				sw := swing(p, j, s, &t, w)
				pr.Swings = append(pr.Swings, sw)
				if over := breaches(&sw); over != "" {
					pr.Warnings = append(pr.Warnings, over)
				}
			}
		}
		for k := len(j.Sizes) - 2; k >= 0; k-- { // one with fewer replicas swings like the whole
			if j.Sizes[k].Missing > 0 {
				pr.losses[i][k], pr.crests[i][k] = pr.losses[i][k+1], pr.crests[i][k+1]
			}
		}
	}
	return nil
}

// timeline is the step of a job on a size, pass by pass.
func timeline(p *scenario.Plan, j *job.Spec, s *Size) (step.Timeline, error) {
	m, w := machine(p), j.Workload
	w.Batch = s.Batch
	pricer, err := step.NewPricer(&w, &m)
	if err != nil {
		return step.Timeline{}, err
	}
	return pricer.Timeline(s.Step.Layout, traceSpans), nil
}

// smoothed is one chip's power over a step behind what smooths it.
type smoothed struct {
	power.Waveform
	loss float64 // mean watts lost in the storage
	burn float64 // mean watts burnt to keep the floor
	cut  float64 // watts by which the storage lowers the highest power
}

// smooth is the waveform of a step under a smoothing, storage at each chip.
func smooth(p *scenario.Plan, j *job.Spec, t *step.Timeline, s *Size, by *power.Smoothing) smoothed {
	plan := *p
	plan.Site.Smoothing.Floor = by.Floor
	m := meterFor(&plan)
	w := waveform(j, t, s, &m)
	out := smoothed{Waveform: w}
	if by.Floor > 0 {
		plan.Site.Smoothing.Floor = 0
		bare := meterFor(&plan)
		without := waveform(j, t, s, &bare)
		out.burn = w.Mean() - without.Mean()
	}
	if by.Storage > 0 {
		var through float64
		out.Waveform, through = w.Stored(float64(by.Storage))
		out.loss = through * (1/float64(by.StorageEfficiency) - 1)
		before := w.Edged()
		out.cut = before.Highest()
	}
	out.Waveform = out.Edged()
	if by.Storage > 0 {
		out.cut -= out.Highest()
	}
	return out
}

// waveform is the mean power of one chip of a pipeline over a step. Replicas are in
// phase, stages are not. Within a pass kernels and the traffic of its layers alternate
// faster than the band that grids care for, and are averaged.
func waveform(j *job.Spec, t *step.Timeline, s *Size, m *power.Meter) power.Waveform {
	a := ActivityOf(&s.Step, j.Workload.Precision)
	kernels := a
	kernels.Comm, kernels.Wait = 0, 0
	comm := m.CommAt(1).Sum()
	busy, optimizer := m.MeanAt(kernels, 1).Sum()-comm, m.MeanAt(power.Activity{Memory: 1}, 1).Sum()-comm
	w := power.NewWaveform(float64(t.Time), comm)
	each := 1 / float64(t.Layout.PP)
	for i := 0; i < len(t.Spans); i++ {
		span := &t.Spans[i]
		from, to := float64(span.Start), float64(span.Start+span.Time)
		switch span.Kind {
		case step.SpanForward, step.SpanRecompute, step.SpanBackward, step.SpanInput, step.SpanWeight:
			var traffic float64
			for i+1 < len(t.Spans) && within(&t.Spans[i+1]) {
				i++
				traffic += float64(t.Spans[i].Time)
			}
			w.Add(from, to, busy*each*max(1-traffic/float64(span.Time), 0))
		case step.SpanOptimizer:
			w.Add(from, to, optimizer*each)
		}
	}
	return w
}

// within reports whether a span lies within the pass before it.
func within(s *step.Span) bool {
	return s.Kind == step.SpanTensor || s.Kind == step.SpanContext || s.Kind == step.SpanExpert
}

// swing puts a waveform into figures, and against the grid's limits.
func swing(p *scenario.Plan, j *Job, s *Size, t *step.Timeline, w smoothed) result.Swing {
	m := meterFor(p)
	chips := float64(s.Used())
	mw := func(watts float64) float64 { return watts * chips / 1e6 }
	band, hertz := w.Band()
	mean, peak, comm, idle := w.Mean(), m.PeakAt(1).Sum(), m.CommAt(1).Sum(), m.Idle.Sum()
	out := result.Swing{
		Job: j.Spec.Name, Chips: s.Chips, StepSeconds: w.Period, MeanMW: mw(mean),
		StepMW: mw(w.Swing()), RampMWPerSecond: mw(w.Ramp()), BandMW: mw(band), BandHertz: hertz,
		StartMW: mw(mean - idle), StopMW: mw(peak - idle), CrashMW: mw(peak - m.Comm.Sum()), CheckpointMW: mw(mean - comm),
		SmoothingMW: mw(w.loss + w.burn), PeakMW: mw(w.Highest()), PeakCutMW: mw(w.cut),
	}
	if j.Spec.Checkpoint.Blocking == 0 {
		out.CheckpointMW = 0
	}
	out.TraceSeconds, out.TraceMW = trace(&w.Waveform, chips)
	g := &p.Site.GridCode
	start := out.StartMW / power.EdgeTime
	if p.Site.JobRamp > 0 {
		start = min(start, p.Site.JobRamp/1e6)
	}
	check := func(what, of string, value, limit float64) {
		if limit > 0 {
			out.Checks = append(out.Checks, result.GridCheck{What: what, Unit: of, Value: value, Limit: limit, Met: value <= limit})
		}
	}
	check("largest step within a training step", "MW", out.StepMW, float64(g.Step)/1e6)
	check("ramp within a training step", "MW/s", out.RampMWPerSecond, g.Ramp/1e6)
	check("oscillation between 0.1 and 20 Hz", "MW", out.BandMW, float64(g.Band)/1e6)
	check("largest step at a checkpoint", "MW", out.CheckpointMW, float64(g.Step)/1e6)
	check("ramp at a checkpoint", "MW/s", out.CheckpointMW/power.EdgeTime, g.Ramp/1e6)
	check("ramp at a job's start", "MW/s", start, g.Ramp/1e6)
	if p.Site.JobRamp == 0 { // else it comes in parts
		check("step at a job's start", "MW", out.StartMW, float64(g.Step)/1e6)
	}
	check("step at a job's stop", "MW", out.StopMW, float64(g.Step)/1e6)
	check("step at a crash", "MW", out.CrashMW, float64(g.Step)/1e6)
	for i := range out.Checks {
		c := &out.Checks[i]
		switch {
		case c.Met:
		case c.What == "ramp at a job's start":
			c.Remedy = fmt.Sprintf("site.job_ramp_per_minute: %s", unit.Format(unit.Power(math.Floor(g.Ramp*60))))
		case c.What == "step at a job's start": // a minute for what the grid takes at once
			c.Remedy = fmt.Sprintf("site.job_ramp_per_minute: %s", unit.Format(g.Step))
		case c.What == "step at a job's stop", c.What == "step at a crash": // all chips at once, for long
		default:
			c.Remedy = remedy(p, j.Spec, s, t, c)
		}
	}
	return out
}

// remedy is the least floor, and the least storage, that bring a figure below its
// limit, found by halving; empty where neither does.
func remedy(p *scenario.Plan, j *job.Spec, s *Size, t *step.Timeline, c *result.GridCheck) string {
	chips := float64(s.Used())
	figure := func(by power.Smoothing) (float64, float64) {
		w := smooth(p, j, t, s, &by)
		floored := *p
		floored.Site.Smoothing = by
		m := meterFor(&floored)
		checkpoint := max(w.Mean()-m.CommAt(1).Sum(), 0)
		value := map[string]float64{
			"largest step within a training step": w.Swing(), "ramp within a training step": w.Ramp(),
			"largest step at a checkpoint": checkpoint, "ramp at a checkpoint": checkpoint / power.EdgeTime,
		}
		x, ok := value[c.What]
		if !ok {
			x, _ = w.Band()
		}
		return x * chips / 1e6, (w.loss + w.burn) * chips / 1e6
	}
	own := p.Site.Smoothing
	var words string
	floor := own
	if floor.Floor = 1; meets(figure, floor, c) {
		least := leastThat(float64(own.Floor), 1, func(x float64) bool {
			floor.Floor = unit.Share(x)
			return meets(figure, floor, c)
		})
		floor.Floor = unit.Share(math.Ceil(least*100) / 100)
		_, cost := figure(floor)
		words = fmt.Sprintf("site.smoothing.floor: %.0f %%, which burns %s in the mean", float64(floor.Floor)*100, megawatts(cost))
	}
	if c.What == "largest step at a checkpoint" || c.What == "ramp at a checkpoint" {
		return words // longer than storage in a rack lasts
	}
	const most = 2000 // J per chip: some seconds of a chip's power, more than fits into a rack
	store := own
	store.StorageEfficiency = max(own.StorageEfficiency, usualStorageEfficiency)
	if store.Storage = most; meets(figure, store, c) {
		least := leastThat(float64(own.Storage), most, func(x float64) bool {
			store.Storage = unit.Energy(x)
			return meets(figure, store, c)
		})
		store.Storage = unit.Energy(math.Ceil(least))
		_, cost := figure(store)
		if words != "" {
			words += ", or "
		}
		words += fmt.Sprintf("site.smoothing.storage_per_chip: %.0f J, which loses %s", float64(store.Storage), megawatts(cost))
	}
	return words
}

// usualStorageEfficiency is that of capacitors behind two converters [prior 85 to 95 %].
const usualStorageEfficiency = 0.9

func meets(figure func(power.Smoothing) (float64, float64), by power.Smoothing, c *result.GridCheck) bool {
	x, _ := figure(by)
	return x <= c.Limit
}

// megawatts writes a power that is given in them.
func megawatts(v float64) string { return unit.Short(unit.Power(v * 1e6)) }

// breaches tells of the limits of the grid that a job's swings exceed, and what would meet
// each; empty where there is none.
func breaches(s *result.Swing) string {
	var over []string
	for _, c := range s.Checks {
		if c.Met {
			continue
		}
		remedy := c.Remedy
		switch {
		case remedy != "":
		case strings.HasPrefix(c.What, "step at"):
			remedy = "only a smaller job does"
		default:
			remedy = "neither a floor nor storage in racks would do"
		}
		per := strings.TrimPrefix(c.Unit, "MW")
		over = append(over, fmt.Sprintf("%s %s%s for %s%s allowed (%s)", c.What, megawatts(c.Value), per, megawatts(c.Limit), per, remedy))
	}
	if len(over) == 0 {
		return ""
	}
	return fmt.Sprintf("job %s on %s chips exceeds limits of the grid, beside each what would meet it: %s", s.Job, unit.Count(s.Chips), strings.Join(over, "; "))
}

// tracePoints is how many points of a step are kept for its chart.
const tracePoints = 512

// trace thins a waveform to means of equal parts, in MW of so many chips.
func trace(w *power.Waveform, chips float64) (seconds, megawatts []float64) {
	n := min(tracePoints, len(w.Watts))
	each := len(w.Watts) / n
	for i := range n {
		sum := 0.0
		for _, x := range w.Watts[i*each : (i+1)*each] {
			sum += x
		}
		seconds = append(seconds, (float64(i)+0.5)*w.Period/float64(n))
		megawatts = append(megawatts, sum/float64(each)*chips/1e6)
	}
	return seconds, megawatts
}

// leastThat is the least x between low, which does not do, and high, which does, that
// does, from above and to within a 4,096th of the way.
func leastThat(low, high float64, does func(x float64) bool) float64 {
	for range 12 {
		if middle := (low + high) / 2; does(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}
