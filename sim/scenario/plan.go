// Package scenario reads scenario files: YAML as people write it, its overlays and
// catalog references, resolved into a Plan with nothing left to default and nothing
// left to look up. It is the only package that knows YAML.
package scenario

import (
	"fmt"
	"strings"
	"time"

	"clustercap/sim/cost"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/hardware"
	"clustercap/sim/job"
	"clustercap/sim/power"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// Plan is one plan of a scenario, fully resolved.
type Plan struct {
	Scenario string // the scenario's name
	Title    string
	Name     string // of the plan; BasePlan for the scenario's own
	Start    time.Time
	Horizon  unit.Duration
	Replicas int
	Seed     uint64

	Chip     hardware.Chip
	Server   hardware.Server
	Fabric   hardware.Fabric
	Stack    step.Stack
	Site     power.Spec
	Money    cost.Spec
	Fleet    fleet.Spec
	Failures failure.Spec
	Jobs     []job.Spec

	// Values lists every resolved value with where it came from, in file order.
	Values []Value
}

// BasePlan names the plan that is the scenario itself, without an overlay.
const BasePlan = "base"

// Value is one resolved value and its origin.
type Value struct {
	Path   string // fleet.spares
	Text   string // 2 %
	Origin Origin
	// Source is the citation of a catalog value, its confidence in brackets.
	Source string
}

// Origin says where a value was written.
type Origin struct {
	Kind OriginKind
	// File, Line and Col of a written value; File is the catalog's for catalog
	// values, and the whole flag for FromSet and FromFlag.
	File      string
	Line, Col int
	// Entry of the catalog that the value comes from.
	Entry string
}

// String is how messages show an origin: plan.yaml:12:7, catalog chips.yaml:12
// zhenwu-810e, --set fleet.spares=5 %, --replicas 8, default.
func (o Origin) String() string {
	switch o.Kind {
	case FromCatalog:
		return strings.TrimSuffix(fmt.Sprintf("catalog %s:%d %s", o.File, o.Line, o.Entry), " ")
	case FromFile:
		return fmt.Sprintf("%s:%d:%d", o.File, o.Line, o.Col)
	case FromSet, FromFlag:
		return o.File
	}
	return string(o.Kind)
}

// hasLine is true of what is read from a file, where lines mean something.
func (o Origin) hasLine() bool { return o.Kind != FromSet && o.Kind != FromFlag }

// OriginKind tells written values from those filled in.
type OriginKind string

// The kinds of origin.
const (
	FromFile    OriginKind = "file"
	FromCatalog OriginKind = "catalog"
	FromSet     OriginKind = "--set"
	FromFlag    OriginKind = "flag"
	FromDefault OriginKind = "default"
	Computed    OriginKind = "computed"
)
