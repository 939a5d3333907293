package step

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/hardware/hardwaretest"
	"clustercap/sim/unit"
)

// sharp is 8-GPU H100 servers whose switches, and those of the fabric's leaves, reduce.
func sharp() *Machine {
	m := &Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(1)}
	m.Chip.Efficiency.ScaleUpBus = unit.Point[unit.Share](368.0 / 450) // the ring as measured
	m.Server.InNetworkReduction = true
	m.Fabric.Tiers[0].InNetworkReduction = true
	m.Stack.InNetworkReduction = true
	return m
}

// Bus bandwidth of a large all-reduce on 2 to 8 x H100 with NVLink SHARP, measured
// (NVIDIA/nccl issue 1455, 2 to 4 GB). Up to four chips the library falls back to the
// ring's rate; the model takes the switches from four on, where it is 11 % above.
func TestSwitchedBusBandwidth(t *testing.T) {
	net := newNetwork(sharp())
	for chips, measured := range map[int]float64{2: 368, 3: 368, 4: 368, 5: 420, 6: 440, 7: 460, 8: 480} {
		const bytes = 4e9
		bus := 2 * float64(chips-1) / float64(chips) * bytes / net.reduce(bytes, group{chips, 1}) / 1e9
		if math.Abs(bus/measured-1) > 0.12 {
			t.Errorf("%d chips: %.0f GB/s, measured %.0f", chips, bus, measured)
		}
	}
}

// A small all-reduce through switches takes as long on 72 chips as on 8; a ring
// takes a step more for each chip.
func TestSwitchesTakeNoStepForEachChip(t *testing.T) {
	m := sharp()
	m.Server.ScaleUpDomain = 72
	net := newNetwork(m)
	const bytes = 1e3
	if a, b := net.reduce(bytes, group{8, 1}), net.reduce(bytes, group{72, 1}); a != b {
		t.Errorf("%v s on 8 chips, %v on 72", a, b)
	}
	m.Stack.InNetworkReduction = false
	net = newNetwork(m)
	step := ringStep + 0.5e-6
	if a, b := net.ring(bytes, group{8, 1}), net.ring(bytes, group{72, 1}); math.Abs(b-a-64*step) > 1e-7 { // 1 KB of wire
		t.Errorf("rings: %v s on 8 chips, %v on 72, want %v more", a, b, 64*step)
	}
}

// Switches are a choice: no collective is slower for having them, and one that has to
// leave the tiers that reduce is none the faster.
func TestSwitchesOnlyHelp(t *testing.T) {
	with := newNetwork(sharp())
	off := sharp()
	off.Stack.InNetworkReduction = false
	without := newNetwork(off)
	rapid.Check(t, func(t *rapid.T) {
		g := group{1 << rapid.IntRange(1, 10).Draw(t, "size"), 1 << rapid.IntRange(0, 5).Draw(t, "stride")}
		bytes := math.Pow(10, rapid.Float64Range(0, 10).Draw(t, "bytes"))
		for _, c := range []struct {
			name       string
			have, lack float64
		}{
			{"all-reduce", with.reduce(bytes, g), without.reduce(bytes, g)},
			{"all-gather", with.gather(bytes, g), without.gather(bytes, g)},
		} {
			if c.have > c.lack {
				t.Errorf("%s of %v bytes over %+v takes %v s, without switches %v", c.name, bytes, g, c.have, c.lack)
			}
			if g.size*g.stride > 256 && c.have != c.lack && with.leaves(g) {
				t.Errorf("%s over %+v gains from leaves that do not hold it", c.name, g)
			}
		}
	})
}

// Between domains each byte crosses a NIC once instead of twice, at the trees' share.
func TestSwitchedAcrossDomains(t *testing.T) {
	net := newNetwork(sharp())
	const bytes = 100e9 // so that latency does not show
	got := net.reduce(bytes, group{32, 8})
	want := bytes / (treeSwitchShare * 50e9 * 0.85)
	if math.Abs(got/want-1) > 1e-3 {
		t.Errorf("%v s over 32 domains, want %v", got, want)
	}
	// With eight chips of each domain the sums' way within it takes longer: up and down
	// seven eighths of the bytes.
	got, want = net.reduce(bytes, group{256, 1}), 2*bytes*7/8/368e9
	if math.Abs(got/want-1) > 1e-3 {
		t.Errorf("%v s over 256 chips, want %v", got, want)
	}
}
