package job

import (
	"math"
	"testing"

	"clustercap/sim/dist"
	"clustercap/sim/unit"
)

// The interval comes from what the basis says: from the plan, a rule, or the bound that
// stands in its way.
func TestBasisOfTheInterval(t *testing.T) {
	failing := NewSetbacks(Setback{Rate: 1.0 / 3600, Back: ToStore, Restarts: []Restart{{Weight: 1, Time: dist.Fixed(60)}}, Idle: 1})
	never := NewSetbacks()
	hour, forever := unit.Hour, unit.Duration(math.Inf(1))
	for _, c := range []struct {
		name     string
		k        Checkpoint
		s        Setbacks
		want     Basis
		interval unit.Duration
	}{
		{"fixed", Checkpoint{Interval: 600, Blocking: 5}, failing, Basis{MTTF: hour}, 600},
		{"fixed below a write", Checkpoint{Interval: 60, Blocking: 5, Background: 90}, failing, Basis{MTTF: hour, Bound: ByWrite}, 90},
		{"fixed below a step", Checkpoint{Interval: 4, Blocking: 5}, failing, Basis{MTTF: hour, Bound: ByStep}, 10},
		{"Daly", Checkpoint{Blocking: 5}, failing, Basis{Rule: Daly, MTTF: hour}, OptimalInterval(5, hour)},
		{"Young", Checkpoint{Rule: Young, Blocking: 5}, failing, Basis{Rule: Young, MTTF: hour}, YoungInterval(5, hour)},
		{"Daly, bounded", Checkpoint{Rule: Daly, Blocking: 5, Background: 600}, failing, Basis{Rule: Daly, MTTF: hour, Bound: ByWrite}, 600},
		{"beyond Daly", Checkpoint{Rule: Daly, Blocking: 7200}, failing, Basis{Rule: Daly, MTTF: hour, Beyond: true}, hour},
		{"nothing fails", Checkpoint{Blocking: 5}, never, Basis{Rule: Daly, MTTF: forever, Bound: ByCalendar}, unit.Day},
	} {
		t.Run(c.name, func(t *testing.T) {
			cycle, got := c.k.Cycle(&c.s, 10, unit.Day)
			if math.Abs(float64(got.MTTF/c.want.MTTF)-1) < 1e-9 { // 1/rate rounds
				got.MTTF = c.want.MTTF
			}
			if got != c.want {
				t.Errorf("basis %+v, want %+v", got, c.want)
			}
			if d := cycle.Interval.Duration() - c.interval; math.Abs(float64(d)) > 1e-3 { // whole milliseconds
				t.Errorf("interval %v s, want %v s", cycle.Interval.Duration(), c.interval)
			}
		})
	}
}
