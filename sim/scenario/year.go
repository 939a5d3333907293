package scenario

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// isCSV reports whether a value names a CSV file.
func isCSV(n *node) bool {
	return n.kind == scalarNode && strings.EqualFold(filepath.Ext(n.text), ".csv")
}

// yearFile is a CSV file of the hours of a typical year, as far as it is read: a header,
// then 8,760 rows from 1 January 00:00 UTC on.
type yearFile struct {
	name     string
	c        *collector
	header   []string
	line     int
	row      []string // of the line
	problems int
	scale    scaleCheck
}

// scaleCheck is of a column whose numbers are in grams or per cent: a year of which no hour is
// above 1 is in kilograms or shares.
type scaleCheck struct {
	column  int
	hint    string
	zero    bool // whether a year of zeros is right
	highest float64
}

// maxYearProblems bounds how many are reported; the rest are like them.
const maxYearProblems = 10

const wholeYear = "write the hours of a year without a leap day, from 1 January 00:00 UTC on"

// year reads the CSV file that a value names, beside or below the file it stands in: find
// looks up the columns in its header, hour takes a row. It reports whether all is well.
func (d *decoder) year(n *node, path, what string, find func(*yearFile) bool, hour func(*yearFile)) bool {
	bad := func(what, hint string) bool {
		d.bad(n, path, what, hint)
		return false
	}
	switch {
	case n.at.Kind != FromFile:
		return bad("a "+what+" file can only be named in a scenario file", "its path starts there")
	case filepath.IsAbs(n.text):
		return bad(excerpt(n.text)+" is an absolute path", "write it relative to this file")
	}
	name := filepath.Join(filepath.Dir(n.at.File), filepath.FromSlash(n.text))
	home, err := filepath.EvalSymlinks(filepath.Dir(n.at.File))
	if err != nil {
		return bad("the folder of this file cannot be found: "+reason(err), "")
	}
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return bad(fmt.Sprintf("%s: %s", name, reason(err)), "write the name of a CSV file beside this one")
	}
	if rel, err := filepath.Rel(home, real); err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return bad(excerpt(n.text)+" leaves the folder of the scenario", "move the file beside the scenario or below it")
	}
	if info, err := os.Stat(real); err == nil && !info.Mode().IsRegular() {
		return bad(excerpt(n.text)+" is not a plain file", "write the name of a CSV file")
	}
	data, problem := readFile(name, maxYearBytes)
	if problem.What != "" {
		return bad(name+" "+problem.What, problem.Hint)
	}
	f := yearFile{name: name, c: d.c}
	if f.read(data, find, hour); f.problems > 0 {
		d.failed = append(d.failed, path)
		return false
	}
	return true
}

func (f *yearFile) bad(col int, what, hint string) {
	f.c.add(Origin{Kind: FromFile, File: f.name, Line: max(f.line, 1), Col: col}, "", what, hint)
	f.problems++
}

// lacks reports a header without a column, and how one begins.
func (f *yearFile) lacks(column, example string) bool {
	f.bad(1, "the header has no column "+column, "begin with e.g. "+example)
	return false
}

// read goes through the file.
func (f *yearFile) read(data []byte, find func(*yearFile) bool, hour func(*yearFile)) {
	hours := 0
	for text := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		f.line++
		f.row = strings.Split(strings.TrimRight(text, "\r\n"), ",") // fields are numbers or plain names
		switch {
		case f.header == nil:
			for i := range f.row {
				f.row[i] = strings.TrimSpace(f.row[i])
			}
			if f.header = f.row; !find(f) {
				return
			}
		case strings.TrimSpace(text) == "":
		case f.problems >= maxYearProblems:
			f.bad(1, "reading stops here", fmt.Sprintf("correct the %d problems above first", maxYearProblems))
			return
		case hours == power.HoursPerYear:
			f.bad(1, "the row is one hour more than the "+unit.Count(power.HoursPerYear)+" of a year", wholeYear)
			return
		case len(f.row) != len(f.header):
			f.bad(1, fmt.Sprintf("the row has %d fields, the header %d", len(f.row), len(f.header)), "")
			hours++
		default:
			hour(f)
			hours++
		}
	}
	switch {
	case f.line == 0:
		find(f)
	case hours < power.HoursPerYear:
		f.bad(1, fmt.Sprintf("the file ends after %s hours; a year has %s", unit.Count(hours), unit.Count(power.HoursPerYear)), wholeYear)
	case f.problems == 0:
		f.checkScale()
	}
}

// checkScale reports a column that is in another unit than its name says.
func (f *yearFile) checkScale() {
	s := &f.scale
	if s.hint == "" || s.highest > 1 || s.highest == 0 && s.zero {
		return
	}
	f.line = 1
	f.bad(1, f.header[s.column]+": no hour is above 1", s.hint)
}

// number reads a field of the row.
func (f *yearFile) number(column int, low, high float64, hint string) float64 {
	text := strings.TrimSpace(f.row[column])
	x, err := strconv.ParseFloat(text, 64)
	at := 1 + strings.Index(f.row[column], text)
	for _, before := range f.row[:column] {
		at += len(before) + 1
	}
	switch {
	case err != nil || math.IsNaN(x):
		f.bad(at, fmt.Sprintf("%s: %s is not a number", f.header[column], excerpt(text)), fmt.Sprintf("write one from %g to %g", low, high))
	case x < low || x > high:
		f.bad(at, fmt.Sprintf("%s: %g is not from %g to %g", f.header[column], x, low, high), hint)
	default:
		if column == f.scale.column {
			f.scale.highest = max(f.scale.highest, x)
		}
		return x
	}
	return 0
}
