package cli

import (
	"context"
	"net/http"

	"belay"
)

type memberCommands struct {
	List     memberList     `cmd:"" aliases:"ls" help:"List who belongs to the organization."`
	Add      memberAdd      `cmd:"" help:"Add users of your other organizations to the organization."`
	Role     memberRole     `cmd:"" help:"Give members another role in the organization."`
	Remove   memberRemove   `cmd:"" aliases:"rm" help:"Remove members from the organization."`
	SignOut  memberSignOut  `cmd:"" help:"End all sessions of members."`
	Transfer memberTransfer `cmd:"" help:"Give all that somebody owns to another member."`
}

// users are the members of the organization in effect.
func users() resource {
	return resource{
		noun: "user", key: "data", plural: "users", command: "organization member", path: "/api/identity/orgs/" + organizationPart + "/users", aliases: []string{"member", "members"},
		columns: []column{
			field("EMAIL", "email"), field("FIRST NAME", "firstName"), field("LAST NAME", "lastName"), field("ROLE", "role"),
			when("JOINED", "joinedAt"), field("PROVIDER", "provider").onlyWide(), field("ID", "id").onlyWide(),
		},
		queries: map[string]string{"team": "filter", "workspace": "filter"},
	}
}

type memberList struct{ listing }

// Help gives examples.
func (*memberList) Help() string {
	return examples("belay organization member list", "belay organization member list --filter team=sre --fields email,role")
}

// Run lists the members of the organization.
func (c *memberList) Run(ctx context.Context, in *invocation) error { return c.run(ctx, in, users()) }

type memberRole struct {
	Role  string   `arg:"" enum:"owner,admin,member" help:"owner, admin or member."`
	Users []string `arg:"" name:"user" help:"The members, by e-mail address; - reads them from standard input." complete:"user"`
}

// Help gives examples.
func (*memberRole) Help() string {
	return "Only owners make and unmake owners, and the last one stays.\n\n" + examples(
		"belay organization member role admin ann@example.com", "belay organization member role member ann@example.com --dry-run")
}

// Run gives members another role.
func (c *memberRole) Run(ctx context.Context, in *invocation) error {
	items, err := in.findAll(ctx, users(), c.Users)
	if err != nil {
		return err
	}
	return in.each(users(), "changed", c.Users, items, func(it item) error {
		changed, err := in.put(ctx, users(), it, request{path: users().at(it.id())}, map[string]any{"role": c.Role})
		if err != nil {
			return err
		}
		in.sayChanged(users(), changed, ": "+changed.text("role")+" of the organization")
		return in.showChanged(users(), changed)
	})
}

type memberRemove struct {
	Users []string `arg:"" name:"user" help:"The members, by e-mail address; - reads them from standard input." complete:"user"`
}

// Help gives examples.
func (*memberRemove) Help() string {
	return "What they own stays; see belay organization member transfer. You can remove yourself.\n\n" + examples(
		"belay organization member remove ann@example.com --yes", "belay organization member remove ann@example.com --dry-run")
}

// Run removes members.
func (c *memberRemove) Run(ctx context.Context, in *invocation) error {
	return in.deleteAll(ctx, deleting{
		resource: users(), after: "What was theirs stays.", word: "removed from the organization", verb: "remove",
		affects: func(_ context.Context, it item) (consequences, error) {
			return consequences{lines: []string{it.name() + " loses all roles and places in teams of this organization."}}, nil
		},
	}, c.Users)
}

type memberSignOut struct {
	Users []string `arg:"" name:"user" help:"The members, by e-mail address; - reads them from standard input." complete:"user"`
}

// Help gives examples.
func (*memberSignOut) Help() string {
	return "They must sign in again, wherever they were. Their tokens stay: see belay token list --everyone.\n\n" + examples(
		"belay organization member sign-out ann@example.com --yes", "belay organization member sign-out ann@example.com --dry-run")
}

// Run ends the sessions of members.
func (c *memberSignOut) Run(ctx context.Context, in *invocation) error {
	items, err := in.findAll(ctx, users(), c.Users)
	if err != nil {
		return err
	}
	if err := in.confirmable("sign out", items); err != nil {
		return err
	}
	return in.each(users(), "signed out", c.Users, items, func(it item) error {
		if err := in.confirm(deletion{verb: "sign out", noun: "user", name: it.name()}); err != nil {
			return err
		}
		done, err := in.change(ctx, request{
			method: http.MethodDelete, path: users().at(it.id(), "sessions"),
			would: &outcome{text: "would sign " + it.name() + " out everywhere", r: users(), it: it},
		})
		if err != nil {
			return err
		}
		in.say(good, "%s signed out: %s ended", it.name(), count(int(done.number("ended")), sessions()))
		return in.showChanged(users(), it)
	})
}

type memberTransfer struct {
	From string `arg:"" help:"Whose it is, by e-mail address; for who was removed already, by id." complete:"user"`
	To   string `arg:"" help:"Whose it will be." complete:"user"`
}

// Help gives examples.
func (*memberTransfer) Help() string {
	return examples("belay organization member transfer ann@example.com max@example.com",
		"belay organization member transfer ann@example.com max@example.com --dry-run")
}

// Run gives what somebody owns to another.
func (c *memberTransfer) Run(ctx context.Context, in *invocation) error {
	to, err := in.find(ctx, users(), c.To)
	if err != nil {
		return err
	}
	from, err := in.formerMember(ctx, c.From)
	if err != nil {
		return err
	}
	done, err := in.change(ctx, request{
		method: http.MethodPost, path: users().at(from.id(), "transfer"), body: map[string]any{"to": to.id()},
		would: &outcome{text: "would give all that " + from.name() + " owns to " + to.name(), r: users(), it: from},
	})
	if err != nil {
		return err
	}
	n := 0
	for _, sort := range []string{"workspaces", "environments", "credentials", "connections", "teams"} {
		n += int(done.number("transferred." + sort))
	}
	in.say(good, "%d of what %s owned now belong to %s", n, from.name(), to.name())
	return in.showChanged(users(), done)
}

// userID is the id of whom a reference names: an id is one already, also for
// who may not look among the members.
func (in *invocation) userID(ctx context.Context, ref string) (string, error) {
	if id, bad := belay.ParseID(ref); bad == nil {
		return string(id), nil
	}
	it, err := in.find(ctx, users(), ref)
	return it.id(), err
}

// formerMember finds a member, or takes an id as that of one who was.
func (in *invocation) formerMember(ctx context.Context, ref string) (item, error) {
	it, err := in.find(ctx, users(), ref)
	if err == nil {
		return it, nil
	}
	if id, bad := belay.ParseID(ref); bad == nil {
		return item{fields: map[string]any{"id": string(id), "name": string(id)}}, nil
	}
	return it, err
}
