package cli

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// columnsWide is how many columns of a terminal a text takes: two for the
// wide characters of East Asia, none for what combines with the one before.
func columnsWide(s string) int {
	n := 0
	for _, r := range s {
		n += runeWide(r)
	}
	return n
}

func runeWide(r rune) int {
	if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	case width.Neutral, width.EastAsianAmbiguous, width.EastAsianNarrow, width.EastAsianHalfwidth:
	}
	return 1
}

const (
	gap       = 2 // between columns
	narrowest = 8 // that a column is made to fit a screen
)

// fit makes columns narrower until they stand side by side on a screen, the
// widest first. The first column, which is what things are called by, gives
// way only when all others have.
func fit(widths []int, screen int) {
	over := gap*(len(widths)-1) - screen
	for _, w := range widths {
		over += w
	}
	for _, from := range []int{1, 0} {
		for over > 0 {
			at := -1
			for i := from; i < len(widths); i++ {
				if widths[i] > narrowest && (at < 0 || widths[i] > widths[at]) {
					at = i
				}
			}
			if at < 0 {
				break
			}
			widths[at]--
			over--
		}
	}
}

// shorten cuts a text to a width, with a mark that it goes on.
func shorten(s string, to int, utf8 bool) string {
	if columnsWide(s) <= to {
		return s
	}
	mark := "…"
	if !utf8 {
		mark = "..."
	}
	var b strings.Builder
	room := to - columnsWide(mark)
	for _, r := range s {
		if room -= runeWide(r); room < 0 {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), " ") + mark
}
