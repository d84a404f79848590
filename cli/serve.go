package cli

import (
	"context"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"belay"
	"belay/egress"
)

// ServeConfig is how a server is to run, checked as far as that is possible
// without touching anything.
type ServeConfig struct {
	Listen             string       // host:port; port 0 is any free one
	PublicURL          *url.URL     // where others reach it, scheme and host alone; nil: where it listens
	DataDir            string       // absolute or relative to the working directory; it may not exist yet
	Database           belay.Secret // URL of a PostgreSQL database; zero: the embedded one in DataDir
	KeyFile            string       // of the key-encryption key; "": the one in DataDir
	EgressAllow        []netip.Prefix
	EgressDeny         []netip.Prefix
	EgressLoopback     *bool // loopback addresses without EgressAllow; nil: as the server sees fit
	DiscoverKubeconfig bool
	NewAdminToken      bool                              // another one into admin.token
	TLS                TLSFiles                          // zero: plain HTTP
	InsecureHTTP       bool                              // plain HTTP on an address that is not loopback
	TokenMaxLife       time.Duration                     // the longest life that a token can be given; negative: any, and none that ends
	SessionLife        time.Duration                     // from signing in
	SessionIdle        time.Duration                     // from the last use
	Clients            []belay.Client                    // that may act for users who allow it
	Provider           string                            // whose users alone are let in; "": of all
	Providers          map[string]belay.ProviderSettings // outside of the server, by key; the server says whether they are valid
	Faults             []string                          // what is wrong with clients and with what providers name; the server tells it with the rest
	LogLevel           slog.Level
	LogFormat          string // "text" or "json"
}

// TLSFiles are what a server speaks TLS with, all in PEM form.
type TLSFiles struct {
	Certificate, Key string
	ClientCA         string // authorities of clients; "": clients are not asked for certificates
	RequireClient    bool   // or else only what they show is verified
}

