package belaytest

import (
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
)

// Pages is a browser without a screen: it follows redirects, keeps cookies,
// and sends the form of the page that it is on.
type Pages struct {
	http *http.Client
	URL  *url.URL // of the page
	Body string
}

// NewPages makes a browser that has been nowhere yet.
func NewPages() (*Pages, error) {
	jar, err := cookiejar.New(nil)
	return &Pages{http: &http.Client{Jar: jar, Transport: &http.Transport{}}}, err
}

// Close closes its connections.
func (p *Pages) Close() { p.http.CloseIdleConnections() }

// Open goes to an address.
func (p *Pages) Open(address string) error {
	req, err := http.NewRequest(http.MethodGet, address, http.NoBody) //nolint:noctx // it ends with the server
	if err != nil {
		return err
	}
	return p.send(req)
}

func (p *Pages) send(req *http.Request) error {
	req.Header.Set("Accept", "text/html")
	res, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	p.URL, p.Body = res.Request.URL, string(body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", p.URL.Path, res.Status, p.Body)
	}
	return err
}

var (
	pageForm  = regexp.MustCompile(`(?s)<form method="post"(?: action="([^"]*)")?>.*?</form>`)
	pageField = regexp.MustCompile(`<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"`)
)

// Submit sends the page's first form with these values set.
func (p *Pages) Submit(values map[string]string) error {
	m := pageForm.FindStringSubmatch(p.Body)
	if m == nil {
		return fmt.Errorf("%s has no form: %s", p.URL.Path, p.Body)
	}
	fields := map[string]string{}
	for _, f := range pageField.FindAllStringSubmatch(m[0], -1) {
		fields[f[1]] = html.UnescapeString(f[2])
	}
	maps.Copy(fields, values)
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	to, err := p.URL.Parse(html.UnescapeString(m[1]))
	if err != nil {
		return err
	}
	if m[1] == "" {
		to = p.URL
	}
	req, err := http.NewRequest(http.MethodPost, to.String(), strings.NewReader(form.Encode())) //nolint:noctx // it ends with the server
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", p.URL.Scheme+"://"+p.URL.Host)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return p.send(req)
}

// SignIn spends a sign-in link, unless the browser is not asked to.
func (p *Pages) SignIn(link string) error {
	if p.URL.Path != "/user/login" {
		return nil
	}
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil {
		return err
	}
	return p.Submit(map[string]string{"email": "", "code": u.Query().Get("code")})
}
