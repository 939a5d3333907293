package sim

import (
	"slices"

	"clustercap/sim/cost"
	"clustercap/sim/des"
	"clustercap/sim/fleet"
	"clustercap/sim/result"
	"clustercap/sim/unit"
)

// money is what a replica costs and emits beyond what its energy does by itself.
type money struct {
	replaced  []replacement // in order of time
	purchases []cost.Purchase
	streams   []cost.Stream
	embodied  []cost.Purchase // in kg
	byBin     [cost.NumKinds][]float64
	carbon    [cost.NumKinds][]float64 // embodied, in kg; the first kind holds all
	jobs      []shares
	// unassigned is what falls to chips that no job holds.
	unassigned shares
}

// replacement is of a server that was retired at a time, by another that came at a later one.
type replacement struct {
	server        int32
	retired, came des.Time
}

// shares is a part of the money for all but energy, and of the embodied carbon.
type shares struct{ other, embodied float64 }

func (m *money) reset(bins, jobs int) {
	for k := range m.byBin {
		m.byBin[k] = zeros(m.byBin[k], bins)
		m.carbon[k] = nil
	}
	m.carbon[0] = zeros(m.carbon[0], bins)
	if cap(m.jobs) < jobs {
		m.jobs = make([]shares, jobs)
	}
	m.jobs = m.jobs[:jobs]
	clear(m.jobs)
	m.replaced, m.unassigned = m.replaced[:0], shares{}
}

