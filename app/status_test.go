package app_test

import (
	"context"
	"testing"
	"time"

	"belay"
	"belay/app"
)

// broken is a kind of which nothing works.
func broken() *fakeKind {
	return &fakeKind{test: func(context.Context, belay.Target) belay.Report {
		return belay.Report{Health: belay.HealthUnhealthy, Cause: belay.CauseConnectionRefused, Summary: "nothing listens there"}
	}}
}

// TestFirstTestFails makes the first test of a connection in every way in
// which one can be asked for: it is registered as before, with the reason, and
// was never connected to be disconnected from.
func TestFirstTestFails(t *testing.T) {
	connected := belay.StatusConnected
	create := func(ctx context.Context, a *app.App) (belay.ID, error) {
		v, err := a.CreateConnection(ctx, "", connectionTo("one", ""))
		if err != nil {
			return "", err
		}
		return v.ID, nil
	}
	for name, first := range map[string]func(ctx context.Context, a *app.App) (belay.ID, error){
		"asked for": func(ctx context.Context, a *app.App) (belay.ID, error) {
			id, err := create(ctx, a)
			if err == nil {
				_, err = a.TestConnection(ctx, "", id)
			}
			return id, err
		},
		"of an environment": func(ctx context.Context, a *app.App) (belay.ID, error) {
			id, environment := twoConnections(ctx, t, a)
			_, err := a.TestEnvironment(ctx, "", environment, app.EnvironmentWatch{})
			return id, err
		},
		"created connected": func(ctx context.Context, a *app.App) (belay.ID, error) {
			ch := connectionTo("one", "")
			ch.Status = &connected
			v, err := a.CreateConnection(ctx, "", ch)
			if err != nil {
				return "", err
			}
			return v.ID, nil
		},
		"made connected": func(ctx context.Context, a *app.App) (belay.ID, error) {
			id, err := create(ctx, a)
			if err == nil {
				_, err = a.UpdateConnection(ctx, "", id, 0, app.ConnectionChange{Status: &connected})
			}
			return id, err
		},
		"imported": func(ctx context.Context, a *app.App) (belay.ID, error) {
			out, err := a.ImportKubeconfig(ctx, "", app.KubeconfigUpload{Data: kubeconfigOf(1)}, app.KubeconfigImport{})
			if err != nil {
				return "", err
			}
			return out[0].Connection.ID, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, ctx := newOwner(t, broken())
			id, err := first(ctx, a)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				v, err := a.Connection(ctx, "", id)
				if err != nil || v.Status != belay.StatusRegistered || v.StatusReason != "nothing listens there" || v.Health.Status != belay.HealthUnhealthy {
					t.Fatalf("it is %s because of %q, and %s, %v", v.Status, v.StatusReason, v.Health.Status, err)
				}
				if _, err := a.TestConnection(ctx, "", id); err != nil {
					t.Fatal(err)
				}
			}
			endpoint := "http://127.0.0.1:2"
			v, err := a.UpdateConnection(ctx, "", id, 0, app.ConnectionChange{Endpoint: &endpoint})
			if err != nil || v.StatusReason != "" || v.Health.Status != belay.HealthUnchecked {
				t.Errorf("at another endpoint it is registered because of %q, and %s, %v", v.StatusReason, v.Health.Status, err)
			}
		})
	}
}

// TestRestoredIsNotKnownToWork deletes and restores a connection that works, in
// each way in which it can be restored: what its tests said is kept as its
// history, and shown as nothing that is so.
func TestRestoredIsNotKnownToWork(t *testing.T) {
	registered, maintenance := belay.StatusRegistered, belay.StatusMaintenance
	for name, restore := range map[string]func(ctx context.Context, a *app.App, id belay.ID) (*app.Connection, error){
		"restored": func(ctx context.Context, a *app.App, id belay.ID) (*app.Connection, error) {
			return a.RestoreConnection(ctx, "", id)
		},
		"registered": func(ctx context.Context, a *app.App, id belay.ID) (*app.Connection, error) {
			return a.UpdateConnection(ctx, "", id, 0, app.ConnectionChange{Status: &registered})
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, ctx := newOwner(t, &fakeKind{test: func(context.Context, belay.Target) belay.Report {
				return belay.Report{Health: belay.HealthHealthy, Identity: "the target"}
			}})
			created, err := a.CreateConnection(ctx, "", connectionTo("one", ""))
			if err != nil {
				t.Fatal(err)
			}
			id := created.ID
			if _, err := a.TestConnection(ctx, "", id); err != nil {
				t.Fatal(err)
			}
			before, err := a.UpdateConnection(ctx, "", id, 0, app.ConnectionChange{Status: &maintenance, Maintenance: &belay.Maintenance{Reason: "disks"}})
			if err != nil || before.Health.Status != belay.HealthHealthy {
				t.Fatalf("%+v, %v", before, err)
			}
			if err := a.DeleteConnection(ctx, "", id, 0); err != nil {
				t.Fatal(err)
			}
			v, err := restore(ctx, a, id)
			if err != nil {
				t.Fatal(err)
			}
			if v.Status != belay.StatusRegistered || v.Maintenance != (belay.Maintenance{}) || v.Health != (belay.Health{Status: belay.HealthUnchecked}) || v.Identity != "the target" {
				t.Errorf("it is %s, in maintenance for %+v, its health %+v, its identity %q", v.Status, v.Maintenance, v.Health, v.Identity)
			}
			for health, want := range map[belay.HealthStatus]int{belay.HealthHealthy: 0, belay.HealthUnchecked: 1} {
				if page, err := a.Connections(ctx, "", belay.ConnectionFilter{Healths: []belay.HealthStatus{health}}, belay.Query{}); err != nil || page.Total != want || len(page.Items) != want {
					t.Errorf("%d of %d connections are %s, %v", len(page.Items), page.Total, health, err)
				}
			}
			if history, err := a.Checks(ctx, "", id, belay.Query{}); err != nil || history.Total != 1 {
				t.Errorf("%d checks are kept, %v", history.Total, err)
			}
			back := time.Now()
			if _, err := a.TestConnection(ctx, "", id); err != nil {
				t.Fatal(err)
			}
			if v, err = a.Connection(ctx, "", id); err != nil || v.Status != belay.StatusConnected || v.Health.Status != belay.HealthHealthy || v.Health.Since.Before(back.Truncate(time.Millisecond)) {
				t.Errorf("tested again at %v it is %s, %+v, %v", back, v.Status, v.Health, err)
			}
		})
	}
}
