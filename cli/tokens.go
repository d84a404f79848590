package cli

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

type tokenCommands struct {
	List   tokenList   `cmd:"" aliases:"ls" help:"List your tokens."`
	View   tokenView   `cmd:"" aliases:"show" help:"Show one token, and never what it is made of."`
	Create tokenCreate `cmd:"" help:"Make a token, and print it this once."`
	Rotate tokenRotate `cmd:"" help:"Replace a token, and print the new one this once."`
	Revoke tokenRevoke `cmd:"" aliases:"rm,delete" help:"Make tokens useless, at once."`
}

func tokens() resource {
	return resource{
		noun: "token", key: "tokens", path: "/api/identity/tokens",
		columns: []column{
			field("NAME", "name"), field("PREFIX", "accessToken").firm(), scopesColumn(), boundColumn(nil),
			usedColumn(), endsColumn(), field("ID", "id").onlyWide(),
		},
		detail: []column{
			field("NAME", "name"), field("PURPOSE", "purpose"), field("STATUS", "status"), field("PREFIX", "accessToken"),
			scopesColumn(), boundColumn(nil), usedColumn(), endsColumn(), when("ROTATED", "rotatedAt"), formerColumn(),
			when("REVOKED", "revokedAt"), field("USER", "userEmail"), field("ID", "id"), when("CREATED", "createdAt"),
		},
		order: "name asc",
	}
}

// tokens is the noun, with the names of what its tokens are bound to: they
// are looked up as they are shown.
func (in *invocation) tokens(ctx context.Context) resource {
	names := map[string]string{}
	nameOf := func(r resource, id string) string {
		if _, known := names[id]; !known {
			names[id] = shortID(id)
			if it, _, err := in.get(ctx, r, id); err == nil {
				names[id] = it.name()
			}
		}
		return names[id]
	}
	r := tokens()
	for _, columns := range [][]column{r.columns, r.detail} {
		for i, c := range columns {
			if c.title == boundTitle {
				columns[i] = boundColumn(nameOf)
			}
		}
	}
	return r
}

// scopesColumn shows what a token may do: * is all that its user may.
func scopesColumn() column {
	return column{title: "SCOPES", cell: func(it item, _ view) cell {
		list, some := it.at("scopes").([]any)
		if !some {
			return cell{text: "*"}
		}
		words := make([]string, len(list))
		for i, s := range list {
			words[i] = textOf(s)
		}
		return cell{text: strings.Join(words, " ")}
	}}
}

const boundTitle = "BOUND TO"

// boundColumn shows what a token is good for alone; its organization only
// where it is bound to nothing in it.
func boundColumn(nameOf func(resource, string) string) column {
	return column{title: boundTitle, cell: func(it item, _ view) cell {
		var parts []string
		for _, r := range []resource{workspaces(), environments(), organizations()} {
			id := it.text(r.noun + "Id")
			if id == "" || r.noun == "organization" && len(parts) > 0 {
				continue
			}
			name := shortID(id)
			if nameOf != nil {
				name = nameOf(r, id)
			}
			parts = append(parts, r.noun+" "+name)
		}
		return cell{text: strings.Join(parts, ", ")}
	}}
}

func usedColumn() column {
	return column{title: "LAST USED", cell: func(it item, v view) cell {
		used := when("", "lastUsedAt").cell(it, v).text
		if used == "" {
			return cell{text: "never"}
		}
		if v.relative {
			used += " ago"
		}
		return cell{text: used + " " + it.text("lastUsedFrom")}
	}}
}

func endsColumn() column {
	return column{title: "EXPIRES", track: track{firm: true}, cell: func(it item, v view) cell {
		c := when("", "expiresAt").cell(it, v)
		switch {
		case it.text("status") == "revoked":
			return cell{text: "revoked"}
		case c.text == "":
			c.text = never
		case it.text("status") == "expired":
			c.text = "expired " + c.text
			if v.relative {
				c.text += " ago"
			}
		case it.at("expiresSoon") == true:
			c.tone, c.mark = warning, "!"
		}
		return c
	}}
}

// formerColumn shows what a token was before its rotation, while that works.
func formerColumn() column {
	return column{title: "PREVIOUS", cell: func(it item, v view) cell {
		until, ok := it.time("previous.expiresAt")
		if !ok {
			return cell{}
		}
		text := it.text("previous.accessToken")
		if until.Before(v.now) {
			return cell{text: text + ", works no more"}
		}
		text += ", works until " + until.UTC().Format(time.RFC3339)
		if used, ok := it.time("previous.lastUsedAt"); ok {
			return cell{text: text + ", last used " + used.UTC().Format(time.RFC3339), tone: warning}
		}
		return cell{text: text + ", not used since"}
	}}
}

