package kubeconfig

import (
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"belay"
)

func TestWhatIsNoKubeconfig(t *testing.T) {
	valid := one(goodCluster, "{token: canary}")
	utf16le := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(valid)) {
		utf16le = append(utf16le, byte(u), byte(u>>8))
	}
	tests := map[string]struct {
		text []byte
		says []string
	}{
		"nothing":             {nil, []string{"empty"}},
		"white space":         {[]byte(" \n\n"), []string{"empty"}},
		"comments":            {[]byte("# nothing\n---\n"), []string{"comments"}},
		"UTF-16":              {utf16le, []string{"UTF-16", "BOM", "UTF-8"}},
		"UTF-16, big endian":  {[]byte("\xfe\xff\x00a"), []string{"UTF-16"}},
		"UTF-32":              {[]byte("\xff\xfe\x00\x00a\x00\x00\x00"), []string{"UTF-32"}},
		"UTF-16 without BOM":  {utf16le[2:], []string{"line 1", "NUL", "UTF-16"}},
		"NUL":                 {[]byte(valid + "\x00"), []string{"line 11", "NUL"}},
		"not UTF-8":           {[]byte("a: 1\nb: \xff\n"), []string{"line 2", "UTF-8"}},
		"control character":   {[]byte("a: 1\nb: \x01\n"), []string{"control character"}},
		"a tab":               {[]byte("a:\n  b: 1\n\tc: 2\n"), []string{"near line 2", "tab"}},
		"two colons":          {[]byte("a: 1\nb: c: canary\n"), []string{"line 2", "colon"}},
		"an open quote":       {[]byte("a: 1\nb: \"canary\n"), []string{"YAML", "quote"}},
		"an open bracket":     {[]byte("a: [canary\nb: 1\n"), []string{"YAML", "bracket"}},
		"unknown alias":       {[]byte("a: *canary\n"), []string{"alias"}},
		"text":                {[]byte("hello"), []string{"not a kubeconfig", "kubectl config view --raw --flatten"}},
		"a list":              {[]byte("- a\n- b\n"), []string{"not a kubeconfig"}},
		"PEM":                 {[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), []string{"not a kubeconfig", "PEM"}},
		"a web page":          {[]byte("<!doctype html><title>Sign in</title>"), []string{"not a kubeconfig", "web page"}},
		"another mapping":     {[]byte("a: 1\n"), []string{"no contexts, no clusters and no users"}},
		"no contexts":         {[]byte("clusters: [{name: k}]\n"), []string{"no contexts", "set-context"}},
		"empty contexts":      {[]byte("contexts: []\nusers: []\n"), []string{"no contexts"}},
		"another kind":        {[]byte("apiVersion: v1\nkind: Secret\n"), []string{"line 2", "kind is not Config"}},
		"another version":     {[]byte("kind: Config\napiVersion: v2\n"), []string{"line 2", "apiVersion"}},
		"contexts as mapping": {[]byte("a: 1\ncontexts: {a: 1}\n"), []string{"line 2", "contexts must be a list"}},
		"users as text":       {[]byte("contexts: [1]\nusers: canary\n"), []string{"line 2", "users must be a list"}},
		"two documents":       {[]byte(valid + "---\n" + valid), []string{"line 12", "second document"}},
		"a key twice":         {[]byte("contexts: [1]\nusers:\n- name: u\n  user: {token: canary,\n    token: canary2}\n"), []string{"lines 4 and 5", "twice"}},
		"a list twice":        {[]byte(valid + "contexts: []\n"), []string{"contexts", "lines 4 and 11", "twice", "kubectl config view"}},
		"a key of a list":     {[]byte("? [canary]\n: 1\n"), []string{"line 1", "not text"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tt.text, Options{})
			if belay.CodeOf(err) != belay.CodeInvalid {
				t.Fatalf("error %v, want CodeInvalid", err)
			}
			for _, s := range tt.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("%q quotes the file", err)
			}
			if References(tt.text) != nil {
				t.Error("it refers to files")
			}
		})
	}
}

