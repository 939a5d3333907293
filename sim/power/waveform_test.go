package power

import (
	"math"
	"testing"
)

// square is a square wave between 100 and 300 W.
func square(period float64) Waveform {
	w := NewWaveform(period, 100)
	w.Add(0, period/2, 200)
	return w
}

func TestBandOfASquareWave(t *testing.T) {
	for _, c := range []struct {
		period float64
		hertz  float64
		watts  float64
	}{
		{2, 0.5, 4 / math.Pi * 100},         // the fundamental
		{30, 0.1, 4 / math.Pi * 100 / 3},    // the fundamental lies below the band, its third harmonic in it
		{0.04, 0, 0},                        // all of it lies above
		{1 / 18.0, 18, 4 / math.Pi * 100},   // the fundamental alone
		{100, 0.11, 4 / math.Pi * 100 / 11}, // the first odd harmonic from 0.1 Hz on
	} {
		w := square(c.period)
		watts, hertz := w.Band()
		if math.Abs(watts-c.watts) > 1e-3*100 || math.Abs(hertz-c.hertz) > 1e-9 { // parts of 1/256 of a period
			t.Errorf("period %g s: %g W at %g Hz, want %g at %g", c.period, watts, hertz, c.watts, c.hertz)
		}
	}
}

func TestEdgesGiveTheRamp(t *testing.T) {
	w := square(4)
	e := w.Edged()
	if got, want := e.Ramp(), 200/EdgeTime; math.Abs(got-want) > 1e-6*want { // rounding
		t.Errorf("%g W/s, want %g", got, want)
	}
	if got := e.Swing(); math.Abs(got-200) > 1e-6 {
		t.Errorf("swing %g W, want 200", got)
	}
	if math.Abs(e.Mean()-w.Mean()) > 1e-9 {
		t.Errorf("mean %g W, want %g", e.Mean(), w.Mean())
	}
}

// Storage keeps the mean and its own bounds, and more of it leaves less of every swing;
// an exponential between the levels of a square wave is the closed form.
func TestStorageIsALowPass(t *testing.T) {
	w := square(2)
	before := math.Inf(1)
	for _, joules := range []float64{1, 10, 50, 100, 400} {
		out, through := w.Stored(joules)
		tau := joules / 200
		want := 200 * math.Tanh(1/(2*tau))
		if got := out.Swing(); got > want || got < want-200*0.002*2/tau || got >= before { // means over parts of 2 ms at either end
			t.Errorf("%g J: swing %g W, want %g", joules, got, want)
		}
		before = out.Swing()
		if math.Abs(out.Mean()-w.Mean()) > 1e-9 {
			t.Errorf("%g J: mean %g W, want %g", joules, out.Mean(), w.Mean())
		}
		stored, low, high := 0.0, 0.0, 0.0
		for i := range w.Watts {
			stored += (w.Watts[i] - out.Watts[i]) * w.Period / float64(len(w.Watts))
			low, high = min(low, stored), max(high, stored)
		}
		if high-low > joules*(1+1e-9) || !(through > 0 && through <= 50) {
			t.Errorf("%g J: stores %g J, %g W go through", joules, high-low, through)
		}
	}
}

// The mean is what was added, wherever the parts lie.
func TestWaveformKeepsEnergy(t *testing.T) {
	w := NewWaveform(7, 50)
	w.Add(0.1234, 2.3456, 100)
	w.Add(6.9, 7, 10)
	if want := 50 + (2.3456-0.1234)*100/7 + 0.1*10/7; math.Abs(w.Mean()-want) > 1e-9 {
		t.Errorf("mean %g W, want %g", w.Mean(), want)
	}
}

// A floor raises what lies below it, and the mean with it, and nothing else.
func TestFloorRaisesTheMean(t *testing.T) {
	m := testMeter(2.4)
	a := Activity{Matrix: 2, Memory: 1, Comm: 1}
	before := m.MeanAt(a, 1).Sum()
	peak := m.PeakAt(1).Sum()
	for _, floor := range []float64{0.2, 0.5, 0.8, 1} {
		f := m
		f.floor = floor
		least := floor * peak
		want := (2*max(m.Matrix.Sum(), least) + max(m.Memory.Sum(), least) + max(m.Comm.Sum(), least)) / 4
		if got := f.MeanAt(a, 1).Sum(); math.Abs(got-want) > 1e-9 || got < before {
			t.Errorf("floor %g: mean %g W, want %g", floor, got, want)
		}
		if got := f.PeakAt(1).Sum(); got != peak {
			t.Errorf("floor %g: peak %g W, want %g", floor, got, peak)
		}
		if got, want := f.Swing(1), peak-max(m.Comm.Sum(), least); math.Abs(got-max(want, 0)) > 1e-9 {
			t.Errorf("floor %g: swing %g W, want %g", floor, got, want)
		}
	}
}
