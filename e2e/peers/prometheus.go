package peers

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// PrometheusOptions says what a Prometheus asks of those who call it; of
// nothing when zero.
type PrometheusOptions struct {
	Users       map[string]string // basic authentication: passwords by user
	Certificate *KeyPair          // serves TLS with it
	ClientCA    *CA               // lets in who shows a certificate that it signed; wants Certificate
}

// Prometheus is a Prometheus that scrapes itself each second. It has an alert
// that always fires, named AlwaysFiring.
type Prometheus struct {
	URL string

	dir     string
	address string
	program string
	options PrometheusOptions
	process *process
}

// StartPrometheus starts a Prometheus for one test.
func StartPrometheus(t testing.TB, options PrometheusOptions) *Prometheus {
	t.Helper()
	return forTest(t, func() (*Prometheus, error) { return NewPrometheus(options) })
}

// NewPrometheus starts a Prometheus and returns when it answers. The caller
// closes it.
func NewPrometheus(options PrometheusOptions) (_ *Prometheus, err error) {
	p := &Prometheus{options: options}
	if p.program, err = debianProgram("prometheus"); err != nil {
		return nil, err
	}
	addresses, err := loopbacks(1)
	if err != nil {
		return nil, err
	}
	p.address, p.URL = addresses[0], "http://"+addresses[0]
	if options.Certificate != nil {
		p.URL = "https://" + p.address
	}
	if p.dir, err = os.MkdirTemp("", "belay-prometheus-"); err != nil {
		return nil, err
	}
	if err := p.Start(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Change restarts the server with other options: what it asked for before is
// refused from then on. It goes on serving TLS or plain HTTP as before, so
// that its URL stays.
func (p *Prometheus) Change(options PrometheusOptions) error {
	if (options.Certificate != nil) != (p.options.Certificate != nil) {
		return fmt.Errorf("a Prometheus at %s cannot change its scheme", p.URL)
	}
	p.options = options
	return p.Restart()
}

// Restart stops the server and starts it again on the same port.
func (p *Prometheus) Restart() error {
	p.Stop()
	return p.Start()
}

// Stop ends the server. What it stored stays.
func (p *Prometheus) Stop() {
	p.process.end()
	p.process = nil
}

// Close ends the server and removes what it stored.
func (p *Prometheus) Close() {
	p.Stop()
	_ = os.RemoveAll(p.dir)
}

// Start starts a server that was stopped, on the same port, and returns when
// it answers.
func (p *Prometheus) Start() error {
	content, err := p.files()
	if err != nil {
		return fmt.Errorf("configure prometheus: %w", err)
	}
	if err := files(p.dir, content); err != nil {
		return fmt.Errorf("configure prometheus: %w", err)
	}
	p.process, err = command{
		name: "prometheus", path: p.program, dir: p.dir,
		args: []string{
			"--config.file=prometheus.json", "--web.config.file=web.json", "--storage.tsdb.path=data",
			"--web.listen-address=" + p.address,
		},
	}.start()
	if err != nil {
		return err
	}
	return p.process.ready(30*time.Second, p.probe)
}

// files returns the server's files. They are JSON, which the YAML that it
// reads contains.
func (p *Prometheus) files() (map[string][]byte, error) {
	type object = map[string]any
	scrape := object{
		"job_name": "prometheus", "scheme": "http",
		"static_configs": []object{{"targets": []string{p.address}}},
	}
	content, web := map[string][]byte{}, object{}
	if pair := p.options.Certificate; pair != nil {
		content["server.crt"], content["server.key"] = pair.Certificate, pair.Key
		scrape["scheme"] = "https"
		server, client := object{"cert_file": "server.crt", "key_file": "server.key"}, object{"insecure_skip_verify": true}
		if ca := p.options.ClientCA; ca != nil {
			self := ca.Client("prometheus")
			content["client-ca.crt"], content["self.crt"], content["self.key"] = ca.PEM(), self.Certificate, self.Key
			server["client_auth_type"], server["client_ca_file"] = "RequireAndVerifyClientCert", "client-ca.crt"
			client["cert_file"], client["key_file"] = "self.crt", "self.key"
		}
		web["tls_server_config"], scrape["tls_config"] = server, client
	}
	if len(p.options.Users) > 0 {
		hashes := map[string]string{}
		for user, password := range p.options.Users {
			hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
			if err != nil {
				return nil, err
			}
			hashes[user] = string(hash)
			scrape["basic_auth"] = object{"username": user, "password": password}
		}
		web["basic_auth_users"] = hashes
	}
	rules := object{"groups": []object{{"name": "test", "interval": "1s", "rules": []object{
		{"alert": "AlwaysFiring", "expr": "vector(1)", "labels": object{"severity": "info"}},
	}}}}
	config := object{
		"global": object{"scrape_interval": "1s"}, "scrape_configs": []object{scrape}, "rule_files": []string{"rules.json"},
	}
	for name, value := range map[string]object{"web.json": web, "rules.json": rules, "prometheus.json": config} {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		content[name] = text
	}
	return content, nil
}

// probe signs in with what the options ask for.
func (p *Prometheus) probe() error {
	settings := &tls.Config{InsecureSkipVerify: true} // its certificate may be meant to be refused
	if p.options.ClientCA != nil {
		settings.Certificates = []tls.Certificate{p.options.ClientCA.Client("probe").TLS()}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true}}
	return probe(client, p.URL+"/-/ready", func(r *http.Request) {
		for user, password := range p.options.Users {
			r.SetBasicAuth(user, password)
		}
	})
}
