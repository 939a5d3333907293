package unit

import "strings"

// Kind describes how a quantity is written.
type Kind struct {
	Name    string   // what the quantity is called in messages: "power"
	Example string   // a text that parses: "400 W"
	Units   []string // every accepted unit, smallest first; empty for Factor
	Min     float64  // smallest magnitude but zero that Parse accepts, in SI base units
	Max     float64  // largest magnitude that Parse accepts, in SI base units
}

// Describe returns how Q is written.
func Describe[Q Quantity]() Kind {
	k := kindOf[Q]()
	d := Kind{Name: k.name, Example: k.example, Min: smallest, Max: k.max}
	for _, s := range k.scales {
		if s.symbol != "" {
			d.Units = append(d.Units, strings.Replace(s.symbol, currencySign, "USD", 1))
		}
	}
	return d
}

// smallest is the least magnitude but zero that a text may have, in SI base
// units. It lies twelve orders below any rate, price or time of the catalog, and
// keeps values clear of the subnormals, where products lose precision.
const smallest = 1e-30

// kind is how one quantity is written: its scales from smallest to largest.
type kind struct {
	name    string
	example string
	unit    string // of the example; completes a number that has none
	max     float64
	scales  []scale
	// wrong maps spellings that people try to the right one.
	wrong map[string]string
}

// scale is one unit: num/den base units.
type scale struct {
	symbol   string
	num, den int64
	use      use
}

// use says in which texts a unit may be written; every unit is read.
type use uint8

const (
	readOnly  use = iota
	exactOnly     // written by Format where it is shorter, not by Short
	written
)

// currencySign stands for the currency code in a scale's symbol.
const currencySign = "¤"

// noCurrency is the ISO 4217 code for "no currency involved".
const noCurrency = "XXX"

// kindOf is the switch from a type to its kind.
func kindOf[Q Quantity]() *kind {
	var q Q
	switch any(q).(type) {
	case Power:
		return &powerKind
	case Energy:
		return &energyKind
	case FLOPRate:
		return &flopRateKind
	case Bytes:
		return &bytesKind
	case Bandwidth:
		return &bandwidthKind
	case Duration:
		return &durationKind
	case Tokens:
		return &tokensKind
	case Rate:
		return &rateKind
	case Share:
		return &shareKind
	case Factor:
		return &factorKind
	case Money:
		return &moneyKind
	case EnergyPrice:
		return &energyPriceKind
	case CarbonIntensity:
		return &carbonIntensityKind
	case Carbon:
		return &carbonKind
	case CapacityPrice:
		return &capacityPriceKind
	case CapacityCharge:
		return &capacityChargeKind
	case Spend:
		return &spendKind
	case VolumePrice:
		return &volumePriceKind
	case Temperature:
		return &temperatureKind
	case TemperatureDifference:
		return &temperatureDifferenceKind
	}
	panic("unit: a Quantity without a kind")
}

