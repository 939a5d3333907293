package unit

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestFormat(t *testing.T) {
	tenth := Share(0.1)
	sum := tenth + 2*tenth // 0.30000000000000004
	for _, c := range []struct{ got, want string }{
		{Format(Power(400)), "400 W"},
		{Format(Power(0)), "0 W"},
		{Format(Power(math.Copysign(0, -1))), "0 W"},
		{Format(Power(-1500)), "-1.5 kW"},
		{Format(Power(0.25)), "0.25 W"},
		{Format(Power(5e11)), "500 GW"},
		{Format(144 * Energy(1e9)), "40 MWh"},
		{Format(Energy(1)), "1 J"},
		{Format(Energy(0)), "0 MWh"},
		{Format(FLOPRate(118.7e12)), "118.7 TFLOP/s"},
		{Format(Bytes(96 << 30)), "96 GiB"},
		{Format(Bytes(80e9)), "80 GB"},
		{Format(Bandwidth(50e9)), "50 GB/s"},
		{Format(730 * Day), "730 d"},
		{Format(14 * Day), "14 d"},
		{Format(10 * Minute), "10 min"},
		{Format(90 * Second), "90 s"},
		{Format(Duration(5e-6)), "5 us"},
		{Format(Tokens(15e12)), "15 T tokens"},
		{Format(Tokens(4096 * 8192)), "33.554432 M tokens"},
		{Format(Rate(0.0611 / 31536000)), "6.11 %/y"},
		{Format(Rate(1.0 / 3600)), "1 /h"},
		{Format(Share(0.07)), "7 %"},
		{Format(sum), "30.000000000000004 %"}, // every digit that Parse needs
		{Format(Factor(1.2)), "1.2"},
		{Format(Factor(1e-9)), "1e-9"},
		{Format(Money(25000)), "25 kXXX"},
		{FormatPrice[Money](25000, "USD"), "25 kUSD"},
		{FormatPrice[Money](310_500, "CNY"), "310.5 kCNY"},
		{FormatPrice[EnergyPrice](0.5/3.6e6, "CNY"), "0.5 CNY/kWh"},
		{Format(CarbonIntensity(0.4042 / 3.6e6)), "0.4042 kgCO2/kWh"},
		{Format(Power(math.NaN())), "NaN"},
		{Format(Power(math.Inf(-1))), "-Inf"},

		{Short(Power(123456)), "123 kW"},
		{Short(Power(999.6)), "1 kW"}, // rounds, then chooses the unit
		{Short(Power(0)), "0 W"},
		{Short(59.99 * Minute), "1 h"},
		{Short(Bytes(96 << 30)), "103 GB"}, // decimal in tables
		{Short(Tokens(33.5e6)), "33.5 M tokens"},
		{Short(Money(25678)), "25.7 k"},
		{Short(EnergyPrice(0.5 / 3.6e6)), "0.5 /kWh"},
		{Short(Factor(1.23456)), "1.23"},
		{Short(Share(0.06523)), "6.52 %"},
		{Short(Duration(math.Inf(1))), "+Inf d"},

		{Power(123456).String(), "123.5 kW"},
		{Range[Share]{0.03, 0.065, 0.1}.String(), "3..6.5..10 %"},
		{Point(Power(400)).String(), "400 W"},
		{Range[Power]{500, 850, 1200}.String(), "0.5..0.85..1.2 kW"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestFormatRoundTrip: what Format writes, Parse reads back to the last bit.
func TestFormatRoundTrip(t *testing.T) {
	t.Run("power", roundTrip[Power])
	t.Run("energy", roundTrip[Energy])
	t.Run("compute rate", roundTrip[FLOPRate])
	t.Run("data size", roundTrip[Bytes])
	t.Run("bandwidth", roundTrip[Bandwidth])
	t.Run("duration", roundTrip[Duration])
	t.Run("tokens", roundTrip[Tokens])
	t.Run("rate", roundTrip[Rate])
	t.Run("share", roundTrip[Share])
	t.Run("factor", roundTrip[Factor])
	t.Run("money", roundTrip[Money])
	t.Run("electricity price", roundTrip[EnergyPrice])
	t.Run("carbon intensity", roundTrip[CarbonIntensity])
	t.Run("amount of carbon", roundTrip[Carbon])
	t.Run("price of capacity", roundTrip[CapacityPrice])
	t.Run("charge for capacity", roundTrip[CapacityCharge])
	t.Run("spending", roundTrip[Spend])
	t.Run("price of a volume", roundTrip[VolumePrice])
	t.Run("temperature", roundTrip[Temperature])
	t.Run("temperature difference", roundTrip[TemperatureDifference])
}

func roundTrip[Q Quantity](t *testing.T) {
	values := values[Q]()
	rapid.Check(t, func(t *rapid.T) {
		v := values.Draw(t, "value")
		text := Format(v)
		if got, err := Parse[Q](text); err != nil || got != v {
			t.Fatalf("%v, written %q, is read as %v, %v", float64(v), text, float64(got), err)
		}
		if len(text) > 40 { // a sign, 17 digits, a point, zeros, an exponent, a unit
			t.Fatalf("%v takes %d characters: %q", float64(v), len(text), text)
		}
		r := Range[Q]{Low: v, Likely: values.Draw(t, "likely"), High: values.Draw(t, "high")}
		r.Low, r.High = min(r.Low, r.Likely, r.High), max(r.Low, r.Likely, r.High)
		r.Likely = min(max(r.Likely, r.Low), r.High)
		if rapid.Bool().Draw(t, "symmetric") {
			r.Likely = midpoint(r.Low, r.High)
		}
		text = FormatRange(r)
		if got, err := ParseRange[Q](text); err != nil || got != r {
			t.Fatalf("%+v, written %q, is read as %+v, %v", r, text, got, err)
		}
		rounded := Short(v)
		if !kindOf[Q]().isPrice() {
			got, err := Parse[Q](rounded)
			// Half a unit in the third digit is 5e-3 of the value at most, where
			// the digits are 100. Rounding may pass the upper bound.
			if off := math.Abs(float64(got - v)); err == nil && off > 5.000001e-3*math.Abs(float64(v)) {
				t.Fatalf("%v in short is %q", float64(v), rounded)
			}
			if err != nil && math.Abs(float64(v)) < 0.99*Describe[Q]().Max && math.Abs(float64(v)) > 1.01*smallest {
				t.Fatalf("%v in short is %q: %v", float64(v), rounded, err)
			}
		}
	})
}

// values draws quantities within bounds: as they come out of arithmetic and as
// people write them.
func values[Q Quantity]() *rapid.Generator[Q] {
	k := Describe[Q]()
	return rapid.Custom(func(t *rapid.T) Q {
		exponent := rapid.Float64Range(math.Log10(smallest)+0.001, math.Log10(k.Max)-0.001).Draw(t, "exponent")
		v := rapid.SampledFrom([]float64{1, -1}).Draw(t, "sign") * math.Pow(10, exponent)
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0: // a round number
			v = float64(rapid.IntRange(-999, 999).Draw(t, "number")) * k.Max / 1e3
		case 1: // a float64 of few bits
			v = math.Ldexp(math.Trunc(v*4)/4, 0)
		}
		if a := math.Abs(v); a > k.Max || a < smallest {
			v = 0
		}
		return Q(v)
	})
}

func TestCountGroupsThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 36864: "36,864", -1234567: "-1,234,567"} {
		if got := Count(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
