package peers_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"belay/e2e/peers"
)

const redirect = "http://127.0.0.1:8080/callback"

// everyProvider runs a test against each OpenID provider.
func everyProvider(t *testing.T, test func(*testing.T, *peers.OIDC)) {
	t.Run("oidc-provider", func(t *testing.T) { test(t, peers.StartOIDCProvider(t, peers.OIDCOptions{})) })
	t.Run("dex", func(t *testing.T) { test(t, peers.StartDex(t, peers.OIDCOptions{})) })
}

// endpoint reads one address of the provider's own description.
func endpoint(t *testing.T, o *peers.OIDC, name string) string {
	t.Helper()
	_, body := call{url: o.Issuer + "/.well-known/openid-configuration"}.do(t)
	var metadata map[string]any
	if err := json.Unmarshal([]byte(body), &metadata); err != nil {
		t.Fatal(err)
	}
	address, _ := metadata[name].(string)
	if address == "" {
		t.Fatalf("no %s in %s", name, body)
	}
	return address
}

// authorization is where the client web sends its users, with the example of
// a PKCE challenge of RFC 7636, appendix B.
func authorization(t *testing.T, o *peers.OIDC) string {
	t.Helper()
	return endpoint(t, o, "authorization_endpoint") + "?" + url.Values{
		"client_id": {"web"}, "redirect_uri": {redirect}, "response_type": {"code"}, "prompt": {"consent"},
		"scope": {"openid email profile groups offline_access"}, "state": {"state"}, "nonce": {"nonce"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}.Encode()
}

// tokens asks for tokens as the client web does.
func tokens(t *testing.T, o *peers.OIDC, values url.Values) (status int, answer map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint(t, o, "token_endpoint"), strings.NewReader(values.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("web", "web-secret")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer
}

func signIn(t *testing.T, o *peers.OIDC, b *peers.Browser) map[string]any {
	t.Helper()
	back, err := b.Visit(t.Context(), authorization(t, o), redirect)
	if err != nil {
		t.Fatal(err)
	}
	status, answer := tokens(t, o, url.Values{
		"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {redirect},
		"code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
	})
	if status != http.StatusOK {
		t.Fatalf("tokens: %d %v", status, answer)
	}
	return answer
}

func TestOIDC(t *testing.T) {
	everyProvider(t, func(t *testing.T, o *peers.OIDC) {
		answer := signIn(t, o, peers.NewBrowser("alice", "secret"))
		refresh, _ := answer["refresh_token"].(string)
		values := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}
		status, second := tokens(t, o, values)
		if status != http.StatusOK || second["refresh_token"] == refresh || second["refresh_token"] == nil {
			t.Errorf("refreshing: %d, want another refresh token", status)
		}
		if status, _ := tokens(t, o, values); status != http.StatusBadRequest {
			t.Errorf("a used refresh token: %d, want 400", status)
		}
		if _, err := peers.NewBrowser("alice", "wrong").Visit(t.Context(), authorization(t, o), redirect); err == nil {
			t.Error("a wrong password leads back to the client")
		}
	})
}

func TestOIDCDevice(t *testing.T) {
	everyProvider(t, func(t *testing.T, o *peers.OIDC) {
		response, err := http.PostForm(endpoint(t, o, "device_authorization_endpoint"), url.Values{
			"client_id": {"cli"}, "scope": {"openid"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var answer struct {
			Address string `json:"verification_uri_complete"`
			Code    string `json:"device_code"`
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		if _, err := peers.NewBrowser("alice", "secret").Visit(t.Context(), answer.Address, ""); err != nil {
			t.Fatal(err)
		}
		response, err = http.PostForm(endpoint(t, o, "token_endpoint"), url.Values{
			"client_id": {"cli"}, "device_code": {answer.Code}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
			t.Errorf("tokens: %s %s %v", response.Status, body, err)
		}
	})
}

func TestOIDCKeysAndOutage(t *testing.T) {
	everyProvider(t, func(t *testing.T, o *peers.OIDC) {
		keys := call{url: endpoint(t, o, "jwks_uri")}
		_, before := keys.do(t)
		if err := o.RotateKeys(); err != nil {
			t.Fatal(err)
		}
		if _, after := keys.do(t); after == before {
			t.Error("the signing keys are the same after a rotation")
		}
		o.Stop()
		if _, _, err := keys.try(t); err == nil {
			t.Error("a stopped provider answers")
		}
		if err := o.Start(); err != nil {
			t.Fatal(err)
		}
		keys.wantStatus(t, http.StatusOK)
	})
}

func TestOIDCProviderKeepsWhatIsSignedIn(t *testing.T) {
	o := peers.StartOIDCProvider(t, peers.OIDCOptions{})
	answer := signIn(t, o, peers.NewBrowser("alice", "secret"))
	err := o.Change(func(o *peers.OIDCOptions) { o.TTL = time.Minute })
	if err != nil {
		t.Fatal(err)
	}
	refresh, _ := answer["refresh_token"].(string)
	status, second := tokens(t, o, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}})
	if status != http.StatusOK || second["expires_in"] != 60.0 {
		t.Errorf("after a change: %d %v, tokens for %v s; want 60", status, second["error"], second["expires_in"])
	}
}

func TestOIDCProviderTellsOfALogout(t *testing.T) {
	told := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.PostFormValue("logout_token") }))
	defer server.Close()
	o := peers.StartOIDCProvider(t, peers.OIDCOptions{})
	err := o.Change(func(o *peers.OIDCOptions) { o.Clients[0].BackChannelLogoutURI = server.URL })
	if err != nil {
		t.Fatal(err)
	}
	b := peers.NewBrowser("alice", "secret")
	signIn(t, o, b)
	if _, err := b.Visit(t.Context(), endpoint(t, o, "end_session_endpoint"), ""); err != nil {
		t.Fatal(err)
	}
	select {
	case token := <-told:
		if strings.Count(token, ".") != 2 {
			t.Errorf("logout token %q", token)
		}
	case <-time.After(10 * time.Second):
		t.Error("the client was not told")
	}
}
