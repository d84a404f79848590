package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"belay"
)

const tokenColumns = `t.id, t.user_id, t.organization_id, t.workspace_id, t.environment_id, t.name, t.purpose, t.prefix, t.hash,
	t.former_prefix, t.former_hash, t.former_expires_at, t.former_used_at, t.scopes,
	t.created_at, t.updated_at, t.rotated_at, t.expires_at, t.last_used_at, t.last_used_from, t.revoked_at`

func scanToken(r row) (*belay.Token, error) {
	var t belay.Token
	f := &t.Former
	err := r.Scan(&t.ID, &t.UserID, &t.OrganizationID, &t.WorkspaceID, &t.EnvironmentID, &t.Name, &t.Purpose, &t.Prefix, &t.Hash,
		&f.Prefix, &f.Hash, stamp{&f.ExpiresAt}, stamp{&f.LastUsedAt}, jsonText{&t.Scopes},
		stamp{&t.CreatedAt}, stamp{&t.UpdatedAt}, stamp{&t.RotatedAt}, stamp{&t.ExpiresAt},
		stamp{&t.LastUsedAt}, &t.LastUsedFrom, stamp{&t.RevokedAt})
	return &t, err
}

var tokens = list[*belay.Token]{
	columns: tokenColumns,
	from:    "tokens t",
	id:      "t.id",
	natural: belay.Order{Column: "name"},
	orders: map[string]sortKey{
		"name":      {column: "t.name_fold"},
		"createdAt": {column: "t.created_at", number: true},
		"updatedAt": {column: "t.updated_at", number: true},
	},
	scan: scanToken,
}

// TokenByHash returns the token with this hash, now or before its last
// rotation, whether or not it is still valid; nil when there is none.
func (r Reader) TokenByHash(ctx context.Context, hash []byte) (*belay.Token, error) {
	t, err := one(ctx, r, scanToken, "select "+tokenColumns+" from tokens t where t.hash = $1 union all select "+
		tokenColumns+" from tokens t where t.former_hash = $1 limit 1", hash)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return t, err
}

// Tokens lists tokens.
func (r Reader) Tokens(ctx context.Context, f belay.TokenFilter, q belay.Query) (belay.Page[*belay.Token], error) {
	var cond condition
	for _, c := range []struct {
		column string
		id     belay.ID
	}{
		{"t.user_id", f.UserID},
		{"t.organization_id", f.OrganizationID},
		{"t.workspace_id", f.WorkspaceID},
		{"t.environment_id", f.EnvironmentID},
	} {
		if c.id != "" {
			cond.add(c.column+" = ?", c.id)
		}
	}
	if f.Prefix != "" {
		cond.add("(t.prefix = ? or t.former_prefix = ?)", f.Prefix, f.Prefix)
	}
	if f.Ended {
		cond.add("(t.revoked_at > 0 or t.expires_at > 0 and t.expires_at <= ?)", micros(f.At))
	} else {
		cond.add("t.revoked_at = 0 and (t.expires_at = 0 or t.expires_at > ?)", micros(f.At))
	}
	cond.eachWord(q.Search, func(word, _ string) { cond.add("t.words like ?", "% "+word+"%") })
	return tokens.counted(ctx, r, &cond, &cond, q)
}

// TokenOf returns a token of a user, whether or not it is still valid; nil
// when there is none.
func (r Reader) TokenOf(ctx context.Context, user, id belay.ID) (*belay.Token, error) {
	t, err := one(ctx, r, scanToken, "select "+tokenColumns+" from tokens t where t.id = $1 and t.user_id = $2", id, user)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return t, err
}

// BoundToken returns one token that is bound to an organization, whosever it
// is.
func (r Reader) BoundToken(ctx context.Context, org, id belay.ID) (*belay.Token, error) {
	t, err := one(ctx, r, scanToken, "select "+tokenColumns+" from tokens t where t.organization_id = $1 and t.id = $2", org, id)
	return t, notFound(err, "token")
}

// CreateToken stores a new token.
func (t *Tx) CreateToken(ctx context.Context, k *belay.Token) error {
	words := ""
	for _, w := range terms(k.Name, k.Purpose) {
		words += " " + w
	}
	return t.exec(ctx, `
		insert into tokens (id, user_id, organization_id, workspace_id, environment_id, name, name_fold, purpose, words, prefix, hash,
			former_prefix, former_hash, former_expires_at, former_used_at, scopes,
			created_at, updated_at, rotated_at, expires_at, last_used_at, last_used_from, revoked_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`,
		k.ID, k.UserID, k.OrganizationID, k.WorkspaceID, k.EnvironmentID, k.Name, fold(k.Name), k.Purpose, words, k.Prefix, k.Hash,
		k.Former.Prefix, k.Former.Hash, micros(k.Former.ExpiresAt), micros(k.Former.LastUsedAt), jsonText{k.Scopes},
		micros(k.CreatedAt), micros(k.UpdatedAt), micros(k.RotatedAt), micros(k.ExpiresAt), micros(k.LastUsedAt), k.LastUsedFrom, micros(k.RevokedAt))
}

