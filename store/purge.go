package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"belay"
)

// Bounds of what one call of Purge removes, so that a write never takes long.
const (
	purgeBatch  = 200  // objects of each sort
	purgeChecks = 1000 // checks, of which a connection may have very many
)

// hanging is a column that refers to what is purged.
type hanging struct{ table, column string }

// purged says of each table what hangs on its rows, and must go first.
var purged = []struct {
	table    string
	hangings []hanging
}{
	{"connections", []hanging{
		{"connection_credentials", "connection_id"},
		{"connection_labels", "connection_id"},
		{"environment_connections", "connection_id"},
		{"connection_holders", "connection_id"},
		{"checks", "connection_id"},
		{"search_terms", "object_id"},
	}},
	{"credentials", []hanging{
		{"credential_versions", "credential_id"},
		{"workspace_credentials", "credential_id"},
		{"connection_credentials", "credential_id"},
		{"search_terms", "object_id"},
	}},
	{"environments", []hanging{
		{"environment_connections", "environment_id"}, {"workspace_environments", "environment_id"}, {"search_terms", "object_id"},
	}},
	{"workspaces", []hanging{
		{"workspace_environments", "workspace_id"},
		{"workspace_credentials", "workspace_id"},
		{"workspace_users", "workspace_id"},
		{"workspace_teams", "workspace_id"},
		{"search_terms", "object_id"},
	}},
	{"teams", []hanging{
		{"team_users", "team_id"},
		{"workspace_teams", "team_id"},
		{"search_terms", "object_id"},
	}},
}

// Purge removes for good what was deleted before a time: first what hangs on
// it, then it itself, with the ciphertexts of credentials. It returns how
// many rows of objects and checks it removed; call it again, in another
// transaction, until that is 0.
func (t *Tx) Purge(ctx context.Context, before time.Time) (int64, error) {
	removed, err := t.purgeChecks(ctx, before)
	if err != nil || removed == purgeChecks {
		return removed, err
	}
	for _, p := range purged {
		due, err := all(ctx, t.Reader, scanID, fmt.Sprintf(
			"select id from %s where deleted_at > 0 and deleted_at < $1 order by deleted_at, id limit %d%s", p.table, purgeBatch, t.lock), micros(before))
		if err != nil {
			return removed, err
		}
		if len(due) == 0 {
			continue
		}
		if err := t.release(ctx, p.table, due); err != nil {
			return removed, err
		}
		for _, h := range append(slices.Clone(p.hangings), hanging{p.table, "id"}) {
			if err := t.deleteIn(ctx, h, due); err != nil {
				return removed, err
			}
		}
		removed += int64(len(due))
	}
	return removed, nil
}

// purgeChecks removes checks of connections that are due.
func (t *Tx) purgeChecks(ctx context.Context, before time.Time) (int64, error) {
	return t.execAny(ctx, fmt.Sprintf(`
		delete from checks where id in (select h.id from connections c join checks h on h.connection_id = c.id
			where c.deleted_at > 0 and c.deleted_at < $1 limit %d)`, purgeChecks), micros(before))
}

// release undoes what rows are counted by or repeated in elsewhere.
func (t *Tx) release(ctx context.Context, table string, due []belay.ID) error {
	switch table {
	case "connections":
		if err := t.keepPurged(ctx, due); err != nil {
			return err
		}
		return t.uncountConnections(ctx, due)
	case "credentials":
		return t.forgetCredentials(ctx, due)
	}
	return nil
}

// keepPurged waits for those who change how many environments hold deleted
// connections, in the order in which they all do.
func (t *Tx) keepPurged(ctx context.Context, due []belay.ID) error {
	if !t.postgres {
		return nil
	}
	_, err := t.execAny(ctx, "select 1 from connection_holders where connection_id in (select value from "+t.elements("$1")+
		") order by connection_id for update", jsonText{due})
	return err
}

// uncountConnections takes deleted connections off the counters.
func (t *Tx) uncountConnections(ctx context.Context, due []belay.ID) error {
	var cond condition
	cond.in("id", texts(due))
	type count struct {
		org belay.ID
		ConnectionCount
	}
	counts, err := all(ctx, t.Reader, func(r row) (count, error) {
		var c count
		err := r.Scan(&c.Kind, &c.Type, &c.Status, &c.Health, &c.N, &c.org)
		return c, err
	}, "select kind, type, status, health, count(*), organization_id from connections"+cond.where()+
		" group by organization_id, kind, type, status, health order by organization_id, kind, type, status, health", cond.args...)
	if err != nil {
		return err
	}
	for _, c := range counts {
		c.N = -c.N
		if err := t.countConnections(ctx, c.org, c.ConnectionCount); err != nil {
			return err
		}
	}
	return nil
}

// forgetCredentials takes credentials out of the connections that still
// refer to them: deleted ones, and ones that were restored later.
func (t *Tx) forgetCredentials(ctx context.Context, due []belay.ID) error {
	var cond condition
	cond.in("credential_id", texts(due))
	users, err := all(ctx, t.Reader, scanConnection, "select "+connectionColumns+
		" from connections c where c.id in (select connection_id from connection_credentials"+cond.where()+") order by c.id"+t.lock, cond.args...)
	if err != nil {
		return err
	}
	for _, c := range users {
		c.Credentials = slices.DeleteFunc(c.Credentials, func(u belay.CredentialUse) bool { return slices.Contains(due, u.CredentialID) })
		err := t.exec(ctx, "update connections set credentials = $3, version = version + 1 where organization_id = $1 and id = $2",
			c.OrganizationID, c.ID, usesText(c))
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Tx) deleteIn(ctx context.Context, h hanging, ids []belay.ID) error {
	var cond condition
	cond.in(h.column, texts(ids))
	_, err := t.execAny(ctx, "delete from "+h.table+cond.where(), cond.args...)
	if err != nil {
		return fmt.Errorf("purge %s: %w", strings.ReplaceAll(h.table, "_", " "), err)
	}
	return nil
}
