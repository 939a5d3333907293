package backtest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clustercap/sim/model"
	"clustercap/sim/step"
	"clustercap/sim/unit"
)

// Basis is the printed figure that a measured step time was computed from.
type Basis string

// The bases, the most direct first.
const (
	FromStepTime Basis = "step time"
	FromTokens   Basis = "tokens/s"
	FromFLOPS    Basis = "TFLOP/s"
	FromMFU      Basis = "MFU"
)

// Convention is how a source counts the floating-point operations behind its TFLOP/s
// and MFU.
type Convention struct {
	// Causal counts only the half of the attention scores that the mask keeps.
	Causal bool
	// Hardware counts full recomputation too: one more forward pass of the layers.
	Hardware bool
}

// FLOPs of one token, forward and backward, in a sequence of seq tokens.
func (v Convention) FLOPs(m *model.Model, seq int) float64 {
	forward := m.ForwardFLOPs(seq)
	if !v.Causal {
		a := m.Attention()
		perKey := 2 * float64(a.Heads*(a.QK+a.V))
		windowed, attending := 0, m.SoftmaxLayers()
		if m.Window > 0 {
			windowed = attending / 2
		}
		masked := float64(attending-windowed)*(float64(seq)-model.AttentionSpan(seq, 0)) +
			float64(windowed)*(float64(min(m.Window, seq))-model.AttentionSpan(seq, m.Window))
		forward += perKey * masked
	}
	flops := 3 * forward
	if v.Hardware {
		flops += forward - 2*float64(m.Vocab)*float64(m.Hidden)
	}
	return flops
}

// mostMemory bounds the memory of a chip in GiB.
const mostMemory = 1e6

// Memory is the measured peak memory per chip in bytes, 0 where none is printed. The
// tools behind mem_gb (torch.cuda, nvidia-smi, DeepSpeed) all count binary gigabytes.
func (c *Case) Memory() unit.Bytes {
	v, err := strconv.ParseFloat(c.note("mem_gb"), 64)
	if err != nil || !(v >= leastFigure && v <= mostMemory) {
		return 0
	}
	return unit.Bytes(v * (1 << 30))
}

// errNoConvention is why TFLOP/s or MFU alone are no step time.
var errNoConvention = errors.New("only TFLOP/s or MFU is printed, and not how it counts FLOPs; write flops_def=model(causal), model(full attention) or hardware into the notes")

// convention reads flops_def from the notes: hardware(...), model(full attention...),
// or model(...), which newer Megatron counts causal.
func (c *Case) convention() (Convention, error) {
	def := c.flopsDefinition()
	switch {
	case strings.HasPrefix(def, "hardware"):
		return Convention{Hardware: true}, nil
	case strings.HasPrefix(def, "model") && strings.Contains(def, "full attention"),
		strings.HasPrefix(def, "model(72bslh"):
		return Convention{}, nil
	case strings.HasPrefix(def, "model"):
		return Convention{Causal: true}, nil
	}
	return Convention{}, errNoConvention
}

// usualConvention is how most sources of a case's kind count FLOPs. TFLOP/s of
// runs with full recomputation are Megatron's of before 2024, which count it (SC'21,
// equation 3); MFU does not, and counts attention in full (PaLM, appendix B).
func (c *Case) usualConvention() Convention {
	return Convention{Hardware: c.TFLOPS > 0 && c.Recompute == "full" && c.Year < 2024}
}

// String names the convention as flops_def does.
func (v Convention) String() string {
	switch {
	case v.Hardware:
		return "hardware"
	case v.Causal:
		return "model(causal)"
	}
	return "model(full attention)"
}

// flopsDefinition is the text after flops_def=, whose brackets may hold semicolons.
func (c *Case) flopsDefinition() string {
	_, def, _ := strings.Cut(strings.ToLower(c.Notes), "flops_def=")
	depth := 0
	for i, r := range def {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ';':
			if depth <= 0 {
				return def[:i]
			}
		}
	}
	return def
}

// mfuPeak finds the peak that MFU was printed against: "MFU vs 989".
var mfuPeak = regexp.MustCompile(`MFU vs ([0-9]+(?:\.[0-9]+)?)(/([0-9]+))?`)

// peak is the rate in FLOP/s that the case's MFU is a share of.
func (c *Case) peak(f *Configuration) float64 {
	if a := mfuPeak.FindStringSubmatch(c.Notes); a != nil {
		text := a[1]
		if a[3] != "" && f.Work.Precision == step.FP8 {
			text = a[3] // "MFU vs 989/1979": BF16, then FP8
		}
		if v, err := strconv.ParseFloat(text, 64); err == nil && v >= leastFigure && v <= mostFigure["tflops_per_chip"] {
			return v * 1e12
		}
	}
	return float64(step.Peak(&f.Machine.Chip, f.Work.Precision))
}

// rate is the printed FLOP/s per chip, of whichever convention.
func (c *Case) rate(f *Configuration) (float64, Basis, error) {
	switch {
	case c.TFLOPS > 0:
		return c.TFLOPS * 1e12, FromFLOPS, nil
	case c.MFU > 0:
		return c.MFU / 100 * c.peak(f), FromMFU, nil
	}
	return 0, "", fmt.Errorf("nothing measured is printed")
}

// Measured is the case's step time in seconds and the printed figure it comes from.
// The error says why there is none.
func (c *Case) Measured(f *Configuration) (seconds float64, basis Basis, err error) {
	sequence, batch := c.Sequence, c.Batch
	if sequence == 0 {
		sequence = f.Work.Sequence
	}
	if batch == 0 {
		batch = f.Work.Batch
	}
	tokens := float64(sequence) * float64(batch)
	switch {
	case c.StepTime > 0:
		return c.StepTime, FromStepTime, nil
	case c.TokensPerSecond > 0:
		if tokens == 0 {
			return 0, "", fmt.Errorf("only tokens/s is printed, and the sequence length or the batch is not known")
		}
		return tokens / c.TokensPerSecond, FromTokens, nil
	}
	rate, basis, err := c.rate(f)
	if err != nil {
		return 0, "", err
	}
	if basis == FromMFU && f.Work.Precision != step.BF16 && !mfuPeak.MatchString(c.Notes) {
		peak := string(f.Work.Precision)
		if slices.Contains(int8Chips, f.Machine.Chip.Name) {
			peak = c.Precision
		}
		f.Assumed = append(f.Assumed, fmt.Sprintf("MFU against the %s peak", peak))
	}
	v, err := c.convention()
	if err != nil {
		v = c.usualConvention()
		if def := c.flopsDefinition(); def != "" {
			f.doubt("FLOPs counted as %s: flops_def=%s is not understood", v, excerpt(strings.TrimSpace(def)))
		} else {
			f.Assumed = append(f.Assumed, "FLOPs counted as "+v.String())
		}
	}
	return v.FLOPs(&f.Work.Model, sequence) * tokens / (rate * float64(c.Chips)), basis, nil
}
