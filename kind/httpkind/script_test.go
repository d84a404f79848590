package httpkind_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"belay"
	"belay/egress"
	"belay/kind/httpkind"
	"belay/kind/kindtest"
)

func TestParseScriptSaysWhatIsWrong(t *testing.T) {
	for request, want := range map[string]string{
		`{}`:                                                       "",
		`{"method": "DELETE"}`:                                     "/method",
		`{"path": "@elsewhere.test/"}`:                             "/path",
		`{"path": "/a/../b"}`:                                      "/path",
		`{"path": "/a#b"}`:                                         "/path",
		`{"path": "/a?b=../c"}`:                                    "",
		`{"body": {}}`:                                             "/body",
		`{"method": "POST", "body": {}}`:                           "",
		`{"status": [99, 200]}`:                                    "/status",
		`{"causes": {"x": "not_ready"}}`:                           "/causes",
		`{"causes": {"404": "bad_luck"}}`:                          "/causes/404",
		`{"headers": {"authorization": "x"}}`:                      "/headers/authorization",
		`{"headers": {"Cookie": "x"}}`:                             "/headers/Cookie",
		`{"matches": "("}`:                                         "/matches",
		`{"headerMatches": {"Server": "("}}`:                       "/headerMatches/Server",
		`{"json": [{"pointer": "a"}]}`:                             "/json/0/pointer",
		`{"json": [{"pointer": "/~2"}]}`:                           "/json/0/pointer",
		`{"json": [{"pointer": "", "matches": "("}]}`:              "/json/0/matches",
		`{"json": [{"pointer": "", "matches": "a", "equals": 1}]}`: "/json/0",
		`{"json": [{"pointer": "", "cause": "bad_luck"}]}`:         "/json/0/cause",
		`{"facts": {"tls": {"pointer": ""}}}`:                      "/facts/tls",
		`{"facts": {"a": {"pointer": "a"}}}`:                       "/facts/a/pointer",
		`{"facts": {"a": {"matches": "("}}}`:                       "/facts/a/matches",
		`{"facts": {"a": {"status": true, "latency": true}}}`:      "/facts/a",
	} {
		for _, stage := range []string{"protocol", "authenticate", "authorize", "capability"} {
			document := fmt.Sprintf(`{"protocol": [{}], %q: [%s]}`, stage, request)
			_, err := httpkind.ParseScript([]byte(document))
			got := ""
			var e *belay.Error
			if errors.As(err, &e) && len(e.Fields) == 1 {
				got = e.Fields[0].Pointer
			}
			if want != "" && got != "/test/"+stage+"/0"+want || want == "" && err != nil {
				t.Errorf("%s: wrong at %q, %v; want %s", document, got, err, want)
			}
		}
	}
	for _, document := range []string{``, `[]`, `{}`, `{"protocol": []}`, `{"protocol": [{}], "prayer": []}`, `{"protocol": [{}]} {}`, `{"protocol": [{"pth": "/"}]}`} {
		if _, err := httpkind.ParseScript([]byte(document)); belay.CodeOf(err) != belay.CodeInvalid {
			t.Errorf("%s: %v, want invalid", document, err)
		}
	}
}

func FuzzParseScript(f *testing.F) {
	for _, name := range []string{"http", "prometheus"} {
		f.Add([]byte(builtin(f, name).Test))
	}
	f.Fuzz(func(t *testing.T, document []byte) {
		s, err := httpkind.ParseScript(document)
		if err != nil {
			if belay.CodeOf(err) != belay.CodeInvalid {
				t.Errorf("%q: %v", document, err)
			}
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := httpkind.ParseScript(again); err != nil {
			t.Errorf("%q gives %q, which is %v", document, again, err)
		}
	})
}

// run tests a server by a script. The stages' failure is "stage cause".
func run(t *testing.T, script, config string, h http.Handler) (belay.Report, string) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	d, err := httpkind.New(belay.Kind{Test: json.RawMessage(script)}, &egress.Dialer{Policy: egress.Policy{Loopback: true}}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	r := d.Test(t.Context(), belay.Target{Endpoint: server.URL, Config: json.RawMessage(config), Timeout: 10 * time.Second})
	kindtest.Check(t, r)
	for _, s := range r.Stages {
		if s.Outcome == belay.OutcomeFailed {
			return r, string(s.Stage) + " " + string(r.Cause)
		}
	}
	return r, string(r.Cause)
}

// reply answers always alike.
func reply(status int, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "test/1.2")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, body)
	})
}

