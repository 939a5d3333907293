package plots_test

import (
	"bytes"
	"flag"
	"image"
	"image/png"
	"os"
	"path/filepath"
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
	if share := differing(drawn, expected); share > tolerance {
		t.Errorf("%.2f %% of the pixels of %s differ from %s; look at both, then: go test ./plots -update", share*100, c.Name, file)
	}
}

// tolerance is the share of pixels that may differ. Fused multiply-adds on other
// processors move edges by less than a pixel, which touches some of the 1 % of pixels
// that are edges; a moved label or line changes ten times as many.
const tolerance = 0.002

// differing is the share of pixels that differ by more than an eighth of the range,
// less than which antialiasing of a moved edge can make.
func differing(a, b image.Image) float64 {
	if a.Bounds() != b.Bounds() {
		return 1
	}
	const eighth = 0xFFFF / 8
	n := 0
	r := a.Bounds()
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			if apart(r1, r2) > eighth || apart(g1, g2) > eighth || apart(b1, b2) > eighth {
				n++
			}
		}
	}
	return float64(n) / float64(r.Dx()*r.Dy())
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
