package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"belay"
	"belay/app"
	"belay/egress"
	"belay/remote"
	"belay/web"
)

// hub is another server of this kind as the use cases and the API know it.
type hub struct {
	provider *remote.Provider
	key      string
	settings belay.ProviderSettings
	here     string // where browsers reach this server
	version  string // of this server
}

func newHub(key string, s belay.ProviderSettings, now func() time.Time, dialer *egress.Dialer, here, version string) (*hub, error) {
	problems := append(checkCommon(key, s), checkHub(s)...)
	roots, wrong := rootsOf(s)
	problems = append(problems, wrong...)
	p, err := remote.New(
		remote.Config{Key: key, URL: s.URL, ClientID: s.ClientID, ClientSecret: s.ClientSecret},
		remote.Options{Dialer: dialer, RootCAs: roots, Now: now},
	)
	if e, ok := errors.AsType[*belay.Error](err); ok {
		problems = append(problems, told(s, e)...)
	} else if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, refuseSettings(key, problems)
	}
	return &hub{provider: p, key: key, settings: s, here: here, version: version}, nil
}

// checkHub refuses settings of an OpenID provider: where users and their data
// are elsewhere, nothing here says who they are or what they may do.
func checkHub(s belay.ProviderSettings) []string {
	const not = ": is not for a provider of type remote, which keeps users, organizations and teams itself"
	return broken([]setting{
		{s.Issuer != "", "issuer" + not},
		{s.Scopes != nil, "scopes" + not},
		{s.Claims != belay.ProviderClaims{}, "claims" + not},
		{s.TrustEmail, "trustEmail" + not},
		{s.AllowedDomains != nil, "allowedDomains" + not},
		{s.AllowedGroups != nil, "allowedGroups" + not},
		{s.Organization != "", "organization" + not},
		{s.Newcomers != "", "newcomers" + not},
		{s.Teams != nil, "teams" + not},
	})
}

// redirect is where browsers come back from the hub.
func (h *hub) redirect() string { return h.here + web.CallbackPath(h.key) }

// Describe implements app.Provider.
func (h *hub) Describe() belay.Provider {
	title := h.settings.Title
	if title == "" {
		title = h.key
	}
	now := h.provider.State()
	local := app.LocalProvider().Describe()
	return belay.Provider{
		Key: h.key, Type: "remote", Name: h.key, Title: title, URL: h.settings.URL, Redirects: true, State: stateOf(now.CheckedAt, now.DownSince, now.Reason),
		Description: []string{
			"Users sign in at " + h.settings.URL + ", another server of this kind.",
			"Their data are kept there, and their requests are passed on. Only the session is kept on this server.",
		},
		Capabilities: local.Capabilities,
	}
}

// Begin implements app.Redirector. Whom a user calls himself the hub asks him.
func (h *hub) Begin(ctx context.Context, _ string) (*app.Begun, error) {
	host := ""
	if u, err := url.Parse(h.here); err == nil {
		host = u.Host
	}
	b, err := h.provider.Begin(ctx, h.redirect(), host)
	if err != nil {
		return nil, err
	}
	return &app.Begun{URL: b.URL, State: b.State, Remembered: b.Remembered, ExpiresAt: b.ExpiresAt}, nil
}

// Finish implements app.Redirector.
func (h *hub) Finish(ctx context.Context, query url.Values, remembered belay.Secret) (*app.Identity, error) {
	return atHub(h.provider.Finish(ctx, query, remembered))
}

// Refresh implements app.Redirector.
func (h *hub) Refresh(ctx context.Context, kept belay.Secret, subject string) (*app.Identity, error) {
	return atHub(h.provider.Refresh(ctx, kept, subject))
}

// atHub is an identity as the use cases know it.
func atHub(id *remote.Identity, err error) (*app.Identity, error) {
	if err != nil {
		return nil, err
	}
	return &app.Identity{
		Issuer: id.Issuer, Subject: id.Subject, Email: id.Email, FirstName: id.FirstName, LastName: id.LastName, Picture: id.Picture,
		RefreshToken: id.Kept, ExpiresAt: id.ExpiresAt,
	}, nil
}

// Access implements app.Keeper.
func (h *hub) Access(kept belay.Secret) (belay.Secret, error) { return h.provider.Access(kept) }

// Revoke implements app.Keeper.
func (h *hub) Revoke(ctx context.Context, kept belay.Secret) error {
	return h.provider.Revoke(ctx, kept)
}

// Forward implements rest.Hub.
func (h *hub) Forward(request *http.Request, access belay.Secret) (*http.Response, error) {
	return h.provider.Forward(request, access)
}

// Examine implements app.Examiner.
func (h *hub) Examine(ctx context.Context) []app.Finding {
	grades := map[remote.Grade]app.FindingStatus{remote.Good: app.FindingOK, remote.Doubt: app.FindingWarning, remote.Broken: app.FindingFailed}
	var found []app.Finding
	for _, f := range h.provider.Examine(ctx, h.redirect(), h.version) {
		found = append(found, app.Finding{Name: f.Name, Status: grades[f.Grade], Message: f.Message, Fix: f.Fix})
	}
	return append(found, app.Finding{
		Name: "data", Status: app.FindingNote, Message: "its users' connections are tested there, from that server's network, since it keeps the credentials",
	})
}
