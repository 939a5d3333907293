package scenario

import "testing"

// Loading the shipped scenario with the built-in catalog and its four plans.
func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := Load("../../scenarios/shaoguan.yaml", Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
