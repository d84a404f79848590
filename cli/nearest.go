package cli

import (
	"fmt"
	"strings"
)

// notOneOf refuses a word that must be one of several, with the one that was
// probably meant.
func notOneOf(what, given string, known []string) *failure {
	f := usage("there is no %s %q", what, given)
	if near, ok := nearest(given, known); ok {
		f.help = append(f.help, "did you mean: "+near)
	}
	return f.withHelp(fmt.Sprintf("it can be: %s", strings.Join(known, ", ")))
}

// nearest finds the name that was most likely meant: one that begins with s,
// else one that is one typing error away, or two where s is long and begins alike. Short
// words are close to each other without having to do with each other.
func nearest(s string, names []string) (string, bool) {
	best, distance := "", 3
	folded := strings.ToLower(s)
	most := min(len([]rune(s))/3, 2)
	for _, n := range names {
		name := strings.ToLower(n)
		d := edits(folded, name)
		if d == 2 && head(folded, 1) != head(name, 1) || d > most {
			d = 3
		}
		if len(s) >= 3 && strings.HasPrefix(name, folded) {
			d = 0
		}
		if d < distance {
			best, distance = n, d
		}
	}
	return best, best != ""
}

// edits is how many typing errors lie between a and b: letters that are one
// too many, missing, other ones, or two in each other's place (the optimal
// string alignment distance).
func edits(a, b string) int {
	from, to := []rune(a), []rune(b)
	above, row := []int(nil), make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range from {
		next := make([]int, len(to)+1)
		next[0] = i + 1
		for j := range to {
			next[j+1] = min(row[j]+1, row[j+1]+1, next[j]+1)
			switch {
			case from[i] == to[j]:
				next[j+1] = min(next[j+1], row[j])
			case i > 0 && j > 0 && from[i] == to[j-1] && from[i-1] == to[j]:
				next[j+1] = min(next[j+1], above[j-1]+1)
			}
		}
		above, row = row, next
	}
	return row[len(to)]
}
