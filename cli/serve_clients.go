package cli

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"belay"
)

// clientsKey is the part of serve's file that is about programs that may act
// for users, beside the command line.
const clientsKey = "clients"

// clientSettings are what the file says of a client.
type clientSettings struct {
	Title        string   `yaml:"title"`
	RedirectURIs []string `yaml:"redirectUris"`
	SecretFile   string   `yaml:"secretFile"`
}

// clientID is what the id of a client may look like.
var clientID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// clients reads what the file says of clients, with the secrets that it names.
// Faults are what is wrong with them, which the server tells with what is wrong
// with providers.
func (c *serve) clients() (out []belay.Client, faults []string, err error) {
	if c.Config == "" {
		return nil, nil, nil
	}
	b, err := os.ReadFile(c.Config)
	if err != nil {
		return nil, nil, usage("cannot read the configuration — %v", err)
	}
	all, err := decodeClients(b)
	if err != nil {
		return nil, nil, usage("cannot read the clients in %s — %s", c.Config, yamlComplaint(err)).withHelp("each has title, redirectUris and secretFile; see docs/login.md")
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		k, wrong := all[id].client(id)
		for _, err := range wrong {
			faults = append(faults, fmt.Sprintf("clients.%s%v", id, err))
		}
		out = append(out, k)
	}
	return out, faults, nil
}

// decodeClients reads the part of a file that is about clients, and refuses
// what it does not know.
func decodeClients(file []byte) (map[string]clientSettings, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(file, &doc); err != nil || doc[clientsKey] == nil {
		return nil, err
	}
	at, err := yaml.PathString("$." + clientsKey)
	if err != nil {
		return nil, err
	}
	node, err := at.ReadNode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	var out map[string]clientSettings
	err = yaml.NodeToValue(node, &out, yaml.Strict())
	return out, err
}

// client makes a client of its settings, and says all that is wrong with them.
func (s clientSettings) client(id string) (k belay.Client, faults []error) {
	k = belay.Client{ID: id, Title: s.Title, RedirectURIs: s.RedirectURIs}
	if !clientID.MatchString(id) || id == belay.CommandLineClient {
		faults = append(faults, fmt.Errorf(": is no id for a client: letters, digits, dots and dashes, and not %s", belay.CommandLineClient))
	}
	if strings.TrimSpace(s.Title) == "" {
		faults = append(faults, errors.New(".title: is required; it is what users are shown"))
	}
	if len(s.RedirectURIs) == 0 {
		faults = append(faults, errors.New(".redirectUris: at least one is required"))
	}
	for _, uri := range s.RedirectURIs {
		if err := checkRedirectURI(uri); err != nil {
			faults = append(faults, err)
		}
	}
	if s.SecretFile == "" {
		return k, faults
	}
	b, err := os.ReadFile(s.SecretFile)
	if err != nil {
		return k, append(faults, fmt.Errorf(".secretFile: cannot be read — %w", err))
	}
	if b = bytes.TrimSpace(b); len(b) < minClientSecret {
		return k, append(faults, fmt.Errorf(".secretFile: the secret must have at least %d characters", minClientSecret))
	}
	k.Secret = belay.NewSecret(b)
	return k, faults
}

// minClientSecret is how long the secret of a client must be: it can be tried
// without being held.
const minClientSecret = 32

func checkRedirectURI(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || strings.Contains(uri, "#") {
		return fmt.Errorf(".redirectUris: %q is not a URL with a host, and without a user or fragment", uri)
	}
	if u.Scheme == "https" {
		return nil
	}
	if a, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && err == nil && a.IsLoopback() {
		return nil
	}
	return fmt.Errorf(".redirectUris: %q must begin with https://, or with http:// and a loopback address", uri)
}
