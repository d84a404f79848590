package belay_test

import (
	"slices"
	"strings"
	"testing"

	"belay"
)

func TestGrantOfWhatIsMissing(t *testing.T) {
	for _, c := range []struct{ kind, user, missing, command string }{
		{"kubernetes", "system:serviceaccount:web:viewer", "list namespaces, list services", "kubectl create clusterrole belay-web-viewer --verb=list --resource=namespaces,services" +
			" && kubectl create clusterrolebinding belay-web-viewer --clusterrole=belay-web-viewer --serviceaccount=web:viewer"},
		{"kubernetes", "it's me", "get /readyz", "kubectl create clusterrole belay-it-s-me --verb=get --non-resource-url=/readyz" +
			` && kubectl create clusterrolebinding belay-it-s-me --clusterrole=belay-it-s-me '--user=it'\''s me'`},
		{"kubernetes", "me", "impersonate users you", ""},
		{"kubernetes", "me", "get pods, list services", ""},
		{"kubernetes", "", "list services", ""},
		{"http", "me", "GET /api", ""},
	} {
		rc := context(belay.StatusConnected)
		rc.Kind, rc.User, rc.Missing = c.kind, c.user, c.missing
		r := belay.Remedies(belay.CausePermissionMissing, rc)[0]
		if r.ID != "permission.grant" || r.Command != c.command || !strings.Contains(r.Description, c.missing) || !strings.Contains(r.Description, c.user) {
			t.Errorf("%+v:\ngot  %s\nwant %s", r, r.Command, c.command)
		}
	}
}

func TestRenewalNamesTheCertificate(t *testing.T) {
	for _, cause := range []belay.Cause{belay.CauseTLSExpired, belay.CauseTLSExpiresSoon} {
		rc := context(belay.StatusConnected)
		rc.CertificateSubject, rc.CertificateEnd = "CN=prod", "2026-01-01T00:00:00Z"
		all := belay.Remedies(cause, rc)
		if all[0].ID != "tls.renew" || !strings.Contains(all[0].Description, "CN=prod, valid until 2026-01-01T00:00:00Z") ||
			!slices.ContainsFunc(all, func(r belay.Remedy) bool { return r.ID == "check.rerun" }) {
			t.Errorf("%s: %+v", cause, all)
		}
	}
}
