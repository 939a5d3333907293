package power

import (
	"math"

	"clustercap/sim/hardware"
	"clustercap/sim/unit"
)

// Activity is how long the mean chip spends in each power state during a step.
type Activity struct {
	Matrix unit.Duration // matrix units busy
	Memory unit.Duration // memory-bound kernels
	Comm   unit.Duration // exposed collectives
	Wait   unit.Duration // bubble and straggler
}

// Time of the whole step.
func (a Activity) Time() unit.Duration { return a.Matrix + a.Memory + a.Comm + a.Wait }

// AtClock is the activity at relative clock f: matrix kernels take 1/f as long,
// memory and collectives as long as before. A pipeline bubble and the wait for the
// slowest chip last as long as some chips' work does, so waiting stretches with it.
func (a Activity) AtClock(f float64) Activity {
	busy := a.Matrix + a.Memory + a.Comm
	if f == 1 || busy <= 0 {
		return a
	}
	matrix := a.Matrix / unit.Duration(f)
	stretch := (matrix + a.Memory + a.Comm) / busy
	return Activity{matrix, a.Memory, a.Comm, a.Wait * stretch}
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

// Meter gives the IT power of one chip with its share of the server and the fabric, by
// what the chip does, in watts per chip at full clock. What the facility adds is the
// Plant's.
//
// Chip power is Idle + share x (TDP - Idle), the share by kernel kind; the server's
// other power rises linearly from idle to load with the chips' mean load. At relative
// clock f the part above Idle is f^exponent of that, whatever the kernel: voltage falls
// with the clock for all of the chip. (Memory stacks keep their own clock; their share
// of the power is not split off.)
type Meter struct {
	Idle         Draw // powered, no work
	Matrix       Draw
	Memory       Draw
	Comm         Draw
	exponent     float64
	minimumClock float64
}

// NewMeter reads ranges at Likely. The network is that of a cluster of so many chips.
func NewMeter(chip *hardware.Chip, server *hardware.Server, fabric *hardware.Fabric, chips int, site *Spec) Meter {
	idle := Draw{
		Chips:   float64(chip.Idle.Likely),
		Servers: float64(server.OverheadIdle.Likely) / float64(server.Chips),
		Network: float64(fabric.NetworkPower(chips, chip.NIC.Likely)),
	}
	dynamic := Draw{
		Chips:   float64(chip.TDP.Likely - chip.Idle.Likely),
		Servers: float64(server.OverheadLoad.Likely-server.OverheadIdle.Likely) / float64(server.Chips),
	}
	// With load = (chip power - Idle) / (TDP - Idle), which is the share itself.
	at := func(share unit.Share) Draw { return idle.Plus(float64(share), dynamic) }
	e := &chip.Efficiency
	return Meter{
		Idle:         idle,
		Matrix:       at(e.ComputePower.Likely),
		Memory:       at(e.MemoryPower.Likely),
		Comm:         at(e.CommPower.Likely),
		exponent:     float64(site.ClockExponent.Likely),
		minimumClock: float64(site.MinClock),
	}
}

// scale brings a power at full clock to relative clock f.
func (m *Meter) scale(d Draw, f float64) Draw {
	if f == 1 {
		return d
	}
	return m.Idle.Plus(math.Pow(f, m.exponent), d.Plus(-1, m.Idle))
}

// PeakAt is the power of the phase that draws most at relative clock f.
func (m *Meter) PeakAt(f float64) Draw {
	peak := m.Matrix
	for _, d := range [...]Draw{m.Memory, m.Comm} {
		if d.Sum() > peak.Sum() {
			peak = d
		}
	}
	return m.scale(peak, f)
}

// CommAt is the power in a collective at relative clock f.
func (m *Meter) CommAt(f float64) Draw { return m.scale(m.Comm, f) }

// MeanAt is the mean power over a step of activity a (at full clock) run at
// relative clock f. Waiting draws as much as a collective: the chip spins in it.
func (m *Meter) MeanAt(a Activity, f float64) Draw {
	a = a.AtClock(f)
	t := float64(a.Time())
	if t <= 0 {
		return m.CommAt(f)
	}
	mean := Draw{}.Plus(float64(a.Matrix)/t, m.Matrix).Plus(float64(a.Memory)/t, m.Memory).Plus(float64(a.Comm+a.Wait)/t, m.Comm)
	return m.scale(mean, f)
}

// Swing is what one chip's power falls by when a step passes from computation to
// communication, at relative clock f.
func (m *Meter) Swing(f float64) float64 {
	return max(m.scale(m.Matrix, f).Sum()-m.CommAt(f).Sum(), 0)
}
