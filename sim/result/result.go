// Package result is the plain data that a run leaves behind, and its codecs.
package result

import "time"

// SchemaVersion of result.json; it changes when a field changes meaning.
const SchemaVersion = 1

// Stat summarises one quantity over the replicas that have a value of it. A
// quantile is the smallest value that at least that share of these replicas does
// not exceed (the inverse of the empirical distribution), so it is a value that
// some replica has. Durations may be +Inf (never); NaN is no value in any replica.
type Stat struct {
	Mean float64 `json:"mean"`
	P10  float64 `json:"p10"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
}

// Date is a Stat of calendar days; see Never.
type Date struct {
	Mean string `json:"mean"` // YYYY-MM-DD
	P10  string `json:"p10"`
	P50  string `json:"p50"`
	P90  string `json:"p90"`
}

// Set is all replicas of one plan, summarised: the document of result.json.
type Set struct {
	SchemaVersion int       `json:"schema_version"`
	Version       string    `json:"clustercap_version"`
	Scenario      string    `json:"scenario"`
	Title         string    `json:"title"`
	Plan          string    `json:"plan"`
	Seed          uint64    `json:"seed"`
	Replicas      int       `json:"replicas"`
	Start         time.Time `json:"start"`
	HorizonDays   float64   `json:"horizon_days"`
	Currency      string    `json:"currency"`
	// LeftOut names what has no price, and is in no cost, or no carbon, and is in none of that:
	// "energy of generator NAME", "carbon of generator NAME" and "embodied carbon" among others.
	LeftOut []string `json:"costs_left_out,omitempty"`

	Jobs       []Job           `json:"jobs"`
	Site       Site            `json:"site"`
	Accounting map[string]Stat `json:"accounting"` // chip-hours by State.String()
	OnSite     Stat            `json:"on_site_chip_hours"`
	Timeline   Timeline        `json:"timeline"`
	Scaling    []ScalingPoint  `json:"scaling"`
	// Causes by class of failure; the last, planned, are stops for maintenance and
	// evictions.
	Causes []Cause `json:"causes,omitempty"`
	// Checkpoints to the store, job by job.
	Checkpoints []CheckpointCurve `json:"checkpoint_intervals,omitempty"`
	Warnings    []string          `json:"warnings,omitempty"`
	// CapCurves of the jobs.
	CapCurves []CapCurve `json:"cap_curves,omitempty"`
	// Swings of the site's power within a training step and around it, by job.
	Swings []Swing `json:"swings,omitempty"`
	// Values of every replica, in order of replica, for paired comparison; keys
	// job/<name>/<metric> and site/<metric>.
	Values map[string]Floats `json:"values"`
}

// Job is one job over all replicas.
type Job struct {
	Name          string  `json:"name"`
	Model         string  `json:"model"`
	Chips         []int   `json:"chips"` // the sizes it may run on
	TargetTokens  float64 `json:"target_tokens"`
	FinishedShare float64 `json:"finished_share"` // of the replicas; where below 1, training_days and finish hold projections
	TrainingDays  Stat    `json:"training_days"`
	Finish        Date    `json:"finish"`
	// FinishDays is Finish as days since the scenario's start.
	FinishDays      Stat `json:"finish_days"`
	Tokens          Stat `json:"tokens"`
	TokensPerSecond Stat `json:"tokens_per_second"`
	MFU             Stat `json:"mfu"`
	Goodput         Stat `json:"goodput"`
	// CappedTokens are those that full clock, on the size that the job could get without
	// limits on power, would have trained besides: in training, paused or waiting.
	CappedTokens Stat `json:"tokens_lost_to_cap"`
	// RampedTokens are those that the limits on power would have allowed, but that the job
	// lost waiting for the ramp of the site's power.
	RampedTokens Stat `json:"tokens_lost_to_ramp"`
	// RampEnergyMWh is what the job's starts and resumptions take of energy_mwh beyond idle
	// power, while they rise on the ramp: by work that is thrown away.
	RampEnergyMWh Stat `json:"ramp_energy_mwh"`
	Interruptions Stat `json:"interruptions"`
	// PlannedStops are those for maintenance and to be rid of slow servers.
	PlannedStops Stat `json:"planned_stops"`
	LostHours    Stat `json:"lost_hours"`
	// LostBy holds lost_hours by reason: lost_work, detection, waiting, restart.
	LostBy    map[string]Stat `json:"lost_by,omitempty"`
	ETTR      Stat            `json:"ettr"`
	MTTFHours Stat            `json:"mttf_hours"`
	EnergyMWh Stat            `json:"energy_mwh"`
	// WaterM3 is the job's share of the water of cooling: hour by hour, as much of it as
	// its power is of the IT equipment's.
	WaterM3 Stat `json:"water_m3"`
	// Cost is that of the energy; TotalCost has the job's share of everything else too.
	Cost      Stat `json:"cost"`
	TotalCost Stat `json:"total_cost"`
	// CO2t is that of the energy, location-based, CO2MarketT by contracts; EmbodiedCO2t the
	// job's share of making the hardware.
	CO2t         Stat `json:"co2_t"`
	CO2MarketT   Stat `json:"co2_market_t"`
	EmbodiedCO2t Stat `json:"embodied_co2_t"`
	// Per million trained tokens: total cost, energy at the meter, and carbon, embodied
	// included, location- and market-based.
	CostPerMTokens      Stat `json:"cost_per_m_tokens"`
	KWhPerMTokens       Stat `json:"kwh_per_m_tokens"`
	CO2PerMTokens       Stat `json:"co2_kg_per_m_tokens"`
	CO2MarketPerMTokens Stat `json:"co2_market_kg_per_m_tokens"`
	// Blocked says why replicas trained nothing: the longest wait of each, the most
	// frequent first, each with how many replicas it holds for.
	Blocked []string `json:"blocked,omitempty"`
	// Layouts by size, as the search or the scenario fixed them.
	Layouts []SizedLayout `json:"layouts"`
}

// SizedLayout is the layout a job uses on one chip count.
type SizedLayout struct {
	Chips       int     `json:"chips"`
	Used        int     `json:"used"`
	Layout      string  `json:"layout"` // "tp=8,pp=16,dp=128,..."
	StepSeconds float64 `json:"step_seconds"`
	MFU         float64 `json:"mfu"`
	MemoryGB    float64 `json:"memory_gb"`
}

// Site is the site over all replicas.
type Site struct {
	PeakPowerMW Stat `json:"peak_power_mw"`
	MeanPowerMW Stat `json:"mean_power_mw"`
	EnergyMWh   Stat `json:"energy_mwh"`
	// EnergyBy holds energy_mwh by what drew it: chips, servers, network, cooling, losses,
	// and overhead, the last two together where the scenario gives pue.
	EnergyBy     map[string]Stat `json:"energy_by,omitempty"`
	PowerSwingMW Stat            `json:"power_swing_mw"`
	// Duration is for how long the power at the meter exceeds how much.
	Duration *DurationCurve `json:"duration_curve,omitempty"`
	// PUE is energy_mwh over that of the IT equipment.
	PUE Stat `json:"pue"`
	// WaterM3 is what cooling evaporated and blew down, WaterLPerKWh the same in litres
	// per kWh of the IT equipment; 0 with a constant PUE, which does not tell.
	WaterM3      Stat `json:"water_m3"`
	WaterLPerKWh Stat `json:"water_l_per_kwh"`
	// EnergyFrom holds energy_mwh by source: grid, generation and battery, the last what
	// it gave less what it took.
	EnergyFrom map[string]Stat `json:"energy_from,omitempty"`
	// GridPeakMW is the highest power from the grid.
	GridPeakMW Stat `json:"grid_peak_mw"`
	// LateChips waited for the site's power within the calendar, each for LateDays in
	// the mean.
	LateChips Stat `json:"late_chips"`
	LateDays  Stat `json:"late_days"`
	// GeneratorsMW is what generators that need no sun add to the grid's limit: it is in
	// the timeline's power_limit_mw and in the limits of windows.
	GeneratorsMW float64 `json:"generators_mw,omitempty"`
	// Battery and DemandResponse are there where the plan has them.
	Battery        *BatteryUse     `json:"battery,omitempty"`
	DemandResponse *DemandResponse `json:"demand_response,omitempty"`
	// Cost is that of the energy, CO2t location-based, CO2MarketT by contracts.
	Cost       Stat `json:"cost"`
	CO2t       Stat `json:"co2_t"`
	CO2MarketT Stat `json:"co2_market_t"`
	// EmbodiedCO2t is what making the hardware emitted, spread over its life.
	EmbodiedCO2t Stat `json:"embodied_co2_t"`
	// TotalCost is depreciation and operation over the calendar; CostBy holds it by
	// expense: chips, servers, network, storage, spare_parts, facility, supply
	// (depreciation), energy, demand, staff, maintenance, rent, water.
	TotalCost Stat            `json:"total_cost"`
	CostBy    map[string]Stat `json:"cost_by,omitempty"`
	// UnassignedCost is the part of TotalCost that falls to no job; the others likewise.
	UnassignedCost         Stat `json:"unassigned_cost"`
	UnassignedEnergyMWh    Stat `json:"unassigned_energy_mwh"`
	UnassignedWaterM3      Stat `json:"unassigned_water_m3"`
	UnassignedCO2t         Stat `json:"unassigned_co2_t"`
	UnassignedCO2MarketT   Stat `json:"unassigned_co2_market_t"`
	UnassignedEmbodiedCO2t Stat `json:"unassigned_embodied_co2_t"`
	CostPerChipHour        Stat `json:"cost_per_chip_hour"` // on site
	// Capital is the price of what is bought within the calendar, CapitalBy by asset.
	Capital   Stat            `json:"capital"`
	CapitalBy map[string]Stat `json:"capital_by,omitempty"`
	// NetPresentCost is all that is paid, discounted to the start, less what the
	// purchases are worth at the end.
	NetPresentCost Stat `json:"net_present_cost"`

	Availability Stat `json:"availability"`
	// Failures of all classes. LemonFailures of them would not have been on sound servers,
	// a second port survived Absorbed, and for Misdiagnosed an innocent server was repaired.
	Failures        Stat `json:"failures"`
	LemonFailures   Stat `json:"lemon_failures"`
	Absorbed        Stat `json:"absorbed"`
	Misdiagnosed    Stat `json:"misdiagnosed"`
	ServersInRepair Stat `json:"servers_in_repair"`
	RepairBacklog   Stat `json:"repair_backlog"`
	LongestBacklog  Stat `json:"longest_backlog"`
	// SparesUsed took the place of failed servers, or of Evicted ones, which were slow.
	SparesUsed Stat `json:"spares_used"`
	Evicted    Stat `json:"evicted"`
	PartsUsed  Stat `json:"parts_used"`
	Retired    Stat `json:"retired"` // for good, since they failed too often
}

// DurationShares are the shares of the calendar of a load duration curve.
func DurationShares() []float64 {
	return []float64{
		0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99, 1,
	}
}

// DurationCurve is the power in MW, in the mean over a training step, that is exceeded
// for each share of the calendar; levels are 0.1 % of what the site could draw.
type DurationCurve struct {
	Share Floats `json:"share"`
	Mean  Floats `json:"mean"`
	P10   Floats `json:"p10"`
	P90   Floats `json:"p90"`
}

// CapCurve is how fast a job trains under a cap at the meter, on the size and at the clock
// that are the fastest below it, with the site for itself and nothing that fails.
type CapCurve struct {
	Job                 string  `json:"job"`
	Chips               int     `json:"chips"` // of the largest size
	FullTokensPerSecond float64 `json:"full_tokens_per_second"`
	// MW from the largest size at full clock down to the smallest at the lowest, and the
	// speed at each.
	MW              Floats `json:"mw"`
	TokensPerSecond Floats `json:"tokens_per_second"`
}

// BatteryUse is what the site's battery did, in the crests and troughs of steps too.
type BatteryUse struct {
	ChargedMWh    Stat `json:"charged_mwh"`
	DischargedMWh Stat `json:"discharged_mwh"`
	Emptied       Stat `json:"emptied"` // times that it ran empty
}

// DemandResponse is what became of the windows in which the site was to draw less.
type DemandResponse struct {
	// Agreed are the plan's windows, those that recur once.
	Agreed  []AgreedWindow `json:"agreed"`
	Windows Stat           `json:"windows"`
	// Met are those that lower clocks, pauses and what the policy sheds sufficed for, with
	// generators and battery. In the others the limit held only since what jobs hold lost
	// its power, and none trained.
	Met   Stat `json:"met"`
	Hours Stat `json:"hours"`
	// CurtailedMWh is how far the load fell short of that before each window,
	// CoveredMWh what generators and battery gave in the windows.
	CurtailedMWh Stat `json:"curtailed_mwh"`
	CoveredMWh   Stat `json:"covered_mwh"`
}

// AgreedMW is the least and the most that windows of demand response leave of the grid, beside
// what generators give; 0 without windows.
func (s *Site) AgreedMW() (least, most float64) {
	if s.DemandResponse == nil {
		return 0, 0
	}
	for i, w := range s.DemandResponse.Agreed {
		grid := w.LimitMW - s.GeneratorsMW
		if i == 0 {
			least, most = grid, grid
		}
		least, most = min(least, grid), max(most, grid)
	}
	return least, most
}

// AgreedWindow is one that recurs between two days since the start, or lasts from one to
// the other, with what grid and generators (generators_mw) may give in it.
type AgreedWindow struct {
	FromDays  float64 `json:"from_days"`
	UntilDays float64 `json:"until_days"`
	LimitMW   float64 `json:"limit_mw"`
}

// Swing is how a job on its largest size makes the power of the IT equipment swing, at
// full clock and likely values, behind what smooths it.
type Swing struct {
	Job         string  `json:"job"`
	Chips       int     `json:"chips"`
	StepSeconds float64 `json:"step_seconds"`
	MeanMW      float64 `json:"mean_mw"`
	// StepMW is the highest power within a step less the lowest, RampMWPerSecond its
	// steepest change.
	StepMW          float64 `json:"step_mw"`
	RampMWPerSecond float64 `json:"ramp_mw_per_second"`
	// BandMW is the largest amplitude of an oscillation between 0.1 and 20 Hz, at BandHertz.
	BandMW    float64 `json:"band_mw"`
	BandHertz float64 `json:"band_hertz"`
	// The changes when the job starts, stops, crashes, and at a checkpoint.
	StartMW      float64 `json:"start_mw"`
	StopMW       float64 `json:"stop_mw"`
	CrashMW      float64 `json:"crash_mw"`
	CheckpointMW float64 `json:"checkpoint_mw"`
	// SmoothingMW is the mean power that floor and storage cost.
	SmoothingMW float64 `json:"smoothing_mw"`
	// PeakMW is the highest power within a step, PeakCutMW by how much storage lowers it.
	PeakMW    float64 `json:"peak_mw"`
	PeakCutMW float64 `json:"peak_cut_mw"`
	// One step: the middle of equal parts, and the power in them.
	TraceSeconds Floats `json:"trace_seconds"`
	TraceMW      Floats `json:"trace_mw"`
	// Checks against the grid's limits, where the scenario gives them.
	Checks []GridCheck `json:"checks,omitempty"`
}

// GridCheck holds one figure against what the grid allows.
type GridCheck struct {
	What  string  `json:"what"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Limit float64 `json:"limit"`
	Met   bool    `json:"met"`
	// Remedy is what would meet it; empty where it is met, or nothing would.
	Remedy string `json:"remedy,omitempty"`
}

