package kind

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	keyword "github.com/santhosh-tekuri/jsonschema/v6/kind"

	"belay"
)

// Limits of a connection's configuration.
const (
	maxConfig = 64 << 10 // bytes
	maxFaults = 20       // that are told at once
)

// tlsSchema describes belay.TLS.
const tlsSchema = `{
	"type": "object", "additionalProperties": false,
	"title": "TLS", "description": "Whom to trust.", "x-absent": "the certificate is verified by the authorities that the system trusts",
	"properties": {
		"certificateAuthority": {"type": "string", "maxLength": 65536, "title": "Certificate authority", "description": "Whom to trust, certificates in PEM.", "x-absent": "the authorities that the system trusts"},
		"serverName": {"type": "string", "maxLength": 253, "title": "Server name", "description": "The name in the target's certificate.", "x-absent": "the host of the URL"},
		"insecureSkipVerify": {"type": "boolean", "default": false, "title": "Do not verify", "description": "Accepts any certificate. Whoever is in between can read and change everything, the credential too."}
	}
}`

// withTLS puts "tls" behind the properties of a schema, whose order, the
// order of the fields in a form, it keeps.
func withTLS(schema json.RawMessage) (json.RawMessage, error) {
	var top, properties map[string]json.RawMessage
	if json.Unmarshal(schema, &top) != nil || top == nil {
		return nil, belay.Invalid("/connectionSchema", "must be a JSON Schema (2020-12) of an object")
	}
	raw := bytes.TrimSpace(top["properties"])
	if raw == nil {
		raw = []byte("{}")
	}
	if json.Unmarshal(raw, &properties) != nil || properties == nil {
		return nil, belay.Invalid("/connectionSchema/properties", "must be an object")
	}
	var ours bytes.Buffer
	if err := json.Compact(&ours, []byte(tlsSchema)); err != nil {
		return nil, fmt.Errorf("compact the schema of tls: %w", err)
	}
	if theirs, ok := properties["tls"]; ok {
		if !sameJSON(theirs, ours.Bytes()) {
			return nil, belay.Invalid("/connectionSchema/properties/tls", "is a setting that every kind has already")
		}
		return schema, nil
	}
	comma := ""
	if len(properties) > 0 {
		comma = ","
	}
	top["properties"] = fmt.Appendf(nil, `%s%s"tls":%s}`, bytes.TrimSuffix(raw, []byte("}")), comma, ours.Bytes())
	return json.Marshal(top)
}

func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// schemaURL names a kind's schema while it is compiled; it leads nowhere.
const schemaURL = "belay:connection-schema"

// noLoader refuses every reference out of a schema, to files and hosts alike.
type noLoader struct{}

// Load refuses.
func (noLoader) Load(string) (any, error) {
	return nil, errors.New("a schema must not refer to another document")
}

func compile(schema json.RawMessage) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, belay.Invalid("/connectionSchema", "is not JSON")
	}
	if top, ok := document.(map[string]any); !ok || top["type"] != "object" {
		return nil, belay.Invalid("/connectionSchema/type", `must be "object"`)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, document); err != nil {
		return nil, belay.Invalid("/connectionSchema", "is not a JSON Schema: %v", err)
	}
	compiled, err := c.Compile(schemaURL)
	if err != nil {
		return nil, belay.Invalid("/connectionSchema", "is not a JSON Schema (2020-12) that stands on its own: %v", err)
	}
	return compiled, nil
}

// ValidateConfig tells what is wrong with a connection's configuration, by
// the kind's schema, each place by its JSON Pointer below /metadata. A
// configuration that is empty is an empty object.
func ValidateConfig(k belay.Kind, config json.RawMessage) error {
	schema, err := compile(k.ConnectionSchema)
	if err != nil {
		return fmt.Errorf("schema of kind %s: %w", k.Name, err)
	}
	return validate(schema, config)
}

