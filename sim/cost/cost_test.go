package cost

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/hardware"
	"clustercap/sim/unit"
)

// rounding is the tolerance of sums of a few dozen float64 of one sign.
const rounding = 1e-12

func near(t testing.TB, what string, got, want, share float64) {
	t.Helper()
	if !(math.Abs(got-want) <= share*math.Abs(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func testMachine() Machine {
	return Machine{
		Chip: &hardware.Chip{
			Price: unit.Point[unit.Money](10_000), Embodied: unit.Point[unit.Carbon](150),
		},
		Server: &hardware.Server{Chips: 8, Price: unit.Point[unit.Money](40_000), Embodied: unit.Point[unit.Carbon](1000)},
		Fabric: &hardware.Fabric{PricePerChip: unit.Point[unit.Money](2_000)},
	}
}

func price[Q unit.Price](v Q, currency string) Price[Q] { return Price[Q]{unit.Point(v), currency} }

func testSpec() Spec {
	return Spec{
		Currency: "CNY", Rates: []Rate{{"USD", unit.Point[unit.Factor](7)}},
		Tariff: Tariff{Energy: price(unit.EnergyPrice(0.5/3.6e6), "CNY")},
		Capital: Capital{
			Storage: unit.Point[unit.Share](0.1), Parts: unit.Point[unit.Share](0.02), Facility: price[unit.CapacityPrice](30, "CNY"),
			HardwareLife: unit.Point(5 * unit.Year), NetworkLife: unit.Point(6 * unit.Year), FacilityLife: unit.Point(20 * unit.Year), SupplyLife: unit.Point(15 * unit.Year),
			HardwareResidual: unit.Point[unit.Share](0.05),
		},
		Operation: Operation{Maintenance: unit.Point[unit.Share](0.02), Staff: price(unit.CapacityCharge(1e-8), "USD")},
		Discount:  unit.Point[unit.Share](0.08),
	}
}

func testLots() ([]Lot, []Capacity) {
	return []Lot{{At: 0, Servers: 10, Retired: []unit.Duration{150 * unit.Day}}, {At: 100 * unit.Day, Servers: 5}, {At: 200 * unit.Day, Servers: 1, Replaced: true}},
		[]Capacity{{At: 0, Watts: 1e5}, {At: 100 * unit.Day, Watts: 5e4}}
}

func TestPurchasesSumToTheirPrices(t *testing.T) {
	s, m := testSpec(), testMachine()
	lots, built := testLots()
	got := [NumKinds]float64{}
	for _, p := range s.Purchases(m, lots, Plant{Capacity: built}) {
		got[p.Kind] += p.Price
	}
	// In dollars: 16 servers of 8 chips; the one that replaces brings no network,
	// storage or parts with it.
	const hardware = 15 * (8*10_000 + 40_000)
	for kind, want := range map[Kind]float64{
		Chips: 7 * 16 * 8 * 10_000, Servers: 7 * 16 * 40_000, Network: 7 * 15 * 8 * 2_000, Storage: 7 * 0.1 * hardware,
		Parts: 7 * 0.02 * hardware, Facility: 1.5e5 * 30,
	} {
		near(t, "price of kind "+string(rune('0'+kind)), got[kind], want, rounding)
	}
}

// Generators and battery are bought at the start and lose all their value.
func TestSupplyOfItsOwn(t *testing.T) {
	s := testSpec()
	s.Capital.Generation, s.Capital.Battery = price[unit.CapacityPrice](1, "USD"), price(unit.EnergyPrice(300/3.6e6), "USD")
	all := s.Purchases(testMachine(), nil, Plant{Generation: 15e6, Battery: unit.Energy(40 * unit.MegawattHour)})
	if len(all) != 2 {
		t.Fatalf("%d purchases, want 2", len(all))
	}
	for i, want := range []float64{7 * 15e6, 7 * 300 * 40_000} {
		near(t, "price", all[i].Price, want, rounding)
		near(t, "after a third of its life", all[i].Book(5*unit.Year), want*2/3, rounding)
	}
}

// A rack is rented from the first server in it on, one that replaces another needs none.
func TestRentOfRacks(t *testing.T) {
	s := testSpec()
	if got := s.RackRents([]Lot{{Servers: 3}}, 4, unit.Year); got != nil {
		t.Errorf("without a price: %v", got)
	}
	s.Operation.RackRent = price[unit.Spend](2, "CNY")
	lots := []Lot{{At: 0, Servers: 5}, {At: 100, Servers: 3}, {At: 200, Servers: 1}, {At: 300, Servers: 1, Replaced: true}}
	sum := 0.0
	for _, r := range s.RackRents(lots, 4, 1000) {
		sum += r.Over(0, 1000)
	}
	near(t, "rent", sum, 2*(2*1000+0+1*800), rounding)
}

func TestPricesDeclineFromTheStart(t *testing.T) {
	s, m := testSpec(), testMachine()
	s.Capital.Decline = unit.Point[unit.Share](0.2)
	all := s.Purchases(m, []Lot{{At: 0, Servers: 1}, {At: 2 * unit.Year, Servers: 1}}, Plant{})
	byLot := map[unit.Duration]float64{}
	for _, p := range all {
		byLot[p.At] += p.Price
	}
	near(t, "two years later", byLot[2*unit.Year], 0.64*byLot[0], rounding)
}

func TestDepreciationOverLifeIsPriceLessResidual(t *testing.T) {
	p := Purchase{Kind: Chips, At: 100 * unit.Day, Price: 1e6, Life: 5 * unit.Year, Residual: 0.05}
	d := p.Depreciation()
	near(t, "over its life", d.Over(0, 100*unit.Year), 0.95e6, rounding)
	near(t, "in its first year", d.Over(p.At, p.At+unit.Year), 0.19e6, rounding)
	near(t, "book value half way", p.Book(p.At+p.Life/2), 1e6-0.475e6, rounding)
	near(t, "book value after life", p.Book(50*unit.Year), 0.05e6, rounding)
	if v := p.Book(0); v != 0 {
		t.Errorf("worth %v before it is bought", v)
	}
}

// A purchase that is retired loses at once what its years have left.
func TestRetiredPurchaseIsWrittenOff(t *testing.T) {
	p := Purchase{Kind: Servers, At: 100 * unit.Day, Price: 1e6, Life: 1000 * unit.Day, Residual: 0.05, Retired: 350 * unit.Day}
	near(t, "written off", p.WriteOff(), 1e6-0.25*0.95e6, rounding)
	near(t, "book value the day before", p.Book(349*unit.Day), 1e6-0.249*0.95e6, rounding)
	if v := p.Book(350 * unit.Day); v != 0 {
		t.Errorf("worth %v when retired", v)
	}
	old := p
	old.Retired = 2000 * unit.Day
	near(t, "written off after its life", old.WriteOff(), 0.05e6, rounding)
	var got [NumKinds][]float64
	for k := range got {
		got[k] = make([]float64, 4)
	}
	Depreciate([]Purchase{p, old}, []unit.Duration{100 * unit.Day, 300 * unit.Day, 400 * unit.Day, 1000 * unit.Day}, &got)
	for bin, want := range []float64{0, 2 * 0.2 * 0.95e6, 0.05*0.95e6 + p.WriteOff() + 0.1*0.95e6, 0.6 * 0.95e6} {
		near(t, "lost in a bin", got[Servers][bin], want, rounding)
	}
	s := testSpec()
	for _, r := range s.Running([]Purchase{p}, nil, unit.Year) {
		near(t, "maintenance until then", r.Over(0, unit.Year), 0.02*1e6*float64(250*unit.Day/unit.Year), rounding)
	}
}

// Servers of a lot that are retired are purchases of their own, at their share of the price.
func TestRetiredServersAreDividedFromTheirLot(t *testing.T) {
	s, m := testSpec(), testMachine()
	lots := []Lot{{Servers: 4, Retired: []unit.Duration{unit.Day, 2 * unit.Day}}, {At: unit.Day, Servers: 1, Replaced: true, Retired: []unit.Duration{3 * unit.Day}}}
	var stands, gone float64
	for _, p := range s.Purchases(m, lots, Plant{}) {
		switch {
		case p.Retired > 0:
			gone += p.Price
		case p.Kind == Chips || p.Kind == Servers:
			stands += p.Price
		}
	}
	near(t, "price of two servers that stand", stands, 2*7*(8*10_000+40_000), rounding)
	near(t, "price of three that are gone", gone, 3*7*(8*10_000+40_000), rounding)
	kg := 0.0
	for _, p := range s.Embodied(m, lots) {
		kg += p.Book(4 * unit.Day)
	}
	near(t, "embodied carbon left in two", kg, 2*(8*150+1000)*(1-float64(4*unit.Day/(5*unit.Year))), rounding)
}

// Spread is held against each stream's own integral over each bin.
func TestSpreadIsTheIntegralOverEachBin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "bins")
		ends := make([]unit.Duration, n)
		last := unit.Duration(0)
		for i := range ends {
			last += unit.Duration(rapid.IntRange(1, 5).Draw(t, "length"))
			ends[i] = last
		}
		var streams []Stream
		for range rapid.IntRange(0, 6).Draw(t, "streams") {
			from := unit.Duration(rapid.IntRange(-4, int(last)+4).Draw(t, "from"))
			to := from + unit.Duration(rapid.Float64Range(0, 30).Draw(t, "span"))
			streams = append(streams, Stream{Kind(rapid.IntRange(0, 1).Draw(t, "kind")), from, to, rapid.Float64Range(0, 9).Draw(t, "rate")})
		}
		var got [NumKinds][]float64
		for k := range got {
			got[k] = make([]float64, n)
		}
		Spread(streams, ends, &got)
		for k := range got {
			begin := unit.Duration(0)
			for b, end := range ends {
				want := 0.0
				for _, s := range streams {
					if s.Kind == Kind(k) {
						want += s.Over(begin, end)
					}
				}
				if math.Abs(got[k][b]-want) > 1e-10 { // rounding of a dozen terms below 300
					t.Fatalf("kind %d, bin %d: %v, want %v", k, b, got[k][b], want)
				}
				begin = end
			}
		}
	})
}

