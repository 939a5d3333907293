package unit

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"clustercap/sim/spell"
)

// quote shows a user's text in a message, cut to a readable length.
func quote(text string) string {
	const longest = 60 // characters; a quantity takes fewer than 30
	if utf8.RuneCountInString(text) > longest {
		text = string([]rune(text)[:longest]) + "…"
	}
	return strconv.Quote(text)
}

// tooLong refuses a text that no quantity needs, before any work goes into it.
func (k *kind) tooLong(text string) error {
	const longest = 200 // bytes; a range of three numbers of 17 digits takes 80
	if len(text) > longest {
		return refuse(text, quote(text)+" is too long", "write e.g. "+k.example)
	}
	return nil
}

// notANumber explains a text that does not begin with a plain decimal.
func (k *kind) notANumber(text, trimmed string) error {
	bare := strings.TrimLeft(trimmed, "+-")
	lower := strings.ToLower(strings.TrimPrefix(bare, ".")) // YAML writes .nan and .inf
	hint := "write e.g. " + k.example
	switch {
	case trimmed == "":
		return refuse(text, "the value is empty", hint)
	case strings.HasPrefix(lower, "nan"), strings.HasPrefix(lower, "inf"):
		return refuse(text, quote(text)+" is not a finite number", hint)
	case strings.HasPrefix(bare, "."):
		return refuse(text, quote(text)+" begins with a decimal point", "write "+strings.Replace(trimmed, ".", "0.", 1))
	}
	for _, sign := range []string{"$", "€", "¥"} {
		rest, ok := strings.CutPrefix(bare, sign)
		if number, after := scanNumber(strings.TrimSpace(rest)); ok && number != "" && k.isPrice() {
			return refuse(text, quote(text)+" begins with a currency sign", "write the number first and a currency code after it: "+number+" "+moneyKind.wrong[sign]+strings.TrimSpace(after))
		}
	}
	return refuse(text, quote(text)+" does not begin with a number", hint)
}

// strayNumber explains what follows a number but cannot begin a unit: thousands
// separators, decimal commas, hexadecimals, a range with a dash.
func (k *kind) strayNumber(text, number, rest string) error {
	after := strings.TrimSpace(rest)
	if after == "" {
		return nil
	}
	what, hint := "", ""
	switch c := after[0]; {
	case c == ',' && isGrouped(after, ','):
		what, hint = "has a thousands separator", "write "+number+strings.ReplaceAll(after, ",", "")
	case c == ',':
		what, hint = "has a decimal comma", "write a decimal point: "+number+strings.Replace(after, ",", ".", 1)
	case c == '_' || c == '\'':
		what, hint = "has a thousands separator", "write "+number+strings.ReplaceAll(after, string(c), "")
	case (c == 'x' || c == 'X') && rest == after && strings.TrimLeft(number, "+-") == "0":
		what, hint = "is not a decimal number", "write e.g. "+k.example
	case c >= '0' && c <= '9':
		what, hint = "has a space inside the number", "write "+number+closeUp(after)
	case c == '.':
		what, hint = "has a decimal point without digits after it", "write "+number+" "+strings.TrimSpace(after[1:])
	case c == '-' || strings.HasPrefix(after, "–"):
		high, unit := scanNumber(strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(after, "–"), "-")))
		if high == "" {
			return nil
		}
		what, hint = "has a dash between two numbers", "write a range, where one may stand, as "+number+".."+high+unit
	default:
		return nil
	}
	return refuse(text, quote(text)+" "+what, hint)
}

// closeUp removes the spaces between groups of digits: "000 000 W" is 000000 W.
func closeUp(text string) string {
	n := countDigits(text)
	rest := strings.TrimLeft(text[n:], " ")
	if n == 0 || countDigits(rest) == 0 {
		return text
	}
	return text[:n] + closeUp(rest)
}

// isGrouped reports whether text goes on with groups of three digits: ",000,000 USD".
func isGrouped(text string, separator byte) bool {
	for len(text) > 0 && text[0] == separator {
		if countDigits(text[1:]) != 3 {
			return false
		}
		text = text[4:]
	}
	return true
}