func TestAnswersAreJudged(t *testing.T) {
	for name, c := range map[string]struct {
		request string // of the stage
		status  int
		body    string
		// what it is called in the protocol stage, and behind it
		protocol, later belay.Cause
	}{
		"passes":                  {`{}`, 204, "", "", ""},
		"status":                  {`{"status": [418]}`, 418, "", "", ""},
		"other status":            {`{"status": [418]}`, 200, "", belay.CauseWrongService, belay.CauseUnexpectedStatus},
		"not found":               {`{}`, 404, "", belay.CauseWrongService, belay.CauseUnexpectedStatus},
		"any status":              {`{"anyStatus": true}`, 404, "", "", ""},
		"broken":                  {`{}`, 500, "", belay.CauseUnexpectedStatus, belay.CauseUnexpectedStatus},
		"not ready":               {`{"readiness": true}`, 503, "", belay.CauseNotReady, belay.CauseNotReady},
		"not ready, not asked":    {`{}`, 503, "", belay.CauseUnexpectedStatus, belay.CauseUnexpectedStatus},
		"not ready, but expected": {`{"readiness": true, "status": [503]}`, 503, "", "", ""},
		"rate limited":            {`{"anyStatus": true}`, 429, "", belay.CauseRateLimited, belay.CauseRateLimited},
		"rate limited, expected":  {`{"status": [429]}`, 429, "", "", ""},
		"unauthorized, expected":  {`{"status": [401]}`, 401, "", "", ""},
		"forbidden, expected":     {`{"status": [403]}`, 403, "", "", ""},
		"redirect, expected":      {`{"status": [302]}`, 302, "", "", ""},
		"cause of a status":       {`{"causes": {"402": "suspended"}}`, 402, "", belay.CauseSuspended, belay.CauseSuspended},
		"cause of a permission":   {`{"causes": {"404": "permission_missing"}}`, 404, "", belay.CausePermissionMissing, belay.CausePermissionMissing},
		"cause of a good status":  {`{"causes": {"200": "unsupported_version"}}`, 200, "", belay.CauseUnsupportedVersion, belay.CauseUnsupportedVersion},
		"header":                  {`{"headerMatches": {"server": "^test/"}}`, 200, "", "", ""},
		"other header":            {`{"headerMatches": {"Server": "^nginx"}}`, 200, "", belay.CauseWrongService, belay.CauseMalformedResponse},
		"text":                    {`{"matches": "(?m)^up$"}`, 200, "is\nup\n", "", ""},
		"other text":              {`{"matches": "^up$"}`, 200, "down", belay.CauseWrongService, belay.CauseMalformedResponse},
		"exists":                  {`{"json": [{"pointer": "/a~1b/0"}]}`, 200, `{"a/b": [null]}`, "", ""},
		"does not exist":          {`{"json": [{"pointer": "/a/1"}]}`, 200, `{"a": [0]}`, belay.CauseWrongService, belay.CauseMalformedResponse},
		"no such element":         {`{"json": [{"pointer": "/a/01"}]}`, 200, `{"a": [0, 1]}`, belay.CauseWrongService, belay.CauseMalformedResponse},
		"equals":                  {`{"json": [{"pointer": "", "equals": {"a": [1.0, "x", null]}}]}`, 200, `{"a": [1, "x", null]}`, "", ""},
		"a text is no number":     {`{"json": [{"pointer": "/a", "equals": 1}]}`, 200, `{"a": "1"}`, belay.CauseWrongService, belay.CauseMalformedResponse},
		"more than equal":         {`{"json": [{"pointer": "", "equals": {"a": 1}}]}`, 200, `{"a": 1, "b": 1}`, belay.CauseWrongService, belay.CauseMalformedResponse},
		"matches":                 {`{"json": [{"pointer": "/a", "matches": "^1\\."}]}`, 200, `{"a": 1.5}`, "", ""},
		"no match":                {`{"json": [{"pointer": "/a", "matches": "^1"}]}`, 200, `{"a": 2}`, belay.CauseWrongService, belay.CauseMalformedResponse},
		"its own cause":           {`{"json": [{"pointer": "/a", "cause": "unsupported_version"}]}`, 200, `{}`, belay.CauseUnsupportedVersion, belay.CauseUnsupportedVersion},
		"no JSON":                 {`{"json": [{"pointer": ""}]}`, 200, `<html>`, belay.CauseWrongService, belay.CauseMalformedResponse},
		"no JSON, own cause":      {`{"json": [{"pointer": "", "cause": "not_ready"}]}`, 200, `<html>`, belay.CauseWrongService, belay.CauseMalformedResponse},
		"two values":              {`{"json": [{"pointer": ""}]}`, 200, `{} {}`, belay.CauseWrongService, belay.CauseMalformedResponse},
	} {
		t.Run(name, func(t *testing.T) {
			for _, stage := range []string{"protocol", "authenticate", "authorize", "capability"} {
				want, script := c.later, fmt.Sprintf(`{"protocol": [{"path": "/free", "anyStatus": true}], %q: [%s]}`, stage, c.request)
				if stage == "protocol" {
					want, script = c.protocol, fmt.Sprintf(`{"protocol": [%s]}`, c.request)
				}
				_, got := run(t, script, "", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/free" {
						return
					}
					reply(c.status, c.body).ServeHTTP(w, r)
				}))
				if want != "" {
					want = belay.Cause(stage + " " + string(want))
				}
				if got != string(want) {
					t.Errorf("in stage %s: got %q, want %q", stage, got, want)
				}
			}
		})
	}
}

