package acceptance_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// echo is a target that gives back the credential that it is sent, in every
// way it can think of. The first element of the path is the status with which
// it does so; behind it it answers as some service does.
type echo struct {
	url, tls string
	told     atomic.Int64 // answers that held a credential
}

// echoStatuses are the statuses to ask for, and why.
func echoStatuses() []string {
	return []string{"200", "301", "400", "401", "403", "404", "418", "429", "500", "503"}
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	e := &echo{}
	plain := httptest.NewServer(e)
	t.Cleanup(plain.Close)
	secure := httptest.NewUnstartedServer(e)
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{lasting(clusterCA).TLS()}, ClientAuth: tls.RequestClientCert}
	secure.Config.ErrorLog = discard()
	secure.StartTLS()
	t.Cleanup(secure.Close)
	e.url, e.tls = plain.URL, secure.URL
	return e
}

// ServeHTTP implements http.Handler.
func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	said := credentialsIn(r)
	if len(said) == 0 && first != "200" {
		w.WriteHeader(http.StatusUnauthorized) // so that it is asked again, with one
		return
	}
	if len(said) > 0 {
		e.told.Add(1)
	}
	all := strings.Join(said, " ")
	h := w.Header()
	for _, name := range []string{"Server", "X-Echo", "Www-Authenticate", "Location", "Warning"} {
		h.Set(name, strings.Map(sendable, all))
	}
	var status int
	if json.Unmarshal([]byte(first), &status) != nil || status < 200 {
		status = http.StatusOK
	}
	w.WriteHeader(status)
	_, _ = w.Write(body("/"+rest, all)) // a caller that has gone misses nothing
}

func sendable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// credentialsIn are the credentials of a request, as they came and otherwise.
func credentialsIn(r *http.Request) []string {
	var out []string
	for _, name := range []string{"Authorization", "X-Api-Key"} {
		value := r.Header.Get(name)
		if value == "" {
			continue
		}
		_, token, _ := strings.Cut(value, " ")
		// Cut in two as well: half a secret is a secret.
		out = append(out, value, token, token[:len(token)/2], token[len(token)/2:], hex.EncodeToString([]byte(token)), base64.StdEncoding.EncodeToString([]byte(value)))
		if decoded, err := base64.StdEncoding.DecodeString(token); err == nil {
			_, password, _ := strings.Cut(string(decoded), ":")
			out = append(out, string(decoded), password, hex.EncodeToString([]byte(password)))
		}
	}
	return out
}

// body answers as Prometheus and as Kubernetes do, with the credential
// wherever there is room for text.
func body(path, said string) []byte {
	var v any = object{"message": said, "error": said, "status": "success", "data": object{"version": "3.5 " + said, "result": []any{object{"value": []any{1, "1"}}}}}
	switch {
	case strings.HasSuffix(path, "/-/ready"):
		return []byte("Prometheus is ready. " + said)
	case strings.HasSuffix(path, "/nginx_status"):
		return []byte("Active connections: 1 \n" + said)
	case strings.HasSuffix(path, "/version"):
		v = object{"gitVersion": "v1.36.0-" + said, "platform": said}
	case strings.HasSuffix(path, "/selfsubjectreviews"):
		v = object{"status": object{"userInfo": object{"username": said, "groups": []string{said, "x"}}}}
	case strings.HasSuffix(path, "/selfsubjectaccessreviews"):
		v = object{"status": object{"allowed": true, "reason": said}}
	case strings.HasSuffix(path, "/namespaces/kube-system"):
		v = object{"metadata": object{"uid": said}}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return text
}
