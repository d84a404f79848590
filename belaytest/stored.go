package belaytest

import (
	"cmp"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "modernc.org/sqlite"             // the driver sqlite
)

// watched are the columns of the tables that change by being looked at: when
// a token or a session was last used.
var watched = map[string]string{
	"tokens":   "id, name, prefix, former_prefix, former_expires_at, expires_at, revoked_at",
	"sessions": "id, expires_at",
}

// Stored is a digest of all rows of every table, by the table. Two that are
// equal mean that nothing was stored, changed or removed between them, save
// when a token was last used.
func (s *Server) Stored() map[string]string {
	s.t.Helper()
	driver, source := "sqlite", "file:"+filepath.Join(s.DataDir, "belay.db")+"?mode=ro"
	tables := "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name"
	if s.options.Database != "" {
		driver, source = "pgx", s.options.Database
		tables = "select table_name from information_schema.tables where table_schema = current_schema() order by table_name"
	}
	db, err := sql.Open(driver, source)
	s.must(err, "open the database")
	defer db.Close()
	out := map[string]string{}
	for _, name := range s.rows(db, tables) {
		sum := sha256.Sum256([]byte(strings.Join(s.rows(db, "select "+cmp.Or(watched[name], "*")+" from "+name), "\n")))
		out[name] = hex.EncodeToString(sum[:])
	}
	return out
}

// rows are the rows of a query, each as text.
func (s *Server) rows(db *sql.DB, query string) []string {
	s.t.Helper()
	rows, err := db.QueryContext(s.t.Context(), query)
	s.must(err, "%s", query)
	defer rows.Close()
	columns, err := rows.Columns()
	s.must(err, "%s", query)
	var out []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		s.must(rows.Scan(values...), "%s", query)
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = fmt.Sprint(*v.(*any))
		}
		out = append(out, strings.Join(texts, "\t"))
	}
	s.must(rows.Err(), "%s", query)
	slices.Sort(out)
	return out
}
