package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"clustercap/sim/result"
	"clustercap/sim/unit"
)

// topCauses is how many causes of interruptions a summary names.
const topCauses = 4

// reliabilityLines say what stopped the jobs, what that cost them and what the repair
// of servers took; nothing where nothing failed.
func reliabilityLines(set *result.Set) []string {
	var lines []string
	if causes := causesLine(set); causes != "" {
		lines = append(lines, causes)
	}
	if reasons := reasonsLine(set); reasons != "" {
		lines = append(lines, reasons)
	}
	s := &set.Site
	if s.Failures.Mean > 0 {
		lines = append(lines, serversLine(s))
		if line := checkpointLine(set); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// serversLine says what failures and repair did to the site's servers.
func serversLine(s *result.Site) string {
	line := fmt.Sprintf("Servers: %s of server-hours in service; %s in repair, %s of them waiting for hands or parts, on average; %s took the place of failed ones",
		percent(s.Availability.Mean), number(s.ServersInRepair.Mean), number(s.RepairBacklog.Mean), number(s.SparesUsed.Mean))
	if n := s.Evicted.Mean; n > 0 {
		line += " or, " + number(n) + " times, of slow ones"
	}
	if n := s.Misdiagnosed.Mean; n > 0 {
		line += "; " + number(n) + " innocent ones went to repair in their stead"
	}
	if n := s.Retired.Mean; n > 0 {
		line += "; " + number(n) + " retired"
	}
	return line
}

// checkpointLine says how often each job saves its state, and what would be best.
func checkpointLine(set *result.Set) string {
	var words []string
	for i := range set.Checkpoints {
		c := &set.Checkpoints[i]
		seconds := func(s float64) string { return unit.Short(unit.Duration(s)) }
		switch {
		case c.Without != "":
			words = append(words, fmt.Sprintf("%s has no best interval, %s", c.Job, c.Without))
		case c.BestGoodput-c.ChosenGoodput < 0.001:
			words = append(words, fmt.Sprintf("%s every %s, as good as any", c.Job, seconds(c.ChosenSeconds)))
		default:
			words = append(words, fmt.Sprintf("%s every %s, which keeps %s less of its time than the best, %s", c.Job,
				seconds(c.ChosenSeconds), percent(c.BestGoodput-c.ChosenGoodput), seconds(c.BestSeconds)))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "Checkpoints to the store, on the largest size: " + strings.Join(words, "; ")
}

// number is a mean that may be below 1.
func number(v float64) string {
	if v >= 10 || v == 0 {
		return grouped(v)
	}
	return fmt.Sprintf("%.2g", v)
}

// causesLine names the causes that stop the jobs most often.
func causesLine(set *result.Set) string {
	causes := slices.Clone(set.Causes)
	slices.SortStableFunc(causes, func(a, b result.Cause) int { return cmp.Compare(b.Interruptions.Mean, a.Interruptions.Mean) })
	var words []string
	rest := 0.0
	planned := ""
	for _, c := range causes {
		switch n := c.Interruptions.Mean; {
		case n == 0:
		case c.Name == result.Planned: // to save their work, which nothing interrupts
			planned = "; beside them " + number(n) + " planned stops"
		case len(words) < topCauses:
			words = append(words, c.Name+" "+number(n))
		default:
			rest += n
		}
	}
	if len(words) == 0 {
		return ""
	}
	if rest > 0 {
		words = append(words, "all else "+number(rest))
	}
	return "Interruptions by cause: " + strings.Join(words, ", ") + planned
}

// reasonsLine says what the hours lost to failures were spent on, all jobs together.
func reasonsLine(set *result.Set) string {
	var words []string
	for r := range result.NumReasons {
		hours := 0.0
		for i := range set.Jobs {
			hours += set.Jobs[i].LostBy[r.String()].Mean
		}
		if hours > 0 {
			words = append(words, strings.ReplaceAll(r.String(), "_", " ")+" "+quantity("h", hours))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return "Lost to failures: " + strings.Join(words, ", ") +
		". Goodput is the time that the kept steps take at full clock and with all replicas over the time since the first start, ETTR the time in training that was kept over the same"
}
