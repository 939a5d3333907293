package backtest

import (
	"slices"
	"strings"
	"testing"
)

// doubtful are rows that contradict themselves or cannot have run, each beside the
// beginning of what is said of it; the first is sound.
const doubtful = `id,model,chip,chips,seq,global_batch_seqs,tp,pp,vpp,dp,ep,micro_batch,zero,recompute,precision,step_time_s,tokens_per_s,tflops_per_chip,notes
sound,Llama 3 70B,H100-80GB-SXM,512,8192,1024,4,4,,32,,1,1,none,bf16,17,,,
degrees,Llama 3 70B,H100-80GB-SXM,512,8192,1024,4,4,,64,,1,1,none,bf16,17,,,
batch,Llama 3 70B,H100-80GB-SXM,512,8192,1000,4,4,,,,1,1,none,bf16,17,,,
microbatch,Llama 3 70B,H100-80GB-SXM,512,8192,1024,8,4,,,,3,1,none,bf16,17,,,
chunks,Llama 3 70B,H100-80GB-SXM,512,8192,1024,8,1,5,,,1,1,none,bf16,17,,,
experts,Llama 3 70B,H100-80GB-SXM,512,8192,1024,4,4,,,8,1,1,none,bf16,17,,,
definition,Llama 3 70B,H100-80GB-SXM,512,8192,1024,4,4,,,,1,1,none,bf16,,,400,flops_def=foo
memory,Llama 3 70B,H100-80GB-SXM,1,8192,1,1,1,,1,,1,0,none,bf16,8,,,
peak,Llama 3 70B,H100-80GB-SXM,512,8192,1024,4,4,,,,1,1,none,bf16,1,,,
speeds,Llama 3 70B,H100-80GB-SXM,512,8192,1024,4,4,,,,1,1,none,bf16,17,600000,,
`

var saidOf = map[string]string{
	"degrees":    "dp=32 where 64 is printed: tp x pp x cp x dp = 1024 of 512 chips",
	"batch":      "global batch 992 where 1000 is printed, which dp=32 and mb=1 do not divide",
	"microbatch": "mb=2 where 3 is printed",
	"chunks":     "vpp=1 where 5 is printed",
	"experts":    "ep=1 where 8 is printed",
	"definition": "FLOPs counted as model(full attention): flops_def=foo is not understood",
	"memory":     "predicted to need 1372 GiB a chip, h100-sxm has 80",
	"peak":       "measured are ",
	"speeds":     "step_time_s is 17, tokens_per_s makes it 14",
}

// A row that contradicts itself is priced, and says so once in its doubts, which are
// among what was assumed; a sound one says nothing.
func TestContradictionsAreSaid(t *testing.T) {
	cases, err := Load(strings.NewReader(doubtful), "doubtful.csv")
	if err != nil {
		t.Fatal(err)
	}
	report := Run(cases, loadCatalog(t), Selection{})
	for _, r := range report.Rows {
		if r.Error == nil {
			t.Errorf("%s: skipped: %s", r.ID, r.Skipped)
			continue
		}
		want, odd := saidOf[r.ID]
		switch {
		case !odd && len(r.Assumed) > 0:
			t.Errorf("%s: assumed %q", r.ID, r.Assumed)
		case odd && (len(r.Doubts) != 1 || !strings.HasPrefix(r.Doubts[0], want)):
			t.Errorf("%s: doubts %q, want %q", r.ID, r.Doubts, want)
		case odd && !slices.Contains(r.Assumed, r.Doubts[0]):
			t.Errorf("%s: assumed %q without the doubt", r.ID, r.Assumed)
		}
	}
	if s := &report.Summary; s.Doubtful != len(saidOf) || len(s.Doubts) != len(saidOf) {
		t.Errorf("%d rows with %d doubts, want %d of each", s.Doubtful, len(s.Doubts), len(saidOf))
	}
}

// What a row does not say is assumed without a doubt.
func TestBlanksAreNoContradictions(t *testing.T) {
	const blank = "id,model,chip,chips,step_time_s,global_batch_seqs\na,Llama 3 8B,H100-80GB-SXM,64,5,128\n"
	cases, err := Load(strings.NewReader(blank), "blank.csv")
	if err != nil {
		t.Fatal(err)
	}
	r := Run(cases, loadCatalog(t), Selection{}).Rows[0]
	if len(r.Assumed) == 0 || len(r.Doubts) > 0 {
		t.Errorf("assumed %q, doubts %q", r.Assumed, r.Doubts)
	}
}
