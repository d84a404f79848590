package cli

import (
	"context"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// factsOf is what a target tells about itself, in one line: "prometheus 3.5.0
// · 4 targets up · user ops"; "" for nothing.
func factsOf(facts item, kind string) string {
	m, _ := facts.fields.(map[string]any)
	var out []string
	if v := textOf(m["version"]); v != "" {
		out = append(out, strings.TrimSpace(kind+" "+v))
	}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if text := factOf(name, m[name]); text != "" {
			out = append(out, text)
		}
	}
	return strings.Join(out, " · ")
}

// factOf is one fact in words. What is for programs, and what the table has
// elsewhere, is left out.
func factOf(name string, v any) string {
	switch name {
	case "version", "clusterUid", "latencyMs":
		return ""
	}
	words := strings.TrimSuffix(splitWords(name), " count")
	switch v := v.(type) {
	case json.Number:
		if words != splitWords(name) && v != "1" {
			words += "s" // nodeCount is 3 nodes
		}
		return v.String() + " " + words
	case string:
		if v != "" {
			return words + " " + v
		}
	case bool:
		if v {
			return words
		}
	}
	return ""
}

// splitWords writes a name such as targetsUp as words.
func splitWords(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// addFacts adds to a connection what its target told at the newest check, if
// that is the one of which its health is. Where they cannot be had, there are
// none to show.
func (in *invocation) addFacts(ctx context.Context, it item) {
	p, err := in.fetchUpTo(ctx, checks(), connections().at(it.id(), "checks"), url.Values{}, 1)
	m, ok := it.fields.(map[string]any)
	if err != nil || !ok || len(p.items) == 0 || p.items[0].id() != it.text("health.checkId") {
		return
	}
	m["facts"] = p.items[0].at("facts")
}

func factsColumn() column {
	return column{title: "FACTS", cell: func(it item, _ view) cell {
		return cell{text: factsOf(item{fields: it.at("facts")}, it.text("kind"))}
	}}
}
