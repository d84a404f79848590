package belay

import (
	"cmp"
	"slices"
	"strings"
)

// remedies says, for each cause, what to do about it, the first being the
// most likely. Every cause has at least one that is always offered.
var remedies = map[Cause][]string{
	CauseEgressDenied:                 {"egress.allow", "connection.edit"},
	CauseEgressForbidden:              {"connection.edit"},
	CauseDNSFailure:                   {"connection.edit", "check.rerun"},
	CauseConnectionRefused:            {"connection.edit", "check.rerun", "connection.maintenance"},
	CauseConnectionReset:              {"check.rerun", "connection.edit", "connection.maintenance"},
	CauseTimeout:                      {"check.rerun", "connection.edit", "connection.maintenance"},
	CauseTLSUnknownAuthority:          {"tls.verify", "tls.trust", "tls.replaceAuthority", "kubeconfig.upload", "connection.edit"},
	CauseTLSExpired:                   {"tls.renew", "check.rerun", "connection.maintenance"},
	CauseTLSExpiresSoon:               {"tls.renew", "check.rerun"},
	CauseTLSNotYetValid:               {"check.rerun", "connection.maintenance"},
	CauseTLSNameMismatch:              {"connection.edit", "tls.serverName"},
	CauseTLSClientCertificateRejected: {"credential.retype", "credential.replace", "credential.remove", "kubeconfig.upload", "credential.attach", "connection.maintenance"},
	CauseTLSProtocol:                  {"connection.edit", "check.rerun"},
	CauseWrongService:                 {"connection.edit", "connection.settings"},
	CauseUnexpectedStatus:             {"connection.edit", "connection.settings", "check.rerun", "connection.maintenance"},
	CauseRedirectedElsewhere:          {"connection.edit", "connection.settings"},
	CauseResponseTooLarge:             {"connection.edit", "connection.settings"},
	CauseMalformedResponse:            {"connection.settings", "connection.edit", "check.rerun"},
	CauseCredentialMissing:            {"credential.restore", "credential.attach", "credential.create", "kubeconfig.upload"},
	CauseCredentialRejected:           {"credential.retype", "credential.replace", "credential.remove", "kubeconfig.upload", "credential.attach", "connection.maintenance"},
	CauseCredentialExpired:            {"credential.retype", "credential.replace", "credential.remove", "kubeconfig.upload", "credential.attach", "connection.maintenance"},
	CauseCredentialExpiresSoon:        {"credential.replace", "kubeconfig.upload", "credential.attach"},
	CauseReferenceUnresolved:          {"credential.replace", "check.rerun"},
	CausePermissionMissing:            {"permission.grant", "credential.attach"},
	CauseSuspended:                    {"credential.replace", "check.rerun"},
	CauseRateLimited:                  {"check.rerun", "connection.maintenance"},
	CauseNotReady:                     {"check.rerun", "connection.settings", "connection.maintenance"},
	CauseClockSkew:                    {"check.rerun"},
	CauseUnsupportedVersion:           {"connection.edit"},
	CauseIdentityChanged:              {"identity.accept", "kubeconfig.accept", "connection.edit", "connection.maintenance"},
	CauseInternal:                     {"check.rerun"},
}

// RemedyContext is what remedies are about.
type RemedyContext struct {
	ConnectionID   ID // "" for a draft
	ConnectionName string
	Kind           string
	Status         Status
	// CredentialID is the credential that the cause is about: the one that
	// was used, or the one that was rejected. CredentialName is "" when the
	// caller may not know it.
	CredentialID   ID
	CredentialName string
	CredentialType string
	// CredentialFields are those that it has a value for.
	CredentialFields []string
	// DeletedID and DeletedName are of a credential that the connection has,
	// that is deleted, and that the caller may restore; "" for none.
	DeletedID   ID
	DeletedName string
	// Others are the connection's other credentials, one of which works.
	Others []CredentialUse
	// Accepts are the types of credentials that the target can be given, the
	// most likely first.
	Accepts []string
	// Settings are those that the kind has, Set those that the connection
	// has, by name.
	Settings, Set []string
	// Trusts is set where the connection trusts an authority of its own.
	Trusts bool
	// Unverified is set where the target's certificate is not verified.
	Unverified bool
	// Identity is that of the target that answered, where it is another one.
	Identity string
	// Missing is the permission that is missing, as the kind names it, and
	// User whom the target takes the credential for, where they are known.
	Missing, User string
	// CertificateSubject and CertificateEnd are of the target's certificate,
	// where they are known; the end is in RFC 3339.
	CertificateSubject, CertificateEnd string

	cause Cause
}

// Remedies returns what can be done about a cause, none for "": only what is
// possible as the connection stands. A draft gets words only: there is nothing
// yet to act on.
func Remedies(c Cause, rc RemedyContext) []Remedy {
	if c == "" {
		return nil
	}
	rc.cause = c
	ids := remedies[c]
	if rc.Status == StatusDiscovered {
		// It mends nothing, but is what comes next once all is mended.
		ids = append(slices.Clone(ids), "connection.register")
	}
	out := offered(ids, rc, false)
	if out == nil {
		out = offered(ids, rc, true)
	}
	return out
}

