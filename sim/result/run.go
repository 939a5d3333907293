package result

// CauseRun is what one cause did in one replica.
type CauseRun struct {
	// Failures of the class, with or without a job on what failed.
	Failures float64
	// Interruptions of jobs, and LostHours of wall time of all jobs together.
	Interruptions, LostHours float64
}

// Run is one replica of one plan.
type Run struct {
	Replica int
	Jobs    []JobRun // in plan order
	Site    SiteRun
	// ChipHours by state.
	ChipHours       [NumStates]float64
	OnSiteChipHours float64
	// Causes by class of failure in plan order; the last are planned stops.
	Causes []CauseRun
	Events int
	// Samples at the end of each bin of the calendar: Samples[column][bin],
	// columns as in Timeline.
	Samples [][]float64
}

// JobRun is what became of one job in one replica.
type JobRun struct {
	Started, Finished bool
	StartDays         float64 // since the scenario's start
	// TrainingDays is wall time from first start to finish. Where the job did
	// not finish it is projected at the mean rate of its last 30 days (or of
	// its whole life, if shorter); +Inf when it made no progress.
	TrainingDays float64
	FinishDays   float64 // since the scenario's start; projected likewise
	Tokens       float64 // trained and kept
	// TokensPerSecond is Tokens over wall time since the first start.
	TokensPerSecond float64
	// MFU while training steps run, failures not counted.
	MFU float64
	// Goodput is the share of wall time since the first start that made progress
	// that was kept, at full clock and with all replicas of the size.
	Goodput float64
	// ETTR, the effective training time ratio, is the share of wall time since the
	// first start spent in training that was kept, at whatever clock.
	ETTR float64
	// CappedTokens are those that the job would have trained besides at full clock on the
	// size that it could get without limits on power, in the time in which it trained, was
	// paused, or waited for servers.
	CappedTokens float64
	// RampedTokens are those that it would have trained while it waited for the ramp of the
	// site's power: to start, to go on after a pause, or for a higher clock.
	RampedTokens float64
	// RampEnergyMWh is what its power takes at the meter, beyond that of idle chips, while it
	// rises: to start or to go on after a pause.
	RampEnergyMWh float64
	Interruptions float64
	PlannedStops  float64 // for maintenance, evictions or want of power; not among the interruptions
	// MTTFHours is the time in training per failure that stops it; NaN without one. A
	// failure of a restart is an interruption too, but of no training.
	MTTFHours float64
	// LostHours of wall time to failures and planned stops, and the same by reason.
	LostHours float64
	LostBy    [NumReasons]float64
	// Bill of the job: of its chips' power and the share of the plant's overhead and water
	// that this is of the IT equipment's; of everything else, day by day, as much as the
	// share of the chips on site that it held.
	Bill
	// Blocked says what a job that trained nothing waited for longest, else "".
	Blocked string
}

// Bill is what the site, or a part of it, takes in energy, water, money and carbon.
type Bill struct {
	EnergyMWh float64 // at the meter
	WaterM3   float64 // that cooling evaporates and blows down
	Cost      float64 // of the energy
	TotalCost float64 // with depreciation and operation
	// CO2t of the energy is location-based, CO2MarketT the same by the market-based method.
	CO2t, CO2MarketT float64
	// EmbodiedCO2t is what making the hardware emitted, spread over its life.
	EmbodiedCO2t float64
}

// items of a bill, by their keys in result.json.
func (b *Bill) items() []item {
	return []item{
		{"energy_mwh", b.EnergyMWh},
		{"water_m3", b.WaterM3},
		{"cost", b.Cost},
		{"total_cost", b.TotalCost},
		{"co2_t", b.CO2t},
		{"co2_market_t", b.CO2MarketT},
		{"embodied_co2_t", b.EmbodiedCO2t},
	}
}

type item struct {
	name  string
	value float64
}

// SiteRun is the site over the whole calendar of one replica.
type SiteRun struct {
	// Bill of the site, and the part of it that falls to no job.
	Bill
	Unassigned               Bill
	PeakPowerMW, MeanPowerMW float64
	// EnergyBy is EnergyMWh by what drew it.
	EnergyBy [NumConsumers]float64
	// DurationMW is the power at the meter, in the mean over a training step, that is
	// exceeded for each of DurationShares of the calendar.
	DurationMW []float64
	// PUE is EnergyMWh over that of the IT equipment; NaN where that took none.
	PUE float64
	// WaterLPerKWh is the water per energy of the IT equipment; NaN where that took none.
	WaterLPerKWh float64
	// EnergyFrom is EnergyMWh by where it came from.
	EnergyFrom [NumSources]float64
	// GridPeakMW is the highest power from the grid.
	GridPeakMW float64
	// ChargedMWh and DischargedMWh went into and came out of the battery; Emptied is how
	// often it ran empty.
	ChargedMWh, DischargedMWh, Emptied float64
	// LateChips waited for power within the calendar, LateDays each in the mean.
	LateChips, LateDays float64
	// Windows of demand response that began, and those kept without cutting the power of
	// what jobs hold; their hours; what the site's load fell short of that
	// before the window; what generators and battery gave in them.
	Windows, WindowsMet, WindowHours, CurtailedMWh, CoveredMWh float64
	// PowerSwingMW is the largest difference between the compute and the
	// communication phase of a step, all jobs in phase.
	PowerSwingMW float64
	// CostBy is TotalCost by expense.
	CostBy [NumExpenses]float64
	// CostPerChipHour is TotalCost over the chip-hours on site.
	CostPerChipHour float64
	// Capital is the price of what is bought within the calendar.
	Capital   float64
	CapitalBy [NumAssets]float64
	// NetPresentCost is all that is paid, discounted to the start, less what the
	// purchases are worth at the end.
	NetPresentCost float64
	// Availability is the share of server-hours in service, of those after commissioning.
	Availability float64
	// ServersInRepair and RepairBacklog are means over the calendar: out for repair,
	// and of these waiting for a technician or a part. LongestBacklog is the worst.
	ServersInRepair, RepairBacklog, LongestBacklog float64
	Failures                                       float64 // of all classes
	LemonFailures                                  float64 // that the same servers, healthy, would not have had
	SparesUsed                                     float64 // servers that took the place of failed or evicted ones
	PartsUsed, Retired, Evicted                    float64
	Misdiagnosed                                   float64 // failures for which an innocent server went to repair
	Absorbed                                       float64 // leaf failures that a second port survived
}
