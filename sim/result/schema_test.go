package result_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"

	"clustercap/sim/result"
	"clustercap/sim/result/resulttest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const schemaFile = "result.schema.json"

// reflected is the schema as the Go types say it.
func reflected(t *testing.T) []byte {
	t.Helper()
	number := &jsonschema.Schema{Extras: map[string]any{"type": []string{"number", "null"}}}
	r := &jsonschema.Reflector{
		Anonymous:      true,
		ExpandedStruct: true,
		// Values that are not finite are written as null; the codecs say what it means.
		Mapper: func(typ reflect.Type) *jsonschema.Schema {
			if typ == reflect.TypeFor[result.Floats]() {
				return &jsonschema.Schema{Type: "array", Items: number}
			}
			if typ == reflect.TypeFor[result.Stat]() {
				return &jsonschema.Schema{Ref: "#/$defs/Stat"}
			}
			return nil
		},
	}
	if err := r.AddGoComments("clustercap/sim/result", "."); err != nil {
		t.Fatal(err)
	}
	s := r.Reflect(&result.Set{})
	s.Title = "clustercap result.json"
	s.Definitions["Stat"] = statSchema(number)
	version, ok := s.Properties.Get("schema_version")
	if !ok {
		t.Fatal("a Set has no schema_version")
	}
	version.Const = result.SchemaVersion
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// statSchema is that of a Stat, whose codec hides its fields from the reflector.
func statSchema(number *jsonschema.Schema) *jsonschema.Schema {
	names := []string{"mean", "p10", "p50", "p90"}
	properties := jsonschema.NewProperties()
	for _, name := range names {
		properties.Set(name, number)
	}
	return &jsonschema.Schema{
		Type: "object", Properties: properties, Required: names, AdditionalProperties: jsonschema.FalseSchema,
		Description: "A quantity over the replicas: mean and quantiles; null is no value, of a duration never.",
	}
}

func TestSchemaIsUpToDate(t *testing.T) {
	want := reflected(t)
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return // the file was embedded before it was written
	}
	if diff := cmp.Diff(string(want), string(result.Schema())); diff != "" {
		t.Errorf("%s is stale, run go generate ./... (-want +got):\n%s", schemaFile, diff)
	}
}

// TestDocumentsFollowTheSchema walks an encoded Set beside the schema: every key
// is declared, every required key is there, every value has the declared type.
func TestDocumentsFollowTheSchema(t *testing.T) {
	set, err := resulttest.HoldTenThousand().Set()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := result.EncodeSet(&text, set); err != nil {
		t.Fatal(err)
	}
	var document, schema any
	if err := json.Unmarshal(text.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(result.Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	v := validator{root: schema.(map[string]any)}
	for _, problem := range v.check(document, v.root, "$") {
		t.Error(problem)
	}
	broken := document.(map[string]any)
	delete(broken, "jobs")
	broken["sed"] = 1.0
	broken["replicas"] = "many"
	if got := v.check(broken, v.root, "$"); len(got) != 3 {
		t.Errorf("a document with three faults has these: %v", got)
	}
}

// validator knows the part of JSON Schema that the reflector writes.
type validator struct{ root map[string]any }

func (v validator) check(value any, schema map[string]any, path string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		defs := v.root["$defs"].(map[string]any)
		schema = defs[ref[len("#/$defs/"):]].(map[string]any)
	}
	var problems []string
	if types := typesOf(schema["type"]); len(types) > 0 && !slices.Contains(types, typeOf(value)) &&
		(typeOf(value) != "number" || !slices.Contains(types, "integer")) {
		return []string{fmt.Sprintf("%s is a %s, not one of %v", path, typeOf(value), types)}
	}
	switch value := value.(type) {
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i, item := range value {
			problems = append(problems, v.check(item, items, fmt.Sprintf("%s[%d]", path, i))...)
		}
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		others, open := schema["additionalProperties"].(map[string]any)
		for key, item := range value {
			switch property, declared := properties[key].(map[string]any); {
			case declared:
				problems = append(problems, v.check(item, property, path+"."+key)...)
			case open:
				problems = append(problems, v.check(item, others, path+"."+key)...)
			default:
				problems = append(problems, fmt.Sprintf("%s.%s is not in the schema", path, key))
			}
		}
		required, _ := schema["required"].([]any)
		for _, key := range required {
			if _, ok := value[key.(string)]; !ok {
				problems = append(problems, fmt.Sprintf("%s.%s is missing", path, key))
			}
		}
	}
	return problems
}

func typesOf(declared any) []string {
	switch d := declared.(type) {
	case string:
		return []string{d}
	case []any:
		var types []string
		for _, t := range d {
			types = append(types, t.(string))
		}
		return types
	}
	return nil
}

func typeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	default:
		return "object"
	}
}
