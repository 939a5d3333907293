package power

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/hardware"
	"clustercap/sim/unit"
)

func testMeter(exponent unit.Factor) Meter {
	chip := &hardware.Chip{
		TDP: unit.Point[unit.Power](400), Idle: unit.Point[unit.Power](60),
		Efficiency: hardware.Efficiency{
			ComputePower: unit.Point[unit.Share](0.9), MemoryPower: unit.Point[unit.Share](0.6), CommPower: unit.Point[unit.Share](0.4),
		},
	}
	server := &hardware.Server{Chips: 8, OverheadIdle: unit.Point[unit.Power](800), OverheadLoad: unit.Point[unit.Power](1600)}
	fabric := &hardware.Fabric{PowerPerChip: unit.Point[unit.Power](20)}
	site := &Spec{ClockExponent: unit.Point(exponent), MinClock: 0.4}
	return NewMeter(chip, server, fabric, 8, site)
}

func TestMeterAddsUp(t *testing.T) {
	m := testMeter(3)
	// 60 + 800/8 + 20; each share adds share x (340 + 800/8).
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"idle", m.Idle.Sum(), 180},
		{"matrix", m.Matrix.Sum(), 180 + 0.9*440},
		{"chips in matrix kernels", m.Matrix.Chips, 60 + 0.9*340},
		{"servers in matrix kernels", m.Matrix.Servers, 100 + 0.9*100},
		{"network in matrix kernels", m.Matrix.Network, 20},
		{"memory", m.Memory.Sum(), 180 + 0.6*440},
		{"comm", m.Comm.Sum(), 180 + 0.4*440},
		{"half clock", m.PeakAt(0.5).Sum(), 180 + 0.9*440/8},
		{"mean", m.MeanAt(Activity{Matrix: 2, Memory: 1, Comm: 0.5, Wait: 0.5}, 1).Sum(), 180 + 440*(2*0.9+0.6+0.4)/4},
		{"swing", m.Swing(1), 440 * 0.5},
	} {
		if math.Abs(c.got-c.want) > 1e-9 { // rounding of sums of hundreds of watts
			t.Errorf("%s: %v W, want %v", c.name, c.got, c.want)
		}
	}
}

func TestAtClockStretchesOnlyMatrixAndWaiting(t *testing.T) {
	a := Activity{Matrix: 4, Memory: 2, Comm: 2, Wait: 2}
	got := a.AtClock(0.5)
	want := Activity{Matrix: 8, Memory: 2, Comm: 2, Wait: 3}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if a.AtClock(1) != a {
		t.Error("full clock changes a step")
	}
}

// h100 is the chip of the published caps, at the middle of its ranges.
func h100() *hardware.Chip {
	return &hardware.Chip{
		TDP: unit.Point[unit.Power](700), Idle: unit.Point[unit.Power](80),
		UncorePower: unit.Point[unit.Share](0.18), VoltageSlope: unit.Point[unit.Factor](0.7), VoltageFloor: unit.Point[unit.Share](0.6),
		Efficiency: hardware.Efficiency{
			ComputePower: unit.Point[unit.Share](0.97), MemoryPower: unit.Point[unit.Share](0.65), CommPower: unit.Point[unit.Share](0.45),
		},
	}
}

func meterOf(chip *hardware.Chip) Meter {
	return NewMeter(chip, &hardware.Server{Chips: 8}, &hardware.Fabric{}, 8, &Spec{MinClock: 0.3})
}

// Above the voltage floor the core's power falls as f V^2, below it as f.
func TestClockFollowsVoltage(t *testing.T) {
	m := meterOf(h100())
	fixed := 0.18 * 620.0
	core := 0.97*620 - fixed
	for _, c := range []struct{ f, core float64 }{
		{1, 1},
		{0.8, 0.8 * 0.86 * 0.86}, // 1 - 0.7 x 0.2
		{0.6, 0.6 * 0.72 * 0.72},
		{0.3, 0.3 * 0.72 * 0.72},
	} {
		if got, want := m.PeakAt(c.f).Chips, 80+fixed+core*c.core; math.Abs(got-want) > 1e-9 {
			t.Errorf("clock %v: %v W, want %v", c.f, got, want)
		}
	}
}

