package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"belay"
	"belay/store"
)

// firstToken is what the token of the first start is called, and each that
// takes its place.
const firstToken = "first start"

// ReplaceFirstToken makes another token for the owner of the first
// organization, in place of that of the first start, which works no more. It
// is for whoever runs the server on its data, when nobody has a token: the new
// one is handed to keep before anything is stored.
func (g *Gate) ReplaceFirstToken(ctx context.Context, keep func(token belay.Secret) error) error {
	_, owner, err := g.store.FirstOrganization(ctx)
	if err != nil {
		return fmt.Errorf("find the first administrator: %w", err)
	}
	text, prefix, err := belay.NewToken(rand.Reader)
	if err != nil {
		return err
	}
	if err := keep(text); err != nil {
		return err
	}
	now := g.now()
	token := &belay.Token{ID: g.newID(), UserID: owner, Name: firstToken, Prefix: prefix, Hash: belay.HashToken(text), CreatedAt: now, UpdatedAt: now}
	err = g.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := revokeFirst(ctx, tx, owner, now); err != nil {
			return err
		}
		return tx.CreateToken(ctx, token)
	})
	if err != nil {
		return fmt.Errorf("replace the token of the first start: %w", err)
	}
	return nil
}

// revokeFirst revokes the tokens that have been that of the first start.
func revokeFirst(ctx context.Context, tx *store.Tx, owner belay.ID, now time.Time) error {
	q := belay.Query{Size: belay.MaxPageSize, Search: firstToken}
	for {
		page, err := tx.Tokens(ctx, belay.TokenFilter{UserID: owner, At: now}, q)
		if err != nil {
			return err
		}
		for _, t := range page.Items {
			if t.Name != firstToken || t.OrganizationID != "" {
				continue
			}
			if err := tx.RevokeToken(ctx, owner, t.ID, now); err != nil {
				return err
			}
		}
		if q.Cursor = page.NextCursor; q.Cursor == "" {
			return nil
		}
	}
}

// Works tells whether a token is one that is taken now. It does not count as
// its use.
func (g *Gate) Works(ctx context.Context, text belay.Secret) (bool, error) {
	t, err := g.store.TokenByHash(ctx, belay.HashToken(text))
	if err != nil || t == nil {
		return false, err
	}
	return t.State(g.now()) == belay.TokenActive && bytes.Equal(t.Hash, belay.HashToken(text)), nil
}
