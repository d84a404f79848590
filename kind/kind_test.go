package kind_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"belay"
	"belay/kind"
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

func TestBuiltinKindsAreComplete(t *testing.T) {
	kinds, err := kind.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("builtin/*.json")
	if err != nil || len(files) != len(kinds) {
		t.Fatalf("%d kinds from %d files, %v", len(kinds), len(files), err)
	}
	for _, k := range kinds {
		if len(k.Stages) != len(belay.Stages()) {
			t.Errorf("%s describes %d of %d stages", k.Name, len(k.Stages), len(belay.Stages()))
		}
		if k.Description == "" || k.Documentation == "" || k.Endpoint.Example == "" || len(k.CredentialTypes) == 0 {
			t.Errorf("%s lacks a description, documentation, an example or credential types", k.Name)
		}
		if endpoint, err := kind.Endpoint(k, k.Endpoint.Example); err != nil || endpoint != k.Endpoint.Example {
			t.Errorf("%s: its own example gives %q, %v", k.Name, endpoint, err)
		}
		if _, err := os.Stat(filepath.Join("builtin", k.Name+".json")); err != nil {
			t.Errorf("%s stands in a file of another name", k.Name)
		}
		if _, err := os.Stat(filepath.Join("..", k.Documentation)); err != nil {
			t.Errorf("%s: its documentation is not there: %v", k.Name, err)
		}
		again, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := kind.Parse(again)
		if err != nil || string(parsed.ConnectionSchema) != string(k.ConnectionSchema) {
			t.Errorf("%s: what was parsed does not parse to the same: %v", k.Name, err)
		}
	}
}

// pointers returns where err says that something is wrong.
func pointers(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var e *belay.Error
	if !errors.As(err, &e) || e.Code != belay.CodeInvalid {
		t.Fatalf("not an error of code invalid: %v", err)
	}
	var out []string
	for _, f := range e.Fields {
		out = append(out, f.Pointer)
	}
	return strings.Join(out, " ")
}

func TestDefinitionsAreValidated(t *testing.T) {
	const good = `{"name": "probe", "title": "Probe", "description": "", "type": "platform", "subType": "service",
		"endpoint": {"schemes": ["http"], "example": "http://h"},
		"connectionSchema": {"type": "object", "properties": {"zebra": {"type": "string"}, "ape": {"type": "string"}}},
		"credentialTypes": ["bearer"], "stages": [{"stage": "policy", "description": ""}], "test": {"protocol": [{"path": "/"}]}}`
	for name, c := range map[string]struct{ old, new, want string }{
		"good":                  {"", "", ""},
		"no JSON":               {good, "{", " "},
		"unknown field":         {`"title"`, `"titel"`, " "},
		"two documents":         {`"path": "/"}]}}`, `"path": "/"}]}} {}`, " "},
		"name":                  {`"name": "probe"`, `"name": "Probe 1"`, "/name"},
		"no title":              {`"title": "Probe"`, `"title": ""`, "/title"},
		"type":                  {`"type": "platform"`, `"type": ""`, "/type"},
		"long description":      {`"description": "", "type"`, `"description": "` + strings.Repeat("x", 1001) + `", "type"`, "/description"},
		"no scheme":             {`["http"]`, `[]`, "/endpoint/schemes"},
		"scheme":                {`["http"]`, `["HTTP"]`, "/endpoint/schemes/0"},
		"credential type":       {`["bearer"]`, `["bearer", "wish"]`, "/credentialTypes/1"},
		"credential type twice": {`["bearer"]`, `["bearer", "bearer"]`, "/credentialTypes/1"},
		"credential required":   {`["bearer"]`, `[], "credentialRequired": true`, "/credentialTypes"},
		"stage":                 {`"stage": "policy"`, `"stage": "prayer"`, "/stages/0/stage"},
		"stages out of order":   {`[{"stage": "policy"`, `[{"stage": "tls", "description": ""}, {"stage": "policy"`, "/stages/1/stage"},
		"schema is no object":   {`{"type": "object", "properties"`, `{"type": "array", "properties"`, "/connectionSchema/type"},
		"schema is a list":      {`"connectionSchema": {`, `"connectionSchema": [], "icon": "", "stages": [], "endpoint": {`, " "},
		"schema is nonsense":    {`{"type": "string"}, "ape"`, `{"type": 1}, "ape"`, "/connectionSchema"},
		"schema reads a file":   {`{"type": "string"}, "ape"`, `{"$ref": "file:///etc/hostname"}, "ape"`, "/connectionSchema"},
		"schema reads a host":   {`{"type": "string"}, "ape"`, `{"$ref": "http://127.0.0.1/s"}, "ape"`, "/connectionSchema"},
		"schema takes tls":      {`"ape"`, `"tls"`, "/connectionSchema/properties/tls"},
		"properties":            {`{"zebra": {"type": "string"}, "ape": {"type": "string"}}`, `[]`, "/connectionSchema/properties"},
		"test":                  {`"path": "/"`, `"path": "x"`, "/test/protocol/0/path"},
	} {
		t.Run(name, func(t *testing.T) {
			document := strings.Replace(good, c.old, c.new, 1)
			k, err := kind.Parse([]byte(document))
			if c.want == " " {
				if belay.CodeOf(err) != belay.CodeInvalid {
					t.Errorf("got %v, want invalid", err)
				}
				return
			}
			if got := pointers(t, err); got != c.want {
				t.Errorf("wrong at %q, want %q: %v", got, c.want, err)
			}
			if c.want != "" {
				return
			}
			at := func(setting string) int { return bytes.Index(k.ConnectionSchema, []byte(strconv.Quote(setting))) }
			zebra, ape, tls := at("zebra"), at("ape"), at("tls")
			if zebra < 0 || zebra > ape || ape > tls {
				t.Errorf("the order of the settings is lost: %s", k.ConnectionSchema)
			}
		})
	}
}

