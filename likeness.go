package belay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Likeness is what stays of a connection when its target moves to another
// address: a hash over its kind, the context that it was made of, and the
// certificate authority that it trusts. "" when it has no context or trusts
// whom the system trusts: then nothing tells it from others. Two connections
// that are alike may still lead to different targets; Identity decides.
func (c *Connection) Likeness() string {
	var config struct {
		Context string `json:"context"`
	}
	if json.Unmarshal(c.Config, &config) != nil || config.Context == "" {
		return ""
	}
	authority := c.authority()
	if len(authority) == 0 {
		return ""
	}
	sum := sha256.New()
	for _, part := range [][]byte{[]byte(c.Kind), []byte(config.Context), authority} {
		own := sha256.Sum256(part)
		sum.Write(own[:])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// SameAuthority tells whether two connections trust the same certificate
// authority, neither of them any certificate: the system's where they name
// none.
func (c *Connection) SameAuthority(other *Connection) bool {
	a, b := c.TLSConfig(), other.TLSConfig()
	return !a.InsecureSkipVerify && !b.InsecureSkipVerify &&
		bytes.Equal(c.authority(), other.authority())
}

// authority is the certificates that a connection trusts, without what the
// spelling of their text adds to them.
func (c *Connection) authority() []byte {
	return bytes.Join(CertificatesIn([]byte(c.TLSConfig().CertificateAuthority)), nil)
}
