// Package kind knows what can be connected to: it holds the built-in kinds
// and checks definitions, endpoints and configurations against them.
package kind

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"

	"belay"
	"belay/kind/httpkind"
)

//go:embed builtin/*.json
var definitions embed.FS

// Builtin returns the kinds that this program brings along, by name.
func Builtin() ([]belay.Kind, error) {
	files, err := fs.Glob(definitions, "builtin/*.json")
	if err != nil {
		return nil, fmt.Errorf("list built-in kinds: %w", err)
	}
	var kinds []belay.Kind
	for _, file := range files {
		document, err := definitions.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read built-in kind: %w", err)
		}
		k, err := Parse(document)
		if err != nil {
			return nil, fmt.Errorf("built-in kind %s: %w", file, err)
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

// Parse reads one definition, strictly, validates it, and lets its
// configuration have the "tls" object that every kind takes (belay.TLS).
// Parsing what Parse returned changes nothing.
func Parse(document []byte) (belay.Kind, error) {
	var k belay.Kind
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&k); err != nil {
		return belay.Kind{}, belay.Invalid("", "is not the definition of a kind: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return belay.Kind{}, belay.Invalid("", "has something behind its end")
	}
	schema, err := withTLS(k.ConnectionSchema)
	if err != nil {
		return belay.Kind{}, err
	}
	k.ConnectionSchema = schema
	if err := Validate(k); err != nil {
		return belay.Kind{}, err
	}
	return k, nil
}

// namePattern is what the name of a kind, a scheme and a type look like.
const namePattern = `^[a-z][a-z0-9-]{0,62}$`

// Validate tells what is wrong with a definition, each place by its JSON
// Pointer.
func Validate(k belay.Kind) error {
	var fields []belay.Field
	wrong := func(bad bool, pointer, format string, args ...any) {
		if bad {
			fields = append(fields, belay.Field{Pointer: pointer, Message: fmt.Sprintf(format, args...)})
		}
	}
	name := regexp.MustCompile(namePattern)
	for _, n := range []struct{ pointer, value string }{{"/name", k.Name}, {"/type", k.Type}, {"/subType", k.SubType}} {
		wrong(!name.MatchString(n.value), n.pointer, "must be a lower-case word of at most 63 letters, digits and hyphens")
	}
	wrong(k.Title == "" || len(k.Title) > 100, "/title", "must have 1 to 100 characters")
	wrong(len(k.Description) > 1000, "/description", "must have at most 1000 characters")
	wrong(len(k.Endpoint.Schemes) == 0, "/endpoint/schemes", "must hold at least one scheme")
	for i, s := range k.Endpoint.Schemes {
		wrong(!name.MatchString(s), fmt.Sprintf("/endpoint/schemes/%d", i), "is not a URL scheme in lower case")
	}
	for i, t := range k.CredentialTypes {
		_, known := belay.FindCredentialType(t)
		wrong(!known, fmt.Sprintf("/credentialTypes/%d", i), "is not a credential type")
		wrong(slices.Contains(k.CredentialTypes[:i], t), fmt.Sprintf("/credentialTypes/%d", i), "is there twice")
	}
	wrong(k.CredentialRequired && len(k.CredentialTypes) == 0, "/credentialTypes", "must hold at least one type, for a credential is required")
	fields = append(fields, checkStages(k.Stages)...)
	if _, err := compile(k.ConnectionSchema); err != nil {
		fields = append(fields, fieldsOf(err)...)
	}
	if k.Test != nil {
		_, err := httpkind.ParseScript(k.Test)
		fields = append(fields, fieldsOf(err)...)
	}
	if fields == nil {
		return nil
	}
	return &belay.Error{Code: belay.CodeInvalid, Message: "the definition of the kind is not valid", Fields: fields}
}

// checkStages wants each stage at most once and in its order.
func checkStages(stages []belay.KindStage) []belay.Field {
	var fields []belay.Field
	last := -1
	for i, s := range stages {
		at := slices.Index(belay.Stages(), s.Stage)
		switch {
		case at < 0:
			fields = append(fields, belay.Field{Pointer: fmt.Sprintf("/stages/%d/stage", i), Message: "is not a stage"})
		case at <= last:
			fields = append(fields, belay.Field{Pointer: fmt.Sprintf("/stages/%d/stage", i), Message: "is there twice or out of order"})
		}
		last = max(last, at)
	}
	return fields
}

func fieldsOf(err error) []belay.Field {
	if e, ok := errors.AsType[*belay.Error](err); ok {
		return e.Fields
	}
	if err != nil {
		return []belay.Field{{Message: err.Error()}}
	}
	return nil
}
