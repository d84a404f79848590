package oidc_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"belay"
	"belay/oidc"
)

func TestConfig(t *testing.T) {
	good := config("https://login.example.com/realms/one")
	good.Scopes, good.EmailDomains = []string{"openid", "offline_access"}, []string{"Example.com"}
	good.Mapping = oidc.Mapping{{Group: "belay-*", Team: "*"}, {Group: "/staff", Team: "Staff"}}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, issuer := range []string{"http://127.0.0.1:5556/dex", "http://localhost:1", "http://[::1]:1"} {
		if err := config(issuer).Validate(); err != nil {
			t.Errorf("%s: %v", issuer, err)
		}
	}
	for name, c := range map[string]struct {
		edit     func(*oidc.Config)
		pointers string
	}{
		"no issuer":        {func(c *oidc.Config) { c.Issuer = "" }, "/issuer"},
		"no TLS":           {func(c *oidc.Config) { c.Issuer = "http://login.example.com" }, "/issuer"},
		"like loopback":    {func(c *oidc.Config) { c.Issuer = "http://127.0.0.1.example.com" }, "/issuer"},
		"a query":          {func(c *oidc.Config) { c.Issuer = "https://login.example.com?" }, "/issuer"},
		"a fragment":       {func(c *oidc.Config) { c.Issuer = "https://login.example.com#" }, "/issuer"},
		"a password":       {func(c *oidc.Config) { c.Issuer = "https://a:canary-told@login.example.com" }, "/issuer"},
		"no host":          {func(c *oidc.Config) { c.Issuer = "https://:1" }, "/issuer"},
		"no address":       {func(c *oidc.Config) { c.Issuer = "login.example.com" }, "/issuer"},
		"a script":         {func(c *oidc.Config) { c.Issuer = "javascript:alert(1)" }, "/issuer"},
		"nobody":           {func(c *oidc.Config) { c.Key, c.ClientID = "", "" }, "/clientId /key"},
		"a line break":     {func(c *oidc.Config) { c.ClientID = "a\nb" }, "/clientId"},
		"a long secret":    {func(c *oidc.Config) { c.ClientSecret = belay.SecretString(strings.Repeat("canary-told", 50)) }, "/clientSecret"},
		"scopes in one":    {func(c *oidc.Config) { c.Scopes = []string{"profile email"} }, "/scopes"},
		"an address":       {func(c *oidc.Config) { c.EmailDomains = []string{"alice@example.com"} }, "/emailDomains"},
		"a claim of lines": {func(c *oidc.Config) { c.Claims.Groups = "a\n" }, "/claims/groups"},
		"rules": {func(c *oidc.Config) {
			c.Mapping = oidc.Mapping{{Group: "a", Team: "*"}, {Group: "**", Team: "a"}, {Group: "", Team: "a"}}
		}, "/mapping/0/team /mapping/1/group /mapping/2/group"},
		"too many rules": {func(c *oidc.Config) { c.Mapping = make(oidc.Mapping, 101) }, "/mapping"},
	} {
		bad := good
		c.edit(&bad)
		_, err := oidc.New(bad, oidc.Options{})
		e, ok := errors.AsType[*belay.Error](err)
		if !ok || e.Code != belay.CodeInvalid {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var pointers []string
		for _, f := range e.Fields {
			pointers = append(pointers, f.Pointer)
		}
		if got := strings.Join(pointers, " "); got != c.pointers {
			t.Errorf("%s: %s, want %s", name, got, c.pointers)
		}
		if strings.Contains(fmt.Sprintf("%+v %v", e.Fields, err), "canary") {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
}

func TestMapping(t *testing.T) {
	m := oidc.Mapping{
		{Group: "admins", Team: "Operators"},
		{Group: "belay-*-eu", Team: "EU *"},
		{Group: "belay-*", Team: "*"},
		{Group: "*", Team: "Everybody"},
		{Group: "none", Team: "None"},
	}
	groups := []string{"belay-sre-eu", "admins", "belay-"}
	got := m.Preview(groups)
	want := oidc.MappingPreview{
		Teams: []string{"EU sre", "Everybody", "Operators", "sre-eu"},
		Matches: []oidc.Match{
			{Group: "belay-sre-eu", Rule: m[1], Team: "EU sre"},
			{Group: "belay-sre-eu", Rule: m[2], Team: "sre-eu"},
			{Group: "belay-sre-eu", Rule: m[3], Team: "Everybody"},
			{Group: "admins", Rule: m[0], Team: "Operators"},
			{Group: "admins", Rule: m[3], Team: "Everybody"},
			{Group: "belay-", Rule: m[3], Team: "Everybody"},
		},
		Unused: []oidc.Rule{m[4]},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(groups, []string{"belay-sre-eu", "admins", "belay-"}) || !slices.Equal(m.Teams(groups), want.Teams) {
		t.Error("the groups were changed, or the teams are others than foreseen")
	}
	if got := m[:1].Preview([]string{"Admins"}); len(got.Teams) != 0 || !slices.Equal(got.Unmatched, []string{"Admins"}) {
		t.Errorf("got %+v; letters count", got)
	}
}
