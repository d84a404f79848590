package cli

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"belay"
)

type memberAdd struct {
	Users []string `arg:"" name:"user" help:"The users, by e-mail address or id; - reads them from standard input."`
	Role  string   `enum:"owner,admin,member," default:"" placeholder:"ROLE" help:"owner, admin or member; member without it, or the role that is had already."`
}

// Help gives examples.
func (*memberAdd) Help() string {
	return "Users are looked for in the other organizations that you belong to; you must administer one that they belong to.\n\n" + examples(
		"belay organization member add ann@example.com --org northwind", "belay organization member add ann@example.com --org northwind --role admin")
}

// Run makes users members of the organization.
func (c *memberAdd) Run(ctx context.Context, in *invocation) error {
	refs, err := in.expand(c.Users)
	if err != nil {
		return err
	}
	items, roles := make([]item, len(refs)), map[string]any{}
	for i, ref := range refs {
		var here bool
		if items[i], here, err = in.findElsewhere(ctx, ref); err != nil {
			return err
		}
		if here {
			roles[items[i].id()] = items[i].text("role")
		}
	}
	return in.each(users(), "added to the organization", c.Users, items, func(it item) error {
		r := request{method: http.MethodPost, path: users().at(it.id()), would: &outcome{
			text: "user " + it.name() + " would belong to the organization", r: users(), it: it,
			changes: newRole(roles[it.id()], c.Role, "member"),
		}}
		if c.Role != "" {
			r.body = map[string]any{"role": c.Role}
		}
		added, err := in.change(ctx, r)
		if err != nil {
			return err
		}
		in.say(good, "user %s is now %s of the organization", added.name(), added.text("role"))
		return in.showChanged(users(), added)
	})
}

// newRole is what giving a role changes of the one that is had, nil for none.
// Without a role that one stays, else it is the usual one.
func newRole(from any, given, usual string) []difference {
	var to any = cmp.Or(given, usual)
	if given == "" && from != nil {
		to = from
	}
	if from == to {
		return []difference{}
	}
	return []difference{{"role", from, to}}
}

// findElsewhere finds a user here, in the organization in effect, or else in
// another one of the caller's.
func (in *invocation) findElsewhere(ctx context.Context, ref string) (found item, here bool, err error) {
	found, missing := in.find(ctx, users(), ref)
	if f, ok := errors.AsType[*failure](missing); !ok || f.exit != exitNotFound {
		return found, true, missing
	}
	all, err := in.fetchUpTo(ctx, organizations(), organizations().path, url.Values{}, 0)
	if err != nil {
		return item{}, false, err
	}
	for _, org := range all.items {
		there := users()
		there.path = strings.Replace(there.path, organizationPart, url.PathEscape(org.id()), 1)
		found, err := in.find(ctx, there, ref)
		if f, ok := errors.AsType[*failure](err); !ok || f.exit != exitNotFound {
			return found, false, err
		}
	}
	if f, ok := errors.AsType[*failure](missing); ok && strings.Contains(ref, "@") {
		f.help = append(f.help, "somebody new: "+belay.CommandLine("belay", "organization", "invite", ref))
	}
	return item{}, false, missing
}