func validate(schema *jsonschema.Schema, config json.RawMessage) error {
	if len(bytes.TrimSpace(config)) == 0 {
		config = json.RawMessage("{}")
	}
	if len(config) > maxConfig {
		return belay.Invalid("/metadata", "must have at most %d bytes", maxConfig)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(config))
	if err != nil {
		return belay.Invalid("/metadata", "is not JSON")
	}
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](schema.Validate(document)); ok {
		return configError(leaves(invalid))
	}
	if err := checkSecrets(config); err != nil {
		return err
	}
	return checkAuthority(config)
}

func configError(fields []belay.Field) error {
	slices.SortStableFunc(fields, func(a, b belay.Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	fields = slices.Compact(fields)
	return &belay.Error{Code: belay.CodeInvalid, Message: "the settings are not valid", Fields: fields[:min(len(fields), maxFaults)]}
}

// checkAuthority checks what a schema cannot: that the trusted authority is
// one or more certificates, and nothing secret is pasted in with them.
func checkAuthority(config json.RawMessage) error {
	c := belay.Connection{Config: config}
	const pointer = "/metadata/tls/certificateAuthority"
	rest := []byte(c.TLSConfig().CertificateAuthority)
	if len(rest) == 0 {
		return nil
	}
	found := 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return belay.Invalid(pointer, "holds a private key; only certificates belong here")
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil || block.Type != "CERTIFICATE" {
			return belay.Invalid(pointer, "holds something that is not a certificate")
		}
		found++
	}
	if found == 0 || len(bytes.TrimSpace(rest)) > 0 {
		return belay.Invalid(pointer, "must be certificates in PEM form, beginning with -----BEGIN CERTIFICATE-----")
	}
	return nil
}

// leaves are the places at fault, without those that only hold others.
func leaves(e *jsonschema.ValidationError) []belay.Field {
	if len(e.Causes) > 0 {
		var out []belay.Field
		for _, c := range e.Causes {
			out = append(out, leaves(c)...)
		}
		return out
	}
	at := "/metadata" + belay.Pointer(e.InstanceLocation...)
	var out []belay.Field
	switch k := e.ErrorKind.(type) {
	case *keyword.AdditionalProperties:
		for _, p := range k.Properties {
			out = append(out, belay.Field{Pointer: at + belay.Pointer(p), Message: "is not a setting of this kind"})
		}
	case *keyword.Required:
		for _, p := range k.Missing {
			out = append(out, belay.Field{Pointer: at + belay.Pointer(p), Message: "is required"})
		}
	case *keyword.DependentRequired:
		for _, p := range k.Missing {
			out = append(out, belay.Field{Pointer: at + belay.Pointer(p), Message: "is required together with " + k.Prop})
		}
	default:
		out = append(out, belay.Field{Pointer: at, Message: message(e.ErrorKind)})
	}
	return out
}

// message never quotes the value: somebody may have put a secret there.
func message(e jsonschema.ErrorKind) string {
	switch k := e.(type) {
	case *keyword.Type:
		return "must be of type " + strings.Join(k.Want, " or ")
	case *keyword.Enum:
		texts := make([]string, len(k.Want))
		for i, w := range k.Want {
			texts[i] = fmt.Sprint(w)
		}
		return "must be one of " + strings.Join(texts, ", ")
	case *keyword.Pattern:
		return "must match " + k.Want
	case *keyword.MinLength:
		return fmt.Sprintf("must have at least %d characters", k.Want)
	case *keyword.MaxLength:
		return fmt.Sprintf("must have at most %d characters", k.Want)
	case *keyword.MinItems:
		return fmt.Sprintf("must have at least %d elements", k.Want)
	case *keyword.MaxItems:
		return fmt.Sprintf("must have at most %d elements", k.Want)
	case *keyword.UniqueItems:
		return "must not have the same element twice"
	case *keyword.Minimum:
		return "must be at least " + k.Want.RatString()
	case *keyword.Maximum:
		return "must be at most " + k.Want.RatString()
	default:
		return "does not satisfy the schema's " + strings.Join(e.KeywordPath(), "/")
	}
}
