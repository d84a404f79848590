package cli

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"belay"
)

type connectionView struct {
	Name string `arg:"" help:"The connection." complete:"connection"`
}

// Help gives examples.
func (*connectionView) Help() string {
	return examples("belay connection view prod-eu", "belay connection view prod-eu --jq .health")
}

// Run shows one connection.
func (c *connectionView) Run(ctx context.Context, in *invocation) error {
	found, err := in.find(ctx, connections(), c.Name)
	if err != nil {
		return err
	}
	it, _, err := in.get(ctx, connections(), found.id())
	if err != nil {
		return err
	}
	if in.laidOut() {
		in.nameCredentials(ctx, it)
		in.addFacts(ctx, it)
	}
	if err := in.showItem(connections(), it); err != nil {
		return err
	}
	in.warnUnverified(it)
	switch {
	case !in.forPeople():
	case outdated(it):
		in.say(plain, "The last test was made with a credential or secret that is not in force any more: belay connection test %s", shellWord(it.name()))
	case stale(it, in.Now()):
		in.say(plain, "The last test is too old to be relied on: belay connection test %s", shellWord(it.name()))
	}
	return nil
}

// nameCredentials adds the names of a connection's credentials, which people
// know them by. One that the caller may not read keeps its id.
func (in *invocation) nameCredentials(ctx context.Context, it item) {
	for _, use := range it.objects("credentials") {
		fields, ok := use.fields.(map[string]any)
		if !ok {
			continue
		}
		if cred, gone, err := in.credentialOf(ctx, use.id()); err == nil {
			fields["name"] = cred.name()
			if gone {
				fields["deleted"] = true // which lists do not tell
			}
		}
	}
}

// credentialOf is the credential that a connection refers to, and whether it
// was deleted and can be restored.
func (in *invocation) credentialOf(ctx context.Context, id string) (cred item, gone bool, err error) {
	if cred, _, err = in.get(ctx, credentials(), id); err == nil {
		return cred, false, nil
	}
	all, err := in.deleted(ctx, credentials())
	if err != nil {
		return item{}, false, err
	}
	cred, err = credentials().findDeleted(all, id)
	return cred, err == nil, err
}

// connectionDetail are the properties of one connection, all that can be set
// among them.
func connectionDetail() []column {
	return []column{
		field("NAME", "name"), field("KIND", "kind"), field("URL", "url"), field("DESCRIPTION", "description"),
		healthNow(), whyColumn(), when("SINCE", "health.since"), when("CHECKED", "health.checkedAt"),
		factsColumn(), field("STATE", "status"), field("REASON", "statusReason"),
		when("MAINTENANCE UNTIL", "maintenance.until"), field("MAINTENANCE FOR", "maintenance.reason"),
		credentialColumn(), listAll("ENVIRONMENTS", "environments"), labelsColumn(), settingsOfConnection(),
		tlsColumn(), field("TLS NAME", "metadata.tls.serverName"), authorityColumn(),
		secondsColumn("INTERVAL", "check.intervalSeconds"), secondsColumn("TIMEOUT", "check.timeoutSeconds"),
		field("MANAGEMENT", "management"), field("ORIGIN", "origin"), field("ID", "id"),
		when("CREATED", "createdAt"), when("UPDATED", "updatedAt"),
	}
}

// secondsColumn is a number of seconds with its unit.
func secondsColumn(title, path string) column {
	return column{title: title, cell: func(it item, _ view) cell {
		if s := it.text(path); s != "" {
			return cell{text: s + "s"}
		}
		return cell{}
	}}
}

// settingsOfConnection are the settings of the kind; those of TLS have
// properties of their own.
func settingsOfConnection() column {
	return column{title: "SETTINGS", cell: func(it item, _ view) cell {
		m, _ := it.at("metadata").(map[string]any)
		m = maps.Clone(m)
		delete(m, "tls")
		return cell{text: strings.Join(pairs(m), ", ")}
	}}
}

// unverified tells whether a connection takes any certificate for the
// target's.
func unverified(it item) bool { return it.text("metadata.tls.insecureSkipVerify") == "true" }

func tlsColumn() column {
	return column{title: "TLS", cell: func(it item, _ view) cell {
		switch {
		case unverified(it):
			return cell{text: "CERTIFICATE NOT VERIFIED", tone: bad, mark: "!"}
		case strings.HasPrefix(it.text("url"), "http://"):
			return cell{text: "none"}
		}
		return cell{text: "verified"}
	}}
}

// authorityColumn says which authority is trusted, by what tells one from
// another.
func authorityColumn() column {
	return column{title: "TLS AUTHORITY", cell: func(it item, _ view) cell {
		text := it.text("metadata.tls.certificateAuthority")
		if text == "" {
			return cell{}
		}
		if len(certificates(text)) == 0 {
			return cell{text: "cannot be read", tone: bad}
		}
		return cell{text: authorityText(text)}
	}}
}

// authorityText names the certificates of a PEM text.
func authorityText(text string) string {
	var out []string
	for _, c := range certificates(text) {
		out = append(out, c.Subject.String()+", SHA-256 "+thumbprint(c)+", until "+c.NotAfter.UTC().Format("2006-01-02"))
	}
	return strings.Join(out, "; ")
}

// certificates reads those of a PEM text; what cannot be read is left out.
func certificates(text string) []*x509.Certificate {
	var out []*x509.Certificate
	for _, der := range belay.CertificatesIn([]byte(text)) {
		if c, err := x509.ParseCertificate(der); err == nil {
			out = append(out, c)
		}
	}
	return out
}

// thumbprint is the SHA-256 of a certificate in hexadecimal digits.
func thumbprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// warnUnverified says, even when quiet, which connections take any
// certificate for their target's, and how that is put right.
func (in *invocation) warnUnverified(conns ...item) {
	conns = keep(conns, unverified)
	if len(conns) == 0 {
		return
	}
	names := allNames(conns)
	in.warn("the certificate of %s is NOT VERIFIED — whoever is on the way can read and change all that is sent, the credential too", strings.Join(names, ", "))
	if !in.flags.Quiet {
		slices.Sort(names)
		in.line("  " + in.plainText("trust its authority instead: belay connection edit "+shellWord(names[0])+" --ca-certificate PATH --unset metadata.tls.insecureSkipVerify"))
	}
}
