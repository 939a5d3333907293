package main

import (
	"fmt"
	"strings"

	"clustercap/sim/result"
)

// supplyLines say who waited for power, where the energy came from, and whether windows
// of demand response were met; nothing where only the grid supplies the site.
func supplyLines(set *result.Set) []string {
	var lines []string
	s := &set.Site
	if s.LateChips.Mean > 0 {
		lines = append(lines, fmt.Sprintf("Power came late: %s waited %s for it, on average, before they were switched on",
			counted(int(s.LateChips.Mean+0.5), "chip"), counted(int(s.LateDays.Mean+0.5), "day")))
	}
	if s.Battery != nil || s.EnergyFrom[result.Generation.String()].Mean > 0 {
		lines = append(lines, sourcesLine(set))
	}
	if d := s.DemandResponse; d != nil && d.Windows.Mean > 0 {
		line := fmt.Sprintf("Demand response: %s of %s met, %s in all",
			number(d.Met.Mean), counted(int(d.Windows.Mean+0.5), "window"), quantity("h", d.Hours.Mean))
		if less := d.CurtailedMWh.Mean; less > 0 {
			line += "; the load fell by " + quantity("MWh", less)
		}
		if covered := d.CoveredMWh.Mean; covered > 0 {
			line += "; generators and battery gave " + quantity("MWh", covered)
		}
		lines = append(lines, line)
	}
	return lines
}

// sourcesLine is the energy by source, and what the battery did.
func sourcesLine(set *result.Set) string {
	s := &set.Site
	parts := []string{quantity("MWh", s.EnergyFrom[result.Grid.String()].Mean) + " from the grid, at most " + quantity("MW", s.GridPeakMW.Mean)}
	if made := s.EnergyFrom[result.Generation.String()].Mean; made > 0 {
		parts = append(parts, quantity("MWh", made)+" made on site")
	}
	if b := s.Battery; b != nil {
		empty := "never empty"
		if b.Emptied.Mean > 0 {
			empty = number(b.Emptied.Mean) + " times empty"
		}
		parts = append(parts, fmt.Sprintf("the battery took %s and gave %s, %s", quantity("MWh", b.ChargedMWh.Mean), quantity("MWh", b.DischargedMWh.Mean), empty))
	}
	return "Energy: " + strings.Join(parts, "; ")
}
