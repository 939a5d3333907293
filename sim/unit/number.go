package unit

import (
	"math/big"
	"strconv"
	"strings"
)

const (
	// maxDigits bounds the text of one number. The shortest decimal of any float64
	// within bounds takes 17 digits, a sign, a point and an exponent.
	maxDigits = 64
	// maxExponent bounds the written exponent, so that exact arithmetic stays
	// small; it lies far beyond every kind's bounds.
	maxExponent = 100
)

// scanNumber splits a plain decimal number, -12.5e3, from the front of text.
// It returns "" where text does not begin with one.
func scanNumber(text string) (number, rest string) {
	i := 0
	if i < len(text) && (text[i] == '-' || text[i] == '+') {
		i++
	}
	n := countDigits(text[i:])
	if n == 0 {
		return "", text
	}
	i += n
	if i < len(text) && text[i] == '.' {
		if n := countDigits(text[i+1:]); n > 0 {
			i += 1 + n
		}
	}
	// An e without digits behind it begins a unit: 5 EFLOP/s.
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		j := i + 1
		if j < len(text) && (text[j] == '-' || text[j] == '+') {
			j++
		}
		if n := countDigits(text[j:]); n > 0 {
			i = j + n
		}
	}
	return text[:i], text[i:]
}

func countDigits(text string) int {
	n := 0
	for n < len(text) && text[n] >= '0' && text[n] <= '9' {
		n++
	}
	return n
}

// tooManyDigits reports whether number has more digits than any value needs.
func tooManyDigits(number string) bool { return len(number) > maxDigits }

// tooFar reports whether number's exponent is beyond any bounds.
func tooFar(number string) bool {
	i := strings.IndexAny(number, "eE")
	if i < 0 {
		return false
	}
	e, err := strconv.Atoi(number[i+1:])
	return err != nil || e > maxExponent || e < -maxExponent
}

// toBase returns number x s in base units, rounded once: 0.1 h is 360 s exactly.
// The number must come from scanNumber and be neither tooManyDigits nor tooFar.
func (s scale) toBase(number string) float64 {
	x, ok := new(big.Rat).SetString(number)
	if !ok {
		panic("unit: scanNumber let " + strconv.Quote(number) + " pass")
	}
	v, _ := x.Mul(x, big.NewRat(s.num, s.den)).Float64()
	return v
}

// fromBase returns v in units of s, to more digits than a float64 holds.
func (s scale) fromBase(v float64) *big.Float {
	// 53 bits of v, 63 of each of num and den, and guard bits.
	const precision = 192
	x := new(big.Float).SetPrec(precision).SetFloat64(v)
	x.Mul(x, new(big.Float).SetInt64(s.den))
	return x.Quo(x, new(big.Float).SetInt64(s.num))
}

// shortest returns the decimal with the fewest digits that toBase turns back into v.
// Seventeen always do: their spacing, at most 1e-16 of the value, is below the
// 1.1e-16 that the decimals of one float64 span, whatever the scale.
func (s scale) shortest(v float64) string {
	x := s.fromBase(v)
	for digits := 1; digits < 17; digits++ {
		text := x.Text('e', digits-1)
		if s.toBase(text) == v {
			return plain(text)
		}
	}
	return plain(x.Text('e', 16))
}

// plain rewrites d.ddde±xx without trailing zeros, and without an exponent where
// that stays readable.
func plain(text string) string {
	mantissa, exponent, _ := strings.Cut(text, "e")
	sign := ""
	if mantissa[0] == '-' {
		sign, mantissa = "-", mantissa[1:]
	}
	digits := strings.TrimRight(strings.Replace(mantissa, ".", "", 1), "0")
	if digits == "" {
		return "0"
	}
	e, err := strconv.Atoi(exponent)
	if err != nil {
		panic("unit: big.Float wrote the exponent " + exponent)
	}
	switch point := e + 1; { // digits before the decimal point
	case point > 15 || point < -5:
		if len(digits) > 1 {
			digits = digits[:1] + "." + digits[1:]
		}
		return sign + digits + "e" + strconv.Itoa(e)
	case point <= 0:
		return sign + "0." + strings.Repeat("0", -point) + digits
	case point >= len(digits):
		return sign + digits + strings.Repeat("0", point-len(digits))
	default:
		return sign + digits[:point] + "." + digits[point:]
	}
}
