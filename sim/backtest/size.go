package backtest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"clustercap/sim/model"
)

// Proportions of shapes that are not printed.
const (
	// widthPerLayer is the hidden width over the number of layers: 128 in GPT-3 175B,
	// Llama 3 8B and 405B (130), 102 in Llama 3 70B.
	widthPerLayer = 128
	// headWidthUsual of all of them.
	headWidthUsual = 128
	// roundWidth is what feed-forward widths are multiples of, roundHidden what hidden
	// widths are, so that tensor parallelism of 8 divides the heads.
	roundWidth, roundHidden = 128, 1024
)

// headWidths are what published heads are wide, the most usual first.
var headWidths = []int{headWidthUsual, 64, 96, 80, 160, 112, 144, 192, 256}

// namedSize finds the parameters in a model's name: "GPT 22B", "1T".
var namedSize = regexp.MustCompile(`(?:^|[^0-9A-Za-z.])(\d+(?:\.\d+)?) ?([BT])(?:[^0-9A-Za-z]|$)`)

// parameters of the case's model, as printed or named; 0 where neither says.
func (c *Case) parameters() float64 {
	if c.Params > 0 {
		return 1e9 * c.Params
	}
	a := namedSize.FindStringSubmatch(c.Model)
	if a == nil {
		return 0
	}
	n, err := strconv.ParseFloat(a[1], 64)
	if err != nil {
		return 0
	}
	if a[2] == "T" {
		return 1e12 * n
	}
	return 1e9 * n
}

// shapeFromSize fills in what is missing of a shape so that it has the parameters that
// the case prints, in usual proportions, and says so.
func (c *Case) shapeFromSize(m *model.Model) string {
	n := c.parameters()
	if n > 0 && n < 1e15 && m.MoE == nil && m.Layers == 0 && m.Hidden == 0 {
		for m.Hidden = roundHidden; m.Hidden < 1<<17; m.Hidden += roundHidden {
			m.Layers, m.Heads, m.FFN = m.Hidden/widthPerLayer, m.Hidden/headWidthUsual, usualFFN(m)
			if m.Params() >= n {
				break
			}
		}
		m.FFN = 0 // as wide as the count leaves
		return fmt.Sprintf("%d layers of width %d, %s", m.Layers, m.Hidden, c.widthFromSize(m, n))
	}
	if m.Layers == 0 || m.Hidden == 0 {
		return ""
	}
	said := ""
	for _, width := range headWidths {
		if m.Heads == 0 && m.Hidden%width == 0 && m.Hidden/width%max(1, c.TP) == 0 {
			m.Heads = m.Hidden / width
			said = fmt.Sprintf("%d heads", m.Heads)
		}
	}
	if m.Heads == 0 || m.MLA == nil && m.HeadDim == 0 && m.Hidden%m.Heads != 0 {
		return said
	}
	if w := c.widthFromSize(m, n); w != "" {
		return w
	}
	return said
}

// widthFromSize fills in a missing feed-forward width so that the model has n
// parameters, 0 for an unknown number of them, and says so.
func (c *Case) widthFromSize(m *model.Model, n float64) string {
	width := &m.FFN
	if m.MoE != nil {
		width = &m.MoE.FFN
	}
	if *width > 0 || m.MoE != nil && n == 0 {
		return ""
	}
	*width = usualFFN(m)
	if n > 0 {
		// The count is linear in the width.
		*width = 0
		without := m.Params()
		*width = roundWidth
		slope := (m.Params() - without) / roundWidth
		if w := (n - without) / slope; w > 0 && w < mostCount {
			*width = max(1, int(math.Round(w/roundWidth))) * roundWidth
		} else {
			*width = usualFFN(m)
		}
	}
	return fmt.Sprintf("ffn %d", *width)
}

// usualFFN is four times the hidden width, or a gated block with as many weights.
func usualFFN(m *model.Model) int {
	if m.Gated {
		return (m.Hidden*8/3 + roundWidth - 1) / roundWidth * roundWidth
	}
	return 4 * m.Hidden
}
