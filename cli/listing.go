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
	Limit  *int     `xor:"many" placeholder:"N" help:"Show at most this many; ${listed} without it."`
	All    bool     `xor:"many" help:"Show all, however many."`
	Search string   `placeholder:"WORDS" help:"Only what has words that begin like these."`
	Sort   string   `placeholder:"FIELD" help:"Sort by this field; the other way round with \"name desc\" or --sort=-name."`
	Filter []string `sep:"none" placeholder:"KEY=VALUE" help:"Only what matches; several values with commas, several keys with several flags."`

	onlyDeleted bool
	also        func(*narrowing) // what a noun's own flags add; nil: nothing
}

// listed is how much of a list is shown without --limit.
const listed = 50

// limitOf is how much is shown of a list; 0 is all.
func limitOf(limit *int, all bool, otherwise int) (int, error) {
	switch {
	case all:
		return 0, nil
	case limit == nil:
		return otherwise, nil
	case *limit < 1:
		return 0, usage("--limit must be at least 1, not %d", *limit).withHelp("everything: --all")
	}
	return *limit, nil
}

// run shows the list of a noun.
func (l *listing) run(ctx context.Context, in *invocation, r resource, extra ...string) error {
	limit, err := limitOf(l.Limit, l.All, listed)
	if err != nil {
		return err
	}
	n, err := l.narrow(ctx, in, r, extra)
	if err != nil {
		return err
	}
	p, err := in.fetchUpTo(ctx, r, n.path, n.query, limit)
	if err != nil {
		return err
	}
	d := document{raw: p.document, items: p.items, columns: r.columns, noun: r.noun}
	if l.onlyDeleted {
		d.columns, d.called = deletedColumns(), deletedName(p.items)
	}
	if err := in.show(d); err != nil {
		return err
	}
	in.summarize(r, p, len(n.members) > 0 || l.Search != "" || len(extra)+len(l.Filter) > 0, l.Limit != nil)
	return nil
}

// summarize says how much of the list this was, to a person; and to whoever
// reads standard error, when it was not all and not as much as was asked for.
func (in *invocation) summarize(r resource, p *page, narrowed, limited bool) {
	if !terminal(in.Stdout) || in.machine() {
		if len(p.items) < p.total && !limited {
			in.say(warning, "these are %d of %s; all of them: --all", len(p.items), count(p.total, r))
		}
		return
	}
	where := in.set.base.Host
	if in.set.context.text != "" {
		where = "context " + in.set.context.text
	}
	if in.set.org.text != "" {
		where += " · " + in.set.org.text
	}
	if n := len(keep(p.items, func(it item) bool { return stale(it, in.Now()) })); n > 0 {
		where += fmt.Sprintf(" · %d stale", n)
	}
	switch {
	case len(p.items) == 0 && narrowed:
		in.say(plain, "no %s matches · %s", r.noun, where)
	case len(p.items) == 0:
		in.say(plain, "there are no %s yet · %s", r.many(), where)
	default:
		in.say(plain, "%d of %s · %s", len(p.items), count(p.total, r), where)
	}
}

// count writes a number with its noun.
func count(n int, r resource) string {
	if n == 1 {
		return "1 " + r.noun
	}
	return fmt.Sprintf("%d %s", n, r.many())
}

// narrowing collects what a list is asked for.
type narrowing struct {
	in      *invocation
	r       resource
	query   url.Values
	members map[string]any // of the JSON object in the parameter filter
	path    string         // of the list, or of the holder's own
	by      []string       // what it is narrowed by so far
}

