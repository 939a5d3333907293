package sim

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"clustercap/sim/cost"
	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// sumRounding is the tolerance of money summed over the hours of a month or more: some
// thousand terms of one sign, each rounded by 1e-16.
const sumRounding = 1e-12

func nearly(t testing.TB, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= sumRounding*max(math.Abs(want), 1)) {
		t.Errorf("%s: %.15g, want %.15g", what, got, want)
	}
}

// pricedPlan has hardware, building, staff and two jobs, one of which leaves servers over.
func pricedPlan() *scenario.Plan {
	p := testPlan(10)
	p.Start = time.Date(2026, 5, 20, 0, 0, 0, 0, time.UTC)
	p.Fleet.Deliveries = []fleet.Delivery{{Servers: 6}, {At: 10*unit.Day + 1000, Servers: 4}}
	p.Jobs = []job.Spec{testJob("a", 1e15, 2*perServer), testJob("b", 1e9, 3*perServer)}
	p.Failures.Classes = []failure.Class{failing("chip", failure.ServerScope, 1e-6, 60, unit.Day)}
	p.Chip.Price, p.Server.Price = unit.Point[unit.Money](10_000), unit.Point[unit.Money](40_000)
	p.Chip.Embodied, p.Server.Embodied = unit.Point[unit.Carbon](150), unit.Point[unit.Carbon](1000)
	p.Fabric.PricePerChip = unit.Point[unit.Money](2000)
	m := &p.Money
	m.Rates = []cost.Rate{{Name: "USD", Value: unit.Point[unit.Factor](7)}}
	m.Discount = unit.Point[unit.Share](0.08)
	m.Capital.Storage, m.Capital.Parts = unit.Point[unit.Share](0.1), unit.Point[unit.Share](0.01)
	m.Capital.Facility = cost.Price[unit.CapacityPrice]{Value: unit.Point[unit.CapacityPrice](30), Currency: "CNY"}
	m.Operation.Maintenance = unit.Point[unit.Share](0.02)
	m.Operation.Staff = cost.Price[unit.CapacityCharge]{Value: unit.Point(unit.CapacityCharge(1e-8)), Currency: "CNY"}
	m.Tariff.Demand = cost.Price[unit.CapacityCharge]{Value: unit.Point(unit.CapacityCharge(1.2e-8)), Currency: "CNY"}
	m.Tariff.Interval = 15 * unit.Minute
	m.Tariff.Periods = []cost.Period{
		{Months: cost.AllMonths, Hours: 0xff, Factor: unit.Point[unit.Factor](0.38)},
		{Months: 1 << 5, Hours: 0xf << 14, Factor: unit.Point[unit.Factor](1.7)},
	}
	m.Carbon.Periods = []cost.Period{{Months: cost.AllMonths, Hours: 0xf << 10, Factor: unit.Point[unit.Factor](0.6)}}
	m.Carbon.Green = unit.Point[unit.Share](0.25)
	return p
}

func TestMoneyAndCarbonOfJobsSumToTheSites(t *testing.T) {
	r := run(t, prepared(t, pricedPlan()), 0)
	s := &r.Site
	total, energy, by := s.Unassigned.TotalCost, 0.0, 0.0
	for _, j := range r.Jobs {
		total += j.TotalCost
		energy += j.Cost
		if !(j.TotalCost > j.Cost && j.Cost > 0 && j.CO2t > 0 && j.EmbodiedCO2t > 0) {
			t.Errorf("a job costs %+v", j)
		}
	}
	for _, v := range s.CostBy {
		by += v
	}
	nearly(t, "jobs and unassigned", total, s.TotalCost)
	nearly(t, "expenses", by, s.TotalCost)
	nearly(t, "energy", s.CostBy[result.ExpenseEnergy], s.Cost)
	if !(energy < s.Cost) {
		t.Errorf("jobs pay %v of %v for energy; idle chips draw too", energy, s.Cost)
	}
	nearly(t, "market-based carbon", s.CO2MarketT, 0.75*s.CO2t)
	nearly(t, "per chip-hour", s.CostPerChipHour*r.OnSiteChipHours, s.TotalCost)
	days := 0.0
	for c := chipCostColumn; c <= operationCostColumn; c++ {
		begin := 0.0
		for b, end := range prepared(t, pricedPlan()).Frame().Timeline.Days {
			days += r.Samples[c][b] * (end - begin)
			begin = end
		}
	}
	nearly(t, "the calendar's columns", days, s.TotalCost)
}

