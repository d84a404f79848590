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
	err = st.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.SaveKeyset(ctx, &store.Keyset{Name: keysetName, KEKID: kek, Wrapped: fresh}, now)
	})
	return keyring, err
}

// FirstStart is what an empty database was given so that it can be used.
type FirstStart struct {
	Organization *belay.Organization
	User         *belay.User
}

// Administrator is the subject of the first user of the local provider.
const Administrator = "admin"

// SetUp gives an empty database its first organization and administrator.
// It returns nil when there is an organization already.
func SetUp(ctx context.Context, c Config) (*FirstStart, error) {
	now := c.Clock().UTC().Truncate(time.Microsecond)
	user := &belay.User{
		ID: c.NewID(), Provider: "local", Subject: Administrator, Email: "admin@localhost",
		FirstName: "Admin", Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	org := &belay.Organization{ID: c.NewID(), Name: "My Org", OwnerID: user.ID, Version: 1, CreatedAt: now, UpdatedAt: now}
	created := false
	err := c.Store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		n, err := tx.OrganizationCount(ctx)
		if err != nil || n > 0 {
			created = false
			return err
		}
		created = true
		if err := tx.CreateUser(ctx, user); err != nil {
			return err
		}
		if err := tx.CreateOrganization(ctx, org); err != nil {
			return err
		}
		return tx.SetMembership(ctx, belay.Membership{OrganizationID: org.ID, UserID: user.ID, Role: belay.OrganizationOwner}, now)
	})
	if err != nil {
		return nil, fmt.Errorf("set up the first organization: %w", err)
	}
	if !created {
		return nil, nil
	}
	return &FirstStart{Organization: org, User: user}, nil
}
