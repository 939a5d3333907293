package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"clustercap/sim/fleet"
	"clustercap/sim/hardware"
	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// resolver turns a decoded File into a Plan.
type resolver struct {
	*decoder
	file File
	plan *Plan
}

// resolve decodes a merged tree and resolves it; name is the overlay's, "" for the
// scenario's own plan. It returns nil when there are problems.
func (l *loader) resolve(root *node, name string) *Plan {
	root = inherit(inherit(root, "checkpoint", &l.c), "recovery", &l.c)
	found := l.c.reports
	d := newDecoder(&l.c, l.catalog)
	r := &resolver{decoder: d}
	d.value(root, "", reflect.ValueOf(&r.file).Elem(), rule{})
	f := &r.file
	if name == "" {
		name = string(f.Plan)
	}
	r.plan = &Plan{
		Scenario: string(f.Name), Title: f.Title, Name: name,
		Start: f.Start.Time, Horizon: f.Horizon, Replicas: f.Replicas, Seed: f.Seed,
		Chip: f.Fleet.Chip.Value,
	}
	if f.Title == "" {
		r.plan.Title = r.plan.Scenario
	}
	// Each part is resolved where what it builds on was decoded, so that one typo
	// does not hide the problems elsewhere.
	calendar := d.whole("start", "horizon")
	if d.whole("fleet.chip", "fleet.server", "fleet.fabric") {
		r.hardware()
	}
	if calendar && d.whole("site") {
		r.site()
		r.money()
		if r.plan.Server.Chips > 0 {
			r.unpriced()
		}
	}
	if d.whole("failures") {
		r.failures()
		if d.whole("fleet.repair") {
			r.repairs()
		}
	}
	if calendar && r.plan.Server.Chips > 0 {
		r.fleet()
	}
	r.jobs()
	r.plan.Values = d.values
	if l.c.reports > found {
		return nil
	}
	return r.plan
}

// inherit lays each job's keys of a mapping over the scenario's.
func inherit(root *node, key string, c *collector) *node {
	common, jobs := root.get(key), root.get("jobs")
	if common == nil || common.kind != mappingNode || jobs == nil || jobs.kind != mappingNode {
		return root
	}
	out := jobs.without()
	for i := range out.fields {
		f := &out.fields[i]
		if own := f.value.get(key); own != nil && own.kind == mappingNode {
			body := f.value.without()
			for j := range body.fields {
				if body.fields[j].key == key {
					body.fields[j].value = merge(common, own, "", c)
				}
			}
			f.value = body
		}
	}
	root = root.without()
	for i := range root.fields {
		if root.fields[i].key == "jobs" {
			root.fields[i].value = out
		}
	}
	return root
}

// computed records a value that follows from others.
func (r *resolver) computed(path, text, source string) {
	r.values = append(r.values, Value{Path: path, Text: text, Origin: Origin{Kind: Computed}, Source: source})
}

// hardware takes the chip's usual server and fabric where none are named.
func (r *resolver) hardware() {
	f, p := &r.file.Fleet, r.plan
	p.Server, p.Fabric = f.Server.Value, f.Fabric.Value
	if f.Stack != nil {
		p.Stack = f.Stack.Value
	}
	if r.nodes["fleet.server"] == nil {
		usual[hardware.Server](r, "server", p.Chip.Server, &p.Server)
	}
	r.serverOfVendor()
	if r.nodes["fleet.fabric"] == nil {
		usual[hardware.Fabric](r, "fabric", p.Chip.Fabric, &p.Fabric)
	}
}

// serverOfVendor reports a server of the catalog that holds other vendors' chips. One with
// changes of its own is the scenario's, and may hold any.
func (r *resolver) serverOfVendor() {
	n, p := r.nodes["fleet.server"], r.plan
	if n == nil || n.kind != scalarNode || p.Chip.Vendor == "" {
		return
	}
	if of := r.catalog.ServersOf(p.Chip.Vendor); len(of) > 0 && !slices.Contains(of, n.text) {
		r.badAt("fleet.server", n.text+" does not take "+p.Chip.Name, "one of "+strings.Join(of, ", "))
		p.Server = hardware.Server{}
	}
}

