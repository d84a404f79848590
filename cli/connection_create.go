package cli

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

type connectionCreate struct {
	Name string `arg:"" optional:"" help:"Its name."`
	Kind string `placeholder:"KIND" help:"What it connects to; see belay kind list." complete:"kind"`
	connectionSettings
	Credential    string   `xor:"credential" placeholder:"NAME" help:"Use this credential." complete:"credential"`
	NewCredential string   `xor:"credential" placeholder:"NAME" help:"Create a credential of this name for it."`
	Type          string   `placeholder:"TYPE" help:"The type of the new credential: basic, bearer, header, mtls, kubernetes or opaque." complete:"credential-type"`
	Environment   []string `placeholder:"NAME" help:"Put it into this environment." complete:"environment"`
	Status        string   `enum:",registered,connected" default:"" placeholder:"STATUS" help:"registered, or connected: the server tests it while creating it."`
	Test          bool     `negatable:"" default:"true" help:"Test it once it is there."`
	secretFlags
}

// Help gives examples.
func (*connectionCreate) Help() string {
	return "It ends with 7 when the test does not pass; what was created is kept.\nWith --dry-run the server still tests it, which contacts the target with the credential; nothing is stored. With --no-test neither happens.\n\n" + examples(
		"belay connection create prom-lab --kind prometheus --url http://127.0.0.1:9090",
		"belay connection create prom-eu --kind prometheus --url https://prom.eu.example --new-credential prom-eu-basic --type basic --user metrics --secret-file - --environment production",
		"belay connection create shop --kind http --url https://shop.example --set metadata.path=/health --label team=web")
}

// Run creates the credential, the connection, its assignments, and tests it.
// It undoes nothing: what was created before a failure is named in it.
func (c *connectionCreate) Run(ctx context.Context, in *invocation) error {
	asked, err := c.complete(ctx, in)
	if err != nil {
		return err
	}
	plan, err := c.plan(ctx, in)
	if err != nil {
		return err
	}
	if in.flags.DryRun {
		return c.testDraft(ctx, in, plan)
	}
	conn, err := c.make(ctx, in, plan)
	if err != nil {
		return err
	}
	if asked {
		in.say(plain, "The same without questions: belay connection create %s --kind %s%s", shellWord(c.Name), c.Kind, c.flags())
	}
	if len(plan.environments) > 0 {
		if err := in.pair(ctx, assigning(http.MethodPost), plan.environments, []item{conn}); err != nil {
			err = alsoCreated(err, "connection", conn, "belay connection assign "+shellWord(conn.name())+" --environment NAME")
			return errors.Join(err, in.showChanged(connections(), conn))
		}
	}
	return c.finish(ctx, in, conn)
}

// complete asks for what is missing; asked tells whether it had to.
func (c *connectionCreate) complete(ctx context.Context, in *invocation) (asked bool, err error) {
	if c.Name == "" {
		asked = true
		if c.Name, err = in.askFor("the name of the connection", "NAME"); err != nil {
			return asked, err
		}
	}
	if c.Kind == "" {
		asked = true
		if c.Kind, err = c.askKind(ctx, in); err != nil {
			return asked, err
		}
	}
	if c.URL == "" {
		asked = true
		if c.URL, err = in.askFor("the URL", "--url URL"); err != nil {
			return asked, err
		}
	}
	if c.NewCredential == "" && (c.Type != "" || c.given()) {
		return asked, usage("a secret was given for no credential").withHelp("create one: --new-credential NAME --type TYPE")
	}
	return asked, nil
}

func (c *connectionCreate) askKind(ctx context.Context, in *invocation) (string, error) {
	if !in.interactive() {
		return "", usage("the kind is missing").withHelp("give it with --kind KIND", "see: belay kind list")
	}
	p, err := in.fetchUpTo(ctx, kinds(), kinds().path, url.Values{}, 0)
	if err != nil {
		return "", err
	}
	return in.choose(ctx, "the kind", "--kind KIND", allNames(p.items))
}

