package app

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"belay"
)

// SettingChange is one difference between a connection and a context of a
// file. Certificates are told by their subject and SHA-256.
type SettingChange struct {
	Field    string // as the API spells it, such as metadata.namespace
	From, To string // "" for nothing
}

// The settings of a connection that a context says something about.
const (
	fieldAuthority  = "metadata.tls.certificateAuthority"
	fieldServerName = "metadata.tls.serverName"
	fieldUnverified = "metadata.tls.insecureSkipVerify"
)

// contextNames are the settings that a context names as texts.
var contextNames = [...]string{"context", "cluster", "user", "namespace"}

// settled is the configuration that an import gives a connection: what the
// context names, and of the rest what is there. An import verifies no less
// than the connection does, unless it is to loosen that.
func settled(v, draft *belay.Connection, loosen bool) (json.RawMessage, error) {
	have, named := membersIn(v.Config), membersIn(draft.Config)
	changed := false
	for _, name := range contextNames {
		if value, ok := named[name]; ok && !sameJSON(have[name], value) {
			have[name], changed = value, true
		}
	}
	if tls := settledTLS(v.TLSConfig(), draft.TLSConfig(), loosen); tls != v.TLSConfig() {
		text, err := json.Marshal(tls)
		if err != nil {
			return nil, fmt.Errorf("encode the TLS settings: %w", err)
		}
		have["tls"], changed = text, true
	}
	if !changed {
		return v.Config, nil
	}
	return json.Marshal(have)
}

// membersIn are the members of a JSON object, none for anything else.
func membersIn(object json.RawMessage) map[string]json.RawMessage {
	members := map[string]json.RawMessage{}
	if json.Unmarshal(object, &members) != nil || members == nil {
		return map[string]json.RawMessage{}
	}
	return members
}

// settledTLS is whom a connection trusts after an import.
func settledTLS(have, file belay.TLS, loosen bool) belay.TLS {
	next := have
	if file.ServerName != "" {
		next.ServerName = file.ServerName
	}
	switch {
	case file.CertificateAuthority != "":
		next.InsecureSkipVerify = false
		if !sameCertificates(have.CertificateAuthority, file.CertificateAuthority) {
			next.CertificateAuthority = file.CertificateAuthority
		}
	case loosen:
		next.CertificateAuthority, next.InsecureSkipVerify = "", file.InsecureSkipVerify
	}
	return next
}

// settle finds out what the context makes of its connection, and what it
// leaves there against the file.
func (k *KubeconfigContext) settle() error {
	config, err := settled(k.Connection, k.draft, k.loosen)
	if err != nil {
		return err
	}
	next := *k.draft
	next.Config = config
	k.next = &next
	k.Changes, k.Kept = changesOf(k.Connection, &next), nil
	have, file := next.TLSConfig(), k.draft.TLSConfig()
	if file.InsecureSkipVerify && !have.InsecureSkipVerify {
		k.Kept = append(k.Kept, SettingChange{fieldUnverified, "false", "true"})
	}
	if file.CertificateAuthority == "" && have.CertificateAuthority != "" {
		k.Kept = append(k.Kept, SettingChange{fieldAuthority, authorityText(have.CertificateAuthority), ""})
	}
	return nil
}

// changesOf are the differences of two connections that an import can make.
func changesOf(a, b *belay.Connection) (out []SettingChange) {
	add := func(field, from, to string) {
		if from != to {
			out = append(out, SettingChange{field, from, to})
		}
	}
	add("url", a.Endpoint, b.Endpoint)
	before, after := membersIn(a.Config), membersIn(b.Config)
	for _, name := range contextNames {
		add("metadata."+name, textIn(before[name]), textIn(after[name]))
	}
	x, y := a.TLSConfig(), b.TLSConfig()
	if !sameCertificates(x.CertificateAuthority, y.CertificateAuthority) {
		add(fieldAuthority, authorityText(x.CertificateAuthority), authorityText(y.CertificateAuthority))
	}
	add(fieldServerName, x.ServerName, y.ServerName)
	add(fieldUnverified, strconv.FormatBool(x.InsecureSkipVerify), strconv.FormatBool(y.InsecureSkipVerify))
	return out
}

// textIn is a JSON text without its quotes, "" for anything else.
func textIn(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

func sameCertificates(a, b string) bool {
	return a == b || authorityText(a) == authorityText(b) && a != "" && b != ""
}

// authorityText tells the certificates of a PEM text from others.
func authorityText(text string) string {
	var all []string
	for _, der := range belay.CertificatesIn([]byte(text)) {
		sum := sha256.Sum256(der)
		told := "SHA-256 " + hex.EncodeToString(sum[:])
		if c, err := x509.ParseCertificate(der); err == nil && c.Subject.String() != "" {
			told = c.Subject.String() + " (" + told + ")"
		}
		all = append(all, told)
	}
	return strings.Join(all, ", ")
}
