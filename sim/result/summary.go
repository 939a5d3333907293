package result

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"
)

// Never is the Date of something that does not happen.
const Never = "never"

// JobMetric is one number of a JobRun, by its key in Set.Values and jobs.csv.
type JobMetric struct {
	Name string
	// Duration is true where no value means never.
	Duration bool
	Of       func(*JobRun) float64
}

// JobMetrics lists the numbers of a JobRun in the order of jobs.csv.
func JobMetrics() []JobMetric {
	return []JobMetric{
		{"started", false, func(j *JobRun) float64 { return indicator(j.Started) }},
		{"finished", false, func(j *JobRun) float64 { return indicator(j.Finished) }},
		{"start_days", true, func(j *JobRun) float64 {
			if !j.Started {
				return math.Inf(1)
			}
			return j.StartDays
		}},
		{"training_days", true, func(j *JobRun) float64 { return j.TrainingDays }},
		{"finish_days", true, func(j *JobRun) float64 { return j.FinishDays }},
		{"tokens", false, func(j *JobRun) float64 { return j.Tokens }},
		{"tokens_per_second", false, func(j *JobRun) float64 { return j.TokensPerSecond }},
		{"mfu", false, func(j *JobRun) float64 { return j.MFU }},
		{"goodput", false, func(j *JobRun) float64 { return j.Goodput }},
		{"tokens_lost_to_cap", false, func(j *JobRun) float64 { return j.CappedTokens }},
		{"tokens_lost_to_ramp", false, func(j *JobRun) float64 { return j.RampedTokens }},
		{"ramp_energy_mwh", false, func(j *JobRun) float64 { return j.RampEnergyMWh }},
		{"interruptions", false, func(j *JobRun) float64 { return j.Interruptions }},
		{"lost_hours", false, func(j *JobRun) float64 { return j.LostHours }},
		{"ettr", false, func(j *JobRun) float64 { return j.ETTR }},
		{"mttf_hours", false, func(j *JobRun) float64 { return j.MTTFHours }},
		{"planned_stops", false, func(j *JobRun) float64 { return j.PlannedStops }},
		{"energy_mwh", false, func(j *JobRun) float64 { return j.EnergyMWh }},
		{"water_m3", false, func(j *JobRun) float64 { return j.WaterM3 }},
		{"cost", false, func(j *JobRun) float64 { return j.Cost }},
		{"total_cost", false, func(j *JobRun) float64 { return j.TotalCost }},
		{"co2_t", false, func(j *JobRun) float64 { return j.CO2t }},
		{"co2_market_t", false, func(j *JobRun) float64 { return j.CO2MarketT }},
		{"embodied_co2_t", false, func(j *JobRun) float64 { return j.EmbodiedCO2t }},
		{"cost_per_m_tokens", false, func(j *JobRun) float64 { return perMTokens(j, j.TotalCost) }},
		{"kwh_per_m_tokens", false, func(j *JobRun) float64 { return perMTokens(j, j.EnergyMWh*1000) }},
		{"co2_kg_per_m_tokens", false, func(j *JobRun) float64 { return perMTokens(j, (j.CO2t+j.EmbodiedCO2t)*1000) }},
		{"co2_market_kg_per_m_tokens", false, func(j *JobRun) float64 { return perMTokens(j, (j.CO2MarketT+j.EmbodiedCO2t)*1000) }},
	}
}

// perMTokens is a quantity per million trained tokens; NaN where none are.
func perMTokens(j *JobRun, v float64) float64 {
	if !(j.Tokens > 0) {
		return math.NaN()
	}
	return v / j.Tokens * 1e6
}

// SiteMetric is one number of a SiteRun, by its key in Set.Values.
type SiteMetric struct {
	Name string
	Of   func(*SiteRun) float64
}

