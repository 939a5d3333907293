package scenario

import (
	"bufio"
	"bytes"
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

// maxWeatherProblems bounds how many rows are reported; the rest are like them.
const maxWeatherProblems = 10

// readWeather reads the hours of a typical year: a header, then 8,760 rows from 1
// January 00:00 UTC on.
func readWeather(data []byte, name string, c *collector) *power.Climate {
	bad := func(line, col int, what, hint string) {
		c.add(Origin{Kind: FromFile, File: name, Line: line, Col: col}, "", what, hint)
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Scan()
	header := splitRow(strings.TrimPrefix(lines.Text(), "\ufeff"))
	dry, wet, humidity := slices.Index(header, dryColumn), slices.Index(header, wetColumn), slices.Index(header, humidityColumn)
	if dry < 0 || wet < 0 && humidity < 0 {
		bad(1, 1, "the header lacks "+dryColumn+", or both of "+wetColumn+" and "+humidityColumn,
			"begin with e.g. "+dryColumn+","+humidityColumn)
		return nil
	}
	var climate power.Climate
	problems := 0
	for line := 2; lines.Scan() && problems < maxWeatherProblems; line++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		row := splitRow(lines.Text())
		if len(row) != len(header) {
			bad(line, 1, fmt.Sprintf("has %d fields; the header has %d", len(row), len(header)), "")
			problems++
			continue
		}
		field := func(column int, low, high float64) float64 {
			x, err := strconv.ParseFloat(row[column], 64)
			if err != nil || math.IsNaN(x) || x < low || x > high {
				at := 1
				for _, before := range row[:column] {
					at += len(before) + 1
				}
				bad(line, at, fmt.Sprintf("%s %s is not a number from %g to %g", header[column], excerpt(row[column]), low, high), "")
				problems++
			}
			return x
		}
		t := field(dry, -80, 70)
		var w float64
		if wet >= 0 {
			if w = field(wet, -80, 70); w > t+0.5 { // half a degree of rounding
				bad(line, 1, fmt.Sprintf("the wet bulb of %g C is above the dry bulb of %g C", w, t), "are the columns swapped?")
				problems++
			}
			w = min(w, t)
		} else {
			w = power.WetBulb(t, field(humidity, 0, 100))
		}
		climate.DryBulb = append(climate.DryBulb, unit.Temperature(t))
		climate.WetBulb = append(climate.WetBulb, unit.Temperature(w))
	}
	if n := len(climate.DryBulb); problems == 0 && n != power.HoursPerYear {
		bad(1, 1, fmt.Sprintf("has %d hours", n), fmt.Sprintf("write the %d of a year without a leap day, from 1 January 00:00 UTC on", power.HoursPerYear))
	}
	return &climate
}

// splitRow splits a row whose fields are numbers or plain names.
func splitRow(line string) []string {
	fields := strings.Split(strings.TrimRight(line, "\r"), ",")
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields
}

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