func TestFacts(t *testing.T) {
	r, failed := run(t, `{"protocol": [{"facts": {
		"pointer": {"pointer": "/a/0"}, "object": {"pointer": "/o"}, "count": {"pointer": "/a", "count": true}, "keys": {"pointer": "/o", "count": true},
		"number": {"pointer": "/n", "number": true}, "group": {"matches": "\"n\": \"([0-9])"}, "whole": {"matches": "[0-9]+\\.5"},
		"header": {"header": "Server", "matches": "^test/(.*)"}, "status": {"status": true}, "body": {},
		"absent": {"pointer": "/x"}, "no header": {"header": "X-Absent"}, "no match": {"matches": "zzz"}, "no number": {"pointer": "/a/0", "number": true}, "no count": {"pointer": "/n", "count": true}
	}}]}`, "", reply(200, `{"a": ["first", 2], "o": {"k": true}, "n": "3.5"}`))
	if failed != "" {
		t.Fatal(failed, r.Summary)
	}
	got, err := json.Marshal(r.Facts)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"body":"{\"a\": [\"first\", 2], \"o\": {\"k\": true}, \"n\": \"3.5\"}","count":2,"group":"3","header":"1.2","keys":1,"number":3.5,"object":{"k":true},"pointer":"first","status":200,"whole":"3.5"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestConfiguredRequests(t *testing.T) {
	script := string(builtin(t, "http").Test)
	body := `{"status": "UP", "n": 1, "z": null}`
	for name, c := range map[string]struct {
		config, want string
		status       int
	}{
		"nothing":             {``, "", 200},
		"status expected":     {`{"status": [404, 410]}`, "", 404},
		"unauthorized is OK":  {`{"status": [401]}`, "", 401},
		"redirect is OK":      {`{"status": [301]}`, "", 301},
		"status not expected": {`{"status": [404]}`, "capability unexpected_status", 200},
		"not found":           {``, "capability unexpected_status", 404},
		"not ready":           {``, "capability not_ready", 503},
		"JSON":                {`{"jsonPointer": "/status", "jsonEquals": "UP"}`, "", 200},
		"JSON number":         {`{"jsonPointer": "/n", "jsonEquals": 1}`, "", 200},
		"JSON exists":         {`{"jsonPointer": "/n"}`, "", 200},
		"other JSON":          {`{"jsonPointer": "/status", "jsonEquals": "DOWN"}`, "capability not_ready", 200},
		"JSON null":           {`{"jsonPointer": "/z", "jsonEquals": null}`, "", 200},
		"not JSON null":       {`{"jsonPointer": "/status", "jsonEquals": null}`, "capability not_ready", 200},
		"JSON absent":         {`{"jsonPointer": "/x"}`, "capability malformed_response", 200},
		"text":                {`{"contains": "UP"}`, "", 200},
		"other text":          {`{"contains": "DOWN"}`, "capability malformed_response", 200},
	} {
		t.Run(name, func(t *testing.T) {
			if _, got := run(t, script, c.config, reply(c.status, body)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("no JSON", func(t *testing.T) {
		if _, got := run(t, script, `{"jsonPointer": "/status"}`, reply(200, "<html>")); got != "capability malformed_response" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("method and path", func(t *testing.T) {
		var seen []string
		_, got := run(t, script, `{"method": "HEAD", "path": "/a?b=c"}`, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.Method+" "+r.URL.RequestURI())
		}))
		if got != "" || !slices.Equal(seen, []string{"HEAD /a?b=c"}) {
			t.Errorf("got %q, the target was asked %v; want it asked once", got, seen)
		}
	})
}

// A server may answer /a/ and not /a.
func TestTheEndpointIsAskedForAsItIsWritten(t *testing.T) {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = append(seen, r.URL.Path) }))
	defer server.Close()
	d, err := httpkind.New(builtin(t, "http"), &egress.Dialer{Policy: egress.Policy{Loopback: true}}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"/a/", `{}`}, {"/a", `{}`}, {"", `{}`}, {"/a/", `{"path": "/b/"}`}, {"/a", `{"path": "/"}`}} {
		d.Test(t.Context(), belay.Target{Endpoint: server.URL + c[0], Config: json.RawMessage(c[1]), Timeout: 10 * time.Second})
	}
	if want := []string{"/a/", "/a", "/", "/a/b/", "/a/"}; !slices.Equal(seen, want) {
		t.Errorf("asked for %q, want %q", seen, want)
	}
}

