package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// wouldSend shows a request in place of sending it: to a program as a
// document, to a person what it would do, where that is known, else as text.
// Nothing secret of it is shown.
func (in *invocation) wouldSend(ctx context.Context, r request) error {
	path := r.path
	if len(r.query) > 0 {
		path += "?" + r.query.Encode()
	}
	if in.machine() && in.set.output.text != formatName {
		doc := map[string]any{"dryRun": true, "method": r.method, "path": path, "body": r.shown()}
		if r.would != nil {
			r.would.document(doc)
		}
		raw, err := json.Marshal(doc)
		if err != nil {
			return fmt.Errorf("show the request: %w", err)
		}
		it, err := newItem(raw)
		if err != nil {
			return err
		}
		if in.gathered != nil {
			in.gathered.would = append(in.gathered.would, it)
			return nil
		}
		return in.showRequest(it)
	}
	if r.would != nil {
		in.sayOutcome(ctx, r.would)
		return nil
	}
	in.say(plain, "would send %s %s — nothing was changed", r.method, path)
	body := r.shown()
	if body == nil || in.flags.Quiet {
		return nil
	}
	b, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		return fmt.Errorf("show the request: %w", err)
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		in.line("  " + in.plainText(line))
	}
	return nil
}

func requestColumns() []column {
	return []column{field("METHOD", "method"), field("PATH", "path"), field("BODY", "body")}
}

// showRequest shows a request that is not sent.
func (in *invocation) showRequest(it item) error {
	return in.show(document{raw: it.raw, items: []item{it}, noun: "request", single: true, columns: requestColumns()})
}

// shown is the body of a request without its secrets; nil for none.
func (r *request) shown() any {
	switch {
	case r.body != nil:
		return masked(r.body)
	case len(r.raw) == 0:
		return nil
	case r.hidden || r.media != "application/json":
		return fmt.Sprintf("(%d bytes, not shown)", len(r.raw))
	}
	return r.raw
}

// masked is a copy of a body in which each secret is only said to be there.
func masked(v any) any {
	switch v := v.(type) {
	case typedFields:
		return v.shown()
	case fields:
		return typedFields{fields: v}.shown()
	case map[string]any:
		out := map[string]any{}
		for name, e := range v {
			out[name] = masked(e)
		}
		return out
	}
	return v
}
