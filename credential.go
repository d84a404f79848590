package belay

import (
	"slices"
	"strings"
	"time"
)

// Credential is secret material used to authenticate. What it holds is
// sealed in its versions; a Credential itself shows none of it.
type Credential struct {
	ID             ID
	OrganizationID ID
	OwnerID        ID
	Name           string // unique in the organization, as folded text
	Type           string // the name of a CredentialType
	// Public holds the fields that the type marks as not secret.
	Public map[string]string
	// Set names the secret fields that have a value.
	Set []string
	// Fingerprint is a keyed hash over type and values: equal secrets have
	// equal fingerprints on one server, and it says nothing else.
	Fingerprint   string
	Current       int       // the version in force
	ExpiresAt     time.Time // of the material itself, where it says so
	LastUsedAt    time.Time
	LastRotatedAt time.Time
	Version       int64
	CreatedAt     time.Time
	UpdatedAt     time.Time
	DeletedAt     time.Time // zero while it exists
}

// OnlyInTLS tells whether a credential is nothing but a client certificate:
// without TLS it would not be used.
func (c *Credential) OnlyInTLS() bool {
	return c.Type == CredentialMTLS ||
		c.Type == CredentialKubernetes && !slices.Contains(c.Set, "token") && !slices.Contains(c.Set, "password")
}

// CredentialVersion is one state of a credential's secret material.
type CredentialVersion struct {
	CredentialID   ID
	OrganizationID ID
	Number         int    // from 1
	Sealed         []byte // ciphertext of the values as a JSON object; empty once it is not kept any more
	Fingerprint    string
	CreatedBy      ID
	CreatedAt      time.Time
}

// RetiredVersions is how many versions of a credential are kept with their
// ciphertexts behind the one in force. Of older ones it is only known that
// they were.
const RetiredVersions = 10

// CredentialUsage is how a credential is used.
type CredentialUsage struct {
	Connections int // live connections that refer to it
	Checked     int // of these, how many were tested with its version in force at their last check
	Working     int // of those, how many worked with it, and not with another one
	Stale       int // of those that were tested, of how many that is too long ago to be relied on
}

// CredentialFilter narrows a list of credentials.
type CredentialFilter struct {
	Types         []string
	Fingerprint   string
	EnvironmentID ID // only those that its connections use
	WorkspaceID   ID // only those assigned to it
	ConnectionID  ID // only those that it uses
	// Deleted lists what can be restored instead of what is there.
	Deleted bool
}

// The credential types.
const (
	CredentialBearer     = "bearer"
	CredentialBasic      = "basic"
	CredentialHeader     = "header"
	CredentialMTLS       = "mtls"
	CredentialKubernetes = "kubernetes"
	CredentialOpaque     = "opaque"
)

// CredentialType describes what a credential of one type holds.
type CredentialType struct {
	Name        string
	Title       string
	Description string
	Fields      []CredentialField
	// AnyOf lists sets of fields of which at least one must be complete; nil
	// when the required fields are all there is to say.
	AnyOf [][]string
	// Open types take any further field; all of them are secret.
	Open bool
}

// CredentialField is one value of a credential.
type CredentialField struct {
	Name      string
	Title     string
	Help      string
	Public    bool // may be shown; a field that is not marked public is secret
	Required  bool
	Multiline bool

	form form
}

// CredentialTypes returns every credential type, in the order in which they
// are offered.
func CredentialTypes() []CredentialType {
	return []CredentialType{
		{
			Name: CredentialBearer, Title: "Bearer token",
			Description: "A token sent as Authorization: Bearer (RFC 6750).",
			Fields:      []CredentialField{{Name: "token", Title: "Token", Required: true, form: formToken}},
		},
		{
			Name: CredentialBasic, Title: "User and password",
			Description: "A user name and a password sent as Authorization: Basic (RFC 7617).",
			Fields: []CredentialField{
				{Name: "username", Title: "User", Public: true, Required: true, form: formUser},
				{Name: "password", Title: "Password", Required: true, form: formPassword},
			},
		},
		{
			Name: CredentialHeader, Title: "Header",
			Description: "One request header with a secret value.",
			Fields: []CredentialField{
				{Name: "name", Title: "Header name", Help: "For example X-API-Key", Public: true, Required: true, form: formHeaderName},
				{Name: "value", Title: "Value", Required: true, form: formHeaderValue},
			},
		},
		{
			Name: CredentialMTLS, Title: "Client certificate",
			Description: "A certificate and its private key, shown in the TLS handshake.",
			Fields: []CredentialField{
				{Name: "certificate", Title: "Certificate", Help: "PEM, with its intermediates", Public: true, Required: true, Multiline: true, form: formCertificates},
				{Name: "key", Title: "Private key", Help: "PEM", Required: true, Multiline: true, form: formPrivateKey},
			},
		},
		{
			Name: CredentialKubernetes, Title: "Kubernetes user",
			Description: "The user part of a kubeconfig: a token, a client certificate with its key, or a user and a password.",
			Fields: []CredentialField{
				{Name: "token", Title: "Token", form: formToken},
				{Name: "clientCertificate", Title: "Client certificate", Help: "PEM", Public: true, Multiline: true, form: formCertificates},
				{Name: "clientKey", Title: "Client key", Help: "PEM", Multiline: true, form: formPrivateKey},
				{Name: "username", Title: "User", Public: true, form: formUser},
				{Name: "password", Title: "Password", form: formPassword},
				{Name: "impersonate", Title: "Impersonated user", Public: true, form: formHeaderValue},
			},
			AnyOf: [][]string{{"token"}, {"clientCertificate", "clientKey"}, {"username", "password"}},
		},
		{
			Name: CredentialOpaque, Title: "Other",
			Description: "Any fields; all of them are secret.",
			Open:        true,
		},
	}
}

