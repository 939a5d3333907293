package scenario

import (
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
