package sim

import (
	"fmt"
	"slices"

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
			warn("job %s: recovery.standbys asks for %d chips; beside its smallest size the whole fleet has %d",
				j.Name, j.Recovery.Standbys*p.Fleet.ChipsPerServer, max(rest, 0)*p.Fleet.ChipsPerServer)
		}
	}
	return out
}
