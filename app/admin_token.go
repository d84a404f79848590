package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"belay"
	"belay/store"
)

// firstToken is what the token of the first start is called.
const firstToken = "first start"

// AdminAccess is what signs the first administrator in.
type AdminAccess struct {
	TokenName  string
	SignInCode belay.Secret // signs a browser in once
}

// MakeAdminToken makes another token for the owner of the first organization,
// which is handed to keep before anything is stored, and a link for his
// browser. All others go on working: another replica's command line may be
// signed in by one of them. It is for whoever runs the server on its data, and
// asks nobody.
func MakeAdminToken(ctx context.Context, c Config, keep func(token belay.Secret) error) (*AdminAccess, error) {
	_, owner, err := c.Store.FirstOrganization(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the first administrator: %w", err)
	}
	now := c.Clock().UTC().Truncate(time.Microsecond)
	access, save, err := newAdminAccess(c, owner, "admin.token of "+now.Format(time.RFC3339), now, keep)
	if err != nil {
		return nil, err
	}
	if err := c.Store.Write(ctx, save); err != nil {
		return nil, fmt.Errorf("make another token for the first administrator: %w", err)
	}
	return access, nil
}

// newAdminAccess makes what signs a user in, hands the token to keep, and
// returns what stores it all.
func newAdminAccess(c Config, user belay.ID, name string, now time.Time, keep func(token belay.Secret) error) (
	access *AdminAccess, save func(context.Context, *store.Tx) error, err error,
) {
	text, prefix, err := belay.NewToken(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	code, _, err := belay.NewToken(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	if err := keep(text); err != nil {
		return nil, nil, err
	}
	token := &belay.Token{ID: c.NewID(), UserID: user, Name: name, Prefix: prefix, Hash: belay.HashToken(text), CreatedAt: now, UpdatedAt: now}
	return &AdminAccess{TokenName: name, SignInCode: code}, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.CreateToken(ctx, token); err != nil {
			return err
		}
		return tx.CreateSignInLink(ctx, belay.HashToken(code), user, now, now.Add(signInLinkLife))
	}, nil
}
