package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"clustercap/sim/job"
	"clustercap/sim/model"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// asyncBlocking is how long an asynchronous checkpoint stops training by default:
// the copy of the state to host memory, "several seconds" in MegaScale (NSDI'24,
// section 4.4; from memory).
const asyncBlocking = 5 * unit.Second

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
		Name: name, Model: j.Model.Value, Tokens: j.Tokens, Sizes: j.Chips,
		Priority: j.Priority, Resize: j.Resize,
		Workload: step.Workload{Model: j.Model.Value, Sequence: j.Sequence, Batch: j.GlobalBatch, Precision: j.Precision},
	}
	if r.whole("start", path+".submit") {
		spec.Submit, _ = r.since(j.Submit, path+".submit")
		if j.Submit == nil {
			r.computed(path+".submit", Date{r.plan.Start}.written(), "the start")
		}
	}
	if j.Precision == step.FP8 && r.whole("fleet.chip") && r.plan.Chip.FP8.High == 0 {
		r.badAt(path+".precision", r.plan.Chip.Name+" has no FP8 units", "write bf16, or give the chip an fp8 rate")
	}
	r.sizes(j, path)
	r.restart(j, path, &spec)
	r.checkpoint(j, path, &spec)
	if !j.Layout.Auto && r.whole(path+".layout", path+".model", path+".chips", path+".sequence", path+".global_batch") {
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
	spec.Checkpoint = job.Checkpoint{Interval: c.Interval.Value, Blocking: c.Blocking.Value, Background: c.Background.Value}
	needsWrite := false
	if c.Blocking.Auto {
		spec.Checkpoint.Blocking = asyncBlocking
		if c.Mode == "sync" {
			spec.Checkpoint.Blocking, needsWrite = write, true
		}
	}
	if c.Background.Auto && c.Mode == "async" {
		spec.Checkpoint.Background, needsWrite = write, true
	}
	const longest = 30 * unit.Day
	switch {
	case needsWrite && !known:
		r.badAt(own+".storage_bandwidth", "is missing, and the time to write a checkpoint follows from it", "write e.g. storage_bandwidth: 200 GB/s, or give blocking and background as durations")
	case needsWrite && write > longest:
		r.badAt(own+".storage_bandwidth", fmt.Sprintf("takes %s to write one checkpoint of %s", unit.Short(write), unit.Short(size)), "write a higher bandwidth")
	default:
		why := fmt.Sprintf("%s of state (%s parameters x %s)", unit.Short(size), strconv.FormatFloat(spec.Model.Params(), 'g', 4, 64), unit.Format(c.BytesPerParameter))
		r.computed(path+".checkpoint.blocking", unit.Short(spec.Checkpoint.Blocking), why)
		r.computed(path+".checkpoint.background", unit.Short(spec.Checkpoint.Background), why)
	}
}

// layout checks an explicit layout against the model, the batch and the chips, and
// derives dp where the job has one size.
func (r *resolver) layout(l *step.Layout, spec *job.Spec, path string) {
	bad := func(what, hint string) { r.badAt(path, what, hint) }
	m := &spec.Model
	// Bounded by 1e7 each: the product fits in 64 bits only checked stepwise.
	group := product(l.TP, l.PP, l.CP)
	if group > maxChips {
		bad(fmt.Sprintf("tp x pp x cp = %d x %d x %d is more than %d chips", l.TP, l.PP, l.CP, maxChips), "write smaller divisions")
		return
	}
	if m.Heads%l.TP != 0 {
		bad(fmt.Sprintf("tp %d does not divide the model's %d attention heads", l.TP, m.Heads), "use tp "+oneOf(divisors(m.Heads), 64))
	}
	// The first and the last chunk may hold only the embedding and the head (Llama 3,
	// section 3.3.2).
	if l.PP*l.VPP > m.Layers+2 {
		bad(fmt.Sprintf("pp x vpp = %d x %d is more than the model's %d layers", l.PP, l.VPP, m.Layers), "every stage needs a layer")
	}
	if l.VPP > 1 && l.PP == 1 {
		bad(fmt.Sprintf("vpp %d with pp 1", l.VPP), "interleaving needs a pipeline: write pp above 1, or vpp=1")
	}
	if spec.Workload.Sequence%l.CP != 0 {
		bad(fmt.Sprintf("cp %d does not divide the sequence of %d tokens", l.CP, spec.Workload.Sequence), "write a divisor")
	}
	r.experts(l, m, path)
	if len(spec.Sizes) == 0 {
		return
	}
	for _, chips := range spec.Sizes {
		r.layoutAt(*l, chips, group, spec, path)
	}
	if l.DP == 0 && len(spec.Sizes) == 1 && spec.Sizes[0]%group == 0 {
		l.DP = spec.Sizes[0] / group
		r.computed(path+".dp", strconv.Itoa(l.DP), fmt.Sprintf("%d chips / (tp %d x pp %d x cp %d)", spec.Sizes[0], l.TP, l.PP, l.CP))
	}
}

// experts checks expert parallelism against the model.
func (r *resolver) experts(l *step.Layout, m *model.Model, path string) {
	switch {
	case l.EP == 1:
	case m.MoE == nil:
		r.badAt(path, fmt.Sprintf("ep %d, but %s has no experts", l.EP, m.Name), "write ep=1")
	case m.MoE.Experts%l.EP != 0:
		r.badAt(path, fmt.Sprintf("ep %d does not divide the model's %d experts", l.EP, m.MoE.Experts), "use ep "+oneOf(divisors(m.MoE.Experts), m.MoE.Experts))
	}
}

// layoutAt checks a layout against one chip count; group is tp x pp x cp.
func (r *resolver) layoutAt(l step.Layout, chips, group int, spec *job.Spec, path string) {
	bad := func(what, hint string) { r.badAt(path, what, hint) }
	if chips%group != 0 {
		bad(fmt.Sprintf("tp x pp x cp = %d x %d x %d = %d does not divide %d chips", l.TP, l.PP, l.CP, group, chips),
			"the division must come out even: change the layout or the chips")
		return
	}
	dp := chips / group
	if l.DP != 0 && l.DP != dp {
		bad(fmt.Sprintf("tp x pp x cp x dp = %d x %d x %d x %d = %d, but the job has %d chips", l.TP, l.PP, l.CP, l.DP, product(group, l.DP), chips),
			fmt.Sprintf("write dp=%d, or leave dp out", dp))
		return
	}
	if sequences := product(dp, l.MicroBatch); sequences == 0 || spec.Workload.Batch%sequences != 0 {
		bad(fmt.Sprintf("dp x micro_batch = %d x %d does not divide the global batch of %d sequences", dp, l.MicroBatch, spec.Workload.Batch),
			fmt.Sprintf("write a global_batch that is a multiple of %d, or change the layout", sequences))
	}
	if plane := product(l.TP, l.CP, dp); plane%l.EP != 0 {
		bad(fmt.Sprintf("ep %d does not divide tp x cp x dp = %d", l.EP, plane), "experts are divided over whole groups of chips")
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

// oneOf lists some numbers up to a limit for a hint.
func oneOf(numbers []int, limit int) string {
	var texts []string
	for _, x := range numbers {
		if x <= limit {
			texts = append(texts, strconv.Itoa(x))
		}
	}
	if len(texts) > 1 {
		last := len(texts) - 1
		return strings.Join(texts[:last], ", ") + " or " + texts[last]
	}
	return strings.Join(texts, "")
}
