package kind_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"belay"
	"belay/egress"
	"belay/kind"
	"belay/kind/kubernetes"
)

// still is a driver that says nothing.
type still struct{}

func (still) Test(context.Context, belay.Target) belay.Report { return belay.Report{Summary: "still"} }

func TestLoad(t *testing.T) {
	d := &egress.Dialer{Policy: egress.Policy{Loopback: true}}
	kinds, err := kind.Load(d, time.Now, map[string]kind.Driver{"kubernetes": kubernetes.New(d, time.Now)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for name, cause := range map[string]belay.Cause{
		"http": belay.CauseUnexpectedStatus, "prometheus": belay.CauseWrongService, "kubernetes": belay.CauseWrongService,
	} {
		k := kinds[name]
		if k == nil || k.Definition().Name != name {
			t.Fatalf("%s is %v", name, k)
		}
		endpoint, err := k.CheckEndpoint(server.URL + "/")
		if err != nil || endpoint != server.URL {
			t.Errorf("%s: endpoint %q, %v", name, endpoint, err)
		}
		if got := pointers(t, k.CheckConfig(json.RawMessage(`{"x": 1}`))); got != "/metadata/x" {
			t.Errorf("%s: settings wrong at %q", name, got)
		}
		if r := k.Test(t.Context(), belay.Target{Endpoint: endpoint}); r.Cause != cause {
			t.Errorf("%s: cause %q, want %q", name, r.Cause, cause)
		}
	}
	for name, drivers := range map[string]map[string]kind.Driver{
		"one is missing":    {},
		"one is not needed": {"kubernetes": still{}, "http": still{}},
		"one is unknown":    {"kubernetes": still{}, "nonesuch": still{}},
	} {
		if _, err := kind.Load(d, time.Now, drivers); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestGenericNeedsATest(t *testing.T) {
	if _, err := kind.Generic(builtin(t, "kubernetes"), &egress.Dialer{}, time.Now); belay.CodeOf(err) != belay.CodeInvalid {
		t.Errorf("got %v, want invalid", err)
	}
}
