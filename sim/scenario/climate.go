package scenario

import (
	"fmt"
	"slices"

	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// ClimateChoice is a climate of the catalog by name, an entry with changes, one written
// out, or a CSV file of the 8,760 hours of a typical year.
type ClimateChoice struct{ Reference[power.Climate] }

func (ClimateChoice) example() string { return "shaoguan, or weather.csv" }

func (v *ClimateChoice) decodeNode(d *decoder, n *node, path string, r rule) {
	if isCSV(n) {
		v.Name = n.text
		var weather weatherFile
		if d.year(n, path, "weather", weather.find, weather.hour) {
			v.Value = weather.Climate
			v.Value.Name = n.text
			d.record(n, path, n.text)
		}
		return
	}
	v.Reference.decodeNode(d, n, path, r)
}

// weatherColumns of a weather file; one of the last two says how moist the air is.
const (
	dryColumn      = "dry_bulb_c"
	wetColumn      = "wet_bulb_c"
	humidityColumn = "relative_humidity_percent"
)

// weatherFile is a weather file as far as it is read.
type weatherFile struct {
	power.Climate
	// columns by place; -1 is none.
	dry, wet, humidity int
}

// find finds the columns.
func (w *weatherFile) find(f *yearFile) bool {
	w.dry, w.wet, w.humidity = slices.Index(f.header, dryColumn), slices.Index(f.header, wetColumn), slices.Index(f.header, humidityColumn)
	switch {
	case w.dry < 0:
		return f.lacks(dryColumn, dryColumn+","+humidityColumn)
	case w.wet < 0 && w.humidity < 0:
		return f.lacks(wetColumn+" or "+humidityColumn, dryColumn+","+humidityColumn)
	case w.wet < 0:
		f.scale = scaleCheck{column: w.humidity, hint: "write per cent, not shares of 1"}
	}
	return true
}

// hour takes the dry and the wet bulb of an hour.
func (w *weatherFile) hour(f *yearFile) {
	dry, wet := w.air(f)
	w.DryBulb = append(w.DryBulb, unit.Temperature(dry))
	w.WetBulb = append(w.WetBulb, unit.Temperature(wet))
}

func (w *weatherFile) air(f *yearFile) (dry, wet float64) {
	const celsius = "write degrees Celsius"
	found := f.problems
	dry = f.number(w.dry, lowestAir, highestAir, celsius)
	if w.wet < 0 {
		humidity := f.number(w.humidity, 0, 100, "write per cent")
		return dry, power.WetBulb(dry, humidity)
	}
	wet = f.number(w.wet, lowestAir, highestAir, celsius)
	const rounding = 0.5 // K, of both columns to whole degrees
	if f.problems == found && wet > dry+rounding {
		f.bad(1, fmt.Sprintf("the wet bulb of %g C is above the dry bulb of %g C", wet, dry), "are the columns swapped?")
	}
	return dry, min(wet, dry)
}

// The bounds of an air temperature in degrees Celsius: Earth's records are -89 and 57.
const lowestAir, highestAir = -90, 60

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