// The capital of a plan is that of its deliveries, of what it is built for, and of the
// servers that replace retired ones when their warranty is over.
func TestCapital(t *testing.T) {
	p := pricedPlan()
	r := run(t, prepared(t, p), 0)
	const servers = 7 * 10 * (8*10_000 + 40_000)
	m := meterOf(p)
	building := 30 * float64(m.peak(10*perServer, 1, 0))
	nearly(t, "capital", r.Site.Capital, 1.11*servers+7*10*8*2000+building)
	nearly(t, "building", r.Site.CapitalBy[result.ExpenseFacility], building)

	p.Fleet.Retire = fleet.Retire{Failures: 1, Within: unit.Day, Replacement: dist.Fixed(unit.Day)}
	p.Failures.Classes[0].Rate = unit.Point[unit.Rate](1e-7)
	p.Money.Capital.Warranty = 5 * unit.Day
	w := prepared(t, p).NewWorld()
	replaced, err := w.Run(0)
	if err != nil {
		t.Fatal(err)
	}
	lots, made := w.lots()
	bought := len(lots) - 2 // beside the deliveries
	if bought == 0 || bought >= w.retired {
		t.Fatalf("%d of %d retired servers bought anew; the first days are under warranty", bought, w.retired)
	}
	nearly(t, "servers bought anew", replaced.Site.Capital-r.Site.Capital, float64(bought)*servers/10)

	// Whatever was bought or made is there at the horizon or was lost before; only servers that
	// stand have a value, and those retired under warranty that of the ones they replaced.
	there := 10.0
	for _, x := range w.money.replaced {
		if x.came >= w.pre.horizon {
			there--
		}
	}
	embodied := 0.0
	for i := range w.money.embodied {
		if w.money.embodied[i].Book(p.Horizon) > 0 {
			embodied += w.money.embodied[i].Price
		}
	}
	nearly(t, "embodied carbon of the servers that stand", embodied, there*(8*150+1000))
	if len(made) <= len(lots) {
		t.Errorf("%d lots made, %d bought: those under warranty are made, too", len(made), len(lots))
	}
	p.Money.Discount = unit.Point[unit.Share](0)
	whole := run(t, prepared(t, p), 0)
	nearly(t, "net present cost without discount", whole.Site.NetPresentCost, whole.Site.TotalCost)
}

// A retired server leaves the books when it is bought anew; what replaces it has a warranty of
// its own. One replaced for nothing is made anew, but keeps the warranty and the books of the
// one before it.
func TestReplacedServersInTheBooks(t *testing.T) {
	const day = unit.Day
	p := pricedPlan()
	p.Money.Capital.Warranty = 8 * day
	w := prepared(t, p).NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	at := func(days int) des.Time { return des.FromDuration(unit.Duration(days) * day) }
	w.money.replaced = []replacement{
		{2, at(5), at(6)},   // under warranty
		{7, at(20), at(21)}, // delivered on day 10: bought anew
		{2, at(21), at(22)}, // bought anew: its warranty is that of the delivery on day 0
		{7, at(22), at(23)}, // under the warranty of day 21
		{7, at(29), at(31)}, // no more; the next one comes after the horizon
	}
	bought, made := w.lots()
	second := p.Fleet.Deliveries[1].At
	want := []cost.Lot{
		{At: 0, Servers: 6, Retired: []unit.Duration{21 * day}},
		{At: second, Servers: 4, Retired: []unit.Duration{20 * day}},
		{At: 21 * day, Servers: 1, Replaced: true, Retired: []unit.Duration{29 * day}},
		{At: 22 * day, Servers: 1, Replaced: true},
	}
	if diff := cmp.Diff(want, bought); diff != "" {
		t.Errorf("bought (-want +got):\n%s", diff)
	}
	want = []cost.Lot{
		{At: 0, Servers: 6, Retired: []unit.Duration{5 * day}},
		{At: second, Servers: 4, Retired: []unit.Duration{20 * day}},
		{At: 6 * day, Servers: 1, Replaced: true, Retired: []unit.Duration{21 * day}},
		{At: 21 * day, Servers: 1, Replaced: true, Retired: []unit.Duration{22 * day}},
		{At: 22 * day, Servers: 1, Replaced: true},
		{At: 23 * day, Servers: 1, Replaced: true, Retired: []unit.Duration{29 * day}},
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("made (-want +got):\n%s", diff)
	}
}

