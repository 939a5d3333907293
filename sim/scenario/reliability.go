package scenario

import (
	"clustercap/sim/failure"
	"clustercap/sim/job"
	"clustercap/sim/unit"
)

// The structs of failures, repair and recovery; see file.go for the rest of the format.

// Failures is a profile of independent causes of failure.
type Failures struct {
	// Title is a line for reports.
	Title string `json:"title,omitempty"`
	// Scale multiplies the rate of every class: 0 (nothing fails) to 1,000.
	Scale unit.Range[unit.Factor] `json:"scale" default:"1" source:"as measured" max:"1000"`
	// Idle is the rate of a chip in service that does not train over that of one in
	// use: 0 to 10; a class may have its own.
	Idle unit.Factor `json:"idle" default:"1" source:"published rates count all chips of a cluster that is nearly always full" max:"10"`
	// BurnIn is the rate of a chip in commissioning over that of one in use: 0 to
	// 1,000; a class may have its own. What breaks then goes back to its vendor.
	BurnIn unit.Factor `json:"burn_in" default:"0" source:"the share rejected says what commissioning finds" max:"1000"`
	// Infant raises the rates of a server that has just been commissioned, in classes
	// of scope server.
	Infant *Decline `json:"infant,omitempty"`
	// Maturing raises all rates of the site after the scenario's start, for hardware
	// and software that are new to everybody.
	Maturing *Decline `json:"maturing,omitempty"`
	// Lemons are servers that fail more often than the others until a stage of the
	// repair pipeline finds the cause or a policy retires them.
	Lemons *Lemons `json:"lemons,omitempty"`
	// Relapse raises the rates of a server that came back from an ineffective repair, in
	// classes of scope server.
	Relapse *Relapse `json:"relapse,omitempty"`
	// Stragglers are servers that are slow from the day they are delivered.
	Stragglers *Stragglers `json:"stragglers,omitempty"`
	// Repair is the way of this hardware's failed servers back into service, unless
	// fleet.repair says otherwise; its keys are those of fleet.repair.
	Repair *Repair `json:"repair,omitempty"`
	// Classes of failure; an empty list means that nothing fails.
	Classes []FailureClass `json:"classes"`
}

// Decline is a factor that falls from its beginning to 1: 1 + (factor - 1) e^(-t/time).
type Decline struct {
	// Factor at the beginning: 1 to 100.
	Factor unit.Range[unit.Factor] `json:"factor" min:"1" max:"100"`
	// Time in which the excess falls to 37 %: at most 10 y.
	Time unit.Duration `json:"time" above:"0 d" max:"10 y"`
}

// Lemons are a share of the servers that fail more often, in classes of
// scope server.
type Lemons struct {
	// Share of the servers delivered.
	Share unit.Range[unit.Share] `json:"share"`
	// Factor on their rates: 1 to 1,000.
	Factor unit.Range[unit.Factor] `json:"factor" min:"1" max:"1000"`
	// Onset is the rate at which a sound server in service becomes one: at most 10 a day.
	Onset unit.Range[unit.Rate] `json:"onset" default:"0 /y" max:"10 /d" example:"5 %/y"`
}

// Relapse is what an ineffective repair leads to.
type Relapse struct {
	// Factor on the server's rates: 1 to 1,000.
	Factor unit.Factor `json:"factor" min:"1" max:"1000"`
	// Time within which the cause shows itself: at most 10 y.
	Time unit.Duration `json:"time" above:"0 d" max:"10 y"`
}