// Cause is one class of failure over all replicas.
type Cause struct {
	Name          string `json:"name"`
	Failures      Stat   `json:"failures"`
	Interruptions Stat   `json:"interruptions"`
	LostHours     Stat   `json:"lost_hours"` // of all jobs together
}

// CheckpointCurve is a job's expected goodput over the interval between checkpoints to the
// store, or why no interval is better than another.
type CheckpointCurve struct {
	Job   string `json:"job"`
	Chips int    `json:"chips"`
	// ToStore is the share of the failures that stop the job from which only the store's
	// checkpoint survives.
	ToStore float64 `json:"to_store"`
	Without string  `json:"without,omitempty"` // why there is no curve
	Seconds Floats  `json:"interval_seconds,omitempty"`
	Goodput Floats  `json:"goodput,omitempty"`
	// ChosenSeconds is the plan's interval, BestSeconds that of the highest goodput.
	ChosenSeconds float64 `json:"chosen_seconds,omitempty"`
	ChosenGoodput float64 `json:"chosen_goodput,omitempty"`
	BestSeconds   float64 `json:"best_seconds,omitempty"`
	BestGoodput   float64 `json:"best_goodput,omitempty"`
}

// Timeline is the calendar in equal bins. Days holds each bin's end since the
// start; a column's value is its mean over the bin (totals: its value at the end).
type Timeline struct {
	Days    Floats   `json:"days"`
	Columns []Column `json:"columns"`
}

