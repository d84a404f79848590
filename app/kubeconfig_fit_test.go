package app_test

import (
	"strings"
	"testing"

	"belay"
	"belay/app"
	"belay/kubeconfig"
)

// A client certificate cannot be shown without TLS: no connection is imported
// that would use one so, as none can be made by hand.
func TestImportOfACertificateWithoutTLS(t *testing.T) {
	w := newImportWorld(t)
	const plain = "http://10.0.0.1:8080"
	w.uids[plain] = "one"
	pair := authority().Client("me")
	up := file(kubeContext{name: "plain", server: plain, user: map[string]any{"client-certificate-data": pair.Certificate, "client-key-data": pair.Key}})

	k := w.state(w.admin, up)
	if k.Usable() || k.CredentialType != "" || k.Fingerprint != "" {
		t.Errorf("the preview takes the certificate: %+v", k)
	}
	found := false
	for _, p := range k.Problems {
		found = found || p.Code == kubeconfig.ProblemCertificate && p.Effect == kubeconfig.BarsCredential && strings.Contains(p.Message, "https://")
	}
	if !found {
		t.Errorf("the preview does not say why: %+v", k.Problems)
	}
	blocked := w.one(w.admin, app.ImportBlocked, up)
	if !strings.Contains(blocked.Message, "https://") || len(w.stored()) != 0 {
		t.Errorf("%q, and stored are %v", blocked.Message, w.stored())
	}
	bare := w.one(w.admin, app.ImportCreated, up, app.ContextImport{Name: "plain", WithoutCredential: true})
	if len(bare.Connection.Credentials) != 0 {
		t.Errorf("imported without a credential, it has %v", bare.Connection.Credentials)
	}

	// A token goes anywhere.
	w.one(w.admin, app.ImportUpdated, file(kubeContext{name: "plain", server: plain, user: token("x")}))
}

// Nor does a credential become one behind the back of a connection that uses
// it without TLS.
func TestCredentialBecomesACertificate(t *testing.T) {
	for engine, w := range engines(t) {
		t.Run(engine, func(t *testing.T) {
			const plain = "http://10.0.0.1:8080"
			pair := authority().Client("me")
			text, key := belay.NewSecret(pair.Certificate), belay.NewSecret(pair.Key)
			become := app.CredentialChange{Secret: map[string]*belay.Secret{"token": nil, "clientCertificate": &text, "clientKey": &key}}
			v := w.one(w.admin, app.ImportCreated, file(kubeContext{name: "a", server: plain, user: token("x")})).Connection
			id := v.Credentials[0].CredentialID
			_, err := w.UpdateCredential(w.admin, w.org, id, 0, become)
			if belay.CodeOf(err) != belay.CodeInvalid {
				t.Fatalf("it becomes a certificate: %v", err)
			}
			if k, err := w.Credential(w.admin, w.org, id); err != nil || k.Current != 1 || k.Set[0] != "token" {
				t.Errorf("it was changed all the same: %+v, %v", k, err)
			}
			endpoint := here
			_, err = w.UpdateConnection(w.admin, w.org, v.ID, 0, app.ConnectionChange{Endpoint: &endpoint})
			w.must(err)
			_, err = w.UpdateCredential(w.admin, w.org, id, 0, become)
			w.must(err)
		})
	}
}
