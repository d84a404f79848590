package cli

import (
	"context"
	"net/http"
	"net/url"

	"belay"
)

type providerTest struct {
	Name   string   `arg:"" help:"The provider."`
	Groups []string `name:"group" sep:"none" placeholder:"GROUP" help:"Do not ask the provider, but say what a user with this group, and others that are named so, would get."`
}

// Help gives examples.
func (*providerTest) Help() string {
	return "Asks the provider, from the server, for all that a sign-in needs, and says what to register there. With --group nothing is asked and nothing changes.\n\n" +
		examples("belay provider test local", "belay provider test local --group belay-sre --group ops")
}

// Run tests a provider, or says what groups give.
func (c *providerTest) Run(ctx context.Context, in *invocation) error {
	path := "/api/providers/" + url.PathEscape(c.Name)
	if len(c.Groups) > 0 {
		return c.preview(ctx, in, path+"/mapping?"+url.Values{"group": c.Groups}.Encode())
	}
	res, err := in.send(ctx, request{method: http.MethodPost, path: path + "/test"})
	if err != nil {
		return err
	}
	it, err := newItem(res.body)
	if err != nil {
		return err
	}
	if err := in.show(document{raw: res.body, items: it.objects("findings"), columns: findingColumns(), noun: "finding"}); err != nil {
		return err
	}
	if it.at("ok") == true {
		return nil
	}
	return &failure{exit: exitUnhealthy, what: "nobody can sign in through " + c.Name}
}

// findingColumns show what was found, and what to do about it.
func findingColumns() []column {
	tones := map[string]tone{"ok": good, "warning": warning, "failed": bad}
	return []column{
		field("CHECK", "name"),
		{title: "STATUS", cell: func(it item, _ view) cell { return cell{text: it.text("status"), tone: tones[it.text("status")]} }},
		field("FOUND", "message"), field("FIX", "fix"),
	}
}

// preview shows the teams that groups give, and says whether one enters with
// them.
func (c *providerTest) preview(ctx context.Context, in *invocation, path string) error {
	res, err := in.send(ctx, request{method: http.MethodGet, path: path})
	if err != nil {
		return err
	}
	it, err := newItem(res.body)
	if err != nil {
		return err
	}
	columns := []column{
		field("TEAM", "name"),
		{title: "THERE", cell: func(it item, _ view) cell {
			if it.at("exists") == true {
				return cell{text: "yes", tone: good}
			}
			return cell{text: "no: it gives nothing", tone: warning}
		}},
	}
	if err := in.show(document{raw: res.body, items: it.objects("teams"), columns: columns, noun: "team"}); err != nil {
		return err
	}
	in.sayPreview(c.Name, it)
	return nil
}

// sayPreview says in words what else there is to know.
func (in *invocation) sayPreview(provider string, it item) {
	for _, m := range it.objects("matches") {
		in.say(plain, "  %s gives %s, by the rule %s", m.text("group"), m.text("team"), m.text("rule"))
	}
	role := it.text("role")
	switch {
	case it.text("refused") != "":
		in.say(bad, "nobody with these groups signs in through %s: %s", provider, it.text("refused"))
	case role == string(belay.OrganizationAdmin) || role == string(belay.OrganizationMember):
		in.say(good, "who is new joins %s with the role %s", it.text("organization.name"), role)
	default:
		in.say(plain, "who is new does not enter, but by an invitation")
	}
}