// The kinds. Each maximum leaves three orders of magnitude above the largest
// cluster on any roadmap (1 GW, 1 million chips) and keeps every product that the
// simulator forms (power x time, chips x milliseconds) exact or far from overflow.
var (
	powerKind = kind{
		name: "power", example: "400 W", unit: "W", max: 1e12,
		scales: []scale{{"W", 1, 1, written}, {"kW", 1e3, 1, written}, {"MW", 1e6, 1, written}, {"GW", 1e9, 1, written}},
		wrong:  map[string]string{"watt": "W", "watts": "W", "kilowatt": "kW", "kilowatts": "kW", "megawatt": "MW", "megawatts": "MW", "gigawatt": "GW", "gigawatts": "GW"},
	}
	energyKind = kind{
		name: "energy", example: "40 MWh", unit: "MWh", max: 1e21,
		scales: []scale{
			{"J", 1, 1, written},
			{"kJ", 1e3, 1, readOnly},
			{"MJ", 1e6, 1, readOnly},
			{"Wh", 3600, 1, written},
			{"kWh", 3.6e6, 1, written},
			{"MWh", 3.6e9, 1, written},
			{"GWh", 3.6e12, 1, written},
			{"TWh", 3.6e15, 1, written},
		},
	}
	flopRateKind = kind{
		name: "compute rate", example: "120 TFLOP/s", unit: "TFLOP/s", max: 1e24,
		scales: []scale{
			{"FLOP/s", 1, 1, written},
			{"kFLOP/s", 1e3, 1, written},
			{"MFLOP/s", 1e6, 1, written},
			{"GFLOP/s", 1e9, 1, written},
			{"TFLOP/s", 1e12, 1, written},
			{"PFLOP/s", 1e15, 1, written},
			{"EFLOP/s", 1e18, 1, written},
			{"FLOPS", 1, 1, readOnly},
			{"MFLOPS", 1e6, 1, readOnly},
			{"GFLOPS", 1e9, 1, readOnly},
			{"TFLOPS", 1e12, 1, readOnly},
			{"PFLOPS", 1e15, 1, readOnly},
			{"EFLOPS", 1e18, 1, readOnly},
		},
		// A trailing small s makes a plural, a count rather than a rate.
		wrong: map[string]string{"TFLOP": "TFLOP/s", "TFLOPs": "TFLOP/s", "PFLOP": "PFLOP/s", "PFLOPs": "PFLOP/s", "TFLOPs/s": "TFLOP/s", "PFLOPs/s": "PFLOP/s", "TOPS": "TFLOP/s"},
	}
	bytesKind = kind{
		name: "data size", example: "96 GiB", unit: "GB", max: 1e21,
		scales: []scale{
			{"B", 1, 1, written},
			{"kB", 1e3, 1, written},
			{"KB", 1e3, 1, readOnly},
			{"KiB", 1 << 10, 1, exactOnly},
			{"MB", 1e6, 1, written},
			{"MiB", 1 << 20, 1, exactOnly},
			{"GB", 1e9, 1, written},
			{"GiB", 1 << 30, 1, exactOnly},
			{"TB", 1e12, 1, written},
			{"TiB", 1 << 40, 1, exactOnly},
			{"PB", 1e15, 1, written},
			{"PiB", 1 << 50, 1, exactOnly},
			{"EB", 1e18, 1, written},
		},
		wrong: map[string]string{"Gb": "GB (or Gb divided by 8)", "Mb": "MB (or Mb divided by 8)", "G": "GB", "Gi": "GiB", "T": "TB", "Ti": "TiB", "M": "MB", "Mi": "MiB"},
	}
	bandwidthKind = kind{
		name: "bandwidth", example: "700 GB/s", unit: "GB/s", max: 1e21,
		scales: []scale{
			{"b/s", 1, 8, readOnly},
			{"B/s", 1, 1, written},
			{"kb/s", 125, 1, readOnly},
			{"kB/s", 1e3, 1, written},
			{"KB/s", 1e3, 1, readOnly},
			{"KiB/s", 1 << 10, 1, readOnly},
			{"Mb/s", 125e3, 1, readOnly},
			{"MB/s", 1e6, 1, written},
			{"MiB/s", 1 << 20, 1, readOnly},
			{"Gb/s", 125e6, 1, readOnly},
			{"GB/s", 1e9, 1, written},
			{"GiB/s", 1 << 30, 1, readOnly},
			{"Tb/s", 125e9, 1, readOnly},
			{"TB/s", 1e12, 1, written},
			{"TiB/s", 1 << 40, 1, readOnly},
			{"PB/s", 1e15, 1, written},
		},
		wrong: map[string]string{
			"Gbps": "Gb/s", "Gbit/s": "Gb/s", "Mbps": "Mb/s", "Mbit/s": "Mb/s", "Tbps": "Tb/s", "Tbit/s": "Tb/s", "GBps": "GB/s", "TBps": "TB/s",
			"G": "Gb/s for bits or GB/s for bytes", "GB": "GB/s", "Gb": "Gb/s", "TB": "TB/s", "Tb": "Tb/s", "MB": "MB/s",
		},
	}
	durationKind = kind{
		name: "duration", example: "30 d", unit: "d", max: 1000 * float64(Year),
		scales: []scale{
			{"ns", 1, 1e9, written},
			{"us", 1, 1e6, written},
			{"µs", 1, 1e6, readOnly},
			{"μs", 1, 1e6, readOnly},
			{"ms", 1, 1e3, written},
			{"s", 1, 1, written},
			{"min", 60, 1, written},
			{"h", 3600, 1, written},
			{"d", 86400, 1, written},
			// A week is seldom meant and a year has 365 or 365.25 days: read, not written.
			{"w", 7 * 86400, 1, readOnly},
			{"y", 365 * 86400, 1, readOnly},
		},
		wrong: map[string]string{
			"sec": "s", "second": "s", "seconds": "s", "m": "min", "mins": "min", "minute": "min", "minutes": "min",
			"hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "week": "w", "weeks": "w",
			"yr": "y", "year": "y", "years": "y",
		},
	}
	tokensKind = kind{
		name: "tokens", example: "15 T tokens", unit: "T tokens", max: 1e18,
		scales: []scale{
			{"tokens", 1, 1, written},
			{"K tokens", 1e3, 1, written},
			{"M tokens", 1e6, 1, written},
			{"B tokens", 1e9, 1, written},
			{"T tokens", 1e12, 1, written},
			{"thousand tokens", 1e3, 1, readOnly},
			{"million tokens", 1e6, 1, readOnly},
			{"billion tokens", 1e9, 1, readOnly},
			{"trillion tokens", 1e12, 1, readOnly},
		},
		wrong: map[string]string{
			"K": "K tokens", "M": "M tokens", "B": "B tokens", "T": "T tokens", "trillion": "T tokens", "billion": "B tokens", "million": "M tokens",
			"G tokens": "B tokens", "k tokens": "K tokens", "token": "tokens", "tok": "tokens", "t": "T tokens", "b": "B tokens",
		},
	}
	rateKind = kind{
		name: "rate", example: "6.11 %/y", unit: "/y", max: 1e6,
		scales: []scale{
			{"%/y", 1, 100 * 365 * 86400, written},
			{"/y", 1, 365 * 86400, written},
			{"%/d", 1, 100 * 86400, readOnly},
			{"/d", 1, 86400, written},
			{"/h", 1, 3600, written},
			{"/s", 1, 1, written},
		},
		wrong: map[string]string{"%": "%/y", "/year": "/y", "/yr": "/y", "per year": "/y", "%/year": "%/y", "%/yr": "%/y", "/day": "/d", "per day": "/d", "/hour": "/h", "per hour": "/h", "/sec": "/s"},
	}
	shareKind = kind{
		name: "share", example: "3 %", unit: "%", max: 1e4,
		scales: []scale{{"%", 1, 100, written}},
		wrong:  map[string]string{"percent": "%", "pct": "%"},
	}
	factorKind = kind{
		name: "factor", example: "1.2", max: 1e12,
		scales: []scale{{"", 1, 1, written}},
	}
	moneyKind = kind{
		name: "money", example: "25000 USD", unit: "USD", max: 1e18,
		scales: []scale{{"¤", 1, 1, written}, {"k¤", 1e3, 1, written}, {"M¤", 1e6, 1, written}, {"B¤", 1e9, 1, written}},
		wrong:  map[string]string{"$": "USD", "€": "EUR", "¥": "CNY", "yuan": "CNY", "dollars": "USD"},
	}
	energyPriceKind = kind{
		name: "electricity price", example: "0.5 CNY/kWh", unit: "CNY/kWh", max: 1e3,
		scales: []scale{{"¤/MWh", 1, 3.6e9, readOnly}, {"¤/kWh", 1, 3.6e6, written}},
		wrong:  map[string]string{"$/kWh": "USD/kWh", "€/kWh": "EUR/kWh", "¥/kWh": "CNY/kWh", "yuan/kWh": "CNY/kWh", "$/MWh": "USD/MWh", "€/MWh": "EUR/MWh"},
	}
	carbonIntensityKind = kind{
		name: "carbon intensity", example: "0.4042 kgCO2/kWh", unit: "kgCO2/kWh", max: 1,
		scales: []scale{
			{"gCO2/kWh", 1, 3.6e9, readOnly},
			{"kgCO2/kWh", 1, 3.6e6, written},
			{"tCO2/MWh", 1, 3.6e6, readOnly},
			{"gCO2e/kWh", 1, 3.6e9, readOnly},
			{"kgCO2e/kWh", 1, 3.6e6, readOnly},
		},
		wrong: map[string]string{"kg/kWh": "kgCO2/kWh", "g/kWh": "gCO2/kWh", "kgCO2": "kgCO2/kWh", "gCO2": "gCO2/kWh", "t/MWh": "tCO2/MWh"},
	}
	carbonKind = kind{
		name: "amount of carbon", example: "164 kgCO2", unit: "kgCO2", max: 1e15,
		scales: []scale{
			{"kgCO2", 1, 1, written},
			{"tCO2", 1e3, 1, written},
			{"kgCO2e", 1, 1, readOnly},
			{"tCO2e", 1e3, 1, readOnly},
		},
		wrong: map[string]string{"kg": "kgCO2", "t": "tCO2"},
	}
	capacityPriceKind = kind{
		name: "price of capacity", example: "12 MUSD/MW", unit: "MUSD/MW", max: 1e9,
		scales: []scale{
			{"¤/kW", 1, 1e3, written},
			{"k¤/MW", 1, 1e3, readOnly},
			{"¤/W", 1, 1, readOnly},
			{"M¤/MW", 1, 1, written},
		},
	}
	// A month is a twelfth of 365 days.
	capacityChargeKind = kind{
		name: "charge for capacity", example: "32 CNY/kW-month", unit: "CNY/kW-month", max: 1e3,
		scales: []scale{
			{"¤/MW-y", 1, 1e6 * 365 * 86400, readOnly},
			{"¤/kW-y", 1, 1e3 * 365 * 86400, readOnly},
			{"¤/kW-month", 12, 1e3 * 365 * 86400, written},
		},
		wrong: map[string]string{"CNY/kW": "CNY/kW-month", "USD/kW": "USD/kW-month", "CNY/kW/month": "CNY/kW-month", "USD/kW/month": "USD/kW-month"},
	}
	spendKind = kind{
		name: "spending", example: "3 MCNY/y", unit: "CNY/y", max: 1e12,
		scales: []scale{
			{"¤/y", 1, 365 * 86400, written},
			{"k¤/y", 1e3, 365 * 86400, written},
			{"M¤/y", 1e6, 365 * 86400, written},
			{"¤/month", 12, 365 * 86400, readOnly},
			{"k¤/month", 12e3, 365 * 86400, readOnly},
			{"M¤/month", 12e6, 365 * 86400, readOnly},
		},
	}
	volumePriceKind = kind{
		name: "price of a volume", example: "4 CNY/m3", unit: "CNY/m3", max: 1e6,
		scales: []scale{{"¤/m3", 1, 1, written}},
		wrong:  map[string]string{"CNY/t": "CNY/m3", "USD/kgal": "USD/m3"},
	}
	temperatureKind = kind{
		name: "temperature", example: "25 C", unit: "C", max: 1e4,
		scales: []scale{{"C", 1, 1, written}, {"°C", 1, 1, readOnly}},
		wrong:  map[string]string{"K": "C", "deg C": "C", "degC": "C", "celsius": "C", "Celsius": "C"},
	}
	temperatureDifferenceKind = kind{
		name: "temperature difference", example: "5 K", unit: "K", max: 1e4,
		scales: []scale{{"K", 1, 1, written}},
		wrong:  map[string]string{"C": "K", "°C": "K", "kelvin": "K", "deg": "K"},
	}
)

