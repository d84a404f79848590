package kubernetes_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/egress"
	"belay/kind/kindtest"
	"belay/kind/kubernetes"
)

// run tests a server, and returns what failed as "stage cause missing".
func run(t *testing.T, h http.Handler, identity string, m *belay.Material) (belay.Report, string) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	d := kubernetes.New(&egress.Dialer{Policy: egress.Policy{Loopback: true}}, time.Now)
	r := d.Test(t.Context(), belay.Target{Endpoint: server.URL, Config: json.RawMessage(`{"context": "prod"}`), Identity: identity, Credential: m, Timeout: 10 * time.Second})
	kindtest.Check(t, r)
	kindtest.Conceals(t, r, m)
	for _, s := range r.Stages {
		if s.Outcome == belay.OutcomeFailed {
			return r, strings.TrimSpace(string(s.Stage) + " " + string(r.Cause) + " " + r.Missing)
		}
	}
	return r, string(r.Cause)
}

const (
	reviews       = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
	accessReviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
	kubeSystem    = "/api/v1/namespaces/kube-system"
)

func TestWhatAClusterSays(t *testing.T) {
	r, failed := run(t, apiServer(nil), "kubernetes:0f1e/prod", bearer("canary-0123"))
	if failed != "" || r.Identity != "kubernetes:0f1e/prod" {
		t.Errorf("failed %q, identity %q", failed, r.Identity)
	}
	for name, want := range map[string]any{"version": "v1.36.3", "clusterUid": "0f1e", "nodeCount": 5, "user": "jane", "overPrivileged": false} {
		if r.Facts[name] != want {
			t.Errorf("fact %s is %v, want %v", name, r.Facts[name], want)
		}
	}
	r, failed = run(t, apiServer(map[string]http.HandlerFunc{
		accessReviews:   mayDo("list namespaces", "list services", "* *"),
		kubeSystem:      reply(403, `{"message":"forbidden"}`),
		"/api/v1/nodes": reply(403, `{"message":"forbidden"}`),
	}), "kubernetes:0f1e/prod", bearer("canary-0123"))
	_, counted := r.Facts["nodeCount"]
	if failed != "" || r.Identity != "" || counted || r.Facts["overPrivileged"] != true {
		t.Errorf("failed %q, identity %q, facts %v", failed, r.Identity, r.Facts)
	}
}

func TestWhatIsWrongWithACluster(t *testing.T) {
	token := bearer("canary-0123")
	anonymous := reply(201, `{"status":{"userInfo":{"username":"system:anonymous"}}}`)
	forbidden := reply(403, `{"kind":"Status","message":"users \"jane\" is forbidden"}`)
	nobody := reply(403, `{"kind":"Status","message":"User \"system:anonymous\" cannot create resource"}`)
	for name, c := range map[string]struct {
		path       string
		answer     http.HandlerFunc
		credential *belay.Material
		want       string
	}{
		"another version":      {"/version", reply(200, `{"version":"2.42.0"}`), token, "protocol wrong_service"},
		"no version":           {"/version", reply(404, ``), token, "protocol wrong_service"},
		"broken version":       {"/version", reply(500, ``), token, "protocol unexpected_status"},
		"version limited":      {"/version", reply(429, ``), token, "protocol rate_limited"},
		"version is closed":    {"/version", reply(401, ``), token, "authenticate credential_rejected"},
		"version is forbidden": {"/version", nobody, nil, "authenticate credential_missing"},
		"nobody is seen":       {reviews, anonymous, token, "authenticate credential_rejected"},
		"nobody is there":      {reviews, anonymous, nil, "authenticate credential_missing"},
		"nobody may ask":       {reviews, nobody, nil, "authenticate credential_missing"},
		"taken for nobody":     {reviews, nobody, token, "authenticate credential_rejected"},
		"may not ask":          {reviews, forbidden, token, "authorize permission_missing create selfsubjectreviews.authentication.k8s.io"},
		"may not be jane": {
			reviews, forbidden, material(map[string]string{"token": "canary-0123", "impersonate": "jane"}),
			"authorize permission_missing impersonate users jane",
		},
		"no user":                 {reviews, reply(201, `{}`), token, "authenticate malformed_response"},
		"no JSON":                 {reviews, reply(201, `<html>`), token, "authenticate malformed_response"},
		"too old":                 {reviews, reply(404, `404 page not found`), token, "authenticate unsupported_version"},
		"rejected later":          {accessReviews, reply(401, ``), token, "authenticate credential_rejected"},
		"access may not be asked": {accessReviews, forbidden, token, "authorize permission_missing create selfsubjectaccessreviews.authorization.k8s.io"},
		"access without answer":   {accessReviews, reply(201, `{"status":{}}`), token, "authorize malformed_response"},
		"access broken":           {accessReviews, reply(500, ``), token, "authorize unexpected_status"},
		"no services":             {accessReviews, mayDo("list namespaces"), token, "authorize permission_missing list services"},
		"nothing":                 {accessReviews, mayDo(), token, "authorize permission_missing list namespaces, list services"},
		"not ready":               {"/readyz", reply(500, `[-]etcd failed`), token, "capability not_ready"},
		"readiness forbidden":     {"/readyz", forbidden, token, "authorize permission_missing get /readyz"},
		"readiness gone":          {"/readyz", reply(404, ``), token, "capability unexpected_status"},
		"another cluster":         {kubeSystem, reply(200, `{"metadata":{"uid":"beef"}}`), token, "capability identity_changed"},
		"namespace broken":        {kubeSystem, reply(200, `[`), token, "capability malformed_response"},
		"nodes broken":            {"/api/v1/nodes", reply(500, ``), token, "capability unexpected_status"},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := run(t, apiServer(map[string]http.HandlerFunc{c.path: c.answer}), "kubernetes:0f1e/prod", c.credential)
			if got != c.want {
				t.Errorf("got %q, want %q: %s", got, c.want, r.Summary)
			}
		})
	}
}

func TestImpersonation(t *testing.T) {
	var seen []string
	_, failed := run(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.URL.Path+" "+r.Header.Get("Impersonate-User")+" "+r.Header.Get("Authorization"))
		apiServer(nil).ServeHTTP(w, r)
	}), "", material(map[string]string{"token": "canary-0123", "impersonate": "jane"}))
	if failed != "" || seen[0] != "/version  " || !strings.HasSuffix(seen[1], " jane Bearer canary-0123") {
		t.Errorf("failed %q, seen %q", failed, seen)
	}
}
