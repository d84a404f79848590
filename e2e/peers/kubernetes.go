package peers

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// KubernetesOptions says how a cluster differs from the usual one.
type KubernetesOptions struct {
	Name        string   // in kubeconfig files; "test" when empty
	CA          *CA      // what its certificates are signed by; one of its own when nil
	Certificate *KeyPair // what the server shows; a good one when nil
}

// Kubernetes is a cluster of one API server and its etcd, with RBAC. It has
// no nodes and no controllers: objects are checked, stored and served, but no
// pod runs, and a deleted namespace stays Terminating.
//
// The users admin (of the group system:masters), viewer (of viewers, which
// may do nothing until a test binds a role) and nobody sign in with static
// tokens. Further ones come by client certificate or as service accounts.
type Kubernetes struct {
	Name string
	URL  string
	CA   *CA // signs the server's certificate and those of clients

	dir       string
	etcdURL   string
	users     []KubernetesUser
	etcd      *process
	apiserver *process
	programs  struct{ etcd, apiserver string }
}

// KubernetesUser is who signs in, by a token or by a client certificate.
type KubernetesUser struct {
	Name        string
	Groups      []string
	Token       string
	Certificate *KeyPair
}

// StartKubernetes starts a cluster for one test.
func StartKubernetes(t testing.TB, options KubernetesOptions) *Kubernetes {
	t.Helper()
	return forTest(t, func() (*Kubernetes, error) { return NewKubernetes(options) })
}

// NewKubernetes starts a cluster and returns when it answers. The caller
// closes it.
func NewKubernetes(options KubernetesOptions) (*Kubernetes, error) {
	k := &Kubernetes{Name: options.Name, CA: options.CA}
	if k.Name == "" {
		k.Name = "test"
	}
	if k.CA == nil {
		k.CA = NewCA("kubernetes")
	}
	if options.Certificate == nil {
		options.Certificate = k.CA.Server()
	}
	k.users = []KubernetesUser{
		{Name: "admin", Groups: []string{"system:masters"}, Token: rand.Text()},
		{Name: "viewer", Groups: []string{"viewers"}, Token: rand.Text()},
		{Name: "nobody", Token: rand.Text()},
	}
	if err := k.prepare(options.Certificate); err != nil {
		k.Close()
		return nil, fmt.Errorf("prepare a Kubernetes cluster: %w", err)
	}
	if err := k.Start(); err != nil {
		k.Close()
		return nil, err
	}
	return k, nil
}

// prepare finds the programs, draws the ports and writes the files that stay
// as they are.
func (k *Kubernetes) prepare(certificate *KeyPair) (err error) {
	if k.programs.etcd, err = Program("etcd"); err != nil {
		return err
	}
	if k.programs.apiserver, err = Program("kube-apiserver"); err != nil {
		return err
	}
	addresses, err := loopbacks(2)
	if err != nil {
		return err
	}
	k.URL, k.etcdURL = "https://"+addresses[0], "http://"+addresses[1]
	if k.dir, err = os.MkdirTemp("", "belay-kubernetes-"); err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	return files(k.dir, map[string][]byte{
		"ca.crt":     k.CA.PEM(),
		"server.crt": certificate.Certificate,
		"server.key": certificate.Key,
		"sa.key":     pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
	})
}

// Start starts a cluster that was stopped, on the same port and with the same
// objects, and returns when it answers.
func (k *Kubernetes) Start() error {
	if err := k.startEtcd(); err != nil {
		return err
	}
	return k.startServer()
}

// Stop ends the API server and then its etcd. What is stored stays.
func (k *Kubernetes) Stop() {
	k.stopServer()
	k.etcd.end()
	k.etcd = nil
}

// Restart ends the API server and starts it again, on the same port and with
// the same objects.
func (k *Kubernetes) Restart() error {
	k.stopServer()
	return k.Start()
}

// Close ends the cluster and removes all it stored.
func (k *Kubernetes) Close() {
	k.Stop()
	_ = os.RemoveAll(k.dir)
}