// kinds lists every kind, to name the one that a misplaced unit belongs to.
func kinds() []*kind {
	return []*kind{
		&powerKind, &energyKind, &flopRateKind, &bytesKind, &bandwidthKind, &durationKind, &tokensKind,
		&rateKind, &shareKind, &moneyKind, &energyPriceKind, &carbonIntensityKind,
		&carbonKind, &capacityPriceKind, &capacityChargeKind, &spendKind, &volumePriceKind,
		&temperatureKind, &temperatureDifferenceKind,
	}
}

// isPrice reports whether the kind's units hold a currency.
func (k *kind) isPrice() bool { return strings.Contains(k.scales[0].symbol, currencySign) }

// find returns the scale that a unit names, and the currency in it, if any.
func (k *kind) find(symbol string) (s scale, currency string, ok bool) {
	for _, s := range k.scales {
		before, after, hasCurrency := strings.Cut(s.symbol, currencySign)
		if !hasCurrency {
			if s.symbol == symbol {
				return s, "", true
			}
			continue
		}
		rest, ok1 := strings.CutPrefix(symbol, before)
		code, ok2 := strings.CutSuffix(rest, after)
		if ok1 && ok2 && isCurrency(code) {
			return s, code, true
		}
	}
	return scale{}, "", false
}

// isCurrency reports whether code has the shape of an ISO 4217 code.
func isCurrency(code string) bool {
	if len(code) != 3 {
		return false
	}
	for i := range len(code) {
		if code[i] < 'A' || code[i] > 'Z' {
			return false
		}
	}
	return true
}
