// Package keypair holds a server's certificate, its key and the authorities of
// its clients, read from files, and again when these change.
package keypair

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Files are where things are, all in PEM form.
type Files struct {
	Certificate   string // the server's, and behind it those that have signed it
	Key           string
	ClientCA      string // authorities of clients; "": clients are not asked for certificates
	RequireClient bool   // refuse clients without a certificate; without it, only what is shown is verified
}

// Config says what a Keeper keeps.
type Config struct {
	Files
	Host     string        // by which clients call the server; "" when that is not known
	Interval time.Duration // from one look at the files to the next; 0: a second
	Clock    func() time.Time
	Log      *slog.Logger
	// Changed is given the server's certificate in PEM form whenever another
	// one comes into force; nil for nobody.
	Changed func(ctx context.Context, certificate []byte)
}

const interval = time.Second

// Keeper is what is in force of the files.
type Keeper struct {
	config  Config
	current atomic.Pointer[material]

	mu      sync.Mutex        // held by a look
	seen    [sha256.Size]byte // what the last look found
	refused [sha256.Size]byte // what was complained of
	overdue *material         // of which it was told that its time is over

	stop context.CancelFunc
	done chan struct{}
}

// Open reads the files, which must be usable, and warns of what clients will
// not like about them. What they hold comes into force again and again until
// Close.
func Open(ctx context.Context, c Config) (*Keeper, error) {
	if c.Interval == 0 {
		c.Interval = interval
	}
	m, err := c.parse(c.read())
	if err != nil {
		return nil, err
	}
	k := &Keeper{config: c, seen: m.digest, done: make(chan struct{})}
	k.current.Store(m)
	k.warn(ctx, m)
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	k.stop = stop
	go k.watch(watching)
	return k, nil
}

// Close ends the looking. What is in force stays.
func (k *Keeper) Close() {
	k.stop()
	<-k.done
}

func (k *Keeper) watch(ctx context.Context) {
	defer close(k.done)
	tick := time.NewTicker(k.config.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.look(ctx, false)
		}
	}
}

// TLS is how a server is to speak with what is in force at each connection.
func (k *Keeper) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return k.current.Load().config, nil },
	}
}

// Certificate is the server's in PEM form, without those that have signed it.
func (k *Keeper) Certificate() []byte { return k.current.Load().certificate() }

func (m *material) certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.pair.Leaf.Raw})
}

// Trusted tells whether what a client showed when it connected would let it
// connect now: its authority is still among those in force, and its time is
// not over. A client that was not asked for anything is trusted.
func (k *Keeper) Trusted(s *tls.ConnectionState) bool {
	m := k.current.Load()
	if m.authority == nil || len(s.PeerCertificates) == 0 {
		return true
	}
	now := k.config.Clock()
	return slices.ContainsFunc(s.VerifiedChains, func(chain []*x509.Certificate) bool {
		over := slices.ContainsFunc(chain, func(c *x509.Certificate) bool { return ended(c, now) })
		return !over && m.authority[identity(chain[len(chain)-1])]
	})
}

// Reload looks at the files at once. What cannot be used is logged and changes
// nothing.
func (k *Keeper) Reload(ctx context.Context) { k.look(ctx, true) }

// look takes over what the files hold, if that is something else than before.
// Unless it is to be at once, that is done when two looks have found the same:
// certificate and key are two files, and somebody may be writing them.
func (k *Keeper) look(ctx context.Context, atOnce bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := k.config.read()
	digest, current := found.digest(), k.current.Load()
	settled := atOnce || digest == k.seen
	k.seen = digest
	switch {
	case digest == current.digest:
		k.refused = [sha256.Size]byte{}
		k.remind(ctx, current)
		if atOnce {
			k.config.Log.InfoContext(ctx, "the TLS certificate is the same as before", "file", k.config.Certificate)
		}
		return
	case !settled, digest == k.refused && !atOnce:
		return
	}
	next, err := k.config.parse(found)
	if now := k.config.Clock(); err == nil && ended(next.pair.Leaf, now) && !ended(current.pair.Leaf, now) {
		err = &Error{k.config.Certificate, errors.New("holds a certificate that ended on " + date(next.pair.Leaf.NotAfter)), ""}
	}
	if err != nil {
		k.refused = digest
		k.config.Log.ErrorContext(ctx, "the TLS certificate that is in force stays: the new one cannot be used", "error", err,
			"subject", current.pair.Leaf.Subject.String(), "ends", current.pair.Leaf.NotAfter)
		return
	}
	k.replace(ctx, next)
}

func (k *Keeper) replace(ctx context.Context, m *material) {
	k.current.Store(m)
	k.config.Log.InfoContext(ctx, "the TLS certificate was read again", "file", k.config.Certificate, "subject", m.pair.Leaf.Subject.String(),
		"serial", serial(m.pair.Leaf), "ends", m.pair.Leaf.NotAfter)
	k.warn(ctx, m)
	if k.config.Changed != nil {
		k.config.Changed(ctx, m.certificate())
	}
}

// remind tells once that the time of what is in force is over.
func (k *Keeper) remind(ctx context.Context, m *material) {
	if k.overdue != m && ended(m.pair.Leaf, k.config.Clock()) {
		k.overdue = m
		k.config.Log.ErrorContext(ctx, "the TLS certificate has expired: clients refuse it", "file", k.config.Certificate, "ended", m.pair.Leaf.NotAfter)
	}
}

// warn tells what clients will not like, and of a key that is not kept.
func (k *Keeper) warn(ctx context.Context, m *material) {
	leaf, now := m.pair.Leaf, k.config.Clock()
	if ended(leaf, now) {
		k.overdue = m
	}
	for _, text := range complaints(leaf, k.config.Host, now) {
		k.config.Log.WarnContext(ctx, "clients may refuse the TLS certificate", "why", "it "+text, "file", k.config.Certificate)
	}
	if i, err := os.Stat(k.config.Key); runtime.GOOS != "windows" && err == nil && i.Mode().Perm()&0o004 != 0 {
		k.config.Log.WarnContext(ctx, "every user of this machine can read the TLS key: whoever has it can pass for this server",
			"file", k.config.Key, "mode", fmt.Sprintf("%04o", i.Mode().Perm()))
	}
}

// complaints are what clients have against a server's certificate.
func complaints(c *x509.Certificate, host string, now time.Time) []string {
	var out []string
	if ended(c, now) {
		out = append(out, "has expired, on "+date(c.NotAfter))
	}
	if now.Before(c.NotBefore) {
		out = append(out, "is not valid before "+date(c.NotBefore))
	}
	names := hosts(c)
	switch {
	case len(names) == 0:
		out = append(out, "names no host (subject alternative name)")
	case host != "" && c.VerifyHostname(host) != nil:
		out = append(out, "is not for "+host+", by which others reach this server, but for "+strings.Join(names, ", "))
	}
	if len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0 && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageAny) {
		out = append(out, "is not made for servers (extended key usage)")
	}
	return out
}

// hosts are the hosts that a certificate is for.
func hosts(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// serial is a certificate's serial number as openssl shows it.
func serial(c *x509.Certificate) string { return fmt.Sprintf("%X", c.SerialNumber) }

func date(t time.Time) string { return t.UTC().Format(time.RFC3339) }
