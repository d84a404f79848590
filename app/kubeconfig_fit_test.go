package app_test

import (
	"strings"
	"testing"

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
