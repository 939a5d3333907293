package sim

import (
	"clustercap/sim/cost"
	"clustercap/sim/des"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// demand is what a demand meter reads: the highest mean power over one of its intervals,
// by month. Intervals begin at the full hour, which they divide.
type demand struct {
	interval des.Time  // 0 where nothing is charged for it
	end      des.Time  // of the interval under way
	joules   float64   // in it so far
	highest  []float64 // watts
}

func (d *demand) reset(p *scenario.Plan, months int) {
	*d = demand{highest: zeros(d.highest, months)}
	if p.Money.Tariff.Demand.Given() {
		d.interval = des.FromDuration(p.Money.Tariff.Interval)
		d.end = d.interval
	}
}

// draw adds constant power from one instant to another of a month; it
// begins where the power before ended.
func (d *demand) draw(watts float64, from, to des.Time, month int) {
	if d.interval == 0 {
		return
	}
	if to < d.end {
		d.joules += watts * float64((to - from).Duration())
		return
	}
	mean := (d.joules + watts*float64((d.end-from).Duration())) / float64(d.interval.Duration())
	if to >= d.end+d.interval { // whole intervals follow
		mean = max(mean, watts)
	}
	d.highest[month] = max(d.highest[month], mean)
	begun := to / d.interval * d.interval
	d.end, d.joules = begun+d.interval, watts*float64((to-begun).Duration())
}

// charges for the demand of each month over the calendar; of the first month and the
// last, the share that lies in it.
func (w *World) charges() []cost.Stream {
	perWatt := cost.In(&w.plan.Money, w.plan.Money.Tariff.Demand) * float64(unit.Year/12) // a month
	if perWatt == 0 {
		return nil
	}
	a := &w.pre.almanac
	from, to := a.spans(w.pre.horizon.Duration())
	all := make([]cost.Stream, len(from))
	for m := range from {
		all[m] = cost.Stream{Kind: cost.Demand, From: from[m], To: to[m], Rate: w.site.demand.highest[m] * perWatt / float64(a.length(m))}
	}
	return all
}
