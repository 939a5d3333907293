// Package model describes transformers: their shape, parameters, FLOPs and bytes,
// layer kind by layer kind. All counts are exact functions of the shape.
package model

// Model is the architecture of a decoder-only transformer.
type Model struct {
	Name   string `json:"name"`
	Title  string `json:"title"`
	Layers int    `json:"layers"`
	Hidden int    `json:"hidden"`
	Heads  int    `json:"heads"`
	// KVHeads is Heads for multi-head attention, fewer for grouped-query.
	KVHeads int `json:"kv_heads,omitempty"`
	// HeadDim is Hidden/Heads unless the model says otherwise.
	HeadDim int `json:"head_dim,omitempty"`
	// FFN is the inner width of the dense feed-forward block.
	FFN int `json:"ffn,omitempty"`
	// Gated is true for SwiGLU and its kin: three matrices, not two.
	Gated bool `json:"gated,omitempty"`
	Vocab int  `json:"vocab"`
	// Tied is true where the output head reuses the embedding.
	Tied bool `json:"tied,omitempty"`
	// Positions is the length of a learned position table, 0 for rotary or ALiBi.
	Positions int `json:"positions,omitempty"`
	// Bias is true where the linear layers have biases (GPT-3, BLOOM, GPT-OSS).
	Bias bool `json:"bias,omitempty"`
	// LayerNorm is true where norms have a bias beside the gain; false is RMSNorm.
	LayerNorm bool `json:"layer_norm,omitempty"`
	// PostNorm is true where a norm follows each block too, four per layer (Grok-1).
	PostNorm bool `json:"post_norm,omitempty"`
	// QKNorm is true where queries and keys are normed per head (Qwen3).
	QKNorm bool `json:"qk_norm,omitempty"`
	// Sinks is true where each head has a learned attention sink (GPT-OSS).
	Sinks bool `json:"sinks,omitempty"`
	// EmbeddingNorm is true where a norm follows the embedding (BLOOM).
	EmbeddingNorm bool `json:"embedding_norm,omitempty"`
	// Dropout is true where attention scores and the output of each block are
	// dropped at random in training, as GPTs were until about 2023; its masks are kept.
	Dropout bool `json:"dropout,omitempty"`
	// OutputGate is true where attention's output is gated by a projection as wide as
	// the queries' (Qwen3-Next).
	OutputGate bool `json:"output_gate,omitempty"`
	// Linear is the linear attention of all layers but every Linear.Every-th, if they have it.
	Linear *Linear `json:"linear,omitempty"`
	// MLA is multi-head latent attention (DeepSeek), if the model has it.
	MLA *MLA `json:"mla,omitempty"`
	// MoE is the mixture of experts; a dense model has none.
	MoE *MoE `json:"moe,omitempty"`
	// Window is the sliding attention window in tokens of every second layer,
	// 0 for full attention everywhere.
	Window int `json:"window,omitempty"`
	// MTP is the number of multi-token-prediction modules trained beside the
	// main model; they are not in the published parameter count.
	MTP int `json:"mtp,omitempty"`

	// PublishedParams and PublishedActive are what the authors print, to hold
	// the computed counts against; 0 where nothing is published.
	PublishedParams float64 `json:"published_params,omitempty"`
	PublishedActive float64 `json:"published_active,omitempty"`
}

// MLA is the shape of multi-head latent attention (DeepSeek-V2, section 2.1).
type MLA struct {
	QRank    int `json:"q_rank"`  // 0: queries are not compressed
	KVRank   int `json:"kv_rank"` // width of the compressed keys and values
	NopeDim  int `json:"nope_dim"`
	RopeDim  int `json:"rope_dim"`
	ValueDim int `json:"value_dim"`
}

// Linear is the shape of a gated delta rule, whose layers keep a state of KeyDim x
// ValueDim per value head instead of attending to keys (Yang et al., arXiv:2412.06464;
// Qwen3-Next).
type Linear struct {
	// Every Every-th layer has softmax attention instead.
	Every      int `json:"every"`
	KeyHeads   int `json:"key_heads"`
	ValueHeads int `json:"value_heads"`
	KeyDim     int `json:"key_dim"`
	ValueDim   int `json:"value_dim"`
	Conv       int `json:"conv"` // taps of the convolution over queries, keys and values
}

// Keys and Values are the widths of all heads together.
func (l *Linear) Keys() int   { return l.KeyHeads * l.KeyDim }
func (l *Linear) Values() int { return l.ValueHeads * l.ValueDim }

