package scenario

import (
	"fmt"
	"strconv"

	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/unit"
)

// failures resolves the profile.
func (r *resolver) failures() {
	f := &r.file.Failures.Value
	spec := failure.Spec{Scale: f.Scale}
	if f.Infant != nil {
		spec.Infant = failure.Decline(*f.Infant)
	}
	if f.Maturing != nil {
		spec.Maturing = failure.Decline(*f.Maturing)
	}
	if f.Lemons != nil {
		spec.Lemons = failure.Lemons(*f.Lemons)
	}
	if f.Relapse != nil {
		spec.Relapse = failure.Relapse(*f.Relapse)
	}
	if s := f.Stragglers; s != nil {
		spec.Stragglers = failure.Stragglers{Share: s.Share, Slowdown: s.Slowdown, Detection: s.Detection.Duration, Repair: s.Repair.Duration}
	}
	for _, c := range f.Classes {
		class := failure.Class{
			Name: string(c.Name), Rate: c.Rate, Scope: c.Scope, Detection: c.Detection.Duration,
			Idle: f.Idle, BurnIn: f.BurnIn, Silent: c.Silent, Slowdown: c.Slowdown,
		}
		if c.Idle != nil {
			class.Idle = *c.Idle
		}
		if c.BurnIn != nil {
			class.BurnIn = *c.BurnIn
		}
		if c.Shape != nil {
			class.Shape = failure.Shape(*c.Shape)
		}
		if c.Repair != nil {
			class.Repair = c.Repair.Duration
		}
		spec.Classes = append(spec.Classes, class)
	}
	r.plan.Failures = spec
}

// checkFailures reports classes of one name and what the model has no meaning for.
func (d *decoder) checkFailures(f *Failures, path string) {
	seen := map[Name]bool{}
	for i, class := range f.Classes {
		p := fmt.Sprintf("%s[%d]", under(path, "classes"), i)
		if seen[class.Name] {
			d.badAt(under(p, "name"), fmt.Sprintf("a second class named %q", class.Name), "give every class its own name")
		}
		seen[class.Name] = true
		switch {
		case class.Scope == failure.ServerScope || !class.Silent && class.Slowdown == 0:
		case class.Silent:
			d.badAt(under(p, "silent"), "a silent failure is a server's", "write scope: server")
		default:
			d.badAt(under(p, "slowdown"), "a slow failure is a server's", "write scope: server")
		}
		if class.Silent && class.Slowdown > 0 {
			d.badAt(under(p, "slowdown"), "the class is silent too", "make two classes of it")
		}
		if class.Shape != nil {
			if err := (*failure.Shape)(class.Shape).Validate(); err != nil {
				d.badAt(under(p, "shape.parameter"), fmt.Sprintf("%g is out of the range of %s", class.Shape.Parameter, class.Shape.Kind), "write 0.3 to 6 for weibull (from 0.5 with since: start), 0.2 to 3 for lognormal")
			}
		}
	}
}

// repairs reports classes whose servers nothing would bring back.
func (r *resolver) repairs() {
	pipeline, _ := r.pipeline()
	stages := pipeline.Stages
	needed := false
	for i := range stages {
		needed = needed || stages[i].Time == nil
	}
	for i := range r.file.Failures.Value.Classes {
		c := &r.file.Failures.Value.Classes[i]
		piped := len(stages) > 0 && !needed && c.Scope == failure.ServerScope
		if c.Scope == failure.JobScope || c.Repair != nil || piped {
			continue
		}
		p := fmt.Sprintf("failures.classes[%d].repair", i)
		switch c.Scope {
		case failure.ServerScope:
			r.badAt(p, "is missing, and the class takes servers out of service", "write repair: 1 d, or scope: job")
		default:
			r.badAt(p, fmt.Sprintf("is missing, and what scope %s takes is out until it is over", c.Scope), "write repair: 4 h")
		}
	}
}