type tokenList struct {
	listing
	Ended    bool `help:"List those that were revoked or have expired in the last 30 days."`
	Everyone bool `help:"List the tokens of all users that are bound to the organization; for its administrators."`
}

// Help gives examples.
func (*tokenList) Help() string {
	return "With --org, those that are bound to that organization.\n\n" + examples("belay token list", "belay token list --ended",
		"belay token list --everyone --jq '.tokens[] | select(.expiresSoon) | .name'")
}

// Run lists tokens.
func (c *tokenList) Run(ctx context.Context, in *invocation) error {
	r := in.tokens(ctx)
	r.scoped = c.Everyone || in.flags.Org != "" // said here, so it is meant for this list
	c.also = func(n *narrowing) {
		if c.Everyone {
			n.query.Set("everyone", "true")
		}
		if c.Ended {
			n.members["ended"] = true
		}
	}
	if c.Everyone {
		r.columns = append([]column{field("USER", "userEmail")}, r.columns...)
	}
	return c.run(ctx, in, r)
}

type tokenView struct {
	Token string `arg:"" help:"The token: its name, its id, or its prefix." complete:"token"`
}

// Help gives examples.
func (*tokenView) Help() string {
	return examples("belay token view ci", "belay token view ci -o json")
}

// Run shows one token.
func (c *tokenView) Run(ctx context.Context, in *invocation) error {
	it, err := in.findToken(ctx, c.Token)
	if err != nil {
		return err
	}
	return in.view(ctx, in.tokens(ctx), it.id())
}

// publicPart is what the prefix of a token looks like.
var publicPart = regexp.MustCompile("^" + tokenPrefix + "[0-9A-Za-z]{8}$")

// findToken finds a token by its name, its id or its prefix. By that, it may
// have been rotated since, and may be somebody's whose tokens the caller
// administers.
func (in *invocation) findToken(ctx context.Context, ref string) (item, error) {
	r := tokens()
	name, err := r.unqualify(ref)
	if err != nil {
		return item{}, err
	}
	if !publicPart.MatchString(name) {
		return in.find(ctx, r, ref)
	}
	for _, more := range []string{"", "everyone"} {
		filter, err := json.Marshal(map[string]string{"prefix": name})
		if err != nil {
			return item{}, err
		}
		query := url.Values{"filter": {string(filter)}}
		if more != "" {
			query.Set(more, "true")
			r.scoped = true
		}
		p, err := in.fetch(ctx, r, query)
		if more == "" && err != nil {
			return item{}, err
		}
		if err == nil && len(p.items) > 0 {
			return one(r, name, p.items)
		}
	}
	f := &failure{exit: exitNotFound, what: "no token that works begins with " + name}
	return item{}, f.withHelp("it may have been revoked already: belay token list --ended",
		"or be somebody else's, who can revoke it: belay token revoke "+name)
}

func (in *invocation) findTokens(ctx context.Context, refs []string) ([]item, error) {
	refs, err := in.expand(refs)
	if err != nil {
		return nil, err
	}
	var items []item
	for _, ref := range refs {
		it, err := in.findToken(ctx, ref)
		if err != nil {
			return nil, err
		}
		if len(keep(items, func(o item) bool { return o.id() == it.id() })) == 0 {
			items = append(items, it)
		}
	}
	return items, nil
}

type tokenRevoke struct {
	Tokens []string `arg:"" name:"token" help:"The tokens: names, ids or prefixes; - reads them from standard input." complete:"token"`
}

// Help gives examples.
func (*tokenRevoke) Help() string {
	return "Who has seen a token needs to be shut out at once: its prefix, the first 12 characters, is enough to revoke it. When the command ends, the server that was asked takes it no more; where several serve one database, the others follow within half a second. That cannot be taken back.\n\n" + examples(
		"belay token revoke ci --confirm ci", "belay token list -o name --search old | belay token revoke - --yes")
}

// Run revokes tokens.
func (c *tokenRevoke) Run(ctx context.Context, in *invocation) error {
	items, err := in.findTokens(ctx, c.Tokens)
	if err != nil {
		return err
	}
	if err := in.confirmable("revoke", items); err != nil {
		return err
	}
	return in.each(tokens(), "revoked", c.Tokens, items, func(it item) error {
		if it.at("current") == true {
			in.say(warning, "%s is the token that this command line uses here: nothing will work without another", it.name())
		}
		if err := in.confirm(deletion{verb: "revoke", noun: "token", name: it.name()}); err != nil {
			return err
		}
		if _, err := in.change(ctx, request{method: http.MethodDelete, path: tokens().at(it.id())}); err != nil {
			return err
		}
		in.say(good, "token %s (%s) revoked: the server takes it no more", it.name(), it.text("accessToken"))
		return in.showChanged(tokens(), it)
	})
}