// FindCredentialType returns the type of that name.
func FindCredentialType(name string) (CredentialType, bool) {
	types := CredentialTypes()
	i := slices.IndexFunc(types, func(t CredentialType) bool { return t.Name == name })
	if i < 0 {
		return CredentialType{}, false
	}
	return types[i], true
}

// Field returns the description of one field. On an Open type any name is a
// secret field.
func (t CredentialType) Field(name string) (CredentialField, bool) {
	i := slices.IndexFunc(t.Fields, func(f CredentialField) bool { return f.Name == name })
	if i >= 0 {
		return t.Fields[i], true
	}
	return CredentialField{Name: name, Title: name}, t.Open
}

// Check tells what is wrong with a complete set of values, each place by
// its JSON Pointer below prefix.
func (t CredentialType) Check(prefix string, values map[string]Secret) error {
	var fields []Field
	for name, v := range values {
		f, ok := t.Field(name)
		switch {
		case !ok:
			fields = append(fields, Field{prefix + Pointer(name), "is not a field of type " + t.Name})
		case v.IsZero() && f.Required:
			fields = append(fields, Field{prefix + Pointer(name), "must not be empty"})
		}
	}
	for _, f := range t.Fields {
		if _, ok := values[f.Name]; f.Required && !ok {
			fields = append(fields, Field{prefix + "/" + f.Name, "is required for type " + t.Name})
		}
	}
	if len(t.AnyOf) > 0 && !slices.ContainsFunc(t.AnyOf, func(set []string) bool { return complete(set, values) }) {
		fields = append(fields, Field{prefix, "must hold " + anyOfText(t.AnyOf)})
	}
	if t.Open && len(values) == 0 {
		fields = append(fields, Field{prefix, "must hold at least one field"})
	}
	if fields == nil {
		fields = t.faults(prefix, values)
	}
	if fields == nil {
		return nil
	}
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Pointer, b.Pointer) })
	return &Error{Code: CodeInvalid, Message: "the credential is not valid", Fields: fields}
}

func complete(set []string, values map[string]Secret) bool {
	return !slices.ContainsFunc(set, func(name string) bool { return values[name].IsZero() })
}

func anyOfText(sets [][]string) string {
	parts := make([]string, len(sets))
	for i, s := range sets {
		parts[i] = strings.Join(s, " and ")
	}
	return strings.Join(parts, ", or ")
}

// Schema is the JSON Schema (2020-12) of a credential's values. A field is
// secret unless it says "secret": false.
func (t CredentialType) Schema() map[string]any {
	properties := map[string]any{}
	required := []string{}
	for _, f := range t.Fields {
		properties[f.Name] = map[string]any{
			"type": "string", "title": f.Title, "description": f.Help,
			"secret": !f.Public, "writeOnly": !f.Public,
		}
		if f.Required {
			required = append(required, f.Name)
		}
	}
	schema := map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": t.Title, "description": t.Description,
		"type": "object", "properties": properties, "required": required, "additionalProperties": false,
	}
	if t.Open {
		schema["additionalProperties"] = map[string]any{"type": "string", "secret": true, "writeOnly": true}
	}
	if len(t.AnyOf) > 0 {
		anyOf := make([]any, len(t.AnyOf))
		for i, set := range t.AnyOf {
			anyOf[i] = map[string]any{"required": set}
		}
		schema["anyOf"] = anyOf
	}
	return schema
}