// pipeline is the way of failed servers back into service and its path: the fleet's, or
// the one that the failure profile brings.
func (r *resolver) pipeline() (p Repair, path string) {
	switch own, profile := r.file.Fleet.Repair, r.file.Failures.Value.Repair; {
	case own != nil:
		return *own, "fleet.repair"
	case profile != nil:
		return *profile, "failures.repair"
	}
	return Repair{ShiftLength: unit.Day}, "fleet.repair"
}

// upkeep resolves what keeps the fleet in service.
func (r *resolver) upkeep(spec *fleet.Spec) {
	f := &r.file.Fleet
	if c := f.ColdSpares; c != nil {
		servers, _ := r.servers(c.Chips, "fleet.cold_spares.chips")
		spec.Cold = fleet.ColdPool{Servers: servers, Delay: c.Delay}
	}
	r.topology(spec)
	r.repair(spec)
	spec.Retire = fleet.Retire{
		Failures: f.Retire.Failures, Within: f.Retire.Within, Score: f.Retire.Score, HalfLife: f.Retire.HalfLife,
		Replacement: f.Retire.Replacement.Duration,
	}
	for i := range f.Maintenance {
		m := &f.Maintenance[i]
		first := m.Every
		if m.First != nil {
			first, _ = r.since(m.First, fmt.Sprintf("fleet.maintenance[%d].first", i))
		}
		if batches := unit.Duration(int(1/float64(m.Batch) + 0.999999)); m.Duration*batches > m.Every {
			r.badAt(fmt.Sprintf("fleet.maintenance[%d].every", i), fmt.Sprintf("%s is shorter than all batches of %s take", unit.Format(m.Every), unit.Format(m.Duration)), "write a longer time or a larger batch")
		}
		spec.Maintenance = append(spec.Maintenance, fleet.Maintenance{
			Name: string(m.Name), First: first, Every: m.Every, Duration: m.Duration, Batch: m.Batch,
		})
	}
}

// repair resolves the pipeline.
func (r *resolver) repair(spec *fleet.Spec) {
	p, path := r.pipeline()
	spec.Repair = fleet.Pipeline{
		Technicians: p.Technicians, ShiftStart: p.ShiftStart, ShiftLength: p.ShiftLength, Parts: p.Parts, Resupply: p.Resupply,
		WrongDiagnosis: p.WrongDiagnosis, Missed: p.Missed, Recurrence: p.Recurrence.Duration,
	}
	if p.ShiftStart >= unit.Day {
		r.badAt(path+".shift_start", "is not a time of day", "write 0 h to 23.9 h")
	}
	if p.WrongDiagnosis+p.Missed > 1 {
		r.badAt(path+".missed", "and wrong_diagnosis are more than 100 % together", "write smaller shares")
	}
	r.hands(&p, path)
	const most = 10
	if len(p.Stages) > most {
		r.badAt(path+".stages", fmt.Sprintf("has %d items", len(p.Stages)), fmt.Sprintf("write at most %d", most))
	}
	for i := range p.Stages {
		s := &p.Stages[i]
		stage := fleet.Stage{Name: string(s.Name), Escalates: s.Escalates, Ineffective: s.Ineffective, HandsOn: s.HandsOn, Part: s.Part}
		if s.Time != nil {
			stage.Time = s.Time.Duration
		}
		if s.Escalates > 0 && i == len(p.Stages)-1 {
			r.badAt(fmt.Sprintf("%s.stages[%d].escalates", path, i), "is above 0 %, but no stage follows", "remove it, or add a stage")
		}
		spec.Repair.Stages = append(spec.Repair.Stages, stage)
	}
}

