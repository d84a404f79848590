package app_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"belay"
	"belay/app"
)

// interrupted imports two contexts with an Idempotency-Key, the first of them
// without its credential, and does something while that one, stored by then,
// is tested. It returns the outcomes, and then what the same request finds.
func interrupted(t *testing.T, do func(w *importWorld, leave func())) (w *importWorld, first, again []app.ImportedContext, repeat error) {
	t.Helper()
	w = newImportWorld(t)
	w.uids[here], w.uids[there] = "one", "two"
	up := file(kubeContext{name: "a", server: here, user: token("x")}, kubeContext{name: "b", server: there, user: token("x")})
	im := app.KubeconfigImport{Contexts: []app.ContextImport{{Name: "a", WithoutCredential: true}, {Name: "b"}}}
	run := func(ctx context.Context) (out []app.ImportedContext, err error) {
		ctx = app.WithIdempotency(ctx, app.Idempotency{Key: "import", Request: []byte("the file")})
		_, err = w.ImportKubeconfigOnce(ctx, w.org, up, im, func(contexts []*app.ImportedContext) ([]byte, error) {
			for _, k := range contexts {
				out = append(out, *k)
			}
			return []byte("answer"), nil
		})
		return out, err
	}
	ctx, leave := context.WithCancel(w.admin)
	defer leave()
	var tests atomic.Int32
	w.during = func() {
		if tests.Add(1) == 3 { // both are tested for the preview
			do(w, leave)
		}
	}
	first, err := run(ctx)
	w.must(err)
	again, repeat = run(w.admin)
	return w, first, again, repeat
}

// TestImportGoesOnWithoutItsClient imports all of it, though the client has
// left, and answers him when he asks again.
func TestImportGoesOnWithoutItsClient(t *testing.T) {
	_, first, again, err := interrupted(t, func(_ *importWorld, leave func()) { leave() })
	if len(first) != 2 || first[0].Outcome != app.ImportCreated || first[1].Outcome != app.ImportCreated || first[0].Check == nil {
		t.Errorf("it ends with %+v", first)
	}
	if err != nil || again != nil {
		t.Errorf("the same request imports again: %+v, %v", again, err)
	}
}

// TestImportEndsWithTheServer begins no other context once the server stops.
// The answer says so, and is not the one to the same request.
func TestImportEndsWithTheServer(t *testing.T) {
	w, first, _, err := interrupted(t, func(w *importWorld, _ func()) { w.Stop() })
	if len(first) != 2 || first[0].Outcome != app.ImportCreated || first[0].Message != "" || first[1].Outcome != app.ImportFailed || !strings.Contains(first[1].Message, "stopping") {
		t.Errorf("it ends with %+v", first)
	}
	if belay.CodeOf(err) != belay.CodeUnavailable {
		t.Errorf("another import begins: %v", err)
	}
	kept, err := w.store.Idempotency(t.Context(), belay.PrincipalFrom(w.admin).UserID, "import", time.Time{})
	if err != nil || kept != nil {
		t.Errorf("the answer is kept: %+v, %v", kept, err)
	}
}

// TestImportedAndNotRecorded breaks off the test of a context that is stored
// by then: it is told as stored.
func TestImportedAndNotRecorded(t *testing.T) {
	w, first, _, _ := interrupted(t, func(w *importWorld, _ func()) { w.BreakOff() })
	if len(first) != 2 || first[0].Outcome != app.ImportCreated || first[0].Connection == nil || first[0].Check == nil || first[0].Message == "" {
		t.Fatalf("it ends with %+v", first)
	}
	if _, err := w.Connection(w.admin, w.org, first[0].Connection.ID); err != nil {
		t.Errorf("what is told as stored: %v", err)
	}
	if first[1].Outcome != app.ImportFailed || !strings.Contains(first[1].Message, "stopping") {
		t.Errorf("the other one: %+v", first[1])
	}
}

// TestPreviewEndsWithItsClient stores nothing for a client that leaves while
// its contexts are tested, and takes the same request anew.
func TestPreviewEndsWithItsClient(t *testing.T) {
	w := newImportWorld(t)
	w.uids[here] = "one"
	up := file(kubeContext{name: "a", server: here, user: token("x")})
	tell := func([]*app.ImportedContext) ([]byte, error) { return []byte("answer"), nil }
	key := app.Idempotency{Key: "import", Request: []byte("the file")}
	ctx, leave := context.WithCancel(w.admin)
	w.during = leave
	if _, err := w.ImportKubeconfigOnce(app.WithIdempotency(ctx, key), w.org, up, app.KubeconfigImport{}, tell); err == nil {
		t.Error("who has left is answered")
	}
	if page, err := w.Connections(w.admin, w.org, belay.ConnectionFilter{}, belay.Query{}); err != nil || page.Total != 0 {
		t.Errorf("%d connections are stored, %v", page.Total, err)
	}
	w.during = nil
	if answer, err := w.ImportKubeconfigOnce(app.WithIdempotency(w.admin, key), w.org, up, app.KubeconfigImport{}, tell); err != nil || string(answer) != "answer" {
		t.Errorf("asked again: %q, %v", answer, err)
	}
}
