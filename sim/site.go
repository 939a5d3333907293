package sim

import (
	"fmt"

	"clustercap/sim/cost"
	"clustercap/sim/des"
	"clustercap/sim/power"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// site is what the whole site draws: its course, in watts, and its integrals. IT power
// changes when regulate changes it: a job that trains draws the mean over a step and over
// the cycle of its checkpoints. The facility's share changes with the hour.
type site struct {
	since des.Time // integrated until
	// stale is set by what asks for another look at the power, but the number of unheld
	// chips and the hour, both as of the last look, and the jobs' stances.
	stale             bool
	unheld, regulated int
	clock             float64 // relative clock of the jobs that train
	pauses            bool    // jobs that are ready may not train

	meter power.Meter
	plant power.Plant
	// supply feeds the site; it sets the limit.
	supply supply
	bounds bounds
	// unbound is true where nothing limits the site's power at any time.
	unbound bool
	// allowed is what present limits allow in any weather.
	allowed allowance
	// peakPower is that of a chip in the phase that draws most at relative clock
	// peakClock, peakSwing what its power falls by within a step, kept since all but a
	// few instants ask for the same clock; 0 for none yet.
	peakClock, peakSwing float64
	peakPower            power.Draw

	it       power.Draw // of all, less what is switched off; of a rise, what it has come to
	workless power.Draw // of it: chips that no job holds
	peakIT   float64    // with every training job in the phase that draws most
	// peakMeter is the power at the meter with IT power of peakFor in hour peakHour, of
	// present limits: most instants ask for no more.
	peakFor, peakMeter float64
	peakHour           int
	// The jobs' chips that train draw so much in the mean and at most, and their others so
	// much before any cut.
	trains, rests power.Draw
	most          float64
	rise          rise
	// exact is true where the sources' flow needs every peak, not just an hour's highest.
	exact bool

	shed float64 // of chips that no job holds, switched off to keep the limit
	cut  float64 // of what jobs hold and does not train, switched off to keep the limit
	// share of its power that what jobs hold and does not train gets; 1 unless cut.
	share float64
	// starved: jobs' equipment has lost power, and still none trains.
	starved bool

	// Joules.
	energy           power.Draw     // of it
	overhead         power.Overhead // of the plant
	worklessEnergy   float64        // of it
	worklessOverhead float64        // its part of overhead
	unshared         float64        // overhead while no IT equipment draws
	shedEnergy       float64
	cutEnergy        float64
	// added is the integral over seconds of the plant's overhead per IT watt: a
	// consumer of constant power takes its power times the difference of it. perWatt is
	// the same of money, carbon and water.
	added   float64
	perWatt toll

	almanac   *almanac
	prices    cost.Profile
	emissions cost.Emissions
	now       hourRates
	// steady is true where neither plant nor prices nor emissions tell one hour of a day from
	// another, and the grid is the only source.
	steady bool
	// Money, carbon and water of all energy, of that of chips without work, and of that
	// while no IT equipment draws.
	all, idle, empty toll
	demand           demand

	// weather wakes the site at the end of an hour whose limit binds.
	weather alarm

	wetBulb float64 // of the outside air, over seconds; NaN where it is not known

	highest    float64 // at the meter, of the whole calendar
	binHighest float64
	swing      float64 // of IT power within a step
	duration   duration
}

// rise is what the job whose turn on the ramp it is draws beyond idle power: it grows in a
// straight line.
type rise struct {
	lifted, slope power.Draw // watts so far, watts per second
	top           float64    // watts at the turn's end
	// Of the rise since the job was last settled: joules of it and of the plant, and more.
	energy, overhead float64
	toll             toll
}

// left is by how much the site's IT power still rises in the turn that is under way.
func (r *rise) left() float64 { return max(r.top-r.lifted.Sum(), 0) }

// lift has the rise go on for so many seconds.
func (s *site) lift(dt float64) {
	s.it, s.rise.lifted = s.it.Plus(dt, s.rise.slope), s.rise.lifted.Plus(dt, s.rise.slope)
}

// take books so many seconds of a rise's mean, and what it has of the plant's overhead and of
// what the site's energy costs.
func (r *rise) take(over, dt, perWatt float64, pace toll) {
	watts := r.lifted.Sum()
	r.energy += watts * dt
	r.overhead += watts * over * perWatt
	r.toll = r.toll.plus(watts*perWatt, pace)
}

// meterFor is the meter of a plan's chips.
func meterFor(p *scenario.Plan) power.Meter {
	return power.NewMeter(&p.Chip, &p.Server, &p.Fabric, p.Fleet.Chips(), &p.Site)
}

// hourRates are what the calendar says of an hour, looked up once.
type hourRates struct {
	hour, month      int
	price            float64 // of a joule from the grid
	location, market float64 // its carbon
	wetBulb          float64
}

// ratesOf an hour.
func (s *site) ratesOf(hour int) *hourRates {
	if r := &s.now; r.hour != hour {
		month, ofDay := s.almanac.clock(hour)
		*r = hourRates{hour: hour, month: s.almanac.monthOf(hour), price: s.prices[month][ofDay], wetBulb: s.plant.WetBulb(hour)}
		r.location, r.market = s.emissions.At(month, ofDay, s.almanac.typical.HourOfYear(hour))
	}
	return &s.now
}

// toll is what energy costs: money, kilograms of CO2 equivalent, location- and
// market-based, and litres of water.
type toll struct{ spent, location, market, water float64 }

// plus adds k times q.
func (t toll) plus(k float64, q toll) toll {
	return toll{t.spent + k*q.spent, t.location + k*q.location, t.market + k*q.market, t.water + k*q.water}
}

// plantFor is the plant around a plan's chips.
func plantFor(p *scenario.Plan, m *power.Meter) power.Plant {
	var installed []power.Installed
	each, chips := m.PeakAt(1).Sum(), 0
	for _, d := range p.Fleet.Deliveries {
		chips += d.Servers * p.Fleet.ChipsPerServer
		installed = append(installed, power.Installed{From: d.At, IT: each * float64(chips)})
	}
	return power.NewPlant(&p.Site, installed, power.NewCalendar(p.Start, p.Horizon))
}

func (s *site) reset(p *scenario.Plan, a *almanac) {
	meter := meterFor(p)
	*s = site{
		stale: true, clock: 1, meter: meter, plant: plantFor(p, &meter),
		supply: s.supply, share: 1, weather: alarm{at: des.Never},
		almanac: a, prices: p.Money.Prices(), emissions: p.Money.Carbon.Emissions(), demand: s.demand,
		now: hourRates{hour: -1},
	}
	s.steady = s.plant.Steady() && s.prices.Flat() && s.emissions.Flat() && !p.Site.Supply.Own()
	s.supply.reset(p)
	s.demand.reset(p, a.number())
	s.bounds = boundsOf(p, &s.meter)
	s.unbound = s.plant.Steady() && !p.Site.Limited()
	s.duration.reset(p, s)
}

// peakAt is the highest power of a chip that trains at relative clock f.
func (s *site) peakAt(f float64) power.Draw {
	if f != s.peakClock {
		s.peakClock, s.peakPower, s.peakSwing = f, s.meter.PeakAt(f), s.meter.Swing(f)
	}
	return s.peakPower
}

// load and peak are the power at the meter of the present course in an hour: in the
// mean over a step, and with every training job in the phase that draws most, which is
// booked.
func (s *site) load(hour int) float64 { return s.plant.AtMeter(s.it.Sum(), hour) }

func (s *site) peak(hour int) float64 {
	if hour != s.peakHour || s.peakIT != s.peakFor {
		s.peakFor, s.peakHour, s.peakMeter = s.peakIT, hour, s.plant.AtMeter(s.peakIT, hour)
		s.highest = max(s.highest, s.peakMeter)
		s.binHighest = max(s.binHighest, s.peakMeter)
	}
	return s.peakMeter
}

// allowance is the IT power that no weather forbids (+Inf: any), and firmLimit, until the
// plant grows or limits change.
type allowance struct {
	until         int // hour; 0 where it is not known
	carries, firm float64
}

func (s *site) allowance(hour int) *allowance {
	a := &s.allowed
	if hour >= a.until || s.supply.active {
		*a = allowance{s.plant.GrowsAt(hour), s.plant.AlwaysCarries(s.supply.most(hour), hour), s.firmIn(hour)}
	}
	return a
}

// relimited notes that the limit in force may have changed.
func (s *site) relimited() { s.stale, s.peakHour, s.allowed.until = true, -1, 0 }

// crest is peak, or a higher one that the hour has seen, where the highest is all that
// counts.
func (s *site) crest(hour int) float64 {
	if hour == s.peakHour && s.peakIT <= s.peakFor && !s.exact {
		return s.peakMeter
	}
	return s.peak(hour)
}

// ActivityOf is a step's time by power state. All matrix products count at the step's
// precision: those that an 8- or 4-bit step keeps in BF16 are not told apart.
func ActivityOf(s *step.Step, p step.Precision) power.Activity {
	a := power.Activity{Memory: s.Activity.Memory, Comm: s.Activity.Comm, Wait: s.Activity.Wait}
	switch p {
	case step.FP8, step.MXFP8:
		a.Matrix8 = s.Activity.Matrix
	case step.MXFP4, step.NVFP4:
		a.Matrix4 = s.Activity.Matrix
	default:
		a.Matrix = s.Activity.Matrix
	}
	return a
}

// pace is what the sources' present flow costs and emits per second in an hour. What
// charges the battery is paid then; what it gives later costs nothing.
func (s *site) pace(hour int) toll {
	f, r := &s.supply.flow, s.ratesOf(hour)
	t := toll{spent: f.grid * r.price, location: f.grid * r.location, market: f.grid * r.market}
	for i, watts := range f.generated {
		g := &s.supply.spec.Generators[i]
		t.spent += watts * float64(g.Price)
		t.location += watts * float64(g.Carbon)
		t.market += watts * float64(g.Carbon)
	}
	return t
}

// hourLength is for how long weather and prices are constant, and dayLength how often they
// may change where they do not depend on the hour.
const (
	hourLength = des.Time(3600 * 1000)
	dayLength  = 24 * hourLength
)

// until is the end of the time from an instant on in which nothing but the course changes.
func (s *site) until(from des.Time) des.Time {
	if s.steady {
		begun := des.Time(s.almanac.first) * hourLength // of the site's day at the start
		return ((from+begun)/dayLength+1)*dayLength - begun
	}
	return (from/hourLength + 1) * hourLength
}

// advance integrates the present course up to a time, hour by hour or day by day. Whatever
// changes the course or reads an integral advances first. Where power rises, what is not
// proportional to it follows the mean of each part.
func (s *site) advance(to des.Time) {
	from := s.since
	if from == to {
		return
	}
	s.since = to
	dt := float64(to-from) / 1000
	s.energy = s.energy.Plus(dt, s.it)
	s.worklessEnergy += s.workless.Sum() * dt
	s.shedEnergy += s.shed * dt
	s.cutEnergy += s.cut * dt
	it, workless := s.it.Sum(), s.workless.Sum()
	rises := s.rise.top > 0
	if rises {
		s.energy = s.energy.Plus(dt*dt/2, s.rise.slope)
	}
	for from < to {
		hour, end := from/hourLength, min(s.until(from), to)
		dt := float64(end-from) / 1000
		if rises { // to the mean of a straight line
			s.lift(dt / 2)
			it = s.it.Sum()
		}
		over, water := s.plant.Takes(it, int(hour))
		s.overhead = s.overhead.Plus(dt, over)
		peak := s.crest(int(hour))
		s.supply.take(it+over.Sum(), peak, int(hour), dt)
		s.supply.breached = s.supply.breached || s.starved
		pace := s.pace(int(hour))
		pace.water = water
		s.all = s.all.plus(dt, pace)
		s.wetBulb += s.now.wetBulb * dt
		if it > power.Off {
			perWatt := dt / it
			s.added += over.Sum() * perWatt
			s.worklessOverhead += workless * over.Sum() * perWatt
			s.perWatt = s.perWatt.plus(perWatt, pace)
			s.idle = s.idle.plus(workless*perWatt, pace)
			if rises {
				s.rise.take(over.Sum(), dt, perWatt, pace)
			}
		} else {
			s.unshared += over.Sum() * dt
			s.empty = s.empty.plus(dt, pace)
		}
		s.duration.add(it+over.Sum(), dt)
		s.demand.draw(s.supply.flow.grid, from, end, s.now.month)
		if rises {
			s.lift(dt / 2)
		}
		from = end
	}
}

// atMeter is the energy at the meter so far, in joules.
func (s *site) atMeter() float64 { return s.energy.Sum() + s.overhead.Sum() }

// itLimit is the IT power that all sources allow at a time; 0 is no limit.
func (s *site) itLimit(at des.Time) float64 { return s.within(s.supply.most(int(at/hourLength)), at) }

// firmLimit is the IT power that the phase allows at a time in any weather: without a
// battery, which runs empty, the sun, which sets, and windows of demand response, which
// close. Sizes of jobs follow it: one whose lowest clock is too much for a hot hour would
// pause for it, when a smaller one trains on. 0 is no limit.
func (s *site) firmLimit(at des.Time) float64 { return s.allowance(int(at / hourLength)).firm }

// firmIn is firmLimit in an hour, reckoned anew.
func (s *site) firmIn(hour int) float64 {
	firm := s.supply.firm()
	if firm == 0 {
		return 0
	}
	return max(min(s.plant.LowestCapacity(firm, hour), s.plant.LowestHeatLimit(hour)), power.Off/2)
}

// within is the IT power that keeps the meter at or below watts (0 is no limit) at a
// time, and whose heat can be carried away; 0 is no limit.
func (s *site) within(watts float64, at des.Time) float64 {
	hour := int(at / hourLength)
	most := s.plant.HeatLimit(hour)
	if watts > 0 {
		if electrical := s.plant.Capacity(watts, hour); most == 0 || electrical < most {
			most = max(electrical, power.Off/2) // rounding of what is left may double it
		}
	}
	return most
}

// armWeather wakes the site at the end of the hour where what it may draw changes with
// the weather and binds, or would in some hour.
func (w *World) armWeather(limit float64, throttled bool) {
	s := &w.site
	if limit == 0 {
		return
	}
	hour := int(w.now / hourLength)
	bound := throttled || s.shed > 0 || s.share < 1
	if !bound && s.peakIT <= s.allowance(hour).carries {
		return
	}
	w.set(&s.weather, (des.Time(hour)+1)*hourLength, kindWeather, 0)
}

// checkLimit faults a course whose peak exceeds the limit at the present instant, or
// whose heat cannot be carried away.
func (w *World) checkLimit(peak float64) {
	s := &w.site
	hour := int(w.now / hourLength)
	limit := s.supply.most(hour)
	if heat := s.plant.HeatLimit(hour); heat > 0 && s.peakIT > heat*(1+auditTolerance) && w.fault == nil {
		w.fault = fmt.Errorf("IT equipment draws up to %s on day %.3f; cooling carries %s", unit.Format(unit.Power(s.peakIT)), days(w.now), unit.Format(unit.Power(heat)))
	}
	if limit > 0 && peak > limit*(1+auditTolerance) && w.fault == nil {
		w.fault = fmt.Errorf("the site draws up to %s on day %.3f; its limit is %s", unit.Format(unit.Power(peak)), days(w.now), unit.Format(unit.Power(limit)))
	}
}

// megawattHours converts joules.
func megawattHours(joules float64) float64 { return joules / float64(unit.MegawattHour) }
