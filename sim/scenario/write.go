package scenario

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// WritePlan writes a plan as a scenario file with nothing left to default or to look
// up, each value with its origin beside it. Loading the file gives the same plan.
func WritePlan(w io.Writer, p *Plan) error {
	out := planWriter{w: bufio.NewWriter(w), values: map[string]Value{}}
	for _, v := range p.Values {
		out.values[v.Path] = v
	}
	fmt.Fprintf(out.w, "# Plan %s of scenario %s with every value resolved, and where each comes from.\n", p.Name, p.Scenario)
	file := asWritten(p)
	out.fields(reflect.ValueOf(&file).Elem(), "", "", "")
	return out.w.Flush()
}

// asWritten is the file that resolves to a plan.
func asWritten(p *Plan) File {
	f := File{
		Name: Name(p.Scenario), Title: p.Title, Plan: Name(p.Name), Start: Date{p.Start},
		Horizon: p.Horizon, Replicas: p.Replicas, Seed: p.Seed,
	}
	s := &p.Site
	f.Site.Value = Site{
		PUE: s.PUE, ClockExponent: s.ClockExponent, MinClock: s.MinClock, Losses: s.Losses,
	}
	if s.Weather.Any() {
		f.Site.Value.Cooling = &Reference[power.Cooling]{Value: s.Cooling}
		f.Site.Value.Climate = &ClimateChoice{Reference[power.Climate]{Value: s.Climate}}
	}
	supplyAsWritten(p, &f.Site.Value)
	moneyAsWritten(&p.Money, &f.Site.Value)
	for _, phase := range s.Phases {
		from := dateAt(p.Start, phase.From)
		f.Site.Value.Power = append(f.Site.Value.Power, PowerPhase{&from, PowerLimit{phase.Limit}})
	}
	f.Fleet = Fleet{Spares: p.Fleet.Spares, Commissioning: Commissioning{
		Time: TimeSpread{p.Fleet.Commissioning}, Rejected: p.Fleet.Rejected, Return: TimeSpread{p.Fleet.Return},
	}}
	f.Fleet.Chip.Value, f.Fleet.Server.Value, f.Fleet.Fabric.Value = p.Chip, p.Server, p.Fabric
	if p.Stack != (step.Stack{}) {
		f.Fleet.Stack = &Reference[step.Stack]{Value: p.Stack}
	}
	for _, d := range p.Fleet.Deliveries {
		date := dateAt(p.Start, d.At)
		f.Fleet.Deliveries = append(f.Fleet.Deliveries, Delivery{Date: &date, Chips: d.Servers * p.Server.Chips})
	}
	f.Failures.Value = failuresAsWritten(p)
	upkeepAsWritten(p, &f.Fleet)
	from := func(section string) bool {
		return slices.ContainsFunc(p.Values, func(v Value) bool { return strings.HasPrefix(v.Path, section) })
	}
	if f.Fleet.Repair = repairAsWritten(&p.Fleet.Repair); from("failures.repair.") && !from("fleet.repair.") {
		f.Failures.Value.Repair, f.Fleet.Repair = f.Fleet.Repair, nil
	}
	policy := job.Policy{Mode: job.StopRestart, Floor: 1}
	if len(p.Jobs) > 0 {
		policy = p.Jobs[0].Recovery
	}
	f.Recovery = recoveryAsWritten(&policy, p.Server.Chips)
	for i := range p.Jobs {
		f.Jobs = append(f.Jobs, jobAsWritten(p, i))
	}
	return f
}

// jobAsWritten is the entry of jobs that resolves to the plan's i-th job.
func jobAsWritten(p *Plan, i int) NamedItem[Job] {
	spec := &p.Jobs[i]
	submit := dateAt(p.Start, spec.Submit)
	c := &spec.Checkpoint
	j := Job{
		Tokens: spec.Tokens, Sequence: spec.Workload.Sequence, GlobalBatch: spec.Workload.Batch,
		Precision: spec.Workload.Precision, Chips: spec.Sizes, Layout: LayoutChoice{Auto: spec.Layout == nil},
		Submit: &submit, Priority: spec.Priority, Resize: spec.Resize, Restart: &TimeSpread{spec.Restart},
		Checkpoint: &Checkpoint{
			Interval: CheckpointInterval{c.Rule, c.Interval}, BytesPerParameter: bytesWritten, Mode: "async",
			Blocking: AutoDuration{Value: c.Blocking}, Background: AutoDuration{Value: c.Background},
			Load: AutoDuration{Value: c.Load}, Shared: c.Shared,
		},
	}
	for _, t := range c.Fast {
		j.Checkpoint.Tiers = append(j.Checkpoint.Tiers, CheckpointTier(t))
	}
	policy := recoveryAsWritten(&spec.Recovery, p.Server.Chips)
	j.Recovery, j.Work = &policy, spec.Work
	if spec.Layout != nil {
		j.Layout.Layout = *spec.Layout
	}
	j.Model.Value = spec.Model
	return NamedItem[Job]{spec.Name, j}
}

// bytesWritten stands for the size of a parameter in a written plan, where the times
// that followed from it are explicit and nothing depends on it.
const bytesWritten unit.Bytes = 14

// yamlText is a scalar that is written as it stands.
type yamlText string

