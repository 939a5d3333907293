package unit

import (
	"errors"
	"math"
	"testing"
)

// FuzzParse gives one text to every kind: each either refuses it with a message, or
// reads a value within bounds that survives being written and read again.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"400 W", "3 kWh", "118.7 TFLOPS", "96 GiB", "400 Gb/s", "5 µs", "15 T tokens", "6.11 %/y", "3..10 %", "1..1.5..3",
		"25 kUSD", "0.5 CNY/kWh", "404 gCO2/kWh", "1.3 tCO2", "12 MUSD/MW", "32 CNY/kW-month", "3 MCNY/y", "4 CNY/m3", "1e30 W", "-0", "1e-30 B", "0x1p-2", "1_000", "1,5", "NaN", "+Inf", "١ W", "1..", "5EFLOP/s", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fuzzKind[Power](t, text)
		fuzzKind[Energy](t, text)
		fuzzKind[FLOPRate](t, text)
		fuzzKind[Bytes](t, text)
		fuzzKind[Bandwidth](t, text)
		fuzzKind[Duration](t, text)
		fuzzKind[Tokens](t, text)
		fuzzKind[Rate](t, text)
		fuzzKind[Share](t, text)
		fuzzKind[Factor](t, text)
		fuzzKind[Money](t, text)
		fuzzKind[EnergyPrice](t, text)
		fuzzKind[CarbonIntensity](t, text)
		fuzzKind[Carbon](t, text)
		fuzzKind[CapacityPrice](t, text)
		fuzzKind[CapacityCharge](t, text)
		fuzzKind[Spend](t, text)
		fuzzKind[VolumePrice](t, text)
		fuzzKind[Temperature](t, text)
		fuzzKind[TemperatureDifference](t, text)
	})
}

func fuzzKind[Q Quantity](t *testing.T, text string) {
	k := Describe[Q]()
	v, err := Parse[Q](text)
	helpful(t, k, text, err)
	if a := math.Abs(float64(v)); err == nil && !(a == 0 || k.Min <= a && a <= k.Max) {
		t.Fatalf("%s %q is %v, out of bounds", k.Name, text, float64(v))
	}
	if err == nil {
		if again, err := Parse[Q](Format(v)); err != nil || again != v {
			t.Fatalf("%s %q is %v, written %q, then %v, %v", k.Name, text, float64(v), Format(v), float64(again), err)
		}
	}
	r, rangeErr := ParseRange[Q](text)
	helpful(t, k, text, rangeErr)
	if rangeErr != nil {
		if err == nil {
			t.Fatalf("%s %q is a value but no range: %v", k.Name, text, rangeErr)
		}
		return
	}
	if !(r.Low <= r.Likely && r.Likely <= r.High) || err == nil && r != Point(v) {
		t.Fatalf("%s %q is %+v", k.Name, text, r)
	}
	if again, err := ParseRange[Q](FormatRange(r)); err != nil || again != r {
		t.Fatalf("%s %q is %+v, written %q, then %+v, %v", k.Name, text, r, FormatRange(r), again, err)
	}
	if x := r.At(0.5); !(r.Low <= x && x <= r.High) {
		t.Fatalf("%s %q has its median at %v", k.Name, text, float64(x))
	}
}

// helpful checks that a refusal says what is wrong and what would be right.
func helpful(t *testing.T, k Kind, text string, err error) {
	if err == nil {
		return
	}
	var refusal *ParseError
	if !errors.As(err, &refusal) || refusal.What == "" || refusal.Hint == "" {
		t.Fatalf("%s %q is refused with %#v", k.Name, text, err)
	}
}