// usual decodes the catalog entry that a chip names as its usual server or fabric.
func usual[T any](r *resolver, what, name string, v *T) {
	path := "fleet." + what
	if name == "" {
		r.badAt(path, "is missing, and the chip names no usual "+what, "write "+what+": and "+Reference[T]{}.example())
		return
	}
	var ref Reference[T]
	n := &node{kind: scalarNode, text: name, tag: "!!str", at: Origin{Kind: FromDefault}, source: "the chip's usual " + what}
	if k := r.catalog.kinds[ref.kind()]; k.entries[name] == nil {
		r.badAt("fleet.chip."+what, excerpt(name)+" is not among the catalog's "+ref.kind(), didYouMean(name, k.names)+" (or write "+what+": beside chip:)")
		return
	}
	r.value(n, path, reflect.ValueOf(&ref).Elem(), rule{})
	delete(r.nodes, path)
	*v = ref.Value
}

// since is the time from the scenario's start to a date, which may not lie before it.
func (r *resolver) since(date *Date, path string) (unit.Duration, bool) {
	if date == nil {
		return 0, true
	}
	d := date.Sub(r.plan.Start)
	if d < 0 {
		r.badAt(path, fmt.Sprintf("%s is before the start, %s", date.written(), Date{r.plan.Start}.written()), "write a date from the start on")
		return 0, false
	}
	return unit.Duration(d / time.Second), true
}

// site resolves the power phases.
func (r *resolver) site() {
	s := &r.file.Site.Value
	r.plan.Site = power.Spec{
		PUE: s.PUE, ClockExponent: s.ClockExponent, MinClock: s.MinClock, Losses: s.Losses,
	}
	if s.PUE.High == 0 && s.Cooling != nil && s.Climate != nil {
		r.weather(s)
	}
	r.supply()
	if len(s.Power) == 0 {
		r.plan.Site.Phases = []power.Phase{{}}
		r.computed("site.power", "none", "no limit on power is given")
		return
	}
	for i, phase := range s.Power {
		p := fmt.Sprintf("site.power[%d]", i)
		at, ok := r.since(phase.From, p+".from")
		if !ok {
			continue
		}
		phases := r.plan.Site.Phases
		switch {
		case len(phases) > 0 && at <= phases[len(phases)-1].From:
			r.badAt(p+".from", "does not come after the phase before it", "list the phases in order of time")
			continue
		case i == 0 && at > 0:
			r.badAt(p+".from", "leaves the power before it open", fmt.Sprintf("add {from: %s, limit: ...} before it, limit: none where nothing limits", Date{r.plan.Start}.written()))
		}
		if at >= r.plan.Horizon {
			r.computed(p, "dropped", "begins after the horizon")
			continue
		}
		r.plan.Site.Phases = append(phases, power.Phase{From: at, Limit: phase.Limit.Power})
	}
}

// weather makes the hours of the site's typical year.
func (r *resolver) weather(s *Site) {
	site := &r.plan.Site
	site.Cooling, site.Climate = s.Cooling.Value, s.Climate.Value
	site.Weather = site.Climate.Year()
	mean := func(hours []float64) float64 {
		sum := 0.0
		for _, t := range hours {
			sum += t
		}
		return sum / float64(len(hours))
	}
	dry, wet := site.Weather.DryBulb, site.Weather.WetBulb
	r.computed("site.climate.year", fmt.Sprintf("%.1f C dry bulb and %.1f C wet bulb in the mean, %.1f C and %.1f C at most",
		mean(dry), mean(wet), slices.Max(dry), slices.Max(wet)), "the hours of the typical year")
}

// fleet resolves the deliveries.
func (r *resolver) fleet() {
	f := &r.file.Fleet
	spec := fleet.Spec{
		ChipsPerServer: r.plan.Server.Chips,
		Commissioning:  f.Commissioning.Time.Duration, Rejected: f.Commissioning.Rejected,
		Return: f.Commissioning.Return.Duration, Spares: f.Spares,
	}
	if r.whole("fleet.cold_spares", "fleet.topology", "fleet.repair", "fleet.retire", "fleet.maintenance") {
		r.upkeep(&spec)
	}
	total, broken := 0, false
	for i := range f.Deliveries {
		path := fmt.Sprintf("fleet.deliveries[%d]", i)
		if !r.whole(path) {
			broken = true
			continue
		}
		lots := r.lots(&f.Deliveries[i], path, total)
		for _, lot := range lots {
			total += lot.Servers * spec.ChipsPerServer
		}
		if total > maxChips {
			r.badAt(path, fmt.Sprintf("brings the fleet to %s chips", unit.Count(total)), "a fleet has at most "+unit.Count(maxChips))
			return
		}
		spec.Deliveries = append(spec.Deliveries, lots...)
	}
	sort.SliceStable(spec.Deliveries, func(a, b int) bool { return spec.Deliveries[a].At < spec.Deliveries[b].At })
	switch {
	case broken:
	case len(spec.Deliveries) == 0 && r.whole("fleet.deliveries"):
		r.badAt("fleet.deliveries", "bring no chips before the horizon ends", "write e.g. - {date: "+Date{r.plan.Start}.written()+", chips: "+strconv.Itoa(1000*spec.ChipsPerServer)+"}")
	default:
		if cold := spec.Cold.Servers * spec.ChipsPerServer; cold > 0 && cold >= total {
			r.badAt("fleet.cold_spares.chips", fmt.Sprintf("%s of the fleet's %s chips: no job could start", unit.Count(cold), unit.Count(total)), "write fewer; jobs start on the others")
		}
		r.computed("fleet.chips", strconv.Itoa(total), "on site at the horizon, all deliveries together")
	}
	r.plan.Fleet = spec
}

