package hardware

import (
	"fmt"
	"math"

	"clustercap/sim/unit"
)

// Validate lists what makes the chip unusable: a rate, capacity or power that is not
// positive, a share outside 0..1, a range out of order. Empty means usable.
func (c Chip) Validate() []error {
	var p problems
	positive(&p, "bf16", c.BF16)
	optional(&p, "fp8", c.FP8)
	optional(&p, "fp4", c.FP4)
	for i, f := range c.BlockScaled {
		at := fmt.Sprintf("block_scaled[%d]", i)
		switch rate := f.rate(&c); {
		case f != MXFP8 && f != MXFP4 && f != NVFP4:
			p.add(at, "%q is not mxfp8, mxfp4 or nvfp4", string(f))
		case rate.High == 0 && f == MXFP8:
			p.add(at, "%s, and the chip has no fp8 rate", f)
		case rate.High == 0:
			p.add(at, "%s, and the chip has no fp4 rate", f)
		}
	}
	if c.Cores < 0 {
		p.add("cores", "%d is below 0", c.Cores)
	}
	if c.Exponentials < 0 {
		p.add("exponentials", "%d is below 0", c.Exponentials)
	}
	if c.Array < 0 {
		p.add("array", "%d is below 0", c.Array)
	}
	positive(&p, "hbm", c.HBM)
	positive(&p, "hbm_bandwidth", c.HBMBandwidth)
	positive(&p, "scale_up", c.ScaleUp)
	positive(&p, "nic", c.NIC)
	positive(&p, "tdp", c.TDP)
	optional(&p, "idle", c.Idle)
	if c.Idle.High > c.TDP.Low {
		p.add("idle", "idle power up to %s is above the lowest TDP of %s", unit.Format(c.Idle.High), unit.Format(c.TDP.Low))
	}
	share(&p, "uncore_power", c.UncorePower)
	if ordered(&p, "voltage_slope", c.VoltageSlope) && (c.VoltageSlope.Low < 0 || c.VoltageSlope.High > 1) {
		p.add("voltage_slope", "range %g..%g is not within 0..1: a voltage falls at most as fast as its clock", c.VoltageSlope.Low, c.VoltageSlope.High)
	}
	share(&p, "voltage_floor", c.VoltageFloor)
	p = append(p, c.validateCurve()...)
	optional(&p, "price", c.Price)
	optional(&p, "embodied", c.Embodied)
	for _, e := range c.Efficiency.Validate() {
		p = append(p, fmt.Errorf("efficiency.%w", e))
	}
	if c.FP8.High > 0 && c.Efficiency.MatmulFP8.High == 0 {
		p.add("efficiency.matmul_fp8", "is missing, and the chip has an FP8 rate")
	}
	return p
}

// validateCurve lists what keeps the measured power curve from being one: points that do
// not rise, no point at full clock and power, less power than idle.
func (c *Chip) validateCurve() []error {
	var p problems
	curve := c.PowerCurve
	if len(curve) == 0 {
		return nil
	}
	for i, point := range curve {
		at := func(field string) string { return fmt.Sprintf("power_curve[%d].%s", i, field) }
		switch {
		case !(point.Clock > 0 && point.Clock <= 1):
			p.add(at("clock"), "%g is not above 0 and at most 1 (100 %%)", point.Clock)
		case i > 0 && point.Clock <= curve[i-1].Clock:
			p.add(at("clock"), "%g does not exceed the point before it, %g; the lowest clock comes first", point.Clock, curve[i-1].Clock)
		}
		switch {
		case !(point.Power > 0 && point.Power <= 1):
			p.add(at("power"), "%g is not above 0 and at most 1 (100 %%)", point.Power)
		case i > 0 && point.Power < curve[i-1].Power:
			p.add(at("power"), "%g is below that of the lower clock before it, %g", point.Power, curve[i-1].Power)
		case float64(point.Power)*float64(c.TDP.Low) < float64(c.Idle.High):
			p.add(at("power"), "%g of %s is below the idle power of %s", point.Power, unit.Format(c.TDP.Low), unit.Format(c.Idle.High))
		}
	}
	if last := curve[len(curve)-1]; last.Clock != 1 || last.Power != 1 {
		p.add(fmt.Sprintf("power_curve[%d]", len(curve)-1), "%g of the power at %g of the clock; the last point is 100 %% at 100 %%", last.Power, last.Clock)
	}
	return p
}

