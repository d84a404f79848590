package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"belay"
)

// secretFlags are how a command is given the fields of a credential. No flag
// takes a secret itself.
type secretFlags struct {
	User       string   `placeholder:"NAME" help:"The user name, which is not secret."`
	Field      []string `sep:"none" placeholder:"NAME=VALUE" help:"A field that is not secret, such as name=X-API-Key for a header."`
	SecretFile []string `sep:"none" placeholder:"[FIELD=]PATH" help:"A secret field from a file; - is standard input, or a question on a terminal."`
	SecretEnv  []string `sep:"none" placeholder:"FIELD=VARIABLE" help:"A secret field from the variable of this name."`
}

// given tells whether any field was named.
func (s *secretFlags) given() bool {
	return s.User != "" || len(s.Field)+len(s.SecretFile)+len(s.SecretEnv) > 0
}

// fields are a credential's values on their way to the server. Printing them
// shows nothing; encoding them as JSON, which is what sends them, does.
type fields map[string]belay.Secret

// typedFields are the fields of a credential of a type, which says what of
// them can be shown.
type typedFields struct {
	fields
	of belay.CredentialType
}

// shown are the fields with each secret only said to be there.
func (f typedFields) shown() map[string]any {
	out := f.public(f.of)
	for name := range f.fields {
		if _, public := out[name]; !public {
			out[name] = hiddenValue
		}
	}
	return out
}

// text refuses what cannot be sent: JSON holds Unicode text and nothing else
// (RFC 8259, section 8.1), and an encoder would put other characters in its
// place.
func (f fields) text() error {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !utf8.Valid(f[name].Reveal()) {
			return usage("%s is not text in UTF-8, and would not arrive as it is", name).withHelp(
				"if it is text, convert it: iconv -f ISO-8859-1 -t UTF-8 PATH", "if it is binary, write it as text: base64 PATH, where the target takes that")
		}
	}
	return nil
}

// MarshalJSON encodes the values themselves, each as a string.
func (f fields) MarshalJSON() ([]byte, error) {
	if err := f.text(); err != nil {
		return nil, err
	}
	revealed := make(map[string]string, len(f))
	for name, v := range f {
		revealed[name] = string(v.Reveal())
	}
	return json.Marshal(revealed)
}

// public are those of the fields that a type of credential does not keep
// secret.
func (f fields) public(t belay.CredentialType) map[string]any {
	out := map[string]any{}
	for name, v := range f {
		if field, ok := t.Field(name); ok && field.Public {
			out[name] = string(v.Reveal())
		}
	}
	return out
}

// read collects the fields for a credential of type t. For a whole credential
// what is missing is asked for, where somebody is there to ask.
func (s *secretFlags) read(in *invocation, t belay.CredentialType, whole bool) (fields, error) {
	out := fields{}
	if err := s.readPublic(t, out); err != nil {
		return nil, err
	}
	if err := s.readFiles(in, t, out); err != nil {
		return nil, err
	}
	if err := s.readVariables(in, t, out); err != nil {
		return nil, err
	}
	if whole {
		if err := in.askForFields(t, out); err != nil {
			return nil, err
		}
	}
	if err := out.text(); err != nil || !whole {
		return out, err
	}
	return out, missingFields(t, out)
}

func (s *secretFlags) readPublic(t belay.CredentialType, out fields) error {
	given := s.Field
	if s.User != "" {
		given = append([]string{"username=" + s.User}, given...)
	}
	for _, f := range given {
		name, value, ok := strings.Cut(f, "=")
		if !ok {
			return usage("--field takes NAME=VALUE")
		}
		known, ok := t.Field(name)
		if !ok {
			return unknownField(t, name)
		}
		if !known.Public {
			return secretOnCommandLine("--field " + name)
		}
		if err := out.once(name); err != nil {
			return err
		}
		out[name] = belay.SecretString(value)
	}
	return nil
}

// once refuses a second source of a field: a server keeps one of them only,
// and what it takes the place of cannot be had back.
func (f fields) once(name string) error {
	if _, given := f[name]; !given {
		return nil
	}
	return usage("%s is given twice", name).withHelp("leave all but one out of --user, --field, --secret-file and --secret-env for it")
}