// Stragglers are a share of the servers that are slow, and so slow the job that
// holds them.
type Stragglers struct {
	// Share of the servers delivered.
	Share unit.Range[unit.Share] `json:"share" default:"0.5 %" source:"about 0.5 % of machines 10 % slow (MegaScale) [read]"`
	// Slowdown of training with one of them: at most 90 %.
	Slowdown unit.Share `json:"slowdown" default:"10 %" source:"about 0.5 % of machines 10 % slow (MegaScale) [read]" max:"90 %"`
	// Detection is how long a job trains with one until it is found and, if a spare
	// is free, evicted; 0 s leaves it in.
	Detection TimeSpread `json:"detection" default:"1 d" source:"found by comparing step times [prior]"`
	// Repair is how long an evicted server is out.
	Repair TimeSpread `json:"repair" default:"2 d" source:"parts replaced on site [prior]"`
}

// FailureClass is one cause of events that stop or slow jobs.
type FailureClass struct {
	// Name of the class, unique within the profile.
	Name Name `json:"name"`
	// Rate per chip in use: at most 100 a day. With a shape it is the inverse of the
	// mean life of one chip's part.
	Rate unit.Range[unit.Rate] `json:"rate" max:"100 /d"`
	// Scope is what one failure takes with it: only the job; the server; all servers
	// of the scale-up domain, leaf switch, rack, cooling loop or room; the checkpoint
	// store.
	Scope failure.Scope `json:"scope" enum:"job,server,domain,leaf,rack,loop,room,storage"`
	// Shape of the rate over a server's age; constant when left out.
	Shape *Shape `json:"shape,omitempty"`
	// Idle and burn_in replace the profile's for this class.
	Idle *unit.Factor `json:"idle,omitempty" max:"10"`
	// BurnIn replaces the profile's burn_in for this class.
	BurnIn *unit.Factor `json:"burn_in,omitempty" max:"1000"`
	// Silent failures corrupt training without stopping it; all work since is lost
	// at their detection. Scope server only.
	Silent bool `json:"silent" default:"false"`
	// Slowdown makes it a failure that slows training instead of stopping it, until
	// its detection (thermal throttling, a slow chip): at most 90 %. Scope server only.
	Slowdown unit.Share `json:"slowdown" default:"0 %" max:"90 %"`
	// Detection is the time until the job's owner knows that it stopped (of a hang:
	// the time-out): at most 2 y.
	Detection TimeSpread `json:"detection" default:"0 s" source:"noticed at once unless the profile says otherwise"`
	// Repair is the time from detection until what failed is back in service: at most
	// 2 y; needed with every scope but job, unless servers pass a repair pipeline.
	Repair *TimeSpread `json:"repair,omitempty"`
}

// Shape is a distribution of lives.
type Shape struct {
	// Kind of distribution.
	Kind failure.ShapeKind `json:"kind" enum:"exponential,weibull,lognormal"`
	// Parameter is Weibull's exponent k (0.3 to 6, from 0.5 with since: start; below 1 the
	// young fail, above 1 the old) or the lognormal's sigma (0.2 to 3).
	Parameter float64 `json:"parameter" default:"1" min:"0.2" max:"6"`
	// Since is where a life begins: at commissioning, at each repair of the server, or
	// each time that its job begins to train, as AIReSim has it; what does not train then
	// fails at the rate.
	Since failure.Since `json:"since" default:"commissioning" enum:"commissioning,repair,start"`
}

// ColdSpares are servers that do other work until a job lacks servers.
type ColdSpares struct {
	// Chips of the pool, taken from the first deliveries: whole servers.
	Chips int `json:"chips" min:"1" max:"10000000"`
	// Delay until they join, which their other work needs to stop: at most 30 d.
	Delay unit.Duration `json:"delay" default:"20 min" source:"pre-emption takes minutes [prior]" max:"30 d"`
}

