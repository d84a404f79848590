package store_test

import (
	"context"
	"testing"
	"time"

	"belay"
	"belay/store"
)

func TestCredentialRoundTrip(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		want, first := w.credential(w.org, "key")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateCredential(ctx, want, first) }), "")
		got, err := w.Credential(ctx, w.org, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, want)

		// A rotation: everything but what names it changes, and there is a
		// second version, whatever that says it belongs to.
		now, next := w.now(), w.addCredential(w.other, "rotated")
		next.OwnerID, next.Type, next.Current, next.Public, next.Set = w.max, belay.CredentialBearer, 2, nil, []string{"token"}
		next.ExpiresAt, next.LastUsedAt = time.Time{}, w.now()
		second := w.version(next, 2)
		var saved *belay.Credential
		w.write(func(ctx context.Context, tx *store.Tx) (err error) {
			saved, err = tx.UpdateCredential(ctx, w.org, want.ID, now, func(c *belay.Credential) (*belay.CredentialVersion, error) {
				wantEqual(t, c, want)
				*c = *next
				return second, nil
			})
			return err
		})
		next.ID, next.OrganizationID, next.CreatedAt, next.LastUsedAt = want.ID, want.OrganizationID, want.CreatedAt, want.LastUsedAt
		next.Version, next.UpdatedAt = 2, now
		wantEqual(t, saved, next)
		got, err = w.Credential(ctx, w.org, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, next)

		second.CredentialID, second.OrganizationID = want.ID, w.org
		for _, v := range []*belay.CredentialVersion{first, second} {
			got, err := w.CredentialVersion(ctx, w.org, want.ID, v.Number)
			wantCode(t, err, "")
			wantEqual(t, got, v)
			v.Sealed = nil
		}
		versions, err := w.CredentialVersions(ctx, w.org, want.ID, belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, versions.Items, []*belay.CredentialVersion{second, first})
		_, err = w.CredentialVersion(ctx, w.org, want.ID, 3)
		wantCode(t, err, belay.CodeNotFound)
	})
}

// TestRetiredVersions makes more versions than are kept.
func TestRetiredVersions(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		k, other := w.addCredential(w.org, "key"), w.addCredential(w.org, "other")
		const last = belay.RetiredVersions + 4
		for n := 2; n <= last; n++ {
			wantCode(t, w.try(func(tx *store.Tx) error {
				_, err := tx.UpdateCredential(ctx, w.org, k.ID, w.now(), func(c *belay.Credential) (*belay.CredentialVersion, error) {
					c.Current = n
					return w.version(c, n), nil
				})
				return err
			}), "")
		}
		for n := 1; n <= last; n++ {
			v, err := w.CredentialVersion(ctx, w.org, k.ID, n)
			wantCode(t, err, "")
			if kept := len(v.Sealed) > 0; kept != (n >= last-belay.RetiredVersions) {
				t.Errorf("of %d versions, %d: its ciphertext is kept: %v", last, n, kept)
			}
		}
		// The version in force is not touched, however many come after it.
		staged := w.addCredential(w.org, "staged")
		for n := 2; n <= last; n++ {
			wantCode(t, w.try(func(tx *store.Tx) error {
				_, err := tx.UpdateCredential(ctx, w.org, staged.ID, w.now(), func(c *belay.Credential) (*belay.CredentialVersion, error) {
					return w.version(c, n), nil
				})
				return err
			}), "")
		}
		inForce, err := w.CredentialVersion(ctx, w.org, staged.ID, 1)
		wantCode(t, err, "")
		if len(inForce.Sealed) == 0 {
			t.Error("the version in force has lost its ciphertext")
		}
		untouched, err := w.CredentialVersion(ctx, w.org, other.ID, 1)
		wantCode(t, err, "")
		if len(untouched.Sealed) == 0 {
			t.Error("another credential has lost its ciphertext")
		}

		var numbers []int
		q := belay.Query{Size: 5}
		for {
			page, err := w.CredentialVersions(ctx, w.org, k.ID, q)
			wantCode(t, err, "")
			for _, v := range page.Items {
				numbers = append(numbers, v.Number)
			}
			if q.Cursor == "" && page.Total != last {
				t.Errorf("%d versions in all", page.Total)
			}
			if q.Cursor = page.NextCursor; q.Cursor == "" {
				break
			}
		}
		if len(numbers) != last || numbers[0] != last || numbers[last-1] != 1 {
			t.Errorf("page by page, the versions are %v", numbers)
		}
	})
}

func TestCredentialsUsed(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		k := w.addCredential(w.org, "key")
		early, late := w.now(), w.now()
		for _, at := range []time.Time{late, early} { // an older use does not hide a newer one
			wantCode(t, w.try(func(tx *store.Tx) error { return tx.CredentialsUsed(ctx, w.org, []belay.ID{k.ID}, at) }), "")
		}
		want := *k
		want.LastUsedAt = late
		got, err := w.Credential(ctx, w.org, k.ID)
		wantCode(t, err, "")
		wantEqual(t, got, &want)
	})
}

// replace gives a credential a second version.
func (w *world) replace(k *belay.Credential) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.UpdateCredential(ctx, k.OrganizationID, k.ID, w.now(), func(c *belay.Credential) (*belay.CredentialVersion, error) {
			c.Current++
			return &belay.CredentialVersion{Number: c.Current, Sealed: []byte("sealed"), Fingerprint: "another", CreatedBy: w.ann, CreatedAt: w.now()}, nil
		})
		return err
	})
}

