package cli

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"belay"
)

// The server keeps names from beginning with what begins a reference: with
// every word of it.
func TestWordsOfReferencesAreNoBeginningOfNames(t *testing.T) {
	for _, r := range resources() {
		for _, word := range append([]string{r.noun, r.many()}, r.aliases...) {
			if !slices.Contains(belay.TypeWords(), word) {
				t.Errorf("%s/ begins a reference, and a name can begin so", word)
			}
		}
	}
}

// A name that is older than the rule is what it stands for, unless it can be
// read as a reference to something else that is there.
func TestNamesThatReadLikeReferences(t *testing.T) {
	cases := map[string]struct {
		there []string
		exit  int
		want  string // the id that is meant
	}{
		"both":          {[]string{"foo", "connection/foo"}, exitUsage, ""},
		"the name":      {[]string{"connection/foo"}, exitDone, "id-of-connection/foo"},
		"the reference": {[]string{"foo"}, exitDone, "id-of-foo"},
		"neither":       {[]string{"bar"}, exitNotFound, ""},
	}
	for what, c := range cases {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var wanted struct{ Name string }
			_ = json.Unmarshal([]byte(r.URL.Query().Get("filter")), &wanted)
			list := []map[string]any{}
			for _, name := range c.there {
				if wanted.Name == "" || wanted.Name == name {
					list = append(list, map[string]any{"id": "id-of-" + name, "name": name})
				}
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"connections": list, "totalCount": len(list)})
		}))
		t.Cleanup(server.Close)
		in := newFixture(t, map[string]string{"BELAY_SERVER": server.URL, "BELAY_TOKEN": testToken}).invocation(t, globals{})
		got, err := in.find(t.Context(), connections(), " connection/foo ")
		exit := exitDone
		if f, ok := errors.AsType[*failure](err); ok {
			exit = f.exit
		}
		if exit != c.exit || got.id() != c.want {
			t.Errorf("%s: %d, %q: %v", what, exit, got.id(), err)
		}
	}
}

// TestOneAddressOfSeveralUsers says by which provider each of them signs in.
func TestOneAddressOfSeveralUsers(t *testing.T) {
	var found []item
	for id, provider := range map[string]string{"1": "local", "2": "okta"} {
		found = append(found, item{fields: map[string]any{"id": id, "email": "eva@example.test", "provider": provider}})
	}
	_, err := one(users(), "eva@example.test", found)
	help := strings.Join(asFailure(err).help, "\n")
	for _, want := range []string{"1  eva@example.test  by the provider local", "2  eva@example.test  by the provider okta"} {
		if !strings.Contains(help, want) {
			t.Errorf("it is not said: %q in %s", want, help)
		}
	}
}