// nodeEncoder is a type whose written form is another value: a yamlText, or
// something simpler to encode.
type nodeEncoder interface{ encodeNode() any }

func (v Date) encodeNode() any { return yamlText(v.written()) }

func (v AutoDuration) encodeNode() any {
	if v.Auto {
		return yamlText("auto")
	}
	return v.Value
}

func (v CheckpointInterval) encodeNode() any {
	if v.Rule != "" {
		return yamlText(v.Rule)
	}
	return v.Value
}

func (v PowerLimit) encodeNode() any {
	if v.Power == 0 {
		return yamlText("none")
	}
	return v.Power
}

func (v TimeSpread) encodeNode() any {
	if v.Constant() {
		return v.Mean
	}
	if v.Exponential {
		return spreadFields{Mean: v.Mean, Shape: "exponential"}
	}
	median := v.Median
	return spreadFields{Mean: v.Mean, Median: &median}
}

func (v Sizes) encodeNode() any { return yamlText(v.written()) }

func (v LayoutChoice) encodeNode() any {
	if v.Auto {
		return yamlText("auto")
	}
	return v.Layout
}

func (v Reference[T]) encodeNode() any { return v.Value }

// planWriter writes YAML; the error of its writer surfaces in Flush.
type planWriter struct {
	w      *bufio.Writer
	values map[string]Value
}

// fields writes the keys of a struct, the first after lead, the others after indent.
func (p *planWriter) fields(v reflect.Value, path, lead, indent string) {
	for _, f := range structFields(v.Type()) {
		if field := v.Field(f.index); !left(field, f.rule) {
			p.entry(f.name, field, under(path, f.name), lead, indent)
			lead = indent
		}
	}
}

// left reports whether a field is left out: optional, without default, and zero.
func left(v reflect.Value, r rule) bool {
	return !r.required && r.def == "" && v.IsZero()
}

// entry writes one key and its value.
func (p *planWriter) entry(key string, v reflect.Value, path, lead, indent string) {
	fmt.Fprintf(p.w, "%s%s:", lead, plainOrQuoted(key))
	p.value(v, path, indent)
}

// value writes what follows a key's colon, the line's end included.
func (p *planWriter) value(v reflect.Value, path, indent string) {
	v = encoded(v)
	if text, ok := scalarText(v); ok {
		fmt.Fprintf(p.w, " %s%s\n", text, p.comment(path))
		return
	}
	if v.Kind() == reflect.Slice && v.Len() == 0 {
		fmt.Fprintf(p.w, " []%s\n", p.comment(path))
		return
	}
	fmt.Fprintf(p.w, "%s\n", p.comment(path))
	deeper := indent + "  "
	switch {
	case v.Kind() == reflect.Struct:
		p.fields(v, path, deeper, deeper)
	case isNamed(v.Type()):
		for i := range v.Len() {
			item := v.Index(i)
			name := item.Field(0).String()
			p.entry(name, item.Field(1), under(path, name), deeper, deeper)
		}
	default:
		for i := range v.Len() {
			p.item(v.Index(i), fmt.Sprintf("%s[%d]", path, i), deeper)
		}
	}
}

// item writes one item of a list.
func (p *planWriter) item(v reflect.Value, path, indent string) {
	v = encoded(v)
	if text, ok := scalarText(v); ok {
		fmt.Fprintf(p.w, "%s- %s%s\n", indent, text, p.comment(path))
		return
	}
	p.fields(v, path, indent+"- ", indent+"  ")
}

// isNamed reports whether t is a Named.
func isNamed(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct && strings.HasPrefix(t.Elem().Name(), "NamedItem[")
}

// encoded follows pointers and written forms to the value that is written.
func encoded(v reflect.Value) reflect.Value {
	for {
		if v.Kind() == reflect.Pointer {
			v = v.Elem()
			continue
		}
		e, ok := v.Interface().(nodeEncoder)
		if !ok {
			return v
		}
		v = reflect.ValueOf(e.encodeNode())
	}
}

// scalarText is the text of a value that fits on its key's line.
func scalarText(v reflect.Value) (string, bool) {
	if text, ok := v.Interface().(yamlText); ok {
		return string(text), true
	}
	if q, ok := quantities[v.Type()]; ok {
		return q.format(v), true
	}
	switch v.Kind() {
	case reflect.String:
		return plainOrQuoted(v.String()), true
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case reflect.Int:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), true
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true
	}
	return "", false
}

// plainText is what YAML reads as text without quotes, whatever its version: no
// indicators, no number, and none of its words for true, false and null.
var (
	plainText = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9 ,.()/+_-]*[A-Za-z0-9)]$`)
	yamlWord  = regexp.MustCompile(`(?i)^(true|false|yes|no|on|off|null|y|n)$`)
)

// plainOrQuoted writes text so that YAML reads it back.
func plainOrQuoted(s string) string {
	if plainText.MatchString(s) && !yamlWord.MatchString(s) {
		return s
	}
	quoted, err := json.Marshal(s) // every JSON string is a YAML string
	if err != nil {
		panic(err) // a string always encodes
	}
	return string(quoted)
}

// comment says where the value at path comes from.
func (p *planWriter) comment(path string) string {
	v, ok := p.values[path]
	if !ok {
		return ""
	}
	text := v.Origin.String()
	if v.Source != "" {
		text += ", " + v.Source
	}
	return " # " + printable(text)
}
