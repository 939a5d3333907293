package scenario

import (
	"slices"
	"strings"

	"clustercap/sim/hardware"
	"clustercap/sim/step"
)

// System is a cluster that training steps were measured on: catalog hardware with
// what is different about it, such as fewer NICs per server.
type System struct {
	Name  string                   `json:"name,omitempty"`
	Title string                   `json:"title"`
	Chip  Reference[hardware.Chip] `json:"chip"`
	// Server and Fabric default to what the chip usually comes in.
	Server *Reference[hardware.Server] `json:"server,omitempty"`
	Fabric *Reference[hardware.Fabric] `json:"fabric,omitempty"`
}

// System returns the machine of a measured system by name.
func (c *Catalog) System(name string) (step.Machine, bool) {
	s, ok := lookUp[System](c, "systems", name)
	if !ok {
		return step.Machine{}, false
	}
	return c.machine(s.Chip.Value, s.Server, s.Fabric)
}

// Machine returns a chip of the catalog in the server and on the fabric that it
// usually comes in.
func (c *Catalog) Machine(chip string) (step.Machine, bool) {
	v, ok := c.Chip(chip)
	if !ok {
		return step.Machine{}, false
	}
	return c.machine(v, nil, nil)
}

func (c *Catalog) machine(chip hardware.Chip, server *Reference[hardware.Server], fabric *Reference[hardware.Fabric]) (step.Machine, bool) {
	m := step.Machine{Chip: chip}
	known := true
	if server != nil {
		m.Server = server.Value
	} else {
		m.Server, known = c.Server(chip.Server)
	}
	if fabric != nil {
		m.Fabric = fabric.Value
		return m, known
	}
	usual, ok := c.Fabric(chip.Fabric)
	m.Fabric = usual
	return m, known && ok
}

// ServersOf lists the servers that chips of a vendor come in, in the catalog's order:
// what its chips usually come in, what systems with them have, and larger makes of both,
// whose names go on (ascend-950-superpod).
func (c *Catalog) ServersOf(vendor string) []string {
	var taken []string
	maker := map[string]string{} // of chips
	chips, systems := c.kinds["chips"], c.kinds["systems"]
	for _, name := range chips.names {
		chip := chips.entries[name]
		if maker[name] = entryOf(chip.get("vendor")); maker[name] == vendor {
			taken = append(taken, entryOf(chip.get("server")))
		}
	}
	for _, name := range systems.names {
		if s := systems.entries[name]; maker[entryOf(s.get("chip"))] == vendor {
			taken = append(taken, entryOf(s.get("server")))
		}
	}
	return slices.DeleteFunc(c.Names("servers"), func(name string) bool {
		return !slices.ContainsFunc(taken, func(known string) bool {
			return known != "" && (name == known || strings.HasPrefix(name, known+"-"))
		})
	})
}

// entryOf is the name of the entry that a reference is or is like, "" for none.
func entryOf(n *node) string {
	switch {
	case isScalar(n):
		return n.text
	case isScalar(n.get("like")):
		return n.get("like").text
	}
	return ""
}
