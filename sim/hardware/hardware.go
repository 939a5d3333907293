// Package hardware describes chips, servers and fabrics as a buyer reads them on
// a data sheet, plus the few efficiency constants that no data sheet prints.
// Every number may be a range: replicas draw from it, estimates use Likely.
package hardware

import (
	"slices"

	"clustercap/sim/unit"
)

// Chip is one accelerator. Rates are dense (no sparsity) and per chip;
// bandwidths are per direction.
type Chip struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Vendor string `json:"vendor"`
	// Year of first shipment.
	Year int `json:"year,omitempty"`

	// Peak dense rates by precision; zero where the chip has no such unit.
	BF16 unit.Range[unit.FLOPRate] `json:"bf16"`
	FP8  unit.Range[unit.FLOPRate] `json:"fp8"`
	FP4  unit.Range[unit.FLOPRate] `json:"fp4"`
	// BlockScaled lists the formats with a scale per block that the matrix units take, at
	// the FP8 or FP4 rate; empty where they have scales for whole products only.
	BlockScaled []Format `json:"block_scaled,omitempty"`

	// Cores is the number of units that work on one matrix tile each (streaming
	// multiprocessors, AI cores); 0 where unknown, and wave quantisation is not
	// modelled.
	Cores int `json:"cores,omitempty"`
	// Exponentials is how many of them a core computes in a clock, of which attention takes one
	// for each score; 0 is 16.
	Exponentials int `json:"exponentials,omitempty"`
	// Array is the width of the square systolic arrays that multiply matrices; 0 where
	// units are smaller than any matrix of a model.
	Array int `json:"array,omitempty"`

	HBM          unit.Range[unit.Bytes]     `json:"hbm"`
	HBMBandwidth unit.Range[unit.Bandwidth] `json:"hbm_bandwidth"`

	// ScaleUp is the bandwidth per direction into the scale-up fabric (NVLink,
	// ICN, HCCS, ICI), in a torus of all links; the size of the domain is the server's.
	ScaleUp unit.Range[unit.Bandwidth] `json:"scale_up"`
	// NIC is the bandwidth per direction into the scale-out fabric.
	NIC unit.Range[unit.Bandwidth] `json:"nic"`

	// TDP is the highest sustained power; Idle the power with no work.
	TDP  unit.Range[unit.Power] `json:"tdp"`
	Idle unit.Range[unit.Power] `json:"idle"`

	// UncorePower is the share of (TDP - Idle) that memory stacks and links draw at work,
	// at any core clock: they keep their own.
	UncorePower unit.Range[unit.Share] `json:"uncore_power"`
	// VoltageSlope is by how much the core's relative voltage falls per relative fall of
	// its clock, VoltageFloor the relative clock below which it falls no more.
	VoltageSlope unit.Range[unit.Factor] `json:"voltage_slope"`
	VoltageFloor unit.Range[unit.Share]  `json:"voltage_floor"`
	// PowerCurve is the chip's measured power in matrix products by clock, lowest clock
	// first, up to full clock and power; it takes the place of the three above.
	PowerCurve []PowerPoint `json:"power_curve,omitempty"`

	Price unit.Range[unit.Money] `json:"price"` // USD per chip
	// Embodied is the carbon of making one chip on its board.
	Embodied unit.Range[unit.Carbon] `json:"embodied,omitempty"`

	// Server and Fabric name the catalog entries that this chip usually comes in.
	Server string `json:"server,omitempty"`
	Fabric string `json:"fabric,omitempty"`

	Efficiency Efficiency `json:"efficiency"`
}

// Format is a number format whose blocks of a few elements have a scale each.
type Format string

// The formats. The first two are Open Compute's (OCP Microscaling Formats, version 1.0,
// table 1).
const (
	MXFP8 Format = "mxfp8" // 8 bits, blocks of 32
	MXFP4 Format = "mxfp4" // 4 bits, blocks of 32
	NVFP4 Format = "nvfp4" // 4 bits, blocks of 16 with an FP8 scale each
)

// rate is the peak rate of the format's products on a chip that takes it.
func (f Format) rate(c *Chip) unit.Range[unit.FLOPRate] {
	if f == MXFP8 {
		return c.FP8
	}
	return c.FP4
}

// Scaled is the peak rate of products in a block-scaled format; zero where the chip's
// matrix units don't take it.
func (c *Chip) Scaled(f Format) unit.Range[unit.FLOPRate] {
	if slices.Contains(c.BlockScaled, f) {
		return f.rate(c)
	}
	return unit.Range[unit.FLOPRate]{}
}

