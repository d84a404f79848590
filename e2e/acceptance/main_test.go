// Package acceptance checks, row by row, what Belay promises: the real
// program as a child process, spoken to over HTTP and through its own command
// line, with real servers behind the connections.
//
// Each test is named after the row that it checks.
package acceptance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"belay/belaytest"
	"belay/e2e/peers"
)

// What the tests share. Both clusters trust one authority, so that one client
// certificate opens both.
var (
	clusterCA = peers.NewCA("clusters")
	nginxCA   = peers.NewCA("web")

	prodCluster = peers.Share(func() (*peers.Kubernetes, error) {
		return peers.NewKubernetes(peers.KubernetesOptions{Name: "prod", CA: clusterCA, Certificate: lasting(clusterCA)})
	})
	devCluster = peers.Share(func() (*peers.Kubernetes, error) {
		return peers.NewKubernetes(peers.KubernetesOptions{Name: "dev", CA: clusterCA, Certificate: lasting(clusterCA)})
	})
	prodPrometheus = peers.Share(func() (*peers.Prometheus, error) {
		return peers.NewPrometheus(peers.PrometheusOptions{Users: map[string]string{"metrics": prometheusPassword}})
	})
	devPrometheus = peers.Share(func() (*peers.Prometheus, error) {
		return peers.NewPrometheus(peers.PrometheusOptions{Users: map[string]string{"metrics": prometheusPassword}})
	})
	nginx = peers.Share(func() (*peers.Nginx, error) {
		return peers.NewNginx(peers.NginxOptions{
			Password: nginxPassword, Token: nginxToken, ClientCA: nginxCA, Certificate: lasting(nginxCA),
		})
	})
	postgres = peers.Share(peers.SharedPostgres)
)

// lasting is a server's certificate that is not about to expire, which would
// be a warning.
func lasting(ca *peers.CA) *peers.KeyPair {
	return ca.Issue(peers.CertificateOptions{
		CommonName: "127.0.0.1", Hosts: []string{"127.0.0.1", "localhost"}, NotAfter: time.Now().AddDate(1, 0, 0),
	})
}

// What opens the shared peers.
const (
	prometheusPassword = "prometheus-password"
	nginxPassword      = "nginx-password"
	nginxToken         = "nginx-token"
)

// programDir holds the program under test, named belay.
var programDir string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "belay-acceptance-")
	if err == nil {
		defer os.RemoveAll(dir)
		programDir = dir
		err = belaytest.BuildProgram(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return peers.Run(m, prodCluster, devCluster, prodPrometheus, devPrometheus, nginx, postgres)
}

func program() string { return filepath.Join(programDir, "belay") }
