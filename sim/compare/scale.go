package compare

import (
	"math"
	"strconv"
	"strings"

	"clustercap/sim/result"
	"clustercap/sim/unit"
)

// Scale is how the numbers of one row or axis are written: all in one unit, with
// one number of decimals, so that they can be compared by eye.
type Scale struct {
	// Unit as printed: "GWh", "M tokens/s".
	Unit string
	// Factor is how many base units one printed unit is.
	Factor float64
	// Decimals behind the point.
	Decimals int
}

// significant is the number of digits that the largest number of a scale shows;
// more would claim a precision that no replica supports.
const significant = 3

// ScaleOf picks the scale for values in the base unit: an SI or financial prefix
// so that the largest has one to four digits before the point, and three
// significant digits of it. Values that are not finite are ignored.
func ScaleOf(base string, values ...float64) Scale {
	var top float64
	for _, v := range values {
		if a := math.Abs(v); a > top && !math.IsInf(v, 0) {
			top = a
		}
	}
	s := Scale{Unit: base, Factor: 1}
	for _, step := range ladder(base) {
		if top >= step.from {
			s.Unit, s.Factor = step.unit, step.factor
		}
	}
	s.Decimals = decimals(top / s.Factor)
	if base == "%" {
		s.Decimals = min(s.Decimals, 2) // hundredths of a per cent are chance
	}
	return s
}

type rung struct {
	from   float64 // smallest largest value, in base units
	unit   string
	factor float64
}

// ladder lists the units in which a base unit is written, ascending.
func ladder(base string) []rung {
	switch base {
	case "MW":
		return []rung{{0, "kW", 1e-3}, {0.9, "MW", 1}, {5e3, "GW", 1e3}}
	case "MWh":
		return []rung{{1e4, "GWh", 1e3}, {1e7, "TWh", 1e6}}
	case "t CO2e":
		return []rung{{1e4, "kt CO2e", 1e3}, {1e7, "Mt CO2e", 1e6}}
	case "chip-hours":
		return []rung{{1e4, "k chip-hours", 1e3}, {1e6, "M chip-hours", 1e6}, {1e10, "bn chip-hours", 1e9}}
	case "tokens/s", "tokens":
		// Tokens are counted in K, M, B and T, as scenario files write them.
		return []rung{{1e4, "K " + base, 1e3}, {1e6, "M " + base, 1e6}, {1e9, "B " + base, 1e9}, {1e12, "T " + base, 1e12}}
	case "%":
		return []rung{{0, "%", 0.01}}
	case "CNY", "USD", "EUR":
		return []rung{{1e4, "k " + base, 1e3}, {1e6, "M " + base, 1e6}, {1e10, "bn " + base, 1e9}}
	default:
		return nil
	}
}

// MoneyScale is ScaleOf for an amount in any currency.
func MoneyScale(currency string, values ...float64) Scale {
	s := ScaleOf("USD", values...)
	s.Unit = strings.Replace(s.Unit, "USD", currency, 1)
	return s
}

func decimals(top float64) int {
	if top == 0 {
		return 0
	}
	digits := int(math.Floor(math.Log10(top))) + 1 // before the point
	return min(max(significant-digits, 0), 4)
}

// Number writes v without its unit: thousands in groups of three, "n/a" where
// there is no value, "never" where it is infinite.
func (s Scale) Number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "n/a"
	case math.IsInf(v, 0):
		return "never"
	}
	return unit.Group3(strconv.FormatFloat(v/s.Factor, 'f', s.Decimals, 64))
}

// Text writes v with its unit.
func (s Scale) Text(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) || s.Unit == "" {
		return s.Number(v)
	}
	return s.Number(v) + " " + s.Unit
}

// Central writes the mean without its unit. Where one replica never ends, the mean
// is infinite and says nothing of the others: the median stands in and is named.
func (s Scale) Central(st result.Stat) string {
	if math.IsInf(st.Mean, 0) && !math.IsInf(st.P50, 0) && !math.IsNaN(st.P50) {
		return "median " + s.Number(st.P50)
	}
	return s.Number(st.Mean)
}
