package sim

import (
	"time"

	"clustercap/sim/des"
	"clustercap/sim/power"
	"clustercap/sim/unit"
)

// almanac tells the hour of the day and the month of the calendar's hours by the site's
// clock.
type almanac struct {
	first  int      // hour of the day at the start
	year   int      // at the start
	month  int      // of the year at the start, from 0
	months []uint16 // of each day, counted from the start's
	// typical places the hours in a typical year.
	typical power.Calendar
}

// newAlmanac takes by how much the site's clock is ahead of UTC; of a start within an hour
// the whole hour counts.
func newAlmanac(start time.Time, ahead unit.Duration, horizon des.Time) almanac {
	typical := power.NewCalendar(start, horizon.Duration())
	start = start.Add(time.Duration(ahead) * time.Second)
	a := almanac{typical: typical, first: start.Hour(), year: start.Year(), month: int(start.Month()) - 1}
	days := int((horizon+hourLength*des.Time(a.first))/(24*hourLength)) + 1
	year, month := start.Year(), start.Month()
	for d := range days {
		day := time.Date(start.Year(), start.Month(), start.Day()+d, 0, 0, 0, 0, time.UTC)
		a.months = append(a.months, uint16((day.Year()-year)*12+int(day.Month()-month)))
	}
	return a
}

// number of months that the calendar touches.
func (a *almanac) number() int { return int(a.months[len(a.months)-1]) + 1 }

// monthOf is the month of an hour since the start, counted from the start's.
func (a *almanac) monthOf(hour int) int { return int(a.months[(hour+a.first)/24]) }

// length of a month, counted from the start's, of which the calendar may hold a part.
func (a *almanac) length(month int) unit.Duration {
	first := time.Date(a.year, time.Month(1+a.month+month), 1, 0, 0, 0, 0, time.UTC)
	return unit.Duration(first.AddDate(0, 1, 0).Sub(first).Seconds())
}

// clock is the month of the year, from 0 on, and the hour of the day in an hour since the
// start.
func (a *almanac) clock(hour int) (month, ofDay int) {
	return (a.month + a.monthOf(hour)) % 12, (hour + a.first) % 24
}

// spans are the months of the calendar, the first and the last as far as they lie in it.
func (a *almanac) spans(horizon unit.Duration) (from, to []unit.Duration) {
	for d, m := range a.months {
		if d > 0 && m == a.months[d-1] {
			continue
		}
		begin := max(unit.Duration(d)*unit.Day-unit.Duration(a.first)*unit.Hour, 0)
		if d > 0 {
			to = append(to, begin)
		}
		from = append(from, begin)
	}
	return from, append(to, horizon)
}
