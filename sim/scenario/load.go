package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"clustercap/scenarios"
)

// Options change how a scenario is loaded.
type Options struct {
	// Set holds path=value texts that override the file and its plans, in order.
	Set []string
	// Flags do the same, after Set, under names of their own.
	Flags []Flag

	catalog *Catalog // nil for the built-in one
}

// Flag is a command-line flag that stands for one value of a scenario.
type Flag struct {
	Name        string // "--replicas"
	Path, Value string // "replicas", "32"
}

// Scenario is a file with all its plans resolved.
type Scenario struct {
	Name  string
	Title string
	File  string // as the user named it
	base  string // name of the scenario's own plan
	plans map[string]*Plan
	names []string // of the overlays, in file order
}

// maxPlans bounds the plans of one file.
const maxPlans = 200

// Load reads a scenario file, lays it over its base, applies the overrides and
// resolves every plan. The error is a *Problems with everything that is wrong in
// the file, its base, its plans and the overrides.
func Load(file string, opts Options) (*Scenario, error) {
	l := loader{catalog: opts.catalog}
	if l.catalog == nil {
		var err error
		if l.catalog, err = builtInCatalog(); err != nil {
			return nil, err
		}
	}
	root := l.read(file, nil)
	if root == nil {
		return nil, l.c.err()
	}
	return l.resolveAll(file, root, opts)
}

// loadText resolves a scenario that is in memory and has no base.
func loadText(file string, data []byte, opts Options) (*Scenario, error) {
	l := loader{catalog: opts.catalog}
	root := parse(data, Origin{Kind: FromFile, File: file}, &l.c)
	if root == nil {
		return nil, l.c.err()
	}
	return l.resolveAll(file, root, opts)
}

// loader gathers the problems of one Load.
type loader struct {
	c       collector
	catalog *Catalog
	tree    string // the folder that bases must stay in, symlinks resolved
}

// maxBases bounds a chain of bases.
const maxBases = 8

// read reads a file and lays it over its base; chain holds the files on the way
// here, symlinks resolved.
func (l *loader) read(file string, chain []string) *node {
	data, problem := readFile(file, maxFileBytes)
	if problem.What != "" {
		l.c.add(Origin{File: file}, "", problem.What, problem.Hint)
		return nil
	}
	root := parse(data, Origin{Kind: FromFile, File: file}, &l.c)
	if root == nil {
		return nil
	}
	if root.kind != mappingNode {
		l.c.add(root.at, "", fmt.Sprintf("is %v, not a scenario", root.kind), "write key: value pairs: "+strings.Join(fieldNames(reflect.TypeFor[File]()), ", "))
		return nil
	}
	base := root.get("base")
	if base == nil {
		return root
	}
	real, err := filepath.EvalSymlinks(file)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		l.c.add(base.at, "base", "the folder of this file cannot be found: "+reason(err), "")
		return nil
	}
	if len(chain) == 0 {
		l.tree = filepath.Dir(real)
	}
	chain = append(chain, real)
	name := l.basePath(file, base, chain)
	if name == "" {
		return nil
	}
	under := l.read(name, chain)
	if under == nil {
		return nil
	}
	return merge(under, root.without("base"), "", &l.c)
}

// basePath checks where a base lies and returns its path, or "" with a problem.
func (l *loader) basePath(file string, base *node, chain []string) string {
	bad := func(what, hint string) string {
		l.c.add(base.at, "base", what, hint)
		return ""
	}
	switch {
	case base.kind != scalarNode || base.text == "":
		return bad("is not a file name", "write e.g. base: common.yaml")
	case filepath.IsAbs(base.text):
		return bad(excerpt(base.text)+" is an absolute path", "write it relative to this file")
	case len(chain) > maxBases:
		return bad(fmt.Sprintf("is the base of a base more than %d deep", maxBases), "")
	}
	name := filepath.Join(filepath.Dir(file), filepath.FromSlash(base.text))
	real, err := filepath.EvalSymlinks(name)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return bad(fmt.Sprintf("%s: %s", name, reason(err)), nearestFile(name))
	}
	if rel, err := filepath.Rel(l.tree, real); err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return bad(excerpt(base.text)+" leaves the folder of the scenario", "move the base beside the scenario or below it")
	}
	if info, err := os.Stat(real); err == nil && info.IsDir() {
		return bad(excerpt(base.text)+" is a folder", "write the name of a scenario file")
	}
	for _, seen := range chain {
		if seen == real {
			return bad(excerpt(base.text)+" leads back to a file that builds on it", "break the circle")
		}
	}
	return name
}

// override is one --set, or a flag that stands for one.
type override struct {
	steps []pathStep
	path  string
	value *node
}

