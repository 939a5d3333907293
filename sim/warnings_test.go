package sim

import (
	"strings"
	"testing"
	"time"

	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/power"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// A plan whose words cannot act says so, and only then.
func TestWarningsOfWhatHasNoEffect(t *testing.T) {
	lemons := func(p *scenario.Plan) {
		p.Failures.Classes = []failure.Class{failing("part", failure.ServerScope, 1e-9, 0, 1)}
		p.Failures.Lemons = failure.Lemons{Share: unit.Point[unit.Share](0.1), Factor: unit.Point[unit.Factor](11)}
	}
	stage := fleet.Stage{Name: "reset", Time: dist.Fixed(unit.Hour)}
	for _, c := range []struct {
		name, want string // want is in the only warning; empty: none
		edit       func(*scenario.Plan)
	}{
		{"nothing", "", func(*scenario.Plan) {}},
		{"eternal lemons", "lemons stay lemons", lemons},
		{"mended lemons", "", func(p *scenario.Plan) { lemons(p); p.Fleet.Repair.Stages = []fleet.Stage{stage} }},
		{"retired lemons", "", func(p *scenario.Plan) { lemons(p); p.Fleet.Retire.Failures = 3; p.Fleet.Retire.Within = unit.Day }},
		{"lemons without a class", "no class has scope server", func(p *scenario.Plan) {
			lemons(p)
			p.Failures.Classes[0].Scope = failure.RoomScope
		}},
		{"relapse", "no stage of fleet.repair is ineffective", func(p *scenario.Plan) {
			lemons(p)
			p.Failures.Lemons, p.Failures.Relapse = failure.Lemons{}, failure.Relapse{Factor: 5, Time: unit.Day}
		}},
		{"unnoticed corruption", "never found", func(p *scenario.Plan) {
			c := failing("sdc", failure.ServerScope, 1e-9, p.Horizon, 1)
			c.Silent = true
			p.Failures.Classes = []failure.Class{c}
		}},
		{"power for fewer chips than a job's smallest size", "cannot train from 2026-01-01 to 2026-01-11: the site then powers 24 chips, its smallest size holds 32", func(p *scenario.Plan) {
			p.Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			p.Site.Oversubscription = 1
			p.Site.Phases = []power.Phase{{Limit: meterOf(p).peak(25, 1, 0)}, {From: 10 * unit.Day}}
		}},
		{"power for fewer chips than its largest", "never trains on 32 chips: the site powers at most 16", func(p *scenario.Plan) {
			p.Site.Oversubscription = 1
			p.Jobs[0].Sizes = []int{16, 32}
			p.Site.Phases = []power.Phase{{Limit: meterOf(p).peak(17, 1, 0)}}
		}},
		{"power for all", "", func(p *scenario.Plan) {
			p.Site.Oversubscription = 1
			p.Site.Phases = []power.Phase{{Limit: meterOf(p).peak(32, 1, 0) * (1 + 1e-9)}}
		}},
		{"more standbys than servers", "recovery.standbys", func(p *scenario.Plan) { p.Jobs[0].Recovery.Standbys = 1 }},
	} {
		p := testPlan(4)
		c.edit(p)
		warnings := prepared(t, p).Warnings
		if c.want == "" && len(warnings) > 0 || c.want != "" && (len(warnings) != 1 || !strings.Contains(warnings[0], c.want)) {
			t.Errorf("%s: %q, want %q", c.name, warnings, c.want)
		}
	}
	p := testPlan(4)
	p.Fleet.Cold.Servers = 2
	if _, err := prepare(p, testPricing, testEstimate); err == nil || !strings.Contains(err.Error(), "cold spares") {
		t.Errorf("a job on 4 servers, 2 of them in the cold pool: %v", err)
	}
}
