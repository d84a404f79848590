package cli

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// clientVariables are the variables that commands other than serve read.
var clientVariables = []string{
	"BELAY_CA_FILE", "BELAY_CLIENT_CERTIFICATE", "BELAY_CLIENT_KEY", "BELAY_CONFIG_DIR", "BELAY_CONTEXT", "BELAY_DEBUG", "BELAY_NO_INPUT", "BELAY_ORG", "BELAY_OUTPUT",
	"BELAY_PAGER", "BELAY_ACCESSIBLE",
	"BELAY_SERVER", "BELAY_TOKEN", "BELAY_TOKEN_FILE", "BELAY_WORKSPACE",
}

// linkVariable is what Kubernetes and Docker put into the environment for a
// service that is called belay.
var linkVariable = regexp.MustCompile(`^BELAY_(SERVICE_(HOST|PORT)|PORT)(_|$)`)

// serveVariables are the variables that serve reads: one for each setting, and
// one that names a file for each secret.
func serveVariables() []string {
	out := []string{"BELAY_CONFIG", "BELAY_KEY"}
	for f := range reflect.TypeFor[serve]().Fields() {
		if _, ok := f.Tag.Lookup("setting"); !ok {
			continue
		}
		name := variableOf(settingName(f))
		out = append(out, name)
		if _, ok := f.Tag.Lookup("secret"); ok {
			out = append(out, name+"_FILE")
		}
	}
	return out
}

// settingName is the name of a setting's flag.
func settingName(f reflect.StructField) string {
	return strings.ToLower(cmp.Or(f.Tag.Get("name"), wordEnd.ReplaceAllString(f.Name, "$1-$2")))
}

// settingNames are the settings that serve has. Whatever else reads its file
// knows all of them.
func settingNames() []string {
	var out []string
	for f := range reflect.TypeFor[serve]().Fields() {
		if _, ok := f.Tag.Lookup("setting"); ok {
			out = append(out, settingName(f))
		}
	}
	return out
}

// wordEnd is where one word of a field's name ends and the next begins.
var wordEnd = regexp.MustCompile(`([a-z])([A-Z])`)

// variableOf is the variable of a flag.
func variableOf(flag string) string {
	return "BELAY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// warnOfVariables names what looks like a setting in the environment and is
// none: it would have no effect, and nobody would notice.
func (in *invocation) warnOfVariables() {
	known := serveVariables()
	all := slices.Concat(known, clientVariables)
	for _, pair := range in.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "BELAY_") || slices.Contains(all, name) || linkVariable.MatchString(name) {
			continue
		}
		if near, ok := nearest(name, known); ok {
			in.warn("%s has no effect — did you mean %s?", name, near)
		} else {
			in.warn("%s has no effect: there is no such setting", name)
		}
	}
}
