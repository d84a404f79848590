package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"belay"
)

type credentialCommands struct {
	List    credentialList    `cmd:"" aliases:"ls" help:"List credentials; never what they hold."`
	View    credentialView    `cmd:"" aliases:"show" help:"Show one credential; never what it holds."`
	Create  credentialCreate  `cmd:"" help:"Store a credential."`
	Edit    credentialEdit    `cmd:"" help:"Rename a credential, or replace its secret."`
	Delete  credentialDelete  `cmd:"" aliases:"rm" help:"Delete credentials that no connection uses."`
	Restore credentialRestore `cmd:"" help:"Take back the deletion of credentials."`
	Usage   credentialUsage   `cmd:"" help:"Show which connections use a credential."`
}

const credentialsPath = "/api/integrations/credentials"

func credentials() resource {
	works := column{title: "WORKS", cell: func(it item, _ view) cell {
		if it.number("usage.works.total") == 0 {
			return cell{}
		}
		c := cell{text: it.text("usage.works.ok") + "/" + it.text("usage.works.total")}
		switch n := it.number("usage.works.stale"); {
		case n > 0 && n == it.number("usage.works.total"):
			c.text += ", stale"
		case n > 0:
			c.text += fmt.Sprintf(", %d stale", int(n))
		}
		return c
	}}
	return resource{
		noun: "credential", key: "credentials", path: credentialsPath, aliases: []string{"cred"},
		columns: []column{
			field("NAME", "name"), field("TYPE", "type"), field("USED BY", "usage.connections"), works,
			when("EXPIRES", "expiresAt"), when("USED", "lastUsedAt"), when("ROTATED", "lastRotatedAt"),
			field("VERSION", "version").onlyWide(), field("FINGERPRINT", "fingerprint").onlyWide(), field("ID", "id").onlyWide(),
		},
		detail: []column{
			field("NAME", "name"), field("TYPE", "type"), publicColumn(), secretSetColumn(),
			field("FINGERPRINT", "fingerprint"), field("VERSION", "version"), field("USED BY", "usage.connections"), works,
			when("EXPIRES", "expiresAt"), when("USED", "lastUsedAt"), when("ROTATED", "lastRotatedAt"),
			field("ID", "id"), when("CREATED", "createdAt"), when("UPDATED", "updatedAt"),
		},
		queries: map[string]string{"type": "type"}, holders: []string{"workspace", "environment"},
		order: "name asc", scoped: true, restorable: true,
	}
}

func publicColumn() column {
	return column{title: "FIELDS", cell: func(it item, _ view) cell {
		return cell{text: strings.Join(pairs(it.at("public")), ", ")}
	}}
}

func secretSetColumn() column {
	return column{title: "SECRET", cell: func(it item, _ view) cell {
		var out []string
		for _, p := range pairs(it.at("secretSet")) {
			if name, ok := strings.CutSuffix(p, "=true"); ok {
				out = append(out, name)
			}
		}
		if out == nil {
			return cell{}
		}
		return cell{text: strings.Join(out, ", ") + " (stored, never shown)"}
	}}
}

type credentialList struct {
	listing
	deletedFlag
}

// Help gives examples.
func (*credentialList) Help() string {
	return examples("belay credential list", "belay credential list --filter type=kubernetes -o wide")
}

// Run lists credentials.
func (c *credentialList) Run(ctx context.Context, in *invocation) error {
	c.onlyDeleted = c.Deleted
	return c.run(ctx, in, credentials())
}

type credentialView struct {
	Name string `arg:"" help:"The credential." complete:"credential"`
}

// Help gives examples.
func (*credentialView) Help() string {
	return examples("belay credential view prom-basic", "belay credential view prom-basic --jq .fingerprint")
}

// Run shows one credential.
func (c *credentialView) Run(ctx context.Context, in *invocation) error {
	return in.view(ctx, credentials(), c.Name)
}

type credentialCreate struct {
	Name       string   `arg:"" help:"Its name."`
	Type       string   `placeholder:"TYPE" help:"What it holds: basic, bearer, header, mtls, kubernetes or opaque." complete:"credential-type"`
	Connection []string `placeholder:"NAME" help:"Let this connection use it, in place of what it uses now." complete:"connection"`
	secretFlags
}

