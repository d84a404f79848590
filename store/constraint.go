package store

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	sqlite "modernc.org/sqlite"

	"belay"
)

// constraint is a rule of the data and what breaking it means. PostgreSQL
// names the constraint; SQLite names the columns of a unique index.
type constraint struct {
	name    string
	columns string
	meaning *belay.Error
}

// constraints translates every rule that a caller can run against, once.
var constraints = []constraint{
	nameTaken("workspaces", "workspace"),
	nameTaken("environments", "environment"),
	nameTaken("credentials", "credential"),
	nameTaken("connections", "connection"),
	nameTaken("teams", "team"),
	{
		name: "connections_pkey", columns: "connections.id",
		meaning: &belay.Error{Code: belay.CodeConflict, Message: "this id is taken", Fields: []belay.Field{{Pointer: "/id", Message: "is taken"}}},
	},
	{
		name: "connections_identity_key", columns: "connections.organization_id, connections.identity",
		meaning: belay.Errorf(belay.CodeConflict, "another connection already stands for this target"),
	},
	{
		name: "connection_credentials_pair_key", columns: "connection_credentials.credential_id, connection_credentials.connection_id",
		meaning: belay.Invalid("/credentials", "names the same credential twice"),
	},
	{
		name: "idempotency_keys_pkey", columns: "idempotency_keys.user_id, idempotency_keys.key",
		meaning: belay.Errorf(belay.CodeConflict, "a request with this Idempotency-Key is under way"),
	},
	{
		name: "keysets_pkey", columns: "keysets.name",
		meaning: belay.Errorf(belay.CodeConflict, "another server has made this keyset meanwhile"),
	},
	{
		name:    "memberships_role_check",
		meaning: belay.Invalid("/role", "must be owner, admin or member"),
	},
	{
		name:    "workspace_users_role_check",
		meaning: belay.Invalid("/role", "must be viewer, operator, editor or admin"),
	},
	{
		name:    "workspace_teams_role_check",
		meaning: belay.Invalid("/role", "must be viewer, operator, editor or admin"),
	},
	{
		name: "users_subject_key", columns: "users.provider, users.subject",
		meaning: belay.Errorf(belay.CodeConflict, "this user exists already"),
	},
	{
		name: "users_local_email_key", columns: "users.email_fold",
		meaning: &belay.Error{Code: belay.CodeConflict, Message: "another user of this server has that address", Fields: []belay.Field{{Pointer: "/email", Message: "is taken"}}},
	},
}

func nameTaken(table, noun string) constraint {
	return constraint{
		name:    table + "_name_key",
		columns: table + ".organization_id, " + table + ".name_fold",
		meaning: &belay.Error{
			Code:    belay.CodeConflict,
			Message: "another " + noun + " of this organization has that name",
			Fields:  []belay.Field{{Pointer: "/name", Message: "is taken"}},
		},
	}
}

// translate turns a broken rule of the data into the domain's error, and
// leaves every other error as it is.
func translate(err error) error {
	match := func(constraint) bool { return false }
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		text := sqliteViolation(e)
		match = func(c constraint) bool {
			return strings.Contains(text, ": "+c.columns+" (") || strings.Contains(text, ": "+c.name+" (")
		}
	} else if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		if meaning := postgresRefusals[e.Code]; meaning != "" {
			return &belay.Error{Code: belay.CodeInvalid, Message: meaning, Err: err}
		}
		name := postgresViolation(e)
		match = func(c constraint) bool { return name == c.name }
	}
	for _, c := range constraints {
		if match(c) {
			meaning := *c.meaning
			meaning.Err = err
			return &meaning
		}
	}
	return err
}
