package power

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Waveform is the IT power of one chip over one synchronous step, which repeats. All
// data-parallel replicas are in phase, so that a job's is this times its chips.
type Waveform struct {
	Period float64   // seconds
	Watts  []float64 // means over equal parts of the period
}

// EdgeTime is how long the power of a site takes to change between two phases, in
// seconds: racks under AI training rise and fall within 0.2 s (measured at racks of 15
// to 95 kW, rencewise.com, "AI Workload Power Dynamics", read); chips themselves change
// within milliseconds [prior 0.02 to 0.2 s].
const EdgeTime = 0.1

// The band of oscillations that grids care for, in hertz (Choukse et al. 2025, "Power
// Stabilization for AI Training Datacenters", arXiv 2508.14318): from the slow swings
// of areas against each other to the torsion of turbines' shafts.
const BandLow, BandHigh = 0.1, 20

// NewWaveform divides a period into enough parts for the band: of 5 ms at most, but
// between 256 and 16,384 of them. All start at the base power.
func NewWaveform(period, base float64) Waveform {
	n := 256
	for n < 16384 && period/float64(n) > 0.005 {
		n *= 2
	}
	w := Waveform{Period: period, Watts: make([]float64, n)}
	for i := range w.Watts {
		w.Watts[i] = base
	}
	return w
}

// Add adds power from one time to another within the period.
func (w *Waveform) Add(from, to, watts float64) {
	part := w.Period / float64(len(w.Watts))
	for i := max(int(from/part), 0); i < len(w.Watts) && float64(i)*part < to; i++ {
		covered := min(to, float64(i+1)*part) - max(from, float64(i)*part)
		w.Watts[i] += watts * max(covered, 0) / part
	}
}

// Mean power.
func (w *Waveform) Mean() float64 {
	sum := 0.0
	for _, x := range w.Watts {
		sum += x
	}
	return sum / float64(len(w.Watts))
}

// integral of the power from 0 to a time, in joules; the waveform repeats.
func (w *Waveform) integral(sums []float64, at float64) float64 {
	whole := math.Floor(at / w.Period)
	x := (at/w.Period - whole) * float64(len(w.Watts))
	i := min(int(x), len(w.Watts)-1)
	part := w.Period / float64(len(w.Watts))
	return whole*sums[len(w.Watts)] + sums[i] + w.Watts[i]*(x-float64(i))*part
}

// Edged is the waveform with edges of EdgeTime instead of steep ones: its moving mean.
func (w *Waveform) Edged() Waveform {
	n := len(w.Watts)
	part := w.Period / float64(n)
	sums := make([]float64, n+1)
	for i, x := range w.Watts {
		sums[i+1] = sums[i] + x*part
	}
	out := Waveform{w.Period, make([]float64, n)}
	for i := range out.Watts {
		middle := (float64(i) + 0.5) * part
		out.Watts[i] = (w.integral(sums, middle+EdgeTime/2) - w.integral(sums, middle-EdgeTime/2)) / EdgeTime
	}
	return out
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(x) / x
}

// Stored is the waveform behind storage of so many joules, and the mean power that goes
// through it. The storage acts as a low-pass filter of the first order whose time
// constant is the energy over the swing: what such a filter stores differs by the time
// constant times the swing of what it lets pass, so it never runs empty.
func (w *Waveform) Stored(joules float64) (out Waveform, through float64) {
	swing := w.Swing()
	if joules <= 0 || swing <= 0 {
		return *w, 0
	}
	n := len(w.Watts)
	tau := joules / swing
	part := w.Period / float64(n)
	keep := math.Exp(-part / tau) // of a deviation, over a part
	course := func(y float64, each func(i int, mean float64)) float64 {
		for i, x := range w.Watts {
			each(i, x+(y-x)*(1-keep)*tau/part)
			y = x + (y-x)*keep
		}
		return y
	}
	// What the first period ends with, from 0, leads to what repeats.
	start := course(0, func(int, float64) {}) / -math.Expm1(-w.Period/tau)
	out = Waveform{w.Period, make([]float64, n)}
	course(start, func(i int, mean float64) {
		out.Watts[i] = mean
		through += math.Abs(w.Watts[i]-mean) / 2
	})
	return out, through / float64(n)
}

// Swing is the highest power less the lowest.
func (w *Waveform) Swing() float64 {
	return w.Highest() - slices.Min(w.Watts)
}

// Highest power.
func (w *Waveform) Highest() float64 { return slices.Max(w.Watts) }

// Ramp is the steepest change between two parts, in watts per second.
func (w *Waveform) Ramp() float64 {
	part := w.Period / float64(len(w.Watts))
	most, before := 0.0, w.Watts[len(w.Watts)-1]
	for _, x := range w.Watts {
		most = max(most, math.Abs(x-before)/part)
		before = x
	}
	return most
}

// Band is the largest amplitude of an oscillation within the band, in watts (half of
// what it moves from trough to crest), and its frequency in hertz.
func (w *Waveform) Band() (watts, hertz float64) {
	n := len(w.Watts)
	c := fourier.NewFFT(n).Coefficients(nil, w.Watts)
	for k := 1; k < len(c)-1; k++ {
		f := float64(k) / w.Period
		if f < BandLow || f > BandHigh {
			continue
		}
		// The mean over a part has less of a harmonic than the power itself.
		if a := 2 * math.Hypot(real(c[k]), imag(c[k])) / float64(n) / sinc(math.Pi*float64(k)/float64(n)); a > watts {
			watts, hertz = a, f
		}
	}
	return watts, hertz
}
