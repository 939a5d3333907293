package backtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"

	"clustercap/sim/scenario"
	"clustercap/sim/step"
)

// Fit says which cases a calibration takes.
type Fit struct {
	Selection
	Chip      string // the catalog's name
	Precision string // as in the cases, "" for all
}

// Calibration is a chip's efficiency constants fitted to measured steps.
type Calibration struct {
	Chip  string `json:"chip"`
	Cases string `json:"cases"` // the file
	// Rows are measured steps, Configurations how many different ones they ran.
	Rows           int        `json:"rows"`
	Configurations int        `json:"configurations"`
	Constants      []Constant `json:"constants"`
	// MAPEs of the rows: with the constants that the fit began with, with the fitted ones, and
	// with those fitted to the other folds.
	Before         float64  `json:"mape_catalog"`
	After          float64  `json:"mape_fitted"`
	CrossValidated *float64 `json:"mape_cross_validated,omitempty"`
	Folds          int      `json:"folds,omitempty"`
	// NoBetter is true where the fitted constants price the rows, or those left out of
	// the fit, no better than the catalog's do: what was fitted is their scatter.
	NoBetter bool `json:"no_better"`

	// CatalogFiles are the files of an overlay of the catalog that set some of the chip's
	// constants: where there are any, the fit began with those, and not with the catalog's.
	CatalogFiles []string `json:"catalog_files,omitempty"`

	// held are the chip's constants that an overlay of the catalog set and the fit kept.
	held []scenario.Value
	// beside are other values of that overlay, under which the constants were fitted.
	beside []string
}

// Constant is one efficiency constant, in SI.
type Constant struct {
	Name    string  `json:"name"`
	Unit    string  `json:"unit"` // 1 for a share
	Catalog float64 `json:"catalog"`
	// CatalogFile is the file of an overlay that Catalog is from, "" for the catalog.
	CatalogFile string `json:"catalog_file,omitempty"`
	// Fitted is the best value with Low and High its 90 % interval; nil where the
	// cases do not tell, for the reason in Kept.
	Fitted *float64 `json:"fitted,omitempty"`
	Low    *float64 `json:"low,omitempty"`
	High   *float64 `json:"high,omitempty"`
	Kept   string   `json:"kept,omitempty"`
	// Bound is "low" or "high" where the fit ended at that bound of what the constant can
	// be: the cases then ask for something else than this constant.
	Bound string `json:"bound,omitempty"`

	// CatalogText and FittedText are as the catalog writes them.
	CatalogText string `json:"-"`
	FittedText  string `json:"-"`
}

// The rules of a calibration.
const (
	// folds of the cross-validation.
	folds = 5
	// leastConfigurations is below how many there is nothing to fit: one constant
	// and one number to judge it by need two each.
	leastConfigurations = 4
	// mostUncertain is the standard error of a constant's logarithm above which the
	// cases do not tell it: its 90 % interval would span more than a factor of 1.6,
	// wider than any range in the catalog.
	mostUncertain = 0.15
	// leastEffect is the root mean square elasticity of step time below which a
	// constant is noise: 10 % of it moves steps by 0.2 %, far under the 3 % that one
	// configuration varies between software releases.
	leastEffect = 0.02
	// normal90 is half of the 90 % interval of a normal distribution, in standard errors.
	normal90 = 1.645
	// probe is the step of a finite difference in the logarithm of a constant: large
	// enough to average over the steps of wave quantisation.
	probe = 0.02
)

// sample is a case that the fit takes.
type sample struct {
	config   Configuration
	measured float64
	group    int // index of its configuration
}

