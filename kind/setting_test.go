package kind_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"belay/kind"
)

// setting is what a schema says of one setting, for people. Beside the
// keywords of JSON Schema there are two of ours: "x-absent" says what holds
// without the setting, where that is no value that could stand in "default",
// and "x-unit" what a number counts.
type setting struct {
	Type        any                `json:"type"` // a name, or several
	Title       string             `json:"title"`
	Description string             `json:"description"`
	Default     json.RawMessage    `json:"default"`
	Absent      string             `json:"x-absent"`
	Unit        string             `json:"x-unit"`
	Items       *setting           `json:"items"`
	Properties  map[string]setting `json:"properties"`
}

func (s setting) counts() bool { return s.Type == "integer" || s.Type == "number" }

func TestEverySettingSaysWhatItMeans(t *testing.T) {
	kinds, err := kind.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds {
		var top setting
		if err := json.Unmarshal(k.ConnectionSchema, &top); err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile("../docs/kinds/" + k.Name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		for name := range top.Properties {
			if name != "tls" && !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/kinds/%s.md does not tell of %s", k.Name, name)
			}
		}
		understandable(t, k.Name, top.Properties)
	}
}

func understandable(t *testing.T, at string, settings map[string]setting) {
	t.Helper()
	for name, s := range settings {
		name = at + "." + name
		if s.Title == "" || s.Description == "" {
			t.Errorf("%s has no title or no description", name)
		}
		if s.Default == nil && s.Absent == "" {
			t.Errorf("%s does not say what holds without it", name)
		}
		if s.Unit == "" && (s.counts() || s.Items != nil && s.Items.counts()) {
			t.Errorf("%s has no unit", name)
		}
		understandable(t, name, s.Properties)
	}
}
