package sim

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"

	"clustercap/sim/des"
	"clustercap/sim/dist"
	"clustercap/sim/failure"
	"clustercap/sim/fleet"
	"clustercap/sim/job"
	"clustercap/sim/scenario"
	"clustercap/sim/unit"
)

// study is a setting of AIReSim's rules (arXiv:2603.07041), times in days.
type study struct {
	needed, working, spare, standbys int
	work                             float64
	rate, excess, bad                float64 // failures per server-day, more of a bad one, share of bad ones
	recovery, selection, join        float64
	automatic, manual                float64 // mean repair times
	escalates, autoFails, manFails   float64
	wrong, missed                    float64
	retireAt                         int     // failures within the window, counted back from the end of repair
	window                           float64 // 0: all of its life
	reappear, every                  float64 // share of good servers that turn bad at each interval
	shape                            failure.Shape
}

// life draws a time to failure at a rate.
func (s *study) life(r *des.Rand, rate float64) float64 {
	switch p := s.shape.Parameter; s.shape.Kind {
	case failure.Weibull:
		return math.Pow(r.Exp(), 1/p) / math.Gamma(1+1/p) / rate
	case failure.Lognormal:
		return math.Exp(p*r.Norm()-p*p/2) / rate
	}
	return r.Exp() / rate
}

// naive runs a study the way its authors' code does: every active server draws its
// own time to failure anew after each failure, and the earliest counts. It shares
// nothing with the simulator but the generator.
func (s *study) naive(r *des.Rand) (failures, days float64) {
	type server struct {
		bad, member bool
		back        float64   // from repair
		failures    []float64 // times of those that were its own
	}
	total := s.working + s.spare
	servers := make([]server, total)
	var active, standby, free, spare, repair []int
	for i := range servers {
		servers[i].bad = r.Float64() < s.bad
		if i < s.spare {
			spare = append(spare, i)
		} else {
			free = append(free, i)
		}
	}
	pop := func(list *[]int) int {
		i := (*list)[len(*list)-1]
		*list = (*list)[:len(*list)-1]
		servers[i].member = true
		return i
	}
	now, left, turned := 0.0, s.work, s.every
	// returns brings back what is repaired by now, or retires it.
	returns := func() {
		repair = slices.DeleteFunc(repair, func(i int) bool {
			v := &servers[i]
			if v.back > now {
				return false
			}
			recent := len(slices.DeleteFunc(slices.Clone(v.failures), func(at float64) bool { return s.window > 0 && at < v.back-s.window }))
			if s.retireAt > 0 && recent >= s.retireAt {
				return true
			}
			if v.member {
				standby = append(standby, i)
			} else {
				free = append(free, i)
			}
			return true
		})
	}
	// spoil turns good servers bad at every interval that has passed.
	spoil := func() {
		for ; s.every > 0 && turned <= now; turned += s.every {
			var good []int
			for i := range servers {
				if !servers[i].bad {
					good = append(good, i)
				}
			}
			for n := max(1, int(s.reappear*float64(len(good)))); n > 0 && len(good) > 0; n-- {
				k := r.IntN(len(good))
				servers[good[k]].bad = true
				good = slices.Delete(good, k, k+1)
			}
		}
	}
	// choose fills the job and its standbys; it waits where all pools are empty.
	choose := func() (delay float64) {
		delay = s.selection
		for {
			free = append(free, standby...)
			standby = nil
			want := s.needed - len(active) + s.standbys
			if len(free)+len(spare) >= s.needed-len(active) {
				if len(free) < want && len(spare) > 0 {
					delay += s.join
					for len(free) < want && len(spare) > 0 {
						free = append(free, spare[len(spare)-1])
						spare = spare[:len(spare)-1]
					}
				}
				break
			}
			next := math.Inf(1)
			for _, i := range repair {
				next = min(next, servers[i].back)
			}
			now = next
			returns()
		}
		for len(active) < s.needed {
			active = append(active, pop(&free))
		}
		for len(standby) < s.standbys && len(free) > 0 {
			standby = append(standby, free[len(free)-1])
			free = free[:len(free)-1]
		}
		return delay
	}
	now += choose()
	for {
		ttf, victim := math.Inf(1), 0
		for k, i := range active {
			t := s.life(r, s.rate)
			if servers[i].bad {
				t = min(t, s.life(r, s.excess))
			}
			if t < ttf {
				ttf, victim = t, k
			}
		}
		if ttf >= left {
			return failures, now + left
		}
		now, left = now+ttf, left-ttf
		failures++
		returns()
		spoil()
		servers[active[victim]].failures = append(servers[active[victim]].failures, now)
		if s.missed > 0 && r.Float64() < s.missed {
			// Nobody is blamed: a standby takes the place of the server, which lines up
			// behind the standbys or goes back to the pool.
			out := active[victim]
			if len(standby) < s.standbys {
				standby = append([]int{out}, standby...)
			} else {
				free = append([]int{out}, free...)
			}
			active[victim] = pop(&standby)
			now += s.recovery
			returns()
			continue
		}
		if s.wrong > 0 && r.Float64() < s.wrong {
			victim = (victim + 1 + r.IntN(len(active)-1)) % len(active)
		}
		out := active[victim]
		active = slices.Delete(active, victim, victim+1)
		back := now + s.automatic*r.Exp()
		fails := s.autoFails
		if r.Float64() < s.escalates {
			back += s.manual * r.Exp()
			fails = s.manFails
		}
		if r.Float64() >= fails {
			servers[out].bad = false
		}
		servers[out].back = back
		repair = append(repair, out)
		delay := s.recovery
		if len(standby) > 0 {
			active = append(active, pop(&standby))
		} else {
			delay += choose()
		}
		now += delay
		returns()
	}
}