// SiteMetrics lists the numbers of a SiteRun.
func SiteMetrics() []SiteMetric {
	return []SiteMetric{
		{"peak_power_mw", func(s *SiteRun) float64 { return s.PeakPowerMW }},
		{"mean_power_mw", func(s *SiteRun) float64 { return s.MeanPowerMW }},
		{"energy_mwh", func(s *SiteRun) float64 { return s.EnergyMWh }},
		{"power_swing_mw", func(s *SiteRun) float64 { return s.PowerSwingMW }},
		{"pue", func(s *SiteRun) float64 { return s.PUE }},
		{"water_m3", func(s *SiteRun) float64 { return s.WaterM3 }},
		{"water_l_per_kwh", func(s *SiteRun) float64 { return s.WaterLPerKWh }},
		{"grid_peak_mw", func(s *SiteRun) float64 { return s.GridPeakMW }},
		{"cost", func(s *SiteRun) float64 { return s.Cost }},
		{"co2_t", func(s *SiteRun) float64 { return s.CO2t }},
		{"co2_market_t", func(s *SiteRun) float64 { return s.CO2MarketT }},
		{"embodied_co2_t", func(s *SiteRun) float64 { return s.EmbodiedCO2t }},
		{"total_cost", func(s *SiteRun) float64 { return s.TotalCost }},
		{"unassigned_cost", func(s *SiteRun) float64 { return s.Unassigned.TotalCost }},
		{"unassigned_energy_mwh", func(s *SiteRun) float64 { return s.Unassigned.EnergyMWh }},
		{"unassigned_water_m3", func(s *SiteRun) float64 { return s.Unassigned.WaterM3 }},
		{"unassigned_co2_t", func(s *SiteRun) float64 { return s.Unassigned.CO2t }},
		{"unassigned_co2_market_t", func(s *SiteRun) float64 { return s.Unassigned.CO2MarketT }},
		{"unassigned_embodied_co2_t", func(s *SiteRun) float64 { return s.Unassigned.EmbodiedCO2t }},
		{"cost_per_chip_hour", func(s *SiteRun) float64 { return s.CostPerChipHour }},
		{"capital", func(s *SiteRun) float64 { return s.Capital }},
		{"net_present_cost", func(s *SiteRun) float64 { return s.NetPresentCost }},
		{"availability", func(s *SiteRun) float64 { return s.Availability }},
		{"failures", func(s *SiteRun) float64 { return s.Failures }},
		{"servers_in_repair", func(s *SiteRun) float64 { return s.ServersInRepair }},
		{"repair_backlog", func(s *SiteRun) float64 { return s.RepairBacklog }},
		{"longest_backlog", func(s *SiteRun) float64 { return s.LongestBacklog }},
		{"spares_used", func(s *SiteRun) float64 { return s.SparesUsed }},
		{"parts_used", func(s *SiteRun) float64 { return s.PartsUsed }},
		{"retired", func(s *SiteRun) float64 { return s.Retired }},
		{"evicted", func(s *SiteRun) float64 { return s.Evicted }},
		{"misdiagnosed", func(s *SiteRun) float64 { return s.Misdiagnosed }},
		{"absorbed", func(s *SiteRun) float64 { return s.Absorbed }},
		{"lemon_failures", func(s *SiteRun) float64 { return s.LemonFailures }},
	}
}

// JobKey and SiteKey are the keys of Set.Values.
func JobKey(job, metric string) string { return "job/" + job + "/" + metric }

// SiteKey is the key of a site's metric in Set.Values.
func SiteKey(metric string) string { return "site/" + metric }

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Summarize turns the replicas of one plan, in order of replica, into a Set.
//
// The frame holds what is known before the first replica runs: the plan's names,
// seed, start, horizon and currency; each job's Name, Model, Chips, TargetTokens
// and Layouts; each cause's Name; the Timeline's Days and its columns' Name and Unit, in the order of
// Run.Samples; Scaling and Warnings. The frame is not changed.
func Summarize(frame Set, runs []*Run) (*Set, error) {
	if err := checkShapes(&frame, runs); err != nil {
		return nil, err
	}
	s := frame
	s.SchemaVersion = SchemaVersion
	s.Replicas = len(runs)
	s.Values = make(map[string]Floats)
	s.Jobs = slices.Clone(frame.Jobs)
	for i := range s.Jobs {
		s.summarizeJob(i, runs)
	}
	s.summarizeSite(runs)
	s.Accounting = make(map[string]Stat, NumStates)
	for st := range NumStates {
		s.Accounting[st.String()] = Summary(collect(runs, func(r *Run) float64 { return r.ChipHours[st] }))
	}
	s.OnSite = Summary(collect(runs, func(r *Run) float64 { return r.OnSiteChipHours }))
	s.summarizeTimeline(runs)
	if err := s.checkFinite(); err != nil {
		return nil, err
	}
	return &s, nil
}

