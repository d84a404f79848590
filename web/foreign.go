package web

import (
	"net/http"
	"slices"
	"strings"

	"belay"
)

// mesheryProvider is the header, and the cookie, by which Meshery's clients
// name the provider.
const mesheryProvider = "meshery-provider"

// foreign is a token that this server does not know, and the provider that the
// request names, if that keeps its users' data: it may be a token of the other
// server's. Unless a request says so, its token is shown to nobody else.
func (h *Handler) foreign(r *http.Request) (provider string, token belay.Secret, is bool) {
	token = cookie(r, tokenCookie)
	if header := r.Header.Get("Authorization"); header != "" {
		_, text, _ := strings.Cut(header, " ")
		token = belay.SecretString(strings.TrimSpace(text))
	} else if !cookie(r, h.sessionName()).IsZero() {
		return "", belay.Secret{}, false
	}
	provider = namedProvider(r)
	if provider == "" || token.IsZero() {
		return "", belay.Secret{}, false
	}
	is, err := h.Gate.Foreign(r.Context(), provider, token, remoteAddr(r))
	if err != nil {
		h.Log.WarnContext(r.Context(), "a token was not looked up", "error", err)
	}
	return provider, token, is && err == nil
}

// namedProvider is the provider that a request names, "" for none, or where it
// names two.
func namedProvider(r *http.Request) (named string) {
	names := slices.Concat(r.URL.Query()["provider"], r.Header.Values(mesheryProvider))
	for _, c := range r.CookiesNamed(mesheryProvider) {
		names = append(names, c.Value)
	}
	for _, name := range names {
		if named != "" && name != named {
			return ""
		}
		named = name
	}
	return named
}