// Calibrate fits the chip's constants to the selected cases by least squares of the
// logarithm of predicted over measured step time. Constants that the cases cannot
// tell keep the catalog's value. Cases of one configuration stay in one fold, and
// count as one observation in the intervals. An end of ctx stops it within one
// evaluation of the cases, with its error.
func Calibrate(ctx context.Context, cases *Cases, catalog *scenario.Catalog, fit Fit) (*Calibration, error) {
	chip, ok := catalog.Chip(fit.Chip)
	if !ok {
		return nil, fmt.Errorf("the catalog has no chip %q", excerpt(fit.Chip))
	}
	samples, groups := gather(ctx, cases, catalog, fit)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if groups < leastConfigurations {
		return nil, fmt.Errorf("%d configurations on %s can be simulated, at least %d are needed", groups, fit.Chip, leastConfigurations)
	}
	all := constants()
	start := make([]float64, len(all))
	for i := range all {
		start[i] = all[i].get(&chip.Efficiency)
	}
	f := &fitter{all: all, values: start, samples: samples}
	kept := f.choose(ctx, groups)
	if err := ctx.Err(); err != nil {
		return nil, err
	}

	out := &Calibration{Chip: fit.Chip, Cases: cases.Name, Rows: len(samples), Configurations: groups}
	out.Before = f.mape(start, samples)
	best := start
	var errs []float64
	if len(f.chosen) > 0 {
		var err error
		if best, err = f.minimise(ctx, samples); err != nil {
			return nil, err
		}
		errs = f.standardErrors(best, groups)
		if out.CrossValidated, out.Folds, err = f.crossValidate(ctx, groups); err != nil {
			return nil, err
		}
	}
	out.After = f.mape(best, samples)
	for i := range all {
		c := Constant{Name: all[i].name, Unit: all[i].unit, Catalog: start[i], Kept: kept[i], CatalogText: all[i].text(start[i], start[i], start[i])}
		if at := slices.Index(f.chosen, i); at >= 0 {
			spread := math.Exp(normal90 * errs[at])
			low, high := max(best[i]/spread, all[i].low), min(best[i]*spread, all[i].high)
			c.Fitted, c.Low, c.High = &best[i], &low, &high
			c.FittedText = all[i].text(low, best[i], high)
			c.Bound = all[i].bound(best[i])
		}
		out.Constants = append(out.Constants, c)
	}
	out.keep(catalog)
	out.NoBetter = out.After >= out.Before || out.CrossValidated != nil && *out.CrossValidated >= out.Before
	return out, nil
}

// efficiencyPath begins the paths of a chip's constants.
const efficiencyPath = "efficiency."

// keep notes what an overlay changed of the catalog that the fit began with.
func (c *Calibration) keep(catalog *scenario.Catalog) {
	for _, e := range catalog.Changed() {
		for _, v := range e.Values {
			name, constant := strings.CutPrefix(v.Path, efficiencyPath)
			if e.Kind != "chips" || e.Name != c.Chip || !constant {
				c.beside = append(c.beside, e.Name+" "+v.Path)
				continue
			}
			at := slices.IndexFunc(c.Constants, func(k Constant) bool { return k.Name == name })
			if at >= 0 {
				c.Constants[at].CatalogFile = v.Origin.File
				if !slices.Contains(c.CatalogFiles, v.Origin.File) {
					c.CatalogFiles = append(c.CatalogFiles, v.Origin.File)
				}
			}
			if at < 0 || c.Constants[at].Fitted == nil {
				c.held = append(c.held, v)
			}
		}
	}
}

// Start names the constants that the fit began with: "the catalog's constants", or
// "the constants of my-chip.yaml".
func (c *Calibration) Start() string { return constantsOf(c.CatalogFiles) }

func constantsOf(files []string) string {
	if len(files) == 0 {
		return "the catalog's constants"
	}
	return "the constants of " + strings.Join(files, ", ")
}

// gather lists the cases of the chip that can be simulated, with their
// configurations numbered; it stops where ctx ends.
func gather(ctx context.Context, cases *Cases, catalog *scenario.Catalog, fit Fit) (samples []sample, groups int) {
	on := newShelf(catalog)
	number := map[string]int{}
	for i := range cases.List {
		c := &cases.List[i]
		if ctx.Err() != nil {
			break
		}
		if !fit.takes(c) || fit.Precision != "" && c.Precision != fit.Precision {
			continue
		}
		f, err := c.configure(on)
		if err != nil || f.Machine.Chip.Name != fit.Chip {
			continue
		}
		measured, _, err := c.Measured(&f)
		if err != nil {
			continue
		}
		if _, err := step.Estimate(&f.Work, &f.Machine, f.Layout); err != nil {
			continue
		}
		key := c.configuration(&f)
		if _, seen := number[key]; !seen {
			number[key] = len(number)
		}
		samples = append(samples, sample{f, measured, number[key]})
	}
	return samples, len(number)
}

// configuration names what a case ran but for the software release, so that releases
// of one configuration stay together. Chips are left out: a weak-scaling series
// repeats one measurement.
func (c *Case) configuration(f *Configuration) string {
	l := f.Layout
	l.DP = 0
	return fmt.Sprintf("%s|%d|%d|%s|%s|%.4g", plain(c.modelName()), f.Work.Model.Layers, c.Sequence, c.Precision, l, float64(c.Batch)/float64(c.Chips))
}

// fitter fits the chosen constants; the others stay at values.
type fitter struct {
	all     []constant
	values  []float64
	samples []sample
	chosen  []int // indexes into all
}

