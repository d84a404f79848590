package cli

import (
	"context"
	"strings"
)

type kindCommands struct {
	List kindList `cmd:"" aliases:"ls" help:"List the kinds."`
	View kindView `cmd:"" aliases:"show" help:"Show one kind: its endpoint, its settings, what its test does."`
}

func kinds() resource {
	return resource{
		noun: "kind", key: "kinds", path: "/api/registry/connections", whole: true,
		columns: []column{
			field("NAME", "name"), field("TITLE", "title"), field("TYPE", "type"), field("SUBTYPE", "subType"),
			field("CREDENTIALS", "credentialTypes"), field("DESCRIPTION", "description").onlyWide(),
		},
		detail: []column{
			field("NAME", "name"), field("TITLE", "title"), field("DESCRIPTION", "description"),
			field("TYPE", "type"), field("SUBTYPE", "subType"), field("URL", "endpoint.example"),
			field("CREDENTIALS", "credentialTypes"), settingsColumn(), stagesColumn(), field("READ", "documentation"),
		},
	}
}

// settingsColumn names what --set takes.
func settingsColumn() column {
	return column{title: "SETTINGS", cell: func(it item, _ view) cell {
		properties, _ := it.at("connectionSchema.properties").(map[string]any)
		var out []string
		for _, p := range pairs(properties) {
			name, _, _ := strings.Cut(p, "=")
			out = append(out, "metadata."+name)
		}
		return cell{text: strings.Join(out, ", ")}
	}}
}

func stagesColumn() column {
	return column{title: "TEST", cell: func(it item, _ view) cell {
		stages, _ := it.at("stages").([]any)
		var out []string
		for _, s := range stages {
			out = append(out, (item{fields: s}).text("stage"))
		}
		return cell{text: strings.Join(out, " → ")}
	}}
}

type kindList struct{}

// Help gives examples.
func (*kindList) Help() string { return examples("belay kind list", "belay kind list -o name") }

// Run lists the kinds.
func (*kindList) Run(ctx context.Context, in *invocation) error {
	all := listing{All: true}
	return all.run(ctx, in, kinds())
}

type kindView struct {
	Name string `arg:"" help:"The kind." complete:"kind"`
}

// Help gives examples.
func (*kindView) Help() string {
	return examples("belay kind view prometheus", "belay kind view kubernetes --jq .connectionSchema")
}

// Run shows one kind. A kind is known by its name, which serves as its id.
func (c *kindView) Run(ctx context.Context, in *invocation) error {
	found, err := in.find(ctx, kinds(), c.Name)
	if err != nil {
		return err
	}
	it, _, err := in.get(ctx, kinds(), found.name())
	if err != nil {
		return err
	}
	return in.showItem(kinds(), it)
}
