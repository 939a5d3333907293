package plots

import (
	"image"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// A text that stands to the left of its line hides the lines of earlier jobs behind it.
func TestFinishMarksKeepTextsFree(t *testing.T) {
	late, early := mark{95, "a-job-with-a-long-name done 2028-01-20"}, mark{80, "b"}
	drawn := func(marks ...mark) (image.Image, *panel) {
		canvas := vgimg.NewWith(vgimg.UseWH(600, 300), vgimg.UseDPI(dotsPerIn))
		p := page{Canvas: draw.New(canvas), style: newStyle()}
		pn := p.panel(vg.Rectangle{Min: vg.Point{X: 20, Y: 20}, Max: vg.Point{X: 580, Y: 220}}, 0, 100, 0, 1)
		pn.finishMarks(marks)
		return canvas.Image(), pn
	}
	alone, pn := drawn(late)
	both, _ := drawn(late, early)
	pixel := func(x vg.Length) int { return int(x.Points() * dotsPerIn / 72) }
	x, bottom := pixel(pn.x(early.day)), 300-pn.data.Max.Y
	differ := func(from, to vg.Length) int {
		n := 0
		for y := pixel(from); y < pixel(to); y++ {
			for dx := -2; dx <= 2; dx++ {
				if alone.At(x+dx, y) != both.At(x+dx, y) {
					n++
				}
			}
		}
		return n
	}
	if lead := pn.style.plain.lead(); differ(bottom-6-lead+1, bottom-7) > 0 {
		t.Error("a line crosses the text")
	}
	if differ(bottom+10, bottom+100) == 0 {
		t.Error("no line is drawn below the text")
	}
}