// projections counts the weights in matrix products: queries, keys, values and output
// gate, two scalars per value head, and the output.
func (l *Linear) projections(hidden int) float64 {
	return float64(hidden) * float64(2*l.Keys()+3*l.Values()+2*l.ValueHeads)
}

// params adds the convolution, decay and step of each head, and the output's norm.
func (l *Linear) params(hidden int) float64 {
	return l.projections(hidden) + float64(l.Conv*(2*l.Keys()+l.Values())+2*l.ValueHeads+l.ValueDim)
}

// StateFLOPs counts one token's forward pass through the state: decay, the delta
// (reading and writing it) and the query, 4 multiply-adds per element (the count of
// Megatron-Core).
func (l *Linear) StateFLOPs() float64 { return 2 * 4 * float64(l.ValueHeads*l.KeyDim*l.ValueDim) }

// MoE is the shape of the expert layers.
type MoE struct {
	Experts int `json:"experts"`
	TopK    int `json:"top_k"`
	// FFN is the inner width of one routed expert.
	FFN int `json:"ffn"`
	// SharedFFN is the inner width of the experts that every token visits, all
	// together; 0 without.
	SharedFFN int `json:"shared_ffn,omitempty"`
	// RouterBias is true where the router has one bias per expert (GPT-OSS;
	// DeepSeek-V3's load-balancing bias).
	RouterBias bool `json:"router_bias,omitempty"`
	// DenseLayers counts the leading layers with a dense block instead.
	DenseLayers int `json:"dense_layers,omitempty"`
	// Every is 2 where, behind the leading ones, only every second layer has experts
	// (Llama 4 Maverick), and so on; 0 is 1.
	Every int `json:"every,omitempty"`
	// NodeLimit bounds how many scale-up domains one token's experts may lie
	// in (node-limited routing, DeepSeek-V3 section 2.1.2); 0 without a bound.
	NodeLimit int `json:"node_limit,omitempty"`
	// Imbalance is the load of the busiest expert-parallel rank over the mean,
	// with dropless routing; 1 when tokens are dropped or forced to balance.
	Imbalance float64 `json:"imbalance,omitempty"`
}

// attention returns heads, key/value heads and the per-head widths of the
// query-key and value products.
func (m *Model) attention() (heads, kv, qk, v int) {
	heads, kv = m.Heads, m.KVHeads
	if kv == 0 {
		kv = heads
	}
	if m.MLA != nil {
		return heads, heads, m.MLA.NopeDim + m.MLA.RopeDim, m.MLA.ValueDim
	}
	d := m.HeadDim
	if d == 0 {
		d = m.Hidden / m.Heads
	}
	return heads, kv, d, d
}

// Attention is the shape of the attention product: per head, queries and keys of
// width QK and values of width V.
type Attention struct{ Heads, KVHeads, QK, V int }

// Attention returns the shape of the attention product.
func (m *Model) Attention() Attention {
	h, kv, qk, v := m.attention()
	return Attention{h, kv, qk, v}
}

// MoELayers and DenseLayers count the layers by the kind of their feed-forward block.
func (m *Model) MoELayers() int { return m.MoELayersIn(0, m.Layers) }

// MoELayersIn counts the layers with experts among n layers from the first-th on.
func (m *Model) MoELayersIn(first, n int) int {
	if m.MoE == nil {
		return 0
	}
	before := func(layer int) int { return max(0, layer-m.MoE.DenseLayers) / max(1, m.MoE.Every) }
	return before(first+n) - before(first)
}

// SoftmaxLayers and LinearLayers count the layers by the kind of their attention.
func (m *Model) SoftmaxLayers() int {
	if m.Linear == nil {
		return m.Layers
	}
	return m.Layers / max(1, m.Linear.Every)
}

// LinearLayers counts the layers with linear attention.
func (m *Model) LinearLayers() int { return m.Layers - m.SoftmaxLayers() }

// linearShare is the part of the layers that has linear attention.
func (m *Model) linearShare() float64 { return float64(m.LinearLayers()) / float64(m.Layers) }

// mixed is the mean over all layers of a count per layer with softmax attention and,
// where the model has it, one with linear attention.
func (m *Model) mixed(softmax float64, linear func(*Linear) float64) float64 {
	if m.Linear == nil {
		return softmax
	}
	s := m.linearShare()
	return (1-s)*softmax + s*linear(m.Linear)
}

