package main

import "testing"

// What repeats is counted.
func TestRuns(t *testing.T) {
	for want, numbers := range map[string][]int{"7, 14 x 8, 7": {7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 7}, "2 x 16": {16, 16}, "3, 4": {3, 4}} {
		if got := runs(numbers); got != want {
			t.Errorf("%v: %q, want %q", numbers, got, want)
		}
	}
}
