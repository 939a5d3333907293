package power

import (
	"testing"
	"time"

	"clustercap/sim/unit"
)

// A date has the hours of the typical year's same date in every year; a leap day those of
// the day before.
func TestCalendarKeepsTheDate(t *testing.T) {
	for _, start := range []string{"2026-06-30T05:00:00Z", "2028-01-01T00:00:00Z", "2028-02-29T12:00:00Z", "2027-12-31T23:30:00Z", "2028-02-29T00:30:00Z", "2028-12-31T23:00:00Z", "2099-03-01T00:00:00Z"} {
		from, err := time.Parse(time.RFC3339, start)
		if err != nil {
			t.Fatal(err)
		}
		const years = 20 // the longest horizon; one of these has 2100, which is no leap year
		calendar := NewCalendar(from, years*unit.Year)
		for hour := range years * HoursPerYear {
			at := from.Add(time.Duration(hour) * time.Hour)
			if at.Month() == time.February && at.Day() == 29 {
				at = at.AddDate(0, 0, -1)
			}
			common := time.Date(2026, at.Month(), at.Day(), at.Hour(), 0, 0, 0, time.UTC)
			want := int(common.Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) / time.Hour)
			if got := calendar.HourOfYear(hour); got != want {
				t.Fatalf("from %s, hour %d: hour %d of the year, want %d", start, hour, got, want)
			}
		}
	}
}
