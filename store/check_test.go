package store_test

import (
	"context"
	"testing"
	"time"

	"belay"
	"belay/store"
)

func (w *world) check(c *belay.Connection) *belay.Check {
	return &belay.Check{
		ID: w.id(), OrganizationID: c.OrganizationID, ConnectionID: c.ID, Trigger: belay.TriggerManual,
		StartedAt: w.now(), Duration: 1500 * time.Microsecond, Health: belay.HealthDegraded, Cause: belay.CauseClockSkew, Summary: "late",
		Stages: []belay.StageResult{
			{Stage: belay.StagePolicy, Outcome: belay.OutcomePassed, Duration: time.Nanosecond},
			{Stage: belay.StageConnect, Outcome: belay.OutcomeWarned, Duration: time.Second, Detail: "<slow> & \"far\""},
		},
		Facts: []byte(`{"version":"1.2"}`), CredentialID: w.id(), CredentialVersion: 3, UserID: w.max, Identity: "kubernetes:1/prod",
		Rejected: []belay.Rejection{{CredentialID: w.id(), CredentialVersion: 2, Cause: belay.CauseCredentialExpired, Summary: "ended \"then\""}},
	}
}

func TestCheck(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		c, other := w.addConnection(w.org, "target"), w.addConnection(w.org, "other")
		first, second, bare := w.check(c), w.check(c), &belay.Check{
			ID: w.id(), OrganizationID: w.org, ConnectionID: other.ID, Trigger: belay.TriggerMonitor, StartedAt: w.now(), Health: belay.HealthHealthy,
		}
		w.write(func(ctx context.Context, tx *store.Tx) error {
			for _, k := range []*belay.Check{first, second, bare} {
				if err := tx.CreateCheck(ctx, k); err != nil {
					return err
				}
			}
			return nil
		})
		bare.Facts = []byte("{}")
		for _, want := range []*belay.Check{first, bare} {
			got, err := w.Check(ctx, w.org, want.ID)
			wantCode(t, err, "")
			wantEqual(t, got, want)
		}
		_, err := w.Check(ctx, w.org, w.id())
		wantCode(t, err, belay.CodeNotFound)

		page, err := w.Checks(ctx, w.org, c.ID, belay.Query{})
		wantCode(t, err, "")
		wantEqual(t, page.Items, []*belay.Check{second, first})
		wantEqual(t, page.Total, 2)
		page, err = w.Checks(ctx, w.org, c.ID, belay.Query{Size: 1, Order: belay.Order{Column: "startedAt"}})
		wantCode(t, err, "")
		wantEqual(t, page.Items, []*belay.Check{first})
		wantEqual(t, page.Total, 2)

		// A check that ends after its connection was deleted is still kept.
		late := w.check(c)
		wantCode(t, w.try(func(tx *store.Tx) error {
			if err := tx.DeleteConnection(ctx, w.org, c.ID, "", w.now()); err != nil {
				return err
			}
			return tx.CreateCheck(ctx, late)
		}), "")
		late.ID, late.ConnectionID = w.id(), w.id()
		wantCode(t, w.try(func(tx *store.Tx) error { return tx.CreateCheck(ctx, late) }), belay.CodeNotFound)
	})
}
