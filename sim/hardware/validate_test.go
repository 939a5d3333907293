package hardware

import (
	"math"
	"strings"
	"testing"

	"clustercap/sim/unit"
)

func chip() Chip {
	full := unit.Point(unit.Share(0.8))
	return Chip{
		BF16: unit.Point(unit.FLOPRate(1e15)), HBM: unit.Point(unit.Bytes(80e9)),
		HBMBandwidth: unit.Point(unit.Bandwidth(3e12)), ScaleUp: unit.Point(unit.Bandwidth(450e9)),
		NIC: unit.Point(unit.Bandwidth(50e9)), TDP: unit.Point(unit.Power(700)), Idle: unit.Point(unit.Power(80)),
		Efficiency: Efficiency{Matmul: full, Attention: full, Memory: full, ScaleUpBus: full},
	}
}

func server() Server {
	return Server{Chips: 8, ScaleUpDomain: 8}
}

func fabric() Fabric {
	e := unit.Point(unit.Share(0.9))
	return Fabric{Tiers: []Tier{
		{Chips: 16, Oversubscription: 1, Efficiency: e},
		{Chips: 3072, Oversubscription: 1, Efficiency: e},
		{Chips: 0, Oversubscription: 7, Efficiency: e},
	}}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name string
		got  []error
		want []string // one fragment per error, in order
	}{
		{"chip", chip().Validate(), nil},
		{"server", server().Validate(), nil},
		{"fabric", fabric().Validate(), nil},
		{"torus of cubes", Server{Chips: 4, ScaleUpDomain: 4096, Torus: 3, TorusCube: 4}.Validate(), nil},
		{"too many dimensions", Server{Chips: 4, ScaleUpDomain: 64, Torus: 7, TorusCube: -1}.Validate(), []string{"torus: 7 dimensions", "torus_cube: -1 is below 0"}},
		{"cubes of no torus", Server{Chips: 4, ScaleUpDomain: 64, TorusCube: 4}.Validate(), []string{"torus_cube: 4 without torus"}},
		{"mesh", Server{Chips: 8, ScaleUpDomain: 8, Mesh: true}.Validate(), nil},
		{"mesh and torus", Server{Chips: 16, ScaleUpDomain: 16, Mesh: true, Torus: 2}.Validate(), []string{"mesh: true beside torus 2"}},
		{"mesh with switches", Server{Chips: 8, ScaleUpDomain: 8, Mesh: true, InNetworkReduction: true}.Validate(), []string{"mesh: true beside in_network_reduction"}},
		{"rack-scale domain", Server{Chips: 4, ScaleUpDomain: 72}.Validate(), nil},

		{"no chip at all", Chip{}.Validate(), []string{
			"bf16: 0 is not above 0", "hbm: ", "hbm_bandwidth: ", "scale_up: ", "nic: ", "tdp: ",
			"efficiency.matmul: ", "efficiency.attention: ", "efficiency.memory: ", "efficiency.scale_up_bus: ",
		}},
		{"range out of order", changed(chip, func(c *Chip) {
			c.HBM = unit.Range[unit.Bytes]{Low: 2, Likely: 1, High: 3}
		}), []string{"hbm: range 2..1..3 is not in ascending order"}},
		{"not a number", changed(chip, func(c *Chip) {
			c.BF16 = unit.Point(unit.FLOPRate(math.NaN()))
		}), []string{"bf16: NaN is not a finite number"}},
		{"infinite", changed(chip, func(c *Chip) {
			c.NIC.High = unit.Bandwidth(math.Inf(1))
		}), []string{"nic: +Inf is not a finite number"}},
		{"idle above TDP", changed(chip, func(c *Chip) {
			c.Idle = unit.Point(unit.Power(701))
		}), []string{"idle: idle power up to 701 W"}},
		{"share above 1", changed(chip, func(c *Chip) {
			c.Efficiency.ComputePower = unit.Point(unit.Share(1.01))
		}), []string{"efficiency.compute_power: range 1.01..1.01"}},
		{"share of 0 never ends", changed(chip, func(c *Chip) {
			c.Efficiency.Attention = unit.Range[unit.Share]{Low: 0, Likely: 0.5, High: 0.6}
		}), []string{"efficiency.attention: range 0..0.6 is not above 0"}},
		{"FP8 without its share", changed(chip, func(c *Chip) {
			c.FP8 = unit.Point(unit.FLOPRate(2e15))
		}), []string{"efficiency.matmul_fp8: is missing"}},
		{"FP8 share above 1", changed(chip, func(c *Chip) {
			c.Efficiency.MatmulFP8 = unit.Point(unit.Share(1.2))
		}), []string{"efficiency.matmul_fp8: range 1.2..1.2"}},
		{"block scales without a rate", changed(chip, func(c *Chip) {
			c.BlockScaled = []Format{MXFP8, NVFP4}
		}), []string{"block_scaled[0]: mxfp8, and the chip has no fp8 rate", "block_scaled[1]: nvfp4, and the chip has no fp4 rate"}},
		{"block scales of 6 bits", changed(chip, func(c *Chip) {
			c.FP4, c.BlockScaled = unit.Point(unit.FLOPRate(4e15)), []Format{MXFP4, "mxfp6"}
		}), []string{`block_scaled[1]: "mxfp6" is not mxfp8, mxfp4 or nvfp4`}},
		{"negative core count", changed(chip, func(c *Chip) { c.Cores = -1 }), []string{"cores: -1"}},

		{"no server", Server{}.Validate(), []string{"chips: 0 chips"}},
		{"domain smaller than the server", Server{Chips: 16, ScaleUpDomain: 8}.Validate(), []string{"scale_up_domain: 8 chips is smaller"}},
		{"domain splits a server", Server{Chips: 16, ScaleUpDomain: 72}.Validate(), []string{"scale_up_domain: 72 chips is not a whole number"}},
		{"power falls with load", Server{
			Chips: 8, ScaleUpDomain: 8,
			OverheadIdle: unit.Point(unit.Power(2)), OverheadLoad: unit.Point(unit.Power(1)),
		}.Validate(), []string{"overhead_load: 1 W is below"}},

		{"no tiers", Fabric{}.Validate(), []string{"tiers: none"}},
		{"tiers do not ascend", changed(fabric, func(f *Fabric) { f.Tiers[1].Chips = 16 }), []string{"tiers[1].chips: 16 does not exceed"}},
		{"open tier in the middle", changed(fabric, func(f *Fabric) { f.Tiers[0].Chips = 0 }), []string{"tiers[0].chips: only the last"}},
		{"oversubscription below 1", changed(fabric, func(f *Fabric) { f.Tiers[2].Oversubscription = 0.5 }), []string{"tiers[2].oversubscription: 0.5"}},
		{"oversubscription NaN", changed(fabric, func(f *Fabric) {
			f.Tiers[2].Oversubscription = unit.Factor(math.NaN())
		}), []string{"tiers[2].oversubscription: NaN"}},
		{"negative latency", changed(fabric, func(f *Fabric) {
			f.Tiers[0].Latency = unit.Point(unit.Duration(-1))
		}), []string{"tiers[0].latency: -1 is below 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if len(c.got) != len(c.want) {
				t.Fatalf("got %d problems %v, want %d like %q", len(c.got), c.got, len(c.want), c.want)
			}
			for i, e := range c.got {
				if !strings.HasPrefix(e.Error(), c.want[i]) {
					t.Errorf("problem %d is %q, want it to start %q", i, e, c.want[i])
				}
			}
		})
	}
}

// changed validates the sample after one change.
func changed[T interface{ Validate() []error }](sample func() T, change func(*T)) []error {
	v := sample()
	change(&v)
	return v.Validate()
}
