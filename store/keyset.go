package store

import (
	"context"
	"errors"
	"time"
)

// Keyset is a set of keys as it is stored: encrypted with the operator's
// key-encryption key.
type Keyset struct {
	Name    string
	KEKID   string // which key-encryption key opens it
	Wrapped []byte
}

// Keyset returns the keyset of that name, nil when there is none.
func (r Reader) Keyset(ctx context.Context, name string) (*Keyset, error) {
	k, err := one(ctx, r, func(r row) (*Keyset, error) {
		k := Keyset{Name: name}
		err := r.Scan(&k.KEKID, &k.Wrapped)
		return &k, err
	}, "select kek_id, wrapped from keysets where name = $1", name)
	if errors.Is(err, errNoRow) {
		return nil, nil
	}
	return k, err
}

// CreateKeyset stores the first keyset of a name. It is a conflict when there
// is one: what is sealed under that one could not be opened without it.
func (t *Tx) CreateKeyset(ctx context.Context, k *Keyset, now time.Time) error {
	return t.exec(ctx, "insert into keysets (name, kek_id, wrapped, created_at, updated_at) values ($1, $2, $3, $4, $4)",
		k.Name, k.KEKID, k.Wrapped, micros(now))
}

// SaveKeyset stores a keyset, in place of the one of that name.
func (t *Tx) SaveKeyset(ctx context.Context, k *Keyset, now time.Time) error {
	return t.exec(ctx, `
		insert into keysets (name, kek_id, wrapped, created_at, updated_at) values ($1, $2, $3, $4, $4)
		on conflict (name) do update set kek_id = excluded.kek_id, wrapped = excluded.wrapped, updated_at = excluded.updated_at`,
		k.Name, k.KEKID, k.Wrapped, micros(now))
}
