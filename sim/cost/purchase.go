package cost

import (
	"math"
	"slices"

	"clustercap/sim/hardware"
	"clustercap/sim/unit"
)

// Purchase is something bought at once, that loses its value in a straight line.
type Purchase struct {
	Kind     Kind
	At       unit.Duration // of delivery, since the scenario's start
	Price    float64
	Life     unit.Duration
	Residual float64 // share of the price left after life
	// Retired is when it is written off; 0 is never.
	Retired unit.Duration
}

// Depreciation is the loss of value, until it is written off.
func (p *Purchase) Depreciation() Stream {
	return Stream{p.Kind, p.At, min(p.At+p.Life, p.end()), p.Price * (1 - p.Residual) / float64(p.Life)}
}

// end of its use.
func (p *Purchase) end() unit.Duration {
	if p.Retired > 0 {
		return p.Retired
	}
	return unit.Duration(math.Inf(1))
}

// WriteOff is the value that is lost at once when it is retired.
func (p *Purchase) WriteOff() float64 { return p.Price - p.Depreciation().Over(p.At, p.end()) }

// Book is the value at a time.
func (p *Purchase) Book(at unit.Duration) float64 {
	if at < p.At || at >= p.end() {
		return 0
	}
	return p.Price - p.Depreciation().Over(p.At, at)
}

// Depreciate adds to into[kind][bin] what the purchases lose of their value in each bin of a
// calendar that begins at 0; ends are the bins' ends, ascending.
func Depreciate(purchases []Purchase, ends []unit.Duration, into *[NumKinds][]float64) {
	losses := make([]Stream, len(purchases))
	for i := range purchases {
		losses[i] = purchases[i].Depreciation()
	}
	Spread(losses, ends, into)
	for i := range purchases {
		p := &purchases[i]
		if bin, _ := slices.BinarySearchFunc(ends, p.end(), atLeast); bin < len(ends) {
			into[p.Kind][bin] += p.WriteOff()
		}
	}
}

// Lot is servers that are delivered at once.
type Lot struct {
	At      unit.Duration
	Servers int
	// Replaced are servers that take the place of retired ones: their network, storage
	// and spare parts are there already.
	Replaced bool
	// Retired is when servers of it were retired, one each.
	Retired []unit.Duration
}

// Capacity is power at the meter that a site is built for, from a time on in addition.
type Capacity struct {
	At    unit.Duration
	Watts float64
}

// Machine is the hardware of a fleet.
type Machine struct {
	Chip   *hardware.Chip
	Server *hardware.Server
	Fabric *hardware.Fabric
}

// Plant is what a site has beside the machines: what it is built for, and supply of its own.
type Plant struct {
	Capacity   []Capacity
	Generation unit.Power
	Battery    unit.Energy
}

// dollars is the currency of the hardware's prices.
const dollars = "USD"

// Purchases lists what lots, in order of time, and the plant cost, ranges at Likely. Chips
// and servers are written off when they are retired; network, storage and spare parts stay.
// Supply of its own is bought at the start.
func (s *Spec) Purchases(m Machine, lots []Lot, plant Plant) []Purchase {
	c := &s.Capital
	rate := s.RateOf(dollars)
	chips := float64(m.Chip.Price.Likely) * float64(m.Server.Chips) * rate
	server := float64(m.Server.Price.Likely) * rate
	var all []Purchase
	buy := func(kind Kind, at unit.Duration, price float64, life unit.Range[unit.Duration], residual unit.Range[unit.Share]) {
		if price > 0 {
			all = append(all, Purchase{Kind: kind, At: at, Price: price, Life: life.Likely, Residual: float64(residual.Likely)})
		}
	}
	connected, nic := 0, m.Chip.NIC.Likely
	for _, lot := range lots {
		level := math.Pow(1-float64(c.Decline.Likely), float64(lot.At/unit.Year)) * float64(lot.Servers)
		hardware := func(kind Kind, price float64) { buy(kind, lot.At, price*level, c.HardwareLife, c.HardwareResidual) }
		machines := func(kind Kind, price float64) {
			p := Purchase{Kind: kind, At: lot.At, Price: price * level, Life: c.HardwareLife.Likely, Residual: float64(c.HardwareResidual.Likely)}
			all = lot.divide(all, p)
		}
		machines(Chips, chips)
		machines(Servers, server)
		if lot.Replaced {
			continue
		}
		hardware(Storage, (chips+server)*float64(c.Storage.Likely))
		hardware(Parts, (chips+server)*float64(c.Parts.Likely))
		more := connected + lot.Servers*m.Server.Chips
		// A network that grows is paid as it grows.
		network := float64(m.Fabric.NetworkPrice(more, nic) - m.Fabric.NetworkPrice(connected, nic))
		buy(Network, lot.At, network*rate*level/float64(lot.Servers), c.NetworkLife, c.HardwareResidual)
		connected = more
	}
	none := unit.Range[unit.Share]{}
	buy(Supply, 0, float64(plant.Generation)*In(s, c.Generation), c.SupplyLife, none)
	buy(Supply, 0, float64(plant.Battery)*In(s, c.Battery), c.SupplyLife, none)
	for _, built := range plant.Capacity {
		buy(Facility, built.At, built.Watts*In(s, c.Facility), c.FacilityLife, c.FacilityResidual)
	}
	return all
}

