package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/cost"
	"clustercap/sim/unit"
)

// Tariff is how the price of electricity changes with the hour, and what the highest
// power of a month costs. Hours and months are those of the site's clock.
type Tariff struct {
	// Periods in which the price differs from electricity; where several hold, the last
	// does.
	Periods []TariffPeriod `json:"periods,omitempty"`
	// Demand is charged for the highest mean power from the grid of each month of the
	// calendar.
	Demand *Priced[unit.CapacityCharge] `json:"demand,omitempty"`
	// DemandInterval is what the meter takes that mean over: it divides an hour.
	DemandInterval unit.Duration `json:"demand_interval" default:"15 min" source:"15 min is the usual interval, 30 and 60 min occur [memory]" min:"1 min" max:"1 h"`
}

// TariffPeriod is hours of the day, in some months, with a price of their own.
type TariffPeriod struct {
	// Name of the period, for readers.
	Name string `json:"name,omitempty"`
	// Months of the year: 7-9, or a list; all when left out.
	Months Months `json:"months,omitempty"`
	// Hours of the day: 10-12 is from 10:00 to 12:00; or a list; all when left out.
	Hours Hours `json:"hours,omitempty"`
	// Factor on electricity: 0 to 100; or give price.
	Factor *unit.Range[unit.Factor] `json:"factor,omitempty" min:"0" max:"100" example:"1.7"`
	// Price in the period; or give factor.
	Price *Priced[unit.EnergyPrice] `json:"price,omitempty"`
}

// Money is what hardware and place cost beyond energy. Prices are in the site's currency
// or in one with a rate. What has no price is left out, and results say so.
type Money struct {
	// Rates of exchange: what one unit of a foreign currency costs in the site's.
	Rates Named[Priced[unit.Money]] `json:"rates,omitempty"`
	// Discount is by what money is worth less a year later.
	Discount unit.Range[unit.Share] `json:"discount" default:"6..8..10 %" source:"weighted cost of capital of data-centre owners [prior]" max:"100 %"`
	// PriceDecline is by how much hardware gets cheaper per year from the start on.
	PriceDecline unit.Range[unit.Share] `json:"price_decline" default:"0 %" source:"prices stay as in the catalog unless the scenario says otherwise" max:"99 %"`
	// HardwareLife is how long chips, servers, storage and spare parts lose value, in a
	// straight line: 30 d to 100 y.
	HardwareLife unit.Range[unit.Duration] `json:"hardware_life" default:"4..5..6 y" source:"4 to 6 years in the accounts of large operators [memory]" min:"30 d" max:"100 y"`
	// NetworkLife is the same of switches and optics.
	NetworkLife unit.Range[unit.Duration] `json:"network_life" default:"5..6..7 y" source:"a year longer than servers [prior]" min:"30 d" max:"100 y"`
	// HardwareResidual is the share of the price of both that is left then.
	HardwareResidual unit.Range[unit.Share] `json:"hardware_residual" default:"0..5..10 %" source:"resale after five years [prior]"`
	// Facility is the price of building and power infrastructure, by power at the meter.
	Facility *Priced[unit.CapacityPrice] `json:"facility,omitempty"`
	// Generation is the price of generators on the site, by capacity: gas turbines and
	// engines cost 700 to 1,500 USD/kW [memory].
	Generation *Priced[unit.CapacityPrice] `json:"generation,omitempty" example:"1000 USD/kW"`
	// Battery is that of the battery, by its energy, converters and grounds included: 150
	// to 400 USD/kWh at this size [memory].
	Battery *Priced[unit.EnergyPrice] `json:"battery,omitempty" example:"250 USD/kWh"`
	// SupplyLife is how long both lose value: 30 d to 100 y.
	SupplyLife unit.Range[unit.Duration] `json:"supply_life" default:"12..15..20 y" source:"batteries 10 to 15 years, generators 20 [prior]" min:"30 d" max:"100 y"`
	// FacilityLife is how long it loses value: 30 d to 100 y.
	FacilityLife unit.Range[unit.Duration] `json:"facility_life" default:"15..20..25 y" source:"electrical and mechanical plant 15 to 20 years, shell longer [prior]" min:"30 d" max:"100 y"`
	// FacilityResidual is the share of its price that is left then.
	FacilityResidual unit.Range[unit.Share] `json:"facility_residual" default:"0 %"`
	// Storage, management network, racks and installation, as a share of the price of
	// servers with their chips.
	Storage unit.Range[unit.Share] `json:"storage" default:"11..13..16 %" source:"sheet of August 2024 on H100 clusters: 48,000 USD per chip at 8k less 38,750 of server and 8.8 % of network leave 13 %; 51,600 at 105k less 12.8 %, 16 % [derived]"`
	// SpareParts is the stock of spare parts, as a share of the same.
	SpareParts unit.Range[unit.Share] `json:"spare_parts" default:"0.5..1..2 %" source:"a few per cent of the parts that fail in a year [prior]"`
	// Deposit is the share of a price that is paid lead before delivery; the rest is paid
	// terms after it.
	Deposit unit.Range[unit.Share] `json:"deposit" default:"0 %" source:"paid on delivery unless the scenario says otherwise"`
	// Lead is how long before delivery the deposit is paid: at most 10 y.
	Lead unit.Duration `json:"lead" default:"0 d" max:"10 y"`
	// Terms is how long after delivery the rest is paid: at most 10 y.
	Terms unit.Duration `json:"terms" default:"0 d" max:"10 y"`
	// Warranty is how long after it was bought a retired server is replaced for nothing, with
	// what is left of the warranty: at most 20 y.
	Warranty unit.Duration `json:"warranty" default:"1095 d" source:"three years, as servers are sold [prior]" max:"20 y"`
	// Maintenance of chips, servers, network and storage per year, as a share of their
	// price.
	Maintenance unit.Range[unit.Share] `json:"maintenance" default:"1..2..4 %" source:"vendor support and parts: list contracts are 3 to 5 %, own repair is less [prior]"`
	// Staff, by power at the meter that the site is built for.
	Staff *Priced[unit.CapacityCharge] `json:"staff,omitempty"`
	// Rent, by the same, where the building is not the owner's.
	Rent *Priced[unit.CapacityCharge] `json:"rent,omitempty"`
	// RackRent is the rent of a rack where the site is rented by those: as many as the
	// servers of fleet.topology.rack fill.
	RackRent *Priced[unit.Spend] `json:"rack_rent,omitempty" example:"1500 USD/month"`
	// Water is the price of what cooling takes.
	Water *Priced[unit.VolumePrice] `json:"water,omitempty"`
	// Fixed is whatever the site costs whatever its size.
	Fixed *Priced[unit.Spend] `json:"fixed,omitempty"`
}

