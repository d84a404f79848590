package peers

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// OIDCOptions says who signs in to an OpenID provider, and to what. What is
// empty gets a value that works; NewOIDCProvider tells which.
type OIDCOptions struct {
	Users   map[string]OIDCUser // by name, which is their subject
	Clients []OIDCClient
	TTL     time.Duration // how long ID and access tokens are valid, in whole seconds
	// DeviceTTL is how long a device waits for its user. Dex ignores it.
	DeviceTTL time.Duration
	// UserInfoOnly leaves all claims about the user but his subject out of ID
	// tokens, as the standard would have it for the code flow. Dex ignores it.
	UserInfoOnly bool
}

// OIDCUser is a person who can sign in.
type OIDCUser struct {
	Password      string   `json:"password"`
	Email         string   `json:"email"`
	EmailVerified bool     `json:"emailVerified"`
	Name          string   `json:"name"`
	Picture       string   `json:"picture,omitempty"` // Dex ignores it
	Groups        []string `json:"groups"`
}

// OIDCClient is a program that users sign in to; a public one has no Secret.
// Dex knows no logout, and redirects a public client to loopback only.
type OIDCClient struct {
	ID                   string   `json:"id"`
	Secret               string   `json:"secret"`
	RedirectURIs         []string `json:"redirectUris"`
	LogoutURIs           []string `json:"logoutUris"`           // to which a logout may return
	BackChannelLogoutURI string   `json:"backChannelLogoutUri"` // told when a session ends
}

// OIDC is an OpenID provider: the certified oidc-provider, or Dex.
type OIDC struct {
	OIDCOptions
	Issuer string

	name    string
	address string
	dir     string
	program string
	args    []string
	files   func() (map[string][]byte, error)
	process *process
}

//go:embed oidcprovider/serve.mjs
var serveOIDCProvider []byte

// configFile is what an OpenID provider reads at its start.
const configFile = "config.json"

// StartOIDCProvider starts an oidc-provider for one test.
func StartOIDCProvider(t testing.TB, options OIDCOptions) *OIDC {
	t.Helper()
	return forTest(t, func() (*OIDC, error) { return NewOIDCProvider(options) })
}

// NewOIDCProvider starts an oidc-provider, which does all that this package's
// options name, and returns when it answers. The caller closes it.
//
// Without Users there are alice (groups admins and staff), bob (viewers) and
// mallory, whose address is not verified; the password of each is "secret".
// Without Clients there are web (secret "web-secret"), other (secret
// "other-secret") and the public cli. Tokens are valid for five minutes.
func NewOIDCProvider(options OIDCOptions) (*OIDC, error) {
	root, err := installed("oidc-provider", "oidcprovider/node_modules/oidc-provider")
	if err != nil {
		return nil, err
	}
	node, err := debianProgram("node")
	if err != nil {
		return nil, err
	}
	o := &OIDC{OIDCOptions: options.withDefaults(), name: "oidc-provider", program: node, args: []string{"serve.mjs", root, configFile}}
	o.files = o.oidcProviderFiles
	return o.open("")
}

// StartDex starts a Dex for one test.
func StartDex(t testing.TB, options OIDCOptions) *OIDC {
	t.Helper()
	return forTest(t, func() (*OIDC, error) { return NewDex(options) })
}

// NewDex starts a Dex with what NewOIDCProvider says of users and clients, and
// returns when it answers. The caller closes it.
func NewDex(options OIDCOptions) (*OIDC, error) {
	program, err := Program("dex")
	if err != nil {
		return nil, err
	}
	o := &OIDC{OIDCOptions: options.withDefaults(), name: "dex", program: program, args: []string{configFile}}
	o.files = o.dexFiles
	return o.open("/dex")
}

func (o *OIDC) open(path string) (*OIDC, error) {
	addresses, err := loopbacks(1)
	if err != nil {
		return nil, err
	}
	o.address, o.Issuer = addresses[0], "http://"+addresses[0]+path
	if o.dir, err = os.MkdirTemp("", "belay-"+o.name+"-"); err != nil {
		return nil, err
	}
	if err := o.Start(); err != nil {
		o.Close()
		return nil, err
	}
	return o, nil
}

