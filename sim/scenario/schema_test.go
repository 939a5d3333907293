package scenario

import (
	"bytes"
	"encoding/json"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"clustercap/sim/power"
	"clustercap/sim/unit"
)

const schemaFile = "../../scenarios/scenario.schema.json"

// The JSON Schema that is shipped is the one that the structs describe; go generate
// rewrites it.
func TestGeneratedSchema(t *testing.T) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(newSchemaBuilder(t).document()); err != nil {
		t.Fatal(err)
	}
	golden(t, schemaFile, out.String())
	if !*update && string(Schema()) != out.String() {
		t.Error("Schema() is not what the structs describe")
	}
}

// Every pattern in the schema accepts what the decoder accepts.
func TestSchemaPatterns(t *testing.T) {
	for name, texts := range map[string][]string{
		quantityPattern([]string{"W", "kW", "MW"}, 3): {"400 W", "1.5..2 kW", "1..2..3e3 W", "400W", "500 W..1.2 kW"},
		quantityPattern(nil, 3):                       {"1.5", "1..1.5..3"},
		datePattern:                                   {"2026-05-01", "2026-05-01T08:00:00Z", "2026-05-01T06:30:00+08:00"},
		layoutPattern:                                 {"tp=8,pp=16", "tp=8, recompute=light"},
	} {
		for _, text := range texts {
			if !regexp.MustCompile(name).MatchString(text) {
				t.Errorf("%s does not match %q", name, text)
			}
		}
	}
	for _, text := range []string{"400", "W", "400 V", "..3 W", "400 W extra"} {
		if regexp.MustCompile(quantityPattern([]string{"W"}, 3)).MatchString(text) {
			t.Errorf("the pattern of powers matches %q", text)
		}
	}
}

const (
	number        = `\+?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?`
	datePattern   = `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[-+][0-9]{2}:[0-9]{2}))?$`
	spanPattern   = `^ *[0-9]{1,2} *- *[0-9]{1,2} *$`
	layoutPattern = `^[a-z]+=[a-z0-9]+( *, *[a-z]+=[a-z0-9]+)*$`
)

// quantityPattern matches a value, or with most above 1 a range of two or three
// values; the last has its unit.
func quantityPattern(units []string, most int) string {
	repeat := "{0," + strconv.Itoa(most-1) + "}"
	if len(units) == 0 {
		return `^(` + number + `\.\.)` + repeat + number + `$`
	}
	quoted := make([]string, len(units))
	for i, u := range units {
		quoted[i] = strings.ReplaceAll(regexp.QuoteMeta(u), "USD", "[A-Z]{3}")
	}
	unitText := ` *(` + strings.Join(quoted, "|") + `)`
	return `^(` + number + `(` + unitText + `)?\.\.)` + repeat + number + unitText + `$`
}

// schemaBuilder turns the structs of a scenario file into definitions.
type schemaBuilder struct {
	docs    map[string]string
	catalog *Catalog
	defs    jsonschema.Definitions
}

func newSchemaBuilder(t *testing.T) *schemaBuilder {
	t.Helper()
	catalog, err := LoadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return &schemaBuilder{docs: readDocs(t), catalog: catalog, defs: jsonschema.Definitions{}}
}

// document is the whole schema. A file with a base may leave out what its base says.
func (b *schemaBuilder) document() *jsonschema.Schema {
	root := &jsonschema.Schema{
		Version: jsonschema.Version,
		ID:      "scenario.schema.json",
		Title:   "clustercap scenario",
		If:      &jsonschema.Schema{Required: []string{"base"}},
		Then:    b.object(reflect.TypeFor[File](), true),
		Else:    b.object(reflect.TypeFor[File](), false),
	}
	root.Definitions = b.defs
	return root
}

func ref(name string) *jsonschema.Schema { return &jsonschema.Schema{Ref: "#/$defs/" + name} }

func anyOf(list ...*jsonschema.Schema) *jsonschema.Schema { return &jsonschema.Schema{AnyOf: list} }

