package rest_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"belay"
	"belay/belaytest"
	"belay/e2e/peers"
)

// canaries makes secrets that can be recognised wherever they turn up.
type canaries struct {
	mu  sync.Mutex
	all []string
}

func (c *canaries) new() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := fmt.Sprintf("canary-%03d-xQ7 +/%%\"\\é", len(c.all))
	c.all = append(c.all, s)
	return s
}

// plain is a canary that can stand in a header.
func (c *canaries) plain() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := fmt.Sprintf("canary-%03d-kT4wZ", len(c.all))
	c.all = append(c.all, s)
	return s
}

// in looks for any canary, in any form that text takes on its way.
func (c *canaries) in(text []byte) string {
	for _, s := range c.all {
		quoted, err := json.Marshal(s)
		if err != nil {
			return err.Error()
		}
		forms := []string{
			s, string(quoted[1 : len(quoted)-1]), hex.EncodeToString([]byte(s)), url.QueryEscape(s), url.PathEscape(s), fmt.Sprintf("%q", s),
			base64.StdEncoding.EncodeToString([]byte(s)), base64.URLEncoding.EncodeToString([]byte(s)),
			base64.StdEncoding.EncodeToString([]byte("user:" + s)), s[:14],
		}
		for _, form := range forms {
			if bytes.Contains(text, []byte(form)) {
				return form
			}
		}
	}
	return ""
}

// recorder is a transport that keeps every answer.
type recorder struct {
	next http.RoundTripper
	mu   sync.Mutex
	got  []string
}

// RoundTrip implements http.RoundTripper.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, fmt.Sprintf("%s %s: %d %v %s", req.Method, req.URL, res.StatusCode, res.Header, body))
	return res, err
}

// echo is a target that throws what it was sent back at the caller.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", r.Header.Get("Authorization"))
	w.Header().Set("WWW-Authenticate", "Basic realm="+r.Header.Get("Authorization"))
	w.WriteHeader(http.StatusInternalServerError)
	_ = r.Header.Write(w)
}

// TestNoSecretComesOut puts a canary into every field that is a secret, calls
// everything there is, and looks for them in every answer and in the log.
func TestNoSecretComesOut(t *testing.T) {
	doc, seen, birds := mustContract(t), &recorder{}, &canaries{}
	w := newWorldOn(t, belaytest.Start(t, belaytest.Options{Transport: func(next http.RoundTripper) http.RoundTripper {
		seen.next = next
		return doc.conform(seen)
	}}))
	target := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(target.Close)
	a := w.Admin

	ids := map[string]string{}
	for _, kind := range belay.CredentialTypes() {
		body := object{"name": "of type " + kind.Name, "type": kind.Name, "secret": secretOf(kind, birds)}
		ids[kind.Name] = a.Post("/api/integrations/credentials", body).Want(http.StatusCreated).ID()
		a.Put("/api/integrations/credentials", object{"id": ids[kind.Name], "secret": secretOf(kind, birds)}).Want(http.StatusOK)
	}
	connection := func(name, credential string) string {
		return a.Post("/api/integrations/connections", object{
			"name": name, "kind": "http", "url": target.URL, "status": "connected", "credentialId": ids[credential],
		}).Want(http.StatusCreated).ID()
	}
	for _, name := range []string{"bearer", "basic", "header"} {
		id := connection(name, name)
		a.Post("/api/integrations/connections/"+id+"/test", nil).Want(http.StatusOK)
		a.Get("/api/integrations/connections/" + id + "/checks").Want(http.StatusOK)
	}
	own := object{"name": "own", "kind": "http", "url": target.URL, "status": "connected", "credentialType": "bearer", "credentialSecret": object{"token": birds.plain()}}
	id := a.Post("/api/integrations/connections", own).Want(http.StatusCreated).ID()
	a.Put("/api/integrations/connections/"+id, object{"credentialSecret": object{"token": birds.plain()}}).Want(http.StatusOK)
	draft := object{"kind": "http", "url": target.URL, "credentialType": "basic", "credentialSecret": object{"username": "user", "password": birds.plain()}}
	a.Post("/api/integrations/connections/test", draft).Want(http.StatusOK)
	w.badSecrets(birds)
	w.uploadSecrets(t, birds)
	for _, r := range routes() {
		if r.Method == http.MethodGet {
			a.Get(w.address(r))
			for _, id := range ids {
				a.Get(strings.ReplaceAll(w.path(strings.ReplaceAll(r.Path, "{credentialId}", "ID")), "ID", id))
			}
		}
	}
	for _, answer := range seen.got {
		if form := birds.in([]byte(answer)); form != "" {
			t.Errorf("%q came out: %s", form, answer)
		}
	}
	if form := birds.in([]byte(w.Log())); form != "" {
		t.Errorf("%q is in the log", form)
	}
	if birds.in([]byte("x "+birds.all[0])) == "" {
		t.Error("a canary is not found where there is one")
	}
}

