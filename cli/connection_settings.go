package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"belay"
)

// connectionSettings are the flags that say how a connection is reached.
type connectionSettings struct {
	URL           string   `name:"url" placeholder:"URL" help:"The endpoint."`
	Description   *string  `placeholder:"TEXT" help:"What it is for."`
	Set           []string `sep:"none" placeholder:"metadata.KEY=VALUE" help:"A setting of the kind, or check.intervalSeconds, check.timeoutSeconds; the value is JSON or else text."`
	Label         []string `sep:"none" placeholder:"KEY=VALUE" help:"Give it this label."`
	CACertificate string   `name:"ca-certificate" placeholder:"PATH" help:"Trust the certificate authority in this PEM file for the target."`
	TLSServerName string   `name:"tls-server-name" placeholder:"NAME" help:"The name that the target's certificate is made for."`
}

// into fills the body of a request: what the flags say over what the
// connection has now.
func (s *connectionSettings) into(body map[string]any, now item) error {
	if s.URL != "" {
		body["url"] = s.URL
	}
	if s.Description != nil {
		body["description"] = *s.Description
	}
	for _, spec := range s.Set {
		if err := setPath(body, now, spec); err != nil {
			return err
		}
	}
	if s.CACertificate != "" {
		pem, err := readBounded(s.CACertificate)
		if err != nil {
			return usage("cannot read the certificate authority — %v", err)
		}
		if !utf8.Valid(pem) {
			return noText("the certificate authority")
		}
		setValue(body, now, []string{"metadata", "tls", "certificateAuthority"}, string(pem))
	}
	if s.TLSServerName != "" {
		setValue(body, now, []string{"metadata", "tls", "serverName"}, s.TLSServerName)
	}
	labels, err := keyValues("--label", s.Label)
	if err != nil {
		return err
	}
	for k, v := range labels {
		setValue(body, now, []string{"labels", k}, v)
	}
	return nil
}

// setPath carries out one --set.
func setPath(body map[string]any, now item, spec string) error {
	path, value, ok := strings.Cut(spec, "=")
	if !ok {
		return usage("--set %q is not metadata.KEY=VALUE", path)
	}
	names := strings.Split(path, ".")
	if len(names) < 2 || names[0] != "metadata" && names[0] != "check" {
		return usage("--set %q sets nothing", path).withHelp("settings of the kind: --set metadata."+path+"=VALUE", "checks: --set check.intervalSeconds=30")
	}
	if belay.NamesSecret(names[len(names)-1]) {
		return secretOnCommandLine("--set " + path)
	}
	setValue(body, now, names, jsonOrText(value))
	return nil
}

// jsonOrText reads a number, a boolean, a list or an object as JSON and takes
// anything else as text.
func jsonOrText(s string) any {
	var v any
	if json.Unmarshal([]byte(s), &v) != nil {
		return s
	}
	return v
}

// setValue sets one value in the body, whose top-level member becomes a copy
// of what the connection has now: a member is replaced as a whole.
func setValue(body map[string]any, now item, path []string, v any) {
	if _, ok := body[path[0]]; !ok {
		body[path[0]] = copyObject(now.at(path[0]))
	}
	put(body, path, v)
}

func copyObject(v any) map[string]any {
	out := map[string]any{}
	m, _ := v.(map[string]any)
	for k, e := range m {
		if inner, ok := e.(map[string]any); ok {
			e = copyObject(inner)
		}
		out[k] = e
	}
	return out
}

// flags writes the settings as they would be typed.
func (s *connectionSettings) flags() string {
	var b strings.Builder
	if s.URL != "" {
		fmt.Fprintf(&b, " --url %s", shellWord(s.URL))
	}
	for _, set := range s.Set {
		fmt.Fprintf(&b, " --set %s", shellWord(set))
	}
	for _, l := range s.Label {
		fmt.Fprintf(&b, " --label %s", shellWord(l))
	}
	return b.String()
}

// unsetPath carries out one --unset.
func unsetPath(body map[string]any, now item, path string) error {
	names := strings.Split(path, ".")
	if len(names) < 2 || names[0] != "metadata" && names[0] != "labels" {
		return usage("--unset %q removes nothing", path).withHelp("it takes metadata.KEY or labels.KEY")
	}
	if now.at(path) == nil {
		return usage("there is no %s to remove", path)
	}
	if _, ok := body[names[0]]; !ok {
		body[names[0]] = copyObject(now.at(names[0]))
	}
	holder := item{fields: body}
	for _, n := range names[:len(names)-1] {
		holder = item{fields: holder.at(n)}
	}
	if m, ok := holder.fields.(map[string]any); ok {
		delete(m, names[len(names)-1])
	}
	return nil
}
