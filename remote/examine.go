package remote

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"belay"
	"belay/egress"
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
	Name    string // hub, version, clock, api, client, redirect URI
	Grade   Grade
	Message string
	Fix     string // what to do about it; "" for nothing
}

// leeway is by how much the hub's clock may differ from this one.
const leeway = time.Minute

// Examine asks the hub for all that a sign-in and the requests after it need,
// and says what it found. redirect is where users come back to, version the one
// of this server. Where the hub cannot be asked for one thing, what follows
// from it is left out.
func (p *Provider) Examine(ctx context.Context, redirect, version string) []Finding {
	m, header, err := p.describe(ctx)
	if err != nil {
		return []Finding{broken("hub", err)}
	}
	return []Finding{
		{Name: "hub", Message: "it answers, and is a server of this kind at " + m.Issuer},
		examineVersion(header, version),
		p.examineClock(header),
		p.examineAPI(ctx),
		p.examineClient(ctx, m),
		p.examineRedirect(ctx, m, redirect),
	}
}

// broken is a finding about an error of this package.
func broken(name string, err error) Finding {
	f := Finding{Name: name, Grade: Broken, Message: err.Error()}
	e, ok := errors.AsType[*belay.Error](err)
	if !ok {
		return f
	}
	f.Message = e.Message
	if o, down := errors.AsType[*outage](e.Err); down {
		f.Message, f.Fix = "it "+o.told(), o.cure
	} else if len(e.Remedy) > 0 {
		f.Fix = e.Remedy[len(e.Remedy)-1].Description
	}
	return f
}

func examineVersion(header http.Header, own string) Finding {
	f := Finding{Name: "version"}
	there := header.Get("Belay-Version")
	switch {
	case there == "":
		f.Grade, f.Message = Doubt, "it does not say which version it is"
	case there != own:
		f.Grade, f.Message = Doubt, fmt.Sprintf("it is of version %.*q, and this server of %q", maxTold, there, own)
		f.Fix = "Keep both at the same version: what only one of them knows cannot be passed on."
	default:
		f.Message = "it is of the same version, " + own
	}
	return f
}

// examineClock compares the hub's clock with this one, by the head of an
// answer, which has whole seconds.
func (p *Provider) examineClock(header http.Header) Finding {
	f := Finding{Name: "clock"}
	there, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		f.Grade, f.Message = Doubt, "it does not say what time it has"
		return f
	}
	off := p.now().Sub(there).Abs().Truncate(time.Second)
	f.Message = fmt.Sprintf("it differs from this server's by %s", off)
	if off > leeway {
		f.Grade, f.Fix = Doubt, "Set both clocks, by NTP for instance."
	}
	return f
}

// examineAPI asks whether the hub publishes the API that requests are passed on
// to.
func (p *Provider) examineAPI(ctx context.Context) Finding {
	var document struct {
		Paths map[string]any `json:"paths"`
	}
	if _, err := p.get(ctx, "/openapi.json", belay.Secret{}, &document); err != nil {
		return broken("api", p.unavailable(ctx, "get /openapi.json", err))
	}
	for _, path := range []string{"/api/user", "/api/environments", "/api/integrations/connections", "/api/workspaces"} {
		if document.Paths[path] == nil {
			return Finding{Name: "api", Grade: Broken, Message: "it publishes no " + path, Fix: "Keep both servers at the same version."}
		}
	}
	return Finding{Name: "api", Message: "it publishes the API for identities and data"}
}

// examineClient asks for the tokens of a code that is none: who is the client
// that he says he is, is told that, and who is not, that he is not.
func (p *Provider) examineClient(ctx context.Context, m *metadata) Finding {
	const nothing = "a-code-that-is-none"
	_, err := p.asClient(m, "").Exchange(p.with(ctx), nothing)
	s, ok := errors.AsType[*statusError](statusOf(err))
	switch {
	case !ok:
		return broken("client", p.unavailable(ctx, "ask "+m.Token, err))
	case s.name == "invalid_grant" || s.name == "invalid_request":
		return Finding{Name: "client", Message: "it knows this server by its client id and secret"}
	case s.name == "invalid_client" || s.name == "unauthorized_client":
		return broken("client", p.misconfigured("it refuses this server's client id or secret", s))
	}
	return Finding{Name: "client", Grade: Doubt, Message: "it does not say whether client id and secret are right"}
}

// examineRedirect asks to sign somebody in, as a browser would: a server that
// takes the redirect URI shows a page or asks to sign in, and one that does not
// refuses the request (RFC 6749, section 4.1.2.1).
func (p *Provider) examineRedirect(ctx context.Context, m *metadata, redirect string) Finding {
	f := Finding{Name: "redirect URI", Message: redirect}
	v := url.Values{
		"response_type": {"code"}, "client_id": {p.config.ClientID}, "redirect_uri": {redirect}, "state": {"test"},
		"code_challenge_method": {"S256"}, "code_challenge": {"0123456789012345678901234567890123456789012"},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.Authorization+"?"+v.Encode(), http.NoBody)
	if err != nil {
		return broken(f.Name, err)
	}
	response, err := p.client.Do(request)
	if err != nil && !errors.Is(err, egress.ErrRedirected) {
		return broken(f.Name, p.unavailable(ctx, "get "+m.Authorization, err))
	}
	status := 0
	if err == nil {
		status = response.StatusCode
		_ = response.Body.Close()
	}
	if status >= http.StatusBadRequest && status != http.StatusUnauthorized {
		f.Grade, f.Fix = Broken, "Write it under clients in the configuration of the other server, letter for letter, in the redirectUris of the client "+p.config.ClientID+"."
		f.Message += " is none of those that the other server knows"
		return f
	}
	f.Message += " is known there"
	return f
}
