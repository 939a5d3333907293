package cost

import (
	"errors"
	"fmt"

	"clustercap/sim/unit"
)

// Validate returns every problem of the spec, each led by the path of its field.
func (s *Spec) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	share := func(path string, r unit.Range[unit.Share]) {
		if !(r.Low >= 0 && r.Low <= r.Likely && r.Likely <= r.High && r.High <= 1) {
			bad("%s: %g..%g..%g; it must rise from 0 to at most 1", path, float64(r.Low), float64(r.Likely), float64(r.High))
		}
	}
	life := func(path string, r unit.Range[unit.Duration]) {
		if !(r.Low > 0 && r.Low <= r.Likely && r.Likely <= r.High) {
			bad("%s: %g..%g..%g s; it must rise from above 0", path, float64(r.Low), float64(r.Likely), float64(r.High))
		}
	}
	for _, r := range s.Rates {
		if !(r.Value.Low > 0) {
			bad("rates.%s: %g; it must be above 0", r.Name, float64(r.Value.Low))
		}
	}
	share("discount", s.Discount)
	c := &s.Capital
	share("price_decline", c.Decline)
	share("storage", c.Storage)
	share("spare_parts", c.Parts)
	share("hardware_residual", c.HardwareResidual)
	share("facility_residual", c.FacilityResidual)
	share("deposit", c.Deposit)
	share("maintenance", s.Operation.Maintenance)
	life("hardware_life", c.HardwareLife)
	life("network_life", c.NetworkLife)
	life("facility_life", c.FacilityLife)
	life("supply_life", c.SupplyLife)
	if c.Decline.High == 1 {
		bad("price_decline: 100 %% a year; prices would be nothing after the first day")
	}
	positive(bad, s, "electricity", s.Tariff.Energy)
	positive(bad, s, "tariff.demand", s.Tariff.Demand)
	if s.Tariff.Demand.Given() && !(s.Tariff.Interval >= unit.Minute && DividesHour(s.Tariff.Interval)) {
		bad("tariff.demand_interval: %g s; it must divide an hour", float64(s.Tariff.Interval))
	}
	positive(bad, s, "facility", c.Facility)
	positive(bad, s, "generation", c.Generation)
	positive(bad, s, "battery", c.Battery)
	positive(bad, s, "staff", s.Operation.Staff)
	positive(bad, s, "rent", s.Operation.Rent)
	positive(bad, s, "rack_rent", s.Operation.RackRent)
	positive(bad, s, "water", s.Operation.Water)
	positive(bad, s, "fixed", s.Operation.Fixed)
	for i := range s.Tariff.Periods {
		s.Tariff.Periods[i].validate(bad, fmt.Sprintf("tariff.periods[%d]", i))
		positive(bad, s, fmt.Sprintf("tariff.periods[%d].price", i), s.Tariff.Periods[i].Price)
	}
	for i := range s.Carbon.Periods {
		s.Carbon.Periods[i].validate(bad, fmt.Sprintf("carbon.periods[%d]", i))
	}
	share("carbon.green", s.Carbon.Green)
	s.Carbon.Intensity.validate(bad, "carbon.intensity")
	s.Carbon.Residual.validate(bad, "carbon.residual")
	return errors.Join(errs...)
}

func (c *Course) validate(bad func(string, ...any), path string) {
	if !(c.Constant.Low >= 0) {
		bad("%s: %s; it must not be negative", path, c.Constant.Low)
	}
	if n := len(c.Hours); n > 0 && n != hoursPerYear {
		bad("%s: %d hours; a typical year has %d", path, n, hoursPerYear)
		return
	}
	for hour, x := range c.Hours {
		if !(x >= 0) {
			bad("%s: %s in hour %d; it must not be negative", path, x, hour)
			return
		}
	}
}

// hoursPerYear of a typical year, which has no leap day.
const hoursPerYear = 8760

// DividesHour reports whether an interval of whole minutes fits into an hour so many times.
func DividesHour(d unit.Duration) bool {
	minutes := int(d / unit.Minute)
	return unit.Duration(minutes)*unit.Minute == d && minutes > 0 && 60%minutes == 0
}

func (p *Period) validate(bad func(string, ...any), path string) {
	if p.Months == 0 || p.Hours == 0 {
		bad("%s: no hour or no month; it would never hold", path)
	}
	if !(p.Factor.Low >= 0) {
		bad("%s.factor: %g; it must not be negative", path, float64(p.Factor.Low))
	}
}

func positive[Q unit.Price](bad func(string, ...any), s *Spec, path string, p Price[Q]) {
	if !(p.Value.Low >= 0 && p.Value.Low <= p.Value.Likely && p.Value.Likely <= p.Value.High) {
		bad("%s: %g..%g..%g; it must rise from 0 or more", path, float64(p.Value.Low), float64(p.Value.Likely), float64(p.Value.High))
	}
	if p.Given() && s.RateOf(p.Currency) == 0 {
		bad("%s: in %s, whose rate in %s is not given", path, p.Currency, s.Currency)
	}
}
