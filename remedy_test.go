package belay_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"belay"
)

func context(status belay.Status) belay.RemedyContext {
	return belay.RemedyContext{
		ConnectionID: "11111111-1111-7111-8111-111111111111", ConnectionName: "it's", Kind: "kubernetes", Status: status,
		CredentialID: "22222222-2222-7222-8222-222222222222", CredentialName: "-key", CredentialType: belay.CredentialBasic,
		Others:   []belay.CredentialUse{{CredentialID: "33333333-3333-7333-8333-333333333333", Purpose: belay.PurposeFallback}},
		Accepts:  []string{belay.CredentialHeader},
		Settings: []string{"path", "status", "contains"}, Set: []string{"contains"}, Identity: "kubernetes:1/a b",
	}
}

func TestEveryCauseHasARemedyInEveryStatus(t *testing.T) {
	for _, c := range belay.Causes() {
		for _, s := range belay.Statuses() {
			for _, rc := range []belay.RemedyContext{{}, {ConnectionID: "1", Status: s}, context(s)} {
				offered := belay.Remedies(c, rc)
				if len(offered) == 0 {
					t.Errorf("%s, %s: none for %+v", c, s, rc)
				}
				for _, r := range offered {
					checkRemedy(t, rc, r)
				}
			}
		}
	}
	if got := belay.Remedies("", context(belay.StatusConnected)); got != nil {
		t.Errorf("without a cause: %v", got)
	}
}

// checkRemedy wants a remedy to be whole, and a status that it sets to be one
// that the lifecycle allows.
func checkRemedy(t *testing.T, rc belay.RemedyContext, r belay.Remedy) {
	t.Helper()
	if r.ID == "" || r.Title == "" || r.Description == "" {
		t.Errorf("a remedy without words: %+v", r)
	}
	if rc.ConnectionID == "" {
		if r.Action != nil || r.Command != "" {
			t.Errorf("a draft is offered %+v", r)
		}
		return
	}
	if r.Action == nil {
		return
	}
	if strings.ContainsAny(r.Command+r.Action.Href, "{}") {
		t.Errorf("%s is not filled in: %q, %q", r.ID, r.Command, r.Action.Href)
	}
	body, _ := r.Action.Body.(map[string]any)
	if to, ok := body["status"].(string); ok {
		if _, err := rc.Status.Transition(belay.Status(to)); err != nil {
			t.Errorf("%s is offered: %v", r.ID, err)
		}
	}
}

func TestRemediesAreAboutTheConnection(t *testing.T) {
	for _, c := range []struct {
		cause             belay.Cause
		change            func(*belay.RemedyContext)
		id, command, body string
	}{
		{belay.CauseTimeout, nil, "check.rerun", `belay connection test 'it'\''s'`, `null`},
		{belay.CauseTimeout, nil, "connection.maintenance", `belay connection state 'it'\''s' maintenance`, `{"status":"maintenance"}`},
		{belay.CauseCredentialRejected, nil, "credential.replace", "belay credential edit 22222222-2222-7222-8222-222222222222 --secret-file password=PATH", `{"id":"22222222-2222-7222-8222-222222222222"}`},
		{belay.CauseCredentialRejected, nil, "credential.remove", `belay connection credential 'it'\''s' --use 33333333-3333-7333-8333-333333333333`, `{"credentials":[{"id":"33333333-3333-7333-8333-333333333333","purpose":"primary"}]}`},
		{belay.CauseCredentialMissing, func(rc *belay.RemedyContext) { rc.CredentialType = "" }, "credential.create", `belay credential create CREDENTIAL --type header --field name=VALUE --secret-file value=PATH && belay connection credential 'it'\''s' --use CREDENTIAL`, `{"credentialType":"header"}`},
		{belay.CauseCredentialMissing, func(rc *belay.RemedyContext) { rc.CredentialType = belay.CredentialMTLS }, "credential.create", `belay credential create CREDENTIAL --type mtls --secret-file certificate=PATH --secret-file key=PATH && belay connection credential 'it'\''s' --use CREDENTIAL`, `{"credentialType":"mtls"}`},
		{belay.CauseCredentialMissing, func(rc *belay.RemedyContext) { rc.CredentialType = belay.CredentialKubernetes }, "credential.create", `belay credential create CREDENTIAL --type kubernetes --secret-file token=PATH && belay connection credential 'it'\''s' --use CREDENTIAL`, `{"credentialType":"kubernetes"}`},
		{belay.CauseMalformedResponse, nil, "connection.settings", `belay connection edit 'it'\''s' --set metadata.contains=VALUE`, `null`},
		{belay.CauseUnexpectedStatus, nil, "connection.settings", `belay connection edit 'it'\''s' --set metadata.status=VALUE`, `null`},
		{belay.CauseWrongService, nil, "connection.settings", `belay connection edit 'it'\''s' --set metadata.path=VALUE`, `null`},
		{belay.CauseIdentityChanged, nil, "identity.accept", `belay connection edit 'it'\''s' --identity 'kubernetes:1/a b'`, `{"identity":"kubernetes:1/a b"}`},
		{belay.CauseTLSUnknownAuthority, func(rc *belay.RemedyContext) { rc.Unverified = true }, "tls.verify", `belay connection edit 'it'\''s' --ca-certificate PATH --set metadata.tls.insecureSkipVerify=false`, `null`},
	} {
		rc := context(belay.StatusConnected)
		if c.change != nil {
			c.change(&rc)
		}
		offered := belay.Remedies(c.cause, rc)
		i := slices.IndexFunc(offered, func(r belay.Remedy) bool { return r.ID == c.id })
		if i < 0 {
			t.Errorf("%s does not offer %s", c.cause, c.id)
			continue
		}
		body, err := json.Marshal(offered[i].Action.Body)
		if err != nil || offered[i].Command != c.command || string(body) != c.body {
			t.Errorf("%s: got  %s, %s\nwant %s, %s", c.id, offered[i].Command, body, c.command, c.body)
		}
	}
}