// serve takes each value from its flag, else from the variable BELAY_…, else
// from the file that --config names, else from its default; see
// serveResolver. The tag setting marks what can come from there, secret what
// can come from the file that a variable BELAY_…_FILE names.
type serve struct {
	Config             string   `type:"path" placeholder:"PATH" help:"Read settings from this YAML file (BELAY_CONFIG)."`
	Listen             string   `setting:"" default:"127.0.0.1:9081" placeholder:"HOST:PORT" help:"Where to listen (BELAY_LISTEN); ${default} without it."`
	PublicURL          string   `setting:"" name:"public-url" placeholder:"URL" help:"Where others reach this server, such as https://belay.example, when that is not where it listens (BELAY_PUBLIC_URL)."`
	DataDir            string   `setting:"" placeholder:"DIR" help:"Where the database and the key are (BELAY_DATA_DIR); $XDG_DATA_HOME/belay or ~/.local/share/belay."`
	Database           string   `setting:"" secret:"" placeholder:"URL" help:"A PostgreSQL database, postgres://…, instead of the embedded one; with a password only in BELAY_DATABASE or BELAY_DATABASE_FILE."`
	KeyFile            string   `setting:"" placeholder:"PATH" help:"The key-encryption key (BELAY_KEY_FILE); it is made in the data directory otherwise."`
	EgressAllow        []string `setting:"" placeholder:"CIDR" help:"Let connections reach these addresses though they are refused otherwise (BELAY_EGRESS_ALLOW)."`
	EgressDeny         []string `setting:"" placeholder:"CIDR" help:"Let no connection reach these addresses (BELAY_EGRESS_DENY)."`
	EgressLoopback     *bool    `setting:"" negatable:"" help:"Let connections reach this machine's loopback addresses (BELAY_EGRESS_LOOPBACK); the default is to do so only on loopback and without --public-url."`
	DiscoverKubeconfig bool     `setting:"" negatable:"" default:"true" help:"Offer the contexts of ~/.kube/config at the first start (BELAY_DISCOVER_KUBECONFIG)."`
	TLSCert            string   `setting:"" name:"tls-cert" placeholder:"PATH" help:"Speak TLS with this certificate, followed in its PEM file by those that have signed it (BELAY_TLS_CERT)."`
	TLSKey             string   `setting:"" name:"tls-key" placeholder:"PATH" help:"The key of that certificate, in PEM form (BELAY_TLS_KEY)."`
	TLSClientCA        string   `setting:"" name:"tls-client-ca" placeholder:"PATH" help:"Ask clients for certificates that these authorities have signed (BELAY_TLS_CLIENT_CA)."`
	TLSClientAuth      string   `setting:"" name:"tls-client-auth" placeholder:"MODE" help:"require refuses clients without a certificate, request verifies those that show one (BELAY_TLS_CLIENT_AUTH); require without it."`
	InsecureHTTP       bool     `setting:"" name:"insecure-http" help:"Listen without TLS on an address that others can reach (BELAY_INSECURE_HTTP)."`
	NewAdminToken      bool     `help:"Make another token for the first administrator, in admin.token in the data directory: for when that file is lost. Others go on working."`
	TokenMaxLife       string   `setting:"" default:"366d" placeholder:"LIFE" help:"The longest life that a token can be given, such as 30d; never allows any, and tokens that do not expire (BELAY_TOKEN_MAX_LIFE); ${default} without it."`
	SessionLife        string   `setting:"" default:"12h" placeholder:"LIFE" help:"When a browser must sign in again (BELAY_SESSION_LIFE); ${default} without it."`
	SessionIdle        string   `setting:"" default:"2h" placeholder:"LIFE" help:"When a browser that is not used must sign in again (BELAY_SESSION_IDLE); ${default} without it."`
	Provider           string   `setting:"" placeholder:"NAME" help:"Let only users of this provider in (BELAY_PROVIDER); of all providers without it."`
	LogLevel           string   `setting:"" default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"debug, info, warn or error (BELAY_LOG_LEVEL); ${default} without it."`
	LogFormat          string   `setting:"" default:"text" enum:"text,json" placeholder:"FORMAT" help:"text or json (BELAY_LOG_FORMAT); ${default} without it."`
}

// Help gives examples.
func (*serve) Help() string {
	return "In the file, flags are keys without their dashes: listen, data-dir, egress-allow; egress: {allow: […]} is the same. Unknown keys are refused.\nTwo keys are no flags: providers says at which OpenID providers and other servers of this kind users sign in, clients which programs may act for users.\nThe files of TLS are read again when they change, and on SIGHUP.\nA PostgreSQL database is best named by BELAY_DATABASE_FILE, a file that holds its URL.\n\n" + examples(
		"belay serve", "belay serve --data-dir ./data --listen 127.0.0.1:0 --log-format json",
		"BELAY_LOG_LEVEL=warn belay serve --config /etc/belay.yaml", "belay serve --tls-cert /etc/belay/tls.crt --tls-key /etc/belay/tls.key")
}

// Run runs the server until the context ends.
func (c *serve) Run(ctx context.Context, in *invocation) error {
	in.warnOfVariables()
	conf, err := c.settle(in)
	if err != nil {
		return err
	}
	return in.Serve(ctx, conf, in.Program)
}

// fromOutside reads what the file says of providers and clients.
func (c *serve) fromOutside(in *invocation, conf *ServeConfig) (err error) {
	var more []string
	if conf.Providers, conf.Faults, err = c.providerSettings(in); err != nil {
		return err
	}
	conf.Clients, more, err = c.clients()
	conf.Faults = append(conf.Faults, more...)
	return err
}