// once refuses what would go unheard beside what the list is narrowed by
// already: a key stands once, but for labels, and there is one holder.
func (n *narrowing) once(key string, workspace setting) error {
	is := func(other string) bool {
		return key == other || n.r.queries[key] != "" && n.r.queries[key] != "filter" && n.r.queries[key] == n.r.queries[other]
	}
	i := slices.IndexFunc(n.by, is)
	n.by = append(n.by, key)
	switch {
	case i >= 0 && n.r.queries[key] == "filter", i >= 0 && slices.Contains(n.r.holders, key):
		return usage("%s can be narrowed to one %s, and two are named", n.r.key, key)
	case i >= 0 && key != "label":
		return usage("%s are filtered by %s twice", n.r.key, key).withHelp("several values: --filter " + key + "=A,B")
	case !slices.Contains(n.r.holders, key):
		return nil
	}
	if i = slices.IndexFunc(n.by, func(other string) bool { return other != key && slices.Contains(n.r.holders, other) }); i >= 0 {
		f := usage("%s can be narrowed by %s or by %s, not by both", n.r.key, n.by[i], key)
		for _, line := range workspace.found() {
			f.help = append(f.help, "the workspace: "+line)
		}
		return f
	}
	return nil
}

func (l *listing) narrow(ctx context.Context, in *invocation, r resource, extra []string) (*narrowing, error) {
	n := &narrowing{in: in, r: r, query: url.Values{}, members: map[string]any{}, path: r.path}
	if l.onlyDeleted {
		n.onlyDeleted()
	}
	if l.Search != "" {
		n.query.Set("search", l.Search)
	}
	if order := orderOf(l.Sort); order != "" {
		n.query.Set("order", order)
	} else if r.order != "" {
		n.query.Set("order", r.order)
	}
	filters := append(slices.Clone(extra), l.Filter...)
	ws, here := in.set.workspace, in.flags.Workspace != ""
	if ws.text != "" && slices.Contains(r.filters(), "workspace") && (here || !mentions(filters, "workspace")) {
		filters = append(filters, "workspace="+ws.text)
	}
	for _, f := range filters {
		key, value, ok := strings.Cut(f, "=")
		if !ok {
			return nil, usage("--filter %q is not KEY=VALUE", f)
		}
		if err := n.once(key, ws); err != nil {
			return nil, err
		}
		if err := n.add(ctx, key, value); err != nil {
			return nil, err
		}
	}
	if l.also != nil {
		l.also(n)
	}
	err := n.encode()
	return n, err
}

func mentions(filters []string, key string) bool {
	return slices.ContainsFunc(filters, func(f string) bool { return strings.HasPrefix(f, key+"=") })
}

// filters are the keys that --filter takes.
func (r resource) filters() []string {
	keys := append(slices.Collect(maps.Keys(r.queries)), r.holders...)
	slices.Sort(keys)
	return keys
}

// add adds one --filter: as parameters of their own, as a member of the JSON
// object that names other objects by id, or as the list of a holder.
func (n *narrowing) add(ctx context.Context, key, value string) error {
	parameter := n.r.queries[key]
	switch {
	case !slices.Contains(n.r.filters(), key):
		f := usage("%s cannot be filtered by %q", n.r.many(), key)
		if near, ok := nearest(key, n.r.filters()); ok {
			f.help = append(f.help, "did you mean: "+near)
		}
		return f.withHelp("they can by: " + strings.Join(n.r.filters(), ", "))
	case parameter == "label":
		n.query.Add(parameter, value)
		return nil
	case parameter != "" && parameter != "filter":
		values := strings.Split(value, ",")
		n.query[parameter] = append(n.query[parameter], values...)
		return n.in.checkFilter(ctx, n.r, key, values)
	case value == "none" && parameter == "filter":
		n.members[key] = "none"
		return nil
	}
	i := slices.IndexFunc(resources(), func(o resource) bool { return o.noun == key })
	holder := resources()[i]
	it, err := n.in.find(ctx, holder, value)
	if err != nil {
		return err
	}
	if parameter == "filter" {
		n.members[key] = it.id()
		return nil
	}
	n.path = holder.at(it.id(), n.r.key)
	return nil
}

func (n *narrowing) encode() error {
	if len(n.members) == 0 {
		return nil
	}
	b, err := json.Marshal(n.members)
	if err != nil {
		return fmt.Errorf("encode the filter: %w", err)
	}
	n.query.Set("filter", string(b))
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
