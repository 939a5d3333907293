package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"clustercap/sim/spell"
	"clustercap/sim/unit"
)

// Bounds of a file. A scenario of a thousand jobs is about 300 kB, a file of the hours of a
// year with a dozen columns beside those that are read some 1.5 MB.
const (
	maxFileBytes = 1 << 20
	maxYearBytes = 8 << 20
	maxDepth     = 32
	// maxNodes bounds what aliases expand to; 1 MiB holds fewer plain values.
	maxNodes = 200_000
)

// readFile reads a file that a person named, refusing by size before reading.
func readFile(name string, most int64) ([]byte, Problem) {
	bad := func(what, hint string) ([]byte, Problem) {
		return nil, Problem{File: name, What: what, Hint: hint}
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bad("no such file", nearestFile(name))
	case err != nil:
		return bad("cannot be read: "+reason(err), "")
	case info.IsDir():
		return bad("is a folder, not a scenario file", nearestFile(filepath.Join(name, "scenario.yaml")))
	case !info.Mode().IsRegular():
		return bad("is not a plain file", "give the path of a YAML file")
	case info.Size() > most:
		return bad(fmt.Sprintf("is %s bytes long; at most %s (%d MiB) are read", unit.Count(info.Size()), unit.Count(most), most>>20), "is it the right file?")
	}
	f, err := os.Open(name)
	if err != nil {
		return bad("cannot be read: "+reason(err), "")
	}
	defer func() { _ = f.Close() }() // read only: nothing to lose
	// The file may grow between Stat and here.
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return bad("cannot be read: "+reason(err), "")
	}
	if int64(len(data)) > most {
		return bad(fmt.Sprintf("is longer than %s bytes (%d MiB)", unit.Count(most), most>>20), "is it the right file?")
	}
	return data, Problem{}
}

// reason is an I/O error less the path, which the message already names.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// nearestFile is the hint for a file that is not there.
func nearestFile(name string) string {
	dir := filepath.Dir(name)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "there is no folder " + dir + " either"
	}
	var names []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			names = append(names, e.Name())
		}
	}
	if n := spell.Nearest(filepath.Base(name), names); n != "" {
		return fmt.Sprintf("did you mean %s?", filepath.Join(dir, n))
	}
	if len(names) == 0 {
		return "the folder holds no .yaml file"
	}
	return didYouMean(filepath.Base(name), names)
}

// parse turns YAML text into a tree; problems go to c, and nil comes back when
// there is no tree to go on with. Origins get the kind and file of at.
func parse(data []byte, at Origin, c *collector) *node {
	n := parseUncited(data, at, c)
	if n == nil {
		return nil
	}
	return cite(n, "", c)
}

// parseUncited is parse with sources where they were written.
func parseUncited(data []byte, at Origin, c *collector) *node {
	if !utf8.Valid(data) {
		if at.hasLine() {
			at.Line, at.Col = invalidAt(data)
		}
		c.add(at, "", "is not UTF-8 text", "save it as UTF-8")
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		c.add(at, "", err.Error(), "")
		return nil
	}
	var doc yaml.Node
	if err := loader.Load(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			c.add(at, "", "is empty", "start with name, start, horizon, site, fleet, failures, jobs")
			return nil
		}
		syntaxProblem(err, at, c)
		return nil
	}
	var more yaml.Node
	switch err := loader.Load(&more); {
	case err == nil:
		if at.hasLine() {
			at.Line, at.Col = more.Line, more.Column
		}
		c.add(at, "", "holds a second YAML document", "write one scenario per file, without ---")
		return nil
	case !errors.Is(err, io.EOF):
		syntaxProblem(err, at, c)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 {
		c.add(at, "", "is empty", "start with name, start, horizon, site, fleet, failures, jobs")
		return nil
	}
	t := treeBuilder{at: at, c: c, open: map[*yaml.Node]bool{}}
	n := t.build(doc.Content[0], "", 0)
	if t.stopped {
		return nil
	}
	return n
}

