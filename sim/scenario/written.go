package scenario

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"clustercap/sim/dist"
	"clustercap/sim/job"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// Name is an identifier that results are filed under.
type Name string

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

func (Name) example() string { return "my-cluster" }

func (v *Name) decodeNode(d *decoder, n *node, path string, _ rule) {
	text, ok := d.scalar(n, path, v.example())
	if !ok {
		return
	}
	if !d.checkName(n, path, text) {
		return
	}
	*v = Name(text)
	d.record(n, path, text)
}

// checkName reports a name that would not do as a file name or in a path of keys.
func (d *decoder) checkName(n *node, path, text string) bool {
	if namePattern.MatchString(text) {
		return true
	}
	d.bad(n, path, excerpt(text)+" is not a name", "use letters, digits, - and _, at most 64, starting with a letter or digit")
	return false
}

// Currency is an ISO 4217 code.
type Currency string

var currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)

func (Currency) example() string { return "CNY" }

func (v *Currency) decodeNode(d *decoder, n *node, path string, _ rule) {
	text, ok := d.scalar(n, path, v.example())
	if !ok {
		return
	}
	if !currencyPattern.MatchString(text) {
		d.bad(n, path, excerpt(text)+" is not a currency code", "write three capital letters, e.g. CNY")
		return
	}
	*v = Currency(text)
	d.record(n, path, text)
}

// Date is a day (2026-05-01) or a moment (2026-05-01T08:00:00Z), from 2000 to 2100.
type Date struct{ time.Time }

func (Date) example() string { return "2026-05-01" }

func (v *Date) decodeNode(d *decoder, n *node, path string, _ rule) {
	text, ok := d.scalar(n, path, v.example())
	if !ok {
		return
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		d.bad(n, path, excerpt(text)+" is not a date", "write year-month-day, e.g. 2026-05-01")
		return
	}
	if t = t.UTC().Truncate(time.Second); t.Year() < 2000 || t.Year() > 2100 {
		d.bad(n, path, text+" is not between 2000 and 2100", "write e.g. 2026-05-01")
		return
	}
	v.Time = t
	d.record(n, path, v.written())
}

// written is the shortest form of the date.
func (v Date) written() string {
	if v.Equal(v.Truncate(24 * time.Hour)) {
		return v.Format(time.DateOnly)
	}
	return v.Format(time.RFC3339)
}

// AutoDuration is a duration, or auto.
type AutoDuration struct {
	Auto  bool
	Value unit.Duration
}

func (AutoDuration) example() string { return "auto" }

func (v *AutoDuration) decodeNode(d *decoder, n *node, path string, r rule) {
	if n.kind == scalarNode && n.text == "auto" {
		v.Auto = true
		d.record(n, path, "auto")
		return
	}
	d.value(n, path, reflect.ValueOf(&v.Value).Elem(), r)
}

// CheckpointInterval is a duration, or a rule for one.
type CheckpointInterval struct {
	Rule  job.Rule // "" where Value is given
	Value unit.Duration
}

func (CheckpointInterval) example() string { return "auto" }

// checkpointRules are the words for the rules; auto is Daly's.
var checkpointRules = []string{"auto", "daly", "young", "optimum"}

func (v *CheckpointInterval) decodeNode(d *decoder, n *node, path string, _ rule) {
	if n.kind == scalarNode && slices.Contains(checkpointRules, n.text) {
		if v.Rule = job.Rule(n.text); n.text == "auto" {
			v.Rule = job.Daly
		}
		d.record(n, path, n.text)
		return
	}
	if n.kind == scalarNode && (n.text == "" || n.text[0] > '9') {
		d.bad(n, path, excerpt(n.text)+" is neither a time nor a rule for one", "write e.g. 30 min, or one of "+strings.Join(checkpointRules, ", "))
		return
	}
	d.value(n, path, reflect.ValueOf(&v.Value).Elem(), rule{min: leastInterval, max: mostInterval})
}

// The bounds of an explicit interval.
const leastInterval, mostInterval = "1 s", "365 d"

// PowerLimit is a power, or none (0).
type PowerLimit struct{ unit.Power }

func (PowerLimit) example() string { return "45 MW" }

func (v *PowerLimit) decodeNode(d *decoder, n *node, path string, _ rule) {
	if n.kind == scalarNode && n.text == "none" {
		d.record(n, path, "none")
		return
	}
	d.value(n, path, reflect.ValueOf(&v.Power).Elem(), rule{above: "0 MW", example: v.example()})
}

func (TimeSpread) example() string { return "{mean: 10 min, median: 8 min}" }

