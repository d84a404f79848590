package cli

import (
	"slices"
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

// track is what a column can do without where the screen is narrow.
type track struct {
	firm  bool // never narrower than what stands in it
	least int  // a width that it should have before any other column goes; 0 is the narrowest
	spare int  // when it goes where not all fit: the highest first; 0 never
}

// fitted leaves out columns that the screen has no room for and makes the
// others narrower until they stand side by side on it.
func fitted(rows [][]cell, header []string, widths []int, tracks []track, screen int) ([][]cell, []int) {
	tracks = append(slices.Clone(tracks), make([]track, max(0, len(widths)-len(tracks)))...)
	wanted := make([]int, len(widths))
	var kept []int
	for i, w := range widths {
		kept = append(kept, i)
		wanted[i] = min(w, max(tracks[i].least, narrowest))
		if i < len(header) {
			wanted[i] = max(wanted[i], columnsWide(header[i]))
		}
		if tracks[i].firm {
			wanted[i] = w
		}
	}
	for total(wanted, kept) > screen {
		at := 0
		for n, i := range kept {
			if tracks[i].spare > tracks[kept[at]].spare {
				at = n
			}
		}
		if tracks[kept[at]].spare == 0 {
			break
		}
		kept = slices.Delete(kept, at, at+1)
	}
	for n, row := range rows {
		rows[n] = pickAt(row, kept)
	}
	widths, wanted, tracks = pickAt(widths, kept), pickAt(wanted, kept), pickAt(tracks, kept)
	fit(widths, wanted, screen)
	for i := range wanted {
		if !tracks[i].firm {
			wanted[i] = min(wanted[i], narrowest)
		}
	}
	fit(widths, wanted, screen)
	return rows, widths
}

func pickAt[T any](of []T, at []int) []T {
	out := make([]T, len(at))
	for n, i := range at {
		out[n] = of[i]
	}
	return out
}

// total is how wide some columns are side by side.
func total(widths, at []int) int {
	n := gap * (len(at) - 1)
	for _, i := range at {
		n += widths[i]
	}
	return n
}

// fit makes columns narrower until they stand side by side on a screen, the
// widest first, and none narrower than it must be. The first column, which is
// what things are called by, gives way only when all others have.
func fit(widths, least []int, screen int) {
	over := gap*(len(widths)-1) - screen
	for _, w := range widths {
		over += w
	}
	for _, from := range []int{1, 0} {
		for over > 0 {
			at := -1
			for i := from; i < len(widths); i++ {
				if widths[i] > least[i] && (at < 0 || widths[i] > widths[at]) {
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

// wrap breaks a text into lines of a width, between words; a word that is
// longer than a line is broken anywhere.
func wrap(s string, to int) []string {
	if columnsWide(s) <= to {
		return []string{s}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		switch {
		case line == "":
			line = word
		case columnsWide(line)+1+columnsWide(word) <= to:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
		for columnsWide(line) > to {
			first := head(line, to)
			lines, line = append(lines, first), line[len(first):]
		}
	}
	return append(lines, line)
}

// head is as much of a text as a width has room for.
func head(s string, to int) string {
	room := to
	for i, r := range s {
		if room -= runeWide(r); room < 0 {
			return s[:i]
		}
	}
	return s
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
	return strings.TrimRight(head(s, to-columnsWide(mark)), " ") + mark
}
