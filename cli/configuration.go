package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

type configCommands struct {
	List configList `cmd:"" aliases:"ls" help:"List the settings in effect."`
	Get  configGet  `cmd:"" help:"Show one setting that is in effect."`
	Set  configSet  `cmd:"" help:"Store a preference in the configuration file."`
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
	all, err := in.effective()
	if err != nil {
		return err
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
	return in.show(document{raw: raw, items: items, columns: columns, noun: "setting", whole: true})
}

// namedSetting is one setting in effect.
type namedSetting struct {
	name string
	setting
}

// effective are all settings in effect. Of the token it tells only where it
// is.
func (in *invocation) effective() ([]namedSetting, error) {
	path, err := in.configPath()
	if err != nil {
		return nil, err
	}
	token, origin, err := in.token()
	if err != nil {
		origin = err.Error()
	}
	found := setting{"none", "not found"}
	if !token.IsZero() {
		found = setting{"found", origin}
	}
	return []namedSetting{
		{"server", in.set.server},
		{"context", in.set.context},
		{"org", in.set.org},
		{"workspace", in.set.workspace},
		{"output", in.set.output},
		{"pager", in.set.pager},
		{"ca_file", in.set.caFile},
		{"client_certificate", in.set.clientCertificate},
		{"client_key", in.set.clientKey},
		{"token", found},
		{"config", setting{path, "configuration file"}},
	}, nil
}

func namesOf(all []namedSetting) []string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = s.name
	}
	return out
}

type configGet struct {
	Name       string `arg:"" help:"The setting; belay config list shows all."`
	ShowOrigin bool   `help:"Show where the value came from."`
}

// Help gives examples.
func (*configGet) Help() string {
	return examples("belay config get server", "belay config get output --show-origin")
}

// Run shows one setting: its value alone, for scripts.
func (c *configGet) Run(in *invocation) error {
	all, err := in.effective()
	if err != nil {
		return err
	}
	i := slices.Index(namesOf(all), c.Name)
	if i < 0 {
		return notOneOf("setting", c.Name, namesOf(all))
	}
	text := printable(all[i].text)
	if c.ShowOrigin {
		text += "\t" + printable(all[i].origin)
	}
	_, err = fmt.Fprintln(in.Stdout, text)
	return err
}

type configSet struct {
	Name  string `arg:"" help:"output or pager."`
	Value string `arg:"" help:"Its value; an empty one takes it back."`
}

// Help gives examples.
func (*configSet) Help() string {
	return "A server, an organization or a workspace is set in a context: belay context set.\n\n" + examples(
		"belay config set output wide", `belay config set pager "less -FIRX"`)
}

// Run stores a preference. What belongs to a context is not one.
func (c *configSet) Run(in *invocation) error {
	conf, err := in.loadConfig()
	if err != nil {
		return err
	}
	switch c.Name {
	case "output":
		if c.Value != "" && !slices.Contains(formats(), c.Value) {
			return notOneOf("output format", c.Value, formats())
		}
		conf.Preferences.Output = c.Value
	case "pager":
		conf.Preferences.Pager = c.Value
	case "server", "org", "workspace", "ca_file", "client_certificate", "client_key":
		flag := "--" + strings.ReplaceAll(c.Name, "_", "-")
		return usage("%s is set for a context", c.Name).withHelp("belay context set NAME " + flag + " VALUE")
	case "context":
		return usage("the current context is chosen").withHelp("belay context use " + shellWord(c.Value))
	default:
		return notOneOf("preference", c.Name, []string{"output", "pager"})
	}
	if err := in.save(conf); err != nil {
		return err
	}
	where := ""
	if c.Name == "output" {
		where = "; it holds on a terminal, not for a pipe"
	}
	in.say(good, "%s is stored in the configuration file%s", c.Name, where)
	return nil
}