// What does not exist can be neither tested again nor maintained.
func TestADraftIsNotTreatedAsStored(t *testing.T) {
	ids := func(c belay.Cause, rc belay.RemedyContext) (out []string) {
		for _, r := range belay.Remedies(c, rc) {
			out = append(out, r.ID)
		}
		return out
	}
	if got := ids(belay.CauseConnectionRefused, belay.RemedyContext{}); !slices.Equal(got, []string{"connection.edit"}) {
		t.Errorf("of a draft that is not reached: %v", got)
	}
	r := belay.Remedies(belay.CauseCredentialRejected, belay.RemedyContext{CredentialType: belay.CredentialBasic})[0]
	if r.ID != "credential.retype" || !strings.Contains(r.Description, "does not take the password") {
		t.Errorf("of a draft whose password is rejected: %+v", r)
	}
	if got := ids(belay.CauseCredentialRejected, context(belay.StatusConnected)); slices.Contains(got, "credential.retype") {
		t.Errorf("of a stored one: %v", got)
	}
}

func TestWhatCannotMendIsNotOffered(t *testing.T) {
	for _, c := range []struct {
		cause  belay.Cause
		id     string
		change func(*belay.RemedyContext)
	}{
		{belay.CauseEgressForbidden, "egress.allow", func(*belay.RemedyContext) {}},
		{belay.CauseTimeout, "connection.maintenance", func(rc *belay.RemedyContext) { rc.Status = belay.StatusDiscovered }},
		{belay.CauseTimeout, "connection.maintenance", func(rc *belay.RemedyContext) { rc.Status = belay.StatusMaintenance }},
		{belay.CauseTimeout, "connection.register", func(*belay.RemedyContext) {}},
		{belay.CauseCredentialRejected, "kubeconfig.upload", func(rc *belay.RemedyContext) { rc.Kind = "http" }},
		{belay.CauseCredentialRejected, "credential.remove", func(rc *belay.RemedyContext) { rc.Others = nil }},
		{belay.CauseCredentialRejected, "credential.replace", func(rc *belay.RemedyContext) { rc.CredentialID = "" }},
		{belay.CauseCredentialMissing, "credential.create", func(rc *belay.RemedyContext) { rc.CredentialType, rc.Accepts = "", nil }},
		{belay.CauseMalformedResponse, "connection.settings", func(rc *belay.RemedyContext) { rc.Settings, rc.Set = nil, nil }},
		{belay.CauseIdentityChanged, "identity.accept", func(rc *belay.RemedyContext) { rc.Identity = "" }},
		{belay.CauseTLSUnknownAuthority, "tls.trust", func(rc *belay.RemedyContext) { rc.Unverified = true }},
		{belay.CauseTLSUnknownAuthority, "tls.trust", func(rc *belay.RemedyContext) { rc.Trusts = true }},
		{belay.CauseTLSUnknownAuthority, "tls.replaceAuthority", func(*belay.RemedyContext) {}},
		{belay.CauseTLSUnknownAuthority, "tls.verify", func(*belay.RemedyContext) {}},
	} {
		rc := context(belay.StatusConnected)
		c.change(&rc)
		for _, r := range belay.Remedies(c.cause, rc) {
			if r.ID == c.id {
				t.Errorf("%s offers %s to %+v", c.cause, c.id, rc)
			}
		}
	}
	offered := belay.Remedies(belay.CauseConnectionRefused, context(belay.StatusDiscovered))
	if offered[0].ID == "connection.register" || offered[len(offered)-1].ID != "connection.register" {
		t.Errorf("what is discovered is not registered last: %+v", offered)
	}
}

func TestEveryCauseHasAText(t *testing.T) {
	for _, c := range belay.Causes() {
		if c.Text() == "" {
			t.Errorf("%s has none", c)
		}
	}
	if text := belay.Cause("none").Text(); text != "" {
		t.Errorf("a cause that is none has the text %q", text)
	}
}

// An answer of another status than is wanted mostly is one to another path:
// to ask the same again is not the first thing to do about it.
func TestUnexpectedStatusIsNotMendedByAskingAgain(t *testing.T) {
	got := belay.Remedies(belay.CauseUnexpectedStatus, belay.RemedyContext{ConnectionID: "x", ConnectionName: "web"})
	if len(got) == 0 || got[0].ID != "connection.edit" {
		t.Errorf("the first remedy is %v", got)
	}
}
