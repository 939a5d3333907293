package job

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/unit"
)

// naive advances one millisecond after the other.
type naive struct {
	t                      des.Time // of uninterrupted cycles
	durable, written, open Work
	arrives                des.Time // of the written checkpoint; 0: none
}

func (n *naive) advance(c Cycle, dt des.Time, rate float64) {
	for range dt {
		if n.t%(c.Interval+c.Blocking) < c.Interval {
			n.open = n.open.Add(Work{Train: 1, Tokens: rate})
		} else {
			n.open = n.open.Add(Work{Block: 1})
		}
		n.t++
		n.arrive() // before the next checkpoint is cut at the same moment
		if n.t%(c.Interval+c.Blocking) == 0 {
			n.written, n.open, n.arrives = n.open, Work{}, n.t+c.Background
		}
		n.arrive()
	}
}

func (n *naive) arrive() {
	if n.arrives > 0 && n.t >= n.arrives {
		n.durable, n.written, n.arrives = n.durable.Add(n.written), Work{}, 0
	}
}

func sameWork(a, b Work) bool {
	// The naive sum of a few thousand equal terms rounds at each.
	return a.Train == b.Train && a.Block == b.Block && math.Abs(a.Tokens-b.Tokens) <= 1e-9*max(1, a.Tokens)
}

func TestProgressMatchesMillisecondSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Cycle{Interval: des.Time(rapid.IntRange(1, 50).Draw(t, "interval"))}
		c.Blocking = des.Time(rapid.IntRange(0, 20).Draw(t, "blocking"))
		c.Background = des.Time(rapid.IntRange(0, int(c.Interval)).Draw(t, "background"))
		var p Progress
		var n naive
		var durable, done Work
		for range rapid.IntRange(1, 10).Draw(t, "segments") {
			dt := des.Time(rapid.IntRange(0, 200).Draw(t, "dt"))
			rate := float64(rapid.IntRange(1, 5).Draw(t, "rate"))
			work, kept := p.Advance(c, dt, rate)
			done, durable = done.Add(work), durable.Add(kept)
			n.advance(c, dt, rate)
			if !sameWork(durable, n.durable) || !sameWork(p.Written, n.written) || !sameWork(p.Open, n.open) {
				t.Fatalf("at %d: durable %v, written %v, open %v; want %v, %v, %v", n.t, durable, p.Written, p.Open, n.durable, n.written, n.open)
			}
			if !sameWork(done, durable.Add(p.AtRisk())) {
				t.Fatalf("done %v, durable %v and at risk %v", done, durable, p.AtRisk())
			}
		}
	})
}

func TestUntilIsTheFirstMomentTrained(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Cycle{Interval: des.Time(rapid.IntRange(1, 50).Draw(t, "interval")), Blocking: des.Time(rapid.IntRange(0, 20).Draw(t, "blocking"))}
		phase := des.Time(rapid.IntRange(0, int(c.Interval+c.Blocking)-1).Draw(t, "phase"))
		train := des.Time(rapid.IntRange(1, 500).Draw(t, "train"))
		until := c.Until(phase, train)
		at := func(dt des.Time) des.Time { return c.trained(phase+dt) - c.trained(phase) }
		if at(until) != train || at(until-1) != train-1 {
			t.Fatalf("after %d ms trained %d, a millisecond before %d, want %d", until, at(until), at(until-1), train)
		}
	})
}

// The optimum of the exact cost per unit of work lies where Daly's expansion says, to
// the order that it neglects.
func TestOptimalIntervalIsNearTheExactOptimum(t *testing.T) {
	for _, c := range []struct{ blocking, mttf unit.Duration }{{5, 3600}, {60, 3600}, {300, 10800}, {600, 3600}} {
		goodput := func(interval unit.Duration) float64 {
			cycle := Cycle{Interval: des.FromDuration(interval), Blocking: des.FromDuration(c.blocking)}
			return kept(cycle, Setback{Rate: unit.Rate(1 / c.mttf), Back: ToStore, Idle: 1})
		}
		best := OptimalInterval(c.blocking, c.mttf)
		// Flat around the optimum: 10 % off costs less than 1 %, and the expansion
		// is within 1e-4 of the best.
		for f := unit.Duration(0.3); f < 3; f *= 1.05 {
			if goodput(f*best) > goodput(best)*(1+1e-4) {
				t.Errorf("blocking %g s, MTTF %g s: %g s beats %g s", float64(c.blocking), float64(c.mttf), float64(f*best), float64(best))
			}
		}
	}
}

// kept is the goodput of a job with setbacks.
func kept(c Cycle, kinds ...Setback) float64 {
	s := NewSetbacks(kinds...)
	goodput, _ := s.LongRun(c)
	return float64(goodput)
}

