package cli

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"belay"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func itemsNamed(t *testing.T, pairs ...string) []item {
	t.Helper()
	var out []item
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, item{fields: map[string]any{"id": pairs[i], "name": pairs[i+1]}})
	}
	return out
}

func TestReferences(t *testing.T) {
	items := itemsNamed(t, "0190a1b2-c3d4", "Prod", "0190a1b2-ffff", "prod", "0290aaaa-0000", "abcdef12")
	if got := named(items, "prod"); len(got) != 1 || got[0].name() != "prod" {
		t.Errorf("prod names %v", got)
	}
	if got := named(items, "PROD"); len(got) != 2 {
		t.Errorf("PROD names %v", got)
	}
	for prefix, want := range map[string]int{"0190a1": 2, "0190a1b2-C": 1, "0190a": 0, "0190a1x": 0, "0290aaaa": 1} {
		if got := withPrefix(items, prefix); len(got) != want {
			t.Errorf("%s is the beginning of %d ids, want %d", prefix, len(got), want)
		}
	}
	_, err := one(connections(), "0190a1", items[:2])
	if f, ok := errors.AsType[*failure](err); !ok || f.exit != exitUsage || len(f.help) != 2 {
		t.Errorf("ambiguous: %v", err)
	}
}

func TestQualifiedReferences(t *testing.T) {
	cases := map[string]string{
		"prod": "prod", "environment/prod": "prod", "env/prod": "prod", "dev/test": "dev/test",
		"environment/dev/test": "dev/test", "ENV/x": "x", "env/": "env/",
	}
	for ref, want := range cases {
		got, err := environments().unqualify(ref)
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", ref, got, err, want)
		}
	}
	for _, ref := range []string{"connection/prod", "cred/x", ""} {
		if _, err := environments().unqualify(ref); err == nil {
			t.Errorf("%q is taken for an environment", ref)
		}
	}
}

func TestAge(t *testing.T) {
	f := newFixture(t, nil)
	cases := map[string]string{
		"2026-11-21T19:59:30Z": "30s", "2026-11-21T19:42:00Z": "18m", "2026-11-21T10:00:00Z": "10h",
		"2026-11-19T20:00:00Z": "2d", "2023-11-21T20:00:00Z": "3y", "2026-12-21T20:00:00Z": "in 30d",
	}
	for at, want := range cases {
		it := item{fields: map[string]any{"t": at}}
		got := when("T", "t").cell(it, view{look: look{relative: true}, now: f.Now()}).text
		if got != want {
			t.Errorf("%s: got %s, want %s", at, got, want)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"prod-eu", "prod-us", "staging", "x"}
	for s, want := range map[string]string{
		"prod-uu": "prod-eu", "stagign": "staging", "stag": "staging", "sagigng": "staging", "zzz": "", "q": "", "ptag": "",
	} {
		if got, _ := nearest(s, names); got != want {
			t.Errorf("%s: got %q, want %q", s, got, want)
		}
	}
	for words, want := range map[[2]string]int{{"ab", "ba"}: 1, {"abc", "abc"}: 0, {"", "ab"}: 2, {"kitten", "sitting"}: 3, {"hlep", "help"}: 1, {"ü", "u"}: 1} {
		if got := edits(words[0], words[1]); got != want {
			t.Errorf("%q: %d typing errors, want %d", words, got, want)
		}
	}
}

// Of a command or a flag that does not exist, nothing is said that leads
// astray.
func TestNoSuchCommand(t *testing.T) {
	for line, want := range map[string]string{
		"signin": "belay help authentication",
		"export": "", "apply": "", "diff": "", "activity": "",
		"import":      "there is: belay connection import",
		"delete":      "there is: belay connection delete, belay credential delete, belay environment delete, belay workspace delete, belay team delete, belay organization delete, belay token revoke, belay session revoke, belay context delete",
		"connektion":  "did you mean: belay connection",
		"conf":        "did you mean: belay config",
		"envs":        "did you mean: belay environment",
		"conn tset":   "did you mean: belay connection test",
		"env compare": "", "kind list --sort x": "", "conn list --sotr x": "did you mean: --sort", "conn list -x": "",
	} {
		f := newFixture(t, nil)
		f.run(t, exitUsage, strings.Fields(line)...)
		mustContain(t, f.err.String(), want)
		if lines := strings.Count(f.err.String(), "\n"); lines != 2 && want == "" {
			t.Errorf("%s: more than that it is not there, and where help is:\n%s", line, f.err)
		}
	}
}

func TestProtectedContext(t *testing.T) {
	f := newFixture(t, nil)
	f.run(t, exitDone, "context", "set", "prod", "--server", "http://127.0.0.1:1", "--org", "northwind", "--protected")
	cases := []struct {
		flags globals
		ok    bool
	}{
		{globals{Yes: true}, false},
		{globals{Confirm: "lab"}, false},
		{globals{Confirm: "prod"}, true},
		{globals{DryRun: true}, true},
	}
	for _, c := range cases {
		in := f.invocation(t, c.flags)
		if err := in.confirm(deletion{noun: "connection", name: "lab"}); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.flags, err)
		}
	}
	f.err.Reset()
	in := f.invocation(t, globals{})
	in.announce()
	in.announce()
	if got := f.err.String(); got != "→ 127.0.0.1:1 · northwind\n" {
		t.Errorf("got %q", got)
	}
}