// A building follows what it must carry, and is never built beyond the limit.
func TestBuildingFollowsLimitAndDeliveries(t *testing.T) {
	p := pricedPlan()
	m := meterOf(p)
	full := float64(m.peak(10*perServer, 1, 0))
	first := float64(m.peak(6*perServer, 1, 0))
	p.Site.Phases = []power.Phase{{Limit: unit.Power(first / 2)}, {From: 5 * unit.Day, Limit: unit.Power(first * 0.9)}, {From: 20 * unit.Day, Limit: unit.Power(full * 2)}}
	w := prepared(t, p).NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	want := []cost.Capacity{{At: 0, Watts: first / 2}, {At: 5 * unit.Day, Watts: first * 0.4}, {At: 20 * unit.Day, Watts: full - first*0.9}}
	got := w.capacity()
	if len(got) != len(want) {
		t.Fatalf("built %v, want %v", got, want)
	}
	for i := range want {
		if got[i].At != want[i].At {
			t.Errorf("built on %v, want %v", got[i].At, want[i].At)
		}
		nearly(t, "capacity", got[i].Watts, want[i].Watts)
	}
}

// A building is built for the hottest hour, whatever the weather on the day it is bought.
func TestBuildingDoesNotFollowTheDaysWeather(t *testing.T) {
	var built [2]float64
	for i, month := range []time.Month{time.January, time.July} {
		p := underWeather(testPlan(6))
		p.Start = time.Date(2026, month, 1, 0, 0, 0, 0, time.UTC)
		w := prepared(t, p).NewWorld()
		if _, err := w.Run(0); err != nil {
			t.Fatal(err)
		}
		for _, c := range w.capacity() {
			built[i] += c.Watts
		}
	}
	nearly(t, "bought in January", built[0], built[1])
	m := meterOf(testPlan(6))
	if it := 6 * perServer * m.PeakAt(1).Sum(); !(built[0] > it) {
		t.Errorf("built for %v W, IT equipment draws %v", built[0], it)
	}
}

// It carries what generators and a battery feed it beside the grid.
func TestBuildingCarriesTheSitesOwnSupply(t *testing.T) {
	p := pricedPlan()
	m := meterOf(p)
	p.Site.Phases = []power.Phase{{Limit: m.peak(3*perServer, 1, 0)}}
	p.Site.Supply.Generators = []power.Generator{
		{Name: "gas", Runs: power.WhenShort, Capacity: m.peak(2*perServer, 1, 0)},
		{Name: "sun", Runs: power.Daylight, Capacity: 1e6, Yield: 0.6}, // sets, so nothing is built for it
	}
	p.Site.Supply.Battery = power.Battery{Power: m.peak(perServer, 1, 0), Energy: 1e9, Efficiency: 0.9}
	w := prepared(t, p).NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	built := 0.0
	for _, c := range w.capacity() {
		built += c.Watts
	}
	nearly(t, "capacity", built, float64(m.peak(6*perServer, 1, 0)))
}

func TestEqualPricesOverTheDayAreAConstantPrice(t *testing.T) {
	p := pricedPlan()
	p.Money.Tariff.Periods, p.Money.Carbon.Periods = nil, nil
	want := run(t, prepared(t, p), 0)
	p.Money.Tariff.Periods = []cost.Period{
		{Months: cost.AllMonths, Hours: 0xff, Factor: unit.Point[unit.Factor](1)},
		{Months: cost.AllMonths, Hours: 0xf << 10, Price: p.Money.Tariff.Energy},
	}
	got := run(t, prepared(t, p), 0)
	if got.Site.Cost != want.Site.Cost || got.Jobs[0].TotalCost != want.Jobs[0].TotalCost || got.Site.NetPresentCost != want.Site.NetPresentCost {
		t.Errorf("energy for %v, %v at a constant price", got.Site.Cost, want.Site.Cost)
	}
	nearly(t, "a constant price", want.Site.Cost, want.Site.EnergyMWh*1000*0.5)
	nearly(t, "a constant intensity", want.Site.CO2t, want.Site.EnergyMWh*0.4)
}