// Help gives examples.
func (*credentialCreate) Help() string {
	return examples("belay credential create grafana --type bearer --secret-file /run/secrets/grafana --connection grafana-ops",
		"pass show prom | belay credential create prom --type basic --user metrics --secret-file -",
		"belay credential create key --type header --field name=X-API-Key --secret-env value=API_KEY")
}

// Run stores a credential, and attaches it where that is wanted. The
// connections are looked up first, so that a wrong name leaves nothing behind.
func (c *credentialCreate) Run(ctx context.Context, in *invocation) error {
	conns, err := in.findAll(ctx, connections(), c.Connection)
	if err != nil {
		return err
	}
	body, err := newCredentialBody(ctx, in, c.Name, c.Type, &c.secretFlags)
	if err != nil {
		return err
	}
	query := url.Values{}
	if err := in.scope(ctx, query); err != nil {
		return err
	}
	it, err := in.change(ctx, request{method: http.MethodPost, path: credentialsPath, query: query, body: body, rehearsed: true})
	if err != nil {
		return in.taken(ctx, err, credentials(), c.Name, func(word string) []string {
			return []string{
				"use it: belay connection credential CONNECTION --use " + word,
				"replace its secret: belay credential edit " + word + " --secret-file FIELD=PATH", "or choose another name",
			}
		})
	}
	in.say(good, "credential %s created (%s, fingerprint %s)", it.name(), shortID(it.id()), shortFingerprint(it.text("fingerprint")))
	if err := in.attach(ctx, it, conns); err != nil {
		err = alsoCreated(err, "credential", it, "belay connection credential CONNECTION --use "+shellWord(it.name()))
		return errors.Join(err, in.showChanged(credentials(), it))
	}
	if len(conns) == 0 {
		in.say(plain, "Next: belay connection credential CONNECTION --use %s", shellWord(it.name()))
	}
	return in.showChanged(credentials(), it)
}

// attach lets connections use a credential in place of those that they have.
func (in *invocation) attach(ctx context.Context, cred item, conns []item) error {
	return in.each(connections(), "changed", nil, conns, func(conn item) error {
		conn, etag, err := in.get(ctx, connections(), conn.id())
		if err != nil {
			return err
		}
		body := map[string]any{"credentials": []map[string]any{{"id": cred.id(), "purpose": belay.PurposePrimary}}}
		if _, err := in.change(ctx, request{method: http.MethodPut, path: connections().at(conn.id()), body: body, ifMatch: etag}); err != nil {
			return err
		}
		in.say(good, "%s uses %s now", conn.name(), cred.name())
		in.say(plain, "Next: belay connection test %s", shellWord(conn.name()))
		return nil
	})
}

type credentialEdit struct {
	Credential string `arg:"" help:"The credential." complete:"credential"`
	Name       string `placeholder:"NAME" help:"A new name."`
	secretFlags
}

// Help gives examples.
func (*credentialEdit) Help() string {
	return "Fields that are not given stay as they are.\n\n" + examples(
		"belay credential edit prom-basic --secret-file password=new.txt",
		"belay credential edit prom-basic --name prom-shared")
}

// Run changes a credential, if nobody else has in between. The API takes the
// id of what is changed in the body.
func (c *credentialEdit) Run(ctx context.Context, in *invocation) error {
	found, err := in.find(ctx, credentials(), c.Credential)
	if err != nil {
		return err
	}
	it, etag, err := in.get(ctx, credentials(), found.id())
	if err != nil {
		return err
	}
	body := map[string]any{"id": it.id()}
	if c.Name != "" {
		body["name"] = c.Name
	}
	if err := c.readSecret(in, it, body); err != nil {
		return err
	}
	if len(body) == 1 {
		return usage("there is nothing to change — say what, with a flag").withHelp("see: belay credential edit --help")
	}
	changed, err := in.put(ctx, credentials(), it, request{path: credentialsPath, ifMatch: etag}, body)
	if err != nil {
		return err
	}
	in.sayChanged(credentials(), changed, ", version "+changed.text("version"))
	if n := int(changed.number("usage.connections")); n > 0 && c.given() && !changed.unchanged {
		in.say(plain, "It is used by %s: belay credential usage %s", count(n, connections()), shellWord(changed.name()))
	}
	return in.showChanged(credentials(), changed)
}

