package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"belay"
)

// Grade is how something was found.
type Grade int

// How something was found.
const (
	Good   Grade = iota
	Doubt        // users can sign in, but something is not as it should be
	Broken       // nobody can sign in
)

// Finding is one thing that Examine looked at.
type Finding struct {
	Name    string // description, clock, keys, client, refresh, logout
	Grade   Grade
	Message string
	Fix     string // what to do about it; "" for nothing
}

// Examine asks the provider for all that a sign-in needs, and says what it
// found. Where the provider cannot be asked for one thing, what follows from
// it is left out.
func (p *Provider) Examine(ctx context.Context) []Finding {
	m, err := p.discover(ctx, 0)
	if err != nil {
		return []Finding{broken("description", err)}
	}
	found := []Finding{{Name: "description", Message: fmt.Sprintf("it answers, and calls itself %.*q", maxTold, m.Issuer)}}
	found = append(found, p.examineClock(ctx, m), p.examineKeys(ctx), p.examineClient(ctx, m))
	return append(found, p.examineRefresh(m), examineLogout(m))
}

// broken is a finding about an error of this package.
func broken(name string, err error) Finding {
	f := Finding{Name: name, Grade: Broken, Message: err.Error()}
	if e, ok := errors.AsType[*belay.Error](err); ok {
		f.Message = e.Message
		if e.Err != nil {
			f.Message += " (" + e.Err.Error() + ")"
		}
		f.Fix = e.Remedy[len(e.Remedy)-1].Description
	}
	return f
}

// examineClock compares the provider's clock with this one, by the head of an
// answer, which has whole seconds.
func (p *Provider) examineClock(ctx context.Context, m *metadata) Finding {
	f := Finding{Name: "clock"}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Keys, http.NoBody)
	if err != nil {
		return broken("clock", p.unavailable(ctx, "get "+m.Keys, err))
	}
	response, err := p.client.Do(request)
	if err != nil {
		return broken("clock", p.unavailable(ctx, "get "+m.Keys, err))
	}
	defer response.Body.Close()
	there, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		f.Grade, f.Message = Doubt, "the provider does not say what time it has"
		return f
	}
	off := p.now().Sub(there).Abs().Truncate(time.Second)
	f.Message = fmt.Sprintf("it differs from this server's by %s", off)
	switch {
	case off > leeway:
		f.Grade, f.Fix = Broken, fmt.Sprintf("Set both clocks, by NTP for instance: with more than %s what the provider says is refused.", leeway)
	case off > leeway/6:
		f.Grade, f.Fix = Doubt, "Set both clocks, by NTP for instance."
	}
	return f
}

func (p *Provider) examineKeys(ctx context.Context) Finding {
	keys, err := p.currentKeys().get(ctx, 0)
	switch {
	case err != nil:
		return broken("keys", err)
	case len(keys) == 0:
		return Finding{
			Name: "keys", Grade: Broken, Message: "it has no key by which its signatures could be checked",
			Fix: "Let the provider sign with RSA keys of 2048 bits or more, or with elliptic curves.",
		}
	}
	return Finding{Name: "keys", Message: fmt.Sprintf("%d that its signatures can be checked with", len(keys))}
}

// examineClient asks for the tokens of a code that is none: who is the client
// that he says he is, is told that, and who is not, that he is not.
func (p *Provider) examineClient(ctx context.Context, m *metadata) Finding {
	f := Finding{Name: "client"}
	verifier, err := p.unguessable()
	if err != nil {
		return broken("client", err)
	}
	_, err = p.asClient(m, "").Exchange(oidc.ClientContext(ctx, p.client), "a-code-that-is-none", oauth2.VerifierOption(verifier))
	switch name := nameOf(err); name {
	case "invalid_grant", "invalid_request", "access_denied", "expired_token":
		f.Message = "it knows this server by its client id and secret"
	case "invalid_client", "unauthorized_client":
		f = broken("client", p.misconfigured("it refuses this server's client id or secret", nil))
	default:
		f.Grade, f.Message = Doubt, "it does not say whether client id and secret are right"
	}
	return f
}

func (p *Provider) examineRefresh(m *metadata) Finding {
	f := Finding{Name: "refresh", Message: "its users are followed while they are signed in, if it gives refresh tokens"}
	asks := slices.Contains(p.config.scopes(), "offline_access")
	if !asks && slices.Contains(m.Scopes, "offline_access") {
		f.Grade = Doubt
		f.Message = "no refresh tokens are asked for: a change of groups counts with the next sign-in only"
		f.Fix = "Add offline_access to the scopes, beside " + strings.Join(p.config.scopes()[1:], ", ") + "."
	}
	return f
}

func examineLogout(m *metadata) Finding {
	f := Finding{Name: "logout", Message: "it can tell this server when users sign out there, if the back-channel logout URI is registered there"}
	if !m.BackChannelLogout {
		f.Message = "it does not say that it tells this server when users sign out there"
	}
	return f
}
