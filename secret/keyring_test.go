package secret

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"belay"
)

func TestAStoredKeyringOpensWhatWasSealed(t *testing.T) {
	kek := newKEK(t)
	k, w, err := Create(kek)
	if err != nil {
		t.Fatal(err)
	}
	v := values("token", "canary-7141")
	sealed := mustSeal(t, k, v, place)
	again, err := Open(kek, w)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Open(sealed, place)
	if err != nil || !sameValues(v, got) {
		t.Fatalf("after opening the keyring again: %v", err)
	}
	if k.Fingerprint("bearer", v) != again.Fingerprint("bearer", v) {
		t.Error("the fingerprint changed")
	}
	if id, err := w.KEKID(); err != nil || id != kek.ID() {
		t.Errorf("the stored keyring names key %q (%v), want %q", id, err, kek.ID())
	}
}

func TestTheWrongKeyIsNamed(t *testing.T) {
	right, wrong := newKEK(t), newKEK(t)
	_, w, err := Create(right)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(wrong, w)
	if !errors.Is(err, ErrWrongKey) {
		t.Fatalf("error %v, want ErrWrongKey", err)
	}
	for _, id := range []string{right.ID(), wrong.ID()} {
		if !strings.Contains(err.Error(), id) {
			t.Errorf("%q does not name key %s", err, id)
		}
	}
	if _, err := Open(KEK{}, w); !errors.Is(err, ErrWrongKey) {
		t.Errorf("without a key: error %v, want ErrWrongKey", err)
	}
	if _, _, err := Create(KEK{}); !errors.Is(err, ErrNoKey) {
		t.Errorf("create without a key: error %v, want ErrNoKey", err)
	}
}

func TestAKeyThatLiesAboutItsIDOpensNothing(t *testing.T) {
	right, wrong := newKEK(t), newKEK(t)
	_, w, err := Create(right)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(NewKEK(right.ID(), wrong.aead), w); err == nil {
		t.Error("opened with another key of the same name")
	}
}

// A changed byte may leave the meaning as it is (the spelling of a JSON name,
// Tink's unused key list); it must never give another keyring.
func TestADamagedKeyringIsRefusedOrTheSame(t *testing.T) {
	kek := newKEK(t)
	k, w, err := Create(kek)
	if err != nil {
		t.Fatal(err)
	}
	v := values("token", "canary-7141")
	sealed, want := mustSeal(t, k, v, place), k.Fingerprint("bearer", v)
	refused := 0
	for i := range w {
		changed := bytes.Clone(w)
		changed[i] ^= 1
		got, err := Open(kek, changed)
		if err != nil {
			refused++
			continue
		}
		if _, err := got.Open(sealed, place); err != nil || got.Fingerprint("bearer", v) != want {
			t.Fatalf("byte %d flipped: another keyring was opened", i)
		}
	}
	if refused < len(w)/2 {
		t.Errorf("only %d of %d flipped bytes were refused", refused, len(w))
	}
	for i := range w {
		if _, err := Open(kek, w[:i]); err == nil {
			t.Fatalf("cut to %d bytes: opened", i)
		}
	}
}

func TestSwappedKeysetsAreRefused(t *testing.T) {
	kek := newKEK(t)
	k := newRing(t)
	b, err := wrap(kek, k.data, "data")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unwrap(kek, b, "fingerprints"); err == nil {
		t.Error("the data keys opened in the place of the fingerprint key")
	}
}

func TestANewerFormatIsNamed(t *testing.T) {
	_, w, err := Create(newKEK(t))
	if err != nil {
		t.Fatal(err)
	}
	newer := Wrapped(bytes.Replace(w, []byte(`"format":1`), []byte(`"format":2`), 1))
	if _, err := newer.KEKID(); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("error %v does not name format 2", err)
	}
}

