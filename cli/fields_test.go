package cli

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The fields that --fields takes are those of the API's document, so that a
// new one is not refused.
func TestFieldsAreTheAPIs(t *testing.T) {
	raw, err := os.ReadFile("../rest/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any
				AllOf      []struct {
					Ref string `yaml:"$ref"`
				} `yaml:"allOf"`
			}
		}
	}
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	schemas := map[string]string{
		"connection": "Connection", "credential": "Credential", "environment": "Environment", "workspace": "Workspace",
		"organization": "Organization", "kind": "Kind", "check": "Check", "user": "User", "token": "Token", "session": "Session",
		"team": "Team", "member": "Member", "access": "ConnectionAccess",
	}
	for _, schema := range schemas {
		s := doc.Components.Schemas[schema]
		for _, part := range s.AllOf {
			maps.Copy(s.Properties, doc.Components.Schemas[strings.TrimPrefix(part.Ref, "#/components/schemas/")].Properties)
		}
	}
	for noun, schema := range schemas {
		known := fieldNames(noun)
		for name := range doc.Components.Schemas[schema].Properties {
			if !slices.Contains(known, name) {
				t.Errorf("%s has a field %s, which is not known here", noun, name)
			}
		}
	}
	nested := map[string]string{"health": "Health", "check": "CheckPolicy", "maintenance": "Maintenance"}
	for outer, schema := range nested {
		for name := range doc.Components.Schemas[schema].Properties {
			if !knownField(fieldNames("connection"), outer+"."+name) {
				t.Errorf("%s.%s is not known here", outer, name)
			}
		}
	}
	for _, noun := range []string{"connection", "credential", "environment", "workspace", "organization", "kind", "check", "user", "token", "session", "team", "member", "access"} {
		for _, f := range fieldNames(noun) {
			outer, _, inner := strings.Cut(f, ".")
			if _, ok := doc.Components.Schemas[schemas[noun]].Properties[outer]; !ok && !inner {
				t.Errorf("%s has no field %s", noun, f)
			}
		}
	}
}

func TestUnknownFieldsAreRefused(t *testing.T) {
	f := newFixture(t, nil)
	f.run(t, exitUsage, "connection", "list", "--fields", "name,helth")
	mustContain(t, f.err.String(), `there is no field "helth"`, "did you mean: health")
	f.run(t, exitUsage, "environment", "create", "x", "-o", "json", "--fields", "nam")
	f.run(t, exitUsage, "connection", "list", "--fields", "health.stat")
	for _, ok := range []string{"metadata.path", "labels.team", "credentials.0.id", "health.status"} {
		f.run(t, exitUnreachable, "connection", "list", "--fields", ok, "--server", "http://127.0.0.1:1")
	}
	f.run(t, exitUnreachable, "connection", "checks", "x", "--fields", "trigger", "--server", "http://127.0.0.1:1")
}
