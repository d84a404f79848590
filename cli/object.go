package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// examples is the part of a help text that shows how a command is used.
func examples(lines ...string) string {
	return "Examples:\n  " + strings.Join(lines, "\n  ")
}

// listAll is a column of names, each of them.
func listAll(title, path string) column {
	return column{title: title, cell: func(it item, _ view) cell {
		return cell{text: strings.Join(it.names(path), ", ")}
	}}
}

// pairs writes an object of texts as k=v, ordered.
func pairs(v any) []string {
	m, _ := v.(map[string]any)
	var out []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k+"="+textOf(m[k]))
	}
	return out
}

// keyValues reads KEY=VALUE arguments.
func keyValues(flag string, given []string) (map[string]string, error) {
	out := map[string]string{}
	for _, g := range given {
		k, v, ok := strings.Cut(g, "=")
		if !ok || k == "" {
			return nil, usage("%s %q is not KEY=VALUE", flag, g)
		}
		out[k] = v
	}
	return out, nil
}

// deleteAll deletes what the references name, after one question each, and
// goes on when one of several fails.
func (in *invocation) deleteAll(ctx context.Context, r resource, refs []string, after string) error {
	items, err := in.findAll(ctx, r, refs)
	if err != nil {
		return err
	}
	return in.each(items, func(it item) error {
		if err := in.confirm(deletion{noun: r.noun, name: it.name()}); err != nil {
			return err
		}
		if err := in.delete(ctx, r, it.id(), nil); err != nil {
			return err
		}
		in.say(good, "%s %s deleted. %s", r.noun, it.name(), after)
		return nil
	})
}

func (in *invocation) delete(ctx context.Context, r resource, id string, query url.Values) error {
	_, err := in.change(ctx, request{method: http.MethodDelete, path: r.at(id), query: query})
	return err
}

// each does something with every item. With one item its failure is the
// command's; with several each is reported and the rest goes on.
func (in *invocation) each(items []item, do func(item) error) error {
	if len(items) == 1 {
		return do(items[0])
	}
	failed := 0
	var last error
	for _, it := range items {
		err := do(it)
		switch {
		case err == nil || errors.Is(err, errDryRun):
			continue
		case errors.Is(err, errDeclined), errors.Is(err, context.Canceled):
			return err
		}
		failed++
		last = err
		in.line(in.look(in.Stderr).mark(bad) + " " + in.plainText(it.name()+": "+err.Error()))
	}
	return partly(failed, len(items), last)
}

// partly is the failure of some of several things.
func partly(failed, all int, last error) error {
	switch {
	case failed == 0:
		return nil
	case failed < all:
		return &failure{exit: exitPartly, what: fmt.Sprintf("%d of %d failed", failed, all), why: "the others were done"}
	}
	f := &failure{exit: exitFailed, what: fmt.Sprintf("all %d failed", all)}
	if l, ok := errors.AsType[*failure](last); ok {
		f.exit = l.exit
	}
	return f
}

// pairing is one relation between two nouns.
type pairing struct {
	holder resource
	held   resource
	below  string // of the holder's path
	method string // POST to make it, DELETE to end it
	verb   string // "assigned to"
}

// pair makes or ends the relation between every holder and every held.
func (in *invocation) pair(ctx context.Context, p pairing, holders, held []item) error {
	failed := 0
	var last error
	for _, h := range holders {
		for _, x := range held {
			_, err := in.change(ctx, request{method: p.method, path: p.holder.at(h.id(), p.below, x.id())})
			switch {
			case errors.Is(err, context.Canceled):
				return err
			case errors.Is(err, errDryRun):
				continue
			case err != nil && len(holders)*len(held) == 1:
				return err
			case err != nil:
				failed, last = failed+1, err
				in.line(in.look(in.Stderr).mark(bad) + " " + in.plainText(fmt.Sprintf("%s %s: %v", p.held.noun, x.name(), err)))
				continue
			}
			in.say(good, "%s %s %s %s %s", p.held.noun, x.name(), p.verb, p.holder.noun, h.name())
		}
	}
	return partly(failed, len(holders)*len(held), last)
}

// named creates an object that has a name and a description only.
type naming struct {
	Name        string `arg:"" help:"Its name."`
	Description string `placeholder:"TEXT" help:"What it is for."`
}

// create makes an object of such a noun in the organization in effect.
func (n *naming) create(ctx context.Context, in *invocation, r resource) (item, error) {
	body := map[string]any{"name": n.Name, "description": n.Description}
	id, err := in.organizationID(ctx)
	if err != nil {
		return item{}, err
	}
	if id != "" {
		body["organizationId"] = id
	}
	return in.change(ctx, request{method: http.MethodPost, path: r.path, body: body})
}

// renaming changes an object's name and description.
type renaming struct {
	Name        string  `placeholder:"NAME" help:"A new name."`
	Description *string `placeholder:"TEXT" help:"A new description."`
}

func (n *renaming) into(body map[string]any) {
	if n.Name != "" {
		body["name"] = n.Name
	}
	if n.Description != nil {
		body["description"] = *n.Description
	}
}

// edit changes one object, if it is still as it was read: fill gets the
// object and the body to send.
func (in *invocation) edit(ctx context.Context, r resource, ref string, fill func(item, map[string]any) error) (item, error) {
	found, err := in.find(ctx, r, ref)
	if err != nil {
		return item{}, err
	}
	it, etag, err := in.get(ctx, r, found.id())
	if err != nil {
		return item{}, err
	}
	body := map[string]any{}
	if err := fill(it, body); err != nil {
		return item{}, err
	}
	if len(body) == 0 {
		return item{}, usage("there is nothing to change — say what, with a flag").withHelp("see: belay " + r.noun + " edit --help")
	}
	return in.change(ctx, request{method: http.MethodPut, path: r.at(it.id()), body: body, ifMatch: etag})
}

// editNamed is edit for nouns that have a name and a description only.
func (in *invocation) editNamed(ctx context.Context, r resource, ref string, n *renaming) error {
	it, err := in.edit(ctx, r, ref, func(_ item, body map[string]any) error {
		n.into(body)
		return nil
	})
	if err != nil {
		return err
	}
	in.say(good, "%s %s changed", r.noun, it.name())
	return in.showChanged(r, it)
}