// authority is a certificate that nobody holds the key of.
const authority = `-----BEGIN CERTIFICATE-----
MIIBSDCB+6ADAgECAhQPPoNhxKFXK97hkOjX+U3BowAFOTAFBgMrZXAwGTEXMBUG
A1UEAwwOVGVzdCBhdXRob3JpdHkwIBcNMjYxMTIxMjM1NDI2WhgPMjEyNjEwMjgy
MzU0MjZaMBkxFzAVBgNVBAMMDlRlc3QgYXV0aG9yaXR5MCowBQYDK2VwAyEAR3za
O7dwJ8Ou4d47Iv6L4dGdXAcl/lULj+ERqOgPF5OjUzBRMB0GA1UdDgQWBBQjJ3Nn
SnvGkyRQAuWobjDd27H7ejAfBgNVHSMEGDAWgBQjJ3NnSnvGkyRQAuWobjDd27H7
ejAPBgNVHRMBAf8EBTADAQH/MAUGAytlcANBAE5ZKtLvbx0pIZ8usYT6fKjlpWqo
KkDeq4MqMPiwub7YOhBIsKtmlSDuQjW9L/kkOT6syo57+GA8PE4Ak5pVSwc=
-----END CERTIFICATE-----
`

func TestConfigsAreValidated(t *testing.T) {
	text := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	for name, c := range map[string]struct{ kind, config, want string }{
		"none":                 {"prometheus", ``, ""},
		"empty":                {"prometheus", `{}`, ""},
		"no JSON":              {"prometheus", `{`, "/metadata"},
		"no object":            {"prometheus", `[]`, "/metadata"},
		"unknown":              {"prometheus", `{"b": 1, "a/b~": 2}`, "/metadata/a~1b~0 /metadata/b"},
		"proxy of a cluster":   {"kubernetes", `{"proxyUrl": "http://proxy"}`, "/metadata/proxyUrl"},
		"kubernetes":           {"kubernetes", `{"context": "c", "cluster": "d", "namespace": "e-f", "user": "u"}`, ""},
		"namespace":            {"kubernetes", `{"namespace": "E F"}`, "/metadata/namespace"},
		"type":                 {"kubernetes", `{"context": 1}`, "/metadata/context"},
		"http":                 {"http", `{"method": "HEAD", "path": "/a?b=c", "status": [200, 204], "jsonPointer": "/a~1b/0", "jsonEquals": true, "contains": "x"}`, ""},
		"method":               {"http", `{"method": "DELETE"}`, "/metadata/method"},
		"path":                 {"http", `{"path": "a"}`, "/metadata/path"},
		"path that climbs":     {"http", `{"path": "/a/../b"}`, "/metadata/path"},
		"path with fragment":   {"http", `{"path": "/a#b"}`, "/metadata/path"},
		"status":               {"http", `{"status": [99, 600]}`, "/metadata/status/0 /metadata/status/1"},
		"no status":            {"http", `{"status": []}`, "/metadata/status"},
		"status twice":         {"http", `{"status": [200, 200]}`, "/metadata/status"},
		"pointer":              {"http", `{"jsonPointer": "a"}`, "/metadata/jsonPointer"},
		"value without place":  {"http", `{"jsonEquals": 1}`, "/metadata/jsonPointer"},
		"no text":              {"http", `{"contains": ""}`, "/metadata/contains"},
		"too large":            {"http", `{"contains": "` + strings.Repeat("x", 70000) + `"}`, "/metadata"},
		"tls":                  {"prometheus", `{"tls": {"serverName": "x", "insecureSkipVerify": true}}`, ""},
		"tls unknown":          {"prometheus", `{"tls": {"insecure": true}}`, "/metadata/tls/insecure"},
		"authority":            {"prometheus", `{"tls": {"certificateAuthority": ` + text(authority) + `}}`, ""},
		"authority is no PEM":  {"prometheus", `{"tls": {"certificateAuthority": "x"}}`, "/metadata/tls/certificateAuthority"},
		"authority and more":   {"prometheus", `{"tls": {"certificateAuthority": ` + text(authority+"x") + `}}`, "/metadata/tls/certificateAuthority"},
		"authority is a key":   {"prometheus", `{"tls": {"certificateAuthority": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}}`, "/metadata/tls/certificateAuthority"},
		"authority is no cert": {"prometheus", `{"tls": {"certificateAuthority": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}}`, "/metadata/tls/certificateAuthority"},
	} {
		t.Run(name, func(t *testing.T) {
			err := kind.ValidateConfig(builtin(t, c.kind), json.RawMessage(c.config))
			if got := pointers(t, err); got != c.want {
				t.Errorf("wrong at %q, want %q: %v", got, c.want, err)
			}
		})
	}
}

func TestSchemasReadNoFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(file, []byte(`{"type": "string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	k := builtin(t, "http")
	k.ConnectionSchema = json.RawMessage(`{"type": "object", "properties": {"a": {"$ref": "file://` + file + `"}}}`)
	if got := pointers(t, kind.Validate(k)); got != "/connectionSchema" {
		t.Errorf("wrong at %q", got)
	}
}

func TestConfigErrorsDoNotQuote(t *testing.T) {
	const canary = "canary-7f3a"
	for _, config := range []string{
		`{"method": "` + canary + `"}`, `{"path": "` + canary + `"}`, `{"status": "` + canary + `"}`,
		`{"jsonPointer": "` + canary + `"}`, `{"contains": ["` + canary + `"]}`,
	} {
		err := kind.ValidateConfig(builtin(t, "http"), json.RawMessage(config))
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", config, err)
		}
	}
}

func TestEndpoints(t *testing.T) {
	k := builtin(t, "http")
	for text, want := range map[string]string{
		"http://example.test":               "http://example.test",
		"HTTP://Example.TEST./":             "http://example.test",
		"https://example.test:443/a/":       "https://example.test/a/",
		"http://example.test:443":           "http://example.test:443",
		"http://example.test:0080/a//":      "http://example.test/a//",
		"http://example.test/a":             "http://example.test/a",
		"https://[2001:DB8::0:1]:6443":      "https://[2001:db8::1]:6443",
		"https://[2001:DB8::0:1]":           "https://[2001:db8::1]",
		"http://[::ffff:192.0.2.1]:9":       "http://192.0.2.1:9",
		"http://h/a%2Fb":                    "http://h/a%2Fb",
		"http://xn--bcher-kva.test/b%C3%BC": "http://xn--bcher-kva.test/b%C3%BC",
	} {
		if got, err := kind.Endpoint(k, text); err != nil || got != want {
			t.Errorf("%s gives %q, %v; want %q", text, got, err, want)
		}
	}
	for _, name := range []string{"kubernetes", "prometheus", "nginx"} { // which never ask for the endpoint itself
		if got, err := kind.Endpoint(builtin(t, name), "https://example.test/a/"); err != nil || got != "https://example.test/a" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, text := range []string{
		"", "example.test", "//example.test", "http:", "http://", "http:///a", "http://:80", "http:example.test", "mailto:a@b", "ftp://example.test",
		"http://user@example.test", "http://user:pw@example.test", "http://@example.test", "http://example.test/#a", "http://example.test/#",
		"http://example.test?token=a", "http://example.test?", "http://2130706433", "http://0x7f.1", "http://127.1", "http://0177.0.0.1",
		"http://example.test:0", "http://example.test:65536", "http://example.test:", "http://example.test:http", "http://bücher.test",
		"http://[fe80::1%25eth0]", "http://exa mple.test", "http://example.test/a/../b", "http://example.test/%2e%2e/b", "http://example.test/./b",
		"http://example.test/a\\b", "http://example.test/a%00b", "http://exam\nple.test", "http://example.test/\x7f", "http://127。0。0。1",
		"http://example.test/" + strings.Repeat("x", 2048),
	} {
		got, err := kind.Endpoint(k, text)
		if pointers(t, err) != "/url" {
			t.Errorf("%.60q gives %q, %v; want an error at /url", text, got, err)
		}
	}
}

func TestEndpointErrorsDoNotQuoteThePassword(t *testing.T) {
	for _, text := range []string{"http://user:canary-7f3a@h", "http://user:canary-7f3a@h:bad", "http://h/?token=canary-7f3a"} {
		if _, err := kind.Endpoint(builtin(t, "http"), text); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%v", err)
		}
	}
}

func FuzzEndpoint(f *testing.F) {
	for _, s := range []string{"http://example.test:80/a/", "https://[::1]:6443", "http://a@b", "http://0x7f.1/%2e%2e", "http://h//a%2F/"} {
		f.Add(s)
	}
	k := builtin(f, "http")
	f.Fuzz(func(t *testing.T, text string) {
		endpoint, err := kind.Endpoint(k, text)
		if err != nil {
			return
		}
		again, err := kind.Endpoint(k, endpoint)
		if err != nil || again != endpoint {
			t.Errorf("%q gives %q, that gives %q, %v", text, endpoint, again, err)
		}
		u, err := url.Parse(endpoint)
		if err != nil || u.User != nil || u.Fragment != "" || u.RawQuery != "" || u.Hostname() == "" {
			t.Errorf("%q gives %q, %v", text, endpoint, err)
		}
	})
}
