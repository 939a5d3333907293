// Package sim simulates the calendar of a plan: servers arrive, fail and are
// repaired; jobs wait for chips, train, lose work and resume; the site stays under
// its power. It is the only package that wires the models to events. A replica
// depends on the plan, its seed and its number alone: no clock, no environment, no
// global generator.
package sim

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"clustercap/sim/des"
	"clustercap/sim/job"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/search"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// Prepared is a plan ready to run: a layout for every job and size, and all that
// replicas share. It is not changed by running and may be shared.
type Prepared struct {
	Plan *scenario.Plan
	Jobs []Job // in plan order
	// Warnings tell of sizes that no replica can use, and the like.
	Warnings []string

	// Swings of the site's power, by job on its largest size.
	Swings []result.Swing
	losses [][]float64 // watts of a chip in the storage of its rack, by job and size
	crests [][]crest   // of a chip, likewise

	order     []int // jobs by priority, highest first, then plan order
	uncertain uncertainty
	horizon   des.Time
	bins      []des.Time      // end of each bin of the calendar
	ends      []unit.Duration // the same
	almanac   almanac
}

// Job is a job with the sizes it can run on.
type Job struct {
	Spec  *job.Spec
	Sizes []Size // ascending
}

// Size is one chip count of a job and the step on it at the plan's likely values.
type Size struct {
	Chips int // as the plan names it
	// Servers that the job holds for it: those that the layout's chips fill. The
	// chips that the layout leaves over stay free for others.
	Servers int
	Step    step.Step
	Batch   int // sequences per step
	// Missing is the number of data-parallel replicas dropped from the size that the
	// plan names.
	Missing int
}

func newSize(p *scenario.Plan, chips int, s step.Step) Size {
	size := Size{Chips: chips, Step: s}
	size.Servers = (size.Used() + p.Fleet.ChipsPerServer - 1) / p.Fleet.ChipsPerServer
	return size
}

// Used chips of the layout.
func (s *Size) Used() int { return s.Step.Layout.Chips() }

// InfeasibleError tells of a plan that can't be run as it stands.
type InfeasibleError struct {
	Plan     string
	Problems []string
}

func (e *InfeasibleError) Error() string {
	text := fmt.Sprintf("plan %s can't run:", e.Plan)
	if len(e.Problems) == 1 {
		return text + " " + e.Problems[0]
	}
	for _, p := range e.Problems {
		text += "\n  " + p
	}
	return text
}

// Prepare finds the layout of every job on every size, at likely values. The error
// is an *InfeasibleError when a job can never run.
func Prepare(p *scenario.Plan) (*Prepared, error) {
	pr, err := prepare(p, layout, estimate)
	if err != nil {
		return nil, err
	}
	return pr, pr.swings()
}

func estimate(p *scenario.Plan, w *step.Workload, l step.Layout) (step.Step, error) {
	m := machine(p)
	return step.Estimate(w, &m, l)
}

// pricing gives the step of one of the plan's jobs on a chip count.
type pricing func(p *scenario.Plan, job, chips int) (step.Step, error)

// estimator gives the step of a workload in a layout.
type estimator func(p *scenario.Plan, w *step.Workload, l step.Layout) (step.Step, error)