// Power never falls where the clock rises, whatever the curve, and at full clock is what
// the shares say.
func TestPowerRisesWithTheClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chip := h100()
		chip.UncorePower = unit.Point(unit.Share(rapid.Float64Range(0, 1).Draw(t, "uncore")))
		chip.VoltageSlope = unit.Point(unit.Factor(rapid.Float64Range(0, 1).Draw(t, "slope")))
		chip.VoltageFloor = unit.Point(unit.Share(rapid.Float64Range(0, 1).Draw(t, "floor")))
		if n := rapid.IntRange(0, 3).Draw(t, "points"); n > 0 {
			power := 0.2
			for i := range n {
				power = rapid.Float64Range(power, 1).Draw(t, "power")
				chip.PowerCurve = append(chip.PowerCurve, hardware.PowerPoint{Clock: unit.Share(float64(i+1) / float64(n+1)), Power: unit.Share(power)})
			}
			chip.PowerCurve = append(chip.PowerCurve, hardware.PowerPoint{Clock: 1, Power: 1})
		}
		m := meterOf(chip)
		a := Activity{Matrix: 3, Matrix8: 1, Memory: 2, Comm: 1, Wait: 1}
		last, lastMean := 0.0, 0.0
		for k := ClockSteps - 1; k >= 0; k-- {
			f := clockOf(k)
			peak := m.PeakAt(f).Sum()
			if peak < last*(1-1e-12) { // rounding of sums that are equal
				t.Fatalf("clock %v draws %v W, a step below %v", f, peak, last)
			}
			mean := m.MeanAt(a, f).Sum()
			if mean > peak*(1+1e-12) { // rounding of a mean of equal powers
				t.Fatalf("clock %v: mean %v W above the peak of %v", f, mean, peak)
			}
			last, lastMean = peak, mean
		}
		if want := 80 + 0.97*620; math.Abs(last-want) > 1e-9 || lastMean > last {
			t.Fatalf("full clock draws %v W, want %v", last, want)
		}
	})
}

// A measured curve is met at its points.
func TestMeasuredCurveIsMet(t *testing.T) {
	chip := h100()
	chip.PowerCurve = []hardware.PowerPoint{{Clock: 0.5, Power: 0.45}, {Clock: 0.8, Power: 0.7}, {Clock: 1, Power: 1}}
	m := meterOf(chip)
	full := m.PeakAt(1).Chips
	for f, want := range map[float64]float64{0.5: 0.45, 0.65: 0.575, 0.8: 0.7, 0.9: 0.85, 1: 1} {
		if got := m.PeakAt(f).Chips / full; math.Abs(got-want) > 1e-12 {
			t.Errorf("clock %v: %v of the power, want %v", f, got, want)
		}
	}
}

// The parts of a server sum to the given overheads at both ends, and lie between them
// in between: fans and supplies bend the way, not the ends.
func TestServerPartsSumToTheMeasuredEnds(t *testing.T) {
	chip := h100()
	server := &hardware.Server{
		Chips: 8, OverheadIdle: unit.Point[unit.Power](1300), OverheadLoad: unit.Point[unit.Power](3080),
		Fans: unit.Point[unit.Power](1100), Supply: unit.Point[unit.Power](19800), Switches: unit.Point[unit.Power](300),
	}
	h := newHost(server, chip)
	plain := newHost(&hardware.Server{Chips: 8, OverheadIdle: server.OverheadIdle, OverheadLoad: server.OverheadLoad}, chip)
	for chip, want := range map[float64]float64{80: 1300.0 / 8, 700: 3080.0 / 8} {
		if got := h.at(chip); math.Abs(got-want) > 0.1 { // what two rounds leave of idle fans
			t.Errorf("chip at %v W: %.3f W beside it, want %.3f", chip, got, want)
		}
	}
	last := 0.0
	for chip := 80.0; chip <= 700; chip += 10 {
		got := h.at(chip)
		if got < last {
			t.Errorf("chip at %v W: %v W beside it, less than at a lower load", chip, got)
		}
		if got > plain.at(chip)+0.1 { // fans and supplies are convex
			t.Errorf("chip at %v W: %v W beside it, above the straight line's %v", chip, got, plain.at(chip))
		}
		last = got
	}
	if p := h.split(700); math.Abs(p.Fans-1100.0/8) > 1e-9 || p.Switches != 300.0/8 {
		t.Errorf("at full load %+v", p)
	}
}

// The supplies' loss curve is at least as good as 80 PLUS Titanium demands.
func TestSuppliesMeetTitanium(t *testing.T) {
	h := host{supply: 1}
	for load, efficiency := range map[float64]float64{0.1: 0.90, 0.2: 0.94, 0.5: 0.96, 1: 0.91} {
		got := load / (load + h.loss(load))
		if got < efficiency-0.001 || got > efficiency+0.05 { // real ones exceed the demand at full load by 4 points
			t.Errorf("load %v: efficiency %.4f, demanded %.2f", load, got, efficiency)
		}
	}
}
