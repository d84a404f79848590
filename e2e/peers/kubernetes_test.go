package peers_test

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"belay/e2e/peers"
)

const namespaces = "/api/v1/namespaces"

func TestKubernetesListsNamespaces(t *testing.T) {
	k := kubernetes.Get(t)
	status, got := names(t, k, k.User("admin"), namespaces)
	if status != http.StatusOK || !slices.Contains(got, "default") {
		t.Errorf("status %d, namespaces %v", status, got)
	}
}

func TestKubernetesTellsStrangersFromTheUnentitled(t *testing.T) {
	k := kubernetes.Get(t)
	for _, c := range []struct {
		name string
		user peers.KubernetesUser
		want int
	}{
		{"token of an admin", k.User("admin"), http.StatusOK},
		{"token of one without a role", k.User("nobody"), http.StatusForbidden},
		{"unknown token", peers.KubernetesUser{Token: "guess"}, http.StatusUnauthorized},
		{"no credential", peers.KubernetesUser{}, http.StatusForbidden}, // it may be anonymous, not list namespaces
		{"certificate of an admin", k.CertificateUser("alice", "system:masters"), http.StatusOK},
		{"certificate of one without a role", k.CertificateUser("bob", "strangers"), http.StatusForbidden},
		{"certificate that has expired", peers.KubernetesUser{Certificate: k.CA.Issue(peers.CertificateOptions{
			CommonName: "alice", Organizations: []string{"system:masters"},
			NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour),
		})}, http.StatusUnauthorized},
		{"certificate of another authority", peers.KubernetesUser{
			Certificate: peers.NewCA("kubernetes").Client("alice", "system:masters"),
		}, http.StatusUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, _ := names(t, k, c.user, namespaces); status != c.want {
				t.Errorf("status %d, want %d", status, c.want)
			}
		})
	}
}

func TestKubernetesBindsARole(t *testing.T) {
	k := kubernetes.Get(t)
	group := "readers-" + rand.Text()
	reader := k.CertificateUser("reader", group)
	list := func() int { status, _ := names(t, k, reader, "/api/v1/namespaces/default/configmaps"); return status }
	if status := list(); status != http.StatusForbidden {
		t.Errorf("before: status %d, want 403", status)
	}
	err := k.Bind(t.Context(), "system:aggregate-to-view", peers.Subject{Kind: "Group", Name: group})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, http.StatusOK, list)
}

func TestKubernetesServiceAccountToken(t *testing.T) {
	k := kubernetes.Get(t)
	ctx := t.Context()
	token, err := k.CreateToken(ctx, "default", "robot", 20*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(token.Expires); left < 19*time.Minute || left > 21*time.Minute {
		t.Errorf("the token expires in %s, want 20m", left)
	}
	robot := peers.KubernetesUser{Name: "robot", Token: token.Token}
	if err := k.Bind(ctx, "cluster-admin", peers.Subject{Kind: "ServiceAccount", Namespace: "default", Name: "robot"}); err != nil {
		t.Fatal(err)
	}
	list := func() int { status, _ := names(t, k, robot, namespaces); return status }
	eventually(t, http.StatusOK, list)
	if err := k.DeleteServiceAccount(ctx, "default", "robot"); err != nil {
		t.Fatal(err)
	}
	if err := k.Restart(); err != nil {
		t.Fatal(err)
	}
	if status := list(); status != http.StatusUnauthorized {
		t.Errorf("token of a deleted account: status %d, want 401", status)
	}
}

func TestKubernetesReplacesATokenAndKeepsItsObjects(t *testing.T) {
	k := kubernetes.Get(t)
	err := k.Create(t.Context(), namespaces, map[string]any{"metadata": map[string]any{"name": "kept"}})
	if err != nil {
		t.Fatal(err)
	}
	before := k.User("admin")
	started := time.Now()
	after, err := k.ReplaceToken("admin")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("restarted in %s", time.Since(started).Round(time.Millisecond))
	if status, _ := names(t, k, before, namespaces); status != http.StatusUnauthorized {
		t.Errorf("old token: status %d, want 401", status)
	}
	if status, got := names(t, k, after, namespaces); status != http.StatusOK || !slices.Contains(got, "kept") {
		t.Errorf("new token: status %d, namespaces %v", status, got)
	}
}

func TestKubernetesClustersSideBySide(t *testing.T) {
	first := kubernetes.Get(t)
	started := time.Now()
	second := peers.StartKubernetes(t, peers.KubernetesOptions{Name: "second"})
	t.Logf("started in %s", time.Since(started).Round(time.Millisecond))
	if status, _ := names(t, second, second.User("viewer"), namespaces); status != http.StatusForbidden {
		t.Errorf("second cluster: status %d, want 403", status)
	}
	stranger := peers.KubernetesUser{Token: first.User("admin").Token}
	if status, _ := names(t, second, stranger, namespaces); status != http.StatusUnauthorized {
		t.Errorf("a token of the first at the second: status %d, want 401", status)
	}
	started = time.Now()
	second.Stop()
	t.Logf("stopped in %s", time.Since(started).Round(time.Millisecond))
	if _, _, err := second.Do(t.Context(), second.User("admin"), http.MethodGet, namespaces, nil); err == nil {
		t.Error("a stopped cluster answers")
	}
	if err := second.RemoveToken("nobody"); err != nil { // starts it again
		t.Fatal(err)
	}
	if status, _ := names(t, second, second.User("admin"), namespaces); status != http.StatusOK {
		t.Errorf("started again: status %d, want 200", status)
	}
	if err := second.ReplaceCertificate(second.CA.Server("elsewhere.example")); err != nil {
		t.Fatal(err)
	}
	_, _, err := second.Do(t.Context(), second.User("admin"), http.MethodGet, namespaces, nil)
	if wrong := new(x509.HostnameError); !errors.As(err, wrong) {
		t.Errorf("with a certificate for another host: %v", err)
	}
}

func TestKubeconfigWorksWithKubectl(t *testing.T) {
	k := kubernetes.Get(t)
	kubectl, err := peers.Program("kubectl")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := k.Kubeconfig(k.User("nobody"), k.User("admin"), k.CertificateUser("carol", "system:masters"))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{
		"":            "Forbidden",
		"test-admin":  "namespace/default",
		"test-carol":  "namespace/default",
		"test-nobody": "Forbidden",
	} {
		command := exec.CommandContext(t.Context(), kubectl, "--kubeconfig="+file, "--cache-dir="+t.TempDir(),
			"--context="+user, "get", "namespaces", "-o", "name")
		out, _ := command.CombinedOutput() // what it says tells whether it failed
		if !strings.Contains(string(out), want) {
			t.Errorf("context %q: %s, want %s", user, out, want)
		}
	}
}

// eventually fails the test when get does not return want within a few
// seconds: the server reads roles from a cache.
func eventually(t *testing.T, want int, get func() int) {
	t.Helper()
	got := get()
	for deadline := time.Now().Add(10 * time.Second); got != want && time.Now().Before(deadline); got = get() {
		time.Sleep(20 * time.Millisecond)
	}
	if got != want {
		t.Errorf("status %d, want %d", got, want)
	}
}
