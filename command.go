package belay

import "strings"

// CommandLine is words as a person can paste them into a POSIX shell: each is
// quoted where that is needed.
func CommandLine(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = shellQuote(w)
	}
	return strings.Join(quoted, " ")
}
