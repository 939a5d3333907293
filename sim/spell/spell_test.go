package spell

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"compare", "estimate", "run", "replicas", "plan", "seed", "grow-100k", "h20", "h100-sxm", "out", "room", "cooling_loop", "global_batch"}
	for _, c := range []struct{ word, want string }{
		{"replcas", "replicas"},
		{"repilcas", "replicas"}, // a swap is one edit
		{"Plan", "plan"},
		{"rum", "run"},
		{"est", "estimate"}, // no edit explains it, but it starts a name
		{"grow-100", "grow-100k"},
		{"h100", "h100-sxm"}, // nearer in meaning than h20, two edits away
		{"h2", "h20"},
		{"x", ""},
		{"bogus", ""}, // three edits from out, which has three letters
		{"otu", "out"},
		{"steed", "seed"},
		{"loop", "cooling_loop"}, // room is two edits away, but says another thing
		{"Loops", "cooling_loop"},
		{"loop_cooling", "cooling_loop"},
		{"coling-loop", "cooling_loop"}, // an edit in a part, and another sign between them
		{"batch_size", "global_batch"},  // no other has a batch
		{"pool_size", ""},
		{"loop_size", ""}, // too short to tell
		{"global_batch_size", "global_batch"},
		{"batch", "global_batch"},
		{"", ""},
		{"entirely-different", ""},
		{strings.Repeat("replicas", 10), ""},
	} {
		if got := Nearest(c.word, known); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "acb", 1},
		{"kitten", "sitting", 3}, // the textbook's example
		{"ca", "abc", 3},         // optimal string alignment; Damerau's would be 2
		{"é", "e", 1},
	} {
		if got := distance([]rune(c.a), []rune(c.b)); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := distance([]rune(c.b), []rune(c.a)); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d: it is symmetric", c.b, c.a, got, c.want)
		}
	}
}
