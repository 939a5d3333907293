package power

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/unit"
)

func share(v float64) unit.Range[unit.Share] { return unit.Point(unit.Share(v)) }

func celsius(v float64) unit.Range[unit.Temperature] { return unit.Point(unit.Temperature(v)) }

func kelvin(v float64) unit.Range[unit.TemperatureDifference] {
	return unit.Point(unit.TemperatureDifference(v))
}

// temperate is a year between -2 and 28 C in the monthly mean.
func temperate() Climate {
	var c Climate
	for m := range 12 {
		mean := 13 - 15*math.Cos(2*math.Pi*float64(m)/12)
		c.Months = append(c.Months, Month{Mean: unit.Temperature(mean), Swing: 10, DewPoint: unit.Temperature(mean - 7), Spread: 4})
	}
	return c
}

// plantSite has a plant around a limit of 100 MW.
func plantSite(rejection Rejection, liquid float64) *Spec {
	climate := temperate()
	return &Spec{
		Phases: []Phase{{Limit: 100e6}}, Climate: climate, Weather: climate.Year(), MinClock: 0.5,
		Losses: Losses{
			TransformerIdle: share(0.0012), TransformerLoad: share(0.008),
			UPSIdle: share(0.007), UPSLinear: share(0.01), UPSSquare: share(0.01), RackLoad: share(0.007),
		},
		Cooling: Cooling{
			Rejection: rejection, Liquid: share(liquid), WarmSupply: celsius(32), ColdSupply: celsius(20), Rise: kelvin(8), Approach: kelvin(5),
			Chiller: share(0.55), RoomFans: share(0.03), OutsideFans: share(0.015), Pumps: share(0.015),
			Margin: share(0.1), Derate: share(0.025), Exceeded: share(0.004),
		},
	}
}

// Capacity is the inverse of the power at the meter, in every hour and at any load.
func TestCapacityInvertsTheMeter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		site := plantSite(rapid.SampledFrom([]Rejection{Tower, Dry, Adiabatic}).Draw(t, "rejection"), rapid.Float64Range(0, 1).Draw(t, "liquid"))
		p := NewPlant(site, nil, Calendar{first: rapid.IntRange(0, 8759).Draw(t, "start")})
		hour := rapid.IntRange(0, 20_000).Draw(t, "hour")
		watts := rapid.Float64Range(0, 150e6).Draw(t, "watts")
		it := p.Capacity(watts, hour)
		meter := p.AtMeter(it, hour)
		if it > 0 && (meter > watts || meter < watts*(1-1e-9)) { // Newton's last step is below a rounding
			t.Fatalf("%v W of IT draw %v W at the meter, limit %v", it, meter, watts)
		}
		if it == 0 && p.AtMeter(1, hour) < watts {
			t.Fatalf("no IT power within %v W, though 1 W draws %v", watts, p.AtMeter(1, hour))
		}
		if p.AtMeter(Off, hour) != Off {
			t.Fatal("the plant runs for nothing")
		}
		more := it * (1 + rapid.Float64Range(1e-6, 1).Draw(t, "more"))
		if it > 0 && p.Overhead(more, hour).Sum() < p.Overhead(it, hour).Sum() {
			t.Fatalf("overhead falls from %v to %v W of IT", it, more)
		}
		if it > 0 && it <= p.AlwaysCarries(watts, hour) && (p.AtMeter(it, hour) > watts || it > p.HeatLimit(hour)) {
			t.Fatalf("hour %d is worse than the worst", hour)
		}
	})
}

// A constant PUE is met exactly and knows no weather.
func TestConstantPUE(t *testing.T) {
	site := plantSite(Tower, 0)
	site.PUE = unit.Point(unit.Factor(1.2))
	p := NewPlant(site, nil, Calendar{})
	if got := p.AtMeter(50e6, 4000); math.Abs(got-60e6) > 1e-6 {
		t.Errorf("%v W", got)
	}
	if o, water := p.Takes(50e6, 4000); water != 0 || p.HeatLimit(4000) != 0 || o.Losses != 0 {
		t.Error("a constant PUE tells losses, water or heat")
	}
}

