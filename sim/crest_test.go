package sim

import (
	"math"
	"testing"

	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// What a step's crests take above a limit is the mean of the excess; a load without swings
// takes none below it, and all above.
func TestCrestAboveALimit(t *testing.T) {
	w := power.NewWaveform(1, 100)
	w.Add(0, 0.25, 80) // 180 W for a quarter of the step: 120 W in the mean
	c := crestOf(&w)
	for _, x := range []struct{ limit, want float64 }{{200, 0}, {160, 5}, {120, 15}, {100, 20}, {90, 30}} {
		if got := c.above(120, x.limit); math.Abs(got-x.want) > 1e-9 { // rounding
			t.Errorf("above %g W: %g W, want %g", x.limit, got, x.want)
		}
	}
	var flat crest
	if flat.above(120, 130) != 0 || flat.above(120, 100) != 20 {
		t.Error("a load without swings")
	}
}

// Of a load whose crests alone exceed the grid's limit, a generator makes what they do, and
// a battery gives that and takes it back in the troughs, with its loss; where the troughs
// are too short for that it drains.
func TestCrestsTakeFuelAndLosses(t *testing.T) {
	p := testPlan(2)
	pr := prepared(t, p)
	free := run(t, pr, 0)
	w := pr.NewWorld()
	if _, err := w.Run(0); err != nil {
		t.Fatal(err)
	}
	mean := w.site.plant.AtMeter(16*w.jobs[0].perChip.Sum(), 0)
	const swing = 50.0 // watts of a chip, half of the time up and half down
	var c crest
	for q := range c {
		c[q] = swing
		if q >= len(c)/2 {
			c[q] = -swing
		}
	}
	a := 16 * swing
	trains := (float64(p.Horizon) - 600) / 3.6e9 // MWh per watt, from the end of the start on
	generator := power.Supply{Generators: []power.Generator{{Name: "turbine", Runs: power.WhenShort, Capacity: 1e5}}}
	battery := power.Supply{Battery: power.Battery{Energy: 1e13, Power: 1e5, Efficiency: 0.8}}
	for _, x := range []struct {
		name               string
		supply             power.Supply
		limit              float64
		made, gives, takes float64 // watts
	}{
		{"generator, above the mean", generator, mean + a/2, a / 4, 0, 0},
		{"generator, at the mean", generator, mean, a / 2, 0, 0},
		{"generator, far below", generator, mean - 2*a, 2 * a, 0, 0},
		{"generator, far above", generator, mean + 2*a, 0, 0, 0},
		{"battery, above the mean", battery, mean + a/2, 0, a / 4, a / 4 / 0.8},
		{"battery, at the mean", battery, mean, 0, a / 2, a / 2},
	} {
		p.Site.Supply, p.Site.Phases = x.supply, []power.Phase{{Limit: unit.Power(x.limit)}}
		pr := prepared(t, p)
		pr.losses, pr.crests = [][]float64{{0}}, [][]crest{{c}}
		r := run(t, pr, 0)
		if r.Jobs[0].Tokens != free.Jobs[0].Tokens {
			t.Fatalf("%s: %g tokens, want %g: the limit binds", x.name, r.Jobs[0].Tokens, free.Jobs[0].Tokens)
		}
		s := &r.Site
		check := func(what string, got, want float64) {
			t.Helper()
			if math.Abs(got-want*trains) > 1e-9*mean*trains { // rounding of sums
				t.Errorf("%s: %s %.9g MWh, want %.9g", x.name, what, got, want*trains)
			}
		}
		check("generators make", s.EnergyFrom[1], x.made)
		check("the battery gives", s.DischargedMWh, x.gives)
		check("the battery takes", s.ChargedMWh, x.takes)
		check("grid less load", s.EnergyFrom[0]-s.EnergyMWh, x.takes-x.gives-x.made)
	}
}
