package backtest

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/model"
)

// style is what a shape's columns cannot say.
type style struct {
	gated, bias, layerNorm, tied bool
}

// styles are families of models by the beginning of their name, the longest counting.
var styles = map[string]style{
	// Two matrices, GELU, biases, tied tables (Brown et al. 2020; Megatron-LM).
	"gpt":       {bias: true, layerNorm: true, tied: true},
	"megatron":  {bias: true, layerNorm: true, tied: true},
	"opt":       {bias: true, layerNorm: true, tied: true},
	"bloom":     {bias: true, layerNorm: true, tied: true},
	"galactica": {layerNorm: true, tied: true},
	"gptneox":   {bias: true, layerNorm: true},
	"pythia":    {bias: true, layerNorm: true},
	"falcon":    {layerNorm: true, tied: true},
	"nemotron":  {layerNorm: true},             // squared ReLU (arXiv:2406.11704)
	"mpt":       {layerNorm: true, tied: true}, // ALiBi, no biases (llm-foundry)
	"glm130b":   {gated: true, bias: true, layerNorm: true, tied: true},
	"palm":      {gated: true, layerNorm: true, tied: true},
	// Three matrices, RMSNorm, own output table (LLaMA and its kin).
	"llama":    {gated: true},
	"mistral":  {gated: true},
	"qwen":     {gated: true},
	"deepseek": {gated: true},
	"maxtext":  {gated: true},
	"internlm": {gated: true},
	"gemma":    {gated: true, tied: true},
}

// withoutPredictor are frameworks that train a catalog model without its
// multi-token-prediction module: Automodel's printed TFLOP/s are those of the main model
// alone, MaxText has mtp_num_layers=0 unless told otherwise, torchtitan's model has none.
var withoutPredictor = []string{"automodel", "maxtext", "tpu-recipes", "torchtitan"}

// defaultVocab is Megatron's GPT-2 vocabulary of 50,257 padded to 51,200 (Narayanan et
// al., SC'21, table 1), where a GPT's is not printed.
const defaultVocab = 51200

// plain keeps the letters and digits of a name.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return -1
	}, name)
}

// longest finds the entry whose key is the longest beginning of name.
func longest[V any](table map[string]V, name string) (v V, ok bool) {
	best := 0
	for key, value := range table {
		if len(key) > best && strings.HasPrefix(name, key) {
			best, v, ok = len(key), value, true
		}
	}
	return v, ok
}

// architecture is the model of a case; assumed lists what its source does not print.
func (c *Case) architecture(on *shelf) (m model.Model, assumed []string, err error) {
	m, ok := c.catalogModel(on)
	if !ok {
		s, found := longest(styles, plain(c.modelName()))
		if !found {
			s = c.guessStyle()
			assumed = append(assumed, fmt.Sprintf("gated feed-forward: %t", s.gated))
		}
		m = model.Model{Gated: s.gated, Bias: s.bias, LayerNorm: s.layerNorm, Tied: s.tied}
	}
	c.overrideShape(&m)
	if m.Vocab == 0 {
		m.Vocab = defaultVocab
		assumed = append(assumed, fmt.Sprintf("vocabulary %d", defaultVocab))
	}
	assumed = append(assumed, c.shapeFromSize(&m)...)
	for _, f := range []struct {
		name  string
		value int
	}{{"layers", m.Layers}, {"hidden", m.Hidden}, {"heads", m.Heads}} {
		if f.value == 0 {
			return m, nil, fmt.Errorf("%s is missing, and the catalog has no model %q", f.name, excerpt(c.Model))
		}
	}
	return m, assumed, c.checkShape(&m)
}

// overrideShape lays the columns and the sizes in the notes over a model.
func (c *Case) overrideShape(m *model.Model) {
	m.Name, m.Title = c.Model, ""
	width := m.HeadDim
	if width == 0 && m.Heads > 0 && m.Hidden%m.Heads == 0 && m.MLA == nil {
		width = m.Hidden / m.Heads
	}
	reshaped := c.Hidden > 0 && c.Hidden != m.Hidden || c.Heads > 0 && c.Heads != m.Heads
	set(&m.Layers, c.Layers)
	set(&m.Hidden, c.Hidden)
	set(&m.Heads, c.Heads)
	set(&m.KVHeads, c.KVHeads)
	set(&m.Vocab, c.Vocab)
	m.HeadDim = width
	if reshaped {
		m.HeadDim = 0
	}
	set(&m.HeadDim, c.size(headWidth))
	c.overrideExperts(m)
	if a := latent.FindStringSubmatch(c.Notes); a != nil && m.MLA == nil {
		m.MLA = &model.MLA{QRank: whole(a[1]), KVRank: whole(a[2]), NopeDim: whole(a[3]), RopeDim: whole(a[4]), ValueDim: whole(a[3])}
	}
	if m.MTP > 0 && slices.Contains(withoutPredictor, c.origin().framework) {
		m.MTP = 0
	}
}