// lots expands one delivery; before is the number of chips delivered above it.
func (r *resolver) lots(d *Delivery, path string, before int) []fleet.Delivery {
	servers, ok := r.servers(d.Chips, path+".chips")
	switch {
	case d.Date != nil && d.From != nil:
		r.badAt(path, "has both date and from", "write date for one lot, from and every for a ramp")
		return nil
	case d.Date == nil && d.From == nil:
		r.badAt(path, "has neither date nor from", "write date for one lot, from and every for a ramp")
		return nil
	case d.Date != nil && (d.Every != nil || d.UpTo != nil):
		r.badAt(path, "has every or upto, but is a single lot", "write from instead of date for a ramp")
		return nil
	case d.From != nil && d.Every == nil:
		r.badAt(path, "is a ramp without every", "write e.g. every: 30 d")
		return nil
	case d.Date != nil:
		at, inTime := r.since(d.Date, path+".date")
		if !ok || !inTime {
			return nil
		}
		if at >= r.plan.Horizon {
			r.computed(path, "dropped", "arrives after the horizon")
			return nil
		}
		return []fleet.Delivery{{At: at, Servers: servers}}
	}
	return r.ramp(d, path, before, servers, ok)
}

// ramp expands a ramp of equal lots.
func (r *resolver) ramp(d *Delivery, path string, before, servers int, ok bool) []fleet.Delivery {
	from, inTime := r.since(d.From, path+".from")
	left := maxChips/r.plan.Server.Chips + 1 // one more than allowed, so that fleet reports it
	if d.UpTo != nil {
		end, whole := r.servers(*d.UpTo, path+".upto")
		ok = ok && whole
		if left = end - before/r.plan.Server.Chips; left <= 0 && whole {
			r.badAt(path+".upto", fmt.Sprintf("%s chips are already on site when the ramp begins", unit.Count(before)), "upto counts the deliveries above it too")
			return nil
		}
	}
	if !ok || !inTime {
		return nil
	}
	var lots []fleet.Delivery
	at := from
	for k := 0; left > 0; k++ {
		// Whole seconds keep the date of a lot exact when it is written down.
		at = from + unit.Duration(int64(float64(*d.Every)*float64(k)+0.5))
		if at >= r.plan.Horizon {
			break
		}
		lot := min(servers, left)
		left -= lot
		lots = append(lots, fleet.Delivery{At: at, Servers: lot})
	}
	if len(lots) == 0 {
		r.computed(path, "dropped", "begins after the horizon")
		return nil
	}
	last := lots[len(lots)-1]
	what := fmt.Sprintf("%s lots, the last of %s chips on %s", unit.Count(len(lots)), unit.Count(last.Servers*r.plan.Server.Chips), r.date(last.At).written())
	why := "the ramp's schedule"
	if at >= r.plan.Horizon {
		why = "the ramp goes on beyond the horizon"
	}
	r.computed(path+".lots", what, why)
	return lots
}

// date is the calendar date of a time since the start.
func (r *resolver) date(at unit.Duration) Date {
	return dateAt(r.plan.Start, at)
}

// dateAt is the date that lies a whole number of seconds after start.
func dateAt(start time.Time, at unit.Duration) Date {
	return Date{start.Add(time.Duration(at) * time.Second)}
}

// servers converts a chip count to servers, which must be whole.
func (r *resolver) servers(chips int, path string) (int, bool) {
	per := r.plan.Server.Chips
	if chips%per == 0 {
		return chips / per, true
	}
	below := chips / per * per
	hint := fmt.Sprintf("write %d", below+per)
	if below > 0 {
		hint = fmt.Sprintf("write %d or %d", below, below+per)
	}
	r.badAt(path, fmt.Sprintf("%s chips are not whole servers of %d (%s)", unit.Count(chips), per, r.plan.Server.Name), hint)
	return 0, false
}