func checkShapes(frame *Set, runs []*Run) error {
	if len(runs) == 0 {
		return fmt.Errorf("plan %s: no replica to summarise", frame.Plan)
	}
	for _, r := range runs {
		if len(r.Jobs) != len(frame.Jobs) {
			return fmt.Errorf("plan %s, replica %d: %d jobs ran, the plan has %d", frame.Plan, r.Replica, len(r.Jobs), len(frame.Jobs))
		}
		if len(r.Samples) != len(frame.Timeline.Columns) {
			return fmt.Errorf("plan %s, replica %d: %d timeline columns sampled, %d declared", frame.Plan, r.Replica, len(r.Samples), len(frame.Timeline.Columns))
		}
		if len(r.Causes) < len(frame.Causes) {
			return fmt.Errorf("plan %s, replica %d: %d causes of failure counted, %d declared", frame.Plan, r.Replica, len(r.Causes), len(frame.Causes))
		}
		for c, bins := range r.Samples {
			if len(bins) != len(frame.Timeline.Days) {
				return fmt.Errorf("plan %s, replica %d: timeline column %s has %d bins, the calendar %d",
					frame.Plan, r.Replica, frame.Timeline.Columns[c].Name, len(bins), len(frame.Timeline.Days))
			}
		}
	}
	return nil
}

// checkFinite refuses numbers that describe the plan, not its outcome, and so
// have no way to be missing.
func (s *Set) checkFinite() error {
	for _, p := range s.Scaling {
		if !finite(p.TokensPerSecond) || !finite(p.MFU) || !finite(p.Delivered) {
			return fmt.Errorf("plan %s: scaling of %s at %d chips: %v tokens/s, MFU %v, delivered %v tokens/s",
				s.Plan, p.Job, p.Chips, p.TokensPerSecond, p.MFU, p.Delivered)
		}
	}
	for _, j := range s.Jobs {
		for _, l := range j.Layouts {
			if !finite(l.StepSeconds) || !finite(l.MFU) || !finite(l.MemoryGB) {
				return fmt.Errorf("plan %s: job %s: the layout for %d chips has a step of %v s, MFU %v, memory %v GB",
					s.Plan, j.Name, l.Chips, l.StepSeconds, l.MFU, l.MemoryGB)
			}
		}
	}
	return nil
}

