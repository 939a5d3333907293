package backtest

import (
	"cmp"
	"fmt"
	"math"
	"slices"

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

// parameters of the case's model, as printed or named; 0 where neither says.
func (c *Case) parameters() float64 {
	if c.Params > 0 {
		return 1e9 * c.Params
	}
	n, mixture := sizeOf(c.modelName())
	if mixture {
		return 0 // experts share what lies between them
	}
	return n
}

// shapeFromSize fills in what is missing of a shape so that it has the parameters that
// the case prints, in usual proportions, and says so.
func (c *Case) shapeFromSize(m *model.Model) (said []string) {
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	n := c.parameters()
	if n >= 1e15 {
		n = 0
	}
	if m.MoE != nil && m.MoE.TopK == 0 && m.MoE.Experts > 0 {
		m.MoE.TopK = c.topK(m)
		say("topk %d", m.MoE.TopK)
	}
	if n > 0 && m.Layers == 0 && m.Hidden == 0 && m.Heads == 0 {
		shapeAs(m, c.activeParameters(m, n), max(1, c.TP))
		say("%d layers of width %d", m.Layers, m.Hidden)
	}
	if m.Hidden == 0 && m.Heads > 0 {
		m.Hidden = hiddenFor(m, n)
		say("hidden %d", m.Hidden)
	}
	if m.Hidden == 0 {
		return said
	}
	if m.Heads == 0 {
		if m.Heads = usualHeads(m, max(1, c.TP)); m.Heads > 0 {
			say("%d heads", m.Heads)
		}
	}
	if m.Heads > 0 && m.MLA == nil && m.HeadDim == 0 && m.Hidden%m.Heads != 0 {
		m.HeadDim = headWidthUsual
		say("head_dim %d", m.HeadDim)
	}
	if m.Layers == 0 && m.Heads > 0 && n > 0 {
		m.Layers = layersFor(m, n)
		say("%d layers", m.Layers)
	}
	if m.Layers == 0 || m.Heads == 0 {
		return said
	}
	if width := c.widthFromSize(m, n); width > 0 {
		say("ffn %d", width)
	}
	if m.FFN == 0 && m.DenseLayers() > 0 && m.MoE.FFN > 0 {
		// As wide as all experts that a token visits: DeepSeek-V3's 9 of 2,048.
		m.FFN = m.MoE.TopK*m.MoE.FFN + m.MoE.SharedFFN
		say("ffn %d of dense layers", m.FFN)
	}
	return said
}

// topK is how many experts a token visits where that is not printed: as many as make the
// active parameters, else 2 of few, as of 8 in Mixtral and Grok-1, and 8 of 64 or more, as
// of 128 in Qwen3 and 256 in DeepSeek-V3.
func (c *Case) topK(m *model.Model) int {
	const few, many, most = 2, 8, 64
	if c.ActiveParams > 0 && m.Layers > 0 && m.Hidden > 0 && m.Heads > 0 && m.MoE.FFN > 0 {
		best, miss := 0, math.Inf(1)
		for k := range min(m.MoE.Experts, most) {
			some, experts := *m, *m.MoE
			experts.TopK = k + 1
			some.MoE = &experts
			if d := math.Abs(some.ActiveParams() - 1e9*c.ActiveParams); d < miss {
				best, miss = k+1, d
			}
		}
		return best
	}
	if m.MoE.Experts < most {
		return min(few, m.MoE.Experts)
	}
	return many
}

// activeParameters are those that a token visits, as printed, else with the experts'
// share of all; in a dense model all n.
func (c *Case) activeParameters(m *model.Model, n float64) float64 {
	switch {
	case m.MoE == nil:
		return n
	case c.ActiveParams > 0:
		return min(n, 1e9*c.ActiveParams)
	}
	return n * float64(m.MoE.TopK+1) / float64(m.MoE.Experts+1)
}

// shapeAs gives m the layers, widths and heads of a dense model of n parameters, the heads
// such that tp chips divide them where any do.
func shapeAs(m *model.Model, n float64, tp int) {
	dense := *m
	dense.MoE = nil
	for dense.Hidden = roundHidden; dense.Hidden < 1<<17; dense.Hidden += roundHidden {
		dense.Layers, dense.Heads, dense.FFN = dense.Hidden/widthPerLayer, dense.Hidden/headWidthUsual, usualFFN(&dense)
		if dense.Params() >= n && dense.Heads%min(tp, mostTensor) == 0 {
			break
		}
	}
	m.Layers, m.Hidden, m.Heads = dense.Layers, dense.Hidden, dense.Heads
}

// usualHeads are as many as have a usual width, and divide by their groups of keys and
// by tp chips; 0 where none do.
func usualHeads(m *model.Model, tp int) int {
	for _, width := range headWidths {
		if heads := m.Hidden / width; m.Hidden%width == 0 && heads%tp == 0 && heads%max(1, m.KVHeads) == 0 {
			return heads
		}
	}
	if m.KVHeads > 0 && m.Hidden%m.KVHeads == 0 {
		return m.KVHeads
	}
	return 0
}

// hiddenFor is the width of heads of the width that comes nearest to n parameters, of the
// usual one where that is not known.
func hiddenFor(m *model.Model, n float64) int {
	of := func(width int) float64 {
		some := *m
		some.Hidden = m.Heads * width
		if some.FFN == 0 && some.MoE == nil {
			some.FFN = usualFFN(&some)
		}
		return math.Abs(math.Log(some.Params() / n))
	}
	if n == 0 || m.Layers == 0 || m.MoE != nil && m.MoE.FFN == 0 {
		return m.Heads * headWidthUsual
	}
	return m.Heads * slices.MinFunc(headWidths, func(a, b int) int { return cmp.Compare(of(a), of(b)) })
}

// layersFor are as many layers as make n parameters, of usual feed-forward blocks where
// their width is not known.
func layersFor(m *model.Model, n float64) int {
	one := *m
	if one.FFN == 0 && one.MoE == nil {
		one.FFN = usualFFN(m)
	}
	one.Layers = 1
	first := one.Params()
	one.Layers = 2
	return min(max(1, 1+int(math.Round((n-first)/(one.Params()-first)))), int(mostOf["layers"]))
}

// widthFromSize fills in a missing feed-forward width so that the model has n
// parameters, 0 for an unknown number of them, and returns it; 0 where none is missing.
func (c *Case) widthFromSize(m *model.Model, n float64) int {
	width := &m.FFN
	if m.MoE != nil {
		width = &m.MoE.FFN
	}
	if *width > 0 || m.MoE != nil && n == 0 {
		return 0
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
	return *width
}

// usualFFN is four times the hidden width, or a gated block with as many weights.
func usualFFN(m *model.Model) int {
	if m.Gated {
		return (m.Hidden*8/3 + roundWidth - 1) / roundWidth * roundWidth
	}
	return 4 * m.Hidden
}
