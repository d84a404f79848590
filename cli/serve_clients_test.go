package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeClients reads the programs that may act for users, and says what is
// wrong with one.
func TestServeClients(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "belay.yaml")
	secret, short := filepath.Join(dir, "secret"), filepath.Join(dir, "short")
	for path, text := range map[string]string{secret: strings.Repeat("s", 40) + "\n", short: "short"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func(text string) (*serve, string) {
		if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\n"+text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := &serve{Config: file}
		_, faults, err := c.clients()
		if err == nil {
			return c, strings.Join(faults, "\n")
		}
		return c, asFailure(err).Error()
	}
	const good = "clients:\n  other:\n    title: Other\n    redirectUris: [https://other.example/cb, 'http://127.0.0.1/cb']\n"
	c, fault := read(good + "    secretFile: " + secret + "\n")
	if fault != "" {
		t.Fatal(fault)
	}
	got, _, err := c.clients()
	if err != nil || len(got) != 1 || got[0].ID != "other" || got[0].Title != "Other" || len(got[0].RedirectURIs) != 2 || got[0].Secret.Len() != 40 || got[0].Devices {
		t.Errorf("the clients are %+v, %v", got, err)
	}
	if _, err := readServeFile(file, settingNames()); err != nil {
		t.Errorf("the rest of the file is not read: %v", err)
	}
	if c, fault := read(""); fault != "" {
		t.Error(fault)
	} else if got, _, err := c.clients(); err != nil || got != nil {
		t.Errorf("without clients: %v, %v", got, err)
	}
	for text, want := range map[string]string{
		good + "    secretFile: " + short + "\n":                      "at least 32",
		good + "    secretFile: /nowhere\n":                           "secretFile: cannot be read",
		good + "    secret: x\n":                                      "secret",
		strings.Replace(good, "title: Other", "title: ''", 1):         "title: is required",
		strings.Replace(good, "other:", "belay-cli:", 1):              "is no id",
		strings.Replace(good, "https://other", "http://other", 1):     "must begin with https://",
		strings.Replace(good, "https://other.example/cb", "/cb", 1):   "not a URL",
		strings.Replace(good, "other.example/cb", "o.example/c#x", 1): "not a URL",
		"clients:\n  a: {title: x}\n  b: {redirectUris: [/x]}\n":      "clients.a.redirectUris: at least one is required\nclients.b.title: is required; it is what users are shown\nclients.b.redirectUris: ",
		"clients:\n  other: {title: x}\n":                             "at least one is required",
		"clients: [other]\n":                                          "cannot read the clients",
	} {
		if _, fault := read(text); !strings.Contains(fault, want) {
			t.Errorf("%s\nis refused with %q, want %q", text, fault, want)
		}
	}
}
