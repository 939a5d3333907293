package unit

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// reading is Parse of one kind, without its type.
type reading func(text string) (float64, error)

func read[Q Quantity](text string) (float64, error) {
	v, err := Parse[Q](text)
	return float64(v), err
}

// readings lists Parse of every kind, by the kind's name.
var readings = map[string]reading{
	"power": read[Power], "energy": read[Energy], "compute rate": read[FLOPRate], "data size": read[Bytes],
	"bandwidth": read[Bandwidth], "duration": read[Duration], "tokens": read[Tokens], "rate": read[Rate],
	"share": read[Share], "factor": read[Factor], "money": read[Money], "electricity price": read[EnergyPrice],
	"carbon intensity": read[CarbonIntensity], "amount of carbon": read[Carbon], "price of capacity": read[CapacityPrice],
	"charge for capacity": read[CapacityCharge], "spending": read[Spend], "price of a volume": read[VolumePrice],
	"temperature": read[Temperature], "temperature difference": read[TemperatureDifference],
}

// TestParse: values are exact, because the texts are converted exactly and rounded
// once, so that equality needs no tolerance.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		kind, text string
		want       float64
	}{
		{"power", "400 W", 400},
		{"power", "400W", 400},
		{"power", "  12.5   MW ", 12.5e6},
		{"power", "+1e3 kW", 1e6},
		{"power", "-5 W", -5},
		{"power", "0 GW", 0},
		{"power", "1e12 W", 1e12}, // the bound itself
		{"energy", "1 J", 1},
		{"energy", "3 kWh", 10.8e6},
		{"energy", "40 MWh", 144e9},
		{"energy", "2 GWh", 7.2e12},
		{"compute rate", "118.7 TFLOP/s", 118.7e12},
		{"compute rate", "989 TFLOPS", 989e12},
		{"compute rate", "5EFLOP/s", 5e18}, // E is no exponent here
		{"compute rate", "1.945 PFLOPS", 1.945e15},
		{"data size", "96 GiB", 96 << 30},
		{"data size", "96 GB", 96e9},
		{"data size", "64 KB", 64e3},
		{"data size", "64 kB", 64e3},
		{"data size", "1.5 TiB", 1.5 * (1 << 40)},
		{"data size", "1 PB", 1e15},
		{"bandwidth", "700 GB/s", 700e9},
		{"bandwidth", "400 Gb/s", 50e9},
		{"bandwidth", "25.6 Tb/s", 3.2e12},
		{"bandwidth", "8 b/s", 1},
		{"duration", "0.1 h", 360}, // not 360.00000000000006
		{"duration", "30 d", 2592000},
		{"duration", "2 w", 1209600},
		{"duration", "1 y", 31536000},
		{"duration", "150 ns", 150e-9},
		{"duration", "5 us", 5e-6},
		{"duration", "5 µs", 5e-6}, // micro sign
		{"duration", "5 μs", 5e-6}, // Greek mu
		{"duration", "7 min", 420},
		{"tokens", "15 T tokens", 15e12},
		{"tokens", "15T tokens", 15e12},
		{"tokens", "300 B tokens", 300e9},
		{"tokens", "1e12 tokens", 1e12},
		{"tokens", "33.5 M tokens", 33.5e6},
		{"tokens", "2 trillion tokens", 2e12},
		{"rate", "1 /y", 1 / 31536000.0},
		{"rate", "0.0611 /y", 0.0611 / 31536000},
		{"rate", "6.11 %/y", 0.0611 / 31536000},
		{"rate", "24/d", 1 / 3600.0},
		{"rate", "1 /h", 1 / 3600.0},
		{"share", "3 %", 0.03},
		{"share", "3%", 0.03},
		{"share", "28 %", 0.28}, // 28 * 0.01 would be 0.28000000000000003
		{"factor", "1.2", 1.2},
		{"factor", "-0", 0},
		{"money", "25000 USD", 25e3},
		{"money", "25 kUSD", 25e3},
		{"money", "1.5 MCNY", 1.5e6},
		{"money", "2 BEUR", 2e9},
		{"electricity price", "0.5 CNY/kWh", 0.5 / 3.6e6},
		{"electricity price", "500 CNY/MWh", 0.5 / 3.6e6},
		{"carbon intensity", "404 gCO2/kWh", 0.404 / 3.6e6},
		{"carbon intensity", "0.404 kgCO2/kWh", 0.404 / 3.6e6},
		{"carbon intensity", "0.404 tCO2/MWh", 0.404 / 3.6e6},
		{"amount of carbon", "1.3 tCO2e", 1300},
		{"price of capacity", "12 MUSD/MW", 12},
		{"price of capacity", "12000 USD/kW", 12},
		{"charge for capacity", "32 CNY/kW-month", 0.032 / 2628000},
		{"charge for capacity", "384 CNY/kW-y", 0.032 / 2628000},
		{"spending", "3.1536 MCNY/y", 0.1},
		{"spending", "2.628 MCNY/month", 1},
	} {
		got, err := readings[c.kind](c.text)
		if err != nil {
			t.Errorf("%s %q: %v", c.kind, c.text, err)
		} else if got != c.want {
			t.Errorf("%s %q = %v, want %v", c.kind, c.text, got, c.want)
		}
	}
}

