package power

import (
	"clustercap/sim/hardware"
	"clustercap/sim/unit"
)

// Activity is how long the mean chip spends in each power state during a step.
type Activity struct {
	Matrix  unit.Duration // matrix units busy, in 16 bits
	Matrix8 unit.Duration // in 8 bits
	Matrix4 unit.Duration // in 4 bits
	Memory  unit.Duration // memory-bound kernels
	Comm    unit.Duration // exposed collectives
	Wait    unit.Duration // bubble and straggler
}

// Time of the whole step.
func (a Activity) Time() unit.Duration { return a.products() + a.Memory + a.Comm + a.Wait }

// byState is the time in each state; waiting draws as much as a collective.
func (a Activity) byState() [numStates]unit.Duration {
	return [numStates]unit.Duration{a.Matrix, a.Matrix8, a.Matrix4, a.Memory, a.Comm + a.Wait}
}

func (a Activity) products() unit.Duration { return a.Matrix + a.Matrix8 + a.Matrix4 }

// AtClock is the activity at relative clock f: matrix kernels take 1/f as long,
// memory and collectives as long as before. A pipeline bubble and the wait for the
// slowest chip last as long as some chips' work does, so waiting stretches with it.
func (a Activity) AtClock(f float64) Activity {
	busy := a.products() + a.Memory + a.Comm
	if f == 1 || busy <= 0 {
		return a
	}
	slow := Activity{a.Matrix / unit.Duration(f), a.Matrix8 / unit.Duration(f), a.Matrix4 / unit.Duration(f), a.Memory, a.Comm, 0}
	slow.Wait = a.Wait * ((slow.products() + a.Memory + a.Comm) / busy)
	return slow
}

// Draw is power, or energy, by what draws it: watts, or joules.
type Draw struct {
	Chips   float64 // accelerators
	Servers float64 // everything else in a server
	Network float64 // switches, optics and storage
}

// Sum of all.
func (d Draw) Sum() float64 { return d.Chips + d.Servers + d.Network }

// Plus adds k times e.
func (d Draw) Plus(k float64, e Draw) Draw {
	return Draw{d.Chips + k*e.Chips, d.Servers + k*e.Servers, d.Network + k*e.Network}
}

// state is what a chip does, as far as its power depends on it.
type state int

const (
	matrix16 state = iota
	matrix8
	matrix4
	memory
	comm
	numStates
)

// Meter gives the IT power of one chip with its share of the server and the fabric, by
// what the chip does, in watts per chip. What the facility adds is the Plant's.
//
// Chip power is Idle + share x (TDP - Idle), the share by what it does. Part of that
// follows the core's clock, as f V(f)^2, or a measured curve; memory stacks and links
// keep their own clock and draw the same at any. The rest of the server follows its
// chips' power (see host); the network draws the same at any load. It remembers answers,
// so it is not safe for concurrent use.
type Meter struct {
	Idle   Draw // powered, no work
	Matrix Draw // at full clock, as all of these
	Memory Draw
	Comm   Draw

	chipIdle float64 // W
	dynamic  float64 // TDP less idle, W
	uncore   float64 // of it, at any clock, W
	share    [numStates]float64
	full     [numStates]Draw // at full clock
	highest  Draw            // of full
	volts    voltage
	host     host
	network  float64 // W

	minimumClock float64
	floor        float64 // share of the peak below which a chip that trains does not fall

	// Powers by steps below the highest clock, zero where not asked for yet: PeakAt, and at.
	peaks  []Draw
	states [][numStates]Draw

	step int // of the last answer of highestClock
}

