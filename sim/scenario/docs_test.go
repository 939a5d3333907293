package scenario

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"clustercap/sim/hardware"
	"clustercap/sim/model"
	"clustercap/sim/power"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// sources are the files whose types scenario files decode into.
var sources = []string{
	"file.go", "money.go", "carbon.go", "power.go", "reliability.go", "written.go", "../hardware/hardware.go", "../power/plant.go",
	"../power/cooling.go", "../power/climate.go", "../model/model.go", "../step/types.go", "../step/stack.go",
}

// readDocs collects the comments of those types, keyed Type and Type.Field, with keys in
// place of the Go names of fields.
func readDocs(t *testing.T) map[string]string {
	t.Helper()
	docs, keys := map[string]string{}, map[string]string{}
	var types []*ast.TypeSpec
	for _, file := range sources {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if n, ok := n.(*ast.GenDecl); ok {
				for _, spec := range n.Specs {
					if ts, ok := spec.(*ast.TypeSpec); ok {
						types = append(types, ts)
						docs[ts.Name.Name] = oneLine(n.Doc.Text())
						addKeys(keys, ts)
					}
				}
			}
			return true
		})
	}
	for _, ts := range types {
		name := ts.Name.Name
		docs[name] = withKeys(withoutName(docs[name], name), keys)
		if s, ok := ts.Type.(*ast.StructType); ok {
			fieldDocs(docs, name, s, keys)
		}
	}
	return docs
}

// addKeys notes the keys of a struct's fields by their Go names.
func addKeys(keys map[string]string, ts *ast.TypeSpec) {
	s, ok := ts.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue
		}
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
		for _, name := range f.Names {
			keys[name.Name], _, _ = strings.Cut(tag, ",")
		}
	}
}

// fieldDocs collects the comments of a struct's fields.
func fieldDocs(docs map[string]string, typeName string, s *ast.StructType, keys map[string]string) {
	for _, f := range s.Fields.List {
		text := oneLine(f.Doc.Text())
		if line := oneLine(f.Comment.Text()); line != "" {
			text = strings.TrimSpace(text + " " + strings.ToUpper(line[:1]) + line[1:] + ".")
		}
		for _, name := range f.Names {
			docs[typeName+"."+name.Name] = withKeys(text, keys)
		}
	}
}

// withKeys puts keys in the place of the Go names of fields: where a name can be no other
// word, since it has a capital within, and where one with a capital begins no sentence.
func withKeys(text string, keys map[string]string) string {
	text = goName.ReplaceAllStringFunc(text, func(name string) string { return cmp.Or(keys[name], name) })
	return insideSentence.ReplaceAllStringFunc(text, func(found string) string {
		from := strings.LastIndexAny(found, " ./(") + 1
		return found[:from] + cmp.Or(keys[found[from:]], found[from:])
	})
}

var (
	goName = regexp.MustCompile(`\b[A-Z][a-z0-9]{2,}[A-Z][a-zA-Z0-9]*\b`)
	// insideSentence is a word with a capital that begins no sentence, with what stands before it.
	insideSentence = regexp.MustCompile(`(?:[^.] |[./(])[A-Z][a-zA-Z]*[a-z]\b`)
)

// withoutName is the comment of a type without the type's Go name: what it is or does.
func withoutName(text, name string) string {
	rest, ok := strings.CutPrefix(text, name+" ")
	if !ok || strings.HasPrefix(rest, "of ") { // a noun that goes on
		return text
	}
	for _, is := range []string{"is ", "are "} {
		rest = strings.TrimPrefix(rest, is)
	}
	return strings.ToUpper(rest[:1]) + rest[1:]
}

