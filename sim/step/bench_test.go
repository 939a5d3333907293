package step

import (
	"testing"

	"clustercap/sim/hardware/hardwaretest"
	"clustercap/sim/model"
)

// trained is a model as its makers trained it.
type trained struct {
	name, layout string
	work         Workload
}

// published are the layouts of Llama 3 405B (section 3.3.2 of its report, light
// recomputation) and DeepSeek-V3 (section 3.2).
func published() []trained {
	llama := model.Model{Name: "llama3-405b", Layers: 126, Hidden: 16384, Heads: 128, KVHeads: 8, FFN: 53248, Gated: true, Vocab: 128256}
	deepseek := model.Model{
		Name: "deepseek-v3", Layers: 61, Hidden: 7168, Heads: 128, FFN: 18432, Gated: true, Vocab: 129280, MTP: 1,
		MLA: &model.MLA{QRank: 1536, KVRank: 512, NopeDim: 128, RopeDim: 64, ValueDim: 128},
		MoE: &model.MoE{Experts: 256, TopK: 8, FFN: 2048, SharedFFN: 2048, DenseLayers: 3, NodeLimit: 4},
	}
	return []trained{
		{"llama3-405b", "tp=8,pp=16,dp=128,vpp=8,recompute=light", Workload{Model: llama, Sequence: 8192, Batch: 2048, Precision: BF16}},
		{"deepseek-v3", "tp=1,pp=16,dp=128,ep=64,recompute=light,schedule=dualpipe", Workload{Model: deepseek, Sequence: 4096, Batch: 15360, Precision: FP8}},
	}
}

// BenchmarkEstimate prices whole steps on 16,384 and 2,048 chips; the promise is
// 100,000 estimates a second on one core, 10,000 ns each.
func BenchmarkEstimate(b *testing.B) {
	for _, c := range published() {
		b.Run(c.name, func(b *testing.B) {
			m := &Machine{Chip: hardwaretest.H100(), Server: hardwaretest.HGX(), Fabric: hardwaretest.Clos(4)}
			p, err := NewPricer(&c.work, m)
			if err != nil {
				b.Fatal(err)
			}
			l := layout(c.layout)
			if bad := l.Problems(&c.work, m); len(bad) > 0 {
				b.Fatal(bad)
			}
			p.Price(l)
			b.ReportAllocs()
			for b.Loop() {
				p.Price(l)
			}
		})
	}
}
