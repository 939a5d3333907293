package backtest

import (
	"clustercap/sim/model"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
)

// shelf keeps what it once took from the catalog, which decodes an entry at every
// look-up: hundreds of rows share a few systems and models.
type shelf struct {
	catalog  *scenario.Catalog
	systems  map[string]found[step.Machine]
	machines map[string]found[step.Machine]
	models   map[string]found[model.Model]
	stacks   map[string]found[step.Stack]
}

// found is the answer to a look-up.
type found[T any] struct {
	value T
	ok    bool
}

func newShelf(c *scenario.Catalog) *shelf {
	return &shelf{c, map[string]found[step.Machine]{}, map[string]found[step.Machine]{}, map[string]found[model.Model]{}, map[string]found[step.Stack]{}}
}

func (s *shelf) system(name string) (step.Machine, bool) {
	return take(s.systems, name, s.catalog.System)
}

func (s *shelf) machine(chip string) (step.Machine, bool) {
	return take(s.machines, chip, s.catalog.Machine)
}

func (s *shelf) model(name string) (model.Model, bool) {
	return take(s.models, name, s.catalog.Model)
}

func (s *shelf) stack(name string) (step.Stack, bool) {
	return take(s.stacks, name, s.catalog.Stack)
}

func take[T any](kept map[string]found[T], name string, look func(string) (T, bool)) (T, bool) {
	f, known := kept[name]
	if !known {
		f.value, f.ok = look(name)
		kept[name] = f
	}
	return f.value, f.ok
}