// Topology says how many chips share what may fail.
type Topology struct {
	// Domain is the scale-up domain; the server's own when left out.
	Domain *int `json:"domain,omitempty" min:"1" max:"10000000"`
	// Leaf is the chips under one leaf switch; the fabric's first tier when left out.
	Leaf *int `json:"leaf,omitempty" min:"1" max:"10000000"`
	// Rack is the chips on one rack's power; the larger of 32 and the domain when left out.
	Rack *int `json:"rack,omitempty" min:"1" max:"10000000"`
	// Row is the chips in one row of racks; 512 when left out.
	Row *int `json:"row,omitempty" min:"1" max:"10000000"`
	// CoolingLoop is the chips on one loop; 1,024 when left out.
	CoolingLoop *int `json:"cooling_loop,omitempty" min:"1" max:"10000000"`
	// Room is the chips in one room; 8,192 when left out.
	Room *int `json:"room,omitempty" min:"1" max:"10000000"`
	// DualHomed servers have ports on two leaf switches and survive the loss of one.
	DualHomed bool `json:"dual_homed" default:"false"`
}

// Repair is the way of a failed server back into service.
type Repair struct {
	// Stages that a server passes in order until one claims success; without them
	// every failure class has its own repair time. At most 10.
	Stages []RepairStage `json:"stages,omitempty"`
	// Technicians do the hands-on stages, one server each; 0 is as many as it takes.
	Technicians int `json:"technicians" default:"0" min:"0" max:"100000"`
	// ShiftStart is the time of day at which technicians begin: below 24 h.
	ShiftStart unit.Duration `json:"shift_start" default:"0 h" max:"24 h" example:"8 h"`
	// ShiftLength is how long after that they begin new work: above 0 h, at most 24 h,
	// which is around the clock.
	ShiftLength unit.Duration `json:"shift_length" default:"24 h" above:"0 h" max:"24 h"`
	// Parts in stock, each ordered anew when it is used; 0 is as many as it takes.
	Parts int `json:"parts" default:"0" min:"0" max:"1000000"`
	// Resupply is how long an ordered part takes: at most 2 y.
	Resupply unit.Duration `json:"resupply" default:"14 d" source:"return to the vendor takes 3 to 14 days" max:"2 y"`
	// WrongDiagnosis is the share of failures for which an innocent server of the job
	// is repaired and the faulty one stays.
	WrongDiagnosis unit.Share `json:"wrong_diagnosis" default:"0 %"`
	// Missed is the share of failures for which no server is repaired at all.
	Missed unit.Share `json:"missed" default:"0 %"`
	// Recurrence is the time until a fault that stayed in service stops its job
	// again, a minute at least; 0 s: not before the server's next failure.
	Recurrence TimeSpread `json:"recurrence" default:"0 s"`
}

// RepairStage is one step of repair: automatic reset, work on site, return to the vendor.
type RepairStage struct {
	// Name of the stage.
	Name Name `json:"name"`
	// Time that it takes; the failure class's own when left out.
	Time *TimeSpread `json:"time,omitempty"`
	// Escalates is the share of servers that go on to the next stage.
	Escalates unit.Share `json:"escalates" default:"0 %"`
	// Ineffective is the share of the others that come back unmended.
	Ineffective unit.Share `json:"ineffective" default:"0 %"`
	// HandsOn stages take a technician.
	HandsOn bool `json:"hands_on" default:"false"`
	// Part is the share of hands-on cases that take a spare part.
	Part unit.Share `json:"part" default:"0 %"`
}

// Retire is the policy that takes servers out for good that fail too often.
type Retire struct {
	// Failures within a time that retire a server, the time counted from the first of
	// them; 0 is off.
	Failures int `json:"failures" default:"0" min:"0" max:"1000"`
	// Within which they fall: at most 10 y.
	Within unit.Duration `json:"within" default:"30 d" above:"0 d" max:"10 y"`
	// Score that retires a server: each failure adds 1, and it halves in every
	// half_life; 0 is off.
	Score float64 `json:"score" default:"0" min:"0" max:"1000"`
	// HalfLife of the score: at most 10 y.
	HalfLife unit.Duration `json:"half_life" default:"30 d" above:"0 d" max:"10 y"`
	// Replacement is the time until a new server takes the place.
	Replacement TimeSpread `json:"replacement" default:"21 d" source:"return to the vendor takes weeks [prior]"`
}

