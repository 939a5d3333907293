package scenario

import (
	"fmt"
	"slices"
	"strings"

	"clustercap/sim/power"
	"clustercap/sim/spell"
	"clustercap/sim/unit"
)

// The structs of the site's limits and supply; see file.go for the rest of the format.

// Limits are the IT power that parts of the site may draw at any instant. That of the site is
// in site.power; how many chips a rack, row and hall hold is in fleet.topology.
type Limits struct {
	// Chip is the limit of an accelerator alone, as its driver sets it.
	Chip *unit.Power `json:"chip,omitempty" above:"0 W" example:"600 W"`
	// Rack is the limit of all IT equipment in a rack, its share of the network included.
	Rack *unit.Power `json:"rack,omitempty" above:"0 W" example:"40 kW"`
	// Row is that of a row of racks.
	Row *unit.Power `json:"row,omitempty" above:"0 W" example:"800 kW"`
	// Hall is that of a hall, a room of the topology.
	Hall *unit.Power `json:"hall,omitempty" above:"0 W" example:"8 MW"`
}

// DemandResponse is a window, once or recurring, in which the site draws less from the
// grid, as agreed with it.
type DemandResponse struct {
	// From is when the window begins, the first of them where it recurs.
	From Date `json:"from"`
	// For is how long it lasts: at most 30 d.
	For unit.Duration `json:"for" min:"1 min" max:"30 d" example:"4 h"`
	// Every is the time between the beginnings of a window that recurs: longer than it
	// lasts, at most 1 y.
	Every *unit.Duration `json:"every,omitempty" min:"1 min" max:"1 y" example:"1 d"`
	// Until is when a window that recurs begins no more.
	Until *Date `json:"until,omitempty"`
	// Limit is what the site may draw from the grid meanwhile. Generators and batteries
	// come on top.
	Limit unit.Power `json:"limit" above:"0 W" example:"30 MW"`
	// Notice is how long before it begins the site knows of it: at most 30 d. Jobs
	// whose servers are shed save their work within it, or lose what they have not saved.
	Notice unit.Duration `json:"notice" default:"1 h" source:"programmes give from 10 min to a day [prior]" max:"30 d"`
}

// Generator is a source of power on the site, for the site's own load.
type Generator struct {
	// Name of the generator, unique at the site.
	Name Name `json:"name"`
	// Runs says when: when-short, for what the grid's limit leaves uncovered; always;
	// or with daylight, as solar panels do.
	Runs power.Dispatch `json:"runs" default:"when-short" enum:"when-short,always,daylight"`
	// Capacity is the power it gives at most.
	Capacity unit.Power `json:"capacity" above:"0 W" example:"20 MW"`
	// Price of its energy, fuel and upkeep, in the site's currency; one value. Energy
	// without a price is in no cost, and results say so unless it comes with daylight.
	Price *Priced[unit.EnergyPrice] `json:"price,omitempty"`
	// Carbon of its energy; the same holds for it.
	Carbon *unit.CarbonIntensity `json:"carbon,omitempty" example:"0.6 kgCO2/kWh"`
	// Latitude of panels that run with daylight, in degrees north: -90 to 90.
	Latitude float64 `json:"latitude" default:"25" min:"-90" max:"90"`
	// Noon is the hour of the day (UTC) at which the sun is highest: 12 at Greenwich,
	// 4.5 in Shaoguan, 17.2 in Virginia.
	Noon float64 `json:"noon" default:"12" min:"0" max:"24"`
	// Yield is the mean power of panels over that under a clear sky, lying flat.
	Yield unit.Share `json:"yield" default:"60 %" source:"cloud and dust leave 50 to 75 % of the clear-sky energy [prior]" above:"0 %"`
}

// Battery is storage at the site's connection. It covers what the grid's limit leaves
// short, and charges from what the limit leaves free. From when it has run empty it
// covers nothing until it is full, or until the limit changes.
type Battery struct {
	// Energy that it gives from full to empty.
	Energy unit.Energy `json:"energy" above:"0 MWh" example:"40 MWh"`
	// Power at which it charges and discharges at most.
	Power unit.Power `json:"power" above:"0 W" example:"20 MW"`
	// Efficiency is what it gives over what it took, in a whole cycle: 1 % to 100 %.
	Efficiency unit.Share `json:"efficiency" default:"86 %" source:"lithium-ion with converters and cooling: 82 to 90 % [prior]" min:"1 %"`
}