func prepare(p *scenario.Plan, price pricing, estimate estimator) (*Prepared, error) {
	if err := validate(p); err != nil {
		return nil, err
	}
	own := *p // jobs get their tokens below
	own.Jobs = slices.Clone(p.Jobs)
	p = &own
	pr := &Prepared{
		Plan:      p,
		Jobs:      make([]Job, len(p.Jobs)),
		order:     make([]int, len(p.Jobs)),
		uncertain: uncertainties(p),
		horizon:   des.FromDuration(p.Horizon),
	}
	pr.bins = calendar(pr.horizon)
	for _, end := range pr.bins {
		pr.ends = append(pr.ends, end.Duration())
	}
	pr.almanac = newAlmanac(p.Start, p.Money.UTCOffset, pr.horizon)
	for i := range pr.order {
		pr.order[i] = i
	}
	slices.SortStableFunc(pr.order, func(a, b int) int { return cmp.Compare(p.Jobs[b].Priority, p.Jobs[a].Priority) })

	type task struct{ job, chips int }
	var tasks []task
	for i := range p.Jobs {
		for _, chips := range p.Jobs[i].Sizes {
			if chips <= p.Fleet.Servers()*p.Fleet.ChipsPerServer || len(p.Jobs[i].Sizes) == 1 {
				tasks = append(tasks, task{i, chips})
			}
		}
	}
	steps := make([]step.Step, len(tasks))
	errs := make([]error, len(tasks))
	parallel(len(tasks), func(t int) {
		steps[t], errs[t] = price(p, tasks[t].job, tasks[t].chips)
	})
	infeasible := &InfeasibleError{Plan: p.Name}
	for i := range p.Jobs {
		pr.Jobs[i].Spec = &p.Jobs[i]
		var problems []string
		for t := range tasks {
			if tasks[t].job != i {
				continue
			}
			if errs[t] != nil {
				problems = append(problems, fmt.Sprintf("job %s on %s chips: %v", p.Jobs[i].Name, unit.Count(tasks[t].chips), errs[t]))
				continue
			}
			s := newSize(p, tasks[t].chips, steps[t])
			s.Batch = p.Jobs[i].Workload.Batch
			if problem := reachable(p, i, &s); problem != "" {
				problems = append(problems, problem)
				continue
			}
			if p.Jobs[i].Recovery.Mode == job.Shrink {
				pr.Jobs[i].addShrunk(p, &s, estimate)
			}
			pr.Jobs[i].addSize(s)
		}
		if n := len(pr.Jobs[i].Sizes); n > 0 && p.Jobs[i].Work > 0 {
			for k := range pr.Jobs[i].Sizes {
				if s := &pr.Jobs[i].Sizes[k]; s.Missing == 0 {
					p.Jobs[i].Tokens = unit.Tokens(speed(&s.Step) * float64(p.Jobs[i].Work))
					break
				}
			}
		}
		if len(pr.Jobs[i].Sizes) == 0 {
			if len(problems) == 0 {
				problems = []string{fmt.Sprintf("job %s wants at least %s chips; the fleet never has more than %s", p.Jobs[i].Name,
					unit.Count(p.Jobs[i].Sizes[0]), unit.Count(p.Fleet.Servers()*p.Fleet.ChipsPerServer))}
			}
			infeasible.Problems = append(infeasible.Problems, problems...)
			continue
		}
		pr.Warnings = append(pr.Warnings, problems...)
		pr.Warnings = append(pr.Warnings, rareTiers(p, &pr.Jobs[i])...)
	}
	infeasible.Problems = append(infeasible.Problems, tooLow(p)...)
	if len(infeasible.Problems) > 0 {
		return nil, infeasible
	}
	pr.Warnings = append(pr.Warnings, withoutEffect(p)...)
	pr.Warnings = append(pr.Warnings, pr.underpowered()...)
	return pr, nil
}

// addSize appends a size unless it is no faster than the one before: a job gains
// nothing from it.
func (j *Job) addSize(s Size) {
	if n := len(j.Sizes); n > 0 && speed(&j.Sizes[n-1].Step) >= speed(&s.Step) {
		return
	}
	j.Sizes = append(j.Sizes, s)
}

// addShrunk adds the size with fewer and fewer data-parallel replicas, the rest as
// it is: each replica keeps its share of the batch.
func (j *Job) addShrunk(p *scenario.Plan, s *Size, estimate estimator) {
	l := s.Step.Layout
	if l.DP < 2 || s.Batch%l.DP != 0 {
		return
	}
	var fewer []Size // the largest first
	drops := newDrops(p, j.Spec, &l, l.DP)
	for dp := drops.below(l.DP); dp > 0; dp = drops.below(dp) {
		lean, w := l, j.Spec.Workload
		lean.DP, w.Batch = dp, s.Batch/l.DP*dp
		st, err := estimate(p, &w, lean)
		if err != nil || !st.Memory.Fits() {
			break // fewer replicas, each with more of what they share
		}
		fewer = append(fewer, Size{Chips: s.Chips, Servers: drops.servers(dp), Step: st, Batch: w.Batch, Missing: l.DP - dp})
	}
	for _, size := range slices.Backward(fewer) {
		if n := len(j.Sizes); n == 0 || size.Servers > j.Sizes[n-1].Servers {
			j.addSize(size)
		}
	}
}

// rareTiers tells of fast tiers whose checkpoints are no more frequent than those that
// a rule chooses for the store.
func rareTiers(p *scenario.Plan, j *Job) (warnings []string) {
	largest := &j.Sizes[len(j.Sizes)-1]
	store := longRun(p, j.Spec, largest, j.Spec.Recovery.Mode).cycle.Interval.Duration()
	for _, t := range j.Spec.Checkpoint.Fast {
		if t.Interval >= store {
			warnings = append(warnings, fmt.Sprintf("job %s on %s chips saves to the store every %s and to its %s tier every %s, which brings nothing: make that more frequent or leave it out",
				j.Spec.Name, unit.Count(largest.Chips), store, t.Kind, t.Interval))
		}
	}
	return warnings
}

