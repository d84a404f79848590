package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"belay"
)

// resource is a noun of the API: where it is and how it looks.
type resource struct {
	noun    string   // "connection": in references and in -o name
	key     string   // under which a list holds its items
	plural  string   // "users"; "" where that is the key
	command string   // "organization member"; "" where that is the noun
	path    string   // of the list; {orgId} in it is the organization in effect
	aliases []string // other spellings of the noun in references
	columns []column
	detail  []column // of one object, line by line
	// queries maps the keys of --filter to the API's parameters: a
	// parameter of its own, or "filter" for a member of that JSON object.
	queries map[string]string
	order   string // of the list, when nothing else is wanted
	scoped  bool   // belongs to one organization
	whole   bool   // the list comes at once, and takes no parameters
	// holders are the nouns whose own lists narrow this one, as keys of
	// --filter.
	holders []string
	exact   bool // a filter finds an object by its exact name
	// restorable is set where a command takes a deletion back.
	restorable bool
}

// resources are all nouns that a reference can name.
func resources() []resource {
	return []resource{connections(), credentials(), environments(), workspaces(), teams(), users(), organizations(), kinds(), tokens()}
}

// is tells whether word names this noun.
func (r resource) is(word string) bool {
	word = strings.ToLower(word)
	return word == r.noun || word == r.many() || slices.Contains(r.aliases, word)
}

// many is the noun of several.
func (r resource) many() string { return cmp.Or(r.plural, r.key) }

// at is the path of one object, and of what is below it.
func (r resource) at(id string, below ...string) string {
	parts := []string{r.path, url.PathEscape(id)}
	for _, b := range below {
		parts = append(parts, url.PathEscape(b))
	}
	return strings.Join(parts, "/")
}

const pageCap = belay.MaxPageSize

// fetch returns one page of a list.
func (in *invocation) fetch(ctx context.Context, r resource, query url.Values) (*page, error) {
	return in.fetchFrom(ctx, r, r.path, query)
}

func (in *invocation) fetchFrom(ctx context.Context, r resource, path string, query url.Values) (*page, error) {
	if r.scoped {
		if err := in.scope(ctx, query); err != nil {
			return nil, err
		}
	}
	res, err := in.send(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return nil, err
	}
	return newPage(res.body, r.key)
}

// fetchUpTo returns the first items of a list, following its cursor; limit 0
// is all of it. What fits on one page is the server's document, more is the
// same document with the items of all.
func (in *invocation) fetchUpTo(ctx context.Context, r resource, path string, query url.Values, limit int) (*page, error) {
	size := pageCap
	if limit > 0 {
		size = min(limit, pageCap)
	}
	if !r.whole {
		query.Set("pageSize", strconv.Itoa(size))
	}
	p, err := in.fetchFrom(ctx, r, path, query)
	if err != nil {
		return nil, err
	}
	merged := false
	for p.next != "" && (limit == 0 || len(p.items) < limit) {
		query.Set("cursor", p.next)
		more, err := in.fetchFrom(ctx, r, path, query)
		if err != nil {
			return nil, err
		}
		p.items, p.next, merged = append(p.items, more.items...), more.next, true
		if len(more.items) == 0 {
			break
		}
	}
	if limit > 0 && len(p.items) > limit {
		p.items = p.items[:limit]
	}
	if merged {
		p.document, err = mergedDocument(r.key, p)
	}
	return p, err
}

func mergedDocument(key string, p *page) (json.RawMessage, error) {
	return verbatim(map[string]any{
		key: raws(p.items), "page": 0, "pageSize": len(p.items), "totalCount": p.total, "nextCursor": p.next,
	})
}

// scope adds the organization to a query, where one is named.
func (in *invocation) scope(ctx context.Context, query url.Values) error {
	id, err := in.organizationID(ctx)
	if err == nil && id != "" {
		query.Set("orgId", id)
	}
	return err
}

// organizationID is the id of the organization in effect, "" for the only
// one there is.
func (in *invocation) organizationID(ctx context.Context) (string, error) {
	ref := in.set.org.text
	if ref == "" {
		return "", nil
	}
	if id, err := belay.ParseID(ref); err == nil {
		return string(id), nil
	}
	if in.orgID == "" {
		it, err := in.find(ctx, organizations(), ref)
		if err != nil {
			return "", err
		}
		in.orgID = it.id()
	}
	return in.orgID, nil
}

// organizationPart stands for the organization in effect in a path.
const organizationPart = "{orgId}"

// oneOrganization is the id of the organization in effect, which for who
// belongs to a single one is that.
func (in *invocation) oneOrganization(ctx context.Context) (string, error) {
	id, err := in.organizationID(ctx)
	if err != nil || id != "" || in.orgID != "" {
		return cmp.Or(id, in.orgID), err
	}
	p, err := in.fetch(ctx, organizations(), url.Values{"pageSize": {"2"}})
	if err != nil {
		return "", err
	}
	if len(p.items) != 1 {
		return "", usage("you belong to several organizations").withHelp("name one: --org NAME", "see: belay organization list")
	}
	in.orgID = p.items[0].id()
	return in.orgID, nil
}

// send is client.do for the settings in effect.
func (in *invocation) send(ctx context.Context, r request) (*response, error) {
	c, err := in.client()
	if err != nil {
		return nil, err
	}
	if strings.Contains(r.path, organizationPart) {
		id, err := in.oneOrganization(ctx)
		if err != nil {
			return nil, err
		}
		r.path = strings.Replace(r.path, organizationPart, url.PathEscape(id), 1)
	}
	return c.do(ctx, r)
}

// get returns one object by its id, with its ETag.
func (in *invocation) get(ctx context.Context, r resource, id string) (item, string, error) {
	res, err := in.send(ctx, request{method: http.MethodGet, path: r.at(id)})
	if err != nil {
		return item{}, "", err
	}
	it, err := newItem(res.body)
	return it, res.etag(), err
}

// change sends something that changes an object and returns the object.
func (in *invocation) change(ctx context.Context, r request) (item, error) {
	in.announce()
	res, err := in.send(ctx, r)
	if err != nil {
		return item{}, err
	}
	if len(res.body) == 0 {
		return item{}, nil
	}
	return newItem(res.body)
}

// announce says where a change is made, where that matters.
func (in *invocation) announce() {
	if !in.set.protected || in.announced {
		return
	}
	in.announced = true
	where := []string{in.set.base.Host}
	for _, s := range []setting{in.set.org, in.set.workspace} {
		if s.text != "" {
			where = append(where, s.text)
		}
	}
	in.line(in.plainText("→ " + strings.Join(where, " · ")))
}

// showItem shows one object.
func (in *invocation) showItem(r resource, it item) error {
	return in.show(document{raw: it.raw, items: []item{it}, columns: r.detail, noun: r.noun, single: true})
}

// showChanged shows an object after a change, if a program asked for it.
func (in *invocation) showChanged(r resource, it item) error {
	if in.keep(it) || !in.machine() {
		return nil
	}
	return in.showItem(r, it)
}
