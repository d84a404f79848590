package app

import "strings"

// joined lists words in a sentence.
func joined(words []string) string { return strings.Join(words, ", ") }
