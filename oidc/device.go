package oidc

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"belay"
)

// Device is a sign-in on a device that has no browser: its user goes on with
// another one (RFC 8628).
type Device struct {
	Code     belay.Secret // for PollDevice
	UserCode string       // what the user types, or compares
	URL      string       // where
	// CompleteURL has the code in it; "" for none. The user compares the code
	// all the same, or somebody else may have begun.
	CompleteURL string
	ExpiresAt   time.Time
	Interval    time.Duration // the least between two polls
}

// Intervals at which a device may poll (RFC 8628, sections 3.2 and 3.5).
const (
	usualInterval = 5 * time.Second
	slowDown      = 5 * time.Second
	maxInterval   = time.Minute
	maxDeviceLife = 30 * time.Minute
)

// deviceAnswer is the provider's answer to a device (RFC 8628, section 3.2).
type deviceAnswer struct {
	DeviceCode  string `json:"device_code"`
	UserCode    string `json:"user_code"`
	URL         string `json:"verification_uri"`
	CompleteURL string `json:"verification_uri_complete"`
	ExpiresIn   int64  `json:"expires_in"`
	Interval    int64  `json:"interval"`
}

// StartDevice begins a sign-in on a device. The error is a CodeUnavailable
// when the provider does not answer, or does not do this.
func (p *Provider) StartDevice(ctx context.Context) (*Device, error) {
	m, err := p.discover(ctx, freshness)
	if err != nil {
		return nil, err
	}
	if m.DeviceAuthorization == "" {
		return nil, p.misconfigured("it does not let users sign in on a device without a browser", nil)
	}
	request, err := p.deviceRequest(ctx, m)
	if err != nil {
		return nil, p.unavailable(ctx, "ask "+m.DeviceAuthorization, quoted(err))
	}
	var answer deviceAnswer
	if err := p.do(request, &answer); err != nil {
		return nil, p.asked(ctx, "ask "+m.DeviceAuthorization, err)
	}
	if !answer.usable() {
		return nil, p.misconfigured("its answer to a device lacks something, or leads to an address without TLS", nil)
	}
	return answer.device(p.now()), nil
}

func (p *Provider) deviceRequest(ctx context.Context, m *metadata) (*http.Request, error) {
	as := p.asClient(m, "")
	form := url.Values{"client_id": {as.ClientID}, "scope": {strings.Join(as.Scopes, " ")}}
	if as.ClientSecret != "" && as.Endpoint.AuthStyle == oauth2.AuthStyleInParams {
		form.Set("client_secret", as.ClientSecret)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.DeviceAuthorization, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if as.ClientSecret != "" && as.Endpoint.AuthStyle == oauth2.AuthStyleInHeader {
		request.SetBasicAuth(url.QueryEscape(as.ClientID), url.QueryEscape(as.ClientSecret)) // RFC 6749, section 2.3.1
	}
	return request, nil
}

func (a deviceAnswer) usable() bool {
	for _, address := range []string{a.URL, a.CompleteURL} {
		if address == "" && a.URL != "" {
			continue // the complete one may be absent
		}
		if u, err := url.Parse(address); err != nil || !secure(u) || len(address) > maxPicture || !printable(address) {
			return false
		}
	}
	return a.DeviceCode != "" && len(a.DeviceCode) <= maxTokenLen && a.ExpiresIn > 0 &&
		a.UserCode != "" && len(a.UserCode) <= maxSubject && printable(a.UserCode)
}

func (a deviceAnswer) device(now time.Time) *Device {
	interval := usualInterval
	if a.Interval > 0 {
		interval = min(time.Duration(min(a.Interval, int64(maxInterval/time.Second)))*time.Second, maxInterval)
	}
	life := time.Duration(min(a.ExpiresIn, int64(maxDeviceLife/time.Second))) * time.Second
	return &Device{
		Code: belay.SecretString(a.DeviceCode), UserCode: a.UserCode, URL: a.URL, CompleteURL: a.CompleteURL,
		ExpiresAt: now.Add(life), Interval: interval,
	}
}

// PollDevice asks once whether the user has signed in. As long as he has not,
// it returns neither an identity nor an error, but how long to wait before it
// is called again, which is to be d's Interval from then on. The error is a
// CodeUnauthenticated when he has refused, or waited too long.
func (p *Provider) PollDevice(ctx context.Context, d *Device) (id *Identity, wait time.Duration, err error) {
	if !p.now().Before(d.ExpiresAt) {
		return nil, 0, refused("the sign-in on this device took too long", nil)
	}
	m, err := p.discover(ctx, retention)
	if err != nil {
		return nil, 0, err
	}
	// The library polls only in a loop of its own. A code without a value is
	// as good as none (RFC 6749, section 3.2).
	token, err := p.asClient(m, "").Exchange(oidc.ClientContext(ctx, p.client), "",
		oauth2.SetAuthURLParam("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
		oauth2.SetAuthURLParam("device_code", string(d.Code.Reveal())))
	switch nameOf(err) {
	case "authorization_pending":
		return nil, d.Interval, nil
	case "slow_down":
		return nil, d.Interval + slowDown, nil
	}
	if err != nil {
		return nil, 0, p.asked(ctx, "poll "+m.Token, err)
	}
	verified, err := p.verify(ctx, m, token)
	if err != nil {
		return nil, 0, err
	}
	id, err = p.identify(ctx, m, token, verified)
	return id, 0, err
}
