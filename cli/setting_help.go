package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// aboutSettings adds to a refusal of settings what the kind says of them:
// which was meant, what it takes, and how that is written; set is what was
// given with --set.
func (in *invocation) aboutSettings(ctx context.Context, err error, kind string, set []string) error {
	f, ok := errors.AsType[*failure](err)
	var p problem
	if !ok || f.document == nil || json.Unmarshal(f.document, &p) != nil {
		return err
	}
	var known []kindSetting
	var hints []string
	for _, e := range p.Errors {
		path := strings.ReplaceAll(strings.TrimPrefix(e.Pointer, "/"), "/", ".")
		if !strings.HasPrefix(path, "metadata.") && !strings.HasPrefix(path, "check.") {
			continue
		}
		if known == nil {
			it, _, err := in.get(ctx, kinds(), kind)
			if err != nil {
				return f // as it is: this was only to help
			}
			known = kindSettings(it)
		}
		hints = append(hints, settingHints(path, e.Message, known, set)...)
	}
	if hints == nil && known == nil {
		return err
	}
	more := *f
	more.help = nil
	for _, line := range f.help {
		more.help = append(more.help, strings.Replace(line, "belay kind view KIND", "belay kind view "+kind, 1))
	}
	more.help = append(hints, more.help...)
	return &more
}

// settingHints are lines about one setting that was refused.
func settingHints(path, message string, known []kindSetting, set []string) []string {
	i := slices.IndexFunc(known, func(s kindSetting) bool { return s.at() == path })
	if i < 0 {
		return nearSetting(path, known)
	}
	var out []string
	if value, ok := given(path, set); ok && known[i].kind == "text" {
		if _, text := jsonOrText(value).(string); !text {
			quoted, err := verbatim(value)
			if err == nil {
				out = append(out, "a text that reads as a number or as JSON is given in quotes: --set "+shellWord(path+"="+string(quoted)))
			}
		}
	}
	if known[i].kind != "" && !strings.Contains(message, "one of") && !strings.Contains(message, "from") { // which say it
		out = append(out, path+" takes: "+known[i].kind)
	}
	return out
}

// nearSetting is a line about the setting that was meant, none where that
// cannot be told.
func nearSetting(path string, known []kindSetting) []string {
	holder, name, _ := strings.Cut(path, ".")
	var names []string
	for _, s := range known {
		if rest, ok := strings.CutPrefix(s.at(), holder+"."); ok {
			names = append(names, rest)
		}
	}
	near, ok := nearest(name, names)
	if !ok {
		return nil
	}
	i := slices.IndexFunc(known, func(s kindSetting) bool { return s.at() == holder+"."+near })
	if strings.HasPrefix(known[i].path, "--") {
		return []string{"did you mean: " + known[i].path}
	}
	return []string{"did you mean: --set " + known[i].path + "=VALUE"}
}

// given is what --set gave a path.
func given(path string, set []string) (string, bool) {
	for _, spec := range slices.Backward(set) {
		if value, ok := strings.CutPrefix(spec, path+"="); ok {
			return value, true
		}
	}
	return "", false
}

// at is the setting's path in a connection.
func (s kindSetting) at() string { return cmp.Or(s.member, s.path) }
