package belay

import (
	"slices"
	"strings"
	"unicode"
)

// TypeWords are the words that stand before a slash in a reference, such as
// connection/prom-eu: no name begins with one of them and a slash.
func TypeWords() []string {
	return []string{
		"connection", "connections", "conn", "c", "credential", "credentials", "cred", "environment", "environments", "env",
		"workspace", "workspaces", "ws", "organization", "organizations", "org", "orgs", "kind", "kinds",
		"team", "teams", "user", "users", "member", "members", "token", "tokens", "session", "sessions",
	}
}

// wordsForMany are what filters and references take in place of a name.
func wordsForMany() []string { return []string{"none", "all", "-"} }

// NameFault says why something cannot be given this name, "" when it can: a
// name shows all that it holds, and wherever a reference, a list or a filter
// is expected it stands for what has it and for nothing else.
func NameFault(name string) string {
	word, _, qualified := strings.Cut(name, "/")
	_, notID := ParseID(name)
	switch {
	case strings.ContainsFunc(name, unicode.IsControl):
		return "must be one line without control characters"
	case visible(name) != name:
		return "must not hold characters that cannot be seen, such as those that change the direction of text"
	case strings.Contains(name, ","):
		return "must not hold a comma, which separates names"
	case notID == nil:
		return "must not be a UUID, which would stand for what has that id"
	case slices.Contains(wordsForMany(), strings.ToLower(name)):
		return "must not be a word that stands for others: " + strings.Join(wordsForMany(), ", ")
	case qualified && slices.Contains(TypeWords(), strings.ToLower(word)):
		return "must not begin with " + word + "/, which says what kind of thing the name after it belongs to"
	}
	return ""
}

// NameFrom makes a name that NameFault accepts of one that was given
// elsewhere; a name that it accepts already stays as it is.
func NameFrom(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == ',' || unicode.IsControl(r) {
			return '-'
		}
		return r
	}, visible(name))
	name = strings.TrimSpace(name)
	if word, rest, _ := strings.Cut(name, "/"); NameFault(word+"/") != "" {
		name = strings.TrimSuffix(word+"-"+rest, "-")
	}
	if name != "" && NameFault(name) == "" {
		return name
	}
	return strings.TrimRight("context-"+strings.TrimLeft(name, "-"), "-")
}

// visible is a text without the characters that take no place on a screen.
// What makes a symbol an emoji stays behind a symbol, where it is seen.
func visible(text string) string {
	symbol := false
	return strings.Map(func(r rune) rune {
		style := r == '\uFE0E' || r == '\uFE0F'
		if style && symbol {
			return r
		}
		symbol = unicode.IsSymbol(r)
		switch {
		case unicode.IsControl(r): // which are told of in their own words
			return r
		case style, unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			return -1
		}
		return r
	}, text)
}
