package backtest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// origin is who measured a case: a framework, or the publication of a stack of its own.
type origin struct {
	framework string // "" where nobody is known
	// release is the year and month of the framework's release (2504 is 25.04), or of the
	// NeMo container that it ran in; 0 where none is named.
	release int
}

// frameworks are parts of the names of families and sources, letters and digits only, by
// what they stand for; the first that fits counts.
var frameworks = []struct{ part, framework string }{
	{"automodel", "automodel"},
	{"megatronbridge", "mbridge"},
	{"mbridge", "mbridge"},
	{"dgxc", "dgxc"},
	{"moezoo", "moezoo"},
	{"moemodelzoo", "moezoo"},
	{"torchtitan", "torchtitan"},
	{"tpurecipes", "tpu-recipes"},
	{"maxtext", "maxtext"},
	{"llmfoundry", "mosaic"},
	{"mosaic", "mosaic"},
	{"internevo", "internevo"},
	{"mlperf", "mlperf"},
	{"bigscience", "bloom"},
	{"bloom", "bloom"},
	{"vtrain", "vtrain"},
	{"deepspeed", "deepspeed"},
	{"axonn", "axonn"},
	{"sc21", "sc21"},
	{"korth", "korth22"},
	{"megascale", "megascale"},
	{"nemo", "nemo"},
}

// notFrameworks are models that begin as frameworks do.
var notFrameworks = strings.NewReplacer("nemotron", "", "bloomberg", "")

// vendorNames begin the families of steps that chip vendors publish of stacks without a
// release, vendorSources are in their sources; letters and digits only.
var (
	vendorNames   = []string{"nvidia", "megatron", "dgx", "perf", "neuron", "habana", "gaudi", "rocm"}
	vendorSources = []string{"nvidia", "megatroncore"}
)

// releaseName finds a release named by its year and month: 25.04.02, v24.11.1, 2407.
var releaseName = regexp.MustCompile(`(?:^|[^0-9.])(2[0-9])\.?(0[1-9]|1[0-2])(?:[^0-9]|$)`)

// origin tells it from the family, else from the source.
func (c *Case) origin() origin {
	for _, text := range []string{c.Family, c.Source} {
		name := notFrameworks.Replace(plain(text))
		for _, f := range frameworks {
			if !strings.Contains(name, f.part) {
				continue
			}
			o := origin{framework: f.framework}
			if a := releaseName.FindStringSubmatch(text); a != nil {
				o.release, _ = strconv.Atoi(a[1] + a[2]) // four digits
			}
			return o
		}
	}
	begins := func(v string) bool { return strings.HasPrefix(plain(c.Family), v) }
	within := func(v string) bool { return strings.Contains(plain(c.Source), v) }
	if slices.ContainsFunc(vendorNames, begins) || slices.ContainsFunc(vendorSources, within) {
		return origin{framework: vendor}
	}
	return origin{}
}

// containers are the NeMo containers that releases of dgxc-benchmarking ran, by the
// first such release (its launch.sh and metadata.yaml: GSW_VERSION and FW_VERSION).
// From 25.10 on it runs the container before it, which is Megatron-Bridge's too.
var containers = []struct{ from, container int }{{2508, 2507}, {2505, 2504}, {2504, 2502}, {0, 2409}}

// container is the NeMo container that a case of NVIDIA's own frameworks ran; where the
// release is not named, one of the middle of the case's year. 0 for other frameworks.
func (c *Case) container() int {
	o := c.origin()
	switch o.framework {
	case "nemo", "dgxc", "mbridge":
	default:
		return 0
	}
	if o.release == 0 {
		o.release = (max(c.Year, firstDGXC)-2000)*100 + 6
	}
	switch {
	case o.framework == "mbridge":
		return max(o.release, firstBridge)
	case o.framework == "dgxc" && o.release < 2510:
		for _, k := range containers {
			if o.release >= k.from {
				return k.container
			}
		}
	}
	return o.release
}

const (
	// firstBridge is the first container with Megatron-Bridge.
	firstBridge = 2509
	// firstDGXC is the year of the first release of dgxc-benchmarking.
	firstDGXC = 2024
	// vendor is a stack of the chip's vendor that no release is known of.
	vendor = "vendor"
)

// generation groups NVIDIA's chips by the kernels that stacks have for them; "" for others.
func generation(chip string) string {
	for _, g := range []struct{ prefix, generation string }{
		{"a100", "ampere"}, {"a800", "ampere"}, {"h", "hopper"}, {"gh", "hopper"}, {"b", "blackwell"}, {"gb", "blackwell"},
	} {
		if strings.HasPrefix(chip, g.prefix) {
			return g.generation
		}
	}
	return ""
}