// logError is ln(predicted/measured) of a sample with these constants.
func (f *fitter) logError(values []float64, s *sample) float64 {
	m := s.config.Machine
	for i := range f.all {
		if values[i] > 0 && (f.all[i].foreign == nil || !f.all[i].foreign(&s.config)) {
			f.all[i].set(&m.Chip.Efficiency, values[i])
		}
	}
	priced, err := step.Estimate(&s.config.Work, &m, s.config.Layout)
	if err != nil {
		return math.NaN() // constants decide no error: the sample was priced before
	}
	return math.Log(float64(priced.Time) / s.measured)
}

func (f *fitter) mape(values []float64, samples []sample) float64 {
	sum := 0.0
	for i := range samples {
		sum += math.Abs(math.Exp(f.logError(values, &samples[i])) - 1)
	}
	return sum / float64(len(samples))
}

// minimise fits the chosen constants to samples and returns all values.
func (f *fitter) minimise(ctx context.Context, samples []sample) ([]float64, error) {
	values := slices.Clone(f.values)
	start := make([]float64, len(f.chosen))
	for k, i := range f.chosen {
		start[k] = f.all[i].free(f.values[i])
	}
	problem := optimize.Problem{Func: func(x []float64) float64 {
		for k, i := range f.chosen {
			values[i] = f.all[i].bounded(x[k])
		}
		sum := 0.0
		for i := range samples {
			e := f.logError(values, &samples[i])
			sum += e * e
		}
		return sum / float64(len(samples))
	}, Status: func() (optimize.Status, error) { return optimize.NotTerminated, ctx.Err() }}
	settings := &optimize.Settings{
		FuncEvaluations: 400 * len(start), // the simplex settles in a quarter of it
		Converger:       &optimize.FunctionConverge{Absolute: 1e-9, Iterations: 40},
	}
	result, err := optimize.Minimize(problem, start, settings, &optimize.NelderMead{})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err != nil && result == nil {
		return nil, fmt.Errorf("the fit failed: %w", err)
	}
	for k, i := range f.chosen {
		values[i] = f.all[i].bounded(result.X[k])
	}
	return values, nil
}

// slopes is the elasticity of every sample's step time by every constant of the list.
func (f *fitter) slopes(values []float64, list []int) *mat.Dense {
	out := mat.NewDense(len(f.samples), len(list), nil)
	up, down := slices.Clone(values), slices.Clone(values)
	for k, i := range list {
		up[i], down[i] = values[i]*math.Exp(probe), values[i]*math.Exp(-probe)
		for j := range f.samples {
			out.Set(j, k, (f.logError(up, &f.samples[j])-f.logError(down, &f.samples[j]))/(2*probe))
		}
		up[i], down[i] = values[i], values[i]
	}
	return out
}

// choose sets which constants the samples can tell, and returns why the others keep
// the catalog's value: first those without effect go, then, one after the other, the
// one whose standard error is largest, while it is too large. Where ctx ends it stops.
func (f *fitter) choose(ctx context.Context, groups int) (kept []string) {
	kept = make([]string, len(f.all))
	for i := range f.all {
		if f.values[i] <= 0 {
			kept[i] = "the catalog has no value to start from"
			continue
		}
		s := f.slopes(f.values, []int{i})
		if effect := mat.Norm(s, 2) / math.Sqrt(float64(len(f.samples))); effect < leastEffect {
			kept[i] = fmt.Sprintf("10 %% more moves these steps by %.2g %%", 10*effect)
			continue
		}
		f.chosen = append(f.chosen, i)
	}
	for len(f.chosen) > 0 && ctx.Err() == nil {
		worst := len(f.chosen) - 1 // the catalog lists the most telling ones first
		if len(f.chosen) < groups/2 {
			size := 0.0
			for k, e := range f.standardErrors(f.values, groups) {
				if !(e <= size) { // NaN is worst of all
					worst, size = k, e
				}
			}
			if size <= mostUncertain {
				return kept
			}
		}
		i := f.chosen[worst]
		kept[i] = "these steps do not tell it from the other constants"
		f.chosen = slices.Delete(f.chosen, worst, worst+1)
	}
	return kept
}

