package httpkind_test

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"belay"
	"belay/egress"
	"belay/kind"
	"belay/kind/httpkind"
	"belay/kind/kindtest"
)

func builtin(t testing.TB, name string) belay.Kind {
	t.Helper()
	kinds, err := kind.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		if k.Name == name {
			return k
		}
	}
	t.Fatalf("there is no built-in kind %s", name)
	return belay.Kind{}
}

// driver makes the driver of a kind.
func driver(t testing.TB, k belay.Kind) func(*egress.Dialer, func() time.Time) kindtest.Driver {
	t.Helper()
	return func(d *egress.Dialer, now func() time.Time) kindtest.Driver {
		driver, err := httpkind.New(k, d, now)
		if err != nil {
			t.Fatal(err)
		}
		return driver
	}
}

func bearer(token string) *belay.Material {
	return &belay.Material{Type: belay.CredentialBearer, Values: map[string]belay.Secret{"token": belay.SecretString(token)}}
}

func mtls(certificate, key string) *belay.Material {
	return &belay.Material{Type: belay.CredentialMTLS, Values: map[string]belay.Secret{
		"certificate": belay.SecretString(certificate), "key": belay.SecretString(key),
	}}
}

func TestHTTPConforms(t *testing.T) {
	kindtest.Run(t, kindtest.Suite{
		New: driver(t, builtin(t, "http")), Bearer: bearer, Certificate: mtls, AnyService: true,
		Good: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "fine") }),
	})
}

// paths answers each path alike, whoever asks.
func paths(answers map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Server", "nginx/1.22.1")
		_, _ = fmt.Fprint(w, answer)
	})
}

func grafana() http.Handler {
	return paths(map[string]string{
		"/api/health":      `{"commit":"x","database":"ok","version":"10.4.1"}`,
		"/api/org":         `{"id":1,"name":"Main Org."}`,
		"/api/datasources": `[{"id":1},{"id":2}]`,
	})
}

func jaeger() http.Handler {
	return paths(map[string]string{"/api/services": `{"data":["a","b"],"total":2,"limit":0,"offset":0,"errors":null}`})
}

func nginx() http.Handler {
	return paths(map[string]string{
		"/nginx_status": "Active connections: 3 \nserver accepts handled requests\n 7 8 9 \nReading: 0 Writing: 1 Waiting: 2 \n",
	})
}

func TestGrafanaConforms(t *testing.T) {
	kindtest.Run(t, kindtest.Suite{
		New: driver(t, builtin(t, "grafana")), Bearer: bearer, Certificate: mtls, Good: grafana(),
		Open: func(path string) bool { return path == "/api/health" },
	})
}

func TestJaegerConforms(t *testing.T) {
	kindtest.Run(t, kindtest.Suite{New: driver(t, builtin(t, "jaeger")), Bearer: bearer, Certificate: mtls, Good: jaeger()})
}

func TestNginxConforms(t *testing.T) {
	kindtest.Run(t, kindtest.Suite{New: driver(t, builtin(t, "nginx")), Bearer: bearer, Certificate: mtls, Good: nginx()})
}

// prometheus answers as a Prometheus does.
func prometheus(answers map[string]string) http.Handler {
	all := map[string]string{
		"/-/ready":                 "Prometheus Server is Ready.\n",
		"/api/v1/status/buildinfo": `{"status":"success","data":{"version":"2.42.0"}}`,
		"vector(1)":                `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1.5,"1"]}]}}`,
		"count(up) or vector(0)":   `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1.5,"3"]}]}}`,
		"sum(up) or vector(0)":     `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1.5,"2"]}]}}`,
	}
	maps.Copy(all, answers)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.Path
		if key == "/api/v1/query" {
			key = r.URL.Query().Get("query")
		}
		answer, ok := all[key]
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprint(w, answer)
	})
}

func TestPrometheusConforms(t *testing.T) {
	kindtest.Run(t, kindtest.Suite{
		New: driver(t, builtin(t, "prometheus")), Bearer: bearer, Certificate: mtls, Good: prometheus(nil),
	})
}