// divide appends the purchase of the lot's servers, if it costs anything: of those that stay,
// and of each that was retired.
func (l *Lot) divide(into []Purchase, p Purchase) []Purchase {
	each := p.Price / float64(l.Servers)
	if len(l.Retired) > 0 {
		p.Price = each * float64(l.Servers-len(l.Retired))
	}
	if p.Price > 0 {
		into = append(into, p)
	}
	for _, at := range l.Retired {
		if p.Price, p.Retired = each, at; each > 0 {
			into = append(into, p)
		}
	}
	return into
}

// Running lists what runs at a cost from purchases and capacity on, to the horizon.
func (s *Spec) Running(purchases []Purchase, capacity []Capacity, horizon unit.Duration) []Stream {
	o := &s.Operation
	var all []Stream
	until := func(to unit.Duration, kind Kind, from unit.Duration, rate float64) {
		if rate > 0 {
			all = append(all, Stream{kind, from, min(to, horizon), rate})
		}
	}
	run := func(kind Kind, from unit.Duration, rate float64) { until(horizon, kind, from, rate) }
	perSecond := float64(o.Maintenance.Likely) / float64(unit.Year)
	for i := range purchases {
		switch p := &purchases[i]; p.Kind {
		case Chips, Servers, Network, Storage:
			until(p.end(), Maintenance, p.At, p.Price*perSecond)
		}
	}
	staff, rent := In(s, o.Staff), In(s, o.Rent)
	for _, built := range capacity {
		run(Staff, built.At, built.Watts*staff)
		run(Rent, built.At, built.Watts*rent)
	}
	run(Staff, 0, In(s, o.Fixed))
	return all
}

// RackRents lists the rent of the racks that lots fill, so many servers each, to the
// horizon.
func (s *Spec) RackRents(lots []Lot, perRack int, horizon unit.Duration) []Stream {
	each := In(s, s.Operation.RackRent)
	if each == 0 {
		return nil
	}
	var all []Stream
	servers, racks := 0, 0
	for _, lot := range lots {
		if lot.Replaced {
			continue
		}
		servers += lot.Servers
		filled := (servers + perRack - 1) / perRack
		all = append(all, Stream{Rent, lot.At, horizon, float64(filled-racks) * each})
		racks = filled
	}
	return all
}

// Embodied lists the carbon of making the hardware of the lots, which is spread over its life
// as money is: purchases whose price is in kilograms of CO2 equivalent, of the first kind.
func (s *Spec) Embodied(m Machine, lots []Lot) []Purchase {
	kg := float64(m.Chip.Embodied.Likely)*float64(m.Server.Chips) + float64(m.Server.Embodied.Likely)
	var all []Purchase
	for i := range lots {
		all = lots[i].divide(all, Purchase{At: lots[i].At, Price: kg * float64(lots[i].Servers), Life: s.Capital.HardwareLife.Likely})
	}
	return all
}

// NetPresent is the value at time 0 of all that is paid until the horizon, less what the
// purchases are worth then.
func (s *Spec) NetPresent(purchases []Purchase, running []Stream, horizon unit.Duration) float64 {
	c, discount := &s.Capital, float64(s.Discount.Likely)
	deposit := float64(c.Deposit.Likely)
	sum := 0.0
	for i := range purchases {
		p := &purchases[i]
		sum += Present(p.Price*deposit, p.At-c.Lead, discount) + Present(p.Price*(1-deposit), p.At+c.Terms, discount)
		sum -= Present(p.Book(horizon), horizon, discount)
	}
	for _, r := range running {
		sum += PresentStream(r.Rate, r.From, min(r.To, horizon), discount)
	}
	return sum
}
