package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"belay"
)

const (
	orgA  = belay.ID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
	orgB  = belay.ID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c")
	credA = belay.ID("0190a1b2-c3d4-7e5f-8a9b-000000000001")
	credB = belay.ID("0190a1b2-c3d4-7e5f-8a9b-000000000002")
)

var place = Binding{OrganizationID: orgA, CredentialID: credA, Version: 1}

func newKEK(t *testing.T) KEK {
	t.Helper()
	text, err := GenerateKEK()
	if err != nil {
		t.Fatal(err)
	}
	kek, err := ParseKEK(text)
	if err != nil {
		t.Fatal(err)
	}
	return kek
}

func newRing(t *testing.T) *Keyring {
	t.Helper()
	k, _, err := Create(newKEK(t))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func values(pairs ...string) map[string]belay.Secret {
	m := map[string]belay.Secret{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = belay.SecretString(pairs[i+1])
	}
	return m
}

func sameValues(a, b map[string]belay.Secret) bool {
	if len(a) != len(b) {
		return false
	}
	for name := range a {
		if other, ok := b[name]; !ok || !a[name].Equal(other) {
			return false
		}
	}
	return true
}

func mustSeal(t *testing.T, k *Keyring, v map[string]belay.Secret, b Binding) []byte {
	t.Helper()
	sealed, err := k.Seal(v, b)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedValuesOpenUnchanged(t *testing.T) {
	k := newRing(t)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, v := range map[string]map[string]belay.Secret{
		"one":          values("token", "canary-7141"),
		"several":      values("username", "u", "password", "p\n\"\\<&>"),
		"none":         {},
		"empty value":  values("token", ""),
		"any bytes":    {"blob": belay.NewSecret(every)},
		"odd names":    values("", "a", `quo"te\`, "b", "<&>", "c", "\u2028", "d", "ä", "e"),
		"a long value": values("key", strings.Repeat("x", 1<<20)),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := k.Open(mustSeal(t, k, v, place), place)
			if err != nil {
				t.Fatal(err)
			}
			if !sameValues(v, got) {
				t.Error("the opened values differ from those that were sealed")
			}
		})
	}
}

func TestSealingTwiceGivesDifferentCiphertext(t *testing.T) {
	k := newRing(t)
	v := values("token", "canary-7141")
	if bytes.Equal(mustSeal(t, k, v, place), mustSeal(t, k, v, place)) {
		t.Error("equal values have equal ciphertexts")
	}
}

func TestCiphertextDoesNotShowTheSecret(t *testing.T) {
	sealed := mustSeal(t, newRing(t), values("token", "canary-7141"), place)
	for _, s := range []string{"canary-7141", "token", "Y2FuYXJ5LTcxNDE"} {
		if bytes.Contains(sealed, []byte(s)) {
			t.Errorf("ciphertext contains %q", s)
		}
	}
}

func TestEveryFlippedByteIsDetected(t *testing.T) {
	k := newRing(t)
	sealed := mustSeal(t, k, values("token", "canary-7141", "username", "u"), place)
	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			if _, err := k.Open(changed, place); !errors.Is(err, ErrNotOpened) {
				t.Fatalf("byte %d, bit %d flipped: error %v, want ErrNotOpened", i, bit, err)
			}
		}
	}
}

func TestEveryTruncationIsDetected(t *testing.T) {
	k := newRing(t)
	sealed := mustSeal(t, k, values("token", "canary-7141"), place)
	for i := range sealed {
		if _, err := k.Open(sealed[:i], place); !errors.Is(err, ErrNotOpened) {
			t.Fatalf("cut to %d bytes: error %v, want ErrNotOpened", i, err)
		}
	}
	if _, err := k.Open(append(sealed, 0), place); !errors.Is(err, ErrNotOpened) {
		t.Errorf("a byte appended: error %v, want ErrNotOpened", err)
	}
}

func TestSwappedRowsAreDetected(t *testing.T) {
	k := newRing(t)
	var bindings []Binding
	for _, org := range []belay.ID{orgA, orgB, "a", "ab", "abc"} {
		for _, cred := range []belay.ID{credA, credB, "bc", "c", "1"} {
			for _, n := range []int{1, 2, 11, 256} {
				bindings = append(bindings, Binding{org, cred, n})
			}
		}
	}
	for _, from := range bindings {
		sealed := mustSeal(t, k, values("token", "canary-7141"), from)
		for _, to := range bindings {
			_, err := k.Open(sealed, to)
			if from == to && err != nil {
				t.Fatalf("sealed and opened at %v: %v", from, err)
			}
			if from != to && !errors.Is(err, ErrNotOpened) {
				t.Fatalf("sealed at %v, opened at %v: error %v, want ErrNotOpened", from, to, err)
			}
		}
	}
}

func TestAnIncompleteBindingIsRefused(t *testing.T) {
	k := newRing(t)
	for _, b := range []Binding{{}, {"", credA, 1}, {orgA, "", 1}, {orgA, credA, 0}, {orgA, credA, -1}} {
		if _, err := k.Seal(values("token", "x"), b); err == nil {
			t.Errorf("sealed with binding %+v", b)
		}
		if _, err := k.Open([]byte("x"), b); err == nil || errors.Is(err, ErrNotOpened) {
			t.Errorf("open with binding %+v: error %v", b, err)
		}
	}
}

func TestANameThatIsNotTextIsRefused(t *testing.T) {
	if _, err := newRing(t).Seal(values("\xff", "x"), place); err == nil {
		t.Error("sealed a name that JSON cannot hold")
	}
}

func TestSealingLeavesTheCallersValues(t *testing.T) {
	v := values("token", "canary-7141")
	mustSeal(t, newRing(t), v, place)
	if !v["token"].Equal(belay.SecretString("canary-7141")) {
		t.Error("the value was wiped")
	}
}

func TestTheEncodedValuesNeverMove(t *testing.T) {
	for _, v := range []map[string]belay.Secret{{}, values("a", ""), values("a\"", "1", "b", "22", "c", "333")} {
		b, err := encodeValues(v)
		if err != nil {
			t.Fatal(err)
		}
		if want := cap(b); len(b) > want || want-len(b) > len(v)+1 {
			t.Errorf("%d bytes in a buffer of %d: its size was not foreseen", len(b), cap(b))
		}
	}
}

func TestBytesOpenOnlyWithTheirPurpose(t *testing.T) {
	k := newRing(t)
	sealed, err := k.SealBytes(belay.SecretString("canary-7141"), "session", "a", "b")
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.OpenBytes(sealed, "session", "a", "b")
	if err != nil || !got.Equal(belay.SecretString("canary-7141")) {
		t.Fatalf("open: %v", err)
	}
	for _, other := range [][]string{{"session"}, {"session", "a"}, {"session", "ab"}, {"session", "a", "b", ""}, {"session", "b", "a"}, {"sessiona", "b"}, {"credential", "a", "b"}} {
		if _, err := k.OpenBytes(sealed, other[0], other[1:]...); !errors.Is(err, ErrNotOpened) {
			t.Errorf("opened as %q: error %v", other, err)
		}
	}
	asBytes := mustSeal(t, k, values("token", "x"), place)
	if _, err := k.OpenBytes(asBytes, "credential", string(orgA), string(credA), "1"); !errors.Is(err, ErrNotOpened) {
		t.Errorf("a credential opened as other material: error %v", err)
	}
}

func TestNothingPrintsAKeyOrASecret(t *testing.T) {
	text, err := GenerateKEK()
	if err != nil {
		t.Fatal(err)
	}
	kek, err := ParseKEK(text)
	if err != nil {
		t.Fatal(err)
	}
	k, w, err := Create(kek)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("m", "kek", kek, "ring", k, "source", Source{Value: belay.NewSecret(text)})
	}
	out := log.String()
	for _, v := range []any{kek, &kek, k, *k, Source{Value: belay.SecretString(string(text))}} {
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out += fmt.Sprintf("%s %v %+v %#v %x %q %d", j, v, v, v, v, v, v)
	}
	var set struct {
		Key []struct{ KeyData struct{ Value string } }
	}
	if err := json.Unmarshal(text, &set); err != nil || len(set.Key) != 1 {
		t.Fatalf("the key's text is not as expected: %v", err)
	}
	for _, canary := range []string{set.Key[0].KeyData.Value, string(text), fmt.Sprintf("%x", text), string(k.printKey.Reveal()), fmt.Sprintf("%x", k.printKey.Reveal())} {
		if strings.Contains(out, canary) {
			t.Error("a key was printed")
		}
	}
	if !strings.Contains(out, kek.ID()) {
		t.Error("the key's id was not printed")
	}
	if bytes.Contains(w, []byte(set.Key[0].KeyData.Value)) {
		t.Error("the wrapped keyring holds the key that wraps it")
	}
}

func TestAKeyringServesManyAtOnce(t *testing.T) {
	k := newRing(t)
	v := values("token", "canary-7141")
	done := make(chan error)
	for i := range 8 {
		go func() {
			b := Binding{orgA, credA, i + 1}
			sealed, err := k.Seal(v, b)
			if err == nil {
				_, err = k.Open(sealed, b)
			}
			k.Fingerprint("bearer", v)
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	text, err := GenerateKEK()
	if err != nil {
		f.Fatal(err)
	}
	kek, err := ParseKEK(text)
	if err != nil {
		f.Fatal(err)
	}
	k, w, err := Create(kek)
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := k.Seal(values("token", "canary-7141"), place)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte(w))
	f.Add(text)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := k.Open(b, place); err == nil && !bytes.Equal(b, sealed) {
			t.Errorf("garbage opened to %d values", len(v))
		}
		if _, err := Open(kek, b); err == nil && !json.Valid(b) {
			t.Error("garbage opened as a keyring")
		}
		if kek, err := ParseKEK(b); err == nil && len(kek.ID()) != 16 {
			t.Errorf("a key with id %q", kek.ID())
		}
	})
}
