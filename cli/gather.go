package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// gathered is what the one document of a command that does the same with
// several things is made of.
type gathered struct {
	items []item // what it was done with, as it is then
	would []item // in a dry run: the requests that would have been sent
}

// failedOne is one of several things with which it failed, as a program reads
// it.
type failedOne struct {
	related
	In    *related        `json:"in,omitempty"` // of an assignment: the other one
	Error json.RawMessage `json:"error"`        // a problem document
}

// several tells whether references name several things, or could: the form of
// a document follows from the command line, not from what is found.
func several(refs []string) bool { return len(refs) > 1 || slices.Contains(refs, "-") }

// gather begins the document that showGathered ends.
func (in *invocation) gather() { in.gathered = &gathered{} }

// keep adds what something was done with to the document that is gathered, if
// one is.
func (in *invocation) keep(it item) bool {
	if in.gathered == nil {
		return false
	}
	in.gathered.items = append(in.gathered.items, it)
	return true
}

// showGathered shows a program what was gathered: a list of what it was done
// with, and what failed.
func (in *invocation) showGathered(r resource, t *tally) error {
	g := in.gathered
	in.gathered = nil
	if !in.machine() || in.flags.DryRun && in.set.output.text == formatName {
		return nil
	}
	d := document{items: g.items, columns: r.columns, noun: r.noun}
	doc := map[string]any{r.key: raws(g.items)}
	if in.flags.DryRun {
		d = document{items: g.would, columns: requestColumns(), noun: "request"}
		doc = map[string]any{"dryRun": true, "requests": raws(g.would)}
	}
	doc["totalCount"] = len(d.items)
	if len(t.errors) > 0 {
		doc["errors"] = t.errors
	}
	var err error
	if d.raw, err = verbatim(doc); err != nil {
		return fmt.Errorf("put the document together: %w", err)
	}
	return in.show(d)
}

// showPaired is pair for a command that is about what is held: it shows a
// program that, as it is then.
func (in *invocation) showPaired(ctx context.Context, p pairing, refs []string, holders, held []item) error {
	in.gather()
	t, err := in.pairAll(ctx, p, holders, held)
	if in.machine() && !in.flags.DryRun {
		in.gathered.items = in.afresh(ctx, p.held, in.gathered.items)
	}
	if several(refs) {
		return errors.Join(err, in.showGathered(p.held, t))
	}
	g := in.gathered
	in.gathered = nil
	switch {
	case len(g.would) > 0:
		return errors.Join(err, in.showRequest(g.would[0]))
	case len(g.items) > 0:
		return errors.Join(err, in.showChanged(p.held, g.items[0]))
	}
	return err
}

// afresh reads objects again, each once. One that can not be seen any more is
// shown as it was.
func (in *invocation) afresh(ctx context.Context, r resource, items []item) []item {
	var out []item
	for _, it := range items {
		if slices.ContainsFunc(out, func(o item) bool { return o.id() == it.id() }) {
			continue
		}
		if now, _, err := in.get(ctx, r, it.id()); err == nil {
			it = now
		}
		out = append(out, it)
	}
	return out
}
