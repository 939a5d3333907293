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
	site := &Spec{PUE: unit.Point[unit.Factor](1.25), ClockExponent: unit.Point(exponent), MinClock: 0.4}
	m := NewMeter(chip, server, fabric, site)
	return m
}

func TestMeterAddsUp(t *testing.T) {
	m := testMeter(3)
	// 1.25 x (60 + 800/8 + 20); each share adds 1.25 x share x (340 + 800/8).
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"idle", m.Idle, 225},
		{"matrix", m.Matrix, 225 + 0.9*550},
		{"memory", m.Memory, 225 + 0.6*550},
		{"comm", m.Comm, 225 + 0.4*550},
		{"half clock", m.PeakAt(0.5), 225 + 0.9*550/8},
		{"mean", m.MeanAt(Activity{Matrix: 2, Memory: 1, Comm: 0.5, Wait: 0.5}, 1), 225 + 550*(2*0.9+0.6+0.4)/4},
		{"swing", m.Swing(1), 550 * 0.5},
	} {
		if math.Abs(c.got-c.want) > 1e-9 { // rounding of sums of hundreds of watts
			t.Errorf("%s: %v W, want %v", c.name, c.got, c.want)
		}
	}
}

func TestClockForIsTheHighestThatHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := testMeter(unit.Factor(rapid.Float64Range(1, 3.5).Draw(t, "exponent")))
		watts := rapid.Float64Range(0, 1000).Draw(t, "watts")
		f, ok := m.ClockFor(watts)
		switch {
		case ok && m.PeakAt(f) > watts:
			t.Fatalf("clock %v draws %v W of %v", f, m.PeakAt(f), watts)
		case ok && f < 1 && m.PeakAt(min(f*(1+1e-9), 1)) < watts:
			t.Fatalf("a clock above %v stays below %v W", f, watts)
		case !ok && m.PeakAt(0.4) < watts:
			t.Fatalf("the lowest clock draws %v W of %v", m.PeakAt(0.4), watts)
		}
	})
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
