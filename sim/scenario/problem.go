package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"clustercap/sim/spell"
)

// Problem is one thing wrong with a scenario, in words for its author.
type Problem struct {
	// File as the user named it, "catalog/chips.yaml" for the built-in catalog,
	// or the whole "--set path=value" flag.
	File      string
	Line, Col int // 1-based; 0 where there is no position
	// Path of keys to the value, e.g. fleet.deliveries[1].every.
	Path string
	What string
	// Hint says what would be right.
	Hint string
}

// String is "file:line:col: path: what is wrong; what would be right".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
	}
	if p.Path != "" {
		b.WriteString(": " + p.Path)
	}
	b.WriteString(": " + p.What)
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Problems is everything wrong with a scenario; it is the error of Load and Plan.
type Problems struct {
	List []Problem
	// More counts problems beyond the first maxProblems.
	More int
}

// maxProblems is the longest list worth reading; a file that is not a scenario at
// all would otherwise print thousands of lines.
const maxProblems = 100

// Error lists the problems one per line.
func (p *Problems) Error() string {
	lines := make([]string, 0, len(p.List)+1)
	for _, one := range p.List {
		lines = append(lines, one.String())
	}
	if p.More > 0 {
		lines = append(lines, fmt.Sprintf("and %d more problems", p.More))
	}
	return strings.Join(lines, "\n")
}

// collector gathers problems, each once: plans share most of their values, and a
// bad one would be found again in every plan.
type collector struct {
	problems Problems
	seen     map[Problem]bool
	// reports counts calls of add, repetitions too.
	reports int
	plan    string // the overlay being resolved, "" for the scenario's own
}

func (c *collector) add(at Origin, path, what, hint string) {
	c.reports++
	file := at.File
	if at.Kind == FromCatalog {
		file = "catalog/" + file
	}
	p := Problem{File: printable(file), Line: at.Line, Col: at.Col, Path: printable(path), What: printable(what), Hint: printable(hint)}
	key := p
	if key.Line > 0 {
		key.Path = ""
	}
	if c.seen[key] {
		return
	}
	if c.seen == nil {
		c.seen = map[Problem]bool{}
	}
	if len(c.problems.List) == maxProblems {
		c.problems.More++
		return
	}
	c.seen[key] = true
	if c.plan != "" && !strings.HasPrefix(p.Path, "plans.") {
		p.What = "in plan " + c.plan + " " + p.What
	}
	c.problems.List = append(c.problems.List, p)
}

// err is nil when nothing was found, else the problems in the order of the files.
func (c *collector) err() error {
	if len(c.problems.List) == 0 {
		return nil
	}
	order := map[string]int{}
	for i, p := range c.problems.List {
		if _, ok := order[p.File]; !ok {
			order[p.File] = i
		}
	}
	slices.SortStableFunc(c.problems.List, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return &c.problems
}

// printable keeps a problem on one line and a terminal in its senses, whatever
// bytes a file holds.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\r' {
			return ' '
		}
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '?'
		}
		return r
	}, s)
}

// excerpt is s quoted, cut to what fits a message.
func excerpt(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "..."
	}
	return `"` + s + `"`
}

// didYouMean is the hint for a name that is none of the candidates.
func didYouMean(word string, candidates []string) string {
	if n := spell.Nearest(word, candidates); n != "" {
		return fmt.Sprintf("did you mean %q?", n)
	}
	const most = 16
	if len(candidates) == 0 {
		return ""
	}
	if len(candidates) > most {
		return fmt.Sprintf("one of %s, ... (%d in all)", strings.Join(candidates[:most], ", "), len(candidates))
	}
	return "one of " + strings.Join(candidates, ", ")
}
