package model

import (
	"math"
	"testing"
)

// Shapes from the authors' configuration files.
var (
	gpt3 = Model{
		Name: "gpt3-175b", Layers: 96, Hidden: 12288, Heads: 96, FFN: 49152, Vocab: 51200,
		Tied: true, Positions: 2048, Bias: true, LayerNorm: true,
	}
	bloom = Model{
		Name: "bloom-176b", Layers: 70, Hidden: 14336, Heads: 112, FFN: 57344, Vocab: 250880,
		Tied: true, Bias: true, LayerNorm: true, EmbeddingNorm: true,
	}
	llama8b = Model{
		Name: "llama3-8b", Layers: 32, Hidden: 4096, Heads: 32, KVHeads: 8, FFN: 14336,
		Gated: true, Vocab: 128256,
	}
	llama405b = Model{
		Name: "llama3-405b", Layers: 126, Hidden: 16384, Heads: 128, KVHeads: 8, FFN: 53248,
		Gated: true, Vocab: 128256,
	}
	qwen235b = Model{
		Name: "qwen3-235b-a22b", Layers: 94, Hidden: 4096, Heads: 64, KVHeads: 4, HeadDim: 128,
		Gated: true, Vocab: 151936, QKNorm: true, MoE: &MoE{Experts: 128, TopK: 8, FFN: 1536},
	}
	qwen30b = Model{
		Name: "qwen3-30b-a3b", Layers: 48, Hidden: 2048, Heads: 32, KVHeads: 4, HeadDim: 128,
		Gated: true, Vocab: 151936, QKNorm: true, MoE: &MoE{Experts: 128, TopK: 8, FFN: 768},
	}
	deepseekV3 = Model{
		Name: "deepseek-v3", Layers: 61, Hidden: 7168, Heads: 128, FFN: 18432, Gated: true, Vocab: 129280,
		MLA: &MLA{QRank: 1536, KVRank: 512, NopeDim: 128, RopeDim: 64, ValueDim: 128},
		MoE: &MoE{Experts: 256, TopK: 8, FFN: 2048, SharedFFN: 2048, RouterBias: true, DenseLayers: 3}, MTP: 1,
	}
	gptOSS = Model{
		Name: "gpt-oss-120b", Layers: 36, Hidden: 2880, Heads: 64, KVHeads: 8, HeadDim: 64, Gated: true,
		Vocab: 201088, Bias: true, Sinks: true, Window: 128,
		MoE: &MoE{Experts: 128, TopK: 4, FFN: 2880, RouterBias: true},
	}
)

// TestParamsExact holds the count to the number of weights in the released
// checkpoint, to the last weight: every bias, norm and sink is in its place.
func TestParamsExact(t *testing.T) {
	for _, c := range []struct {
		m    Model
		want float64 // sum over the tensors of the released checkpoint
	}{
		{bloom, 176_247_271_424},
		{llama8b, 8_030_261_248},
		{llama405b, 405_853_388_800},
		{qwen235b, 235_093_634_560},
		{qwen30b, 30_532_122_624},
		{deepseekV3, 671_026_419_200}, // main model, without the multi-token-prediction module
		{gptOSS, 116_829_156_672},
	} {
		if got := c.m.Params(); got != c.want {
			t.Errorf("%s: %.0f weights, the checkpoint has %.0f (difference %.0f)", c.m.Name, got, c.want, got-c.want)
		}
	}
}

// TestParamsClosedForm compares with equation 2 of Narayanan et al. (SC'21), which
// counts GPT models with biases and LayerNorm: 12lh²(1 + 13/12h + (V+s)/12lh).
func TestParamsClosedForm(t *testing.T) {
	m := gpt3
	l, h := float64(m.Layers), float64(m.Hidden)
	want := 12 * l * h * h * (1 + 13/(12*h) + float64(m.Vocab+m.Positions)/(12*l*h))
	// The equation leaves out the last LayerNorm: 2h weights.
	if got := m.Params(); got != math.Round(want)+2*h {
		t.Errorf("got %.0f, want %.0f", got, want+2*h)
	}
}

