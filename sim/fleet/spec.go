// Package fleet counts servers through their life: delivered, in commissioning,
// in service, in repair, retired. Servers have individual state; chips are numbers.
package fleet

import (
	"clustercap/sim/dist"
	"clustercap/sim/unit"
)

// Spec is what arrives when, how it enters service and how it is kept there.
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
	// Cold are the servers, the first ones accepted, that do other work until a job
	// lacks servers.
	Cold        ColdPool
	Topology    Topology
	Repair      Pipeline
	Retire      Retire
	Maintenance []Maintenance
}

// Chips of all deliveries.
func (s *Spec) Chips() int {
	servers := 0
	for i := range s.Deliveries {
		servers += s.Deliveries[i].Servers
	}
	return servers * s.ChipsPerServer
}

// Delivery is a lot of servers that arrives at once.
type Delivery struct {
	At      unit.Duration // since the scenario's start
	Servers int
}

// ColdPool is a set of servers that join a job which lacks servers after Delay.
type ColdPool struct {
	Servers int
	Delay   unit.Duration
}

// Topology groups servers by what they share, as servers per group in the order of
// delivery; 1 where nothing is shared.
type Topology struct {
	Domain, Leaf, Rack, Row, Loop, Room int
	// DualHomed servers have ports on two leaf switches and survive the loss of one.
	DualHomed bool
}

// Pipeline is the way that a failed server passes, stage by stage, until one
// claims success. Without stages every class has its own repair time.
type Pipeline struct {
	Stages []Stage
	// Technicians work on hands-on stages, one server each; 0 means enough.
	Technicians int
	// ShiftStart and ShiftLength are the hours of the day in which hands-on work
	// begins; a length of 0 or 24 h means around the clock.
	ShiftStart, ShiftLength unit.Duration
	// Parts is the stock of spare parts, each ordered anew when it is used; Resupply
	// is how long that takes. 0 means enough.
	Parts    int
	Resupply unit.Duration
	// WrongDiagnosis is the share of failures for which another server of the same
	// job is repaired and the faulty one stays in service, Missed that of failures
	// for which no server is.
	WrongDiagnosis, Missed unit.Share
	// Recurrence is the time until a fault that stayed in service stops its job
	// again; with mean 0 it does so only at the server's rate of failure.
	Recurrence dist.Duration
}

// Stage is one step of the repair pipeline.
type Stage struct {
	Name string
	// Time it takes; with mean 0 the failure class's own.
	Time dist.Duration
	// Escalates is the share of servers that it passes on to the next stage,
	// Ineffective that of the others which come back unmended.
	Escalates, Ineffective unit.Share
	// HandsOn stages take a technician, and in a share Part of the cases a spare part.
	HandsOn bool
	Part    unit.Share
}

// Retire is the policy that takes servers out for good that fail too often. Either
// rule may be off.
type Retire struct {
	// Failures of a server Within a time; the time starts anew with the first
	// failure after it has passed. 0 is off.
	Failures int
	Within   unit.Duration
	// Score adds 1 at each failure and halves in every HalfLife; 0 is off.
	Score    float64
	HalfLife unit.Duration
	// Replacement is the time until a new server takes the place.
	Replacement dist.Duration
}

// Maintenance is planned work that recurs.
type Maintenance struct {
	Name string
	// First is when it begins first, Every the time between beginnings.
	First, Every unit.Duration
	// Duration that a server is out for.
	Duration unit.Duration
	// Batch is the share of the site that is out at once; 1 stops everything.
	Batch unit.Share
}