// standardErrors are those of the logarithms of the chosen constants, from the
// curvature of the squares and with the errors of one configuration taken as one
// (the cluster-robust sandwich estimate, errors about their mean effect).
func (f *fitter) standardErrors(values []float64, groups int) []float64 {
	n := len(f.chosen)
	j := f.slopes(values, f.chosen)
	residual := mat.NewVecDense(len(f.samples), nil)
	for i := range f.samples {
		residual.SetVec(i, f.logError(values, &f.samples[i]))
	}
	var square, inverse mat.Dense
	square.Mul(j.T(), j)
	out := make([]float64, n)
	if err := inverse.Inverse(&square); err != nil {
		var near mat.Condition
		if !errors.As(err, &near) || math.IsInf(float64(near), 1) {
			for k := range out {
				out[k] = math.Inf(1)
			}
			return out
		}
	}
	// Away from the minimum the residuals hold what a fit would take out.
	var gradient, move mat.VecDense
	gradient.MulVec(j.T(), residual)
	move.MulVec(&inverse, &gradient)
	var fitted mat.VecDense
	fitted.MulVec(j, &move)
	residual.SubVec(residual, &fitted)

	scores := mat.NewDense(groups, n, nil)
	for i := range f.samples {
		g := f.samples[i].group
		for k := range n {
			scores.Set(g, k, scores.At(g, k)+j.At(i, k)*residual.AtVec(i))
		}
	}
	var meat, half, covariance mat.Dense
	meat.Mul(scores.T(), scores)
	half.Mul(&inverse, &meat)
	covariance.Mul(&half, &inverse)
	// The usual small-sample factor: n constants are taken from the groups.
	factor := float64(groups) / math.Max(1, float64(groups-n))
	for k := range out {
		out[k] = math.Sqrt(factor * covariance.At(k, k))
	}
	return out
}

// crossValidate is the MAPE of every fold with the constants fitted to the others.
// Configurations are dealt to folds in the order in which they appear.
func (f *fitter) crossValidate(ctx context.Context, groups int) (mape *float64, k int, err error) {
	k = min(folds, groups)
	sum := 0.0
	for fold := range k {
		var in, out []sample
		for _, s := range f.samples {
			if s.group%k == fold {
				out = append(out, s)
			} else {
				in = append(in, s)
			}
		}
		values, err := f.minimise(ctx, in)
		if err != nil {
			return nil, 0, err
		}
		sum += f.mape(values, out) * float64(len(out))
	}
	mean := sum / float64(len(f.samples))
	return &mean, k, nil
}

// Overlay is the calibration as the fleet of a scenario: a file to build on with
// base:, or whose chip: to copy. It is empty where nothing was fitted.
func (c *Calibration) Overlay() string {
	var b strings.Builder
	var files []string
	for _, f := range c.CatalogFiles {
		files = append(files, base(f))
	}
	start := constantsOf(files)
	fmt.Fprintf(&b, "# %s with efficiency constants fitted to %d measured steps of %d configurations in %s.\n", c.Chip, c.Rows, c.Configurations, base(c.Cases))
	fmt.Fprintf(&b, "# Mean error %.1f %% with %s, %.1f %% fitted", 100*c.Before, start, 100*c.After)
	if c.CrossValidated != nil {
		fmt.Fprintf(&b, ", %.1f %% on steps left out of the fit", 100**c.CrossValidated)
	}
	b.WriteString(".\n")
	if c.NoBetter {
		fmt.Fprintf(&b, "# That is no better than %s: leave this file unless you know why it should be.\n", start)
	}
	for _, k := range c.Constants {
		if k.Bound != "" {
			fmt.Fprintf(&b, "# %s ended at the bound of what it can be.\n", k.Name)
		}
	}
	if len(c.beside) > 0 {
		fmt.Fprintf(&b, "# Fitted with changes of the catalog that are not here: %s.\n", base(strings.Join(c.beside, ", ")))
	}
	b.WriteString("# Use it with --catalog or base:, or copy chip: into a scenario's fleet. Ranges are 90 % intervals.\n")
	fmt.Fprintf(&b, "fleet:\n  chip:\n    like: %s\n    efficiency:\n", c.Chip)
	any := false
	for _, k := range c.Constants {
		if k.Fitted != nil {
			any = true
			fmt.Fprintf(&b, "      %s: {value: %s, confidence: derived, source: \"fitted to %d steps in %s\"}\n", k.Name, k.FittedText, c.Rows, base(c.Cases))
		}
	}
	if !any {
		return ""
	}
	for _, v := range c.held {
		name, _ := strings.CutPrefix(v.Path, efficiencyPath)
		fmt.Fprintf(&b, "      %s: {value: %s, source: %s}\n", name, v.Text, strconv.Quote(cmp.Or(v.Source, v.Origin.String())))
	}
	return b.String()
}

// base is a file's name without its folders, as it can stand in YAML.
func base(path string) string {
	path = path[strings.LastIndexAny(path, `/\`)+1:]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == '"' || r == '\\' || r == '\x7f' {
			return '_'
		}
		return r
	}, path)
}
