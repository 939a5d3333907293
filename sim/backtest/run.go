package backtest

import (
	"math"
	"slices"

	"clustercap/sim/scenario"
	"clustercap/sim/step"
)

// Row is one case, predicted and measured.
type Row struct {
	ID     string `json:"id"`
	Family string `json:"family"`
	// Measured is 0 where the source prints no speed, Basis what it comes from.
	Measured  float64 `json:"measured_step_s,omitempty"`
	Basis     Basis   `json:"basis,omitempty"`
	Predicted float64 `json:"predicted_step_s,omitempty"`
	// Low and High are where the prediction may be, of what is known of the machine only
	// as a range; 0 where nobody has drawn from it (Repriced).
	Low  float64 `json:"predicted_low_s,omitempty"`
	High float64 `json:"predicted_high_s,omitempty"`
	// Error is Predicted/Measured - 1; nil for a skipped row.
	Error *float64 `json:"error,omitempty"`
	// Skipped is why the row could not be compared, "" where it was. What prints no speed
	// has a prediction all the same.
	Skipped string `json:"skipped,omitempty"`
	// Layout is how it was priced, as estimate takes it.
	Layout string `json:"layout,omitempty"`
	// Assumed and Doubts are those of the configuration; see there.
	Assumed []string `json:"assumed,omitempty"`
	Doubts  []string `json:"doubts,omitempty"`

	Case *Case `json:"-"`
	// Config and Step are valid where Predicted is known.
	Config Configuration `json:"-"`
	Step   step.Step     `json:"-"`
}

// mixture reports whether the case's model has experts, whether the source counts them or not.
func (r *Row) mixture() bool { return r.Case.Experts > 0 || r.Config.Work.Model.MoE != nil }

// flopsPerSecond turns a step time into causal model FLOP/s per chip, on which
// workloads of different size compare.
func (r *Row) flopsPerSecond(seconds float64) float64 {
	flops := r.Step.ModelFLOPs
	if c := r.Case; c.Batch > 0 && r.Config.Work.Batch > 0 {
		flops *= float64(c.Batch) / float64(r.Config.Work.Batch)
	}
	return flops / (seconds * float64(r.Case.Chips))
}

// Report is the outcome of a backtest.
type Report struct {
	Rows    []Row   `json:"rows"`
	Summary Summary `json:"summary"`
}

// Selection says which cases a backtest takes.
type Selection struct {
	// Families to take, all where empty.
	Families []string
	// Complete takes only cases whose configuration is fully known.
	Complete bool
}

func (s Selection) takes(c *Case) bool {
	if s.Complete && !c.Complete {
		return false
	}
	return len(s.Families) == 0 || slices.Contains(s.Families, c.Family)
}

// Run prices every selected case and compares; rows keep the order of the file.
func Run(cases *Cases, catalog *scenario.Catalog, selection Selection) *Report {
	on := newShelf(catalog)
	var rows []Row
	for i := range cases.List {
		if c := &cases.List[i]; selection.takes(c) {
			rows = append(rows, price(c, on))
		}
	}
	report := &Report{Rows: rows, Summary: summarise(rows)}
	report.Summary.Validation = validate(rows, on)
	return report
}

// price prices one case.
func price(c *Case, on *shelf) Row {
	r := Row{ID: c.ID, Family: c.Family, Case: c}
	f, err := c.configure(on)
	// A step time is worth showing even where nothing can be predicted.
	if c.StepTime > 0 {
		r.Measured, r.Basis = c.StepTime, FromStepTime
	}
	if err != nil {
		r.Skipped = err.Error()
		return r
	}
	if r.Step, err = step.Estimate(&f.Work, &f.Machine, f.Layout); err != nil {
		r.Skipped = err.Error()
		return r
	}
	r.Predicted = c.ofBatch(&f, float64(r.Step.Time))
	r.Layout = f.Layout.String()
	if r.Measured, r.Basis, err = c.Measured(&f); err != nil {
		r.Skipped = err.Error()
	} else {
		e := r.Predicted/r.Measured - 1
		r.Error = &e
	}
	r.Config = f
	r.doubt()
	return r
}

// ofBatch is the time of the printed batch, where a step was priced with the nearest batch
// that the layout divides.
func (c *Case) ofBatch(f *Configuration, seconds float64) float64 {
	if c.Batch == 0 || c.idles(f.Layout) {
		return seconds
	}
	return seconds * (float64(c.Batch) / float64(f.Work.Batch))
}

// Repriced is the step time in seconds that a row is predicted to take on another machine,
// its configuration as it is.
func (r *Row) Repriced(m *step.Machine) (float64, error) {
	s, err := step.Estimate(&r.Config.Work, m, r.Config.Layout)
	if err != nil {
		return 0, err
	}
	return r.Case.ofBatch(&r.Config, float64(s.Time)), nil
}

// doubt notes what of a priced row no chip can have done.
func (r *Row) doubt() {
	f := &r.Config
	const gib = 1 << 30
	if m := &r.Step.Memory; m.Total() > roomy(m.Capacity) {
		f.doubt("predicted to need %.0f GiB a chip, %s has %.0f", float64(m.Total())/gib, f.Machine.Chip.Name, float64(m.Capacity)/gib)
	}
	if c := r.Case; c.MFU > 0 && c.MFU < leastMFU {
		f.doubt("mfu_pct is %g %%: a share would be %g %%", c.MFU, 100*c.MFU)
	}
	if r.Error == nil {
		r.Assumed, r.Doubts = f.Assumed, f.Doubts
		return
	}
	if share := r.flopsPerSecond(r.Measured) / float64(step.Peak(&f.Machine.Chip, f.Work.Precision)); share > 1 {
		f.doubt("measured are %.0f %% of the peak of %s", 100*share, f.Machine.Chip.Name)
	}
	if c := r.Case; c.StepTime > 0 && c.TokensPerSecond > 0 && c.Batch > 0 && c.Sequence > 0 {
		if other := float64(c.Batch) * float64(c.Sequence) / c.TokensPerSecond; math.Abs(other/c.StepTime-1) > agreeing {
			f.doubt("step_time_s is %.3g, tokens_per_s makes it %.3g", c.StepTime, other)
		}
	}
	r.Assumed, r.Doubts = f.Assumed, f.Doubts
}

// leastMFU, in percent, is below what anyone would print: who writes less means a share.
const leastMFU = 1

// agreeing is how far apart two printed figures of one step may be: both are rounded
// and averaged over steps of their own.
const agreeing = 0.05
