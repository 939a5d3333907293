package main

import (
	"math"
	"strconv"

	"clustercap/sim/compare"
	"clustercap/sim/result"
	"clustercap/sim/unit"
)

// grouped writes a whole number with thousands separators.
func grouped(v float64) string { return unit.Group3(strconv.FormatFloat(v, 'f', 0, 64)) }

// figure writes one number to three significant digits.
func figure(v float64) string { return compare.ScaleOf("", v).Number(v) }

// quantity writes one number of a base unit with the prefix that suits it.
func quantity(base string, v float64) string { return compare.ScaleOf(base, v).Text(v) }

// money writes one amount.
func money(currency string, v float64) string { return compare.MoneyScale(currency, v).Text(v) }

// percent writes a share.
func percent(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) + " %" }

// quantityOver writes one number over the replicas with the prefix that suits it.
func quantityOver(base string, s result.Stat) string {
	scale := compare.ScaleOf(base, shownOf(s))
	text := middle(s, scale)
	if scale.Unit == "" || math.IsNaN(s.Mean) {
		return text
	}
	return text + " " + scale.Unit
}

// shownOf is the value that middle leads with.
func shownOf(s result.Stat) float64 {
	if math.IsInf(s.Mean, 0) {
		return s.P50
	}
	return s.Mean
}

// middle writes the mean with the p10 to p90 around it, or one number where
// the replicas agree to the digits shown.
func middle(s result.Stat, scale compare.Scale) string {
	mid, low, high := scale.Central(s), scale.Number(s.P10), scale.Number(s.P90)
	if low == high && mid == low {
		return mid
	}
	return mid + " (" + low + " to " + high + ")"
}
