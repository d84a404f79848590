package store

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"belay"
)

// Bounds of what is kept and looked up for searching.
const (
	maxTerms    = 32 // of one object
	maxTermSize = 64 // bytes
	maxWords    = 8  // of one search
)

// terms splits texts into the words by which an object is found.
func terms(texts ...string) []string {
	seen := map[string]bool{}
	var out []string
	for _, text := range texts {
		for _, w := range strings.FieldsFunc(fold(text), separates) {
			w = cut(w, maxTermSize)
			if !seen[w] && len(out) < maxTerms {
				seen[w] = true
				out = append(out, w)
			}
		}
	}
	return out
}

// separates tells whether a character stands between words. Marks are part
// of the letter before them, and pictures are words of their own.
func separates(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.So) }

// cut shortens s to at most n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// setTerms replaces the words by which an object is found. They stay when it
// is deleted softly; Purge removes them.
func (t *Tx) setTerms(ctx context.Context, org belay.ID, object string, id belay.ID, before, after []string) error {
	if slices.Equal(before, after) {
		return nil
	}
	if _, err := t.execAny(ctx, "delete from search_terms where object_id = $1", id); err != nil {
		return err
	}
	return t.addTerms(ctx, org, object, id, after...)
}

// addTerms gives words to an object that has none yet.
func (t *Tx) addTerms(ctx context.Context, org belay.ID, object string, id belay.ID, texts ...string) error {
	words := terms(texts...)
	if len(words) == 0 {
		return nil
	}
	args := []any{org, object, id}
	values := make([]string, len(words))
	for i, w := range words {
		args = append(args, w)
		values[i] = "($1, $2, " + placeholder(len(args)) + ", $3)"
	}
	_, err := t.execAny(ctx, "insert into search_terms (organization_id, object, term, object_id) values "+strings.Join(values, ", "), args...)
	return err
}

// search adds the conditions that every word of q begins a word of the
// object. A q without any word finds nothing, unless it is blank.
func (c *condition) search(org belay.ID, object, id, q string) {
	c.eachWord(q, func(from, to string) {
		c.add(id+" in (select object_id from search_terms where organization_id = ? and object = ? and term >= ? and term < ?)",
			org, object, from, to)
	})
}

// eachWord calls add with the range of terms that begin with a word of q, for
// each word.
func (c *condition) eachWord(q string, add func(from, to string)) {
	words := terms(q)
	if strings.TrimSpace(q) != "" && len(words) == 0 {
		c.add("1 = 0")
	}
	for _, w := range words[:min(len(words), maxWords)] {
		add(w, w+string(unicode.MaxRune))
	}
}
