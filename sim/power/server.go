package power

import (
	"clustercap/sim/hardware"
)

// Conversion loss of a server's supplies, as shares of their rated output at relative
// load x: idle + linear x + square x^2. The constants make 91.6 % efficiency at a tenth
// of the load, 94.8 % at a fifth, 96.0 % at half and 95.1 % at full; 80 PLUS Titanium
// demands 90, 94, 96 and 91 % (230 V internal redundant) [memory].
const (
	supplyIdle   = 0.008
	supplyLinear = 0.008
	supplySquare = 0.036
)

// fanFloor is the lowest air flow of a server's fans, relative to that at full load:
// controllers keep 30 to 50 % [prior].
const fanFloor = 0.4

// host is everything in a server that is not an accelerator, per chip. Its power with
// the chips idle and at full load is given, as measured; how it rises between the two
// follows from its parts. Fans move air in proportion to the heat, for power as the cube
// of it; supplies lose by load; scale-up switches draw the same at any load; CPUs, DRAM
// and NICs take the rest, straight between its two ends.
type host struct {
	chipIdle, dynamic float64 // of the chip, W
	idle, load        float64 // of CPU, DRAM, NICs, W
	fans              float64 // at full load, W
	heat              float64 // at full load without fans and supplies, W
	supply            float64 // rated output, W
	switches          float64 // W
}

// parts of a server's power that is not its chips', W per chip.
type parts struct{ Host, Fans, Supplies, Switches float64 }

func (p parts) sum() float64 { return p.Host + p.Fans + p.Supplies + p.Switches }

func newHost(server *hardware.Server, chip *hardware.Chip) host {
	n := float64(max(server.Chips, 1))
	idle, full := float64(chip.Idle.Likely), float64(chip.TDP.Likely)
	h := host{
		chipIdle: idle, dynamic: full - idle,
		fans: float64(server.Fans.Likely) / n, supply: float64(server.Supply.Likely) / n, switches: float64(server.Switches.Likely) / n,
	}
	overheadIdle, overheadLoad := float64(server.OverheadIdle.Likely)/n, float64(server.OverheadLoad.Likely)/n
	// The wall draws what is given; what the supplies lose of it is found from their
	// output, which is less by the loss.
	rest := func(chip, overhead, fans float64) float64 {
		return max(overhead-h.loss(h.output(chip+overhead))-fans-h.switches, 0)
	}
	h.load = rest(full, overheadLoad, h.fans)
	h.heat = full + h.load + h.switches
	// Idle fans depend on the idle host, whose part of the heat is small: two rounds
	// leave less than a watt.
	for range 2 {
		h.idle = rest(idle, overheadIdle, h.blow(idle+h.idle+h.switches))
	}
	return h
}

// output is the direct current that supplies give while they take so much.
func (h *host) output(taken float64) float64 {
	given := taken
	for range 8 { // each round leaves a twelfth of the error, so the last far below 1 mW
		given = taken - h.loss(given)
	}
	return given
}

// loss of the supplies that give so much.
func (h *host) loss(given float64) float64 {
	if h.supply == 0 {
		return 0
	}
	x := given / h.supply
	return h.supply * (supplyIdle + supplyLinear*x + supplySquare*x*x)
}

// blow is the fans' power against so much heat.
func (h *host) blow(heat float64) float64 {
	if h.fans == 0 {
		return 0
	}
	flow := max(heat/h.heat, fanFloor)
	return h.fans * flow * flow * flow
}

// split is the power by part while a chip draws so much.
func (h *host) split(chip float64) parts {
	x := 0.0
	if h.dynamic > 0 {
		x = (chip - h.chipIdle) / h.dynamic
	}
	p := parts{Host: h.idle + (h.load-h.idle)*x, Switches: h.switches}
	p.Fans = h.blow(chip + p.Host + p.Switches)
	p.Supplies = h.loss(chip + p.Host + p.Fans + p.Switches)
	return p
}

// at is the power of all of it while a chip draws so much.
func (h *host) at(chip float64) float64 { return h.split(chip).sum() }

// Component is one part of the IT power per chip, in watts.
type Component struct {
	Name             string
	Idle, Mean, Peak float64
}

// Components lists the parts of the IT power per chip: without work, in the mean of a
// step, and in the phase that draws most.
func (m *Meter) Components(a Activity) []Component {
	peak := m.PeakAt(1).Chips
	var mean parts
	chip, t := 0.0, float64(a.Time())
	for s, d := range a.byState() {
		if d > 0 {
			share := float64(d) / t
			p := m.host.split(m.full[s].Chips)
			chip += share * m.full[s].Chips
			mean = parts{mean.Host + share*p.Host, mean.Fans + share*p.Fans, mean.Supplies + share*p.Supplies, mean.Switches + share*p.Switches}
		}
	}
	idle, most := m.host.split(m.chipIdle), m.host.split(peak)
	return []Component{
		{"chip", m.chipIdle, chip, peak},
		{"CPUs, DRAM, NICs", idle.Host, mean.Host, most.Host},
		{"fans", idle.Fans, mean.Fans, most.Fans},
		{"power supplies", idle.Supplies, mean.Supplies, most.Supplies},
		{"scale-up switches", idle.Switches, mean.Switches, most.Switches},
		{"network and storage", m.network, m.network, m.network},
	}
}