// DenseLayers counts the layers with a dense feed-forward block.
func (m *Model) DenseLayers() int { return m.Layers - m.MoELayers() }

// ffnMatrices is the number of Hidden x FFN matrices of a block.
func (m *Model) ffnMatrices() float64 {
	if m.Gated {
		return 3
	}
	return 2
}

// AttentionParams counts the weights of one attention block, the mean over layers of
// both kinds: projections in and out, and attentionExtras.
func (m *Model) AttentionParams() float64 {
	return m.mixed(m.softmaxParams(), func(l *Linear) float64 { return l.params(m.Hidden) })
}

func (m *Model) softmaxParams() float64 {
	h := float64(m.Hidden)
	heads, kv, qk, v := m.attention()
	out := float64(heads*v) * h
	if a := m.MLA; a != nil {
		q := h * float64(heads*qk)
		if a.QRank > 0 {
			q = float64(a.QRank)*(h+float64(heads*qk)) + float64(a.QRank) // + its norm
		}
		down := h * float64(a.KVRank+a.RopeDim)
		up := float64(a.KVRank) * float64(heads*(a.NopeDim+a.ValueDim))
		return q + down + float64(a.KVRank) + up + out
	}
	p := h*float64(heads*qk+kv*(qk+v)) + out
	if m.OutputGate {
		p += h * float64(heads*v)
	}
	return p + m.attentionExtras()
}

// attentionExtras counts the weights of an attention block (not MLA) that are in no
// matrix product: biases, norms of queries and keys, sinks.
func (m *Model) attentionExtras() float64 {
	heads, kv, qk, v := m.attention()
	var p int
	if m.Bias {
		p += heads*qk + kv*(qk+v) + m.Hidden
	}
	if m.QKNorm {
		p += 2 * qk
	}
	if m.Sinks {
		p += heads
	}
	return float64(p)
}

// FFNParams counts the weights of a feed-forward block of the given inner width.
func (m *Model) FFNParams(width int) float64 {
	p := m.ffnMatrices() * float64(m.Hidden) * float64(width)
	if m.Bias {
		p += (m.ffnMatrices()-1)*float64(width) + float64(m.Hidden)
	}
	return p
}

// NormParams counts the norms of one layer: one before each block, with PostNorm
// one after each too.
func (m *Model) NormParams() float64 {
	if m.PostNorm {
		return 4 * m.oneNorm()
	}
	return 2 * m.oneNorm()
}

// oneNorm counts the weights of one norm over the hidden width.
func (m *Model) oneNorm() float64 {
	if m.LayerNorm {
		return 2 * float64(m.Hidden)
	}
	return float64(m.Hidden)
}

// ExpertParams counts the weights of one routed expert.
func (m *Model) ExpertParams() float64 {
	if m.MoE == nil {
		return 0
	}
	return m.FFNParams(m.MoE.FFN)
}

// RouterParams counts the weights of one layer's router.
func (m *Model) RouterParams() float64 {
	if m.MoE == nil {
		return 0
	}
	p := float64(m.Hidden) * float64(m.MoE.Experts)
	if m.MoE.RouterBias {
		p += float64(m.MoE.Experts)
	}
	return p
}

// DenseLayerParams counts one layer with a dense block.
func (m *Model) DenseLayerParams() float64 {
	return m.AttentionParams() + m.FFNParams(m.FFN) + m.NormParams()
}

// MoELayerShared counts the weights of one MoE layer that every chip of an
// expert-parallel group holds: attention, norms, router, shared experts.
func (m *Model) MoELayerShared() float64 {
	if m.MoE == nil {
		return 0
	}
	p := m.AttentionParams() + m.NormParams() + m.RouterParams()
	if m.MoE.SharedFFN > 0 {
		p += m.FFNParams(m.MoE.SharedFFN)
	}
	return p
}

// EmbeddingParams counts the token table, learned positions and the norm after them.
func (m *Model) EmbeddingParams() float64 {
	p := float64(m.Vocab+m.Positions) * float64(m.Hidden)
	if m.EmbeddingNorm {
		p += m.oneNorm()
	}
	return p
}

// HeadParams counts the output projection, 0 where it is the embedding, and the
// last norm.
func (m *Model) HeadParams() float64 {
	n := m.oneNorm()
	if m.Tied {
		return n
	}
	return float64(m.Vocab)*float64(m.Hidden) + n
}

