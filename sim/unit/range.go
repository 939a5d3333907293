package unit

import (
	"math"
	"strings"
)

// ParseRange reads a range: "3..10 %" (low..high, Likely halfway), "2..3..4"
// (low..likely..high), or a single value, known exactly. The last number carries
// the unit; the others may carry their own ("500 W..1.2 kW"). Low <= Likely <=
// High holds in the result. Every error is a *ParseError.
func ParseRange[Q Quantity](text string) (Range[Q], error) {
	r, _, err := parseRange[Q](text)
	return r, err
}

// ParsePriceRange is ParseRange with the currency: "20..25..30 kUSD".
func ParsePriceRange[Q Price](text string) (r Range[Q], currency string, err error) {
	return parseRange[Q](text)
}

func parseRange[Q Quantity](text string) (r Range[Q], currency string, err error) {
	k := kindOf[Q]()
	if err := k.tooLong(text); err != nil {
		return r, "", err
	}
	texts := strings.Split(text, "..")
	if len(texts) == 1 {
		v, currency, err := k.parse(text)
		return Point(Q(v)), currency, err
	}
	if len(texts) > 3 {
		return r, "", refuse(text, quote(text)+" has more than three parts", "write low..high or low..likely..high")
	}
	values, currency, err := k.parseParts(text, texts)
	if err != nil {
		return r, "", err
	}
	low, high := Q(values[0]), Q(values[len(values)-1])
	r = Range[Q]{low, midpoint(low, high), high}
	if len(values) == 3 {
		r.Likely = Q(values[1])
	}
	if low > high || r.Likely < low || r.Likely > high {
		return Range[Q]{}, "", refuse(text, quote(text)+" is not in ascending order", "write the smallest value first: low..high or low..likely..high")
	}
	return r, currency, nil
}

// parseParts reads the two or three values of a range.
func (k *kind) parseParts(text string, texts []string) (values []float64, currency string, err error) {
	parts := make([]part, len(texts))
	for i, t := range texts {
		if strings.TrimSpace(t) == "" || strings.HasPrefix(strings.TrimSpace(t), ".") {
			return nil, "", refuse(text, quote(text)+" lacks a number beside ..", "write low..high or low..likely..high")
		}
		if parts[i], err = k.scan(strings.TrimSpace(t)); err != nil {
			return nil, "", err
		}
	}
	last := parts[len(parts)-1]
	if last.unit == "" && k.unit != "" {
		for _, p := range parts {
			if p.unit != "" {
				return nil, "", refuse(text, quote(text)+" has no unit at its end", "write the unit once, after the last number: "+numbers(parts)+" "+p.unit)
			}
		}
		return nil, "", k.missingUnit(text, parts)
	}
	for _, p := range parts {
		if p.unit == "" {
			p.unit = last.unit
		}
		v, c, err := k.value(text, p)
		if err != nil {
			return nil, "", err
		}
		if currency != "" && c != currency {
			return nil, "", refuse(text, quote(text)+" mixes currencies", "write both ends in "+currency+" or both in "+c)
		}
		values, currency = append(values, v), c
	}
	return values, currency, nil
}

// numbers writes the numbers of parts as a range.
func numbers(parts []part) string {
	list := make([]string, len(parts))
	for i, p := range parts {
		list[i] = p.number
	}
	return strings.Join(list, "..")
}

// midpoint is the Likely of a range that names only its ends.
func midpoint[Q Quantity](low, high Q) Q { return low + (high-low)/2 }

// FormatRange writes r such that ParseRange gives it back exactly: one value where
// it is known, else low..high, with likely between unless it is the midpoint.
// Prices are written with XXX; see FormatPriceRange.
func FormatRange[Q Quantity](r Range[Q]) string { return formatRange(r, noCurrency) }

// FormatPriceRange is FormatRange with a currency code: "20..25 kUSD".
func FormatPriceRange[Q Price](r Range[Q], currency string) string { return formatRange(r, currency) }

func formatRange[Q Quantity](r Range[Q], currency string) string {
	k := kindOf[Q]()
	if r.Low == r.High && r.Likely == r.Low {
		return k.exact(float64(r.Likely), currency)
	}
	values := []float64{float64(r.Low), float64(r.Likely), float64(r.High)}
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return k.exact(values[0], currency) + ".." + k.exact(values[1], currency) + ".." + k.exact(values[2], currency)
		}
	}
	if r.Likely == midpoint(r.Low, r.High) {
		values = []float64{values[0], values[2]}
	}
	s := k.bestScale(exactOnly, values...)
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = s.shortest(v)
	}
	return join(strings.Join(texts, ".."), s.symbol, currency)
}

// String writes r to 4 significant digits, as low..likely..high; see FormatRange
// for all of them.
func (r Range[Q]) String() string {
	k := kindOf[Q]()
	const digits = 4
	if r.Known() {
		return k.short(float64(r.Likely), digits)
	}
	s := k.readable(max(math.Abs(float64(r.Low)), math.Abs(float64(r.High))), digits)
	texts := make([]string, 3)
	for i, v := range []Q{r.Low, r.Likely, r.High} {
		texts[i] = s.rounded(float64(v), digits)
	}
	return withoutCurrency(strings.Join(texts, ".."), s)
}

// At returns the u-quantile of the triangular distribution on [Low, High] with its
// mode at Likely; u in [0, 1]. It is nondecreasing in u, Low at 0 and High at 1.
func (r Range[Q]) At(u float64) Q {
	a, c, b := float64(r.Low), float64(r.Likely), float64(r.High)
	switch {
	case a == b:
		return r.Likely
	case u <= 0: // b - (b-a) is a but for its rounding
		return r.Low
	}
	// Each side is a parabola of the cumulative probability, which is
	// (c-a)/(b-a) at the mode.
	x := b - math.Sqrt((1-u)*(b-a)*(b-c))
	if u*(b-a) < c-a {
		x = a + math.Sqrt(u*(b-a)*(c-a))
	}
	return Q(min(max(x, a), b)) // a rounding error must not leave the range
}

// Mean returns the mean of the distribution of At, (Low + Likely + High) / 3.
func (r Range[Q]) Mean() Q {
	if r.Known() {
		return r.Likely
	}
	return (r.Low + r.Likely + r.High) / 3
}
