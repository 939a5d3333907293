package scenario

import (
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"sync"

	"clustercap/scenarios"
	"clustercap/sim/hardware"
	"clustercap/sim/model"
	"clustercap/sim/power"
	"clustercap/sim/step"
)

// Catalog is the built-in hardware, models, sites, failure profiles and measured
// systems.
type Catalog struct {
	kinds map[string]*catalogKind
	// changed are the entries that an overlay changes, in its order.
	changed []entryName
}

// catalogKind is one file of the catalog.
type catalogKind struct {
	file    string
	names   []string // in file order
	entries map[string]*node
	at      map[string]Origin // of the entry's key
}

// catalogKinds are the files of the catalog in the order they are shown, with the
// type that each entry decodes into.
var catalogKinds = []struct {
	name string
	typ  reflect.Type
}{
	{"chips", reflect.TypeFor[hardware.Chip]()},
	{"servers", reflect.TypeFor[hardware.Server]()},
	{"fabrics", reflect.TypeFor[hardware.Fabric]()},
	{"stacks", reflect.TypeFor[step.Stack]()},
	{"models", reflect.TypeFor[model.Model]()},
	{"sites", reflect.TypeFor[Site]()},
	{"climates", reflect.TypeFor[power.Climate]()},
	{"cooling", reflect.TypeFor[power.Cooling]()},
	{"failures", reflect.TypeFor[Failures]()},
	{"systems", reflect.TypeFor[System]()},
}

// kindOfType is the catalog kind whose entries decode into t.
func kindOfType(t reflect.Type) string {
	for _, k := range catalogKinds {
		if k.typ == t {
			return k.name
		}
	}
	panic("scenario: no catalog kind for " + t.String())
}

// LoadCatalog returns the built-in catalog, every entry of it checked. An error is a
// bug of the program, not of a scenario.
func LoadCatalog() (*Catalog, error) { return checkedCatalog() }

// builtInCatalog parses the built-in catalog, once: it takes 25 ms, and nothing
// changes the nodes of a tree once they are built.
var builtInCatalog = sync.OnceValues(func() (*Catalog, error) {
	var c collector
	catalog := openCatalog(scenarios.Catalog(), &c)
	return catalog, c.err()
})

// checkedCatalog decodes every entry of the built-in catalog, once.
var checkedCatalog = sync.OnceValues(func() (*Catalog, error) {
	catalog, err := builtInCatalog()
	if err != nil {
		return nil, err
	}
	var c collector
	for _, k := range catalogKinds {
		for _, name := range catalog.Names(k.name) {
			catalog.decode(k.name, name, reflect.New(k.typ).Elem(), &c)
		}
	}
	return catalog, c.err()
})

// openCatalog reads the files <kind>.yaml; entries are decoded when they are used.
func openCatalog(files fs.FS, c *collector) *Catalog {
	catalog := &Catalog{kinds: map[string]*catalogKind{}}
	for _, k := range catalogKinds {
		file := k.name + ".yaml"
		kind := &catalogKind{file: file, entries: map[string]*node{}, at: map[string]Origin{}}
		catalog.kinds[k.name] = kind
		at := Origin{Kind: FromCatalog, File: file}
		data, err := fs.ReadFile(files, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a catalog need not hold every kind
		}
		if err != nil {
			c.add(at, "", "is not in the catalog: "+reason(err), "")
			continue
		}
		root := parse(data, at, c)
		if root == nil || root.kind != mappingNode {
			continue
		}
		for _, f := range root.fields {
			kind.names = append(kind.names, f.key)
			kind.entries[f.key] = f.value.inEntry(f.key)
			kind.at[f.key] = f.at
		}
	}
	return catalog
}

// inEntry marks a tree as part of a catalog entry.
func (n *node) inEntry(entry string) *node {
	out := *n
	out.at.Entry = entry
	out.fields = slices.Clone(n.fields)
	for i := range out.fields {
		out.fields[i].at.Entry = entry
		out.fields[i].value = out.fields[i].value.inEntry(entry)
	}
	out.items = slices.Clone(n.items)
	for i := range out.items {
		out.items[i] = out.items[i].inEntry(entry)
	}
	return &out
}

