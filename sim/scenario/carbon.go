package scenario

import (
	"fmt"
	"reflect"
	"slices"

	"clustercap/sim/cost"
	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// GridCarbon is an intensity, or a mapping with more.
type GridCarbon struct{ carbonFields }

// carbonFields is the mapping form of the site's carbon.
type carbonFields struct {
	// Intensity of the grid's mix.
	Intensity CarbonCourse `json:"intensity"`
	// Periods in which it differs, and with it residual; where several hold, the last does.
	Periods []CarbonPeriod `json:"periods,omitempty"`
	// Green is the share of the energy that contracts cover with sources that emit
	// nothing: it lowers the market-based carbon, not the location-based one.
	Green unit.Range[unit.Share] `json:"green" default:"0 %" source:"no contracts unless the site says otherwise"`
	// Residual is the intensity of the grid's mix less what is sold by contract, for the
	// rest of the market-based carbon; intensity when left out.
	Residual *CarbonCourse `json:"residual,omitempty"`
}

// CarbonPeriod is hours of the day, in some months, with a carbon intensity of their own.
type CarbonPeriod struct {
	// Name of the period, for readers.
	Name string `json:"name,omitempty"`
	// Months of the year: 7-9, or a list; all when left out.
	Months Months `json:"months,omitempty"`
	// Hours of the day: 10-16 is from 10:00 to 16:00; or a list; all when left out.
	Hours Hours `json:"hours,omitempty"`
	// Factor on the intensity: 0 to 100.
	Factor unit.Range[unit.Factor] `json:"factor" min:"0" max:"100" example:"0.8"`
}

func (GridCarbon) example() string { return CarbonCourse{}.example() }

func (v *GridCarbon) decodeNode(d *decoder, n *node, path string, _ rule) {
	if n.kind != mappingNode {
		d.value(n, path, reflect.ValueOf(&v.Intensity).Elem(), rule{})
		return
	}
	d.structure(n, path, reflect.ValueOf(&v.carbonFields).Elem())
}

func (v GridCarbon) encodeNode() any {
	if len(v.Periods) == 0 && v.Green.High == 0 && v.Residual == nil {
		return v.Intensity
	}
	return v.carbonFields
}

// CarbonCourse is a carbon intensity: the same at any hour, or that of each of the 8,760
// hours of a typical year from 1 January 00:00 UTC on, in a CSV file or a list.
type CarbonCourse struct {
	Constant unit.Range[unit.CarbonIntensity]
	Hours    []unit.CarbonIntensity
}

// carbonColumn of a file of hours, in grams of CO2 equivalent per kWh, as such files are
// published.
const carbonColumn = "gco2_per_kwh"

// highestCarbon bounds an hour: lignite alone emits 1,100 to 1,200 g/kWh, with losses and
// upstream 1,500 [memory].
const highestCarbon = 3000

func (CarbonCourse) example() string { return unit.Describe[unit.CarbonIntensity]().Example }

func (v *CarbonCourse) decodeNode(d *decoder, n *node, path string, _ rule) {
	switch {
	case isCSV(n):
		column := -1
		find := func(f *yearFile) bool {
			column = slices.Index(f.header, carbonColumn)
			f.scale = scaleCheck{column: column, hint: "write grams of CO2 per kWh, not kilograms", zero: true}
			return column >= 0 || f.lacks(carbonColumn, carbonColumn)
		}
		hour := func(f *yearFile) {
			grams := f.number(column, 0, highestCarbon, "write grams of CO2 per kWh")
			v.Hours = append(v.Hours, unit.CarbonIntensity(grams/1000/float64(unit.KilowattHour)))
		}
		if d.year(n, path, "carbon", find, hour) {
			d.record(n, path, n.text)
		}
	case n.kind == sequenceNode:
		recorded := len(d.values)
		d.list(n, path, reflect.ValueOf(&v.Hours).Elem(), rule{})
		d.values = d.values[:recorded]
		if len(v.Hours) != power.HoursPerYear {
			d.bad(n, path, "has "+unit.Count(len(v.Hours))+" hours", wholeYear+", or one intensity")
			return
		}
		d.record(n, path, unit.Count(len(v.Hours))+" hours")
	default:
		d.value(n, path, reflect.ValueOf(&v.Constant).Elem(), rule{})
	}
}

func (v CarbonCourse) encodeNode() any {
	if len(v.Hours) > 0 {
		return v.Hours
	}
	return v.Constant
}

// carbon resolves the carbon of the site's energy.
func (r *resolver) carbon() cost.Carbon {
	s := &r.file.Site.Value.Carbon
	out := cost.Carbon{Intensity: cost.Course(s.Intensity), Green: s.Green}
	r.hours(s.Intensity.Hours, "site.carbon.intensity")
	for i := range s.Periods {
		p := &s.Periods[i]
		period := newPeriod(p.Name, p.Months, p.Hours)
		period.Factor = p.Factor
		out.Periods = append(out.Periods, period)
	}
	if s.Residual != nil {
		out.Residual, out.ResidualGiven = cost.Course(*s.Residual), true
		r.hours(s.Residual.Hours, "site.carbon.residual")
	}
	return out
}

// hours says what the hours of an intensity come to.
func (r *resolver) hours(hours []unit.CarbonIntensity, path string) {
	if len(hours) == 0 {
		return
	}
	sum := 0.0
	for _, x := range hours {
		sum += float64(x)
	}
	mean := unit.CarbonIntensity(sum / float64(len(hours)))
	r.computed(path+".year", fmt.Sprintf("%s in the mean, %s to %s", mean, slices.Min(hours), slices.Max(hours)), "the hours of the typical year")
}

// carbonAsWritten is the carbon that resolves to a plan's.
func carbonAsWritten(c *cost.Carbon) GridCarbon {
	v := GridCarbon{carbonFields{Intensity: CarbonCourse(c.Intensity), Green: c.Green}}
	if c.ResidualGiven {
		residual := CarbonCourse(c.Residual)
		v.Residual = &residual
	}
	for i := range c.Periods {
		p := &c.Periods[i]
		v.Periods = append(v.Periods, CarbonPeriod{Name: p.Name, Months: monthsOf(p), Hours: hoursOf(p), Factor: p.Factor})
	}
	return v
}