func (k *Kubernetes) stopServer() {
	k.apiserver.end()
	k.apiserver = nil
}

func (k *Kubernetes) startEtcd() (err error) {
	if k.etcd != nil {
		return nil
	}
	k.etcd, err = command{
		name: "etcd", path: k.programs.etcd, dir: k.dir,
		args: []string{
			"--data-dir=" + filepath.Join(k.dir, "etcd"), "--unsafe-no-fsync", "--log-level=warn",
			"--listen-client-urls=" + k.etcdURL, "--advertise-client-urls=" + k.etcdURL,
			// Port 0: it has no members to talk to.
			"--listen-peer-urls=http://127.0.0.1:0",
		},
	}.start()
	if err != nil {
		return err
	}
	return k.etcd.ready(30*time.Second, func() error {
		return probe(http.DefaultClient, k.etcdURL+"/health", nil)
	})
}

func (k *Kubernetes) startServer() (err error) {
	if err := files(k.dir, map[string][]byte{"tokens.csv": k.tokenFile()}); err != nil {
		return err
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(k.URL, "https://"), ":")
	k.apiserver, err = command{
		name: "kube-apiserver", path: k.programs.apiserver, dir: k.dir,
		args: []string{
			"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + port,
			"--etcd-servers=" + k.etcdURL, "--service-cluster-ip-range=10.96.0.0/24", "--endpoint-reconciler-type=none",
			"--tls-cert-file=server.crt", "--tls-private-key-file=server.key",
			"--client-ca-file=ca.crt", "--token-auth-file=tokens.csv", "--authorization-mode=RBAC",
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=sa.key", "--service-account-signing-key-file=sa.key",
			"--disable-admission-plugins=ServiceAccount", // it would wait for a controller
		},
	}.start()
	if err != nil {
		return err
	}
	// The server may show a certificate that is meant to be refused.
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DisableKeepAlives: true,
	}}
	return k.apiserver.ready(60*time.Second, func() error { return probe(client, k.URL+"/readyz", nil) })
}

// tokenFile lists who signs in with a static token:
// token,user,uid,"group,group".
func (k *Kubernetes) tokenFile() []byte {
	var text bytes.Buffer
	for _, user := range k.users {
		fmt.Fprintf(&text, "%s,%s,%s,%q\n", user.Token, user.Name, user.Name, strings.Join(user.Groups, ","))
	}
	return text.Bytes()
}

// User returns the user of that name who signs in with a static token. It
// panics when there is none.
func (k *Kubernetes) User(name string) KubernetesUser {
	return k.users[k.userIndex(name)]
}

func (k *Kubernetes) userIndex(name string) int {
	i := slices.IndexFunc(k.users, func(u KubernetesUser) bool { return u.Name == name })
	if i < 0 {
		panic("peers: no Kubernetes user " + name)
	}
	return i
}

// ReplaceToken gives the user a new static token and restarts the API server:
// the old token is refused from then on.
func (k *Kubernetes) ReplaceToken(name string) (KubernetesUser, error) {
	i := k.userIndex(name)
	k.users[i].Token = rand.Text()
	return k.users[i], k.Restart()
}

// RemoveToken takes the user's static token away and restarts the API server:
// the token is refused from then on.
func (k *Kubernetes) RemoveToken(name string) error {
	i := k.userIndex(name)
	k.users = slices.Delete(k.users, i, i+1)
	return k.Restart()
}

// ReplaceCertificate restarts the API server with another certificate.
func (k *Kubernetes) ReplaceCertificate(pair *KeyPair) error {
	err := files(k.dir, map[string][]byte{"server.crt": pair.Certificate, "server.key": pair.Key})
	if err != nil {
		return fmt.Errorf("replace the API server's certificate: %w", err)
	}
	return k.Restart()
}

// CertificateUser returns a user who signs in with a new client certificate
// that is good for a day.
func (k *Kubernetes) CertificateUser(name string, groups ...string) KubernetesUser {
	return KubernetesUser{Name: name, Groups: groups, Certificate: k.CA.Client(name, groups...)}
}