// plan writes a study in the terms of the simulator.
func (s *study) plan() *scenario.Plan {
	day := func(x float64) unit.Duration { return unit.Duration(x) * unit.Day }
	exponential := func(mean float64) dist.Duration { return dist.Duration{Mean: day(mean), Exponential: true} }
	p := testPlan(s.working + s.spare)
	p.Horizon = day(20 * s.work)
	factor := s.excess / s.rate // of the hazard
	if s.shape.Kind == failure.Weibull {
		factor = math.Pow(factor, s.shape.Parameter)
	}
	p.Failures.Lemons = failure.Lemons{Share: unit.Point(unit.Share(s.bad)), Factor: unit.Point(unit.Factor(1 + factor))}
	if s.every > 0 {
		p.Failures.Lemons.Onset = unit.Point(unit.Rate(s.reappear / s.every / 86400))
	}
	if s.retireAt > 0 {
		// It retires after the repair, and counts back from there.
		window := unit.Duration(s.work*1000) * unit.Day
		if s.window > 0 {
			window = day(s.window - s.automatic - s.escalates*s.manual)
		}
		p.Fleet.Retire = fleet.Retire{Failures: s.retireAt, Within: window, Replacement: dist.Fixed(day(1000 * s.work))}
	}
	p.Server.Chips, p.Fleet.ChipsPerServer = 1, 1 // the first of several lives is no lognormal one
	p.Failures.Classes = []failure.Class{{
		Name: "server", Rate: unit.Point(unit.Rate(s.rate / 86400)), Scope: failure.ServerScope, Shape: s.shape,
	}}
	p.Fleet.Cold = fleet.ColdPool{Servers: s.spare, Delay: day(s.join)}
	p.Fleet.Repair = fleet.Pipeline{
		Stages: []fleet.Stage{
			{Name: "automatic", Time: exponential(s.automatic), Escalates: unit.Share(s.escalates), Ineffective: unit.Share(s.autoFails)},
			{Name: "manual", Time: exponential(s.manual), Ineffective: unit.Share(s.manFails)},
		},
		WrongDiagnosis: unit.Share(s.wrong), Missed: unit.Share(s.missed),
	}
	j := &p.Jobs[0]
	j.Sizes, j.Work, j.Tokens = []int{s.needed}, day(s.work), 0
	j.Checkpoint.Interval = 1 // nothing is lost with a failure but the step under way
	j.Restart = dist.Fixed(day(s.recovery))
	j.Recovery = job.Policy{Standbys: s.standbys, Selection: day(s.selection)}
	return p
}

