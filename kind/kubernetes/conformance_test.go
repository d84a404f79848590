package kubernetes_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"belay"
	"belay/egress"
	"belay/kind/kindtest"
	"belay/kind/kubernetes"
)

// apiServer answers as an API server does to a user who may do what is asked
// for and no more. Answers replaces or adds, by path.
func apiServer(answers map[string]http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, h http.HandlerFunc) {
		if other := answers[path]; other != nil {
			h = other
		}
		mux.HandleFunc(path, h)
	}
	handle("/version", reply(200, `{"major":"1","minor":"36","gitVersion":"v1.36.3","platform":"linux/amd64"}`))
	handle("/readyz", reply(200, "ok"))
	handle("/apis/authentication.k8s.io/v1/selfsubjectreviews", reply(201, `{"status":{"userInfo":{"username":"jane","groups":["system:authenticated"]}}}`))
	handle("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", mayDo("list namespaces", "list services"))
	handle("/api/v1/namespaces/kube-system", reply(200, `{"metadata":{"uid":"0f1e"}}`))
	handle("/api/v1/nodes", reply(200, `{"metadata":{"remainingItemCount":4},"items":[{}]}`))
	return mux
}

func reply(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	}
}

// mayDo answers access reviews.
func mayDo(permissions ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var review struct {
			Spec struct {
				ResourceAttributes struct{ Verb, Resource string }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		a, allowed := review.Spec.ResourceAttributes, false
		for _, p := range permissions {
			allowed = allowed || p == a.Verb+" "+a.Resource
		}
		reply(201, fmt.Sprintf(`{"status":{"allowed":%v}}`, allowed))(w, r)
	}
}

func material(values map[string]string) *belay.Material {
	m := &belay.Material{Type: belay.CredentialKubernetes, Values: map[string]belay.Secret{}}
	for name, v := range values {
		m.Values[name] = belay.SecretString(v)
	}
	return m
}

func bearer(token string) *belay.Material { return material(map[string]string{"token": token}) }

func TestConforms(t *testing.T) {
	kindtest.Run(t, kindtest.Suite{
		New:    func(d *egress.Dialer, now func() time.Time) kindtest.Driver { return kubernetes.New(d, now) },
		Good:   apiServer(nil),
		Open:   func(path string) bool { return path == "/version" },
		Bearer: bearer,
		Certificate: func(certificate, key string) *belay.Material {
			return material(map[string]string{"clientCertificate": certificate, "clientKey": key})
		},
		NotReady: belay.CauseUnexpectedStatus,
	})
}
