package cli

import (
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"belay"
)

const testToken = "a-token-for-tests"

// problemServer refuses everything with one problem document.
func problemServer(t *testing.T, status int, document string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(document))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A server that sends the client elsewhere does not get the token sent there.
func TestRedirectGetsNoToken(t *testing.T) {
	var asked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		server := httptest.NewServer(http.RedirectHandler(other.URL+"/api/user?a=b", status))
		t.Cleanup(server.Close)
		f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL, "BELAY_TOKEN": testToken})
		f.run(t, exitFailed, "whoami")
		mustContain(t, f.err.String(), "redirects elsewhere", "--server "+other.URL)
		mustNotContain(t, f.err.String(), testToken)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

// The context's own token, and the one found on this machine, go to no other
// server; the one of the environment goes where the user says.
func TestTokenGoesToItsServerOnly(t *testing.T) {
	var got atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got.Store(r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{"email":"a@b.example"}`))
	}))
	t.Cleanup(server.Close)
	f := newFixture(t, nil)
	writeFile(t, f.Home+"/token", testToken+"\n")
	f.run(t, exitDone, "context", "set", "lab", "--server", server.URL, "--token-file", f.Home+"/token")
	f.run(t, exitDone, "whoami")
	if got.Load() != "Bearer "+testToken {
		t.Errorf("the context's server got %q", got.Load())
	}
	f.run(t, exitDone, "context", "set", "other", "--server", "http://127.0.0.1:1", "--token-file", f.Home+"/token")
	f.run(t, exitDone, "whoami", "-c", "other", "--server", server.URL)
	if got.Load() != "" {
		t.Errorf("another server got %q", got.Load())
	}
}

func TestProblemIsShown(t *testing.T) {
	document := `{"type":"https://belay.example/errors/invalid","title":"Invalid","status":422,"detail":"The request is not valid.","code":"invalid","requestId":"req-77",
		"errors":[{"pointer":"/name","message":"must not be empty"}],
		"remediation":[{"id":"x","title":"Rename","command":"belay connection edit x --name y"},{"id":"z","title":"Read","description":"Read the page."}]}`
	f := newFixture(t, map[string]string{"BELAY_SERVER": problemServer(t, 422, document), "BELAY_TOKEN": testToken})
	f.run(t, exitUsage, "whoami")
	golden(t, "problem.golden", f.err.String())

	f.run(t, exitUsage, "whoami", "-o", "json")
	if f.out.Len() != 0 {
		t.Errorf("on standard output: %s", f.out)
	}
	var got, want any
	if json.Unmarshal(f.err.Bytes(), &got) != nil || json.Unmarshal([]byte(document), &want) != nil {
		t.Fatalf("not JSON: %s", f.err)
	}
	if a, b := textOf(got), textOf(want); a != b {
		t.Errorf("got %s, want %s", a, b)
	}
}

func TestExitStatusOfRefusals(t *testing.T) {
	cases := []struct {
		status int
		code   belay.Code
		want   int
	}{
		{400, belay.CodeMalformed, exitUsage},
		{400, belay.CodeBadQuery, exitUsage},
		{400, belay.CodeOrganizationRequired, exitUsage},
		{401, belay.CodeUnauthenticated, exitSignIn},
		{403, belay.CodeForbidden, exitForbidden},
		{404, belay.CodeNotFound, exitNotFound},
		{409, belay.CodeConflict, exitConflict},
		{409, belay.CodeInUse, exitConflict},
		{409, belay.CodeIllegalTransition, exitConflict},
		{412, belay.CodePreconditionFailed, exitConflict},
		{428, belay.CodePreconditionRequired, exitConflict},
		{413, belay.CodeTooLarge, exitConflict},
		{422, belay.CodeInvalid, exitUsage},
		{429, belay.CodeRateLimited, exitFailed},
		{500, belay.CodeInternal, exitFailed},
		{503, belay.CodeUnavailable, exitFailed},
		{504, "", exitPartly},
	}
	for _, c := range cases {
		doc, err := json.Marshal(map[string]any{"title": "T", "status": c.status, "code": c.code})
		if err != nil {
			t.Fatal(err)
		}
		f := newFixture(t, map[string]string{"BELAY_SERVER": problemServer(t, c.status, string(doc))})
		f.run(t, c.want, "whoami")
	}
}

func TestAnswerOfAnotherProgram(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
	f.run(t, exitFailed, "whoami")
	mustContain(t, f.err.String(), "not an answer of Belay's", "is "+server.URL+" the right address?")

	empty := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	t.Cleanup(empty.Close)
	f = newFixture(t, map[string]string{"BELAY_SERVER": empty.URL})
	f.run(t, exitFailed, "connection", "list")
	mustContain(t, f.err.String(), "the server's answer cannot be read")
}

func TestServerThatDoesNotAnswer(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(server.Close)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
	f.run(t, exitPartly, "whoami", "--timeout", "20ms")
	mustContain(t, f.err.String(), "did not answer in time", "request: request-1")
}

func TestServerWithoutATrustedCertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that must fail
	server.StartTLS()
	t.Cleanup(server.Close)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
	f.run(t, exitUnreachable, "whoami")
	mustContain(t, f.err.String(), "cannot be trusted", "--ca-file PATH")

	writeFile(t, f.Home+"/ca.pem", pemOf(server.Certificate().Raw))
	f.run(t, exitDone, "whoami", "--ca-file", f.Home+"/ca.pem")
}

func TestInterruptedWhileWaiting(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/test") {
			cancel()
			<-r.Context().Done()
			return
		}
		_, _ = w.Write([]byte(`{"connections":[{"id":"c1","name":"prod-eu","kind":"http"}],"totalCount":1}`))
	}))
	t.Cleanup(server.Close)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
	began := time.Now()
	if got := f.Run(ctx, []string{"connection", "test", "prod-eu"}); got != exitInterrupted {
		t.Errorf("status %d, want %d: %s", got, exitInterrupted, f.err)
	}
	if time.Since(began) > testTimeout/2 {
		t.Error("it went on waiting")
	}
	mustContain(t, f.err.String(), "interrupted", "belay connection view prod-eu")
}

// A connection and its new credential are made by one request.
func TestCreationIsOneRequest(t *testing.T) {
	var sent []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, r.Method+" "+r.URL.Path+" "+string(body))
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"title":"Conflict","status":409,"detail":"There is a connection of this name.","code":"conflict"}`))
	}))
	t.Cleanup(server.Close)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL, "PW": "correct-horse"})
	f.run(t, exitConflict, "connection", "create", "x", "--kind", "http", "--url", "http://127.0.0.1:1",
		"--new-credential", "new-basic", "--type", "basic", "--user", "me", "--secret-env", "password=PW")
	want := "POST " + connectionsPath + ` {"credentialName":"new-basic","credentialSecret":{"password":"correct-horse","username":"me"},"credentialType":"basic","kind":"http","name":"x","url":"http://127.0.0.1:1"}`
	if len(sent) != 1 || sent[0] != want {
		t.Errorf("sent %q, want only %q", sent, want)
	}
	mustNotContain(t, f.err.String(), "correct-horse", "was created")
}

