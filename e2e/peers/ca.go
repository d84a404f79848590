package peers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// CA is a certificate authority that signs what a test asks for, also what a
// real one would refuse.
type CA struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// KeyPair is a certificate and its private key, both in PEM.
type KeyPair struct {
	Certificate, Key []byte
}

// CertificateOptions describes a certificate. One with Hosts is for a server,
// one without is for a client.
type CertificateOptions struct {
	CommonName    string
	Organizations []string // for a client of Kubernetes, its groups
	Hosts         []string // names and addresses of a server

	NotBefore time.Time // an hour ago when zero
	NotAfter  time.Time // in a day when zero
}

// NewCA returns an authority of the given name that no other trusts.
func NewCA(name string) *CA {
	key := newKey()
	template := CertificateOptions{CommonName: name}.template()
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil
	return &CA{certificate: sign(template, template, key, key), key: key}
}

// PEM returns the authority's own certificate.
func (ca *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.certificate.Raw})
}

// Pool returns a pool that trusts this authority alone.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.certificate)
	return pool
}

// Issue returns a new certificate with a key of its own.
func (ca *CA) Issue(options CertificateOptions) *KeyPair {
	key := newKey()
	certificate := sign(options.template(), ca.certificate, key, ca.key)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(err)
	return &KeyPair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
	}
}

// Server returns a server's certificate, for 127.0.0.1 and localhost when no
// host is named.
func (ca *CA) Server(hosts ...string) *KeyPair {
	if len(hosts) == 0 {
		hosts = []string{"127.0.0.1", "localhost"}
	}
	return ca.Issue(CertificateOptions{CommonName: hosts[0], Hosts: hosts})
}

// Client returns a client's certificate, which ends in a year: one that is no reason
// for a warning.
func (ca *CA) Client(name string, groups ...string) *KeyPair {
	return ca.Issue(CertificateOptions{CommonName: name, Organizations: groups, NotAfter: time.Now().AddDate(1, 0, 0)})
}

// TLS returns the pair in the form that crypto/tls takes.
func (p *KeyPair) TLS() tls.Certificate {
	certificate, err := tls.X509KeyPair(p.Certificate, p.Key)
	must(err)
	return certificate
}

// template is the certificate before it is signed.
func (o CertificateOptions) template() *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	must(err)
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: o.CommonName, Organization: o.Organizations},
		NotBefore:    o.NotBefore,
		NotAfter:     o.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if template.NotBefore.IsZero() {
		template.NotBefore = time.Now().Add(-time.Hour)
	}
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(24 * time.Hour)
	}
	for _, host := range o.Hosts {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return template
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return key
}

func sign(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	must(err)
	certificate, err := x509.ParseCertificate(der)
	must(err)
	return certificate
}

// must is for steps that can only fail by a mistake in this package.
func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("peers: %v", err))
	}
}
