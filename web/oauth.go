package web

import (
	"encoding/json"
	"errors"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"

	"belay"
	"belay/app"
)

// Where clients are let in to act for users: the endpoints of RFC 6749, section
// 3, RFC 7009 and RFC 8628, as RFC 8414 tells them.
const (
	metadataPath  = "/.well-known/oauth-authorization-server"
	authorizePath = "/oauth/authorize"
	tokenPath     = "/oauth/token"  //nolint:gosec // a path
	deviceAskPath = "/oauth/device" // for programs
	revokePath    = "/oauth/revoke"
	devicePath    = "/device" // for people
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

func (h *Handler) oauthRoutes() {
	h.mux.HandleFunc("GET "+metadataPath, h.metadata)
	h.mux.HandleFunc("GET "+authorizePath, h.consentPage)
	h.mux.HandleFunc("POST "+authorizePath, h.consent)
	h.mux.HandleFunc("POST "+tokenPath, h.token)
	h.mux.HandleFunc("POST "+deviceAskPath, h.startDevice)
	h.mux.HandleFunc("POST "+revokePath, h.revoke)
	h.mux.HandleFunc("GET "+devicePath, h.devicePage)
	h.mux.HandleFunc("POST "+devicePath, h.device)
}

// metadata says where the endpoints are (RFC 8414, section 2).
func (h *Handler) metadata(w http.ResponseWriter, _ *http.Request) {
	auth := []string{"none", "client_secret_basic", "client_secret_post"}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": h.Address, "authorization_endpoint": h.Address + authorizePath, "token_endpoint": h.Address + tokenPath,
		"device_authorization_endpoint": h.Address + deviceAskPath, "revocation_endpoint": h.Address + revokePath,
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token", deviceGrant},
		"code_challenge_methods_supported":               []string{"S256"},
		"token_endpoint_auth_methods_supported":          auth,
		"revocation_endpoint_auth_methods_supported":     auth,
		"authorization_response_iss_parameter_supported": true,
		"service_documentation":                          h.Address + "/docs",
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who has gone misses nothing
}

// programForm reads the form of a program and finds out which client it is;
// what is wrong with it is answered. No cookie counts here, so that it does not
// matter which page it comes from.
func (h *Handler) programForm(w http.ResponseWriter, r *http.Request) (*belay.Client, bool) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err != nil || media != "application/x-www-form-urlencoded" || r.ParseForm() != nil {
		h.refuseGrant(w, r, invalidRequest("the body must be a form (application/x-www-form-urlencoded) of at most "+strconv.Itoa(maxForm)+" bytes"))
		return nil, false
	}
	for name, values := range r.PostForm {
		if len(values) > 1 { // RFC 6749, section 3.2
			h.refuseGrant(w, r, invalidRequest("the parameter "+name+" is there twice"))
			return nil, false
		}
	}
	id, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok { // encoded as RFC 6749, section 2.3.1 has it
		user, errUser := url.QueryUnescape(user)
		password, errPassword := url.QueryUnescape(password)
		if errUser != nil || errPassword != nil || secret != "" || id != "" && id != user {
			h.refuseGrant(w, r, invalidRequest("the client says who it is in two ways, or in none that can be read"))
			return nil, false
		}
		id, secret = user, password
	}
	c, err := h.Gate.AuthenticateClient(id, belay.SecretString(secret))
	if err != nil {
		h.refuseGrant(w, r, err)
		return nil, false
	}
	return c, true
}

func invalidRequest(why string) error {
	return &app.GrantError{Code: "invalid_request", Description: why}
}

// refuseGrant answers a program as RFC 6749, section 5.2, has it.
func (h *Handler) refuseGrant(w http.ResponseWriter, r *http.Request, err error) {
	grant, ok := errors.AsType[*app.GrantError](err)
	status := http.StatusBadRequest
	if limited, is := errors.AsType[*belay.Error](err); !ok && is && limited.Code == belay.CodeRateLimited {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(limited.RetryAfter.Seconds()))))
		grant, ok, status = &app.GrantError{Code: app.GrantSlowDown, Description: "too many ask from this address; wait a moment"}, true, http.StatusTooManyRequests
	}
	if !ok {
		h.API.Problem(w, r, err)
		return
	}
	if grant.Code == app.GrantInvalidUser {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Basic realm="belay"`)
	}
	writeJSON(w, status, map[string]string{"error": grant.Code, "error_description": grant.Description})
}

// token answers the token endpoint (RFC 6749, section 3.2).
func (h *Handler) token(w http.ResponseWriter, r *http.Request) {
	c, ok := h.programForm(w, r)
	if !ok {
		return
	}
	f, ctx := r.PostForm, r.Context()
	var tokens *app.Tokens
	var err error
	switch f.Get("grant_type") {
	case "authorization_code":
		tokens, err = h.Gate.ExchangeCode(ctx, c, belay.SecretString(f.Get("code")), f.Get("redirect_uri"), f.Get("code_verifier"), visitor(r))
	case "refresh_token":
		tokens, err = h.Gate.Refresh(ctx, c, belay.SecretString(f.Get("refresh_token")))
	case deviceGrant:
		tokens, err = h.Gate.ExchangeDevice(ctx, c, belay.SecretString(f.Get("device_code")), visitor(r))
	default:
		err = &app.GrantError{Code: "unsupported_grant_type", Description: "there are authorization_code, refresh_token and " + deviceGrant}
	}
	if err != nil {
		h.refuseGrant(w, r, err)
		return
	}
	seconds := int(tokens.AccessLife.Seconds())
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": string(tokens.Access.Reveal()), "token_type": "Bearer", "expires_in": seconds,
		"refresh_token": string(tokens.Refresh.Reveal()), "refresh_token_expires_in": int(tokens.RefreshLife.Seconds()),
	})
}

// startDevice answers the device authorization endpoint (RFC 8628, section
// 3.1).
func (h *Handler) startDevice(w http.ResponseWriter, r *http.Request) {
	c, ok := h.programForm(w, r)
	if !ok {
		return
	}
	d, err := h.Gate.StartDevice(r.Context(), c, r.PostForm.Get("host"), visitor(r))
	if err != nil {
		h.refuseGrant(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"device_code": string(d.DeviceCode.Reveal()), "user_code": d.UserCode, "verification_uri": h.Address + devicePath,
		"verification_uri_complete": h.Address + devicePath + "?code=" + d.UserCode,
		"expires_in":                int(d.Life.Seconds()), "interval": int(d.Pause.Seconds()),
	})
}

// revoke answers the revocation endpoint (RFC 7009, section 2).
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) {
	c, ok := h.programForm(w, r)
	if !ok {
		return
	}
	if r.PostForm.Get("token") == "" {
		h.refuseGrant(w, r, invalidRequest("the parameter token is missing"))
		return
	}
	if err := h.Gate.Revoke(r.Context(), c, belay.SecretString(r.PostForm.Get("token"))); err != nil {
		h.refuseGrant(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// signInFor is where a browser signs in that wanted a page.
func signInFor(r *http.Request) string {
	if r.Method != http.MethodGet || r.URL.Path == "/" {
		return "/user/login"
	}
	query := url.Values{"return_to": {r.URL.RequestURI()}}
	if provider := r.URL.Query().Get("provider"); provider != "" {
		query.Set("provider", provider) // that was chosen before the browser was opened
	}
	return "/user/login?" + query.Encode()
}
