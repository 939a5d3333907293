package sim

import (
	"cmp"
	"math"
	"slices"

	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/scenario"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// shrinking is a job that trains on without the replicas whose servers are in repair, in
// the long run.
type shrinking struct {
	trains   float64 // the share of time in which it has as many replicas as its floor asks for
	replicas float64 // the mean share of its replicas that it has then
	spared   float64 // of the failures that take a server, the share that another one makes up for,
	dropped  float64 // and the share that costs a replica; after the rest it waits for a server
}

// drops are the numbers of data-parallel replicas that a job trains on, from all of them
// down to its floor. Each frees servers; far down each frees a quarter of those freed
// before at least, so that they stay few: a job of 704 replicas with a floor of 75 % has 22.
type drops struct {
	perReplica, perServer int // chips
	all, fewest           int // replicas
	group, experts        int // chips of a replica that share experts, and those that they divide by
}

// allDrops of a size, those that it lacks already among them.
func allDrops(p *scenario.Plan, j *job.Spec, size *Size) drops {
	l := &size.Step.Layout
	return newDrops(p, j, l, l.DP+size.Missing)
}

// leastFreed is the share of the servers freed before that the next size frees.
const leastFreed = 0.25

func newDrops(p *scenario.Plan, j *job.Spec, l *step.Layout, replicas int) drops {
	return drops{
		perReplica: l.Chips() / l.DP, perServer: p.Fleet.ChipsPerServer,
		all: replicas, fewest: max(int(math.Ceil(float64(j.Recovery.Floor)*float64(replicas))), 1),
		group: l.TP * l.CP, experts: max(l.EP*l.ETP, 1),
	}
}

// servers that so many replicas fill.
func (d *drops) servers(replicas int) int {
	return (replicas*d.perReplica + d.perServer - 1) / d.perServer
}

// below is the next number of replicas after one, or 0.
func (d *drops) below(replicas int) int {
	held := d.servers(replicas)
	least := max(1, int(leastFreed*float64(d.servers(d.all)-held)))
	last := 0
	for n := replicas - 1; n >= d.fewest; n-- {
		if freed := held - d.servers(n); freed > 0 && n*d.group%d.experts == 0 {
			if last = n; freed >= least {
				break
			}
		}
	}
	return last
}

// workforce is what a job that shrinks works with: all that the chain of its lost
// servers depends on.
type workforce struct {
	drops
	surplus           int       // servers beyond the job's own
	training, resting unit.Rate // at which a server is lost, in training and otherwise
	repair            unit.Duration
}

func (c *course) workforce(o *prognosis) workforce {
	chips := unit.Rate(c.p.Fleet.ChipsPerServer)
	return workforce{
		drops: allDrops(c.p, c.j, c.size), surplus: c.surplus,
		training: o.taking * chips, resting: o.resting * chips, repair: meanRepair(c.p),
	}
}

// left is how many of some replicas train on so many servers. Replicas make up for each
// other's lost servers.
func (w *workforce) left(replicas, servers int) int {
	for replicas > 0 && w.servers(replicas) > servers {
		replicas = w.below(replicas)
	}
	return replicas
}

// negligible is the probability of a number of servers that is not looked into.
const negligible = 1e-12

// longRun is how the job fares that trains for a share up of the time in which it could.
//
// Each server is mended by itself, and what trains and what rests fails at its own rate,
// so the number n of those out is a birth-death chain, which depends on the mean time of
// repairs alone: machine repair with spares (Palm's model), π(n+1)/π(n) = λ(n) R/(n+1).
// Without spares and with what rests failing as often it is the binomial number. Below the
// floor all servers rest, and the next repair lets the job train again.
func (w *workforce) longRun(up float64) shrinking {
	var s shrinking
	var all, failures float64
	weight, had := 1.0, w.all
	total := w.servers(w.all) + w.surplus
	for n := range total + 1 {
		busy := float64(w.servers(had)) * up
		lost := busy * float64(w.training)
		left := w.left(had, total-n-1)
		all += weight
		if had > 0 {
			s.trains += weight
			s.replicas += weight * float64(had) / float64(w.all)
			failures += weight * lost
			switch left {
			case had:
				s.spared += weight * lost
			case 0:
			default:
				s.dropped += weight * lost
			}
		}
		ratio := (lost + (float64(total-n)-busy)*float64(w.resting)) * float64(w.repair) / float64(n+1)
		if weight *= ratio; ratio < 1 && weight < negligible*all {
			break
		}
		had = left
		if weight > 1/negligible { // far below the likeliest number
			all, failures, s = all/weight, failures/weight, s.over(weight)
			weight = 1
		}
	}
	if s.trains > 0 {
		s.replicas /= s.trains
	}
	if failures > 0 {
		s.spared, s.dropped = s.spared/failures, s.dropped/failures
	}
	s.trains /= all
	return s
}

func (s shrinking) over(x float64) shrinking {
	return shrinking{s.trains / x, s.replicas / x, s.spared / x, s.dropped / x}
}

// arrival is when a number of servers is ready for service.
type arrival struct {
	at      unit.Duration
	servers float64
}

// arrivals lists them in order, at the means of the times that they take.
func arrivals(f *fleet.Spec) []arrival {
	list := make([]arrival, 0, 2*len(f.Deliveries))
	for _, d := range f.Deliveries {
		at, rejected := d.At+f.Commissioning.Mean, float64(d.Servers)*float64(f.Rejected.Likely)
		list = append(list, arrival{at, float64(d.Servers) - rejected}, arrival{at + f.Return.Mean, rejected})
	}
	slices.SortFunc(list, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	return list
}

// begins is when a job can hold so many servers: once they are there beside the spares, or
// where that is never when it is submitted.
func begins(f *fleet.Spec, arrivals []arrival, servers int, submit unit.Duration) unit.Duration {
	var here float64
	for _, a := range arrivals {
		if here += a.servers; f.Usable(int(math.Round(here))-f.Cold.Servers) >= servers {
			return max(a.at, submit)
		}
	}
	return submit
}

// surplus is the mean number of servers beyond so many of the job's own that it can draw
// on, warm and cold spares among them, over the part of a span of training in which the
// fleet has as many as the job needs. Other jobs keep their smallest sizes, though not the
// spares.
func surplus(p *scenario.Plan, j *job.Spec, arrivals []arrival, servers int, from, span unit.Duration) int {
	f := &p.Fleet
	others := 0
	for i := range p.Jobs {
		if o := &p.Jobs[i]; o.Name != j.Name && o.Submit <= from+span && len(o.Sizes) > 0 {
			others += (o.Sizes[0] + f.ChipsPerServer - 1) / f.ChipsPerServer
		}
	}
	var here, sum, time float64
	for k := range arrivals {
		here += arrivals[k].servers
		from, to := max(arrivals[k].at, from), from+span
		if k+1 < len(arrivals) {
			to = min(to, arrivals[k+1].at)
		}
		extra := math.Round(here) - float64(servers)
		if to <= from || extra < 0 {
			continue
		}
		spares := float64(fleet.Reserve(f.Spares, int(here)) + f.Cold.Servers)
		sum += max(extra-float64(others), min(extra, spares)) * float64(to-from)
		time += float64(to - from)
	}
	if time == 0 {
		return 0
	}
	return int(math.Round(sum / time))
}
