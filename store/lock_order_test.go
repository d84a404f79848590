package store_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"belay"
	"belay/store"
)

// Who locks several rows locks them in the order of their ids: while another
// has the first, the last is free, so that neither waits for the other.
func TestLocksInTheOrderOfIDs(t *testing.T) {
	w := newWorld(t, openPostgres(t))
	first, last := w.addCredential(w.org, "a"), w.addCredential(w.org, "b")
	zed := w.addUser("zed")
	w.member(w.org, zed, belay.OrganizationOwner)
	ids := []belay.ID{last.ID, first.ID}
	credentials := [2]string{
		"select 1 from credentials where id = '" + string(first.ID) + "' for update",
		"select count(*) from (select 1 from credentials where id = '" + string(last.ID) + "' for update skip locked) as r",
	}
	owners := [2]string{
		"select 1 from memberships where user_id = '" + string(w.ann) + "' for update",
		"select count(*) from (select 1 from memberships where user_id = '" + string(zed) + "' for update skip locked) as r",
	}
	environment, x, y := w.addEnvironment(w.org, "e"), w.addConnection(w.org, "x"), w.addConnection(w.org, "y")
	w.assign(environment, y, x)
	holders := [2]string{
		"select 1 from connection_holders where connection_id = '" + string(x.ID) + "' for update",
		"select count(*) from (select 1 from connection_holders where connection_id = '" + string(y.ID) + "' for update skip locked) as r",
	}
	for _, c := range []struct {
		name string
		rows [2]string
		do   func(tx *store.Tx) error
	}{
		{"a use of credentials", credentials, func(tx *store.Tx) error { return tx.CredentialsUsed(ctx, w.org, ids, w.now()) }},
		{"keeping credentials", credentials, func(tx *store.Tx) error { return tx.KeepCredentials(ctx, w.org, ids) }},
		{"an owner who becomes a member", owners, func(tx *store.Tx) error {
			return tx.SetMembership(ctx, belay.Membership{OrganizationID: w.org, UserID: zed, Role: belay.OrganizationMember}, w.now())
		}},
		{"a role that is looked at", owners, func(tx *store.Tx) error { _, err := tx.Membership(ctx, w.org, zed); return err }},
		{"what is given to another", credentials, func(tx *store.Tx) error { _, err := tx.Transfer(ctx, w.org, w.ann, zed, w.now()); return err }},
		{"a member who is removed", owners, func(tx *store.Tx) error { return tx.RemoveMember(ctx, w.org, zed) }},
		{"what an environment holds", holders, func(tx *store.Tx) error {
			_, err := tx.ChangeSet(ctx, w.org, environment.ID, nil, []belay.ID{y.ID, x.ID})
			return err
		}},
		{"what it holds again", holders, func(tx *store.Tx) error {
			_, err := tx.ChangeSet(ctx, w.org, environment.ID, []belay.Assignment{w.pair(environment.ID, y.ID), w.pair(environment.ID, x.ID)}, nil)
			return err
		}},
		{"an environment that is deleted", holders, func(tx *store.Tx) error { return tx.DeleteEnvironment(ctx, w.org, environment.ID, w.now()) }},
		{"an environment that is restored", holders, func(tx *store.Tx) error {
			_, err := tx.RestoreEnvironment(ctx, w.org, environment.ID, w.now())
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ended := make(chan error, 1)
			w.write(func(_ context.Context, tx *store.Tx) error {
				if err := store.ExecIn(tx, c.rows[0]); err != nil {
					return err
				}
				go func() { ended <- w.try(c.do) }()
				w.awaitLock(t, ended)
				var free int
				if err := w.QueryRow(c.rows[1]).Scan(&free); err != nil || free != 1 {
					t.Errorf("the last row is free: %d, %v", free, err)
				}
				return nil
			})
			wantCode(t, <-ended, "")
		})
	}
}

// A ciphertext that is removed is in no file of the database any more.
func TestRemovedCiphertextIsGone(t *testing.T) {
	file := sqliteFile(t)
	s, err := store.Open(ctx, file)
	wantCode(t, err, "")
	w := newWorld(t, s)
	k := w.addCredential(w.org, "key")
	const last = belay.RetiredVersions + 6
	canary := func(n int) []byte { return bytes.Repeat([]byte{'<', byte('A' + n), '>', 0xf7}, 64) }
	for n := 2; n <= last; n++ {
		wantCode(t, w.try(func(tx *store.Tx) error {
			_, err := tx.UpdateCredential(ctx, w.org, k.ID, w.now(), func(c *belay.Credential) (*belay.CredentialVersion, error) {
				c.Current = n
				v := w.version(c, n)
				v.Sealed = canary(n)
				return v, nil
			})
			return err
		}), "")
	}
	wantCode(t, s.Close(), "")
	files, err := filepath.Glob(file + "*")
	wantCode(t, err, "")
	var all []byte
	for _, f := range files {
		b, err := os.ReadFile(f)
		wantCode(t, err, "")
		all = append(all, b...)
	}
	for n := 2; n <= last; n++ {
		if kept := bytes.Contains(all, canary(n)); kept != (n >= last-belay.RetiredVersions) {
			t.Errorf("version %d is in the files: %t", n, kept)
		}
	}
}