func TestWhatIsTakenAllTheSame(t *testing.T) {
	valid := one(goodCluster, "{token: canary}")
	for name, text := range map[string]string{
		"UTF-8 BOM":         "\xef\xbb\xbf" + valid,
		"CRLF":              strings.ReplaceAll(valid, "\n", "\r\n"),
		"document marks":    "---\n" + valid + "...\n---\n",
		"YAML directive":    "%YAML 1.1\n---\n" + valid,
		"unknown keys":      valid + "preferences: {colors: true}\nextensions: [{name: x, extension: {a: [1]}}]\nx-y: 1\n",
		"no kind":           strings.Replace(valid, "kind: Config\n", "", 1),
		"quoted keys":       strings.Replace(valid, "token:", `"token":`, 1),
		"no current":        strings.Replace(valid, "current-context: c\n", "", 1),
		"null extensions":   valid + "extensions: null\n",
		"explicit type tag": strings.Replace(valid, "token: canary", "token: !!str canary", 1),
	} {
		t.Run(name, func(t *testing.T) {
			f := parse(t, []byte(text), nil)
			if len(f.Contexts) != 1 || !f.Contexts[0].Usable() || len(f.Contexts[0].Problems)+len(f.Problems) != 0 || value(f.Contexts[0], "token") != "canary" {
				t.Errorf("got:\n%s", summary(f))
			}
		})
	}
}

func TestClusters(t *testing.T) {
	p := newPKI(t)
	const s = `server: "https://k.example"`
	tests := map[string]struct{ cluster, want string }{
		"no server":            {"{}", " %s unusable connection:server@/clusters/0/cluster/server"},
		"null":                 {"", " %s unusable connection:server@/clusters/0/cluster/server"},
		"server is a list":     {"{server: [x]}", " %s unusable connection:malformed@/clusters/0/cluster/server"},
		"http":                 {`{server: "http://k.example"}`, "http://k.example %s usable warning:insecure_http@/clusters/0/cluster/server"},
		"no authority":         {"{" + s + "}", "https://k.example %s usable"},
		"insecure":             {"{" + s + ", insecure-skip-tls-verify: true}", "https://k.example %s usable warning:insecure_tls@/clusters/0/cluster/insecure-skip-tls-verify"},
		"insecure is text":     {"{" + s + `, insecure-skip-tls-verify: "true"}`, "https://k.example %s unusable connection:malformed@/clusters/0/cluster/insecure-skip-tls-verify"},
		"authority, insecure":  {"{" + s + ", insecure-skip-tls-verify: true, certificate-authority-data: {ca}}", "https://k.example ca %s usable warning:insecure_tls@/clusters/0/cluster/insecure-skip-tls-verify"},
		"authority not base64": {"{" + s + `, certificate-authority-data: "?"}`, "https://k.example %s unusable connection:authority@/clusters/0/cluster/certificate-authority-data"},
		"authority not PEM":    {"{" + s + ", certificate-authority-data: Y2FuYXJ5}", "https://k.example %s unusable connection:authority@/clusters/0/cluster/certificate-authority-data"},
		"authority is a key":   {"{" + s + ", certificate-authority-data: {key}}", "https://k.example %s unusable connection:authority@/clusters/0/cluster/certificate-authority-data"},
		"authority masked":     {"{" + s + ", certificate-authority-data: DATA+OMITTED}", "https://k.example %s unusable connection:redacted@/clusters/0/cluster/certificate-authority-data"},
		"authority empty":      {"{" + s + `, certificate-authority-data: ""}`, "https://k.example %s usable"},
		"authority file":       {"{" + s + `, certificate-authority: /etc/ca.crt}`, "https://k.example %s unusable connection:file_missing@/clusters/0/cluster/certificate-authority"},
		"data before the file": {"{" + s + `, certificate-authority: /etc/ca.crt, certificate-authority-data: {ca}}`, "https://k.example ca %s usable"},
		"proxy":                {"{" + s + `, proxy-url: "http://u:canary@proxy:3128"}`, "https://k.example %s usable warning:proxy@/clusters/0/cluster/proxy-url"},
		"server name":          {"{" + s + `, tls-server-name: "a b"}`, "https://k.example %s unusable connection:server@/clusters/0/cluster/tls-server-name"},
		"binary server":        {"{server: !!binary aHR0cHM6Ly9rLmV4YW1wbGU=}", " %s unusable connection:malformed@/clusters/0/cluster/server"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := parse(t, p.fill(one(tt.cluster, "{token: canary}")), nil)
			want := "c* " + strings.Replace(tt.want, "%s", "kubernetes[token]", 1) + "\n"
			if got := summary(f); got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
			noCanary(t, f)
		})
	}
}

