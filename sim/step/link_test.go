package step

import (
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/unit"
)

// No link carries more than one collective at a time: what the slowest stage's traffic
// takes of it, data-parallel traffic and what it sends along the pipeline included, is
// never longer than the step.
func TestLinksAreNeverUsedTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, l := drawStep(t)
		m := a100()
		m.Stack.SerialData = rapid.Bool().Draw(t, "serial")
		// Few microbatches on a slow NIC have no link to spare.
		w.Batch = l.DP * l.MicroBatch * l.PP * rapid.SampledFrom([]int{1, 1, 2, 8}).Draw(t, "micro")
		m.Chip.NIC = unit.Point(m.Chip.NIC.Likely / unit.Bandwidth(rapid.SampledFrom([]int{1, 4, 16, 64}).Draw(t, "slower")))
		s, err := Estimate(w, m, l)
		if err != nil {
			t.Skip(err)
		}
		p, err := NewPricer(w, m)
		if err != nil {
			t.Fatal(err)
		}
		q := &p.p
		q.layout = l
		stages := q.pipeline()
		micro := q.microbatches()
		work := &stages.slowest.work
		busy := work.links.domain
		leaves := q.net.leaves(q.replicas(false))
		if leaves {
			busy = work.links.nic
		}
		if hop, _ := q.message(&stages); l.PP > 1 && leaves == q.net.leaves(group{2, l.TP * l.CP * l.DP}) {
			busy += 2 * float64(l.VPP) * hop
		}
		busy *= micro
		data := q.dataTraffic(stages.fullest)
		switch l.ZeRO {
		case 0:
			busy += data.reduce
		case 1:
			busy += data.scatter + data.across + data.collect
		case 2:
			busy += micro*data.scatter + data.across + data.collect
		default:
			busy += micro*(2*data.collect+data.scatter) + data.across
		}
		if busy > float64(s.Time)*(1+1e-9) {
			t.Errorf("%s: a link is busy for %v s of a step of %v", l, busy, s.Time)
		}
	})
}

// Token exchange over the NIC leaves gradients less of it to hide on, second for
// second; within the domain it leaves the NIC alone.
func TestDataTrafficWaitsForTheLink(t *testing.T) {
	w := &Workload{Model: moe(), Sequence: 2048, Batch: 64, Precision: BF16}
	of := func(text string, domain int) (float64, Parts) {
		m := a100()
		m.Server.ScaleUpDomain = domain
		m.Chip.NIC = m.Chip.ScaleUp // so that both ways take about as long
		p, err := NewPricer(w, m)
		if err != nil {
			t.Fatal(err)
		}
		l := layout(text)
		s := p.Price(l)
		stages := p.p.pipeline()
		return p.p.shared(&stages), s.Parts
	}
	near, _ := of("tp=1,dp=64,ep=8", 8)
	if near != 0 {
		t.Errorf("experts within a domain take %v of the NIC", near)
	}
	far, parts := of("tp=1,dp=64,ep=8", 1)
	whole := parts.Compute + parts.ExpertComm
	if want := float64(parts.ExpertComm / whole); far < 0.9*want || far > 1.1*want {
		// The optimizer is part of Compute.
		t.Errorf("experts over the NIC take %v of it, want about %v", far, want)
	}
}

// DualPipe's all-to-alls hide behind kernels less what a ring of context parallelism
// has of the same NIC.
func TestDualPipeSharesTheNIC(t *testing.T) {
	p := pricer{layout: layout("tp=1,pp=2,dp=16,ep=16,schedule=dualpipe"), net: newNetwork(a100())}
	b := block{forward: pass{compute: cost{matrix: 1}, expert: 5, links: links{nic: 5}, own: links{nic: 5}}}
	alone := p.workOf(&b)
	kernels := 1 / (1 - dualPipeCores)
	if want := 5 - kernels; !near(alone.expert, want) {
		t.Errorf("%v s of all-to-alls exposed, want %v", alone.expert, want)
	}
	b.forward.links.nic += 0.5
	if got := p.workOf(&b).expert; !near(got, alone.expert+0.5) {
		t.Errorf("%v s of all-to-alls exposed beside a ring of half a second, want %v", got, alone.expert+0.5)
	}
}
