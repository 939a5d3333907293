package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"clustercap/sim/scenario"
)

// widestValue is how many columns of a terminal a value may take.
const widestValue = 30

// valueTable lists values with where they were written. Sources are long and
// shared: on a terminal they follow as numbered notes, elsewhere they are a column.
func valueTable(values []scenario.Value, format string) string {
	if format != formatText {
		g := &grid{head: []string{"path", "value", "from", "source"}, left: []int{1, 2, 3}}
		for _, v := range values {
			g.add(v.Path, v.Text, origin(v.Origin, v.Origin.File), v.Source)
		}
		return g.render(format)
	}
	g := &grid{head: []string{"path", "value", "from", "source"}, left: []int{1, 2}}
	var sources []string
	for _, v := range values {
		note := ""
		if v.Source != "" {
			i := slices.Index(sources, v.Source)
			if i < 0 {
				i = len(sources)
				sources = append(sources, v.Source)
			}
			note = fmt.Sprintf("[%d]", i+1)
		}
		path, from := v.Path, origin(v.Origin, filepath.Base(v.Origin.File))
		for line := range strings.SplitSeq(wrappedTo(v.Text, widestValue), "\n") {
			g.add(path, line, from, note)
			path, from, note = "", "", ""
		}
	}
	var b strings.Builder
	b.WriteString(g.render(format))
	for i, s := range sources {
		if i == 0 {
			b.WriteString("\nSources:\n")
		}
		b.WriteString(wrapped(fmt.Sprintf("[%d] %s", i+1, s), "    "))
	}
	return b.String()
}

// origin is where a value was written, as an editor can jump to it.
func origin(o scenario.Origin, file string) string {
	if o.Kind == scenario.FromFlag {
		name, _, _ := strings.Cut(o.File, " ")
		return name
	}
	if o.Line > 0 && o.Kind != scenario.FromSet {
		return fmt.Sprintf("%s:%d:%d", file, o.Line, o.Col)
	}
	return string(o.Kind)
}
