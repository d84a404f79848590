package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"belay"
	"belay/store"
)

// TestGatherer looks up a thousand hashes at once, of which one is of
// something: it is found, with two statements for all.
func TestGatherer(t *testing.T) {
	turn := make(chan time.Time)
	var asked [][]string
	right := "hash 500"
	g := &gatherer[*belay.Token]{
		pause: func() <-chan time.Time { return turn },
		find: func(_ context.Context, hashes [][]byte) (map[string]*belay.Token, error) { // one at a time
			var texts []string
			for _, h := range hashes {
				texts = append(texts, string(h))
			}
			asked = append(asked, texts)
			return map[string]*belay.Token{right: {ID: "right"}}, nil
		},
	}
	look := func(ctx context.Context, hash string) error {
		found, err := g.look(ctx, []byte(hash))
		switch {
		case err != nil:
			return err
		case (found != nil) != (hash == right):
			return fmt.Errorf("%s is %v", hash, found)
		}
		return nil
	}
	var wait sync.WaitGroup
	ended := make(chan error, 2000)
	begin := func(from, to int) {
		for i := from; i < to; i++ {
			wait.Go(func() { ended <- look(t.Context(), fmt.Sprint("hash ", i)) })
		}
		for joined := from; joined < to; { // until all of them wait
			g.mu.Lock()
			if g.open != nil {
				joined = from + len(g.open.hashes)
			}
			g.mu.Unlock()
			time.Sleep(time.Millisecond)
		}
	}
	begin(0, 1000)
	// One that goes away does not take the others with it.
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := look(gone, "gone"); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone is told %v", err)
	}
	turn <- time.Time{}
	wait.Wait()
	begin(1000, 1001)
	turn <- time.Time{}
	wait.Wait()
	close(ended)
	for err := range ended {
		if err != nil {
			t.Error(err)
		}
	}
	if len(asked) != 2 || len(asked[0]) != 1001 || !slices.Equal(asked[1], []string{"hash 1000"}) {
		t.Errorf("asked %d times", len(asked))
	}
}

// TestGathererFails tells everybody that the database does not answer.
func TestGathererFails(t *testing.T) {
	down := errors.New("down")
	g := &gatherer[*belay.Token]{
		pause: func() <-chan time.Time { return time.After(0) },
		find:  func(context.Context, [][]byte) (map[string]*belay.Token, error) { return nil, down },
	}
	for range 2 {
		if _, err := g.look(t.Context(), []byte("x")); !errors.Is(err, down) {
			t.Errorf("got %v", err)
		}
	}
}

func TestGuessers(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var g guessers
	for range guessesAllowed {
		g.add("192.0.2.1", now)
		g.add("2001:db8::1", now)
	}
	if g.many("192.0.2.1", now) {
		t.Error("a few are taken for many")
	}
	g.add("192.0.2.1", now)
	g.add("2001:db8::2:1", now)
	for address, want := range map[string]bool{
		"192.0.2.1": true, "192.0.2.2": false, "2001:db8::1": true, "2001:db8::ffff": true, "fe80::1%eth0": false, "2001:db8:0:1::1": false, "": false, "nonsense": false,
	} {
		if got := g.many(address, now); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
	if g.many("192.0.2.1", now.Add(guessWindow)) {
		t.Error("it is never forgotten")
	}
	for i := range guessersLimit {
		g.add(fmt.Sprint("address ", i), now)
	}
	if len(g.by) > guessersLimit {
		t.Errorf("%d are remembered", len(g.by))
	}
}

// guessed is a Gate that counts how often it asks for a token: alone, or
// together with others.
type guessed struct {
	*Gate
	store    *store.Store
	user     belay.ID
	now      time.Time
	gathered int
}

func newGuessed(t *testing.T) *guessed {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "belay.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	g := &guessed{store: st, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	g.Gate = NewGate(Config{
		Store: st, Clock: func() time.Time { return g.now }, Log: slog.New(slog.DiscardHandler),
		NewID: func() belay.ID { return belay.ID(uuid.NewString()) },
	})
	g.tokens.pause = func() <-chan time.Time { return time.After(0) }
	g.tokens.find = func(ctx context.Context, hashes [][]byte) (map[string]*belay.Token, error) {
		g.gathered++
		return st.TokensByHash(ctx, hashes)
	}
	u := &belay.User{ID: belay.ID(uuid.NewString()), Provider: "local", Subject: "ann", Version: 1}
	if err := st.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.CreateUser(ctx, u) }); err != nil {
		t.Fatal(err)
	}
	g.user = u.ID
	return g
}

