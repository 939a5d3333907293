package backtest

import (
	"strings"
	"testing"
)

// BigScience's steps before and after Jean Zay's network was tuned ran on two systems.
func TestSystemBeforeItsNetworkWasTuned(t *testing.T) {
	steps, on := loadSteps(t), newShelf(loadCatalog(t))
	seen := map[string]int{}
	for i := range steps.List {
		c := &steps.List[i]
		if c.note("sys") != "a100-jz" {
			continue
		}
		var f Configuration
		if err := c.machine(on, &f); err != nil {
			t.Fatal(err)
		}
		early := strings.Contains(c.Notes, "date 2022-02-2") && strings.Compare(c.Notes[strings.Index(c.Notes, "2022-02-"):][:10], "2022-02-25") < 0
		want := "a100-jz"
		if early {
			want = "a100-jz-untuned"
		}
		seen[want]++
		if w, _ := on.system(want); f.Machine.Chip.NIC != w.Chip.NIC {
			t.Errorf("%s: %v B/s of network, want that of %s", c.ID, f.Machine.Chip.NIC.Likely, want)
		}
	}
	if seen["a100-jz"] == 0 || seen["a100-jz-untuned"] == 0 {
		t.Errorf("rows by system: %v", seen)
	}
}

// A cell that names two chips is priced as the same one every time.
func TestTwoChipsInACell(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for range 50 { // as often as maps change their order
		m, ok := (&Case{Chip: "H200 or H100"}).chip(on)
		if !ok || m.Chip.Name != "h100-sxm" {
			t.Fatalf("priced as %q, want h100-sxm", m.Chip.Name)
		}
	}
}

// Names of chips that go on are other chips.
func TestNamesOfOtherChips(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for _, name := range []string{"Trainium3", "AWS Trainium 3x", "TPU v6p", "TPU v4i", "A1000", "H2000", "MI2500"} {
		if m, ok := (&Case{Chip: name}).chip(on); ok && name != "AWS Trainium 3x" {
			t.Errorf("%s is priced as %s", name, m.Chip.Name)
		}
	}
	for name, want := range map[string]string{
		"Trainium": "trainium1", "Trainium2": "trainium2", "910B": "ascend-910b", "Ascend 910B3": "ascend-910b", "TPU v6": "tpu-v6e",
		"A100 64GB": "a100-80", "A100-SXM4-40GB": "a100-40", "TPU7x": "tpu-v7x", "TPU v5litepod-256": "tpu-v5e", "HL-225": "gaudi2", "8xH100-80GB": "h100-sxm",
	} {
		if m, ok := (&Case{Chip: name}).chip(on); !ok || m.Chip.Name != want {
			t.Errorf("%s is priced as %q, want %s", name, m.Chip.Name, want)
		}
	}
}