// Validate lists constants out of bounds: shares above 1 or not positive where
// nothing would ever finish, ranges out of order.
func (e Efficiency) Validate() []error {
	var p problems
	speed(&p, "matmul", e.Matmul)
	if e.MatmulFP8 != (unit.Range[unit.Share]{}) {
		speed(&p, "matmul_fp8", e.MatmulFP8)
	}
	speed(&p, "attention", e.Attention)
	speed(&p, "memory", e.Memory)
	optional(&p, "launch", e.Launch)
	speed(&p, "scale_up_bus", e.ScaleUpBus)
	share(&p, "compute_spread", e.ComputeSpread)
	share(&p, "compute_power", e.ComputePower)
	share(&p, "compute_power_fp8", e.ComputePowerFP8)
	share(&p, "compute_power_fp4", e.ComputePowerFP4)
	share(&p, "memory_power", e.MemoryPower)
	share(&p, "comm_power", e.CommPower)
	return p
}

// Validate lists what makes the server unusable: no chips, a scale-up domain that
// is smaller than the server or splits one, power that falls with load.
func (s Server) Validate() []error {
	var p problems
	if s.Chips < 1 {
		p.add("chips", "%d chips; a server has at least one", s.Chips)
	}
	switch {
	case s.ScaleUpDomain < s.Chips:
		p.add("scale_up_domain", "%d chips is smaller than the server's %d", s.ScaleUpDomain, s.Chips)
	case s.Chips > 0 && s.ScaleUpDomain%s.Chips != 0:
		p.add("scale_up_domain", "%d chips is not a whole number of servers of %d", s.ScaleUpDomain, s.Chips)
	}
	if s.Torus < 0 || s.Torus > MaxTorus {
		p.add("torus", "%d dimensions; 2 and 3 are usual, 0 says that switches join the domain", s.Torus)
	}
	switch {
	case s.TorusCube < 0:
		p.add("torus_cube", "%d is below 0", s.TorusCube)
	case s.TorusCube > 0 && s.Torus == 0:
		p.add("torus_cube", "%d without torus; say how many dimensions it has", s.TorusCube)
	}
	switch {
	case s.Mesh && s.Torus > 0:
		p.add("mesh", "true beside torus %d; the domain has one of the two", s.Torus)
	case s.Mesh && s.InNetworkReduction:
		p.add("mesh", "true beside in_network_reduction; a mesh has no switches that could reduce")
	}
	optional(&p, "scale_up_latency", s.ScaleUpLatency)
	optional(&p, "host_link", s.HostLink)
	optional(&p, "host_memory", s.HostMemory)
	optional(&p, "overhead_idle", s.OverheadIdle)
	optional(&p, "overhead_load", s.OverheadLoad)
	if s.OverheadLoad.Likely < s.OverheadIdle.Likely {
		p.add("overhead_load", "%s is below overhead_idle, %s", unit.Format(s.OverheadLoad.Likely), unit.Format(s.OverheadIdle.Likely))
	}
	optional(&p, "fans", s.Fans)
	optional(&p, "supply", s.Supply)
	optional(&p, "switches", s.Switches)
	if most := s.Fans.Likely + s.Switches.Likely; most > s.OverheadLoad.Likely {
		p.add("fans", "with switches are %s, more than overhead_load, %s, which holds both", unit.Format(most), unit.Format(s.OverheadLoad.Likely))
	}
	if s.Switches.Likely > s.OverheadIdle.Likely {
		p.add("switches", "%s is above overhead_idle, %s, which holds them", unit.Format(s.Switches.Likely), unit.Format(s.OverheadIdle.Likely))
	}
	optional(&p, "price", s.Price)
	optional(&p, "embodied", s.Embodied)
	return p
}

