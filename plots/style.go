package plots

import (
	"image/color"
	"math"
	"strings"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// style holds the typefaces of one chart; every chart makes its own, for gonum's
// defaults are shared.
type style struct {
	title, subtitle, strong, plain face
}

// face is a font in one size and colour.
type face struct{ sty text.Style }

func newStyle() style {
	handler := text.Plain{Fonts: font.NewCache(liberation.Collection())}
	of := func(size vg.Length, weight xfont.Weight, c color.Color) face {
		return face{text.Style{
			Color:   c,
			Font:    font.Font{Typeface: "Liberation", Variant: "Sans", Weight: weight, Size: size},
			Handler: handler,
		}}
	}
	return style{
		title:    of(17, xfont.WeightBold, ink()),
		subtitle: of(12, xfont.WeightNormal, grey()),
		strong:   of(12, xfont.WeightBold, ink()),
		plain:    of(12, xfont.WeightNormal, ink()),
	}
}

// The anchors of a text.
const (
	left, bottom   = draw.XLeft, draw.YBottom
	center, middle = draw.XCenter, draw.YCenter
	right, top     = draw.XRight, draw.YTop
)

func (f face) in(c color.Color) face {
	f.sty.Color = c
	return f
}

func (f face) width(txt string) vg.Length {
	w, _, _ := f.sty.Handler.Box(txt, f.sty.Font)
	return w
}

// lead is the distance between two lines.
func (f face) lead() vg.Length { return f.sty.Font.Size * 1.25 }

// draw writes one line with its anchor at x, y.
func (f face) draw(c draw.Canvas, txt string, x, y vg.Length, xa text.XAlignment, ya text.YAlignment) {
	sty := f.sty
	sty.XAlign = xa
	// gonum aligns to the extents of the font; the x-height's middle looks centred.
	ext := sty.FontExtents()
	switch ya {
	case top:
		y -= ext.Ascent
	case middle:
		y -= ext.Ascent * 0.36
	case bottom:
		y += ext.Descent
	}
	handler := f.sty.Handler
	fnt := handler.Cache().Lookup(sty.Font, sty.Font.Size)
	c.SetColor(sty.Color)
	c.FillString(fnt, vg.Point{X: x + vg.Length(xa)*fnt.Width(txt), Y: y}, txt)
}

// halo writes txt over a white shadow of itself, readable across lines.
func (f face) halo(c draw.Canvas, txt string, x, y vg.Length, xa text.XAlignment, ya text.YAlignment) {
	const reach = 1.2
	white := f.in(color.White)
	for _, d := range [...]vg.Point{{X: reach}, {X: -reach}, {Y: reach}, {Y: -reach}, {X: 0.8, Y: 0.8}, {X: -0.8, Y: 0.8}, {X: 0.8, Y: -0.8}, {X: -0.8, Y: -0.8}} {
		white.draw(c, txt, x+d.X, y+d.Y, xa, ya)
	}
	f.draw(c, txt, x, y, xa, ya)
}

// wrap breaks txt into at most n lines of the width, two as even as can be without a break
// within a quantity; what is left over ends in an ellipsis.
func wrap(f face, txt string, width vg.Length, n int) []string {
	if txt == "" {
		return nil
	}
	if f.width(txt) <= width || n == 1 {
		return []string{fit(f, txt, width)}
	}
	words := strings.Fields(txt)
	var best []string
	widest := vg.Length(math.Inf(1))
	for k := 1; k < len(words); k++ {
		if quantity(words, k) {
			continue
		}
		lines := []string{strings.Join(words[:k], " "), strings.Join(words[k:], " ")}
		if w := max(f.width(lines[0]), f.width(lines[1])); w <= widest {
			best, widest = lines, w
		}
	}
	if best == nil {
		best = words
	}
	for i := range best {
		best[i] = fit(f, best[i], width)
	}
	return best
}

// quantity reports whether a number and its unit lie on both sides of the k-th word's
// beginning: "0.3 | s", "1.6 M | tokens/s".
func quantity(words []string, k int) bool {
	number := func(word string) bool {
		return strings.ContainsAny(word, "0123456789") && strings.Trim(word, "(~±+-−×0123456789.,–") == "" && !strings.HasSuffix(word, ",")
	}
	scale := func(word string) bool { return strings.Contains(" k M B T bn ", " "+word+" ") }
	return number(words[k-1]) || k > 1 && number(words[k-2]) && scale(words[k-1])
}

// fit shortens txt to the width, with an ellipsis in its middle: the names of
// plans differ at both ends.
func fit(f face, txt string, width vg.Length) string {
	if f.width(txt) <= width {
		return txt
	}
	runes := []rune(txt)
	for keep := len(runes) - 1; keep > 1; keep-- {
		head := (keep*2 + 2) / 3
		short := strings.TrimRight(string(runes[:head]), " ") + "…" + strings.TrimLeft(string(runes[len(runes)-(keep-head):]), " ")
		if f.width(short) <= width {
			return short
		}
	}
	return "…"
}

// The colours are those of Okabe and Ito (Color Universal Design, 2008), told apart
// with any colour vision; their order keeps neighbours far apart in grey, too.
func paint(i int) color.NRGBA {
	switch i % palette {
	case 0:
		return color.NRGBA{0x00, 0x72, 0xB2, 0xFF} // blue
	case 1:
		return color.NRGBA{0xD5, 0x5E, 0x00, 0xFF} // vermillion
	case 2:
		return color.NRGBA{0x00, 0x9E, 0x73, 0xFF} // bluish green
	case 3:
		return color.NRGBA{0xCC, 0x79, 0xA7, 0xFF} // reddish purple
	case 4:
		return color.NRGBA{0xE6, 0x9F, 0x00, 0xFF} // orange
	default:
		return color.NRGBA{0x56, 0xB4, 0xE9, 0xFF} // sky blue
	}
}

// palette is the number of colours that paint tells apart.
const palette = 6

func ink() color.NRGBA  { return color.NRGBA{0x22, 0x22, 0x22, 0xFF} }
func grey() color.NRGBA { return color.NRGBA{0x5F, 0x5F, 0x5F, 0xFF} }
func rule() color.NRGBA { return color.NRGBA{0xE2, 0xE2, 0xE2, 0xFF} }

// readable darkens a colour until text in it stands out on white.
func readable(c color.NRGBA) color.NRGBA {
	for luminance(c) > 0.30 { // a contrast of about 3.5 to 1
		c.R, c.G, c.B = c.R/10*9, c.G/10*9, c.B/10*9
	}
	return c
}

// luminance in [0, 1], with the weights of Rec. 709 and a gamma of 2.
func luminance(c color.NRGBA) float64 {
	square := func(v uint8) float64 { return float64(v) * float64(v) / (255 * 255) }
	return 0.2126*square(c.R) + 0.7152*square(c.G) + 0.0722*square(c.B)
}

// faint is the colour of a band: light enough to see a line of the same colour on it.
func faint(c color.NRGBA) color.NRGBA {
	c.A = 0x38
	return c
}

// dashes tell lines apart in a print without colour.
func dashes(i int) []vg.Length {
	switch i % palette {
	case 0:
		return nil
	case 1:
		return []vg.Length{9, 3}
	case 2:
		return []vg.Length{3, 2}
	case 3:
		return []vg.Length{9, 3, 2, 3}
	case 4:
		return []vg.Length{14, 4}
	default:
		return []vg.Length{6, 2, 2, 2, 2, 2}
	}
}

func stroke(c color.Color, width vg.Length, dash []vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: c, Width: width, Dashes: dash}
}
