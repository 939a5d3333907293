// Package cost prices a plan: what is bought and when, how it loses its value, what it
// costs to run, and the carbon of both. Its functions know neither events nor jobs.
package cost

import "clustercap/sim/unit"

// Spec is what a site, and what stands on it, costs and emits.
type Spec struct {
	// Currency is the ISO 4217 code that all results use.
	Currency string
	// Rates of exchange of the other currencies that prices are in.
	Rates []Rate
	// UTCOffset is by how much the clock of Tariff and Carbon is ahead of UTC.
	UTCOffset unit.Duration
	Tariff    Tariff
	Carbon    Carbon
	Capital   Capital
	Operation Operation
	// Discount is by what future money is worth less, per year.
	Discount unit.Range[unit.Share]
	// LeftOut names what has no price and so is in no sum.
	LeftOut []string
}

// Rate is what one unit of a foreign currency costs in the Spec's.
type Rate struct {
	Name  string // the foreign currency's ISO 4217 code
	Value unit.Range[unit.Factor]
}

// Price is a price in a currency; without Currency none is given.
type Price[Q unit.Price] struct {
	Value    unit.Range[Q]
	Currency string
}

// Given reports whether there is a price.
func (p Price[Q]) Given() bool { return p.Currency != "" }

// Tariff is what energy at the meter costs, by the hour, and the highest power of a month.
type Tariff struct {
	// Energy is the price outside of all periods.
	Energy Price[unit.EnergyPrice]
	// Periods in which it differs; where several hold, the last does.
	Periods []Period
	// Demand is charged for each month's highest mean power over an Interval, by the
	// month of the calendar, whatever its length.
	Demand   Price[unit.CapacityCharge]
	Interval unit.Duration
}

// Period is hours of the day in months of the year.
type Period struct {
	Name string
	// Months and Hours are sets of bits: bit 0 is January, and the hour from midnight, by
	// the site's clock.
	Months uint16
	Hours  uint32
	// Price in the period where given, else the usual value times Factor.
	Price  Price[unit.EnergyPrice]
	Factor unit.Range[unit.Factor]
}

// AllMonths and AllHours are the full sets of a Period.
const (
	AllMonths uint16 = 1<<12 - 1
	AllHours  uint32 = 1<<24 - 1
)

// Carbon is what a joule at the meter, and the hardware, emits.
type Carbon struct {
	// Intensity of the grid's mix at the site outside of all periods.
	Intensity Course
	// Periods hold for Residual too.
	Periods []Period
	// Green is the share of the energy that contracts cover with sources that emit
	// nothing; Residual is the intensity of what is left of the grid's mix for those
	// without contracts, Intensity where ResidualGiven is false.
	Green         unit.Range[unit.Share]
	Residual      Course
	ResidualGiven bool
}

// Course is an intensity that is constant, or that of the 8,760 hours of a typical year
// from 1 January 00:00 UTC on.
type Course struct {
	Constant unit.Range[unit.CarbonIntensity]
	Hours    []unit.CarbonIntensity
}

// at an hour of the typical year, ranges at Likely.
func (c *Course) at(hourOfYear int) float64 {
	if len(c.Hours) > 0 {
		return float64(c.Hours[hourOfYear])
	}
	return float64(c.Constant.Likely)
}

// Capital is what is bought, when it is paid and how it loses its value.
type Capital struct {
	// Decline of the prices of hardware per year from the scenario's start.
	Decline unit.Range[unit.Share]
	// Storage, with the management network, racks and installation, and Parts, the
	// stock of spare parts, are shares of the price of the servers with their chips.
	Storage, Parts unit.Range[unit.Share]
	// Facility is the price of building and power infrastructure by power at the meter.
	Facility Price[unit.CapacityPrice]
	// Generation is the price of generators by their capacity, Battery that of a battery
	// by the energy that it gives.
	Generation Price[unit.CapacityPrice]
	Battery    Price[unit.EnergyPrice]

	HardwareLife, NetworkLife, FacilityLife, SupplyLife unit.Range[unit.Duration]
	// HardwareResidual and FacilityResidual are the shares of the price left after life.
	HardwareResidual, FacilityResidual unit.Range[unit.Share]

	// Deposit is the share of a price that is paid Lead before delivery; the rest is
	// paid Terms after it.
	Deposit     unit.Range[unit.Share]
	Lead, Terms unit.Duration
	// Warranty is how long after it was bought a retired server is replaced for nothing, with
	// what is left of the warranty.
	Warranty unit.Duration
}

// Operation is what running the site costs beyond energy.
type Operation struct {
	// Maintenance of hardware per year: a share of its price.
	Maintenance unit.Range[unit.Share]
	// Staff and Rent by power at the meter that the site is built for.
	Staff, Rent Price[unit.CapacityCharge]
	// RackRent is that of a rack.
	RackRent Price[unit.Spend]
	// Water that cooling takes.
	Water Price[unit.VolumePrice]
	// Fixed is whatever does not depend on size.
	Fixed Price[unit.Spend]
}

// In is a price's likely value in the Spec's currency; 0 where none is given or no rate
// is known (LeftOut says so).
func In[Q unit.Price](s *Spec, p Price[Q]) float64 {
	return float64(p.Value.Likely) * s.RateOf(p.Currency)
}

// RateOf is the likely value of one unit of a currency; 0 where it is not known.
func (s *Spec) RateOf(currency string) float64 {
	if currency == s.Currency {
		return 1
	}
	for i := range s.Rates {
		if s.Rates[i].Name == currency {
			return float64(s.Rates[i].Value.Likely)
		}
	}
	return 0
}
