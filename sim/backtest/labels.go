package backtest

import "strings"

// label is a column of words: those that it holds, and the spellings of publications
// that mean one of them, by what they begin with or contain.
type label struct {
	words     []string
	spellings []spelling
}

// spelling is a part of a label, small letters and digits only, and its word.
type spelling struct{ part, word string }

// labels lists the columns of words. The first spelling that fits counts.
var labels = map[string]label{
	"precision": {
		words: []string{"bf16", "fp16", "fp8", "int8", "mxfp8", "mxfp4", "nvfp4"},
		spellings: []spelling{
			{"nvfp4", "nvfp4"},
			{"mxfp4", "mxfp4"},
			{"fp4", "nvfp4"},
			{"mxfp8", "mxfp8"},
			{"fp8mx", "mxfp8"}, // Megatron-Bridge's names of recipes
			{"fp8", "fp8"},     // hybrid, e4m3, current, delayed, subchannel or block scaling
			{"float8", "fp8"},
			{"e4m3", "fp8"},
			{"int8", "int8"},
			{"bf16", "bf16"},
			{"bfloat16", "bf16"},
			{"fp16", "fp16"},
			{"float16", "fp16"},
			{"half", "fp16"},
			{"mixed", "bf16"},
			{"amp", "bf16"},
			{"tf32", "tf32"},
			{"fp32", "fp32"},
			{"float32", "fp32"},
		},
	},
	"recompute": {
		words: []string{"none", "selective", "light", "alternate", "full"},
		spellings: []spelling{
			{"none", "none"},
			{"off", "none"}, // "off" alone; offloading is below
			{"no", "none"},
			{"0", "none"},
			{"false", "none"},
			{"disabled", "none"},
			{"without", "none"},
			{"nocheckpoint", "none"},
			{"norecomp", "none"},
			{"noremat", "none"},
			{"everythingsaveable", "none"}, // JAX's policies
			{"nothingsaveable", "full"},
			{"full", "full"},
			{"uniform", "full"}, // Megatron's methods of full recomputation
			{"block", "full"},
			{"all", "full"},
			{"true", "full"},
			{"yes", "full"},
			{"1", "full"},
			{"on", "full"},
			{"enabled", "full"},
			{"alternate", "alternate"},
			{"light", "light"},
			{"selective", "selective"},
			{"partial", "selective"},
			{"custom", "selective"},
			{"core", "selective"},
			{"checkpoint", "full"},
			{"ckpt", "full"},
			{"attn", "selective"},
			{"attention", "selective"},
			{"remat", "selective"},
			{"minimal", "selective"}, // MaxText's policies
			{"save", "selective"},
			{"dots", "selective"},
			{"op", "selective"}, // torchtitan's, every second product
			{"perop", "selective"},
			{"offload", "selective"},
			{"norm", "selective"}, // lists of modules
			{"act", "selective"},
			{"mla", "selective"},
			{"mlp", "selective"},
			{"moe", "selective"},
		},
	},
}

// word is the column's word for a text; short answers must be all of it, but for widths
// of numbers ("BF16 with FP8 mixed").
func (l label) word(text string) (string, bool) {
	name := plain(text)
	for _, s := range l.spellings {
		within := len(s.part) > 3 || strings.HasPrefix(s.part, "fp")
		if name == s.part || within && strings.Contains(name, s.part) || len(s.part) == 3 && s.part != "off" && strings.HasPrefix(name, s.part) {
			return s.word, true
		}
	}
	return "", false
}
