package scenario

import (
	"clustercap/sim/dist"
	"clustercap/sim/hardware"
	"clustercap/sim/model"
	"clustercap/sim/power"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

//go:generate go test -run ^TestGenerated -update .

// The structs of this file are the one description of the format: the decoder, the
// JSON Schema and the tables of docs/scenario-file.md come from their json names,
// tags and comments.

// File is a scenario: which chips arrive when, what fails, and which models train.
type File struct {
	// Name of the scenario: letters, digits, - and _, at most 64. Results are filed under it.
	Name Name `json:"name"`
	// Title is a line for charts and reports; the name when left out.
	Title string `json:"title,omitempty"`
	// Plan is what the scenario's own plan, without an overlay, is called. Comparisons hold
	// the others against it where it has a name.
	Plan Name `json:"plan" default:"base"`
	// Base is another scenario file that this one changes, relative to this file
	// and within its folder tree. Mappings merge key by key, lists and single
	// values replace, null removes a key.
	Base string `json:"base,omitempty"`
	// Start is the first day of the calendar (UTC), or a time of it. Prices, carbon and
	// weather go by hours from it, each by the whole hour that it begins in.
	Start Date `json:"start"`
	// Horizon is how long the calendar runs: 1 h to 20 y.
	Horizon unit.Duration `json:"horizon" min:"1 h" max:"20 y" example:"730 d"`
	// Replicas is how many times the calendar is simulated, each with its own draws:
	// 1 to 10,000.
	Replicas int `json:"replicas" default:"32" min:"1" max:"10000"`
	// Seed of all random draws: 0 to 2^53, which every JSON reader keeps exactly.
	Seed uint64 `json:"seed" default:"1" min:"0" max:"9007199254740992"`
	// Site is a site of the catalog, or written out.
	Site Reference[Site] `json:"site"`
	// Fleet is what hardware arrives when.
	Fleet Fleet `json:"fleet"`
	// Failures is a failure profile of the catalog, or written out.
	Failures Reference[Failures] `json:"failures"`
	// Checkpoint says how jobs save their state, unless a job says otherwise.
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	// Restart is the time from the detection of a failure until training goes on:
	// scheduling, communicator set-up, checkpoint load. At most 2 y.
	Restart *TimeSpread `json:"restart,omitempty" example:"10 min"`
	// Recovery says what jobs do after a failure, unless a job says otherwise.
	Recovery Recovery `json:"recovery,omitempty"`
	// Jobs are the training runs, by name; earlier ones go first at equal priority.
	Jobs Named[Job] `json:"jobs"`
	// Plans are variations of this scenario, by name: each a title and whatever keys
	// it changes. The name base is taken by the scenario itself.
	Plans Named[Overlay] `json:"plans,omitempty"`
}

// Overlay is the part of a scenario that a plan changes.
type Overlay struct{}

// Site is the place: its power, its overhead and its prices.
type Site struct {
	// Title is a line for reports.
	Title string `json:"title,omitempty"`
	// Power that the grid connection supplies, in phases by date; without it there
	// is no limit.
	Power []PowerPhase `json:"power,omitempty"`
	// PUE is the power at the meter over that of the IT equipment: 1 to 5. Where given it
	// holds at any load and hour, in place of losses, cooling and climate.
	PUE unit.Range[unit.Factor] `json:"pue,omitempty" min:"1" max:"5"`
	// Cooling is a cooling plant of the catalog, or written out; needed without pue.
	Cooling *Reference[power.Cooling] `json:"cooling,omitempty"`
	// Climate is the weather of a typical year: a climate of the catalog, written out, or
	// the name of a CSV file with its 8,760 hours from 1 January 00:00 UTC on, in columns
	// dry_bulb_c and wet_bulb_c or relative_humidity_percent; needed without pue.
	Climate *ClimateChoice `json:"climate,omitempty"`
	// Losses are those of the conversions between meter and IT equipment.
	Losses power.Losses `json:"losses,omitempty"`
	// Electricity is the price at the meter; of the hours that no period of tariff names.
	Electricity Priced[unit.EnergyPrice] `json:"electricity"`
	// Tariff is how that price changes with the hour, and what the month's peak costs.
	Tariff *Tariff `json:"tariff,omitempty"`
	// Carbon is the carbon intensity of the electricity, or a mapping with more.
	Carbon GridCarbon `json:"carbon"`
	// Currency of all results: an ISO 4217 code.
	Currency Currency `json:"currency"`
	// UTCOffset is by how much the site's clock, which tariff and carbon go by, is ahead
	// of UTC: -12 h to 14 h. Summer time is not kept, and half hours are cut: 5.5 h counts
	// as 5 h where start is at a whole hour.
	UTCOffset unit.Duration `json:"utc_offset" default:"0 h" min:"-12 h" max:"14 h" example:"8 h"`
	// Money is what hardware and place cost beyond energy.
	Money Money `json:"money,omitempty"`
	// ClockExponent is a in P = idle + (max - idle) f^a at relative clock f: 1 to 4. Where
	// given it takes the place of the chip's voltage and power curve.
	ClockExponent unit.Range[unit.Factor] `json:"clock_exponent,omitempty" min:"1" max:"4" example:"2..2.4..3"`
	// MinClock is the lowest relative clock that a power cap may force; below it
	// jobs are paused. 1 % to 100 %.
	MinClock unit.Share `json:"min_clock" default:"50 %" source:"accelerators lower their clock to about half of the highest [prior]" min:"1 %" max:"100 %"`
	// Limits of chip, rack, row and hall, beside that of the site.
	Limits *Limits `json:"limits,omitempty"`
	// Policy is what the site does, in order, when its power is short: cap lowers the
	// clock of all chips alike, pause pauses jobs, the lowest priority first, shed
	// switches off the newest servers, whose jobs move or shrink, stagger has a job that is
	// ready to start, or to go on after a pause, wait as long as those that train, of its
	// priority or a higher one, leave too little power for full clock, or for the lowest
	// where cap comes first: under a limit that lasts, until another ends. Where that is not
	// enough clocks fall and jobs pause without being named; before the last job that
	// trains pauses, its clock falls and what the others hold is switched off.
	Policy Policy `json:"policy" default:"[cap, pause]" source:"capping costs least: speed falls less than power"`
	// Oversubscription is how far the highest power of all energised servers may exceed
	// what the phase provides. Servers that are delivered beyond it wait for power, in
	// commissioning, and draw none. 0.1 to 10.
	Oversubscription unit.Factor `json:"oversubscription" default:"1.2" source:"held by capping: at 83 % of their highest power chips lose less than a tenth of their speed [prior]" min:"0.1" max:"10"`
	// JobRampPerMinute is how fast the site's power may rise where jobs start, go on after
	// a pause, or get a higher clock, all together: one rise after the other. Until its turn a
	// job's chips idle; in its turn its power rises straight, on work that is thrown away. Clocks
	// stay until theirs is over. Results say how many tokens and how much energy that costs.
	JobRampPerMinute *unit.Power `json:"job_ramp_per_minute,omitempty" above:"0 W" example:"10 MW"`
	// Smoothing of the swings that a synchronous step makes.
	Smoothing Smoothing `json:"smoothing,omitempty"`
	// Grid is what the grid allows of such swings; results say whether it is met.
	Grid *GridCode `json:"grid,omitempty"`
	// DemandResponse are windows in which the site draws less.
	DemandResponse []DemandResponse `json:"demand_response,omitempty"`
	// Generation on the site, for its own load; earlier ones run first.
	Generation []Generator `json:"generation,omitempty"`
	// Battery at the site's connection.
	Battery *Battery `json:"battery,omitempty"`
}

// PowerPhase is a limit that holds from a date on.
type PowerPhase struct {
	// From is when the limit begins; the start when left out.
	From *Date `json:"from,omitempty"`
	// Limit at the meter, or none.
	Limit PowerLimit `json:"limit"`
}

// Fleet is what hardware arrives when, and how it enters service.
type Fleet struct {
	// Chip is a chip of the catalog, or written out.
	Chip Reference[hardware.Chip] `json:"chip"`
	// Server is a server of the catalog that holds chips of this vendor, or written
	// out; the chip's usual one when left out.
	Server Reference[hardware.Server] `json:"server,omitempty"`
	// Fabric is a fabric of the catalog, or written out; the chip's usual one when
	// left out.
	Fabric Reference[hardware.Fabric] `json:"fabric,omitempty"`
	// Stack is a software stack of the catalog, or written out; when left out, the
	// one that the chip's efficiency constants were measured with.
	Stack *Reference[step.Stack] `json:"stack,omitempty"`
	// Deliveries of chips, one by one or as ramps; at most 10,000,000 chips in all.
	Deliveries []Delivery `json:"deliveries"`
	// Commissioning is how delivered servers enter service.
	Commissioning Commissioning `json:"commissioning,omitempty"`
	// Spares is the share of servers in service held warm for swaps: 0 % to 50 %.
	Spares unit.Share `json:"spares" default:"0 %" max:"50 %"`
	// ColdSpares are further servers that join a job after a delay.
	ColdSpares *ColdSpares `json:"cold_spares,omitempty"`
	// Topology says how many chips share what may fail.
	Topology Topology `json:"topology,omitempty"`
	// Repair is the way of a failed server back into service; that of the failure profile
	// when left out.
	Repair *Repair `json:"repair,omitempty"`
	// Retire is the policy that takes servers out for good that fail too often.
	Retire Retire `json:"retire,omitempty"`
	// Maintenance is planned work that recurs.
	Maintenance []Maintenance `json:"maintenance,omitempty"`
}

// Delivery is one lot (date, chips) or a ramp of equal lots (from, every, chips, upto).
type Delivery struct {
	// Date of a single lot.
	Date *Date `json:"date,omitempty"`
	// From is the date of a ramp's first lot.
	From *Date `json:"from,omitempty"`
	// Every is the time between a ramp's lots: at least 1 h. Lots arrive on whole seconds.
	Every *unit.Duration `json:"every,omitempty" min:"1 h" max:"20 y"`
	// Chips per lot: whole servers, at most 10,000,000.
	Chips int `json:"chips" min:"1" max:"10000000" example:"8192"`
	// UpTo is the number of chips on site at which a ramp ends, counting the
	// deliveries listed above it; its last lot is cut to fit. Without it the ramp
	// goes on to the horizon.
	UpTo *int `json:"upto,omitempty" min:"1" max:"10000000" example:"100000"`
}

// Commissioning is how delivered servers enter service.
type Commissioning struct {
	// Time from delivery to service: at most 2 y.
	Time TimeSpread `json:"time" example:"14 d" default:"0 d" source:"servers enter service on arrival unless the scenario says otherwise"`
	// Rejected is the share of servers that fail acceptance and go back.
	Rejected unit.Range[unit.Share] `json:"rejected" example:"5 %" default:"0 %" source:"all servers pass unless the scenario says otherwise"`
	// Return is the time until a rejected server comes back fit for service: at most 2 y.
	Return TimeSpread `json:"return" example:"21 d" default:"21 d" source:"return to the vendor takes weeks [prior]"`
}

// Checkpoint says how a job saves its state.
type Checkpoint struct {
	// Interval of training between two checkpoints (1 s to 365 d), or a rule for it at
	// the job's size and failure rate: auto and daly are Daly's optimum, young is
	// Young's, optimum that of the renewal formula, which holds at any failure rate.
	Interval CheckpointInterval `json:"interval" default:"auto" example:"30 min"`
	// StorageBandwidth is the rate at which one job's checkpoint is written, all
	// chips together; needed unless blocking and background are durations.
	StorageBandwidth *unit.Bandwidth `json:"storage_bandwidth,omitempty" above:"0 GB/s" example:"200 GB/s"`
	// BytesPerParameter is the size of the saved state: 1 B to 64 B.
	BytesPerParameter unit.Bytes `json:"bytes_per_parameter" default:"14 B" source:"12 B to 16 B per parameter: BF16 weights, FP32 master weights and two Adam moments [memory]" min:"1 B" max:"64 B"`
	// Mode is sync (training stops until the checkpoint is written) or async (it
	// stops for the copy to host memory only).
	Mode string `json:"mode" default:"async" source:"usual practice at this scale" enum:"async,sync"`
	// Blocking is how long training stops for one checkpoint (at most 1 d), or auto:
	// the whole write with sync, 5 s with async.
	Blocking AutoDuration `json:"blocking" default:"auto" max:"1 d" example:"5 s"`
	// Background is how long after that the checkpoint is durable (at most 30 d), or
	// auto: nothing with sync, the whole write with async.
	Background AutoDuration `json:"background" default:"auto" max:"30 d" example:"5 min"`
	// Load is how long a restart takes to read a checkpoint, on top of the restart
	// time (at most 30 d), or auto: its size over the storage bandwidth.
	Load AutoDuration `json:"load" default:"0 s" source:"in the restart time" max:"30 d" example:"30 s"`
	// Shared is set where jobs share the storage bandwidth: loads and background writes
	// at once divide it.
	Shared bool `json:"shared" default:"false"`
	// Tiers in front of the store, from which a restart takes the newest checkpoint
	// that survived the failure.
	Tiers []CheckpointTier `json:"tiers,omitempty"`
}

// Job is one training run.
type Job struct {
	// Model is a model of the catalog, or written out.
	Model Reference[model.Model] `json:"model"`
	// Tokens to train on; needed unless work is given.
	Tokens unit.Tokens `json:"tokens,omitempty" above:"0 T tokens"`
	// Work stands for the tokens that the job trains on in this time on its smallest
	// chip count when nothing stops it: at most 20 y.
	Work unit.Duration `json:"work,omitempty" above:"0 s" max:"20 y"`
	// Sequence is the length in tokens: 1 to 10,000,000.
	Sequence int `json:"sequence" min:"1" max:"10000000" example:"8192"`
	// GlobalBatch is the number of sequences per step: 1 to 10,000,000.
	GlobalBatch int `json:"global_batch" min:"1" max:"10000000" example:"2048"`
	// Precision of the matrix products.
	Precision step.Precision `json:"precision" default:"bf16" enum:"bf16,fp8,mxfp8,mxfp4,nvfp4"`
	// Chips is the number of chips that the job runs on, or an ascending list of
	// numbers: it takes the largest that is free and grows when a larger one becomes
	// free. Whole servers, at most 10,000,000.
	Chips Sizes `json:"chips"`
	// Layout is auto (the fastest that fits in memory) or explicit, as a mapping or
	// as text: tp=8,pp=16. dp follows from the chip count when left out; mb is short
	// for micro_batch.
	Layout LayoutChoice `json:"layout" default:"auto"`
	// Submit is when the job enters the queue; the start when left out.
	Submit *Date `json:"submit,omitempty"`
	// Priority orders the queue, highest first: -1,000 to 1,000.
	Priority int `json:"priority" default:"0" min:"-1000" max:"1000"`
	// Checkpoint changes keys of the scenario's checkpoint for this job.
	Checkpoint *Checkpoint `json:"checkpoint,omitempty"`
	// Restart replaces the scenario's restart time for this job.
	Restart *TimeSpread `json:"restart,omitempty" example:"10 min"`
	// Recovery changes keys of the scenario's recovery for this job.
	Recovery *Recovery `json:"recovery,omitempty"`
	// Resize is the shortest time between two voluntary changes of size: at most 2 y.
	Resize unit.Duration `json:"resize" default:"7 d" source:"a change of size is a planned stop; weekly at most [prior]" max:"2 y"`
}

// TimeSpread is a duration, or a distribution of durations: lognormal with a mean and
// a smaller median, or exponential with a mean.
type TimeSpread struct{ dist.Duration }

// spreadFields is the mapping form of a time with a spread.
type spreadFields struct {
	// Mean of the distribution: at most 2 y.
	Mean unit.Duration `json:"mean" max:"2 y" example:"10 min"`
	// Median of a lognormal, at most the mean; without it every draw is the mean.
	Median *unit.Duration `json:"median,omitempty" above:"0 s" max:"2 y" example:"8 min"`
	// Shape of the distribution.
	Shape string `json:"shape,omitempty" enum:"lognormal,exponential"`
}
