package power

import (
	"math"
	"testing"
)

// A solar plant's day: dark at night, symmetric about noon, and with the clear-sky
// energy of a horizontal plane that theory gives.
func TestSolarFollowsTheSun(t *testing.T) {
	for _, c := range []struct {
		name     string
		latitude float64
		day      int
		// want is the day's mean of max(sin(height), 0), from the closed form
		// (h sin φ sin δ + cos φ cos δ sin h)/π with cos h = -tan φ tan δ.
		light float64 // hours from sunrise to sunset
	}{
		{"equator at an equinox", 0, 80, 12},
		{"Shaoguan at the summer solstice", 24.8, 171, 13.55},
		{"Shaoguan at the winter solstice", 24.8, 354, 10.45},
		{"polar night", 75, 354, 0},
	} {
		g := Generator{Runs: Daylight, Capacity: 100, Yield: 1, Latitude: c.latitude, Noon: 12}
		sum := 0.0
		for h := range 24 {
			up, down := g.Output(c.day*24+h), g.Output(c.day*24+23-h)
			if math.Abs(up-down) > 1e-9 { // rounding
				t.Errorf("%s: %g at hour %d, %g at hour %d", c.name, up, h, down, 23-h)
			}
			sum += up
		}
		phi, dec := c.latitude*math.Pi/180, declination(float64(c.day))
		h := math.Acos(max(-1, min(1, -math.Tan(phi)*math.Tan(dec))))
		want := 100 * 24 * (h*math.Sin(phi)*math.Sin(dec) + math.Cos(phi)*math.Cos(dec)*math.Sin(h)) / math.Pi
		if math.Abs(sum-want) > 0.02*want+1e-9 { // hours sampled at their middle: the curve is cut at sunrise
			t.Errorf("%s: %g over the day, theory %g", c.name, sum, want)
		}
		if light := 2 * h * 12 / math.Pi; math.Abs(light-c.light) > 0.1 { // Cooper's formula is good to 1 degree
			t.Errorf("%s: %.2f h of daylight, want %.2f", c.name, light, c.light)
		}
	}
}
