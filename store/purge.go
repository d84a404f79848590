package store

import (
	"context"
	"time"
)

// purgeBatch bounds how much one call of Purge removes of each sort, so that
// a write never takes long.
const purgeBatch = "500"

// purged says of each table what hangs on its rows, and must go first.
var purged = []struct {
	table    string
	hangings []hanging
}{
	{"connections", []hanging{
		{"connection_credentials", "connection_id"},
		{"connection_labels", "connection_id"},
		{"environment_connections", "connection_id"},
		{"checks", "connection_id"},
	}},
	{"credentials", []hanging{
		{"credential_versions", "credential_id"},
		{"workspace_credentials", "credential_id"},
		{"connection_credentials", "credential_id"},
	}},
	{"environments", []hanging{{"environment_connections", "environment_id"}, {"workspace_environments", "environment_id"}}},
	{"workspaces", []hanging{{"workspace_environments", "workspace_id"}, {"workspace_credentials", "workspace_id"}, {"workspace_users", "workspace_id"}}},
}

// hanging is a column that refers to what is purged.
type hanging struct{ table, column string }

// Purge removes for good what was deleted before a time: first what hangs on
// it, then it itself, with the ciphertexts of credentials. It returns how
// many objects it removed; call it again until that is 0.
func (t *Tx) Purge(ctx context.Context, before time.Time) (int64, error) {
	var removed int64
	for _, p := range purged {
		due := "(select id from " + p.table + " where deleted_at > 0 and deleted_at < $1 order by deleted_at, id limit " + purgeBatch + ")"
		for _, h := range p.hangings {
			if _, err := t.execAny(ctx, "delete from "+h.table+" where "+h.column+" in "+due, micros(before)); err != nil {
				return removed, err
			}
		}
		n, err := t.execAny(ctx, "delete from "+p.table+" where id in "+due, micros(before))
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}
