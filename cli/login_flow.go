package cli

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// signingIn is one sign-in under way.
type signingIn struct {
	in     *invocation
	config *oauth2.Config
	client *client // which only says what went wrong
}

// run gets the tokens by the browser of this machine, or of another one.
func (f *signingIn) run(ctx context.Context, web bool, provider string) (*oauth2.Token, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(f.in.flags.Timeout, loginPatience))
	defer cancel()
	flow := f.device
	if web {
		flow = f.browser
	}
	t, err := flow(ctx, provider)
	if err == nil {
		return t, nil
	}
	if _, ok := errors.AsType[*failure](err); ok {
		return nil, err
	}
	if errors.Is(err, context.Canceled) {
		return nil, &failure{exit: exitInterrupted, what: "interrupted", why: "nobody is signed in"}
	}
	return nil, f.refusedGrant(err)
}

// chooseProvider asks by which of the server's providers is signed in; "" is
// the only one, or any.
func (f *signingIn) chooseProvider(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(f.in.set.base.String(), "/")+"/api/providers", http.NoBody)
	if err != nil {
		return "", fmt.Errorf("ask for the providers: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	res, err := f.client.http.Do(req)
	if err != nil {
		return "", f.client.unreachable(err, req)
	}
	defer res.Body.Close()
	var all map[string]struct {
		Title string `json:"title"`
		Type  string `json:"providerType"`
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return "", f.client.refusal(res, nil)
	}
	if json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&all) != nil {
		return "", unreadable(res.Header.Get("X-Request-ID"))
	}
	if len(all) < 2 || !f.in.interactive() {
		return "", nil
	}
	keys := slices.Sorted(maps.Keys(all))
	titles := make([]string, len(keys))
	for i, k := range keys {
		titles[i] = all[k].Title
	}
	title, err := f.in.choose(ctx, "sign in with", "--device", titles)
	if err != nil {
		return "", err
	}
	return keys[slices.Index(titles, title)], nil
}

// thisHost is where this program says that it runs.
func thisHost() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// arrival is what a browser brings back.
type arrival struct{ code, fault, why string }

// browser signs in by the authorization code grant with PKCE, to a port of this
// machine (RFC 8252, section 7.3).
func (f *signingIn) browser(ctx context.Context, provider string) (*oauth2.Token, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, &failure{exit: exitFailed, what: "the browser's answer cannot be waited for", why: innermost(err), help: []string{"sign in on another device: --device"}}
	}
	verifier, state := oauth2.GenerateVerifier(), rand.Text()
	arrived := make(chan arrival, 1)
	server := &http.Server{Handler: awaiting(state, origin(f.in.set.base), arrived), ReadHeaderTimeout: defaultTimeout}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l) // it ends when it is closed
	}()
	defer func() {
		quick, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(quick) // once the browser has its answer
		_ = server.Close()
		<-ended
	}()
	f.config.RedirectURL = "http://" + l.Addr().String() + "/callback"
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("host", thisHost())}
	if provider != "" {
		options = append(options, oauth2.SetAuthURLParam("provider", provider))
	}
	address := f.config.AuthCodeURL(state, options...)
	f.open(ctx, address)
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case a := <-arrived:
		if a.fault != "" {
			return nil, &oauth2.RetrieveError{ErrorCode: a.fault, ErrorDescription: a.why}
		}
		return f.config.Exchange(ctx, a.code, oauth2.VerifierOption(verifier))
	}
}

// origin is how a server at an address calls itself as an issuer.
func origin(base *url.URL) string {
	host := strings.ToLower(base.Host)
	if base.Port() == map[string]string{"http": "80", "https": "443"}[base.Scheme] {
		host = strings.TrimSuffix(host, ":"+base.Port())
	}
	return base.Scheme + "://" + host
}

// awaiting takes the one answer that has the state. It must be from the server
// that is to get its code: another one could otherwise send the browser on to
// it, and have the code brought to itself (RFC 9207).
func awaiting(state, issuer string, arrived chan<- arrival) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, farewell("This is not the answer that the command line waits for. Begin again there."))
			return
		}
		text := "The command line has what it needs. You can close this page and go back to the terminal."
		a := arrival{code: q.Get("code"), fault: q.Get("error"), why: q.Get("error_description")}
		if a.code == "" && a.fault == "" {
			a.fault = "invalid_request"
		}
		if a.fault == "" && q.Get("iss") != issuer {
			a = arrival{fault: "issuer_mismatch", why: fmt.Sprintf("the answer is from %q, and not from %s: sign in at the address by which the server calls itself (its --public-url)", q.Get("iss"), issuer)}
		}
		if a.fault != "" {
			text = "Nobody was signed in. You can close this page and go back to the terminal."
		}
		_, _ = io.WriteString(w, farewell(text))
		select {
		case arrived <- a:
		default: // one came before
		}
	})
	return mux
}

func farewell(text string) string {
	return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>Belay</title></head><body><h1>Belay</h1><p>` + text + "</p></body></html>\n"
}

// open shows an address in the browser, and to the person where that does not
// come up.
func (f *signingIn) open(ctx context.Context, address string) {
	command := browserCommand(f.in.env("BROWSER"), address)
	err := exec.ErrNotFound
	if len(command) > 0 {
		cmd := exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...) //nolint:gosec // the user's own choice
		if err = cmd.Start(); err == nil {
			go func() { _ = cmd.Wait() }() // it may stay open for days
		}
	}
	if err != nil {
		f.in.line(f.in.plainText("Open this in a browser of this machine: " + address))
		return
	}
	f.in.line(f.in.plainText("Opening your browser… (nothing happens? visit " + address + ")"))
}

// browserCommand is what opens an address: the variable BROWSER, or what the
// system has for it.
func browserCommand(variable, address string) []string {
	first, _, _ := strings.Cut(variable, ":")
	if words := strings.Fields(first); len(words) > 0 {
		if !strings.Contains(first, "%s") {
			return append(words, address)
		}
		for i, w := range words {
			words[i] = strings.ReplaceAll(w, "%s", address)
		}
		return words
	}
	switch runtime.GOOS {
	case "darwin":
		return []string{"open", address}
	case "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler", address}
	}
	return []string{"xdg-open", address}
}

// device signs in by the device grant (RFC 8628).
func (f *signingIn) device(ctx context.Context, _ string) (*oauth2.Token, error) {
	d, err := f.config.DeviceAuth(ctx, oauth2.SetAuthURLParam("host", thisHost()))
	if err != nil {
		return nil, err
	}
	minutes := int(time.Until(d.Expiry).Round(time.Minute).Minutes())
	f.in.line(f.in.plainText("No browser here. On any device open  " + d.VerificationURI + "  and enter"))
	f.in.line("    " + f.in.plainText(d.UserCode) + fmt.Sprintf("                 (valid %d minutes)", minutes))
	f.in.line(f.in.plainText("Waiting…"))
	return f.config.DeviceAccessToken(ctx, d)
}
