package scenario

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// testCatalog is the small catalog of testdata.
var testCatalog = sync.OnceValue(func() *Catalog {
	var c collector
	catalog := openCatalog(os.DirFS("testdata/catalog"), &c)
	if err := c.err(); err != nil {
		panic(err)
	}
	return catalog
})

// testOptions loads with the small catalog of testdata.
func testOptions(set ...string) Options { return Options{Set: set, catalog: testCatalog()} }

// Every shipped scenario loads with the built-in catalog.
func TestShippedScenarios(t *testing.T) {
	files, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no shipped scenarios", err)
	}
	for _, file := range files {
		s, err := Load(file, Options{})
		if err != nil {
			t.Errorf("%s:\n%v", file, err)
			continue
		}
		for _, name := range append([]string{""}, s.PlanNames()...) {
			if _, err := s.Plan(name); err != nil {
				t.Error(err)
			}
		}
	}
}

// Every entry of the built-in catalog decodes and passes its checks.
func TestCatalog(t *testing.T) {
	c, err := LoadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range c.Kinds() {
		if len(c.Names(kind)) == 0 {
			t.Errorf("no %s", kind)
		}
	}
	for _, name := range c.Names("chips") {
		chip, ok := c.Chip(name)
		if !ok {
			t.Errorf("chip %s is not usable", name)
			continue
		}
		if _, ok := c.Server(chip.Server); !ok {
			t.Errorf("chip %s usually comes in server %q, which is not in the catalog", name, chip.Server)
		}
		if _, ok := c.Fabric(chip.Fabric); !ok {
			t.Errorf("chip %s usually comes with fabric %q, which is not in the catalog", name, chip.Fabric)
		}
	}
}