// TokenUsed records when and from where a token was last used; former says
// that it was by the text that it had before its last rotation.
func (t *Tx) TokenUsed(ctx context.Context, id belay.ID, at time.Time, from string, former bool) error {
	also := ""
	if former {
		also = ", former_used_at = $2"
	}
	_, err := t.execAny(ctx, "update tokens set last_used_at = $2, last_used_from = $3"+also+" where id = $1", id, micros(at), from)
	return err
}

// RotateToken gives a user's token the text, the former text and the end
// that k has. It is CodeConflict when the token was revoked or rotated since
// it had the former one.
func (t *Tx) RotateToken(ctx context.Context, k *belay.Token) error {
	err := t.exec(ctx, `
		update tokens set prefix = $3, hash = $4, former_prefix = $5, former_hash = $6, former_expires_at = $7, former_used_at = 0,
			rotated_at = $8, updated_at = $8, expires_at = $9
		where user_id = $1 and id = $2 and hash = $6 and revoked_at = 0`,
		k.UserID, k.ID, k.Prefix, k.Hash, k.Former.Prefix, k.Former.Hash, micros(k.Former.ExpiresAt), micros(k.RotatedAt), micros(k.ExpiresAt))
	if errors.Is(err, errNoRow) {
		return belay.Errorf(belay.CodeConflict, "the token was revoked or rotated meanwhile; look at it again")
	}
	return err
}

// RevokeToken makes a user's token invalid from now on. Doing it twice
// changes nothing.
func (t *Tx) RevokeToken(ctx context.Context, user, id belay.ID, now time.Time) error {
	n, err := t.execAny(ctx, "update tokens set revoked_at = $3, updated_at = $3 where user_id = $1 and id = $2 and revoked_at = 0", user, id, micros(now))
	if err != nil || n > 0 {
		return err
	}
	k, err := t.TokenOf(ctx, user, id)
	if err == nil && k == nil {
		return belay.NotFound("token")
	}
	return err
}

// RevokeTokensOf makes all tokens of a user invalid from now on.
func (t *Tx) RevokeTokensOf(ctx context.Context, user belay.ID, now time.Time) error {
	_, err := t.execAny(ctx, "update tokens set revoked_at = $2, updated_at = $2 where user_id = $1 and revoked_at = 0", user, micros(now))
	return err
}

// TokensByHash is TokenByHash for many, in one statement; the tokens are by
// the hash that was asked for.
func (r Reader) TokensByHash(ctx context.Context, hashes [][]byte) (map[string]*belay.Token, error) {
	out := make(map[string]*belay.Token, len(hashes))
	if len(hashes) == 0 {
		return out, nil
	}
	among, args := amongHashes(hashes)
	found, err := all(ctx, r, scanToken, "select "+tokenColumns+" from tokens t where t.hash"+among+
		" union all select "+tokenColumns+" from tokens t where t.former_hash"+among, args...)
	for _, t := range found {
		out[string(t.Hash)] = t
		if t.Former.Hash != nil {
			out[string(t.Former.Hash)] = t
		}
	}
	return out, err
}

// amongHashes is a condition that a column is one of some hashes. There are
// few different ones, so that statements are compiled once: what is missing
// to the next power of four is the first hash, again.
func amongHashes(hashes [][]byte) (condition string, args []any) {
	n := 1
	for n < len(hashes) {
		n *= 4
	}
	args = make([]any, n)
	places := make([]string, n)
	for i := range n {
		args[i], places[i] = hashes[0], placeholder(i+1)
		if i < len(hashes) {
			args[i] = hashes[i]
		}
	}
	return " in (" + strings.Join(places, ", ") + ")", args
}

// CreateSignInLink stores the hash of a link that signs a user in once.
func (t *Tx) CreateSignInLink(ctx context.Context, hash []byte, user belay.ID, now, expires time.Time) error {
	return t.exec(ctx, "insert into sign_in_links (hash, user_id, purpose, created_at, expires_at) values ($1, $2, 'sign-in', $3, $4)",
		hash, user, micros(now), micros(expires))
}

// UseSignInLink spends a link and returns whom it signs in.
func (t *Tx) UseSignInLink(ctx context.Context, hash []byte, now time.Time) (belay.ID, error) {
	id, err := one(ctx, t.Reader, scanID, "delete from sign_in_links where hash = $1 and purpose = 'sign-in' and expires_at > $2 returning user_id", hash, micros(now))
	return id, notFound(err, "sign-in link")
}
