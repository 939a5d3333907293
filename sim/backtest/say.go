package backtest

import (
	"fmt"
)

// say lists what of the layout is not as printed.
func (c *Case) say(f *Configuration) {
	l := f.Layout
	said := func(format string, args ...any) { f.Assumed = append(f.Assumed, fmt.Sprintf(format, args...)) }
	google := f.Machine.Chip.Vendor == "Google"
	for _, d := range []struct {
		name          string
		printed, took int
		usual         int // what a blank column means, not worth saying
	}{
		{"tp", c.TP, l.TP, 1}, {"pp", c.PP, l.PP, 1}, {"vpp", c.VPP, l.VPP, 1}, {"dp", c.DP, l.DP, l.DP}, {"cp", c.CP, l.CP, 1}, {"ep", c.EP, l.EP, 1},
	} {
		switch {
		case d.printed > 0 && d.printed != d.took:
			f.doubt("%s=%d where %d is printed%s", d.name, d.took, d.printed, c.product(d.name))
		case d.printed == 0 && d.took != d.usual:
			said("%s=%d", d.name, d.took)
		}
	}
	switch {
	case google || c.MicroBatch == l.MicroBatch:
	case c.MicroBatch > 0 && c.printsLocalBatch(l, max(c.Batch, c.MicroBatch*l.DP)/l.DP):
		said("mb=%d of a local batch of %d", l.MicroBatch, c.MicroBatch)
	case c.MicroBatch > 0:
		f.doubt("mb=%d where %d is printed", l.MicroBatch, c.MicroBatch)
	default:
		said("mb=%d", l.MicroBatch)
	}
	switch {
	case c.SP == nil && !l.SP && l.TP > 1:
		said("sp=0")
	case c.SP != nil && *c.SP != l.SP && l.TP > 1:
		said("sequence parallelism: %v", l.SP)
	}
	if f.Work.Model.MoE != nil && c.sendsEveryCopy(f.Machine.Chip.Name, f.Machine.Stack.Name) {
		said("each token sent to every one of its experts")
	}
	if c.schedule() != l.Schedule && l.PP > 1 {
		f.doubt("schedule=1f1b: DualPipe needs an even pp, and twice as many microbatches")
	}
	if c.ZeRO == nil || *c.ZeRO != l.ZeRO {
		said("zero=%d during a step", l.ZeRO)
	}
	if _, known := labels["recompute"].word(c.Recompute); !known {
		said("recompute=%s", l.Recompute)
	}
	switch {
	case f.Work.Batch == c.Batch:
	case c.Batch > 0 && c.Batch%(l.DP*l.MicroBatch) == 0:
		said("in proportion to a global batch of %d, whose microbatches the schedule takes evenly", f.Work.Batch)
	case c.idles(l):
		f.doubt("global batch %d over dp=%d replicas of mb=%d: some idle", c.Batch, l.DP, l.MicroBatch)
	case c.Batch > 0:
		f.doubt("global batch %d where %d is printed, which dp=%d and mb=%d do not divide", f.Work.Batch, c.Batch, l.DP, l.MicroBatch)
	default:
		said("global batch %d", f.Work.Batch)
	}
	if used := l.Chips(); used != c.Chips {
		said("%d of the %d chips", used, c.Chips)
	}
}

// product says what the printed degrees multiply to where dp is not what is left of
// the chips.
func (c *Case) product(degree string) string {
	if degree != "dp" {
		return ""
	}
	used := float64(max(1, c.TP)) * float64(max(1, c.PP)) * float64(max(1, c.CP)) * float64(c.DP)
	return fmt.Sprintf(": tp x pp x cp x dp = %.0f of %d chips", used, c.Chips)
}
