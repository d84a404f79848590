package rest

import (
	"context"
	"net/http"

	"belay"
	"belay/app"
)

// Browser is what the server around the API knows of a stranger's request,
// and does once he has signed in.
type Browser struct {
	RemoteAddr string
	Secure     bool // cookies are for TLS only
	// SignedIn sets the cookie of a session that has begun, and ends the one
	// that the browser had.
	SignedIn func(http.ResponseWriter, *app.NewSession)
}

type browserKey struct{}

// WithBrowser returns a context that carries what is known of a stranger.
// Every request of an open route must have one.
func WithBrowser(ctx context.Context, b Browser) context.Context {
	return context.WithValue(ctx, browserKey{}, b)
}

func browserOf(ctx context.Context) Browser {
	b, _ := ctx.Value(browserKey{}).(Browser)
	return b
}

type signInBody struct {
	Provider string       `json:"provider"`
	Email    string       `json:"email"`
	Password belay.Secret `json:"password"`
}

// check refuses what is no attempt at all.
func (b signInBody) check() error {
	for _, field := range []struct {
		pointer string
		absent  bool
	}{{"/email", b.Email == ""}, {"/password", b.Password.IsZero()}} {
		if field.absent {
			return belay.Invalid(field.pointer, "is required")
		}
	}
	return nil
}

func (a *API) startSession(r *request) (response, error) {
	var b signInBody
	if err := r.decode(&b); err != nil {
		return response{}, err
	}
	if b.Provider != "" && b.Provider != belay.LocalProvider {
		return response{}, belay.Invalid("/provider", "must be %s: users of other providers do not sign in with a password here", belay.LocalProvider)
	}
	if err := b.check(); err != nil {
		return response{}, err
	}
	browser := browserOf(r.Context())
	s, err := a.gate.SignInWithPassword(r.Context(), b.Email, b.Password, app.Visitor{UserAgent: r.UserAgent(), RemoteAddr: browser.RemoteAddr})
	if err != nil {
		return response{}, err
	}
	browser.SignedIn(r.to, s)
	return response{body: newSession(s.Session), secret: true}, nil
}
