package scenario

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"clustercap/sim/job"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// asyncBlocking is how long an asynchronous checkpoint stops training by default:
// the copy of the state to host memory, "several seconds" in MegaScale (NSDI'24,
// section 4.4; from memory).
const asyncBlocking = 5 * unit.Second

// rateOf is what a chip needs for a rate in a precision.
var rateOf = map[step.Precision]string{
	step.FP8:   "fp8",
	step.MXFP8: "block_scaled: [mxfp8] beside fp8",
	step.MXFP4: "block_scaled: [mxfp4] beside fp4",
	step.NVFP4: "block_scaled: [nvfp4] beside fp4",
}

// jobs resolves the training runs.
func (r *resolver) jobs() {
	for i := range r.file.Jobs {
		item := &r.file.Jobs[i]
		path := "jobs." + item.Name
		r.plan.Jobs = append(r.plan.Jobs, r.job(item.Name, &item.Value, path))
	}
}

// job resolves one training run; checks whose inputs are broken are left out.
func (r *resolver) job(name string, j *Job, path string) job.Spec {
	spec := job.Spec{
		Name: name, Model: j.Model.Value, Tokens: j.Tokens, Work: j.Work, Sizes: j.Chips,
		Priority: j.Priority, Resize: j.Resize,
		Workload: step.Workload{Model: j.Model.Value, Sequence: j.Sequence, Batch: j.GlobalBatch, Precision: j.Precision},
	}
	if r.whole("start", path+".submit") {
		spec.Submit, _ = r.since(j.Submit, path+".submit")
		if j.Submit == nil {
			r.computed(path+".submit", Date{r.plan.Start}.written(), "the start")
		}
	}
	if r.whole("fleet.chip") && step.Peak(&r.plan.Chip, j.Precision) == 0 {
		r.badAt(path+".precision", r.plan.Chip.Name+" has no rate for "+string(j.Precision),
			"write "+strings.Join(step.PrecisionsOf(&r.plan.Chip), " or ")+", or give the chip "+rateOf[j.Precision])
	}
	switch {
	case !r.whole(path+".tokens", path+".work"):
	case j.Tokens == 0 && j.Work == 0:
		r.badAt(path+".tokens", "is missing", "write tokens: "+exampleOf(reflect.TypeFor[unit.Tokens](), rule{})+", or work: 90 d")
	case j.Tokens > 0 && j.Work > 0:
		r.badAt(path+".work", "is given as tokens too", "keep one of the two")
	}
	r.sizes(j, path)
	r.recovery(j, path, &spec)
	r.restart(j, path, &spec)
	r.checkpoint(j, path, &spec)
	if !j.Layout.Auto && r.plan.Server.Chips > 0 && r.whole(path) {
		l := j.Layout.Layout
		r.layout(&l, &spec, path+".layout")
		spec.Layout = &l
	}
	return spec
}

// sizes checks that the job's chips are whole servers.
func (r *resolver) sizes(j *Job, path string) {
	if r.plan.Server.Chips == 0 {
		return
	}
	for i, chips := range j.Chips {
		p := path + ".chips"
		if len(j.Chips) > 1 {
			p = fmt.Sprintf("%s[%d]", p, i)
		}
		r.servers(chips, p)
	}
}

// restart takes the job's restart time, or the scenario's.
func (r *resolver) restart(j *Job, path string, spec *job.Spec) {
	switch {
	case j.Restart != nil:
		spec.Restart = j.Restart.Duration
	case r.file.Restart != nil:
		spec.Restart = r.file.Restart.Duration
	case r.whole("restart", path+".restart"):
		r.badAt(path+".restart", "is missing, and the scenario has none for all jobs", "write restart: "+TimeSpread{}.example())
	}
}

