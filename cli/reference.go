package cli

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"belay"
)

// minPrefix is how many characters of an id at least make a reference.
const minPrefix = 6

// find returns the object that ref names: NAME, TYPE/NAME, an id, or the
// beginning of an id that only one object has.
func (in *invocation) find(ctx context.Context, r resource, ref string) (item, error) {
	ref = strings.TrimSpace(ref) // as names are stored
	name, err := r.unqualify(ref)
	if err != nil {
		return item{}, err
	}
	it, err := in.findCalled(ctx, r, name)
	if f, ok := errors.AsType[*failure](err); name == ref || err != nil && (!ok || f.exit != exitNotFound) {
		return it, err
	}
	candidates := []item{}
	if err == nil {
		candidates = append(candidates, it)
	}
	whole, ok := in.holderOf(ctx, r, ref) // a name may be as old as to read like a reference
	if !ok {
		return it, err
	}
	return one(r, ref, append(candidates, whole))
}

// findCalled returns the object of a name or an id.
func (in *invocation) findCalled(ctx context.Context, r resource, name string) (item, error) {
	if id, err := belay.ParseID(name); err == nil {
		it, _, err := in.get(ctx, r, string(id))
		if f, ok := errors.AsType[*failure](err); !ok || f.exit != exitNotFound {
			return it, err
		} // else it may be somebody's name
	}
	query, err := r.byName(name)
	if err != nil {
		return item{}, err
	}
	p, err := in.fetch(ctx, r, query)
	if err != nil {
		return item{}, err
	}
	if found := named(p.items, name); len(found) > 0 {
		return one(r, name, found)
	}
	return in.findSlowly(ctx, r, name)
}

// byName is the query that finds objects of this name, perhaps with others.
func (r resource) byName(name string) (url.Values, error) {
	query := url.Values{"pageSize": {fmt.Sprint(pageCap)}}
	switch {
	case r.whole:
		return url.Values{}, nil
	case !r.exact:
		query.Set("search", name)
		return query, nil
	}
	b, err := json.Marshal(map[string]string{"name": name})
	query.Set("filter", string(b))
	return query, err
}

// findSlowly looks through the whole list: for what a search does not reach,
// and for what to suggest.
func (in *invocation) findSlowly(ctx context.Context, r resource, name string) (item, error) {
	p, err := in.fetchUpTo(ctx, r, r.path, url.Values{}, 0)
	if err != nil {
		return item{}, err
	}
	if found := named(p.items, name); len(found) > 0 {
		return one(r, name, found)
	}
	if found := withPrefix(p.items, name); len(found) > 0 {
		return one(r, name, found)
	}
	f := &failure{exit: exitNotFound, what: fmt.Sprintf("there is no %s %q%s", r.noun, name, r.hidden())}
	if near, ok := nearest(name, allNames(p.items)); ok {
		f.help = append(f.help, "did you mean: "+near)
	}
	f.help = append(f.help, in.elsewhere(ctx, r, name)...)
	f.help = append(f.help, in.wasDeleted(ctx, r, name)...)
	return item{}, f.withHelp("see: belay " + cmp.Or(r.command, r.noun) + " list")
}

// hidden says why something that is there may not be found: kinds are
// everybody's.
func (r resource) hidden() string {
	switch r.noun {
	case kinds().noun:
		return ""
	case tokens().noun:
		return ", or it is not yours"
	}
	return ", or it is not shared with you"
}

// organizationsAsked bounds how many organizations are asked for a name that
// is not in the one in effect.
const organizationsAsked = 10

// elsewhere says in which other organizations of the caller's there is
// something of this name. What goes wrong here is nobody's concern: the name
// was not found anyway.
func (in *invocation) elsewhere(ctx context.Context, r resource, name string) []string {
	if !r.scoped { // nor is an organization looked for within others
		return nil
	}
	here, err := in.organizationID(ctx)
	if err != nil {
		return nil
	}
	orgs, err := in.fetch(ctx, organizations(), url.Values{"pageSize": {fmt.Sprint(organizationsAsked)}})
	if err != nil || len(orgs.items) < 2 {
		return nil
	}
	var out []string
	for _, org := range orgs.items {
		if org.id() != here && in.has(ctx, r, org.id(), name) {
			out = append(out, fmt.Sprintf("organization %s has one: --org %s", org.name(), shellWord(org.name())))
		}
	}
	return out
}

