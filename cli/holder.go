package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// holding is something that an object holds: a list below it, of that name.
type holding struct {
	resource
	below string
	query url.Values
}

// holdings are the lists that are called as what is in them.
func holdings(all ...resource) []holding {
	out := make([]holding, len(all))
	for i, r := range all {
		out[i] = holding{resource: r, below: r.key, query: url.Values{}}
	}
	return out
}

// viewHolder shows the object that ref names and all that it holds, however
// many pages that is: to people as tables below, in rows by name, in a
// document as members of the object.
func (in *invocation) viewHolder(ctx context.Context, r resource, ref string, held ...holding) error {
	found, err := in.find(ctx, r, ref)
	if err != nil {
		return err
	}
	it, _, err := in.get(ctx, r, found.id())
	if err != nil {
		return err
	}
	var shown []holding
	var pages []*page
	for _, h := range held {
		if !in.showsHeld(h.below) {
			continue
		}
		p, err := in.fetchUpTo(ctx, h.resource, r.at(it.id(), h.below), maps.Clone(h.query), 0)
		if err != nil {
			return err
		}
		shown, pages = append(shown, h), append(pages, p)
	}
	switch {
	case in.forPeople():
		err := in.showItem(r, it)
		for i, h := range shown {
			err = errors.Join(err, in.showBelow(h, pages[i]))
		}
		return err
	case in.laidOut():
		r.detail = slices.Clone(r.detail)
		for i, h := range shown {
			r.detail = append(r.detail, column{title: strings.ToUpper(h.below), cell: func(item, view) cell {
				return cell{text: strings.Join(allNames(pages[i].items), ", ")}
			}})
		}
		return in.showItem(r, it)
	}
	for i, h := range shown {
		if it, err = it.with(h.below, raws(pages[i].items)); err != nil {
			return err
		}
	}
	return in.showItem(r, it)
}

// showBelow shows people one table of what an object holds, if there is any.
func (in *invocation) showBelow(h holding, p *page) error {
	if len(p.items) == 0 {
		return nil
	}
	_, err := fmt.Fprintln(in.Stdout)
	return errors.Join(err, in.show(document{raw: p.document, items: p.items, columns: h.columns, noun: h.noun}))
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
