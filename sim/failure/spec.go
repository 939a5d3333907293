// Package failure says what breaks, how often and in which pattern over a server's
// age, how long it takes to be noticed and to mend.
package failure

import (
	"clustercap/sim/dist"
	"clustercap/sim/unit"
)

// Scope is what one failure takes with it.
type Scope string

// The scopes.
const (
	// ServerScope takes the server out of service and stops the job on it.
	ServerScope Scope = "server"
	// JobScope stops the job but leaves the server in service (software, a hang, a
	// transient link flap).
	JobScope Scope = "job"
	// DomainScope takes every server of the scale-up domain (its switch, its backplane).
	DomainScope Scope = "domain"
	// LeafScope takes every server of a leaf switch, unless servers are dual-homed.
	LeafScope Scope = "leaf"
	// RackScope takes every server of a rack (power shelf, distribution unit).
	RackScope Scope = "rack"
	// LoopScope takes every server of a cooling loop.
	LoopScope Scope = "loop"
	// RoomScope takes every server of a room.
	RoomScope Scope = "room"
	// StorageScope takes the checkpoint store: until it is back no checkpoint
	// becomes durable there and none is read.
	StorageScope Scope = "storage"
)

// Scopes lists them, the narrowest first.
func Scopes() []Scope {
	return []Scope{JobScope, ServerScope, DomainScope, LeafScope, RackScope, LoopScope, RoomScope, StorageScope}
}

// Group reports whether the scope takes several servers at once.
func (s Scope) Group() bool { return s != JobScope && s != ServerScope && s != StorageScope }

// TakesServers reports whether servers leave service.
func (s Scope) TakesServers() bool { return s != JobScope && s != StorageScope }

// OwnServer reports whether the cause lies in one server, so that its age, a weakness
// that it was delivered with and its last repair change the rate. A room does not fail
// more often for a bad server in it.
func (s Scope) OwnServer() bool { return s == ServerScope }

// Condition is what a server is doing, as far as its rate of failure goes.
type Condition int

// The conditions.
const (
	InUse  Condition = iota // its job trains
	Idle                    // in service without training: free, restarting, waiting
	BurnIn                  // in commissioning
	// Excess counts the lemons in service once more, for what they fail more often.
	Excess
	NumConditions
)

// Spec is a failure profile: independent classes, their rates scaled together, and
// what sets one server apart from another.
type Spec struct {
	// Scale multiplies every class's rate; its range is the uncertainty about
	// how this hardware compares with the fleet that was measured.
	Scale   unit.Range[unit.Factor]
	Classes []Class
	// Infant raises the rates of a server that has just been commissioned, in classes of
	// ServerScope, Maturing all rates of the site after its start (software and processes
	// that learn).
	Infant, Maturing Decline
	Lemons           Lemons
	Relapse          Relapse
	Stragglers       Stragglers
}

// Decline is a factor that falls to 1: 1 + (Factor − 1) e^(−t/Time).
type Decline struct {
	Factor unit.Range[unit.Factor] // at the beginning, at least 1
	Time   unit.Duration           // to fall to 1/e of the excess
}

// Lemons are servers that fail Factor times as often as the others, in classes of
// ServerScope, until a repair in a pipeline finds the cause or the server is retired.
type Lemons struct {
	Share  unit.Range[unit.Share] // of the servers delivered
	Factor unit.Range[unit.Factor]
	// Onset is how often a sound server in service becomes a lemon.
	Onset unit.Range[unit.Rate]
}

// Any reports whether there may be lemons.
func (l *Lemons) Any() bool { return l.Share.High > 0 || l.Onset.High > 0 }

// Relapse raises the rate of a server that came back from a repair that mended nothing,
// in classes of ServerScope.
type Relapse struct {
	Factor unit.Factor
	Time   unit.Duration // the cause shows itself within; then it is gone
}

// Stragglers are servers that are slow from the day they are delivered.
type Stragglers struct {
	Share     unit.Range[unit.Share] // of the servers delivered
	Slowdown  unit.Share             // steps take 1/(1 − Slowdown) as long
	Detection dist.Duration          // of training with one until it is found and evicted
	Repair    dist.Duration
}

// Class is one cause of trouble.
type Class struct {
	Name string
	// Rate per chip in use.
	Rate unit.Range[unit.Rate]
	// Idle and BurnIn are the rates in these conditions over that in use.
	Idle, BurnIn unit.Factor
	Shape        Shape
	Scope        Scope
	// Silent failures corrupt training without stopping it; Detection is how long
	// they go on, and all work since is lost.
	Silent bool
	// Slowdown, where above 0, makes the failure one that slows the server instead
	// of stopping it, until detection.
	Slowdown unit.Share
	// Detection is the time until the job's owner knows that it stopped.
	Detection dist.Duration
	// Repair is the time from detection until the server is back in service, unless
	// a repair pipeline says otherwise; unused with JobScope.
	Repair dist.Duration
}

// Stops reports whether the class stops a job at once.
func (c *Class) Stops(dualHomed bool) bool {
	return c.Slowdown == 0 && c.Scope != StorageScope && !(c.Scope == LeafScope && dualHomed)
}
