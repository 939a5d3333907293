package scenario

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/spell"
)

// nodeDecoder is a type with a written form of its own.
type nodeDecoder interface {
	decodeNode(d *decoder, n *node, path string, r rule)
}

// decoder fills Go values from a tree and keeps where every value came from.
type decoder struct {
	c       *collector
	catalog *Catalog
	values  []Value
	nodes   map[string]*node // by path
	failed  []string         // paths of values that could not be decoded
}

func newDecoder(c *collector, catalog *Catalog) *decoder {
	return &decoder{c: c, catalog: catalog, nodes: map[string]*node{}}
}

// bad reports a problem with the value n at path.
func (d *decoder) bad(n *node, path, what, hint string) {
	d.c.add(n.at, n.path(path), what, hint)
	d.failed = append(d.failed, path)
}

// whole reports whether everything at and below the paths was decoded, so that
// checks which build on it make sense.
func (d *decoder) whole(paths ...string) bool {
	for _, path := range paths {
		for _, f := range d.failed {
			rest, below := strings.CutPrefix(f, path)
			if path == "" || below && (rest == "" || rest[0] == '.' || rest[0] == '[') {
				return false
			}
			// A failed parent leaves nothing here.
			if rest, above := strings.CutPrefix(path, f); f == "" || above && (rest[0] == '.' || rest[0] == '[') {
				return false
			}
		}
	}
	return true
}

// badAt reports a problem with what stands at path, or at its nearest parent.
func (d *decoder) badAt(path, what, hint string) {
	for p := path; ; {
		// A value from the catalog is wrong only together with what the scenario
		// says, so the scenario's line is the one to show. The root is always there.
		if n := d.nodes[p]; n != nil && (n.at.Kind != FromCatalog || p == "") {
			d.bad(n, path, what, hint)
			return
		}
		p = p[:max(0, strings.LastIndexAny(p, ".["))]
	}
}

// record keeps a resolved value for Plan.Values.
func (d *decoder) record(n *node, path, text string) {
	d.values = append(d.values, Value{Path: path, Text: text, Origin: n.at, Source: n.citation()})
}

// value decodes n into v, which must be settable.
func (d *decoder) value(n *node, path string, v reflect.Value, r rule) {
	d.nodes[path] = n
	if n.kind == nullNode {
		d.bad(n, path, "has no value", "write one, or remove the key")
		return
	}
	if special, ok := v.Addr().Interface().(nodeDecoder); ok {
		special.decodeNode(d, n, path, r)
		return
	}
	if q, ok := quantities[v.Type()]; ok {
		d.quantity(n, path, v, q, r)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem(), r)
	case reflect.Struct:
		d.structure(n, path, v)
	case reflect.Slice:
		d.list(n, path, v, r)
	case reflect.String:
		d.text(n, path, v, r)
	case reflect.Bool:
		d.boolean(n, path, v)
	case reflect.Int, reflect.Uint64:
		d.integer(n, path, v, r)
	case reflect.Float64:
		d.number(n, path, v, r)
	default:
		panic("scenario: no decoder for " + v.Type().String())
	}
}

// scalar returns the text of a single value, or reports that n is something else.
func (d *decoder) scalar(n *node, path, example string) (string, bool) {
	if n.kind != scalarNode {
		d.bad(n, path, fmt.Sprintf("is %v, not a single value", n.kind), "write e.g. "+example)
		return "", false
	}
	return n.text, true
}

