package keypair

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Error is why files cannot be used, for whoever runs the server. It shows
// nothing of what is in them.
type Error struct {
	File string
	Err  error
	Help string // what can be done; "" where Err says it
}

// Error names the file and what is wrong with it.
func (e *Error) Error() string { return e.File + " " + e.Err.Error() }

// Unwrap returns what is wrong with the file.
func (e *Error) Unwrap() error { return e.Err }

// content is what the files hold.
type content struct {
	certificate, key, clientCA []byte
	err                        error // of the first that cannot be read
}

// read reads all files, and so goes through every link anew.
func (f Files) read() content {
	var c content
	for _, one := range []struct {
		path string
		to   *[]byte
	}{{f.Certificate, &c.certificate}, {f.Key, &c.key}, {f.ClientCA, &c.clientCA}} {
		if one.path == "" {
			continue
		}
		b, err := os.ReadFile(one.path)
		if err != nil {
			c.err = &Error{File: one.path, Err: fmt.Errorf("cannot be read: %w", bottom(err))}
			return c
		}
		*one.to = b
	}
	return c
}

// bottom is the system's own word for an error: the path is told already.
func bottom(err error) error {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Err
	}
	return err
}

// digest tells one content from another.
func (c content) digest() [sha256.Size]byte {
	h := sha256.New()
	for _, part := range [][]byte{c.certificate, c.key, c.clientCA} {
		_, _ = fmt.Fprintf(h, "%d:", len(part))
		_, _ = h.Write(part)
	}
	if c.err != nil {
		_, _ = h.Write([]byte(c.err.Error()))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// material is one content, ready to be used.
type material struct {
	digest    [sha256.Size]byte
	pair      tls.Certificate
	config    *tls.Config
	authority map[string]bool // of clients, by identity; nil when clients are not asked
}

// parse makes material of what the files hold.
func (f Files) parse(c content) (*material, error) {
	if c.err != nil {
		return nil, c.err
	}
	pair, err := f.pair(c)
	if err != nil {
		return nil, err
	}
	m := &material{digest: c.digest(), pair: pair}
	m.config = &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{pair},
	}
	if f.ClientCA == "" {
		return m, nil
	}
	authorities, err := certificates(f.ClientCA, c.clientCA)
	if err != nil {
		return nil, err
	}
	m.authority, m.config.ClientCAs = map[string]bool{}, x509.NewCertPool()
	for _, a := range authorities {
		m.authority[identity(a)] = true
		m.config.ClientCAs.AddCert(a)
	}
	m.config.ClientAuth = tls.VerifyClientCertIfGiven
	if f.RequireClient {
		m.config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	// A session that is resumed would bring the client past the authorities
	// that are trusted now.
	m.config.SessionTicketsDisabled = true
	return m, nil
}

// identity is the same for all certificates of one authority.
func identity(c *x509.Certificate) string {
	return string(c.RawSubject) + string(c.RawSubjectPublicKeyInfo)
}

// pair is the certificate with its key.
func (f Files) pair(c content) (tls.Certificate, error) {
	none := tls.Certificate{}
	if kind, _ := blocks(c.certificate); !kind["CERTIFICATE"] && kind["key"] {
		return none, &Error{f.Certificate, errors.New("holds a private key and no certificate"), "have certificate and key changed places?"}
	}
	chain, err := certificates(f.Certificate, c.certificate)
	if err != nil {
		return none, err
	}
	switch kind, encrypted := blocks(c.key); {
	case encrypted:
		return none, &Error{f.Key, errors.New("holds a private key that is locked with a passphrase"), "unlock it: openssl pkey -in LOCKED -out PATH, readable by the server's user only"}
	case !kind["key"]:
		return none, &Error{f.Key, errors.New("holds no private key in PEM form"), "it must hold the one that belongs to " + f.Certificate}
	}
	pair, err := tls.X509KeyPair(c.certificate, c.key)
	switch {
	case err == nil:
		return pair, nil
	case strings.Contains(err.Error(), "match"):
		return none, f.mismatch(chain, c.key)
	}
	return none, &Error{f.Key, errors.New("holds a private key that cannot be read: " + strings.TrimPrefix(err.Error(), "tls: ")), ""}
}

// mismatch tells a key of another certificate from a file in the wrong order.
func (f Files) mismatch(chain []*x509.Certificate, key []byte) error {
	for _, c := range chain[1:] {
		one := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
		if _, err := tls.X509KeyPair(one, key); err == nil {
			return &Error{f.Certificate, errors.New("begins with another certificate than the server's"), "the server's own comes first, and then those that have signed it"}
		}
	}
	return &Error{f.Key, errors.New("does not match the certificate in " + f.Certificate), "they must be made for one another"}
}

// blocks tells what PEM blocks there are; all private keys count as "key".
func blocks(text []byte) (kinds map[string]bool, encrypted bool) {
	kinds = map[string]bool{}
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return kinds, encrypted
		}
		kinds[block.Type] = true
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			kinds["key"] = true
			encrypted = encrypted || block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
		}
		text = rest
	}
}

// certificates reads all certificates of a file; it has at least one.
func certificates(file string, text []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, &Error{file, fmt.Errorf("holds a certificate that cannot be read (number %d): %w", len(out)+1, err), ""}
		}
		out = append(out, c)
	}
	if len(out) == 0 {
		why := "holds no certificate in PEM form"
		if len(bytes.TrimSpace(text)) == 0 {
			why = "is empty"
		}
		return nil, &Error{file, errors.New(why), "a certificate in PEM form begins with -----BEGIN CERTIFICATE-----"}
	}
	return out, nil
}

// ended tells whether a certificate's time is over.
func ended(c *x509.Certificate, now time.Time) bool { return now.After(c.NotAfter) }
