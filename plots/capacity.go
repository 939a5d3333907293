package plots

import (
	"fmt"
	"image/color"
	"slices"

	"gonum.org/v1/plot/vg"

	"clustercap/sim/result"
)

// capacity answers: how many chips are there, work, and train?
func capacity(s *result.Set) Chart {
	site, service := column(s, "chips_on_site", false), column(s, "chips_in_service", false)
	title := fmt.Sprintf("%s of %s chips in service at the end; %s of chip-hours are productive",
		count(final(service)), count(final(site)), percent(share(s, result.Productive)))
	return Chart{
		Name: "capacity", Title: title, Subtitle: subtitle(s), height: 400,
		body: func(p *page) { p.drawCapacity(s) },
	}
}

func (p *page) drawCapacity(s *result.Set) {
	lines := []struct {
		key, name string
	}{{"chips_on_site", "on site"}, {"chips_in_service", "in service"}, {"chips_productive", "productive"}}
	var all []*series
	var labels []label
	for i, l := range lines {
		c := column(s, l.key, false)
		if c == nil {
			continue
		}
		c.color, c.dash = paint(i), dashes(i)
		if i == 0 {
			c.color, c.dash = ink(), nil
		}
		all = append(all, c)
		labels = append(labels, label{name: l.name, value: count(final(c)) + " chips", color: c.color})
	}
	marks := finishes(s)
	right := p.labelWidth(widestEnd, labels)
	over := topRoom + vg.Length(len(marks))*p.style.plain.lead()
	pn := p.calendar(p.rect(leftRoom, right, bottomRoom, over), s, "chips", "", topOf(all...))
	for _, c := range all {
		pn.band(*c)
	}
	for _, c := range all {
		pn.line(*c)
	}
	pn.finishMarks(marks)
	p.anchor(pn, all, labels)
	pn.endLabels(labels, right)
}

// anchor points each label at the end of its series.
func (p *page) anchor(pn *panel, all []*series, labels []label) {
	for i, c := range all {
		if x, y, ok := last(c.x, c.y); ok {
			labels[i].at = vg.Point{X: pn.x(x), Y: pn.y(y)}
		} else {
			labels[i].at = vg.Point{X: pn.data.Max.X, Y: pn.data.Min.Y}
		}
	}
}

// mark is a moment of the calendar with its text.
type mark struct {
	day  float64
	text string
}

// most marks that are written above a panel.
const mostMarks = 4

// finishes are the median days on which jobs finish within the calendar, latest first.
func finishes(s *result.Set) []mark {
	var marks []mark
	for _, j := range s.Jobs {
		if day := j.FinishDays.P50; j.FinishedShare >= 0.5 && day <= s.HorizonDays && len(marks) < mostMarks {
			marks = append(marks, mark{day, j.Name + " done " + j.Finish.P50})
		}
	}
	slices.SortStableFunc(marks, func(a, b mark) int {
		if a.day > b.day {
			return -1
		}
		return 1
	})
	return marks
}

// finishMarks draws each mark as a thin line through the data with its text above,
// one row each, on the side of the line where it fits.
func (p *panel) finishMarks(marks []mark) {
	// The latest stands lowest, so that no line crosses the text of an earlier one.
	row := func(i int) vg.Length { return p.data.Max.Y + 6 + vg.Length(i)*p.style.plain.lead() }
	for i, m := range marks {
		x := p.x(m.day)
		p.data.StrokeLine2(stroke(grey(), 0.8, []vg.Length{2, 2}), x, p.data.Min.Y, x, row(i)+10)
	}
	// A text to the left of its line may stand in the way of an earlier one, which it covers.
	for i, m := range marks {
		f, y := p.style.plain.in(grey()), row(i)
		text := fit(f, m.text, (p.data.Max.X-p.data.Min.X)/2)
		x, w := p.x(m.day)+4, f.width(text)
		if x+w > p.data.Max.X {
			x -= w + 8
		}
		p.data.FillPolygon(color.White, []vg.Point{{X: x - 1, Y: y}, {X: x + w + 1, Y: y}, {X: x + w + 1, Y: y + f.lead()}, {X: x - 1, Y: y + f.lead()}})
		f.draw(p.data, text, x, y, left, bottom)
	}
}