// withDefaults fills in what is empty.
func (o OIDCOptions) withDefaults() OIDCOptions {
	if o.Users == nil {
		o.Users = map[string]OIDCUser{
			"alice": {
				Password: "secret", Email: "alice@example.test", EmailVerified: true, Name: "Alice Archer",
				Picture: "https://example.test/alice.png", Groups: []string{"admins", "staff"},
			},
			"bob":     {Password: "secret", Email: "bob@example.test", EmailVerified: true, Name: "Bob", Groups: []string{"viewers"}},
			"mallory": {Password: "secret", Email: "alice@example.test", Name: "Mallory"},
		}
	}
	if o.Clients == nil {
		callback := []string{"http://127.0.0.1:8080/callback"}
		o.Clients = []OIDCClient{
			{ID: "web", Secret: "web-secret", RedirectURIs: callback, LogoutURIs: []string{"http://127.0.0.1:8080/"}},
			{ID: "other", Secret: "other-secret", RedirectURIs: callback},
			{ID: "cli", RedirectURIs: callback},
		}
	}
	if o.TTL == 0 {
		o.TTL = 5 * time.Minute
	}
	if o.DeviceTTL == 0 {
		o.DeviceTTL = 5 * time.Minute
	}
	return o
}

// Change puts in force what edit makes of the options. Oidc-provider keeps
// its sessions, grants and signing keys; Dex, which is restarted, loses them.
func (o *OIDC) Change(edit func(*OIDCOptions)) error {
	edit(&o.OIDCOptions)
	return o.renew("")
}

// RotateKeys makes the provider sign with new keys, and forget those it had.
// Dex also forgets what was signed in.
func (o *OIDC) RotateKeys() error { return o.renew("?keys=new") }

// renew puts the files in force as they are now.
func (o *OIDC) renew(query string) error {
	if o.name == "dex" {
		return o.Restart()
	}
	if err := o.write(); err != nil {
		return err
	}
	response, err := http.Post("http://"+o.address+"/control"+query, "", http.NoBody)
	if err != nil {
		return fmt.Errorf("change %s: %w", o.name, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("change %s: %s", o.name, response.Status)
	}
	return nil
}

// Restart stops the server and starts it again on the same port. It has
// forgotten who was signed in. Oidc-provider goes on with the same signing
// keys, Dex with new ones.
func (o *OIDC) Restart() error {
	o.Stop()
	return o.Start()
}

// Stop ends the server.
func (o *OIDC) Stop() {
	o.process.end()
	o.process = nil
}

// Close ends the server and removes its directory.
func (o *OIDC) Close() {
	o.Stop()
	_ = os.RemoveAll(o.dir)
}

// Start starts a server that was stopped, on the same port, and returns when
// it answers.
func (o *OIDC) Start() (err error) {
	if err := o.write(); err != nil {
		return err
	}
	o.process, err = command{name: o.name, path: o.program, dir: o.dir, args: o.args}.start()
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return o.process.ready(30*time.Second, func() error {
		return probe(client, o.Issuer+"/.well-known/openid-configuration", nil)
	})
}

// Log returns what the server has printed.
func (o *OIDC) Log() (string, error) {
	text, err := os.ReadFile(filepath.Join(o.dir, o.name+".log"))
	return string(text), err
}

func (o *OIDC) write() error {
	content, err := o.files()
	if err == nil {
		err = files(o.dir, content)
	}
	if err != nil {
		return fmt.Errorf("configure %s: %w", o.name, err)
	}
	return nil
}

func (o *OIDC) oidcProviderFiles() (map[string][]byte, error) {
	port, err := strconv.Atoi(o.address[strings.LastIndexByte(o.address, ':')+1:])
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(map[string]any{
		"issuer": o.Issuer, "port": port, "users": o.Users, "clients": o.Clients, "userInfoOnly": o.UserInfoOnly,
		"ttl": o.TTL / time.Second, "deviceTtl": o.DeviceTTL / time.Second,
	})
	return map[string][]byte{configFile: text, "serve.mjs": serveOIDCProvider}, err
}

func (o *OIDC) dexFiles() (map[string][]byte, error) {
	var clients []map[string]any
	for _, c := range o.Clients {
		// The first is where Dex itself ends a device's sign-in.
		redirects := append([]string{"/device/callback"}, c.RedirectURIs...)
		clients = append(clients, map[string]any{
			"id": c.ID, "secret": c.Secret, "public": c.Secret == "", "name": c.ID, "redirectURIs": redirects,
		})
	}
	text, err := json.Marshal(map[string]any{
		"issuer": o.Issuer, "listen": o.address, "users": o.Users, "clients": clients, "ttl": o.TTL / time.Second,
	})
	return map[string][]byte{configFile: text}, err
}