// Settings other than the default study: few standbys, pools that run dry, many bad
// servers, repairs that mostly fail, wrong and missed diagnoses, retirement, servers that
// turn bad, Weibull and lognormal lives. It draws those of all active servers anew whenever
// one fails: they begin with each start of the job, and with exponent k the first of n fails
// after n^(-1/k) of a life instead of 1/n, which for 4,096 and k = 0.7 is 35 times sooner.
// Of its options one is not a setting here: selection of hosts by past failures or score.
func TestAIReSimSettingsAgreeWithANaiveSimulator(t *testing.T) {
	minute := 1.0 / 1440
	base := study{
		needed: 64, working: 70, spare: 10, standbys: 3, work: 20, rate: 0.05, excess: 0.25, bad: 0.15,
		recovery: 20 * minute, selection: 3 * minute, join: 20 * minute,
		automatic: 2.0 / 24, manual: 2, escalates: 0.8, autoFails: 0.4, manFails: 0.2,
	}
	for _, c := range []struct {
		name string
		edit func(*study)
	}{
		{"scaled default", func(*study) {}},
		{"no bad servers", func(s *study) { s.bad = 0 }},
		{"half are bad, repairs mostly fail", func(s *study) { s.bad, s.autoFails, s.manFails = 0.5, 0.9, 0.7 }},
		{"one standby, small pools", func(s *study) { s.standbys, s.working, s.spare = 1, 66, 2 }},
		{"no standby", func(s *study) { s.standbys, s.selection = 0, 30*minute }},
		{"wrong diagnosis", func(s *study) { s.wrong = 0.3 }},
		{"missed diagnosis", func(s *study) { s.missed = 0.4 }},
		{"retired after two failures within a week", func(s *study) { s.working, s.retireAt, s.window, s.autoFails, s.manFails = 90, 2, 7, 0.9, 0.7 }},
		{"retired after two failures", func(s *study) { s.working, s.retireAt = 120, 2 }},
		{"servers turn bad", func(s *study) { s.bad, s.reappear, s.every = 0, 0.15, 4 }},
		{"slow recovery", func(s *study) { s.recovery, s.selection = 120*minute, 60*minute }},
		{"no automatic repair", func(s *study) { s.escalates, s.manual = 1, 1 }},
		{"no manual repair", func(s *study) { s.escalates, s.automatic = 0, 0.5 }},
		{"a long wait for the spare pool", func(s *study) { s.join, s.standbys, s.working = 0.5, 1, 66 }},
		{"wrong and missed diagnoses", func(s *study) { s.wrong, s.missed = 0.2, 0.2 }},
		{"Weibull, the young fail", func(s *study) {
			s.shape = failure.Shape{Kind: failure.Weibull, Parameter: 0.8, Since: failure.SinceStart}
		}},
		{"Weibull, wear", func(s *study) {
			s.shape, s.rate, s.excess = failure.Shape{Kind: failure.Weibull, Parameter: 1.6, Since: failure.SinceStart}, 0.2, 1
		}},
		{"lognormal", func(s *study) {
			s.bad, s.excess, s.rate = 0, 0, 0.2
			s.shape = failure.Shape{Kind: failure.Lognormal, Parameter: 1, Since: failure.SinceStart}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := base
			c.edit(&s)
			const n = 500
			w := prepared(t, s.plan()).NewWorld()
			var failures, days [2][]float64
			for r := range n {
				f, d := s.naive(des.Stream(3, r, "naive"))
				failures[0], days[0] = append(failures[0], f), append(days[0], d)
				run, err := w.Run(r)
				if err != nil {
					t.Fatal(err)
				}
				if !run.Jobs[0].Finished {
					t.Fatalf("replica %d did not finish", r)
				}
				failures[1] = append(failures[1], run.Jobs[0].Interruptions)
				days[1] = append(days[1], run.Jobs[0].TrainingDays-s.recovery) // its first start takes a restart too
			}
			for _, q := range []struct {
				what string
				of   *[2][]float64
			}{{"failures", &failures}, {"days", &days}} {
				a, b := q.of[0], q.of[1]
				slices.Sort(a)
				slices.Sort(b)
				d := stat.KolmogorovSmirnov(a, nil, b, nil)
				// Two-sample critical value at 0.1 %: 1.95 √(2/n).
				if limit := 1.95 * math.Sqrt(2.0/n); d > limit {
					t.Errorf("%s: Kolmogorov-Smirnov distance %.3f, limit %.3f; means %.2f naive, %.2f ours", q.what, d, limit, stat.Mean(a, nil), stat.Mean(b, nil))
				}
			}
		})
	}
}
