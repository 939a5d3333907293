package scenario

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// ClimateChoice is a climate of the catalog by name, an entry with changes, one written
// out, or a CSV file of the 8,760 hours of a typical year.
type ClimateChoice struct{ Reference[power.Climate] }

func (ClimateChoice) example() string { return "shaoguan, or weather.csv" }

func (v *ClimateChoice) decodeNode(d *decoder, n *node, path string, r rule) {
	if n.kind == scalarNode && strings.EqualFold(filepath.Ext(n.text), ".csv") {
		v.Name = n.text
		if hours := d.weather(n, path); hours != nil {
			v.Value = *hours
			v.Value.Name = n.text
			d.record(n, path, n.text)
		}
		return
	}
	v.Reference.decodeNode(d, n, path, r)
}

// weather reads the CSV file that a value names, beside or below the file it stands in.
func (d *decoder) weather(n *node, path string) *power.Climate {
	bad := func(what, hint string) *power.Climate {
		d.bad(n, path, what, hint)
		return nil
	}
	switch {
	case n.at.Kind != FromFile:
		return bad("a weather file can only be named in a scenario file", "its path starts there")
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
	data, problem := readFile(name)
	if problem.What != "" {
		return bad(name+" "+problem.What, problem.Hint)
	}
	found := d.c.reports
	climate := readWeather(data, name, d.c)
	if d.c.reports > found {
		d.failed = append(d.failed, path)
		return nil
	}
	return climate
}

// weatherColumns of a weather file; one of the last two says how moist the air is.
const (
	dryColumn      = "dry_bulb_c"
	wetColumn      = "wet_bulb_c"
	humidityColumn = "relative_humidity_percent"
)

// maxWeatherProblems bounds how many are reported; the rest are like them.
const maxWeatherProblems = 10

// weatherFile is a weather file as far as it is read.
type weatherFile struct {
	name     string
	c        *collector
	header   []string
	problems int
	// columns by place; -1 is none.
	dry, wet, humidity int
}

func (f *weatherFile) bad(line, col int, what, hint string) {
	f.c.add(Origin{Kind: FromFile, File: f.name, Line: line, Col: col}, "", what, hint)
	f.problems++
}

// readWeather reads the hours of a typical year: a header, then 8,760 rows from 1
// January 00:00 UTC on.
func readWeather(data []byte, name string, c *collector) *power.Climate {
	f := weatherFile{name: name, c: c}
	var climate power.Climate
	line := 0
	for text := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		line++
		switch {
		case line == 1:
			f.readHeader(text)
		case strings.TrimSpace(text) == "":
		case f.problems >= maxWeatherProblems:
			f.bad(line, 1, "reading stops here", fmt.Sprintf("correct the %d problems above first", maxWeatherProblems))
			return &climate
		case len(climate.DryBulb) == power.HoursPerYear:
			f.bad(line, 1, fmt.Sprintf("the row is one hour more than the %d of a year", power.HoursPerYear), wholeYear)
			return &climate
		default:
			dry, wet := f.readRow(line, splitRow(text))
			climate.DryBulb = append(climate.DryBulb, unit.Temperature(dry))
			climate.WetBulb = append(climate.WetBulb, unit.Temperature(wet))
		}
		if f.header == nil {
			return &climate
		}
	}
	switch n := len(climate.DryBulb); {
	case line == 0:
		f.readHeader("")
	case n < power.HoursPerYear:
		f.bad(line, 1, fmt.Sprintf("the file ends after %d hours; a year has %d", n, power.HoursPerYear), wholeYear)
	}
	return &climate
}

const wholeYear = "write the hours of a year without a leap day, from 1 January 00:00 UTC on"

// readHeader finds the columns; without them it leaves no header.
func (f *weatherFile) readHeader(text string) {
	header := splitRow(text)
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	f.dry, f.wet, f.humidity = slices.Index(header, dryColumn), slices.Index(header, wetColumn), slices.Index(header, humidityColumn)
	if f.dry < 0 || f.wet < 0 && f.humidity < 0 {
		lacks := dryColumn
		if f.dry >= 0 {
			lacks = wetColumn + " or " + humidityColumn
		}
		f.bad(1, 1, "the header has no column "+lacks, "begin with e.g. "+dryColumn+","+humidityColumn)
		return
	}
	f.header = header
}

// readRow is the dry and the wet bulb of an hour in degrees Celsius.
func (f *weatherFile) readRow(line int, row []string) (dry, wet float64) {
	if len(row) != len(f.header) {
		f.bad(line, 1, fmt.Sprintf("the row has %d fields, the header %d", len(row), len(f.header)), "")
		return 0, 0
	}
	found := f.problems
	dry = f.number(line, row, f.dry, lowestAir, highestAir)
	if f.wet < 0 {
		humidity := f.number(line, row, f.humidity, 0, 100)
		return dry, power.WetBulb(dry, humidity)
	}
	wet = f.number(line, row, f.wet, lowestAir, highestAir)
	const rounding = 0.5 // K, of both columns to whole degrees
	if f.problems == found && wet > dry+rounding {
		f.bad(line, 1, fmt.Sprintf("the wet bulb of %g C is above the dry bulb of %g C", wet, dry), "are the columns swapped?")
	}
	return dry, min(wet, dry)
}

// The bounds of an air temperature in degrees Celsius: Earth's records are -89 and 57.
const lowestAir, highestAir = -90, 60

// number reads a field of a row.
func (f *weatherFile) number(line int, row []string, column int, low, high float64) float64 {
	text := strings.TrimSpace(row[column])
	x, err := strconv.ParseFloat(text, 64)
	at := 1 + strings.Index(row[column], text)
	for _, before := range row[:column] {
		at += len(before) + 1
	}
	switch {
	case err != nil || math.IsNaN(x):
		f.bad(line, at, fmt.Sprintf("%s: %s is not a number", f.header[column], excerpt(text)), fmt.Sprintf("write one from %g to %g", low, high))
	case x < low || x > high:
		hint := "write degrees Celsius"
		if column == f.humidity {
			hint = "write per cent"
		}
		f.bad(line, at, fmt.Sprintf("%s: %g is not from %g to %g", f.header[column], x, low, high), hint)
	default:
		return x
	}
	return 0
}

// splitRow splits a row whose fields are numbers or plain names.
func splitRow(line string) []string { return strings.Split(strings.TrimRight(line, "\r\n"), ",") }

// checkOverhead reports a site of which nothing says what its plant adds to the IT power.
func (d *decoder) checkOverhead(s *Site, path string) {
	switch {
	case s.PUE.High > 0:
	case s.Cooling == nil && s.Climate == nil:
		d.badAt(under(path, "pue"), "is missing", "write cooling and climate, from which it follows, or e.g. pue: 1.2")
	case s.Cooling == nil:
		d.badAt(under(path, "cooling"), "is missing beside climate", "write "+Reference[power.Cooling]{}.example()+", or pue in place of both")
	case s.Climate == nil:
		d.badAt(under(path, "climate"), "is missing beside cooling", "write "+Reference[power.Climate]{}.example()+", a CSV file, or pue in place of both")
	}
}