// PowerPoint is a point of a chip's measured power.
type PowerPoint struct {
	// Clock relative to the highest that the chip sustains.
	Clock unit.Share `json:"clock"`
	// Power of the whole chip relative to that at full clock.
	Power unit.Share `json:"power"`
}

// Efficiency holds the constants of a chip generation and its software stack.
// They come from measurement where one exists, else from the stated prior.
type Efficiency struct {
	// Matmul is the share of the peak BF16 rate that a large GEMM sustains in
	// training; the "maximum achievable matmul FLOPS" of a short benchmark is its
	// upper bound. MatmulFP8 is the same against the FP8 peak; absent without one.
	Matmul    unit.Range[unit.Share] `json:"matmul"`
	MatmulFP8 unit.Range[unit.Share] `json:"matmul_fp8,omitempty"`
	// Attention is the share of the peak BF16 rate that a long fused attention kernel
	// reaches with heads 128 wide, or as wide as the chip's arrays.
	Attention unit.Range[unit.Share] `json:"attention"`
	// Memory is the share of the HBM bandwidth that a streaming kernel reaches.
	Memory unit.Range[unit.Share] `json:"memory"`
	// Launch is the shortest time between two dependent kernels.
	Launch unit.Range[unit.Duration] `json:"launch"`
	// ScaleUpBus is the share of the scale-up bandwidth that a large collective reaches.
	ScaleUpBus unit.Range[unit.Share] `json:"scale_up_bus"`
	// ComputeSpread is the coefficient of variation of compute speed between
	// chips of one delivery; it makes the slowest of many a straggler.
	ComputeSpread unit.Range[unit.Share] `json:"compute_spread"`
	// ComputePower is the share of (TDP - Idle) drawn while the matrix units are busy.
	ComputePower unit.Range[unit.Share] `json:"compute_power"`
	// ComputePowerFP8 and ComputePowerFP4 are the same in 8 and 4 bits; as in 16 where
	// left out.
	ComputePowerFP8 unit.Range[unit.Share] `json:"compute_power_fp8,omitempty"`
	ComputePowerFP4 unit.Range[unit.Share] `json:"compute_power_fp4,omitempty"`
	// MemoryPower is the share of (TDP - Idle) drawn by memory-bound kernels.
	MemoryPower unit.Range[unit.Share] `json:"memory_power"`
	// CommPower is the share of (TDP - Idle) drawn while waiting for a collective.
	CommPower unit.Range[unit.Share] `json:"comm_power"`
}

// MaxTorus is the most dimensions that a torus of chips may have.
const MaxTorus = 6

// Server is the unit that is delivered, fails and is repaired.
type Server struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Chips per server.
	Chips int `json:"chips"`
	// ScaleUpDomain is the number of chips that share one scale-up fabric; at
	// least Chips where several servers form one rack-scale domain.
	ScaleUpDomain int `json:"scale_up_domain"`
	// ScaleUpLatency is the time for the smallest message within the domain.
	ScaleUpLatency unit.Range[unit.Duration] `json:"scale_up_latency"`
	// Torus is the number of dimensions of the torus that joins the domain's chips; 0 where
	// switches do, or a mesh.
	Torus int `json:"torus,omitempty"`
	// TorusCube is the width of the cubes that optical switches join to slices of a torus:
	// whole cubes are rings along every axis, parts of one along none. 0 where wiring is
	// fixed, and an axis of a slice is a ring where it is as long as the domain's.
	TorusCube int `json:"torus_cube,omitempty"`
	// Mesh is true where no switch joins the domain's chips but each has links of its own to
	// every other, as many to each: so many of its peers as a group holds, so many of its links
	// the group has.
	Mesh bool `json:"mesh,omitempty"`
	// InNetworkReduction is true where the domain's switches reduce and multicast
	// (NVLink SHARP).
	InNetworkReduction bool `json:"in_network_reduction,omitempty"`
	// HostLink is the bandwidth per chip and direction that large copies between the
	// chip's memory and the host's reach; HostMemory the host's, of the whole server.
	// 0 where nothing is offloaded.
	HostLink   unit.Range[unit.Bandwidth] `json:"host_link,omitempty"`
	HostMemory unit.Range[unit.Bytes]     `json:"host_memory,omitempty"`
	// OverheadIdle and OverheadLoad are the power of everything in the server
	// that is not an accelerator (CPU, DRAM, fans, NICs, conversion loss), with
	// the accelerators idle and at full load.
	OverheadIdle unit.Range[unit.Power] `json:"overhead_idle"`
	OverheadLoad unit.Range[unit.Power] `json:"overhead_load"`
	// Fans is the part of OverheadLoad that the fans draw; 0 in a liquid-cooled server.
	Fans unit.Range[unit.Power] `json:"fans,omitempty"`
	// Supply is the rated output of all power supplies that share the load; with it their
	// part of the overheads follows from a loss curve.
	Supply unit.Range[unit.Power] `json:"supply,omitempty"`
	// Switches is the part of both overheads that scale-up switches draw, those in
	// switch trays of the rack included.
	Switches unit.Range[unit.Power] `json:"switches,omitempty"`
	Price    unit.Range[unit.Money] `json:"price"` // USD per server, chips not included
	// Embodied is the carbon of making the server without its chips.
	Embodied unit.Range[unit.Carbon] `json:"embodied,omitempty"`
}

