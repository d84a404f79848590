package cli

import "testing"

// A schema is explained in the order in which it stands.
func TestKindSettings(t *testing.T) {
	it, err := newItem([]byte(`{"connectionSchema":{"type":"object","properties":{
		"zeta":{"type":"string","title":"Zeta","description":"The last letter but none."},
		"alpha":{"type":"integer","minimum":1,"maximum":9,"default":3,"x-unit":"seconds","description":"How long."},
		"method":{"enum":["GET","HEAD"],"default":"GET","title":"Method"},
		"codes":{"type":"array","items":{"type":"integer","minimum":100}},
		"tls":{"type":"object","properties":{"certificateAuthority":{"type":"string"},"insecureSkipVerify":{"type":"boolean","default":false}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []kindSetting{
		{"metadata.zeta", "", "text", "", "Zeta: the last letter but none."},
		{"metadata.alpha", "", "whole number, 1 to 9, in seconds", "3", "How long."},
		{"metadata.method", "", "GET or HEAD", "GET", "Method"},
		{"metadata.codes", "", "list of whole number, at least 100", "", ""},
		{"--ca-certificate", "metadata.tls.certificateAuthority", "path of a file", "", ""},
		{"metadata.tls.insecureSkipVerify", "", "true or false", "false", ""},
	}
	got := kindSettings(it)
	if len(got) != len(want)+len(checkSettings()) {
		t.Fatalf("%d settings: %v", len(got), got)
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("got %+v, want %+v", got[i], w)
		}
	}
	for _, odd := range []string{`{}`, `{"connectionSchema":true}`, `{"connectionSchema":{"properties":[]}}`, `{"connectionSchema":{"properties":{"a":true}}}`} {
		it, err := newItem([]byte(odd))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range kindSettings(it) {
			if s.path == "" {
				t.Errorf("%s: %+v", odd, s)
			}
		}
	}
}