// quantity decodes a number with its unit.
func (d *decoder) quantity(n *node, path string, v reflect.Value, q quantity, r rule) {
	example := q.example(r)
	text, ok := d.scalar(n, path, example)
	if !ok {
		return
	}
	if err := q.parse(text, v); err != nil {
		what, hint := unitProblem(err, q.kind.Example, example)
		d.bad(n, path, what, hint)
		return
	}
	low, high := q.ends(v)
	least, most := q.bounds(v.Type(), r)
	switch {
	case math.IsNaN(low) || math.IsNaN(high):
		d.bad(n, path, excerpt(text)+" is not a number", "write e.g. "+example)
	case low < least.value:
		what := "is below " + least.text
		if least.value == 0 {
			what = "is negative"
		}
		d.bad(n, path, text+" "+what, "write "+least.text+" or more")
	case least.exclusive && low == least.value:
		d.bad(n, path, text+" is not above "+least.text, "write e.g. "+example)
	case high > most.value:
		d.bad(n, path, text+" is above "+most.text, "write "+most.text+" or less")
	default:
		d.record(n, path, q.format(v))
	}
}

// bound is one end of what a quantity may be.
type bound struct {
	value     float64
	text      string
	exclusive bool
}

// bounds are the rule's, or the type's own: no quantity may be negative, no share
// above 100 %.
func (q quantity) bounds(t reflect.Type, r rule) (least, most bound) {
	zero := "0"
	if len(q.kind.Units) > 0 {
		_, unitText, _ := strings.Cut(q.example(r), " ")
		zero += " " + unitText
	}
	least = bound{text: zero}
	most = bound{value: math.Inf(1)}
	if q.kind.Name == "share" {
		most = bound{value: 1, text: "100 %"}
	}
	parse := func(text string) float64 {
		v := reflect.New(t).Elem()
		if err := q.parse(text, v); err != nil {
			panic("scenario: bound " + text + ": " + err.Error())
		}
		low, _ := q.ends(v)
		return low
	}
	if r.min != "" {
		least = bound{value: parse(r.min), text: r.min}
	}
	if r.above != "" {
		least = bound{value: parse(r.above), text: r.above, exclusive: true}
	}
	if r.max != "" {
		most = bound{value: parse(r.max), text: r.max}
	}
	return least, most
}

// structure decodes a mapping, its keys in file order, then the defaults.
func (d *decoder) structure(n *node, path string, v reflect.Value) {
	if n.kind != mappingNode {
		d.bad(n, path, fmt.Sprintf("is %v, not a mapping", n.kind), "write key: value pairs: "+strings.Join(fieldNames(v.Type()), ", "))
		return
	}
	fields := structFields(v.Type())
	byName := map[string]structField{}
	for _, f := range fields {
		byName[f.name] = f
	}
	misspelt := map[string]bool{}
	for i, f := range n.fields {
		p := under(path, f.key)
		known, ok := byName[f.key]
		if !ok {
			hint := didYouMean(f.key, fieldNames(v.Type()))
			if i > 0 && thousands(n.fields[i-1].value, f) {
				hint = "write " + n.fields[i-1].value.text + f.key + ", without a separator"
			}
			d.c.add(f.at, f.value.path(p), "unknown key", hint)
			misspelt[spell.Nearest(f.key, fieldNames(v.Type()))] = true
			continue
		}
		d.value(f.value, p, v.Field(known.index), known.rule)
	}
	for _, f := range fields {
		switch {
		case n.get(f.name) != nil:
		case misspelt[f.name] && f.rule.def == "": // said once, where it is written
			d.failed = append(d.failed, under(path, f.name))
		default:
			d.absent(n, path, v, f)
		}
	}
}

// thousands reports whether a key is what YAML makes of the end of 1,280 in braces: three
// digits without a value, after a number.
func thousands(before *node, f field) bool {
	digits := func(text string) bool {
		return text != "" && strings.Trim(text, "0123456789") == ""
	}
	return before.kind == scalarNode && digits(before.text) && f.value.kind == nullNode && len(f.key) == 3 && digits(f.key)
}

