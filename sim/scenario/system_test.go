package scenario

import (
	"slices"
	"testing"
)

// Every system gives a machine that can be priced.
func TestSystems(t *testing.T) {
	c, err := LoadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	if got := len(c.Names("systems")); got != 41 {
		t.Errorf("%d systems, want the 40 of the measurements and Jean Zay before its tuning", got)
	}
	for _, name := range c.Names("systems") {
		m, ok := c.System(name)
		if !ok || m.Chip.BF16.Likely <= 0 || m.Server.ScaleUpDomain < 1 || len(m.Fabric.Tiers) == 0 {
			t.Errorf("%s: %v, no usable machine: %+v", name, ok, m)
		}
	}
	if _, ok := c.System("nowhere"); ok {
		t.Error("a system that does not exist was found")
	}
}

// A system changes what it says and keeps the rest of its chip.
func TestSystemOverrides(t *testing.T) {
	c, err := LoadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	usual, ok := c.Machine("a100-80")
	if !ok {
		t.Fatal("a100-80 has no usual machine")
	}
	// Four 100 Gb/s ports for eight chips are 6.25 GB/s each at most (bigscience README);
	// measured are 40 %, with what the fabric's links lose 44.
	jz, _ := c.System("a100-jz")
	if nic := jz.Chip.NIC; float64(nic.High) != 6.25e9 || float64(nic.Likely) != 2.75e9 {
		t.Errorf("Jean Zay's chips have %v B/s of network, want 2.75 GB/s of 6.25", nic)
	}
	// What was tuned was the network.
	untuned, _ := c.System("a100-jz-untuned")
	if nic := untuned.Chip.NIC.Likely; nic >= jz.Chip.NIC.Likely || untuned.Chip.BF16 != jz.Chip.BF16 || untuned.Fabric.Name != jz.Fabric.Name {
		t.Errorf("before its tuning Jean Zay has %v B/s of network on %s", nic, untuned.Fabric.Name)
	}
	if jz.Chip.Name != "a100-80" || jz.Chip.BF16 != usual.Chip.BF16 || jz.Server.Name != usual.Server.Name {
		t.Errorf("Jean Zay's chip or server is another: %s %v %s", jz.Chip.Name, jz.Chip.BF16, jz.Server.Name)
	}
	if _, ok := c.Machine("nothing"); ok {
		t.Error("a chip that does not exist was found")
	}
}

// Every server of the catalog is some vendor's, and none is of two.
func TestServersOfVendors(t *testing.T) {
	c, err := LoadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	vendors := map[string]bool{}
	for _, name := range c.Names("chips") {
		chip, _ := c.Chip(name)
		vendors[chip.Vendor] = true
		if !slices.Contains(c.ServersOf(chip.Vendor), chip.Server) {
			t.Errorf("%s is not among %s's servers", chip.Server, chip.Vendor)
		}
	}
	of := map[string][]string{}
	for vendor := range vendors {
		for _, server := range c.ServersOf(vendor) {
			of[server] = append(of[server], vendor)
		}
	}
	for _, server := range c.Names("servers") {
		if len(of[server]) != 1 {
			t.Errorf("%s is of %q", server, of[server])
		}
	}
	if got := c.ServersOf("nobody"); len(got) > 0 {
		t.Errorf("nobody makes chips for %q", got)
	}
}