// Smoothing flattens the swings that a synchronous step makes.
type Smoothing struct {
	// Floor is the share of the highest phase's power below which chips that train do not
	// fall: they burn what they lack while they communicate or wait.
	Floor unit.Share `json:"floor" default:"0 %" example:"80 %"`
	// StoragePerChip is what the power supplies of a rack store, per chip: 65 J in a GB300
	// NVL72. At most 100 kJ.
	StoragePerChip unit.Energy `json:"storage_per_chip" default:"0 J" example:"65 J" max:"100 kJ"`
	// StorageEfficiency is what the storage gives over what it took: 50 % to 100 %.
	StorageEfficiency unit.Share `json:"storage_efficiency" default:"90 %" source:"capacitors behind two converters: 85 to 95 % [prior]" min:"50 %"`
}

// GridCode is what the grid allows of the swings within a training step, at its
// checkpoints, and when a job starts, stops or crashes. Nothing is enforced: results say
// what exceeds it, by how much, and which smoothing or ramp would meet it.
type GridCode struct {
	// Step is the largest change of power.
	Step *unit.Power `json:"step,omitempty" above:"0 W" example:"10 MW"`
	// RampPerSecond is the largest change in a second.
	RampPerSecond *unit.Power `json:"ramp_per_second,omitempty" above:"0 W" example:"20 MW"`
	// Band is the largest amplitude of an oscillation between 0.1 and 20 Hz: half of what
	// it moves from trough to crest.
	Band *unit.Power `json:"band,omitempty" above:"0 W" example:"2 MW"`
}

// Policy is what the site does, in order, when its power is short.
type Policy []power.Action

func (Policy) example() string { return "[cap, pause]" }

func (v *Policy) decodeNode(d *decoder, n *node, path string, _ rule) {
	words := make([]string, 0, len(power.Actions()))
	for _, a := range power.Actions() {
		words = append(words, string(a))
	}
	items := []*node{n}
	if n.kind == sequenceNode {
		items = n.items
	} else if n.kind == scalarNode && n.at.Kind == FromDefault {
		items = nil
		for _, word := range strings.Split(strings.Trim(n.text, "[]"), ", ") {
			items = append(items, &node{kind: scalarNode, text: word, tag: "!!str", at: n.at})
		}
	}
	for i, item := range items {
		p := path
		if n.kind == sequenceNode {
			p = fmt.Sprintf("%s[%d]", path, i)
		}
		text, ok := d.scalar(item, p, v.example())
		switch {
		case !ok:
			continue
		case !slices.Contains(words, text):
			hint := "one of " + strings.Join(words, ", ")
			if near := spell.Nearest(text, words); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
			d.bad(item, p, excerpt(text)+" is not understood", hint)
		case slices.Contains(*v, power.Action(text)):
			d.bad(item, p, text+" is there twice", "name every action once")
		default:
			*v = append(*v, power.Action(text))
		}
	}
	if len(items) == 0 {
		d.bad(n, path, "is empty", "write e.g. "+v.example())
		return
	}
	d.record(n, path, v.written())
}

