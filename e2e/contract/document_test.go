package contract

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"belay/e2e/peers"
)

// published are the documents of the resources that both know.
var published = []string{
	"v1beta3/environment/EnvironmentSchema",
	"v1beta3/connection/ConnectionSchema",
	"v1beta3/workspace/WorkspaceSchema",
	"v1beta3/token/TokenSchema",
	"v1beta2/credential/CredentialSchema",
	"v1beta2/organization/OrganizationSchema",
	"v1beta2/team/TeamSchema",
	"v1beta2/user/UserSchema",
}

// document is one published document, repaired.
type document struct {
	name   string
	doc    *openapi3.T
	router routers.Router
}

// load reads the documents from the installed package.
func load(t *testing.T) []document {
	t.Helper()
	dir, err := peers.MesherySchemas()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", append([]string{"export.mjs", dir}, published...)...).Output()
	if err != nil {
		t.Fatalf("export the documents: %v", err)
	}
	var texts map[string]map[string]any
	if err := json.Unmarshal(out, &texts); err != nil {
		t.Fatal(err)
	}
	var all []document
	for _, name := range published {
		d := document{name: filepath.Dir(name)}
		repair(texts[name])
		text, err := json.Marshal(texts[name])
		if err != nil {
			t.Fatal(err)
		}
		if d.doc, err = openapi3.NewLoader().LoadFromData(text); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		d.doc.Servers = nil // wherever the server under test is
		completeAnswers(t, d.doc)
		if d.router, err = gorillamux.NewRouter(d.doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, d)
	}
	return all
}

// repair mends what is known to be wrong with the documents:
//
//   - $id names no document that could be had, and is dropped.
//   - The pattern of schemaVersion rejects its own default,
//     "connections.meshery.io/v1beta3".
//   - deletedAt may be null: what is not deleted says so.
//   - Objects hold more than the documents list, so they are not closed. What
//     the documents list must still be there, as they say.
func repair(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "$id")
		if v["additionalProperties"] == false {
			delete(v, "additionalProperties")
		}
		if properties, ok := v["properties"].(map[string]any); ok {
			if schema, ok := properties["schemaVersion"].(map[string]any); ok {
				delete(schema, "pattern")
			}
			if schema, ok := properties["deletedAt"].(map[string]any); ok {
				schema["nullable"] = true
			}
		}
		for key, inner := range v {
			if !strings.HasPrefix(key, "x-") {
				repair(inner)
			}
		}
	case []any:
		for _, inner := range v {
			repair(inner)
		}
	}
}

// bare are the operations whose answer is described as a page and is the
// object itself, as Meshery's own server has it.
var bare = map[string]string{
	"GET /api/environments/{environmentId}": "environments",
	"PUT /api/environments/{environmentId}": "environments",
	"GET /api/identity/orgs/{orgId}":        "organizations",
	"PUT /api/identity/orgs/{orgId}":        "organizations",
	"POST /api/identity/orgs":               "organizations",
}

// optional are the fields that an answer may lack: what is not deleted has
// not been, what has none refers to none; and what belongs to Meshery's
// hosted service, such as the theme of an organization, or is a secret, is
// nowhere.
var optional = []string{"deletedAt", "credentialId", "statusSummary", "secret", "refreshToken", "orgName", "ownerEmail", "ownerAvatar", "roleId", "deleted_at"}

// profile are the fields of a user that belong to his profile and his
// settings at Meshery's hosted service, which has global roles too.
var profile = []string{
	"avatarUrl", "bio", "country", "region", "preferences", "acceptedTermsAt", "firstLoginTime", "socials", "roleNames", "teams", "organizations",
}

// completeAnswers requires of an answer every field that the document lists.
// The documents themselves require few of them; clients rely on more.
func completeAnswers(t *testing.T, doc *openapi3.T) {
	t.Helper()
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			for status, response := range op.Responses.Map() {
				content := response.Value.Content["application/json"]
				if status >= "300" || content == nil {
					continue
				}
				if plural := bare[method+" "+path]; plural != "" {
					content.Schema = content.Schema.Value.Properties[plural].Value.Items
				}
				complete(content.Schema)
			}
		}
	}
}

func complete(ref *openapi3.SchemaRef) {
	if ref == nil || ref.Value == nil {
		return
	}
	s := ref.Value
	complete(s.Items)
	s.Required = nil
	for name, property := range s.Properties {
		themed := property.Value.Properties["preferences"] != nil // the metadata of an organization
		profiled := s.Properties["socials"] != nil && slices.Contains(profile, name)
		if !themed && !profiled && !slices.Contains(optional, name) {
			s.Required = append(s.Required, name)
			complete(property)
		}
	}
	for _, part := range slices.Concat(s.AllOf, s.AnyOf, s.OneOf) {
		complete(part)
	}
}
