package sim

import (
	"math"

	"clustercap/sim/failure"
	"clustercap/sim/job"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// prognosis is what failures a job has to expect, per chip: those that stop it while it
// trains and while it waits or restarts, and among these those that take servers.
type prognosis struct {
	training, idle  unit.Rate
	taking, resting unit.Rate
	span            unit.Duration // of training at full speed, cut at the horizon
}

// outlook averages the failures of a job over the time that it trains on a size at full
// speed, cut at the horizon: a site that matures, servers that outlive their infancy,
// lemons that are found. Lives with a shape count at their mean.
func outlook(p *scenario.Plan, j *job.Spec, size *Size) prognosis {
	f := &p.Failures
	span := max(p.Horizon-j.Submit, 0)
	if v := speed(&size.Step); v > 0 && j.Tokens > 0 {
		span = min(span, unit.Duration(float64(j.Tokens)/v))
	}
	own := infancy(p, j.Submit, span)
	own *= lemonFactor(p, own, span)
	site := f.Maturing.Mean(j.Submit, span)
	o := prognosis{span: span}
	dualHomed := p.Fleet.Topology.DualHomed
	o.training, o.idle = f.Stopping(dualHomed, own, site)
	for i := range f.Classes {
		c := &f.Classes[i]
		if c.Scope.TakesServers() && c.Stops(dualHomed) {
			rate := c.Rate.Likely * unit.Rate(f.Scale.Likely*site)
			if c.Scope.OwnServer() {
				rate *= unit.Rate(own)
			}
			o.taking += rate
			o.resting += rate * unit.Rate(c.Idle)
		}
	}
	return o
}

// infancy is the mean factor on the rates of the fleet's servers over a span from a
// time on, delivery by delivery.
func infancy(p *scenario.Plan, from, span unit.Duration) unit.Factor {
	var sum, servers float64
	for _, d := range p.Fleet.Deliveries {
		born := d.At + p.Fleet.Commissioning.Mean
		start := max(from, born)
		if start >= from+span && span > 0 {
			continue
		}
		sum += float64(d.Servers) * float64(p.Failures.Infant.Mean(start-born, from+span-start))
		servers += float64(d.Servers)
	}
	if servers == 0 {
		return 1
	}
	return unit.Factor(sum / servers)
}

// lemonFactor is how much lemons raise the rate of the average server in service, over
// a span of training with servers that fail own times as often as their classes say.
//
// A lemon stops to be one where a pipeline mends it or where it is retired, a sound server
// becomes one, and a new server is one with the share of those delivered: dL/dt = in (1 −
// L) − out L. In service it is more rarely than the others, since it is more often in repair.
func lemonFactor(p *scenario.Plan, own unit.Factor, span unit.Duration) unit.Factor {
	f := &p.Failures
	delivered, factor := float64(f.Lemons.Share.Likely), float64(f.Lemons.Factor.Likely)
	if !f.Lemons.Any() || factor <= 1 {
		return 1
	}
	good := float64(f.OfServer()) * float64(own) * float64(p.Fleet.ChipsPerServer)
	bad := good * factor
	in := retirement(p, good)*delivered + float64(f.Lemons.Onset.Likely)
	out := bad*mended(p) + retirement(p, bad)*(1-delivered)
	share := delivered
	if x := (in + out) * float64(span); x > 0 {
		rest := in / (in + out)
		share = rest + (delivered-rest)*-math.Expm1(-x)/x
	}
	repair := float64(ownRepair(p))
	serving := share / (1 + bad*repair)
	serving /= serving + (1-share)/(1+good*repair)
	return unit.Factor(1 + serving*(factor-1))
}

// mended is the share of failures after which the server is no lemon any more.
func mended(p *scenario.Plan) float64 {
	r := &p.Fleet.Repair
	var sum float64
	reach := 1.0
	for i := range r.Stages {
		s := &r.Stages[i]
		sum += reach * float64(1-s.Escalates) * float64(1-s.Ineffective)
		reach *= float64(s.Escalates)
	}
	return sum * max(1-float64(r.WrongDiagnosis)-float64(r.Missed), 0)
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
