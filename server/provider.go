package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"belay"
	"belay/app"
	"belay/egress"
	"belay/oidc"
	"belay/rest"
	"belay/web"
)

// providerKey is what the key of a provider may look like: it stands in
// addresses.
var providerKey = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// providers are the parts of the configuration that are about providers.
type providers struct {
	all        map[string]app.Provider
	admissions map[string]app.Admission
	hubs       map[string]rest.Hub
	closers    []func()
}

// close ends what providers keep open.
func (p providers) close() {
	for _, end := range p.closers {
		end()
	}
}

// typeRemote is the type of a provider that is another server of this kind.
const typeRemote = "remote"

// checkProviders refuses a configuration before anything is touched.
func (c Config) checkProviders() error {
	faults := slices.Clone(c.Faults)
	for _, key := range slices.Sorted(maps.Keys(c.Providers)) {
		s := c.Providers[key]
		var err error
		if s.Type == typeRemote {
			_, err = newHub(key, s, c.Clock, nil, "", "")
		} else {
			_, err = newOpenID(key, s, c.Clock, nil, "")
		}
		if wrong, ok := errors.AsType[settingsError](err); ok {
			faults = append(faults, wrong...)
		} else if err != nil {
			return err
		}
	}
	if len(faults) > 0 {
		slices.Sort(faults)
		return startError(settingsError(faults), "docs/providers.md says what each key of a provider means, and docs/login.md those of a client")
	}
	if _, ok := c.Providers[c.Provider]; c.Provider != "" && c.Provider != belay.LocalProvider && !ok {
		keys := append(slices.Collect(maps.Keys(c.Providers)), belay.LocalProvider)
		return startError(fmt.Errorf("there is no provider %q to enforce", c.Provider), "providers: "+strings.Join(slices.Sorted(slices.Values(keys)), ", "))
	}
	return nil
}

// newProviders makes the providers; it asks none of them for anything, so
// that one that does not answer keeps nobody out but its users.
func (s *Server) newProviders(dialer *egress.Dialer) (p providers, err error) {
	p.all = map[string]app.Provider{belay.LocalProvider: app.LocalProvider()}
	p.admissions, p.hubs = map[string]app.Admission{}, map[string]rest.Hub{}
	if len(s.config.Providers) > 0 && s.config.PublicURL == nil && !s.onLoopback() {
		return p, startError(fmt.Errorf("it cannot tell browsers where to come back to from a provider: %s is no address of theirs", s.config.Listen),
			"say where browsers reach this server: --public-url https://HOST (BELAY_PUBLIC_URL)")
	}
	for key, settings := range s.config.Providers {
		if settings.Type == typeRemote {
			h, err := newHub(key, settings, s.config.Clock, dialer, s.PublicURL(), s.config.Version)
			if err != nil {
				return p, err
			}
			p.all[key], p.hubs[key], p.closers = h, h, append(p.closers, h.provider.Close)
			continue
		}
		o, err := newOpenID(key, settings, s.config.Clock, dialer, s.PublicURL())
		if err != nil {
			return p, err
		}
		p.all[key], p.admissions[key], p.closers = o, o.admission(), append(p.closers, o.provider.Close)
	}
	return p, nil
}

// openID is an OpenID provider as the use cases know it.
type openID struct {
	provider *oidc.Provider
	key      string
	settings belay.ProviderSettings
	here     string // where browsers reach this server
}

func newOpenID(key string, s belay.ProviderSettings, now func() time.Time, dialer *egress.Dialer, here string) (*openID, error) {
	problems := append(checkCommon(key, s), checkOpenID(s)...)
	roots, wrong := rootsOf(s)
	problems = append(problems, wrong...)
	p, err := oidc.New(oidcConfig(key, s), oidc.Options{Dialer: dialer, RootCAs: roots, Now: now})
	if e, ok := errors.AsType[*belay.Error](err); ok {
		problems = append(problems, told(s, e)...)
	} else if err != nil {
		return nil, err
	}
	if len(problems) == 0 {
		return &openID{provider: p, key: key, settings: s, here: here}, nil
	}
	return nil, refuseSettings(key, problems)
}

// settingsError is what is wrong with settings of providers and clients, each
// with its key.
type settingsError []string

// Error has a line for each.
func (e settingsError) Error() string { return strings.Join(e, "\n  ") }

// refuseSettings refuses the settings of a provider. What begins with a colon is
// about its key.
func refuseSettings(key string, problems []string) error {
	for i, text := range problems {
		if !strings.HasPrefix(text, ":") {
			text = "." + text
		}
		problems[i] = "providers." + key + text
	}
	return settingsError(problems)
}

