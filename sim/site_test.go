package sim

import (
	"math"
	"testing"
	"time"

	"clustercap/sim/cost"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// underWeather gives a plan a chilled-water plant in a climate of hot summers.
func underWeather(p *scenario.Plan) *scenario.Plan {
	s := &p.Site
	s.PUE = unit.Range[unit.Factor]{}
	s.Climate = power.Climate{}
	for m := range 12 {
		mean := unit.Temperature(15 - 14*math.Cos(2*math.Pi*float64(m)/12))
		s.Climate.Months = append(s.Climate.Months, power.Month{Mean: mean, Swing: 12, DewPoint: mean - 6, Spread: 3})
	}
	s.Weather = s.Climate.Year()
	share := func(v float64) unit.Range[unit.Share] { return unit.Point(unit.Share(v)) }
	s.Losses = power.Losses{
		TransformerIdle: share(0.0012), TransformerLoad: share(0.008),
		UPSIdle: share(0.011), UPSLinear: share(0.01), UPSSquare: share(0.01), RackLoad: share(0.007),
	}
	s.Cooling = power.Cooling{
		Rejection: power.Tower, ColdSupply: unit.Point(unit.Temperature(19)), WarmSupply: unit.Point(unit.Temperature(32)),
		Rise: unit.Point(unit.TemperatureDifference(8)), Approach: unit.Point(unit.TemperatureDifference(4)), Chiller: share(0.5),
		RoomFans: share(0.035), OutsideFans: share(0.012), Pumps: share(0.018), Margin: share(0.1), Derate: share(0.025), Exceeded: share(0.004),
	}
	p.Start = time.Date(2026, 6, 15, 0, 0, 0, 0, time.UTC)
	return p
}

// The limit holds in every hour of the weather, and is used: at night, when cooling takes
// less, the IT equipment gets more.
func TestLimitHoldsThroughWeather(t *testing.T) {
	m := meterOf(underWeather(testPlan(2)))
	limit := 0.95 * m.peak(16, 1, 0) // a little short of full clock
	p := underWeather(testPlan(2))
	p.Site.Phases = []power.Phase{{Limit: limit}}
	r := run(t, prepared(t, p), 0)
	if got := r.Site.PeakPowerMW * 1e6; got > float64(limit)*(1+1e-9) || got < 0.98*float64(limit) { // a step of the clock is 1 % of power
		t.Errorf("peak %.1f W under a limit of %.1f", got, float64(limit))
	}
	if r.ChipHours[result.Throttled] == 0 {
		t.Error("nothing is throttled")
	}
	clocks := map[float64]bool{}
	w := prepared(t, p).NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	for _, c := range w.jobs[0].books.byClock {
		if c.time > 0 {
			clocks[c.clock] = true
		}
	}
	if len(clocks) < 2 || len(clocks) > 30 { // a tenth of the power in steps of 0.5 % of the clock
		t.Errorf("trained at %d clocks", len(clocks))
	}
	if r.Site.PUE < 1.05 || r.Site.PUE > 1.4 || !(r.Site.WaterM3 > 0) {
		t.Errorf("PUE %v, %v m3 of water", r.Site.PUE, r.Site.WaterM3)
	}
	energy := 0.0
	for _, e := range r.Site.EnergyBy {
		energy += e
	}
	if math.Abs(energy/r.Site.EnergyMWh-1) > 1e-9 { // rounding of integrals
		t.Errorf("consumers draw %v MWh, the site %v", energy, r.Site.EnergyMWh)
	}
}

// Where heat can be carried from fewer chips on hot days, those days are slower; a plant
// with room to spare loses nothing.
func TestHotDaysThrottle(t *testing.T) {
	tokens := func(margin, exceeded float64) (float64, float64) {
		p := underWeather(testPlan(2))
		p.Site.Cooling.Margin, p.Site.Cooling.Exceeded = unit.Point(unit.Share(margin)), unit.Point(unit.Share(exceeded))
		r := run(t, prepared(t, p), 0)
		return r.Jobs[0].Tokens, r.ChipHours[result.Throttled]
	}
	free, throttled := tokens(1, 0.001)
	if throttled != 0 {
		t.Errorf("%v chip-hours throttled with twice the cooling", throttled)
	}
	before := free
	for _, exceeded := range []float64{0.02, 0.1, 0.3} {
		got, throttled := tokens(0, exceeded)
		if got >= before || throttled == 0 {
			t.Errorf("cooling for all but %v of hours: %v tokens, with more cooling %v", exceeded, got, before)
		}
		before = got
	}
}

// A higher limit never trains slower, whatever the weather.
func TestMorePowerNeverSlowerInWeather(t *testing.T) {
	m := meterOf(underWeather(testPlan(2)))
	full := m.peak(16, 1, 0)
	before := -1.0
	for share := 0.5; share < 1.2; share += 0.05 {
		p := underWeather(testPlan(2))
		p.Site.Phases = []power.Phase{{Limit: unit.Power(share) * full}}
		if got := run(t, prepared(t, p), 0).Jobs[0].Tokens; got < before {
			t.Errorf("limit at %.2f of full power: %v tokens, below that %v", share, got, before)
		} else {
			before = got
		}
	}
}

// The timeline's PUE is the ratio of its powers, and its wet bulb the mean of the hours of
// the typical year that a bin spans; without weather there is none.
func TestTimelineTellsPUEAndWetBulb(t *testing.T) {
	p := underWeather(testPlan(2))
	pre := prepared(t, p)
	r := run(t, pre, 0)
	at := func(column, n int) float64 { return r.Samples[column][n] }
	calendar := power.NewCalendar(p.Start, p.Horizon)
	from := 0.0 // hours
	for n, end := range pre.bins {
		it := at(chipPowerColumn, n) + at(serverPowerColumn, n) + at(networkPowerColumn, n)
		if want := at(powerColumn, n) / it; math.Abs(at(pueColumn, n)/want-1) > 1e-9 { // rounding of differences of integrals
			t.Errorf("bin %d: PUE %v, power at the meter over that of IT equipment %v", n, at(pueColumn, n), want)
		}
		to := float64(end.Duration() / unit.Hour)
		sum := 0.0
		for hour := int(from); float64(hour) < to; hour++ {
			part := min(float64(hour+1), to) - max(float64(hour), from)
			sum += part * p.Site.Weather.WetBulb[calendar.HourOfYear(hour)]
		}
		if want := sum / (to - from); math.Abs(at(wetBulbColumn, n)-want) > 1e-9 {
			t.Errorf("bin %d: wet bulb %v C, the year's hours say %v", n, at(wetBulbColumn, n), want)
		}
		from = to
	}
	r = run(t, prepared(t, testPlan(2)), 0)
	if got := at(wetBulbColumn, 0); !math.IsNaN(got) {
		t.Errorf("a wet bulb of %v C without weather", got)
	}
	if got := at(pueColumn, 0); math.Abs(got-1.25) > 1e-9 {
		t.Errorf("PUE %v, given as 1.25", got)
	}
}

// Water is shared as the plant's overhead is: a job that holds half of the servers bears
// more than half of it, since idle ones draw less, and what is booked wrongly is found.
func TestWaterIsShared(t *testing.T) {
	p := underWeather(testPlan(2))
	p.Jobs = []job.Spec{testJob("a", 1e15, perServer)}
	p.Money.Operation.Water = cost.Price[unit.VolumePrice]{Value: unit.Point[unit.VolumePrice](3), Currency: "CNY"}
	w := prepared(t, p).NewWorld()
	r, err := w.Run(0)
	if err != nil {
		t.Fatal(err)
	}
	nearly(t, "the site's water", r.Site.CostBy[result.ExpenseWater], 3*r.Site.WaterM3)
	nearly(t, "the job's money", r.Jobs[0].TotalCost-r.Jobs[0].Cost, 3*r.Jobs[0].WaterM3) // nothing else has a price
	share := r.Jobs[0].WaterM3 / r.Site.WaterM3
	meter := r.Jobs[0].EnergyMWh / r.Site.EnergyMWh
	// Both shares weigh the job's part of the IT power, one by water and one by energy,
	// whose hours differ by the weather: a point.
	if share <= 0.5 || share >= 1 || math.Abs(share-meter) > 0.01 {
		t.Errorf("the job takes %.3f of the water and %.3f of the energy", share, meter)
	}
	for name, corrupt := range map[string]func(*World){
		"the job's water": func(w *World) { w.jobs[0].books.toll.water *= 1 + 1e-6 },
		"all water":       func(w *World) { w.site.all.water *= 1 + 1e-6 },
		"idle water":      func(w *World) { w.site.idle.water *= 1 + 1e-6 },
	} {
		before := *w
		books := w.jobs[0].books
		corrupt(w)
		if w.audit() == nil {
			t.Errorf("%s: the audit finds nothing", name)
		}
		w.site, w.jobs[0].books = before.site, books
	}
	if r := run(t, prepared(t, testPlan(2)), 0); r.Jobs[0].WaterM3 != 0 || r.Site.WaterM3 != 0 {
		t.Error("water without weather")
	}
}
