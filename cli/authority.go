package cli

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"belay"
)

// trustHelp shows the certificate for which a test failed that it is signed
// by nobody known, and the commands that trust it from then on; nothing where
// the check does not hold it.
func trustHelp(c check, conn item) []string {
	if c.Cause != string(belay.CauseTLSUnknownAuthority) {
		return nil
	}
	found := certificates(c.Facts.TLS.Presented)
	if len(found) == 0 {
		return nil
	}
	cert := found[0]
	pinned := slices.ContainsFunc(c.Remediation, func(r remedy) bool { return r.ID == "tls.replaceAuthority" })
	if pinned {
		return pinnedHelp(cert)
	}
	out := []string{
		"the last certificate that the target sends, which nobody known has signed:",
		"  subject  " + cert.Subject.String(),
		"  issuer   " + cert.Issuer.String(),
		"  SHA-256  " + thumbprint(cert),
		"  until    " + cert.NotAfter.UTC().Format("2006-01-02"),
	}
	if !bytes.Equal(cert.RawSubject, cert.RawIssuer) {
		out = append(out, "  It is no authority's own: to trust it is to trust this one certificate.")
	}
	out = append(out, "ask who runs the target whether the SHA-256 is right, then trust it:")
	if c.ConnectionID == "" {
		return append(out, "  the same command with --dry-run --jq .facts.tls.presented > ca.pem, then with --ca-certificate ca.pem")
	}
	file := fileName(conn.name()) + "-ca.pem"
	return append(out,
		fmt.Sprintf("  belay connection checks %s --limit 1 --jq '.checks[0].facts.tls.presented' > %s", shellWord(conn.name()), file),
		fmt.Sprintf("  belay connection edit %s --ca-certificate %s", shellWord(conn.name()), file))
}

// pinnedHelp is trustHelp for a connection that trusts an authority of its
// own, which has not signed what the target sends: it gives no command that
// would trust whoever answers.
func pinnedHelp(cert *x509.Certificate) []string {
	return []string{
		"the authority that is configured for this connection has not signed what the target sends:",
		"  subject  " + cert.Subject.String(),
		"  issuer   " + cert.Issuer.String(),
		"  SHA-256  " + thumbprint(cert),
		"  until    " + cert.NotAfter.UTC().Format("2006-01-02"),
		"the target has a new authority, or somebody stands between: ask who runs the target, another way than this.",
		"--ca-certificate would replace the authority that is configured.",
	}
}

// fileName makes a name that is a plain file name in every shell.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.", r) {
			return r
		}
		return '-'
	}, strings.TrimLeft(s, ".-"))
}