func (v *TimeSpread) decodeNode(d *decoder, n *node, path string, r rule) {
	if n.kind != mappingNode {
		var mean unit.Duration
		d.value(n, path, reflect.ValueOf(&mean).Elem(), rule{max: "2 y", example: r.example})
		v.Duration = dist.Fixed(mean)
		return
	}
	var f spreadFields
	d.structure(n, path, reflect.ValueOf(&f).Elem())
	switch {
	case f.Shape == "exponential" && f.Median != nil:
		d.badAt(under(path, "median"), "an exponential has none of its own", "remove it: it is 0.69 of the mean")
	case f.Shape == "exponential":
		v.Duration = dist.Duration{Mean: f.Mean, Exponential: true}
	case f.Median == nil && f.Shape == "lognormal":
		d.badAt(under(path, "shape"), "a lognormal needs a median", "write median: ..., below the mean")
	case f.Median == nil:
		v.Duration = dist.Fixed(f.Mean)
	case *f.Median > f.Mean:
		d.badAt(under(path, "median"), fmt.Sprintf("median %s is above the mean %s", unit.Format(*f.Median), unit.Format(f.Mean)),
			"times to repair have a long tail, so that the median is below the mean")
	default:
		v.Duration = dist.Duration{Mean: f.Mean, Median: *f.Median}
	}
}

// Sizes is a chip count or an ascending list of them.
type Sizes []int

func (Sizes) example() string { return "8192" }

const maxChips = 10_000_000

func (v *Sizes) decodeNode(d *decoder, n *node, path string, _ rule) {
	r := rule{min: "1", max: strconv.Itoa(maxChips)}
	if n.kind != sequenceNode {
		if x, ok := d.wholeNumber(n, path, r); ok {
			*v = Sizes{int(x)}
			d.record(n, path, strconv.FormatInt(x, 10))
		}
		return
	}
	const most = 100
	if len(n.items) == 0 || len(n.items) > most {
		d.bad(n, path, fmt.Sprintf("has %d items", len(n.items)), fmt.Sprintf("write 1 to %d chip counts, ascending", most))
		return
	}
	for i, item := range n.items {
		p := fmt.Sprintf("%s[%d]", path, i)
		d.nodes[p] = item
		x, ok := d.wholeNumber(item, p, r)
		if !ok {
			continue
		}
		if k := len(*v); k > 0 && int(x) <= (*v)[k-1] {
			d.bad(item, p, fmt.Sprintf("%d does not exceed %d before it", x, (*v)[k-1]), "write the chip counts in ascending order")
			continue
		}
		*v = append(*v, int(x))
	}
	d.record(n, path, v.written())
}

func (v Sizes) written() string {
	if len(v) == 1 {
		return strconv.Itoa(v[0])
	}
	texts := make([]string, len(v))
	for i, x := range v {
		texts[i] = strconv.Itoa(x)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// LayoutChoice is an explicit layout, or auto.
type LayoutChoice struct {
	Auto   bool
	Layout step.Layout
}

func (LayoutChoice) example() string { return "auto" }

func (v *LayoutChoice) decodeNode(d *decoder, n *node, path string, _ rule) {
	if n.kind == scalarNode && n.text == "auto" {
		v.Auto = true
		d.record(n, path, "auto")
		return
	}
	if n.kind == scalarNode {
		l, err := step.ParseLayout(n.text)
		if err != nil {
			what, hint, _ := strings.Cut(err.Error(), "; ")
			d.bad(n, path, what, hint)
			return
		}
		v.Layout = l
		d.record(n, path, l.String())
		return
	}
	d.structure(longKeys(n), path, reflect.ValueOf(&v.Layout).Elem())
}

// longKeys spells out mb, the short form of micro_batch that step.Layout prints.
func longKeys(n *node) *node {
	if n.get("mb") == nil || n.get("micro_batch") != nil {
		return n
	}
	out := n.without()
	for i := range out.fields {
		if out.fields[i].key == "mb" {
			out.fields[i].key = "micro_batch"
		}
	}
	return out
}

// Named is a mapping from names to values, in file order.
type Named[T any] []NamedItem[T]

// NamedItem is one entry of a Named.
type NamedItem[T any] struct {
	Name  string
	Value T
}

func (Named[T]) example() string { return "{my-name: ...}" }

// maxNamed bounds the jobs of a plan.
const maxNamed = 1000

func (v *Named[T]) decodeNode(d *decoder, n *node, path string, r rule) {
	switch {
	case n.kind != mappingNode:
		d.bad(n, path, fmt.Sprintf("is %v, not a mapping", n.kind), "write name: {...}")
		return
	case len(n.fields) == 0:
		d.bad(n, path, "is empty", "write at least one")
		return
	case len(n.fields) > maxNamed:
		d.bad(n, path, fmt.Sprintf("has %d entries", len(n.fields)), fmt.Sprintf("write at most %d", maxNamed))
		return
	}
	for _, f := range n.fields {
		p := under(path, f.key)
		d.checkName(&node{at: f.at, plan: f.value.plan}, p, f.key)
		item := NamedItem[T]{Name: f.key}
		d.value(f.value, p, reflect.ValueOf(&item.Value).Elem(), r)
		*v = append(*v, item)
	}
}
