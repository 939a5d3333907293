package scenario

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"clustercap/sim/unit"
)

// quantity is how the decoder reads, checks and writes one quantity type, be it a
// point or a range.
type quantity struct {
	kind    unit.Kind
	isRange bool
	// parse sets v from a text.
	parse func(text string, v reflect.Value) error
	// ends are the lowest and highest value of v in SI base units.
	ends func(v reflect.Value) (low, high float64)
	// format writes v such that parse gives it back exactly.
	format func(v reflect.Value) string
}

// catalogCurrency is the currency of every price in the catalog: data sheets and
// analysts quote hardware in US dollars.
const catalogCurrency = "USD"

// point describes a quantity that is one value.
func point[Q unit.Quantity]() (reflect.Type, quantity) {
	return reflect.TypeFor[Q](), quantity{
		kind: unit.Describe[Q](),
		parse: func(text string, v reflect.Value) error {
			q, err := unit.Parse[Q](text)
			v.SetFloat(float64(q))
			return err
		},
		ends:   func(v reflect.Value) (float64, float64) { return v.Float(), v.Float() },
		format: func(v reflect.Value) string { return unit.Format(Q(v.Float())) },
	}
}

// span describes a quantity that may be a range.
func span[Q unit.Quantity](parse func(string) (unit.Range[Q], error), format func(unit.Range[Q]) string) (reflect.Type, quantity) {
	return reflect.TypeFor[unit.Range[Q]](), quantity{
		kind:    unit.Describe[Q](),
		isRange: true,
		parse: func(text string, v reflect.Value) error {
			r, err := parse(text)
			v.Set(reflect.ValueOf(r))
			return err
		},
		ends: func(v reflect.Value) (float64, float64) {
			r := v.Interface().(unit.Range[Q])
			return float64(r.Low), float64(r.High)
		},
		format: func(v reflect.Value) string { return format(v.Interface().(unit.Range[Q])) },
	}
}

// quantities maps every quantity type that a scenario or the catalog may hold.
var quantities = buildQuantities()

func buildQuantities() map[reflect.Type]quantity {
	m := map[reflect.Type]quantity{}
	add := func(t reflect.Type, q quantity) { m[t] = q }
	add(point[unit.Power]())
	add(point[unit.Energy]())
	add(point[unit.CarbonIntensity]())
	add(point[unit.Bytes]())
	add(point[unit.Bandwidth]())
	add(point[unit.Duration]())
	add(point[unit.Tokens]())
	add(point[unit.Share]())
	add(point[unit.Factor]())
	add(span(unit.ParseRange[unit.Power], unit.FormatRange[unit.Power]))
	add(span(unit.ParseRange[unit.FLOPRate], unit.FormatRange[unit.FLOPRate]))
	add(span(unit.ParseRange[unit.Bytes], unit.FormatRange[unit.Bytes]))
	add(span(unit.ParseRange[unit.Bandwidth], unit.FormatRange[unit.Bandwidth]))
	add(span(unit.ParseRange[unit.Duration], unit.FormatRange[unit.Duration]))
	add(span(unit.ParseRange[unit.Rate], unit.FormatRange[unit.Rate]))
	add(span(unit.ParseRange[unit.Share], unit.FormatRange[unit.Share]))
	add(span(unit.ParseRange[unit.Factor], unit.FormatRange[unit.Factor]))
	add(span(unit.ParseRange[unit.CarbonIntensity], unit.FormatRange[unit.CarbonIntensity]))
	add(point[unit.Temperature]())
	add(point[unit.TemperatureDifference]())
	add(span(unit.ParseRange[unit.Temperature], unit.FormatRange[unit.Temperature]))
	add(span(unit.ParseRange[unit.TemperatureDifference], unit.FormatRange[unit.TemperatureDifference]))
	add(span(unit.ParseRange[unit.Carbon], unit.FormatRange[unit.Carbon]))
	add(span(parseDollars, func(r unit.Range[unit.Money]) string { return unit.FormatPriceRange(r, catalogCurrency) }))
	return m
}

// parseDollars reads a price in the catalog's currency.
func parseDollars(text string) (unit.Range[unit.Money], error) {
	r, currency, err := unit.ParsePriceRange[unit.Money](text)
	if err == nil && currency != catalogCurrency {
		err = &unit.ParseError{
			Text: text, What: fmt.Sprintf("%s is in %s", excerpt(text), currency),
			Hint: "hardware prices are in USD, e.g. 25000 USD",
		}
	}
	return r, err
}

// unitProblem takes a unit error apart into what is wrong and what would be right.
// Where the hint shows the kind's example, or completes a bare number with its unit,
// the key's own example takes its place.
func unitProblem(err error, kindExample, example string) (what, hint string) {
	var pe *unit.ParseError
	if !errors.As(err, &pe) {
		return err.Error(), ""
	}
	if _, symbol, ok := strings.Cut(example, " "); ok && pe.Bare != "" {
		return pe.What, "write e.g. " + pe.Bare + " " + symbol
	}
	return pe.What, strings.Replace(pe.Hint, "e.g. "+kindExample, "e.g. "+example, 1)
}

// example is how one would write a value for a key: as its rule says, like its
// default, or like any value of its kind.
func (q quantity) example(r rule) string {
	switch {
	case r.example != "":
		return r.example
	case r.def != "" && r.def[0] >= '1' && r.def[0] <= '9': // 0 and auto show no unit
		return r.def
	}
	return q.kind.Example
}
