package sim

import (
	"fmt"
	"math"

	"clustercap/sim/power"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// bounds are what the limits of chip, rack, row and hall leave a chip. A job is
// synchronous, so that its chips in the fullest group set the clock of all: a full rack
// in which every chip trains.
type bounds struct {
	any   bool    // there are limits
	chip  float64 // watts of the accelerator alone
	all   float64 // IT watts with its share of server and fabric, in the tightest group
	group group   // that group
	clock float64 // the highest; 0 where none is low enough
	// full is the highest IT power of a chip at full clock.
	full float64
	// stopped is the power of a chip that spins in a collective which never ends.
	stopped power.Draw
}

// group is a part of the site that has a limit.
type group struct {
	name  string
	chips int
	limit unit.Power
}

// groups lists the parts of the site with a limit. None holds more servers than the fleet.
func groups(p *scenario.Plan) []group {
	l, t := &p.Site.Limits, &p.Fleet.Topology
	var all []group
	for _, g := range [...]struct {
		name    string
		servers int
		limit   unit.Power
	}{{"rack", t.Rack, l.Rack}, {"row", t.Row, l.Row}, {"hall", t.Room, l.Hall}} {
		if g.limit > 0 {
			servers := min(max(g.servers, 1), p.Fleet.Servers())
			all = append(all, group{g.name, servers * p.Fleet.ChipsPerServer, g.limit})
		}
	}
	return all
}

func boundsOf(p *scenario.Plan, m *power.Meter) bounds {
	b := bounds{chip: math.Inf(1), all: math.Inf(1), clock: 1, full: m.PeakAt(1).Sum(), stopped: m.Comm}
	if b.any = p.Site.Limits.Any(); !b.any {
		return b
	}
	if limit := p.Site.Limits.Chip; limit > 0 {
		b.chip = float64(limit)
	}
	for _, g := range groups(p) {
		if each := float64(g.limit) / float64(g.chips); each < b.all {
			b.all, b.group = each, g
		}
	}
	var ok bool
	if b.clock, ok = m.ClockWithin(b.chip, b.all); ok {
		b.stopped = m.CommAt(b.clock)
	} else {
		b.clock, b.stopped = 0, m.Idle
	}
	return b
}

// clockFor is the highest clock at which a chip's highest phase draws at most watts of
// IT power, within the limits of all groups.
func (s *site) clockFor(watts float64) (f float64, ok bool) {
	if s.bounds.clock == 0 {
		return 0, false
	}
	f, ok = s.meter.ClockFor(watts)
	return min(f, s.bounds.clock), ok
}

// checkGroups faults a clock at which a chip or a full group exceeds its limit.
func (w *World) checkGroups(f float64) {
	b := &w.site.bounds
	peak, watts := w.site.peakAt(f), func(v float64) string { return unit.Format(unit.Power(v)) }
	if (peak.Sum() > b.all*(1+auditTolerance) || peak.Chips > b.chip*(1+auditTolerance)) && w.fault == nil {
		w.fault = fmt.Errorf("a chip draws up to %s and %s with its server on day %.3f; its limits are %s and %s",
			watts(peak.Chips), watts(peak.Sum()), days(w.now), watts(b.chip), watts(b.all))
	}
}

// tooLow lists the limits that idle equipment exceeds already, or that no clock meets:
// at the highest idle power that a replica may draw, and at likely powers.
func tooLow(p *scenario.Plan) []string {
	if !p.Site.Limits.Any() {
		return nil
	}
	var out []string
	m := meterFor(p)
	most := *p
	most.Chip.Idle.Likely, most.Server.OverheadIdle.Likely = p.Chip.Idle.High, p.Server.OverheadIdle.High
	atMost := meterFor(&most)
	highest := atMost.Idle
	say := func(name string, limit unit.Power, chips int, idle, all, chip float64) {
		lowest, ok := 0.0, false
		if _, ok = m.ClockWithin(chip, all); !ok {
			at := m.PeakAt(m.LowestClock())
			if lowest = at.Sum() * float64(chips); name == "chip" {
				lowest = at.Chips
			}
		}
		switch needs := idle * float64(chips); {
		case needs >= float64(limit):
			out = append(out, fmt.Sprintf("site.limits.%s is %s; %s draws up to %s idle: raise it, or put fewer chips there",
				name, unit.Short(limit), of(name, chips), unit.Short(unit.Power(needs))))
		case !ok:
			out = append(out, fmt.Sprintf("site.limits.%s is %s; %s that trains draws %s at the lowest clock, %.0f %%: raise it to that, lower site.min_clock or put fewer chips there",
				name, unit.Short(limit), of(name, chips), unit.Short(unit.Power(lowest)), m.LowestClock()*100))
		}
	}
	if limit := p.Site.Limits.Chip; limit > 0 {
		say("chip", limit, 1, highest.Chips, math.Inf(1), float64(limit))
	}
	for _, g := range groups(p) {
		say(g.name, g.limit, g.chips, highest.Sum(), float64(g.limit)/float64(g.chips), math.Inf(1))
	}
	return out
}

// of names a group with its chips.
func of(name string, chips int) string {
	if name == "chip" {
		return "a chip"
	}
	return fmt.Sprintf("a %s of %s chips", name, unit.Count(chips))
}
