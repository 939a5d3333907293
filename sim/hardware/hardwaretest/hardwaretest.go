// Package hardwaretest holds hardware for tests, with point values that stay as
// they are when the catalog learns better ones.
package hardwaretest

import (
	"clustercap/sim/hardware"
	"clustercap/sim/unit"
)

func share(v float64) unit.Range[unit.Share] { return unit.Point(unit.Share(v)) }

func efficiency(matmul, fp8 float64) hardware.Efficiency {
	return hardware.Efficiency{
		Matmul: share(matmul), MatmulFP8: share(fp8), Attention: share(0.60), Memory: share(0.85),
		Launch: unit.Point[unit.Duration](2e-6), ScaleUpBus: share(0.78), ComputeSpread: share(0.005),
		ComputePower: share(0.9), MemoryPower: share(0.7), CommPower: share(0.45),
	}
}

// A100 is an A100 80 GB SXM with a 200 Gb/s NIC.
func A100() hardware.Chip {
	return hardware.Chip{
		Name: "a100-80", BF16: unit.Point[unit.FLOPRate](312e12), Cores: 108,
		HBM: unit.Point[unit.Bytes](80e9), HBMBandwidth: unit.Point[unit.Bandwidth](2.0e12),
		ScaleUp: unit.Point[unit.Bandwidth](300e9), NIC: unit.Point[unit.Bandwidth](25e9),
		TDP: unit.Point[unit.Power](400), Idle: unit.Point[unit.Power](62),
		Efficiency: efficiency(0.80, 0),
	}
}

// H100 is an H100 SXM with a 400 Gb/s NIC.
func H100() hardware.Chip {
	return hardware.Chip{
		Name: "h100-sxm", BF16: unit.Point[unit.FLOPRate](989e12), FP8: unit.Point[unit.FLOPRate](1979e12), Cores: 132,
		HBM: unit.Point[unit.Bytes](80e9), HBMBandwidth: unit.Point[unit.Bandwidth](3.35e12),
		ScaleUp: unit.Point[unit.Bandwidth](450e9), NIC: unit.Point[unit.Bandwidth](50e9),
		TDP: unit.Point[unit.Power](700), Idle: unit.Point[unit.Power](90),
		Efficiency: efficiency(0.74, 0.65),
	}
}

// HGX is a server of eight chips on one scale-up switch.
func HGX() hardware.Server {
	return hardware.Server{
		Name: "hgx", Chips: 8, ScaleUpDomain: 8, ScaleUpLatency: unit.Point[unit.Duration](0.5e-6),
		HostLink: unit.Point[unit.Bandwidth](25e9), HostMemory: unit.Point[unit.Bytes](2e12),
		OverheadIdle: unit.Point[unit.Power](1000), OverheadLoad: unit.Point[unit.Power](2500),
	}
}

// Clos is a fabric of 256-chip leaves under a core of this oversubscription.
func Clos(oversubscription unit.Factor) hardware.Fabric {
	return hardware.Fabric{Name: "clos", Tiers: []hardware.Tier{
		{Name: "leaf", Chips: 256, Oversubscription: 1, Latency: unit.Point[unit.Duration](2e-6), Efficiency: share(0.85)},
		{Name: "core", Chips: 0, Oversubscription: oversubscription, Latency: unit.Point[unit.Duration](6e-6), Efficiency: share(0.8)},
	}}
}
