package peers

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// Browser goes through an OpenID provider's pages as a person would: it
// follows redirects, keeps cookies, fills in what a form asks for and presses
// its first button.
type Browser struct {
	User, Password string // typed where a form asks

	client *http.Client
}

// NewBrowser returns a browser in which nobody is signed in, for a user.
func NewBrowser(user, password string) *Browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it returns none
	}
	return &Browser{User: user, Password: password, client: &http.Client{
		Jar:           jar,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Cookies is the header Cookie that the browser would send to an address.
func (b *Browser) Cookies(address *url.URL) string {
	var pairs []string
	for _, c := range b.client.Jar.Cookies(address) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	return strings.Join(pairs, "; ")
}

// Forget makes the browser lose a cookie for an address.
func (b *Browser) Forget(address *url.URL, name string) {
	b.client.Jar.SetCookies(address, []*http.Cookie{{Name: name, Path: "/", MaxAge: -1}})
}

// maxPages is how many pages and redirects a way through a provider may have.
const maxPages = 30

// Visit opens a page and goes on until it is sent to an address that begins
// with until, which it returns without opening it. Without until, it ends at a
// page without a form and returns that page's address.
func (b *Browser) Visit(ctx context.Context, address, until string) (*url.URL, error) {
	next, err := newRequest(ctx, address, nil)
	for range maxPages {
		if err != nil {
			return nil, err
		}
		at := next.URL
		if until != "" && strings.HasPrefix(at.String(), until) {
			return at, nil
		}
		if next, err = b.step(next); err == nil && next == nil {
			if until == "" {
				return at, nil
			}
			return nil, fmt.Errorf("the way ends at %s", at.Redacted())
		}
	}
	return nil, errors.Join(err, fmt.Errorf("more than %d pages", maxPages))
}

// step makes a request and returns the one that its answer leads to, nil for
// none.
func (b *Browser) step(request *http.Request) (*http.Request, error) {
	response, err := b.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	ctx := request.Context()
	if to := response.Header.Get("Location"); to != "" {
		target, err := request.URL.Parse(to)
		if err != nil {
			return nil, err
		}
		return newRequest(ctx, target.String(), nil)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s %s: %s\n%s", request.Method, request.URL.Path, response.Status, page)
	}
	action, values, ok := b.fill(string(page))
	if !ok {
		return nil, nil
	}
	target, err := request.URL.Parse(action)
	if err != nil {
		return nil, err
	}
	return newRequest(ctx, target.String(), values)
}

// newRequest gets a page, or posts a form to it.
func newRequest(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	if form == nil {
		return http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, err
}

// What is read of the pages of the providers here, which are known.
var (
	formTag   = regexp.MustCompile(`(?s)<form\b([^>]*)>(.*?)</form>`)
	inputTag  = regexp.MustCompile(`(?s)<input\b([^>]*)>`)
	buttonTag = regexp.MustCompile(`(?s)<button\b([^>]*)>`)
	attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
)

// fill returns where a page's first form goes and what it is sent with.
func (b *Browser) fill(page string) (action string, values url.Values, ok bool) {
	form := formTag.FindStringSubmatch(page)
	if form == nil {
		return "", nil, false
	}
	values = url.Values{}
	for _, input := range inputTag.FindAllStringSubmatch(form[2], -1) {
		a := attributes(input[1])
		switch value := a["value"]; {
		case a["type"] == "password":
			values.Set(a["name"], b.Password)
		case (a["type"] == "text" || a["type"] == "email") && value == "":
			values.Set(a["name"], b.User)
		case a["name"] != "":
			values.Set(a["name"], value)
		}
	}
	if button := buttonTag.FindStringSubmatch(page); button != nil {
		if a := attributes(button[1]); a["name"] != "" {
			values.Set(a["name"], a["value"])
		}
	}
	return attributes(form[1])["action"], values, true
}

func attributes(tag string) map[string]string {
	out := map[string]string{}
	for _, a := range attribute.FindAllStringSubmatch(tag, -1) {
		out[a[1]] = html.UnescapeString(a[2])
	}
	return out
}
