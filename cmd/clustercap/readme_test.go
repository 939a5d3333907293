package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// readmeBlock is the output that the README shows.
var readmeBlock = regexp.MustCompile("(?s)```text\n.*?```")

// shown lists the charts of the README, by the run's folder and name.
var shown = []string{"base/charts/throughput.png", "compare/charts/plans.png"}

// TestReadmeShowsTheProgram holds the README's sample output and charts to what
// its first command and the comparison make.
func TestReadmeShowsTheProgram(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("compilers for other processors fuse multiplications and additions, which moves last digits")
	}
	root, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	scenario := filepath.Join(root, "scenarios", "shaoguan.yaml")
	output := mustRun(t, "run", scenario)
	mustRun(t, "compare", scenario)

	path := filepath.Join(root, "README.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := readmeBlock.ReplaceAllLiteralString(string(page), "```text\n"+output+"```")
	if !strings.Contains(want, output) {
		t.Fatal("the README has no block of text output")
	}
	golden(t, path, []byte(want))
	for _, chart := range shown {
		made, err := os.ReadFile(filepath.Join("runs", "shaoguan", filepath.FromSlash(chart)))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join(root, "docs", "images", filepath.Base(chart)), made)
	}
}

// mustRun carries out a command line that succeeds and returns its output.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(args, strings.NewReader(""), &stdout, &stderr); code != exitDone {
		t.Fatalf("clustercap %s: exit code %d: %s", strings.Join(args, " "), code, &stderr)
	}
	return stdout.String()
}

// golden holds a file to want, or writes it anew with -update.
func golden(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: run go generate ./...", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is stale: run go generate ./...", path)
	}
}

// readmeScenario is the scenario that the README shows.
var readmeScenario = regexp.MustCompile(`(?m)^    name: mine\n(?:(?:    .*)?\n)+`)

// TestReadmeScenarioChecks holds the README's scenario to one that could be run.
func TestReadmeScenarioChecks(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := readmeScenario.FindString(string(page))
	if block == "" {
		t.Fatal("the README shows no scenario")
	}
	file := filepath.Join(t.TempDir(), "mine.yaml")
	text := regexp.MustCompile(`(?m)^    `).ReplaceAllString(block, "")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := mustRun(t, "check", file), file+": ok: 1 job, 3 plans (base, no-spares, slow-restart)\n"; got != want {
		t.Errorf("check says %q, want %q", got, want)
	}
	mustRun(t, "explain", file) // its layouts fit in memory
}