// absent fills in a field that was not written.
func (d *decoder) absent(n *node, path string, v reflect.Value, f structField) {
	p := under(path, f.name)
	missing := &node{at: Origin{Kind: FromDefault}, source: f.rule.source}
	switch {
	case f.rule.required:
		d.bad(n, p, "is missing", "write "+f.name+": "+d.exampleOf(f))
	case f.rule.def != "":
		missing.kind, missing.text, missing.tag = scalarNode, f.rule.def, "!!str"
		if f.typ.Kind() == reflect.Int || f.typ.Kind() == reflect.Uint64 || f.typ.Kind() == reflect.Float64 {
			missing.tag = "!!int"
		}
		d.value(missing, p, v.Field(f.index), f.rule)
		delete(d.nodes, p) // a problem found later belongs to the line that was written
	case f.typ.Kind() == reflect.Struct && quantities[f.typ].parse == nil && !isSpecial(f.typ):
		missing.kind = mappingNode
		d.structure(missing, p, v.Field(f.index))
	}
}

// exampleOf shows how a missing field is written.
func (d *decoder) exampleOf(f structField) string {
	if ref, ok := reflect.New(f.typ).Interface().(interface{ kind() string }); ok && d.catalog != nil {
		if names := d.catalog.Names(ref.kind()); len(names) > 0 {
			return names[0] + ", or another of the catalog's " + ref.kind()
		}
	}
	return exampleOf(f.typ, f.rule)
}

func isSpecial(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[nodeDecoder]())
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for _, f := range structFields(t) {
		names = append(names, f.name)
	}
	return names
}