func TestLongRunLimits(t *testing.T) {
	cycle := Cycle{Interval: 1000_000, Blocking: 10_000, Background: 100_000}
	failing := func(rate unit.Rate) Setback {
		return Setback{Rate: rate, Back: ToStore, Restarts: []Restart{{Weight: 1, Time: dist.Fixed(600)}}, Idle: 1}
	}
	if got, want := kept(cycle, failing(0)), 1000.0/1010; math.Abs(got-want) > 1e-15 { // one rounding
		t.Errorf("without failures %v, want %v", got, want)
	}
	// First order in λ: 1/(1+w/τ) x (1 - λ((τ+w)/2 + b + R)), to the square of λC.
	const rate = 1e-8
	first := 1000.0 / 1010 * (1 - rate*(1010.0/2+100+600))
	if got := kept(cycle, failing(rate)); math.Abs(got-first) > 1e-9 {
		t.Errorf("at first order %v, want %v", got, first)
	}
	// Kinds that take a job back equally far are one kind.
	two := failing(3e-5)
	one := failing(6e-5)
	// The first of two meets fewer failures in its restarts, of λ R = 0.02 to the second order.
	if got, want := kept(cycle, two, two), kept(cycle, one); math.Abs(got-want) > 1e-3 {
		t.Errorf("two kinds %v, one %v", got, want)
	}
	if got := kept(cycle, failing(1)); !(got >= 0 && got < 1e-80) {
		t.Errorf("with a failure every second %v", got)
	}
}

// Two tiers of checkpoints against a draw of every failure: the frequent tier loses what
// was done since its own checkpoint, the store's failures what was done since it.
func TestLongRunOfTiers(t *testing.T) {
	const fast, store, restart, slow = 60.0, 3600.0, 120.0, 900.0
	for _, c := range []struct{ often, rare float64 }{{1.0 / 600, 1.0 / 36000}, {1.0 / 7200, 1.0 / 7200}, {1.0 / 300, 1.0 / 4000}} {
		r := des.Stream(1, 0, "tiers")
		now, saved, durable := 0.0, 0.0, 0.0 // wall time; training kept by the fast tier and by the store
		const horizon = 3e7
		for now < horizon {
			// Training since the last restart, from both tiers' newest state.
			often, rare := r.Exp()/c.often, r.Exp()/c.rare
			up := min(often, rare)
			reached := saved + up
			now += up
			if rare < often {
				durable = max(durable, math.Floor(reached/store)*store)
				saved = durable
				now += slow
			} else {
				saved += math.Floor(up/fast) * fast
				durable = max(durable, math.Floor(saved/store)*store)
				now += restart
			}
		}
		got := kept(Cycle{Interval: 3600_000},
			Setback{Rate: unit.Rate(c.often), Back: fast, Restarts: []Restart{{Weight: 1, Time: dist.Fixed(restart)}}},
			Setback{Rate: unit.Rate(c.rare), Back: ToStore, Restarts: []Restart{{Weight: 1, Time: dist.Fixed(slow)}}})
		// The mean of the stretched interval for its distribution: a percent.
		if want := saved / now; math.Abs(got/want-1) > 0.01 {
			t.Errorf("failures every %.0f s and %.0f s: %.4f, drawn %.4f", 1/c.often, 1/c.rare, got, want)
		}
	}
}

func TestLaplaceOfLognormal(t *testing.T) {
	d := dist.Duration{Mean: 1200, Median: 600}
	for _, lambda := range []float64{1e-6, 1e-4, 1e-3, 1e-2} {
		// Midpoint rule with many more points over ±8 standard deviations.
		var want, weight float64
		for z := -8.0; z <= 8; z += 1e-3 {
			w := math.Exp(-z * z / 2)
			want += w * math.Exp(-lambda*float64(d.At(z)))
			weight += w
		}
		want /= weight
		if got := laplace(d, lambda); math.Abs(got-want) > 1e-3 { // as its comment states
			t.Errorf("λ = %g: %.6f, want %.6f", lambda, got, want)
		}
	}
}

// Against a draw of every failure until the first is known.
func TestMeanDetectionIsOfTheFirstFailureKnown(t *testing.T) {
	lognormal := dist.Duration{Mean: 1200, Median: 600}
	for _, c := range []struct {
		name    string
		mixture []WeightedDuration
	}{
		{"constant: none that follows is known earlier", []WeightedDuration{{1, dist.Fixed(600)}}},
		{"mostly late, sometimes at once", []WeightedDuration{{3, dist.Fixed(3000)}, {1, dist.Fixed(10)}}},
		{"with a spread", []WeightedDuration{{2, lognormal}, {1, dist.Fixed(100)}}},
	} {
		const lambda, n = 1e-3, 200_000
		r := des.Stream(1, 0, c.name)
		draw := func() float64 {
			var weight float64
			for _, d := range c.mixture {
				weight += d.Weight
			}
			u := r.Float64() * weight
			for _, d := range c.mixture {
				if u -= d.Weight; u < 0 {
					return float64(d.Duration.At(r.Norm()))
				}
			}
			panic("the weights end before their sum")
		}
		var sum, squares float64
		for range n {
			known := draw()
			for at := r.Exp() / lambda; at < known; at += r.Exp() / lambda {
				known = min(known, at+draw())
			}
			sum += known
			squares += known * known
		}
		mean := sum / n
		// Four standard errors, and 64 quantiles of a lognormal without its far tail:
		// its mean is 1 % low.
		band := 4*math.Sqrt((squares/n-mean*mean)/n) + 0.01*mean
		if got := meanDetection(c.mixture, lambda); math.Abs(got-mean) > band {
			t.Errorf("%s: %.1f s, drawn %.1f s, band %.1f s", c.name, got, mean, band)
		}
	}
}

