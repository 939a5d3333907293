package sim

import (
	"fmt"
	"math"

	"clustercap/sim/des"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// supply is where the site's power comes from: the grid up to its limit, generators on
// the site, a battery. Powers are watts, energies joules.
type supply struct {
	spec     *power.Supply
	calendar power.Calendar
	phase    float64 // limit of the grid connection; 0 is none
	open     []bool  // windows of demand response
	opened   int
	grid     float64 // limit in force: the phase's, or that of an open window; 0 is none
	before   float64 // load when the first of the open windows opened
	// own is true where there are generators or a battery, active where the flow depends on
	// more than the load: on what is in the battery, the sun, or what is asked of the site.
	own, active bool

	// swell is what the site's load exceeds its mean by within a step: with all jobs in
	// phase, which is the most.
	swell  crest
	charge float64 // in the battery
	// ready is false from when the battery has run empty until it is full, or until the
	// limit changes: one that is always short would else empty what a minute brings.
	ready bool
	alarm alarm
	flow  flow

	// Books.
	fromGrid, charged, discharged float64
	generated                     []float64 // by generator
	gridHighest                   float64
	windows, met                  int
	breached                      bool    // the site was starved since a window opened
	windowTime                    float64 // seconds
	curtailed                     float64 // below the load before the window
	covered                       float64 // by generators and battery in windows
	emptied                       int
}

// flow is the power of every source at one load.
type flow struct {
	grid, gridPeak, charge, discharge float64
	generated                         []float64
}

// reset puts the supply at the start of a replica: with a full battery.
func (u *supply) reset(p *scenario.Plan) {
	n := len(p.Site.Supply.Generators)
	open := append(u.open[:0], make([]bool, len(p.Site.Supply.Windows))...)
	booked, flowing := append(u.generated[:0], make([]float64, n)...), append(u.flow.generated[:0], make([]float64, n)...)
	*u = supply{
		spec: &p.Site.Supply, calendar: power.NewCalendar(p.Start, p.Horizon), open: open, ready: true,
		phase: float64(p.Site.LimitAt(0)), charge: float64(p.Site.Supply.Battery.Energy), alarm: alarm{at: des.Never},
		generated: booked, flow: flow{generated: flowing},
	}
	u.own = u.spec.Own()
	u.relimit()
}

// relimit sets the limit in force; the battery covers what it leaves short again, with
// whatever it holds.
func (u *supply) relimit() {
	u.grid = u.phase
	for i, open := range u.open {
		if limit := float64(u.spec.Windows[i].Limit); open && (u.grid == 0 || limit < u.grid) {
			u.grid = limit
		}
	}
	u.active = u.own || u.opened > 0
	u.ready = u.charge > u.least()
}

// least is what the battery moves in a millisecond: less is empty, or full.
func (u *supply) least() float64 { return float64(u.spec.Battery.Power) / 1000 }

func (u *supply) full() bool { return u.charge >= float64(u.spec.Battery.Energy)-u.least() }

// turn notes a battery that has run empty or is full.
func (u *supply) turn() {
	if !u.spec.Battery.Any() {
		return
	}
	switch {
	case u.ready && u.charge <= u.least():
		u.ready = false
		u.emptied++
	case !u.ready && u.full():
		u.ready = true
	}
}

// most is the power that all sources can give in an hour; 0 is without limit.
func (u *supply) most(hour int) float64 {
	if u.grid == 0 {
		return 0
	}
	most := u.grid
	for i := range u.spec.Generators {
		most += u.spec.Generators[i].Output(u.calendar.HourOfYear(hour))
	}
	if u.ready && u.spec.Battery.Any() {
		most += u.spec.Battery.Adds()
	}
	return most
}

// firm is the power that the phase's connection and generators give at any hour,
// windows aside; 0 is without limit.
func (u *supply) firm() float64 {
	if u.phase == 0 {
		return 0
	}
	return u.phase + u.spec.Dispatchable()
}

// swells adds up the jobs that train. It follows the clock as the swing between computation
// and communication does.
func (w *World) swells() {
	s := &w.site
	s.supply.swell = crest{}
	full := s.meter.Swing(1)
	if full <= 0 {
		return
	}
	s.peakAt(s.clock)
	for i := range w.jobs {
		if j := &w.jobs[i]; j.phase == job.Training {
			if c := j.options[j.size].crest; c != nil {
				s.supply.swell.plus(float64(j.stance.ready)*s.peakSwing/full, c)
			}
		}
	}
}

// dispatch divides a load in an hour, whose highest instant is peak, among the sources:
// what runs always, then the grid up to its limit, the battery, what runs when short. The
// last two follow the load within a step. What the battery gives in its crests it takes back
// in its troughs, as far as the limit leaves that free; else it charges from what the limit
// leaves free at the peak.
func (u *supply) dispatch(load, peak float64, hour int) *flow {
	f := &u.flow
	*f = flow{generated: f.generated, grid: load, gridPeak: peak}
	if !u.own {
		if u.grid > 0 {
			f.gridPeak = min(peak, u.grid)
		}
		return f
	}
	for i := range u.spec.Generators {
		f.generated[i] = 0
		if g := &u.spec.Generators[i]; g.Runs != power.WhenShort {
			f.generated[i] = min(g.Output(u.calendar.HourOfYear(hour)), f.grid)
			f.grid -= f.generated[i]
			f.gridPeak -= f.generated[i]
		}
	}
	b := &u.spec.Battery
	short := 0.0
	if u.grid > 0 {
		short = u.swell.above(f.grid, u.grid)
	}
	if b.Any() && u.ready {
		f.discharge = min(short, b.Adds())
		short -= f.discharge
		f.grid -= f.discharge
	}
	for i := range u.spec.Generators {
		if g := &u.spec.Generators[i]; g.Runs == power.WhenShort && short > 0 {
			f.generated[i] = min(short, float64(g.Capacity))
			short -= f.generated[i]
			f.grid -= f.generated[i]
		}
	}
	switch {
	case f.discharge > 0:
		f.charge = max(min(f.discharge/float64(b.Efficiency), u.grid-f.grid, float64(b.Power)), 0)
		f.grid += f.charge
	case b.Any() && !u.full():
		f.charge = float64(b.Power)
		if u.grid > 0 {
			f.charge = max(min(f.charge, u.grid-f.gridPeak), 0)
		}
		f.grid += f.charge
		f.gridPeak += f.charge
	}
	if u.grid > 0 {
		f.gridPeak = min(f.gridPeak, u.grid)
	}
	return f
}

// take draws a load for some seconds of an hour, and leaves its flow.
func (u *supply) take(load, peak float64, hour int, dt float64) {
	if !u.active { // all of it from the grid
		if u.grid > 0 {
			peak = min(peak, u.grid) // less a rounding
		}
		u.flow.grid = load
		u.fromGrid += load * dt
		u.gridHighest = max(u.gridHighest, peak)
		return
	}
	f := u.dispatch(load, peak, hour)
	u.fromGrid += f.grid * dt
	u.gridHighest = max(u.gridHighest, f.gridPeak)
	if u.opened > 0 {
		u.windowTime += dt
		u.curtailed += max(u.before-load, 0) * dt
	}
	if !u.own {
		return
	}
	u.charged += f.charge * dt
	u.discharged += f.discharge * dt
	u.charge += (f.charge*float64(u.spec.Battery.Efficiency) - f.discharge) * dt
	for i, watts := range f.generated {
		u.generated[i] += watts * dt
		if u.opened > 0 && u.spec.Generators[i].Runs == power.WhenShort {
			u.covered += watts * dt
		}
	}
	if u.opened > 0 {
		u.covered += max(f.discharge-f.charge, 0) * dt
	}
}

// armSupply wakes the site when the battery will be empty or full at the present
// course, and at the end of an hour with whose sun or weather that may change.
func (w *World) armSupply() {
	u := &w.site.supply
	if !u.own {
		return
	}
	hour := int(w.now / hourLength)
	peak, wait := w.site.peak(hour), math.Inf(1)
	if left := w.site.rise.left(); left > 0 { // at its end the battery gives most
		wait = u.lasts(w.site.plant.AtMeter(w.site.it.Sum()+left, hour), peak, hour)
	}
	wait = min(wait, u.lasts(w.site.load(hour), peak, hour))
	if math.IsInf(wait, 1) && !w.flowVaries(hour) {
		return
	}
	left := (des.Time(hour)+1)*hourLength - w.now
	if ms := wait * 1000; ms < float64(left) {
		left = max(des.Time(ms), 1)
	}
	w.set(&u.alarm, w.now+left, kindSupply, 0)
}

// lasts is for how many seconds of an hour the battery bears a load before it is empty or
// full.
func (u *supply) lasts(load, peak float64, hour int) float64 {
	f := u.dispatch(load, peak, hour)
	const rounding = 1e-9 // of what a battery takes back within a step
	switch gains := f.charge*float64(u.spec.Battery.Efficiency) - f.discharge; {
	case gains < -rounding*f.discharge:
		return -u.charge / gains
	case gains > rounding*f.discharge:
		return (float64(u.spec.Battery.Energy) - u.charge) / gains
	}
	return math.Inf(1)
}

// flowVaries reports whether the sun, or weather that makes the battery give or take, may
// change the present flow at a full hour of this phase.
func (w *World) flowVaries(hour int) bool {
	u := &w.site.supply
	if u.grid == 0 {
		return false
	}
	for i := range u.spec.Generators {
		if u.spec.Generators[i].Runs == power.Daylight {
			return true
		}
	}
	return u.spec.Battery.Any() && !(u.full() && w.site.it.Sum()+w.site.rise.left()+u.swell[0] <= w.site.plant.AlwaysCarries(u.grid, hour))
}

// window opens or closes a window of demand response.
func (w *World) window(i int, closes bool) {
	w.site.advance(w.now)
	w.site.relimited()
	u := &w.site.supply
	spec := &u.spec.Windows[i]
	u.open[i] = !closes
	if !closes {
		if u.opened++; u.opened == 1 {
			u.before, u.breached = w.site.load(int(w.now/hourLength)), false
		}
		u.windows++
		w.queue.Push(event(w.now.After(spec.For), kindWindow, int32(i), 1))
	} else {
		u.opened--
		if !u.breached {
			u.met++
		}
		if spec.Every > 0 {
			next := w.now.Duration() - spec.For + spec.Every
			if next < w.plan.Horizon && (spec.Until == 0 || next < spec.Until) {
				w.push(next, kindWindow, int32(i), 0)
			}
		}
	}
	u.relimit()
	w.shedNewest()
}

// steady is what grid and generators give at any hour while the present windows are
// open; 0 is without limit.
func (u *supply) steady() float64 {
	if u.grid == 0 {
		return 0
	}
	return u.grid + u.spec.Dispatchable()
}

// notice is the shortest that the site had of the open windows; a phase of the grid is
// known long before.
func (u *supply) notice() unit.Duration {
	shortest := unit.Duration(math.Inf(1))
	for i, open := range u.open {
		if open {
			shortest = min(shortest, u.spec.Windows[i].Notice)
		}
	}
	return shortest
}

// report is what the sources gave, and what became of the windows.
func (u *supply) report(r *result.SiteRun) {
	made := 0.0
	for _, e := range u.generated {
		made += e
	}
	r.EnergyFrom = [result.NumSources]float64{
		result.Grid: megawattHours(u.fromGrid), result.Generation: megawattHours(made),
		result.Battery: megawattHours(u.discharged - u.charged),
	}
	r.GridPeakMW = u.gridHighest / 1e6
	r.ChargedMWh, r.DischargedMWh, r.Emptied = megawattHours(u.charged), megawattHours(u.discharged), float64(u.emptied)
	met := u.met
	if !u.breached {
		met += u.opened // open at the end of the calendar
	}
	r.Windows, r.WindowsMet, r.WindowHours = float64(u.windows), float64(met), u.windowTime/3600
	r.CurtailedMWh, r.CoveredMWh = megawattHours(u.curtailed), megawattHours(u.covered)
}

// auditSupply checks that what the sources gave is what the site took.
func (w *World) auditSupply(near func(what string, got, want float64)) error {
	u := &w.site.supply
	given := u.fromGrid + u.discharged
	for _, e := range u.generated {
		given += e
	}
	near("energy of all sources", given, w.site.atMeter()+u.charged)
	b := &u.spec.Battery
	near("charge of the battery", u.charge+u.discharged, float64(b.Energy)+u.charged*float64(b.Efficiency))
	if slack := auditTolerance * float64(b.Energy); u.charge < -slack || u.charge > float64(b.Energy)+slack {
		return fmt.Errorf("charge of the battery: %s of %s", unit.Format(unit.Energy(u.charge)), unit.Format(b.Energy))
	}
	return nil
}