// overrides reads the --set texts, then the flags.
func (l *loader) overrides(opts Options) []override {
	var out []override
	for _, text := range opts.Set {
		at := Origin{Kind: FromSet, File: "--set " + text}
		path, value, ok := strings.Cut(text, "=")
		path = strings.TrimSpace(path)
		switch {
		case !ok:
			l.c.add(at, "", "has no =", "write --set path=value, e.g. --set fleet.spares='5 %'")
			continue
		case strings.TrimSpace(value) == "":
			l.c.add(at, path, "has no value", "write null to remove the key")
			continue
		case len(value) > maxFileBytes:
			l.c.add(Origin{Kind: FromSet, File: "--set " + path}, "", "is too long", "write it into a file")
			continue
		}
		steps, err := parsePath(path)
		if err != nil {
			l.c.add(at, "", err.Error(), "write keys and [0] for list items, joined by dots")
			continue
		}
		if steps[0].key == "base" {
			l.c.add(at, "", "base cannot be overridden", "change the file")
			continue
		}
		if n := parse([]byte(value), at, &l.c); n != nil {
			out = append(out, override{steps, path, n})
		}
	}
	for _, f := range opts.Flags {
		at := Origin{Kind: FromFlag, File: f.Name + " " + f.Value}
		if n := parse([]byte(f.Value), at, &l.c); n != nil {
			out = append(out, override{[]pathStep{{key: f.Path}}, f.Path, n})
		}
	}
	return out
}

// apply puts overrides into a tree. One that repeats what is written changes nothing,
// so that the value keeps its origin and the results their bytes.
func (l *loader) apply(root *node, overrides []override) *node {
	for _, o := range overrides {
		if sameScalar(root.find(o.steps), o.value) {
			continue
		}
		next, err := set(root, o.steps, "", o.value)
		if err != nil {
			what, hint, _ := strings.Cut(err.Error(), "; ")
			l.c.add(o.value.at, o.path, what, hint)
			continue
		}
		root = next
	}
	return cite(root, "", &l.c)
}

// resolveAll resolves the scenario's own plan and every overlay.
func (l *loader) resolveAll(file string, root *node, opts Options) (*Scenario, error) {
	if root.kind != mappingNode {
		l.c.add(root.at, "", fmt.Sprintf("is %v, not a scenario", root.kind), "write key: value pairs: "+strings.Join(fieldNames(reflect.TypeFor[File]()), ", "))
		return nil, l.c.err()
	}
	overrides := l.overrides(opts)
	root = l.apply(root, overrides)
	overlays := root.get("plans")
	own := merge(nil, root.without("plans"), "", &l.c)
	s := &Scenario{File: file, plans: map[string]*Plan{}}
	base := l.resolve(own, "")
	if base != nil {
		s.Name, s.Title, s.base = base.Scenario, base.Title, base.Name
		s.plans[base.Name] = base
	}
	for _, f := range l.overlayFields(overlays) {
		if s.plans[f.key] != nil {
			l.c.add(f.at, "plans."+f.key, excerpt(f.key)+" is the name of the scenario's own plan", "choose another name")
			continue
		}
		l.c.plan = f.key
		merged := merge(own, f.value, "", &l.c)
		var inside []override
		for _, o := range overrides {
			if o.steps[0].key != "plans" {
				inside = append(inside, o)
			}
		}
		if p := l.resolve(l.apply(merged, inside), f.key); p != nil {
			s.plans[f.key] = p
			s.names = append(s.names, f.key)
		}
	}
	l.c.plan = ""
	if err := l.c.err(); err != nil {
		return nil, err
	}
	return s, nil
}

// overlayFields checks the shape of plans and returns its usable overlays.
func (l *loader) overlayFields(overlays *node) []field {
	if overlays == nil || overlays.kind == nullNode {
		return nil
	}
	d := newDecoder(&l.c, l.catalog)
	if overlays.kind != mappingNode {
		d.bad(overlays, "plans", fmt.Sprintf("is %v, not a mapping", overlays.kind), "write name: {title: ..., what changes}")
		return nil
	}
	if len(overlays.fields) > maxPlans {
		d.bad(overlays, "plans", fmt.Sprintf("has %d plans", len(overlays.fields)), fmt.Sprintf("write at most %d", maxPlans))
		return nil
	}
	var out []field
	for _, f := range overlays.fields {
		p := "plans." + f.key
		if f.value.kind == nullNode {
			f.value = &node{kind: mappingNode, at: f.value.at}
		}
		if f.value.kind != mappingNode {
			d.bad(f.value, p, fmt.Sprintf("is %v, not a mapping", f.value.kind), "write {title: ..., what changes}")
			continue
		}
		if !d.checkName(&node{at: f.at}, p, f.key) {
			continue
		}
		body := f.value.inPlan(f.key)
		for _, key := range []string{"name", "plan", "base", "plans"} {
			if v := body.get(key); v != nil {
				d.bad(v, key, "a plan cannot change "+key, "remove it")
				body = body.without(key)
			}
		}
		out = append(out, field{f.key, f.at, body})
	}
	return out
}

// PlanNames lists the overlays in file order; the scenario's own plan is not among
// them.
func (s *Scenario) PlanNames() []string { return append([]string(nil), s.names...) }

// Plan returns a plan by name, the scenario's own for "". The error is a *Problems.
func (s *Scenario) Plan(name string) (*Plan, error) {
	if name == "" {
		name = s.base
	}
	if p := s.plans[name]; p != nil {
		return p, nil
	}
	var c collector
	c.add(Origin{File: s.File}, "plans", "there is no plan "+excerpt(name), didYouMean(name, append([]string{s.base}, s.names...)))
	return nil, c.err()
}

// Schema is the JSON Schema of scenario files.
func Schema() []byte { return scenarios.Schema() }
