package plots

import (
	"slices"
	"testing"
)

// A title is not broken between a number and its unit.
func TestWrapKeepsQuantitiesWhole(t *testing.T) {
	f := newStyle().title
	for _, c := range []struct {
		text string
		want []string
	}{
		{"the fastest layout takes 0.277 s a step", []string{"the fastest layout", "takes 0.277 s a step"}},
		{"12 jobs train 1.57 M tokens/s", []string{"12 jobs train", "1.57 M tokens/s"}},
		{"lasting up to 3 h", []string{"lasting", "up to 3 h"}},
		{"one word after another", []string{"one word", "after another"}},
	} {
		if got := wrap(f, c.text, 0.7*f.width(c.text), 2); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}
