package scenario

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"clustercap/sim/power"
)

// weatherCSV is a weather file of 8,760 hours, each made by a row.
func weatherCSV(header, newline string, row func(hour int) string) string {
	var b strings.Builder
	b.WriteString(header + newline)
	for h := range power.HoursPerYear {
		b.WriteString(row(h) + newline)
	}
	return b.String()
}

// readWeather reads a weather file from memory.
func readWeather(data []byte, c *collector) *power.Climate {
	var w weatherFile
	f := yearFile{name: "weather.csv", c: c}
	f.read(data, w.find, w.hour)
	return &w.Climate
}

// The columns of a weather file may be in any order, beside others, with either line end.
func TestReadWeather(t *testing.T) {
	dry := func(h int) float64 { return 15 + 20*math.Sin(float64(h)/700) }
	wet := func(h int) float64 { return dry(h) - 3 }
	for name, text := range map[string]string{
		"plain": weatherCSV("dry_bulb_c,wet_bulb_c", "\n", func(h int) string { return fmt.Sprint(dry(h), ",", wet(h)) }),
		"others, spaces, byte order mark, blank lines, Windows": weatherCSV("\ufeffwind, wet_bulb_c ,station,dry_bulb_c", "\r\n", func(h int) string {
			return fmt.Sprintf("3, %v ,Dulles, %v%s", wet(h), dry(h), strings.Repeat("\r\n", h%2))
		}),
		"wet bulb goes before humidity": weatherCSV("relative_humidity_percent,dry_bulb_c,wet_bulb_c", "\n", func(h int) string { return fmt.Sprint("50,", dry(h), ",", wet(h)) }),
	} {
		var c collector
		got := readWeather([]byte(text), &c)
		if c.reports > 0 {
			t.Errorf("%s: %v", name, &c.problems)
			continue
		}
		year := got.Year()
		for h := range power.HoursPerYear {
			if year.DryBulb[h] != dry(h) || year.WetBulb[h] != wet(h) {
				t.Fatalf("%s: hour %d is %v C and %v C, written %v and %v", name, h, year.DryBulb[h], year.WetBulb[h], dry(h), wet(h))
			}
		}
	}
	// Humidity gives the wet bulb by the formula that climates' normals use.
	var c collector
	year := readWeather([]byte(weatherCSV("dry_bulb_c,relative_humidity_percent", "\n", func(int) string { return "30,50" })), &c).Year()
	if want := power.WetBulb(30, 50); c.reports > 0 || year.WetBulb[0] != want {
		t.Errorf("wet bulb %v C, want %v; %v", year.WetBulb[0], want, &c.problems)
	}
	// A wet bulb that rounding put above the dry bulb is the dry bulb.
	year = readWeather([]byte(weatherCSV("dry_bulb_c,wet_bulb_c", "\n", func(int) string { return "20,20.4" })), &c).Year()
	if c.reports > 0 || year.WetBulb[0] != 20 {
		t.Errorf("wet bulb %v C, want 20; %v", year.WetBulb[0], &c.problems)
	}
}

// Of a file without end the reader reports no more than a screen.
func TestWeatherProblemsAreBounded(t *testing.T) {
	var c collector
	readWeather([]byte(weatherCSV("dry_bulb_c,wet_bulb_c", "\n", func(int) string { return "x,y" })), &c)
	if n := len(c.problems.List); n < maxYearProblems || n > maxYearProblems+2 { // a row has two, and one says that reading stops
		t.Errorf("%d problems of a file of bad rows", n)
	}
}

// Whatever the bytes, a weather file is a year of weather or a list of problems. So that
// inputs are short, the last row stands for the rest of the year.
func FuzzWeather(f *testing.F) {
	for _, seed := range [][2]string{
		{"dry_bulb_c,wet_bulb_c\n", "2,1\n"},
		{"\ufeffdry_bulb_c,relative_humidity_percent\n30,50\n", "-40,5\n"},
		{"wet_bulb_c,x,dry_bulb_c\r\n1,,1\r\n", "\r\n"},
		{"dry_bulb_c,wet_bulb_c\n1e400,-0x1p-2\n", "NaN,+Inf\n"},
		{"dry_bulb_c,dry_bulb_c,wet_bulb_c", ",,"},
		{"", ""},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, first, row string) {
		rows := strings.Count(first, "\n")
		data := []byte(first + strings.Repeat(row, max(power.HoursPerYear+1-rows, 0)))
		var c collector
		climate := readWeather(data, &c)
		if c.reports > 0 {
			return
		}
		if errs := climate.Validate(); len(errs) > 0 {
			t.Fatal(errs)
		}
		year := climate.Year()
		for h := range power.HoursPerYear {
			if dry, wet := year.DryBulb[h], year.WetBulb[h]; !(dry >= lowestAir && dry <= highestAir && wet <= dry && wet >= 2*lowestAir) { // the wet-bulb formula leaves its range in the cold
				t.Fatalf("hour %d: %v C and %v C", h, dry, wet)
			}
		}
	})
}