// zeros is a slice of n zeros, in s's memory where it has room.
func zeros(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// account adds up the replica's money at the horizon and shares it among the jobs: to
// each the energy that it drew, and of everything else, bin by bin, as much as the share
// of the chips on site that it held.
func (w *World) account() {
	m, p, horizon := &w.money, &w.plan, w.pre.horizon.Duration()
	machine := cost.Machine{Chip: &p.Chip, Server: &p.Server, Fabric: &p.Fabric}
	bought, made := w.lots()
	built := w.capacity()
	plant := cost.Plant{Capacity: built, Battery: p.Site.Supply.Battery.Energy}
	for i := range p.Site.Supply.Generators {
		plant.Generation += p.Site.Supply.Generators[i].Capacity
	}
	m.purchases = p.Money.Purchases(machine, bought, plant)
	m.streams = p.Money.Running(m.purchases, built, horizon)
	m.streams = append(m.streams, p.Money.RackRents(bought, max(p.Fleet.Topology.Rack, 1), horizon)...)
	m.streams = append(m.streams, w.charges()...)
	m.embodied = p.Money.Embodied(machine, made)
	cost.Spread(m.streams, w.pre.ends, &m.byBin)
	cost.Depreciate(m.purchases, w.pre.ends, &m.byBin)
	cost.Depreciate(m.embodied, w.pre.ends, &m.carbon)

	onSite := w.bins.samples[onSiteColumn]
	for b := range w.pre.ends {
		other := 0.0
		for k := range m.byBin {
			if !metered(cost.Kind(k)) {
				other += m.byBin[k][b]
			}
		}
		left := 1.0
		for i := range m.jobs {
			if !(onSite[b] > 0) {
				break
			}
			share := min(w.bins.job(i, chipsColumn)[b]/onSite[b], left)
			left -= share
			m.jobs[i].other += share * other
			m.jobs[i].embodied += share * m.carbon[0][b]
		}
		m.unassigned.other += left * other
		m.unassigned.embodied += left * m.carbon[0][b]
	}
}

// metered are the kinds whose money follows energy and water hour by hour, to each job
// what its power takes.
func metered(k cost.Kind) bool { return k == cost.Energy || k == cost.Water }

// lots are the deliveries within the calendar and the servers that came in place of retired
// ones: those that were bought, and all that were made. What replaces a server under warranty
// takes its place in the books, and what is left of the warranty.
func (w *World) lots() (bought, made []cost.Lot) {
	horizon := w.pre.horizon
	deliveries := w.plan.Fleet.Deliveries
	for _, d := range deliveries {
		if d.At < horizon.Duration() {
			bought = append(bought, cost.Lot{At: d.At, Servers: d.Servers})
		}
	}
	made = slices.Clone(bought)
	type place struct{ bought, made int } // lots of the server that fills it
	places := map[int32]place{}
	for _, r := range w.money.replaced {
		at, known := places[r.server]
		if !known {
			lot := deliveryOf(deliveries, r.server)
			at = place{lot, lot}
		}
		if r.retired.Duration()-bought[at.bought].At >= w.plan.Money.Capital.Warranty {
			bought, at.bought = r.enter(bought, at.bought, horizon)
		}
		made, at.made = r.enter(made, at.made, horizon)
		places[r.server] = at
	}
	return bought, made
}

// enter retires a server of a lot, adds the one that came in its place if that was before the
// horizon, and returns the number of its lot.
func (r *replacement) enter(lots []cost.Lot, lot int, horizon des.Time) ([]cost.Lot, int) {
	lots[lot].Retired = append(lots[lot].Retired, r.retired.Duration())
	if r.came >= horizon {
		return lots, lot
	}
	return append(lots, cost.Lot{At: r.came.Duration(), Servers: 1, Replaced: true}), len(lots)
}

// deliveryOf is the index of the delivery that brought a server.
func deliveryOf(all []fleet.Delivery, s int32) int {
	first := int32(0)
	return slices.IndexFunc(all, func(d fleet.Delivery) bool {
		first += int32(d.Servers)
		return s < first
	})
}

// capacity is what the site is built for: the power at the meter of all that has been
// delivered with every chip in the phase that draws most in any weather, but no more than the
// limit and the site's own supply give.
func (w *World) capacity() []cost.Capacity {
	p := &w.plan
	perServer := w.site.meter.PeakAt(1).Sum() * float64(p.Fleet.ChipsPerServer)
	var all []cost.Capacity
	built, servers := 0.0, 0
	build := func(at unit.Duration) {
		need := w.site.plant.HighestAtMeter(perServer*float64(servers), int(des.FromDuration(at)/hourLength))
		if limit := float64(p.Site.LimitAt(at)); limit > 0 {
			need = min(need, limit+p.Site.Supply.OwnPower())
		}
		if need > built {
			all = append(all, cost.Capacity{At: at, Watts: need - built})
			built = need
		}
	}
	phase := 0
	phases := p.Site.Phases
	horizon := w.pre.horizon.Duration()
	for _, d := range p.Fleet.Deliveries {
		if d.At >= horizon {
			break
		}
		for ; phase < len(phases) && phases[phase].From < d.At; phase++ {
			build(phases[phase].From)
		}
		servers += d.Servers
		build(d.At)
	}
	for ; phase < len(phases) && phases[phase].From < horizon; phase++ {
		build(phases[phase].From)
	}
	return all
}

// netPresent is the net present cost of the plan: all that is paid until the horizon,
// less what is left of the hardware and the building then.
func (w *World) netPresent() float64 {
	m, p := &w.money, &w.plan
	horizon := w.pre.horizon.Duration()
	sum := p.Money.NetPresent(m.purchases, m.streams, horizon)
	begin := unit.Duration(0)
	for b, end := range w.pre.ends {
		rate := (m.byBin[cost.Energy][b] + m.byBin[cost.Water][b]) / float64(end-begin)
		sum += cost.PresentStream(rate, begin, end, float64(p.Money.Discount.Likely))
		begin = end
	}
	return sum
}

// expenses of the result, by kind of cost.
var expenses = [cost.NumKinds]result.Expense{
	cost.Chips: result.ExpenseChips, cost.Servers: result.ExpenseServers, cost.Network: result.ExpenseNetwork,
	cost.Storage: result.ExpenseStorage, cost.Parts: result.ExpenseParts, cost.Facility: result.ExpenseFacility,
	cost.Energy: result.ExpenseEnergy, cost.Demand: result.ExpenseDemand, cost.Staff: result.ExpenseStaff,
	cost.Maintenance: result.ExpenseMaintenance, cost.Rent: result.ExpenseRent, cost.Supply: result.ExpenseSupply, cost.Water: result.ExpenseWater,
}

// moneyRun fills in what the replica costs and emits.
func (w *World) moneyRun(run *result.Run) {
	m, s := &w.money, &run.Site
	for k, bins := range m.byBin {
		for _, v := range bins {
			s.CostBy[expenses[k]] += v
		}
	}
	site := &w.site
	all := shares{embodied: total(m.carbon[0])}
	for k, bins := range m.byBin {
		if !metered(cost.Kind(k)) {
			all.other += total(bins)
		}
	}
	s.Bill = w.bill(site.atMeter(), site.all, all)
	s.Unassigned = w.bill(site.worklessEnergy+site.worklessOverhead+site.unshared, site.idle.plus(1, site.empty), m.unassigned)
	for i := range m.purchases {
		s.CapitalBy[expenses[m.purchases[i].Kind]] += m.purchases[i].Price
		s.Capital += m.purchases[i].Price
	}
	s.NetPresentCost = w.netPresent()
	if run.OnSiteChipHours > 0 {
		s.CostPerChipHour = s.TotalCost / run.OnSiteChipHours
	}
	for i := range run.Jobs {
		b := &w.jobs[i].books
		run.Jobs[i].Bill = w.bill(b.energy+b.overhead, b.toll, m.jobs[i])
	}
	w.sampleCosts()
}

// waterCost is the price of so many litres.
func (w *World) waterCost(litres float64) float64 {
	return litres / 1000 * cost.In(&w.plan.Money, w.plan.Money.Operation.Water)
}

// bill of so many joules at the meter, what they cost and emit, and shares of the rest.
func (w *World) bill(joules float64, of toll, rest shares) result.Bill {
	return result.Bill{
		EnergyMWh: megawattHours(joules), WaterM3: of.water / 1000, Cost: of.spent, TotalCost: of.spent + w.waterCost(of.water) + rest.other,
		CO2t: of.location / 1000, CO2MarketT: of.market / 1000,
		EmbodiedCO2t: rest.embodied / 1000,
	}
}

// costColumn is the column of the calendar that a kind of cost adds to.
var costColumn = [cost.NumKinds]int{
	cost.Chips: chipCostColumn, cost.Servers: serverCostColumn, cost.Storage: serverCostColumn, cost.Parts: serverCostColumn,
	cost.Network: networkCostColumn, cost.Facility: facilityCostColumn, cost.Energy: energyCostColumn,
	cost.Demand: energyCostColumn, cost.Staff: operationCostColumn, cost.Maintenance: operationCostColumn, cost.Rent: operationCostColumn,
	cost.Supply: facilityCostColumn, cost.Water: operationCostColumn,
}

// sampleCosts fills in the calendar's columns of money per day.
func (w *World) sampleCosts() {
	for k, bins := range w.money.byBin {
		column := w.bins.samples[costColumn[k]]
		begin := unit.Duration(0)
		for b, end := range w.pre.ends {
			column[b] += bins[b] / float64((end-begin)/unit.Day)
			begin = end
		}
	}
}

// auditMoney checks that jobs and what none of them holds make up the site's money and
// carbon, and that the bins hold all of it.
func (w *World) auditMoney(near func(what string, got, want float64)) {
	m, s := &w.money, &w.site
	sum, energy := m.unassigned, s.idle.plus(1, s.empty)
	for i := range m.jobs {
		sum.other += m.jobs[i].other
		sum.embodied += m.jobs[i].embodied
		energy = energy.plus(1, w.jobs[i].books.toll)
	}
	horizon := w.pre.horizon.Duration()
	near("money for energy", energy.spent, s.all.spent)
	near("water", energy.water, s.all.water)
	near("money for energy in the bins", total(m.byBin[cost.Energy]), s.all.spent)
	near("money for water in the bins", total(m.byBin[cost.Water]), w.waterCost(s.all.water))
	near("carbon of energy", energy.location, s.all.location)
	near("carbon of energy, market-based", energy.market, s.all.market)
	var flows, lost, made float64
	for _, x := range m.streams {
		flows += x.Over(0, horizon)
	}
	for i := range m.purchases {
		lost += m.purchases[i].Price - m.purchases[i].Book(horizon)
	}
	for i := range m.embodied {
		made += m.embodied[i].Price - m.embodied[i].Book(horizon)
	}
	near("money for all but energy and water", sum.other, flows+lost)
	near("embodied carbon", sum.embodied, made)
}

func total(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum
}