func TestConfirmation(t *testing.T) {
	f := newFixture(t, nil)
	for _, c := range []struct {
		flags globals
		ok    bool
	}{{globals{}, false}, {globals{Yes: true}, true}, {globals{Confirm: "lab"}, true}, {globals{Confirm: "prod", Yes: true}, false}} {
		in := f.invocation(t, c.flags)
		if err := in.confirm(deletion{noun: "environment", name: "lab", severe: true}); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.flags, err)
		}
	}
}

// The fields of a credential cannot be printed, only sent.
func TestFieldsPrintNothing(t *testing.T) {
	body := map[string]any{"secret": fields{"password": belay.SecretString("correct-horse")}}
	mustNotContain(t, fmt.Sprintf("%v %+v %#v %s", body, body, body, body), "horse")
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != `{"secret":{"password":"correct-horse"}}` {
		t.Errorf("sent: %s", b)
	}
}

func TestKubeconfigGetsItsFiles(t *testing.T) {
	f := newFixture(t, nil)
	in := f.invocation(t, globals{})
	writeFile(t, f.Home+"/ca.pem", "CA")
	writeFile(t, f.Home+"/token", "some-token\n")
	out, err := in.embedFiles([]byte(`
apiVersion: v1
clusters: [{name: a, cluster: {server: https://127.0.0.1:1, certificate-authority: ca.pem}}]
users: [{name: u, user: {tokenFile: token}}]
contexts: [{name: c, context: {cluster: a, user: u}}]
`), f.Home)
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, string(out), "certificate-authority-data: Q0E=", "token: some-token", "server: https://127.0.0.1:1")
	mustNotContain(t, string(out), "ca.pem", "tokenFile")
	mustContain(t, f.err.String(), "ca.pem is sent with the kubeconfig")
	mustNotContain(t, f.err.String(), "some-token")

	same := "# kept\nclusters: []\n"
	if out, err := in.embedFiles([]byte(same), f.Home); err != nil || string(out) != same {
		t.Errorf("a file without references became %q, %v", out, err)
	}
	absent := "users: [{name: u, user: {client-key: absent.pem}}]"
	if out, err := in.embedFiles([]byte(absent), f.Home); err != nil || string(out) != absent {
		t.Errorf("a file that is absent: %q, %v", out, err)
	}
	mustContain(t, f.err.String(), "absent.pem: no such file")
}

func TestSettingsOfAConnection(t *testing.T) {
	now, err := newItem([]byte(`{"metadata":{"path":"/a","tls":{"serverName":"x"}},"labels":{"a":"1","b":"2"}}`))
	if err != nil {
		t.Fatal(err)
	}
	body := map[string]any{}
	s := connectionSettings{Set: []string{"metadata.expected=204", "metadata.path=/b", "check.intervalSeconds=30"}, Label: []string{"c=3"}, TLSServerName: "y"}
	if err := unsetPath(body, now, "labels.a"); err != nil {
		t.Fatal(err)
	}
	if err := s.into(body, now); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"check":{"intervalSeconds":30},"labels":{"b":"2","c":"3"},"metadata":{"expected":204,"path":"/b","tls":{"serverName":"y"}}}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
	if now.text("metadata.path") != "/a" || now.text("metadata.tls.serverName") != "x" {
		t.Error("what was read has been changed")
	}
}

