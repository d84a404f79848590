package acceptance_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dump reads every row of every table of an embedded database, from a copy
// of its files: what SQLite does to the files themselves says nothing.
func dump(t *testing.T, dir string) map[string][]string {
	t.Helper()
	copied := t.TempDir()
	for name, text := range files(t, dir) {
		if strings.HasPrefix(name, "belay.db") {
			writeFile(t, filepath.Join(copied, name), text)
		}
	}
	db, err := sql.Open("sqlite", filepath.Join(copied, "belay.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return rows(t, db, "select name from sqlite_master where type = 'table'")
}

// rows reads the tables that a query names. A value is written as it is
// stored.
func rows(t *testing.T, db *sql.DB, tables string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, name := range read(t, db, tables) {
		out[name] = read(t, db, `select * from "`+name+`"`)
		slices.Sort(out[name])
	}
	if len(out) < 10 {
		t.Fatalf("the database has only %d tables", len(out))
	}
	return out
}

// read returns the rows of a query, each as one line.
func read(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	found, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for found.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := found.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(values))
		for i, v := range values {
			texts[i] = fmt.Sprint(v)
			if b, ok := v.([]byte); ok {
				texts[i] = string(b)
			}
		}
		lines = append(lines, strings.Join(texts, "\t"))
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}
