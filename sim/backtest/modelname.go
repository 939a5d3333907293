package backtest

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/model"
)

// known are model names of publications whose shape the catalog holds; the columns
// then override what was run differently (layers of a truncated proxy). The longest
// matching beginning counts, letters and digits only, if what follows it is known and the
// sizes agree. Versions that differ in their weights alone are one model here.
var known = map[string]string{
	"gpt3":              "gpt3-175b",
	"bloom":             "bloom-176b",
	"llama270b":         "llama2-70b",
	"llama38b":          "llama3-8b",
	"llama318b":         "llama3-8b",
	"llama370b":         "llama3-70b",
	"llama3170b":        "llama3-70b",
	"llama3370b":        "llama3-70b",
	"llama3405b":        "llama3-405b",
	"llama31405b":       "llama3-405b",
	"nemotron4340b":     "nemotron-4-340b",
	"nemotron340b":      "nemotron-4-340b",
	"mtnlg530b":         "mt-nlg-530b",
	"mixtral":           "mixtral-8x22b",
	"mixtral8x7b":       "mixtral-8x7b",
	"llama4maverick":    "llama4-maverick-400b",
	"llama4scout":       "llama4-scout-109b",
	"maverick":          "llama4-maverick-400b",
	"scout":             "llama4-scout-109b",
	"qwen3next":         "qwen3-next-80b-a3b",
	"gptoss20b":         "gpt-oss-20b",
	"opt175b":           "opt-175b",
	"gptneox20b":        "gpt-neox-20b",
	"glm130b":           "glm-130b",
	"palm540b":          "palm-540b",
	"mtnlg":             "mt-nlg-530b",
	"megatronturing":    "mt-nlg-530b",
	"megatronturingnlg": "mt-nlg-530b",
	"kimi":              "kimi-k2-1t",
	"grok1":             "grok-1",
	"deepseekv3":        "deepseek-v3",
	"deepseekv31":       "deepseek-v3",
	"deepseekr1":        "deepseek-v3",
	"qwen3235b":         "qwen3-235b-a22b",
	"qwen330b":          "qwen3-30b-a3b",
	"qwen3coder30b":     "qwen3-30b-a3b",
	"gptoss":            "gpt-oss-120b",
	"kimik2":            "kimi-k2-1t",
}

var (
	// nameEnds are words behind a model's name that change nothing of its shape.
	nameEnds = regexp.MustCompile(`(?i)([-_ ](instruct|base|chat|it|hf|bf16|fp8|pretrain|pretraining))+$`)
	// nameRest is what may follow a known name: such words, a framework that ran it, a
	// precision or quantisation, sizes, the date or version of its weights, a context. Any
	// other word (Distill, VL, Lite) makes another model of it.
	nameRest = regexp.MustCompile(`(?i)^(` + restWord + `)?([-_ (),:+]+(` + restWord + `))*[-_ (),:+]*$`)
	// nameSize is a size in a model's name: "8B", "8x22B", "1.04 T", "125M".
	nameSize = regexp.MustCompile(`(?i)(?:^|[^0-9a-z.])(?:(\d+)x)?(\d+(?:\.\d+)?) ?([mbt])(?:[^0-9a-z]|$)`)
	// nameActive is the parameters that a token visits, which a name gives as such: "A3B",
	// or beside its number of experts, "17B-16E".
	nameActive = regexp.MustCompile(`(?i)(?:^|[^0-9a-z])(?:a(\d+(?:\.\d+)?)b|(\d+(?:\.\d+)?)b[-_ ]?(\d+)e)(?:[^0-9a-z]|$)`)
)

// restWord is one word of nameRest.
const restWord = `instruct|base|chat|it|hf|pretrain|pretraining|pretrained|proxy|original|thinking|terminus|zero|` +
	`mlperf|maxtext|paxml|pax|nemo|megatron|mcore|torchtitan|deepspeed|fsdp|` +
	`bf16|fp16|fp8|fp8_e4m3|fp4|nvfp4|mxfp4|mxfp8|int8|int4|awq|gptq|gguf|[48]bit|dynamic|` +
	`(\d+x)?\d+(\.\d+)? ?[mbt]|a\d+(\.\d+)?b|\d+e|\d{4}|v0\.\d|v1(\.0)?|\d+k`

