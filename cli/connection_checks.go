package cli

import (
	"context"
	"net/url"
)

type connectionChecks struct {
	Name  string `arg:"" help:"The connection." complete:"connection"`
	Limit *int   `xor:"many" placeholder:"N" help:"Show at most this many; ${checksShown} without it."`
	All   bool   `xor:"many" help:"Show all that are kept."`
}

// Help gives examples.
func (*connectionChecks) Help() string {
	return "The newest comes first.\n\n" + examples(
		"belay connection checks prod-eu", "belay connection checks prod-eu --limit 1 --jq '.checks[0].stages'",
		"belay connection checks prod-eu --all -o csv")
}

// checksShown is how many checks are shown without --limit.
const checksShown = 20

// checks are the noun of a connection's history. They have no list of their
// own and no name.
func checks() resource {
	return resource{noun: "check", key: "checks", order: "startedAt desc"}
}

// Run lists the checks of a connection.
func (c *connectionChecks) Run(ctx context.Context, in *invocation) error {
	limit, err := limitOf(c.Limit, c.All, checksShown)
	if err != nil {
		return err
	}
	conn, err := in.find(ctx, connections(), c.Name)
	if err != nil {
		return err
	}
	p, err := in.fetchUpTo(ctx, checks(), connections().at(conn.id(), "checks"), url.Values{}, limit)
	if err != nil {
		return err
	}
	d := document{
		raw: p.document, items: p.items, noun: "check", called: item.id,
		columns: append([]column{when("WHEN", "startedAt"), field("TRIGGER", "trigger")}, checkColumns()...),
	}
	if err := in.show(d); err != nil {
		return err
	}
	in.summarize(checks(), p, false, c.Limit != nil)
	return nil
}