func TestPresentIsTheClosedForm(t *testing.T) {
	near(t, "an amount in two years", Present(121, 2*unit.Year, 0.1), 100, rounding)
	near(t, "a deposit a year before the start", Present(100, -unit.Year, 0.1), 110, rounding)
	// Money at a constant rate for ten years: r (1 - 1.08^-10) / ln 1.08.
	year := float64(unit.Year)
	near(t, "a stream", PresentStream(1/year, 0, 10*unit.Year, 0.08), (1-math.Pow(1.08, -10))/math.Log(1.08), rounding)
	near(t, "a stream that begins later", PresentStream(1/year, unit.Year, 11*unit.Year, 0.08), (1-math.Pow(1.08, -10))/math.Log(1.08)/1.08, rounding)
	near(t, "a stream at no discount", PresentStream(3, 10, 20, 0), 30, rounding)
	// The closed form and its limit meet: at the switch they differ by x/2 = 5e-10.
	near(t, "a hardly discounted stream", PresentStream(1, 0, unit.Year, 1.1e-9), PresentStream(1, 0, unit.Year, 0.9e-9), 2e-9)
}

// Without discount the net present cost is the plain sum: what depreciates within the
// calendar and what is paid in it.
func TestNetPresentCostWithoutDiscountIsTheSum(t *testing.T) {
	s, m := testSpec(), testMachine()
	s.Discount = unit.Point[unit.Share](0)
	s.Capital.Deposit, s.Capital.Lead, s.Capital.Terms = unit.Point[unit.Share](0.3), 90*unit.Day, 60*unit.Day
	lots, built := testLots()
	const horizon = 2 * unit.Year
	purchases := s.Purchases(m, lots, Plant{Capacity: built})
	running := s.Running(purchases, built, horizon)
	want := 0.0
	for i := range purchases {
		want += purchases[i].Price - purchases[i].Book(horizon)
	}
	for _, r := range running {
		want += r.Over(0, horizon)
	}
	near(t, "net present cost", s.NetPresent(purchases, running, horizon), want, rounding)
}