// TestFLOPsMegatron compares with equation 3 of Narayanan et al. (SC'21) without its
// recomputed forward pass: 72 B s l h² (1 + s/6h + V/12lh) per batch B, attention
// counted in full. The model counts it causal, so the s/6h term becomes (s+1)/12h.
func TestFLOPsMegatron(t *testing.T) {
	m := gpt3
	l, h, v := float64(m.Layers), float64(m.Hidden), float64(m.Vocab)
	for _, s := range []int{1, 512, 2048, 8192} {
		want := 72 * l * h * h * (1 + (float64(s)+1)/(12*h) + v/(12*l*h))
		got := m.FLOPs(s)
		// Both are sums of exact integers below 2^53; only rounding separates them.
		if math.Abs(got/want-1) > 1e-12 {
			t.Errorf("s=%d: got %g FLOPs per token, want %g", s, got, want)
		}
	}
}

// TestFLOPsSixN holds the forward and backward pass to 6 FLOPs per active weight in a
// matrix product, plus attention: 6N is the rule, attention the known exception.
func TestFLOPsSixN(t *testing.T) {
	for _, m := range []Model{gpt3, bloom, llama8b, llama405b, qwen235b, gptOSS} {
		const seq = 4096
		a := m.Attention()
		full, windowed := m.Layers, 0
		if m.Window > 0 {
			windowed = m.Layers / 2
			full -= windowed
		}
		perKey := 6 * float64(a.Heads*(a.QK+a.V))
		attention := perKey * (float64(full)*AttentionSpan(seq, 0) + float64(windowed)*AttentionSpan(seq, m.Window))
		// The token table is looked up, not multiplied; a tied one serves as the head.
		n := m.ActiveParams()
		if !m.Tied {
			n -= m.EmbeddingParams()
		}
		got := m.FLOPs(seq) - attention
		// Norms, biases, positions and sinks are weights without a matrix product:
		// under 0.1 % of a model's weights at any of these widths.
		if r := got / (6 * n); r > 1 || r < 0.999 {
			t.Errorf("%s: %g FLOPs per token beside attention is %.5f of 6N", m.Name, got, r)
		}
	}
}

// TestFLOPsMLA counts DeepSeek-V3's forward pass from the shapes in its report
// (section 4.2), independently of the parameter count.
func TestFLOPsMLA(t *testing.T) {
	m := deepseekV3
	m.MTP = 0
	const seq = 4096
	const h, heads = 7168.0, 128.0
	attention := h*1536 + 1536*heads*192 + h*(512+64) + 512*heads*(128+128) + heads*128*h
	dense := 3 * h * 18432.0
	moe := 9*3*h*2048 + h*256
	want := 2*(61*attention+3*dense+58*moe+h*129280) + 61*2*heads*(192+128)*(seq+1)/2
	got := m.ForwardFLOPs(seq)
	if math.Abs(got/want-1) > 1e-12 { // rounding only
		t.Errorf("got %g, want %g", got, want)
	}
	withMTP := deepseekV3.ForwardFLOPs(seq)
	// One module: one MoE layer, the 2h x h projection, the head again.
	extra := 2*(attention+moe+2*h*h+h*129280) + 2*heads*(192+128)*(seq+1)/2
	if math.Abs((withMTP-got)/extra-1) > 1e-9 { // a difference of nearly equal numbers
		t.Errorf("the MTP module adds %g, want %g", withMTP-got, extra)
	}
}

func TestAttentionSpan(t *testing.T) {
	for _, c := range []struct {
		seq, window int
		want        float64
	}{
		{1, 0, 1},
		{4, 0, 2.5},  // 1+2+3+4 over 4
		{4, 4, 2.5},  // a window as long as the sequence hides nothing
		{4, 9, 2.5},  // nor does a longer one
		{4, 2, 1.75}, // 1+2+2+2 over 4
		{10, 1, 1},   // each query sees itself
		{100, -1, 50.5},
	} {
		if got := AttentionSpan(c.seq, c.window); got != c.want {
			t.Errorf("AttentionSpan(%d, %d) = %g, want %g", c.seq, c.window, got, c.want)
		}
	}
}

