package cli

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

type whoami struct {
	Permissions bool `help:"Show what you may do in the organization, and why."`
}

// Help gives examples.
func (*whoami) Help() string {
	return examples("belay whoami", "belay whoami --jq .email", "belay whoami --permissions")
}

// Run shows who the server takes the caller for, and by which token.
func (c *whoami) Run(ctx context.Context, in *invocation) error {
	res, err := in.send(ctx, request{method: http.MethodGet, path: "/api/user"})
	if narrowToken(err) && !c.Permissions {
		return in.showNarrow()
	}
	if err != nil {
		return err
	}
	it, err := newItem(res.body)
	if err != nil {
		return err
	}
	if c.Permissions {
		return in.showPermissions(ctx, it)
	}
	// A token that may not read organizations does not keep anybody from
	// asking who he is.
	_, err = in.organizationID(ctx)
	if f, ok := errors.AsType[*failure](err); ok && f.exit == exitNotFound {
		return err
	}
	roles := ""
	if in.laidOut() { // it asks the server for their names
		roles = in.rolesOf(ctx, it)
	}
	_, origin, err := in.token()
	if err != nil {
		return err
	}
	how, until := in.signedInBy(it)
	columns := []column{
		field("EMAIL", "email"), field("FIRST NAME", "firstName"), field("LAST NAME", "lastName"),
		field("PROVIDER", "provider"), field("ID", "id"), localColumn("SERVER", in.set.server.text),
		localColumn("CONTEXT", in.set.context.text), localColumn("ORGANIZATION", in.set.org.text), localColumn("ROLES", roles), localColumn("TOKEN FROM", origin),
		localColumn("SIGNED IN BY", how), localColumn("UNTIL", until),
	}
	return in.show(document{raw: it.raw, items: []item{it}, columns: columns, noun: "user", single: true})
}

// localColumn shows what the server does not know.
func localColumn(title, text string) column {
	return column{title: title, cell: func(item, view) cell { return cell{text: text} }}
}

// narrowWords say of a token that the server takes it, and does not tell whose
// it is.
const narrowWords = "API token, valid; whose it is cannot be read with it: it lacks the scope user:read"

// narrowToken tells whether a server refuses a token for its scopes alone: it
// has taken it for valid then.
func narrowToken(err error) bool {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		return false
	}
	var p problem
	return json.Unmarshal(f.document, &p) == nil && p.Status == http.StatusForbidden &&
		slices.ContainsFunc(p.Remediation, func(r remedy) bool { return r.ID == "token.scope" })
}

// showNarrow shows what there is to know of a token that may not read its user.
func (in *invocation) showNarrow() error {
	_, origin, err := in.token()
	if err != nil {
		return err
	}
	it, err := newItem(json.RawMessage(`{"authentication":{"method":"token","lacks":["user:read"]}}`))
	if err != nil {
		return err
	}
	return in.show(document{raw: it.raw, items: []item{it}, noun: "user", single: true, columns: []column{
		localColumn("SERVER", in.set.server.text), localColumn("CONTEXT", in.set.context.text),
		localColumn("TOKEN FROM", origin), localColumn("SIGNED IN BY", narrowWords),
	}})
}

// rolesOf says what the caller is in which organizations; by its id where the
// token may not read an organization.
func (in *invocation) rolesOf(ctx context.Context, me item) string {
	roles, _ := me.at("organizationRoles").(map[string]any)
	names := map[string]string{}
	if p, err := in.fetchUpTo(ctx, organizations(), organizations().path, url.Values{}, 0); err == nil {
		for _, org := range p.items {
			names[org.id()] = org.name()
		}
	}
	var out []string
	for _, id := range slices.Sorted(maps.Keys(roles)) {
		name := names[id]
		if name == "" {
			name = id
		}
		out = append(out, textOf(roles[id])+" of "+name)
	}
	return strings.Join(out, ", ")
}

// signedInBy says how one is signed in, and until when that lasts if nothing is
// done.
func (in *invocation) signedInBy(me item) (how, until string) {
	until = never
	if at, ok := me.time("authentication.expiresAt"); ok {
		until = at.UTC().Format(time.RFC3339)
	}
	switch {
	case in.byLogin() && in.kept != nil && in.kept.renewable():
		in.kept.mu.Lock()
		defer in.kept.mu.Unlock()
		return "belay login (a session, renewed by itself)", in.kept.cur.Ends.UTC().Format(time.RFC3339)
	case me.text("authentication.method") == "session":
		return "session", until
	}
	return "API token", until
}
