package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"clustercap/sim/result"
)

// supplyLines say how power swings, what the cap cost, who waited for power, where the
// energy came from, and whether windows of demand response were met; nothing where there
// is nothing to say.
func supplyLines(set *result.Set) []string {
	var lines []string
	s := &set.Site
	if swing := swingLine(set); swing != "" {
		lines = append(lines, swing)
	}
	if capped := cappedLine(set); capped != "" {
		lines = append(lines, capped)
	}
	if s.LateChips.Mean > 0 {
		lines = append(lines, fmt.Sprintf("Power came late: %s waited %s for it within the calendar, on average",
			counted(int(s.LateChips.Mean+0.5), "chip"), counted(int(s.LateDays.Mean+0.5), "day")))
	}
	if s.Battery != nil || s.EnergyFrom[result.Generation.String()].Mean > 0 {
		lines = append(lines, sourcesLine(set))
	}
	if d := s.DemandResponse; d != nil && d.Windows.Mean > 0 {
		line := fmt.Sprintf("Demand response, %s from the grid: %s of %s met, %s in all",
			agreedText(s), number(d.Met.Mean), counted(int(d.Windows.Mean+0.5), "window"), quantity("h", d.Hours.Mean))
		if d.Met.Mean < d.Windows.Mean {
			line += "; in the others nothing but cutting the power of what jobs hold kept the limit"
		}
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

// agreedText is what windows of demand response leave of the grid, the least to the most.
func agreedText(s *result.Site) string {
	least, most := s.AgreedMW()
	if low, high := quantity("MW", least), quantity("MW", most); low != high {
		return low + " to " + high
	}
	return quantity("MW", most)
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
		switch times := number(b.Emptied.Mean); {
		case !(b.Emptied.Mean > 0):
		case times == "1":
			empty = "once empty"
		default:
			empty = times + " times empty"
		}
		parts = append(parts, fmt.Sprintf("the battery took %s and gave %s, %s", quantity("MWh", b.ChargedMWh.Mean), quantity("MWh", b.DischargedMWh.Mean), empty))
	}
	return "Energy: " + strings.Join(parts, "; ")
}

// swingLine is the largest swing of a job, and how it stands to the grid's limits.
func swingLine(set *result.Set) string {
	if len(set.Swings) == 0 {
		return ""
	}
	w := slices.MaxFunc(set.Swings, func(a, b result.Swing) int { return cmp.Compare(a.StepMW, b.StepMW) })
	line := fmt.Sprintf("Swings of the IT power of %s on %s chips: %s within a step, up to %s/s, ±%s at %.2g Hz; %s when it starts, %s when it stops, %s when it crashes",
		w.Job, grouped(float64(w.Chips)), quantity("MW", w.StepMW), quantity("MW", w.RampMWPerSecond), quantity("MW", w.BandMW), w.BandHertz,
		quantity("MW", w.StartMW), quantity("MW", w.StopMW), quantity("MW", w.CrashMW))
	if w.SmoothingMW > 0 {
		line += "; smoothing costs " + quantity("MW", w.SmoothingMW)
		if w.PeakCutMW > 0 {
			line += fmt.Sprintf(" and lowers the step's peak of %s by %s", quantity("MW", w.PeakMW+w.PeakCutMW), quantity("MW", w.PeakCutMW))
		}
	}
	over := 0
	for _, c := range w.Checks {
		if !c.Met {
			over++
		}
	}
	switch {
	case over > 0:
		line += fmt.Sprintf("; checks against the grid's limits: %d of %d not met", over, len(w.Checks))
	case len(w.Checks) > 0:
		line += "; within the grid's limits"
	}
	return line
}

// cappedLine is what the cap, and the ramp of the site's power, cost each job in tokens.
func cappedLine(set *result.Set) string {
	lost := func(of func(j *result.Job) float64) string {
		var parts []string
		for i := range set.Jobs {
			j := &set.Jobs[i]
			if x := of(j); x > 0 {
				parts = append(parts, fmt.Sprintf("%s %s (%s)", j.Name, quantity("tokens", x), percent(x/(x+j.Tokens.Mean))))
			}
		}
		return strings.Join(parts, ", ")
	}
	var lines []string
	if text := lost(func(j *result.Job) float64 { return j.CappedTokens.Mean }); text != "" {
		lines = append(lines, "to limits on power and heat: "+text)
	}
	if text := lost(func(j *result.Job) float64 { return j.RampedTokens.Mean }); text != "" {
		lines = append(lines, "to the ramp of power: "+text)
		energy := 0.0
		for i := range set.Jobs {
			energy += set.Jobs[i].RampEnergyMWh.Mean
		}
		if energy > 0 {
			lines[len(lines)-1] += ", and " + quantity("MWh", energy)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "Tokens lost " + strings.Join(lines, "; ")
}