// missingUnit completes the bare numbers of a value or range. Nobody means 15e12 trillions:
// a number of tokens as large as that counts them one by one.
func (k *kind) missingUnit(text string, parts []part) error {
	const single = 1e6 // more millions of millions of tokens than anybody trains on
	written := numbers(parts)
	if v := (scale{num: 1, den: 1}).toBase(parts[0].number); k == &tokensKind && len(parts) == 1 && v >= single {
		return refuse(text, strings.TrimSpace(text)+" has no unit", "write "+k.exact(v, noCurrency))
	}
	if k == &shareKind {
		written = percent(parts)
	}
	return &ParseError{
		Text: text, What: strings.TrimSpace(text) + " has no unit", Hint: "write e.g. " + written + " " + k.unit, Bare: written,
	}
}

// percent writes bare numbers as they were meant: 0.03 is a share of 3 %, but 3
// already counts percent.
func percent(parts []part) string {
	list := make([]string, len(parts))
	for i, p := range parts {
		v := (scale{num: 1, den: 1}).toBase(p.number)
		if v < -1 || v > 1 {
			return numbers(parts)
		}
		list[i] = (scale{num: 1, den: 100}).shortest(v)
	}
	return strings.Join(list, "..")
}

// outOfBounds names the bounds of the kind.
func (k *kind) outOfBounds(text string) error {
	return refuse(
		text, quote(text)+" is out of bounds",
		k.name+" may be 0 or between "+k.short(smallest, 1)+" and "+k.short(k.max, 3)+" in magnitude",
	)
}

// wrongUnit explains a unit that the kind does not have.
func (k *kind) wrongUnit(text string, p part) error {
	if k == &factorKind {
		hint := "write " + p.number
		if s, _, ok := shareKind.find(p.unit); ok {
			hint = "write " + (scale{num: 1, den: 1}).shortest(s.toBase(p.number))
		}
		return refuse(text, quote(text)+" has a unit, but a factor is a bare number", hint)
	}
	what := quote(p.unit) + " is not a unit of " + k.name
	if right, ok := k.wrong[p.unit]; ok {
		return refuse(text, what, "write "+p.number+" "+right)
	}
	if right, ok := k.wrong[strings.ToLower(p.unit)]; ok {
		return refuse(text, what, "write "+p.number+" "+right)
	}
	if u := p.unit; k == &durationKind && (u == "mo" || u == "month" || u == "months") {
		return refuse(text, what, "a month has no fixed length: write it in days, as 30 d")
	}
	if near := k.sameButCase(p.unit); len(near) > 0 {
		return refuse(text, what+" (upper and lower case differ)", "write "+p.number+" "+strings.Join(near, " or "+p.number+" "))
	}
	for _, other := range kinds() {
		if _, _, ok := other.find(p.unit); ok && other != k {
			return refuse(text, quote(p.unit)+" is a unit of "+other.name+", not of "+k.name, "write e.g. "+k.example)
		}
	}
	// A unit of one or two letters is near everything.
	if near := spell.Nearest(p.unit, k.symbols()); near != "" && utf8.RuneCountInString(p.unit) > 2 {
		return refuse(text, what, "did you mean "+p.number+" "+near+"?")
	}
	return refuse(text, what, "write one of "+strings.Join(k.symbols(), ", "))
}

// symbols lists the units to offer, with a currency filled in.
func (k *kind) symbols() []string {
	var list []string
	for _, s := range k.scales {
		list = append(list, strings.Replace(s.symbol, currencySign, "USD", 1))
	}
	return list
}

// sameButCase lists the units that differ from symbol only in case; currencies
// keep the user's letters, in upper case.
func (k *kind) sameButCase(symbol string) []string {
	var near []string
	for _, s := range k.scales {
		if strings.EqualFold(s.symbol, symbol) && !slices.Contains(near, s.symbol) {
			near = append(near, s.symbol)
			continue
		}
		before, after, hasCurrency := strings.Cut(s.symbol, currencySign)
		if n := len(before) + 3; hasCurrency && len(symbol) == n+len(after) &&
			strings.EqualFold(symbol[:len(before)], before) && strings.EqualFold(symbol[n:], after) {
			if code := strings.ToUpper(symbol[len(before):n]); isCurrency(code) {
				near = append(near, before+code+after)
			}
		}
	}
	return near
}
