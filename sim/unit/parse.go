package unit

import (
	"math"
	"strings"
)

// ParseError says why a text is not a quantity and how to write it.
type ParseError struct {
	Text string // the text, or the part of a range, that is wrong
	What string // what is wrong
	Hint string // what would be right
	// Bare holds the numbers of a text that lacks nothing but its unit, written as for
	// the kind's own unit. Who knows what is measured can name a more likely unit than
	// Hint does: a checkpoint blocks for 5 s, not for 5 d.
	Bare string
}

func refuse(text, what, hint string) error {
	return &ParseError{Text: text, What: what, Hint: hint}
}

func (e *ParseError) Error() string { return e.What + "; " + e.Hint }

// Parse reads a quantity: a plain decimal number and a unit ("400 W", "15 T tokens",
// "3 %"), or for Factor a number alone. Units are case-sensitive (mW is not MW).
// The result is in SI base units, correctly rounded, and within the bounds that
// Describe gives; its sign is the caller's concern. Every error is a *ParseError.
func Parse[Q Quantity](text string) (Q, error) {
	v, _, err := kindOf[Q]().parse(text)
	return Q(v), err
}

// parse reads one value and its currency, if the kind has one.
func (k *kind) parse(text string) (v float64, currency string, err error) {
	if err := k.tooLong(text); err != nil {
		return 0, "", err
	}
	if strings.Contains(text, "..") {
		return 0, "", refuse(text, quote(text)+" is a range", "write a single value here, e.g. "+k.example)
	}
	p, err := k.scan(text)
	if err != nil {
		return 0, "", err
	}
	if p.unit == "" && k.unit != "" {
		return 0, "", k.missingUnit(text, []part{p})
	}
	return k.value(text, p)
}

// part is a text taken apart: 3 and % of "3 %".
type part struct{ number, unit string }

// scan takes one number and its unit apart.
func (k *kind) scan(text string) (part, error) {
	trimmed := strings.TrimSpace(text)
	number, rest := scanNumber(trimmed)
	if number == "" {
		return part{}, k.notANumber(text, trimmed)
	}
	unit := strings.Join(strings.Fields(rest), " ")
	if err := k.strayNumber(text, number, rest); err != nil {
		return part{}, err
	}
	switch {
	case tooManyDigits(number):
		return part{}, refuse(text, quote(text)+" has too many digits", "write at most 17 significant digits")
	case tooFar(number):
		return part{}, k.outOfBounds(text)
	}
	return part{number, unit}, nil
}

// value looks up the unit and checks the bounds.
func (k *kind) value(text string, p part) (v float64, currency string, err error) {
	s, currency, ok := k.find(p.unit)
	if !ok {
		return 0, "", k.wrongUnit(text, p)
	}
	v = s.toBase(p.number)
	if a := math.Abs(v); a > k.max || (a < smallest && strings.ContainsAny(significand(p.number), "123456789")) {
		return 0, "", k.outOfBounds(text)
	}
	return v, currency, nil
}

// significand is number without its exponent.
func significand(number string) string {
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		return number[:i]
	}
	return number
}

// ParsePrice reads a price and its ISO 4217 currency code: "25 kUSD", "0.5 CNY/kWh".
func ParsePrice[Q Price](text string) (price Q, currency string, err error) {
	v, currency, err := kindOf[Q]().parse(text)
	return Q(v), currency, err
}