func (s *Set) summarizeJob(i int, runs []*Run) {
	j := &s.Jobs[i]
	into := map[string]*Stat{
		"training_days": &j.TrainingDays, "finish_days": &j.FinishDays, "tokens": &j.Tokens,
		"tokens_per_second": &j.TokensPerSecond, "mfu": &j.MFU, "goodput": &j.Goodput,
		"tokens_lost_to_cap": &j.CappedTokens, "tokens_lost_to_ramp": &j.RampedTokens, "ramp_energy_mwh": &j.RampEnergyMWh,
		"interruptions": &j.Interruptions, "planned_stops": &j.PlannedStops, "lost_hours": &j.LostHours,
		"energy_mwh": &j.EnergyMWh, "water_m3": &j.WaterM3, "cost": &j.Cost, "total_cost": &j.TotalCost, "co2_t": &j.CO2t, "co2_market_t": &j.CO2MarketT, "embodied_co2_t": &j.EmbodiedCO2t,
		"cost_per_m_tokens": &j.CostPerMTokens, "kwh_per_m_tokens": &j.KWhPerMTokens, "co2_kg_per_m_tokens": &j.CO2PerMTokens,
		"co2_market_kg_per_m_tokens": &j.CO2MarketPerMTokens, "ettr": &j.ETTR, "mttf_hours": &j.MTTFHours,
	}
	for _, m := range JobMetrics() {
		values := collect(runs, func(r *Run) float64 { return missing(m.Of(&r.Jobs[i]), m.Duration) })
		s.Values[JobKey(j.Name, m.Name)] = values
		if stat, ok := into[m.Name]; ok {
			*stat = Summary(values)
		}
	}
	j.LostBy = make(map[string]Stat, NumReasons)
	for r := range NumReasons {
		j.LostBy[r.String()] = Summary(collect(runs, func(run *Run) float64 { return run.Jobs[i].LostBy[r] }))
	}
	j.Blocked = blocked(i, runs)
	j.FinishedShare = stat.Mean(s.Values[JobKey(j.Name, "finished")], nil)
	j.Finish = Date{
		Mean: Day(s.Start, j.FinishDays.Mean), P10: Day(s.Start, j.FinishDays.P10),
		P50: Day(s.Start, j.FinishDays.P50), P90: Day(s.Start, j.FinishDays.P90),
	}
}

// blocked counts the causes for which replicas of job i trained nothing.
func blocked(i int, runs []*Run) []string {
	count := make(map[string]int)
	for _, r := range runs {
		if cause := r.Jobs[i].Blocked; cause != "" {
			count[cause]++
		}
	}
	causes := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
	})
	for n, cause := range causes {
		causes[n] = fmt.Sprintf("%s (%d of %d replicas)", cause, count[cause], len(runs))
	}
	return causes
}

func (s *Set) summarizeSite(runs []*Run) {
	into := map[string]*Stat{
		"peak_power_mw": &s.Site.PeakPowerMW, "mean_power_mw": &s.Site.MeanPowerMW,
		"energy_mwh": &s.Site.EnergyMWh, "power_swing_mw": &s.Site.PowerSwingMW,
		"grid_peak_mw": &s.Site.GridPeakMW,
		"cost":         &s.Site.Cost, "co2_t": &s.Site.CO2t, "co2_market_t": &s.Site.CO2MarketT, "embodied_co2_t": &s.Site.EmbodiedCO2t,
		"total_cost": &s.Site.TotalCost, "unassigned_cost": &s.Site.UnassignedCost,
		"unassigned_energy_mwh": &s.Site.UnassignedEnergyMWh, "unassigned_water_m3": &s.Site.UnassignedWaterM3,
		"unassigned_co2_t": &s.Site.UnassignedCO2t, "unassigned_co2_market_t": &s.Site.UnassignedCO2MarketT,
		"unassigned_embodied_co2_t": &s.Site.UnassignedEmbodiedCO2t, "cost_per_chip_hour": &s.Site.CostPerChipHour,
		"capital": &s.Site.Capital, "net_present_cost": &s.Site.NetPresentCost,
		"pue": &s.Site.PUE, "water_m3": &s.Site.WaterM3, "water_l_per_kwh": &s.Site.WaterLPerKWh,
		"availability": &s.Site.Availability, "failures": &s.Site.Failures, "servers_in_repair": &s.Site.ServersInRepair,
		"repair_backlog": &s.Site.RepairBacklog, "longest_backlog": &s.Site.LongestBacklog, "spares_used": &s.Site.SparesUsed,
		"parts_used": &s.Site.PartsUsed, "retired": &s.Site.Retired, "evicted": &s.Site.Evicted, "misdiagnosed": &s.Site.Misdiagnosed,
		"absorbed": &s.Site.Absorbed, "lemon_failures": &s.Site.LemonFailures,
	}
	for _, m := range SiteMetrics() {
		values := collect(runs, func(r *Run) float64 { return missing(m.Of(&r.Site), false) })
		s.Values[SiteKey(m.Name)] = values
		if stat, ok := into[m.Name]; ok {
			*stat = Summary(values)
		}
	}
	s.Site.EnergyBy = make(map[string]Stat, NumConsumers)
	for c := range NumConsumers {
		s.Site.EnergyBy[c.String()] = Summary(collect(runs, func(r *Run) float64 { return r.Site.EnergyBy[c] }))
	}
	s.summarizeSupply(runs)
	s.Site.CostBy = make(map[string]Stat, NumExpenses)
	for e := range NumExpenses {
		s.Site.CostBy[e.String()] = Summary(collect(runs, func(r *Run) float64 { return r.Site.CostBy[e] }))
	}
	s.Site.CapitalBy = make(map[string]Stat, NumAssets)
	for e := range NumAssets {
		s.Site.CapitalBy[e.String()] = Summary(collect(runs, func(r *Run) float64 { return r.Site.CapitalBy[e] }))
	}
	s.summarizeCauses(runs)
}