// creation is everything that a connection is made of, looked up and read
// before anything is changed.
type creation struct {
	environments []item
	body         map[string]any
}

func (c *connectionCreate) plan(ctx context.Context, in *invocation) (*creation, error) {
	p := &creation{body: map[string]any{"name": c.Name, "kind": c.Kind}}
	if err := c.into(p.body, item{}); err != nil {
		return nil, err
	}
	if c.Status != "" {
		p.body["status"] = c.Status
	}
	var err error
	if p.environments, err = in.findAll(ctx, environments(), c.Environment); err != nil {
		return nil, err
	}
	if c.Credential != "" {
		it, err := in.find(ctx, credentials(), c.Credential)
		if err != nil {
			return nil, err
		}
		p.body["credentialId"] = it.id()
	}
	if c.NewCredential == "" {
		return p, nil
	}
	cred, err := newCredentialBody(ctx, in, c.NewCredential, c.Type, &c.secretFlags)
	if err != nil {
		return nil, err
	}
	// With the connection in one request, so that both are made or neither is.
	p.body["credentialName"], p.body["credentialType"], p.body["credentialSecret"] = cred["name"], cred["type"], cred["secret"]
	return p, nil
}

func newCredentialBody(ctx context.Context, in *invocation, name, typeName string, s *secretFlags) (map[string]any, error) {
	if typeName == "" {
		var err error
		if typeName, err = in.choose(ctx, "the type of the credential", "--type TYPE", credentialTypeNames()); err != nil {
			return nil, err
		}
	}
	t, err := credentialType(typeName)
	if err != nil {
		return nil, err
	}
	secret, err := s.read(in, t, true)
	if err != nil {
		return nil, err
	}
	return map[string]any{"name": name, "type": t.Name, "secret": typedFields{secret, t}}, nil
}

// request is what makes all of it but the assignments.
func (p *creation) request(ctx context.Context, in *invocation) (request, error) {
	query := url.Values{}
	err := in.scope(ctx, query)
	return request{method: http.MethodPost, path: connectionsPath, query: query, body: p.body, timeout: testTimeout, rehearsed: true}, err
}

// make creates the connection, and with it the credential if a new one is
// wanted.
func (c *connectionCreate) make(ctx context.Context, in *invocation, p *creation) (item, error) {
	r, err := p.request(ctx, in)
	if err != nil {
		return item{}, err
	}
	conn, err := in.change(ctx, r)
	if err != nil {
		return item{}, in.aboutSettings(ctx, c.taken(ctx, in, err), c.Kind, c.Set)
	}
	line := "connection " + conn.name() + " created (" + shortID(conn.id()) + ")"
	if c.NewCredential != "" {
		line += " · credential " + c.NewCredential
		// Its fingerprint is for people to compare; one who may not see it goes without.
		if cred, _, err := in.get(ctx, credentials(), conn.text("credentialId")); err == nil {
			line += " (fingerprint " + shortFingerprint(cred.text("fingerprint")) + ")"
		}
	}
	in.say(good, "%s", line)
	return conn, nil
}

// taken says what to do with the connection or the credential that has the
// name already.
func (c *connectionCreate) taken(ctx context.Context, in *invocation, err error) error {
	err = in.taken(ctx, err, connections(), c.Name, func(word string) []string {
		return []string{"change it: belay connection edit " + word + " --url " + shellWord(c.URL), "or choose another name"}
	})
	return in.taken(ctx, err, credentials(), c.NewCredential, func(word string) []string {
		return []string{"use it, without --new-credential, --type and its secret: --credential " + word, "or choose another name"}
	})
}

// alsoCreated says on a failure what exists all the same.
func alsoCreated(err error, noun string, it item, next string) error {
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = &failure{exit: exitFailed, what: err.Error(), cause: err}
	}
	extended := *f
	extended.help = append([]string{
		"the " + noun + " " + it.name() + " (" + it.id() + ") was created before and is kept",
		"use it: " + next, "or delete it: belay " + noun + " delete " + it.id(),
	}, f.help...)
	return &extended
}

