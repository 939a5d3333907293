package power

// Plant is the facility around the IT equipment: what conversion and cooling add to
// its power, by how much it draws and by the hour.
type Plant struct {
	pue float64
}

// NewPlant reads ranges at Likely.
func NewPlant(site *Spec) Plant { return Plant{pue: float64(site.PUE.Likely)} }

// Overhead is what the plant itself draws while the IT equipment draws it watts in an
// hour since the scenario's start. It rises with it.
func (p *Plant) Overhead(it float64, hour int) Overhead {
	return Overhead{Cooling: (p.pue - 1) * it}
}

// Capacity is the highest IT power that keeps the meter at or below watts in an hour.
func (p *Plant) Capacity(watts float64, hour int) float64 { return watts / p.pue }

// AtMeter is the power at the meter.
func (p *Plant) AtMeter(it float64, hour int) float64 { return it + p.Overhead(it, hour).Sum() }

// Overhead is the facility's own power, or energy: watts, or joules.
type Overhead struct {
	Losses  float64 // transformers, UPS, distribution
	Cooling float64
}

// Sum of both.
func (o Overhead) Sum() float64 { return o.Losses + o.Cooling }

// Plus adds k times q.
func (o Overhead) Plus(k float64, q Overhead) Overhead {
	return Overhead{o.Losses + k*q.Losses, o.Cooling + k*q.Cooling}
}
