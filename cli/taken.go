package cli

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"belay"
)

// taken says of a name that was refused since something has it what it is
// that has it, by its real name, and what can be done with that: next are
// lines that hold where it can be seen.
func (in *invocation) taken(ctx context.Context, err error, r resource, name string, next func(word string) []string) error {
	f, ok := errors.AsType[*failure](err)
	if !ok || !nameRefused(f.document, r) {
		return err
	}
	out := *f
	out.what, out.help = "there is already "+article(r.noun)+" "+r.noun+` "`+name+`"`, nil
	found := in.holderOf(ctx, r, name)
	if found == "" {
		return out.withHelp("you do not see it here; choose another name")
	}
	out.what = "there is already " + article(r.noun) + " " + r.noun + ` "` + found + `"`
	word := shellWord(found)
	return out.withHelp("see it: belay " + r.noun + " view " + word).withHelp(next(word)...)
}

// holderOf is the name of the one that has a name, as it is written there;
// "" where that cannot be seen.
func (in *invocation) holderOf(ctx context.Context, r resource, name string) string {
	query, err := r.byName(name)
	if err != nil {
		return ""
	}
	p, err := in.fetch(ctx, r, query)
	if err != nil {
		return ""
	}
	if found := named(p.items, name); len(found) == 1 {
		return found[0].name()
	}
	return ""
}

// nameRefused tells whether a problem document refuses the name of a noun
// since it is taken.
func nameRefused(document json.RawMessage, r resource) bool {
	var p problem
	if json.Unmarshal(document, &p) != nil || p.Code != belay.CodeConflict || len(p.Errors) != 1 || p.Errors[0].Message != "is taken" {
		return false
	}
	return strings.HasPrefix(p.Detail, "another "+r.noun+" ")
}

func article(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an"
	}
	return "a"
}