// define adds a definition once and refers to it.
func (b *schemaBuilder) define(name string, build func() *jsonschema.Schema) *jsonschema.Schema {
	if b.defs[name] == nil {
		b.defs[name] = &jsonschema.Schema{} // a definition may refer to itself
		b.defs[name] = build()
	}
	return ref(name)
}

// object is the schema of a mapping; in a partial one, an overlay's, every key is
// optional and null removes it.
func (b *schemaBuilder) object(t reflect.Type, partial bool) *jsonschema.Schema {
	name := t.Name()
	if partial {
		name += "Change"
	}
	return b.define(name, func() *jsonschema.Schema {
		s := &jsonschema.Schema{
			Type: "object", Description: b.docs[t.Name()], Properties: jsonschema.NewProperties(),
			AdditionalProperties: jsonschema.FalseSchema,
		}
		for _, f := range structFields(t) {
			p := b.field(f, partial)
			if partial {
				p = &jsonschema.Schema{AnyOf: []*jsonschema.Schema{p, {Type: "null"}}}
			}
			p.Description = describe(b.docs, f)
			if f.rule.def != "" && !partial {
				p.Default = defaultValue(f)
			}
			s.Properties.Set(f.name, p)
			if f.rule.required && !partial {
				s.Required = append(s.Required, f.name)
			}
		}
		if kind, ok := referenceOf(t); ok && partial {
			s.Properties.Set(referenceKey(kind), b.names(kind))
		}
		if t == reflect.TypeFor[File]() {
			return s
		}
		s.Properties.Set("source", &jsonschema.Schema{Type: "string", Description: "Where the values of this mapping come from, but for those that say it themselves."})
		s.Properties.Set("confidence", confidenceSchema())
		return s
	})
}

// changed is a mapping that starts from a catalog entry.
func (b *schemaBuilder) changed(t reflect.Type, kind string) *jsonschema.Schema {
	return b.define(t.Name()+"Like", func() *jsonschema.Schema {
		s := *b.definition(b.object(t, true))
		s.Required = []string{referenceKey(kind)}
		return &s
	})
}

// definition follows a reference.
func (b *schemaBuilder) definition(s *jsonschema.Schema) *jsonschema.Schema {
	return b.defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
}

func defaultValue(f structField) any {
	if f.typ.Kind() == reflect.Int || f.typ.Kind() == reflect.Uint64 {
		return json.Number(f.rule.def)
	}
	return f.rule.def
}

// referenceOf is the catalog kind of a type, if it is one.
func referenceOf(t reflect.Type) (string, bool) {
	for _, k := range catalogKinds {
		if k.typ == t {
			return k.name, true
		}
	}
	return "", false
}

// names is the enumeration of a catalog kind.
func (b *schemaBuilder) names(kind string) *jsonschema.Schema {
	return b.define("catalog_"+kind, func() *jsonschema.Schema {
		s := &jsonschema.Schema{Type: "string", Description: "An entry of the catalog's " + kind + "."}
		for _, name := range b.catalog.Names(kind) {
			s.Enum = append(s.Enum, name)
		}
		return s
	})
}

func confidenceSchema() *jsonschema.Schema {
	s := &jsonschema.Schema{Type: "string", Description: "How well the value is known."}
	for _, c := range confidences {
		s.Enum = append(s.Enum, c)
	}
	return s
}

// field is the schema of one key's value.
func (b *schemaBuilder) field(f structField, partial bool) *jsonschema.Schema {
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return b.value(t, f.rule, partial)
}

// yearFileSchema is that of the name of a file.
func yearFileSchema() *jsonschema.Schema {
	return &jsonschema.Schema{Type: "string", Pattern: `\.[cC][sS][vV]$`, Description: "A CSV file of the hours of a typical year."}
}