// Validate lists what makes the fabric unusable: no tier, tiers that do not ascend,
// an oversubscription below 1, an efficiency outside 0..1.
func (f Fabric) Validate() []error {
	var p problems
	if len(f.Tiers) == 0 {
		p.add("tiers", "none; a fabric has at least one")
	}
	for i, t := range f.Tiers {
		at := func(field string) string { return fmt.Sprintf("tiers[%d].%s", i, field) }
		last := i == len(f.Tiers)-1
		switch {
		case t.Chips < 0:
			p.add(at("chips"), "%d is below 0", t.Chips)
		case t.Chips == 0 && !last:
			p.add(at("chips"), "only the last tier may be 0 (reaches everything)")
		case t.Chips > 0 && i > 0 && t.Chips <= f.Tiers[i-1].Chips:
			p.add(at("chips"), "%d does not exceed the tier before it, %d; tiers ascend", t.Chips, f.Tiers[i-1].Chips)
		}
		optional(&p, at("bandwidth"), t.Bandwidth)
		if !(t.Oversubscription >= 1) || math.IsInf(float64(t.Oversubscription), 0) {
			p.add(at("oversubscription"), "%g; 1 is full bisection, 7 is 1:7", t.Oversubscription)
		}
		optional(&p, at("latency"), t.Latency)
		speed(&p, at("efficiency"), t.Efficiency)
		share(&p, at("load_spread"), t.LoadSpread)
	}
	if f.Planes < 0 {
		p.add("planes", "%d is below 0", f.Planes)
	}
	optional(&p, "switch.bandwidth", f.Switch.Bandwidth)
	optional(&p, "switch.power", f.Switch.Power)
	optional(&p, "switch.price", f.Switch.Price)
	optional(&p, "optic.bandwidth", f.Optic.Bandwidth)
	optional(&p, "optic.power", f.Optic.Power)
	optional(&p, "optic.price", f.Optic.Price)
	switch sw, optic := f.Switch.Bandwidth, f.Optic.Bandwidth; {
	case sw.High == 0 && optic.High > 0:
		p.add("switch.bandwidth", "is missing beside optic.bandwidth; switches and optics are counted together")
	case sw.High > 0 && optic.High == 0:
		p.add("optic.bandwidth", "is missing beside switch.bandwidth; switches and optics are counted together")
	case sw.High > 0 && sw.Low < optic.High:
		p.add("switch.bandwidth", "%s is below that of a link, %s", unit.Format(sw.Low), unit.Format(optic.High))
	case sw.High > 0 && optic.Low == 0:
		p.add("optic.bandwidth", "a range from 0 is no bandwidth of a link")
	}
	optional(&p, "storage_per_chip", f.StoragePerChip)
	optional(&p, "power_per_chip", f.PowerPerChip)
	optional(&p, "price_per_chip", f.PricePerChip)
	return p
}

// problems collects errors that each start with the field's name.
type problems []error

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
}

// ordered reports whether the range is finite and ascending, and says so if not.
func ordered[Q unit.Quantity](p *problems, field string, r unit.Range[Q]) bool {
	for _, v := range []Q{r.Low, r.Likely, r.High} {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			p.add(field, "%g is not a finite number", v)
			return false
		}
	}
	if r.Low > r.Likely || r.Likely > r.High {
		p.add(field, "range %g..%g..%g is not in ascending order", r.Low, r.Likely, r.High)
		return false
	}
	return true
}

// positive demands a range above zero.
func positive[Q unit.Quantity](p *problems, field string, r unit.Range[Q]) {
	if ordered(p, field, r) && r.Low <= 0 {
		p.add(field, "%g is not above 0", r.Low)
	}
}

// optional demands a range not below zero; zero means absent or free.
func optional[Q unit.Quantity](p *problems, field string, r unit.Range[Q]) {
	if ordered(p, field, r) && r.Low < 0 {
		p.add(field, "%g is below 0", r.Low)
	}
}

// share demands a range within 0..1.
func share(p *problems, field string, r unit.Range[unit.Share]) {
	if ordered(p, field, r) && (r.Low < 0 || r.High > 1) {
		p.add(field, "range %g..%g is not within 0..1 (0 %% to 100 %%)", r.Low, r.High)
	}
}

// speed demands a share above zero: at zero the work never ends.
func speed(p *problems, field string, r unit.Range[unit.Share]) {
	if ordered(p, field, r) && (r.Low <= 0 || r.High > 1) {
		p.add(field, "range %g..%g is not above 0 and at most 1 (100 %%)", r.Low, r.High)
	}
}
