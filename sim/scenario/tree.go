package scenario

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/spell"
)

// nodeKind tells the shapes of a node.
type nodeKind uint8

const (
	nullNode nodeKind = iota
	scalarNode
	mappingNode
	sequenceNode
)

// String names the kind for a message.
func (k nodeKind) String() string {
	return [...]string{"nothing", "a single value", "a mapping", "a list"}[k]
}

// node is a piece of a scenario as written. Merging builds trees of nodes from
// several files, so every node carries its own origin.
type node struct {
	kind nodeKind
	// text and tag of a scalar; the tag is YAML's reading of it (!!int, !!str, ...).
	text, tag string
	fields    []field // of a mapping, in file order
	items     []*node // of a sequence
	at        Origin
	// plan is the overlay that the node was written in, for the path in messages.
	plan string
	// removed is true of a null that has removed a key already, and may remove another of
	// a catalog's entry.
	removed bool
	// source and confidence cite where a number comes from.
	source, confidence, note string
}

// field is one key of a mapping.
type field struct {
	key   string
	at    Origin // of the key
	value *node
}

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	if n == nil || n.kind != mappingNode {
		return nil
	}
	for i := range n.fields {
		if n.fields[i].key == key {
			return n.fields[i].value
		}
	}
	return nil
}

// put sets a key, in place when it is there.
func (n *node) put(f field) {
	for i := range n.fields {
		if n.fields[i].key == f.key {
			n.fields[i] = f
			return
		}
	}
	n.fields = append(n.fields, f)
}

// without returns a mapping less some keys; the receiver stays as it is.
func (n *node) without(keys ...string) *node {
	out := *n
	out.fields = nil
	for _, f := range n.fields {
		if !slices.Contains(keys, f.key) {
			out.fields = append(out.fields, f)
		}
	}
	return &out
}

// keys lists a mapping's keys in order.
func (n *node) keys() []string {
	var out []string
	for _, f := range n.fields {
		out = append(out, f.key)
	}
	return out
}

