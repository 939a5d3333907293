package power

import (
	"math"
	"slices"

	"clustercap/sim/unit"
)

// Plant is the facility around the IT equipment: what conversion and cooling add to
// its power, by how much it draws and by the hour. All of it is monotone: more IT power
// never needs less of anything.
type Plant struct {
	pue      float64 // constant; 0 where the rest says it
	calendar Calendar
	phases   []sized
	hours    []hourly  // of the typical year
	air      []float64 // wet bulb in its hours, C
	worst    hourly    // every coefficient at its highest: no hour is worse
	mean     hourly    // of the year
	losses   [numLosses]curve
	cool     cooler
	now      present

	// The last answers of Capacity, LowestCapacity and AlwaysCarries.
	last, lowest, always answer
}

// present is the plant in the hour that was asked for last; most questions are of the
// same one.
type present struct {
	hour, phase int
	plant       *sized
	weather     *hourly
	running
}

// running is a plant in an hour's weather.
type running struct {
	losses [numLosses]parabola
	cool   cooling
	others float64 // W at any load
}

// answer is the IT power that a limit allows in an hour, or in any from the hour on.
type answer struct {
	watts, it float64
	hour      int // since the start, or the index of the phase
}

// sized is the plant as it stands from an hour on. It follows the IT equipment that is
// there, as far as the phase's power and that of generators and battery feed it.
type sized struct {
	from int     // hour since the start
	it   float64 // rated IT power, W
	heat float64 // that the cooling is designed to carry, W
	grid float64 // rated output of the transformers, W
	// The losses at these ratings.
	losses [numLosses]parabola
}

// parabola is a loss in watts by the power that goes through.
type parabola struct{ idle, linear, square float64 }

func (p *parabola) at(watts float64) float64 {
	return p.idle + watts*p.linear + watts*watts*p.square // faster than nested: fewer steps wait for another
}

// Losses of the conversions between meter and IT equipment, as shares of each one's
// rated output: what it loses idle, in proportion to the load, and with its square.
type Losses struct {
	TransformerIdle unit.Range[unit.Share] `json:"transformer_idle"`
	TransformerLoad unit.Range[unit.Share] `json:"transformer_load"` // with the square
	UPSIdle         unit.Range[unit.Share] `json:"ups_idle"`
	UPSLinear       unit.Range[unit.Share] `json:"ups_linear"`
	UPSSquare       unit.Range[unit.Share] `json:"ups_square"`
	// RackLoad is that of busbars, cables and power distribution units, with the square.
	RackLoad unit.Range[unit.Share] `json:"rack_load"`
}

// curve is a conversion's loss over its rated output, by relative load.
type curve struct{ idle, linear, square float64 }

func (c curve) rated(output float64) parabola {
	return parabola{c.idle * output, c.linear, c.square / output}
}

// The conversions on the way from the meter.
const (
	transformerLoss = iota
	upsLoss
	rackLoss
	numLosses
)

// Installed is what IT equipment may draw at its peak from a time on.
type Installed struct {
	From unit.Duration // since the scenario's start
	IT   float64       // W, of all that has been delivered
}

// NewPlant reads ranges at Likely. The plant grows with what is installed, which rises in
// time; what the site's limit cannot feed gets none. Where nothing is said of either the
// other decides.
func NewPlant(site *Spec, installed []Installed, calendar Calendar) Plant {
	if site.PUE.Likely > 0 || !site.Weather.Any() {
		return Plant{pue: max(float64(site.PUE.Likely), 1)}
	}
	l := &site.Losses
	none := answer{hour: -1}
	p := Plant{calendar: calendar, last: none, lowest: none, always: none, losses: [numLosses]curve{
		transformerLoss: {idle: float64(l.TransformerIdle.Likely), square: float64(l.TransformerLoad.Likely)},
		upsLoss:         {float64(l.UPSIdle.Likely), float64(l.UPSLinear.Likely), float64(l.UPSSquare.Likely)},
		rackLoss:        {square: float64(l.RackLoad.Likely)},
	}}
	p.cool = newCooler(&site.Cooling)
	design := p.cool.design(&site.Weather)
	p.air = site.Weather.WetBulb
	p.hours = make([]hourly, len(site.Weather.DryBulb))
	for h := range p.hours {
		p.hours[h] = p.cool.hourly(site.Weather.at(h), design)
		p.worst = p.worst.worse(p.hours[h])
		p.mean = p.mean.plus(1/float64(len(p.hours)), p.hours[h])
	}
	atDesign := p.cool.hourly(Weather{design, design}, design)
	for _, t := range stages(site.Phases, installed) {
		limit := float64(site.LimitAt(t))
		if limit > 0 {
			limit += site.Supply.OwnPower()
		}
		it := 0.0
		for _, i := range installed {
			if i.From <= t {
				it = i.IT
			}
		}
		p.phases = append(p.phases, p.size(limit, it, int(t/unit.Hour), atDesign))
	}
	return p
}

// Steady reports whether the hour makes no difference: a constant PUE takes the place of
// weather.
func (p *Plant) Steady() bool { return p.pue > 0 }