// The plant rated for a limit draws that limit in design weather with its IT equipment at
// the rating.
func TestPlantIsSizedForItsLimit(t *testing.T) {
	site := plantSite(Tower, 0.5)
	p := NewPlant(site, nil, Calendar{})
	s := p.phases[0]
	design := p.cool.design(&site.Weather)
	at := p.cool.hourly(Weather{design, design}, design)
	r := p.running(&s, &at)
	if got := r.atMeter(s.it); math.Abs(got/100e6-1) > 1e-9 {
		t.Errorf("%v W at the meter, want 100 MW", got)
	}
	// Without a limit it is rated for the chips' peak.
	site.Phases = nil
	p = NewPlant(site, []Installed{{IT: 70e6}}, Calendar{})
	if got := p.phases[0].it; got != 70e6 {
		t.Errorf("rated for %v W, want 70 MW", got)
	}
}

// Warmer supply, wetter rejection and a closer approach never need more energy in a year;
// half the load never has a lower PUE than full load in the same hours by more than what
// variable flows save.
func TestCoolingRelations(t *testing.T) {
	annual := func(change func(*Cooling)) float64 {
		site := plantSite(Adiabatic, 0.5)
		change(&site.Cooling)
		p := NewPlant(site, nil, Calendar{})
		sum := 0.0
		for h := range HoursPerYear {
			sum += p.Overhead(70e6, h).Cooling
		}
		return sum
	}
	base := annual(func(*Cooling) {})
	for what, change := range map[string]func(*Cooling){
		"warmer water":     func(c *Cooling) { c.WarmSupply, c.ColdSupply = celsius(40), celsius(24) },
		"towers":           func(c *Cooling) { c.Rejection = Tower },
		"closer approach":  func(c *Cooling) { c.Approach = kelvin(3) },
		"better chillers":  func(c *Cooling) { c.Chiller = share(0.65) },
		"more cold plates": func(c *Cooling) { c.Liquid = share(0.9) },
	} {
		if got := annual(change); got >= base {
			t.Errorf("%s: %v J of cooling a year, before %v", what, got, base)
		}
	}
	if got := annual(func(c *Cooling) { c.Rejection = Dry }); got <= base {
		t.Errorf("without wetted pads: %v J of cooling a year, with %v", got, base)
	}
}

// Heat limits fall on hours hotter than the design and nowhere else.
func TestHeatLimitFallsAboveDesign(t *testing.T) {
	site := plantSite(Dry, 0)
	site.Cooling.Exceeded = share(0.01)
	p := NewPlant(site, nil, Calendar{})
	design := p.cool.design(&site.Weather)
	hot, low := 0, math.Inf(1)
	for h := range HoursPerYear {
		limit, dry := p.HeatLimit(h), site.Weather.DryBulb[h]
		full := p.phases[0].it * 1.1
		switch {
		case dry > design:
			hot++
			if want := full * (1 - 0.025*(dry-design)); math.Abs(limit/want-1) > 1e-12 {
				t.Fatalf("hour %d: %v W, want %v", h, limit, want)
			}
		case limit != full:
			t.Fatalf("hour %d at %v C: %v W, want %v", h, dry, limit, full)
		}
		low = min(low, limit)
	}
	if hot < 80 || hot > 88 { // 1 % of 8,760, less the design hour itself
		t.Errorf("%d hours above the design temperature", hot)
	}
	if most := p.AlwaysCarries(0, 0); most >= low*1.001 || most < low*0.999 {
		t.Error("AlwaysCarries does not know the hottest hour")
	}
}

