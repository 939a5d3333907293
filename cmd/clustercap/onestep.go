package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"clustercap/sim/scenario"
	"clustercap/sim/step"
)

// count is a flag that takes a whole number from 1 to most.
type count struct {
	value         *int
	example, most int
}

func (c *count) String() string {
	if c.value == nil || *c.value == 0 { // pflag makes a zero flag to compare defaults with
		return ""
	}
	return strconv.Itoa(*c.value)
}

func (c *count) Type() string { return "N" }

func (c *count) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > c.most {
		return fmt.Errorf("not a whole number from 1 to %s", grouped(float64(c.most)))
	}
	*c.value = n
	return nil
}

// hint shows how a flag of that name is written.
func (c *count) hint(flag string) string { return fmt.Sprintf("such as --%s %d", flag, c.example) }

// maxCount bounds the numbers of chips, sequences and tokens on the command line:
// more than any cluster has, and small enough for exact arithmetic.
const maxCount = 10_000_000

// oneStep is what estimate and search price: one training step on catalog hardware.
type oneStep struct {
	model, chip, server, fabric, stack string
	chips, batch, sequence             int
	precision                          *choice
	catalog                            func() (*scenario.Catalog, error)
}

// The defaults of a step that the command line leaves open: the last phase of
// Llama 3 405B's pretraining trained on 2,048 sequences of 8,192 tokens
// (Llama 3 paper, table 4).
const (
	defaultSequence = 8192
	defaultBatch    = 2048
)

func (o *oneStep) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "train the catalog's model `NAME`")
	f.StringVar(&o.chip, "chip", "", "on the catalog's chip `NAME`")
	o.batch, o.sequence = defaultBatch, defaultSequence
	f.Var(&count{&o.chips, 16384, maxCount}, "chips", "on at most `N` chips")
	f.Var(&count{&o.batch, defaultBatch, maxCount}, "batch", "global batch in sequences, `N`")
	f.Var(&count{&o.sequence, defaultSequence, maxCount}, "sequence", "sequence length in tokens, `N`")
	f.StringVar(&o.server, "server", "", "in the catalog's server `NAME` (default the chip's usual one)")
	f.StringVar(&o.fabric, "fabric", "", "on the catalog's fabric `NAME` (default the chip's usual one)")
	f.StringVar(&o.stack, "stack", "", "with the catalog's software stack `NAME` (default the one that the chip was measured with)")
	o.catalog = addCatalog(cmd)
	o.precision = addChoice(cmd, "precision", "of the matrix products", step.Precisions()...)
	for flag, kind := range map[string]string{"model": "models", "chip": "chips", "server": "servers", "fabric": "fabrics", "stack": "stacks"} {
		complete(cmd, flag, func(string) []string {
			c, err := scenario.LoadCatalog()
			if err != nil {
				return nil
			}
			return c.Names(kind)
		})
	}
}

// resolve looks the names up in the catalog and checks the numbers; changes are the
// entries that the step takes from --catalog.
func (o *oneStep) resolve(cmd *cobra.Command) (w step.Workload, m step.Machine, changes []catalogChange, err error) {
	for _, flag := range []string{"model", "chip", "chips"} {
		if !cmd.Flags().Changed(flag) {
			return w, m, nil, badUsage("such as --model llama3-405b --chip h100-sxm --chips 16384", "%s needs --%s", cmd.CommandPath(), flag)
		}
	}
	c, err := o.catalog()
	if err != nil {
		return w, m, nil, err
	}
	w.Sequence, w.Batch, w.Precision = o.sequence, o.batch, step.Precision(o.precision.value)
	if w.Model, err = lookUp(c.Model, c, "models", o.model); err != nil {
		return w, m, nil, err
	}
	if m.Chip, err = lookUp(c.Chip, c, "chips", o.chip); err != nil {
		return w, m, nil, err
	}
	server, fabric := or(o.server, m.Chip.Server), or(o.fabric, m.Chip.Fabric)
	if m.Server, err = lookUp(c.Server, c, "servers", server); err != nil {
		return w, m, nil, err
	}
	if of := c.ServersOf(m.Chip.Vendor); !slices.Contains(of, server) {
		return w, m, nil, badUsage("one of "+strings.Join(of, ", "), "--server %s does not take %s", server, o.chip)
	}
	if m.Fabric, err = lookUp(c.Fabric, c, "fabrics", fabric); err != nil {
		return w, m, nil, err
	}
	if o.stack != "" {
		if m.Stack, err = lookUp(c.Stack, c, "stacks", o.stack); err != nil {
			return w, m, nil, err
		}
		if foreign(&m) {
			say(cmd.ErrOrStderr(), "beware: --stack %s is %s: nobody measured it on %s", o.stack, m.Stack.Title, o.chip)
		}
	}
	changes, err = changesUsed(changesOf(c), map[string]string{"chips": o.chip, "servers": server, "fabrics": fabric, "stacks": o.stack})
	return w, m, changes, err
}

// foreign reports whether a stack was measured on TPUs and the chip is none, or the other
// way round. Titles say it of those on TPUs; the typical ones are of any chip.
func foreign(m *step.Machine) bool {
	return strings.Contains(m.Stack.Title, "TPU") != (m.Chip.Vendor == "Google") && !strings.HasPrefix(m.Stack.Name, "typical")
}

// or is the first of two names that is given.
func or(name, fallback string) string {
	if name != "" {
		return name
	}
	return fallback
}

// lookUp finds one catalog entry by name.
func lookUp[T any](get func(string) (T, bool), c *scenario.Catalog, kind, name string) (T, error) {
	v, ok := get(name)
	if !ok {
		return v, badUsage(nearestHint(name, c.Names(kind)), "the catalog has no %s %q", strings.TrimSuffix(kind, "s"), name)
	}
	return v, nil
}

// part is what one thing takes of a step's time.
type part struct {
	name    string // as in JSON
	label   string
	seconds float64
}

// partsOf lists what a step's time goes to, in the order that it is shown.
func partsOf(p step.Parts) []part {
	return []part{
		{"compute", "compute", float64(p.Compute)},
		{"recompute", "recomputation", float64(p.Recompute)},
		{"tensor_comm", "tensor traffic", float64(p.TensorComm)},
		{"expert_comm", "expert traffic", float64(p.ExpertComm)},
		{"context_comm", "context traffic", float64(p.ContextComm)},
		{"pipe_comm", "pipeline traffic", float64(p.PipeComm)},
		{"data_comm", "data traffic", float64(p.DataComm)},
		{"host_comm", "host traffic", float64(p.HostComm)},
		{"host_wait", "waiting for the host", float64(p.HostWait)},
		{"bubble", "bubble", float64(p.Bubble)},
		{"straggler", "stragglers", float64(p.Straggler)},
		{"overhead", "outside the model", float64(p.Overhead)},
	}
}

// tokensPerSecond of a step.
func tokensPerSecond(s *step.Step) float64 {
	if s.Time <= 0 {
		return math.NaN()
	}
	return float64(s.Tokens) / float64(s.Time)
}