// stages are the times at which the plant may grow: those of phases and deliveries.
func stages(phases []Phase, installed []Installed) []unit.Duration {
	times := []unit.Duration{0}
	for _, phase := range phases {
		times = append(times, phase.From)
	}
	for _, i := range installed {
		times = append(times, i.From)
	}
	slices.Sort(times)
	return slices.Compact(times)
}

// size finds the IT power that is installed, or what of it a limit feeds in design
// weather with everything at its rating, and what carries its heat.
func (p *Plant) size(limit, installed float64, from int, design hourly) sized {
	at := func(it float64) (s sized, meter float64) {
		s = sized{from: from, it: it}
		through := func(loss int, watts float64) float64 {
			s.losses[loss] = p.losses[loss].rated(watts)
			return watts + s.losses[loss].at(watts)
		}
		s.heat = through(upsLoss, through(rackLoss, it))
		cool := p.cool.sized(s.heat, &design)
		s.grid = s.heat + cool.power(s.heat) + otherLoads*it
		return s, through(transformerLoss, s.grid)
	}
	rated := installed
	if limit > 0 {
		_, perWatt := at(1) // all is in proportion to the rating
		if rated = limit / perWatt; installed > 0 {
			rated = min(rated, installed)
		}
	}
	s, _ := at(max(rated, 1))
	return s
}

// otherLoads are lights, offices, controls and the air of rooms without IT equipment, per
// watt of rated IT power: 0.5 to 2 % [prior].
const otherLoads = 0.01

// at is the plant as it stands in an hour.
func (p *Plant) at(hour int) *present {
	now := &p.now
	if hour == now.hour && now.plant != nil {
		return now
	}
	k := now.phase // as a rule that of the question before
	for k > 0 && p.phases[k].from > hour {
		k--
	}
	for k+1 < len(p.phases) && p.phases[k+1].from <= hour {
		k++
	}
	s, h := &p.phases[k], &p.hours[p.calendar.HourOfYear(hour)]
	*now = present{hour: hour, phase: k, plant: s, weather: h, running: p.running(s, h)}
	return now
}

// GrowsAt is the hour of the plant's next stage after that of an hour; math.MaxInt where
// there is none.
func (p *Plant) GrowsAt(hour int) int {
	if p.pue > 0 {
		return math.MaxInt
	}
	if next := p.at(hour).phase + 1; next < len(p.phases) {
		return p.phases[next].from
	}
	return math.MaxInt
}

// running puts a plant into an hour's weather.
func (p *Plant) running(s *sized, h *hourly) running {
	return running{s.losses, p.cool.sized(s.heat, h), otherLoads * s.it}
}

// Off is the IT power in watts up to which the plant is switched off and draws nothing.
const Off = 1e-6

// Overhead is what the plant itself draws while the IT equipment draws it watts in an
// hour since the scenario's start. It rises with it.
func (p *Plant) Overhead(it float64, hour int) Overhead {
	o, _ := p.Takes(it, hour)
	return o
}

// Takes is Overhead, and the litres of water per second that cooling evaporates and blows
// down then.
func (p *Plant) Takes(it float64, hour int) (o Overhead, water float64) {
	switch {
	case p.pue > 0:
		return Overhead{Unsplit: (p.pue - 1) * it}, 0
	case it <= Off:
		return Overhead{}, 0
	}
	now := p.at(hour)
	o, heat := now.overhead(it)
	return o, heat * now.weather.water
}

// overhead is what a running plant draws, and the heat that its cooling carries.
func (r *running) overhead(it float64) (o Overhead, heat float64) {
	rack := r.losses[rackLoss].at(it)
	ups := r.losses[upsLoss].at(it + rack)
	heat = it + rack + ups
	cooling := r.cool.power(heat) + r.others
	return Overhead{Losses: rack + ups + r.losses[transformerLoss].at(heat+cooling), Cooling: cooling}, heat
}

// atMeter is the power at the meter.
func (r *running) atMeter(it float64) float64 {
	o, _ := r.overhead(it)
	return it + o.Sum()
}

// WetBulb is the wet-bulb temperature of the outside air in degrees Celsius in an hour;
// NaN where a constant PUE takes the place of weather.
func (p *Plant) WetBulb(hour int) float64 {
	if p.Steady() {
		return math.NaN()
	}
	return p.air[p.calendar.HourOfYear(hour)]
}

// AtMeter is the power at the meter.
func (p *Plant) AtMeter(it float64, hour int) float64 { return it + p.Overhead(it, hour).Sum() }

// HighestAtMeter is AtMeter of the plant as it stands in an hour, in weather than which no
// hour's is worse.
func (p *Plant) HighestAtMeter(it float64, hour int) float64 {
	if p.pue > 0 || it <= Off {
		return p.AtMeter(it, hour)
	}
	worst := p.running(&p.phases[p.at(hour).phase], &p.worst)
	return worst.atMeter(it)
}

