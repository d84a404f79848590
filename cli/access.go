package cli

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"belay"
)

type accessCommands struct {
	Explain     accessExplain     `cmd:"" help:"Say why somebody may do something, or what is missing."`
	Permissions accessPermissions `cmd:"" help:"List the permissions, and which roles give them."`
}

type accessExplain struct {
	Permission  string `arg:"" help:"The permission, such as connection:use." complete:"permission"`
	Connection  string `xor:"object" placeholder:"NAME" help:"The connection that it is about." complete:"connection"`
	Environment string `xor:"object" placeholder:"NAME" help:"The environment that it is about." complete:"environment"`
	On          string `name:"on" xor:"object" placeholder:"NAME" help:"The workspace that it is about." complete:"workspace"`
	Credential  string `xor:"object" placeholder:"NAME" help:"The credential that it is about." complete:"credential"`
	User        string `placeholder:"USER" help:"Whom it is about; without it yourself." complete:"user"`
}

// Help gives examples.
func (*accessExplain) Help() string {
	return "The path leads from the user, by his teams, to the object. It explains what workspaces give; the rest comes with the role in the organization. About others you may ask where you administer the organization or a workspace.\n\n" + examples(
		"belay access explain connection:use --connection prod-eu",
		"belay access explain workspace:assign --on payments",
		"belay access explain connection:use --connection prod-eu --user ann@example.com",
		"belay access explain credential:use --credential prom-basic --jq .missing.remedy.title")
}

// object is what the question is about.
func (c *accessExplain) object() (resource, string) {
	switch {
	case c.Connection != "":
		return connections(), c.Connection
	case c.Environment != "":
		return environments(), c.Environment
	case c.On != "":
		return workspaces(), c.On
	case c.Credential != "":
		return credentials(), c.Credential
	}
	return resource{}, ""
}

// explainable refuses a permission to which no way leads over an object: there
// is nothing to explain then but the role in the organization.
func explainable(p belay.Permission) error {
	if belay.RoleAdmin.Has(p) || !slices.Contains(belay.Permissions(), p) {
		return nil // what is no permission the server refuses, and lists them
	}
	var can []string
	for _, other := range belay.Permissions() {
		if belay.RoleAdmin.Has(other) {
			can = append(can, string(other))
		}
	}
	f := usage("%s is not given by workspaces: it comes with the role in the organization", p)
	if p.Own() {
		f = usage("%s is not given by workspaces: everybody has it for his own", p)
	}
	return f.withHelp("what you may, and why: belay whoami --permissions", "what can be explained: "+strings.Join(can, ", "))
}

func permissionNames() []string {
	var out []string
	for _, p := range belay.Permissions() {
		out = append(out, string(p))
	}
	return out
}

// Run shows the path, and what is missing on it.
func (c *accessExplain) Run(ctx context.Context, in *invocation) error {
	if err := explainable(belay.Permission(c.Permission)); err != nil {
		return err
	}
	r, name := c.object()
	if name == "" {
		return usage("it is not said what this is about").withHelp("name one: --connection, --environment, --on WORKSPACE or --credential")
	}
	found, err := in.find(ctx, r, name)
	if err != nil {
		return err
	}
	query := url.Values{"permission": {c.Permission}, r.noun: {found.id()}}
	if c.User != "" {
		id, err := in.userID(ctx, c.User)
		if err != nil {
			return err
		}
		query.Set("user", id)
	}
	if err := in.scope(ctx, query); err != nil {
		return err
	}
	res, err := in.send(ctx, request{method: http.MethodGet, path: "/api/access/explain", query: query})
	if err != nil {
		return err
	}
	it, err := newItem(res.body)
	if err != nil {
		return err
	}
	return in.show(document{raw: it.raw, items: []item{it}, noun: "access", single: true, columns: []column{
		{title: "ALLOWED", cell: allowedCell},
		field("PERMISSION", "permission"),
		{title: "PATH", cell: pathCell},
		field("MISSING", "missing.step"), field("REMEDY", "missing.remedy.title"), field("DO", "missing.remedy.description"),
		field("COMMAND", "missing.remedy.command"),
	}})
}

func allowedCell(it item, _ view) cell {
	if allowed, _ := it.at("allowed").(bool); allowed {
		return cell{text: "yes", tone: good}
	}
	return cell{text: "no", tone: bad}
}

// pathCell writes a path as user > team > workspace (role) > connection.
func pathCell(it item, _ view) cell {
	steps, _ := it.at("path").([]any)
	var out []string
	for _, s := range steps {
		step, _ := s.(map[string]any)
		text := textOf(step["type"]) + " " + textOf(step["name"])
		if hidden, _ := step["hidden"].(bool); hidden {
			text = "a " + textOf(step["type"]) + " that you cannot see"
		}
		if role := textOf(step["role"]); role != "" {
			text += " (" + role + ")"
		}
		out = append(out, text)
	}
	return cell{text: strings.Join(out, " > ")}
}

type accessPermissions struct {
	Routes bool `help:"Show what each route of the API asks for instead."`
}

// Help gives examples.
func (*accessPermissions) Help() string {
	return "Owners of an object, and administrators of the organization, have every permission on it.\n\n" +
		examples("belay access permissions", "belay access permissions --routes", "belay access permissions --jq '.permissions[].name'")
}

// Run shows the table that the server publishes.
func (c *accessPermissions) Run(ctx context.Context, in *invocation) error {
	key, noun := "permissions", "permission"
	columns := []column{field("PERMISSION", "name"), field("ROLES", "roles")}
	called := func(it item) string { return it.text("name") }
	if c.Routes {
		key, noun = "routes", "route"
		columns = []column{field("METHOD", "method"), field("PATH", "path"), field("PERMISSION", "permission"), field("FURTHER", "further")}
		called = func(it item) string { return it.text("method") + " " + it.text("path") }
	}
	res, err := in.send(ctx, request{method: http.MethodGet, path: "/api/access/permissions"})
	if err != nil {
		return err
	}
	p, err := newPage(res.body, key)
	if err != nil {
		return err
	}
	return in.show(document{raw: p.document, items: p.items, noun: noun, called: called, columns: columns})
}