// syntaxProblem reports what the YAML parser could not read.
func syntaxProblem(err error, at Origin, c *collector) {
	what := err.Error()
	var le *yaml.LoadError
	if errors.As(err, &le) {
		what = le.Message
		if le.ContextMsg != "" {
			what += " " + le.ContextMsg
		}
		if at.hasLine() {
			at.Line, at.Col = le.Mark.Line, le.Mark.Column
		}
	}
	hint := ""
	switch {
	case strings.Contains(what, "cannot start any token"):
		hint = "indent with spaces, not tabs; quote text that starts with a special character"
	case strings.Contains(what, "mapping values are not allowed"):
		hint = "check the indentation; quote text that holds a colon"
	}
	c.add(at, "", "is not YAML: "+what, hint)
}

// invalidAt finds the first byte that is not UTF-8.
func invalidAt(data []byte) (line, col int) {
	line, col = 1, 1
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		col++
		if r == '\n' {
			line, col = line+1, 1
		}
		i += size
	}
	return line, col
}

// treeBuilder turns YAML nodes into ours.
type treeBuilder struct {
	at    Origin
	c     *collector
	nodes int
	// open holds the anchors being expanded: one that meets itself never ends.
	open    map[*yaml.Node]bool
	stopped bool
}

// build converts one YAML node.
func (t *treeBuilder) build(y *yaml.Node, path string, depth int) *node {
	at := t.at
	if at.hasLine() {
		at.Line, at.Col = y.Line, y.Column
	}
	n := &node{at: at}
	if t.nodes++; t.stopped || t.nodes > maxNodes {
		t.stop(at, path, fmt.Sprintf("expands to more than %d values", maxNodes), "write values out instead of nesting aliases")
		return n
	}
	if depth > maxDepth {
		t.stop(at, path, fmt.Sprintf("is nested deeper than %d levels", maxDepth), "no scenario needs more than 8")
		return n
	}
	switch y.Kind {
	case yaml.AliasNode:
		if y.Alias == nil || t.open[y.Alias] {
			t.stop(at, path, "alias *"+y.Value+" contains itself", "write the value out")
			return n
		}
		t.open[y.Alias] = true
		n = t.build(y.Alias, path, depth+1)
		delete(t.open, y.Alias)
	case yaml.ScalarNode:
		n.kind, n.text, n.tag = scalarNode, y.Value, y.ShortTag()
		if n.tag == "!!null" {
			n.kind, n.text = nullNode, ""
		}
	case yaml.SequenceNode:
		n.kind = sequenceNode
		for i, item := range y.Content {
			n.items = append(n.items, t.build(item, fmt.Sprintf("%s[%d]", path, i), depth+1))
		}
	case yaml.MappingNode:
		n.kind = mappingNode
		t.mapping(y, n, path, depth)
	}
	return n
}

// mapping converts the keys and values of a mapping; a key may stand once.
func (t *treeBuilder) mapping(y *yaml.Node, n *node, path string, depth int) {
	first := map[string]Origin{}
	for i := 0; i+1 < len(y.Content) && !t.stopped; i += 2 {
		k := y.Content[i]
		at := t.at
		if at.hasLine() {
			at.Line, at.Col = k.Line, k.Column
		}
		if k.Kind != yaml.ScalarNode {
			t.c.add(at, path, "has a key that is not plain text", "write key: value")
			continue
		}
		p := under(path, k.Value)
		if k.ShortTag() == "!!merge" {
			t.c.add(at, p, "YAML merge keys are not understood", "write the values out, or use base: or plans:")
			continue
		}
		value := t.build(y.Content[i+1], p, depth+1)
		if earlier, twice := first[k.Value]; twice {
			what := "is written twice"
			if earlier.Line > 0 {
				what = fmt.Sprintf("is written twice, first in line %d", earlier.Line)
			}
			t.c.add(at, p, what, "keep one of the two")
			continue
		}
		first[k.Value] = at
		n.fields = append(n.fields, field{k.Value, at, value})
	}
}

// stop gives up on a file that is not worth going on with.
func (t *treeBuilder) stop(at Origin, path, what, hint string) {
	if !t.stopped {
		t.c.add(at, path, what, hint)
	}
	t.stopped = true
}
