package store_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"testing"
	"time"

	"belay"
	"belay/store"
)

// full is a connection that has a value in every field.
func (w *world) full(org belay.ID, name string) *belay.Connection {
	c := w.connection(org, name)
	c.Labels = map[string]string{"team": "blue", "ümlaut": "ß"}
	c.Identity, c.Management, c.Origin = "uid/"+name, belay.Managed, belay.OriginDiscovery
	c.Health = belay.Health{
		Status: belay.HealthDegraded, Cause: belay.CauseClockSkew, Summary: "clock is late", CheckID: w.id(),
		CheckedAt: w.now(), Since: w.now(),
	}
	c.Maintenance = belay.Maintenance{Until: w.now(), Reason: "disks"}
	return c
}

func TestConnectionRoundTrip(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		primary, fallback := w.addCredential(w.org, "primary"), w.addCredential(w.org, "fallback")
		want := w.full(w.org, "cluster")
		uses(primary, fallback)(want)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateConnection(ctx, want) }), "")
		got, err := w.Connection(ctx, w.org, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, want)

		// Every field but those that name it can be changed.
		now := w.now()
		next := w.full(w.other, "renamed")
		next.OwnerID, next.Kind, next.Type, next.SubType, next.Origin = w.max, "github", "code", "forge", belay.OriginImport
		next.Endpoint, next.Config = "https://code.example.test", []byte(`{"a":1}`)
		next.Labels, next.Status, next.Management = map[string]string{"team": "red"}, belay.StatusMaintenance, belay.Unmanaged
		next.Policy = belay.CheckPolicy{Interval: time.Hour, Timeout: time.Second}
		uses(fallback)(next)
		var saved *belay.Connection
		w.write(func(ctx context.Context, tx *store.Tx) (err error) {
			saved, err = tx.UpdateConnection(ctx, w.org, want.ID, now, func(c *belay.Connection) error {
				wantEqual(t, c, want)
				*c = *next
				return nil
			})
			return err
		})
		next.ID, next.OrganizationID, next.CreatedAt = want.ID, want.OrganizationID, want.CreatedAt
		next.Version, next.UpdatedAt = 2, now
		wantEqual(t, saved, next)
		got, err = w.Connection(ctx, w.org, want.ID)
		wantCode(t, err, "")
		wantEqual(t, got, next)
	})
}

func TestConnectionDeleteAndRestore(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		k, e := w.addCredential(w.org, "key"), w.addEnvironment(w.org, "prod")
		c := w.full(w.org, "cluster")
		uses(k)(c)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateConnection(ctx, c) }), "")
		w.assign(e, c)
		at := w.now()
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteConnection(ctx, w.org, c.ID, "who", at) }), "")

		deleted := belay.ConnectionFilter{Statuses: []belay.Status{belay.StatusDeleted}}
		page, err := w.Connections(ctx, everything(w.org), deleted, belay.Query{Search: "clus"})
		wantCode(t, err, "")
		want := *c
		want.Status, want.StatusReason, want.StatusChangedBy, want.StatusChangedAt = belay.StatusDeleted, "", "who", at
		want.Version, want.UpdatedAt, want.DeletedAt = 2, at, at
		wantEqual(t, page.Items, []*belay.Connection{&want})

		var back *belay.Connection
		w.write(func(ctx context.Context, tx *store.Tx) (err error) {
			at = w.now()
			back, err = tx.RestoreConnection(ctx, w.org, c.ID, "who else", at)
			return err
		})
		want.Status, want.StatusReason, want.StatusChangedBy, want.StatusChangedAt = belay.StatusRegistered, "restored", "who else", at
		want.Health, want.Maintenance = belay.Health{Status: belay.HealthUnchecked}, belay.Maintenance{}
		want.Version, want.UpdatedAt, want.DeletedAt = 3, at, time.Time{}
		wantEqual(t, back, &want)
		for name, f := range map[string]belay.ConnectionFilter{
			"environment": {EnvironmentID: e.ID}, "credential": {CredentialID: k.ID}, "label": {Labels: map[string]string{"team": "blue"}},
		} {
			page, err := w.Connections(ctx, everything(w.org), f, belay.Query{})
			wantCode(t, err, "")
			if len(page.Items) != 1 {
				t.Errorf("restored without its %s", name)
			}
		}
	})
}