func (c *credentialEdit) readSecret(in *invocation, it item, body map[string]any) error {
	if !c.given() {
		return nil
	}
	t, ok := belay.FindCredentialType(it.text("type"))
	if !ok { // a type that this program does not know yet: each field is secret
		t = belay.CredentialType{Name: it.text("type"), Open: true}
	}
	secret, err := c.read(in, t, false)
	if err != nil {
		return err
	}
	body["secret"] = typedFields{secret, t}
	return nil
}

type credentialDelete struct {
	Names  []string `arg:"" name:"name" help:"The credentials; - reads names from standard input." complete:"credential"`
	Detach bool     `help:"Delete it even if connections use it; they have none then."`
}

// Help gives examples.
func (*credentialDelete) Help() string {
	return examples("belay credential delete prom-old", "belay credential delete prom-old --detach --confirm prom-old")
}

// Run deletes credentials. The API takes the id as a parameter.
func (c *credentialDelete) Run(ctx context.Context, in *invocation) error {
	return in.deleteAll(ctx, deleting{
		resource: credentials(), severe: c.Detach, affects: c.affects(in),
		request: func(it item) request {
			query := url.Values{"credentialId": {it.id()}}
			if c.Detach {
				query.Set("detach", "true")
			}
			return request{path: credentialsPath, query: query}
		},
	}, c.Names)
}

// affects names the connections that cannot sign in without a credential. A
// dry run ends as the deletion would: in use, it is refused.
func (c *credentialDelete) affects(in *invocation) func(context.Context, item) (consequences, error) {
	return func(ctx context.Context, cred item) (consequences, error) {
		p, err := in.usage(ctx, cred)
		if err != nil || len(p.items) == 0 {
			return consequences{}, err
		}
		users := relatedTo(connections(), p.items)
		line := fmt.Sprintf("%s is used by %s: %s.", cred.name(), count(len(p.items), connections()), someNames(allNames(p.items)))
		if in.flags.DryRun && !c.Detach {
			in.say(plain, "%s", line)
			f := &failure{exit: exitConflict, what: "credential " + cred.name() + " would not be deleted", why: "it is in use"}
			return consequences{}, f.withHelp("to take it off them and delete it: --detach")
		}
		if !c.Detach { // which the server refuses, with what to do
			return consequences{lines: []string{line}, detaches: users, stays: users}, nil
		}
		lines := []string{line, "They are detached: each is left without it, and a restored credential is not attached again."}
		return consequences{lines: lines, detaches: users, stays: users, undo: attachings(cred, p.items)}, nil
	}
}

// attachings are the commands that let connections use again, once cred is
// restored, what they use now, in that order.
func attachings(cred item, conns []item) []string {
	var out []string
	for _, conn := range conns {
		var uses []string
		for _, use := range keep(conn.objects("credentials"), func(use item) bool { return use.at("deleted") != true }) {
			if use.id() == cred.id() {
				uses = append(uses, cred.name())
				continue
			}
			uses = append(uses, use.id())
		}
		out = append(out, "belay connection credential "+shellWord(conn.name())+" --use "+shellWord(strings.Join(uses, ",")))
	}
	return out
}

// usage are the connections that use a credential.
func (in *invocation) usage(ctx context.Context, cred item) (*page, error) {
	return in.fetchUpTo(ctx, connections(), credentials().at(cred.id(), "usage"), url.Values{}, 0)
}

type credentialUsage struct {
	Name string `arg:"" help:"The credential." complete:"credential"`
}

// Help gives examples.
func (*credentialUsage) Help() string {
	return examples("belay credential usage prom-basic",
		"belay credential usage prom-basic -o name | belay connection test -")
}

// Run shows which connections use a credential.
func (c *credentialUsage) Run(ctx context.Context, in *invocation) error {
	it, err := in.find(ctx, credentials(), c.Name)
	if err != nil {
		return err
	}
	p, err := in.usage(ctx, it)
	if err != nil {
		return err
	}
	if len(p.items) == 0 {
		in.say(plain, "no connection uses %s", it.name())
	}
	return in.show(document{raw: p.document, items: p.items, columns: connections().columns, noun: "connection"})
}