// Params counts all weights (multi-token-prediction modules not included, as
// authors print it).
func (m *Model) Params() float64 {
	p := m.EmbeddingParams() + m.HeadParams() + float64(m.DenseLayers())*m.DenseLayerParams()
	if m.MoE != nil {
		p += float64(m.MoELayers()) * (m.MoELayerShared() + float64(m.MoE.Experts)*m.ExpertParams())
	}
	return p
}

// ActiveParams counts the weights that one token visits: the routed experts it is
// sent to and everything else, the whole token table included. Some authors leave
// the table out (EmbeddingParams).
func (m *Model) ActiveParams() float64 {
	p := m.EmbeddingParams() + m.HeadParams() + float64(m.DenseLayers())*m.DenseLayerParams()
	if m.MoE != nil {
		p += float64(m.MoELayers()) * (m.MoELayerShared() + float64(m.MoE.TopK)*m.ExpertParams())
	}
	return p
}

// AttentionSpan is the mean number of keys a query of a layer meets in a
// sequence of seq tokens under causal masking, with a sliding window of w
// tokens (0: none).
func AttentionSpan(seq, w int) float64 {
	s := float64(seq)
	if w <= 0 || w >= seq {
		return (s + 1) / 2
	}
	f := float64(w)
	// The first w queries see 1..w keys, the others w.
	return (f*(f+1)/2 + (s-f)*f) / s
}

// ForwardFLOPs counts the floating-point operations of one token's forward pass
// in a sequence of seq tokens: every matrix product at 2 per multiply-add,
// attention causal (only the keys a query may see), vocabulary projection,
// router. Embedding look-up, norms, activations and softmax are not counted,
// the convention of MFU (PaLM, appendix B; causal as in Megatron-Core's newer
// formula).
func (m *Model) ForwardFLOPs(seq int) float64 {
	f := 2*(m.matmulWeights()+float64(m.Vocab)*float64(m.Hidden)) + m.AttentionFLOPs(seq)
	if m.MTP > 0 {
		// Each module is one more layer of the last kind, a 2H x H projection
		// and another pass through the shared head (DeepSeek-V3, section 2.2).
		layer := m.lastLayerMatmulWeights()
		hd := float64(m.Hidden)
		f += float64(m.MTP) * 2 * (layer + 2*hd*hd + float64(m.Vocab)*hd)
	}
	return f
}

// AttentionFLOPs counts what of ForwardFLOPs are scores, their products with the values and
// the states of linear attention.
func (m *Model) AttentionFLOPs(seq int) float64 {
	_, _, qk, v := m.attention()
	perKey := 2 * float64(m.Heads) * float64(qk+v)
	windowed, attending := 0, m.SoftmaxLayers()
	if m.Window > 0 {
		windowed = attending / 2
	}
	f := perKey * (float64(attending-windowed+m.MTP)*AttentionSpan(seq, 0) + float64(windowed)*AttentionSpan(seq, m.Window))
	if m.Linear != nil {
		f += float64(m.LinearLayers()) * m.Linear.StateFLOPs()
	}
	return f
}

// FLOPs counts forward and backward of one token: backward is twice forward.
func (m *Model) FLOPs(seq int) float64 { return 3 * m.ForwardFLOPs(seq) }

// matmulWeights counts the weights one token meets in matrix products of all
// layers, head not included.
func (m *Model) matmulWeights() float64 {
	w := float64(m.DenseLayers()) * (m.attentionMatmul() + m.ffnMatrices()*float64(m.Hidden)*float64(m.FFN))
	w += float64(m.MoELayers()) * m.moeLayerMatmul()
	return w
}

func (m *Model) lastLayerMatmulWeights() float64 {
	if m.MoE != nil {
		return m.moeLayerMatmul()
	}
	return m.attentionMatmul() + m.ffnMatrices()*float64(m.Hidden)*float64(m.FFN)
}

func (m *Model) moeLayerMatmul() float64 {
	if m.MoE == nil {
		return 0
	}
	h := float64(m.Hidden)
	routed := float64(m.MoE.TopK*m.MoE.FFN + m.MoE.SharedFFN)
	return m.attentionMatmul() + h*float64(m.MoE.Experts) + m.ffnMatrices()*h*routed
}

// attentionMatmul is AttentionParams without norms, biases, sinks and convolutions.
func (m *Model) attentionMatmul() float64 {
	p := m.softmaxParams()
	if a := m.MLA; a != nil {
		p -= float64(a.QRank + a.KVRank)
	} else {
		p -= m.attentionExtras()
	}
	return m.mixed(p, func(l *Linear) float64 { return l.projections(m.Hidden) })
}