func TestConnectionIdentity(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		identity := func(s string) func(*belay.Connection) { return func(c *belay.Connection) { c.Identity = s } }
		first := w.addConnection(w.org, "first", identity("uid"))
		second := w.addConnection(w.org, "second")
		w.addConnection(w.org, "third")
		w.addConnection(w.other, "elsewhere", identity("uid"))
		twin := w.connection(w.org, "twin")
		twin.Identity = "uid"
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateConnection(ctx, twin) }), belay.CodeConflict)
		wantCode(t, w.try(func(tx *store.Tx) error {
			after := *second
			after.Identity = "uid"
			return tx.SaveHealth(ctx, second, &after)
		}), belay.CodeConflict)

		for identity, want := range map[string]belay.ID{"uid": first.ID, "": "", "another": ""} {
			got, err := w.ConnectionByIdentity(ctx, w.org, identity)
			wantCode(t, err, "")
			if got == nil != (want == "") || got != nil && got.ID != want {
				t.Errorf("identity %q: got %v, want %q", identity, got, want)
			}
		}
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteConnection(ctx, w.org, first.ID, "", w.now()) }), "")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateConnection(ctx, twin) }), "")
		wantCode(t, w.try(func(tx *store.Tx) error {
			_, err := tx.RestoreConnection(ctx, w.org, first.ID, "", w.now())
			return err
		}), belay.CodeConflict)
	})
}

func TestConnectionsAt(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		at := func(endpoint string) func(*belay.Connection) {
			return func(c *belay.Connection) { c.Endpoint = endpoint }
		}
		older, newer := w.addConnection(w.org, "z", at("https://a.test")), w.addConnection(w.org, "a", at("https://a.test"))
		w.addConnection(w.org, "b", at("https://b.test"))
		w.addConnection(w.other, "c", at("https://a.test"))
		gone := w.addConnection(w.org, "d", at("https://a.test"))
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteConnection(ctx, w.org, gone.ID, "", w.now()) }), "")
		got, err := w.ConnectionsAt(ctx, w.org, "prometheus", "https://a.test")
		wantCode(t, err, "")
		wantEqual(t, got, []*belay.Connection{older, newer})
		got, err = w.ConnectionsAt(ctx, w.org, "github", "https://a.test")
		wantCode(t, err, "")
		wantEqual(t, len(got), 0)
	})
}

// alike gives a connection a context and an authority.
func alike(context, authority string) func(*belay.Connection) {
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(authority)})
	config, err := json.Marshal(map[string]any{"context": context, "tls": belay.TLS{CertificateAuthority: string(block)}})
	if err != nil {
		panic(err) // only texts are put together
	}
	return func(c *belay.Connection) { c.Config = config }
}

func TestConnectionsLike(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		older, newer := w.addConnection(w.org, "z", alike("prod", "one")), w.addConnection(w.org, "a", alike("prod", "one"))
		w.addConnection(w.org, "b", alike("prod", "two"))
		w.addConnection(w.org, "c")
		w.addConnection(w.other, "d", alike("prod", "one"))
		gone := w.addConnection(w.org, "e", alike("prod", "one"))
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteConnection(ctx, w.org, gone.ID, "", w.now()) }), "")
		got, err := w.ConnectionsLike(ctx, w.org, older.Likeness())
		wantCode(t, err, "")
		wantEqual(t, got, []*belay.Connection{older, newer})
		if got, err = w.ConnectionsLike(ctx, w.org, ""); err != nil || len(got) > 0 {
			t.Errorf("like nothing: %v, %v", got, err)
		}

		// It follows a change.
		w.write(func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.UpdateConnection(ctx, w.org, older.ID, w.now(), func(c *belay.Connection) error {
				alike("dev", "one")(c)
				return nil
			})
			return err
		})
		got, err = w.ConnectionsLike(ctx, w.org, newer.Likeness())
		wantCode(t, err, "")
		wantEqual(t, got, []*belay.Connection{newer})
	})
}

func TestConnectionCredentials(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		ours, foreign, gone := w.addCredential(w.org, "ours"), w.addCredential(w.other, "theirs"), w.addCredential(w.org, "gone")
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteCredential(ctx, w.org, gone.ID, w.now()) }), "")
		for name, test := range map[string]struct {
			credentials []*belay.Credential
			want        belay.Code
		}{
			"of the organization": {[]*belay.Credential{ours}, ""},
			"foreign":             {[]*belay.Credential{foreign}, belay.CodeNotFound},
			"deleted":             {[]*belay.Credential{gone}, belay.CodeNotFound},
			"unknown":             {[]*belay.Credential{{ID: w.id()}}, belay.CodeNotFound},
			"the same twice":      {[]*belay.Credential{ours, ours}, belay.CodeInvalid},
		} {
			t.Run(name, func(t *testing.T) {
				user := w.addConnection(w.org, "user of "+name)
				c := w.connection(w.org, name)
				uses(test.credentials...)(c)
				wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateConnection(ctx, c) }), test.want)
				wantCode(t, w.try(func(tx *store.Tx) error {
					_, err := tx.UpdateConnection(ctx, w.org, user.ID, w.now(), func(c *belay.Connection) error {
						uses(test.credentials...)(c)
						return nil
					})
					return err
				}), test.want)
			})
		}
	})
}

