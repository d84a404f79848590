package belay

import (
	"slices"
	"strings"
)

// remedies says, for each cause, what to do about it, the first being the
// most likely. Every cause has at least one. In Description, Href and
// Command, {id} and {name} stand for the connection's id and quoted name,
// {credential} and {credentialName} for the credential that was used.
var remedies = map[Cause][]string{
	CauseEgressDenied:                 {"egress.allow", "connection.edit"},
	CauseDNSFailure:                   {"connection.edit", "check.rerun"},
	CauseConnectionRefused:            {"connection.edit", "check.rerun", "connection.maintenance"},
	CauseConnectionReset:              {"check.rerun", "connection.edit", "connection.maintenance"},
	CauseTimeout:                      {"check.rerun", "connection.edit", "connection.maintenance"},
	CauseTLSUnknownAuthority:          {"tls.trust", "connection.edit"},
	CauseTLSExpired:                   {"check.rerun", "connection.maintenance"},
	CauseTLSNotYetValid:               {"check.rerun", "connection.maintenance"},
	CauseTLSNameMismatch:              {"connection.edit", "tls.serverName"},
	CauseTLSClientCertificateRejected: {"credential.replace", "kubeconfig.upload", "credential.attach"},
	CauseTLSProtocol:                  {"connection.edit", "check.rerun"},
	CauseWrongService:                 {"connection.edit"},
	CauseUnexpectedStatus:             {"check.rerun", "connection.edit", "connection.maintenance"},
	CauseRedirectedElsewhere:          {"connection.edit"},
	CauseResponseTooLarge:             {"connection.edit"},
	CauseMalformedResponse:            {"connection.edit", "check.rerun"},
	CauseCredentialMissing:            {"credential.attach", "credential.create", "kubeconfig.upload"},
	CauseCredentialRejected:           {"credential.replace", "kubeconfig.upload", "credential.attach", "connection.maintenance"},
	CauseCredentialExpired:            {"credential.replace", "kubeconfig.upload", "credential.attach", "connection.maintenance"},
	CauseReferenceUnresolved:          {"credential.replace", "check.rerun"},
	CausePermissionMissing:            {"permission.grant", "credential.attach"},
	CauseSuspended:                    {"credential.replace", "check.rerun"},
	CauseRateLimited:                  {"check.rerun", "connection.maintenance"},
	CauseNotReady:                     {"check.rerun", "connection.maintenance"},
	CauseClockSkew:                    {"check.rerun"},
	CauseUnsupportedVersion:           {"connection.edit"},
	CauseIdentityChanged:              {"kubeconfig.upload", "connection.edit", "connection.maintenance"},
	CauseInternal:                     {"check.rerun"},
}

const connectionPath = "/api/integrations/connections/{id}"

// remedyText holds each remedy once.
var remedyText = map[string]Remedy{
	"check.rerun": {
		Title: "Test again", Description: "Runs the test once more.",
		Action:  &RemedyAction{Method: "POST", Href: connectionPath + "/test"},
		Command: "belay connection test {name}",
	},
	"connection.register": {
		Title: "Register the connection", Description: "Takes the discovered connection into use; it is checked from then on.",
		Action:  &RemedyAction{Method: "PUT", Href: connectionPath, Body: map[string]any{"status": string(StatusRegistered)}},
		Command: "belay connection state {name} registered",
	},
	"connection.edit": {
		Title: "Edit the endpoint", Description: "Changes the address or the settings by which the target is reached.",
		Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
		Command: "belay connection edit {name} --url URL",
	},
	"connection.maintenance": {
		Title: "Put into maintenance", Description: "Stops checks and alerts until the maintenance ends.",
		Action:  &RemedyAction{Method: "PUT", Href: connectionPath, Body: map[string]any{"status": string(StatusMaintenance)}},
		Command: "belay connection state {name} maintenance",
	},
	"credential.replace": {
		Title: "Replace the secret", Description: "Puts a new secret into the credential; every connection that uses it has it at once.",
		Action:  &RemedyAction{Method: "PUT", Href: "/api/integrations/credentials"},
		Command: "belay credential edit {credentialName} --secret-file FIELD=PATH",
	},
	"credential.attach": {
		Title: "Attach another credential", Description: "Lets the connection use a credential that is already stored.",
		Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
		Command: "belay connection credential {name} --use CREDENTIAL",
	},
	"credential.create": {
		Title: "Create a credential", Description: "Stores a new credential, to be attached to the connection.",
		Action:  &RemedyAction{Method: "POST", Href: "/api/integrations/credentials"},
		Command: "belay credential create NAME --type TYPE --secret-file FIELD=PATH",
	},
	"kubeconfig.upload": {
		Title: "Upload a new kubeconfig for this connection", Description: "Replaces the credential of this connection by the one in the file; its id and environments stay.",
		Action:  &RemedyAction{Method: "POST", Href: "/api/system/kubernetes?connectionId={id}"},
		Command: "belay connection import kubeconfig -f PATH --connection {name}",
	},
	"tls.trust": {
		Title: "Trust this certificate authority", Description: "Adds the authority that signed the target's certificate to this connection; compare its fingerprint first.",
		Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
		Command: "belay connection edit {name} --ca-certificate PATH",
	},
	"tls.serverName": {
		Title: "Set the server name", Description: "Names the host for which the target's certificate was made.",
		Action:  &RemedyAction{Method: "PUT", Href: connectionPath},
		Command: "belay connection edit {name} --tls-server-name NAME",
	},
	"permission.grant": {
		Title: "Grant the permission", Description: "The target must allow the credential's user to do what the test names.",
	},
	"egress.allow": {
		Title: "Allow this target", Description: "The operator of this server adds the target to egress.allow.",
		Command: "belay serve --egress-allow CIDR",
	},
}

// RemedyContext is what remedies are about.
type RemedyContext struct {
	ConnectionID   ID // "" for a draft
	ConnectionName string
	Kind           string
	Status         Status
	CredentialID   ID
	CredentialName string
}

// Remedies returns what can be done about a cause, none for "". A draft gets
// words only: there is nothing yet to act on.
func Remedies(c Cause, rc RemedyContext) []Remedy {
	ids := remedies[c]
	if rc.Status == StatusDiscovered {
		ids = append([]string{"connection.register"}, ids...)
	}
	var out []Remedy
	for _, id := range ids {
		if id == "kubeconfig.upload" && rc.Kind != "kubernetes" {
			continue
		}
		if id == "credential.replace" && rc.CredentialID == "" {
			continue
		}
		out = append(out, remedyText[id].about(id, rc))
	}
	return out
}

func (r Remedy) about(id string, rc RemedyContext) Remedy {
	fill := strings.NewReplacer(
		"{id}", string(rc.ConnectionID), "{name}", shellQuote(rc.ConnectionName),
		"{credential}", string(rc.CredentialID), "{credentialName}", shellQuote(rc.CredentialName))
	r.ID = id
	if r.Action != nil {
		a := *r.Action
		a.Href = fill.Replace(a.Href)
		r.Action = &a
	}
	r.Command = fill.Replace(r.Command)
	if rc.ConnectionID == "" {
		r.Action, r.Command = nil, ""
	}
	return r
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
