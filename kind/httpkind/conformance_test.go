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