// hands reports what is said of technicians, shifts and parts that no stage uses.
func (r *resolver) hands(p *Repair, path string) {
	handsOn, parts := false, false
	for i := range p.Stages {
		s := &p.Stages[i]
		handsOn = handsOn || s.HandsOn
		parts = parts || s.HandsOn && s.Part > 0
		if s.Part > 0 && !s.HandsOn {
			r.badAt(fmt.Sprintf("%s.stages[%d].part", path, i), "has no effect: the stage is not hands-on", "add hands_on: true, or remove it")
		}
	}
	for _, k := range []struct {
		key       string
		said, has bool
		does, by  string
	}{
		{"technicians", p.Technicians > 0, handsOn, "takes a technician", "hands_on: true"},
		{"shift_start", p.ShiftStart > 0 && p.ShiftStart < unit.Day, handsOn, "takes a technician", "hands_on: true"},
		{"shift_length", p.ShiftLength < unit.Day, handsOn, "takes a technician", "hands_on: true"},
		{"parts", p.Parts > 0, parts, "takes a part", "hands_on: true and part: 30 %"},
	} {
		if k.said && !k.has {
			r.badAt(path+"."+k.key, "has no effect: no stage "+k.does, "write "+k.by+" for a stage that does, or remove it")
		}
	}
}

// The chips that share what the scenario does not say, priors: four servers of eight
// to a rack of 40 kW; 16 racks to a row; a coolant distribution unit of about 1 MW; a room of about 10 MW.
const (
	usualRack = 32
	usualRow  = 512
	usualLoop = 1024
	usualRoom = 8192
)

// topology resolves how many servers share what may fail.
func (r *resolver) topology(spec *fleet.Spec) {
	t := &r.file.Fleet.Topology
	per := r.plan.Server.Chips
	domain := max(r.plan.Server.ScaleUpDomain, per)
	leaf := domain
	if tiers := r.plan.Fabric.Tiers; len(tiers) > 0 && tiers[0].Chips > 0 {
		leaf = tiers[0].Chips
	}
	servers := func(key string, written *int, usual int) int {
		path := "fleet.topology." + key
		if written != nil {
			n, _ := r.servers(*written, path)
			return max(n, 1)
		}
		n := max(usual/per, 1)
		r.computed(path, strconv.Itoa(n*per), "usual [prior]")
		return n
	}
	if t.Rack != nil && t.Room != nil && *t.Rack > *t.Room {
		r.badAt("fleet.topology.room", fmt.Sprintf("%d chips, fewer than a rack's %d", *t.Room, *t.Rack), "write a room that holds whole racks")
	}
	if t.CoolingLoop != nil && t.Rack != nil && *t.Rack > *t.CoolingLoop {
		r.badAt("fleet.topology.cooling_loop", fmt.Sprintf("%d chips, fewer than a rack's %d", *t.CoolingLoop, *t.Rack), "write a loop that cools whole racks")
	}
	spec.Topology = fleet.Topology{
		Domain: servers("domain", t.Domain, domain), Leaf: servers("leaf", t.Leaf, leaf), Rack: servers("rack", t.Rack, max(usualRack, domain)),
		Row: servers("row", t.Row, max(usualRow, domain)), Loop: servers("cooling_loop", t.CoolingLoop, max(usualLoop, domain)), Room: servers("room", t.Room, max(usualRoom, domain)), DualHomed: t.DualHomed,
	}
}

// recovery resolves what a job does after a failure.
func (r *resolver) recovery(j *Job, path string, spec *job.Spec) {
	own, v := path+".recovery", j.Recovery
	if v == nil {
		own, v = "recovery", &r.file.Recovery
	}
	if !r.whole("recovery", path+".recovery") || r.plan.Server.Chips == 0 {
		return
	}
	standbys, _ := r.servers(v.Standbys, own+".standbys")
	spec.Recovery = job.Policy{
		Mode: v.Mode, Swap: v.Swap.Duration, Shrink: v.Shrink.Duration, InPlace: v.InPlace.Duration,
		Setup: job.Setup{Fixed: v.Setup.Fixed, PerThousand: v.Setup.PerThousandChips}, Floor: v.Floor,
		Standbys: standbys, Selection: v.Selection,
	}
}