// kind finds a kind by its plural or singular name.
func (c *Catalog) kind(name string) *catalogKind {
	if k := c.kinds[name]; k != nil {
		return k
	}
	return c.kinds[name+"s"]
}

// decode fills v from an entry and returns its values in file order.
func (c *Catalog) decode(kind, name string, v reflect.Value, problems *collector) []Value {
	k := c.kind(kind)
	if k == nil || k.entries[name] == nil {
		return nil
	}
	d := newDecoder(problems, c)
	n := k.entries[name]
	d.nodes[""] = n
	found := problems.reports
	d.structure(n, "", v)
	if f := v.FieldByName("Name"); f.IsValid() && f.Kind() == reflect.String && f.String() == "" {
		f.SetString(name)
	}
	if problems.reports == found {
		d.checkWhole(v.Addr().Interface(), "")
	}
	return d.values
}

// Kinds lists the kinds of entry: chips, servers, fabrics, models, sites, climates, cooling,
// failures, systems.
func (c *Catalog) Kinds() []string {
	var out []string
	for _, k := range catalogKinds {
		out = append(out, k.name)
	}
	return out
}

// Names lists the entries of a kind (plural or singular) in catalog order; empty
// for a kind that does not exist.
func (c *Catalog) Names(kind string) []string {
	if k := c.kind(kind); k != nil {
		return slices.Clone(k.names)
	}
	return nil
}

// lookUp decodes an entry; false when there is none, or it is broken.
func lookUp[T any](c *Catalog, kind, name string) (v T, ok bool) {
	var problems collector
	values := c.decode(kind, name, reflect.ValueOf(&v).Elem(), &problems)
	return v, values != nil && problems.err() == nil
}

// Chip returns a chip by name.
func (c *Catalog) Chip(name string) (hardware.Chip, bool) {
	return lookUp[hardware.Chip](c, "chips", name)
}

// Server returns a server by name.
func (c *Catalog) Server(name string) (hardware.Server, bool) {
	return lookUp[hardware.Server](c, "servers", name)
}

// Stack returns a software stack by name.
func (c *Catalog) Stack(name string) (step.Stack, bool) {
	return lookUp[step.Stack](c, "stacks", name)
}

// Fabric returns a fabric by name.
func (c *Catalog) Fabric(name string) (hardware.Fabric, bool) {
	return lookUp[hardware.Fabric](c, "fabrics", name)
}

// Climate returns a climate by name.
func (c *Catalog) Climate(name string) (power.Climate, bool) {
	return lookUp[power.Climate](c, "climates", name)
}

// Cooling returns a cooling plant by name.
func (c *Catalog) Cooling(name string) (power.Cooling, bool) {
	return lookUp[power.Cooling](c, "cooling", name)
}

// Site returns a site by name.
func (c *Catalog) Site(name string) (Site, bool) { return lookUp[Site](c, "sites", name) }

// Model returns a model by name.
func (c *Catalog) Model(name string) (model.Model, bool) {
	return lookUp[model.Model](c, "models", name)
}

// Entry is one entry of the catalog as it is shown.
type Entry struct {
	Kind, Name, Title string
	File              string // of the catalog
	Line              int
	// Values in file order, then defaults; paths start at the entry.
	Values []Value
}

// Entry returns an entry with all its values and their sources.
func (c *Catalog) Entry(kind, name string) (Entry, bool) {
	k := c.kind(kind)
	if k == nil || k.entries[name] == nil {
		return Entry{}, false
	}
	kind = strings.TrimSuffix(k.file, ".yaml")
	e := Entry{Kind: kind, Name: name, File: k.file, Line: k.at[name].Line}
	for _, t := range catalogKinds {
		if t.name == kind {
			e.Values = c.decode(kind, name, reflect.New(t.typ).Elem(), &collector{})
		}
	}
	for _, v := range e.Values {
		if v.Path == "title" {
			e.Title = v.Text
		}
	}
	return e, true
}

// Reference is a catalog entry by name (chip: a100), an entry with changes
// ({like: a100, bf16: 300 TFLOP/s}), or written out in full.
type Reference[T any] struct {
	Name  string // of the catalog entry, "" without one
	Value T
}

func (Reference[T]) kind() string { return kindOfType(reflect.TypeFor[T]()) }

