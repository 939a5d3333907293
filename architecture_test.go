// Package clustercap_test holds the rules that span packages.
package clustercap_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "clustercap/"

// arrows lists, for every package, the packages of ours that it may import. A
// package that is not here fails the test: give it its place first.
var arrows = map[string][]string{
	"sim/unit":  {"sim/spell"},
	"sim/des":   {"sim/unit"},
	"sim/spell": {},
	"sim/dist":  {"sim/unit"},

	"sim/hardware":              {"sim/unit"},
	"sim/hardware/hardwaretest": {"sim/hardware", "sim/unit"},
	"sim/model":                 {"sim/unit"},
	"sim/step":                  {"sim/hardware", "sim/model", "sim/unit"},
	"sim/search":                {"sim/step", "sim/hardware", "sim/model", "sim/unit"},

	// The models of the calendar know the machine, never each other.
	"sim/power":   {"sim/hardware", "sim/unit"},
	"sim/cost":    {"sim/hardware", "sim/unit"},
	"sim/failure": {"sim/des", "sim/dist", "sim/unit"},
	"sim/fleet":   {"sim/des", "sim/dist", "sim/unit"},
	"sim/job":     {"sim/step", "sim/model", "sim/des", "sim/dist", "sim/unit"},

	"scenarios": {},
	"sim/scenario": {
		"scenarios", "sim/spell", "sim/step", "sim/hardware", "sim/model", "sim/power", "sim/cost", "sim/failure",
		"sim/fleet", "sim/job", "sim/dist", "sim/unit",
	},
	"sim": {
		"sim/scenario", "sim/search", "sim/step", "sim/hardware", "sim/model", "sim/power", "sim/cost", "sim/failure",
		"sim/fleet", "sim/job", "sim/dist", "sim/des", "sim/result", "sim/unit",
	},
	"sim/backtest":  {"sim/scenario", "sim/spell", "sim/step", "sim/hardware", "sim/model", "sim/unit"},
	"sim/replicate": {"sim", "sim/scenario", "sim/step", "sim/job", "sim/failure", "sim/des", "sim/result", "sim/unit"},

	"sim/result":  {"sim/unit"},
	"sim/compare": {"sim/result", "sim/unit"},
	"plots":       {"sim/compare", "sim/result", "sim/unit"},
}

// commands may import everything: they are where the arrows end.
const commands = "cmd/"

// soleImporters names the one package (and those below it) that may import a
// library or a part of the standard library.
var soleImporters = map[string][]string{
	"go.yaml.in/yaml":                  {"sim/scenario"},
	"gonum.org/v1/plot":                {"plots"},
	"github.com/spf13":                 {"cmd"},
	"github.com/vbauerster/mpb":        {"cmd"},
	"github.com/invopop":               {"sim/scenario", "sim/result", "cmd"},
	"flag":                             {"cmd"},
	"os":                               {"cmd", "sim/scenario"},
	"os/signal":                        {"cmd"},
	"math/rand":                        {}, // also math/rand/v2's global functions; see TestSimReadsNoGlobals
	"golang.org/x/term":                {"cmd"},
	"net":                              {},
	"net/http":                         {},
	"plugin":                           {},
	"github.com/parquet-go/parquet-go": {"cmd"},
}

type pkg struct {
	ImportPath, Dir string
	Imports         []string
	GoFiles         []string
}

// packages lists the module's packages without their tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", "./...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// name is a package's path within the module.
func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module) }

func TestArrowsPointOneWay(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 || strings.HasPrefix(p.name(), commands) {
			continue
		}
		allowed, placed := mayImport(p.name())
		if !placed {
			t.Errorf("package %s has no place in arrows: say what it may import", p.name())
			continue
		}
		for _, imported := range p.Imports {
			ours, ok := strings.CutPrefix(imported, module)
			if ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, against the arrows: it may import %v", p.name(), ours, allowed)
			}
		}
	}
}

// mayImport is a package's place in arrows. A package of test data, named after the
// one that it serves, may import that and what it may; only tests import it.
func mayImport(name string) (allowed []string, placed bool) {
	served := path.Dir(name)
	if path.Base(name) != path.Base(served)+"test" {
		allowed, placed = arrows[name]
		return allowed, placed
	}
	allowed, placed = arrows[served]
	return append(slices.Clone(allowed), served), placed
}

// TestArrowsHaveNoCycle keeps the table itself honest.
func TestArrowsHaveNoCycle(t *testing.T) {
	const walking, done = 1, 2
	state := make(map[string]int)
	var walk func(name string, way []string)
	walk = func(name string, way []string) {
		switch state[name] {
		case walking:
			t.Errorf("arrows form a circle: %s", strings.Join(append(way, name), " -> "))
			return
		case done:
			return
		}
		state[name] = walking
		for _, next := range arrows[name] {
			if _, known := arrows[next]; !known {
				t.Errorf("%s may import %s, which has no place", name, next)
			}
			walk(next, append(way, name))
		}
		state[name] = done
	}
	for name := range arrows {
		walk(name, nil)
	}
}

func TestLibrariesStayInTheirRoom(t *testing.T) {
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			for library, rooms := range soleImporters {
				if imported != library && !strings.HasPrefix(imported, library+"/") || library == "os" && imported != "os" {
					continue
				}
				if library == "math/rand" && imported == "math/rand/v2" {
					continue
				}
				inside := func(room string) bool { return p.name() == room || strings.HasPrefix(p.name(), room+"/") }
				if !slices.ContainsFunc(rooms, inside) {
					t.Errorf("%s imports %s, which only %v may", p.name(), imported, rooms)
				}
			}
		}
	}
}

// forbidden are the functions that would let a result depend on anything but the
// plan, its seed and the replica: clocks and the global random generator.
var forbidden = map[string][]string{
	"time":         {"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer", "Sleep"},
	"math/rand/v2": {"Int", "IntN", "Int32", "Int32N", "Int64", "Int64N", "Uint32", "Uint64", "UintN", "Uint64N", "Float32", "Float64", "NormFloat64", "ExpFloat64", "Perm", "Shuffle", "N"},
}

func TestSimReadsNoGlobals(t *testing.T) {
	for _, p := range packages(t) {
		if p.name() != "sim" && !strings.HasPrefix(p.name(), "sim/") && p.name() != "plots" {
			continue
		}
		for _, file := range p.GoFiles {
			checkSelectors(t, filepath.Join(p.Dir, file), p.name())
		}
	}
}

// checkSelectors reports every use of a forbidden function in one file.
func checkSelectors(t *testing.T, file, room string) {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	imported := make(map[string]string) // name in the file -> path
	for _, spec := range f.Imports {
		from, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(from)
		if from == "math/rand/v2" {
			name = "rand"
		}
		if spec.Name != nil {
			name = spec.Name.Name
		}
		imported[name] = from
	}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(forbidden[imported[x.Name]], sel.Sel.Name) {
			t.Errorf("%s: %s uses %s.%s; results may depend on the plan, its seed and the replica alone",
				files.Position(sel.Pos()), room, imported[x.Name], sel.Sel.Name)
		}
		return true
	})
}