func TestRequestsAreSentAsWritten(t *testing.T) {
	var seen []string
	_, failed := run(t, `{"protocol": [{"path": "/p"}], "capability": [{"method": "POST", "path": "/q?r=s", "headers": {"X-Scope": "1"}, "body": {"a": 1}}]}`, "",
		http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var body strings.Builder
			if err := r.Write(&body); err != nil {
				t.Error(err)
			}
			seen = append(seen, body.String())
		}))
	if failed != "" || len(seen) != 2 {
		t.Fatalf("%q, %d requests", failed, len(seen))
	}
	for _, part := range []string{"POST /q?r=s", "X-Scope: 1", "Content-Type: application/json", `{"a": 1}`, "User-Agent: belay"} {
		if !strings.Contains(seen[1], part) {
			t.Errorf("no %q in %q", part, seen[1])
		}
	}
}

func TestLargeFactsAreLeftOut(t *testing.T) {
	r, failed := run(t, `{"protocol": [{"facts": {"all": {"pointer": ""}, "one": {"pointer": "/0"}}}]}`, "", reply(200, `[1`+strings.Repeat(`,1`, 5000)+`]`))
	if _, kept := r.Facts["all"]; failed != "" || kept || r.Facts["one"] == nil {
		t.Errorf("%q, facts %.100v", failed, r.Facts)
	}
}

func TestFactsOfOtherKinds(t *testing.T) {
	for name, c := range map[string]struct {
		target http.Handler
		want   string
	}{
		"grafana": {grafana(), `{"dataSources":2,"organization":"Main Org.","version":"10.4.1"}`},
		"jaeger":  {jaeger(), `{"services":2}`},
		"nginx":   {nginx(), `{"activeConnections":3,"requests":9,"version":"1.22.1"}`},
	} {
		r, failed := run(t, string(builtin(t, name).Test), "", c.target)
		got, err := json.Marshal(r.Facts)
		if failed != "" || err != nil || string(got) != c.want {
			t.Errorf("%s: %q, facts %s, want %s", name, failed, got, c.want)
		}
	}
}

func TestGrafanaStates(t *testing.T) {
	script := string(builtin(t, "grafana").Test)
	with := func(path string, h http.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/", grafana())
		mux.Handle(path, h)
		return mux
	}
	if _, got := run(t, script, "", with("/api/health", reply(200, `{"database":"failing"}`))); got != "protocol not_ready" {
		t.Errorf("without its database: got %q", got)
	}
	r, got := run(t, script, "", with("/api/datasources", reply(403, `{"message":"no"}`)))
	if _, counted := r.Facts["dataSources"]; got != "" || counted {
		t.Errorf("to a viewer: got %q, facts %v", got, r.Facts)
	}
	if _, got := run(t, script, "", with("/api/org", reply(200, `<html>`))); got != "authenticate malformed_response" {
		t.Errorf("lying: got %q", got)
	}
}

func TestPrometheusFacts(t *testing.T) {
	k := builtin(t, "prometheus")
	r, failed := run(t, string(k.Test), "", prometheus(nil))
	if failed != "" || r.Facts["version"] != "2.42.0" || r.Facts["targets"] != 3.0 || r.Facts["targetsUp"] != 2.0 {
		t.Errorf("%q, facts %v", failed, r.Facts)
	}
	for path, want := range map[string]string{
		"/-/ready":                 "protocol wrong_service",
		"/api/v1/status/buildinfo": "authenticate wrong_service",
		"vector(1)":                "authorize malformed_response",
		"count(up) or vector(0)":   "capability malformed_response",
		"sum(up) or vector(0)":     "capability malformed_response",
	} {
		if _, got := run(t, string(k.Test), "", prometheus(map[string]string{path: `{"lies": 1}`})); got != want {
			t.Errorf("lying at %s: got %q, want %q", path, got, want)
		}
	}
	old := prometheus(map[string]string{"/api/v1/status/buildinfo": `{"status":"success","data":{"version":"1.8.2"}}`})
	if _, got := run(t, string(k.Test), "", old); got != "authenticate unsupported_version" {
		t.Errorf("version 1: got %q", got)
	}
	if _, got := run(t, string(k.Test), "", reply(503, "Service Unavailable")); got != "protocol not_ready" {
		t.Errorf("starting: got %q", got)
	}
	if len(slices.Collect(maps.Keys(r.Facts))) != 3 {
		t.Errorf("facts %v", r.Facts)
	}
}
