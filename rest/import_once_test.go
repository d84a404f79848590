package rest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/belaytest"
)

// TestImportOnce repeats an import with an Idempotency-Key, which would else
// tell of other outcomes, or make another connection.
func TestImportOnce(t *testing.T) { onBoth(t, testImportOnce) }

func testImportOnce(t *testing.T, w *world) {
	t.Helper()
	const path, options = "/api/system/kubernetes", `{"contexts":[{"name":"dev","as":"once"}]}`
	send := func(key string, fields ...string) (status int, answer string) {
		body, media := form(t, fields...) // with another boundary each time
		a := w.Admin.With("Content-Type", media)
		if key != "" {
			a = a.With("Idempotency-Key", key)
		}
		got := a.Post(path, body)
		return got.Status, string(got.Body)
	}
	status, first := send("a", "k8sfile", kubeconfig, "options", options)
	if status != http.StatusOK || !strings.Contains(first, `"outcome":"created"`) {
		t.Fatalf("%d %s", status, first)
	}
	before := w.Stored()
	if status, again := send("a", "k8sfile", kubeconfig, "options", options); status != http.StatusOK || again != first {
		t.Errorf("again: %d %s\nnot %s", status, again, first)
	}
	for _, fields := range [][]string{
		{"k8sfile", kubeconfig},
		{"k8sfile", kubeconfig + "\n", "options", options},
		{"k8sfile", kubeconfig, "options", strings.Replace(options, "once", "twice", 1)},
	} {
		if status, answer := send("a", fields...); status != http.StatusUnprocessableEntity || !strings.Contains(answer, string(belay.CodeIdempotencyReused)) {
			t.Errorf("another request with the key: %d %s", status, answer)
		}
	}
	if status, _ := send("with space", "k8sfile", kubeconfig); status != http.StatusBadRequest {
		t.Errorf("a key that is none: %d", status)
	}
	// A request that is refused as a whole uses no key up.
	if status, _ := send("b", "k8sfile", kubeconfig, "options", `{"contexts":[{"name":"none"}]}`); status != http.StatusUnprocessableEntity {
		t.Errorf("a context that is not there: %d", status)
	}
	if changed := differing(before, w.Stored()); len(changed) > 0 {
		t.Errorf("something was stored: %v", changed)
	}
	if status, answer := send("b", "k8sfile", kubeconfig, "options", options); status != http.StatusOK || answer == first {
		t.Errorf("a key of a request that was refused: %d %s", status, answer)
	}
	if status, answer := send("", "k8sfile", kubeconfig, "options", options); status != http.StatusOK || answer == first {
		t.Errorf("without a key: %d %s", status, answer)
	}
}

// TestImportOutlastsTheDeadline looks at a cluster that takes longer than a
// client may take to read an answer, and imports it: both are answered.
func TestImportOutlastsTheDeadline(t *testing.T) {
	const writeTimeout = time.Second
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(3 * writeTimeout / 2) }))
	t.Cleanup(slow.Close)
	s := belaytest.Start(t, belaytest.Options{WriteTimeout: writeTimeout})
	file := "clusters: [{name: c, cluster: {server: '" + slow.URL + "'}}]\nusers: [{name: u, user: {}}]\ncontexts: [{name: slow, context: {cluster: c, user: u}}]\n"
	for _, path := range []string{"/api/system/kubernetes/contexts", "/api/system/kubernetes"} {
		body, media := form(t, "k8sfile", file)
		if got := s.Admin.With("Content-Type", media).Post(path, body).Want(http.StatusOK); !strings.Contains(string(got.Body), `"check":{`) {
			t.Errorf("%s: nothing was tested: %s", path, got.Body)
		}
	}
}
