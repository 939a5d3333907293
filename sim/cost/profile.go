package cost

// Profile is a value by month of the year and hour of the day.
type Profile [12][24]float64

// Prices is the price of a joule at the meter in the Spec's currency, ranges at Likely.
func (s *Spec) Prices() Profile {
	base := In(s, s.Tariff.Energy)
	return profile(base, s.Tariff.Periods, func(p *Period) float64 {
		if p.Price.Given() {
			return In(s, p.Price)
		}
		return base * float64(p.Factor.Likely)
	})
}

// Emissions is what a joule from the grid emits, in kilograms of CO2 equivalent.
type Emissions struct {
	factor              Profile
	intensity, residual Course
	uncovered           float64 // by contracts
}

// Emissions of the grid, ranges at Likely.
func (c *Carbon) Emissions() Emissions {
	e := Emissions{
		factor:    profile(1, c.Periods, func(p *Period) float64 { return float64(p.Factor.Likely) }),
		intensity: c.Intensity, residual: c.Residual, uncovered: 1 - float64(c.Green.Likely),
	}
	if !c.ResidualGiven {
		e.residual = c.Intensity
	}
	return e
}

// At is the carbon of a joule in an hour of a day, in a month from 0 on, that is that hour
// of the typical year: of the grid's mix, and by the market-based method for the owner of
// the site's contracts (GHG Protocol, Scope 2 Guidance).
func (e *Emissions) At(month, hour, hourOfYear int) (location, market float64) {
	factor := e.factor[month][hour]
	return factor * e.intensity.at(hourOfYear), factor * e.uncovered * e.residual.at(hourOfYear)
}

// Flat reports whether both are the same in all hours of a day of any month.
func (e *Emissions) Flat() bool {
	return len(e.intensity.Hours)+len(e.residual.Hours) == 0 && e.factor.Flat()
}

// Flat reports whether the value is the same in all hours of a day of any month.
func (p *Profile) Flat() bool {
	for month := range p {
		for _, v := range p[month] {
			if v != p[month][0] {
				return false
			}
		}
	}
	return true
}

func profile(base float64, periods []Period, value func(*Period) float64) Profile {
	var out Profile
	for month := range out {
		for hour := range out[month] {
			v := base
			for i := range periods {
				if p := &periods[i]; p.Months>>month&1 == 1 && p.Hours>>hour&1 == 1 {
					v = value(p)
				}
			}
			out[month][hour] = v
		}
	}
	return out
}
