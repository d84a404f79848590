package rest

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"belay"
	"belay/app"
)

// Parameters that go together.
var (
	anyParams  = []string{"orgId", "orgID", "provider"}
	pageParams = []string{"page", "pageSize", "pagesize", "page_size", "cursor", "search", "order"}
	// plainParams are those of a list in which there is nothing to search.
	plainParams = []string{"page", "pageSize", "pagesize", "page_size", "cursor", "order"}
	repeatable  = []string{"kind", "status", "type", "health", "label", "group"}
	spellings   = [][]string{{"orgId", "orgID"}, {"pageSize", "pagesize", "page_size"}} // of one parameter each
)

// params lists the parameters of a route.
func params(groups ...[]string) []string { return slices.Concat(groups...) }

// checkQuery refuses parameters that the route does not take: none is
// silently ignored.
func (r *request) checkQuery() error {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return belay.BadQuery("", "the query is not well-formed")
	}
	for name, vs := range values {
		if !slices.Contains(r.route.Query, name) && !slices.Contains(anyParams, name) {
			legal := params(r.route.Query, anyParams)
			slices.Sort(legal)
			return belay.BadQuery(name, "is not a parameter of this; the parameters are %s", strings.Join(legal, ", "))
		}
		if len(vs) > 1 && !slices.Contains(repeatable, name) {
			return belay.BadQuery(name, "is given twice")
		}
		for _, v := range vs {
			if strings.ContainsRune(v, 0) || !utf8.ValidString(v) {
				return belay.BadQuery(name, "must be UTF-8 without NUL")
			}
		}
	}
	for _, names := range spellings {
		given := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !values.Has(name) })
		if len(given) > 1 {
			return belay.BadQuery(given[1], "is another spelling of %s; give one of them", given[0])
		}
	}
	_, err = r.org()
	return err
}

// mesheryProvider is the header, and the cookie, by which Meshery's clients
// name the provider.
const mesheryProvider = "meshery-provider"

// checkProvider refuses a request that is meant for the users of a provider
// that is not in force, and one of a user of another provider.
func (r *request) checkProvider() error {
	named, _ := r.first("provider")
	if err := r.fromProvider("provider", named); err != nil {
		return err
	}
	if err := r.fromProvider(mesheryProvider, r.Header.Get(mesheryProvider)); err != nil {
		return err
	}
	p := belay.PrincipalFrom(r.Context())
	if p == nil || p.SessionID != "" {
		return nil // a browser sends the cookies of every server on this host
	}
	cookie, err := r.Cookie(mesheryProvider)
	if err != nil {
		return nil //nolint:nilerr // there is none
	}
	return r.fromProvider(mesheryProvider, cookie.Value)
}

func (r *request) fromProvider(parameter, named string) error {
	if named == "" {
		return nil
	}
	if _, err := r.gate.Provider(parameter, named); err != nil {
		return err
	}
	if p := belay.PrincipalFrom(r.Context()); p != nil && p.Provider != named {
		return app.Unauthenticated("the request names the provider " + named + ", and is authenticated as a user of " + p.Provider)
	}
	return nil
}

// first is the first value of any of some parameters, with the name under
// which it came.
func (r *request) first(names ...string) (value, name string) {
	q := r.URL.Query()
	for _, n := range names {
		if q.Has(n) {
			return q.Get(n), n
		}
	}
	return "", names[0]
}

// org is the organization that the request names, "" for none.
func (r *request) org() (belay.ID, error) {
	s, name := r.first("orgId", "orgID")
	if s == "" {
		return "", nil
	}
	id, err := belay.ParseID(s)
	if err != nil {
		return "", belay.BadQuery(name, "%s", err)
	}
	return id, nil
}

// id is a part of the path that names an object. What is no UUID names
// nothing.
func (r *request) id(name, noun string) (belay.ID, error) {
	id, err := belay.ParseID(r.PathValue(name))
	if err != nil {
		return "", &belay.Error{
			Code: belay.CodeNotFound, Message: belay.NotFound(noun).Message,
			Fields: []belay.Field{{Pointer: name, Message: err.Error()}},
		}
	}
	return id, nil
}

// page reads the parameters that every list has.
func (r *request) page() (belay.Query, error) {
	var q belay.Query
	var err error
	s, name := r.first("page")
	if q.Page, err = number(name, s, 0, 1_000_000); err != nil {
		return q, err
	}
	s, name = r.first("pageSize", "pagesize", "page_size")
	if s == "all" {
		s = strconv.Itoa(belay.MaxPageSize)
	}
	if q.Size, err = number(name, s, 0, 1_000_000); err != nil {
		return q, err
	}
	if q.Cursor, _ = r.first("cursor"); len(q.Cursor) > 4096 {
		return q, belay.BadQuery("cursor", "is not one that this server gave out")
	}
	if q.Search, _ = r.first("search"); len(q.Search) > 500 {
		return q, belay.BadQuery("search", "must have at most 500 bytes")
	}
	s, _ = r.first("order")
	q.Order, err = belay.ParseOrder(s)
	if column, ok := orderAliases[q.Order.Column]; ok {
		q.Order.Column = column
	}
	return q, err
}

// orderAliases are columns as Meshery's clients spell them.
var orderAliases = map[string]string{"created_at": "createdAt", "updated_at": "updatedAt", "sub_type": "subType"}

func number(name, s string, least, most int) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, belay.BadQuery(name, "must be a whole number from %d to %d", least, most)
	}
	return n, nil
}

// values is a parameter that is repeated, or one JSON array.
func (r *request) values(name string) ([]string, error) {
	vs := r.URL.Query()[name]
	if len(vs) == 1 && strings.HasPrefix(vs[0], "[") {
		var list []string
		if json.Unmarshal([]byte(vs[0]), &list) != nil {
			return nil, belay.BadQuery(name, "must be a JSON array of strings, or be repeated")
		}
		vs = list
	}
	if len(vs) > 50 {
		return nil, belay.BadQuery(name, "must be at most 50 values")
	}
	return slices.DeleteFunc(vs, func(s string) bool { return s == "" }), nil
}

// filter reads the parameter filter, a JSON object, into v, a pointer to a
// struct whose fields are all that it may hold.
func (r *request) filter(v any) error {
	s, _ := r.first("filter")
	if s == "" {
		return nil
	}
	if len(s) > 4096 {
		return belay.BadQuery("filter", "must have at most 4096 bytes")
	}
	body := &request{Request: r.Request, body: []byte(s)}
	err := body.decode(v)
	if err == nil {
		return nil
	}
	if e, ok := err.(*belay.Error); ok && len(e.Fields) > 0 { //nolint:errorlint // decode returns it bare
		return belay.BadQuery("filter", "%s %s; it can hold %s", e.Fields[0].Pointer, e.Fields[0].Message, strings.Join(fieldNames(v), ", "))
	}
	return belay.BadQuery("filter", "must be a JSON object; it can hold %s", strings.Join(fieldNames(v), ", "))
}

// flag reads a parameter that is true or false, or absent.
func (r *request) flag(name string) (bool, error) {
	s, _ := r.first(name)
	switch s {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, belay.BadQuery(name, "must be true or false")
}