func (v Policy) written() string {
	words := make([]string, len(v))
	for i, a := range v {
		words[i] = string(a)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

func (v Policy) encodeNode() any { return yamlText(v.written()) }

// supply resolves what feeds the site beside the grid, and its limits.
func (r *resolver) supply() {
	s, spec := &r.file.Site.Value, &r.plan.Site
	spec.Policy = power.Policy(s.Policy)
	spec.Oversubscription = s.Oversubscription
	limit := func(p *unit.Power) unit.Power {
		if p == nil {
			return 0
		}
		return *p
	}
	if l := s.Limits; l != nil {
		spec.Limits = power.Limits{Chip: limit(l.Chip), Rack: limit(l.Rack), Row: limit(l.Row), Hall: limit(l.Hall)}
	}
	for i := range s.DemandResponse {
		r.window(&s.DemandResponse[i], fmt.Sprintf("site.demand_response[%d]", i))
	}
	seen := map[Name]bool{}
	for i := range s.Generation {
		g := &s.Generation[i]
		p := fmt.Sprintf("site.generation[%d]", i)
		if seen[g.Name] {
			r.badAt(p+".name", fmt.Sprintf("a second generator named %q", g.Name), "give every generator its own name")
		}
		seen[g.Name] = true
		out := power.Generator{
			Name: string(g.Name), Runs: g.Runs, Capacity: g.Capacity,
			Latitude: g.Latitude, Noon: g.Noon, Yield: g.Yield,
		}
		if g.Price != nil {
			r.price(g.Price, p+".price")
			out.Price, out.PriceGiven = g.Price.Range.Likely, true
		}
		if g.Carbon != nil {
			out.Carbon, out.CarbonGiven = *g.Carbon, true
		}
		spec.Supply.Generators = append(spec.Supply.Generators, out)
	}
	spec.JobRamp = float64(limit(s.JobRampPerMinute)) / 60
	spec.Smoothing = power.Smoothing{
		Floor: s.Smoothing.Floor, Storage: s.Smoothing.StoragePerChip, StorageEfficiency: s.Smoothing.StorageEfficiency,
	}
	if g := s.Grid; g != nil {
		spec.GridCode = power.GridCode{Step: limit(g.Step), Ramp: float64(limit(g.RampPerSecond)), Band: limit(g.Band)}
	}
	if b := s.Battery; b != nil {
		spec.Supply.Battery = power.Battery(*b)
	}
}

// price checks a price that is one value in the site's currency.
func (r *resolver) price(v *Priced[unit.EnergyPrice], path string) {
	switch currency := string(r.file.Site.Value.Currency); {
	case v.Currency != currency:
		r.badAt(path, fmt.Sprintf("is in %s, the site's currency is %s", v.Currency, currency), "write it in "+currency)
	case !v.Range.Known():
		r.badAt(path, "is a range", "write one value")
	}
}

// window resolves a window of demand response.
func (r *resolver) window(v *DemandResponse, path string) {
	from, ok := r.since(&v.From, path+".from")
	switch {
	case v.Every != nil && *v.Every <= v.For:
		r.badAt(path+".every", fmt.Sprintf("%s is not longer than the window, %s", unit.Format(*v.Every), unit.Format(v.For)), "write the time from one beginning to the next")
		return
	case v.Until != nil && v.Every == nil:
		r.badAt(path+".until", "is given, but the window does not recur", "write e.g. every: 1 d, or remove it")
		return
	case v.Until != nil && !v.Until.After(v.From.Time):
		r.badAt(path+".until", v.Until.written()+" is not after "+v.From.written(), "write a later date")
		return
	case !ok:
		return
	case from >= r.plan.Horizon:
		r.computed(path, "dropped", "begins after the horizon")
		return
	}
	w := power.Window{From: from, For: v.For, Limit: v.Limit, Notice: v.Notice}
	if v.Every != nil {
		w.Every = *v.Every
	}
	if v.Until != nil {
		w.Until, _ = r.since(v.Until, path+".until")
	}
	r.plan.Site.Supply.Windows = append(r.plan.Site.Supply.Windows, w)
}

// supplyAsWritten fills in the keys that resolve to a plan's supply and limits.
func supplyAsWritten(p *Plan, s *Site) {
	spec := &p.Site
	s.Policy, s.Oversubscription = Policy(spec.Policy), spec.Oversubscription
	if l := spec.Limits; l.Any() {
		s.Limits = &Limits{}
		for _, x := range []struct {
			limit unit.Power
			to    **unit.Power
		}{{l.Chip, &s.Limits.Chip}, {l.Rack, &s.Limits.Rack}, {l.Row, &s.Limits.Row}, {l.Hall, &s.Limits.Hall}} {
			if x.limit > 0 {
				*x.to = &x.limit
			}
		}
	}
	if spec.JobRamp > 0 {
		ramp := unit.Power(spec.JobRamp * 60)
		s.JobRampPerMinute = &ramp
	}
	s.Smoothing = Smoothing{Floor: spec.Smoothing.Floor, StoragePerChip: spec.Smoothing.Storage, StorageEfficiency: spec.Smoothing.StorageEfficiency}
	if g := spec.GridCode; g.Any() {
		s.Grid = &GridCode{}
		ramp := unit.Power(g.Ramp)
		for _, x := range []struct {
			limit *unit.Power
			to    **unit.Power
		}{{&g.Step, &s.Grid.Step}, {&ramp, &s.Grid.RampPerSecond}, {&g.Band, &s.Grid.Band}} {
			if *x.limit > 0 {
				*x.to = x.limit
			}
		}
	}
	for _, w := range spec.Supply.Windows {
		v := DemandResponse{From: dateAt(p.Start, w.From), For: w.For, Limit: w.Limit, Notice: w.Notice}
		if w.Every > 0 {
			v.Every = &w.Every
		}
		if w.Until > 0 {
			until := dateAt(p.Start, w.Until)
			v.Until = &until
		}
		s.DemandResponse = append(s.DemandResponse, v)
	}
	for _, g := range spec.Supply.Generators {
		v := Generator{Name: Name(g.Name), Runs: g.Runs, Capacity: g.Capacity, Latitude: g.Latitude, Noon: g.Noon, Yield: g.Yield}
		if g.PriceGiven {
			v.Price = &Priced[unit.EnergyPrice]{unit.Point(g.Price), p.Money.Currency}
		}
		if g.CarbonGiven {
			v.Carbon = &g.Carbon
		}
		s.Generation = append(s.Generation, v)
	}
	if b := spec.Supply.Battery; b.Any() {
		v := Battery(b)
		s.Battery = &v
	}
}