// Priced is a price with its currency.
type Priced[Q unit.Price] struct {
	Range    unit.Range[Q]
	Currency string
}

func (Priced[Q]) example() string { return unit.Describe[Q]().Example }

// priceKind tells the schema how the price is written.
func (Priced[Q]) priceKind() unit.Kind { return unit.Describe[Q]() }

func (v *Priced[Q]) decodeNode(d *decoder, n *node, path string, r rule) {
	example := v.example()
	if r.example != "" {
		example = r.example
	}
	text, ok := d.scalar(n, path, example)
	if !ok {
		return
	}
	price, currency, err := unit.ParsePriceRange[Q](text)
	if err != nil {
		what, hint := unitProblem(err, unit.Describe[Q]().Example, example)
		d.bad(n, path, what, hint)
		return
	}
	if price.Low < 0 {
		d.bad(n, path, text+" is negative", "write 0 or more")
		return
	}
	v.Range, v.Currency = price, currency
	d.record(n, path, unit.FormatPriceRange(price, currency))
}

func (v Priced[Q]) encodeNode() any { return yamlText(unit.FormatPriceRange(v.Range, v.Currency)) }

// Months and Hours are sets of bits, written as spans: 7-9, or [1-2, 11-12]. Spans may
// wrap around: months 11-2, hours 22-6; hours 18-0 are 18-24.
type (
	Months uint16
	Hours  uint32
)

func (Months) example() string { return "7-9" }
func (Hours) example() string  { return "[10-12, 14-19]" }

func (v *Months) decodeNode(d *decoder, n *node, path string, _ rule) {
	for _, s := range d.spans(n, path, 1, 12, "7-9 for July to September") {
		for m := s.from; ; m = m%12 + 1 {
			*v |= 1 << (m - 1)
			if m == s.to {
				break
			}
		}
	}
	d.record(n, path, v.written())
}

func (v *Hours) decodeNode(d *decoder, n *node, path string, _ rule) {
	for _, s := range d.spans(n, path, 0, 24, "10-12 for 10:00 to 12:00") {
		// Midnight begins a day as 0 and ends it as 24.
		from, to := s.from%24, s.to
		if to == 0 {
			to = 24
		}
		if s.from == s.to || s.from == 24 && to == 24 {
			d.bad(n, path, fmt.Sprintf("%d-%d holds no hour", s.from, s.to), "write e.g. 10-12, or leave it out for all hours")
			return
		}
		for h := from; h != to; h = h%24 + 1 {
			*v |= 1 << (h % 24)
		}
	}
	d.record(n, path, v.written())
}

// numberSpan is two whole numbers with a dash between them.
type numberSpan struct{ from, to int }