func (Reference[T]) example() string {
	return "the name of one of the catalog's " + kindOfType(reflect.TypeFor[T]())
}

// referenceKey names the entry that a mapping changes.
func referenceKey(kind string) string {
	if kind == "failures" {
		return "profile"
	}
	return "like"
}

func (v *Reference[T]) decodeNode(d *decoder, n *node, path string, _ rule) {
	kind := kindOfType(reflect.TypeFor[T]())
	key := referenceKey(kind)
	body := n
	switch n.kind {
	case scalarNode:
		if body = d.entry(kind, n, path); body == nil {
			return
		}
		v.Name = n.text
	case mappingNode:
		body = n.without(key)
		if like := n.get(key); like != nil {
			p := under(path, key)
			d.nodes[p] = like
			entry := d.entry(kind, like, p)
			if entry == nil {
				return
			}
			v.Name = like.text
			body = merge(entry, body, path, d.c)
		}
	default:
		d.bad(n, path, fmt.Sprintf("is %v", n.kind), "write "+v.example()+", or a mapping")
		return
	}
	found := d.c.reports
	value := reflect.ValueOf(&v.Value).Elem()
	d.structure(body, path, value)
	if f := value.FieldByName("Name"); f.IsValid() && f.String() == "" {
		f.SetString("custom")
		if v.Name != "" {
			f.SetString(v.Name)
		}
	}
	if d.c.reports == found {
		d.checkWhole(&v.Value, path)
	}
}

// entry looks a name up in the catalog.
func (d *decoder) entry(kind string, n *node, path string) *node {
	k := d.catalog.kinds[kind]
	if n.kind != scalarNode {
		d.bad(n, path, fmt.Sprintf("is %v, not a name", n.kind), "write the name of one of the catalog's "+kind)
		return nil
	}
	entry := k.entries[n.text]
	if entry == nil {
		d.bad(n, path, excerpt(n.text)+" is not among the catalog's "+kind, didYouMean(n.text, k.names))
		return nil
	}
	d.record(n, path, n.text)
	return entry
}

// checkWhole reports what only shows when all fields of a thing are known.
func (d *decoder) checkWhole(v any, path string) {
	var errs []error
	switch v := v.(type) {
	case *hardware.Chip:
		errs = v.Validate()
	case *hardware.Server:
		errs = v.Validate()
	case *hardware.Fabric:
		errs = v.Validate()
	case *power.Climate:
		errs = v.Validate()
	case *power.Cooling:
		errs = v.Validate()
	case *model.Model:
		d.checkModel(v, path)
	case *Site:
		d.checkSite(v, path)
		d.checkOverhead(v, path)
	case *Failures:
		d.checkFailures(v, path)
	}
	for _, err := range errs {
		field, what, _ := strings.Cut(err.Error(), ": ")
		d.badAt(under(path, field), what, "")
	}
}

// checkModel reports shapes that no transformer has.
func (d *decoder) checkModel(m *model.Model, path string) {
	bad := func(field, what, hint string) { d.badAt(under(path, field), what, hint) }
	if m.MLA == nil && m.HeadDim == 0 && m.Hidden%m.Heads != 0 {
		bad("heads", fmt.Sprintf("%d heads do not divide the hidden width of %d", m.Heads, m.Hidden), "write head_dim")
	}
	if m.KVHeads > 0 && m.Heads%m.KVHeads != 0 {
		bad("kv_heads", fmt.Sprintf("%d key/value heads do not divide %d heads", m.KVHeads, m.Heads), "write a divisor of heads")
	}
	if m.MoE != nil {
		if m.MoE.TopK > m.MoE.Experts {
			bad("moe.top_k", fmt.Sprintf("%d of %d experts", m.MoE.TopK, m.MoE.Experts), "a token cannot visit more experts than there are")
		}
		if m.MoE.DenseLayers > m.Layers {
			bad("moe.dense_layers", fmt.Sprintf("%d of %d layers", m.MoE.DenseLayers, m.Layers), "write at most layers")
			return
		}
	}
	if m.FFN == 0 && m.DenseLayers() > 0 {
		bad("ffn", fmt.Sprintf("is missing, and %d layers have a dense block", m.DenseLayers()), "write the inner width of the feed-forward block")
	}
}
