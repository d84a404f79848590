package kubeconfig

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"belay"
)

func TestHostileFiles(t *testing.T) {
	valid := one(goodCluster, "{token: canary}")
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	many := "contexts:\n" + strings.Repeat("- {name: c, context: {cluster: k, user: u}}\n", MaxContexts+1)
	tests := map[string]struct {
		text string
		code belay.Code
		says string
	}{
		"alias bomb":               {bomb + valid, belay.CodeInvalid, "expands to too much"},
		"alias of a long text":     {"a: &a " + strings.Repeat("x", 1<<19) + "\nb: [*a, *a, *a, *a, *a, *a, *a, *a]\n" + valid, belay.CodeInvalid, "expands to too much"},
		"an anchor within itself":  {"a: &a [*a]\n" + valid, belay.CodeInvalid, "nested"},
		"a merge of itself":        {"a: &a {<<: *a}\n" + valid, belay.CodeInvalid, "nested"},
		"10 MB":                    {valid + strings.Repeat("# filler\n", 10<<20/9), belay.CodeTooLarge, "1 MiB"},
		"one byte too many":        {valid + strings.Repeat("#", MaxBytes-len(valid)+1), belay.CodeTooLarge, "1 MiB"},
		"deep lists":               {valid + "x: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), belay.CodeInvalid, "nested"},
		"deeper lists":             {valid + "x: " + strings.Repeat("[", 50_000), belay.CodeInvalid, "nested"},
		"deep block lists":         {valid + "x:\n" + strings.Repeat("- ", 5000) + "x", belay.CodeInvalid, "nested"},
		"deep keys":                {valid + strings.Repeat("? ", 5000) + "x", belay.CodeInvalid, ""},
		"half a million elements":  {valid + "x: [" + strings.Repeat("1,", 1<<18) + "]", belay.CodeInvalid, "more entries"},
		"half a million lines":     {valid + strings.Repeat("\n", 1<<19), belay.CodeInvalid, "more entries"},
		"too many contexts":        {many, belay.CodeInvalid, "more than 1000 contexts"},
		"too many users":           {valid[:strings.Index(valid, "users:")] + "users: [" + strings.Repeat("1,", MaxContexts+1) + "]", belay.CodeInvalid, "more than 1000 users"},
		"anchors without a number": {valid + strings.Repeat("&a ", 1000), belay.CodeInvalid, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Parse([]byte(tt.text), Options{})
			runtime.ReadMemStats(&after)
			if belay.CodeOf(err) != tt.code || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %s that says %q", err, tt.code, tt.says)
			}
			if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 128 {
				t.Errorf("%d MiB were allocated", used)
			}
		})
	}
}

func TestTheLargestFileIsRead(t *testing.T) {
	valid := one(goodCluster, "{token: canary}")
	f := parse(t, []byte(valid+strings.Repeat("#", MaxBytes-len(valid))), nil)
	if !f.Contexts[0].Usable() {
		t.Error(summary(f))
	}
	var b strings.Builder
	b.WriteString("contexts:\n" + strings.Repeat("- {name: c, context: {cluster: k, user: u}}\n", MaxContexts))
	for _, list := range []string{"cluster", "user"} {
		fmt.Fprintf(&b, "%ss:\n", list)
		for i := range MaxContexts {
			fmt.Fprintf(&b, "- {name: %d, %s: {}}\n", i, list)
		}
	}
	if f := parse(t, []byte(b.String()), nil); len(f.Contexts) != MaxContexts {
		t.Errorf("%d contexts", len(f.Contexts))
	}
}

