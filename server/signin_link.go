package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"belay"
	"belay/app"
	"belay/secret"
	"belay/store"
)

// SignInLink makes a link that signs a local user in once, for whoever holds
// the data directory, or the database, and the key of a server: the user with
// an address, or with "" the owner who has been one for longest. The server
// may run meanwhile or not. Of c it takes what says where all of that is, and
// the server's address. It makes no database and no key.
func SignInLink(ctx context.Context, c Config, email string) (link belay.Secret, user *belay.User, err error) {
	st, err := openExisting(ctx, c)
	if err != nil {
		return belay.Secret{}, nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	source := secret.Source{Value: c.Key, Path: c.KeyFile, Dir: c.DataDir}
	keyring, err := app.OpenKeyring(ctx, st, source, c.Clock())
	if err != nil {
		return belay.Secret{}, nil, keyError(source, err)
	}
	if email == "" {
		user, err = st.AnyOwner(ctx)
	} else {
		user, err = st.LocalUser(ctx, email)
	}
	if belay.CodeOf(err) == belay.CodeNotFound {
		return belay.Secret{}, nil, startError(fmt.Errorf("no local user of the server is %s", cmp.Or(email, "the owner of an organization")), "somebody new is invited: belay organization invite EMAIL")
	}
	if err != nil {
		return belay.Secret{}, nil, err
	}
	gate := app.NewGate(app.Config{Store: st, Keyring: keyring, Clock: c.Clock, NewID: newID, Log: slog.New(slog.DiscardHandler)})
	code, err := gate.SignInLink(ctx, user.ID)
	if err != nil {
		return belay.Secret{}, nil, err
	}
	return belay.SecretString(c.address() + "/user/login?code=" + string(code.Reveal())), user, nil
}

// openExisting opens a database in which a server has started before.
func openExisting(ctx context.Context, c Config) (*store.Store, error) {
	if c.Database.IsZero() {
		if _, err := os.Stat(filepath.Join(c.DataDir, databaseFile)); err != nil {
			return nil, startError(fmt.Errorf("there is no database in %s", c.DataDir),
				"name the directory of the server: --data-dir DIR (BELAY_DATA_DIR)", "or its PostgreSQL database: BELAY_DATABASE_FILE")
		}
	}
	st, err := (&Server{config: c}).openStore(ctx)
	if err != nil {
		return nil, err
	}
	n, err := st.OrganizationCount(ctx)
	if err == nil && n == 0 {
		err = startError(errors.New("no server has started on this database yet"), "the first start prints a link: belay serve")
	}
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

// address is where people reach the server: what is configured, or where it
// answers now, or where it listens without being told otherwise.
func (c Config) address() string {
	if c.PublicURL != nil {
		return c.PublicURL.Scheme + "://" + c.PublicURL.Host
	}
	if b, err := os.ReadFile(filepath.Join(c.DataDir, AddressFile)); err == nil {
		return strings.TrimSpace(string(b))
	}
	return scheme(c.TLS.Certificate != "") + "://" + c.Listen
}
