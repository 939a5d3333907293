package scenario

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// overlaidBy is the built-in catalog with what a file says.
func overlaidBy(t *testing.T, text string) (*Catalog, error) {
	t.Helper()
	c, err := LoadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return c.Overlay(file)
}

// A file changes what it names of an entry and nothing else, wherever the entry is
// looked up: on its own, as a usual machine, and in a system. The catalog that it is laid
// over stays as it is.
func TestOverlay(t *testing.T) {
	before, err := LoadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	after, err := overlaidBy(t, `fleet:
  chip:
    like: a100-80
    efficiency:
      matmul: {value: 60..70 %, confidence: derived, source: "own steps"}
  server: {like: hgx-a100, host_memory: 3 TB}
`)
	if err != nil {
		t.Fatal(err)
	}
	was, _ := before.Machine("a100-80")
	is, ok := after.Machine("a100-80")
	if !ok || is.Chip.Efficiency.Matmul.Low != 0.6 || is.Server.HostMemory.Likely != 3e12 {
		t.Errorf("matmul %v, %v of host memory", is.Chip.Efficiency.Matmul, is.Server.HostMemory)
	}
	is.Chip.Efficiency.Matmul, is.Server.HostMemory = was.Chip.Efficiency.Matmul, was.Server.HostMemory
	if diff := cmp.Diff(was, is); diff != "" {
		t.Errorf("more has changed:\n%s", diff)
	}
	if m, ok := after.System("a100-selene"); !ok || m.Chip.Efficiency.Matmul.Low != 0.6 {
		t.Errorf("in a system: matmul %v", m.Chip.Efficiency.Matmul)
	}
	if again, _ := before.Chip("a100-80"); again.Efficiency.Matmul.Low == 0.6 {
		t.Error("the catalog below has changed")
	}
	var said []string
	for _, e := range after.Changed() {
		for _, v := range e.Values {
			said = append(said, e.Kind+" "+e.Name+" "+v.Path+" "+v.Text+" "+v.Source)
		}
	}
	if diff := cmp.Diff([]string{"chips a100-80 efficiency.matmul 60..70 % own steps [derived]", "servers hgx-a100 host_memory 3 TB "}, said); diff != "" {
		t.Error(diff)
	}
	if len(before.Changed()) > 0 {
		t.Error("the built-in catalog is changed")
	}
}

// A bad file is refused with everything that is wrong with it, where it is.
func TestOverlayProblems(t *testing.T) {
	for text, want := range map[string]string{
		"name: x\nfleet: {chip: a100-80, spares: 2 %}\n": "own.yaml:1:1: name: is no part of a catalog file; keep fleet: {chip: {like: ..., what changes}}\n" +
			"own.yaml:2:15: fleet.chip: changes nothing; write {like: the name of one of the catalog's chips, what changes}\n" +
			"own.yaml:2:24: fleet.spares: is no part of a catalog file; it changes chip, server, fabric and stack",
		"fleet:\n  chip:\n    like: a100-8\n": "own.yaml:3:11: fleet.chip.like: \"a100-8\" is not among the catalog's chips; did you mean \"a100-80\"?",
		"fleet:\n  chip: {like: a100-80, efficiency: {matmul: 120 %, matmull: 3 %}}\n": "own.yaml:2:46: fleet.chip.efficiency.matmul: 120 % is above 100 %; write 100 % or less\n" +
			"own.yaml:2:53: fleet.chip.efficiency.matmull: unknown key; did you mean \"matmul\"?",
		"fleet: {chip: {bf16: 300 TFLOP/s}}\n": "own.yaml:1:15: fleet.chip.like: is missing; write the name of the one of the catalog's chips that changes",
		"fleet: {}\n":                          "own.yaml:1:1: fleet: is missing; write fleet: {chip: {like: ..., what changes}}",
		"fleet: {chip: {like: a100-80}, server: {like: hgx-a100, name: own, host_memory: 3 TB}}\n": "own.yaml:1:15: fleet.chip: changes nothing; write what is other than in the catalog beside like\n" +
			"own.yaml:1:63: fleet.server.name: cannot change: the entry is looked up by it; remove it",
		"fleet: {chip: {like: h100-sxm, server: hgx-h10, fabric: nix}}\n": "own.yaml:1:40: fleet.chip.server: \"hgx-h10\" is not among the catalog's servers; did you mean \"hgx-h100\"?\n" +
			"own.yaml:1:57: fleet.chip.fabric: \"nix\" is not among the catalog's fabrics; one of alibaba-hpn7, llama3-roce, fat-tree-2, fat-tree-3, rail-optimised, multi-plane-2, tpu-dcn, aws-efa, slingshot-11",
		"fleet: {chip: {like: h100-sxm, server: null}}\n": "own.yaml:1:40: fleet.chip.server: is removed, and the chip is priced in its usual server; write the name of one of the catalog's servers",
		"chips: {}\n": "own.yaml:1:1: chips: is no part of a catalog file; keep fleet: {chip: {like: ..., what changes}}\n" +
			"own.yaml:1:1: fleet: is missing; write fleet: {chip: {like: ..., what changes}}",
	} {
		_, err := overlaidBy(t, text)
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		var lines []string
		for line := range strings.Lines(err.Error()) {
			lines = append(lines, line[strings.Index(line, "own.yaml"):])
		}
		if diff := cmp.Diff(want, strings.Join(lines, "")); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}
