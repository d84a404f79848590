package app_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"belay"
	"belay/app"
)

// TestAdminToken makes another token for the first administrator: it is kept
// before it is stored, and takes nothing away.
func TestAdminToken(t *testing.T) {
	w := newImportWorld(t)
	c := app.Config{Store: w.store, Clock: func() time.Time { return w.now }, NewID: w.newID, Log: slog.New(slog.DiscardHandler)}
	gate := app.NewGate(c)
	full := errors.New("the disk is full")
	if _, err := app.MakeAdminToken(t.Context(), c, func(belay.Secret) error { return full }); !errors.Is(err, full) {
		t.Errorf("what is not kept: %v", err)
	}
	admin := belay.PrincipalFrom(w.admin).UserID
	stored := func() int {
		page, err := w.store.Tokens(t.Context(), belay.TokenFilter{UserID: admin, At: w.now}, belay.Query{})
		w.must(err)
		return page.Total
	}
	before := stored()
	var made []belay.Secret
	for range 2 {
		_, err := app.MakeAdminToken(t.Context(), c, func(text belay.Secret) error {
			if gate.Takes(t.Context(), text) == nil {
				t.Error("it is stored before it is kept")
			}
			made = append(made, text)
			return nil
		})
		w.must(err)
	}
	for _, text := range made {
		w.must(gate.Takes(t.Context(), text))
		p, err := gate.Token(t.Context(), text, "")
		if err != nil || p.UserID != admin {
			t.Errorf("it signs in %+v, %v", p, err)
		}
	}
	if now := stored(); now != before+2 {
		t.Errorf("%d tokens became %d", before, now)
	}
}
