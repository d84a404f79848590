package peers

import (
	"crypto/tls"
	_ "embed"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// NginxOptions says what an nginx guards and how. What is empty gets a value
// that works; NewNginx tells which.
type NginxOptions struct {
	User, Password          string // for /basic/
	Token                   string // for /bearer/
	HeaderName, HeaderValue string // for /header/

	Certificate *KeyPair // what its TLS ports show
	ClientCA    *CA      // signs the clients' certificates, for /cert/ and for CertURL

	Upstream              string // the URL of a server to stand in front of
	UpstreamAuthorization string // sent to it in the Authorization header, in place of the caller's
}

// Nginx is an nginx on three ports: URL is plain HTTP, TLSURL is HTTPS, and
// CertURL is HTTPS that no one enters without a client certificate. On each,
// a path leads through one guard to stub_status or to what stands behind:
//
//	/nginx_status    /...           open to all
//	/basic/nginx_status   /basic/...    user and password, else 401
//	/bearer/nginx_status  /bearer/...   bearer token, else 401
//	/header/nginx_status  /header/...   a header of a given value, else 403
//	/cert/nginx_status    /cert/...     client certificate, else 403
//
// The dots are a path of the upstream. Without an upstream they are answered
// with "hello".
type Nginx struct {
	NginxOptions
	URL, TLSURL, CertURL string

	dir     string
	program string
	process *process
}

// StartNginx starts an nginx for one test.
func StartNginx(t testing.TB, options NginxOptions) *Nginx {
	t.Helper()
	return forTest(t, func() (*Nginx, error) { return NewNginx(options) })
}

// NewNginx starts an nginx and returns when it answers. The caller closes it.
func NewNginx(options NginxOptions) (_ *Nginx, err error) {
	n := &Nginx{NginxOptions: options.withDefaults()}
	if n.program, err = debianProgram("nginx", "/usr/sbin"); err != nil {
		return nil, err
	}
	addresses, err := loopbacks(3)
	if err != nil {
		return nil, err
	}
	n.URL, n.TLSURL, n.CertURL = "http://"+addresses[0], "https://"+addresses[1], "https://"+addresses[2]
	if n.dir, err = os.MkdirTemp("", "belay-nginx-"); err != nil {
		return nil, err
	}
	if err := n.Start(); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// Change restarts the server with what edit made of its options: what they
// let in before is refused from then on.
func (n *Nginx) Change(edit func(*NginxOptions)) error {
	edit(&n.NginxOptions)
	return n.Restart()
}

// Restart stops the server and starts it again on the same ports.
func (n *Nginx) Restart() error {
	n.Stop()
	return n.Start()
}

// Stop ends the server.
func (n *Nginx) Stop() {
	n.process.end()
	n.process = nil
}

// Close ends the server and removes its directory.
func (n *Nginx) Close() {
	n.Stop()
	_ = os.RemoveAll(n.dir)
}

// Start starts a server that was stopped, on the same ports, and returns when
// it answers.
func (n *Nginx) Start() error {
	content, err := n.files()
	if err != nil {
		return fmt.Errorf("configure nginx: %w", err)
	}
	if err := files(n.dir, content); err != nil {
		return fmt.Errorf("configure nginx: %w", err)
	}
	n.process, err = command{
		name: "nginx", path: n.program, dir: n.dir,
		orphan: syscall.SIGTERM, // killed, it would leave its worker
		args:   []string{"-p", n.dir, "-c", "nginx.conf", "-e", "stderr"},
	}.start()
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return n.process.ready(10*time.Second, func() error { return probe(client, n.URL+"/nginx_status", nil) })
}

// ClientTLS returns settings that trust the server's usual certificate and
// show a client certificate.
func (n *Nginx) ClientTLS() *tls.Config {
	return &tls.Config{
		RootCAs:      n.ClientCA.Pool(),
		Certificates: []tls.Certificate{n.ClientCA.Client("tester").TLS()},
	}
}

func (o NginxOptions) withDefaults() NginxOptions {
	for field, value := range map[*string]string{
		&o.User: "admin", &o.Password: "nginx-password", &o.Token: "nginx-token",
		&o.HeaderName: "X-Api-Key", &o.HeaderValue: "nginx-key",
	} {
		if *field == "" {
			*field = value
		}
	}
	if o.ClientCA == nil {
		o.ClientCA = NewCA("nginx")
	}
	if o.Certificate == nil {
		o.Certificate = o.ClientCA.Server()
	}
	return o
}

//go:embed nginx.conf.tmpl
var nginxConf string

// files returns the server's files.
func (n *Nginx) files() (map[string][]byte, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(n.Password), bcrypt.MinCost)
	if err != nil {
		return nil, err
	}
	parsed, err := template.New("nginx.conf").Parse(nginxConf)
	if err != nil {
		return nil, err
	}
	var conf strings.Builder
	err = parsed.Execute(&conf, map[string]any{
		"Root":   os.Geteuid() == 0,
		"Plain":  strings.TrimPrefix(n.URL, "http://"),
		"TLS":    strings.TrimPrefix(n.TLSURL, "https://"),
		"Cert":   strings.TrimPrefix(n.CertURL, "https://"),
		"Dir":    n.dir,
		"Header": "http_" + strings.ReplaceAll(strings.ToLower(n.HeaderName), "-", "_"),
		"N":      n,
	})
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"nginx.conf":    []byte(conf.String()),
		"htpasswd":      []byte(n.User + ":" + string(hash) + "\n"),
		"server.crt":    n.Certificate.Certificate,
		"server.key":    n.Certificate.Key,
		"client-ca.crt": n.ClientCA.PEM(),
		"hello":         []byte("hello\n"),
	}, nil
}
