package app

import (
	"context"
	"fmt"
	"time"

	"belay"
	"belay/secret"
	"belay/store"
)

// keysetName is under what name the store keeps the data keyring.
const keysetName = "data"

// OpenKeyring opens the keyring that seals this database's secrets, and
// makes it when the database has none yet.
func OpenKeyring(ctx context.Context, st *store.Store, source secret.Source, now time.Time) (*secret.Keyring, error) {
	stored, err := st.Keyset(ctx, keysetName)
	if err != nil {
		return nil, err
	}
	var wrapped secret.Wrapped
	if stored != nil {
		wrapped = stored.Wrapped
	}
	keyring, fresh, err := source.Unlock(wrapped)
	if err != nil || fresh == nil {
		return keyring, err
	}
	kek, err := fresh.KEKID()
	if err != nil {
		return nil, err
	}
	made := &store.Keyset{Name: keysetName, KEKID: kek, Wrapped: fresh}
	err = st.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.CreateKeyset(ctx, made, now) })
	if belay.CodeOf(err) == belay.CodeConflict {
		return OpenKeyring(ctx, st, source, now) // another replica was first
	}
	return keyring, err
}

// FirstStart is what an empty database was given so that it can be used.
type FirstStart struct {
	Organization *belay.Organization
	User         *belay.User
	SignInCode   belay.Secret // signs the administrator in once
}

// Principal is the administrator.
func (f *FirstStart) Principal() *belay.Principal {
	return &belay.Principal{
		UserID: f.User.ID, Email: f.User.Email, Provider: f.User.Provider,
		Roles: map[belay.ID]belay.OrganizationRole{f.Organization.ID: belay.OrganizationOwner},
	}
}

// administrator is the subject of the first user.
const administrator = "admin"

// SetUp gives an empty database its first organization and its
// administrator with a token, which is handed to keep before anything is
// stored. It returns nil when there is an organization already.
func SetUp(ctx context.Context, c Config, keep func(token belay.Secret) error) (*FirstStart, error) {
	n, err := c.Store.OrganizationCount(ctx)
	if err != nil || n > 0 {
		return nil, err
	}
	now := c.Clock().UTC().Truncate(time.Microsecond)
	user := &belay.User{
		ID: c.NewID(), Provider: belay.LocalProvider, Subject: administrator, Email: "admin@localhost",
		FirstName: "Admin", Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	org := &belay.Organization{ID: c.NewID(), Name: "My Org", OwnerID: user.ID, Version: 1, CreatedAt: now, UpdatedAt: now}
	access, save, err := newAdminAccess(c, user.ID, firstToken, now, keep)
	if err != nil {
		return nil, err
	}
	err = c.Store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := createFirst(ctx, tx, org, user, now); err != nil {
			return err
		}
		return save(ctx, tx)
	})
	if belay.CodeOf(err) == belay.CodeConflict {
		return nil, nil // another replica was first
	}
	if err != nil {
		return nil, fmt.Errorf("set up the first organization: %w", err)
	}
	return &FirstStart{Organization: org, User: user, SignInCode: access.SignInCode}, nil
}

func createFirst(ctx context.Context, tx *store.Tx, org *belay.Organization, user *belay.User, now time.Time) error {
	if err := tx.CreateUser(ctx, user); err != nil {
		return err
	}
	if err := tx.CreateOrganization(ctx, org); err != nil {
		return err
	}
	return tx.SetMembership(ctx, belay.Membership{OrganizationID: org.ID, UserID: user.ID, Role: belay.OrganizationOwner}, now)
}
