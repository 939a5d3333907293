package scenario

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files and generated documents")

// Every file in testdata/bad is refused with exactly the problems in the .txt beside
// it. A first line "# set: ..." gives the overrides, separated by " & ".
func TestBadScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no bad scenarios", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var overrides []string
			first, _, _ := strings.Cut(string(data), "\n")
			if list, ok := strings.CutPrefix(first, "# set: "); ok {
				overrides = strings.Split(list, " & ")
			}
			_, err = Load(filepath.ToSlash(file), testOptions(overrides...))
			if err == nil {
				t.Fatal("the file loads")
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

// golden compares with a kept file, or rewrites it with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; go test -update rewrites it):\n%s", file, diff)
	}
}

// A file that is not a scenario at all does not print thousands of lines.
func TestProblemsAreCapped(t *testing.T) {
	text := "name: many\nk"
	for i := range 3 * maxProblems {
		text += ": 1\nk" + strings.Repeat("e", i)
	}
	_, err := loadText("many.yaml", []byte(text+": 1\n"), testOptions())
	if lines := strings.Count(err.Error(), "\n") + 1; lines != maxProblems+1 {
		t.Errorf("%d lines, want %d and a count of the rest", lines, maxProblems)
	}
}
