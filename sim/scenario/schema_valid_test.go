package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/invopop/jsonschema"
)

// What loads is valid by the schema, so that an editor never underlines a good file;
// and what a schema can see of a bad one, it refuses.
func TestSchemaAgreesWithLoad(t *testing.T) {
	b := newSchemaBuilder(t)
	root := b.document()
	check := func(file string) []string {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c collector
		n := parseUncited(data, Origin{File: file}, &c)
		if n == nil {
			t.Fatal(c.err())
		}
		return b.check(root, n, "")
	}
	good, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil || len(good) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range append(good, "testdata/shaoguan.yaml", "testdata/minimal.yaml") {
		for _, problem := range check(file) {
			t.Errorf("%s: %s", file, problem)
		}
	}
	for _, name := range []string{
		"unknown-keys", "wrong-units", "missing-units", "negative-and-above", "not-numbers", "too-large",
		"date-forms", "references", "layouts", "wrong-shapes", "missing", "names", "plans", "citations", "spreads", "checkpoints",
	} {
		if len(check("testdata/bad/"+name+".yaml")) == 0 {
			t.Errorf("the schema accepts bad/%s.yaml", name)
		}
	}
}

// check validates a tree against the keywords that the builder writes.
func (b *schemaBuilder) check(s *jsonschema.Schema, n *node, path string) []string {
	if s.Ref != "" {
		return b.check(b.definition(s), n, path)
	}
	var out []string
	bad := func(format string, args ...any) { out = append(out, path+": "+fmt.Sprintf(format, args...)) }
	if s.If != nil {
		branch := s.Else
		if len(b.check(s.If, n, path)) == 0 {
			branch = s.Then
		}
		out = append(out, b.check(branch, n, path)...)
	}
	if len(s.AnyOf) > 0 {
		var all []string
		for _, one := range s.AnyOf {
			problems := b.check(one, n, path)
			if len(problems) == 0 {
				all = nil
				break
			}
			all = append(all, problems...)
		}
		out = append(out, all...)
	}
	if !hasType(n, s.Type) {
		bad("not of type %s", s.Type)
		return out
	}
	if s.Const != nil && n.text != s.Const {
		bad("not %v", s.Const)
	}
	if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(n.text) {
		bad("%q does not match %s", n.text, s.Pattern)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, any(n.text)) {
		bad("%q is not in the enumeration", n.text)
	}
	if x, err := strconv.ParseFloat(n.text, 64); err == nil {
		if least, err := s.Minimum.Float64(); err == nil && x < least {
			bad("%v is below %v", x, least)
		}
		if most, err := s.Maximum.Float64(); err == nil && x > most {
			bad("%v is above %v", x, most)
		}
	}
	for _, item := range n.items {
		if s.Items != nil {
			out = append(out, b.check(s.Items, item, path+"[]")...)
		}
	}
	return append(out, b.checkKeys(s, n, path)...)
}

func (b *schemaBuilder) checkKeys(s *jsonschema.Schema, n *node, path string) []string {
	var out []string
	for _, key := range s.Required {
		if n.get(key) == nil {
			out = append(out, path+": misses "+key)
		}
	}
	for _, f := range n.fields {
		p := under(path, f.key)
		if s.PropertyNames != nil && !regexp.MustCompile(s.PropertyNames.Pattern).MatchString(f.key) {
			out = append(out, p+": is no name")
		}
		if s.Properties != nil {
			if property, ok := s.Properties.Get(f.key); ok {
				out = append(out, b.check(property, f.value, p)...)
				continue
			}
		}
		switch s.AdditionalProperties {
		case nil:
		case jsonschema.FalseSchema:
			out = append(out, p+": is not a property")
		default:
			out = append(out, b.check(s.AdditionalProperties, f.value, p)...)
		}
	}
	return out
}

// hasType reports whether YAML's reading of a node is of a JSON type.
func hasType(n *node, want string) bool {
	switch want {
	case "":
		return true
	case "null":
		return n.kind == nullNode
	case "object":
		return n.kind == mappingNode
	case "array":
		return n.kind == sequenceNode
	case "string": // dates are text in JSON
		return n.kind == scalarNode && (n.tag == "!!str" || n.tag == "!!timestamp")
	case "integer":
		return n.kind == scalarNode && n.tag == "!!int"
	case "number":
		return n.kind == scalarNode && (n.tag == "!!int" || n.tag == "!!float")
	case "boolean":
		return n.kind == scalarNode && n.tag == "!!bool"
	}
	return false
}
