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
// matching beginning counts, letters and digits only, if the size agrees. Versions that
// differ in their weights alone are one model here.
var known = map[string]string{
	"gpt3175b":       "gpt3-175b",
	"bloom176b":      "bloom-176b",
	"llama270b":      "llama2-70b",
	"llama38b":       "llama3-8b",
	"llama318b":      "llama3-8b",
	"llama370b":      "llama3-70b",
	"llama3170b":     "llama3-70b",
	"llama3370b":     "llama3-70b",
	"llama3405b":     "llama3-405b",
	"llama31405b":    "llama3-405b",
	"nemotron4340b":  "nemotron-4-340b",
	"nemotron340b":   "nemotron-4-340b",
	"mtnlg530b":      "mt-nlg-530b",
	"mixtral":        "mixtral-8x22b",
	"mixtral8x7b":    "mixtral-8x7b",
	"llama4maverick": "llama4-maverick-400b",
	"llama4scout":    "llama4-scout-109b",
	"maverick":       "llama4-maverick-400b",
	"scout":          "llama4-scout-109b",
	"qwen3next":      "qwen3-next-80b-a3b",
	"gptoss20b":      "gpt-oss-20b",
	"opt175b":        "opt-175b",
	"gptneox20b":     "gpt-neox-20b",
	"glm130b":        "glm-130b",
	"palm540b":       "palm-540b",
	"mtnlg":          "mt-nlg-530b",
	"megatronturing": "mt-nlg-530b",
	"kimi":           "kimi-k2-1t",
	"grok1":          "grok-1",
	"deepseekv3":     "deepseek-v3",
	"deepseekr1":     "deepseek-v3",
	"qwen3235b":      "qwen3-235b-a22b",
	"qwen330b":       "qwen3-30b-a3b",
	"qwen3coder30b":  "qwen3-30b-a3b",
	"gptoss":         "gpt-oss-120b",
	"kimik2":         "kimi-k2-1t",
}

// knownWhole are names of a model that others begin with, of other sizes.
var knownWhole = map[string]string{"gpt3": "gpt3-175b", "bloom": "bloom-176b"}

var (
	// nameEnds are words behind a model's name that change nothing of its shape.
	nameEnds = regexp.MustCompile(`(?i)([-_ ](instruct|base|chat|it|hf|bf16|fp8|pretrain|pretraining))+$`)
	// nameSize is a size in a model's name: "8B", "8x22B", "1.04 T", "125M".
	nameSize = regexp.MustCompile(`(?i)(?:^|[^0-9a-z.])(?:(\d+)x)?(\d+(?:\.\d+)?) ?([mbt])(?:[^0-9a-z]|$)`)
)

// agreeingSize is how far a size in a name may be from the model's parameters: names
// round, count the embedding or don't, or give what a token visits.
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
		if m, ok := on.model(known[key]); ok && c.sized(&m, name) {
			return m, true
		}
	}
	m, ok := on.model(knownWhole[plain(name)])
	return m, ok && c.sized(&m, name)
}

// sized reports whether a model has the size that the name gives, all parameters or those
// that a token visits, or else the column; a proxy of fewer layers has its own.
func (c *Case) sized(m *model.Model, name string) bool {
	n, _ := sizeOf(name)
	if n == 0 {
		return c.Params == 0 || c.Layers > 0 && c.Layers < m.Layers || near(1e9*c.Params, m.Params())
	}
	own, _ := sizeOf(m.Name)
	return n == own || near(n, m.Params()) || near(n, m.ActiveParams())
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
