// Package spell finds the name that was meant by one that does not exist.
package spell

import (
	"slices"
	"strings"
)

// longest word that is looked at; edit distance takes time quadratic in it.
const longest = 64

// Nearest is the known name that was probably meant by word, case ignored: one that
// is a single edit away, else one that begins with word, else the one that shares most
// parts with it, where either has all those of the other (loop and cooling_loop, or
// batch_global and global_batch), else one within three edits and half the letters of
// the shorter of the two, else the only one that shares a long part. Equals go to the
// first; "" is no name near enough.
func Nearest(word string, known []string) string {
	const mostEdits = 3
	if word == "" || len(word) > longest {
		return ""
	}
	word = strings.ToLower(word)
	best, fewest := "", mostEdits+1
	begins, alike, most := "", "", 0
	for _, name := range known {
		if len(name) > longest {
			continue
		}
		lower := strings.ToLower(name)
		if begins == "" && strings.HasPrefix(lower, word) {
			begins = name
		}
		if n := shared(word, lower); n > most {
			alike, most = name, n
		}
		if d := distance([]rune(word), []rune(lower)); d < fewest && d <= min(len(word), len(lower))/2 {
			best, fewest = name, d
		}
	}
	switch {
	case fewest <= 1:
		return best
	case begins != "":
		return begins
	case alike != "":
		return alike
	case best == "":
		return onlySharing(word, known)
	}
	return best
}

// onlySharing is the only name that has a part of five letters or more in common with word,
// or "".
func onlySharing(word string, known []string) string {
	const long = 5
	only := ""
	for _, name := range known {
		for _, part := range parts(strings.ToLower(name)) {
			if len(part) >= long && slices.Contains(parts(word), part) {
				if only != "" {
					return ""
				}
				only = name
				break
			}
		}
	}
	return only
}

// shared counts the parts that two names have in common, in any order and each but for a
// single edit, where all of one are in the other; else it is 0.
func shared(a, b string) int {
	fewer, more := parts(a), parts(b)
	if len(fewer) > len(more) {
		fewer, more = more, fewer
	}
	for _, part := range fewer {
		if !slices.ContainsFunc(more, func(other string) bool { return same(part, other) }) {
			return 0
		}
	}
	return len(fewer)
}

// parts of a name that has them joined by _, - or a dot.
func parts(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == '.' })
}

// same reports whether two parts are one but for an edit; short ones are near everything.
func same(a, b string) bool {
	const short = 3 // letters
	return a == b || min(len(a), len(b)) > short && distance([]rune(a), []rune(b)) <= 1
}

// distance counts the insertions, deletions, substitutions and swaps of neighbours
// that turn a into b (optimal string alignment).
func distance(a, b []rune) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(next[j-1]+1, row[j]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
