package cli

import (
	"context"
	"slices"
	"strings"
)

type connectionEdit struct {
	Connection string `arg:"" help:"The connection." complete:"connection"`
	Name       string `placeholder:"NAME" help:"A new name."`
	connectionSettings
	Identity string   `placeholder:"ID" help:"Accept the target of this identity in place of the known one; the test shows the identity of what answers."`
	Unset    []string `placeholder:"metadata.KEY" help:"Remove a setting of the kind; labels.KEY removes a label."`
}

// Help gives examples.
func (*connectionEdit) Help() string {
	return "It is changed only if nobody else has changed it in between.\n\n" + examples(
		"belay connection edit prom-eu --url https://prom.eu.example:9090",
		"belay connection edit prom-eu --set check.intervalSeconds=30 --label team=ops",
		"belay connection edit prod-eu --ca-certificate ca.pem --unset labels.old")
}

// Run changes a connection.
func (c *connectionEdit) Run(ctx context.Context, in *invocation) error {
	// A trial, so that what is wrong with the flags is said before anything
	// is asked of the server.
	if err := c.into(map[string]any{}, item{}); err != nil {
		return err
	}
	kind := ""
	it, err := in.edit(ctx, connections(), c.Connection, func(now item, body map[string]any) error {
		kind = now.text("kind")
		if c.Name != "" {
			body["name"] = c.Name
		}
		if c.Identity != "" {
			body["identity"] = c.Identity
		}
		for _, path := range c.Unset {
			if err := unsetPath(body, now, path); err != nil {
				return err
			}
		}
		return c.into(body, now)
	})
	if err != nil {
		return in.aboutSettings(ctx, err, kind, c.Set)
	}
	in.sayChanged(connections(), it, "")
	if c.Identity != "" && it.text("identity") == "" {
		in.warn("no identity of %s is known that another could take the place of; a test finds one out, where the kind has it", it.name())
	}
	in.warnUnverified(it)
	if !it.unchanged && c.concernsTest() {
		in.say(plain, "Next: belay connection test %s", shellWord(it.name()))
	}
	return in.showChanged(connections(), it)
}

// concernsTest tells whether a test may go otherwise after the change: names,
// descriptions and labels are of no concern to the target.
func (c *connectionEdit) concernsTest() bool {
	s := c.connectionSettings
	unset := slices.ContainsFunc(c.Unset, func(path string) bool { return !strings.HasPrefix(path, "labels.") })
	set := slices.ContainsFunc(s.Set, func(spec string) bool { return !strings.HasPrefix(spec, "check.intervalSeconds=") })
	return s.URL != "" || set || s.CACertificate != "" || s.TLSServerName != "" || c.Identity != "" || unset
}
