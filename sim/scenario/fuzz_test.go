package scenario

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// Whatever the bytes, Load ends with a plan or with problems, never with a panic;
// and a plan that it gives can be written and loaded again.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/bad/*.yaml", "../../scenarios/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal("no seeds in ", pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := loadText("fuzz.yaml", data, testOptions())
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		for _, name := range append(s.PlanNames(), "") {
			p, err := s.Plan(name)
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if err := WritePlan(&text, p); err != nil {
				t.Fatal(err)
			}
			if _, err := loadText("plan.yaml", text.Bytes(), testOptions()); err != nil {
				t.Fatalf("the written plan does not load: %v\n%s", err, text.String())
			}
		}
	})
}

// Whatever follows --set, Load ends with a plan or with problems.
func FuzzSet(f *testing.F) {
	for _, seed := range []string{
		"fleet.spares=5 %", "jobs.small.chips[0]=16", "a[0][1].b=c", "=", "x=", "site=null", "plans.a={}",
		"fleet.chip.bf16=1 TFLOP/s", "jobs=[1", "fleet.deliveries[1]={date: 2026-06-01, chips: 16}", "jobs.small.layout.tp=8", "a=&a [*a]",
	} {
		f.Add(seed)
	}
	data, err := os.ReadFile("testdata/minimal.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := loadText("minimal.yaml", data, testOptions(text)); (s == nil) == (err == nil) {
			t.Errorf("scenario %v and error %v", s, err)
		}
	})
}