// Fabric is the scale-out network, nearest tier first.
type Fabric struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Tiers []Tier `json:"tiers"`
	// Planes is the number of networks side by side that a chip's NIC is divided among,
	// a port each: 2 in a dual-plane fabric; one when left out.
	Planes int `json:"planes,omitempty"`
	// Switch that the tiers are built of. With it and the optic, their number follows from
	// the tiers and the chips, and with that the network's power.
	Switch Switch `json:"switch,omitempty"`
	// Optic is the transceiver at each end of a link that is not copper.
	Optic Optic `json:"optic,omitempty"`
	// StoragePerChip is the power of storage and management servers per chip, on top of
	// switches and optics.
	StoragePerChip unit.Range[unit.Power] `json:"storage_per_chip,omitempty"`
	// PowerPerChip is the power of switches, optics and storage per chip; it takes the
	// place of what follows from switch, optic and storage_per_chip.
	PowerPerChip unit.Range[unit.Power] `json:"power_per_chip,omitempty"`
	// PricePerChip of switches and optics, in USD; it takes the place of what follows from
	// the prices of switch and optic.
	PricePerChip unit.Range[unit.Money] `json:"price_per_chip"`
}

// Switch is the switch of which a fabric's tiers are built.
type Switch struct {
	// Bandwidth of all ports together, per direction (the 51.2 Tb/s of a data sheet).
	Bandwidth unit.Range[unit.Bandwidth] `json:"bandwidth"`
	// Power of a switch without the transceivers in its ports.
	Power unit.Range[unit.Power] `json:"power"`
	Price unit.Range[unit.Money] `json:"price"` // USD
}

// Optic is the transceiver at one end of a link.
type Optic struct {
	// Bandwidth per direction of the link; one half of a twin-port module.
	Bandwidth unit.Range[unit.Bandwidth] `json:"bandwidth"`
	// Power of the transceiver at one end.
	Power unit.Range[unit.Power] `json:"power"`
	Price unit.Range[unit.Money] `json:"price"` // USD
}

// Tier is one level of the fabric.
type Tier struct {
	Name string `json:"name"`
	// Chips reachable without leaving the tier (segment, pod, core). The last
	// tier may be 0: it reaches everything.
	Chips int `json:"chips"`
	// Bandwidth per chip and direction at this tier before oversubscription;
	// zero means the chip's NIC.
	Bandwidth unit.Range[unit.Bandwidth] `json:"bandwidth"`
	// Oversubscription is 1 for full bisection, 7 for 1:7.
	Oversubscription unit.Factor `json:"oversubscription"`
	// Latency of one message across this tier.
	Latency unit.Range[unit.Duration] `json:"latency"`
	// Efficiency is the share of the bandwidth that a large collective reaches where load is
	// even (protocol, other jobs).
	Efficiency unit.Range[unit.Share] `json:"efficiency"`
	// LoadSpread is the coefficient of variation of load between the links into the tier
	// where all chips send through them: what hashing of flows or adaptive routing leaves.
	// The more links a job uses, the further is the most loaded one above the mean. 0 where
	// one switch joins all below.
	LoadSpread unit.Range[unit.Share] `json:"load_spread,omitempty"`
	// InNetworkReduction is true where the tier's switches reduce (SHARP).
	InNetworkReduction bool `json:"in_network_reduction,omitempty"`
	// Copper is set where the links down from the tier are passive copper, as within a
	// rack; they need no optics.
	Copper bool `json:"copper,omitempty"`
}
