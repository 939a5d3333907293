package sim

import (
	"math"

	"clustercap/sim/failure"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// prognosis is what failures a job has to expect, per chip that it trains on.
type prognosis struct {
	rates           []unit.Rate // by class
	training        unit.Rate   // of the failures that stop it
	taking, resting unit.Rate   // of those among these that take servers, in training and otherwise
	// unfound is the mean number of silent failures at work whose chips train, and of those
	// that struck while they did not.
	unfound, unfoundIdle float64
	outages              unit.Rate // of the checkpoint store
	outage               unit.Duration
}

// outlook averages the failures of a job on so many servers that starts at a time over a
// span that begins another after that: a site that matures, servers that outlive their
// infancy, lemons that are found while the job trains for a share of the time.
func outlook(p *scenario.Plan, lives []failure.Lives, servers int, start, from, span unit.Duration, training float64) prognosis {
	f := &p.Failures
	site := f.Maturing.Mean(start+from, span)
	own := infancy(p, start+from, span)
	own *= lemonFactor(p, own*site, from, span, training)
	own *= relapseFactor(p, own*site)
	o := prognosis{rates: make([]unit.Rate, len(f.Classes))}
	for i := range f.Classes {
		c := &f.Classes[i]
		rate := c.Rate.Likely * unit.Rate(f.Scale.Likely*site)
		if c.Scope.OwnServer() {
			rate *= unit.Rate(own)
		}
		switch c.Shape.Since {
		case failure.SinceCommissioning:
			rate *= unit.Rate(aged(p, c, start+from, span))
		case failure.SinceRepair:
			rate *= unit.Rate(overDeliveries(p, start+from, span, lives[i].Mean))
		case failure.SinceStart:
			chips := servers * p.Fleet.ChipsPerServer
			rate *= unit.Rate(c.Shape.First(rate, chips, stoppingBeside(p, i)*unit.Rate(chips)))
		}
		if c.Scope == failure.StorageScope {
			chips := unit.Rate(p.Fleet.Servers() * p.Fleet.ChipsPerServer)
			if all := o.outages + rate*chips; all > 0 {
				lasts := c.Detection.Mean + c.Repair.Mean
				o.outage += (lasts - o.outage) * unit.Duration(rate*chips/all)
				o.outages = all
			}
			continue
		}
		if !c.Stops(p.Fleet.Topology.DualHomed) {
			o.rates[i] = rate
			continue
		}
		size := groupSize(&p.Fleet.Topology, c.Scope)
		o.rates[i] = rate * unit.Rate(throughOthers(p, servers, size, float64(c.Idle)))
		o.training += o.rates[i]
		if c.Silent {
			o.unfound += float64(rate) * float64(c.Detection.Mean)
			o.unfoundIdle += float64(rate) * float64(c.Idle) * float64(c.Detection.Mean)
		}
		if c.Scope.TakesServers() {
			o.taking += rate * unit.Rate(size)
			o.resting += rate * unit.Rate(size) * unit.Rate(c.Idle)
		}
	}
	return o
}

// throughOthers is how often failures of what a group shares stop a job on so many of the
// fleet's servers, over how often they strike one of its own: what strikes a server beside
// the job, idle times as often as one in it, stops the job if it has another of the group.
// Its servers lie in groups as replacements leave them, as at random.
func throughOthers(p *scenario.Plan, servers, group int, idle float64) float64 {
	all := p.Fleet.Servers()
	if group == 1 || servers >= all {
		return 1
	}
	share := float64(servers) / float64(all)
	return 1 + idle*(1/share-1)*-math.Expm1(float64(group-1)*math.Log1p(-share))
}

// stoppingBeside is the rate of the classes but one that stop jobs, per chip in training.
func stoppingBeside(p *scenario.Plan, class int) (sum unit.Rate) {
	f := &p.Failures
	for i := range f.Classes {
		if c := &f.Classes[i]; i != class && c.Stops(p.Fleet.Topology.DualHomed) {
			sum += c.Rate.Likely * unit.Rate(f.Scale.Likely)
		}
	}
	return sum
}

// aged is the mean factor on the rate of a class whose lives have a shape, over a span
// from a time on, delivery by delivery.
func aged(p *scenario.Plan, c *failure.Class, from, span unit.Duration) unit.Factor {
	return overDeliveries(p, from, span, func(age, span unit.Duration) unit.Factor {
		return c.Shape.Mean(c.Rate.Likely*unit.Rate(p.Failures.Scale.Likely), age, span)
	})
}

// infancy is the mean factor on the rates of the fleet's servers over a span from a
// time on.
func infancy(p *scenario.Plan, from, span unit.Duration) unit.Factor {
	return overDeliveries(p, from, span, p.Failures.Infant.Mean)
}

// overDeliveries is the mean over the fleet's servers of a factor that depends on their
// age at the beginning of a time in service and on how long that is, over a span from a
// time on.
func overDeliveries(p *scenario.Plan, from, span unit.Duration, factor func(age, span unit.Duration) unit.Factor) unit.Factor {
	var sum, servers float64
	for _, d := range p.Fleet.Deliveries {
		born := d.At + p.Fleet.Commissioning.Mean
		start := max(from, born)
		if start >= from+span && span > 0 {
			continue
		}
		sum += float64(d.Servers) * float64(factor(start-born, from+span-start))
		servers += float64(d.Servers)
	}
	if servers == 0 {
		return 1
	}
	return unit.Factor(sum / servers)
}

// lemonFactor is how much lemons raise the rate of the average server in service, over
// a span that begins a time after the first of them are in use, with servers that fail own
// times as often as their classes say and train for a share of the time.
//
// A lemon stops to be one where a pipeline mends it or where it is retired, a sound server
// becomes one, and a new server is one with the share of those delivered: dL/dt = in (1 −
// L) − out L. In service it is more rarely than the others, since it is more often in repair.
func lemonFactor(p *scenario.Plan, own unit.Factor, from, span unit.Duration, training float64) unit.Factor {
	f := &p.Failures
	delivered, factor := float64(f.Lemons.Share.Likely), float64(f.Lemons.Factor.Likely)
	if !f.Lemons.Any() || factor <= 1 {
		return 1
	}
	use, idle := f.OfServer()
	good := (float64(use)*training + float64(idle)*(1-training)) * float64(own) * float64(p.Fleet.ChipsPerServer)
	bad := good * factor
	in := retirement(p, good)*delivered + float64(f.Lemons.Onset.Likely)
	out := bad*mended(p) + retirement(p, bad)*(1-delivered)
	share := delivered
	if x := (in + out) * float64(span); x > 0 {
		rest := in / (in + out)
		share = rest + (delivered-rest)*math.Exp(-(in+out)*float64(from))*-math.Expm1(-x)/x
	}
	repair := float64(ownRepair(p))
	serving := share / (1 + bad*repair)
	serving /= serving + (1-share)/(1+good*repair)
	return unit.Factor(1 + serving*(factor-1))
}

// relapseFactor is how much repairs that mend nothing raise the rate of the average
// server, and faults that diagnosis leaves in service. Of servers that fail f times a
// second a share f q T is within the time T after such a repair, in which they fail F
// times as often as they would, r: f = r (1 + (F − 1) f q T). The time ends with the next
// failure, of which a share q begins another.
func relapseFactor(p *scenario.Plan, own unit.Factor) unit.Factor {
	r, pipe := &p.Failures.Relapse, &p.Fleet.Repair
	factor := 1.0
	if q := unmended(p); q > 0 && r.Factor > 1 {
		use, _ := p.Failures.OfServer()
		rate := float64(use) * float64(own) * float64(p.Fleet.ChipsPerServer)
		raised := rate * float64(r.Factor)
		within := -math.Expm1(-raised*float64(r.Time)) / raised
		factor = 1 / (1 - rate*(float64(r.Factor)-1)*q*within)
	}
	if again := float64(pipe.WrongDiagnosis + pipe.Missed); pipe.Recurrence.Mean > 0 && again < 1 {
		factor /= 1 - again
	}
	return unit.Factor(factor)
}

// unmended is the share of repairs after which a server comes back as it was.
func unmended(p *scenario.Plan) (sum float64) {
	reach := 1.0
	for i := range p.Fleet.Repair.Stages {
		s := &p.Fleet.Repair.Stages[i]
		ends := float64(1 - s.Escalates)
		if i == len(p.Fleet.Repair.Stages)-1 { // there is none to pass it on to
			ends = 1
		}
		sum += reach * ends * float64(s.Ineffective)
		reach *= 1 - ends
	}
	return sum
}

// mended is the share of failures after which the server is no lemon any more.
func mended(p *scenario.Plan) float64 {
	r := &p.Fleet.Repair
	if len(r.Stages) == 0 {
		return 0
	}
	return (1 - unmended(p)) * max(1-float64(r.WrongDiagnosis)-float64(r.Missed), 0)
}

// retirement is how often the policy retires a server that fails at a rate: after the
// Nth failure where N fall within the time, by Poisson's law; by score where the mean
// course of the score reaches its limit.
func retirement(p *scenario.Plan, rate float64) float64 {
	r := &p.Fleet.Retire
	var often float64
	if r.Failures > 0 && rate > 0 {
		x := rate * float64(r.Within)
		few, term := 0.0, math.Exp(-x) // fewer than N − 1 follow the first
		for k := range r.Failures - 1 {
			few += term
			term *= x / float64(k+1)
		}
		often = rate / float64(r.Failures) * max(1-few, 0)
	}
	if r.Score > 0 && rate > 0 {
		// The score after n failures a time 1/rate apart is a geometric series.
		left := math.Exp2(-1 / (rate * float64(r.HalfLife)))
		if top := r.Score * (1 - left); top < 1 {
			often = max(often, rate/math.Ceil(math.Log(1-top)/math.Log(left)))
		}
	}
	return often
}

// ownRepair is the mean time that a server is out for after a failure of its own.
func ownRepair(p *scenario.Plan) unit.Duration {
	own := *p
	own.Failures.Classes = nil
	for i := range p.Failures.Classes {
		if c := p.Failures.Classes[i]; c.Scope == failure.ServerScope {
			own.Failures.Classes = append(own.Failures.Classes, c)
		}
	}
	return meanRepair(&own)
}
