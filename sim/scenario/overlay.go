package scenario

import (
	"maps"
	"reflect"
	"slices"
)

// overlayKinds are the parts of a fleet that a file may change in the catalog.
var overlayKinds = []struct{ key, kind string }{
	{"chip", "chips"},
	{"server", "servers"},
	{"fabric", "fabrics"},
	{"stack", "stacks"},
}

// Overlay is the catalog with the entries that a file changes: those that its fleet's
// chip, server, fabric and stack are like, as a calibration writes them and as a scenario
// builds on with base:. A changed entry stands in the place of the one that it is like.
// The receiver stays as it is. The error is a *Problems with everything wrong in the file.
func (c *Catalog) Overlay(file string) (*Catalog, error) {
	l := loader{catalog: c}
	root := l.read(file, nil)
	if root == nil {
		return nil, l.c.err()
	}
	root = cite(root, "", &l.c)
	out := &Catalog{kinds: maps.Clone(c.kinds), changed: slices.Clone(c.changed)}
	for _, f := range root.fields {
		if f.key != "fleet" {
			l.c.add(f.at, f.key, "is no part of a catalog file", "keep fleet: {chip: {like: ..., what changes}}")
		}
	}
	fleet := root.get("fleet")
	if fleet == nil || fleet.kind != mappingNode || len(fleet.fields) == 0 {
		l.c.add(root.at, "fleet", "is missing", "write fleet: {chip: {like: ..., what changes}}")
		return nil, l.c.err()
	}
	for _, f := range fleet.fields {
		i := slices.IndexFunc(overlayKinds, func(k struct{ key, kind string }) bool { return k.key == f.key })
		if i < 0 {
			l.c.add(f.at, under("fleet", f.key), "is no part of a catalog file", "it changes chip, server, fabric and stack")
			continue
		}
		out.lay(overlayKinds[i].kind, f.value, under("fleet", f.key), &l.c)
	}
	if err := l.c.err(); err != nil {
		return nil, err
	}
	return out, nil
}

// lay puts an entry with changes in the place of the one that it is like.
func (c *Catalog) lay(kind string, n *node, path string, problems *collector) {
	d := newDecoder(problems, c)
	like := n.get("like")
	switch {
	case n.kind != mappingNode:
		d.bad(n, path, "changes nothing", "write {like: the name of one of the catalog's "+kind+", what changes}")
		return
	case n.get("name") != nil:
		d.bad(n.get("name"), under(path, "name"), "cannot change: the entry is looked up by it", "remove it")
		return
	case like == nil:
		d.bad(n, under(path, "like"), "is missing", "write the name of the one of the catalog's "+kind+" that changes")
		return
	}
	entry := d.entry(kind, like, under(path, "like"))
	if entry == nil {
		return
	}
	if len(n.fields) == 1 {
		d.bad(n, path, "changes nothing", "write what is other than in the catalog beside like")
		return
	}
	body := merge(entry, n.without("like"), path, problems)
	found := problems.reports
	d.nodes[path] = n
	for _, t := range catalogKinds {
		if t.name != kind {
			continue
		}
		v := reflect.New(t.typ)
		d.structure(body, path, v.Elem())
		if problems.reports == found {
			d.checkWhole(v.Interface(), path)
		}
	}
	if kind == "chips" {
		d.usualParts(body, n, path)
	}
	k := *c.kinds[kind]
	k.entries = maps.Clone(k.entries)
	k.entries[like.text] = body
	c.kinds[kind] = &k
	if name := (entryName{kind, like.text}); !slices.Contains(c.changed, name) {
		c.changed = append(c.changed, name)
	}
}

// usualParts reports a chip that no longer names a server and a fabric of the catalog:
// who takes a chip by its name alone gets it in these.
func (d *decoder) usualParts(chip, written *node, path string) {
	for _, part := range []struct{ key, kind string }{{"server", "servers"}, {"fabric", "fabrics"}} {
		p := under(path, part.key)
		switch usual, n := chip.get(part.key), written.get(part.key); {
		case isScalar(usual) && usual.text != "":
			d.entry(part.kind, usual, p)
		case n != nil && n.kind == nullNode:
			d.bad(n, p, "is removed, and the chip is priced in its usual "+part.key, "write the name of one of the catalog's "+part.kind)
		}
	}
}

// entryName names an entry of the catalog.
type entryName struct{ kind, name string }

// Changed lists the entries that files have changed, each with the values that it has
// from them.
func (c *Catalog) Changed() []Entry {
	var out []Entry
	for _, n := range c.changed {
		e, ok := c.Entry(n.kind, n.name)
		if !ok {
			continue
		}
		e.Values = slices.DeleteFunc(e.Values, func(v Value) bool { return v.Origin.Kind != FromFile })
		out = append(out, e)
	}
	return out
}
