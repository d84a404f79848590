package rest_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"belay"
	"belay/rest"
)

// sample is a kind with one of everything that a page shows.
var sample = &belay.Kind{
	Name: "sample", Title: "Sample", Description: "Samples.", Type: "platform", SubType: "test",
	Endpoint: belay.EndpointRule{Schemes: []string{"https", "http"}, Example: "https://sample.example.com", Help: "The base <URL>."},
	ConnectionSchema: []byte(`{"type":"object","required":["zone"],"properties":{
		"zone":{"type":"string","description":"Where it is."},
		"area":{"enum":["A","B"],"default":"B","description":"Of the zone."},
		"tls":{"type":"object","properties":{"serverName":{"type":"string","description":"In the certificate.","x-absent":"the host"}}}}}`),
	CredentialTypes: []string{belay.CredentialBearer},
	Stages:          []belay.KindStage{{Stage: belay.StageProtocol, Description: "It answers."}},
}

// plain is one without TLS and without credentials.
var plain = &belay.Kind{
	Name: "plain", Title: "Plain", Endpoint: belay.EndpointRule{Schemes: []string{"tcp"}}, ConnectionSchema: []byte(`{"type":"object","properties":{}}`),
}

func documentation() http.Handler {
	return rest.Docs([]*belay.Kind{plain, sample}, http.NotFoundHandler())
}

// TestDocsPages follows every link of the pages to a place within them, from
// one page to all.
func TestDocsPages(t *testing.T) {
	h := documentation()
	served := []string{"/", "/openapi.json", "/style.css"} // by others
	seen := map[string]map[string]bool{}
	wanted := map[string]bool{}
	for next := []string{"/docs"}; len(next) > 0; next = next[1:] {
		page := next[0]
		if seen[page] != nil || slices.Contains(served, page) {
			continue
		}
		w := get(h, page)
		body := w.Body.String()
		if w.Code != http.StatusOK || strings.Contains(body, "<script") || strings.Contains(body, "style=") || strings.Contains(body, "ZgotmplZ") {
			t.Fatalf("%s: %d, or it has script or style of its own", page, w.Code)
		}
		seen[page] = map[string]bool{"": true}
		for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(body, -1) {
			if seen[page][m[1]] {
				t.Errorf("%s: the id %q is there twice", page, m[1])
			}
			seen[page][m[1]] = true
		}
		for _, m := range regexp.MustCompile(` (?:href|src)="([^"]+)"`).FindAllStringSubmatch(body, -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			if path == "" {
				path = page
			}
			if path != "data:," {
				next = append(next, path)
				wanted[path+"#"+anchor] = true
			}
		}
	}
	for link := range wanted {
		path, anchor, _ := strings.Cut(link, "#")
		if seen[path] != nil && !seen[path][anchor] {
			t.Errorf("the link %s leads nowhere", link)
		}
	}
	for _, page := range []string{"/docs/errors", "/docs/kinds/sample", "/docs/kinds/plain", "/docs/errors/interrupted"} {
		if seen[page] == nil {
			t.Errorf("nothing leads to %s", page)
		}
	}
	for _, code := range belay.Codes() {
		if seen["/docs/errors/"+string(code)] == nil {
			t.Errorf("nothing leads to the page about %s", code)
		}
	}
}

func TestDocsPageHasEveryRoute(t *testing.T) {
	body := get(documentation(), "/docs").Body.String()
	for _, r := range rest.Routes() {
		if !strings.Contains(body, "<code>"+r.Path+"</code>") {
			t.Errorf("%s is not on the page", r.Path)
		}
	}
}

// TestErrorPages wants a page for every code, as the type of an error
// promises.
func TestErrorPages(t *testing.T) {
	h := documentation()
	for _, code := range belay.Codes() {
		w := get(h, "/docs/errors/"+string(code))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<h2>What to do</h2>") || strings.Count(w.Body.String(), "<li>") == 0 {
			t.Errorf("%s: %d %s", code, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/docs/errors/none", "/docs/kinds/none", "/docs/none", "/docs/errors/none/none"} {
		if w := get(h, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// TestKindPage wants all of a definition on its page.
func TestKindPage(t *testing.T) {
	body := get(documentation(), "/docs/kinds/sample").Body.String()
	for _, text := range []string{
		"Samples.", "The base &lt;URL&gt;.", "--kind sample --url https://sample.example.com",
		"<code>zone</code> <strong>required</strong>", "A, B", "Of the zone.", "Without it: B.", "<code>tls.serverName</code>", "Without it: the host.",
		"<strong>protocol</strong>: It answers.",
		"<code>token</code>", "secret, required",
		`id="cause-tls_expired"`, "The target&#39;s certificate has expired.", `id="cause-credential_rejected"`, "Replace the secret", "Attach another credential",
	} {
		if !strings.Contains(body, text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	if zone, area := strings.Index(body, "<code>zone</code>"), strings.Index(body, "<code>area</code>"); zone > area {
		t.Error("the settings are not in the order of the definition")
	}
	for _, text := range []string{"kubeconfig", "client certificate"} {
		if strings.Contains(body, text) {
			t.Errorf("the page speaks of a %s, which this kind does not know", text)
		}
	}
	body = get(documentation(), "/docs/kinds/plain").Body.String()
	for _, id := range []string{"cause-tls_expired", "cause-credential_rejected", "credential-bearer"} {
		if strings.Contains(body, id) {
			t.Errorf("the page of a kind without TLS and credentials has %s", id)
		}
	}
	if !strings.Contains(body, "It takes none.") || !strings.Contains(body, `id="cause-timeout"`) {
		t.Errorf("the page is %s", body)
	}
}