// A purchase that is sold for its book value at the end: price - book / (1 + d)^n.
func TestNetPresentCostOfOnePurchase(t *testing.T) {
	s := testSpec()
	p := []Purchase{{Kind: Chips, Price: 1000, Life: 5 * unit.Year, Residual: 0}}
	near(t, "after two years", s.NetPresent(p, nil, 2*unit.Year), 1000-600/1.08/1.08, rounding)
	s.Capital.Deposit, s.Capital.Lead, s.Capital.Terms = unit.Point[unit.Share](0.5), unit.Year, unit.Year
	near(t, "half a year's deposit", s.NetPresent(p, nil, 2*unit.Year), 500*1.08+500/1.08-600/1.08/1.08, rounding)
}

func TestRunningCosts(t *testing.T) {
	s, m := testSpec(), testMachine()
	s.Operation.Fixed = price[unit.Spend](2, "CNY")
	lots := []Lot{{At: unit.Day, Servers: 10}}
	built := []Capacity{{At: unit.Day, Watts: 1e5}}
	purchases := s.Purchases(m, lots, Plant{Capacity: built})
	var got [NumKinds]float64
	for _, r := range s.Running(purchases, built, unit.Year+unit.Day) {
		got[r.Kind] += r.Over(0, unit.Year+unit.Day)
	}
	// 2 % a year of chips, servers, network and storage; parts are what it uses up.
	near(t, "maintenance", got[Maintenance], 0.02*7*(1.1*10*120_000+10*8*2_000), rounding)
	near(t, "staff", got[Staff], 1e5*7e-8*float64(unit.Year)+2*float64(unit.Year+unit.Day), rounding)
}

