package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed migrations/*.sql
var migrations embed.FS

// engine is what little differs between the two databases.
type engine struct {
	name string
	// prepare runs before anything else; it may run many times.
	prepare string
	// lock keeps other replicas from migrating at the same time.
	lock string
}

var (
	engineSQLite   = engine{name: "sqlite"}
	enginePostgres = engine{
		name: "postgres",
		lock: "select pg_advisory_xact_lock(8101735104)",
		prepare: `do $$ begin
			create domain ctext as text collate "C";
		exception when duplicate_object then null; end $$`,
	}
)

// migrate brings the schema up to the newest of the migrations in dir, each
// exactly once and all of them or none. A schema from the future is refused.
func migrate(ctx context.Context, db *sql.DB, e engine, dir fs.FS) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin the migration: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	have, err := schemaVersion(ctx, tx, e)
	if err != nil {
		return err
	}
	files, err := fs.Glob(dir, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("list the migrations: %w", err)
	}
	if have > len(files) {
		return fmt.Errorf("the database has schema %d, this program knows %d: it was written by a newer version of belay; run that version, or restore a backup", have, len(files))
	}
	for i := have; i < len(files); i++ {
		if err := apply(ctx, tx, dir, files[i], i+1); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit the migration: %w", err)
	}
	return nil
}

// schemaVersion returns the number of the last migration, 0 for an empty
// database.
func schemaVersion(ctx context.Context, tx *sql.Tx, e engine) (int, error) {
	for _, stmt := range []string{
		e.lock, e.prepare,
		"create table if not exists schema_migrations (version bigint primary key)",
	} {
		if stmt == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, stmt); err != nil {
			return 0, fmt.Errorf("prepare the schema: %w", err)
		}
	}
	var have int
	err := tx.QueryRowContext(ctx, "select coalesce(max(version), 0) from schema_migrations").Scan(&have)
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return have, nil
}

// apply runs one migration. Its number is its place in the list, which its
// file name repeats.
func apply(ctx context.Context, tx *sql.Tx, dir fs.FS, file string, version int) error {
	name := path.Base(file)
	if prefix := fmt.Sprintf("%04d_", version); !strings.HasPrefix(name, prefix) {
		return fmt.Errorf("migration %s is out of order: want %s", name, prefix)
	}
	text, err := fs.ReadFile(dir, file)
	if err != nil {
		return fmt.Errorf("read migration %s: %w", name, err)
	}
	if _, err := tx.ExecContext(ctx, string(text)); err != nil {
		return fmt.Errorf("run migration %s: %w", name, err)
	}
	if _, err := tx.ExecContext(ctx, "insert into schema_migrations (version) values ($1)", version); err != nil {
		return fmt.Errorf("record migration %s: %w", name, err)
	}
	return nil
}