func (c *serve) settle(in *invocation) (ServeConfig, error) {
	conf := ServeConfig{
		Listen: c.Listen, DataDir: c.DataDir, KeyFile: c.KeyFile, DiscoverKubeconfig: c.DiscoverKubeconfig,
		NewAdminToken: c.NewAdminToken,
		InsecureHTTP:  c.InsecureHTTP, LogFormat: c.LogFormat, EgressLoopback: c.EgressLoopback, Provider: c.Provider,
	}
	err := c.whereabouts(in, &conf)
	if err != nil {
		return conf, err
	}
	if conf.TLS, err = c.tls(); err != nil {
		return conf, err
	}
	if err := c.fromOutside(in, &conf); err != nil {
		return conf, err
	}
	if err := c.lifetimes(&conf); err != nil {
		return conf, err
	}
	if err := conf.LogLevel.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return conf, usage("--log-level %q is none", c.LogLevel)
	}
	if conf.EgressAllow, err = prefixes("--egress-allow", c.EgressAllow); err != nil {
		return conf, err
	}
	conf.EgressDeny, err = prefixes("--egress-deny", c.EgressDeny)
	return conf, err
}

// whereabouts settles where the server's data are, and where it is reached.
func (c *serve) whereabouts(in *invocation, conf *ServeConfig) error {
	if conf.DataDir == "" {
		conf.DataDir = in.DataDir()
	}
	if conf.DataDir == "" {
		return usage("there is no home directory to keep the data in").withHelp("choose one: --data-dir DIR")
	}
	if _, err := netip.ParseAddrPort(numericHost(c.Listen)); err != nil {
		return usage("--listen %q is not HOST:PORT", c.Listen)
	}
	var err error
	if conf.PublicURL, err = c.publicURL(); err != nil {
		return err
	}
	if c.Database == "" {
		return nil
	}
	if err := checkDatabase(c.Database); err != nil {
		return err
	}
	conf.Database = belay.SecretString(c.Database)
	return nil
}

// numericHost puts an address in place of a name, so that the form can be
// checked; whether the name exists shows when listening.
func numericHost(listen string) string {
	host, port, ok := strings.Cut(listen, ":")
	if !ok || strings.Contains(port, ":") {
		return listen
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return listen
	}
	return "127.0.0.1:" + port
}

// publicURL is where others reach the server, nil for where it listens.
func (c *serve) publicURL() (*url.URL, error) {
	if c.PublicURL == "" {
		return nil, nil
	}
	u, err := url.Parse(c.PublicURL)
	switch {
	case err != nil || !hostName.MatchString(u.Hostname()) && !isAddr(u.Hostname()) || u.Scheme != "http" && u.Scheme != "https" || u.User != nil:
		return nil, usage("--public-url is not a URL of the form https://HOST or https://HOST:PORT")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, usage("--public-url %q must end behind the host — the server answers at the root of a host of its own", c.PublicURL)
	case u.Scheme == "http" && c.TLSCert != "":
		return nil, usage("--public-url %q begins with http://, and with --tls-cert the server speaks TLS", c.PublicURL).withHelp("use https://")
	case u.Scheme == "http" && !c.InsecureHTTP && !loopbackName(u.Hostname()):
		return nil, usage("--public-url %q begins with http:// — whoever is on the way could read every token", c.PublicURL).withHelp("use https://", "--insecure-http allows it all the same")
	}
	host := strings.ToLower(u.Host)
	if u.Port() == map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		host = strings.TrimSuffix(host, ":"+u.Port()) // browsers leave it out too
	}
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}

// hostName is what the host of a URL may look like, unless it is an address.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

func isAddr(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// loopbackName tells whether a host can be nothing but this machine.
func loopbackName(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// checkDatabase never shows what it was given: it may hold a password.
func checkDatabase(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" && u.RawQuery == "" {
		return usage("the database is not a URL of the form postgres://user@host/name")
	}
	return nil
}

// prefixes reads networks; an address alone is the network of it.
func prefixes(flag string, given []string) ([]netip.Prefix, error) {
	p, err := egress.ParsePrefixes(given)
	if err != nil {
		return nil, usage("%s: %v", flag, err)
	}
	return p, nil
}

// readSecretFile reads what a variable BELAY_…_FILE names.
func readSecretFile(variable, path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", usage("cannot read the file that %s names — %v", variable, err)
	}
	return strings.TrimSpace(string(b)), nil
}