// offered are those of some remedies that are possible. A draft is offered
// what is for stored connections only if all are to be offered.
func offered(ids []string, rc RemedyContext, all bool) (out []Remedy) {
	for _, id := range ids {
		if rc.ConnectionID == "" && !all && forStored[id] {
			continue
		}
		if cure := cures[id]; cure.offered == nil || cure.offered(rc) {
			out = append(out, cure.about(id, rc))
		}
	}
	return out
}

// forStored are the remedies that do something to a connection which is there:
// a draft is offered one only where there is nothing else to say.
var forStored = map[string]bool{
	"check.rerun": true, "connection.maintenance": true, "connection.register": true, "credential.remove": true,
	"identity.accept": true, "kubeconfig.upload": true, "kubeconfig.accept": true,
}

func (c cure) about(id string, rc RemedyContext) Remedy {
	r := c.Remedy
	r.ID = id
	if c.words != nil {
		r.Description = c.words(rc)
	}
	if c.command != nil {
		r.Command = c.command(rc)
	}
	if rc.ConnectionID == "" {
		r.Action, r.Command = nil, ""
		return r
	}
	fill := strings.NewReplacer(
		"{id}", string(rc.ConnectionID), "{name}", operand(rc.ConnectionName, rc.ConnectionID),
		"{credential}", operand(rc.CredentialName, rc.CredentialID), "{fields}", rc.fieldFlags(false), "{secrets}", rc.fieldFlags(true),
		"{deletedId}", string(rc.DeletedID), "{deleted}", operand(rc.DeletedName, rc.DeletedID),
		"{type}", rc.credentialType(), "{rest}", rc.rest(), "{setting}", rc.setting(), "{identity}", shellQuote(rc.Identity))
	if r.Action != nil {
		a := *r.Action
		a.Href = fill.Replace(a.Href)
		if c.body != nil {
			a.Body = c.body(rc)
		}
		r.Action = &a
	}
	r.Command = fill.Replace(r.Command)
	return r
}

// operand is a name as a word of a command line, or the id where the name
// would be taken for a flag, or is not known.
func operand(name string, id ID) string {
	if name == "" || strings.HasPrefix(name, "-") {
		return string(id)
	}
	return shellQuote(name)
}

// credentialType is the type of the credential that the cause is about, or
// the one to be made.
func (rc RemedyContext) credentialType() string {
	if rc.CredentialType == "" && len(rc.Accepts) > 0 {
		return rc.Accepts[0]
	}
	return rc.CredentialType
}

// fieldFlags are the flags by which the command line is given what a
// credential holds, or must hold. Files hold the secrets, and texts of many
// lines. With renewed, what is not secret and fits on a line, such as a
// user's name, stays as it is.
func (rc RemedyContext) fieldFlags(renewed bool) string {
	t, _ := FindCredentialType(rc.credentialType())
	needed := func(f CredentialField) bool {
		return f.Required || len(t.AnyOf) > 0 && slices.Contains(t.AnyOf[0], f.Name)
	}
	if len(rc.CredentialFields) > 0 {
		needed = func(f CredentialField) bool { return slices.Contains(rc.CredentialFields, f.Name) }
	}
	var flags []string
	for _, f := range t.Fields {
		switch {
		case !needed(f), renewed && f.Public && !f.Multiline:
		case f.Public && !f.Multiline:
			flags = append(flags, "--field "+f.Name+"=VALUE")
		default:
			flags = append(flags, "--secret-file "+f.Name+"=PATH")
		}
	}
	return cmp.Or(strings.Join(flags, " "), "--secret-file FIELD=PATH")
}

// others are the connection's other credentials on the wire, the first of
// them as the primary one.
func (rc RemedyContext) others() []any {
	out := make([]any, len(rc.Others))
	for i, u := range rc.Others {
		purpose := u.Purpose
		switch {
		case purpose != PurposePrimary && purpose != PurposeFallback:
		case i == 0:
			purpose = PurposePrimary
		default:
			purpose = PurposeFallback
		}
		out[i] = map[string]any{"id": string(u.CredentialID), "purpose": string(purpose)}
	}
	return out
}

func (rc RemedyContext) rest() string {
	flags := make([]string, len(rc.Others))
	for i, u := range rc.Others {
		flags[i] = "--use " + string(u.CredentialID)
	}
	return strings.Join(flags, " ")
}

// setting is the one of the connection's settings that decides about what has
// gone wrong, "" for none.
func (rc RemedyContext) setting() string {
	candidates := map[Cause][]string{
		CauseNotReady:          {"jsonEquals"},
		CauseMalformedResponse: {"contains", "jsonPointer", "path"},
		CauseUnexpectedStatus:  {"path", "status"},
	}[rc.cause]
	if candidates == nil {
		candidates = []string{"path"}
	}
	for _, name := range candidates {
		if slices.Contains(rc.Set, name) {
			return name
		}
	}
	// What is not set has a default, which may not do; but nothing was looked
	// for in the answer then.
	for _, name := range slices.Backward(candidates) {
		if slices.Contains(rc.Settings, name) && (name == "path" || name == "status") {
			return name
		}
	}
	return ""
}

// shellQuote quotes s for a POSIX shell where that is needed.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./:@%+,=", r)
	}
	if s != "" && !slices.ContainsFunc([]rune(s), func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
