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

// nearest finds the name that was most likely meant: one that begins with s
// or is at most two typing errors away.
func nearest(s string, names []string) (string, bool) {
	best, distance := "", 3
	folded := strings.ToLower(s)
	for _, n := range names {
		d := edits(folded, strings.ToLower(n))
		if d >= distance && len(s) >= 3 && strings.HasPrefix(strings.ToLower(n), folded) {
			d = 2
		}
		if d < distance && d < len([]rune(n)) {
			best, distance = n, d
		}
	}
	return best, best != ""
}

// edits is the Levenshtein distance: how many letters to insert, delete or
// replace to get from a to b.
func edits(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range to {
			replace := diagonal
			if x != y {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, diagonal+1)
		}
	}
	return row[len(to)]
}
