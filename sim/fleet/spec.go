// Package fleet counts servers through their life: delivered, in commissioning,
// in service, in repair. Servers have individual state; chips are numbers.
package fleet

import (
	"clustercap/sim/dist"
	"clustercap/sim/unit"
)

// Spec is what arrives when, and how it enters service.
type Spec struct {
	ChipsPerServer int
	// Deliveries in order of time.
	Deliveries []Delivery
	// Commissioning is the time from delivery to service.
	Commissioning dist.Duration
	// Rejected is the share of servers that fail acceptance and go back.
	Rejected unit.Range[unit.Share]
	// Return is the time until a rejected server comes back fit for service.
	Return dist.Duration
	// Spares is the share of servers in service held warm for swaps.
	Spares unit.Share
}

// Delivery is a lot of servers that arrives at once.
type Delivery struct {
	At      unit.Duration // since the scenario's start
	Servers int
}
