package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

type tokenCreate struct {
	Name        string   `arg:"" help:"Its name: what uses it."`
	Purpose     string   `placeholder:"TEXT" help:"What it is for."`
	Scope       []string `placeholder:"A,B" help:"What it may do, such as connection:read; all that you may if nothing is said." complete:"permission"`
	Environment string   `placeholder:"NAME" help:"Good for this environment only." complete:"environment"`
	Expires     string   `placeholder:"WHEN" help:"After a time (30d, 2w, 12h), on a day (2027-01-31), or never; 90 days if nothing is said."`
}

// Help gives examples.
func (*tokenCreate) Help() string {
	return "The token alone goes to standard output, and all that is said about it to standard error. With -o json it is in accessToken." +
		"\nOn this command line, --workspace and --org bind it: it is good for nothing else.\n\n" + examples(
		"belay token create ci --scope connection:read,connection:use --workspace payments --expires 30d",
		"belay token create ci2 --scope connection:read,connection:use -q > token && chmod 400 token")
}

// Run makes a token.
func (c *tokenCreate) Run(ctx context.Context, in *invocation) error {
	if err := in.showsToken(); err != nil {
		return err
	}
	body := map[string]any{"name": c.Name}
	if err := c.into(in, body); err != nil {
		return err
	}
	if err := c.bind(ctx, in, body); err != nil {
		return err
	}
	in.announce()
	res, err := in.send(ctx, request{method: http.MethodPost, path: tokens().path, body: body})
	if err != nil {
		return err
	}
	p, err := newPage(res.body, tokens().key)
	if err != nil || len(p.items) != 1 {
		return errors.Join(err, unreadable(""))
	}
	return in.handOver(p.items[0])
}

func (c *tokenCreate) into(in *invocation, body map[string]any) error {
	if c.Purpose != "" {
		body["purpose"] = c.Purpose
	}
	if len(c.Scope) > 0 {
		for _, s := range c.Scope {
			if known := permissionNames(); s != "*" && !slices.Contains(known, s) {
				return notOneOf("scope", s, known)
			}
		}
		body["scopes"] = c.Scope
	}
	return in.expiry(c.Expires, body)
}

// bind names what the token is to be bound to: only what is said on this
// command line, not what a context happens to have.
func (c *tokenCreate) bind(ctx context.Context, in *invocation, body map[string]any) error {
	if in.flags.Org != "" {
		id, err := in.organizationID(ctx)
		if err != nil {
			return err
		}
		body["organizationId"] = id
	}
	for _, b := range []struct {
		r   resource
		ref string
	}{{workspaces(), in.flags.Workspace}, {environments(), c.Environment}} {
		if b.ref == "" {
			continue
		}
		it, err := in.find(ctx, b.r, b.ref)
		if err != nil {
			return err
		}
		body[b.r.noun+"Id"] = it.id()
	}
	return nil
}

// expiry reads when a token is to end into the body of a request.
func (in *invocation) expiry(when string, body map[string]any) error {
	if when == "" {
		return nil
	}
	if when == never {
		body["expiresAt"] = nil
		return nil
	}
	if d, ok := parseLife(when); ok {
		const day = 24 * time.Hour
		if d%day == 0 {
			body["expiresInDays"] = int(d / day)
			return nil
		}
		body["expiresAt"] = in.Now().Add(d).UTC().Format(time.RFC3339)
		return nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, when); err == nil {
			body["expiresAt"] = t.UTC().Format(time.RFC3339)
			return nil
		}
	}
	return usage("--expires %q is not a time such as 30d or 12h, a day such as 2027-01-31, or never", when)
}

// showsToken refuses, before anything is made, an output that would not show
// the token: there is no other time to see it.
func (in *invocation) showsToken() error {
	format := in.set.output.text
	lost := ""
	switch {
	case len(in.flags.Fields) > 0 && !slices.Contains(in.flags.Fields, "accessToken"):
		lost = "--fields without accessToken"
	case in.flags.JQ == "" && in.flags.Template == "" && (format == formatName || format == formatCSV):
		lost = "-o " + format
	}
	if lost == "" {
		return nil
	}
	return usage("%s would not show the token, and it is shown this once only", lost).withHelp("-o json has it in accessToken; otherwise it is printed alone")
}

// handOver prints a token that was just made.
func (in *invocation) handOver(it item) error {
	ends := "It does not expire."
	if at, ok := it.time("expiresAt"); ok {
		ends = "Expires " + at.UTC().Format(time.DateOnly) + "."
		if at.Sub(in.Now()) < 48*time.Hour {
			ends = "Expires " + at.UTC().Format(time.RFC3339) + "."
		}
	}
	in.say(warning, "This is the only time the token is shown. %s", ends)
	if until, ok := it.time("previous.expiresAt"); ok && until.After(in.Now()) {
		in.say(plain, "The one before it (%s) works until %s.", it.text("previous.accessToken"), until.UTC().Format(time.RFC3339))
	}
	var err error
	if in.machine() || len(in.flags.Fields) > 0 {
		err = in.show(document{raw: it.raw, items: []item{it}, columns: tokens().detail, noun: "token", single: true})
	} else {
		_, err = fmt.Fprintln(in.Stdout, it.text("accessToken"))
	}
	if err != nil {
		f := &failure{exit: exitFailed, what: "the token was made, and could not be shown", why: err.Error(), cause: err}
		return f.withHelp("give it another text: belay token rotate "+it.id(), "or end it: belay token revoke "+it.id())
	}
	return nil
}

type tokenRotate struct {
	Token   string `arg:"" help:"The token: its name, its id, or its prefix." complete:"token"`
	KeepOld string `placeholder:"24h" help:"For how long the old one works too: 0 for not at all, at most 7d; 24h if nothing is said."`
	Expires string `placeholder:"WHEN" help:"As for create; if nothing is said it lives as long again as the old one was to."`
}

// Help gives examples.
func (*tokenRotate) Help() string {
	return "The new one alone goes to standard output; name, scopes and bounds stay. Whoever uses it has until --keep-old ends to change over; what was rotated before that stops at once.\n\n" + examples(
		"belay token rotate ci > token", "belay token rotate ci --keep-old 0 --expires 30d")
}

// Run rotates a token.
func (c *tokenRotate) Run(ctx context.Context, in *invocation) error {
	if err := in.showsToken(); err != nil {
		return err
	}
	body := map[string]any{}
	if err := c.into(in, body); err != nil {
		return err
	}
	found, err := in.findToken(ctx, c.Token)
	if err != nil {
		return err
	}
	it, err := in.change(ctx, request{method: http.MethodPost, path: tokens().at(found.id(), "rotate"), body: body})
	if err != nil {
		return err
	}
	if it.at("current") == true {
		if _, from, err := in.token(); err == nil {
			in.say(warning, "This command line uses it: put the new one into %s.", from)
		}
	}
	return in.handOver(it)
}

func (c *tokenRotate) into(in *invocation, body map[string]any) error {
	if old := strings.TrimSpace(c.KeepOld); old == "0" {
		body["overlapSeconds"] = 0
	} else if old != "" {
		d, ok := parseLife(old)
		if !ok {
			return usage("--keep-old %q is not a time such as 24h or 7d, or 0", c.KeepOld)
		}
		body["overlapSeconds"] = d.Seconds()
	}
	return in.expiry(c.Expires, body)
}