func TestProfiles(t *testing.T) {
	s := testSpec()
	const base = 0.5 / 3.6e6
	for _, row := range s.Prices() {
		for _, v := range row {
			if v != base {
				t.Fatalf("%v without periods, want %v", v, base)
			}
		}
	}
	s.Tariff.Periods = []Period{
		{Months: AllMonths, Hours: 0xff, Factor: unit.Point[unit.Factor](0.38)},
		{Months: AllMonths, Hours: 1<<10 | 1<<11, Factor: unit.Point[unit.Factor](1.7)},
		{Months: 1 << 6, Hours: 1 << 11, Price: price(unit.EnergyPrice(0.2/3.6e6), "USD")},
	}
	got := s.Prices()
	for _, c := range []struct {
		month, hour int
		want        float64
	}{
		{0, 0, 0.38 * base}, {11, 7, 0.38 * base}, {0, 8, base}, {0, 10, 1.7 * base}, {6, 10, 1.7 * base}, {6, 11, 1.4 / 3.6e6}, {7, 11, 1.7 * base},
	} {
		near(t, "price", got[c.month][c.hour], c.want, rounding)
	}
	constant := func(kg float64) Course { return Course{Constant: unit.Point(unit.CarbonIntensity(kg / 3.6e6))} }
	c := Carbon{Intensity: constant(0.4), Periods: []Period{{Months: AllMonths, Hours: 1 << 12, Factor: unit.Point[unit.Factor](0.5)}}}
	emits := func(what string, hour, hourOfYear int, location, market float64) {
		t.Helper()
		e := c.Emissions()
		l, m := e.At(3, hour, hourOfYear)
		near(t, what, l*3.6e6, location, rounding)
		near(t, what+", market-based", m*3.6e6, market, rounding)
	}
	emits("in a period", 12, 0, 0.2, 0.2)
	emits("outside", 13, 0, 0.4, 0.4)
	c.Green = unit.Point[unit.Share](0.6)
	emits("with contracts", 13, 0, 0.4, 0.4*0.4)
	c.Residual, c.ResidualGiven = constant(0), true
	emits("with a residual mix that emits nothing", 13, 0, 0.4, 0)
	c.Residual = constant(0.6)
	emits("with a residual mix", 13, 0, 0.4, 0.4*0.6)
	if e := c.Emissions(); e.Flat() {
		t.Error("periods are flat")
	}
	c.Periods, c.Intensity = nil, Course{Hours: make([]unit.CarbonIntensity, hoursPerYear)}
	c.Intensity.Hours[7] = 0.9 / 3.6e6
	emits("an hour with its own", 13, 7, 0.9, 0.4*0.6)
	emits("an hour without", 13, 8, 0, 0.4*0.6)
	c.Residual, c.ResidualGiven = Course{}, false
	emits("the same for the market", 13, 7, 0.9, 0.4*0.9)
	if e := c.Emissions(); e.Flat() {
		t.Error("hours are flat")
	}
}

func TestEmbodiedCarbonOverLife(t *testing.T) {
	s := testSpec()
	lots, _ := testLots()
	kg := 0.0
	for _, e := range s.Embodied(testMachine(), lots) {
		kg += e.Price - e.Book(50*unit.Year)
	}
	near(t, "embodied carbon", kg, 16*(8*150+1000), rounding)
}

func TestValidateFindsEveryProblem(t *testing.T) {
	s := testSpec()
	if err := s.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Spec){
		"discount":                  func(s *Spec) { s.Discount.High = 2 },
		"hardware_life":             func(s *Spec) { s.Capital.HardwareLife = unit.Point[unit.Duration](0) },
		"price_decline":             func(s *Spec) { s.Capital.Decline = unit.Point[unit.Share](1) },
		"rates.USD":                 func(s *Spec) { s.Rates[0].Value = unit.Point[unit.Factor](0) },
		"facility":                  func(s *Spec) { s.Capital.Facility.Currency = "EUR" },
		"electricity":               func(s *Spec) { s.Tariff.Energy.Value.Low = -1 },
		"tariff.periods[0]":         func(s *Spec) { s.Tariff.Periods = []Period{{Months: AllMonths}} },
		"carbon.periods[0].factor":  func(s *Spec) { s.Carbon.Periods = []Period{{Months: 1, Hours: 1, Factor: unit.Point[unit.Factor](-1)}} },
		"carbon.intensity: -":       func(s *Spec) { s.Carbon.Intensity.Constant = unit.Point[unit.CarbonIntensity](-1) },
		"carbon.residual: 24 hours": func(s *Spec) { s.Carbon.Residual.Hours = make([]unit.CarbonIntensity, 24) },
		"carbon.intensity: -1 kgCO2/kWh in hour 8759": func(s *Spec) {
			s.Carbon.Intensity.Hours = append(make([]unit.CarbonIntensity, hoursPerYear-1), -1/3.6e6)
		},
		"maintenance: 0..0..NaN; it must": func(s *Spec) { s.Operation.Maintenance = unit.Range[unit.Share]{High: unit.Share(math.NaN())} },
	} {
		s := testSpec()
		spoil(&s)
		if err := s.Validate(); err == nil || len(err.Error()) < len(name) || err.Error()[:len(name)] != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}
