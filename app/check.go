package app

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"belay"
)

// Check is a check with what can be done about its outcome.
type Check struct {
	*belay.Check
	Remedies []belay.Remedy
	// ConnectionName is what the connection is called by now, "" of a draft.
	ConnectionName string
	// ConnectionStatus is where the connection stands after a test that was
	// just made; "" where the check is history, or its connection not stored.
	ConnectionStatus belay.Status
	// Names are those of the credentials that the check was made with, by
	// id, as far as the caller may know them.
	Names map[belay.ID]string
}

// tested is the view of a check that was just made. What can be done depends
// on where the connection stands since.
func (a *App) tested(ctx context.Context, c caller, v *belay.Connection, k *belay.Check) (*Check, error) {
	now, err := a.store.Connection(ctx, v.OrganizationID, v.ID)
	if err == nil {
		v = now
	} else if !isNotFound(err) {
		return nil, err
	}
	out := a.view(ctx, c, v, k)
	out.ConnectionStatus = v.Status
	return out, nil
}

// view is a check with its remedies, for the caller. That of a draft or of
// what is about to be imported has no ConnectionID, and its remedies are words.
func (a *App) view(ctx context.Context, c caller, v *belay.Connection, k *belay.Check) *Check {
	return a.views(ctx, c)(v, k)
}

// views is view for many checks: no credential is looked up twice.
func (a *App) views(ctx context.Context, c caller) func(*belay.Connection, *belay.Check) *Check {
	known := map[belay.ID]*belay.Credential{} // nil for one that is gone, or not the caller's to know
	find := func(id belay.ID) *belay.Credential {
		if v, ok := known[id]; ok {
			return v
		}
		known[id] = nil
		if v, err := a.loadCredential(ctx, c, id, belay.PermissionCredentialRead); err == nil {
			known[id] = v.Credential
		}
		return known[id]
	}
	return func(v *belay.Connection, k *belay.Check) *Check {
		out, rc := a.viewWith(v, k, find)
		if lost := a.restorable(ctx, c, v, k); lost != nil {
			rc.DeletedID, rc.DeletedName = lost.ID, lost.Name
		}
		out.Remedies = belay.Remedies(k.Cause, rc)
		return out
	}
}

// factsInto adds what a check found out that its remedies speak of. What is
// missing is kept in its summary alone, after the words for the cause.
func factsInto(rc *belay.RemedyContext, k *belay.Check) {
	var facts struct {
		User string `json:"user"`
		TLS  struct {
			Subject  string `json:"subject"`
			NotAfter string `json:"notAfter"`
		} `json:"tls"`
	}
	if json.Unmarshal(k.Facts, &facts) == nil {
		rc.User, rc.CertificateSubject, rc.CertificateEnd = facts.User, facts.TLS.Subject, facts.TLS.NotAfter
	}
	if k.Cause == belay.CausePermissionMissing {
		_, rc.Missing, _ = strings.Cut(k.Summary, ": ")
	}
}

// restorable is the first credential of a connection that is deleted and that
// the caller may restore, where a check was made without any; nil for none.
func (a *App) restorable(ctx context.Context, c caller, v *belay.Connection, k *belay.Check) *belay.Credential {
	if k.Cause == "" || k.CredentialID != "" {
		return nil
	}
	for _, u := range v.Credentials {
		lost, err := a.store.DeletedCredential(ctx, v.OrganizationID, u.CredentialID)
		if err == nil && allow(c.standing(lost.OwnerID), belay.PermissionCredentialRead, belay.PermissionCredentialWrite, "credential") == nil {
			return lost
		}
	}
	return nil
}

// viewWith is a check without its remedies, and what they are about.
func (a *App) viewWith(v *belay.Connection, k *belay.Check, find func(belay.ID) *belay.Credential) (*Check, belay.RemedyContext) {
	out := &Check{Check: k, Names: map[belay.ID]string{}}
	if k.ConnectionID != "" {
		out.ConnectionName = v.Name
	}
	if k.Cause == "" {
		return out, belay.RemedyContext{}
	}
	definition := a.kinds[v.Kind].Definition()
	rc := belay.RemedyContext{
		ConnectionID: k.ConnectionID, ConnectionName: v.Name, Kind: v.Kind, Status: v.Status,
		Accepts: accepted(definition, k), Settings: settingsOf(definition.ConnectionSchema), Set: membersOf(v.Config),
		Unverified: v.TLSConfig().InsecureSkipVerify, Trusts: v.TLSConfig().CertificateAuthority != "", CredentialID: k.CredentialID,
	}
	factsInto(&rc, k)
	if k.Cause == belay.CauseIdentityChanged && k.Identity != v.Identity {
		rc.Identity = k.Identity
	}
	if len(k.Rejected) > 0 && k.Health.Works() {
		rc.CredentialID = k.Rejected[0].CredentialID
		rc.Others = slices.DeleteFunc(slices.Clone(v.Credentials), func(u belay.CredentialUse) bool { return u.CredentialID == rc.CredentialID })
	}
	for _, u := range sent(k) {
		credential := find(u.CredentialID)
		if credential == nil {
			continue
		}
		out.Names[u.CredentialID] = credential.Name
		if u.CredentialID == rc.CredentialID {
			rc.CredentialName, rc.CredentialType = credential.Name, credential.Type
			rc.CredentialFields = slices.AppendSeq(slices.Clone(credential.Set), maps.Keys(credential.Public))
		}
	}
	return out, rc
}

// accepted are the types of credentials that a connection can be given, the
// most likely first: a client certificate where the handshake failed for want
// of one.
func accepted(d *belay.Kind, k *belay.Check) []string {
	atTLS := slices.ContainsFunc(k.Stages, func(s belay.StageResult) bool {
		return s.Stage == belay.StageTLS && s.Outcome == belay.OutcomeFailed
	})
	if !atTLS || !slices.Contains(d.CredentialTypes, belay.CredentialMTLS) {
		return d.CredentialTypes
	}
	return []string{belay.CredentialMTLS}
}

// settingsOf are the settings that a schema has.
func settingsOf(schema json.RawMessage) []string {
	var s struct {
		Properties json.RawMessage `json:"properties"`
	}
	if json.Unmarshal(schema, &s) != nil {
		return nil
	}
	return membersOf(s.Properties)
}

// membersOf are the names of a JSON object's members, none for anything else.
func membersOf(object json.RawMessage) []string {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return nil
	}
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	return names
}
