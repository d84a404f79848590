package cli

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"belay"
)

// providersKey is the part of serve's file that is about the providers outside
// of the server. It is nothing but a file's: each has a list of settings.
const providersKey = "providers"

// errSecretInFile keeps a secret out of a file that is shown to many.
var errSecretInFile = errors.New("clientSecret: a secret does not belong into this file; name a file that holds it, by clientSecretFile, or a variable, by clientSecretVariable")

// maxCAFile bounds a file of certificates, in bytes.
const maxCAFile = 1 << 20

// providerSettings reads what the file says of providers, with the secrets
// and certificates that it names.
func (c *serve) providerSettings(in *invocation) (map[string]belay.ProviderSettings, error) {
	path := c.Config
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, usage("cannot read the configuration — %v", err)
	}
	var raw struct {
		Providers map[string]map[string]any `yaml:"providers"`
	}
	if err := yaml.Unmarshal(b, &raw); err != nil {
		return nil, usage("cannot read %s — %s", path, yamlComplaint(err))
	}
	for _, key := range slices.Sorted(maps.Keys(raw.Providers)) {
		if raw.Providers[key]["clientSecret"] != nil {
			return nil, usage("%s: providers.%s.%v", path, key, errSecretInFile)
		}
	}
	if len(raw.Providers) == 0 {
		return nil, nil
	}
	out, err := decodeProviders(b)
	if err != nil {
		return nil, usage("cannot read the providers in %s — %s", path, yamlComplaint(err)).withHelp("docs/providers.md says what each key means")
	}
	for key, s := range out {
		if err := in.completeProvider(&s); err != nil {
			return nil, usage("%s: providers.%s.%v", path, key, err)
		}
		out[key] = s
	}
	return out, nil
}

// decodeProviders reads the part of a file that is about providers, and
// refuses what it does not know. An error is about a line of the file.
func decodeProviders(file []byte) (out map[string]belay.ProviderSettings, err error) {
	at, err := yaml.PathString("$." + providersKey)
	if err != nil {
		return nil, err
	}
	node, err := at.ReadNode(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	err = yaml.NodeToValue(node, &out, yaml.Strict())
	return out, err
}

// completeProvider reads what settings name by a file or a variable.
func (in *invocation) completeProvider(s *belay.ProviderSettings) error {
	if s.ClientSecretFile != "" {
		b, err := os.ReadFile(s.ClientSecretFile)
		if err != nil {
			return fmt.Errorf("clientSecretFile: cannot be read — %w", err)
		}
		s.ClientSecret = belay.SecretString(strings.TrimSpace(string(b)))
	}
	if name := s.ClientSecretVariable; name != "" {
		value := in.env(name)
		if value == "" {
			return fmt.Errorf("clientSecretVariable: there is no variable %s in the environment, or it is empty", name)
		}
		s.ClientSecret = belay.SecretString(strings.TrimSpace(value))
	}
	if s.CAFile == "" {
		return nil
	}
	b, err := os.ReadFile(s.CAFile)
	if err != nil {
		return fmt.Errorf("caFile: cannot be read — %w", err)
	}
	if len(b) > maxCAFile {
		return fmt.Errorf("caFile: is larger than %d bytes", maxCAFile)
	}
	s.CA = b
	return nil
}
