package web_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"belay/belaytest"
)

var (
	inputs    = regexp.MustCompile(`<input[^>]*>`)
	attribute = regexp.MustCompile(`(\w[\w-]*)(?:="([^"]*)")?`)
)

// TestPasswordFields looks at every field of the pages that ask for a
// password: it hides what is typed, and lets programs that keep passwords fill
// it in. Nothing asks for a hint or an answer, and who is signed in can sign
// out on every page that is for him.
func TestPasswordFields(t *testing.T) {
	s := belaytest.Start(t, belaytest.Options{})
	v := visitor(s)
	invitation, _ := s.Admin.Post("/api/identity/orgs/"+string(s.Organization)+"/users", map[string]any{"email": "ann@example.org"}).
		Want(http.StatusCreated).Object()["invitation"].(map[string]any)
	u, err := url.Parse(invitation["link"].(string))
	if err != nil {
		t.Fatal(err)
	}
	invited := v.Get(u.RequestURI()).Want(http.StatusOK)
	const first, second = "quiet harbor lantern", "velvet compass tundra"
	c := cookieOf(t, v.Post(u.Path, formOf("code", u.Query().Get("code"), "password", first, "again", first)).Want(http.StatusSeeOther))
	ann := v.With("Cookie", c.Name+"="+c.Value)
	password := ann.Get("/user/password").Want(http.StatusOK)
	for page, want := range map[*belaytest.Answer]map[string]string{ // autocomplete by name
		invited:                     {"code": "", "username": "username", "password": "new-password", "again": "new-password"},
		v.Get("/user/login"):        {"email": "username", "password": "current-password"},
		password:                    {"username": "username", "current": "current-password", "password": "new-password", "again": "new-password"},
		ann.Get("/user/logout"):     {},
		ann.Get("/"):                {},
		v.Get("/user/login?code=x"): {"code": ""},
	} {
		got := map[string]string{}
		for _, input := range inputs.FindAllString(string(page.Body), -1) {
			a := map[string]string{}
			for _, m := range attribute.FindAllStringSubmatch(strings.TrimPrefix(input, "<input"), -1) {
				a[m[1]] = m[2]
			}
			got[a["name"]] = a["autocomplete"]
			hidden := a["type"] == "password"
			_, cut := a["maxlength"]
			if hidden != strings.HasSuffix(a["autocomplete"], "-password") || cut || strings.Contains(input, " on") {
				t.Errorf("%s: %s", page.Path, input)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s asks for %v", page.Path, got)
		}
		for name, autocomplete := range want {
			if got[name] != autocomplete {
				t.Errorf("%s: %s is %q", page.Path, name, got[name])
			}
		}
	}
	changed := ann.Post("/user/password", formOf("current", first, "password", second, "again", second)).Want(http.StatusOK)
	for _, page := range []*belaytest.Answer{ann.Get("/"), password, changed} {
		if !strings.Contains(string(page.Body), "/user/logout") {
			t.Errorf("%s does not let her sign out: %s", page.Path, page.Body)
		}
	}
}
