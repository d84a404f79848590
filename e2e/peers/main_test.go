package peers_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"belay/e2e/peers"
)

var (
	kubernetes = peers.Share(func() (*peers.Kubernetes, error) {
		return peers.NewKubernetes(peers.KubernetesOptions{})
	})
	postgres = peers.Share(peers.SharedPostgres)
)

func TestMain(m *testing.M) {
	if os.Getenv(hold) != "" {
		fmt.Fprintln(os.Stderr, holdPeers())
		os.Exit(1)
	}
	os.Exit(peers.Run(m, kubernetes, postgres))
}

// call is a request to a peer.
type call struct {
	url            string
	user, password string
	header, value  string
	tls            *tls.Config
}

// do returns the status and the body of the answer.
func (c call) do(t *testing.T) (int, string) {
	t.Helper()
	status, body, err := c.try(t)
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

// wantStatus fails the test unless the answer has that status.
func (c call) wantStatus(t *testing.T, want int) {
	t.Helper()
	if status, body := c.do(t); status != want {
		t.Errorf("GET %s: status %d, want %d\n%s", c.url, status, want, body)
	}
}

func (c call) try(t *testing.T) (int, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if c.user != "" {
		request.SetBasicAuth(c.user, c.password)
	}
	if c.header != "" {
		request.Header.Set(c.header, c.value)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: c.tls, DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// names lists the objects at path as user sees them, and returns the status
// with which the server answered.
func names(t *testing.T, k *peers.Kubernetes, user peers.KubernetesUser, path string) (status int, names []string) {
	t.Helper()
	status, answer, err := k.Do(context.WithoutCancel(t.Context()), user, http.MethodGet, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
		}
	}
	if err := json.Unmarshal(answer, &list); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	for _, item := range list.Items {
		names = append(names, item.Metadata.Name)
	}
	return status, names
}

func TestMissingProgram(t *testing.T) {
	t.Setenv("BELAY_PEERS_DIR", t.TempDir())
	_, err := peers.NewKubernetes(peers.KubernetesOptions{})
	var missing *peers.MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("error %v, want a MissingError", err)
	}
	if want := "etcd is not installed; run e2e/peers/install"; missing.Error() != want {
		t.Errorf("message %q, want %q", missing, want)
	}
}

func TestMesherySchemas(t *testing.T) {
	dir, err := peers.MesherySchemas()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var description struct{ Version string }
	if err := json.Unmarshal(text, &description); err != nil {
		t.Fatal(err)
	}
	if description.Version != "1.3.7" {
		t.Errorf("version %s, want 1.3.7", description.Version)
	}
}
