package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"belay"
)

type connectionRestore struct {
	Names []string `arg:"" name:"name" help:"The connections, by name or by id; - reads names from standard input."`
}

// Help gives examples.
func (*connectionRestore) Help() string {
	return "It comes back with its environments and credentials, in the state registered.\nWhat can be restored: belay connection list --filter state=deleted\n\n" + examples(
		"belay connection restore prom-old",
		"belay connection list --filter state=deleted -o name | belay connection restore -")
}

// Run takes deletions back.
func (c *connectionRestore) Run(ctx context.Context, in *invocation) error {
	refs, err := in.expand(c.Names)
	if err != nil {
		return err
	}
	var items []item
	for _, ref := range refs {
		it, err := in.findDeleted(ctx, connections(), ref)
		if err != nil {
			return err
		}
		items = append(items, it)
	}
	return in.each(connections(), "restored", items, func(it item) error {
		back, err := in.change(ctx, request{
			method: http.MethodPut, path: connections().at(it.id()), body: map[string]any{"status": belay.StatusRegistered},
		})
		if err != nil {
			return err
		}
		in.say(good, "connection %s is restored", back.name())
		in.say(plain, "Next: belay connection test %s", shellWord(back.name()))
		return in.showChanged(connections(), back)
	})
}

// findDeleted finds what was deleted, by its name or its id. The deleted do
// not keep their names to themselves: several can have had the same.
func (in *invocation) findDeleted(ctx context.Context, r resource, ref string) (item, error) {
	name, err := r.unqualify(ref)
	if err != nil {
		return item{}, err
	}
	p, err := in.fetchUpTo(ctx, r, r.path, url.Values{"status": {string(belay.StatusDeleted)}}, 0)
	if err != nil {
		return item{}, err
	}
	for _, it := range p.items {
		if it.id() == name {
			return it, nil
		}
	}
	for _, found := range [][]item{named(p.items, name), withPrefix(p.items, name)} {
		if len(found) > 0 {
			return one(r, name, found)
		}
	}
	f := &failure{exit: exitNotFound, what: fmt.Sprintf("no %s %q was deleted that could be restored", r.noun, name)}
	if near, ok := nearest(name, allNames(p.items)); ok {
		f.help = append(f.help, "did you mean: "+near)
	}
	return item{}, f.withHelp("see: belay " + r.noun + " list --filter state=deleted")
}
