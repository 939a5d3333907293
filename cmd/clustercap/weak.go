package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"clustercap/sim/scenario"
)

// Paths of the values that the site's power, and its money and carbon, follow from, as
// patterns of path.Match on paths whose dots are slashes.
func powerPaths() []string {
	return []string{
		"fleet/chip/tdp", "fleet/chip/idle", "fleet/chip/voltage_*", "fleet/chip/uncore_power", "fleet/chip/efficiency/*_power*",
		"fleet/server/overhead_*", "fleet/server/fans", "fleet/server/supply", "fleet/server/switches",
		"fleet/fabric/*/power", "fleet/fabric/storage_per_chip", "fleet/fabric/power_per_chip",
		"site/pue", "site/min_clock", "site/clock_exponent", "site/cooling/[^t]*", // all but its title
		"site/losses/*", "site/climate", "site/battery/efficiency", "site/generation*/yield",
	}
}

func moneyPaths() []string {
	return []string{
		"fleet/*/price", "fleet/*/embodied", "fleet/fabric/*/price", "fleet/fabric/price_per_chip",
		"site/electricity", "site/tariff/*", "site/tariff/*/factor", "site/tariff/*/price",
		"site/carbon", "site/carbon/*", "site/carbon/*/factor", "site/generation*/price", "site/generation*/carbon",
		"site/money/*", "site/money/rates/*",
	}
}

// weakValues lists the values among those of some paths that nobody read in a source:
// priors and what is from memory. All is how many are cited.
func weakValues(values []scenario.Value, paths []string) (weak []string, all int) {
	for _, v := range values {
		if !slices.ContainsFunc(paths, func(pattern string) bool {
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

// weakLine says so in a sentence, values of one mapping together.
func weakLine(values []scenario.Value, paths []string, of, follow string) string {
	weak, all := weakValues(values, paths)
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
	return fmt.Sprintf("Weak sources of %s: %d of the %d cited values that %s from are priors or from memory: %s",
		of, len(weak), all, follow, strings.Join(groups, "; "))
}

// weakLines are those of power, and of money and carbon.
func weakLines(values []scenario.Value) []string {
	return []string{
		weakLine(values, powerPaths(), "power", "it follows"),
		weakLine(values, moneyPaths(), "money and carbon", "they follow"),
	}
}
