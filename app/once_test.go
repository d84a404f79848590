package app_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"belay"
	"belay/app"
)

// TestRememberedRequestIsKeyed repeats a request with an Idempotency-Key:
// what is stored of it is not the hash that anybody can work out from a guess
// at its secrets, and the repetition is known all the same.
func TestRememberedRequestIsKeyed(t *testing.T) {
	w := newImportWorld(t)
	hash := sha256.Sum256([]byte(`{"secret":{"token":"guessed"}}`))
	ctx := app.WithIdempotency(w.admin, app.Idempotency{Key: "again", Request: hash[:]})
	name := "once"
	first, err := w.CreateEnvironment(ctx, w.org, app.EnvironmentChange{Name: &name})
	w.must(err)
	again, err := w.CreateEnvironment(ctx, w.org, app.EnvironmentChange{Name: &name})
	w.must(err)
	if again.ID != first.ID {
		t.Errorf("the repetition makes %s, not %s", again.ID, first.ID)
	}
	stored, err := w.store.Idempotency(t.Context(), belay.PrincipalFrom(w.admin).UserID, "again", w.now.AddDate(-1, 0, 0))
	w.must(err)
	if stored == nil || len(stored.Request) == 0 {
		t.Fatalf("remembered is %+v", stored)
	}
	if twice := sha256.Sum256(hash[:]); bytes.Contains(stored.Request, hash[:16]) || bytes.Equal(stored.Request, twice[:]) {
		t.Errorf("the hash of the request is stored without a key: %x", stored.Request)
	}
	// Another server, with other keys, stores something else of the same.
	other := newImportWorld(t)
	_, err = other.CreateEnvironment(app.WithIdempotency(other.admin, app.Idempotency{Key: "again", Request: hash[:]}), other.org, app.EnvironmentChange{Name: &name})
	w.must(err)
	elsewhere, err := other.store.Idempotency(t.Context(), belay.PrincipalFrom(other.admin).UserID, "again", w.now.AddDate(-1, 0, 0))
	w.must(err)
	if elsewhere == nil || bytes.Equal(elsewhere.Request, stored.Request) {
		t.Errorf("stored elsewhere is %+v", elsewhere)
	}
}

// TestAnswerOnce imports twice at once with one Idempotency-Key, and again
// after the first import was cut off.
func TestAnswerOnce(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	up := file(kubeContext{name: "a", server: here, user: token("x")})
	ctx := app.WithIdempotency(w.admin, app.Idempotency{Key: "import", Request: []byte("the file")})
	told := 0
	run := func(tell func([]*app.ImportedContext) ([]byte, error)) (string, error) {
		answer, err := w.ImportKubeconfigOnce(ctx, w.org, up, app.KubeconfigImport{}, func(contexts []*app.ImportedContext) ([]byte, error) {
			told++
			return tell(contexts)
		})
		return string(answer), err
	}
	outcome := func(contexts []*app.ImportedContext) ([]byte, error) { return []byte(contexts[0].Outcome), nil }

	broken := errors.New("broken")
	if _, err := run(func([]*app.ImportedContext) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Fatalf("the import that fails ends with %v", err)
	}
	_, err := run(func([]*app.ImportedContext) ([]byte, error) {
		// While it is under way.
		if _, err := run(outcome); belay.CodeOf(err) != belay.CodeConflict {
			t.Errorf("at once: %v", err)
		}
		// As if its server had been gone since.
		w.now = w.now.Add(11 * time.Minute)
		answer, err := run(outcome)
		w.must(err)
		if answer != string(app.ImportUnchanged) {
			t.Errorf("after it was cut off: %q", answer)
		}
		return []byte("late"), nil
	})
	w.must(err)
	stored, err := w.store.Idempotency(t.Context(), belay.PrincipalFrom(w.admin).UserID, "import", time.Time{})
	if err != nil || stored == nil || bytes.Contains(stored.Request, []byte("the file")) {
		t.Errorf("the hash of the request is stored without a key: %+v, %v", stored, err)
	}
	told = 0
	if answer, err := run(outcome); err != nil || told != 0 || answer != string(app.ImportUnchanged) {
		t.Errorf("it was imported %d times again, and is answered with %q, %v", told, answer, err)
	}
}
