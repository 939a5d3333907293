package result_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"github.com/invopop/jsonschema"

	"clustercap/sim/result"
)

//go:generate go test -run=TestSchema -update .

var update = flag.Bool("update", false, "rewrite the golden files")

// TestSchema holds the JSON Schema of result.json to the types; go generate writes it.
func TestSchema(t *testing.T) {
	const file = "../../docs/result.schema.json"
	r := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true, AllowAdditionalProperties: true, Mapper: series}
	if err := r.AddGoComments("clustercap/sim/result", "./"); err != nil {
		t.Fatal(err)
	}
	schema := r.Reflect(&result.Set{})
	schema.Title = "clustercap result.json"
	for pair := schema.Definitions["Stat"].Properties.Oldest(); pair != nil; pair = pair.Next() {
		pair.Value = nullable()
		schema.Definitions["Stat"].Properties.Set(pair.Key, pair.Value)
	}
	got, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale; run: go generate ./sim/result", file)
	}
}

// nullable is a number, or null where there is none.
func nullable() *jsonschema.Schema {
	return &jsonschema.Schema{OneOf: []*jsonschema.Schema{{Type: "number"}, {Type: "null"}}}
}

// series maps the types with a codec of their own.
func series(t reflect.Type) *jsonschema.Schema {
	if t == reflect.TypeFor[result.Floats]() {
		return &jsonschema.Schema{Type: "array", Items: nullable()}
	}
	return nil
}