// upkeepAsWritten is the part of a fleet that upkeep resolves to the spec.
func upkeepAsWritten(p *Plan, f *Fleet) {
	s, per := &p.Fleet, p.Server.Chips
	if s.Cold.Servers > 0 {
		f.ColdSpares = &ColdSpares{Chips: s.Cold.Servers * per, Delay: s.Cold.Delay}
	}
	chips := func(servers int) *int { n := servers * per; return &n }
	t := &s.Topology
	f.Topology = Topology{
		Domain: chips(t.Domain), Leaf: chips(t.Leaf), Rack: chips(t.Rack), Row: chips(t.Row), CoolingLoop: chips(t.Loop), Room: chips(t.Room), DualHomed: t.DualHomed,
	}
	f.Retire = Retire{
		Failures: s.Retire.Failures, Within: s.Retire.Within, Score: s.Retire.Score, HalfLife: s.Retire.HalfLife,
		Replacement: TimeSpread{s.Retire.Replacement},
	}
	for _, m := range s.Maintenance {
		first := dateAt(p.Start, m.First)
		f.Maintenance = append(f.Maintenance, Maintenance{Name: Name(m.Name), First: &first, Every: m.Every, Duration: m.Duration, Batch: m.Batch})
	}
}

// repairAsWritten is what resolves to a pipeline; nothing where every class has its own
// repair time and diagnosis does not err.
func repairAsWritten(r *fleet.Pipeline) *Repair {
	if len(r.Stages) == 0 && r.WrongDiagnosis == 0 && r.Missed == 0 {
		return nil
	}
	out := Repair{
		Technicians: r.Technicians, ShiftStart: r.ShiftStart, ShiftLength: r.ShiftLength, Parts: r.Parts, Resupply: r.Resupply,
		WrongDiagnosis: r.WrongDiagnosis, Missed: r.Missed, Recurrence: TimeSpread{r.Recurrence},
	}
	for _, st := range r.Stages {
		stage := RepairStage{Name: Name(st.Name), Escalates: st.Escalates, Ineffective: st.Ineffective, HandsOn: st.HandsOn, Part: st.Part}
		if st.Time != (dist.Duration{}) {
			stage.Time = &TimeSpread{st.Time}
		}
		out.Stages = append(out.Stages, stage)
	}
	return &out
}

// failuresAsWritten is the profile that resolves to the plan's.
func failuresAsWritten(p *Plan) Failures {
	s := &p.Failures
	f := Failures{Scale: s.Scale, Idle: 1}
	decline := func(d failure.Decline) *Decline {
		if d.Time == 0 {
			return nil
		}
		v := Decline(d)
		return &v
	}
	f.Infant, f.Maturing = decline(s.Infant), decline(s.Maturing)
	if s.Lemons != (failure.Lemons{}) {
		v := Lemons(s.Lemons)
		f.Lemons = &v
	}
	if s.Relapse != (failure.Relapse{}) {
		v := Relapse(s.Relapse)
		f.Relapse = &v
	}
	if g := s.Stragglers; g != (failure.Stragglers{}) {
		f.Stragglers = &Stragglers{Share: g.Share, Slowdown: g.Slowdown, Detection: TimeSpread{g.Detection}, Repair: TimeSpread{g.Repair}}
	}
	for _, c := range s.Classes {
		idle, burnIn := c.Idle, c.BurnIn
		class := FailureClass{
			Name: Name(c.Name), Rate: c.Rate, Scope: c.Scope, Detection: TimeSpread{c.Detection},
			Idle: &idle, BurnIn: &burnIn, Silent: c.Silent, Slowdown: c.Slowdown,
		}
		if c.Shape != (failure.Shape{}) {
			v := Shape(c.Shape)
			class.Shape = &v
		}
		if c.Repair != (dist.Duration{}) {
			class.Repair = &TimeSpread{c.Repair}
		}
		f.Classes = append(f.Classes, class)
	}
	return f
}

// recoveryAsWritten is what resolves to a job's policy.
func recoveryAsWritten(p *job.Policy, per int) Recovery {
	return Recovery{
		Mode: p.Mode, Swap: TimeSpread{p.Swap}, Shrink: TimeSpread{p.Shrink}, InPlace: TimeSpread{p.InPlace},
		Setup: Setup{Fixed: p.Setup.Fixed, PerThousandChips: p.Setup.PerThousand}, Floor: p.Floor,
		Standbys: p.Standbys * per, Selection: p.Selection,
	}
}