// Someone else's change in between is found out, not overwritten.
func TestEditSendsTheVersionThatItRead(t *testing.T) {
	var sent atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			sent.Store(r.Header.Get("If-Match"))
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusPreconditionFailed)
			_, _ = w.Write([]byte(`{"title":"Changed meanwhile","status":412,"code":"precondition_failed"}`))
			return
		}
		w.Header().Set("ETag", `"v7"`)
		_, _ = w.Write([]byte(`{"id":"0190a1b2-c3d4-7e5f-8a9b-000000000001","name":"x","environments":[{"id":"e","name":"y"}]}`))
	}))
	t.Cleanup(server.Close)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
	f.run(t, exitConflict, "connection", "edit", "0190a1b2-c3d4-7e5f-8a9b-000000000001", "--url", "http://127.0.0.1:2")
	if sent.Load() != `"v7"` {
		t.Errorf("If-Match was %v", sent.Load())
	}
}

// Pages are put together; the items are each as they came.
func TestAllPages(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			_, _ = w.Write([]byte(`{"environments":[{"name":"a","x":1.0}],"totalCount":3,"nextCursor":"two"}`))
		case "two":
			_, _ = w.Write([]byte(`{"environments":[{"name":"b"},{"name":"c"}],"totalCount":3,"nextCursor":""}`))
		}
	}))
	t.Cleanup(server.Close)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
	f.run(t, exitDone, "environment", "list", "--all", "-o", "json")
	mustContain(t, f.out.String(), `"x": 1.0`, `"name": "c"`, `"totalCount": 3`)
	f.run(t, exitDone, "environment", "list", "--limit", "2", "-o", "name")
	if f.out.String() != "environment/a\nenvironment/b\n" {
		t.Errorf("got %q", f.out)
	}
}

func TestURLKeepsPathPrefixAndEscapes(t *testing.T) {
	base, err := url.Parse("https://ops.example/belay")
	if err != nil {
		t.Fatal(err)
	}
	c := client{base: base}
	got := c.url(request{path: environments().at("a/b c"), query: url.Values{"q": {"x y"}}})
	if want := "https://ops.example/belay/api/environments/a%2Fb%20c?q=x+y"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A name that is not here but in another organization of the caller's is said
// to be there.
func TestNameInAnotherOrganization(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == organizations().path:
			_, _ = w.Write([]byte(`{"organizations":[{"id":"0190a1b2-c3d4-7e5f-8a9b-00000000000a","name":"Here"},{"id":"0190a1b2-c3d4-7e5f-8a9b-00000000000b","name":"South Wind"}],"totalCount":2}`))
		case strings.HasSuffix(r.URL.Query().Get("orgId"), "b"):
			_, _ = w.Write([]byte(`{"connections":[{"id":"c1","name":"prod-eu"}],"totalCount":1}`))
		default:
			_, _ = w.Write([]byte(`{"connections":[],"totalCount":0}`))
		}
	}))
	t.Cleanup(server.Close)
	f := newFixture(t, map[string]string{"BELAY_SERVER": server.URL})
	f.run(t, exitNotFound, "connection", "view", "prod-eu", "--org", "here")
	mustContain(t, f.err.String(), "organization South Wind has one: --org 'South Wind'")
	f.run(t, exitNotFound, "connection", "view", "absent", "--org", "here")
	mustNotContain(t, f.err.String(), "South Wind")
}

// One of several organizations is asked for in the words of the command line.
func TestOrganizationIsAskedFor(t *testing.T) {
	document := `{"title":"Bad Request","status":400,"code":"organization_required","detail":"orgId is required: you belong to several organizations",
		"errors":[{"pointer":"orgId","message":"is required"}],"remediation":[{"id":"x","title":"Name the organization","command":"belay organization list"}]}`
	f := newFixture(t, map[string]string{"BELAY_SERVER": problemServer(t, 400, document), "BELAY_TOKEN": testToken})
	f.run(t, exitUsage, "environment", "list")
	mustContain(t, f.err.String(), "you belong to several organizations", "--org NAME")
	mustNotContain(t, f.err.String(), "orgId")
}
