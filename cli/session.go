package cli

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

type sessionCommands struct {
	List   sessionList   `cmd:"" aliases:"ls" help:"List the browsers and programs in which you are signed in."`
	Revoke sessionRevoke `cmd:"" aliases:"rm,delete" help:"Sign browsers and programs out."`
}

func sessions() resource {
	current := column{title: "CURRENT", cell: func(it item, _ view) cell {
		if it.at("current") == true {
			return cell{text: "yes"}
		}
		return cell{}
	}}
	return resource{
		noun: "session", key: "sessions", path: "/api/identity/sessions",
		columns: []column{
			field("ID", "id").firm(), field("FROM", "remoteAddr"), when("SIGNED IN", "createdAt"), when("LAST USED", "lastUsedAt"),
			when("ENDS", "idleAt"), current.onlyWide(), field("BROWSER OR PROGRAM", "userAgent"),
		},
	}
}

type sessionList struct {
	Limit *int `placeholder:"N" help:"Show at most this many; 50 if nothing is said."`
	All   bool `help:"Show all, however many."`
}

// Help gives examples.
func (*sessionList) Help() string {
	return examples("belay session list", "belay session list --jq '.sessions[].remoteAddr'")
}

// Run lists sessions.
func (c *sessionList) Run(ctx context.Context, in *invocation) error {
	limit, err := limitOf(c.Limit, c.All, listed)
	if err != nil {
		return err
	}
	r := sessions()
	p, err := in.fetchUpTo(ctx, r, r.path, url.Values{}, limit)
	if err != nil {
		return err
	}
	if err := in.show(document{raw: p.document, items: p.items, columns: r.columns, noun: r.noun, called: item.id}); err != nil {
		return err
	}
	in.summarize(r, p, false, c.Limit != nil)
	return nil
}

type sessionRevoke struct {
	Sessions []string `arg:"" optional:"" name:"session" help:"The sessions: ids, or how they begin; - reads them from standard input."`
	All      bool     `help:"All of them, but the one that the request is made in."`
}

// Help gives examples.
func (*sessionRevoke) Help() string {
	return examples("belay session revoke --all --yes", "belay session list -o name | belay session revoke - --yes")
}

// Run ends sessions.
func (c *sessionRevoke) Run(ctx context.Context, in *invocation) error {
	if c.All == (len(c.Sessions) > 0) {
		return usage("say which sessions — ids, or --all").withHelp("see: belay session list")
	}
	if c.All {
		return in.endAllSessions(ctx)
	}
	items, err := in.findSessions(ctx, c.Sessions)
	if err != nil {
		return err
	}
	if err := in.confirmable("revoke", items); err != nil {
		return err
	}
	return in.each(sessions(), "revoked", c.Sessions, items, func(it item) error {
		if err := in.confirm(deletion{verb: "revoke", noun: "session", name: it.id()}); err != nil {
			return err
		}
		if _, err := in.change(ctx, request{method: http.MethodDelete, path: sessions().at(it.id())}); err != nil {
			return err
		}
		in.say(good, "session %s revoked: that browser or program must sign in again", shortID(it.id()))
		return in.showChanged(sessions(), it)
	})
}

func (in *invocation) endAllSessions(ctx context.Context) error {
	if err := in.confirm(deletion{verb: "revoke", noun: "sessions", name: "all"}); err != nil {
		return err
	}
	it, err := in.change(ctx, request{method: http.MethodDelete, path: sessions().path})
	if err != nil {
		return err
	}
	in.say(good, "%s revoked", count(int(it.number("ended")), sessions()))
	if !in.machine() {
		return nil
	}
	return in.show(document{raw: it.raw, items: []item{it}, noun: "session", single: true})
}

// findSessions finds the sessions that the references name: they have no
// names, and are not asked for one by one.
func (in *invocation) findSessions(ctx context.Context, refs []string) ([]item, error) {
	refs, err := in.expand(refs)
	if err != nil {
		return nil, err
	}
	r := sessions()
	p, err := in.fetchUpTo(ctx, r, r.path, url.Values{}, 0)
	if err != nil {
		return nil, err
	}
	var items []item
	for _, ref := range refs {
		id, err := r.unqualify(ref)
		if err != nil {
			return nil, err
		}
		found := withPrefix(p.items, strings.TrimSuffix(id, "…"))
		if len(found) == 0 {
			f := &failure{exit: exitNotFound, what: "there is no session " + ref}
			return nil, f.withHelp("see: belay session list")
		}
		it, err := one(r, ref, found)
		if err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	return items, nil
}
