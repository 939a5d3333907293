package backtest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clustercap/sim/scenario"
)

// stepsFile holds the published measurements.
const stepsFile = "../step/testdata/steps.csv"

func loadSteps(t testing.TB) *Cases {
	t.Helper()
	file, err := os.Open(stepsFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cases, err := Load(file, "steps.csv")
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

func loadCatalog(t testing.TB) *scenario.Catalog {
	t.Helper()
	c, err := scenario.LoadCatalog()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoadSteps(t *testing.T) {
	cases := loadSteps(t)
	if got, want := len(cases.List), 678; got != want {
		t.Errorf("%d rows, the collection has %d", got, want)
	}
	if len(cases.Ignored) > 0 {
		t.Errorf("columns that mean nothing: %v", cases.Ignored)
	}
	complete := 0
	for i := range cases.List {
		if cases.List[i].Complete {
			complete++
		}
	}
	if want := 497; complete != want {
		t.Errorf("%d complete rows, the collection has %d", complete, want)
	}
}

func TestLoadOwnMeasurements(t *testing.T) {
	cases, err := Load(strings.NewReader("\ufeffModel,chip,chips,seq,global_batch_seqs,step_time_s,operator\n"+
		"llama3-8b, h100-sxm ,8,8192,128,10.5,me\n"), "mine.csv")
	if err != nil {
		t.Fatal(err)
	}
	want := Case{Line: 2, Family: "measured", ID: "line-2", Complete: true, Model: "llama3-8b", Chip: "h100-sxm", Chips: 8, Sequence: 8192, Batch: 128, StepTime: 10.5}
	if diff := cmp.Diff([]Case{want}, cases.List); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"operator"}, cases.Ignored); diff != "" {
		t.Error(diff)
	}
}

func TestLoadListsEveryProblem(t *testing.T) {
	for _, c := range []struct{ name, file, want string }{
		{"empty", "", "x.csv: is empty; write a header such as id,model,chip,chips,seq,global_batch_seqs,step_time_s, then one row per measurement"},
		{"header only", "chips,step_time_s\n", "x.csv: has a header and no rows; write one row per measurement"},
		{
			"columns", "chip,chips,step_times_s,mfu_pct,chips\nh100,8,1,40,8\n",
			"x.csv:1:12: step_times_s: unknown column; did you mean \"step_time_s\"?\n" +
				"x.csv:1:33: chips: is a second column of this name; keep one",
		},
		{
			"cells", "id,chips,zero,sp,precision,recompute,step_time_s\n" +
				"a,eight,4,2,bf17,some,-1\n" +
				"a,8,0,1,BF16,none,inf\n" +
				"b,0,,,,,\n" +
				"c,99999999,,,,,1\n",
			"x.csv:2:3: chips: \"eight\" is not a whole number of 1 or more; write digits only, or leave it empty\n" +
				"x.csv:2:9: zero: 4 is not a ZeRO stage; write 0 to 3 (3: fully sharded)\n" +
				"x.csv:2:11: sp: \"2\" is neither 0 nor 1; write 0 or 1, or leave it empty\n" +
				"x.csv:2:13: precision: \"bf17\" is not understood; did you mean \"bf16\"?\n" +
				"x.csv:2:18: recompute: \"some\" is not understood; did you mean \"none\"?\n" +
				"x.csv:2:23: step_time_s: \"-1\" is not a number above 0; write e.g. 12.5, or leave it empty\n" +
				"x.csv:3:19: step_time_s: \"inf\" is not a number above 0; write e.g. 12.5, or leave it empty\n" +
				"x.csv:3:1: id: \"a\" is also the row of line 2; give every row its own id\n" +
				"x.csv:4:3: chips: \"0\" is not a whole number of 1 or more; write digits only, or leave it empty\n" +
				"x.csv:5:3: chips: 99999999 is above 10000000; check the digits, or leave it empty",
		},
		{"wide", "\xff\xfec\x00h\x00", "x.csv: is UTF-16; save it as CSV in UTF-8"},
		{
			"mark of byte order", "\ufeffchips,step_times_s,mfu_pct\n8,1,40\n",
			"x.csv:1:7: step_times_s: unknown column; did you mean \"step_time_s\"?",
		},
		{
			"semicolons", "chips;step_time_s\n8;1,5\n",
			"x.csv:1:1: has one column; separate cells by commas, not by semicolons or tabs",
		},
		{
			"numbers", "chips,step_time_s,tokens_per_s\n8,\"1,234\",\"12,5\"\n",
			"x.csv:2:3: step_time_s: \"1,234\" may be a thousand times as much; write 1234, or 1.234\n" +
				"x.csv:2:11: tokens_per_s: \"12,5\" is not a number above 0; write e.g. 12.5, or leave it empty",
		},
		{
			"beyond any step", "chips,step_time_s,mfu_pct,params_b\n8,1e-308,40,7\n8,1e300,40,1e9\n",
			"x.csv:2:3: step_time_s: 1e-308 is not from 1e-06 to 1e+08; check the unit and the digits, or leave it empty\n" +
				"x.csv:3:3: step_time_s: 1e300 is not from 1e-06 to 1e+08; check the unit and the digits, or leave it empty\n" +
				"x.csv:3:12: params_b: 1e9 is not from 1e-06 to 1e+06; check the unit and the digits, or leave it empty",
		},
		{
			"short row", "chips,step_time_s\n8\n",
			"x.csv:2:1: has 1 cells, the header has 2; write an empty cell for what is not known",
		},
		{
			"quotes", "chips,step_time_s\n8,\"1\n",
			"x.csv:2:6: is not CSV: extraneous or missing \" in quoted-field; put a cell that holds commas or quotes in quotes, and write \" inside it twice",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(strings.NewReader(c.file), "x.csv")
			if err == nil {
				t.Fatal("no error")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoadStopsListing(t *testing.T) {
	file := "chips,step_time_s\n" + strings.Repeat("x,1\n", maxProblems+5)
	_, err := Load(strings.NewReader(file), "x.csv")
	problems, ok := err.(*scenario.Problems)
	if !ok || len(problems.List) != maxProblems || problems.More != 5 {
		t.Fatalf("%d problems listed and %d more, want %d and 5", len(problems.List), problems.More, maxProblems)
	}
}

// FuzzLoad: whatever the file, Load returns rows or problems, and every row can be
// configured, priced and summed up without a panic.
func FuzzLoad(f *testing.F) {
	steps, err := os.ReadFile(filepath.FromSlash(stepsFile))
	if err != nil {
		f.Fatal(err)
	}
	lines := strings.SplitAfter(string(steps), "\n")
	for i := 1; i < len(lines)-1; i += 60 {
		f.Add([]byte(lines[0] + lines[i]))
	}
	f.Add([]byte("chips,step_time_s,notes\n8,1,flops_def=model(full attention; MFU vs 989\n"))
	f.Add([]byte("chips,mfu_pct,model,chip,seq,global_batch_seqs,heads,hidden\n8,40,llama3-8b,h100-sxm,8192,128,7,9\n"))
	// The extremes of every figure, and figures in the notes beyond them.
	f.Add([]byte("chips,step_time_s,model,chip,seq,global_batch_seqs,notes\n1,1e-6,deepseek-v3,h100-sxm,1000000000,1000000000,mem_gb=1e-320\n"))
	f.Add([]byte("chips,step_time_s,model,chip,seq,global_batch_seqs,notes\n10000000,1e8,llama3-8b,h100-sxm,1,1,mem_gb=1e300\n"))
	f.Add([]byte("chips,mfu_pct,model,chip,seq,global_batch_seqs,notes\n8,1e-6,llama3-8b,h100-sxm,8192,128,MFU vs 0; flops_def=model(causal)\n"))
	f.Add([]byte("chips,mfu_pct,model,chip,seq,global_batch_seqs,notes\n8,1e4,llama3-8b,h100-sxm,8192,128,MFU vs 1" + strings.Repeat("0", 305) + "; flops_def=model(causal)\n"))
	catalog := loadCatalog(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		cases, err := Load(strings.NewReader(string(data)), "fuzz.csv")
		if err != nil {
			if _, ok := err.(*scenario.Problems); !ok || err.Error() == "" {
				t.Fatalf("%T without problems", err)
			}
			return
		}
		report := Run(cases, catalog, Selection{})
		if _, err := json.Marshal(report); err != nil {
			t.Fatal(err)
		}
		for _, row := range report.Rows {
			if (row.Error == nil) != (row.Skipped != "") {
				t.Fatalf("row %s is neither compared nor skipped, or both", row.ID)
			}
			if row.Error != nil && !(row.Predicted > 0 && row.Measured > 0) {
				t.Fatalf("row %s: predicted %v, measured %v", row.ID, row.Predicted, row.Measured)
			}
		}
	})
}
