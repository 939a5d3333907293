// Package failure says what breaks, how often, and how long it takes to mend.
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
	// JobScope stops the job but leaves the server in service (software, a
	// transient link flap).
	JobScope Scope = "job"
)

// Spec is a failure profile: independent classes, their rates scaled together.
type Spec struct {
	// Scale multiplies every class's rate; its range is the uncertainty about
	// how this hardware compares with the fleet that was measured.
	Scale   unit.Range[unit.Factor]
	Classes []Class
}

// Class is one cause of job-stopping events.
type Class struct {
	Name string
	// Rate per chip in service.
	Rate  unit.Range[unit.Rate]
	Scope Scope
	// Detection is the time until the job's owner knows that it stopped.
	Detection dist.Duration
	// Repair is the time from detection until the server is back in service;
	// unused with JobScope.
	Repair dist.Duration
}
