package cli

import (
	"context"
	"fmt"
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
			field("TYPE", "type"), field("SUBTYPE", "subType"), field("URL", "endpoint.example"), field("URL IS", "endpoint.help"),
			field("CREDENTIALS", "credentialTypes"), documentationColumn(),
		},
	}
}

// settingsColumn explains what --set takes.
func settingsColumn() column {
	return column{title: "SETTINGS", cell: func(it item, _ view) cell {
		var out []string
		for _, s := range kindSettings(it) {
			out = append(out, fmt.Sprintf("%s (%s) %s", s.path, s.kind, s.what))
		}
		return cell{text: strings.Join(out, "; ")}
	}}
}

// documentationColumn is where more is to be read, if that is an address: a
// path is one in the source, which not everybody has.
func documentationColumn() column {
	return column{title: "READ", cell: func(it item, _ view) cell {
		if text := it.text("documentation"); strings.Contains(text, "://") {
			return cell{text: text}
		}
		return cell{}
	}}
}

func stagesColumn() column {
	return column{title: "TEST", cell: func(it item, _ view) cell {
		stages, _ := it.at("stages").([]any)
		var out []string
		for _, s := range stages {
			out = append(out, stageName((item{fields: s}).text("stage")))
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
	if !in.forPeople() || len(in.flags.Fields) > 0 {
		r := kinds()
		r.detail = append(r.detail, settingsColumn(), stagesColumn())
		return in.showItem(r, it)
	}
	return in.explainKind(it)
}

// explainKind shows a kind to somebody who is about to connect to one.
func (in *invocation) explainKind(it item) error {
	if err := in.showItem(kinds(), it); err != nil {
		return err
	}
	parts := []document{{items: settingItems(kindSettings(it)), columns: []column{
		field("SETTING", "setting"), field("VALUE", "value"), field("DEFAULT", "default"), field("WHAT IT IS", "what"),
	}}, {items: within(it, "stages"), columns: []column{stageColumn(), field("PASSES IF", "description")}}}
	for _, d := range parts {
		if len(d.items) == 0 {
			continue
		}
		d.whole = true
		if _, err := fmt.Fprintln(in.Stdout); err != nil {
			return err
		}
		if err := in.show(d); err != nil {
			return err
		}
	}
	in.say(plain, "Next: belay connection create NAME --kind %s --url %s", it.name(), shellWord(it.text("endpoint.example")))
	in.say(plain, "A setting: --set SETTING=VALUE, or the flag. The API: %s/docs", in.set.base)
	return nil
}

func stageColumn() column {
	return column{title: "STEP OF THE TEST", cell: func(it item, _ view) cell { return cell{text: stageName(it.text("stage"))} }}
}

// within are the objects of a list in an object.
func within(it item, path string) []item {
	list, _ := it.at(path).([]any)
	out := make([]item, len(list))
	for i, e := range list {
		out[i] = item{fields: e}
	}
	return out
}
