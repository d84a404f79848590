package cli

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

type providerCommands struct {
	List providerList `cmd:"" aliases:"ls" help:"List where the server's users come from."`
	View providerView `cmd:"" aliases:"show" help:"Show one provider."`
	Test providerTest `cmd:"" help:"Test whether users can sign in through a provider, and what their groups give."`
}

func providerColumns() []column {
	return []column{
		field("NAME", "providerName"), field("TITLE", "title"), field("TYPE", "providerType"),
		{title: "STATE", cell: func(it item, _ view) cell {
			state := it.text("state.status")
			return cell{text: state, tone: map[string]tone{"answering": good, "unreachable": bad}[state]}
		}},
		when("SINCE", "state.since"),
		field("URL", "providerUrl"),
	}
}

func providerName(it item) string { return it.text("providerName") }

// providers asks the server, which tells strangers too.
func (in *invocation) providers(ctx context.Context) (map[string]item, []byte, error) {
	res, err := in.send(ctx, request{method: http.MethodGet, path: "/api/providers"})
	if err != nil {
		return nil, nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(res.body, &all); err != nil {
		return nil, nil, &failure{exit: exitFailed, what: "the server's list of providers cannot be read", why: err.Error(), cause: err}
	}
	out := map[string]item{}
	for key, raw := range all {
		if out[key], err = newItem(raw); err != nil {
			return nil, nil, err
		}
	}
	return out, res.body, nil
}

type providerList struct{}

// Help gives examples.
func (*providerList) Help() string {
	return examples("belay provider list", "belay provider list --jq 'keys[]'")
}

// Run lists the providers.
func (*providerList) Run(ctx context.Context, in *invocation) error {
	all, raw, err := in.providers(ctx)
	if err != nil {
		return err
	}
	var items []item
	for _, key := range slices.Sorted(maps.Keys(all)) {
		items = append(items, all[key])
	}
	return in.show(document{raw: raw, items: items, columns: providerColumns(), noun: "provider", called: providerName})
}

type providerView struct {
	Name string `arg:"" help:"The provider."`
}

// Help gives examples.
func (*providerView) Help() string {
	return examples("belay provider view local", "belay provider view local --jq '.capabilities[].feature'")
}

// Run shows one provider.
func (c *providerView) Run(ctx context.Context, in *invocation) error {
	all, _, err := in.providers(ctx)
	if err != nil {
		return err
	}
	it, ok := all[c.Name]
	if !ok {
		f := &failure{exit: exitNotFound, what: "there is no provider " + c.Name}
		return f.withHelp("there are: " + strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	}
	return in.show(document{raw: it.raw, items: []item{it}, columns: providerColumns(), noun: "provider", called: providerName, single: true})
}
