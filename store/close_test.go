package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"belay"
	"belay/store"
)

// A store that is closed leaves one file, which holds everything.
func TestCloseLeavesOneFile(t *testing.T) {
	file := sqliteFile(t)
	s, err := store.Open(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Store: s, t: t}
	w.found()
	e := w.addEnvironment(w.org, "kept")
	wantAll(t, together(16, func(int) error { // all readers are open
		_, err := w.Environments(ctx, everything(w.org), belay.EnvironmentFilter{}, belay.Query{})
		return err
	}), "")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if info, err := os.Stat(file + suffix); !os.IsNotExist(err) {
			t.Errorf("%s is left behind: %v, %v", suffix, info, err)
		}
	}
	got, err := open(t, file).Environment(ctx, w.org, e.ID)
	wantCode(t, err, "")
	wantEqual(t, got, e)
}

// So it does while another program has the database open, or while somebody
// still reads, as far as that one allows.
func TestCloseWhileOthersHaveItOpen(t *testing.T) {
	for name, hold := range map[string]func(t *testing.T, file string, w *world){
		"another program": func(t *testing.T, file string, _ *world) { store.OpenRaw(t, file) },
		"a request": func(t *testing.T, _ string, w *world) {
			rows, err := w.Query("select 1 from users")
			if err != nil || !rows.Next() || rows.Err() != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = rows.Close() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := sqliteFile(t)
			s, err := store.Open(ctx, file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, s)
			e := w.addEnvironment(w.org, "kept")
			hold(t, file, w)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			// The database file alone is what a person copies.
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(t.TempDir(), "copied.db")
			if err := os.WriteFile(copied, content, 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := open(t, copied).Environment(ctx, w.org, e.ID)
			wantCode(t, err, "")
			wantEqual(t, got, e)
		})
	}
}