// Maintenance is planned work that recurs: jobs save their state, stop, and go on.
type Maintenance struct {
	// Name of the work.
	Name Name `json:"name"`
	// First is when it begins; after one interval when left out.
	First *Date `json:"first,omitempty"`
	// Every is the time between two beginnings: at least 1 h.
	Every unit.Duration `json:"every" min:"1 h" max:"20 y"`
	// Duration that each server is out: at most 30 d.
	Duration unit.Duration `json:"duration" above:"0 h" max:"30 d" example:"4 h"`
	// Batch is the share of the site that is out at once, one batch after the other;
	// 100 % stops everything.
	Batch unit.Share `json:"batch" default:"100 %" above:"0 %"`
}

// CheckpointTier keeps checkpoints nearer than the store, to lose less and load faster.
type CheckpointTier struct {
	// Kind is peer (host memory of servers in other racks, lost with a cooling loop)
	// or local (each server's disk, lost with any server).
	Kind job.TierKind `json:"kind" enum:"peer,local"`
	// Interval between two of them: at most 30 d.
	Interval unit.Duration `json:"interval" above:"0 s" max:"30 d" example:"2 min"`
	// Blocking is how long training stops for one: at most 1 h.
	Blocking unit.Duration `json:"blocking" default:"0 s" max:"1 h" example:"0.5 s"`
	// Load is how long a restart takes to read one: at most 1 d.
	Load unit.Duration `json:"load" default:"0 s" max:"1 d" example:"30 s"`
}

// Recovery says what a job does when a failure has been detected.
type Recovery struct {
	// Mode is restart (schedule the job anew, spares in the place of failed servers),
	// swap (put a warm spare in and keep the other processes), shrink (train on
	// without the data-parallel replica that failed until a server is free) or
	// in-place (restart processes within their servers, their state from other
	// replicas).
	Mode job.Mode `json:"mode" default:"restart" source:"usual practice" enum:"restart,swap,shrink,in-place"`
	// Swap is the time to put warm spares in, in place of the restart time: in mode swap, and
	// in shrink and in-place where a server is lost.
	Swap TimeSpread `json:"swap" default:"150 s" source:"150 s on 4,800 chips (FlashRecovery, arXiv:2509.03047) [read]"`
	// Shrink is the time to drop a replica or to take one back.
	Shrink TimeSpread `json:"shrink" default:"3 min" source:"stall of 3 min at 100,000 chips (FT-HSDP, arXiv:2602.00277) [read]"`
	// InPlace is the time that mode in-place takes where no server was lost.
	InPlace TimeSpread `json:"in_place" default:"105 s" source:"15 min cut to 1.75 min (AWS, checkpointless recovery) [read]"`
	// Setup of communicators, on top of restart and swap times.
	Setup Setup `json:"setup,omitempty"`
	// Floor is the smallest share of its replicas that shrink goes down to.
	Floor unit.Share `json:"floor" default:"75 %" source:"below it the batch differs too much [prior]" min:"1 %"`
	// Standbys are chips of servers selected with the job and kept warm for it alone.
	Standbys int `json:"standbys" default:"0" min:"0" max:"10000000"`
	// Selection is the time to select servers and standbys anew when no standby is
	// left: at most 1 d.
	Selection unit.Duration `json:"selection" default:"0 s" max:"1 d" example:"5 min"`
}

// Setup is the time that setting up communicators takes.
type Setup struct {
	// Fixed part: at most 1 d.
	Fixed unit.Duration `json:"fixed" default:"0 s" source:"in the restart time" max:"1 d" example:"10 s"`
	// PerThousandChips is the part that grows with the chips: at most 1 d.
	PerThousandChips unit.Duration `json:"per_thousand_chips" default:"0 s" source:"in the restart time" max:"1 d" example:"5 s"`
}
