package scenario

import (
	"clustercap/sim/cost"
	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// money resolves the prices and the carbon of the site.
func (r *resolver) money() {
	s := &r.file.Site.Value
	m := &s.Money
	spec := cost.Spec{
		Currency: string(s.Currency), UTCOffset: s.UTCOffset,
		Tariff: cost.Tariff{Energy: cost.Price[unit.EnergyPrice]{Value: s.Electricity.Range, Currency: s.Electricity.Currency}},
		Carbon: r.carbon(),
		Capital: cost.Capital{
			Decline: m.PriceDecline, Storage: m.Storage, Parts: m.SpareParts, Facility: priced(m.Facility),
			Generation: priced(m.Generation), Battery: priced(m.Battery), SupplyLife: m.SupplyLife,
			HardwareLife: m.HardwareLife, NetworkLife: m.NetworkLife, FacilityLife: m.FacilityLife,
			HardwareResidual: m.HardwareResidual, FacilityResidual: m.FacilityResidual,
			Deposit: m.Deposit, Lead: m.Lead, Terms: m.Terms, Warranty: m.Warranty,
		},
		Operation: cost.Operation{
			Maintenance: m.Maintenance, Staff: priced(m.Staff), Rent: priced(m.Rent), RackRent: priced(m.RackRent),
			Water: priced(m.Water), Fixed: priced(m.Fixed),
		},
		Discount: m.Discount,
	}
	for _, rate := range m.Rates {
		v := rate.Value.Range
		spec.Rates = append(spec.Rates, cost.Rate{Name: rate.Name, Value: unit.Range[unit.Factor]{
			Low: unit.Factor(v.Low), Likely: unit.Factor(v.Likely), High: unit.Factor(v.High),
		}})
	}
	if t := s.Tariff; t != nil {
		spec.Tariff.Demand, spec.Tariff.Interval = priced(t.Demand), t.DemandInterval
		for i := range t.Periods {
			p := &t.Periods[i]
			period := newPeriod(p.Name, p.Months, p.Hours)
			period.Price = priced(p.Price)
			if p.Factor != nil {
				period.Factor = *p.Factor
			}
			spec.Tariff.Periods = append(spec.Tariff.Periods, period)
		}
	}
	r.plan.Money = spec
}

func newPeriod(name string, months Months, hours Hours) cost.Period {
	p := cost.Period{Name: name, Months: uint16(months), Hours: uint32(hours)}
	if p.Months == 0 {
		p.Months = cost.AllMonths
	}
	if p.Hours == 0 {
		p.Hours = cost.AllHours
	}
	return p
}

// unpriced says what of a plan has no price, and so is in no sum.
func (r *resolver) unpriced() {
	p, s := r.plan, &r.plan.Money
	left := func(out bool, what string) {
		if out {
			s.LeftOut = append(s.LeftOut, what)
		}
	}
	if s.RateOf("USD") == 0 {
		left(true, "all hardware, priced in USD: site.money.rates has no USD")
	} else {
		left(p.Chip.Price.High == 0, "chips")
		left(p.Server.Price.High == 0, "servers")
		left(p.Fabric.NetworkPrice(1, p.Chip.NIC.Likely) == 0, "network")
	}
	left(!s.Capital.Facility.Given() && !s.Operation.Rent.Given() && !s.Operation.RackRent.Given(), "building")
	left(!s.Operation.Staff.Given() && !s.Operation.Fixed.Given(), "staff")
	left(p.Site.Weather.Any() && p.Site.Cooling.Rejection != power.Dry && !s.Operation.Water.Given(), "water")
	left(len(p.Site.Supply.Generators) > 0 && !s.Capital.Generation.Given(), "purchase of generators")
	left(p.Site.Supply.Battery.Any() && !s.Capital.Battery.Given(), "purchase of the battery")
	for i := range p.Site.Supply.Generators {
		if g := &p.Site.Supply.Generators[i]; g.Runs != power.Daylight {
			left(!g.PriceGiven, "energy of generator "+g.Name)
			left(!g.CarbonGiven, "carbon of generator "+g.Name)
		}
	}
	left(p.Chip.Embodied.High == 0 || p.Server.Embodied.High == 0, "embodied carbon")
	if len(s.LeftOut) == 0 {
		return
	}
	text := ""
	for i, what := range s.LeftOut {
		if i > 0 {
			text += "; "
		}
		text += what
	}
	r.computed("site.money.left_out", text, "no figure is known: in no sum of this plan")
}

// priced is a written price in the plan's form.
func priced[Q unit.Price](p *Priced[Q]) cost.Price[Q] {
	if p == nil {
		return cost.Price[Q]{}
	}
	return cost.Price[Q]{Value: p.Range, Currency: p.Currency}
}

// asPriced is the inverse of priced.
func asPriced[Q unit.Price](p cost.Price[Q]) *Priced[Q] {
	if !p.Given() {
		return nil
	}
	return &Priced[Q]{p.Value, p.Currency}
}

// moneyAsWritten fills in the keys of a site that resolve to the plan's prices.
func moneyAsWritten(c *cost.Spec, s *Site) {
	s.Currency, s.UTCOffset = Currency(c.Currency), c.UTCOffset
	s.Electricity = Priced[unit.EnergyPrice]{c.Tariff.Energy.Value, c.Tariff.Energy.Currency}
	s.Carbon = carbonAsWritten(&c.Carbon)
	if t := &c.Tariff; t.Demand.Given() || len(t.Periods) > 0 {
		s.Tariff = &Tariff{Demand: asPriced(t.Demand), DemandInterval: t.Interval}
		for i := range t.Periods {
			p := &t.Periods[i]
			w := TariffPeriod{Name: p.Name, Months: monthsOf(p), Hours: hoursOf(p), Price: asPriced(p.Price)}
			if w.Price == nil {
				factor := p.Factor
				w.Factor = &factor
			}
			s.Tariff.Periods = append(s.Tariff.Periods, w)
		}
	}
	k, o := &c.Capital, &c.Operation
	s.Money = Money{
		Discount: c.Discount, PriceDecline: k.Decline, HardwareLife: k.HardwareLife, NetworkLife: k.NetworkLife,
		HardwareResidual: k.HardwareResidual, Facility: asPriced(k.Facility), FacilityLife: k.FacilityLife,
		FacilityResidual: k.FacilityResidual, Storage: k.Storage, SpareParts: k.Parts, Deposit: k.Deposit, Lead: k.Lead,
		Terms: k.Terms, Warranty: k.Warranty, Maintenance: o.Maintenance, Staff: asPriced(o.Staff), Rent: asPriced(o.Rent),
		Fixed: asPriced(o.Fixed), Generation: asPriced(k.Generation), Battery: asPriced(k.Battery), SupplyLife: k.SupplyLife,
		RackRent: asPriced(o.RackRent), Water: asPriced(o.Water),
	}
	for _, rate := range c.Rates {
		v := rate.Value
		s.Money.Rates = append(s.Money.Rates, NamedItem[Priced[unit.Money]]{rate.Name, Priced[unit.Money]{
			Range: unit.Range[unit.Money]{Low: unit.Money(v.Low), Likely: unit.Money(v.Likely), High: unit.Money(v.High)}, Currency: c.Currency,
		}})
	}
}

func monthsOf(p *cost.Period) Months {
	if p.Months == cost.AllMonths {
		return 0
	}
	return Months(p.Months)
}

func hoursOf(p *cost.Period) Hours {
	if p.Hours == cost.AllHours {
		return 0
	}
	return Hours(p.Hours)
}