// spans reads one span or a list of them.
func (d *decoder) spans(n *node, path string, least, most int, example string) []numberSpan {
	items := []*node{n}
	if n.kind == sequenceNode {
		items = n.items
	}
	if len(items) == 0 || len(items) > most {
		d.bad(n, path, fmt.Sprintf("has %d items", len(items)), "write e.g. "+example)
	}
	var all []numberSpan
	for _, item := range items {
		text, ok := d.scalar(item, path, example)
		if !ok {
			return nil
		}
		low, high, dash := strings.Cut(text, "-")
		from, err := strconv.Atoi(strings.TrimSpace(low))
		to, err2 := strconv.Atoi(strings.TrimSpace(high))
		if !dash {
			to, err2 = from, nil
			if least == 0 {
				to++ // one hour
			}
		}
		if err != nil || err2 != nil || from < least || from > most || to < least || to > most {
			d.bad(item, path, fmt.Sprintf("%s is not a span of %d to %d", excerpt(text), least, most), "write e.g. "+example)
			return nil
		}
		all = append(all, numberSpan{from, to})
	}
	return all
}

func (v Months) written() string {
	return spansWritten(12, func(m int) bool { return v>>m&1 == 1 }, func(from, to int) string {
		if from+1 == to {
			return strconv.Itoa(to)
		}
		return fmt.Sprintf("%d-%d", from+1, to)
	})
}

func (v Hours) written() string {
	return spansWritten(24, func(h int) bool { return v>>h&1 == 1 }, func(from, to int) string { return fmt.Sprintf("%d-%d", from, to) })
}

func (v Months) encodeNode() any { return yamlText(v.written()) }
func (v Hours) encodeNode() any  { return yamlText(v.written()) }

// spansWritten writes the runs of a set of n bits, each from its first bit to before to.
func spansWritten(n int, has func(int) bool, text func(from, to int) string) string {
	var all []string
	for from := 0; from < n; from++ {
		if !has(from) {
			continue
		}
		to := from
		for to < n && has(to) {
			to++
		}
		all = append(all, text(from, to))
		from = to
	}
	if len(all) == 1 {
		return all[0]
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// checkSite reports prices in a currency that is neither the site's nor has a rate.
func (d *decoder) checkSite(s *Site, path string) {
	own := string(s.Currency)
	known := []string{own}
	for _, r := range s.Money.Rates {
		p := under(path, "money.rates."+r.Name)
		switch {
		case !currencyPattern.MatchString(r.Name):
			d.badAt(p, excerpt(r.Name)+" is not a currency code", "write three capital letters, e.g. USD")
		case r.Name == own:
			d.badAt(p, "is the rate of the site's own currency", "remove it")
		case r.Value.Currency != own:
			d.badAt(p, fmt.Sprintf("is in %s, but the site's currency is %s", r.Value.Currency, own), fmt.Sprintf("write what 1 %s costs, e.g. 7.2 %s", r.Name, own))
		case !(r.Value.Range.Low > 0):
			d.badAt(p, "is not above 0", "write what one unit costs, e.g. 7.2 "+own)
		}
		known = append(known, r.Name)
	}
	check := func(key, currency, unitText string) {
		if currency != "" && !slices.Contains(known, currency) {
			d.badAt(under(path, key), fmt.Sprintf("is in %s, but the site's currency is %s", currency, own),
				fmt.Sprintf("write it in %s%s, or give the rate: money: {rates: {%s: ... %s}}", own, unitText, currency, own))
		}
	}
	check("electricity", s.Electricity.Currency, "/kWh")
	if s.Tariff != nil {
		check("tariff.demand", currencyOf(s.Tariff.Demand), "/kW-month")
		if !cost.DividesHour(s.Tariff.DemandInterval) {
			d.badAt(under(path, "tariff.demand_interval"), unit.Format(s.Tariff.DemandInterval)+" does not divide an hour", "write e.g. 15 min or 30 min")
		}
		for i := range s.Tariff.Periods {
			p, at := &s.Tariff.Periods[i], fmt.Sprintf("tariff.periods[%d]", i)
			check(at+".price", currencyOf(p.Price), "/kWh")
			if (p.Price == nil) == (p.Factor == nil) {
				d.badAt(under(path, at), "needs a price or a factor, and not both", "write e.g. factor: 1.7")
			}
		}
	}
	check("money.facility", currencyOf(s.Money.Facility), "/MW")
	check("money.staff", currencyOf(s.Money.Staff), "/kW-month")
	check("money.rent", currencyOf(s.Money.Rent), "/kW-month")
	check("money.generation", currencyOf(s.Money.Generation), "/kW")
	check("money.battery", currencyOf(s.Money.Battery), "/kWh")
	check("money.rack_rent", currencyOf(s.Money.RackRent), "/y")
	check("money.water", currencyOf(s.Money.Water), "/m3")
	check("money.fixed", currencyOf(s.Money.Fixed), "/y")
}

func currencyOf[Q unit.Price](p *Priced[Q]) string {
	if p == nil {
		return ""
	}
	return p.Currency
}
