package power

import (
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/unit"
)

// The clock found is the highest of all steps, tried one by one, that holds the bounds.
func TestClockIsTheHighestStepThatHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := testMeter(unit.Factor(rapid.Float64Range(1, 3.5).Draw(t, "exponent")))
		m.minimumClock = rapid.Float64Range(0.01, 1).Draw(t, "lowest clock")
		all := rapid.Float64Range(0, 1000).Draw(t, "watts")
		chip := rapid.Float64Range(0, 500).Draw(t, "watts of the chip")
		want, found := 0.0, false
		for step := 0; !found && step < ClockSteps; step++ {
			if f := clockOf(step); f >= m.minimumClock-1e-12 { // rounding of a share
				p := m.PeakAt(f)
				if p.Sum() <= all && p.Chips <= chip {
					want, found = f, true
				}
			}
		}
		if got, ok := m.ClockWithin(chip, all); got != want || ok != found {
			t.Fatalf("clock %v (%v), the highest that holds is %v (%v)", got, ok, want, found)
		}
		if f, ok := m.ClockFor(all); ok && m.PeakAt(f).Sum() > all {
			t.Fatalf("clock %v draws %v W of %v", f, m.PeakAt(f).Sum(), all)
		}
	})
}

// More power never allows a lower clock.
func TestClockRisesWithPower(t *testing.T) {
	m := testMeter(2.4)
	before := 0.0
	for watts := 0.0; watts < 700; watts++ {
		f, _ := m.ClockFor(watts)
		if f < before {
			t.Fatalf("%g W give clock %g, less gave %g", watts, f, before)
		}
		before = f
	}
	if before != 1 {
		t.Errorf("700 W give clock %g", before)
	}
}
