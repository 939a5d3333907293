package power

import (
	"errors"
	"fmt"
	"slices"

	"clustercap/sim/unit"
)

// Limits bound the IT power of parts of the site at every instant; 0 is no limit. Each
// holds for every chip, rack, row or hall alike. That of the site is in Spec.Phases.
type Limits struct {
	Chip            unit.Power // of an accelerator alone
	Rack, Row, Hall unit.Power // of all IT equipment in it
}

// Any reports whether there is a limit.
func (l *Limits) Any() bool { return *l != Limits{} }

// Action is what a site does when its power is short.
type Action string

// The actions.
const (
	Cap   Action = "cap"   // lower the clock of all chips alike, to the lowest at most
	Pause Action = "pause" // pause the jobs of the lowest priority
	Shed  Action = "shed"  // switch off the newest servers
	// Stagger has jobs wait that are about to start, or to go on after a pause, for power
	// that those that train leave.
	Stagger Action = "stagger"
)

// Actions lists them.
func Actions() []Action { return []Action{Cap, Pause, Shed, Stagger} }

// Policy is the order of actions. Jobs pause, and then all equipment gets the same
// share of its power, where what the policy names does not do.
type Policy []Action

// Before reports whether action a comes before b; one that is not named comes last.
func (p Policy) Before(a, b Action) bool {
	i, j := slices.Index(p, a), slices.Index(p, b)
	return i >= 0 && (j < 0 || i < j)
}

// Names reports whether the policy names an action.
func (p Policy) Names(a Action) bool { return slices.Contains(p, a) }

// validate returns every problem.
func (p Policy) validate() error {
	var errs []error
	for i, a := range p {
		if !slices.Contains(Actions(), a) {
			errs = append(errs, fmt.Errorf("policy[%d]: %q is no action", i, a))
		}
		if slices.Contains(p[:i], a) {
			errs = append(errs, fmt.Errorf("policy[%d]: %s is there twice", i, a))
		}
	}
	return errors.Join(errs...)
}