// rootsOf are the certificates that vouch for a provider, nil for the
// system's, and what is wrong with them.
func rootsOf(s belay.ProviderSettings) (roots *x509.CertPool, problems []string) {
	if s.CAFile == "" {
		return nil, nil
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.CA) {
		problems = []string{"caFile: holds no certificate in PEM"}
	}
	return roots, problems
}

// setting is a rule about settings, and whether they break it.
type setting struct {
	wrong bool
	text  string
}

func broken(rules []setting) (problems []string) {
	for _, r := range rules {
		if r.wrong {
			problems = append(problems, r.text)
		}
	}
	return problems
}

// checkCommon checks what all providers have.
func checkCommon(key string, s belay.ProviderSettings) []string {
	return broken([]setting{
		{key == belay.LocalProvider, ": the key local is that of the built-in provider; choose another"},
		{!providerKey.MatchString(key), ": the key must be of at most 63 lower case letters, digits and hyphens"},
		{s.Type != "oidc" && s.Type != typeRemote, "type: must be oidc or remote"},
		{s.ClientID == "", "clientId: is missing; it is what the provider calls this server"},
		{len(s.Title) > 100, "title: must be of at most 100 bytes"},
		{s.ClientSecretFile != "" && s.ClientSecretVariable != "", "clientSecretFile: must not be there beside clientSecretVariable"},
		{(s.ClientSecretFile != "" || s.ClientSecretVariable != "") && s.ClientSecret.IsZero(), "clientSecretFile: what it names is empty"},
	})
}

// checkOpenID checks what is an OpenID provider's and not OpenID Connect's.
func checkOpenID(s belay.ProviderSettings) []string {
	return broken([]setting{
		{s.URL != "", "url: is for a provider of type remote; the address of an OpenID provider is its issuer"},
		{s.Newcomers != "" && s.Newcomers != belay.OrganizationMember && s.Newcomers != belay.OrganizationAdmin, "newcomers: must be member or admin; without it only those enter who are invited, or whose groups give them a team"},
		{s.Organization == "" && (s.Newcomers != "" || len(s.Teams) > 0), "organization: is missing; it names the one that newcomers and teams are about"},
	})
}

func oidcConfig(key string, s belay.ProviderSettings) oidc.Config {
	c := oidc.Config{
		Key: key, Issuer: s.Issuer, ClientID: s.ClientID, ClientSecret: s.ClientSecret, Scopes: s.Scopes,
		Claims: oidc.ClaimNames(s.Claims), EmailDomains: s.AllowedDomains, Groups: s.AllowedGroups,
	}
	for _, r := range s.Teams {
		c.Mapping = append(c.Mapping, oidc.Rule(r))
	}
	return c
}

// told says by its settings what is wrong with a provider's configuration. Its
// key, and whether it has a client id, is checked here.
func told(s belay.ProviderSettings, e *belay.Error) (problems []string) {
	for _, f := range e.Fields {
		if f.Pointer != "/key" && (f.Pointer != "/clientId" || s.ClientID != "") {
			problems = append(problems, settingOf(f.Pointer)+": "+f.Message)
		}
	}
	return problems
}

// settingOf is the setting that a pointer into package oidc's configuration
// is about.
func settingOf(pointer string) string {
	first, inner, nested := strings.Cut(strings.TrimPrefix(pointer, "/"), "/")
	name := map[string]string{
		"emailDomains": "allowedDomains", "groups": "allowedGroups", "mapping": "teams", "clientSecret": "clientSecretFile",
	}[first]
	if name == "" {
		name = first
	}
	if nested {
		name += "." + strings.ReplaceAll(inner, "/", ".")
	}
	return name
}

// redirect is where browsers come back from the provider.
func (o *openID) redirect() string { return o.here + web.CallbackPath(o.key) }

// Describe implements app.Provider.
func (o *openID) Describe() belay.Provider {
	title := o.settings.Title
	if title == "" {
		title = o.key
	}
	now := o.provider.State()
	local := app.LocalProvider().Describe()
	return belay.Provider{
		Key: o.key, Type: "remote", Name: o.key, Title: title, URL: o.settings.Issuer, Redirects: true, State: stateOf(now.CheckedAt, now.DownSince, now.Reason),
		Description:  []string{"Users sign in at " + o.settings.Issuer + ", by OpenID Connect.", "Sessions and data are kept on this server."},
		Capabilities: local.Capabilities,
	}
}

