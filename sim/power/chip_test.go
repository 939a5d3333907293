package power

import (
	"math"
	"testing"

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