// A site that draws the same at all hours pays the mean of the day's prices, whatever
// hour it starts at; and for its one power, the demand charge over the whole calendar.
func TestTariffOfAConstantLoad(t *testing.T) {
	for _, start := range []int{0, 9, 23} { // hours of the day
		p := testPlan(1)
		p.Jobs[0].Submit = 40 * unit.Day // after the horizon: idle throughout
		p.Start = time.Date(2026, 5, 20, start, 0, 0, 0, time.UTC)
		p.Money.Tariff.Periods = []cost.Period{
			{Months: cost.AllMonths, Hours: 0xff, Factor: unit.Point[unit.Factor](0.38)},
			{Months: cost.AllMonths, Hours: 0x7f << 12, Factor: unit.Point[unit.Factor](1.7)},
		}
		p.Money.Tariff.Demand = cost.Price[unit.CapacityCharge]{Value: unit.Point(unit.CapacityCharge(0.032 / 2628000)), Currency: "CNY"}
		p.Money.Tariff.Interval = 30 * unit.Minute
		r := run(t, prepared(t, p), 0)
		nearly(t, "mean price", r.Site.Cost, r.Site.EnergyMWh*1000*0.5*(8*0.38+7*1.7+9)/24)
		nearly(t, "demand", r.Site.CostBy[result.ExpenseDemand], r.Site.MeanPowerMW*1e3*32*((12-float64(start)/24)/31+(18+float64(start)/24)/30)) // May and June
	}
}

// A night by the site's clock is half a day later by that of a site at the other end of
// the world.
func TestTariffGoesByTheSitesClock(t *testing.T) {
	p := testPlan(1)
	p.Jobs[0].Submit = 40 * unit.Day
	p.Horizon = 12 * unit.Hour
	p.Start = time.Date(2026, 5, 20, 16, 0, 0, 0, time.UTC)
	p.Money.Tariff.Periods = []cost.Period{{Months: cost.AllMonths, Hours: 0xff, Factor: unit.Point[unit.Factor](0.4)}}
	for offset, want := range map[unit.Duration]float64{
		8 * unit.Hour:  (8*0.4 + 4) / 12, // begins at midnight
		-4 * unit.Hour: 1,                // from noon to midnight
		0:              (8 + 4*0.4) / 12, // from 16:00 to 4:00

		5*unit.Hour + 30*unit.Minute:  (8*0.4 + 4) / 12, // as 5 h: from 21:00 to 9:00
		-3*unit.Hour - 30*unit.Minute: 1,                // as -4 h: 12:30 is cut to 12:00
	} {
		p.Money.UTCOffset = offset
		r := run(t, prepared(t, p), 0)
		nearly(t, "mean price", r.Site.Cost, r.Site.EnergyMWh*1000*0.5*want)
	}
}

// A constant load emits the sum of its hours' intensities, by the typical year in UTC
// whatever the site's clock, of which 29 February repeats the day before; by the market the
// hours of the residual mix count for what contracts leave.
func TestCarbonGoesByTheHoursOfTheYear(t *testing.T) {
	hours := func(of func(day, hour int) float64) cost.Course {
		c := cost.Course{Hours: make([]unit.CarbonIntensity, power.HoursPerYear)}
		for h := range c.Hours {
			c.Hours[h] = unit.CarbonIntensity(of(h/24, h%24) / 3.6e6)
		}
		return c
	}
	p := testPlan(1)
	p.Jobs[0].Submit = 40 * unit.Day
	p.Start = time.Date(2028, 2, 27, 6, 0, 0, 0, time.UTC)
	p.Horizon = 3 * unit.Day // to 6:00 on 1 March
	p.Money.UTCOffset = 8 * unit.Hour
	p.Money.Carbon = cost.Carbon{
		Intensity: hours(func(day, hour int) float64 { return float64(day) / 100 }),
		Residual:  hours(func(_, hour int) float64 { return float64(hour) / 10 }),
		Green:     unit.Point[unit.Share](0.25), ResidualGiven: true,
	}
	r := run(t, prepared(t, p), 0)
	// 27 February is day 57 from 0: 18 hours of it, 48 of the 28th and of the day that
	// repeats it, 6 of 1 March.
	nearly(t, "location-based", r.Site.CO2t, r.Site.EnergyMWh*(18*0.57+48*0.58+6*0.59)/72)
	nearly(t, "market-based", r.Site.CO2MarketT, r.Site.EnergyMWh*0.75*1.15) // the mean of 0 to 23 tenths
}