// exampleOf shows how a value of a type is written.
func exampleOf(t reflect.Type, r rule) string {
	if len(r.enum) > 0 {
		return r.enum[0]
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if r.example != "" {
		return r.example
	}
	if e, ok := reflect.New(t).Interface().(interface{ example() string }); ok {
		return e.example()
	}
	if q, ok := quantities[t]; ok {
		return q.example(r)
	}
	switch t.Kind() {
	case reflect.Struct:
		return "{" + strings.Join(fieldNames(t), ": ..., ") + ": ...}"
	case reflect.Slice:
		return "[" + exampleOf(t.Elem(), r) + "]"
	case reflect.Bool:
		return "true"
	case reflect.String:
		return "some text"
	}
	if r.def != "" {
		return r.def
	}
	if r.min != "" && r.min != "0" {
		return r.min
	}
	return "1"
}

// maxItems bounds a list; the longest real one is a fleet's deliveries.
const maxItems = 10_000

// list decodes a sequence.
func (d *decoder) list(n *node, path string, v reflect.Value, r rule) {
	if n.kind != sequenceNode {
		d.bad(n, path, fmt.Sprintf("is %v, not a list", n.kind), "write "+exampleOf(v.Type(), r))
		return
	}
	if len(n.items) > maxItems {
		d.bad(n, path, fmt.Sprintf("has %d items", len(n.items)), fmt.Sprintf("write at most %d", maxItems))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
	for i, item := range n.items {
		d.value(item, fmt.Sprintf("%s[%d]", path, i), v.Index(i), r)
	}
	if len(n.items) == 0 {
		d.record(n, path, "none")
	}
}

// maxText bounds a title or a name: longer ones do not fit a chart or a table.
const maxText = 200

// text decodes a string.
func (d *decoder) text(n *node, path string, v reflect.Value, r rule) {
	text, ok := d.scalar(n, path, exampleOf(v.Type(), r))
	switch {
	case !ok:
		return
	case len(text) > maxText:
		d.bad(n, path, fmt.Sprintf("is %d characters long", len(text)), fmt.Sprintf("write at most %d", maxText))
		return
	case printable(text) != text:
		d.bad(n, path, "holds control characters", "write plain text on one line")
		return
	case strings.TrimSpace(text) == "":
		d.bad(n, path, "is empty", "write some text, or remove the key")
		return
	}
	if len(r.enum) > 0 && !slices.Contains(r.enum, text) {
		hint := "one of " + strings.Join(r.enum, ", ")
		if near := spell.Nearest(text, r.enum); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		d.bad(n, path, excerpt(text)+" is not understood", hint)
		return
	}
	v.SetString(text)
	d.record(n, path, text)
}

// boolean decodes true or false.
func (d *decoder) boolean(n *node, path string, v reflect.Value) {
	text, ok := d.scalar(n, path, "true")
	if !ok {
		return
	}
	if text != "true" && text != "false" {
		d.bad(n, path, excerpt(text)+" is neither true nor false", "write true or false")
		return
	}
	v.SetBool(text == "true")
	d.record(n, path, text)
}

// integer decodes a whole number.
func (d *decoder) integer(n *node, path string, v reflect.Value, r rule) {
	x, ok := d.wholeNumber(n, path, r)
	if !ok {
		return
	}
	if v.Kind() == reflect.Uint64 {
		v.SetUint(uint64(x))
	} else {
		v.SetInt(x)
	}
	d.record(n, path, strconv.FormatInt(x, 10))
}

// wholeNumber reads a plain decimal integer within the rule's bounds.
func (d *decoder) wholeNumber(n *node, path string, r rule) (int64, bool) {
	text, ok := d.scalar(n, path, exampleOf(reflect.TypeFor[int](), r))
	if !ok {
		return 0, false
	}
	x, what, hint := parseWhole(text)
	if what == "" {
		what, hint = outside(float64(x), text, r)
	}
	if what != "" {
		d.bad(n, path, what, hint)
		return 0, false
	}
	return x, true
}

// parseWhole reads a plain decimal integer; 1e4 is one too, 010 is ambiguous (8 in
// YAML 1.1, 10 in YAML 1.2) and refused.
func parseWhole(text string) (x int64, what, hint string) {
	digits := strings.TrimPrefix(strings.TrimPrefix(text, "-"), "+")
	switch {
	case strings.HasPrefix(digits, "0x") || strings.HasPrefix(digits, "0o") || strings.HasPrefix(digits, "0b"):
		return 0, excerpt(text) + " is not a decimal number", "write it in decimal"
	case len(digits) > 1 && digits[0] == '0' && strings.Trim(digits, "0123456789") == "":
		return 0, excerpt(text) + " starts with 0, which some YAML readers take for octal", "write " + strings.TrimLeft(digits[:len(digits)-1], "0") + digits[len(digits)-1:]
	case strings.ContainsAny(digits, ",_"):
		plain := strings.NewReplacer(",", "", "_", "").Replace(text)
		return 0, excerpt(text) + " has separators between its digits", "write " + printable(plain)
	}
	if x, err := strconv.ParseInt(text, 10, 64); err == nil {
		return x, "", ""
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case math.IsInf(f, 0) || (err == nil && math.Abs(f) >= 1<<53):
		return 0, excerpt(text) + " is too large", ""
	case err != nil || math.IsNaN(f):
		return 0, excerpt(text) + " is not a whole number", "write digits only"
	case f != math.Trunc(f):
		return 0, excerpt(text) + " is not a whole number", fmt.Sprintf("write %.0f", f)
	}
	return int64(f), "", ""
}

// number decodes a plain number without unit.
func (d *decoder) number(n *node, path string, v reflect.Value, r rule) {
	text, ok := d.scalar(n, path, exampleOf(v.Type(), r))
	if !ok {
		return
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) || strings.ContainsAny(text, "_xXpP") {
		d.bad(n, path, excerpt(text)+" is not a plain number", "write e.g. 1.5 or 175e9")
		return
	}
	if what, hint := outside(x, text, r); what != "" {
		d.bad(n, path, what, hint)
		return
	}
	v.SetFloat(x)
	d.record(n, path, strconv.FormatFloat(x, 'g', -1, 64))
}

// outside says how a plain number breaks its bounds, or nothing.
func outside(x float64, text string, r rule) (what, hint string) {
	bounds := fmt.Sprintf("write %s to %s", r.min, r.max)
	if least, err := strconv.ParseFloat(r.min, 64); err == nil && x < least {
		return fmt.Sprintf("%s is below %s", text, r.min), bounds
	}
	if most, err := strconv.ParseFloat(r.max, 64); err == nil && x > most {
		return fmt.Sprintf("%s is above %s", text, r.max), bounds
	}
	return "", ""
}