// summarizeSupply is where the energy came from, and what battery and windows did.
func (s *Set) summarizeSupply(runs []*Run) {
	of := func(value func(*SiteRun) float64) Stat {
		return Summary(collect(runs, func(r *Run) float64 { return value(&r.Site) }))
	}
	s.Site.EnergyFrom = make(map[string]Stat, NumSources)
	for c := range NumSources {
		s.Site.EnergyFrom[c.String()] = of(func(r *SiteRun) float64 { return r.EnergyFrom[c] })
	}
	if len(runs) > 0 && runs[0].Site.DurationMW != nil {
		s.Site.Duration = &DurationCurve{Share: DurationShares()}
		for i := range s.Site.Duration.Share {
			at := of(func(r *SiteRun) float64 { return r.DurationMW[i] })
			d := s.Site.Duration
			d.Mean, d.P10, d.P90 = append(d.Mean, at.Mean), append(d.P10, at.P10), append(d.P90, at.P90)
		}
	}
	s.Site.LateChips = of(func(r *SiteRun) float64 { return r.LateChips })
	s.Site.LateDays = of(func(r *SiteRun) float64 { return r.LateDays })
	if s.Site.Battery != nil {
		s.Site.Battery = &BatteryUse{
			ChargedMWh:    of(func(r *SiteRun) float64 { return r.ChargedMWh }),
			DischargedMWh: of(func(r *SiteRun) float64 { return r.DischargedMWh }),
			Emptied:       of(func(r *SiteRun) float64 { return r.Emptied }),
		}
	}
	if s.Site.DemandResponse != nil {
		s.Site.DemandResponse = &DemandResponse{
			Agreed:       s.Site.DemandResponse.Agreed,
			Windows:      of(func(r *SiteRun) float64 { return r.Windows }),
			Met:          of(func(r *SiteRun) float64 { return r.WindowsMet }),
			Hours:        of(func(r *SiteRun) float64 { return r.WindowHours }),
			CurtailedMWh: of(func(r *SiteRun) float64 { return r.CurtailedMWh }),
			CoveredMWh:   of(func(r *SiteRun) float64 { return r.CoveredMWh }),
		}
	}
}

func (s *Set) summarizeCauses(runs []*Run) {
	s.Causes = slices.Clone(s.Causes)
	for c := range s.Causes {
		of := func(value func(*CauseRun) float64) Stat {
			return Summary(collect(runs, func(r *Run) float64 { return value(&r.Causes[c]) }))
		}
		s.Causes[c].Failures = of(func(c *CauseRun) float64 { return c.Failures })
		s.Causes[c].Interruptions = of(func(c *CauseRun) float64 { return c.Interruptions })
		s.Causes[c].LostHours = of(func(c *CauseRun) float64 { return c.LostHours })
	}
}

func (s *Set) summarizeTimeline(runs []*Run) {
	s.Timeline.Columns = slices.Clone(s.Timeline.Columns)
	bins := len(s.Timeline.Days)
	values := make([]float64, len(runs))
	for c := range s.Timeline.Columns {
		col := &s.Timeline.Columns[c]
		col.Mean, col.P10, col.P90 = make(Floats, bins), make(Floats, bins), make(Floats, bins)
		for b := range bins {
			for i, r := range runs {
				values[i] = missing(r.Samples[c][b], false)
			}
			st := Summary(values)
			col.Mean[b], col.P10[b], col.P90[b] = st.Mean, st.P10, st.P90
		}
	}
}

