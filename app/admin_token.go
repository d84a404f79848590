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

// MakeAdminToken makes another token for the owner of the first organization,
// which is handed to keep before anything is stored, and returns what it is
// called. All others go on working: another replica's command line may be
// signed in by one of them. It is for whoever runs the server on its data, and
// asks nobody.
func MakeAdminToken(ctx context.Context, c Config, keep func(token belay.Secret) error) (name string, err error) {
	_, owner, err := c.Store.FirstOrganization(ctx)
	if err != nil {
		return "", fmt.Errorf("find the first administrator: %w", err)
	}
	text, prefix, err := belay.NewToken(rand.Reader)
	if err != nil {
		return "", err
	}
	if err := keep(text); err != nil {
		return "", err
	}
	now := c.Clock().UTC().Truncate(time.Microsecond)
	token := &belay.Token{
		ID: c.NewID(), UserID: owner, Name: "admin.token of " + now.Format(time.RFC3339), Prefix: prefix,
		Hash: belay.HashToken(text), CreatedAt: now, UpdatedAt: now,
	}
	err = c.Store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.CreateToken(ctx, token) })
	if err != nil {
		return "", fmt.Errorf("make another token for the first administrator: %w", err)
	}
	return token.Name, nil
}