// Generators' energy costs and emits what they do, the grid's the rest; contracts change
// what the grid's part counts by the market, not a generator's own.
func TestEnergyCostsWhatItsSourceDoes(t *testing.T) {
	p := pricedPlan()
	p.Money.Tariff.Periods, p.Money.Carbon.Periods = nil, nil
	p.Site.Supply.Generators = []power.Generator{{
		Name: "gas", Runs: power.Always, Capacity: 12_000, Price: 1.5 / 3.6e6, Carbon: 0.7 / 3.6e6,
	}}
	s := run(t, prepared(t, p), 0).Site
	grid, own := s.EnergyFrom[result.Grid]*1000, s.EnergyFrom[result.Generation]*1000
	if !(grid > 0 && own > 0) {
		t.Fatalf("%v kWh from the grid, %v from the generator", grid, own)
	}
	nearly(t, "money", s.Cost, grid*0.5+own*1.5)
	nearly(t, "carbon", s.CO2t, (grid*0.4+own*0.7)/1000)
	nearly(t, "carbon by the market", s.CO2MarketT, (grid*0.4*0.75+own*0.7)/1000)
}

// A battery's energy is paid when it charges: money follows what the grid gives.
func TestBatteryEnergyIsPaidWhenItCharges(t *testing.T) {
	p := pricedPlan()
	p.Money.Tariff.Periods = nil
	m := meterOf(p)
	p.Site.Supply.Battery = power.Battery{Energy: unit.Energy(20 * unit.KilowattHour), Power: 5000, Efficiency: 0.8}
	p.Site.Phases = []power.Phase{{Limit: m.peak(2*perServer, 0.8, 4*perServer)}}
	s := run(t, prepared(t, p), 0).Site
	if !(s.DischargedMWh > 0) {
		t.Fatal("the battery never gave anything")
	}
	nearly(t, "money", s.Cost, s.EnergyFrom[result.Grid]*1000*0.5)
}

// Months have a peak each: what draws in one only is not charged in the next.
func TestDemandIsChargedByMonth(t *testing.T) {
	p := pricedPlan()
	p.Failures.Classes = nil
	p.Jobs = p.Jobs[:1]
	p.Jobs[0].Tokens = 1e9 // done within May
	p.Fleet.Deliveries = p.Fleet.Deliveries[:1]
	w := prepared(t, p).NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	m := meterOf(p)
	idle := 6 * perServer * m.Idle.Sum() * 1.25
	if len(w.site.demand.highest) != 2 || !(w.site.demand.highest[0] > idle*1.1) {
		t.Errorf("peaks of %v W, idle %v W", w.site.demand.highest, idle)
	}
	nearly(t, "idle month", w.site.demand.highest[1], idle)
	from, to := w.pre.almanac.spans(p.Horizon)
	if len(from) != 2 || from[1] != 12*unit.Day || to[0] != 12*unit.Day || to[1] != 30*unit.Day {
		t.Errorf("months from %v to %v", from, to)
	}
}

// Where no hour differs from another the books go by the day: they are those of a site whose
// price differs by nothing that counts in one hour.
func TestDaysAreTheSumOfTheirHours(t *testing.T) {
	for _, start := range []int{0, 9} {
		p := pricedPlan()
		p.Start = time.Date(2026, 5, 20, start, 20, 0, 0, time.UTC)
		p.Money.Carbon.Periods = nil
		june := cost.Period{Months: 1 << 5, Hours: cost.AllHours, Factor: unit.Point[unit.Factor](1.7)}
		noon := cost.Period{Months: cost.AllMonths, Hours: 1 << 12, Factor: unit.Point[unit.Factor](1 + 1e-15)}
		var runs [2]*result.Run
		for i, periods := range [][]cost.Period{{june}, {noon, june}} {
			p.Money.Tariff.Periods = periods
			w := prepared(t, p).NewWorld()
			r, err := w.Run(0)
			if err != nil {
				t.Fatal(err)
			}
			if w.site.steady != (i == 0) {
				t.Errorf("start at %d h, periods %d: by the day: %v", start, len(periods), w.site.steady)
			}
			runs[i] = r
		}
		a, b := &runs[0].Site, &runs[1].Site
		nearly(t, "energy", a.EnergyMWh, b.EnergyMWh)
		nearly(t, "energy cost", a.Cost, b.Cost)
		nearly(t, "demand", a.CostBy[result.ExpenseDemand], b.CostBy[result.ExpenseDemand])
		nearly(t, "carbon", a.CO2t, b.CO2t)
		for i := range runs[0].Jobs {
			nearly(t, "a job's cost", runs[0].Jobs[i].Cost, runs[1].Jobs[i].Cost)
		}
	}
}