func collect(runs []*Run, of func(*Run) float64) Floats {
	v := make(Floats, len(runs))
	for i, r := range runs {
		v[i] = of(r)
	}
	return v
}

// missing maps every non-finite value to the one that null reads back as: +Inf
// for a duration, else NaN. So a Set is the same before and after its codec.
func missing(v float64, duration bool) float64 {
	switch {
	case finite(v):
		return v
	case duration:
		return math.Inf(1)
	default:
		return math.NaN()
	}
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Summary of one quantity over replicas; NaNs are left out.
func Summary(values []float64) Stat {
	sorted := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	if len(sorted) == 0 {
		return Stat{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	}
	slices.Sort(sorted)
	q := func(p float64) float64 { return stat.Quantile(p, stat.Empirical, sorted, nil) }
	return Stat{Mean: stat.Mean(sorted, nil), P10: q(0.1), P50: q(0.5), P90: q(0.9)}
}

// Day is the calendar date a number of days after start, or Never.
func Day(start time.Time, days float64) string {
	// The Gregorian calendar's four-digit years end with 9999.
	const last = 8000 * 365
	if !finite(days) || days > last {
		return Never
	}
	whole := math.Floor(days)
	rest := time.Duration((days - whole) * float64(24*time.Hour))
	return start.AddDate(0, 0, int(whole)).Add(rest).Format(time.DateOnly)
}

// auditTolerance is relative. Chip-hours, by state and on site, are sums of exact
// chip-milliseconds divided to hours, and differ by some 1e-16 per term; bills are sums of
// a million terms of one sign, which round by at most as many times that.
const auditTolerance = 1e-9

// Audit checks that every chip-hour on site is accounted for by exactly one state, and
// every item of the site's bill by exactly one job or none.
func (r *Run) Audit() error {
	var sum float64
	for st, h := range r.ChipHours {
		if !finite(h) || h < 0 {
			return fmt.Errorf("replica %d: the books don't balance: %s holds %g chip-hours", r.Replica, State(st), h)
		}
		sum += h
	}
	if gap := sum - r.OnSiteChipHours; !(math.Abs(gap) <= auditTolerance*math.Max(sum, r.OnSiteChipHours)) {
		return fmt.Errorf("replica %d: the books don't balance: states hold %.6f chip-hours, %.6f were on site (%+.6f): %s",
			r.Replica, sum, r.OnSiteChipHours, gap, r.booked())
	}
	parts := r.Site.Unassigned.items()
	for i := range r.Jobs {
		for k, of := range r.Jobs[i].items() {
			parts[k].value += of.value
		}
	}
	for k, all := range r.Site.items() {
		if gap := parts[k].value - all.value; !(math.Abs(gap) <= auditTolerance*math.Abs(all.value)) {
			return fmt.Errorf("replica %d: the books don't balance: %s of jobs and of none of them is %g, the site's %g",
				r.Replica, all.name, parts[k].value, all.value)
		}
	}
	return nil
}

// booked lists the states that hold chip-hours, largest first.
func (r *Run) booked() string {
	var states []State
	for st := range NumStates {
		if r.ChipHours[st] > 0 {
			states = append(states, st)
		}
	}
	slices.SortStableFunc(states, func(a, b State) int {
		if r.ChipHours[a] > r.ChipHours[b] {
			return -1
		}
		return 1
	})
	parts := make([]string, len(states))
	for i, st := range states {
		parts[i] = fmt.Sprintf("%s %.3f", st, r.ChipHours[st])
	}
	return strings.Join(parts, ", ")
}

// Column returns the timeline's column of that name.
func (t *Timeline) Column(name string) (*Column, bool) {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i], true
		}
	}
	return nil, false
}