// Stull (2011) gives 13.7 C at 20 C and 50 %; his table of -1 to 0.65 K against tables.
func TestWetBulbAgainstTables(t *testing.T) {
	for _, c := range []struct{ dry, humidity, want, tolerance float64 }{
		{20, 50, 13.7, 0.05}, // the paper's example, a digit
		// Psychrometric tables at sea level; the formula's error is up to 1 K.
		{30, 50, 22.0, 0.5},
		{35, 70, 30.0, 0.5},
		{10, 80, 8.2, 0.5},
		{0, 70, -2.0, 1},
		{25, 100, 25, 0.3},
	} {
		if got := WetBulb(c.dry, c.humidity); math.Abs(got-c.want) > c.tolerance {
			t.Errorf("%v C at %v %%: %.2f C, want %v", c.dry, c.humidity, got, c.want)
		}
	}
}

// The year that normals make has those normals, and the same again.
func TestYearMeetsItsNormals(t *testing.T) {
	c := temperate()
	y, again := c.Year(), c.Year()
	var mean float64
	var daily float64
	for h := range HoursPerYear {
		if y.at(h) != again.at(h) {
			t.Fatalf("hour %d differs", h)
		}
		if w := y.at(h); w.WetBulb > w.DryBulb || w.WetBulb < w.DryBulb-25 {
			t.Fatalf("hour %d: %+v", h, w)
		}
		mean += y.DryBulb[h] / HoursPerYear
	}
	for d := range 365 {
		high, low := math.Inf(-1), math.Inf(1)
		for h := range 24 {
			high, low = max(high, y.DryBulb[24*d+h]), min(low, y.DryBulb[24*d+h])
		}
		daily += (high - low) / 365
	}
	// Deviations have mean 0 over the year; half a degree is what the months' different
	// weights leave. Within a day the mean moves a little besides the swing.
	if math.Abs(mean-13) > 0.5 || math.Abs(daily-10) > 0.5 {
		t.Errorf("mean %.2f C, daily swing %.2f K; want 13 and 10", mean, daily)
	}
}

// A plant is built for the equipment that is there: a limit above what that draws
// changes nothing, and one below sizes the plant.
func TestPlantFollowsWhatIsInstalled(t *testing.T) {
	site := plantSite(Tower, 0.5)
	installed := []Installed{{IT: 6e6}, {From: 100 * unit.Hour, IT: 60e6}}
	site.Phases = []Phase{{Limit: 80e6}}
	tight := NewPlant(site, installed, Calendar{})
	site.Phases = []Phase{{Limit: 200e6}}
	ample := NewPlant(site, installed, Calendar{})
	for hour, rated := range map[int]float64{0: 6e6, 99: 6e6, 100: 60e6, 5000: 60e6} {
		if got := ample.Rated(hour); got != rated {
			t.Errorf("hour %d: built for %g W, want %g", hour, got, rated)
		}
		if a, b := tight.AtMeter(rated, hour), ample.AtMeter(rated, hour); a != b {
			t.Errorf("hour %d: %g W at the meter under 80 MW, %g under 200", hour, a, b)
		}
	}
	site.Phases = []Phase{{Limit: 20e6}}
	short := NewPlant(site, installed, Calendar{})
	if got := short.Rated(100); got >= 20e6 || got <= 20e6/1.5 {
		t.Errorf("built for %g W under 20 MW at the meter", got)
	}
}

func TestExceededIsThatOfTheSortedHours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var hours []float64
		for _, h := range rapid.SliceOfN(rapid.IntRange(-10, 20), 1, 60).Draw(t, "hours") { // with ties
			hours = append(hours, float64(h))
		}
		share := rapid.Float64Range(0, 0.999).Draw(t, "share")
		sorted := slices.Sorted(slices.Values(hours))
		want := sorted[min(int(math.Ceil(float64(len(sorted))*(1-share))), len(sorted)-1)]
		if got := exceeded(hours, share); got != want {
			t.Fatalf("%g of %v exceed %g, not %g", share, sorted, want, got)
		}
	})
}