func TestTheProxyIsCarriedWithoutItsPassword(t *testing.T) {
	f := parse(t, []byte(one(`{server: "https://k.example", proxy-url: "http://u:canary@proxy:3128"}`, "{}")), nil)
	if got := f.Contexts[0].ProxyURL; got != "http://proxy:3128" {
		t.Errorf("got %q", got)
	}
}

func TestTheAuthorityIsCertificatesAndNothingElse(t *testing.T) {
	p := newPKI(t)
	p.ca = "text\n" + p.key + p.ca + p.cert
	f := parse(t, p.fill(one(`{server: "https://k.example", certificate-authority-data: {ca}}`, "{}")), nil)
	ca := f.Contexts[0].TLS.CertificateAuthority
	if strings.Count(ca, "BEGIN CERTIFICATE") != 2 || strings.Contains(ca, "PRIVATE") || strings.Contains(ca, "text") {
		t.Errorf("got %q", ca)
	}
}

func TestServers(t *testing.T) {
	for server, want := range map[string]string{
		"https://k.example":                    "https://k.example",
		" HTTPS://K.Example:443/ ":             "https://k.example",
		"http://k.example:80":                  "http://k.example",
		"https://k.example:80":                 "https://k.example:80",
		"https://k.example:06443":              "https://k.example:6443",
		"https://k.example/k8s/clusters/c-1//": "https://k.example/k8s/clusters/c-1",
		"https://k.example/a%20b":              "https://k.example/a%20b",
		"https://[2001:DB8::0:1]:6443":         "https://[2001:db8::1]:6443",
		"https://[::1]":                        "https://[::1]",
		"https://10.0.0.1:6443":                "https://10.0.0.1:6443",
		"https://k_8.example.":                 "https://k_8.example.",
		"k.example:6443":                       "",
		"10.0.0.1:6443":                        "",
		"k.example":                            "",
		"https://":                             "",
		"https:///x":                           "",
		"https://:6443":                        "",
		"https://k.example:0":                  "",
		"https://k.example:65536":              "",
		"https://k.example:x":                  "",
		"https://u:canary@k.example":           "",
		"https://canary@k.example":             "",
		"https://k.example/?a=b":               "",
		"https://k.example/?":                  "",
		"https://k.example/#a":                 "",
		"https://k..example":                   "",
		"https://.":                            "",
		"https://bücher.example":               "",
		"https://a b":                          "",
		"https://[fe80::1%25eth0]":             "",
		"file:///etc/passwd":                   "",
		"unix:///run/x":                        "",
		"javascript:alert(1)":                  "",
		"https://" + strings.Repeat("a", 300):  "",
	} {
		got, wrong := canonicalServer(server)
		if got != want || (want == "") != (wrong != "") || strings.Contains(wrong, "canary") {
			t.Errorf("%q: got %q (%s), want %q", server, got, wrong, want)
		}
		if again, _ := canonicalServer(got); want != "" && again != got {
			t.Errorf("%q is not canonical: %q", got, again)
		}
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "[::1]": true, "[::ffff:127.0.0.1]": true, "0.0.0.0": true, "localhost": true,
		"x.localhost": true, "kubernetes.docker.internal": true, "10.0.0.1": false, "localhost.example": false,
	} {
		f := parse(t, []byte(one(`{server: "https://`+host+`:6443"}`, "{token: canary}")), nil)
		got := len(f.Contexts[0].Problems) == 1 && f.Contexts[0].Problems[0].Code == ProblemLoopback
		if got != want {
			t.Errorf("%s: told to be loopback: %v, want %v", host, got, want)
		}
	}
}