func (c *Case) overrideExperts(m *model.Model) {
	if m.MoE == nil && c.Experts == 0 {
		set(&m.FFN, c.FFN)
		return
	}
	var own model.MoE
	if m.MoE != nil {
		own = *m.MoE
	}
	m.MoE = &own
	set(&m.MoE.Experts, c.Experts)
	set(&m.MoE.TopK, c.TopK)
	if m.MoE.Every < 2 || c.FFN != m.FFN {
		// Where dense layers alternate some sources print their width instead.
		set(&m.MoE.FFN, c.FFN)
	}
	set(&m.MoE.Every, c.size(everyLayer))
	if a := leadingDense.FindStringSubmatch(c.Notes); a != nil {
		m.MoE.DenseLayers = whole(a[1])
		set(&m.FFN, whole(a[2]))
	}
	if n := c.size(sharedExperts); n > 0 {
		m.MoE.SharedFFN = n * m.MoE.FFN
	}
	m.MoE.DenseLayers = min(m.MoE.DenseLayers, m.Layers)
	if c.says("force-balanced") || c.says("token-drop") {
		m.MoE.Imbalance = 1
	}
}

// Sizes that only the notes print.
var (
	headWidth     = regexp.MustCompile(`head_dim (\d+)`)
	latent        = regexp.MustCompile(`MLA \(q_lora (\d+), kv_lora (\d+), nope (\d+), rope (\d+)`)
	leadingDense  = regexp.MustCompile(`(\d+) dense layers? ffn (\d+)`)
	everyLayer    = regexp.MustCompile(`every (\d+)(?:nd|rd|th) layer`)
	sharedExperts = regexp.MustCompile(`(\d+) shared expert`)
)

// size is the number that a pattern finds in the notes, 0 without it.
func (c *Case) size(pattern *regexp.Regexp) int {
	if a := pattern.FindStringSubmatch(c.Notes); a != nil {
		return whole(a[1])
	}
	return 0
}

// whole reads digits that a pattern has matched; too many of them count as none.
func whole(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil || n > mostCount {
		return 0
	}
	return n
}

func set(field *int, value int) {
	if value > 0 {
		*field = value
	}
}

// gatedSince is the last year in which most models that were named by their size alone
// had GPT's plain blocks; LLaMA appeared in February 2023.
const gatedSince = 2023

// guessStyle tells a gated from a plain feed-forward block by the parameter count
// that is printed, else by its width: plain ones are four times the hidden width.
func (c *Case) guessStyle() style {
	plain := style{bias: true, layerNorm: true, tied: true}
	gated := style{gated: true}
	if c.Params > 0 && c.Layers > 0 && c.Hidden > 0 && c.Heads > 0 && c.FFN > 0 {
		miss := func(s style) float64 {
			m := model.Model{Gated: s.gated, Bias: s.bias, LayerNorm: s.layerNorm, Tied: s.tied}
			c.overrideShape(&m)
			if m.Vocab == 0 {
				m.Vocab = defaultVocab
			}
			return math.Abs(math.Log(m.Params() / (1e9 * c.Params)))
		}
		if miss(gated) < miss(plain) {
			return gated
		}
		return plain
	}
	if c.Experts == 0 && (c.FFN == 4*c.Hidden || c.FFN == 0 && c.KVHeads == 0 && c.Year > 0 && c.Year <= gatedSince) {
		return plain
	}
	return gated
}

// checkShape names what no transformer can be.
func (c *Case) checkShape(m *model.Model) error {
	a := m.Attention()
	switch {
	case m.MLA == nil && m.HeadDim == 0 && m.Hidden%m.Heads != 0:
		return fmt.Errorf("%d heads do not divide the hidden width of %d, and head_dim is not in the notes", m.Heads, m.Hidden)
	case m.KVHeads > 0 && a.Heads%max(1, m.KVHeads) != 0:
		return fmt.Errorf("%d key/value heads do not divide %d heads", m.KVHeads, m.Heads)
	case m.MoE != nil && (m.MoE.TopK == 0 || m.MoE.FFN == 0):
		return fmt.Errorf("topk or ffn of the experts is missing")
	case m.MoE != nil && m.MoE.TopK > m.MoE.Experts:
		return fmt.Errorf("topk=%d is more than the %d experts", m.MoE.TopK, m.MoE.Experts)
	case m.FFN == 0 && m.DenseLayers() > 0:
		return fmt.Errorf("ffn is missing, and the catalog has no model %q", excerpt(c.Model))
	}
	return nil
}