func unknownField(t belay.CredentialType, name string) error {
	names := make([]string, len(t.Fields))
	for i, f := range t.Fields {
		names[i] = f.Name
	}
	return usage("a credential of type %s has no field %q", t.Name, name).withHelp("it has: " + strings.Join(names, ", "))
}

func (s *secretFlags) readFiles(in *invocation, t belay.CredentialType, out fields) error {
	stdin := ""
	for _, spec := range s.SecretFile {
		f, path, err := fieldOf(t, spec)
		if err != nil {
			return err
		}
		if err := out.once(f.Name); err != nil {
			return err
		}
		if path == "-" && stdin != "" {
			return usage("standard input can give one field only, not %s and %s", stdin, f.Name)
		}
		if path == "-" {
			stdin = f.Name
		}
		v, err := in.secretFrom(path, f, out)
		if err != nil {
			return err
		}
		out[f.Name] = v
	}
	return nil
}

// fieldOf splits [FIELD=]PATH; without a field it is the type's main one.
func fieldOf(t belay.CredentialType, spec string) (belay.CredentialField, string, error) {
	name, path, ok := strings.Cut(spec, "=")
	if ok && isFieldName(name) {
		f, known := t.Field(name)
		if !known {
			return f, "", unknownField(t, name)
		}
		return f, path, nil
	}
	f, ok := mainField(t)
	if !ok {
		return f, "", usage("a credential of type %s has no main field", t.Name).withHelp("name it: --secret-file FIELD=" + spec)
	}
	return f, spec, nil
}

func isFieldName(s string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	return s != "" && strings.Trim(s, letters) == ""
}

// mainField is the first secret field: the one that is meant by "the secret".
func mainField(t belay.CredentialType) (belay.CredentialField, bool) {
	i := slices.IndexFunc(t.Fields, func(f belay.CredentialField) bool { return !f.Public })
	if i < 0 {
		return belay.CredentialField{}, false
	}
	return t.Fields[i], true
}

func (in *invocation) secretFrom(path string, f belay.CredentialField, known fields) (belay.Secret, error) {
	if path == "-" && in.interactive() {
		return in.askSecret(f, known)
	}
	if path == "-" && terminal(in.Stdin) {
		return belay.Secret{}, usage("%s cannot be asked for here", f.Name).withHelp("give it with --secret-file " + f.Name + "=PATH")
	}
	var b []byte
	var err error
	if path == "-" {
		b, err = io.ReadAll(io.LimitReader(in.Stdin, maxSecret+1))
	} else {
		b, err = readBounded(expandHome(in.Home, path))
	}
	switch {
	case err != nil:
		return belay.Secret{}, usage("cannot read %s — %v", f.Name, err)
	case len(b) > maxSecret:
		return belay.Secret{}, usage("%s is longer than %d bytes", f.Name, maxSecret)
	}
	return in.trimmed(b, f)
}

// maxSecret bounds a secret, in bytes.
const maxSecret = 1 << 20

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSecret+1))
}

// trimmed leaves out the end of line that editors and echo add to a one-line
// secret; in PEM it belongs to the form.
func (in *invocation) trimmed(b []byte, f belay.CredentialField) (belay.Secret, error) {
	if !f.Multiline {
		if short, ok := bytes.CutSuffix(b, []byte("\n")); ok {
			b = bytes.TrimSuffix(short, []byte("\r"))
			in.say(plain, "note: the end of line after %s was left out", f.Name)
		}
	}
	if len(b) == 0 {
		return belay.Secret{}, usage("%s is empty", f.Name)
	}
	return belay.NewSecret(b), nil
}

func (s *secretFlags) readVariables(in *invocation, t belay.CredentialType, out fields) error {
	for _, spec := range s.SecretEnv {
		f, variable, err := fieldOf(t, spec)
		if err != nil {
			return err
		}
		if err := out.once(f.Name); err != nil {
			return err
		}
		v, ok := in.LookupEnv(variable)
		if !ok || v == "" {
			// The text may be the secret itself, put here by mistake.
			return usage("--secret-env takes the name of a variable; there is no variable of the name given for %s", f.Name)
		}
		out[f.Name] = belay.SecretString(v)
	}
	return nil
}