func TestRewrapChangesTheKeyAndNothingElse(t *testing.T) {
	from, to := newKEK(t), newKEK(t)
	k, w, err := Create(from)
	if err != nil {
		t.Fatal(err)
	}
	sealed := mustSeal(t, k, values("token", "canary-7141"), place)
	moved, err := Rewrap(from, to, w)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(from, moved); !errors.Is(err, ErrWrongKey) {
		t.Errorf("the old key: error %v, want ErrWrongKey", err)
	}
	again, err := Open(to, moved)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open(sealed, place); err != nil {
		t.Error(err)
	}
	if _, err := Rewrap(to, from, w); !errors.Is(err, ErrWrongKey) {
		t.Errorf("rewrap from the wrong key: error %v, want ErrWrongKey", err)
	}
}

func TestRotation(t *testing.T) {
	kek := newKEK(t)
	old, _, err := Create(kek)
	if err != nil {
		t.Fatal(err)
	}
	v := values("token", "canary-7141")
	before := mustSeal(t, old, v, place)
	rotated, err := old.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	rotated = rewrapped(t, kek, rotated)
	after := mustSeal(t, rotated, v, place)
	if rotated.Keys() != 2 || rotated.IsCurrent(before) || !rotated.IsCurrent(after) || !old.IsCurrent(before) {
		t.Error("it is not told which key sealed what")
	}
	for name, sealed := range map[string][]byte{"old": before, "new": after} {
		if _, err := rotated.Open(sealed, place); err != nil {
			t.Errorf("%s ciphertext: %v", name, err)
		}
	}
	if rotated.Fingerprint("bearer", v) != old.Fingerprint("bearer", v) {
		t.Error("rotation changed the fingerprint")
	}
	pruned, err := rotated.Prune()
	if err != nil {
		t.Fatal(err)
	}
	pruned = rewrapped(t, kek, pruned)
	if _, err := pruned.Open(before, place); pruned.Keys() != 1 || !errors.Is(err, ErrNotOpened) {
		t.Errorf("after pruning, old ciphertext: error %v, want ErrNotOpened", err)
	}
	if _, err := pruned.Open(after, place); err != nil {
		t.Errorf("after pruning, new ciphertext: %v", err)
	}
}

func rewrapped(t *testing.T, kek KEK, k *Keyring) *Keyring {
	t.Helper()
	w, err := k.Wrap(kek)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(kek, w)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

func TestIsCurrentOfGarbage(t *testing.T) {
	k := newRing(t)
	for _, b := range [][]byte{nil, {1}, {1, 1, 0, 0, 0, 0, 0}, []byte("a longer garbage")} {
		if k.IsCurrent(b) {
			t.Errorf("%q is said to be sealed with the current key", b)
		}
	}
}

func TestFingerprint(t *testing.T) {
	k := newRing(t)
	base := k.Fingerprint("basic", values("username", "u", "password", "p"))
	if len(base) != 32 || strings.Trim(base, "0123456789abcdef") != "" {
		t.Errorf("fingerprint %q is not 32 hexadecimal digits", base)
	}
	for range 50 { // the order of a map's keys differs from run to run
		if got := k.Fingerprint("basic", values("password", "p", "username", "u")); got != base {
			t.Fatalf("equal values: %s and %s", base, got)
		}
	}
	if got := k.Fingerprint("basic", values("password", "p", "username", "u", "realm", "")); got != base {
		t.Error("an empty value makes a difference")
	}
	different := map[string]string{
		"type":        k.Fingerprint("bearer", values("username", "u", "password", "p")),
		"value":       k.Fingerprint("basic", values("username", "u", "password", "P")),
		"name":        k.Fingerprint("basic", values("user", "u", "password", "p")),
		"swapped":     k.Fingerprint("basic", values("username", "p", "password", "u")),
		"fewer":       k.Fingerprint("basic", values("username", "u")),
		"moved bytes": k.Fingerprint("basic", values("username", "up", "password", "")),
		"keyring":     newRing(t).Fingerprint("basic", values("username", "u", "password", "p")),
	}
	for what, got := range different {
		if got == base {
			t.Errorf("another %s has the same fingerprint", what)
		}
	}
	if k.Fingerprint("a", map[string]belay.Secret{"b": belay.SecretString("c")}) == k.Fingerprint("ab", values("", "c")) {
		t.Error("the encoding is ambiguous")
	}
}
