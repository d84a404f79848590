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
// and certificates that it names. Faults are what is wrong with those, which
// the server tells with all else that is wrong with providers.
func (c *serve) providerSettings(in *invocation) (all map[string]belay.ProviderSettings, faults []string, err error) {
	path := c.Config
	if path == "" {
		return nil, nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, usage("cannot read the configuration — %v", err)
	}
	var raw struct {
		Providers map[string]map[string]any `yaml:"providers"`
	}
	if err := yaml.Unmarshal(b, &raw); err != nil {
		return nil, nil, usage("cannot read %s — %s", path, yamlComplaint(err))
	}
	for _, key := range slices.Sorted(maps.Keys(raw.Providers)) {
		if raw.Providers[key]["clientSecret"] != nil {
			faults = append(faults, fmt.Sprintf("providers.%s.%v", key, errSecretInFile))
		}
	}
	if len(faults) > 0 {
		return nil, nil, usage("%s: %s", path, strings.Join(faults, "\n  "))
	}
	if len(raw.Providers) == 0 {
		return nil, nil, nil
	}
	out, err := decodeProviders(b)
	if err != nil {
		return nil, nil, usage("cannot read the providers in %s — %s", path, yamlComplaint(err)).withHelp("docs/providers.md says what each key means")
	}
	for _, key := range slices.Sorted(maps.Keys(out)) {
		s := out[key]
		for _, err := range in.completeProvider(&s) {
			faults = append(faults, fmt.Sprintf("providers.%s.%v", key, err))
		}
		out[key] = s
	}
	return out, faults, nil
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

// completeProvider reads what settings name by a file or a variable. What
// cannot be read counts as not named, so that it is told once.
func (in *invocation) completeProvider(s *belay.ProviderSettings) (faults []error) {
	if s.ClientSecretFile != "" {
		b, err := os.ReadFile(s.ClientSecretFile)
		if err != nil {
			faults = append(faults, fmt.Errorf("clientSecretFile: cannot be read — %w", err))
			s.ClientSecretFile = ""
		}
		s.ClientSecret = belay.SecretString(strings.TrimSpace(string(b)))
	}
	if name := s.ClientSecretVariable; name != "" {
		value := in.env(name)
		if value == "" {
			faults = append(faults, fmt.Errorf("clientSecretVariable: there is no variable %s in the environment, or it is empty", name))
			s.ClientSecretVariable = ""
		}
		s.ClientSecret = belay.SecretString(strings.TrimSpace(value))
	}
	if s.CAFile == "" {
		return faults
	}
	b, err := os.ReadFile(s.CAFile)
	if err == nil && len(b) > maxCAFile {
		err = fmt.Errorf("it is larger than %d bytes", maxCAFile)
	}
	if err != nil {
		s.CAFile = ""
		return append(faults, fmt.Errorf("caFile: cannot be read — %w", err))
	}
	s.CA = b
	return faults
}
