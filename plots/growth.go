package plots

import (
	"fmt"
	"math"

	"clustercap/sim/compare"
)

// GrowthPoint is how long the simulation of a calendar took for a number of chips.
type GrowthPoint struct {
	Chips, Failures int
	Seconds         float64 // on one core
}

// Growth answers: what does simulating a larger cluster cost? Points ascend in chips.
func Growth(calendar string, points []GrowthPoint) Chart {
	last := points[len(points)-1]
	return Chart{
		Name: "growth",
		Title: fmt.Sprintf("%s of %s chips with %s failures takes %s on one core: %s a failure, %s at %s chips",
			calendar, count(float64(last.Chips)), count(float64(last.Failures)), compare.ScaleOf("s", last.Seconds).Text(last.Seconds),
			micros(last), micros(points[0]), count(float64(points[0].Chips))),
		Subtitle: "time per replica against chips; dotted: in proportion to the chips",
		height:   380,
		body:     func(p *page) { p.drawGrowth(points) },
	}
}

// micros is the time per failure.
func micros(g GrowthPoint) string {
	return fmt.Sprintf("%.1f µs", g.Seconds/float64(max(g.Failures, 1))*1e6)
}

func (p *page) drawGrowth(points []GrowthPoint) {
	var x, y, line []float64
	low, high := math.Inf(1), 0.0
	for _, g := range points {
		x, y = append(x, float64(g.Chips)), append(y, g.Seconds*1000)
		line = append(line, points[0].Seconds*1000*float64(g.Chips)/float64(points[0].Chips))
		low, high = math.Min(low, g.Seconds*1000), math.Max(high, math.Max(g.Seconds*1000, line[len(line)-1]))
	}
	low, high = low/1.5, high*1.5
	from, to := x[0]/1.3, x[len(x)-1]*1.3
	pn := p.panel(p.rect(leftRoom, widestEnd/2, bottomRoom+8, topRoom), from, to, low, high)
	pn.logarithmic(true, true)
	pn.axes("time per replica, ms", logTicks(from, to, 1), logTicks(low, high, 1))
	pn.caption("chips")
	pn.line(series{x: x, y: line, color: grey(), width: 1.2, dash: dashes(2)})
	pn.line(series{x: x, y: y, color: paint(0), width: 2.2})
	for i, g := range points {
		pn.dot(x[i], y[i], paint(0), 3.4)
		p.style.plain.in(grey()).halo(pn.data, micros(g), pn.x(x[i])+6, pn.y(y[i])-7, left, top)
	}
}
