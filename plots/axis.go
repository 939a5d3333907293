package plots

import (
	"math"
	"strconv"
	"time"

	"gonum.org/v1/plot"

	"clustercap/sim/unit"
)

// linearTicks returns the end of an axis from 0 that holds top with some room, and
// its ticks: multiples of 1, 2, 2.5 or 5 times a power of ten.
func linearTicks(top float64, per float64) (end float64, ticks []plot.Tick) {
	if !(top > 0) || math.IsInf(top, 0) {
		top = per
	}
	const wanted, room = 5, 1.06
	step := niceStep(top / wanted / per)
	end = top * room
	n := int(end / per / step)
	places := 0
	if f := math.Floor(math.Log10(step)); f < 0 {
		places = int(-f)
	}
	if rest := step * math.Pow10(places); math.Abs(rest-math.Round(rest)) > 1e-9 {
		places++ // 2.5
	}
	for i := range n + 1 {
		v := float64(i) * step
		ticks = append(ticks, plot.Tick{Value: v * per, Label: unit.Group3(strconv.FormatFloat(v, 'f', places, 64))})
	}
	return end, ticks
}

// niceStep is the smallest of 1, 2, 2.5, 5 times a power of ten not below v.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range [...]float64{1, 2, 2.5, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// logTicks are 1, 2 and 5 times the powers of ten in a range of positive numbers;
// fewer where the range is long.
func logTicks(low, high, per float64) []plot.Tick {
	multiples := []float64{1, 2, 5}
	if math.Log10(high/low) > 3 {
		multiples = []float64{1}
	}
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low / per)); e <= math.Log10(high/per); e++ {
		for _, m := range multiples {
			v := m * math.Pow(10, e)
			if v*per < low*(1-1e-9) || v*per > high*(1+1e-9) {
				continue
			}
			label := unit.Group3(strconv.FormatFloat(v, 'f', max(0, int(-e)), 64))
			ticks = append(ticks, plot.Tick{Value: v * per, Label: label})
		}
	}
	return ticks
}

// dateTicks marks days, weeks, months, quarters or years over a calendar that starts
// at start, so that at most most of them are shown. A tick's label is its day or
// month; a line below names the month or year where it changes.
func dateTicks(start time.Time, days float64, most int) []plot.Tick {
	start = start.UTC()
	end := start.Add(time.Duration(days * float64(24*time.Hour)))
	const perDay = 24 * time.Hour
	for _, every := range []int{1, 2, 7, 14} {
		if days/float64(every) <= float64(most) && days < 75 {
			first := start.Truncate(perDay)
			return ticksOn(start, end, first, "2 Jan", "2006", func(t time.Time) time.Time { return t.AddDate(0, 0, every) })
		}
	}
	for _, every := range []int{1, 2, 3, 4, 6} {
		if days/30.4/float64(every) <= float64(most) {
			month := (int(start.Month()) - 1) / every * every
			first := time.Date(start.Year(), time.Month(month+1), 1, 0, 0, 0, 0, time.UTC)
			return ticksOn(start, end, first, "Jan", "2006", func(t time.Time) time.Time { return t.AddDate(0, every, 0) })
		}
	}
	every := int(math.Ceil(days / 365 / float64(most)))
	first := time.Date(start.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	return ticksOn(start, end, first, "2006", "", func(t time.Time) time.Time { return t.AddDate(every, 0, 0) })
}

func ticksOn(start, end, first time.Time, format, group string, next func(time.Time) time.Time) []plot.Tick {
	var ticks []plot.Tick
	last := ""
	for t := first; !t.After(end); t = next(t) {
		if t.Before(start) {
			continue
		}
		label := t.Format(format)
		if g := t.Format(group); group != "" && g != last {
			label += "\n" + g
			last = g
		}
		ticks = append(ticks, plot.Tick{Value: t.Sub(start).Hours() / 24, Label: label})
	}
	return ticks
}
