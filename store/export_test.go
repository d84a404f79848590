package store

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"modernc.org/sqlite"
)

// Exec runs any statement in a transaction of its own.
func (s *Store) Exec(query string, args ...any) error {
	return s.Write(context.Background(), func(_ context.Context, tx *Tx) error { return ExecIn(tx, query, args...) })
}

// ExecIn runs any statement in a transaction.
func ExecIn(t *Tx, query string, args ...any) error {
	_, err := t.db.ExecContext(context.Background(), query, args...)
	return err
}

// QueryRow runs any query for one row.
func (s *Store) QueryRow(query string, args ...any) *sql.Row {
	return s.read.QueryRowContext(context.Background(), query, args...)
}

// Query runs any query.
func (s *Store) Query(query string, args ...any) (*sql.Rows, error) {
	return s.read.QueryContext(context.Background(), query, args...)
}

// Terms are the words by which an object with these texts is found.
func Terms(texts ...string) []string { return terms(texts...) }

// ParseCursor reads a cursor.
func ParseCursor(s string) error {
	_, err := parseCursor(s)
	return err
}

// CursorRoundTrip writes a cursor and reads it back.
func CursorRoundTrip(column string, down bool, text string, number int64, id string) error {
	want := cursor{Column: column, Down: down, Text: text, Number: number, ID: id}
	got, err := parseCursor(want.String())
	if err == nil && got != want {
		return fmt.Errorf("wrote %+v, read %+v", want, got)
	}
	return err
}

// OnCommit calls fn at each commit of an SQLite store.
func OnCommit(s *Store, fn func()) error {
	return s.write.(*groupWriter).conn.Raw(func(c any) error {
		c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { fn(); return 0 })
		return nil
	})
}

// Waiting is how many writes wait for their turn in an SQLite store.
func Waiting(s *Store) int {
	w := s.write.(*groupWriter)
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}

// QueryRowIn runs any query for one row in a transaction.
func QueryRowIn(t *Tx, query string, args ...any) *sql.Row {
	return t.db.QueryRowContext(context.Background(), query, args...)
}

// OpenRaw opens a database without looking at its schema.
func OpenRaw(t *testing.T, url string) (db *sql.DB, isPostgres bool) {
	t.Helper()
	driver, name := "sqlite", sqliteURL(url, "_txlock=immediate")
	if isPostgres = strings.HasPrefix(url, "postgres"); isPostgres {
		driver, name = "pgx", url
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.PingContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db, isPostgres
}

// Migrate runs other migrations than the program's.
func Migrate(t *testing.T, url string, dir fs.FS) error {
	t.Helper()
	db, isPostgres := OpenRaw(t, url)
	if isPostgres {
		return migrate(t.Context(), db, enginePostgres, dir)
	}
	return migrate(t.Context(), db, engineSQLite, dir)
}

// SchemaVersions are the migrations that a database says it has.
func SchemaVersions(t *testing.T, url string) []int {
	t.Helper()
	db, _ := OpenRaw(t, url)
	versions, err := all(t.Context(), Reader{db: db}, func(r row) (int, error) {
		var n int
		err := r.Scan(&n)
		return n, err
	}, "select version from schema_migrations order by version")
	if err != nil {
		t.Fatal(err)
	}
	return versions
}

// Statement is what a Reader has asked the database.
type Statement struct {
	Text string
	Args []any
}

// recorder is a conn that keeps what it is asked.
type recorder struct {
	conn
	asked []Statement
}

// QueryContext implements conn.
func (r *recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.asked = append(r.asked, Statement{query, args})
	return r.conn.QueryContext(ctx, query, args...)
}

// QueryRowContext implements conn.
func (r *recorder) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	r.asked = append(r.asked, Statement{query, args})
	return r.conn.QueryRowContext(ctx, query, args...)
}

// ExecContext implements conn.
func (r *recorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.asked = append(r.asked, Statement{query, args})
	return r.conn.ExecContext(ctx, query, args...)
}

// AskedIn returns the statements that change runs in a transaction.
func AskedIn(t *Tx, change func(t *Tx) error) ([]Statement, error) {
	r := &recorder{conn: t.db}
	watched := *t
	watched.db = r
	err := change(&watched)
	return r.asked, err
}

// Asked returns the statements that read runs.
func Asked(s *Store, read func(r Reader) error) ([]Statement, error) {
	r := &recorder{conn: s.db}
	err := read(Reader{db: r, postgres: s.postgres})
	return r.asked, err
}

// Compiled is how many statements the readers of an SQLite store have
// compiled, and how many of them they keep.
func Compiled(s *Store) (compiled, kept int) {
	stmts := s.db.(*statements)
	stmts.mu.Lock()
	defer stmts.mu.Unlock()
	return stmts.compiles, stmts.order.Len()
}

// MaxStatements is how many statements are kept.
const MaxStatements = maxStatements

// QueryRowKept runs a query as a Reader does.
func (s *Store) QueryRowKept(query string) *sql.Row {
	return s.db.QueryRowContext(context.Background(), query)
}

// RunDropped runs a statement that is dropped between being asked for and
// being started. It must be closed afterwards.
func RunDropped(s *Store) error {
	stmts := s.db.(*statements)
	stmt, done := stmts.get(context.Background(), "select 42")
	stmts.close()
	var n int
	if err := stmt.QueryRowContext(context.Background()).Scan(&n); err != nil {
		return err
	}
	done()
	if err := stmt.QueryRowContext(context.Background()).Scan(&n); err == nil {
		return fmt.Errorf("a dropped statement is still open")
	}
	return nil
}

// LeadWhileLeaving lets two writes wait in an SQLite store, the first of which
// is asked to lead as its context has ended already. It returns how that one
// ends, and whether the other is over by then.
func LeadWhileLeaving(left context.Context, s *Store, fn func(context.Context, *Tx) error) (first error, secondOver bool, second error) {
	w := s.write.(*groupWriter)
	leader := &write{ctx: left, fn: fn, lead: make(chan struct{}), done: make(chan struct{})}
	other := &write{ctx: context.WithoutCancel(left), fn: fn, lead: make(chan struct{}), done: make(chan struct{})}
	w.mu.Lock()
	w.leading, w.waiting = true, []*write{leader, other}
	w.mu.Unlock()
	close(leader.lead)
	first = w.wait(leader)
	select {
	case <-other.done:
		return first, true, other.result()
	default:
		w.runBatch() // in its place, so that the store can be closed
		return first, false, nil
	}
}

// RefillHolders counts anew, as the migration does, how many environments hold
// each connection: for connections that a test has made by statements of its
// own.
func (s *Store) RefillHolders() error {
	text, err := migrations.ReadFile("migrations/0002_connection_holders.sql")
	if err != nil {
		return err
	}
	return s.Write(context.Background(), func(_ context.Context, tx *Tx) error {
		fill := []string{"delete from connection_holders", "delete from object_counts where object = '" + unheldConnection + "'"}
		for statement := range strings.SplitSeq(string(text), ";\n") {
			if strings.HasPrefix(statement, "insert into") {
				fill = append(fill, statement)
			}
		}
		for _, statement := range fill {
			if err := ExecIn(tx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}
