package backtest

import (
	"fmt"
	"regexp"
	"strings"

	"clustercap/sim/step"
)

// chipNames are publications' names of chips by the catalog's; the longest that a name
// contains counts, letters and digits only, whatever vendor or server stands around it.
var chipNames = map[string]string{
	"a10080gb": "a100-80", "a100": "a100-80", "a10040gb": "a100-40", "a100sxm440gb": "a100-40", "a100sxm40gb": "a100-40",
	"a800": "a800-80", "h100": "h100-sxm", "h10096gbhbm2e": "h100-500w", "h800": "h800-sxm",
	"h20": "h20", "h200": "h200-sxm", "gh200": "gh200",
	"b200": "b200-sxm", "b300": "b300-sxm", "gb200": "gb200-nvl72", "gb300": "gb300-nvl72",
	"mi250": "mi250x-gcd", "mi300x": "mi300x", "mi325x": "mi325x", "mi355x": "mi355x",
	"910b": "ascend-910b", "910c": "ascend-910c", "950dt": "ascend-950dt", "hl225": "gaudi2", "trainium": "trainium1",
	"tpuv4": "tpu-v4", "tpuv5e": "tpu-v5e", "tpuv5p": "tpu-v5p", "tpuv6": "tpu-v6e", "tpuv6e": "tpu-v6e", "tpuv7": "tpu-v7x",
	"v5e": "tpu-v5e", "v5lite": "tpu-v5e", "v5p": "tpu-v5p", "v6e": "tpu-v6e", "trillium": "tpu-v6e",
	"v7x": "tpu-v7x", "tpu7": "tpu-v7x", "tpu7x": "tpu-v7x", "ironwood": "tpu-v7x",
	"ascend910b": "ascend-910b", "ascend910c": "ascend-910c", "ascend950dt": "ascend-950dt",
	"zhenwu810e": "zhenwu-810e", "zhenwum890": "zhenwu-m890", "ppu": "zhenwu-810e",
	"trainium1": "trainium1", "trn1": "trainium1", "trainium2": "trainium2", "trn2": "trainium2", "gaudi2": "gaudi2",
}

// otherBoards are makes of a chip that the catalog's has the name of and more power,
// bandwidth or links than.
var otherBoards = regexp.MustCompile(`pcie|h[12]00nvl`)

// systemRules names the catalog's system of cases that ran on one before it was as its
// own entry says, by what their notes say.
var systemRules = []struct{ system, phrase, then string }{
	{"a100-jz", "before network tuning", "a100-jz-untuned"},
}

// system is the catalog's name of the system that the notes name, "" where they don't.
func (c *Case) system() string {
	sys := c.note("sys")
	for _, r := range systemRules {
		if sys == r.system && c.says(r.phrase) {
			return r.then
		}
	}
	return sys
}

// machine finds the system that the notes name, else the chip in its usual server.
func (c *Case) machine(on *shelf, f *Configuration) error {
	own, known := c.chip(on)
	if otherBoards.MatchString(plain(c.Chip)) {
		f.doubt("%s priced as %s", excerpt(c.Chip), own.Chip.Name)
	}
	sys := c.system()
	m, ok := on.system(sys)
	switch {
	case ok && known && own.Chip.Name != m.Chip.Name && own.Chip.Efficiency != m.Chip.Efficiency:
		f.doubt("%s in its usual server: sys=%s has %s", own.Chip.Name, sys, m.Chip.Name)
		f.Machine = own
	case ok:
		if known && own.Chip.Name != m.Chip.Name {
			// Some systems hold one chip with several sizes of memory; the row says which.
			m.Chip.Name, m.Chip.HBM, m.Chip.HBMBandwidth = own.Chip.Name, own.Chip.HBM, own.Chip.HBMBandwidth
		}
		f.Machine = m
	case !known:
		return fmt.Errorf("the catalog has no chip %q", excerpt(c.Chip))
	default:
		if sys != "" {
			f.Assumed = append(f.Assumed, fmt.Sprintf("usual server and fabric: the catalog has no system %q", excerpt(sys)))
		}
		f.Machine = own
	}
	if n := c.size(shardSlices); n > 1 && c.Chips/n > 0 && f.Machine.Chip.Vendor == "Google" {
		// Slices of a pod are tori of their own, whatever the pod could hold.
		f.Machine.Server.ScaleUpDomain = min(f.Machine.Server.ScaleUpDomain, c.Chips/n)
	}
	return nil
}

// chip is the chip that the row names, in its usual server.
func (c *Case) chip(on *shelf) (step.Machine, bool) {
	if m, ok := on.machine(c.Chip); ok {
		return m, true
	}
	best := ""
	for name := range chipNames {
		if !names(c.Chip, name) {
			continue
		}
		if len(name) > len(best) || len(name) == len(best) && name < best { // of two chips the same one every time
			best = name
		}
	}
	return on.machine(chipNames[best])
}

// names reports whether a text names a chip, whatever stands between the name's letters and
// digits, and no other one whose name goes on: A1000 is no A100, TPU v6p no TPU v6.
func names(text, name string) bool {
	text = strings.ToLower(text)
	for start := range text {
		if n := spelled(text[start:], name); n > 0 && !goesOn(name, text[start+n:]) {
			return true
		}
	}
	return false
}

// spelled is how many bytes of a text spell a name from its start; 0 where it does not.
func spelled(text, name string) int {
	k := 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == name[k]:
			if k++; k == len(name) {
				return i + 1
			}
		case k == 0, plain(text[i:i+1]) != "":
			return 0
		}
	}
	return 0
}

// goesOn reports whether what follows a chip's name makes another chip of it.
func goesOn(name, rest string) bool {
	const digits = "0123456789"
	if rest == "" {
		return false
	}
	numbered := strings.ContainsAny(name[len(name)-1:], digits)
	switch next := rest[:1]; {
	case strings.Contains(digits, next):
		return numbered || !strings.ContainsAny(name, digits)
	case plain(next) != "":
		return numbered && strings.HasPrefix(name, "tpu")
	}
	return false
}

// cores is how many devices frameworks count a chip as.
func cores(chip string) int {
	switch chip {
	case "trainium1", "tpu-v7x": // two NeuronCores, two TensorCores
		return 2
	}
	return 1
}
