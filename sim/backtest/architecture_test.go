package backtest

import (
	"math"
	"strings"
	"testing"
)

// The shape made from a row's columns must have the parameters that the row prints.
func TestParametersOfTheRows(t *testing.T) {
	cases, on := loadSteps(t), newShelf(loadCatalog(t))
	// Counts are printed to two digits (1.5 % of 3.6B), with or without embeddings.
	const tolerance = 0.05
	nominal := map[string]string{
		"MaxText": "sizes are names: 16B has 19B parameters",
		"MPT 1B":  "1.3B",
		"MPT 3B":  "2.7B",
		"Llama 4": "experts in every second layer",
		"Grok-1":  "the benchmark's vocabulary and shape differ from the release's",
	}
	checked := 0
rows:
	for i := range cases.List {
		c := &cases.List[i]
		for name := range nominal {
			if strings.HasPrefix(c.Model, name) {
				continue rows
			}
		}
		m, _, err := c.architecture(on)
		if err != nil || c.Params == 0 {
			continue
		}
		checked++
		if e := m.Params()/(1e9*c.Params) - 1; math.Abs(e) > tolerance {
			t.Errorf("%s %s: %.4gB parameters, printed %gB: %+.1f %%", c.ID, c.Model, m.Params()/1e9, c.Params, 100*e)
		}
	}
	if checked < 500 {
		t.Errorf("only %d rows checked", checked)
	}
}

// An unknown name takes the style whose parameter count is printed.
func TestGuessStyle(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for _, c := range []struct {
		name  string
		row   Case
		gated bool
	}{
		{"Unheard 6.7B", Case{Params: 6.7, Layers: 32, Hidden: 4096, Heads: 32, FFN: 11008, Vocab: 32000}, true},
		{"Unheard 6.7B", Case{Params: 6.7, Layers: 32, Hidden: 4096, Heads: 32, FFN: 16384, Vocab: 50000}, false},
		{"Unheard", Case{Layers: 32, Hidden: 4096, Heads: 32, FFN: 16384, Vocab: 50000}, false},
		{"Unheard", Case{Layers: 32, Hidden: 4096, Heads: 32, FFN: 11008, Vocab: 50000}, true},
	} {
		c.row.Model = c.name
		m, assumed, err := c.row.architecture(on)
		if err != nil || m.Gated != c.gated || len(assumed) == 0 {
			t.Errorf("%+v: gated %t, assumed %v, %v; want gated %t and said", c.row, m.Gated, assumed, err, c.gated)
		}
	}
}

// A row that names a catalog model needs no shape, and keeps its experts.
func TestCatalogModelByName(t *testing.T) {
	on := newShelf(loadCatalog(t))
	for _, name := range []string{"deepseek-v3", "DeepSeek-V3 671B"} {
		c := Case{Model: name}
		m, _, err := c.architecture(on)
		if err != nil || m.MoE == nil || m.MoE.Experts != 256 || m.MLA == nil || m.Layers != 61 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}