// In the midst of a cycle another rhythm keeps what is at risk, cuts the next checkpoint
// when its own interval is over, and changes nothing where it is the same.
func TestFollowingAnotherRhythm(t *testing.T) {
	a, b := Cycle{Interval: 100, Blocking: 10, Background: 40}, Cycle{Interval: 60, Blocking: 10, Background: 60}
	for phase := range a.Interval + a.Blocking {
		p := Progress{}
		p.Advance(a, a.Interval+a.Blocking+phase, 1)
		before := p
		p.Follow(a, a)
		if p != before {
			t.Fatalf("at %d: %+v becomes %+v in the same rhythm", phase, before, p)
		}
		p.Follow(a, b)
		if p.AtRisk() != before.AtRisk() {
			t.Fatalf("at %d: %+v at risk, %+v in another rhythm", phase, before.AtRisk(), p.AtRisk())
		}
		// The checkpoint is cut after what is left of the shorter interval, at once where
		// that is over, and all that was at risk is durable a background write later.
		left := max(b.Interval-phase, 0) + b.Blocking - max(phase-a.Interval, 0)
		p.Advance(b, left+b.Background-1, 1)
		if p.Written == (Work{}) {
			t.Fatalf("at %d: durable before the write is over", phase)
		}
		if p.Advance(b, 1, 1); p.Written != (Work{}) || p.Open.Wall() != b.Background {
			t.Fatalf("at %d: %+v written and %+v open once the checkpoint is durable", phase, p.Written, p.Open)
		}
	}
}

// The mean time of a write on a shared store against writers that divide it at every
// moment, started at random phases; 400 of these are good for 1 %, 3 % allowed.
func TestTrafficAgainstProcessorSharing(t *testing.T) {
	for _, c := range []struct {
		name          string
		alone, period []float64
		tolerance     float64
	}{
		{"two alike", []float64{60, 60}, []float64{600, 600}, 0.03},
		{"two alike, half of the time", []float64{60, 60}, []float64{120, 120}, 0.03},
		{"two that write always", []float64{60, 60}, []float64{60, 60}, 0.03},
		{"four alike", []float64{60, 60, 60, 60}, []float64{600, 600, 600, 600}, 0.03},
		// Writers at fixed periods meet less often than the random ones of a queue.
		{"ten alike, eight tenths of the time", slices.Repeat([]float64{60}, 10), slices.Repeat([]float64{750}, 10), 0.20},
		{"four that want more than there is", slices.Repeat([]float64{60}, 4), slices.Repeat([]float64{100}, 4), 0.05},
		// A large write meets several small ones, which meet it again: second order in
		// the small one's share of the time, 0.2 x 0.2.
		{"small and large", []float64{20, 200}, []float64{100, 900}, 0.05},
	} {
		const phases = 400
		r := des.Stream(1, 0, c.name)
		n := len(c.alone)
		sum, count := make([]float64, n), make([]float64, n)
		for range phases {
			left, since, next := make([]float64, n), make([]float64, n), make([]float64, n)
			for i := range n {
				next[i] = r.Float64() * c.period[i]
			}
			for now, end := 0.0, 100*slices.Max(c.period); now < end; {
				writers, until := 0.0, end
				for i := range n {
					if left[i] == 0 && next[i] <= now { // a checkpoint waits until the last is written
						left[i], since[i], next[i] = c.alone[i], next[i], next[i]+c.period[i]
					}
					if left[i] > 0 {
						writers++
					}
				}
				for i := range n {
					if left[i] > 0 {
						until = min(until, now+left[i]*writers)
					} else {
						until = min(until, next[i])
					}
				}
				for i := range n {
					if left[i] > 0 {
						if left[i] -= (until - now) / writers; left[i] < 1e-6 {
							left[i] = 0
							sum[i] += until - since[i]
							count[i]++
							next[i] = max(next[i], until)
						}
					}
				}
				now = until
			}
		}
		for i := range n {
			var others Traffic
			for k := range n {
				if k != i {
					others = others.And(c.alone[k] / c.period[k])
				}
			}
			got, want := float64(others.Stretch(unit.Duration(c.alone[i]))), sum[i]/count[i]
			if math.Abs(got/want-1) > c.tolerance {
				t.Errorf("%s, writer %d: %.1f s, divided at every moment %.1f s", c.name, i, got, want)
			}
		}
	}
}
