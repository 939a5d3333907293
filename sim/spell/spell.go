// Package spell finds the name that was meant by one that does not exist.
package spell

import "strings"

// longest word that is looked at; edit distance takes time quadratic in it.
const longest = 64

// Nearest is the first of the known names with the fewest edits from word, case
// ignored, or "" when that takes more than half its letters or more than three:
// then it is no typo. A word that no edit explains may be the start of a name.
func Nearest(word string, known []string) string {
	const mostEdits = 3
	if word == "" || len(word) > longest {
		return ""
	}
	best, fewest := "", min(mostEdits, (len(word)+1)/2)+1
	for _, name := range known {
		if len(name) > longest {
			continue
		}
		if d := distance([]rune(strings.ToLower(word)), []rune(strings.ToLower(name))); d < fewest {
			best, fewest = name, d
		}
	}
	if best != "" {
		return best
	}
	for _, name := range known {
		if strings.HasPrefix(strings.ToLower(name), strings.ToLower(word)) {
			return name
		}
	}
	return ""
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
