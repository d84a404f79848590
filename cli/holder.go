package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// viewHolder shows the object that ref names and all that it holds, however
// many pages that is: to people as a table below, in rows by name, in a
// document as a member of the object.
func (in *invocation) viewHolder(ctx context.Context, r, held resource, ref string) error {
	found, err := in.find(ctx, r, ref)
	if err != nil {
		return err
	}
	it, _, err := in.get(ctx, r, found.id())
	if err != nil {
		return err
	}
	if !in.showsHeld(held.key) {
		return in.showItem(r, it)
	}
	p, err := in.fetchUpTo(ctx, held, r.at(it.id(), held.key), url.Values{}, 0)
	switch {
	case err != nil:
		return err
	case !in.laidOut():
		if it, err = it.with(held.key, raws(p.items)); err != nil {
			return err
		}
		return in.showItem(r, it)
	case in.forPeople():
		if err := in.showItem(r, it); err != nil || len(p.items) == 0 {
			return err
		}
		_, err := fmt.Fprintln(in.Stdout)
		return errors.Join(err, in.show(document{raw: p.document, items: p.items, columns: held.columns, noun: held.noun}))
	}
	names := column{title: strings.ToUpper(held.key), cell: func(item, view) cell {
		return cell{text: strings.Join(allNames(p.items), ", ")}
	}}
	r.detail = append(slices.Clone(r.detail), names)
	return in.showItem(r, it)
}

// showsHeld tells whether what is shown of a holder has what it holds in it:
// its name alone does not, nor do fields that are others.
func (in *invocation) showsHeld(key string) bool {
	switch {
	case in.flags.JQ != "" || in.flags.Template != "":
		return true
	case len(in.flags.Fields) > 0:
		return slices.ContainsFunc(in.flags.Fields, func(f string) bool { return f == key || strings.HasPrefix(f, key+".") })
	}
	return in.set.output.text != formatName
}

// with is the object with one more member, at its end.
func (it item) with(name string, value any) (item, error) {
	member, err := verbatim(map[string]any{name: value})
	if err != nil {
		return item{}, fmt.Errorf("add %s to the object: %w", name, err)
	}
	whole := strings.TrimSpace(string(it.raw))
	if len(whole) < 2 || !strings.HasSuffix(whole, "}") {
		return item{}, unreadable("")
	}
	if inner := strings.TrimSpace(whole[1 : len(whole)-1]); inner != "" {
		return newItem(json.RawMessage("{" + inner + "," + string(member[1:])))
	}
	return newItem(member)
}

// verbatim is JSON in which what the server has sent stands as it came.
func verbatim(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
