package backtest

import (
	"fmt"
	"strings"

	"clustercap/sim/scenario"
	"clustercap/sim/step"
)

// Configuration is a case as the step model takes it.
type Configuration struct {
	Work    step.Workload
	Machine step.Machine
	Layout  step.Layout
	// Assumed lists what the source does not print, as it was taken, and Doubts.
	Assumed []string
	// Doubts lists what a row says against itself or against the chip, and how it was
	// taken: it is priced, and hardly what ran.
	Doubts []string
}

// doubt adds to Doubts, and so to Assumed.
func (f *Configuration) doubt(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	f.Doubts, f.Assumed = append(f.Doubts, text), append(f.Assumed, text)
}

// Configure turns a case into what the step model prices. The error says in one
// sentence why the case cannot be.
func (c *Case) Configure(catalog *scenario.Catalog) (Configuration, error) {
	return c.configure(newShelf(catalog))
}

func (c *Case) configure(on *shelf) (Configuration, error) {
	var f Configuration
	var err error
	if err := c.machine(on, &f); err != nil {
		return f, err
	}
	if f.Machine.Stack, err = c.stack(on, f.Machine.Chip.Name); err != nil {
		return f, err
	}
	c.follow(on, f.Machine.Chip.Name, &f.Machine.Stack)
	var assumed []string
	if f.Work.Model, assumed, err = c.architecture(on); err != nil {
		return f, err
	}
	f.Assumed = append(f.Assumed, assumed...)
	if c.Chips == 0 {
		return f, fmt.Errorf("the number of chips is not known")
	}
	if err := c.precision(&f); err != nil {
		return f, err
	}
	c.sequence(&f)
	if n := cores(f.Machine.Chip.Name); c.TP%n == 0 && c.TP*max(1, c.PP)*max(1, c.CP)*c.DP == n*c.Chips && n > 1 {
		inChips := *c
		inChips.TP /= n
		c = &inChips
		f.Assumed = append(f.Assumed, fmt.Sprintf("tp=%d: the degrees count %d cores a chip", c.TP, n))
	}
	if err := c.layout(&f); err != nil {
		return f, err
	}
	if problems := f.Layout.Problems(&f.Work, &f.Machine); len(problems) > 0 {
		return f, fmt.Errorf("%s", strings.Join(problems, "; "))
	}
	return f, nil
}