// under joins a key to a path.
func under(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// promotions lists the values that may be written as a bare scalar or as a mapping,
// with the key that the scalar stands for. Merging a mapping over such a scalar
// keeps the scalar under that key: chip: a100 + chip: {bf16: 300 TFLOP/s} means
// chip: {like: a100, bf16: 300 TFLOP/s}. A star stands for any one key.
var promotions = []struct{ path, key string }{
	{"site", "like"},
	{"site.carbon", "intensity"},
	{"fleet.chip", "like"},
	{"fleet.server", "like"},
	{"fleet.fabric", "like"},
	{"jobs.*.model", "like"},
	{"failures", "profile"},
	{"restart", "mean"},
	{"jobs.*.restart", "mean"},
	{"fleet.commissioning.time", "mean"},
	{"fleet.commissioning.return", "mean"},
}

// promotion returns the key that a scalar at path stands for, or "".
func promotion(path string) string {
	have := strings.Split(path, ".")
	for _, p := range promotions {
		want := strings.Split(p.path, ".")
		if len(want) != len(have) {
			continue
		}
		same := true
		for i := range want {
			same = same && (want[i] == "*" || want[i] == have[i])
		}
		if same {
			return p.key
		}
	}
	return ""
}

// merge lays over on top of base: mappings merge key by key, null removes a key,
// everything else replaces. Neither tree is changed.
func merge(base, over *node, path string, c *collector) *node {
	m := merger{c}
	return m.merge(base, over, path, false)
}

type merger struct{ c *collector }

// merge does the work. Inside a mapping that starts from a catalog entry (like,
// profile) nulls are kept: they remove keys of the entry, which is laid under it later;
// a null for the entry's name parts with the entry.
func (m merger) merge(base, over *node, path string, keepNulls bool) *node {
	if over.kind == mappingNode && isScalar(base) {
		if key := promotion(path); key != "" && (over.get(key) == nil || over.get(key).kind == nullNode) {
			base = &node{kind: mappingNode, at: base.at, plan: base.plan, fields: []field{{key, base.at, base}}}
		}
	}
	if over.kind != mappingNode {
		return over
	}
	if base == nil || base.kind != mappingNode {
		base = &node{kind: mappingNode}
	}
	keepNulls = keepNulls || isReference(over) || isReference(base) && !parts(over)
	out := *base
	out.at, out.plan = over.at, over.plan
	out.fields = slices.Clone(base.fields)
	for _, f := range over.fields {
		p := under(path, f.key)
		switch below := out.get(f.key); {
		case f.value.kind != nullNode:
			out.put(field{f.key, f.at, m.merge(below, f.value, p, keepNulls)})
		case keepNulls:
			out.put(field{f.key, f.at, f.value.removing(below)})
		case below == nil && f.value.removed:
		case below == nil && f.value.plan != "":
			m.nothingToRemove(f, p, out.keys())
		case below == nil: // the decoder reports a key without a value
			out.put(f)
		default:
			out = *out.without(f.key)
		}
	}
	return &out
}

// removing is a null that takes the place of what is below it.
func (n *node) removing(below *node) *node {
	null := *n
	null.removed = n.removed || below != nil && (below.kind != nullNode || below.removed)
	return &null
}

// nothingToRemove reports a null for a key that the tree below does not have.
func (m merger) nothingToRemove(f field, path string, keys []string) {
	hint := "remove the line"
	if n := spell.Nearest(f.key, keys); n != "" {
		hint = fmt.Sprintf("did you mean %q?", n)
	}
	m.c.add(f.at, f.value.path(path), "null removes a key, but the scenario has none of this name", hint)
}

// isReference reports whether a mapping starts from a catalog entry.
func isReference(n *node) bool { return isScalar(n.get("like")) || isScalar(n.get("profile")) }

// parts reports whether a mapping puts the catalog entry of the one below away.
func parts(over *node) bool {
	return slices.ContainsFunc(over.fields, func(f field) bool { return namesEntry(f.key) && f.value.kind == nullNode })
}

// namesEntry reports whether a key names the catalog entry that a mapping starts from.
func namesEntry(key string) bool { return key == "like" || key == "profile" }

// path is where the author wrote the node: inside an overlay the path starts at plans.
func (n *node) path(p string) string {
	if n.plan != "" {
		return under("plans."+n.plan, p)
	}
	return p
}

// inPlan marks a tree as written inside the overlay of a plan.
func (n *node) inPlan(plan string) *node {
	out := *n
	out.plan = plan
	out.fields = slices.Clone(n.fields)
	for i := range out.fields {
		out.fields[i].value = out.fields[i].value.inPlan(plan)
	}
	out.items = slices.Clone(n.items)
	for i := range out.items {
		out.items[i] = out.items[i].inPlan(plan)
	}
	return &out
}

// cite folds {value, source, confidence, note} into the value it cites, and pushes
// the source and confidence of a whole mapping down to the values that name none.
func cite(n *node, path string, c *collector) *node {
	switch n.kind {
	case mappingNode:
		if v := n.get("value"); v != nil && v.kind != mappingNode {
			return citeValue(n, v, path, c)
		}
		source, confidence := n.get("source"), n.get("confidence")
		out := n
		if isScalar(source) || isScalar(confidence) {
			out = n.without("source", "confidence")
		} else {
			out = n.without()
		}
		for i := range out.fields {
			f := &out.fields[i]
			f.value = cite(f.value, under(path, f.key), c)
			if isScalar(source) {
				f.value = f.value.withSource(source.text, "")
			}
			if isScalar(confidence) {
				checkConfidence(confidence, under(path, "confidence"), c)
				f.value = f.value.withSource("", confidence.text)
			}
		}
		return out
	case sequenceNode:
		out := *n
		out.items = make([]*node, len(n.items))
		for i, item := range n.items {
			out.items[i] = cite(item, fmt.Sprintf("%s[%d]", path, i), c)
		}
		return &out
	}
	return n
}

// citeValue folds one cited value.
func citeValue(n, v *node, path string, c *collector) *node {
	out := *cite(v, path, c)
	for _, f := range n.fields {
		p := under(path, f.key)
		switch f.key {
		case "value":
			continue
		case "source", "confidence", "note":
		default:
			c.add(f.at, n.path(p), "unknown key beside value", didYouMean(f.key, []string{"value", "source", "confidence", "note"}))
			continue
		}
		if f.value.kind != scalarNode {
			c.add(f.value.at, n.path(p), fmt.Sprintf("is %v, not text", f.value.kind), "write it on one line")
			continue
		}
		switch f.key {
		case "source":
			out.source = f.value.text
		case "confidence":
			checkConfidence(f.value, p, c)
			out.confidence = f.value.text
		case "note":
			out.note = f.value.text
		}
	}
	return &out
}

// confidences says how well a cited number is known.
var confidences = []string{"read", "memory", "derived", "prior"}

func checkConfidence(n *node, path string, c *collector) {
	if slices.Contains(confidences, n.text) {
		return
	}
	c.add(n.at, n.path(path), excerpt(n.text)+" is not a confidence", "one of "+strings.Join(confidences, ", "))
}

func isScalar(n *node) bool { return n != nil && n.kind == scalarNode }

// withSource returns the tree with a source or confidence on every value that has none.
func (n *node) withSource(source, confidence string) *node {
	out := *n
	if out.source == "" {
		out.source = source
	}
	if out.confidence == "" {
		out.confidence = confidence
	}
	out.fields = slices.Clone(n.fields)
	for i := range out.fields {
		out.fields[i].value = out.fields[i].value.withSource(source, confidence)
	}
	out.items = slices.Clone(n.items)
	for i := range out.items {
		out.items[i] = out.items[i].withSource(source, confidence)
	}
	return &out
}

// citation is the node's source with its confidence in brackets.
func (n *node) citation() string {
	s := n.source
	if n.note != "" {
		s = strings.TrimPrefix(s+" ("+n.note+")", " ")
	}
	if n.confidence != "" {
		s = strings.TrimPrefix(s+" ["+n.confidence+"]", " ")
	}
	return s
}

// pathStep is one step of a --set path: a key or, with key "", a list index.
type pathStep struct {
	key   string
	index int
}

// parsePath reads jobs.big.chips[0].
func parsePath(text string) ([]pathStep, error) {
	var steps []pathStep
	for part := range strings.SplitSeq(text, ".") {
		key, rest, _ := strings.Cut(part, "[")
		if key == "" {
			return nil, fmt.Errorf("%s has an empty key", excerpt(text))
		}
		steps = append(steps, pathStep{key: key})
		for open := len(key) < len(part); open; {
			number, after, closed := strings.Cut(rest, "]")
			index, err := strconv.Atoi(number)
			if !closed || err != nil || index < 0 {
				return nil, fmt.Errorf("%s has no whole number in its brackets", excerpt(text))
			}
			steps = append(steps, pathStep{index: index})
			if open = after != ""; open && after[0] != '[' {
				return nil, fmt.Errorf("%s goes on after its brackets without a dot", excerpt(text))
			}
			rest = strings.TrimPrefix(after, "[")
		}
	}
	return steps, nil
}

// set puts a value at a path, creating mappings on the way, and returns the new tree.
// A null removes the key; inside a mapping that starts from a catalog entry it is kept,
// as merge does, to remove the entry's.
func set(n *node, steps []pathStep, path string, value *node) (*node, error) {
	return setBelow(n, steps, path, value, false)
}

func setBelow(n *node, steps []pathStep, path string, value *node, keepNulls bool) (*node, error) {
	if len(steps) == 0 {
		return value, nil
	}
	step := steps[0]
	if step.key == "" {
		return setItem(n, steps, path, value, keepNulls)
	}
	p := under(path, step.key)
	out := &node{kind: mappingNode, at: value.at}
	switch {
	case n == nil || n.kind == nullNode:
	case n.kind == mappingNode:
		out = n.without()
	case n.kind == scalarNode && promotion(path) != "" && step.key != promotion(path):
		out.fields = []field{{promotion(path), n.at, n}}
	case n.kind == sequenceNode:
		return nil, listError(path, steps)
	}
	keepNulls = keepNulls || isReference(out)
	child, err := setBelow(out.get(step.key), steps[1:], p, value, keepNulls)
	if err != nil {
		return nil, err
	}
	if child.kind == nullNode {
		if !keepNulls || namesEntry(step.key) {
			return out.without(step.key), nil
		}
		child = child.removing(out.get(step.key))
	}
	out.put(field{step.key, value.at, child})
	return out, nil
}

// listError explains a path that goes on behind a list with a key, which may be the
// number of an item as other tools write it.
func listError(path string, steps []pathStep) error {
	rest := ""
	for _, s := range steps[1:] {
		if s.key == "" {
			rest += fmt.Sprintf("[%d]", s.index)
		} else {
			rest += "." + s.key
		}
	}
	if _, err := strconv.ParseUint(steps[0].key, 10, 31); err == nil {
		return fmt.Errorf("%s is a list; write %s[%s]%s", path, path, steps[0].key, rest)
	}
	return fmt.Errorf("%s is a list; write %s[0].%s%s for its first item", path, path, steps[0].key, rest)
}

// find follows a path to a value, nil where there is none.
func (n *node) find(steps []pathStep) *node {
	for _, s := range steps {
		switch {
		case n == nil:
			return nil
		case s.key != "":
			n = n.get(s.key)
		case n.kind == sequenceNode && s.index < len(n.items):
			n = n.items[s.index]
		default:
			return nil
		}
	}
	return n
}

// sameScalar reports whether two nodes are single values written alike.
func sameScalar(a, b *node) bool {
	return isScalar(a) && isScalar(b) && a.text == b.text && a.tag == b.tag
}

// setItem replaces one item of a list, or appends the one after its last.
func setItem(n *node, steps []pathStep, path string, value *node, keepNulls bool) (*node, error) {
	if n == nil || n.kind != sequenceNode {
		return nil, fmt.Errorf("%s is not a list", path)
	}
	out := *n
	out.items = slices.Clone(n.items)
	i := steps[0].index
	if i > len(out.items) {
		return nil, fmt.Errorf("%s has %d items; the next is [%d]", path, len(out.items), len(out.items))
	}
	if i == len(out.items) {
		out.items = append(out.items, &node{kind: nullNode, at: value.at})
	}
	child, err := setBelow(out.items[i], steps[1:], fmt.Sprintf("%s[%d]", path, i), value, keepNulls)
	if err != nil {
		return nil, err
	}
	out.items[i] = child
	return &out, nil
}
