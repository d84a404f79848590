package password

import (
	_ "embed" // the list
	"slices"
	"strings"
	"unicode"
)

// words are what the commonest passwords are made of. Published lists of the
// commonest ones (such as those of the UK's NCSC and of SecLists) hold few
// that are as long as MinLength, and nearly all of those are such words, with
// digits and signs behind them, written twice, or in a row of keys; so the
// words are listed, and rules do the rest.
//
//go:embed common.txt
var words string

// leet are the letters that are meant by digits and signs.
var leet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "8", "b", "@", "a", "$", "s", "!", "i")

// rows are what fingers go along.
var rows = []string{
	"abcdefghijklmnopqrstuvwxyz", "01234567890", "09876543210",
	"qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm", "1q2w3e4r5t6y7u8i9o0p", "qazwsxedcrfvtgbyhnujm",
}

// minRun is how many keys of a row are one: fewer are in many words.
const minRun = 4

// maxRest is how many letters may be left of a password that is guessed, once
// all that is common has been taken out of it.
const maxRest = 3

// common tells whether a password is one of the first to be tried: a short
// piece again and again, or common words, rows of keys and what is known of
// the user, with little else.
func common(p string, context []string) bool {
	p = strings.ToLower(p)
	if repeats(p) {
		return true
	}
	known := strings.Fields(words)
	for _, c := range context {
		for _, part := range strings.FieldsFunc(strings.ToLower(c), func(r rune) bool { return !unicode.IsLetter(r) }) {
			if len(part) > 2 {
				known = append(known, part)
			}
		}
	}
	slices.SortFunc(known, func(a, b string) int { return len(b) - len(a) }) // the longest goes first
	return rest(p, known) <= maxRest || rest(leet.Replace(p), known) <= maxRest
}

// repeats tells whether a text is a piece of at most four characters again
// and again.
func repeats(p string) bool {
	r := []rune(p)
	for size := 1; size <= 4; size++ {
		same := true
		for i := size; i < len(r) && same; i++ {
			same = r[i] == r[i-size]
		}
		if same {
			return true
		}
	}
	return false
}

// rest is how many letters a password has beside what is common. Digits and
// signs count for nothing when there is something common, and for themselves
// otherwise.
func rest(p string, known []string) int {
	left := withoutRuns(p)
	for _, w := range known {
		left = strings.ReplaceAll(left, w, " ")
	}
	if left == p {
		return len(p)
	}
	n := 0
	for _, r := range left {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n + max(0, digits(left)-8)
}

func digits(s string) (n int) {
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// withoutRuns takes out the longest pieces of rows, in either direction.
func withoutRuns(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); {
		n := run(p[i:])
		if n < minRun {
			b.WriteByte(p[i])
			i++
			continue
		}
		b.WriteByte(' ')
		i += n
	}
	return b.String()
}

// run is how many characters at the beginning of a text are in a row.
func run(p string) int {
	longest := 0
	for _, row := range rows {
		for _, r := range []string{row, reversed(row)} {
			for at := range r {
				n := 0
				for n < len(p) && at+n < len(r) && p[n] == r[at+n] {
					n++
				}
				longest = max(longest, n)
			}
		}
	}
	return longest
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
