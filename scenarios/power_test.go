package scenarios_test

import (
	"math"
	"testing"

	"clustercap/sim/hardware"
	"clustercap/sim/power"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// pretraining is a step as dense models on 8 x H100 or A100 run it, relative.
var pretraining = power.Activity{Matrix: 0.77, Memory: 0.07, Comm: 0.10, Wait: 0.06}

// hall is a hall of one kind of chip.
type hall struct {
	chips int
	meter power.Meter
	site  power.Spec
}

// hallOf builds a hall from the catalog on a fabric of rails, at a site whose cooling may
// be another's, without a limit.
func hallOf(c *scenario.Catalog, chips int, chip, server, site, cooling string) hall {
	h := hall{chips: chips}
	accelerator, _ := c.Chip(chip)
	machine, _ := c.Server(server)
	fabric, _ := c.Fabric("rail-optimised")
	place, _ := c.Site(site)
	plant := place.Cooling.Value
	if cooling != "" {
		plant, _ = c.Cooling(cooling)
	}
	climate := place.Climate.Value
	h.site = power.Spec{Losses: place.Losses, Cooling: plant, Climate: climate, Weather: climate.Year(), MinClock: 0.5}
	h.meter = power.NewMeter(&accelerator, &machine, &fabric, chips, &h.site)
	return h
}

// atMeter is the power at the meter with so much per chip, for which the plant is built,
// in the year's mean weather.
func (h *hall) atMeter(perChip float64) float64 {
	it := float64(h.chips) * perChip
	plant := power.NewPlant(&h.site, []power.Installed{{IT: it}}, power.Calendar{})
	return plant.MeanAtMeter(it)
}

// TestHallOfGB200 holds a hall of 83,000 GB200 against the 150 MW that are published for
// one. Whether that is IT power or the meter's is not said, nor whether a budget or a
// measurement; the two readings lie 8 % apart with cold plates. So the figure must lie
// between the two, and each be within half of the gap and a digit of the figure: 6 %.
func TestHallOfGB200(t *testing.T) {
	h := hallOf(loadCatalog(t), 83_000, "gb200-nvl72", "nvl72-gb200", "us-virginia", "warm-liquid")
	perChip := h.meter.PeakAt(1).Sum()
	it, meter := float64(h.chips)*perChip, h.atMeter(perChip)
	t.Logf("IT %.1f MW, meter %.1f MW, rack %.1f kW", it/1e6, meter/1e6, 72*(perChip-h.meter.Matrix.Network)/1e3)
	if it > 150e6 || meter < 150e6 {
		t.Errorf("150 MW lie outside the %.1f MW of IT and the %.1f MW at the meter", it/1e6, meter/1e6)
	}
	within(t, "IT power", it, 150e6, 0.06)
	within(t, "power at the meter", meter, 150e6, 0.06)
}

// TestHallOfH100 holds 100,000 H100 against about 150 MW. That figure is a budget: 1,389 W
// per chip all-in, of which servers at their nameplate of 10.2 kW, by a PUE of 1.08.
func TestHallOfH100(t *testing.T) {
	h := hallOf(loadCatalog(t), 100_000, "h100-sxm", "hgx-h100", "us-virginia", "")
	const nameplate, measured = 10_200.0 / 8, 8_480.0 / 8 // of a server, W per chip
	network := h.meter.Matrix.Network
	// At the nameplate the network is all that the catalog adds. Network and storage are
	// given as about 10 %: 1 % of the whole for its digit, and 1 % for rounding.
	within(t, "budget per chip", nameplate+network, 1389, 0.02)
	// The plant adds its own to that; the budget's PUE is a round figure between 1.07 and
	// 1.10: 5 %.
	within(t, "budget at the meter", h.atMeter(nameplate+network), 150e6, 0.05)
	// Servers were measured at 83 % of their nameplate in the phase that draws most
	// (arXiv:2412.08602), so that a hall that trains stays below its budget by as much.
	// 3 % for the server (TestServerPower), 2 % for PUE.
	peak := h.atMeter(h.meter.PeakAt(1).Sum())
	t.Logf("nameplate %.1f MW, highest phase %.1f MW, mean %.1f MW", h.atMeter(nameplate+network)/1e6, peak/1e6, h.atMeter(h.meter.MeanAt(pretraining, 1).Sum())/1e6)
	within(t, "highest phase at the meter", peak, 150e6*(measured+network)/(nameplate+network), 0.05)
	if peak >= 150e6 {
		t.Errorf("training draws %.1f MW, more than the budget of 150", peak/1e6)
	}
}

// TestHighestSampleOfA100 holds 8 x A100 against the highest single sample of its trace,
// 6,554 W (AcmeTrace server_power). Chips went up to 600 W of 400 there in the shortest
// spikes, which the model's phases do not have, and the server's overhead at the high end
// of its range stands for them: it was set from this very sample, so this only guards that
// the range holds it. A digit of the overhead is 1 %.
func TestHighestSampleOfA100(t *testing.T) {
	c := loadCatalog(t)
	chip, _ := c.Chip("a100-80")
	server, _ := c.Server("hgx-a100")
	most := func() float64 {
		m := power.NewMeter(&chip, &server, &hardware.Fabric{}, server.Chips, &power.Spec{MinClock: 0.5})
		return float64(server.Chips) * m.PeakAt(1).Sum()
	}
	if likely := most(); likely > 6554 {
		t.Errorf("highest phase %.0f W, above the highest sample of 6,554 W", likely)
	}
	server.OverheadLoad.Likely = server.OverheadLoad.High
	within(t, "highest sample", most(), 6554, 0.01)
}

// capped is by what share longer a step takes with the chip held to so many watts.
func capped(chip hardware.Chip, a power.Activity, watts float64) float64 {
	m := chipAlone(chip)
	f, _ := m.ClockWithin(watts, math.Inf(1))
	return float64(a.AtClock(f).Time()/a.Time()) - 1
}

// chipAlone meters a chip without server and network.
func chipAlone(chip hardware.Chip) power.Meter {
	return power.NewMeter(&chip, &hardware.Server{Chips: 8}, &hardware.Fabric{}, 8, &power.Spec{MinClock: 0.3})
}

// saved is the largest share of a chip's energy that a lower clock saves at no more than
// 3 % less speed.
func saved(chip hardware.Chip, a power.Activity) float64 {
	m := chipAlone(chip)
	best := 0.0
	for f := 1.0; f > 0.4; f -= 1.0 / power.ClockSteps {
		if time := float64(a.AtClock(f).Time() / a.Time()); time <= 1/0.97 {
			best = max(best, 1-time*m.MeanAt(a, f).Chips/m.MeanAt(a, 1).Chips)
		}
	}
	return best
}

// TestCapsOfCatalogChips holds the catalog's chips, over their ranges of voltage and
// uncore power, to what is published of caps. Sources are weak (the catalog says so), so
// what is held is that the ranges come as near as the physics allows.
func TestCapsOfCatalogChips(t *testing.T) {
	c := loadCatalog(t)
	h100, _ := c.Chip("h100-sxm")
	b200, _ := c.Chip("b200-sxm")
	// The ends of the ranges that slow a capped chip most and least.
	slow, fast := h100, h100
	slow.VoltageSlope.Likely, slow.UncorePower.Likely = slow.VoltageSlope.Low, slow.UncorePower.High
	fast.VoltageSlope.Likely, fast.UncorePower.Likely = fast.VoltageSlope.High, fast.UncorePower.Low
	bound := power.Activity{Matrix: 0.25, Memory: 0.55, Comm: 0.15, Wait: 0.05}
	for _, x := range []struct {
		what      string
		work      power.Activity
		low, high float64 // published
	}{
		{"pretraining", pretraining, 0.10, 0.15},
		{"memory-bound", bound, 0.05, 0.08},
	} {
		least, likely, most := capped(fast, x.work, 600), capped(h100, x.work, 600), capped(slow, x.work, 600)
		t.Logf("%s on H100 at 600 of 700 W: %.1f..%.1f..%.1f %% slower, published %.0f to %.0f", x.what, 100*least, 100*likely, 100*most, 100*x.low, 100*x.high)
		// Voltage at its floor already, so that power falls as f alone, would be the
		// slowest that the physics allows; the published figures lie between that and the
		// catalog's likely value, and the catalog never says that a cap costs more.
		floored := h100
		floored.VoltageSlope.Likely = 0
		if worst := capped(floored, x.work, 600); least > likely || likely > most || most > worst || likely > x.high {
			t.Errorf("%s at 600 W: %.3f, %.3f, %.3f slower over the ranges, %.3f with voltage at its floor; published %.2f to %.2f",
				x.what, least, likely, most, worst, x.low, x.high)
		}
		// Half of the lower end: the vendor's two pages differ by a factor of two.
		if most < x.low/2 {
			t.Errorf("%s at 600 W is at most %.1f %% slower, published %.0f to %.0f", x.what, 100*most, 100*x.low, 100*x.high)
		}
	}
	// Up to 15 % less energy at no more than 3 % less speed, the best of the work that the
	// vendor tried: the best of the ranges in memory-bound work reaches it, and no part of
	// the ranges says more in pretraining. 2 points: the vendor's digits, and the share of
	// matrix products, a supposition.
	low, high := b200, b200
	low.VoltageSlope.Likely, low.UncorePower.Likely = low.VoltageSlope.Low, low.UncorePower.High
	high.VoltageSlope.Likely, high.UncorePower.Likely = high.VoltageSlope.High, high.UncorePower.Low
	inference := power.Activity{Matrix: 0.25, Memory: 0.75}
	t.Logf("B200 at 3 %% less speed saves %.1f..%.1f..%.1f %% memory-bound, %.1f..%.1f..%.1f %% in pretraining",
		100*saved(low, inference), 100*saved(b200, inference), 100*saved(high, inference),
		100*saved(low, pretraining), 100*saved(b200, pretraining), 100*saved(high, pretraining))
	if saved(b200, inference) > 0.17 || saved(high, inference) < 0.13 {
		t.Errorf("B200 at 3 %% less speed saves %.3f, at the best end %.3f; published up to 0.15", saved(b200, inference), saved(high, inference))
	}
	// At the catalog's likely values the claim is that of work with so much in matrix products:
	// decoding and other memory-bound work have less, pretraining more.
	for share := unit.Duration(0.5); ; share -= 0.01 {
		if saved(b200, power.Activity{Matrix: share, Memory: 1 - share}) < 0.15 {
			continue
		}
		t.Logf("with %.0f %% of its time in matrix products a B200 saves the published 15 %%", 100*share)
		if share < 0.10 || share > 0.30 {
			t.Errorf("15 %% are saved with %.0f %% in matrix products, want 10 to 30: memory-bound, and not nothing else", 100*share)
		}
		break
	}
	if saved(high, pretraining) > 0.15 || saved(low, pretraining) <= 0 {
		t.Errorf("B200 in pretraining saves %.3f to %.3f at 3 %% less speed; published up to 0.15", saved(low, pretraining), saved(high, pretraining))
	}
}

// TestDayAndNight holds the speed of a site whose limit binds, over the hours of July,
// to Llama 3's 1 to 2 % by the time of day. There the higher temperature at midday acts
// on the chips' own voltage and frequency; here on cooling, which leaves less of the
// limit to the IT equipment, and so by the same means, a lower clock. The two mechanisms
// are of one size, not the same: half a per cent either side, the published digit.
func TestDayAndNight(t *testing.T) {
	c := loadCatalog(t)
	for _, name := range []string{"shaoguan", "us-virginia"} {
		h := hallOf(c, 16_384, "h100-sxm", "hgx-h100", name, "")
		// A limit that the mean weather of the year just meets with every chip in its
		// highest phase: a site filled to it.
		limit := h.atMeter(h.meter.PeakAt(1).Sum())
		h.site.Phases = []power.Phase{{Limit: unit.Power(limit)}}
		plant := power.NewPlant(&h.site, nil, power.Calendar{})
		const july, days = 181, 31
		sum := 0.0
		for day := july; day < july+days; day++ {
			low, high := math.Inf(1), 0.0
			for hour := 24 * day; hour < 24*(day+1); hour++ {
				it := min(plant.Capacity(limit, hour), plant.HeatLimit(hour))
				f, ok := h.meter.ClockFor(it / float64(h.chips))
				if !ok {
					t.Fatalf("%s: no clock fits on day %d", name, day)
				}
				speed := 1 / float64(pretraining.AtClock(f).Time())
				low, high = min(low, speed), max(high, speed)
			}
			sum += 1 - low/high
		}
		mean := sum / days
		t.Logf("%s: %.2f %% between day and night in July", name, 100*mean)
		if mean < 0.005 || mean > 0.025 {
			t.Errorf("%s: %.2f %% between day and night in July, published 1 to 2 %%", name, 100*mean)
		}
	}
}