// TestParseRefuses pins what is refused and how the message helps.
func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		kind, text, want string
	}{
		{"power", "", `the value is empty; write e.g. 400 W`},
		{"power", "400", `400 has no unit; write e.g. 400 W`},
		{"power", "W", `"W" does not begin with a number; write e.g. 400 W`},
		{"power", "12 mW", `"mW" is not a unit of power (upper and lower case differ); write 12 MW`},
		{"power", "400 Watt", `"Watt" is not a unit of power; write 400 W`},
		{"power", "400 kWW", `"kWW" is not a unit of power; did you mean 400 kW?`},
		{"power", "400 horses", `"horses" is not a unit of power; write one of W, kW, MW, GW`},
		{"power", "400 GB", `"GB" is a unit of data size, not of power; write e.g. 400 W`},
		{"power", ".nan", `".nan" is not a finite number; write e.g. 400 W`},
		{"power", "-.inf", `"-.inf" is not a finite number; write e.g. 400 W`},
		{"power", "NaN W", `"NaN W" is not a finite number; write e.g. 400 W`},
		{"power", "-Inf W", `"-Inf W" is not a finite number; write e.g. 400 W`},
		{"power", "0x10 W", `"0x10 W" is not a decimal number; write e.g. 400 W`},
		{"power", "0x1p4 W", `"0x1p4 W" is not a decimal number; write e.g. 400 W`},
		{"power", "1_000 W", `"1_000 W" has a thousands separator; write 1000 W`},
		{"power", "1,000,000 W", `"1,000,000 W" has a thousands separator; write 1000000 W`},
		{"power", "1'000 W", `"1'000 W" has a thousands separator; write 1000 W`},
		{"power", "25 000 W", `"25 000 W" has a space inside the number; write 25000 W`},
		{"power", "25 000 000 W", `"25 000 000 W" has a space inside the number; write 25000000 W`},
		{"power", "0,5 kW", `"0,5 kW" has a decimal comma; write a decimal point: 0.5 kW`},
		{"power", "1. W", `"1. W" has a decimal point without digits after it; write 1 W`},
		{"power", ".5 W", `".5 W" begins with a decimal point; write 0.5 W`},
		{"power", "-.5 W", `"-.5 W" begins with a decimal point; write -0.5 W`},
		{"power", "3-4 W", `"3-4 W" has a dash between two numbers; write a range, where one may stand, as 3..4 W`},
		{"power", "3 – 4 W", `"3 – 4 W" has a dash between two numbers; write a range, where one may stand, as 3..4 W`},
		{"power", "3..4 W", `"3..4 W" is a range; write a single value here, e.g. 400 W`},
		{"power", "1e30 W", `"1e30 W" is out of bounds; power may be 0 or between 1e-30 W and 1000 GW in magnitude`},
		{"power", "1e-31 W", `"1e-31 W" is out of bounds; power may be 0 or between 1e-30 W and 1000 GW in magnitude`},
		{"power", "1e999999999 W", `"1e999999999 W" is out of bounds; power may be 0 or between 1e-30 W and 1000 GW in magnitude`},
		{"power", "-1e-999999999 W", `"-1e-999999999 W" is out of bounds; power may be 0 or between 1e-30 W and 1000 GW in magnitude`},
		{"compute rate", "3 TFLOPs", `"TFLOPs" is not a unit of compute rate; write 3 TFLOP/s`},
		{"data size", "80 Gb", `"Gb" is not a unit of data size; write 80 GB (or Gb divided by 8)`},
		{"data size", "96 GIB", `"GIB" is not a unit of data size (upper and lower case differ); write 96 GiB`},
		{"bandwidth", "700 gb/s", `"gb/s" is not a unit of bandwidth (upper and lower case differ); write 700 Gb/s or 700 GB/s`},
		{"bandwidth", "400 Gbps", `"Gbps" is not a unit of bandwidth; write 400 Gb/s`},
		{"bandwidth", "400 GB", `"GB" is not a unit of bandwidth; write 400 GB/s`},
		{"duration", "30 days", `"days" is not a unit of duration; write 30 d`},
		{"duration", "3 m", `"m" is not a unit of duration; write 3 min`},
		{"duration", "2 months", `"months" is not a unit of duration; a month has no fixed length: write it in days, as 30 d`},
		{"duration", "1001 y", `"1001 y" is out of bounds; duration may be 0 or between 1e-21 ns and 365000 d in magnitude`},
		{"tokens", "15 T", `"T" is not a unit of tokens; write 15 T tokens`},
		{"tokens", "15", `15 has no unit; write e.g. 15 T tokens`},
		{"tokens", "15e12", `15e12 has no unit; write 15 T tokens`},
		{"tokens", "300000000000", `300000000000 has no unit; write 300 B tokens`},
		{"rate", "6 %", `"%" is not a unit of rate; write 6 %/y`},
		{"share", "0.03", `0.03 has no unit; write e.g. 3 %`},
		{"share", "3", `3 has no unit; write e.g. 3 %`},
		{"share", "1e-31", `1e-31 has no unit; write e.g. 1e-29 %`},
		{"share", "3 percent", `"percent" is not a unit of share; write 3 %`},
		{"factor", "1.2 W", `"1.2 W" has a unit, but a factor is a bare number; write 1.2`},
		{"factor", "120 %", `"120 %" has a unit, but a factor is a bare number; write 1.2`},
		{"money", "25000", `25000 has no unit; write e.g. 25000 USD`},
		{"money", "25000 usd", `"usd" is not a unit of money (upper and lower case differ); write 25000 USD`},
		{"money", "25 KUSD", `"KUSD" is not a unit of money (upper and lower case differ); write 25 kUSD`},
		{"money", "$25000", `"$25000" begins with a currency sign; write the number first and a currency code after it: 25000 USD`},
		{"electricity price", "$0.5/kWh", `"$0.5/kWh" begins with a currency sign; write the number first and a currency code after it: 0.5 USD/kWh`},
		{"electricity price", "0.5 CNY", `"CNY" is a unit of money, not of electricity price; write e.g. 0.5 CNY/kWh`},
		{"electricity price", "0.5 ¥/kWh", `"¥/kWh" is not a unit of electricity price; write 0.5 CNY/kWh`},
		{"carbon intensity", "0.4 kg/kWh", `"kg/kWh" is not a unit of carbon intensity; write 0.4 kgCO2/kWh`},
	} {
		got, err := readings[c.kind](c.text)
		var refusal *ParseError
		switch {
		case err == nil:
			t.Errorf("%s %q = %v, want an error", c.kind, c.text, got)
		case !errors.As(err, &refusal):
			t.Errorf("%s %q: %T, want a *ParseError", c.kind, c.text, err)
		case err.Error() != c.want:
			t.Errorf("%s %q:\n got %s\nwant %s", c.kind, c.text, err, c.want)
		case refusal.Text != c.text || got != 0:
			t.Errorf("%s %q: text %q, value %v", c.kind, c.text, refusal.Text, got)
		}
	}
	// A text of any length costs a message of a readable one.
	for _, text := range []string{strings.Repeat("9", 1e6) + " W", "1" + strings.Repeat("x", 1e6), strings.Repeat(" 1", 1e6), strings.Repeat("-", 1e6)} {
		if _, err := Parse[Power](text); err == nil || len(err.Error()) > 400 {
			t.Errorf("%d bytes of %.5q: %.500v", len(text), text, err)
		}
	}
}

