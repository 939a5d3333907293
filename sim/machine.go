package sim

import (
	"clustercap/sim/scenario"
	"clustercap/sim/step"
)

// DrawMachine is the machine that a replica of a plan with this seed meets: every
// range of it collapsed to one draw, from the streams that Run draws from.
func DrawMachine(m *step.Machine, seed uint64, replica int) step.Machine {
	plan := scenario.Plan{Seed: seed, Chip: m.Chip, Server: m.Server, Fabric: m.Fabric, Stack: m.Stack}
	var drawn scenario.Plan
	u := uncertainties(&plan)
	u.draw(&plan, &drawn, replica)
	return machine(&drawn)
}
