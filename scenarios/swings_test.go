package scenarios_test

import (
	"math"
	"strings"
	"testing"

	"clustercap/sim"
	"clustercap/sim/power"
	"clustercap/sim/result"
)

// swingsOf is how the first job of a scenario makes power swing, and what is warned of.
func swingsOf(t *testing.T, file string, set ...string) (result.Swing, []string) {
	t.Helper()
	prepared, err := sim.Prepare(planOf(t, file, set...))
	if err != nil {
		t.Fatal(err)
	}
	return prepared.Swings[0], prepared.Warnings
}

// Llama 3 405B on 16,384 H100: while chips wait for checkpoints or collectives, or the
// job starts or ends, the data centre's power moves "on the order of tens of megawatts"
// (The Llama 3 Herd of Models, 3.3.4): between 5 and 50 here, since a figure of that
// precision rounds to it.
func TestLlama3SwingsByTensOfMegawatts(t *testing.T) {
	s, _ := swingsOf(t, "llama3-405b.yaml")
	for what, mw := range map[string]float64{"within a step": s.StepMW, "start": s.StartMW, "stop": s.StopMW, "crash": s.CrashMW} {
		if !(mw >= 5 && mw <= 50) {
			t.Errorf("%s: %.3g MW, want tens", what, mw)
		}
	}
	if !(s.BandMW > 0 && 2*s.BandMW < 4/math.Pi*s.StepMW*1.01 && s.BandHertz >= 0.1 && s.BandHertz <= 20) { // a square wave's is the most
		t.Errorf("an oscillation of %.3g MW at %.3g Hz in swings of %.3g MW", s.BandMW, s.BandHertz, s.StepMW)
	}
}

// Storage lowers a step's peak, the more the larger it is, and never below the mean.
func TestStorageCutsThePeak(t *testing.T) {
	bare, _ := swingsOf(t, "llama3-405b.yaml")
	cut := 0.0
	for _, joules := range []string{"65 J", "1000 J", "20000 J"} {
		s, _ := swingsOf(t, "llama3-405b.yaml", "site.smoothing.storage_per_chip="+joules)
		if math.Abs(s.PeakMW+s.PeakCutMW-bare.PeakMW) > 1e-9*bare.PeakMW { // rounding of the waveform's sums
			t.Errorf("%s: a peak of %g MW after a cut of %g, %g MW without storage", joules, s.PeakMW, s.PeakCutMW, bare.PeakMW)
		}
		if s.PeakCutMW <= cut || s.PeakMW < s.MeanMW*(1-1e-9) {
			t.Errorf("%s cut %g MW, less storage %g; %g MW left, mean %g", joules, s.PeakCutMW, cut, s.PeakMW, s.MeanMW)
		}
		cut = s.PeakCutMW
	}
	if bare.PeakCutMW != 0 {
		t.Errorf("no storage cuts %g MW", bare.PeakCutMW)
	}
}

// More smoothing leaves smaller swings and costs more power.
func TestSmoothingTradesPowerForSwings(t *testing.T) {
	for _, key := range []struct {
		path   string
		values []string
	}{
		{"floor", []string{"50 %", "70 %", "90 %"}},
		{"storage_per_chip", []string{"10 J", "65 J", "500 J"}},
	} {
		before, _ := swingsOf(t, "llama3-405b.yaml")
		for _, v := range key.values {
			s, _ := swingsOf(t, "llama3-405b.yaml", "site.smoothing."+key.path+"="+v)
			if s.StepMW > before.StepMW*(1+1e-9) || s.BandMW > before.BandMW*(1+1e-9) || s.SmoothingMW < before.SmoothingMW { // rounding
				t.Errorf("%s %s: swing %g after %g MW, band %g after %g, cost %g after %g", key.path, v, s.StepMW, before.StepMW, s.BandMW, before.BandMW, s.SmoothingMW, before.SmoothingMW)
			}
			before = s
		}
	}
}

// What a warning recommends does meet the limit.
func TestRemediesMeetTheGrid(t *testing.T) {
	limits := []string{"site.grid={step: 3 MW, ramp_per_second: 30 MW, band: 500 kW}"}
	s, warnings := swingsOf(t, "llama3-405b.yaml", limits...)
	if len(warnings) == 0 {
		t.Fatalf("no warning: %+v", s.Checks)
	}
	for _, c := range s.Checks {
		if c.Met {
			continue
		}
		if atOnce := c.What == "step at a job's stop" || c.What == "step at a crash"; (c.Remedy == "") != atOnce {
			t.Errorf("%s: remedy %q", c.What, c.Remedy)
		}
		if c.Remedy == "" {
			continue
		}
		for _, words := range strings.Split(c.Remedy, "; or ") {
			key, value, _ := strings.Cut(words, ": ")
			value, _, _ = strings.Cut(value, ", which")
			after, _ := swingsOf(t, "llama3-405b.yaml", append([]string{key + "=" + value}, limits...)...)
			for _, d := range after.Checks { // a start that comes in parts is no step
				if d.What == c.What && !d.Met {
					t.Errorf("%s: %s leaves %.4g %s for %.4g", c.What, words, d.Value, d.Unit, d.Limit)
				}
			}
		}
	}
}

// The waveform's mean is the power that the calendar books for a step, which knows only
// how long the mean chip is in each state.
func TestWaveformHasTheMeanOfTheStep(t *testing.T) {
	for _, file := range []string{"llama3-405b.yaml", "deepseek-v3.yaml", "gpt3-1024-a100.yaml", "shaoguan.yaml"} {
		plan := planOf(t, file)
		prepared, err := sim.Prepare(plan)
		if err != nil {
			t.Fatal(err)
		}
		m := power.NewMeter(&plan.Chip, &plan.Server, &plan.Fabric, plan.Fleet.Chips(), &plan.Site)
		for i, w := range prepared.Swings {
			j := &prepared.Jobs[i]
			size := &j.Sizes[len(j.Sizes)-1]
			booked := m.MeanAt(sim.ActivityOf(&size.Step, j.Spec.Workload.Precision), 1).Sum() * float64(size.Used()) / 1e6
			// The timeline ends with the slowest stage, the books with the mean chip, and the
			// schedule of passes is theirs only within a few hops.
			if gap := w.MeanMW/booked - 1; math.Abs(gap) > 0.05 {
				t.Errorf("%s: %.4g MW in the waveform, %.4g booked: %+.1f %%", w.Job, w.MeanMW, booked, 100*gap)
			}
		}
	}
}
