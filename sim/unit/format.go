package unit

import (
	"math"
	"strconv"
	"strings"
)

// Format writes v as the shortest decimal in the most readable unit, such that
// Parse gives back v exactly. Money and EnergyPrice carry no currency and are
// written with XXX, the ISO 4217 code for none; see FormatMoney and
// FormatEnergyPrice.
func Format[Q Quantity](v Q) string { return kindOf[Q]().exact(float64(v), noCurrency) }

// Short writes v to 3 significant digits in the most readable unit, for tables.
func Short[Q Quantity](v Q) string { return kindOf[Q]().short(float64(v), 3) }

// FormatPrice is Format with a currency code: "25 kUSD", "0.5 CNY/kWh".
func FormatPrice[Q Price](v Q, currency string) string {
	return kindOf[Q]().exact(float64(v), currency)
}

// exact writes v so that parse gives it back.
func (k *kind) exact(v float64, currency string) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'g', -1, 64) // no text that parses; visible in a report
	}
	s := k.bestScale(exactOnly, v)
	return join(s.shortest(v), s.symbol, currency)
}

// short writes v to some significant digits, without currency where there is none.
func (k *kind) short(v float64, digits int) string {
	s := k.readable(v, digits)
	return withoutCurrency(s.rounded(v, digits), s)
}

// rounded writes v in units of s to some significant digits.
func (s scale) rounded(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return plain(s.fromBase(v).Text('e', digits-1))
}

// withoutCurrency puts number and unit together and leaves the currency out.
func withoutCurrency(number string, s scale) string {
	return strings.TrimSpace(join(number, s.symbol, ""))
}

// join puts number and unit together, the currency in its place.
func join(number, symbol, currency string) string {
	if symbol == "" {
		return number
	}
	return number + " " + strings.Replace(symbol, currencySign, currency, 1)
}

// readable returns the largest unit in which v, rounded, is at least 1, or the
// smallest unit; for 0, and for what is not finite, the unit that completes a bare number.
func (k *kind) readable(v float64, digits int) scale {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return k.zeroScale()
	}
	best := scale{}
	for i := len(k.scales) - 1; i >= 0; i-- {
		s := k.scales[i]
		if s.use != written {
			continue
		}
		best = s
		x, err := strconv.ParseFloat(s.fromBase(math.Abs(v)).Text('e', digits-1), 64)
		if err == nil && x >= 1 {
			break
		}
	}
	return best
}

// bestScale returns the unit in which the values take the fewest characters,
// among those in which the largest is at least 1 and below 1000; the larger unit
// where two tie. Where there is none it is the readable unit of the largest.
func (k *kind) bestScale(least use, values ...float64) scale {
	top := 0.0
	for _, v := range values {
		top = max(top, math.Abs(v))
	}
	best, length := k.readable(top, 17), math.MaxInt
	if top == 0 {
		return best
	}
	for _, s := range k.scales {
		if s.use < least {
			continue
		}
		if x, _ := s.fromBase(top).Float64(); x < 1 || x >= 1000 {
			continue
		}
		n := 0
		for _, v := range values {
			n += len(s.shortest(v))
		}
		// Binary units only where they save digits: 96 GiB, but 80 GB.
		if n < length || (n == length && s.use == written) {
			best, length = s, n
		}
	}
	return best
}

// zeroScale is the unit that a zero is written in.
func (k *kind) zeroScale() scale {
	unit := strings.NewReplacer("USD", currencySign, "CNY", currencySign).Replace(k.unit)
	for _, s := range k.scales {
		if s.symbol == unit {
			return s
		}
	}
	return k.scales[0]
}

// Count writes a whole number as 36,864.
func Count[N int | int32 | int64](n N) string { return Group3(strconv.FormatInt(int64(n), 10)) }

// Group3 puts a comma between groups of three digits before the point of a
// decimal number, and drops the sign of a zero.
func Group3(text string) string {
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
		if strings.Trim(text, "0.") == "" {
			sign = ""
		}
	}
	whole, frac, point := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if point {
		whole += "." + frac
	}
	return sign + whole
}

// String writes v to 4 significant digits; see Format for all of them.
func (v Power) String() string           { return powerKind.short(float64(v), 4) }
func (v Energy) String() string          { return energyKind.short(float64(v), 4) }
func (v FLOPRate) String() string        { return flopRateKind.short(float64(v), 4) }
func (v Bytes) String() string           { return bytesKind.short(float64(v), 4) }
func (v Bandwidth) String() string       { return bandwidthKind.short(float64(v), 4) }
func (v Duration) String() string        { return durationKind.short(float64(v), 4) }
func (v Tokens) String() string          { return tokensKind.short(float64(v), 4) }
func (v Rate) String() string            { return rateKind.short(float64(v), 4) }
func (v Share) String() string           { return shareKind.short(float64(v), 4) }
func (v Factor) String() string          { return factorKind.short(float64(v), 4) }
func (v Money) String() string           { return moneyKind.short(float64(v), 4) }
func (v EnergyPrice) String() string     { return energyPriceKind.short(float64(v), 4) }
func (v CarbonIntensity) String() string { return carbonIntensityKind.short(float64(v), 4) }
func (v Carbon) String() string          { return carbonKind.short(float64(v), 4) }
func (v CapacityPrice) String() string   { return capacityPriceKind.short(float64(v), 4) }
func (v CapacityCharge) String() string  { return capacityChargeKind.short(float64(v), 4) }
func (v Spend) String() string           { return spendKind.short(float64(v), 4) }
func (v VolumePrice) String() string     { return volumePriceKind.short(float64(v), 4) }

func (v Temperature) String() string           { return temperatureKind.short(float64(v), 4) }
func (v TemperatureDifference) String() string { return temperatureDifferenceKind.short(float64(v), 4) }
