package rest

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"belay"
)

// provider is one as Meshery's clients know it.
type provider struct {
	Type        string   `json:"providerType"`
	Name        string   `json:"providerName"`
	Title       string   `json:"title"`
	Description []string `json:"providerDescription"`
	URL         string   `json:"providerUrl"`
	// The packages and extensions of Meshery's remote providers: there are none.
	PackageVersion string         `json:"packageVersion"`
	PackageURL     string         `json:"packageUrl"`
	Extensions     map[string]any `json:"extensions"`
	Capabilities   []capability   `json:"capabilities"`
	State          providerState  `json:"state"`
}

// providerState is whether a provider answers; times are absent where there
// is nothing to tell.
type providerState struct {
	Status    string     `json:"status"`
	CheckedAt *time.Time `json:"checkedAt,omitempty"`
	Since     *time.Time `json:"since,omitempty"`
}

func newProviderState(s belay.ProviderState) providerState {
	return providerState{Status: string(s.Status), CheckedAt: when(s.CheckedAt), Since: when(s.Since)}
}

type capability struct {
	Feature  string `json:"feature"`
	Endpoint string `json:"endpoint"`
}

func newProvider(p belay.Provider) provider {
	out := provider{
		Type: p.Type, Name: p.Name, Title: p.Title, Description: p.Description, URL: p.URL,
		Extensions: map[string]any{}, Capabilities: []capability{}, State: newProviderState(p.State),
	}
	for _, c := range p.Capabilities {
		out.Capabilities = append(out.Capabilities, capability(c))
	}
	return out
}

func (a *API) listProviders(*request) (response, error) {
	out := map[string]provider{}
	for _, p := range a.gate.Providers() {
		out[p.Key] = newProvider(p)
	}
	return response{body: out}, nil
}

// chooseProvider remembers the choice of a browser and sends it on to where
// it signs in. Whom it is signed in as stays what it is.
func (a *API) chooseProvider(r *request) (response, error) {
	named, _ := r.first("provider")
	p, err := a.gate.Provider("provider", named)
	if err != nil {
		return response{}, err
	}
	http.SetCookie(r.to, &http.Cookie{
		Name: mesheryProvider, Value: p.Key, Path: "/", HttpOnly: true,
		Secure: browserOf(r.Context()).Secure, SameSite: http.SameSiteLaxMode,
	})
	where := "/user/login"
	if p.Redirects {
		where += "?provider=" + url.QueryEscape(p.Key)
	}
	return response{header: map[string]string{"Location": where}}, nil
}

func (a *API) getCapabilities(r *request) (response, error) {
	p, err := a.gate.Provider("provider", belay.PrincipalFrom(r.Context()).Provider)
	return response{body: newProvider(p)}, err
}

// getOwnToken gives a client the token that it has just sent, in the form in
// which mesheryctl keeps it in a file. A session has none to give.
func (a *API) getOwnToken(r *request) (response, error) {
	p := belay.PrincipalFrom(r.Context())
	if p.TokenID == "" {
		return response{}, &belay.Error{
			Code: belay.CodeConflict, Message: "failed to get token: this request is authenticated by a session, and a token is shown only once, when it is made",
			Remedy: []belay.Remedy{{ID: "token.create", Title: "Make a token", Description: "Make an API token and give that to the program."}},
		}
	}
	return response{secret: true, body: map[string]string{mesheryProvider: p.Provider, "token": tokenSent(r.Request)}}, nil
}

// tokenSent is the token by which a request is authenticated.
func tokenSent(r *http.Request) string {
	if header := r.Header.Get("Authorization"); header != "" {
		_, token, _ := strings.Cut(header, " ")
		return strings.TrimSpace(token)
	}
	c, err := r.Cookie("token")
	if err != nil {
		return ""
	}
	return c.Value
}