// checkpoint turns sizes and bandwidths into times.
func (r *resolver) checkpoint(j *Job, path string, spec *job.Spec) {
	own, c := path+".checkpoint", j.Checkpoint
	if c == nil {
		own, c = "checkpoint", r.file.Checkpoint
	}
	if !r.whole("checkpoint", path+".checkpoint", path+".model") {
		return
	}
	if c == nil {
		r.badAt(path+".checkpoint", "is missing, and the scenario has none for all jobs", "write checkpoint: {storage_bandwidth: 200 GB/s}")
		return
	}
	write, known := unit.Duration(0), c.StorageBandwidth != nil
	size := unit.Bytes(spec.Model.Params()) * c.BytesPerParameter
	if known {
		write = unit.Duration(float64(size) / float64(*c.StorageBandwidth))
	}
	spec.Checkpoint = job.Checkpoint{
		Interval: c.Interval.Value, Rule: c.Interval.Rule, Blocking: c.Blocking.Value, Background: c.Background.Value,
		Load: c.Load.Value, Shared: c.Shared,
	}
	for _, t := range c.Tiers {
		spec.Checkpoint.Fast = append(spec.Checkpoint.Fast, job.Tier(t))
	}
	needsWrite := c.Load.Auto
	if c.Load.Auto {
		spec.Checkpoint.Load = write
	}
	if c.Blocking.Auto {
		spec.Checkpoint.Blocking = asyncBlocking
		if c.Mode == "sync" {
			spec.Checkpoint.Blocking, needsWrite = write, true
		}
	}
	if c.Background.Auto && c.Mode == "async" {
		spec.Checkpoint.Background, needsWrite = write, true
	}
	// As long as blocking and background may be when they are written out.
	longest := 30 * unit.Day
	if c.Mode == "sync" && c.Blocking.Auto {
		longest = unit.Day
	}
	switch {
	case needsWrite && !known:
		r.badAt(own+".storage_bandwidth", "is missing, and the time to write a checkpoint follows from it", "write e.g. storage_bandwidth: 200 GB/s, or give blocking and background as durations")
	case needsWrite && write > longest:
		r.badAt(own+".storage_bandwidth", fmt.Sprintf("takes %s to write one checkpoint of %s", unit.Short(write), unit.Short(size)), "write a higher bandwidth: a checkpoint may take "+unit.Short(longest))
	default:
		why := fmt.Sprintf("%s of state (%s parameters x %s)", unit.Short(size), strconv.FormatFloat(spec.Model.Params(), 'g', 4, 64), unit.Format(c.BytesPerParameter))
		r.computed(path+".checkpoint.blocking", unit.Short(spec.Checkpoint.Blocking), why)
		r.computed(path+".checkpoint.background", unit.Short(spec.Checkpoint.Background), why)
	}
}

// layout checks an explicit layout against the chips, the model, the batch and the
// machine, and derives dp where the job has one size.
func (r *resolver) layout(l *step.Layout, spec *job.Spec, path string) {
	group := product(l.TP, l.PP, l.CP)
	if group < 1 {
		r.badAt(path, "tp, pp and cp must be at least 1", "leave a key out for 1")
		return
	}
	if group > maxChips {
		r.badAt(path, fmt.Sprintf("tp x pp x cp = %d x %d x %d is more than %s chips", l.TP, l.PP, l.CP, unit.Count(maxChips)), "write smaller divisions")
		return
	}
	if l.DP != 0 && len(spec.Sizes) > 1 {
		r.badAt(path, fmt.Sprintf("dp=%d fits %s chips alone, but the job names %d chip counts", l.DP, unit.Count(product(group, l.DP)), len(spec.Sizes)),
			"leave dp out: it follows from the chips")
		return
	}
	for _, chips := range spec.Sizes {
		r.layoutAt(*l, chips, group, spec, path)
	}
	if l.DP == 0 && len(spec.Sizes) == 1 {
		*l = l.Complete(spec.Sizes[0])
		r.computed(path+".dp", strconv.Itoa(l.DP), fmt.Sprintf("%s chips / (tp %d x pp %d x cp %d)", unit.Count(spec.Sizes[0]), l.TP, l.PP, l.CP))
	}
}

// layoutAt checks a layout on one chip count; group is tp x pp x cp.
func (r *resolver) layoutAt(l step.Layout, chips, group int, spec *job.Spec, path string) {
	if chips%group != 0 {
		r.badAt(path, fmt.Sprintf("tp x pp x cp = %d x %d x %d = %s does not divide %s chips", l.TP, l.PP, l.CP, unit.Count(group), unit.Count(chips)),
			"the division must come out even: change the layout or the chips")
		return
	}
	if dp := chips / group; l.DP != 0 && l.DP != dp {
		r.badAt(path, fmt.Sprintf("tp x pp x cp x dp = %d x %d x %d x %d = %s, but the job has %s chips", l.TP, l.PP, l.CP, l.DP, unit.Count(product(group, l.DP)), unit.Count(chips)),
			fmt.Sprintf("write dp=%d, or leave dp out", dp))
		return
	}
	m := step.Machine{Chip: r.plan.Chip, Server: r.plan.Server, Fabric: r.plan.Fabric, Stack: r.plan.Stack}
	for _, what := range l.Complete(chips).Problems(&spec.Workload, &m) {
		r.badAt(path, what, "")
	}
}

// product multiplies counts of at most 1e7, saturating far above any chip count.
func product(factors ...int) int {
	const enough = 1 << 53
	p := 1
	for _, f := range factors {
		if p *= f; p > enough/maxChips {
			return enough / maxChips
		}
	}
	return p
}
