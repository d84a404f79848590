package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// serveResolver gives the flags of serve that are not on the command line
// their values from the environment and from the YAML file.
type serveResolver struct{ in *invocation }

// Validate has nothing to add.
func (serveResolver) Validate(*kong.Application) error { return nil }

// Resolve returns the value of one flag, nil for none.
func (r serveResolver) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "config" && flag.Tag.Type == "path" {
		return orNil(r.in.env("BELAY_CONFIG")), nil
	}
	if !flag.Tag.Has("setting") {
		return nil, nil
	}
	variable := variableOf(flag.Name)
	if v := r.in.env(variable); v != "" {
		return v, nil
	}
	if path := r.in.env(variable + "_FILE"); path != "" && flag.Tag.Has("secret") {
		return readSecretFile(variable+"_FILE", path)
	}
	return r.fromFile(ctx, flag)
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (r serveResolver) fromFile(ctx *kong.Context, flag *kong.Flag) (any, error) {
	path := r.configFile(ctx)
	if path == "" {
		return nil, nil
	}
	values, err := readServeFile(path, settingNames())
	if err != nil {
		return nil, err
	}
	v, ok := values[flag.Name]
	if !ok {
		return nil, nil
	}
	if flag.Tag.Has("secret") && userPassword(v) {
		return nil, usage("%s must not hold a password", path).withHelp("put it into BELAY_DATABASE or BELAY_DATABASE_FILE")
	}
	return v, nil
}

// configFile is the file that --config or BELAY_CONFIG names.
func (r serveResolver) configFile(ctx *kong.Context) string {
	for _, p := range ctx.Path {
		if p.Flag != nil && p.Flag.Name == "config" {
			path, _ := ctx.FlagValue(p.Flag).(string)
			return path
		}
	}
	return r.in.env("BELAY_CONFIG")
}

// readServeFile reads the file into texts by flag name. An object is its
// members' names with a dash between: egress: {allow: x} is egress-allow.
func readServeFile(path string, known []string) (map[string]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, usage("cannot read the configuration — %v", err)
	}
	var doc map[string]any
	err = yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&doc)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, usage("cannot read %s — %s", path, yamlComplaint(err))
	}
	delete(doc, providersKey) // see providerSettings
	delete(doc, clientsKey)   // see clients
	out := map[string]string{}
	flatten("", doc, out)
	for name := range out {
		if slices.Contains(known, name) {
			continue
		}
		f := usage("%s: there is no setting %q", path, name)
		if near, ok := nearest(name, known); ok {
			f.help = append(f.help, "did you mean: "+near)
		}
		return nil, f.withHelp("settings: " + strings.Join(known, ", "))
	}
	return out, nil
}

func flatten(prefix string, v any, out map[string]string) {
	m, ok := v.(map[string]any)
	if !ok {
		out[prefix] = joined(v)
		return
	}
	for k, e := range m {
		if prefix != "" {
			k = prefix + "-" + k
		}
		flatten(k, e, out)
	}
}

func joined(v any) string {
	list, ok := v.([]any)
	if !ok {
		return scalar(v)
	}
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = scalar(e)
	}
	return strings.Join(parts, ",")
}

func scalar(v any) string {
	b, err := yaml.Marshal(v)
	if s, ok := v.(string); ok {
		return s
	}
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
