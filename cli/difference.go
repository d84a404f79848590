package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"belay"
)

// difference is one value that a request would change, and what it is now.
type difference struct {
	Field string `json:"field"` // "labels.team"
	From  any    `json:"from"`  // null for none
	To    any    `json:"to"`
}

// hiddenValue stands in a difference for what is never shown.
const hiddenValue = "(secret)"

// differences are what a body changes of an object: what it does not mention
// stays.
func differences(now item, body map[string]any) ([]difference, error) {
	open := maps.Clone(body)
	delete(open, "id")
	secret, _ := open["secret"].(typedFields)
	delete(open, "secret")
	raw, err := json.Marshal(open)
	if err != nil {
		return nil, fmt.Errorf("compare with the request: %w", err)
	}
	wanted, err := newItem(raw)
	if err != nil {
		return nil, err
	}
	var out []difference
	for _, name := range slices.Sorted(maps.Keys(open)) {
		from, to := now.at(name), wanted.at(name)
		if name == "credentials" {
			from, to = usesOf(from), usesOf(to)
		}
		out = append(out, compare(name, from, to)...)
	}
	return append(out, secretDifferences(now, secret.fields)...), nil
}

// compare finds where two values differ: objects member by member, all else
// as a whole.
func compare(path string, from, to any) []difference {
	target, ok := to.(map[string]any)
	source, also := from.(map[string]any)
	if !ok || from != nil && !also {
		if reflect.DeepEqual(from, to) {
			return nil
		}
		return []difference{{path, from, to}}
	}
	all := maps.Clone(target)
	for name := range source {
		all[name] = nil // what the target lacks goes
	}
	var out []difference
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, compare(path+"."+name, source[name], target[name])...)
	}
	return out
}

// usesOf is the credentials of a connection without what is only read.
func usesOf(v any) any {
	list, _ := v.([]any)
	out := []any{}
	for _, e := range list {
		use := item{fields: e}
		kept := map[string]any{"id": use.id(), "purpose": use.text("purpose")}
		if use.at("deleted") == true {
			kept["deleted"] = true
		}
		out = append(out, kept)
	}
	return out
}

// secretDifferences are those of a credential's fields. Whether a secret is
// the one that is stored cannot be told here.
func secretDifferences(now item, given fields) []difference {
	t, _ := belay.FindCredentialType(now.text("type"))
	public := given.public(t)
	var out []difference
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value, shown := public[name]
		switch {
		case shown:
			out = append(out, compare("public."+name, now.at("public."+name), value)...)
		case now.at("secretSet."+name) == true:
			out = append(out, difference{"secret." + name, hiddenValue, hiddenValue})
		default:
			out = append(out, difference{"secret." + name, nil, hiddenValue})
		}
	}
	return out
}

// outcome is what a request would do, for whoever only wants to know.
type outcome struct {
	text     string // "would delete connection lab"
	not      string // what is not done in place of it; "": nothing was changed
	r        resource
	it       item
	changes  []difference // of an edit; nil: it is none
	detaches []related    // whose relation to it would end
	stays    []related    // what is not deleted with it
}

// related is another object that a deletion concerns.
type related struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

func relatedTo(r resource, items []item) []related {
	out := make([]related, len(items))
	for i, it := range items {
		out[i] = related{r.noun, it.id(), it.name()}
	}
	return out
}

// document adds the outcome to what a program reads of a dry run.
func (o *outcome) document(into map[string]any) {
	into["would"] = o.text
	into["type"], into["id"], into["name"] = o.r.noun, o.it.id(), o.it.name()
	if o.changes != nil {
		into["changes"] = o.changes
	}
	if o.detaches != nil {
		into["detaches"] = o.detaches
	}
	if o.stays != nil {
		into["stays"] = o.stays
	}
}

// sayOutcome says what would happen, and of an edit what it would change.
func (in *invocation) sayOutcome(ctx context.Context, o *outcome) {
	if o.changes != nil && len(o.changes) == 0 {
		in.say(plain, "%s %s would stay as it is", o.r.noun, o.it.name())
		return
	}
	in.say(plain, "%s — %s", o.text, cmp.Or(o.not, "nothing was changed"))
	if in.flags.Quiet {
		return
	}
	width := 0
	for _, d := range o.changes {
		width = max(width, columnsWide(d.Field))
	}
	for _, d := range o.changes {
		pad := strings.Repeat(" ", width-columnsWide(d.Field))
		in.line(in.plainText("  " + d.Field + pad + "  " + in.describe(ctx, d)))
	}
}

// describe says what becomes of one value.
func (in *invocation) describe(ctx context.Context, d difference) string {
	switch {
	case d.To == hiddenValue && d.From == hiddenValue:
		return "secret would be replaced"
	case d.To == hiddenValue:
		return "secret would be set"
	case d.Field == "credentials":
		return in.usesText(ctx, d.From) + " → " + in.usesText(ctx, d.To)
	}
	return valueText(d.From) + " → " + valueText(d.To)
}

// usesText names the credentials of a connection.
func (in *invocation) usesText(ctx context.Context, uses any) string {
	conn := item{fields: map[string]any{"credentials": uses}}
	in.nameCredentials(ctx, conn)
	return valueText(credentialColumn().cell(conn, view{}).text)
}

// valueText is a value as a person reads it: of a certificate what tells it
// from another.
func valueText(v any) string {
	text := textOf(v)
	switch {
	case text == "":
		return "(none)"
	case len(certificates(text)) > 0:
		return authorityText(text)
	}
	return text
}
