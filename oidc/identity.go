package oidc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"belay"
)

// Limits of what is taken over from a provider.
const (
	maxSubject = 255  // OpenID Connect Core 1.0, section 2
	maxClaim   = 320  // bytes of any one text, as long as an e-mail address can be
	maxPicture = 2048 // bytes of its address
	maxGroups  = 1000
)

// Identity is what a provider says of a user. Issuer and Subject together
// name him for ever; all else may change, and may be another's tomorrow.
type Identity struct {
	Issuer, Subject           string
	Email                     string // "" for none
	EmailVerified             bool   // whether the provider knows that it is his
	Name, FirstName, LastName string
	Picture                   string // https address, "" for none
	// Groups are those that he is in, each once and in order; nil when the
	// provider has not said.
	Groups []string
	// SessionID is that of his session there, "" when it is not told.
	SessionID string
	// RefreshToken asks for his identity again; zero for none. It is a secret.
	RefreshToken belay.Secret
	ExpiresAt    time.Time // until when the provider vouches for all of this
}

// claimSet is a JSON object of claims.
type claimSet map[string]any

// identify makes an identity of a verified token, and of what the
// UserInfo endpoint says where the token is silent.
func (p *Provider) identify(ctx context.Context, m *metadata, token *oauth2.Token, verified *oidc.IDToken) (*Identity, error) {
	claims := claimSet{}
	_ = verified.Claims(&claims) // a token that was refreshed may have none
	if m.UserInfo != "" && p.isSilent(claims) {
		more, err := p.userInfo(ctx, m, token, verified.Subject)
		if err != nil {
			return nil, err
		}
		for name, value := range more {
			if _, ok := claims[name]; !ok {
				claims[name] = value
			}
		}
	}
	id, err := p.read(claims)
	if err != nil {
		return nil, err
	}
	id.Issuer, id.Subject, id.ExpiresAt = p.config.Issuer, verified.Subject, verified.Expiry
	id.RefreshToken = belay.SecretString(token.RefreshToken)
	return id, p.admit(id)
}

// isSilent tells whether a claim is missing that the UserInfo endpoint may have.
func (p *Provider) isSilent(claims claimSet) bool {
	wanted := []string{p.names.Email, p.names.Name}
	if len(p.config.Mapping)+len(p.config.Groups) > 0 {
		wanted = append(wanted, p.names.Groups)
	}
	return slices.ContainsFunc(wanted, func(name string) bool { return claims.at(name) == nil })
}

// userInfo asks the UserInfo endpoint (OpenID Connect Core 1.0, section
// 5.3).
func (p *Provider) userInfo(ctx context.Context, m *metadata, token *oauth2.Token, subject string) (claimSet, error) {
	doing := "get " + m.UserInfo
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, m.UserInfo, http.NoBody)
	if err != nil {
		return nil, p.unavailable(ctx, doing, err)
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	var claims claimSet
	if err := p.do(request, &claims); err != nil {
		return nil, p.unavailable(ctx, doing, err)
	}
	if claims["sub"] != subject {
		return nil, badToken(errors.New("the UserInfo endpoint's answer is about another user than the token"))
	}
	return claims, nil
}

// read reads claims. A text that is too long, or has what does not belong in
// a name, is as good as absent; too many groups are not, since rights follow
// from them.
func (p *Provider) read(claims claimSet) (*Identity, error) {
	groups, err := claims.groups(p.names.Groups)
	if err != nil {
		return nil, err
	}
	id := &Identity{
		Email: claims.text(p.names.Email, maxClaim), Name: claims.text(p.names.Name, maxClaim),
		FirstName: claims.text(p.names.FirstName, maxClaim), LastName: claims.text(p.names.LastName, maxClaim),
		Picture: claims.text(p.names.Picture, maxPicture), SessionID: claims.text("sid", maxSubject), Groups: groups,
	}
	if domainOf(id.Email) == "" {
		id.Email = ""
	}
	verified := claims.at(p.names.EmailVerified)
	id.EmailVerified = id.Email != "" && (verified == true || verified == "true") // some providers send the word
	if u, err := url.Parse(id.Picture); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		id.Picture = ""
	}
	return id, nil
}

// at returns the claim of a name, or at a JSON Pointer; nil for none.
func (c claimSet) at(name string) any {
	if !strings.HasPrefix(name, "/") {
		return c[name]
	}
	var value any = map[string]any(c)
	for token := range strings.SplitSeq(name[1:], "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch v := value.(type) {
		case map[string]any:
			value = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

func (c claimSet) text(name string, limit int) string {
	text, _ := c.at(name).(string)
	text = strings.TrimFunc(text, unicode.IsSpace)
	if len(text) > limit || !printable(text) {
		return ""
	}
	return text
}

// groups reads a list of groups, or the one group.
func (c claimSet) groups(name string) ([]string, error) {
	var list []any
	switch v := c.at(name).(type) {
	case nil:
		return nil, nil
	case string:
		list = []any{v}
	case []any:
		list = v
	default:
		return nil, badToken(errors.New("the groups are neither a list nor one name"))
	}
	if len(list) > maxGroups {
		return nil, badToken(errors.New("there are more than 1000 groups; the provider can be told to send only some"))
	}
	groups := []string{}
	for _, g := range list {
		text, ok := g.(string)
		if !ok || len(text) > maxText || !printable(text) {
			return nil, badToken(errors.New("a group is not a text without line breaks, of at most 512 bytes"))
		}
		if text != "" {
			groups = append(groups, text)
		}
	}
	slices.Sort(groups)
	return slices.Compact(groups), nil
}

// domainOf returns the domain of an e-mail address in lower case, "" for what
// is not an address.
func domainOf(email string) string {
	i := strings.LastIndexByte(email, '@')
	if i < 1 || strings.ContainsFunc(email, unicode.IsSpace) {
		return ""
	}
	return strings.ToLower(email[i+1:])
}

// admit refuses users who are in no permitted group, or whose address is of
// no permitted domain.
func (p *Provider) admit(id *Identity) error {
	if !p.config.AdmitsGroups(id.Groups) {
		return forbidden("only users in certain groups of the OpenID provider may sign in to this server")
	}
	if len(p.config.EmailDomains) == 0 {
		return nil
	}
	permitted := slices.ContainsFunc(p.config.EmailDomains, func(d string) bool {
		return strings.EqualFold(d, domainOf(id.Email))
	})
	switch {
	case !permitted:
		return forbidden("only users with an e-mail address of certain domains may sign in to this server")
	case !id.EmailVerified:
		return forbidden("the OpenID provider has not verified your e-mail address, which this server asks for")
	default:
		return nil
	}
}

func forbidden(message string) error {
	return &belay.Error{
		Code: belay.CodeForbidden, Message: message,
		Remedy: []belay.Remedy{{
			ID: "provider.domains", Title: "Ask the operator",
			Description: "The operator of this server sets which e-mail domains and groups may sign in through this provider.",
		}},
	}
}

// isObject tells whether JSON is an object.
func isObject(text json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimSpace(text), []byte("{"))
}