// agreeingSize is how far a size in a name may be from the model's parameters: names
// round, and count the embedding or don't.
const agreeingSize = 0.15

// modelName is the name of the case's model without who made, keeps or tuned it:
// "Llama-3-8B" of "meta-llama/Meta-Llama-3-8B-Instruct".
func (c *Case) modelName() string {
	name := c.Model[strings.LastIndexByte(c.Model, '/')+1:]
	if maker := "meta-"; len(name) > len(maker) && strings.EqualFold(name[:len(maker)], maker) {
		name = name[len(maker):]
	}
	return nameEnds.ReplaceAllString(name, "")
}

// catalogModel is the model of the catalog that the case names.
func (c *Case) catalogModel(on *shelf) (model.Model, bool) {
	name := c.modelName()
	for _, exact := range []string{c.Model, name, strings.ToLower(name)} {
		if m, ok := on.model(exact); ok {
			return m, true
		}
	}
	var keys []string
	for key := range known {
		if strings.HasPrefix(plain(name), key) {
			keys = append(keys, key)
		}
	}
	// Of keys that begin one name no two are as long.
	slices.SortFunc(keys, func(a, b string) int { return len(b) - len(a) })
	for _, key := range keys {
		rest := behind(name, key)
		if m, ok := on.model(known[key]); ok && sameShape(key, rest) && c.sized(&m, name, rest) {
			return m, true
		}
	}
	return model.Model{}, false
}

// behind is what follows the key in a name that begins with it.
func behind(name, key string) string {
	for n := len(key); n > 0; name = name[1:] {
		n -= len(plain(name[:1]))
	}
	return name
}

// sameShape reports whether what follows a key changes nothing of its model's shape. A
// number that goes on is another number.
func sameShape(key, rest string) bool {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	return nameRest.MatchString(rest) && (rest == "" || !digit(key[len(key)-1]) || !digit(rest[0]))
}

// sized reports whether a model has the sizes that the name gives, of all parameters and
// of those that a token visits, or else the column's; a proxy of fewer layers has its own.
func (c *Case) sized(m *model.Model, name, rest string) bool {
	active, experts, all := activeOf(name)
	own, _, _ := activeOf(m.Name)
	if active > 0 && active != own && !near(active, m.ActiveParams()) || experts > 0 && (m.MoE == nil || m.MoE.Experts != experts) {
		return false
	}
	n, _ := sizeOf(all)
	if n == 0 {
		_, _, rest = activeOf(rest)
		n, _ = sizeOf(rest) // "gptoss60b"
	}
	if n == 0 {
		return c.Params == 0 || c.Layers > 0 && c.Layers < m.Layers || near(1e9*c.Params, m.Params())
	}
	own, _ = sizeOf(m.Name)
	return n == own || near(n, m.Params())
}

// activeOf is the parameters that a token visits and the number of experts in a name, 0
// for none, and the name without them.
func activeOf(name string) (n float64, experts int, rest string) {
	at := nameActive.FindStringSubmatchIndex(name)
	if at == nil {
		return 0, 0, name
	}
	part := func(i int) string {
		if at[2*i] < 0 {
			return ""
		}
		return name[at[2*i]:at[2*i+1]]
	}
	n, err := strconv.ParseFloat(part(1)+part(2), 64) // one of them matches
	if err != nil {
		return 0, 0, name
	}
	return 1e9 * n, whole(part(3)), name[:at[0]] + " " + name[at[1]:]
}

// sizeOf is the parameters in a model's name, 0 for none; mixture tells those that are a
// number of experts times the size of one.
func sizeOf(name string) (n float64, mixture bool) {
	a := nameSize.FindStringSubmatch(name)
	if a == nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(a[2], 64)
	if err != nil {
		return 0, false
	}
	n *= map[string]float64{"m": 1e6, "b": 1e9, "t": 1e12}[strings.ToLower(a[3])]
	if a[1] != "" {
		n *= float64(whole(a[1]))
	}
	return n, a[1] != ""
}

func near(a, b float64) bool { return math.Abs(a/b-1) <= agreeingSize }
