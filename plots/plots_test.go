package plots_test

import (
	"bytes"
	"flag"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clustercap/plots"
	"clustercap/sim/compare"
	"clustercap/sim/result"
	"clustercap/sim/result/resulttest"
)

var update = flag.Bool("update", false, "rewrite the golden charts")

func set(t testing.TB, p resulttest.Plan) *result.Set {
	t.Helper()
	s, err := p.Set()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func comparison(t testing.TB) *compare.Comparison {
	t.Helper()
	c, err := compare.New([]*result.Set{
		set(t, resulttest.HoldTenThousand()), set(t, resulttest.GrowThirty()), set(t, resulttest.GrowHundred()),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGolden(t *testing.T) {
	charts := plots.ForSet(set(t, resulttest.GrowHundred()))
	charts = append(charts, plots.ForComparison(comparison(t))...)
	for _, c := range charts {
		t.Run(c.Name, func(t *testing.T) { golden(t, c, c.Name) })
	}
}

func golden(t *testing.T, c plots.Chart, name string) {
	t.Helper()
	var got bytes.Buffer
	if err := c.WritePNG(&got); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".png")
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	expected, err := png.Decode(want)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := png.Decode(&got)
	if err != nil {
		t.Fatal(err)
	}
	if at, share := differing(drawn, expected); share > tolerance {
		t.Errorf("%.0f %% of the pixels of %s around %v differ from %s; look at both, then: go test ./plots -update", share*100, c.Name, at, file)
	}
}

// tile is the side of the squares that are compared, about two letters.
const tile = 16

// tolerance is the share of a tile's pixels that may differ. Fused multiply-adds on other
// processors move edges by less than a pixel, and a line across a tile has 16 pixels on
// an edge: 6 %. Another digit changes a tenth of them.
const tolerance = 0.08

// differing finds the tile of which the largest share of pixels differ by more than an
// eighth of the range, less than which antialiasing of a moved edge can make.
func differing(a, b image.Image) (at image.Point, share float64) {
	r := a.Bounds()
	if r != b.Bounds() {
		return r.Max, 1
	}
	const eighth = 0xFFFF / 8
	columns := (r.Dx() + tile - 1) / tile
	count := make([]int, columns*((r.Dy()+tile-1)/tile))
	for y := range r.Dy() {
		for x := range r.Dx() {
			r1, g1, b1, _ := a.At(r.Min.X+x, r.Min.Y+y).RGBA()
			r2, g2, b2, _ := b.At(r.Min.X+x, r.Min.Y+y).RGBA()
			if apart(r1, r2) > eighth || apart(g1, g2) > eighth || apart(b1, b2) > eighth {
				count[y/tile*columns+x/tile]++
			}
		}
	}
	worst := slices.Index(count, slices.Max(count))
	return image.Pt(worst%columns*tile, worst/columns*tile), float64(count[worst]) / (tile * tile)
}

func apart(a, b uint32) uint32 {
	if a > b {
		return a - b
	}
	return b - a
}

func BenchmarkWritePNG(b *testing.B) {
	charts := plots.ForSet(set(b, resulttest.GrowHundred()))
	charts = append(charts, plots.ForComparison(comparison(b))...)
	for _, c := range charts {
		b.Run(c.Name, func(b *testing.B) {
			for b.Loop() {
				if err := c.WritePNG(new(bytes.Buffer)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