// NewMeter reads ranges at Likely. The network is that of a cluster of so many chips.
func NewMeter(chip *hardware.Chip, server *hardware.Server, fabric *hardware.Fabric, chips int, site *Spec) Meter {
	e := &chip.Efficiency
	m := Meter{
		chipIdle: float64(chip.Idle.Likely), dynamic: float64(chip.TDP.Likely - chip.Idle.Likely),
		volts:   newVoltage(chip, site),
		network: float64(fabric.NetworkPower(chips, chip.NIC.Likely)), minimumClock: float64(site.MinClock), floor: float64(site.Smoothing.Floor),
	}
	if m.volts.exponent == 0 {
		m.uncore = float64(chip.UncorePower.Likely) * m.dynamic
	}
	products := float64(e.ComputePower.Likely)
	m.share = [numStates]float64{products, products, products, float64(e.MemoryPower.Likely), float64(e.CommPower.Likely)}
	if own := float64(e.ComputePowerFP8.Likely); own > 0 {
		m.share[matrix8], m.share[matrix4] = own, own
	}
	if own := float64(e.ComputePowerFP4.Likely); own > 0 {
		m.share[matrix4] = own
	}
	m.volts.measured(chip.PowerCurve, m.chipIdle, m.uncore, m.chipIdle+products*m.dynamic)
	m.host = newHost(server, chip)
	m.Idle = Draw{m.chipIdle, m.host.at(m.chipIdle), m.network}
	for s := range numStates {
		m.full[s] = m.at(s, 1)
	}
	m.Matrix, m.Memory, m.Comm = m.full[matrix16], m.full[memory], m.full[comm]
	m.highest = m.peak(1)
	return m
}

// at is the power in a state at relative clock f.
func (m *Meter) at(s state, f float64) Draw {
	above := m.share[s] * m.dynamic
	fixed := min(m.uncore, above)
	chip := m.chipIdle + fixed + (above-fixed)*m.volts.core(f)
	return Draw{chip, m.host.at(chip), m.network}
}

// in is at with the powers at full clock, and at the steps below it, looked up.
func (m *Meter) in(s state, f float64) Draw {
	if f == 1 {
		return m.full[s]
	}
	step := StepOf(f)
	if clockOf(step) != f {
		return m.at(s, f)
	}
	if m.states == nil {
		m.states = make([][numStates]Draw, ClockSteps)
	}
	known := &m.states[step][s]
	if *known == (Draw{}) {
		*known = m.at(s, f)
	}
	return *known
}

// floored is in of a chip that trains: where there is a floor it burns what it lacks.
func (m *Meter) floored(s state, f float64) Draw {
	d := m.in(s, f)
	if m.floor > 0 {
		d.Chips += max(m.floor*m.PeakAt(f).Sum()-d.Sum(), 0)
	}
	return d
}

// PeakAt is the power of the phase that draws most at relative clock f.
func (m *Meter) PeakAt(f float64) Draw {
	if f == 1 {
		return m.highest
	}
	step := StepOf(f)
	if clockOf(step) != f {
		return m.peak(f)
	}
	if m.peaks == nil {
		m.peaks = make([]Draw, ClockSteps)
	}
	if m.peaks[step] == (Draw{}) {
		m.peaks[step] = m.peak(f)
	}
	return m.peaks[step]
}

func (m *Meter) peak(f float64) Draw {
	peak := m.in(matrix16, f)
	for s := matrix8; s < numStates; s++ {
		if s <= matrix4 && m.share[s] == m.share[matrix16] {
			continue
		}
		if d := m.in(s, f); d.Sum() > peak.Sum() {
			peak = d
		}
	}
	return peak
}

// CommAt is the power in a collective at relative clock f.
func (m *Meter) CommAt(f float64) Draw { return m.floored(comm, f) }

// MeanAt is the mean power over a step of activity a (at full clock) run at
// relative clock f. Waiting draws as much as a collective: the chip spins in it.
func (m *Meter) MeanAt(a Activity, f float64) Draw {
	a = a.AtClock(f)
	t := float64(a.Time())
	if t <= 0 {
		return m.CommAt(f)
	}
	var mean Draw
	for s, d := range a.byState() {
		if d > 0 {
			mean = mean.Plus(float64(d)/t, m.floored(state(s), f))
		}
	}
	return mean
}

// Swing is what one chip's power falls by when a step passes from computation to
// communication, at relative clock f.
func (m *Meter) Swing(f float64) float64 {
	return max(m.in(matrix16, f).Sum()-m.CommAt(f).Sum(), 0)
}