func TestServeSettings(t *testing.T) {
	f := newFixture(t, map[string]string{"BELAY_LOG_FORMAT": "json", "BELAY_LOG_LEVEL": "warn", "BELAY_DATABASE_FILE": "db"})
	f.env["BELAY_DATABASE_FILE"] = f.Home + "/db"
	writeFile(t, f.Home+"/db", "postgres://belay:correct-horse@db/belay\n")
	writeFile(t, f.Home+"/belay.yaml", "log: {level: debug, format: text}\nlisten: 127.0.0.1:0\negress-deny: [10.0.0.0/8, \"::1\"]\ndiscover-kubeconfig: false\n")
	var got ServeConfig
	f.Serve = recordServe(&got)
	f.run(t, exitDone, "serve", "--log-level", "error", "--config", f.Home+"/belay.yaml", "--egress-allow", "10.1.0.0/16")
	if got.LogLevel.String() != "ERROR" || got.LogFormat != "json" || got.Listen != "127.0.0.1:0" || got.DiscoverKubeconfig {
		t.Errorf("got %+v", got)
	}
	if text := fmt.Sprint(got.EgressAllow, got.EgressDeny); text != "[10.1.0.0/16] [10.0.0.0/8 ::1/128]" {
		t.Errorf("egress %s", text)
	}
	if string(got.Database.Reveal()) != "postgres://belay:correct-horse@db/belay" {
		t.Error("the database did not come from the file")
	}
	if got.DataDir != f.Home+"/.local/share/belay" {
		t.Errorf("data in %s", got.DataDir)
	}
	mustNotContain(t, fmt.Sprintf("%+v", got), "horse")
}

func FuzzPrintable(f *testing.F) {
	f.Add("a\x1b[31mb\u202e\n\xff")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range printable(s) {
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Errorf("%q came through", r)
			}
		}
	})
}

// However a token or a password stands in an argument, it is neither let
// through nor shown.
func FuzzRefuseSecrets(f *testing.F) {
	f.Add("x=", "y")
	f.Add("--server=https://", "@host")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "bly_qqqqwwwweeeerrrr"
		err := refuseSecrets([]string{before + secret + after}, emptyApp())
		if err == nil {
			t.Fatal("let through")
		}
		fl, _ := errors.AsType[*failure](err)
		mustNotContain(t, fl.Error()+strings.Join(fl.help, " "), "wwww")
	})
}

func FuzzParseServer(f *testing.F) {
	f.Add("http://me:pw@host:1/x?y#z")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := parseServer(s)
		if err == nil && (u.User != nil || u.Host == "" || u.RawQuery != "") {
			t.Errorf("%q was taken as %v", s, u)
		}
	})
}

func FuzzServeFile(f *testing.F) {
	f.Add("listen: 127.0.0.1:0\negress: {allow: [a, b]}")
	f.Fuzz(func(t *testing.T, text string) {
		path := t.TempDir() + "/c.yaml"
		writeFile(t, path, text)
		values, err := readServeFile(path, []string{"listen", "egress-allow"})
		for name := range values {
			if err == nil && name != "listen" && name != "egress-allow" {
				t.Errorf("%q was taken", name)
			}
		}
	})
}

// A program gets remedies, not the layout of a terminal.
func TestOwnProblemDocument(t *testing.T) {
	for _, c := range []struct {
		failure *failure
		want    []string
	}{
		{
			&failure{exit: exitUnhealthy, what: "lab fails at sign in", help: []string{"in production", "fix:  Grant: the right", "      belay x"}, remedies: []remedy{
				{ID: "permission.grant", Title: "Grant", Description: "Give the right."}, {ID: "c", Title: "Replace", Command: "belay credential edit c"},
			}},
			[]string{`"type": "/docs/errors/unhealthy"`, `"title": "Grant",`, `"description": "Give the right."`, `"command": "belay credential edit c"`},
		},
		{
			usage("no").withHelp("see: belay help", "formats: table, wide", "  belay version"),
			[]string{`"title": "See"`, `"command": "belay help"`, `"title": "formats: table, wide"`, `"command": "belay version"`},
		},
	} {
		f := newFixture(t, nil)
		f.invocation(t, globals{Output: formatJSON}).report(c.failure)
		mustContain(t, f.err.String(), c.want...)
		mustNotContain(t, f.err.String(), "about:blank", "fix:", "  belay", "in production")
	}
}

func TestUndoOfAnOddName(t *testing.T) {
	for name, want := range map[string]string{
		"lab": "belay connection restore lab", "-lab": "belay connection restore -- -lab", "-a b": "belay connection restore -- '-a b'",
	} {
		if got := undoing(connections(), name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Of what was deleted it is said when, and until when it can be taken back.
func TestDeletedColumns(t *testing.T) {
	it, err := newItem([]byte(`{"name":"lab","id":"x","deletedAt":"2026-11-01T10:00:00Z"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range deletedColumns() {
		got = append(got, c.cell(it, view{}).text)
	}
	if want := []string{"lab", "2026-11-01T10:00:00Z", "2026-12-01", "x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
