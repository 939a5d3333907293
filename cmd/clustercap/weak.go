package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"clustercap/sim/scenario"
)

// powerPaths are the values that the site's power follows from, as patterns of path.Match
// on paths whose dots are slashes.
func powerPaths() []string {
	return []string{
		"fleet/chip/tdp", "fleet/chip/idle", "fleet/chip/voltage_*", "fleet/chip/uncore_power", "fleet/chip/efficiency/*_power*",
		"fleet/server/overhead_*", "fleet/server/fans", "fleet/server/supply", "fleet/server/switches",
		"fleet/fabric/*/power", "fleet/fabric/storage_per_chip", "fleet/fabric/power_per_chip",
		"site/pue", "site/min_clock", "site/clock_exponent", "site/cooling/[^t]*", // all but its title
		"site/losses/*", "site/climate",
	}
}

// weakPower lists the values that the site's power follows from and that nobody read in a
// source: priors and what is from memory. All is how many values it follows from.
func weakPower(values []scenario.Value) (weak []string, all int) {
	for _, v := range values {
		if !slices.ContainsFunc(powerPaths(), func(pattern string) bool {
			ok, err := path.Match(pattern, strings.ReplaceAll(v.Path, ".", "/"))
			return ok && err == nil
		}) || v.Source == "" {
			continue
		}
		all++
		if strings.HasSuffix(v.Source, "[prior]") || strings.HasSuffix(v.Source, "[memory]") {
			weak = append(weak, v.Path)
		}
	}
	return weak, all
}

// weakPowerLine says so in a sentence, values of one mapping together.
func weakPowerLine(values []scenario.Value) string {
	weak, all := weakPower(values)
	if len(weak) == 0 {
		return ""
	}
	var groups []string
	before := ""
	for _, p := range weak {
		at := strings.LastIndex(p, ".")
		if group, key := p[:at], p[at+1:]; group != before {
			groups, before = append(groups, group+"."+key), group
		} else {
			groups[len(groups)-1] += ", " + key
		}
	}
	return fmt.Sprintf("Weak sources of power: %d of the %d cited values that it follows from are priors or from memory: %s",
		len(weak), all, strings.Join(groups, "; "))
}
