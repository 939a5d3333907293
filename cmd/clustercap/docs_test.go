package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:generate go test -run ^(TestCommandsPage|TestReadmeShowsTheProgram)$ -update .

var update = flag.Bool("update", false, "write the golden files anew")

const repository = "../.." // from this package's folder

// TestCommandsPage holds docs/commands.md to the help that the program prints.
func TestCommandsPage(t *testing.T) {
	golden(t, filepath.Join(repository, "docs", "commands.md"), []byte(commandsPage()))
}

func commandsPage() string {
	var b strings.Builder
	b.WriteString("# Commands\n\n<!-- Written by go generate from the program's help. -->\n\n")
	b.WriteString("Exit codes: 0 done; 1 the run could not be done (an infeasible plan, a full disk, an interrupt);\n" +
		"2 bad usage or a bad file. Results go to standard output, everything else to standard error.\n")
	root := newRoot(&program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard})
	for _, c := range root.Commands() {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n```text\n%s\n```\n", c.Name(), c.Short, strings.TrimRight(helpText(c), "\n"))
	}
	return b.String()
}

func helpText(c *cobra.Command) string {
	var out bytes.Buffer
	c.SetOut(&out)
	if err := c.Help(); err != nil {
		return err.Error()
	}
	return out.String()
}

// invocation finds the program's command lines in a page's indented code.
var invocation = regexp.MustCompile(`(?m)^    (?:go run \./cmd/clustercap|clustercap) ([^#\n]+)`)

// TestReadmeCommandsParse holds the README to commands, flags and scenario files
// that exist. Its first command is run as it stands by .ci/run.
func TestReadmeCommandsParse(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(repository, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := invocation.FindAllStringSubmatch(string(page), -1)
	// Every command of the contract is shown once at least.
	if least := 8; len(lines) < least {
		t.Fatalf("the README shows %d command lines, at least %d expected", len(lines), least)
	}
	for _, l := range lines {
		args := strings.Fields(l[1])
		root := newRoot(&program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard})
		cmd, rest, err := root.Find(args)
		if err != nil || cmd == root {
			t.Errorf("%q names no command", l[0])
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("%q: %v", l[0], err)
			continue
		}
		for _, a := range cmd.Flags().Args() {
			if !strings.HasSuffix(a, ".yaml") || strings.HasPrefix(a, "my") {
				continue
			}
			if matches, err := filepath.Glob(filepath.Join(repository, a)); err != nil || len(matches) == 0 {
				t.Errorf("%q names %s, which does not exist", l[0], a)
			}
		}
	}
}

// TestHelpFitsATerminal keeps every line of help within the width that the
// program prints.
func TestHelpFitsATerminal(t *testing.T) {
	root := newRoot(&program{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard})
	for _, c := range append(root.Commands(), root) {
		for line := range strings.SplitSeq(helpText(c), "\n") {
			if n := len([]rune(line)); n > lineWidth {
				t.Errorf("%s: a line of help has %d columns, more than %d: %s", c.Name(), n, lineWidth, line)
			}
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s has no usage", c.Name(), f.Name)
			}
		})
	}
}