// TestActiveCountsTopK moves only the routed experts when the router picks one more.
func TestActiveCountsTopK(t *testing.T) {
	m := qwen235b
	moe := *m.MoE
	moe.TopK++
	n := m
	n.MoE = &moe
	want := float64(m.MoELayers()) * m.ExpertParams()
	if got := n.ActiveParams() - m.ActiveParams(); got != want {
		t.Errorf("one more expert adds %.0f active weights, want %.0f", got, want)
	}
	if n.Params() != m.Params() {
		t.Errorf("the choice of experts changes the total from %.0f to %.0f", m.Params(), n.Params())
	}
}

// TestLayersSum rebuilds the total from the parts that a pipeline divides.
func TestLayersSum(t *testing.T) {
	for _, m := range []Model{gpt3, bloom, llama405b, deepseekV3, gptOSS} {
		sum := m.EmbeddingParams() + m.HeadParams()
		for range m.DenseLayers() {
			sum += m.DenseLayerParams()
		}
		for range m.MoELayers() {
			sum += m.MoELayerShared()
			for range m.MoE.Experts {
				sum += m.ExpertParams()
			}
		}
		if sum != m.Params() {
			t.Errorf("%s: the parts sum to %.0f, Params gives %.0f", m.Name, sum, m.Params())
		}
	}
}

// Experts in every second layer: 24 of 48, the odd ones; behind leading dense layers
// the count starts anew, and the parts of a pipeline sum to the whole.
func TestExpertsInEverySecondLayer(t *testing.T) {
	m := Model{Layers: 48, MoE: &MoE{Experts: 4, TopK: 1, Every: 2}}
	if m.MoELayers() != 24 || m.DenseLayers() != 24 || m.MoELayersIn(0, 1) != 0 || m.MoELayersIn(1, 1) != 1 {
		t.Errorf("%d with experts, %d without; first %d, second %d", m.MoELayers(), m.DenseLayers(), m.MoELayersIn(0, 1), m.MoELayersIn(1, 1))
	}
	m.MoE.DenseLayers = 3
	sum := 0
	for first := 0; first < 48; first += 6 {
		sum += m.MoELayersIn(first, 6)
	}
	if sum != m.MoELayers() || sum != (48-3)/2 {
		t.Errorf("parts have %d layers with experts, the whole %d", sum, m.MoELayers())
	}
}

// Linear attention costs the same at any length; the softmax layers among it do not.
func TestLinearAttentionIsLinear(t *testing.T) {
	m := qwen30b
	m.Linear = &Linear{Every: 4, KeyHeads: 16, ValueHeads: 32, KeyDim: 128, ValueDim: 128, Conv: 4}
	if m.SoftmaxLayers() != 12 || m.LinearLayers() != 36 {
		t.Fatalf("%d and %d layers", m.SoftmaxLayers(), m.LinearLayers())
	}
	growth := m.ForwardFLOPs(8192) - m.ForwardFLOPs(4096)
	if want := (qwen30b.ForwardFLOPs(8192) - qwen30b.ForwardFLOPs(4096)) / 4; math.Abs(growth/want-1) > 1e-9 { // a difference of nearly equal numbers
		t.Errorf("twice the length adds %g FLOPs per token, a quarter of the layers %g", growth, want)
	}
	// Every layer's weights, by hand: queries, keys, values, gate and output, two
	// scalars per head with bias, convolution, norm.
	own := 2048.0*(2*2048+3*4096+2*32) + 4*(2*2048+4096) + 2*32 + 128
	if got, want := m.Params()-qwen30b.Params(), 36*(own-qwen30b.AttentionParams()); math.Abs(got-want) > 1 {
		t.Errorf("the layers add %.0f weights, want %.0f", got, want)
	}
}
