// Package job is the life of a training run: queued, starting, training with
// checkpoints, stopped by a failure, restarted, finished.
package job

import (
	"clustercap/sim/dist"
	"clustercap/sim/model"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// Spec is one training run.
type Spec struct {
	Name   string
	Model  model.Model
	Tokens unit.Tokens
	// Work, where above 0, is how long the job trains on its smallest size if
	// nothing ever stops it; it stands for the tokens of that time.
	Work unit.Duration
	// Sizes are the chip counts that the job may run on, ascending. It takes
	// the largest that is free and grows when a larger one becomes free.
	Sizes []int
	// Layout is fixed, or nil for the fastest one that fits each size.
	Layout *step.Layout
	// Workload is the model, sequence length, global batch and precision.
	Workload step.Workload
	// Submit is when the job enters the queue, since the scenario's start.
	Submit unit.Duration
	// Priority orders the queue, highest first; equals keep file order.
	Priority int

	Checkpoint Checkpoint
	// Restart is the time from detection until training goes on: scheduling,
	// communicator set-up, checkpoint load.
	Restart  dist.Duration
	Recovery Policy
	// Resize is the shortest time between two voluntary changes of size.
	Resize unit.Duration
}

// Checkpoint says how the state is saved. Its times are those of the remote store,
// which survives every failure.
type Checkpoint struct {
	// Interval of training between two checkpoints; 0 takes the optimum that Rule
	// gives for the job's size and failure rate.
	Interval unit.Duration
	Rule     Rule
	// Blocking is how long training stops for one checkpoint.
	Blocking unit.Duration
	// Background is how long after that the checkpoint becomes durable.
	Background unit.Duration
	// Load is how long reading it back takes with the store to oneself; 0 where
	// Restart includes it.
	Load unit.Duration
	// Shared is set where jobs share the store's bandwidth: Background and Load are then
	// the times with the store to oneself.
	Shared bool
	// Fast are the tiers in front of the remote store.
	Fast []Tier
}

// Rule names a formula for the interval between checkpoints.
type Rule string

// The rules; "" is Daly's.
const (
	Daly    Rule = "daly"
	Young   Rule = "young"
	Optimum Rule = "optimum" // of the renewal formula, see ExpectedGoodput
)

// TierKind names where a fast checkpoint is kept.
type TierKind string

// The kinds of fast tier.
const (
	// Peer memory: the host memory of servers in other racks. It survives what
	// takes fewer servers than a cooling loop.
	Peer TierKind = "peer"
	// Local disk of each server: it survives what leaves every server in place.
	Local TierKind = "local"
)

// Tier is a fast tier of checkpoints.
type Tier struct {
	Kind     TierKind
	Interval unit.Duration // training between two checkpoints; below the store's
	Blocking unit.Duration // how long training stops for one
	Load     unit.Duration
}

// Mode is what a job does when a failure has been detected.
type Mode string

// The modes; "" is StopRestart.
const (
	// StopRestart schedules the job anew, on spares where servers are missing.
	StopRestart Mode = "restart"
	// WarmSwap puts a warm spare in the place of the failed server and keeps the
	// other processes; without a spare it restarts.
	WarmSwap Mode = "swap"
	// Shrink drops the data-parallel replica that lost a server, trains on with the
	// others, and takes it back when a server is free. The state survives in the others.
	Shrink Mode = "shrink"
	// InPlace restarts processes within their servers where none was lost, and
	// swaps a spare in otherwise. The state survives in other replicas.
	InPlace Mode = "in-place"
)

// Modes lists them.
func Modes() []Mode { return []Mode{StopRestart, WarmSwap, Shrink, InPlace} }

// Policy is how a job recovers.
type Policy struct {
	Mode Mode
	// Swap, Shrink and InPlace are the times that these modes take in place of Restart.
	Swap, Shrink, InPlace dist.Duration
	// Setup of communicators comes on top of Restart and Swap.
	Setup Setup
	// Floor is the smallest share of its replicas that Shrink trains on with.
	Floor unit.Share
	// Standbys are servers selected with the job and kept warm for it alone;
	// Selection is the time to select servers and standbys anew when none is left.
	Standbys  int
	Selection unit.Duration
}

// Selects reports whether a job has servers selected for it: one of them that comes back from
// repair stands by for it.
func (p *Policy) Selects() bool { return p.Standbys > 0 || p.Selection > 0 }

// Setup is the time to set communicators up.
type Setup struct {
	Fixed       unit.Duration
	PerThousand unit.Duration // per thousand chips
}

// Time on a number of chips.
func (s Setup) Time(chips int) unit.Duration {
	return s.Fixed + s.PerThousand*unit.Duration(chips)/1000
}

// Swaps reports whether a warm spare takes the place of a lost server while the other
// processes stay.
func (m Mode) Swaps() bool { return m == WarmSwap || m.KeepsState() }

// KeepsState reports whether other data-parallel replicas hand their state to a
// restarted one, so that no checkpoint is read.
func (m Mode) KeepsState() bool { return m == Shrink || m == InPlace }
