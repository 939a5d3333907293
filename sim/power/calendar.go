package power

import (
	"math"
	"time"

	"clustercap/sim/unit"
)

// Calendar places the hours since a scenario's start in a typical year, which has no leap
// day: 29 February has the hours of the day before it. The zero value starts with the year.
type Calendar struct {
	first int   // hours from 1 January 00:00 UTC to the start
	leaps []int // hours since the start at which a leap day begins, or began in its year
}

// NewCalendar of a scenario that starts at a time and goes on for so long.
func NewCalendar(start time.Time, horizon unit.Duration) Calendar {
	start = start.UTC()
	hours := func(t time.Time) int { return int(math.Ceil(t.Sub(start).Hours())) } // the first that begins no earlier
	c := Calendar{first: -hours(time.Date(start.Year(), time.January, 1, 0, 0, 0, 0, time.UTC))}
	for year := start.Year(); ; year++ {
		day := time.Date(year, time.February, 29, 0, 0, 0, 0, time.UTC)
		switch {
		case hours(day) > int(horizon/unit.Hour):
			return c
		case day.Month() == time.February: // else 1 March
			c.leaps = append(c.leaps, hours(day))
		}
	}
}

// HourOfYear is the hour of the typical year, from 0 on.
func (c *Calendar) HourOfYear(hour int) int {
	at := c.first + hour
	for _, leap := range c.leaps {
		if hour >= leap {
			at -= 24
		}
	}
	return at % HoursPerYear
}
