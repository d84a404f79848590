package belay_test

import (
	"encoding/json"
	"encoding/pem"
	"testing"

	"belay"
)

func TestLikeness(t *testing.T) {
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("one")}))
	other := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("two")}))
	of := func(kind, endpoint, context, authority string) string {
		config, err := json.Marshal(map[string]any{"context": context, "tls": belay.TLS{CertificateAuthority: authority}})
		if err != nil {
			t.Fatal(err)
		}
		return (&belay.Connection{Kind: kind, Endpoint: endpoint, Config: config}).Likeness()
	}
	first := of("kubernetes", "https://a.test", "prod", ca)
	if first == "" {
		t.Fatal("it is like nothing")
	}
	for what, same := range map[string]string{
		"another address":  of("kubernetes", "https://b.test:6443", "prod", ca),
		"another spelling": of("kubernetes", "https://a.test", "prod", "the authority:\n"+ca+"\n"),
	} {
		if same != first {
			t.Errorf("%s makes it unlike", what)
		}
	}
	for what, unlike := range map[string]string{
		"another kind":        of("http", "https://a.test", "prod", ca),
		"another context":     of("kubernetes", "https://a.test", "dev", ca),
		"another authority":   of("kubernetes", "https://a.test", "prod", other),
		"one authority more":  of("kubernetes", "https://a.test", "prod", ca+other),
		"parts put elsewhere": of("kubernetesprod", "https://a.test", "", ca),
	} {
		if unlike == first {
			t.Errorf("%s makes no difference", what)
		}
	}
	for what, nothing := range map[string]string{
		"no context":              of("kubernetes", "https://a.test", "", ca),
		"no authority":            of("kubernetes", "https://a.test", "prod", ""),
		"no certificate":          of("kubernetes", "https://a.test", "prod", "not PEM"),
		"no configuration at all": (&belay.Connection{Kind: "kubernetes"}).Likeness(),
	} {
		if nothing != "" {
			t.Errorf("%s is like something", what)
		}
	}
}