// TestCurrency: money and prices keep their currency when asked for it.
func TestCurrency(t *testing.T) {
	if v, currency, err := ParsePrice[Money]("25 kUSD"); v != 25000 || currency != "USD" || err != nil {
		t.Errorf("25 kUSD: %v %q %v", float64(v), currency, err)
	}
	if v, currency, err := ParsePrice[EnergyPrice]("0.5 CNY/kWh"); v != 0.5/3.6e6 || currency != "CNY" || err != nil {
		t.Errorf("0.5 CNY/kWh: %v %q %v", float64(v), currency, err)
	}
	r, currency, err := ParsePriceRange[Money]("20..30 kEUR")
	if want := (Range[Money]{20e3, 25e3, 30e3}); r != want || currency != "EUR" || err != nil {
		t.Errorf("20..30 kEUR: %v %q %v", r, currency, err)
	}
	if r, currency, err := ParsePriceRange[EnergyPrice]("36 USD/MWh"); r != Point[EnergyPrice](1e-8) || currency != "USD" || err != nil {
		t.Errorf("36 USD/MWh: %v %q %v", r, currency, err)
	}
	if _, _, err := ParsePriceRange[Money]("20 USD..30 EUR"); err == nil || !strings.Contains(err.Error(), "mixes currencies") {
		t.Errorf("20 USD..30 EUR: %v", err)
	}
}