// Column is one quantity over the calendar. Names: chips_on_site,
// chips_in_service, chips_without_power (waiting for it, or switched off for want of it),
// chips_productive, power_mw, power_peak_mw, power_limit_mw
// (of grid and generators, windows of demand response aside; 0: none), power_chips_mw to
// power_overhead_mw (of the mean, by consumer), pue (energy at the meter over that of the IT
// equipment; null where that takes none), wet_bulb_c (of the outside air; null where the
// scenario gives pue in place of weather), servers_in_repair,
// spares_ready (in service, held by no job), spares_used_per_day (swapped into stopped
// jobs), repair_backlog (waiting for a technician or a part), cost_chips_per_day to
// cost_operation_per_day (chips, servers with storage and spare parts, network and
// facility are depreciation), and per job job/<name>/chips,
// job/<name>/tokens_per_second, job/<name>/tokens (cumulative).
type Column struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	Mean Floats `json:"mean"`
	P10  Floats `json:"p10"`
	P90  Floats `json:"p90"`
}

// ScalingPoint is one job's failure-free and expected speed when it is offered a
// number of chips, of which its layout may leave some idle. Speeds and MFU are those
// of all the chips offered.
type ScalingPoint struct {
	Job             string  `json:"job"`
	Chips           int     `json:"chips"`
	Used            int     `json:"used"`
	TokensPerSecond float64 `json:"tokens_per_second"` // failure-free
	MFU             float64 `json:"mfu"`               // failure-free, against the peak of Chips
	// Delivered is the same with failures and checkpoints at the plan's rates.
	Delivered float64 `json:"delivered_tokens_per_second"`
	// MTTFHours of the job on so many chips; 0 where nothing stops it.
	MTTFHours float64 `json:"mttf_hours,omitempty"`
	// Modes are the delivered tokens per second in each mode of recovery.
	Modes map[string]float64 `json:"modes,omitempty"`
}