func TestUsers(t *testing.T) {
	p := newPKI(t)
	const at = "@/users/0/user"
	tests := map[string]struct{ user, want string }{
		"empty":                    {"{}", "[] usable warning:anonymous" + at},
		"null":                     {"", "[] usable warning:anonymous" + at},
		"empty values":             {`{token: "", username: "", password: null}`, "[] usable warning:anonymous" + at},
		"token":                    {"{token: canary}", "kubernetes[token] usable"},
		"token of digits":          {"{token: 0123}", "kubernetes[token] usable"},
		"token is a list":          {"{token: [canary]}", "[] importable credential:malformed" + at + "/token"},
		"token is masked":          {"{token: REDACTED}", "[] importable credential:redacted" + at + "/token"},
		"token of stars":           {`{token: "***"}`, "[] importable credential:redacted" + at + "/token"},
		"token of two lines":       {`{token: "canary\nx: y"}`, "[] importable credential:token" + at + "/token"},
		"token with a line end":    {`{token: "canary\n"}`, "kubernetes[token] usable"},
		"token file":               {"{tokenFile: /run/token}", "[] importable credential:file_missing" + at + "/tokenFile"},
		"token and its file":       {"{token: canary, tokenFile: /run/token}", "[] importable credential:file_missing" + at + "/tokenFile"},
		"certificate alone":        {"{client-certificate-data: {cert}}", "[] importable credential:incomplete" + at},
		"key alone":                {"{client-key-data: {key}}", "[] importable credential:incomplete" + at},
		"another key":              {"{client-certificate-data: {cert}, client-key-data: {otherKey}}", "[] importable credential:client_certificate" + at + "/client-key-data"},
		"swapped":                  {"{client-certificate-data: {key}, client-key-data: {cert}}", "[] importable credential:client_certificate" + at + "/client-certificate-data"},
		"key is no key":            {"{client-certificate-data: {cert}, client-key-data: {ca}}", "[] importable credential:client_certificate" + at + "/client-key-data"},
		"key is not base64":        {`{client-certificate-data: {cert}, client-key-data: "canary!"}`, "[] importable credential:client_certificate" + at + "/client-key-data"},
		"key is masked":            {"{client-certificate-data: {cert}, client-key-data: DATA+OMITTED}", "[] importable credential:redacted" + at + "/client-key-data"},
		"expired":                  {"{client-certificate-data: {expired}, client-key-data: {expiredKey}}", "kubernetes[clientCertificate clientKey] usable warning:expired" + at + "/client-certificate-data"},
		"user without password":    {"{username: u}", "[] importable credential:incomplete" + at},
		"password without user":    {"{password: canary}", "[] importable credential:incomplete" + at},
		"password is masked":       {"{username: u, password: REDACTED}", "[] importable credential:redacted" + at + "/password"},
		"impersonation":            {"{token: canary, as: jane}", "kubernetes[impersonate token] usable"},
		"impersonation alone":      {"{as: jane}", "[] importable warning:anonymous" + at + " credential:incomplete" + at + "/as"},
		"impersonation of groups":  {"{token: canary, as: jane, as-groups: [g]}", "[] importable credential:impersonation" + at + "/as-groups"},
		"exec":                     {"{exec: {command: /usr/local/bin/aws}}", "[] importable credential:exec" + at + "/exec"},
		"exec without command":     {"{exec: {}}", "[] importable credential:exec" + at + "/exec"},
		"exec beside a token":      {"{token: canary, exec: {command: aws}}", "kubernetes[token] usable warning:exec" + at + "/exec"},
		"broken beside a token":    {"{token: canary, client-certificate-data: {cert}}", "kubernetes[token] usable warning:incomplete" + at},
		"exec is text":             {"{exec: canary}", "[] importable credential:exec" + at + "/exec"},
		"both kinds of credential": {"{token: canary, client-certificate-data: {cert}, client-key-data: {key}}", "kubernetes[clientCertificate clientKey token] usable"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := parse(t, p.fill(one(goodCluster, tt.user)), nil)
			if got, want := summary(f), "c* https://k.example:6443 "+tt.want+"\n"; got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
			checkValues(t, f.Contexts[0])
			noCanary(t, f)
		})
	}
}