// speed in tokens per second without failures.
func speed(s *step.Step) float64 { return float64(s.Tokens) / float64(s.Time) }

// reachable says why the fleet can never give a job this size, or nothing.
func reachable(p *scenario.Plan, i int, s *Size) string {
	all, cold := p.Fleet.Servers(), p.Fleet.Cold.Servers
	usable := p.Fleet.Usable(all - cold)
	switch {
	case s.Servers > usable && cold > 0:
		return fmt.Sprintf("job %s on %s chips holds %s servers; the whole fleet has %s, of which %s are cold spares and %s kept as warm ones: deliver more, keep fewer spares or name a smaller size",
			p.Jobs[i].Name, unit.Count(s.Chips), unit.Count(s.Servers), unit.Count(all), unit.Count(cold), unit.Count(all-cold-usable))
	case s.Servers > usable && usable == all:
		return fmt.Sprintf("job %s on %s chips holds %s servers; the whole fleet has %s: deliver more or name a smaller size",
			p.Jobs[i].Name, unit.Count(s.Chips), unit.Count(s.Servers), unit.Count(all))
	case s.Servers > usable:
		return fmt.Sprintf("job %s on %s chips holds %s servers; the whole fleet has %s, of which %s are kept as spares: deliver more, keep fewer spares or name a smaller size",
			p.Jobs[i].Name, unit.Count(s.Chips), unit.Count(s.Servers), unit.Count(all), unit.Count(all-usable))
	}
	return ""
}

// layout finds or checks the layout of one job on one size.
func layout(p *scenario.Plan, i, chips int) (step.Step, error) {
	j := &p.Jobs[i]
	if j.Layout == nil {
		m := machine(p)
		best, err := search.Best(&j.Workload, &m, chips, 1)
		if err != nil {
			return step.Step{}, err
		}
		return best[0], nil
	}
	l := j.Layout.Complete(chips)
	if l.Chips() > chips {
		return step.Step{}, fmt.Errorf("layout %v occupies %d chips", l, l.Chips())
	}
	return fitting(p, i, l)
}

// fitting prices a layout of one job that must fit in memory.
func fitting(p *scenario.Plan, i int, l step.Layout) (step.Step, error) {
	m := machine(p)
	s, err := step.Estimate(&p.Jobs[i].Workload, &m, l)
	if err != nil {
		return step.Step{}, err
	}
	if !s.Memory.Fits() {
		return step.Step{}, errors.New(memoryProblem(&s))
	}
	return s, nil
}

// memoryProblem says what a step needs by class, and what the chip has.
func memoryProblem(s *step.Step) string {
	return fmt.Sprintf("layout %v needs %s: divide the model further, recompute or offload activations", s.Layout, s.Memory)
}

func machine(p *scenario.Plan) step.Machine {
	return step.Machine{Chip: p.Chip, Server: p.Server, Fabric: p.Fabric, Stack: p.Stack}
}

// parallel runs f(0..n-1) on all cores and waits.
func parallel(n int, f func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// longestHorizon keeps chip x milliseconds of ten million chips within an int64.
const longestHorizon = 25 * unit.Year

func validate(p *scenario.Plan) error {
	var errs []error
	if !(p.Horizon >= unit.Minute && p.Horizon <= longestHorizon) {
		errs = append(errs, fmt.Errorf("horizon: %g s; it must be between a minute and %g years", float64(p.Horizon), float64(longestHorizon/unit.Year)))
	}
	under := func(path string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", path, err))
		}
	}
	under("site", p.Site.Validate())
	under("site.money", p.Money.Validate())
	under("fleet", p.Fleet.Validate())
	under("failures", p.Failures.Validate())
	for i := range p.Jobs {
		under("jobs."+p.Jobs[i].Name, p.Jobs[i].Validate())
	}
	return errors.Join(errs...)
}

// The calendar's bins: days, unless that gives a chart too many or too few points.
const (
	mostBins  = 750
	leastBins = 50
)

// calendar divides the horizon into equal bins and returns their ends.
func calendar(horizon des.Time) []des.Time {
	days := int(math.Ceil(float64(horizon.Duration() / unit.Day)))
	n := min(max(days, leastBins), mostBins)
	ends := make([]des.Time, n)
	for i := range ends {
		ends[i] = des.Time(int64(horizon) / int64(n) * int64(i+1))
	}
	ends[n-1] = horizon
	return ends
}