// MeanAtMeter is the power at the meter of the last phase's plant in the mean weather of
// the year.
func (p *Plant) MeanAtMeter(it float64) float64 {
	if p.pue > 0 {
		return it * p.pue
	}
	last := p.running(&p.phases[len(p.phases)-1], &p.mean)
	return last.atMeter(it)
}

// Capacity is the highest IT power that keeps the meter at or below watts in an hour; it
// is 0 where the running plant alone takes more.
func (p *Plant) Capacity(watts float64, hour int) float64 {
	if p.pue > 0 {
		return watts / p.pue
	}
	if watts != p.last.watts || hour != p.last.hour {
		p.last = answer{watts, p.at(hour).capacity(watts), hour}
	}
	return p.last.it
}

// LowestCapacity is Capacity in weather than which no hour's is worse, for the plant as it
// stands in an hour.
func (p *Plant) LowestCapacity(watts float64, hour int) float64 {
	if p.pue > 0 {
		return watts / p.pue
	}
	if phase := p.at(hour).phase; watts != p.lowest.watts || phase != p.lowest.hour {
		r := p.running(&p.phases[phase], &p.worst)
		p.lowest = answer{watts, r.capacity(watts), phase}
	}
	return p.lowest.it
}

// capacity walks down to the answer by Newton's method: the power at the meter is convex
// in that of the IT equipment, so every step from above stays above, until rounding.
func (r *running) capacity(watts float64) float64 {
	if r.atMeter(0) >= watts {
		return 0
	}
	it, step := watts, watts*1e-6
	for range 100 { // six near the rating; far above it each step halves the way
		at := r.atMeter(it)
		if at-watts <= 1e-12*watts {
			break
		}
		it = max(it-(at-watts)*step/(r.atMeter(it+step)-at), 0)
	}
	for cut := 1e-15; r.atMeter(it) > watts; cut *= 2 {
		it *= 1 - cut
	}
	return it
}

// HeatLimit is the IT power whose heat the cooling can carry away in an hour; 0 is no
// limit. It falls on hours hotter than the design.
func (p *Plant) HeatLimit(hour int) float64 {
	if p.pue > 0 {
		return 0
	}
	now := p.at(hour)
	return now.plant.it * now.weather.carry
}

// LowestHeatLimit is HeatLimit in weather than which no hour's is worse; +Inf is no limit.
func (p *Plant) LowestHeatLimit(hour int) float64 {
	if p.pue > 0 {
		return math.Inf(1)
	}
	return p.at(hour).plant.it * p.worst.carry
}

// Rated is the IT power that the plant is built for in an hour; 0 where it is not known.
func (p *Plant) Rated(hour int) float64 {
	if p.pue > 0 {
		return 0
	}
	return p.at(hour).plant.it
}

// AlwaysCarries is the IT power that stays below a limit of watts at the meter (0 is none),
// and whose heat stays below what can be carried, in every hour of the phase; +Inf where
// nothing limits it. Each hour alone may allow more.
func (p *Plant) AlwaysCarries(watts float64, hour int) float64 {
	switch {
	case p.pue > 0 && watts > 0:
		return watts / p.pue
	case p.pue > 0:
		return math.Inf(1)
	}
	phase := p.at(hour).phase
	if watts != p.always.watts || phase != p.always.hour {
		p.always = answer{watts, math.Inf(1), phase}
		// The plant changes at the full hour, its limit and deliveries within it.
		for k := phase; k < min(phase+2, len(p.phases)); k++ {
			most := p.phases[k].it * p.worst.carry
			if watts > 0 {
				r := p.running(&p.phases[k], &p.worst)
				most = min(most, r.capacity(watts))
			}
			p.always.it = min(p.always.it, most)
		}
	}
	return p.always.it
}

// Overhead is the facility's own power, or energy: watts, or joules.
type Overhead struct {
	Losses  float64 // transformers, UPS, distribution
	Cooling float64
	Unsplit float64 // both together, where a constant PUE does not tell them apart
}

// Sum of all.
func (o Overhead) Sum() float64 { return o.Losses + o.Cooling + o.Unsplit }

// Plus adds k times q.
func (o Overhead) Plus(k float64, q Overhead) Overhead {
	return Overhead{o.Losses + k*q.Losses, o.Cooling + k*q.Cooling, o.Unsplit + k*q.Unsplit}
}

// exceeded is the ambient temperature that so large a share of the hours exceeds. It puts
// the hours into another order.
func exceeded(ambient []float64, share float64) float64 {
	n := len(ambient)
	k := min(int(math.Ceil(float64(n)*(1-share))), n-1)
	// Hoare's selection: the k-th from below lies in ambient[low:high+1].
	for low, high := 0, n-1; low < high; {
		pivot, i, j := ambient[k], low, high
		for i <= j {
			for ambient[i] < pivot {
				i++
			}
			for pivot < ambient[j] {
				j--
			}
			if i <= j {
				ambient[i], ambient[j] = ambient[j], ambient[i]
				i++
				j--
			}
		}
		if j < k {
			low = i
		}
		if k < i {
			high = j
		}
	}
	return ambient[k]
}