// A demand meter is held against the energy of each interval, added up one by one.
func TestDemandIsTheHighestMeanOfAnInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		minutes := rapid.SampledFrom([]int{1, 5, 15, 30, 60}).Draw(t, "interval")
		interval := des.FromDuration(unit.Duration(minutes) * unit.Minute)
		d := demand{interval: interval, highest: make([]float64, 1)}
		joules := make([]float64, 3*60/minutes)
		for at := des.Time(0); at < 3*hourLength; {
			end := min(at+des.Time(rapid.Int64Range(1, int64(hourLength)).Draw(t, "milliseconds")), (at/hourLength+1)*hourLength)
			watts := rapid.Float64Range(0, 1e8).Draw(t, "watts")
			d.draw(watts, at, end, 0)
			for at < end {
				part := min(end, (at/interval+1)*interval)
				joules[at/interval] += watts * float64((part - at).Duration())
				at = part
			}
		}
		want := slices.Max(joules) / float64(interval.Duration())
		if math.Abs(d.highest[0]-want) > 1e-12*want { // rounding of a sum of some hundred terms
			t.Fatalf("highest mean over %d min: %v W, want %v", minutes, d.highest[0], want)
		}
	})
}

// A short peak counts for what it is of the interval.
func TestDemandOfAShortPeak(t *testing.T) {
	d := demand{interval: hourLength / 4, highest: make([]float64, 2)}
	d.draw(100, 0, hourLength/8, 0)
	d.draw(10, hourLength/8, hourLength, 0)
	d.draw(10, hourLength, 2*hourLength, 1)
	if d.highest[0] != 55 || d.highest[1] != 10 {
		t.Errorf("%v W by month, want 55 and 10", d.highest)
	}
}

// Without discount the net present cost of a plan is its total cost.
func TestNetPresentCostWithoutDiscount(t *testing.T) {
	p := pricedPlan()
	r := run(t, prepared(t, p), 0)
	if !(r.Site.NetPresentCost > r.Site.TotalCost) { // capital is paid first and comes back last
		t.Errorf("net present cost %v, total cost %v", r.Site.NetPresentCost, r.Site.TotalCost)
	}
	p.Money.Discount = unit.Point[unit.Share](0)
	r = run(t, prepared(t, p), 0)
	nearly(t, "net present cost", r.Site.NetPresentCost, r.Site.TotalCost)
}

// Every book of money is held against another: a change to any one is found.
func TestAuditFindsWrongMoney(t *testing.T) {
	const more = 1 + 1e-6 // a thousand times what the audit tolerates
	for name, corrupt := range map[string]func(*World){
		"money of the site":    func(w *World) { w.site.all.spent *= more },
		"carbon of the site":   func(w *World) { w.site.all.location *= more },
		"market-based carbon":  func(w *World) { w.site.all.market *= more },
		"energy of a job":      func(w *World) { w.jobs[0].books.toll.spent *= more },
		"carbon of a job":      func(w *World) { w.jobs[0].books.toll.location *= more },
		"other money of a job": func(w *World) { w.money.jobs[0].other *= more },
		"embodied carbon":      func(w *World) { w.money.unassigned.embodied *= more },
		"a purchase":           func(w *World) { w.money.purchases[0].Price *= more },
		"a running cost":       func(w *World) { w.money.streams[0].Rate *= 2 },
		"energy in a bin":      func(w *World) { w.money.byBin[cost.Energy][3] *= 1.1 },
		"money without work":   func(w *World) { w.site.idle.spent *= more },
	} {
		w := prepared(t, pricedPlan()).NewWorld()
		if _, err := w.Run(0); err != nil {
			t.Fatal(err)
		}
		if err := w.audit(); err != nil {
			t.Fatal(err)
		}
		corrupt(w)
		if err := w.audit(); err == nil || !strings.Contains(err.Error(), "money") && !strings.Contains(err.Error(), "carbon") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