// secretOf fills the fields of a type, those that are secret with canaries.
func secretOf(kind belay.CredentialType, birds *canaries) object {
	secret := object{}
	pair := peers.NewCA("canaries").Client("user")
	for _, f := range kind.Fields {
		switch {
		case f.Name == "certificate" || f.Name == "clientCertificate":
			secret[f.Name] = string(pair.Certificate)
		case f.Name == "key" || f.Name == "clientKey":
			secret[f.Name] = string(pair.Key)
			birds.all = append(birds.all, strings.Split(string(pair.Key), "\n")[1])
		case f.Public && f.Name == "name":
			secret[f.Name] = "X-Api-Key"
		case f.Public:
			secret[f.Name] = "user"
		default:
			secret[f.Name] = birds.plain()
		}
	}
	if kind.Open {
		secret["anything"], secret["else"] = birds.new(), birds.new()
	}
	return secret
}

// badSecrets sends secrets in requests that are refused: the refusal repeats
// nothing of them.
func (w *world) badSecrets(birds *canaries) {
	a, credentials := w.Admin, "/api/integrations/credentials"
	for _, secret := range []any{
		birds.new(),
		[]string{birds.new()},
		object{"token": object{"x": birds.new()}},
		object{"token": []string{birds.new()}},
		object{"password": birds.new()},
		object{"token": birds.new(), "other": birds.new()},
		object{"token": birds.new() + strings.Repeat("x", 300<<10)},
	} {
		a.Post(credentials, object{"name": "bad", "type": "bearer", "secret": secret}).Want(http.StatusUnprocessableEntity)
	}
	stranger := peers.NewCA("canaries").Client("stranger")
	for kind, secret := range map[string]object{
		"bearer": {"token": birds.new()},
		"basic":  {"username": "user", "password": birds.plain() + "\n"},
		"header": {"name": "Host", "value": birds.plain() + "\n"},
		"mtls":   {"certificate": string(stranger.Certificate) + birds.plain(), "key": birds.new()},
		"kubernetes": {
			"token": birds.new(), "clientCertificate": string(stranger.Certificate), "clientKey": string(peers.NewCA("canaries").Client("another").Key),
		},
	} {
		a.Post(credentials, object{"name": "bad", "type": kind, "secret": secret}).Want(http.StatusUnprocessableEntity)
	}
	a.Post(credentials, object{"name": "", "type": "bearer", "secret": object{"token": birds.new()}}).Want(http.StatusUnprocessableEntity)
	a.Post(credentials, object{"name": "bad", "type": "nonsense", "secret": object{"token": birds.new()}}).Want(http.StatusUnprocessableEntity)
	a.Post(credentials, object{"name": "reader", "type": "bearer", "secret": object{"token": birds.plain()}}).Want(http.StatusConflict)
	a.Post(credentials, []byte(`{"name":"bad","type":"bearer","secret":{"token":"`+birds.plain())).Want(http.StatusBadRequest)
	a.Post(credentials, []byte(`{"secret":{"token":"`+birds.plain()+`","token":"`+birds.plain()+`"}}`)).Want(http.StatusUnprocessableEntity)
	a.Put(credentials, object{"id": missing, "secret": object{"token": birds.new()}}).Want(http.StatusNotFound)
	a.Post("/api/integrations/connections", object{
		"name": "bad", "kind": "http", "url": "http://user:" + birds.plain() + "@127.0.0.1:1",
	}).Want(http.StatusUnprocessableEntity)
	a.Post("/api/integrations/connections", object{
		"name": "bad", "kind": "http", "url": w.target.URL, "credentialType": "mtls", "credentialSecret": object{"key": birds.new()},
	}).Want(http.StatusUnprocessableEntity)
}

