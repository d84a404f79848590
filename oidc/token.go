package oidc

import (
	"context"
	"crypto/subtle"
	"errors"
	"slices"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"belay"
)

// leeway is by how much the provider's clock may differ from this one.
const leeway = time.Minute

// asClient is this server as the provider's token endpoint knows it.
func (p *Provider) asClient(m *metadata, redirect string) *oauth2.Config {
	style := oauth2.AuthStyleInHeader // what a provider supports that names none
	only := m.AuthenticationMethods
	if p.config.ClientSecret.IsZero() || slices.Contains(only, "client_secret_post") && !slices.Contains(only, "client_secret_basic") {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: string(p.config.ClientSecret.Reveal()), RedirectURL: redirect, Scopes: p.config.scopes(),
		Endpoint: oauth2.Endpoint{AuthURL: m.Authorization, TokenURL: m.Token, DeviceAuthURL: m.DeviceAuthorization, AuthStyle: style},
	}
}

// exchange gets an identity for a code.
func (p *Provider) exchange(ctx context.Context, m *metadata, r remembered, code string) (*Identity, error) {
	token, err := p.asClient(m, r.Redirect).Exchange(oidc.ClientContext(ctx, p.client), code, oauth2.VerifierOption(r.Verifier))
	if err != nil {
		return nil, p.asked(ctx, "exchange a code at "+m.Token, err)
	}
	verified, err := p.verify(ctx, m, token)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(r.Nonce)) != 1 {
		return nil, refused("the OpenID provider's answer was made for another sign-in", nil)
	}
	return p.identify(ctx, m, token, verified)
}

// Refresh returns what the provider says now of the user of this subject, for
// the refresh token of his last identity; that token is used up where the
// provider gives another. The error is a CodeUnauthenticated when the
// provider takes the token no more: the user's sessions should end.
func (p *Provider) Refresh(ctx context.Context, refresh belay.Secret, subject string) (*Identity, error) {
	m, err := p.discover(ctx, retention)
	if err != nil {
		return nil, err
	}
	old := &oauth2.Token{RefreshToken: string(refresh.Reveal())}
	token, err := p.asClient(m, "").TokenSource(oidc.ClientContext(ctx, p.client), old).Token()
	if err != nil {
		return nil, p.asked(ctx, "refresh at "+m.Token, err)
	}
	id, err := p.refreshed(ctx, m, token, subject)
	if err != nil {
		return nil, err
	}
	if id.Subject != subject {
		return nil, refused("the OpenID provider's answer is about another user", nil)
	}
	return id, nil
}

// refreshed is who a refreshed token is about. There need not be an ID token
// (OpenID Connect Core 1.0, section 12.2); then the UserInfo endpoint says.
func (p *Provider) refreshed(ctx context.Context, m *metadata, token *oauth2.Token, subject string) (*Identity, error) {
	if _, ok := token.Extra("id_token").(string); !ok {
		return p.identify(ctx, m, token, &oidc.IDToken{Subject: subject, Expiry: token.Expiry})
	}
	verified, err := p.verify(ctx, m, token)
	if err != nil {
		return nil, err
	}
	return p.identify(ctx, m, token, verified)
}

// verify checks an ID token by OpenID Connect Core 1.0, section 3.1.3.7, but
// for its nonce.
func (p *Provider) verify(ctx context.Context, m *metadata, token *oauth2.Token) (*oidc.IDToken, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, refused("the OpenID provider has not said who you are", nil)
	}
	verifier, _, err := p.verifier(ctx, m, raw)
	if err != nil {
		return nil, err
	}
	verified, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, badToken(err)
	}
	if err := p.checkClaims(verified); err != nil {
		return nil, err
	}
	if verified.AccessTokenHash != "" {
		if err := verified.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, badToken(err)
		}
	}
	return verified, nil
}

// checkClaims checks what the library leaves to its user.
func (p *Provider) checkClaims(token *oidc.IDToken) error {
	var claims struct {
		Party *string `json:"azp"`
	}
	if err := token.Claims(&claims); err != nil {
		return badToken(err)
	}
	switch {
	case token.Subject == "" || len(token.Subject) > maxSubject || !printable(token.Subject):
		return badToken(errors.New("the subject is empty, longer than 255 bytes or not printable"))
	case claims.Party != nil && *claims.Party != p.config.ClientID:
		return badToken(errors.New("the token was issued to another client"))
	case claims.Party == nil && len(token.Audience) > 1:
		return badToken(errors.New("the token is for several, and does not say to whom it was issued"))
	case token.Expiry.IsZero() || token.IssuedAt.IsZero():
		return badToken(errors.New("the token does not say when it was issued and when it expires"))
	case token.IssuedAt.After(p.now().Add(leeway)):
		return badToken(errors.New("the token was issued in the future"))
	default:
		return nil
	}
}

// verifier verifies the claims of a token whose signature has been verified.
func (p *Provider) verifier(ctx context.Context, m *metadata, raw string) (*oidc.IDTokenVerifier, signedToken, error) {
	signed, err := p.currentKeys().verify(ctx, raw, m.algorithms())
	if errors.Is(err, errBadToken) || errors.Is(err, errUnknownKey) {
		return nil, signed, badToken(err)
	}
	if err != nil {
		return nil, signed, err
	}
	return oidc.NewVerifier(p.config.Issuer, signed, &oidc.Config{
		ClientID: p.config.ClientID, SupportedSigningAlgs: m.algorithms(),
		Now: func() time.Time { return p.now().Add(-leeway) },
	}), signed, nil
}

// currentKeys are those of the description that is known.
func (p *Provider) currentKeys() *keySet {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys
}

// badToken is what a caller gets for a token that is not to be trusted.
func badToken(err error) error {
	if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
		return refused("what the OpenID provider said has expired; its clock or this server's may be wrong", errors.New("the token has expired"))
	}
	return refused("the OpenID provider's answer cannot be trusted", quoted(err))
}
