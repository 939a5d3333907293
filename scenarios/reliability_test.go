package scenarios_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"clustercap/sim"
	"clustercap/sim/replicate"
	"clustercap/sim/result"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// prepareWith prepares a scenario's own plan with settings.
func prepareWith(t *testing.T, file string, set ...string) *sim.Prepared {
	t.Helper()
	s, err := scenario.Load(file, scenario.Options{Set: set})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := s.Plan("")
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := sim.Prepare(plan)
	if err != nil {
		t.Fatal(err)
	}
	return prepared
}

// simulateWith runs a scenario's own plan with settings.
func simulateWith(t *testing.T, file string, set ...string) *result.Set {
	t.Helper()
	prepared := prepareWith(t, file, set...)
	out, err := replicate.Run(context.Background(), prepared, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAIReSim compares with what AIReSim's own code gave in its default study. Its
// means come from 12 seeds: standard errors of 0.2 % of the failures (82/√12) and
// 0.08 % of the time; those of 64 replicas here are 0.12 % and 0.05 %. 1 % leaves room
// for what its description does not say, such as the order of servers in its pools.
func TestAIReSim(t *testing.T) {
	set := simulateWith(t, "airesim-4096.yaml")
	j := set.Jobs[0]
	if set.Replicas != 64 || j.FinishedShare != 1 {
		t.Fatalf("%d replicas, %.0f %% of them finished", set.Replicas, 100*j.FinishedShare)
	}
	within(t, "failures", j.Interruptions.Mean, 11219, 0.01)
	within(t, "minutes", j.TrainingDays.Mean*1440, 593392, 0.01)
	// 677 of its failures were of bad servers in excess. Whether 15 % are bad exactly or
	// each with 15 % alone moves the count by 4 % a seed, 1.2 % in 12 seeds; three times that.
	within(t, "failures of bad servers", stat.Mean(set.Values["site/lemon_failures"], nil), 677, 0.036)
	thousands := func(v float64) string { return unit.Group3(fmt.Sprintf("%.0f", v)) }
	documented(t, "airesim-4096.yaml", "failures", thousands(j.Interruptions.Mean))
	documented(t, "airesim-4096.yaml", "minutes", thousands(j.TrainingDays.Mean*1440))
}

// TestAIReSimPolicies compares with what AIReSim's authors publish of retirement and
// diagnosis where bad servers decide (github.com/karthikp-ubc/airesim,
// examples/diagnosis_sweep_figures/diagnosis_sweep.csv, random selection of hosts): 14
// days of work, 4,600 servers in the working pool, twice the rate of failure and 21 times
// that of the 8 % that are bad, recoveries of an hour, repairs that fail in 60 and 75 %.
//
// Their means are of eight seeds, with standard errors of 0.5 to 1 %. Whenever the standbys
// run out AIReSim selects all hosts anew and at random, which brings bad servers back
// from the pool, while here those that run stay: 1 to 4 % fewer hours. Together 5 %.
// A policy of theirs counts when the repair ends, 1.68 days after the failure on average,
// and back from there; the score that its authors recommend is one of all failures.
func TestAIReSimPolicies(t *testing.T) {
	regime := []string{
		"replicas=8", "jobs.study.work=14 d", "horizon=200 d", "restart=60 min", "failures.classes[0].rate=0.0025 /d",
		"fleet.deliveries=[{date: 2026-01-01, chips: 38400}]", "failures.lemons={share: 8 %, factor: 21}",
		"fleet.repair.stages=[{name: automatic, time: {mean: 2 h, shape: exponential}, escalates: 80 %, ineffective: 60 %}, " +
			"{name: manual, time: {mean: 2 d, shape: exponential}, ineffective: 75 %}]",
	}
	for _, c := range []struct {
		name           string
		set            string
		hours, retired float64
	}{
		{"nothing retired", "title=nothing", 2394.64, 0},
		{"retired after two failures in 7 days", "fleet.retire={failures: 2, within: 5.32 d, replacement: 2 y}", 2305.79, 105.6},
		{"retired after two failures", "fleet.retire={failures: 2, within: 10 y, replacement: 2 y}", 2083.01, 388.2},
		{"40 % of the failures diagnosed", "fleet.repair.missed=60 %", 2764.42, 0},
		{"no failure diagnosed", "fleet.repair.missed=100 %", 3295.93, 0},
		{"60 % wrongly diagnosed", "fleet.repair.wrong_diagnosis=60 %", 2744.43, 0},
		{"all wrongly diagnosed", "fleet.repair.wrong_diagnosis=100 %", 3191.49, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			set := simulateWith(t, "airesim-4096.yaml", append(slices.Clone(regime), c.set)...)
			within(t, "hours", set.Jobs[0].TrainingDays.Mean*24, c.hours, 0.05)
			// Counts of some 100 and 400 servers, 10 and 5 % a seed for one standard
			// deviation: 5 % for the mean of eight, and as much for the rules above.
			if c.retired > 0 {
				within(t, "servers retired", set.Site.Retired.Mean, c.retired, 0.10)
			}
		})
	}
}

// TestLlama3Interruptions holds the 419 unexpected interruptions of 54 days within
// the simulated 95 % band, and the effective training time to "more than 90 %".
func TestLlama3Interruptions(t *testing.T) {
	set := simulateWith(t, "llama3-405b.yaml", "replicas=64", "horizon=54 d")
	n := slices.Clone(set.Values["job/pretrain/interruptions"])
	slices.Sort(n)
	mean, sd := stat.MeanStdDev(n, nil)
	if low, high := mean-1.96*sd, mean+1.96*sd; 419 < low || 419 > high {
		t.Errorf("419 interruptions lie outside the band %.0f to %.0f", low, high)
	}
	// Fewer than one start in ten: restarts of 8 minutes every 3 hours.
	if e := set.Jobs[0].ETTR.Mean; e < 0.90 || e > 0.97 {
		t.Errorf("effective training time %.3f, published above 0.90", e)
	}
	t.Logf("interruptions %.0f ± %.0f, ETTR %.3f, MTTF %.2f h", mean, sd, set.Jobs[0].ETTR.Mean, set.Jobs[0].MTTFHours.Mean)
}

// TestLlama3WithoutItsPractices: 60-second blocking checkpoints and no spares. A
// public replication found an effective time of 0.60. What decides is not the
// checkpoints but how long a failed server is away: with spares ours stays above 0.8.
// Without, the job on all 2,048 servers runs only while none of them is out, which is
// so for e^(−λ away) of the time, with λ the rate at which servers fail: 356 of the 419
// interruptions in 54 days. That is 0.71 where every server is back after 75 minutes,
// which leaves 0.60, and next to nothing where repairs take a day, as the profile's do.
func TestLlama3WithoutItsPractices(t *testing.T) {
	blocking := []string{"replicas=16", "horizon=54 d", "checkpoint.blocking=60 s", "checkpoint.background=0 s"}
	bare := append(slices.Clone(blocking), "fleet.spares=0 %", "fleet.deliveries=[{date: 2024-02-01, chips: 16384}]")
	spares := simulateWith(t, "llama3-405b.yaml", blocking...).Jobs[0].ETTR.Mean
	// The blocking adds √(2 w / MTTF) = √(2 x 60 s / 3.1 h) = 10 % to a loss of 5 to 8 %.
	if spares < 0.80 || spares > 0.90 {
		t.Errorf("with spares ETTR %.3f, want 0.80 to 0.90", spares)
	}
	t.Logf("ETTR with spares %.3f", spares)
	for _, c := range []struct {
		minutes   float64
		published float64
	}{{15, 0}, {75, 0.60}, {240, 0}, {1440, 0}} {
		e := simulateWith(t, "llama3-405b.yaml", append(slices.Clone(bare), fmt.Sprintf("fleet.repair.stages=[{name: away, time: %g min}]", c.minutes))...).Jobs[0].ETTR.Mean
		alone := math.Exp(-356.0 / 54 / 1440 * c.minutes)
		t.Logf("without, a failed server away for %g min: ETTR %.3f, all servers there for %.3f of the time", c.minutes, e, alone)
		// A start that must wait for a server loses nothing by its restart, and one that
		// need not does: a tenth of the loss to restarts and lost work either way.
		if want := spares * alone; math.Abs(e-want) > 0.10*want+0.01 {
			t.Errorf("without spares, away for %g min: ETTR %.3f, want about %.3f", c.minutes, e, want)
		}
		// The printed figure has two digits, and its repair time is not printed: 75 min is
		// the time that gives it.
		if c.published > 0 && math.Abs(e-c.published) > 0.04 {
			t.Errorf("without spares, away for %g min: ETTR %.3f, replication %.2f", c.minutes, e, c.published)
		}
	}
	none := simulateWith(t, "llama3-405b.yaml", bare...).Jobs[0].ETTR.Mean
	t.Logf("without, the profile's own repairs: ETTR %.3f", none)
	// Seven failures a day take a server, for two days on average: 13 are always out.
	if none > 0.05 {
		t.Errorf("without spares and with long repairs ETTR %.3f: 13 servers are missing", none)
	}
}

// onChips writes a scenario of one job on so many chips of servers of eight, with a
// profile, in which time lost to failures costs next to nothing, so that interruptions
// count failures.
func onChips(t *testing.T, chips int, profile, more string) string {
	t.Helper()
	text := fmt.Sprintf(`name: mttf
start: 2026-01-01
horizon: 60 d
replicas: 8
site: us-virginia
fleet:
  chip: h100-sxm
  deliveries: [{date: 2026-01-01, chips: %d}]
  spares: 10 %%
failures: %s
checkpoint: {interval: 30 min, blocking: 1 s, background: 0 s}
restart: 1 s
jobs:
  job: {model: llama3-8b, work: 100 d, sequence: 2048, global_batch: %d, chips: %d}
%s`, (chips+chips/6)/8*8, profile, chips, chips, more)
	file := filepath.Join(t.TempDir(), "mttf.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestPublishedMTTF holds the simulated mean time to failure to the published
// projections. Which published figures disagree, and what the profiles follow:
//   - RSC-1's 6.50e-3 per server-day gives 1.8 h at 16,384 chips and 14 min at 131,072,
//     as printed; its measured 7.9 h at 1,024 chips is 3.7 times as many failures. The
//     profile follows the projections: small jobs die of other causes.
//   - FT-HSDP's text has a failure every 18 min at 100,000 chips (6.4e-3 per
//     server-day), its table 2.3 per 1,000 servers a day. The profile ranges from the
//     one to the other, so that its replicas do.
func TestPublishedMTTF(t *testing.T) {
	for _, c := range []struct {
		profile string
		chips   int
		hours   float64
	}{
		{"meta-rsc-1", 16384, 1.8},
		{"meta-rsc-1", 131072, 14.0 / 60},
		{"meta-rsc-2", 16384, 5.0},
		{"llama3", 16384, 54 * 24 / 419.0},
		// 1,024 machines at 0.08 % a day, 4,096 x 1.5 to 3 cables at 0.005 %, 48 switches
		// at 0.04 %: 0.82 + 0.46 + 0.02 a day.
		{"tpu-v4", 4096, 24 / (0.82 + 0.46 + 0.02)},
	} {
		set := simulateWith(t, onChips(t, c.chips, c.profile, ""))
		got := 1 / stat.Mean(reciprocals(set.Values["job/job/mttf_hours"]), nil)
		// Two printed digits (3 %), and at most 3,000 and at least 400 failures in eight
		// replicas: 5 % for one standard deviation of the smallest count; 8 % in all.
		within(t, fmt.Sprintf("MTTF of %s on %d chips, hours", c.profile, c.chips), got, c.hours, 0.08)
	}
	m := simulateWith(t, onChips(t, 98304, "meta-100k", "seed: 7\n"), "replicas=32").Values["job/job/mttf_hours"]
	slices.Sort(m)
	// 2.3e-3 and 6.4e-3 per server-day over 12,288 servers: 51 min and 18 min. Ranges of
	// 13 classes are drawn one by one, so replicas crowd in the middle.
	if low, high := 60*m[0], 60*m[len(m)-1]; low < 18 || high > 51 || high-low < 4 {
		t.Errorf("meta-100k: a failure every %.0f to %.0f minutes, want within 18 to 51", low, high)
	}
}

// TestTPUv4Availability: rewiring around what fails lets a pod of 4,096 chips reach 99.98 %
// availability (Resiliency at scale, NSDI 2024). What fails takes its cube of 64 chips, and
// any whole cubes make a slice; with the rates and mean repairs of profile tpu-v4 1.7 of the 64 cubes
// are out on average, by Poisson's law, and a slice is there while no more are out than
// it leaves over: 99.99 % of the time where it leaves an eighth of the pod.
func TestTPUv4Availability(t *testing.T) {
	available := func(cubes int) float64 {
		file := onChips(t, 64*cubes, "{classes: [{name: machine, rate: 7.3 %/y, scope: domain, repair: 1 d}, "+
			"{name: ici-cable, rate: 4.1 %/y, scope: domain, repair: 2 d}]}", "recovery: {mode: swap, swap: 1 s}\n")
		set := simulateWith(t, file, "fleet.deliveries=[{date: 2026-01-01, chips: 4096}]", "fleet.spares=0 %", "fleet.topology.domain=64",
			"horizon=365 d", "replicas=16", "jobs.job.work=2 y")
		return 1 - set.Jobs[0].LostBy["waiting"].Mean/365/24
	}
	out := 0.82*1 + 0.46*2 // failures a day times days of repair
	for _, spare := range []int{1, 2, 4} {
		want, term := 0.0, math.Exp(-out)
		for n := range spare + 1 {
			want += term
			term *= out / float64(n+1)
		}
		// The mean of 16 years is known to 1 %; a slice that waits for several cubes
		// restarts with the last of them.
		if got := available(64 - spare); math.Abs(got-want) > 0.02 {
			t.Errorf("a slice that leaves %d cubes over is there for %.3f of the time, by Poisson's law %.3f", spare, got, want)
		}
	}
	if got := available(56); got < 0.9998 {
		t.Errorf("a slice that leaves an eighth over is there for %.5f of the time, published 0.9998", got)
	}
}

// reciprocals turn times to failure into rates, whose mean over replicas has no bias.
func reciprocals(v []float64) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = 1 / x
	}
	return out
}

// TestByteRobust: 97 % ETTR over three months on 9,600 chips with checkpoints in
// memory at nearly every step (0.01 to 0.04 s each), standbys, and restarts in place.
// Its failure rate is not printed; Llama 3's stands in. ETTR ± 1.5 %: the published
// figure has two digits, and half the rate or twice the rate moves it by that.
func TestByteRobust(t *testing.T) {
	set := simulateWith(t, onChips(t, 9600, "llama3",
		"recovery: {mode: in-place, setup: {fixed: 30 s}}\n"), "horizon=90 d",
		"checkpoint.tiers=[{kind: peer, interval: 1 min, blocking: 0.2 s, load: 20 s}]", "restart=10 min")
	if e := set.Jobs[0].ETTR.Mean; math.Abs(e-0.97) > 0.015 {
		t.Errorf("ETTR %.3f, published 0.97", e)
	}
}

// TestHeadline is why the fleet's growth needs better recovery: with restarts of ten
// minutes and blocking checkpoints of ten seconds, what is 93 % on 10,000 chips is at most
// 60 % on 100,000, and each other mode wins a part of it back, most with checkpoints in
// memory.
func TestHeadline(t *testing.T) {
	run := func(chips int, set ...string) float64 {
		set = append([]string{"checkpoint.interval=auto", "checkpoint.blocking=10 s", "restart=10 min", "replicas=4", "horizon=20 d"}, set...)
		return simulateWith(t, onChips(t, chips, "{profile: llama3}", ""), set...).Jobs[0].ETTR.Mean
	}
	small, large := run(10000), run(100000)
	// First order: 1 − w/dt − (dt/2 + restart)/MTTF = 0.93 and 0.56 at the same rates.
	if math.Abs(small-0.93) > 0.02 || large < 0.30 || large > 0.62 {
		t.Errorf("ETTR %.3f on 10,000 chips and %.3f on 100,000; want 0.93 and 0.30 to 0.62", small, large)
	}
	t.Logf("restart: ETTR %.3f on 10,000 chips, %.3f on 100,000", small, large)
	const memory = "checkpoint.tiers=[{kind: peer, interval: 30 s, blocking: 0.1 s, load: 10 s}]"
	for _, mode := range []string{"swap", "shrink", "in-place"} {
		alone, both := run(100000, "recovery.mode="+mode), run(100000, "recovery.mode="+mode, memory)
		t.Logf("%s: ETTR %.3f on 100,000 chips, %.3f with checkpoints in memory", mode, alone, both)
		if alone < large+0.1 || both < large+0.15 {
			t.Errorf("mode %s: ETTR %.3f on 100,000 chips, %.3f with checkpoints in memory, %.3f with restarts", mode, alone, both, large)
		}
	}
}

// TestFTHSDP: at 98,000 chips that fail every 18 minutes Meta's fault-tolerant HSDP, which
// trains on without the replica that failed, cuts the stall of a failure from 10 minutes to
// 3 and raises the effective training time from 44 to 80 % (arXiv:2602.00277).
func TestFTHSDP(t *testing.T) {
	profile := "{classes: [{name: any, rate: 29.2 %/y, scope: server, repair: {mean: 1 d, median: 2 h}}]}" // its 18 min
	run := func(set ...string) float64 {
		return simulateWith(t, onChips(t, 98304, profile, ""), append(set, "replicas=4", "horizon=30 d", "restart=10 min")...).Jobs[0].ETTR.Mean
	}
	shrink := run("recovery.mode=shrink", "recovery.swap=3 min")
	// Measured stalls were longer than planned, by bugs and by what smooths power; two digits.
	if math.Abs(shrink-0.80) > 0.06 {
		t.Errorf("ETTR %.3f with stalls of 3 minutes, published 0.80", shrink)
	}
	// 44 % is (18 - 10)/18, which has each failure cost ten minutes though one in a stall
	// costs fewer, and no lost work. By renewal 18 minutes of training take e^(10/18) - 1 of
	// 18 more in stalls, 57 % without lost work; ours lose some with blocking checkpoints.
	restart := run("checkpoint.interval=optimum", "checkpoint.blocking=10 s")
	if restart < 0.44 || restart > 0.57 {
		t.Errorf("ETTR %.3f with restarts of 10 minutes, published 0.44, 0.57 without lost work", restart)
	}
	t.Logf("ETTR %.3f with stalls of 3 minutes, %.3f with 10", shrink, restart)
}

// TestGrowthWithBlockingCheckpoints: at the rate of RSC-1's projection for 131,072 chips,
// a failure every 18 minutes on 100,000, with restarts of ten minutes and blocking
// checkpoints of ten seconds, 30 to 55 % remain.
func TestGrowthWithBlockingCheckpoints(t *testing.T) {
	e := simulateWith(t, onChips(t, 100000, "{profile: meta-rsc-1}", ""), "checkpoint.interval=auto", "checkpoint.blocking=10 s",
		"restart=10 min", "replicas=4", "horizon=20 d").Jobs[0].ETTR.Mean
	t.Logf("ETTR %.3f", e)
	if e < 0.30 || e > 0.55 {
		t.Errorf("ETTR %.3f, want 0.30 to 0.55", e)
	}
}

// TestProfilesOwnPipeline: a profile may bring the way of its hardware back into service;
// a scenario takes it, changes a key of it, or has its own.
func TestProfilesOwnPipeline(t *testing.T) {
	file := onChips(t, 1024, "{profile: new-silicon}", "")
	for _, c := range []struct {
		set                 string
		stages, technicians int
	}{
		{"title=as it is", 3, 0},
		{"failures.repair.technicians=20", 3, 20},
		{"failures.repair=null", 0, 0},
		{"fleet.repair={stages: [{name: swap, time: 2 h}]}", 1, 0},
	} {
		pr := prepareWith(t, file, c.set)
		if p := &pr.Plan.Fleet.Repair; len(p.Stages) != c.stages || p.Technicians != c.technicians {
			t.Errorf("%s: %d stages and %d technicians, want %d and %d", c.set, len(p.Stages), p.Technicians, c.stages, c.technicians)
		}
		if warned := len(pr.Warnings) > 0; warned != (c.stages == 0 || c.stages == 1) {
			t.Errorf("%s: warnings %q", c.set, pr.Warnings)
		}
	}
	_, err := scenario.Load(file, scenario.Options{Set: []string{"failures.repair.stages=[{name: reset, time: 1 h}]", "failures.repair.parts=3"}})
	if err == nil || !strings.Contains(err.Error(), "failures.repair.parts: has no effect") {
		t.Errorf("parts that no stage takes: %v", err)
	}
}

// TestNewSilicon: in its first quarter new hardware fails 2 to 4 times as often as the
// generation whose counts its classes are, and a year on hardly more often. What fails
// 2 to 4 times as often is the site, by its own age, its servers' and its lemons together.
func TestNewSilicon(t *testing.T) {
	quarter := func(set ...string) float64 {
		set = append([]string{"horizon=90 d", "replicas=32", "failures.repair.stages=[{name: reset, time: 1 h}]"}, set...)
		return simulateWith(t, onChips(t, 1024, "{profile: new-silicon}", ""), set...).Site.Failures.Mean
	}
	grown := []string{"failures.maturing=null", "failures.infant=null", "failures.lemons=null", "failures.stragglers=null", "failures.relapse=null"}
	young, settled := quarter(), quarter(grown...)
	// A year after the start of the site, its servers and their repairs are as old.
	old := simulateWith(t, onChips(t, 1024, "{profile: new-silicon}", ""), "horizon=455 d", "replicas=32").Site.Failures.Mean -
		simulateWith(t, onChips(t, 1024, "{profile: new-silicon}", ""), "horizon=365 d", "replicas=32").Site.Failures.Mean
	t.Logf("failures in the first quarter %.0f, in the fifth %.0f, of settled hardware %.0f", young, old, settled)
	if ratio := young / settled; ratio < 2 || ratio > 4 {
		t.Errorf("%.1f times as many failures in the first quarter, want 2 to 4", ratio)
	}
	// Of 60 failures a quarter in 32 replicas the mean is known to 4 %, in each of three.
	if ratio := old / settled; ratio > 1.25 {
		t.Errorf("%.2f times as many failures in the fifth quarter, want about 1", ratio)
	}
}

// TestShrinkingHasTheSpares: recovery-100k.yaml has two thousand servers that its job
// does not need. With them, training on without a replica is as good as swapping, in what
// the charts expect as in the simulation, and is no reason to take half of the chips.
func TestShrinkingHasTheSpares(t *testing.T) {
	const file = "recovery-100k.yaml"
	goodput := func(mode string) float64 { return simulateWith(t, file, "recovery.mode="+mode).Jobs[0].Goodput.Mean }
	var expected map[string]float64
	for _, q := range prepareWith(t, file).Scaling() {
		if q.Chips == 90112 {
			expected = q.Modes
		}
	}
	// Swaps fall back on checkpoints in peer memory, half a minute old, shrinking on the step
	// before. With a failure every 14 minutes that is a percent or two of the goodput.
	ratio, want := expected["shrink"]/expected["swap"], goodput("shrink")/goodput("swap")
	within(t, "shrinking over swapping", ratio, want, 0.02)

	both := []string{"recovery.mode=shrink", "jobs.pretrain.work=null", "jobs.pretrain.tokens=80 T tokens", "replicas=2"}
	all := simulateWith(t, file, both...).Jobs[0].TokensPerSecond.Mean
	either := simulateWith(t, file, append(both, "jobs.pretrain.chips=[45056,90112]")...).Jobs[0].TokensPerSecond.Mean
	// It may start on the half while the servers that acceptance rejects are away.
	if either < 0.97*all {
		t.Errorf("%.3g tokens/s with a choice of half the chips, %.3g on all of them", either, all)
	}
	t.Logf("shrinking over swapping %.3f, simulated %.3f; %.4g tokens/s with a choice, %.4g without", ratio, want, either, all)
}