func noCanary(t *testing.T, f *File) {
	t.Helper()
	for _, c := range f.Contexts {
		for _, p := range append(f.Problems, c.Problems...) {
			if strings.Contains(p.Message+p.Path, "canary") {
				t.Errorf("a problem shows a secret: %+v", p)
			}
			if p.Message == "" || p.Path == "" || p.Line == 0 {
				t.Errorf("a problem does not say what and where: %+v", p)
			}
		}
		if strings.Contains(c.Endpoint+c.ProxyURL+c.Plugin+c.TLS.CertificateAuthority+c.TLS.ServerName, "canary") {
			t.Errorf("a public field shows a secret: %+v", c)
		}
	}
}

func TestMessagesSayWhatToDo(t *testing.T) {
	p := newPKI(t)
	tests := map[string]struct {
		user string
		code ProblemCode
		says []string
		line int
	}{
		"exec":          {"{exec: {command: 'C:\\tools\\gke-gcloud-auth-plugin.exe', args: [canary]}}", ProblemExec, []string{"gke-gcloud-auth-plugin", "Google GKE", "service account"}, 10},
		"unknown exec":  {"{exec: {command: ./my-login}}", ProblemExec, []string{"program my-login,"}, 10},
		"auth-provider": {"{auth-provider: {name: gcp}}", ProblemAuthProvider, []string{"gcp", "service account"}, 10},
		"file":          {"{client-certificate-data: {cert},\n    client-key: certs/u.key}", ProblemFileMissing, []string{"certs/u.key", "--flatten"}, 11},
		"expired":       {"{client-certificate-data: {expired}, client-key-data: {expiredKey}}", ProblemExpired, []string{"6 May 2031 at 06:08 UTC"}, 10},
		"masked":        {"{token: REDACTED}", ProblemRedacted, []string{"--raw"}, 10},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := problem(t, parse(t, p.fill(one(goodCluster, tt.user)), nil).Contexts[0], tt.code)
			for _, s := range tt.says {
				if !strings.Contains(got.Message, s) {
					t.Errorf("%q does not say %q", got.Message, s)
				}
			}
			if got.Line != tt.line {
				t.Errorf("line %d, want %d", got.Line, tt.line)
			}
		})
	}
}