// TestDescribe: every example parses, every unit that is listed is read, and the
// bounds are the ones that hold.
func TestDescribe(t *testing.T) {
	check[Power](t)
	check[Energy](t)
	check[FLOPRate](t)
	check[Bytes](t)
	check[Bandwidth](t)
	check[Duration](t)
	check[Tokens](t)
	check[Rate](t)
	check[Share](t)
	check[Factor](t)
	check[Money](t)
	check[EnergyPrice](t)
	check[CarbonIntensity](t)
	check[Carbon](t)
	check[CapacityPrice](t)
	check[CapacityCharge](t)
	check[Spend](t)
	check[VolumePrice](t)
	check[Temperature](t)
	check[TemperatureDifference](t)
}

func check[Q Quantity](t *testing.T) {
	t.Helper()
	k := Describe[Q]()
	if readings[k.Name] == nil {
		t.Errorf("%q is not among the readings of this test", k.Name)
	}
	if _, err := Parse[Q](k.Example); err != nil {
		t.Errorf("%s: its example %q: %v", k.Name, k.Example, err)
	}
	for _, u := range k.Units {
		if _, err := Parse[Q]("1 " + u); err != nil {
			t.Errorf("%s: its unit %q: %v", k.Name, u, err)
		}
	}
	for v, inBounds := range map[float64]bool{
		k.Max: true, -k.Max: true, k.Min: true, -k.Min: true, 0: true,
		math.Nextafter(k.Max, math.Inf(1)): false, math.Nextafter(k.Min, 0): false, math.Nextafter(-k.Max, math.Inf(-1)): false,
	} {
		text := Format(Q(v))
		if got, err := Parse[Q](text); (err == nil) != inBounds || (inBounds && got != Q(v)) {
			t.Errorf("%s: %v, written %q, is read as %v, %v", k.Name, v, text, float64(got), err)
		}
	}
}
