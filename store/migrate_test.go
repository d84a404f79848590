package store_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"belay/store"
)

// eachEmpty runs a test where there is no schema yet, on either engine.
func eachEmpty(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, t.TempDir()+"/new.db") })
	t.Run("postgres", func(t *testing.T) { test(t, postgres.Get(t).Database(t)) })
}

// schema lists what there is in a database.
func schema(t *testing.T, url string) []string {
	t.Helper()
	db, isPostgres := store.OpenRaw(t, url)
	query := "select type || ' ' || name || ' ' || coalesce(sql, '') from sqlite_schema"
	if isPostgres {
		query = `select 'column ' || table_name || '.' || column_name || ' ' || data_type from information_schema.columns where table_schema = 'public'
			union all select 'index ' || indexdef from pg_indexes where schemaname = 'public'
			union all select 'type ' || typname from pg_type where typnamespace = 'public'::regnamespace`
	}
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func TestMigrate(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		if err := migrated(url); err != nil {
			t.Fatal(err)
		}
		first := schema(t, url)
		if !slices.ContainsFunc(first, func(s string) bool { return strings.Contains(s, "connections_name_key") }) {
			t.Fatalf("the schema is not there: %q", first)
		}
		if err := migrated(url); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, schema(t, url), first)
	})
}

// Servers that start at once make one schema.
func TestMigrateTogether(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		wantAll(t, together(6, func(int) error { return migrated(url) }), "")
		wantEqual(t, store.SchemaVersions(t, url), []int{1, 2, 3, 4, 5, 6, 7, 8})
	})
}

func TestNewerSchemaIsRefused(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		if err := migrated(url); err != nil {
			t.Fatal(err)
		}
		db, _ := store.OpenRaw(t, url)
		if _, err := db.ExecContext(ctx, "insert into schema_migrations (version) values (1000)"); err != nil {
			t.Fatal(err)
		}
		before, versions := schema(t, url), store.SchemaVersions(t, url)
		_, err := store.Open(ctx, url)
		if err == nil || !strings.Contains(err.Error(), "newer version") {
			t.Errorf("got %v", err)
		}
		wantEqual(t, schema(t, url), before)
		wantEqual(t, store.SchemaVersions(t, url), versions)
	})
}

// A migration that fails takes those before it with it; what was migrated by
// an earlier start stays.
func TestFailedMigration(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
		dir := fstest.MapFS{
			"migrations/0001_a.sql": file("create table a (x bigint); insert into a values (1);"),
			"migrations/0002_b.sql": file("create table b (x bigint); insert into nowhere values (1);"),
		}
		_, _ = store.OpenRaw(t, url) // makes the file
		before := schema(t, url)
		err := store.Migrate(t, url, dir)
		if err == nil || !strings.Contains(err.Error(), "0002_b.sql") {
			t.Errorf("got %v", err)
		}
		wantEqual(t, schema(t, url), before)

		dir["migrations/0002_b.sql"] = file("create table b (x bigint)")
		if err := store.Migrate(t, url, dir); err != nil {
			t.Fatal(err)
		}
		dir["migrations/0003_c.sql"] = file("insert into a values (2); insert into nowhere values (1);")
		before = schema(t, url)
		if err := store.Migrate(t, url, dir); err == nil {
			t.Error("a broken migration succeeded")
		}
		wantEqual(t, schema(t, url), before)
		wantEqual(t, store.SchemaVersions(t, url), []int{1, 2})
		db, _ := store.OpenRaw(t, url)
		var n int
		if err := db.QueryRowContext(ctx, "select count(*) from a").Scan(&n); err != nil || n != 1 {
			t.Errorf("a failed migration left %d rows (%v)", n, err)
		}
	})
}

// The numbers of the files have no gap.
func TestMigrationOrder(t *testing.T) {
	for _, name := range []string{"0002_b.sql", "1_b.sql", "b.sql", "00002.sql"} {
		dir := fstest.MapFS{"migrations/" + name: &fstest.MapFile{Data: []byte("create table a (x bigint)")}}
		if err := store.Migrate(t, t.TempDir()+"/x.db", dir); err == nil || !strings.Contains(err.Error(), "out of order") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
