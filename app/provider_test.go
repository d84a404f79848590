package app_test

import (
	"log/slog"
	"testing"
	"time"

	"belay"
	"belay/app"
)

// elsewhere is a provider outside of this server.
type elsewhere struct{}

func (elsewhere) Describe() belay.Provider {
	return belay.Provider{Key: "okta", Type: "remote", Name: "okta"}
}

// TestEnforcedProvider enforces one provider: users of the others get in by
// nothing that they had, nor by a password.
func TestEnforcedProvider(t *testing.T) {
	w := newImportWorld(t)
	gate := func(enforced string) *app.Gate {
		return app.NewGate(app.Config{
			Store: w.store, Clock: func() time.Time { return w.now }, NewID: w.newID, Log: slog.New(slog.DiscardHandler), EnforcedProvider: enforced,
			Providers: map[string]app.Provider{"okta": elsewhere{}, belay.LocalProvider: app.LocalProvider()},
		})
	}
	user := belay.PrincipalFrom(w.admin).UserID
	all := gate("")
	text, err := all.Issue(t.Context(), belay.Token{UserID: user, Name: "of a local user"})
	w.must(err)
	code, err := all.SignInLink(t.Context(), user)
	w.must(err)
	session, _, err := all.SignIn(t.Context(), code, "", "")
	w.must(err)
	for enforced, want := range map[string]belay.Code{"": "", "local": "", "okta": belay.CodeUnauthenticated} {
		g := gate(enforced)
		_, byToken := g.Token(t.Context(), text, "")
		_, bySession := g.Session(t.Context(), session, "127.0.0.1")
		if belay.CodeOf(byToken) != want || belay.CodeOf(bySession) != want {
			t.Errorf("%q: %v, %v", enforced, byToken, bySession)
		}
	}
	only := gate("okta")
	if _, err := only.SignInWithPassword(t.Context(), "a@example.org", belay.SecretString("x"), app.Visitor{}); belay.CodeOf(err) != belay.CodeForbidden {
		t.Errorf("by password: %v", err)
	}
	if _, err := only.Provider("provider", "local"); belay.CodeOf(err) != belay.CodeBadQuery || len(only.Providers()) != 1 {
		t.Errorf("local is there: %v", err)
	}
	if len(all.Providers()) != 2 {
		t.Errorf("there are %v", all.Providers())
	}
}
