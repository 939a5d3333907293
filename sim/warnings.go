package sim

import (
	"fmt"
	"slices"
	"time"

	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// withoutEffect lists what a plan says that cannot act, and what acts further than its
// author may expect.
func withoutEffect(p *scenario.Plan) []string {
	var out []string
	warn := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	f, r := &p.Failures, &p.Fleet.Repair
	ineffective := slices.ContainsFunc(r.Stages, func(s fleet.Stage) bool { return s.Ineffective > 0 })
	if own := slices.ContainsFunc(f.Classes, func(c failure.Class) bool { return c.Scope.OwnServer() }); own {
		retires := p.Fleet.Retire.Failures > 0 || p.Fleet.Retire.Score > 0
		if f.Lemons.Any() && f.Lemons.Factor.High > 1 && len(r.Stages) == 0 && !retires {
			warn("lemons stay lemons: fleet.repair has no stages that mend them and fleet.retire retires none")
		}
		if f.Relapse.Factor > 1 && !ineffective {
			warn("failures.relapse has no effect: no stage of fleet.repair is ineffective")
		}
	} else if f.Lemons.Any() || f.Infant.Factor.High > 1 || f.Relapse.Factor > 1 {
		warn("lemons, infant and relapse of the failure profile have no effect: no class has scope server")
	}
	for i := range f.Classes {
		c := &f.Classes[i]
		if c.Rate.High > 0 && c.Silent && c.Detection.Mean >= p.Horizon {
			warn("failures of class %s are never found: detection takes %s, the calendar %s", c.Name, unit.Format(c.Detection.Mean), unit.Format(p.Horizon))
		}
	}
	for i := range p.Jobs {
		j := &p.Jobs[i]
		if rest := p.Fleet.Servers() - j.Sizes[0]/p.Fleet.ChipsPerServer; j.Recovery.Standbys > max(rest, 0) {
			warn("job %s: recovery.standbys asks for %s chips; beside its smallest size the whole fleet has %s",
				j.Name, unit.Count(j.Recovery.Standbys*p.Fleet.ChipsPerServer), unit.Count(max(rest, 0)*p.Fleet.ChipsPerServer))
		}
	}
	return out
}

// underpowered tells of jobs whose sizes the phases' power never or not yet provides for,
// at likely values.
func (pr *Prepared) underpowered() []string {
	p := pr.Plan
	if p.Site.Oversubscription == 0 || len(p.Site.Phases) == 0 {
		return nil
	}
	meter := meterFor(p)
	plant := plantFor(p, &meter)
	clock := max(boundsOf(p, &meter).clock, meter.LowestClock())
	powered := make([]int, len(p.Site.Phases)) // servers, by phase
	for k := range powered {
		phase := &p.Site.Phases[k]
		powered[k] = p.Fleet.Servers()
		if limit := float64(phase.Limit); limit > 0 {
			firm := (limit + p.Site.Supply.Dispatchable()) * float64(p.Site.Oversubscription)
			powered[k] = min(powered[k], fed(p, &meter, plant.LowestCapacity(firm, int(phase.From/unit.Hour)), clock))
		}
	}
	date := func(t unit.Duration) string {
		return p.Start.Add(time.Duration(t) * time.Second).Format(time.DateOnly)
	}
	chips := func(servers int) string { return unit.Count(servers * p.Fleet.ChipsPerServer) }
	var out []string
	for i := range pr.Jobs {
		j := &pr.Jobs[i]
		first, last := &j.Sizes[0], &j.Sizes[len(j.Sizes)-1]
		most := 0
		for k := range powered {
			end := p.Horizon
			if k+1 < len(powered) {
				end = min(end, p.Site.Phases[k+1].From)
			}
			begin := max(p.Site.Phases[k].From, j.Spec.Submit)
			if begin >= end {
				continue
			}
			most = max(most, powered[k])
			if powered[k] < first.Servers {
				out = append(out, fmt.Sprintf("job %s cannot train from %s to %s: the site then powers %s chips, its smallest size holds %s",
					j.Spec.Name, date(begin), date(end), chips(powered[k]), chips(first.Servers)))
			}
		}
		if most >= first.Servers && most < last.Servers {
			out = append(out, fmt.Sprintf("job %s never trains on %s chips: the site powers at most %s (site.power and generators, times site.oversubscription)",
				j.Spec.Name, unit.Count(last.Chips), chips(most)))
		}
	}
	return out
}
