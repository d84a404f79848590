package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// listing are the flags of every list command.
type listing struct {
	Limit  int      `default:"50" placeholder:"N" help:"Show at most this many."`
	All    bool     `help:"Show all, however many."`
	Search string   `placeholder:"WORDS" help:"Only what has words that begin like these."`
	Sort   string   `placeholder:"FIELD" help:"Sort by this field; \"-name\" or \"name desc\" for the other direction."`
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Only what matches; several values with commas, several keys with several flags."`
}

// run shows the list of a noun.
func (l *listing) run(ctx context.Context, in *invocation, r resource, extra ...string) error {
	if l.Limit < 0 {
		return usage("--limit must not be negative")
	}
	query, err := l.query(ctx, in, r, extra)
	if err != nil {
		return err
	}
	limit := l.Limit
	if l.All {
		limit = 0
	}
	p, err := in.fetchUpTo(ctx, r, r.path, query, limit)
	if err != nil {
		return err
	}
	if err := in.show(document{raw: p.document, items: p.items, columns: r.columns, noun: r.noun}); err != nil {
		return err
	}
	in.summarize(r, p, len(query["filter"]) > 0 || l.Search != "" || len(l.Filter) > 0)
	return nil
}

// summarize says how much of the list this was, to a person.
func (in *invocation) summarize(r resource, p *page, narrowed bool) {
	if !terminal(in.Stdout) || in.machine() {
		return
	}
	where := in.set.base.Host
	if in.set.context.text != "" {
		where = "context " + in.set.context.text
	}
	if in.set.org.text != "" {
		where += " · " + in.set.org.text
	}
	switch {
	case len(p.items) == 0 && narrowed:
		in.say(plain, "no %s matches · %s", r.noun, where)
	case len(p.items) == 0:
		in.say(plain, "there are no %s yet · %s", r.key, where)
	default:
		in.say(plain, "%d of %s · %s", len(p.items), count(p.total, r), where)
	}
}

// count writes a number with its noun.
func count(n int, r resource) string {
	if n == 1 {
		return "1 " + r.noun
	}
	return fmt.Sprintf("%d %s", n, r.key)
}

func (l *listing) query(ctx context.Context, in *invocation, r resource, extra []string) (url.Values, error) {
	q := url.Values{}
	if l.Search != "" {
		q.Set("search", l.Search)
	}
	if order := orderOf(l.Sort); order != "" {
		q.Set("order", order)
	} else if r.order != "" {
		q.Set("order", r.order)
	}
	members := map[string]string{}
	for _, f := range append(slices.Clone(extra), l.Filter...) {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			return nil, usage("--filter %q is not KEY=VALUE", f)
		}
		if err := in.addFilter(ctx, r, q, members, key, value); err != nil {
			return nil, err
		}
	}
	if _, ok := members["workspace"]; !ok && in.set.workspace.text != "" && r.queries["workspace"] != "" {
		if err := in.addFilter(ctx, r, q, members, "workspace", in.set.workspace.text); err != nil {
			return nil, err
		}
	}
	if len(members) > 0 {
		b, err := json.Marshal(members)
		if err != nil {
			return nil, fmt.Errorf("encode the filter: %w", err)
		}
		q.Set("filter", string(b))
	}
	return q, nil
}

// addFilter adds one --filter: as parameters of their own, or as a member of
// the JSON object that names other objects by id.
func (in *invocation) addFilter(ctx context.Context, r resource, q url.Values, members map[string]string, key, value string) error {
	parameter, ok := r.queries[key]
	if !ok {
		f := usage("%s cannot be filtered by %q", r.key, key)
		return f.withHelp("they can by: " + strings.Join(slices.Sorted(maps.Keys(r.queries)), ", "))
	}
	if parameter != "filter" {
		values := strings.Split(value, ",")
		if key == "label" {
			values = []string{value}
		}
		q[parameter] = append(q[parameter], values...)
		return nil
	}
	if value == "none" {
		members[key] = "none"
		return nil
	}
	i := slices.IndexFunc(resources(), func(o resource) bool { return o.noun == key })
	it, err := in.find(ctx, resources()[i], value)
	if err != nil {
		return err
	}
	members[key] = it.id()
	return nil
}

// orderOf turns "-name" into the API's "name desc".
func orderOf(s string) string {
	if column, ok := strings.CutPrefix(s, "-"); ok {
		return column + " desc"
	}
	return s
}

// view shows the object that ref names.
func (in *invocation) view(ctx context.Context, r resource, ref string) error {
	it, err := in.find(ctx, r, ref)
	if err != nil {
		return err
	}
	whole, _, err := in.get(ctx, r, it.id())
	if err != nil {
		return err
	}
	return in.showItem(r, whole)
}