// value is the schema of a type. A value may be written with its source.
func (b *schemaBuilder) value(t reflect.Type, r rule, partial bool) *jsonschema.Schema {
	if q, ok := quantities[t]; ok {
		return b.quantity(q)
	}
	if ref, ok := reflect.New(t).Interface().(interface{ kind() string }); ok {
		value, _ := t.FieldByName("Value")
		if t == reflect.TypeFor[ClimateChoice]() {
			return anyOf(yearFileSchema(), b.value(reflect.TypeFor[Reference[power.Climate]](), r, partial))
		}
		if partial {
			return anyOf(b.names(ref.kind()), b.object(value.Type, true))
		}
		return anyOf(b.names(ref.kind()), b.changed(value.Type, ref.kind()), b.object(value.Type, false))
	}
	if p, ok := reflect.New(t).Interface().(interface{ priceKind() unit.Kind }); ok {
		k := p.priceKind()
		return b.pattern(strings.ReplaceAll(k.Name, " ", "_"), "A "+k.Name+", e.g. "+k.Example+", or a range low..high or low..likely..high.", quantityPattern(k.Units, 3))
	}
	switch reflect.New(t).Interface().(type) {
	case *CarbonCourse:
		hour := b.quantity(quantities[reflect.TypeFor[unit.CarbonIntensity]()])
		return anyOf(b.quantity(quantities[reflect.TypeFor[unit.Range[unit.CarbonIntensity]]()]), yearFileSchema(),
			&jsonschema.Schema{Type: "array", Items: hour, Description: "The 8,760 hours of a typical year."})
	case *Name:
		return &jsonschema.Schema{Type: "string", Pattern: namePattern.String()}
	case *Currency:
		return &jsonschema.Schema{Type: "string", Pattern: currencyPattern.String()}
	case *Date:
		return &jsonschema.Schema{Type: "string", Pattern: datePattern}
	case *Months, *Hours:
		one := anyOf(&jsonschema.Schema{Type: "integer"}, &jsonschema.Schema{Type: "string", Pattern: spanPattern})
		return anyOf(one, &jsonschema.Schema{Type: "array", Items: one})
	case *GridCarbon:
		carbon := reflect.TypeFor[carbonFields]()
		return anyOf(b.value(carbon.Field(0).Type, rule{}, false), b.object(carbon, partial))
	case *Named[Priced[unit.Money]]:
		return b.mapping(b.value(reflect.TypeFor[Priced[unit.Money]](), rule{}, false))
	case *AutoDuration:
		return anyOf(&jsonschema.Schema{Const: "auto"}, b.value(reflect.TypeFor[AutoDuration]().Field(1).Type, rule{}, false))
	case *CheckpointInterval:
		rules := &jsonschema.Schema{Type: "string"}
		for _, word := range checkpointRules {
			rules.Enum = append(rules.Enum, word)
		}
		return anyOf(rules, b.value(reflect.TypeFor[CheckpointInterval]().Field(1).Type, rule{}, false))
	case *PowerLimit:
		return anyOf(&jsonschema.Schema{Const: "none"}, b.value(reflect.TypeFor[PowerLimit]().Field(0).Type, rule{}, false))
	case *Policy:
		action := &jsonschema.Schema{Type: "string"}
		for _, a := range power.Actions() {
			action.Enum = append(action.Enum, string(a))
		}
		return anyOf(action, &jsonschema.Schema{Type: "array", Items: action})
	case *TimeSpread:
		spread := reflect.TypeFor[spreadFields]()
		return anyOf(b.value(spread.Field(0).Type, rule{}, false), b.object(spread, partial))
	case *Sizes:
		one := &jsonschema.Schema{Type: "integer", Minimum: "1", Maximum: json.Number(strconv.Itoa(maxChips))}
		return anyOf(one, &jsonschema.Schema{Type: "array", Items: one})
	case *LayoutChoice:
		layout := reflect.TypeFor[LayoutChoice]().Field(1).Type
		return anyOf(&jsonschema.Schema{Const: "auto"}, &jsonschema.Schema{Type: "string", Pattern: layoutPattern}, b.layout(layout, partial))
	case *Named[Overlay]:
		overlay := b.define("Overlay", func() *jsonschema.Schema {
			s := *b.definition(b.object(reflect.TypeFor[File](), true))
			properties := jsonschema.NewProperties()
			for p := s.Properties.Oldest(); p != nil; p = p.Next() {
				if k := p.Key; k != "name" && k != "plan" && k != "base" && k != "plans" {
					properties.Set(k, p.Value)
				}
			}
			s.Properties, s.Description = properties, b.docs["Overlay"]
			return &s
		})
		return b.mapping(anyOf(overlay, &jsonschema.Schema{Type: "null"}))
	case *Named[Job]:
		return b.mapping(b.object(reflect.TypeFor[Job](), partial))
	}
	switch t.Kind() {
	case reflect.Struct:
		return b.object(t, partial)
	case reflect.Slice:
		return &jsonschema.Schema{Type: "array", Items: b.value(t.Elem(), r, false)}
	case reflect.Bool:
		return b.cited("boolean", &jsonschema.Schema{Type: "boolean"})
	case reflect.Int, reflect.Uint64:
		return anyOf(&jsonschema.Schema{Type: "integer", Minimum: json.Number(r.min), Maximum: json.Number(r.max)}, b.citation("integer", &jsonschema.Schema{Type: "integer"}))
	case reflect.Float64:
		return anyOf(&jsonschema.Schema{Type: "number", Minimum: json.Number(r.min)}, b.citation("number", &jsonschema.Schema{Type: "number"}))
	}
	s := &jsonschema.Schema{Type: "string"}
	for _, e := range r.enum {
		s.Enum = append(s.Enum, e)
	}
	return s
}