// stateOf is whether a provider answers: when it was asked, zero for never, and
// why it does not answer since when.
func stateOf(checked, since time.Time, reason error) belay.ProviderState {
	switch {
	case reason != nil:
		return belay.ProviderState{Status: belay.ProviderUnreachable, CheckedAt: checked, Since: since}
	case !checked.IsZero():
		return belay.ProviderState{Status: belay.ProviderAnswering, CheckedAt: checked}
	}
	return belay.ProviderState{Status: belay.ProviderUnknown}
}

// Begin implements app.Redirector.
func (o *openID) Begin(ctx context.Context, hint string) (*app.Begun, error) {
	b, err := o.provider.Begin(ctx, oidc.Login{Redirect: o.redirect(), Hint: hint})
	if err != nil {
		return nil, err
	}
	return &app.Begun{URL: b.URL, State: b.State, Remembered: b.Remembered, ExpiresAt: b.ExpiresAt}, nil
}

// Finish implements app.Redirector.
func (o *openID) Finish(ctx context.Context, query url.Values, remembered belay.Secret) (*app.Identity, error) {
	id, err := o.provider.Finish(ctx, query, remembered)
	return o.identity(id), err
}

// Refresh implements app.Redirector.
func (o *openID) Refresh(ctx context.Context, refresh belay.Secret, subject string) (*app.Identity, error) {
	id, err := o.provider.Refresh(ctx, refresh, subject)
	return o.identity(id), err
}

// identity leaves out an address that may be anybody's: members are found and
// given roles by their addresses.
func (o *openID) identity(id *oidc.Identity) *app.Identity {
	if id == nil {
		return nil
	}
	out := &app.Identity{
		Issuer: id.Issuer, Subject: id.Subject, Email: id.Email, FirstName: id.FirstName, LastName: id.LastName, Picture: id.Picture,
		Groups: id.Groups, SessionID: id.SessionID, RefreshToken: id.RefreshToken, ExpiresAt: id.ExpiresAt,
	}
	if !id.EmailVerified && !o.settings.TrustEmail {
		out.Email = ""
	}
	if out.FirstName == "" && out.LastName == "" {
		out.FirstName = id.Name
	}
	return out
}

// SignOutURL implements app.SignOuter.
func (o *openID) SignOutURL(ctx context.Context) (string, error) {
	return o.provider.LogoutURL(ctx, o.here+"/", "")
}

// VerifyLogout implements app.SignOuter.
func (o *openID) VerifyLogout(ctx context.Context, token string) (*app.ProviderLogout, error) {
	l, err := o.provider.VerifyLogout(ctx, token)
	if err != nil {
		return nil, err
	}
	return &app.ProviderLogout{Subject: l.Subject, SessionID: l.SessionID, IssuedAt: l.IssuedAt}, nil
}

// Examine implements app.Examiner.
func (o *openID) Examine(ctx context.Context) []app.Finding {
	grades := map[oidc.Grade]app.FindingStatus{oidc.Good: app.FindingOK, oidc.Doubt: app.FindingWarning, oidc.Broken: app.FindingFailed}
	var found []app.Finding
	for _, f := range o.provider.Examine(ctx) {
		found = append(found, app.Finding{Name: f.Name, Status: grades[f.Grade], Message: f.Message, Fix: f.Fix})
	}
	return append(found,
		app.Finding{Name: "redirect URI", Status: app.FindingNote, Message: o.redirect(), Fix: "Register it at the provider, letter for letter, for the client " + o.settings.ClientID + "."},
		app.Finding{Name: "post-logout redirect URI", Status: app.FindingNote, Message: o.here + "/", Fix: "Register it, so that browsers come back that have signed out there."},
		app.Finding{Name: "back-channel logout URI", Status: app.FindingNote, Message: o.here + web.BackChannelPath(o.key), Fix: "Register it where the provider can reach this server, so that signing out there ends the sessions here."},
	)
}

// admission is who may enter, by the settings.
func (o *openID) admission() app.Admission {
	config := o.provider.Config()
	return app.Admission{
		Organization: o.settings.Organization, Newcomers: o.settings.Newcomers,
		Teams: func() (names []string) {
			for _, r := range config.Mapping {
				if !strings.Contains(r.Team, "*") && !slices.Contains(names, r.Team) {
					names = append(names, r.Team)
				}
			}
			return names
		},
		Map: func(groups []string) app.Mapped {
			v := config.Mapping.Preview(groups)
			m := app.Mapped{Teams: v.Teams, Unmatched: v.Unmatched}
			if !config.AdmitsGroups(groups) {
				m.Refused = "allowedGroups has none of these groups"
			}
			for _, match := range v.Matches {
				m.Matches = append(m.Matches, app.GroupMatch{Group: match.Group, Rule: match.Rule.Group + " → " + match.Rule.Team, Team: match.Team})
			}
			return m
		},
	}
}