// askForFields asks for the required fields that are missing.
func (in *invocation) askForFields(t belay.CredentialType, out fields) error {
	if !in.interactive() {
		return nil
	}
	for _, f := range wanted(t, out) {
		if f.Public {
			v, err := in.askFor(strings.ToLower(f.Title), "--field "+f.Name+"=VALUE")
			if err != nil {
				return err
			}
			out[f.Name] = belay.SecretString(v)
			continue
		}
		v, err := in.askSecret(f, out)
		if err != nil {
			return err
		}
		out[f.Name] = v
	}
	return nil
}

// wanted are the fields to ask for: the required ones, else those of the
// first set that would do. What takes several lines cannot be typed.
func wanted(t belay.CredentialType, have fields) []belay.CredentialField {
	var out []belay.CredentialField
	for _, f := range t.Fields {
		if _, ok := have[f.Name]; f.Required && !ok && !f.Multiline {
			out = append(out, f)
		}
	}
	if len(t.AnyOf) > 0 && len(have) == 0 {
		f, _ := t.Field(t.AnyOf[0][0])
		out = append(out, f)
	}
	return out
}

// askSecret asks without echo; a password, which nobody pastes and checks,
// twice.
func (in *invocation) askSecret(f belay.CredentialField, known fields) (belay.Secret, error) {
	question := f.Title
	if user, ok := known["username"]; ok {
		question += " for " + printable(string(user.Reveal()))
	}
	for {
		v, err := in.ask(question+": ", true)
		if err != nil {
			return belay.Secret{}, err
		}
		if v == "" {
			continue
		}
		if f.Name != "password" {
			return belay.SecretString(v), nil
		}
		again, err := in.ask("Again: ", true)
		if err != nil {
			return belay.Secret{}, err
		}
		if v == again {
			return belay.SecretString(v), nil
		}
		in.line("These differ.")
	}
}

// publicFlags are how the fields of a type are given that are not secret.
func publicFlags(t belay.CredentialType) []string {
	var out []string
	for _, f := range t.Fields {
		switch {
		case f.Public && f.Name == "username":
			out = append(out, "--user NAME")
		case f.Public && f.Multiline:
			out = append(out, "--secret-file "+f.Name+"=PATH")
		case f.Public:
			out = append(out, "--field "+f.Name+"=VALUE")
		}
	}
	return out
}

// missingFields says which flag gives what a credential lacks.
func missingFields(t belay.CredentialType, have fields) error {
	err := t.Check("", have)
	if err == nil {
		return nil
	}
	f := usage("the credential is not complete")
	if e, ok := errors.AsType[*belay.Error](err); ok {
		for _, field := range e.Fields {
			if _, given := have[strings.TrimPrefix(field.Pointer, "/")]; given {
				f.what = "the credential is not valid"
			}
			f.help = append(f.help, strings.TrimSpace(strings.TrimPrefix(field.Pointer, "/")+" "+field.Message))
		}
	}
	if m, ok := mainField(t); ok {
		f.help = append(f.help, fmt.Sprintf("secret fields: --secret-file %s=PATH, --secret-env %s=VARIABLE", m.Name, m.Name))
	}
	if flags := publicFlags(t); len(flags) > 0 {
		f.help = append(f.help, "others: "+strings.Join(flags, ", "))
	}
	return f.withHelp("given: " + orNone(slices.Sorted(maps.Keys(have))))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

// credentialType finds a type by its name.
func credentialType(name string) (belay.CredentialType, error) {
	t, ok := belay.FindCredentialType(name)
	if ok {
		return t, nil
	}
	names := credentialTypeNames()
	f := usage("there is no credential type %q", name)
	if near, ok := nearest(name, names); ok {
		f.help = append(f.help, "did you mean: "+near)
	}
	return t, f.withHelp("types: " + strings.Join(names, ", "))
}

func credentialTypeNames() []string {
	var out []string
	for _, t := range belay.CredentialTypes() {
		out = append(out, t.Name)
	}
	return out
}
