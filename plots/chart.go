// Package plots draws results and comparisons as PNG charts for people who plan
// sites: every chart answers one question and has the answer as its title.
package plots

import (
	"image/png"
	"io"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"clustercap/sim/compare"
	"clustercap/sim/result"
)

// Chart is one picture, 1,200 pixels wide.
type Chart struct {
	// Name is the file's name without its ending: "capacity".
	Name string
	// Title is the answer, computed from the data; Subtitle says what was run.
	Title, Subtitle string

	height vg.Length // of the body, below the titles
	body   func(p *page)
}

// ForSet returns the charts of one plan. That of scaling is left out where no job
// runs on two chip counts: a point shows no trend.
func ForSet(s *result.Set) []Chart {
	charts := []Chart{capacity(s), throughput(s), powerChart(s), chipHours(s)}
	if c, ok := costChart(s); ok {
		charts = append(charts, c)
	}
	if c, ok := scaling(s); ok {
		charts = append(charts, c)
	}
	charts = append(charts, gridCharts(s)...)
	return append(charts, reliability(s)...)
}

// Names lists the charts that ForSet and ForComparison may return: their files.
func Names() []string {
	return []string{"capacity", "throughput", "power", "chip-hours", "cost", Scaling, "duration", "step-power", "cap", "recovery", "mttf", "lost-time", "spares", "checkpoints", "plans", "progress", "token-cost"}
}

// ForComparison returns the charts that put plans side by side.
func ForComparison(c *compare.Comparison) []Chart {
	charts := []Chart{plansChart(c), progress(c)}
	if costs, ok := tokenCosts(c); ok {
		charts = append(charts, costs)
	}
	return charts
}

// The page: 1,200 pixels of 1/96 inch are 900 points.
const (
	pageWidth  = 900 * vg.Length(1)
	margin     = 22 * vg.Length(1)
	dotsPerIn  = 96
	titleLines = 2
)

// page is the area below the titles, and the means to write on it.
type page struct {
	draw.Canvas
	style style
}

// WritePNG draws the chart.
func (c Chart) WritePNG(w io.Writer) error {
	st := newStyle()
	titles := c.titleBlock(st)
	height := titles + c.height + margin/2
	img := vgimg.NewWith(vgimg.UseWH(pageWidth, height), vgimg.UseDPI(dotsPerIn))
	canvas := draw.New(img)
	c.drawTitles(st, canvas)
	body := draw.Crop(canvas, margin, -margin, margin/2, -titles)
	c.body(&page{Canvas: body, style: st})
	// A chart compresses well at any level; the fastest takes a third of the time.
	enc := png.Encoder{CompressionLevel: png.BestSpeed}
	return enc.Encode(w, img.Image())
}

// lines of the title and the subtitle, wrapped to the page.
func (c Chart) lines(st style) (title, subtitle []string) {
	width := pageWidth - 2*margin
	return wrap(st.title, c.Title, width, titleLines), wrap(st.subtitle, c.Subtitle, width, titleLines)
}

func (c Chart) titleBlock(st style) vg.Length {
	title, subtitle := c.lines(st)
	h := margin + vg.Length(len(title))*st.title.lead()
	if len(subtitle) > 0 {
		h += vg.Length(len(subtitle))*st.subtitle.lead() + 2
	}
	return h + 10
}

func (c Chart) drawTitles(st style, canvas draw.Canvas) {
	title, subtitle := c.lines(st)
	y := canvas.Max.Y - margin
	for _, line := range title {
		st.title.draw(canvas, line, margin, y, left, top)
		y -= st.title.lead()
	}
	for _, line := range subtitle {
		st.subtitle.draw(canvas, line, margin, y-2, left, top)
		y -= st.subtitle.lead()
	}
}