func (g *guessed) issue(t *testing.T) belay.Secret {
	t.Helper()
	text, err := g.Issue(t.Context(), belay.Token{UserID: g.user, Name: "right"})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// refused uses a token that lets nobody in.
func (g *guessed) refused(t *testing.T, text belay.Secret, address string) {
	t.Helper()
	if _, err := g.Token(t.Context(), text, address); belay.CodeOf(err) != belay.CodeUnauthenticated {
		t.Fatalf("got %v", err)
	}
}

func (g *guessed) accepted(t *testing.T, text belay.Secret, address string) {
	t.Helper()
	if _, err := g.Token(t.Context(), text, address); err != nil {
		t.Fatal(err)
	}
}

// TestGuessing sends many well-formed tokens that are none: those from there
// are looked up with each other, and one that is right is let in.
func TestGuessing(t *testing.T) {
	g := newGuessed(t)
	const here, elsewhere = "192.0.2.1", "192.0.2.2"
	known, unknown := g.issue(t), g.issue(t)
	g.accepted(t, known, here)
	for range guessesAllowed + 30 {
		wrong, _, err := belay.NewToken(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		g.refused(t, wrong, here)
	}
	if g.gathered != 29 { // the first beyond what is allowed was looked up alone
		t.Errorf("%d were looked up with others", g.gathered)
	}
	g.accepted(t, unknown, here)
	if g.gathered != 30 {
		t.Error("one that was not known before is looked up alone")
	}
	g.now = g.now.Add(principalLife)
	g.accepted(t, known, here)
	g.accepted(t, unknown, here)
	g.accepted(t, g.issue(t), elsewhere)
	if g.gathered != 30 {
		t.Error("one that was known, or comes from elsewhere, waits")
	}
	g.now = g.now.Add(guessWindow)
	g.accepted(t, g.issue(t), here)
	if g.gathered != 30 {
		t.Error("it is never forgotten")
	}
}

// TestRefusedOnce uses what is no token, or none any more, again and again:
// it is looked up now and then.
func TestRefusedOnce(t *testing.T) {
	g := newGuessed(t)
	var none, revoked belay.Secret
	none, _, err := belay.NewToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	revoked = g.issue(t)
	token, err := g.store.TokenByHash(t.Context(), belay.HashToken(revoked))
	if err != nil {
		t.Fatal(err)
	}
	err = g.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.RevokeToken(ctx, g.user, token.ID, g.now) })
	if err != nil {
		t.Fatal(err)
	}
	g.refused(t, none, "")
	g.refused(t, revoked, "")
	if err := g.store.Close(); err != nil { // so that whoever asks the store is told something else
		t.Fatal(err)
	}
	for range 100 {
		g.refused(t, none, "")
		g.refused(t, revoked, "")
	}
	g.now = g.now.Add(refusalLife)
	if _, err := g.Token(t.Context(), none, ""); belay.CodeOf(err) == belay.CodeUnauthenticated {
		t.Error("it is not looked up again")
	}
	mistyped := belay.SecretString(strings.Repeat("x", 61))
	g.refused(t, mistyped, "")
	if _, err := g.Session(t.Context(), mistyped, ""); belay.CodeOf(err) != belay.CodeUnauthenticated {
		t.Errorf("a cookie that can be none: %v", err)
	}
}