// wasDeleted says how something of this name that was deleted comes back.
// What goes wrong here is nobody's concern either.
func (in *invocation) wasDeleted(ctx context.Context, r resource, name string) []string {
	if !r.restorable {
		return nil
	}
	gone, err := in.deleted(ctx, r)
	if err != nil {
		return nil
	}
	found := named(gone, name)
	if len(found) == 0 {
		return nil
	}
	return []string{"it was deleted; to restore it: " + undoing(r, found[0].name())}
}

// has tells whether there is something of this name in an organization.
func (in *invocation) has(ctx context.Context, r resource, org, name string) bool {
	query, err := r.byName(name)
	if err != nil {
		return false
	}
	query.Set("orgId", org)
	r.scoped = false // it is named already
	p, err := in.fetch(ctx, r, query)
	return err == nil && len(named(p.items, name)) > 0
}

// unqualify cuts TYPE/ off. A name may hold a slash itself, so a word before
// it that is no type belongs to the name.
func (r resource) unqualify(ref string) (string, error) {
	if ref == "" {
		return "", usage("the name of the %s is empty", r.noun)
	}
	word, name, ok := strings.Cut(ref, "/")
	if !ok || name == "" {
		return ref, nil
	}
	if r.is(word) {
		return name, nil
	}
	for _, other := range resources() {
		if other.is(word) {
			return "", usage("%s is not a %s", ref, r.noun).withHelp("if that is its name: " + r.noun + "/" + ref)
		}
	}
	return ref, nil
}

// named are the items of that name: in the same case, else in any.
func named(items []item, name string) []item {
	exact := keep(items, func(it item) bool { return it.name() == name })
	if len(exact) > 0 {
		return exact
	}
	return keep(items, func(it item) bool { return strings.EqualFold(it.name(), name) })
}

func withPrefix(items []item, prefix string) []item {
	if len(prefix) < minPrefix || strings.Trim(strings.ToLower(prefix), "0123456789abcdef-") != "" {
		return nil
	}
	return keep(items, func(it item) bool { return strings.HasPrefix(it.id(), strings.ToLower(prefix)) })
}

func keep(items []item, want func(item) bool) []item {
	return slices.DeleteFunc(slices.Clone(items), func(it item) bool { return !want(it) })
}

func allNames(items []item) []string {
	out := make([]string, len(items))
	for i, it := range items {
		out[i] = it.name()
	}
	return out
}

func one(r resource, ref string, found []item) (item, error) {
	if len(found) == 1 {
		return found[0], nil
	}
	f := usage("%q can be %d different %s", ref, len(found), r.many())
	for _, it := range found {
		line := it.id() + "  " + it.name()
		if r.noun == users().noun { // what tells those with one address apart
			line += "  by the provider " + it.text("provider")
		}
		f.help = append(f.help, line)
	}
	return item{}, f
}

// findAll finds every reference before anything is done with one of them;
// "-" stands for the lines of standard input.
func (in *invocation) findAll(ctx context.Context, r resource, refs []string) ([]item, error) {
	refs, err := in.expand(refs)
	if err != nil {
		return nil, err
	}
	items := make([]item, 0, len(refs))
	for _, ref := range refs {
		it, err := in.find(ctx, r, ref)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(items, func(o item) bool { return o.id() == it.id() }) {
			items = append(items, it)
		}
	}
	return items, nil
}

func (in *invocation) expand(refs []string) ([]string, error) {
	i := slices.Index(refs, "-")
	if i < 0 {
		return refs, nil
	}
	lines, err := in.lines()
	if err != nil {
		return nil, err
	}
	return slices.Concat(refs[:i], lines, slices.DeleteFunc(slices.Clone(refs[i+1:]), func(s string) bool { return s == "-" })), nil
}

// lines reads standard input, a name a line.
func (in *invocation) lines() ([]string, error) {
	if terminal(in.Stdin) && !in.interactive() {
		return nil, usage("standard input is a terminal, and asking is switched off")
	}
	var out []string
	scan := bufio.NewScanner(in.Stdin)
	for scan.Scan() {
		if line := strings.TrimSpace(scan.Text()); line != "" {
			out = append(out, line)
		}
	}
	if err := scan.Err(); err != nil {
		return nil, fmt.Errorf("read names from standard input: %w", err)
	}
	return out, nil
}
