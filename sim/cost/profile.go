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

// Emissions is the grid's kilograms of CO2 equivalent of a joule at the meter, ranges at
// Likely.
func (c *Carbon) Emissions() Profile {
	base := float64(c.Intensity.Likely)
	return profile(base, c.Periods, func(p *Period) float64 { return base * float64(p.Factor.Likely) })
}

// MarketShare is what the owner of the site's contracts emits by the market-based method
// for a kilogram that the grid's mix does (GHG Protocol, Scope 2 Guidance).
func (c *Carbon) MarketShare() float64 {
	share := 1 - float64(c.Green.Likely)
	if c.Residual.Likely > 0 && c.Intensity.Likely > 0 {
		share *= float64(c.Residual.Likely / c.Intensity.Likely)
	}
	return share
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
