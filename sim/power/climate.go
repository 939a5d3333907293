package power

import (
	"fmt"
	"math"

	"clustercap/sim/unit"
)

// HoursPerYear of a typical year, which has no leap day.
const HoursPerYear = 8760

// Climate is the weather of a typical year: monthly normals, from which hours are made,
// or the hours themselves.
type Climate struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// UTCOffset is local time less UTC in hours.
	UTCOffset float64 `json:"utc_offset,omitempty"`
	// Months are the normals of January to December.
	Months []Month `json:"months,omitempty"`
	// DryBulb and WetBulb are the 8,760 hours from 1 January 00:00 UTC on, where they are
	// known; they take the place of months.
	DryBulb []unit.Temperature `json:"dry_bulb,omitempty"`
	WetBulb []unit.Temperature `json:"wet_bulb,omitempty"`
}

// Month is one month's normals.
type Month struct {
	Mean unit.Temperature `json:"mean"`
	// Swing is the mean daily highest less the mean daily lowest.
	Swing    unit.TemperatureDifference `json:"swing"`
	DewPoint unit.Temperature           `json:"dew_point"`
	// Spread is the standard deviation of the daily mean.
	Spread unit.TemperatureDifference `json:"spread"`
}

// Any reports whether there is weather.
func (c *Climate) Any() bool { return len(c.Months) > 0 || len(c.DryBulb) > 0 }

// Validate lists what makes the climate unusable.
func (c *Climate) Validate() []error {
	var errs []error
	if len(c.DryBulb) > 0 || len(c.WetBulb) > 0 {
		for what, n := range map[string]int{"dry_bulb": len(c.DryBulb), "wet_bulb": len(c.WetBulb)} {
			if n != HoursPerYear {
				errs = append(errs, fmt.Errorf("%s: %d hours; a typical year has %d", what, n, HoursPerYear))
			}
		}
		return errs
	}
	if len(c.Months) != 12 {
		return append(errs, fmt.Errorf("months: %d; a year has 12", len(c.Months)))
	}
	for i, m := range c.Months {
		if m.DewPoint > m.Mean {
			errs = append(errs, fmt.Errorf("months[%d].dew_point: %g C is above the mean of %g C", i, m.DewPoint, m.Mean))
		}
	}
	return errs
}

// Weather is the outside air in one hour, in degrees Celsius.
type Weather struct{ DryBulb, WetBulb float64 }

// Year is the outside air hour by hour, in degrees Celsius, from 1 January 00:00 UTC on.
type Year struct{ DryBulb, WetBulb []float64 }

// Any reports whether there is weather.
func (y *Year) Any() bool { return len(y.DryBulb) > 0 }

func (y *Year) at(hour int) Weather { return Weather{y.DryBulb[hour], y.WetBulb[hour]} }

// Year is the typical year, 8,760 hours.
//
// From normals a day is made of the month's mean, straight between the middles of
// months, a deviation that lasts for days (first-order autoregressive with the month's
// spread), and a cosine with its top at 15:00. The dew point moves with the deviation
// and stays for the day. The same normals always make the same year.
func (c *Climate) Year() Year {
	y := Year{make([]float64, HoursPerYear), make([]float64, HoursPerYear)}
	if len(c.DryBulb) == HoursPerYear {
		for h := range HoursPerYear {
			y.DryBulb[h], y.WetBulb[h] = float64(c.DryBulb[h]), float64(c.WetBulb[h])
		}
		return y
	}
	deviation := deviations()
	for h := range HoursPerYear {
		local := math.Mod(float64(h)+c.UTCOffset+HoursPerYear, HoursPerYear)
		m := c.normals(local / 24)
		apart := deviation[int(local/24)] * float64(m.Spread)
		dry := float64(m.Mean) + apart + float64(m.Swing)/2*math.Cos(2*math.Pi*(math.Mod(local, 24)-warmestHour)/24)
		dew := min(float64(m.DewPoint)+dewFollows*apart, dry)
		y.DryBulb[h], y.WetBulb[h] = dry, WetBulb(dry, Humidity(dry, dew))
	}
	return y
}

const (
	// warmestHour of the day, local time: two to three hours after noon.
	warmestHour = 15
	// persistence of a day's deviation into the next: daily means correlate by 0.6 to
	// 0.8 from day to day in middle latitudes [memory].
	persistence = 0.7
	// dewFollows is the change of the dew point per change of the daily mean: warm days
	// bring moist air, hot ones less than saturation would hold [prior, 0.6 to 1].
	dewFollows = 0.8
)

// normals on a day of the year, straight between the middles of months.
func (c *Climate) normals(day float64) Month {
	at := day/365*12 - 0.5
	low := math.Floor(at)
	x := at - low
	a, b := &c.Months[(int(low)+12)%12], &c.Months[(int(low)+13)%12]
	mix := func(p, q float64) float64 { return p + x*(q-p) }
	return Month{
		Mean:     unit.Temperature(mix(float64(a.Mean), float64(b.Mean))),
		Swing:    unit.TemperatureDifference(mix(float64(a.Swing), float64(b.Swing))),
		DewPoint: unit.Temperature(mix(float64(a.DewPoint), float64(b.DewPoint))),
		Spread:   unit.TemperatureDifference(mix(float64(a.Spread), float64(b.Spread))),
	}
}

// deviations of the days of the typical year, with mean 0 and variance 1.
func deviations() [365]float64 {
	var days [365]float64
	x := 0.0
	sum, squares := 0.0, 0.0
	for d := range days {
		x = persistence*x + math.Sqrt(1-persistence*persistence)*normal(uint64(d))
		days[d] = x
		sum += x
		squares += x * x
	}
	mean := sum / 365
	sd := math.Sqrt(squares/365 - mean*mean)
	for d := range days {
		days[d] = (days[d] - mean) / sd
	}
	return days
}

// normal is the n-th of a fixed series of standard normal numbers (Box and Muller over
// splitmix64), so that a typical year is part of the climate and not of the seed.
func normal(n uint64) float64 {
	u := func(n uint64) float64 {
		z := (n + 1) * 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return (float64((z^z>>31)>>11) + 0.5) / (1 << 53)
	}
	return math.Sqrt(-2*math.Log(u(2*n))) * math.Cos(2*math.Pi*u(2*n+1))
}

// Humidity is the relative humidity in per cent at a dry bulb and dew point, by the
// Magnus formula over water (Alduchov and Eskridge 1996).
func Humidity(dry, dew float64) float64 {
	pressure := func(t float64) float64 { return math.Exp(17.625 * t / (243.04 + t)) }
	return 100 * pressure(dew) / pressure(dry)
}

// WetBulb is the wet-bulb temperature in degrees Celsius at a dry bulb in degrees and a
// relative humidity in per cent: Stull (2011), eq. 1, at sea level, within -1 to 0.65 K
// for 5 to 99 % and -20 to 50 C. It never exceeds the dry bulb.
func WetBulb(dry, humidity float64) float64 {
	h := min(max(humidity, 5), 99)
	wet := dry*math.Atan(0.151977*math.Sqrt(h+8.313659)) + math.Atan(dry+h) - math.Atan(h-1.676331) +
		0.00391838*math.Pow(h, 1.5)*math.Atan(0.023101*h) - 4.686035
	return min(wet, dry)
}
