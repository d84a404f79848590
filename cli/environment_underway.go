package cli

import (
	"context"
	"net/http"
	"net/url"
)

type environmentTest struct {
	Name   string `arg:"" help:"The environment." complete:"environment"`
	Status bool   `xor:"under-way" help:"Show which tests of it are under way, in place of testing it."`
	Cancel bool   `xor:"under-way" help:"Cancel the test of it that is under way: what has begun ends, and no more is begun."`
	User   string `placeholder:"ID" help:"With --cancel, who began the test; you, if nothing is said."`
}

// Help gives examples.
func (*environmentTest) Help() string {
	return "Each result is shown as it comes; as a document, or with --jq, all of them at the end. It ends with 7 when one\n" +
		"of them does not work. What is in maintenance is tested and shown, and is no failure; what is ignored is left out.\n" +
		"Ctrl-C begins no more tests. One that was started with --no-wait goes on at the server, until it is cancelled.\n\n" + examples(
		"belay environment test production", "belay environment test production -o json --fields name,health --no-input",
		"belay environment test production --no-wait", "belay environment test production --status",
		"belay environment test production --cancel")
}

// Run tests every connection of an environment, or sees to the test that is
// under way.
func (c *environmentTest) Run(ctx context.Context, in *invocation) error {
	if c.User != "" && !c.Cancel {
		return usage("--user says whose test to cancel").withHelp("use it with --cancel")
	}
	env, err := in.find(ctx, environments(), c.Name)
	switch {
	case err != nil:
		return err
	case c.Status:
		return in.showUnderWay(ctx, env)
	case c.Cancel:
		return in.cancelTest(ctx, env, c.User)
	}
	return in.testEnvironment(ctx, env)
}

// showUnderWay shows the tests of an environment that are under way.
func (in *invocation) showUnderWay(ctx context.Context, env item) error {
	res, err := in.send(ctx, request{method: http.MethodGet, path: environments().at(env.id(), "test")})
	if err != nil {
		return err
	}
	p, err := newPage(res.body, "tests")
	if err != nil {
		return err
	}
	if len(p.items) == 0 && in.laidOut() {
		in.say(plain, "no test of %s is under way that you may see", env.name())
		return nil
	}
	cancelled := column{title: "STATE", cell: func(it item, _ view) cell {
		if it.text("cancelled") == "true" {
			return cell{text: "cancelled, ends with what has begun"}
		}
		return cell{text: "under way"}
	}}
	return in.show(document{
		raw: p.document, items: p.items, noun: "test", called: func(it item) string { return it.text("userId") },
		columns: []column{
			field("USER", "userId"), when("STARTED", "startedAt"), field("CONNECTIONS", "connections"),
			field("BEGUN", "begun"), field("DONE", "done"), cancelled,
		},
	})
}

// cancelTest cancels the test of an environment that somebody began, "" for
// oneself.
func (in *invocation) cancelTest(ctx context.Context, env item, user string) error {
	query, whose := url.Values{}, "your test"
	if user != "" {
		query.Set("userId", user)
		whose = "the test by " + user
	}
	_, err := in.change(ctx, request{
		method: http.MethodDelete, path: environments().at(env.id(), "test"), query: query,
		would: &outcome{text: "would cancel " + whose + " of environment " + env.name(), r: environments(), it: env},
	})
	if err != nil {
		return err
	}
	in.say(good, "%s of %s is cancelled: what has begun ends, and no more is begun", whose, env.name())
	if !in.machine() {
		return nil
	}
	return in.showUnderWay(ctx, env)
}
