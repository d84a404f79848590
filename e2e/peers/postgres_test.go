package peers_test

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"testing"
	"time"

	"belay/e2e/peers"
)

// one opens the database at url and returns what the statement answers.
func one(t *testing.T, url, statement string) (answer int, err error) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(t.Context(), statement).Scan(&answer)
	return answer, err
}

func TestPostgresDatabase(t *testing.T) {
	p := postgres.Get(t)
	started := time.Now()
	url := p.Database(t)
	t.Logf("database made in %s", time.Since(started).Round(time.Millisecond))
	if got, err := one(t, url, "select 1"); err != nil || got != 1 {
		t.Errorf("select 1: %d, %v", got, err)
	}
}

func TestPostgresCopiesDoNotShare(t *testing.T) {
	p := postgres.Get(t)
	prepared := 0
	prepare := func(url string) error {
		prepared++
		db, err := sql.Open("pgx", url)
		if err != nil {
			return err
		}
		_, err = db.ExecContext(t.Context(), "create table things (id integer); insert into things values (1), (2)")
		return errors.Join(err, db.Close())
	}
	template := "things-" + rand.Text()
	started := time.Now()
	first := p.Copy(t, template, prepare)
	t.Logf("template and copy made in %s", time.Since(started).Round(time.Millisecond))
	started = time.Now()
	second := p.Copy(t, template, prepare)
	t.Logf("copy made in %s", time.Since(started).Round(time.Millisecond))
	if prepared != 1 {
		t.Errorf("the template was prepared %d times", prepared)
	}
	if _, err := one(t, first, "delete from things where id = 1 returning id"); err != nil {
		t.Fatal(err)
	}
	if got, err := one(t, second, "select count(*) from things"); err != nil || got != 2 {
		t.Errorf("rows in the second copy: %d, %v; want 2", got, err)
	}
}

func TestPostgresRestart(t *testing.T) {
	started := time.Now()
	p := peers.StartPostgres(t)
	t.Logf("started in %s", time.Since(started).Round(time.Millisecond))
	url := p.Database(t)
	p.Stop()
	if _, err := one(t, url, "select 1"); err == nil {
		t.Error("a stopped server answers")
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if got, err := one(t, url, "select 1"); err != nil || got != 1 {
		t.Errorf("started again: %d, %v", got, err)
	}
}

func TestPostgresIsShared(t *testing.T) {
	t.Setenv(peers.PostgresVariable, postgres.Get(t).URL)
	p, err := peers.SharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("database", func(t *testing.T) {
		if got, err := one(t, p.Database(t), "select 1"); err != nil || got != 1 {
			t.Errorf("select 1: %d, %v", got, err)
		}
	})
	p.Close()
	if got, err := one(t, postgres.Get(t).URL, "select 1"); err != nil || got != 1 {
		t.Errorf("after it was closed by one of those who share it: %d, %v", got, err)
	}
}