// Frame is what is known of the results before the first replica runs: all of
// result.Summarize's frame but Scaling and the program's version.
func (pr *Prepared) Frame() result.Set {
	p := pr.Plan
	set := result.Set{
		Scenario: p.Scenario, Title: p.Title, Plan: p.Name, Seed: p.Seed, Replicas: p.Replicas,
		Start: p.Start, HorizonDays: float64(p.Horizon / unit.Day), Currency: p.Money.Currency, Warnings: pr.Warnings, LeftOut: p.Money.LeftOut, Swings: pr.Swings,
	}
	set.Site.GeneratorsMW = p.Site.Supply.Dispatchable() / 1e6
	if p.Site.Supply.Battery.Any() {
		set.Site.Battery = &result.BatteryUse{}
	}
	if len(p.Site.Supply.Windows) > 0 {
		set.Site.DemandResponse = &result.DemandResponse{Agreed: agreed(p)}
	}
	for i := range pr.Jobs {
		j := &pr.Jobs[i]
		out := result.Job{
			Name: j.Spec.Name, Model: j.Spec.Workload.Model.Name, Chips: j.Spec.Sizes, TargetTokens: float64(j.Spec.Tokens),
		}
		for k := range j.Sizes {
			s := &j.Sizes[k]
			if s.Missing > 0 {
				continue
			}
			out.Layouts = append(out.Layouts, result.SizedLayout{
				Chips: s.Chips, Used: s.Used(), Layout: fmt.Sprint(s.Step.Layout), StepSeconds: float64(s.Step.Time),
				MFU: float64(s.Step.MFU), MemoryGB: float64(s.Step.Memory.Total()) / 1e9,
			})
		}
		set.Jobs = append(set.Jobs, out)
	}
	for i := range p.Failures.Classes {
		set.Causes = append(set.Causes, result.Cause{Name: p.Failures.Classes[i].Name})
	}
	set.Causes = append(set.Causes, result.Cause{Name: result.Planned})
	for _, end := range pr.bins {
		set.Timeline.Days = append(set.Timeline.Days, float64(end.Duration()/unit.Day))
	}
	for _, c := range siteColumns {
		column := result.Column{Name: c.name, Unit: c.unit}
		if c.unit == moneyUnit {
			column.Unit = p.Money.Currency
		}
		set.Timeline.Columns = append(set.Timeline.Columns, column)
	}
	for i := range pr.Jobs {
		for _, c := range jobColumns {
			set.Timeline.Columns = append(set.Timeline.Columns, result.Column{Name: result.JobKey(pr.Jobs[i].Spec.Name, c.name), Unit: c.unit})
		}
	}
	return set
}

// agreed are the plan's windows of demand response.
func agreed(p *scenario.Plan) []result.AgreedWindow {
	var out []result.AgreedWindow
	for i := range p.Site.Supply.Windows {
		v := &p.Site.Supply.Windows[i]
		until := v.From + v.For
		if v.Every > 0 {
			if until = v.Until; until == 0 {
				until = p.Horizon
			}
		}
		out = append(out, result.AgreedWindow{
			FromDays: float64(v.From / unit.Day), UntilDays: float64(min(until, p.Horizon) / unit.Day),
			LimitMW: (float64(v.Limit) + p.Site.Supply.Dispatchable()) / 1e6,
		})
	}
	return out
}

// moneyUnit stands for the plan's currency in the unit of a column.
const moneyUnit = "money"

// column is one quantity of the timeline; the order here is that of Run.Samples.
type column struct{ name, unit string }

var (
	siteColumns = [...]column{
		{"chips_on_site", "chips"},
		{"chips_in_service", "chips"},
		{"chips_without_power", "chips"},
		{"chips_productive", "chips"},
		{"power_mw", "MW"},
		{"power_peak_mw", "MW"},
		{"power_limit_mw", "MW"},
		{"power_chips_mw", "MW"},
		{"power_servers_mw", "MW"},
		{"power_network_mw", "MW"},
		{"power_cooling_mw", "MW"},
		{"power_losses_mw", "MW"},
		{"power_overhead_mw", "MW"},
		{"pue", ""},
		{"wet_bulb_c", "C"},
		{"servers_in_repair", "servers"},
		{"spares_ready", "servers"},
		{"spares_used_per_day", "servers/d"},
		{"repair_backlog", "servers"},
		{"cost_chips_per_day", moneyUnit},
		{"cost_servers_per_day", moneyUnit},
		{"cost_network_per_day", moneyUnit},
		{"cost_facility_per_day", moneyUnit},
		{"cost_energy_per_day", moneyUnit},
		{"cost_operation_per_day", moneyUnit},
	}
	jobColumns = [...]column{{"chips", "chips"}, {"tokens_per_second", "tokens/s"}, {"tokens", "tokens"}}
)