func TestFilesAreLimited(t *testing.T) {
	_, err := Parse([]byte(minikube), Options{Files: map[string][]byte{"a": make([]byte, MaxBytes), "b": {1}}})
	if belay.CodeOf(err) != belay.CodeTooLarge {
		t.Errorf("error %v, want CodeTooLarge", err)
	}
	var b strings.Builder
	b.WriteString("contexts: [{name: c, context: {cluster: last}}]\nclusters:\n")
	for i := range 99 {
		fmt.Fprintf(&b, "- {name: k%d, cluster: {certificate-authority: ca}}\n", i)
	}
	b.WriteString("- {name: last, cluster: {certificate-authority: ca}}\n")
	f := parse(t, []byte(b.String()), map[string][]byte{"ca": make([]byte, MaxBytes)})
	if len(f.Contexts[0].Missing) != 1 {
		t.Error("one file was read without limit")
	}
}

func TestEveryTruncationIsAnErrorOrAFile(t *testing.T) {
	p := newPKI(t)
	for name, text := range map[string]string{
		"block":  strings.Replace(minikube, "certificate-authority: /home/u/.minikube/ca.crt", "certificate-authority-data: {ca}", 1),
		"flow":   one("{server: 'https://k.example', certificate-authority-data: {ca}}", "{token: canary, exec: {command: aws}}"),
		"JSON":   `{"contexts":[{"name":"c\ud83d\ude00","context":{"cluster":"k","user":"u"}}],"clusters":[{"name":"k","cluster":{"server":"https:\/\/k"}}],"users":[{"name":"u","user":{"token":"canary"}}]}`,
		"anchor": "clusters: [{name: k, cluster: &k {server: 'https://k.example'}}, {name: l, cluster: {<<: *k}}]\ncontexts: [{name: c, context: {cluster: l}}]\n",
	} {
		full := p.fill(text)
		for n := range len(full) + 1 {
			f, err := Parse(full[:n], Options{Now: now})
			References(full[:n])
			switch {
			case err == nil && len(f.Contexts) == 0:
				t.Fatalf("%s, cut to %d bytes: no context and no error", name, n)
			case err != nil && belay.CodeOf(err) != belay.CodeInvalid:
				t.Fatalf("%s, cut to %d bytes: %v", name, n, err)
			}
		}
		if _, err := Parse(full, Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	p := newPKI(f)
	for _, text := range []string{
		minikube,
		one(goodCluster, "{token: canary}"),
		one("{server: 'https://k.example', certificate-authority-data: {ca}, proxy-url: x}", "{client-certificate-data: {cert}, client-key-data: {key}, as: x, as-groups: [g]}"),
		one("&a {server: http://127.0.0.1, <<: {insecure-skip-tls-verify: true}}", "{exec: {command: aws}, username: u, password: x}"),
		`{"kind":"Config","contexts":[{"name":"c\/\ud83d","context":{}}],"clusters":null}`,
		"contexts: &a [*a]\n", "%YAML 1.1\n---\n? a\n: b\n", "a: |\n x\n...\n---\n",
	} {
		f.Add(p.fill(text))
	}
	given := map[string][]byte{"ca.crt": []byte(p.ca), "client.crt": []byte(p.cert), "client.key": []byte(p.key)}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data, Options{Files: given, Now: now})
		if err != nil {
			if code := belay.CodeOf(err); code != belay.CodeInvalid && code != belay.CodeTooLarge {
				t.Fatalf("error %v has code %s", err, code)
			}
			return
		}
		if len(file.Contexts) == 0 {
			t.Fatal("no contexts and no error")
		}
		for _, c := range file.Contexts {
			checkContext(t, c)
		}
	})
}

func checkContext(t *testing.T, c Context) {
	t.Helper()
	checkValues(t, c)
	if c.Importable() {
		if again, wrong := canonicalServer(c.Endpoint); again != c.Endpoint || wrong != "" {
			t.Errorf("endpoint %q is not canonical", c.Endpoint)
		}
		if len(c.Recipe()) == 0 {
			t.Error("no recipe")
		}
	}
	for _, p := range c.Problems {
		if p.Message == "" || p.Line < 1 || !strings.HasPrefix(p.Path, "/") || !utf8.ValidString(p.Message) {
			t.Errorf("problem %+v", p)
		}
	}
}
