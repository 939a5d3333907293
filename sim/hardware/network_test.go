package hardware

import (
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/unit"
)

const gigabit = unit.Bandwidth(125e6) // Gb/s

// clos is a fabric of 64-port switches of 400 Gb/s.
func clos(planes int, tiers ...Tier) Fabric {
	return Fabric{
		Tiers: tiers, Planes: planes,
		Switch: Switch{Bandwidth: unit.Point(25600 * gigabit), Power: unit.Point[unit.Power](750)},
		Optic:  Optic{Bandwidth: unit.Point(400 * gigabit), Power: unit.Point[unit.Power](8.5)},
	}
}

// TestNetworkCountsClosedForms holds the counts to folded Clos networks that were built
// or priced.
func TestNetworkCountsClosedForms(t *testing.T) {
	full := func(chips int) Tier { return Tier{Chips: chips, Oversubscription: 1} }
	fatTree := clos(1, full(32), full(2048), full(0))
	hpn := clos(2, full(1024), full(15360), Tier{Oversubscription: 15})
	hpn.Switch.Bandwidth = unit.Point(51200 * gigabit)
	for _, c := range []struct {
		name             string
		fabric           Fabric
		chips            int
		switches, optics []int
	}{
		// n chips on k-port switches: n/(k/2) leaves and as many in the middle, n/k on top.
		{"one switch", fatTree, 32, []int{1}, []int{64}},
		{"two tiers", fatTree, 2048, []int{64, 32}, []int{4096, 4096}},
		// The sheet of August 2024 has 8,192 switches at 105k chips: 5 x 104,858 / 64.
		{"three tiers", fatTree, 104_858, []int{3277, 3277, 1639}, []int{209_716, 209_716, 209_716}},
		// aliyun/SimAI: 15,360 chips with 2 x 200 Gb/s, 120 switches per plane in the first
		// tier and 120 in the second.
		{"HPN pod", hpn, 15_360, []int{240, 120}, []int{61_440, 30_720}},
		// A fifteenth leaves the pods: 4 x 15,360 x 400 / 15 Gb/s into the core.
		{"four HPN pods", hpn, 61_440, []int{960, 512, 32}, []int{245_760, 122_880, 8192}},
	} {
		n := c.fabric.Network(c.chips, 400*gigabit)
		if len(n.Tiers) != len(c.switches) {
			t.Errorf("%s: %d tiers, want %d", c.name, len(n.Tiers), len(c.switches))
			continue
		}
		for i, tier := range n.Tiers {
			if tier.Switches != c.switches[i] || tier.Optics != c.optics[i] {
				t.Errorf("%s, tier %d: %d switches and %d optics, want %d and %d", c.name, i, tier.Switches, tier.Optics, c.switches[i], c.optics[i])
			}
		}
	}
}

// Copper takes the place of optics and nothing else.
func TestNetworkCopperNeedsNoOptics(t *testing.T) {
	optical := clos(1, Tier{Chips: 16, Oversubscription: 1}, Tier{Oversubscription: 1})
	copper := clos(1, Tier{Chips: 16, Oversubscription: 1, Copper: true}, Tier{Oversubscription: 1})
	a, b := optical.Network(1024, 400*gigabit), copper.Network(1024, 400*gigabit)
	if a.Switches() != b.Switches() || a.Optics()-b.Optics() != 2*1024 || b.Copper() != 1024 || a.Copper() != 0 {
		t.Errorf("optical %+v, copper %+v", a, b)
	}
}

// A slower NIC has a transceiver of its own that draws in proportion.
func TestNetworkPowerOfSlowLinks(t *testing.T) {
	f := clos(1, Tier{Oversubscription: 1})
	// 64 chips at 200 Gb/s fill half a switch: 750 W and 128 ends of 8.5 W / 2.
	if got, want := f.NetworkPower(64, 200*gigabit), unit.Power(750+128*4.25)/64; got != want {
		t.Errorf("%v, want %v", got, want)
	}
	f.PowerPerChip = unit.Point[unit.Power](100)
	if got := f.NetworkPower(64, 200*gigabit); got != 100 {
		t.Errorf("%v, though power_per_chip says 100 W", got)
	}
}

// A larger cluster, a faster NIC, or less oversubscription never needs less.
func TestNetworkGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		over := rapid.Float64Range(1, 16).Draw(t, "oversubscription")
		f := clos(rapid.IntRange(1, 4).Draw(t, "planes"),
			Tier{Chips: 64, Oversubscription: 1}, Tier{Chips: 4096, Oversubscription: 1}, Tier{Oversubscription: unit.Factor(over)})
		chips := rapid.IntRange(1, 100_000).Draw(t, "chips")
		nic := unit.Bandwidth(rapid.Float64Range(50, 1600).Draw(t, "nic")) * gigabit
		n := f.Network(chips, nic)
		wider := f
		wider.Tiers = append([]Tier(nil), f.Tiers...)
		wider.Tiers[2].Oversubscription = 1
		for what, more := range map[string]Network{
			"chips": f.Network(chips+rapid.IntRange(0, 1000).Draw(t, "more"), nic), "NIC": f.Network(chips, nic*1.5), "bisection": wider.Network(chips, nic),
		} {
			if more.Switches() < n.Switches() || more.Optics() < n.Optics() {
				t.Fatalf("more %s: %+v after %+v", what, more, n)
			}
		}
	})
}
