package kubeconfig

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"belay"
)

// The first file that sets a value wins, as a whole; what a file lacks, the
// next ones give.
func TestMerge(t *testing.T) {
	parts := []Part{
		{"one", "/etc/one", []byte("contexts:\n- {name: a, context: {cluster: shared, user: ua}}\nclusters:\n- {name: shared, cluster: {server: \"https://one.example\", certificate-authority: ca.pem}}\n")},
		{"none", "/", []byte("\n  \n")},
		{"two", "/etc/two", []byte("current-context: b\ncontexts:\n- {name: b, context: {cluster: shared, user: ub}}\n- {name: a, context: {cluster: shared, user: ub}}\n" +
			"clusters:\n- {name: shared, cluster: {server: \"https://two.example\", tls-server-name: discarded}}\n" +
			"users:\n- {name: ua, user: {token: token-a}}\n- {name: ub, user: &u {client-key: keys/b.pem, client-certificate: /abs/b.crt}}\n- {name: uc, user: {<<: *u}}\n")},
		{"three", "/etc/three", []byte("current-context: c\ncontexts:\n- {name: c, context: {cluster: shared, user: uc}}\n")},
	}
	merged, err := Merge(parts)
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, merged, nil)
	var names []string
	for _, c := range got.Contexts {
		names = append(names, c.Name)
		if c.Endpoint != "https://one.example" || c.TLS.ServerName != "" || c.Current != (c.Name == "b") {
			t.Errorf("%s leads to %s as %q, current %v", c.Name, c.Endpoint, c.TLS.ServerName, c.Current)
		}
	}
	if strings.Join(names, " ") != "a b c" || got.Contexts[0].User != "ua" || got.Contexts[0].CredentialType == "" && len(got.Contexts[0].Missing) == 0 {
		t.Errorf("contexts %v, of which the first is %+v", names, got.Contexts[0])
	}
	want := "/etc/one/ca.pem /abs/b.crt /etc/two/keys/b.pem"
	if paths := strings.Join(References(merged), " "); filepath.ToSlash(paths) != want {
		t.Errorf("it refers to %s, want %s", paths, want)
	}
	if third := got.Contexts[2]; len(third.Missing) < 2 {
		t.Errorf("what is merged into a user is not found: %+v", third)
	}
}

func TestMergeNamesTheFileAtFault(t *testing.T) {
	good := Part{"good.yaml", "/", []byte("contexts: []\n")}
	for _, data := range []string{"a: [", "contexts: 7\n", "kind: Secret\n", "- list\n", ""} {
		_, err := Merge([]Part{good, {"bad.yaml", "/", []byte(data)}})
		if e, ok := errors.AsType[*belay.Error](err); data != "" && (!ok || !strings.HasPrefix(e.Message, "bad.yaml: ") || e.Code != belay.CodeInvalid) {
			t.Errorf("%q gives %v", data, err)
		} else if data == "" && err != nil {
			t.Errorf("an empty file gives %v", err)
		}
	}
}

func FuzzMerge(f *testing.F) {
	f.Add([]byte(several), []byte("users:\n- {name: ua, user: {tokenFile: a}}\n"))
	f.Add([]byte("a: &a [*a]"), []byte(""))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		merged, err := Merge([]Part{{"one", "/d", one}, {"two", "/e", two}})
		if err != nil {
			return
		}
		again, err := Merge([]Part{{"merged", "/f", merged}})
		if err != nil || string(again) != string(merged) {
			t.Errorf("merged again: %v\n%s\n%s", err, merged, again)
		}
	})
}
