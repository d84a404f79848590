package cli

import (
	"context"
	"fmt"
	"strings"
)

type connectionCommands struct {
	List       connectionList       `cmd:"" aliases:"ls" help:"List connections."`
	View       connectionView       `cmd:"" aliases:"show" help:"Show one connection."`
	Create     connectionCreate     `cmd:"" help:"Register a connection; with its credential, a test and its environments."`
	Edit       connectionEdit       `cmd:"" help:"Change a connection."`
	Delete     connectionDelete     `cmd:"" aliases:"rm" help:"Delete connections."`
	Restore    connectionRestore    `cmd:"" help:"Take back the deletion of connections."`
	Test       connectionTest       `cmd:"" help:"Test connections now, from the server."`
	Checks     connectionChecks     `cmd:"" help:"Show the checks of a connection, the newest first."`
	Import     connectionImport     `cmd:"" help:"Make connections of what is configured elsewhere."`
	State      connectionState      `cmd:"" help:"Change where a connection stands, or show where it can go."`
	Assign     connectionAssign     `cmd:"" help:"Put connections into environments."`
	Unassign   connectionUnassign   `cmd:"" help:"Take connections out of environments."`
	Credential connectionCredential `cmd:"" aliases:"cred" help:"Say which credential a connection uses."`
}

const connectionsPath = "/api/integrations/connections"

func connections() resource {
	columns := []column{
		field("NAME", "name").least(16), field("KIND", "kind").firm().spare(3), healthNow(),
		when("SINCE", "health.since").spare(4), field("STATE", "status").firm().spare(1),
		list("ENVIRONMENTS", "environments").least(12).spare(2),
		field("URL", "url").onlyWide(), when("CHECKED", "health.checkedAt").onlyWide(), field("ID", "id").onlyWide(),
		whyColumn().least(20),
	}
	return resource{
		noun: "connection", key: "connections", path: connectionsPath, aliases: []string{"conn", "c"}, exact: true,
		columns: columns, detail: connectionDetail(), order: "name asc", scoped: true, restorable: true,
		queries: map[string]string{
			"kind": "kind", "status": "status", "state": "status", "type": "type", "health": "health", "label": "label",
			"environment": "filter", "workspace": "filter", "credential": "filter",
		},
	}
}

// whyColumn says what is wrong: the cause and what the check says of it; and
// of a connection that takes any certificate, that it does.
func whyColumn() column {
	return column{title: "WHY", cell: func(it item, _ view) cell {
		c := cell{}
		if it.text("health.status") != "healthy" {
			c.text = strings.TrimSpace(it.text("health.cause") + "  " + it.text("health.summary"))
		}
		if !unverified(it) {
			return c
		}
		c.mark, c.tone = "!", warning
		if !strings.Contains(c.text, "not verified") {
			c.text = strings.TrimSuffix("certificate not verified; "+c.text, "; ")
		}
		return c
	}}
}

func credentialColumn() column {
	return column{title: "CREDENTIAL", cell: func(it item, _ view) cell {
		uses, _ := it.at("credentials").([]any)
		var out []string
		for _, u := range uses {
			use := item{fields: u}
			text := use.name()
			if text == "" {
				text = use.id()
			}
			if p := use.text("purpose"); p != "" && p != "primary" {
				text += " (" + p + ")"
			}
			if use.at("deleted") == true {
				text += " (deleted)"
			}
			out = append(out, text)
		}
		if out == nil {
			return cell{text: it.text("credentialId")}
		}
		return cell{text: strings.Join(out, ", ")}
	}}
}

func labelsColumn() column {
	return column{title: "LABELS", cell: func(it item, _ view) cell {
		return cell{text: strings.Join(pairs(it.at("labels")), ", ")}
	}}
}

type connectionList struct {
	listing
	deletedFlag
	Environment string   `placeholder:"NAME" help:"Only those in this environment; none for those in no environment." complete:"environment"`
	Kind        []string `placeholder:"KIND" help:"Only these kinds." complete:"kind"`
	Label       []string `sep:"none" placeholder:"KEY=VALUE" help:"Only those with this label; with several flags, with all of them."`
}

// Help gives examples.
func (*connectionList) Help() string {
	return examples("belay connection list --filter health=unhealthy,degraded",
		"belay connection list --environment none -o name",
		"belay connection list --jq '.connections[] | select(.health.status==\"unhealthy\") | .name'")
}

// Run lists connections.
func (c *connectionList) Run(ctx context.Context, in *invocation) error {
	var extra []string
	if c.Environment != "" {
		extra = append(extra, "environment="+c.Environment)
	}
	if len(c.Kind) > 0 {
		extra = append(extra, "kind="+strings.Join(c.Kind, ","))
	}
	if _, err := keyValues("--label", c.Label); err != nil {
		return err
	}
	for _, l := range c.Label {
		extra = append(extra, "label="+l)
	}
	c.onlyDeleted = c.Deleted
	return c.run(ctx, in, connections(), extra...)
}

type connectionDelete struct {
	Names []string `arg:"" name:"name" help:"The connections; - reads names from standard input." complete:"connection"`
}

// Help gives examples.
func (*connectionDelete) Help() string {
	return examples("belay connection delete prom-lab",
		"belay connection list --filter state=ignored -o name | belay connection delete - --yes")
}

// Run deletes connections. Their credentials stay.
func (c *connectionDelete) Run(ctx context.Context, in *invocation) error {
	return in.deleteAll(ctx, deleting{
		resource: connections(), after: "No credential was deleted.", affects: in.affectedByConnection,
	}, c.Names)
}

// affectedByConnection says where a connection is missed, and in a dry run
// which credentials stay.
func (in *invocation) affectedByConnection(ctx context.Context, it item) (consequences, error) {
	var c consequences
	envs := it.objects("environments")
	c.detaches = relatedTo(environments(), envs)
	if len(envs) > 0 {
		which := "it"
		if len(envs) > 1 {
			which = "one of them"
		}
		c.lines = append(c.lines, fmt.Sprintf("%s is in %s, and so in every workspace that has %s.",
			it.name(), strings.Join(allNames(envs), ", "), which))
	}
	if !in.flags.DryRun {
		return c, nil
	}
	in.nameCredentials(ctx, it)
	c.stays = relatedTo(credentials(), keep(it.objects("credentials"), func(use item) bool { return use.at("deleted") != true }))
	if text := credentialColumn().cell(it, view{}).text; text != "" {
		c.lines = append(c.lines, "Stays:   credential "+text)
	}
	return c, nil
}
