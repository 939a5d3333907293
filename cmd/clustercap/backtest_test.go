package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestBacktestRanges holds the range of a row to that of an estimate of the same step, on
// a chip whose constants are priors: both draw the same machines.
func TestBacktestRanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.csv")
	const row = "id,model,chip,chips,seq,global_batch_seqs,tp,pp,dp,zero,micro_batch,precision,recompute,step_time_s\n" +
		"a,llama3-8b,ascend-910b,64,8192,128,8,1,8,1,1,bf16,light,9\n"
	if err := os.WriteFile(file, []byte(row), 0o644); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Rows []struct {
			Layout    string  `json:"layout"`
			Predicted float64 `json:"predicted_step_s"`
			Low       float64 `json:"predicted_low_s"`
			High      float64 `json:"predicted_high_s"`
		} `json:"rows"`
	}
	if err := json.Unmarshal([]byte(mustRun(t, "backtest", file, "--format", "json")), &report); err != nil {
		t.Fatal(err)
	}
	got := report.Rows[0]
	var document estimateDocument
	text := mustRun(t, "estimate", "--model", "llama3-8b", "--chip", "ascend-910b", "--chips", "64", "--batch", "128", "--layout", got.Layout, "--format", "json")
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	if want := document.Numbers["step_seconds"]; got.Predicted != want.Likely || got.Low != want.P10 || got.High != want.P90 || !(got.Low < got.Predicted && got.Predicted < got.High) {
		t.Errorf("%g from %g to %g s, the estimate is %g from %g to %g", got.Predicted, got.Low, got.High, want.Likely, want.P10, want.P90)
	}
}
