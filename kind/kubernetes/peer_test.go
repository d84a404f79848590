package kubernetes_test

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"belay"
	"belay/e2e/peers"
	"belay/egress"
	"belay/kind/kindtest"
	"belay/kind/kubernetes"
)

// cluster is a real API server, for all the tests of this package.
var cluster = peers.Share(func() (*peers.Kubernetes, error) {
	return peers.NewKubernetes(peers.KubernetesOptions{})
})

// TestMain also sees to it that no test of a target leaves anything running.
func TestMain(m *testing.M) {
	code := peers.Run(m, cluster)
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// ask tests a real cluster.
func ask(t *testing.T, k *peers.Kubernetes, config, identity string, m *belay.Material, want string) belay.Report {
	t.Helper()
	d := kubernetes.New(&egress.Dialer{Policy: egress.Policy{Loopback: true}}, time.Now)
	target := belay.Target{Endpoint: k.URL, Config: json.RawMessage(config), Identity: identity, Credential: m, Timeout: 20 * time.Second}
	target.TLS.CertificateAuthority = string(k.CA.PEM())
	r := d.Test(t.Context(), target)
	kindtest.Check(t, r)
	kindtest.Conceals(t, r, m)
	got := ""
	for _, s := range r.Stages {
		if s.Outcome == belay.OutcomeFailed {
			got = strings.TrimSpace(string(s.Stage) + " " + string(r.Cause) + " " + r.Missing)
		}
	}
	if got != want {
		t.Errorf("got %q, want %q: %s", got, want, r.Summary)
	}
	return r
}

func certificate(p *peers.KeyPair) *belay.Material {
	return material(map[string]string{"clientCertificate": string(p.Certificate), "clientKey": string(p.Key)})
}

// allow lets a user do exactly what the test needs.
func allow(t *testing.T, k *peers.Kubernetes, role string, subject peers.Subject, rules ...map[string]any) {
	t.Helper()
	object := map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": map[string]any{"name": role}, "rules": rules,
	}
	err := errors.Join(
		k.Create(t.Context(), "/apis/rbac.authorization.k8s.io/v1/clusterroles", object),
		k.Bind(t.Context(), role, subject))
	if err != nil {
		t.Fatal(err)
	}
}

// rule allows verbs on resources of the core group.
func rule(verbs []string, resources ...string) map[string]any {
	return map[string]any{"apiGroups": []string{""}, "resources": resources, "verbs": verbs}
}

func TestRealClusterLetsIn(t *testing.T) {
	k := cluster.Get(t)
	r := ask(t, k, `{"context": "prod"}`, "", bearer(k.User("admin").Token), "")
	uid, _ := r.Facts["clusterUid"].(string)
	if r.Facts["overPrivileged"] != true || r.Facts["user"] != "admin" || uid == "" || r.Identity != "kubernetes:"+uid+"/prod" {
		t.Errorf("identity %q, facts %v", r.Identity, r.Facts)
	}
	if version, _ := r.Facts["version"].(string); !strings.HasPrefix(version, "v1.") {
		t.Errorf("version %q", version)
	}
	if r.Facts["nodeCount"] != 0 { // it has no nodes, and this user may count them
		t.Errorf("nodes %v", r.Facts["nodeCount"])
	}
	ask(t, k, `{"context": "prod"}`, r.Identity, bearer(k.User("admin").Token), "")
	ask(t, k, `{"context": "prod"}`, "kubernetes:another/prod", bearer(k.User("admin").Token), "capability identity_changed")
	ask(t, k, "", "", certificate(k.CertificateUser("carl", "system:masters").Certificate), "")
	ask(t, k, "", "", material(map[string]string{"token": k.User("admin").Token, "impersonate": "nobody-known"}), "authorize permission_missing list namespaces, list services")
}

func TestRealClusterLetsInWithTheLeastRights(t *testing.T) {
	k := cluster.Get(t)
	name := "belay-" + strings.ToLower(rand.Text()) // the cluster outlives the test
	token, err := k.CreateToken(t.Context(), "default", name, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, k, "", "", bearer(token.Token), "authorize permission_missing list namespaces, list services")
	account := peers.Subject{Kind: "ServiceAccount", Name: name, Namespace: "default"}
	allow(t, k, name+"-namespaces", account, rule([]string{"list"}, "namespaces"))
	ask(t, k, "", "", bearer(token.Token), "authorize permission_missing list services")
	allow(t, k, name+"-services", account, rule([]string{"list"}, "services"))
	r := ask(t, k, "", "", bearer(token.Token), "")
	if _, counted := r.Facts["nodeCount"]; r.Identity != "" || counted || r.Facts["overPrivileged"] != false {
		t.Errorf("identity %q, facts %v", r.Identity, r.Facts)
	}
	allow(t, k, name+"-uid", account, rule([]string{"get"}, "namespaces"))
	if r := ask(t, k, "", "", bearer(token.Token), ""); !strings.HasPrefix(r.Identity, "kubernetes:") {
		t.Errorf("identity %q", r.Identity)
	}
	ask(t, k, "", "", material(map[string]string{"token": token.Token, "impersonate": "admin"}), "authorize permission_missing impersonate users admin")
}

func TestRealClusterKeepsOut(t *testing.T) {
	k := cluster.Get(t)
	stranger := peers.NewCA("stranger").Client("carl", "system:masters")
	expired := k.CA.Issue(peers.CertificateOptions{
		CommonName: "carl", Organizations: []string{"system:masters"},
		NotBefore: time.Now().AddDate(0, 0, -2), NotAfter: time.Now().AddDate(0, 0, -1),
	})
	ask(t, k, "", "", bearer("canary-of-yesterday"), "authenticate credential_rejected")
	ask(t, k, "", "", nil, "authenticate credential_missing")
	ask(t, k, "", "", bearer(k.User("viewer").Token), "authorize permission_missing list namespaces, list services")
	ask(t, k, "", "", certificate(k.CertificateUser("nina").Certificate), "authorize permission_missing list namespaces, list services")
	ask(t, k, "", "", certificate(stranger), "authenticate credential_rejected")
	ask(t, k, "", "", certificate(expired), "authenticate credential_expired")
	ask(t, k, "", "", material(map[string]string{"username": "admin", "password": "canary-0123"}), "authenticate credential_rejected")
}

func TestRealClusterIsNotTrustedBlindly(t *testing.T) {
	k := cluster.Get(t)
	d := kubernetes.New(&egress.Dialer{Policy: egress.Policy{Loopback: true}}, time.Now)
	target := belay.Target{Endpoint: k.URL, Credential: bearer(k.User("admin").Token), Timeout: 20 * time.Second}
	r := d.Test(t.Context(), target)
	if r.Cause != belay.CauseTLSUnknownAuthority {
		t.Fatalf("got %q", r.Cause)
	}
	// The remedy: trust what the report shows.
	shown, _ := r.Facts["tls"].(map[string]any)
	target.TLS.CertificateAuthority, _ = shown["presented"].(string)
	if r := d.Test(t.Context(), target); r.Health != belay.HealthHealthy && r.Cause != belay.CauseTLSExpiresSoon { // a day is soon
		t.Errorf("after trusting: %s", r.Summary)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(target.TLS.CertificateAuthority)) {
		t.Error("what is shown is no certificate")
	}
	conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: pool}}).DialContext(t.Context(), "tcp", strings.TrimPrefix(k.URL, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