// A connection whose credential was deleted can be changed in all else.
func TestConnectionKeepsDeletedCredential(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		gone, other := w.addCredential(w.org, "gone"), w.addCredential(w.org, "other")
		c := w.addConnection(w.org, "user", uses(gone, other))
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteCredential(ctx, w.org, gone.ID, w.now()) }), "")
		update := func(change func(c *belay.Connection)) error {
			return w.try(func(tx *store.Tx) error {
				_, err := tx.UpdateConnection(ctx, w.org, c.ID, w.now(), func(c *belay.Connection) error { change(c); return nil })
				return err
			})
		}
		wantCode(t, update(func(c *belay.Connection) { c.Name = "renamed" }), "")
		wantCode(t, update(func(c *belay.Connection) { c.Credentials[0], c.Credentials[1] = c.Credentials[1], c.Credentials[0] }), belay.CodeNotFound)
		wantCode(t, update(func(c *belay.Connection) { c.Credentials = c.Credentials[1:] }), "")
		got, err := w.Connection(ctx, w.org, c.ID)
		wantCode(t, err, "")
		wantEqual(t, got.Credentials, []belay.CredentialUse{{CredentialID: other.ID, Purpose: belay.PurposeFallback}})
	})
}

func TestSaveHealth(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		c := w.addConnection(w.org, "target")
		after := *c
		after.Name, after.Kind, after.Version = "not health's business", "github", 7
		after.Identity, after.Status, after.StatusReason = "uid", belay.StatusConnected, "passed"
		after.StatusChangedBy, after.StatusChangedAt = "check", w.now()
		after.Health = belay.Health{
			Status: belay.HealthUnhealthy, Cause: belay.CauseTimeout, Summary: "slow", CheckID: w.id(), CheckedAt: w.now(), Since: w.now(),
		}
		save := func(before *belay.Connection) error {
			return w.try(func(tx *store.Tx) error { return tx.SaveHealth(ctx, before, &after) })
		}
		wantCode(t, save(c), "")
		got, err := w.Connection(ctx, w.org, c.ID)
		wantCode(t, err, "")
		want := after
		want.Name, want.Kind, want.Version = c.Name, c.Kind, c.Version
		wantEqual(t, got, &want)
		counts, err := w.ConnectionCounts(ctx, w.org)
		wantCode(t, err, "")
		wantEqual(t, counts, []store.ConnectionCount{{
			Kind: "prometheus", Type: "platform", Status: belay.StatusConnected, Health: belay.HealthUnhealthy, N: 1,
		}})

		// What was read before another change is not written over it.
		wantCode(t, save(c), belay.CodeConflict)
		changed := want
		wantCode(t, w.try(func(tx *store.Tx) error {
			_, err := tx.UpdateConnection(ctx, w.org, c.ID, w.now(), func(c *belay.Connection) error { c.Endpoint = "https://new.test"; return nil })
			return err
		}), "")
		wantCode(t, save(&changed), belay.CodeConflict)
		wantCounted(t, w)
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.DeleteConnection(ctx, w.org, c.ID, "", w.now()) }), "")
		wantCode(t, save(&changed), belay.CodeNotFound)
		wantCounted(t, w)
	})
}

// Ill-formed rows are refused by the database itself.
func TestConnectionRules(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		for name, change := range map[string]func(*belay.Connection){
			"status":               func(c *belay.Connection) { c.Status = "broken" },
			"health":               func(c *belay.Connection) { c.Health.Status = "fine" },
			"management":           func(c *belay.Connection) { c.Management = "none" },
			"deleted without time": func(c *belay.Connection) { c.Status = belay.StatusDeleted },
			"owner":                func(c *belay.Connection) { c.OwnerID = "nobody" },
			"organization":         func(c *belay.Connection) { c.OrganizationID = "nowhere" },
		} {
			c := w.connection(w.org, name)
			change(c)
			if err := w.try(func(tx *store.Tx) error { return tx.CreateConnection(ctx, c) }); belay.CodeOf(err) != belay.CodeInternal {
				t.Errorf("%s: got %v, want an internal error", name, err)
			}
		}
		page, err := w.Connections(ctx, everything(w.org), belay.ConnectionFilter{}, belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, page.Total, 0)
	})
}
