package kubeconfig

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"belay"
)

var now = time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)

// pki holds material in PEM; the field names say what is wrong with it.
type pki struct{ ca, cert, key, otherKey, expired, expiredKey string }

func newPKI(t testing.TB) pki {
	t.Helper()
	var p pki
	p.ca, _ = pair(t, now.Add(time.Hour))
	p.cert, p.key = pair(t, now.Add(time.Hour))
	_, p.otherKey = pair(t, now.Add(time.Hour))
	p.expired, p.expiredKey = pair(t, now.Add(-time.Hour))
	return p
}

func pair(t testing.TB, notAfter time.Time) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: notAfter.Add(-24 * time.Hour), NotAfter: notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return encoded("CERTIFICATE", der), encoded("PRIVATE KEY", keyDER)
}

func encoded(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// fill puts the material, in base64, in the place of {ca}, {cert}, {key}, ….
func (p pki) fill(text string) []byte {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	return []byte(strings.NewReplacer(
		"{ca}", b64(p.ca), "{cert}", b64(p.cert), "{key}", b64(p.key), "{otherKey}", b64(p.otherKey),
		"{expired}", b64(p.expired), "{expiredKey}", b64(p.expiredKey),
	).Replace(text))
}

// one is a file with one context, made of one cluster and one user.
func one(cluster, user string) string {
	return "apiVersion: v1\nkind: Config\ncurrent-context: c\n" +
		"contexts: [{name: c, context: {cluster: k, user: u}}]\n" +
		"clusters:\n- name: k\n  cluster: " + cluster + "\n" +
		"users:\n- name: u\n  user: " + user + "\n"
}

const goodCluster = `{server: "https://k.example:6443"}`

func parse(t testing.TB, text []byte, files map[string][]byte) *File {
	t.Helper()
	f, err := Parse(text, Options{Files: files, Now: now})
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return f
}

// summary says of each context in one line what became of it.
func summary(f *File) string {
	var b strings.Builder
	for _, c := range f.Contexts {
		mark := ""
		if c.Current {
			mark = "*"
		}
		fmt.Fprintf(&b, "%s%s %s", c.Name, mark, c.Endpoint)
		if c.TLS.CertificateAuthority != "" {
			b.WriteString(" ca")
		}
		fmt.Fprintf(&b, " %s%v", c.CredentialType, slices.Sorted(maps.Keys(c.Values)))
		switch {
		case c.Usable():
			b.WriteString(" usable")
		case c.Importable():
			b.WriteString(" importable")
		default:
			b.WriteString(" unusable")
		}
		for _, p := range c.Problems {
			fmt.Fprintf(&b, " %s:%s@%s", p.Effect, p.Code, p.Path)
		}
		b.WriteByte('\n')
	}
	for _, p := range f.Problems {
		fmt.Fprintf(&b, "file %s:%s@%s\n", p.Effect, p.Code, p.Path)
	}
	return b.String()
}

func value(c Context, name string) string { return string(c.Values[name].Reveal()) }

func problem(t testing.TB, c Context, code ProblemCode) Problem {
	t.Helper()
	for _, p := range c.Problems {
		if p.Code == code {
			return p
		}
	}
	t.Fatalf("no problem %s among %v", code, c.Problems)
	return Problem{}
}

// checkValues asserts what holds for every credential that is returned.
func checkValues(t testing.TB, c Context) {
	t.Helper()
	if (c.Values == nil) != (c.CredentialType == "") {
		t.Errorf("context %q: type %q with %d values", c.Name, c.CredentialType, len(c.Values))
	}
	if c.Values == nil {
		return
	}
	kind, ok := belay.FindCredentialType(c.CredentialType)
	if !ok {
		t.Errorf("context %q: there is no credential type %q", c.Name, c.CredentialType)
	}
	if err := kind.Check("", c.Values); err != nil {
		t.Errorf("context %q: %v", c.Name, err)
	}
}
