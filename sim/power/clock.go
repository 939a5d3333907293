package power

import "math"

// ClockSteps is how many clocks a chip has from the highest down to 0: one per half of
// a per cent. Chips change theirs in steps of 7.5 to 15 MHz (nvidia-smi -q -d
// SUPPORTED_CLOCKS), which at 2 GHz is 0.4 to 0.75 %.
const ClockSteps = 200

// clockOf is the clock so many steps below the highest.
func clockOf(step int) float64 { return 1 - float64(step)/ClockSteps }

// StepOf is the step whose clock is next to f.
func StepOf(f float64) int {
	return min(max(int(math.Round((1-f)*ClockSteps)), 0), ClockSteps-1)
}

// lastStep is the lowest step that is not below the lowest clock.
func (m *Meter) lastStep() int {
	return min(int(math.Floor((1-m.minimumClock)*ClockSteps+1e-9)), ClockSteps-1) // 1e-9: rounding of a share
}

// ClockAbove is the next higher clock than f, at most 1.
func (m *Meter) ClockAbove(f float64) float64 { return clockOf(max(StepOf(f)-1, 0)) }

// ClockFor is the highest clock at which a chip's highest phase draws at most watts
// of IT power; ok is false when no clock does.
func (m *Meter) ClockFor(watts float64) (f float64, ok bool) {
	return m.highestClock(func(f float64) bool { return m.PeakAt(f).Sum() <= watts })
}

// ClockWithin is the highest clock at which the accelerator itself draws at most chip
// watts in its highest phase, and with its share of server and fabric at most all
// watts; ok is false when no clock does.
func (m *Meter) ClockWithin(chip, all float64) (f float64, ok bool) {
	return m.highestClock(func(f float64) bool {
		p := m.PeakAt(f)
		return p.Sum() <= all && p.Chips <= chip
	})
}

// highestClock finds the first step from above at which a power, which falls with the
// clock, is low enough: as a rule the answer to the question before, or one next to it.
func (m *Meter) highestClock(fits func(f float64) bool) (f float64, ok bool) {
	if fits(1) {
		return 1, true
	}
	low, high := 0, m.lastStep() // low does not fit
	if high == 0 || !fits(clockOf(high)) {
		return 0, false
	}
	for tries := 0; high-low > 1; tries++ {
		mid := (low + high) / 2
		if guess := m.step - tries; tries < 2 && low < guess && guess < high {
			mid = guess
		}
		if fits(clockOf(mid)) {
			high = mid
		} else {
			low = mid
		}
	}
	m.step = high
	return clockOf(high), true
}

// LowestClock is the lowest at which the chip may train.
func (m *Meter) LowestClock() float64 { return clockOf(m.lastStep()) }