// uploadSecrets sends kubeconfigs with secrets in them, good and bad ones.
func (w *world) uploadSecrets(t *testing.T, birds *canaries) {
	t.Helper()
	user := func(fields string) string {
		return strings.Replace(kubeconfig, "{token: not-a-real-token}", fields, 1)
	}
	key := base64.StdEncoding.EncodeToString([]byte(birds.plain()))
	for _, content := range []string{
		user("{token: " + birds.plain() + "}"),
		user("{username: user, password: " + birds.plain() + "}"),
		user("{client-certificate-data: " + key + ", client-key-data: " + key + "}"),
		user("{client-key-data: [" + birds.plain() + "]}"),
		user("{token: {x: " + birds.plain() + "}}"),
		user("{auth-provider: {name: x, config: {access-token: " + birds.plain() + "}}}"),
		user("{exec: {command: x, env: [{name: TOKEN, value: " + birds.plain() + "}]}}"),
		user("{token: " + birds.plain() + "\n"),
	} {
		for _, path := range []string{"/api/system/kubernetes/contexts", "/api/system/kubernetes"} {
			body, media := form(t, "k8sfile", content)
			w.Admin.With("Content-Type", media).Post(path, body)
		}
	}
}

// TestClientCertificatesNeedTLS shows that a client certificate is attached
// to nothing that would never see it.
func TestClientCertificatesNeedTLS(t *testing.T) {
	w := newWorld(t)
	a, pair := w.Admin, peers.NewCA("clients").Client("user")
	secret := object{"certificate": string(pair.Certificate), "key": string(pair.Key)}
	id := a.Post("/api/integrations/credentials", object{"name": "of TLS", "type": "mtls", "secret": secret}).Want(http.StatusCreated).ID()
	refused := func(r *belaytest.Answer) {
		t.Helper()
		if r.Want(http.StatusUnprocessableEntity); !strings.Contains(string(r.Body), `"/url"`) {
			t.Errorf("the refusal is about something else: %s", r.Body)
		}
	}
	plain := object{"name": "plain", "kind": "http", "url": "http://127.0.0.1:1", "credentialId": id}
	refused(a.Post("/api/integrations/connections", plain))
	refused(a.Post("/api/integrations/connections/test", plain))
	refused(a.Post("/api/integrations/connections/test", object{"kind": "http", "url": "http://127.0.0.1:1", "credentialType": "mtls", "credentialSecret": secret}))
	secured := object{"name": "secured", "kind": "http", "url": "https://127.0.0.1:1", "credentialId": id}
	connection := a.Post("/api/integrations/connections", secured).Want(http.StatusCreated).ID()
	refused(a.Put("/api/integrations/connections/"+connection, object{"url": "http://127.0.0.1:1"}))
	a.Put("/api/integrations/connections/"+connection, object{"url": "http://127.0.0.1:1", "credentialId": nil}).Want(http.StatusOK)
	refused(a.Put("/api/integrations/connections/"+connection, object{"credentialId": id}))
}
