package scenario

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A written plan is a scenario that resolves to the same plan.
func TestWritePlanLoadsAgain(t *testing.T) {
	files, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "testdata/everything.yaml")
	type source struct {
		file string
		opts Options
	}
	var sources []source
	for _, file := range files {
		opts := Options{}
		if strings.HasPrefix(file, "testdata") {
			opts = testOptions()
		}
		sources = append(sources, source{file, opts})
	}
	// What is written as nothing is not what is left out.
	sources = append(sources, source{"testdata/everything.yaml", testOptions("site.carbon.residual=0 kgCO2/kWh",
		"site.generation=[{name: gas, capacity: 5 MW}, {name: gift, capacity: 1 MW, price: 0 USD/kWh, carbon: 0 kgCO2/kWh}]")})
	for _, from := range sources {
		file := from.file
		s, err := Load(file, from.opts)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range append([]string{""}, s.PlanNames()...) {
			want, err := s.Plan(name)
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if err := WritePlan(&text, want); err != nil {
				t.Fatal(err)
			}
			again, err := loadText("plan.yaml", text.Bytes(), testOptions())
			if err != nil {
				t.Fatalf("%s %s: %v\n%s", file, name, err, text.String())
			}
			got, err := again.Plan("")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Plan{}, "Values")); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", file, name, diff)
			}
		}
	}
}
