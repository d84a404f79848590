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
	out.what, out.help = alreadyThere(r, name), nil
	found, ok := in.holderOf(ctx, r, name)
	if !ok {
		return out.withHelp("you do not see it here; choose another name")
	}
	out.what = alreadyThere(r, found.name())
	word := shellWord(found.name())
	return out.withHelp("see it: belay " + r.noun + " view " + word).withHelp(next(word)...)
}

func alreadyThere(r resource, name string) string {
	return "there is already " + article(r.noun) + " " + r.noun + ` "` + name + `"`
}

// holderOf is the one that has a name, as far as that can be seen.
func (in *invocation) holderOf(ctx context.Context, r resource, name string) (item, bool) {
	name = strings.TrimSpace(name) // as it is stored
	query, err := r.byName(name)
	if err != nil {
		return item{}, false
	}
	p, err := in.fetch(ctx, r, query)
	if err != nil {
		return item{}, false
	}
	found := named(p.items, name)
	if len(found) != 1 {
		return item{}, false
	}
	return found[0], true
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