func TestAnEncryptedKeyIsNamed(t *testing.T) {
	for name, block := range map[string]*pem.Block{
		"PKCS 8":      {Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")},
		"traditional": {Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("x")},
	} {
		p := newPKI(t)
		p.key = string(pem.EncodeToMemory(block))
		f := parse(t, p.fill(one(goodCluster, "{client-certificate-data: {cert}, client-key-data: {key}}")), nil)
		if got := problem(t, f.Contexts[0], ProblemCertificate); !strings.Contains(got.Message, "passphrase") {
			t.Errorf("%s: %q", name, got.Message)
		}
	}
}

func TestDuplicateEntries(t *testing.T) {
	f := parse(t, []byte(`
clusters: [{name: k, cluster: {server: "https://first.example"}}, {name: k, cluster: {server: "https://second.example"}}]
users: [{name: u, user: {token: first}}, {name: u, user: {token: second}}]
contexts: [{name: c, context: {cluster: k, user: u}}]
`), nil)
	want := "c https://first.example kubernetes[token] usable warning:duplicate_entry@/clusters/1/cluster warning:duplicate_entry@/users/1/user\n"
	if got := summary(f); got != want || value(f.Contexts[0], "token") != "first" {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestFilesBesideTheKubeconfig(t *testing.T) {
	p := newPKI(t)
	text := []byte(`
clusters:
- {name: a, cluster: {server: "https://a.example", certificate-authority: /x/a/ca.crt}}
- {name: b, cluster: {server: "https://b.example", certificate-authority: 'C:\x\b\ca.crt'}}
users: [{name: u, user: {tokenFile: run/token}}]
contexts: [{name: a, context: {cluster: a, user: u}}, {name: b, context: {cluster: b, user: u}}]
`)
	if got, want := References(text), []string{"/x/a/ca.crt", `C:\x\b\ca.crt`, "run/token"}; !slices.Equal(got, want) {
		t.Errorf("references %q, want %q", got, want)
	}
	ca, token := []byte(p.ca), []byte("canary\n")
	tests := map[string]struct {
		files   map[string][]byte
		missing string
	}{
		"none":                         {nil, "/x/a/ca.crt run/token C:\\x\\b\\ca.crt run/token"},
		"full paths":                   {map[string][]byte{"/x/a/ca.crt": ca, `C:\x\b\ca.crt`: ca, "run/token": token}, ""},
		"a name that one path has":     {map[string][]byte{"token": token}, "/x/a/ca.crt C:\\x\\b\\ca.crt"},
		"a name that two paths have":   {map[string][]byte{"ca.crt": ca, "token": token}, "/x/a/ca.crt C:\\x\\b\\ca.crt"},
		"two files of one name":        {map[string][]byte{"1/token": token, "2/token": token}, "/x/a/ca.crt run/token C:\\x\\b\\ca.crt run/token"},
		"a path is not a part of path": {map[string][]byte{"x/a/ca.crt": ca, "oken": token}, "/x/a/ca.crt run/token C:\\x\\b\\ca.crt run/token"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var missing []string
			for _, c := range parse(t, text, tt.files).Contexts {
				for _, m := range c.Missing {
					missing = append(missing, m.Path)
				}
				if len(c.Missing) == 0 && (value(c, "token") != "canary" || c.TLS.CertificateAuthority == "") {
					t.Errorf("context %s did not get its files", c.Name)
				}
			}
			if got := strings.Join(missing, " "); got != tt.missing {
				t.Errorf("missing %q, want %q", got, tt.missing)
			}
		})
	}
}

func TestMissingFilesAreNamedWithTheirKeys(t *testing.T) {
	c := parse(t, []byte(minikube), nil).Contexts[0]
	want := []MissingFile{
		{"/home/u/.minikube/ca.crt", "certificate-authority"},
		{"/home/u/.minikube/profiles/minikube/client.crt", "client-certificate"},
		{"/home/u/.minikube/profiles/minikube/client.key", "client-key"},
	}
	if !slices.Equal(c.Missing, want) {
		t.Errorf("got %v, want %v", c.Missing, want)
	}
}

func TestInlineDataHidesTheReference(t *testing.T) {
	text := one(`{server: "https://k.example", certificate-authority: ca.crt, certificate-authority-data: QQ==}`, "{tokenFile: t, client-key: t}")
	if got, want := References([]byte(text)), []string{"t"}; !slices.Equal(got, want) {
		t.Errorf("references %q, want %q", got, want)
	}
}

func TestBase64MayBeWrapped(t *testing.T) {
	p := newPKI(t)
	data := base64.StdEncoding.EncodeToString([]byte(p.ca))
	wrapped := "\n    server: https://k.example\n    certificate-authority-data: |\n      " + data[:60] + "\n      " + data[60:]
	if f := parse(t, []byte(one(wrapped, "{token: canary}")), nil); f.Contexts[0].TLS.CertificateAuthority != p.ca {
		t.Errorf("got:\n%s", summary(f))
	}
}