// describe is a field's comment with the key in place of the Go name.
func describe(docs map[string]string, f structField) string {
	text := docs[f.goKey]
	_, goName, _ := strings.Cut(f.goKey, ".")
	for _, after := range []string{" ", ", "} {
		if rest, ok := strings.CutPrefix(text, goName+after); ok {
			return f.name + after + rest
		}
	}
	return text
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

const (
	docsFile = "../../docs/scenario-file.md"
	marker   = "<!-- From here on: go generate ./sim/scenario -->\n"
)

// What a key is said to look like is a value that it may have, and Go's names are no keys.
func TestDocsAreOfTheFile(t *testing.T) {
	docs := readDocs(t)
	for _, section := range sections {
		says := docs[section.typ.Name()]
		if says == "" {
			t.Errorf("%s: nothing says what it is", section.title)
		}
		for _, f := range structFields(section.typ) {
			says += " " + describe(docs, f)
			typ := f.typ
			if typ.Kind() == reflect.Pointer {
				typ = typ.Elem()
			}
			q, ok := quantities[typ]
			if !ok {
				continue
			}
			v := reflect.New(typ).Elem()
			if err := q.parse(q.example(f.rule), v); err != nil {
				t.Errorf("%s.%s: %v", section.title, f.name, err)
				continue
			}
			low, high := q.ends(v)
			if least, most := q.bounds(typ, f.rule); low < least.value || least.exclusive && low == least.value || high > most.value {
				t.Errorf("%s.%s: the example %s is not within %s", section.title, f.name, q.example(f.rule), boundsOf(f))
			}
		}
		for _, name := range goName.FindAllString(says, -1) {
			if !slices.Contains([]string{"MegaScale", "DeepEP", "DeepSeek", "SwiGLU"}, name) { // the world's
				t.Errorf("%s: %s is a name in Go, not a key", section.title, name)
			}
		}
	}
}

// The tables of docs/scenario-file.md are what the structs describe; go generate
// rewrites them and leaves the text above the marker alone.
func TestGeneratedDocs(t *testing.T) {
	data, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	intro, _, ok := strings.Cut(string(data), marker)
	if !ok {
		t.Fatal("the marker is gone from ", docsFile)
	}
	golden(t, docsFile, intro+marker+tables(readDocs(t)))
}

// sections are the mappings of the format.
var sections = []struct {
	title string
	typ   reflect.Type
}{
	{"Scenario", reflect.TypeFor[File]()},
	{"site", reflect.TypeFor[Site]()},
	{"site.power[]", reflect.TypeFor[PowerPhase]()},
	{"site.cooling", reflect.TypeFor[power.Cooling]()},
	{"site.climate", reflect.TypeFor[power.Climate]()},
	{"site.climate.months[]", reflect.TypeFor[power.Month]()},
	{"site.losses", reflect.TypeFor[power.Losses]()},
	{"site.limits", reflect.TypeFor[Limits]()},
	{"site.demand_response[]", reflect.TypeFor[DemandResponse]()},
	{"site.generation[]", reflect.TypeFor[Generator]()},
	{"site.smoothing", reflect.TypeFor[Smoothing]()},
	{"site.grid", reflect.TypeFor[GridCode]()},
	{"site.battery", reflect.TypeFor[Battery]()},
	{"site.tariff", reflect.TypeFor[Tariff]()},
	{"site.tariff.periods[]", reflect.TypeFor[TariffPeriod]()},
	{"site.carbon", reflect.TypeFor[carbonFields]()},
	{"site.carbon.periods[]", reflect.TypeFor[CarbonPeriod]()},
	{"site.money", reflect.TypeFor[Money]()},
	{"fleet", reflect.TypeFor[Fleet]()},
	{"fleet.deliveries[]", reflect.TypeFor[Delivery]()},
	{"fleet.commissioning", reflect.TypeFor[Commissioning]()},
	{"fleet.cold_spares", reflect.TypeFor[ColdSpares]()},
	{"fleet.topology", reflect.TypeFor[Topology]()},
	{"fleet.repair", reflect.TypeFor[Repair]()},
	{"fleet.repair.stages[]", reflect.TypeFor[RepairStage]()},
	{"fleet.retire", reflect.TypeFor[Retire]()},
	{"fleet.maintenance[]", reflect.TypeFor[Maintenance]()},
	{"failures", reflect.TypeFor[Failures]()},
	{"failures.infant, failures.maturing", reflect.TypeFor[Decline]()},
	{"failures.lemons", reflect.TypeFor[Lemons]()},
	{"failures.relapse", reflect.TypeFor[Relapse]()},
	{"failures.stragglers", reflect.TypeFor[Stragglers]()},
	{"failures.classes[]", reflect.TypeFor[FailureClass]()},
	{"failures.classes[].shape", reflect.TypeFor[Shape]()},
	{"recovery", reflect.TypeFor[Recovery]()},
	{"recovery.setup", reflect.TypeFor[Setup]()},
	{"checkpoint", reflect.TypeFor[Checkpoint]()},
	{"checkpoint.tiers[]", reflect.TypeFor[CheckpointTier]()},
	{"jobs.NAME", reflect.TypeFor[Job]()},
	{"jobs.NAME.layout", reflect.TypeFor[step.Layout]()},
	{"Times with a spread", reflect.TypeFor[spreadFields]()},
	{"fleet.chip", reflect.TypeFor[hardware.Chip]()},
	{"fleet.chip.power_curve[]", reflect.TypeFor[hardware.PowerPoint]()},
	{"fleet.chip.efficiency", reflect.TypeFor[hardware.Efficiency]()},
	{"fleet.server", reflect.TypeFor[hardware.Server]()},
	{"fleet.fabric", reflect.TypeFor[hardware.Fabric]()},
	{"fleet.fabric.tiers[]", reflect.TypeFor[hardware.Tier]()},
	{"fleet.fabric.switch", reflect.TypeFor[hardware.Switch]()},
	{"fleet.fabric.optic", reflect.TypeFor[hardware.Optic]()},
	{"fleet.stack", reflect.TypeFor[step.Stack]()},
	{"jobs.NAME.model", reflect.TypeFor[model.Model]()},
	{"jobs.NAME.model.mla", reflect.TypeFor[model.MLA]()},
	{"jobs.NAME.model.linear", reflect.TypeFor[model.Linear]()},
	{"jobs.NAME.model.moe", reflect.TypeFor[model.MoE]()},
}

// tables lists every mapping of the format with its keys.
func tables(docs map[string]string) string {
	var out bytes.Buffer
	for _, section := range sections {
		fmt.Fprintf(&out, "\n### %s\n\n%s\n\n| key | written as | default | bounds | meaning |\n|---|---|---|---|---|\n", section.title, docs[section.typ.Name()])
		for _, f := range structFields(section.typ) {
			fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s |\n", f.name, escape(formOf(f)), escape(defaultOf(f)), escape(boundsOf(f)), escape(describe(docs, f)))
		}
	}
	return out.String()
}

func escape(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// formOf shows how a field is written.
func formOf(f structField) string {
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if len(f.rule.enum) > 0 {
		form := "`" + strings.Join(f.rule.enum, "`, `") + "`"
		if t.Kind() == reflect.Slice {
			form = "list of " + form
		}
		return form
	}
	if q, ok := quantities[t]; ok {
		if q.isRange {
			return q.kind.Name + " or range: `" + q.example(f.rule) + "`"
		}
		return q.kind.Name + ": `" + q.example(f.rule) + "`"
	}
	if ref, ok := reflect.New(t).Interface().(interface{ kind() string }); ok {
		form := "name from `catalog " + ref.kind() + "`, or mapping"
		if t == reflect.TypeFor[ClimateChoice]() {
			form += ", or name of a CSV file"
		}
		return form
	}
	switch reflect.New(t).Interface().(type) {
	case *Named[Overlay], *Named[Job]:
		return "mapping by name"
	case *Named[Priced[unit.Money]]:
		return "`{USD: 7.2 CNY}`"
	case *CarbonCourse:
		return "`" + exampleOf(t, rule{}) + "` or range, or name of a CSV file"
	case *Name:
		return "name"
	}
	if isSpecial(t) {
		form := "`" + exampleOf(t, rule{}) + "`"
		if f.rule.example != "" {
			form = "`" + f.rule.example + "` or " + form
		}
		return form
	}
	switch t.Kind() {
	case reflect.Struct:
		return "mapping"
	case reflect.Slice:
		if _, ok := quantities[t.Elem()]; ok {
			return "list"
		}
		return "list of mappings"
	case reflect.Int, reflect.Uint64:
		return "whole number"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "`true`, `false`"
	}
	return "text"
}

func defaultOf(f structField) string {
	switch {
	case f.rule.required:
		return "**required**"
	case f.rule.def != "" && f.rule.source != "":
		return "`" + f.rule.def + "`: " + f.rule.source
	case f.rule.def != "":
		return "`" + f.rule.def + "`"
	}
	return ""
}

// boundsOf says what a value may be; what is not said is the type's own: no quantity
// is negative, no share above 100 %.
func boundsOf(f structField) string {
	r := f.rule
	var parts []string
	if r.min != "" {
		parts = append(parts, "at least "+r.min)
	}
	if r.above != "" {
		parts = append(parts, "above "+r.above)
	}
	if r.max != "" {
		parts = append(parts, "at most "+r.max)
	}
	return strings.Join(parts, ", ")
}