// layout is the mapping form of a layout, with the short form of micro_batch.
func (b *schemaBuilder) layout(t reflect.Type, partial bool) *jsonschema.Schema {
	s := b.object(t, partial)
	b.definition(s).Properties.Set("mb", &jsonschema.Schema{Type: "integer", Minimum: "1", Description: "Short for micro_batch."})
	return s
}

// mapping is an object of any names.
func (b *schemaBuilder) mapping(value *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{
		Type: "object", AdditionalProperties: value,
		PropertyNames: &jsonschema.Schema{Pattern: namePattern.String()},
	}
}

// quantity is the schema of a number with its unit, once per quantity.
func (b *schemaBuilder) quantity(q quantity) *jsonschema.Schema {
	description := "A " + q.kind.Name + ", e.g. " + q.kind.Example + "."
	name := strings.ReplaceAll(q.kind.Name, " ", "_")
	most := 1
	if q.isRange {
		description = "A " + q.kind.Name + ", e.g. " + q.kind.Example + ", or a range low..high or low..likely..high."
		name += "_range"
		most = 3
	}
	pattern := quantityPattern(q.kind.Units, most)
	if q.kind.Name == "temperature" {
		pattern = strings.ReplaceAll(pattern, `\+?`, `[-+]?`) // the only quantity below 0
	}
	if len(q.kind.Units) == 0 {
		return b.define(name, func() *jsonschema.Schema {
			bare := anyOf(&jsonschema.Schema{Type: "number"}, &jsonschema.Schema{Type: "string", Pattern: pattern})
			return &jsonschema.Schema{Description: description, AnyOf: append(bare.AnyOf, b.citation(name, bare))}
		})
	}
	return b.pattern(name, description, pattern)
}

// pattern defines a text of a certain form, with or without its source.
func (b *schemaBuilder) pattern(name, description, pattern string) *jsonschema.Schema {
	s := b.cited(name, &jsonschema.Schema{Type: "string", Pattern: pattern})
	b.defs[name].Description = description
	return s
}

// cited defines a value that may be written with its source.
func (b *schemaBuilder) cited(name string, value *jsonschema.Schema) *jsonschema.Schema {
	return b.define(name, func() *jsonschema.Schema { return anyOf(value, b.citation(name, value)) })
}

// citation is {value, source, confidence, note}.
func (b *schemaBuilder) citation(name string, value *jsonschema.Schema) *jsonschema.Schema {
	return b.define("cited_"+name, func() *jsonschema.Schema {
		s := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), Required: []string{"value"}, AdditionalProperties: jsonschema.FalseSchema}
		s.Properties.Set("value", value)
		s.Properties.Set("source", &jsonschema.Schema{Type: "string", Description: "Where the value comes from."})
		s.Properties.Set("confidence", confidenceSchema())
		s.Properties.Set("note", &jsonschema.Schema{Type: "string"})
		return s
	})
}
