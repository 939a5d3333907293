package resulttest

import "clustercap/sim/result"

// costColumns of the timeline, from costs on.
var costColumns = [...]string{
	"cost_chips_per_day", "cost_servers_per_day", "cost_network_per_day", "cost_facility_per_day", "cost_energy_per_day",
	"cost_operation_per_day",
}

// spend books a day's money: chips at 60,000 CNY over five years, and the rest in
// proportion; energy at the mean power.
func spend(r *result.Run, day int, chips, meanMW float64) {
	perDay := chips * 60_000 / 5 / 365
	energy := meanMW * 24 * 1000 * 0.5
	for c, x := range [len(costColumns)]float64{perDay, 0.6 * perDay, 0.2 * perDay, chips * 3, energy * 1.1, 0.3 * perDay} {
		r.Samples[costs+c][day] = x
		r.Site.TotalCost += x
	}
	by := &r.Site.CostBy
	by[result.ExpenseChips] += perDay
	by[result.ExpenseServers] += 0.5 * perDay
	by[result.ExpenseStorage] += 0.1 * perDay
	by[result.ExpenseNetwork] += 0.2 * perDay
	by[result.ExpenseFacility] += chips * 3
	by[result.ExpenseEnergy] += energy
	by[result.ExpenseDemand] += 0.1 * energy
	by[result.ExpenseStaff] += 0.1 * perDay
	by[result.ExpenseMaintenance] += 0.2 * perDay
	r.Site.EmbodiedCO2t += chips * 0.28 / 5 / 365
}

// closeMoney shares the money among jobs by energy, and buys what is on site.
func closeMoney(r *result.Run, chips float64) {
	s := &r.Site
	s.CO2MarketT = 0.8 * s.CO2t
	s.Unassigned = s.Bill
	for k := range r.Jobs {
		j, rest := &r.Jobs[k], &s.Unassigned
		part := j.EnergyMWh * 1.25 / s.EnergyMWh
		j.TotalCost, j.CO2t, j.CO2MarketT, j.EmbodiedCO2t = part*s.TotalCost, part*s.CO2t, part*s.CO2MarketT, part*s.EmbodiedCO2t
		rest.EnergyMWh -= j.EnergyMWh
		rest.Cost -= j.Cost
		rest.TotalCost -= j.TotalCost
		rest.CO2t -= j.CO2t
		rest.CO2MarketT -= j.CO2MarketT
		rest.EmbodiedCO2t -= j.EmbodiedCO2t
	}
	s.CapitalBy = [result.NumAssets]float64{60_000 * chips, 30_000 * chips, 12_000 * chips, 6000 * chips, 0, 20_000 * chips, 0}
	for _, x := range s.CapitalBy {
		s.Capital += x
	}
	s.NetPresentCost = 1.2 * s.TotalCost
	if r.OnSiteChipHours > 0 {
		s.CostPerChipHour = s.TotalCost / r.OnSiteChipHours
	}
}
