package cli

import (
	"encoding/json"
	"fmt"
)

type configCommands struct {
	List configList `cmd:"" aliases:"ls" help:"List the settings in effect."`
}

type configList struct {
	ShowOrigin bool `help:"Show where each value came from."`
}

// Help gives examples.
func (*configList) Help() string {
	return examples("belay config list --show-origin", "belay config list --jq '.settings[] | select(.name==\"server\") | .value'")
}

// Run lists the settings in effect. Of the token it shows only where it is.
func (c *configList) Run(in *invocation) error {
	path, err := in.configPath()
	if err != nil {
		return err
	}
	token, origin, err := in.token()
	if err != nil {
		origin = err.Error()
	}
	found := setting{"none", "not found"}
	if !token.IsZero() {
		found = setting{"found", origin}
	}
	all := []struct {
		name string
		setting
	}{
		{"server", in.set.server},
		{"context", in.set.context},
		{"org", in.set.org},
		{"workspace", in.set.workspace},
		{"output", in.set.output},
		{"ca_file", in.set.caFile},
		{"token", found},
		{"config", setting{path, "configuration file"}},
	}
	type row struct {
		Name   string `json:"name"`
		Value  string `json:"value"`
		Origin string `json:"origin"`
	}
	rows := make([]row, len(all))
	items := make([]item, len(all))
	for i, s := range all {
		rows[i] = row{s.name, s.text, s.origin}
		items[i] = item{fields: map[string]any{"name": s.name, "value": s.text, "origin": s.origin}}
	}
	raw, err := json.Marshal(map[string]any{"settings": rows})
	if err != nil {
		return fmt.Errorf("show the settings: %w", err)
	}
	columns := []column{field("NAME", "name"), field("VALUE", "value")}
	if c.ShowOrigin {
		columns = append(columns, field("ORIGIN", "origin"))
	}
	return in.show(document{raw: raw, items: items, columns: columns, noun: "setting"})
}