func shortFingerprint(s string) string {
	if len(s) <= 8 {
		return s
	}
	return s[:4] + "…" + s[len(s)-2:]
}

// finish tests the connection and shows it as it is then.
func (c *connectionCreate) finish(ctx context.Context, in *invocation, conn item) error {
	in.warnUnverified(conn)
	var failed error
	if c.Test {
		failed = c.testNew(ctx, in, conn)
	}
	if in.machine() {
		now, _, err := in.get(ctx, connections(), conn.id())
		if err != nil {
			return err
		}
		if err := in.showItem(connections(), now); err != nil {
			return err
		}
	}
	return failed
}

func (c *connectionCreate) testNew(ctx context.Context, in *invocation, conn item) error {
	in.onInterrupt = []string{"the connection was created, and its test goes on: belay connection view " + shellWord(conn.name())}
	stop := in.waiting(still("%s is tested", conn.name()))
	res, err := in.sendTest(ctx, conn)
	stop()
	if err != nil {
		return alsoCreated(err, "connection", conn, "belay connection test "+shellWord(conn.name()))
	}
	if res.status == http.StatusAccepted {
		return in.started(res)
	}
	it, err := newItem(res.body)
	if err != nil {
		return err
	}
	result, err := it.check()
	if err != nil {
		return err
	}
	if result.passed() {
		in.sayHealth(result.Health, "%s is %s%s", conn.name(), result.Health, summaryOf(result))
		return nil
	}
	f := unhealthy(result, conn)
	f.help = append([]string{"the connection was created and is kept"}, f.help...)
	return f
}

// testDraft asks whether it would be created, tests it, and shows it; nothing
// of it is stored.
func (c *connectionCreate) testDraft(ctx context.Context, in *invocation, p *creation) error {
	r, err := p.request(ctx, in)
	if err != nil {
		return err
	}
	asked, err := in.client()
	if err != nil {
		return err
	}
	if err := asked.rehearse(ctx, r); err != nil {
		return in.aboutSettings(ctx, c.taken(ctx, in, err), c.Kind, c.Set)
	}
	var failed error
	if c.Test {
		if failed = c.sendDraft(ctx, in, p); failed != nil && !isUnhealthy(failed) {
			return failed
		}
	}
	if in.machine() && c.Test {
		return failed // the check is the document
	}
	if err := in.wouldSend(ctx, r); err != nil {
		return err
	}
	if len(p.environments) > 0 {
		in.say(plain, "and put it into %s", strings.Join(allNames(p.environments), ", "))
	}
	return failed
}

func (c *connectionCreate) sendDraft(ctx context.Context, in *invocation, p *creation) error {
	draft := maps.Clone(p.body)
	delete(draft, "status")
	delete(draft, "credentialName")
	query := url.Values{}
	if err := in.scope(ctx, query); err != nil {
		return err
	}
	in.say(plain, "This dry run tests %s (%s): the server contacts %s, nothing is stored. Without that: --no-test", c.Name, c.Kind,
		contacted(textOf(p.body["url"]), cmp.Or(c.Credential, c.NewCredential)))
	stop := in.waiting(still("%s is tested", c.Name))
	res, err := in.send(ctx, request{
		method: http.MethodPost, path: connectionsPath + "/test", query: query, body: draft, timeout: testTimeout, reads: true,
	})
	stop()
	if err != nil {
		return in.aboutSettings(ctx, err, c.Kind, c.Set)
	}
	it, err := newItem(res.body)
	if err != nil {
		return err
	}
	return in.showCheck(it, item{fields: map[string]any{"name": c.Name, "kind": c.Kind}})
}

// isUnhealthy tells whether a test was made and did not pass.
func isUnhealthy(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && f.exit == exitUnhealthy
}