func TestCredentialUsages(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		shared, spare, unused := w.addCredential(w.org, "shared"), w.addCredential(w.org, "spare"), w.addCredential(w.org, "unused")
		checked := func(name string, h belay.HealthStatus, used belay.ID, attached []*belay.Credential, rejected ...*belay.Credential) {
			k := belay.Check{ID: w.id(), OrganizationID: w.org, Trigger: belay.TriggerManual, StartedAt: w.now(), Health: h, CredentialID: used, CredentialVersion: 1}
			for _, r := range rejected {
				k.Rejected = append(k.Rejected, belay.Rejection{CredentialID: r.ID, CredentialVersion: 1, Cause: belay.CauseCredentialRejected})
			}
			k.ConnectionID = w.addConnection(w.org, name, uses(attached...), func(c *belay.Connection) { c.Health = belay.Health{Status: h, CheckID: k.ID, CheckedAt: k.StartedAt} }).ID
			w.write(func(ctx context.Context, tx *store.Tx) error { return tx.CreateCheck(ctx, &k) })
		}
		for _, h := range []belay.HealthStatus{belay.HealthUnhealthy, belay.HealthDegraded, belay.HealthUnknown, belay.HealthHealthy} {
			checked(string(h), h, shared.ID, []*belay.Credential{shared})
		}
		checked("carried by the spare", belay.HealthDegraded, spare.ID, []*belay.Credential{shared, spare}, shared)
		checked("spare not needed", belay.HealthHealthy, shared.ID, []*belay.Credential{shared, spare})
		checked("tested before it was attached", belay.HealthHealthy, "", []*belay.Credential{shared})
		w.addConnection(w.org, "both", uses(shared, spare))
		gone := w.addConnection(w.org, "gone", uses(shared))
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteConnection(ctx, w.org, gone.ID, "", w.now()) }), "")
		ids := []belay.ID{shared.ID, spare.ID, unused.ID}
		got, err := w.CredentialUsages(ctx, w.org, ids, w.now())
		wantCode(t, err, "")
		wantEqual(t, got, map[belay.ID]belay.CredentialUsage{
			shared.ID: {Connections: 8, Working: 3, Checked: 6},
			spare.ID:  {Connections: 3, Working: 1, Checked: 1},
		})
		got, err = w.CredentialUsages(ctx, w.org, ids, w.now().Add(time.Hour))
		wantCode(t, err, "")
		wantEqual(t, got[shared.ID], belay.CredentialUsage{Connections: 8, Working: 3, Checked: 6, Stale: 6})
		w.replace(shared)
		got, err = w.CredentialUsages(ctx, w.org, ids, w.now())
		wantCode(t, err, "")
		wantEqual(t, got, map[belay.ID]belay.CredentialUsage{
			shared.ID: {Connections: 8},
			spare.ID:  {Connections: 3, Working: 1, Checked: 1},
		})
		got, err = w.CredentialUsages(ctx, w.other, ids, w.now())
		wantCode(t, err, "")
		wantEqual(t, len(got), 0)
		got, err = w.CredentialUsages(ctx, w.org, nil, w.now())
		wantCode(t, err, "")
		wantEqual(t, len(got), 0)
	})
}

func TestCredentialFilters(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		a, b, c := w.addCredential(w.org, "a"), w.addCredential(w.org, "b"), w.addCredential(w.org, "c")
		e, v := w.addEnvironment(w.org, "prod"), w.addWorkspace(w.org, "team")
		user, gone := w.addConnection(w.org, "user", uses(a, b)), w.addConnection(w.org, "gone", uses(c))
		w.assign(e, user, gone)
		w.entrust(v, c)
		w.write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.UpdateCredential(ctx, w.org, b.ID, w.now(), func(k *belay.Credential) (*belay.CredentialVersion, error) {
				k.Type = belay.CredentialBearer
				return nil, nil
			})
			if err != nil {
				return err
			}
			return tx.DeleteConnection(ctx, w.org, gone.ID, "", w.now())
		})
		for name, test := range map[string]struct {
			filter belay.CredentialFilter
			want   string
		}{
			"all":                      {belay.CredentialFilter{}, "abc"},
			"type":                     {belay.CredentialFilter{Types: []string{belay.CredentialBearer}}, "b"},
			"types":                    {belay.CredentialFilter{Types: []string{belay.CredentialBearer, belay.CredentialBasic}}, "abc"},
			"fingerprint":              {belay.CredentialFilter{Fingerprint: "fp-c"}, "c"},
			"environment":              {belay.CredentialFilter{EnvironmentID: e.ID}, "ab"},
			"workspace":                {belay.CredentialFilter{WorkspaceID: v.ID}, "c"},
			"connection":               {belay.CredentialFilter{ConnectionID: user.ID}, "ab"},
			"environment and type":     {belay.CredentialFilter{EnvironmentID: e.ID, Types: []string{belay.CredentialBasic}}, "a"},
			"workspace and connection": {belay.CredentialFilter{WorkspaceID: v.ID, ConnectionID: user.ID}, ""},
		} {
			page, err := w.Credentials(ctx, everything(w.org), test.filter, belay.Query{})
			wantCode(t, err, "")
			got := ""
			for _, k := range page.Items {
				got += k.Name
			}
			if got != test.want || page.Total != len(test.want) {
				t.Errorf("%s: got %q (total %d), want %q", name, got, page.Total, test.want)
			}
		}
	})
}
